//! Time in step with a simulated gateway.
//!
//! In: a gateway's control. Out: the engine's clock. Invariant: time moves only when the engine has
//! nothing left to do, and never past the next thing that can happen at the exchange.

use gateway::Control;
use jiff::Timestamp;
use ports::{BrokerError, Clock};
use std::time::Duration;

/// A clock that advances a simulated gateway.
#[derive(Debug)]
pub struct Lockstep<C> {
    control: C,
    now: Timestamp,
    pause: Duration,
}

impl<C: Control> Lockstep<C> {
    /// Reads where the gateway's time stands.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] when the control does not answer.
    pub async fn new(mut control: C) -> Result<Self, BrokerError> {
        let now = control.now().await.map_err(lost)?;
        Ok(Lockstep { control, now, pause: Duration::ZERO })
    }

    /// Lets so much real time pass with every step, for who watches.
    pub fn with_pause(self, pause: Duration) -> Self {
        Lockstep { pause, ..self }
    }
}

impl<C: Control> Clock for Lockstep<C> {
    fn now(&self) -> Timestamp {
        self.now
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let next = self.control.next_event().await.map_err(lost)?;
        let until = next.map_or(deadline, |next| next.min(deadline)).max(self.now);
        self.control.advance_to(until).await.map_err(lost)?;
        self.now = until;
        Ok(())
    }
}

fn lost(error: gateway::ControlError) -> BrokerError {
    BrokerError::Lost(error.to_string())
}
