//! Orders at rest: they have nothing to do before a time, so an event costs what it touches and not what the day has.
//!
//! In: orders as they were just looked at, what was heard of them. Out: the places of those to be looked at. Invariant: an
//! order that a pair, a spread, a deadline or a happening hurries is never at rest, nor is one that could send at the next
//! quote, so quotes wake nobody; what changes the day for all orders wakes all.

use super::{Session, Slot};
use jiff::Timestamp;

/// Nothing can ever happen to it again.
const FOR_GOOD: i64 = i64::MAX;
const AWAKE: i64 = i64::MIN;

/// Until when each order of the day rests, by place: nanoseconds since 1970, because all of them are compared at every event.
#[derive(Debug, Default)]
pub(super) struct Rests(Vec<i64>);

impl Rests {
    /// So many orders, all awake.
    pub(super) fn new(orders: usize) -> Rests {
        Rests(vec![AWAKE; orders])
    }

    /// One more order, awake.
    pub(super) fn enter(&mut self) {
        self.0.push(AWAKE);
    }

    pub(super) fn wake(&mut self, place: usize) {
        self.0[place] = AWAKE;
    }

    pub(super) fn wake_all(&mut self) {
        self.0.fill(AWAKE);
    }

    /// The first place from this one on whose order is awake.
    pub(super) fn next_awake(&self, from: usize, now: Timestamp) -> Option<usize> {
        let now = nanoseconds(now);
        self.0[from..].iter().position(|&until| until <= now).map(|ahead| from + ahead)
    }

    /// Places of the orders that are awake.
    pub(super) fn awake(&self, now: Timestamp) -> impl Iterator<Item = usize> {
        let next = move |from: usize| self.next_awake(from, now);
        std::iter::successors(next(0), move |&last| next(last + 1))
    }

    /// Places of the orders to which something may still happen.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, until)| **until != FOR_GOOD).map(|(place, _)| place)
    }

    /// The first end of a rest to come.
    pub(super) fn first_end(&self, now: Timestamp) -> Option<Timestamp> {
        let now = nanoseconds(now);
        let first = self.0.iter().copied().filter(|&until| until > now).min().filter(|&until| until != FOR_GOOD)?;
        Timestamp::from_nanosecond(i128::from(first)).ok()
    }
}

/// A time that no `i64` holds is no time to rest until.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(AWAKE)
}

impl Session<'_> {
    /// Lets an order rest that was just looked at.
    pub(super) fn lay_down(&mut self, place: usize, now: Timestamp) {
        let slot = &self.slots[place];
        self.rests.0[place] = match () {
            () if slot.parent.is_finished() => FOR_GOOD,
            () if !slot.stands_alone || slot.is_on_the_move(now) => AWAKE,
            () => self.deadlines(place, now).min().map_or(AWAKE, nanoseconds),
        };
    }

    /// When time alone gives an order something to do.
    pub(super) fn deadlines(&self, place: usize, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let slot = &self.slots[place];
        let edges = slot.hours.edges(now).filter(|_| !slot.parent.is_over());
        let question = Some(slot.ask_again).filter(|&at| slot.parent.wants_permit() && at > now);
        let own = slot.parent.next_deadline(&self.setup.policy.execution);
        edges.chain(question).chain(own)
    }
}

impl Slot {
    /// It may send at the next quote, or ask at the next look.
    fn is_on_the_move(&self, now: Timestamp) -> bool {
        !self.parent.has_live_child() && (!self.parent.wants_permit() || self.is_due(now))
    }
}
