//! Time that runs by itself, for clients that know nothing of a control.
//!
//! In: a speed, the clock on the wall. Out: virtual time moved ahead in small steps. Invariant: between two steps
//! virtual time moves by the elapsed time on the wall, times the speed, and never back; how often that happens is not
//! visible in prices, which depend on time alone.

use crate::desk::Desk;
use crate::session::lock;
use jiff::SignedDuration;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::error;

/// Time on the wall between two steps.
const STEP: Duration = Duration::from_millis(100);
/// More would leave clients no time to answer within a session.
const SPEED_MAX: f64 = 100_000.0;

/// Seconds of virtual time for one on the wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

/// A number that is no speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no speed of time; 1 is real time, 60 a minute in a second, and at most {SPEED_MAX} are served")]
pub struct BadSpeed(String);

impl FromStr for Speed {
    type Err = BadSpeed;

    fn from_str(text: &str) -> Result<Speed, BadSpeed> {
        let speed = text.parse().ok().filter(|speed| (f64::MIN_POSITIVE..=SPEED_MAX).contains(speed));
        speed.map(Speed).ok_or_else(|| BadSpeed(text.to_owned()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Moves time until the gateway closes or cannot write its record.
pub(crate) async fn run(desk: Arc<Mutex<Desk>>, speed: Speed, mut until: watch::Receiver<()>) {
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = steps.tick() => {}
            _ = until.changed() => return,
        }
        let elapsed = last.elapsed();
        last += elapsed;
        let step = SignedDuration::from_secs_f64(elapsed.as_secs_f64() * speed.0);
        let mut desk = lock(&desk);
        let to = desk.now().saturating_add(step).expect("a duration of seconds has no calendar");
        if let Err(failure) = desk.advance_to(to) {
            error!(%failure, "time stands still: it cannot be recorded");
            return;
        }
    }
}
