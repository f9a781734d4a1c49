//! Time on the wall, for a gateway that is not simulated.
//!
//! In: the system's clock. Out: the engine's clock. Invariant: a wait ends within a second, so that the broker is asked for
//! its time (the heartbeat), its events are heard and the inbox is read once a second however far the deadline is.

use crate::lockstep::Lockstep;
use gateway::RemoteControl;
use jiff::Timestamp;
use ports::{BrokerError, Clock};
use std::time::Duration;

/// The longest wait.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        let left = deadline.duration_since(Timestamp::now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default().min(HEARTBEAT)).await;
        Ok(())
    }
}

/// The clock of a `run`.
#[derive(Debug)]
pub enum RunClock {
    /// The wall's.
    Wall(WallClock),
    /// A simulated gateway's.
    Simulated(Lockstep<RemoteControl>),
}

impl Clock for RunClock {
    fn now(&self) -> Timestamp {
        match self {
            RunClock::Wall(clock) => clock.now(),
            RunClock::Simulated(clock) => clock.now(),
        }
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        match self {
            RunClock::Wall(clock) => clock.wait(deadline).await,
            RunClock::Simulated(clock) => clock.wait(deadline).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_for_the_afternoon_comes_back_after_a_second() {
        let start = std::time::Instant::now();
        WallClock.wait(Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(start.elapsed() < HEARTBEAT, "a deadline that is over is not waited for");
        WallClock.wait(Timestamp::MAX).await.unwrap();
        assert!((HEARTBEAT..HEARTBEAT * 10).contains(&start.elapsed()), "{:?}", start.elapsed());
    }
}
