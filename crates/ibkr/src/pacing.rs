//! The gateway's message limit, kept on our side.
//!
//! In: one call per message to be written. Out: a wait when the budget is spent. Invariant: at most 45
//! messages leave in any second; a gateway in virtual time has no such limit and is never waited for.

use tokio::time::{Duration, Instant, sleep};

/// The gateway disconnects a client above 50 messages a second.
const PER_SECOND: u32 = 40;
/// Messages that may leave at once.
const BURST: u32 = 5;

/// A token bucket in front of every write.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// When the bucket will be full again; `None` in virtual time.
    full_at: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(virtual_time: bool) -> Pacer {
        Pacer { full_at: (!virtual_time).then(Instant::now) }
    }

    /// Returns when one more message may leave.
    pub(crate) async fn pass(&mut self) {
        let Some(full_at) = self.full_at else { return };
        let wait = self.reserve(full_at, Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    /// Counts a message that leaves at once whatever has left before: a cancel.
    pub(crate) fn pass_first(&mut self) {
        if let Some(full_at) = self.full_at {
            self.reserve(full_at, Instant::now());
        }
    }

    fn reserve(&mut self, full_at: Instant, now: Instant) -> Duration {
        let interval = Duration::from_secs(1) / PER_SECOND;
        let used = full_at.saturating_duration_since(now);
        self.full_at = Some(now + used + interval);
        (used + interval).saturating_sub(interval * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_forty_five_messages() {
        let start = Instant::now();
        let mut pacer = Pacer { full_at: Some(start) };
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..200 {
            let full_at = pacer.full_at.expect("wall time");
            now += pacer.reserve(full_at, now);
            sent.push(now);
        }
        assert_eq!(sent[BURST as usize - 1], start, "a burst leaves at once");
        let busiest =
            sent.iter().map(|&from| sent.iter().filter(|&&t| t >= from && t < from + Duration::from_secs(1)).count());
        assert!(busiest.max().expect("messages were sent") <= 45);
    }

    #[tokio::test]
    async fn a_cancel_waits_for_nothing_and_what_follows_waits_for_it() {
        let mut pacer = Pacer::new(false);
        for _ in 0..BURST {
            pacer.pass().await;
        }
        let before = pacer.full_at;
        pacer.pass_first();
        assert!(pacer.full_at > before, "it is counted");
        let start = Instant::now();
        pacer.pass().await;
        assert!(start.elapsed() >= Duration::from_millis(20), "the next message pays for it");
    }
}
