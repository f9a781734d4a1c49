//! Time as the engine is told it.
//!
//! In: the wall, a scaled gateway, or lockstep with the simulated gateway. Out: now, and waiting.
//! Invariant: nothing in the trading path reads another clock.

use crate::BrokerError;
use jiff::Timestamp;

/// The one source of time of a run.
#[expect(async_fn_in_trait, reason = "one generic engine drives it; no dyn, no Send bound")]
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns when `deadline` is reached or when the world may have something new, whichever is
    /// first; the caller drains the broker and asks again.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] when the carrier of time (a simulated gateway) is gone.
    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError>;
}
