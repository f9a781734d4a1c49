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

/// Orders whose first end of a rest is kept beside their own.
const BLOCK: usize = 32;

/// Until when each order of the day rests, by place: nanoseconds since 1970, because many of them are compared at every event.
#[derive(Debug, Default)]
pub(super) struct Rests {
    until: Vec<i64>,
    /// No end of each block is before this; it is the first of them, but for orders that were laid down a moment ago.
    first: Vec<i64>,
}

impl Rests {
    /// So many orders, all awake.
    pub(super) fn begin(&mut self, orders: usize) {
        self.until.clear();
        self.first.clear();
        self.until.resize(orders, AWAKE);
        self.first.resize(orders.div_ceil(BLOCK), AWAKE);
    }

    /// One more order, awake.
    pub(super) fn enter(&mut self) {
        self.until.push(AWAKE);
        self.first.resize(self.until.len().div_ceil(BLOCK), AWAKE);
        self.wake(self.until.len() - 1);
    }

    pub(super) fn wake(&mut self, place: usize) {
        self.until[place] = AWAKE;
        self.first[place / BLOCK] = AWAKE;
    }

    pub(super) fn wake_all(&mut self) {
        self.until.fill(AWAKE);
        self.first.fill(AWAKE);
    }

    /// Nothing more can happen to this one.
    pub(super) fn lay_down_for_good(&mut self, place: usize) {
        self.lay_down(place, FOR_GOOD);
    }

    fn lay_down(&mut self, place: usize, until: i64) {
        self.until[place] = until;
        self.first[place / BLOCK] = self.first[place / BLOCK].min(until);
    }

    /// Finds the first end of each block in which orders were awake.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let now = nanoseconds(now);
        for (first, ends) in self.first.iter_mut().zip(self.until.chunks(BLOCK)).filter(|(first, _)| **first <= now) {
            *first = ends.iter().fold(FOR_GOOD, |first, &end| first.min(end));
        }
    }

    /// The first place from this one on whose order is awake.
    pub(super) fn next_awake(&self, from: usize, now: Timestamp) -> Option<usize> {
        let now = nanoseconds(now);
        self.next(from, |until| until <= now)
    }

    /// Places of the orders that are awake.
    pub(super) fn awake(&self, now: Timestamp) -> impl Iterator<Item = usize> {
        let next = move |from: usize| self.next_awake(from, now);
        std::iter::successors(next(0), move |&last| next(last + 1))
    }

    /// Places of the orders to which something may still happen.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = usize> {
        let next = |from: usize| self.next(from, |until| until != FOR_GOOD);
        std::iter::successors(next(0), move |&last| next(last + 1))
    }

    /// The first place from this one on whose end is `early`; what is early for one end is so for every earlier one.
    fn next(&self, mut from: usize, early: impl Fn(i64) -> bool) -> Option<usize> {
        while from < self.until.len() {
            let end = self.until.len().min((from / BLOCK + 1) * BLOCK);
            if early(self.first[from / BLOCK])
                && let Some(ahead) = self.until[from..end].iter().position(|&until| early(until))
            {
                return Some(from + ahead);
            }
            from = end;
        }
        None
    }

    /// The first end of a rest to come.
    pub(super) fn first_end(&self, now: Timestamp) -> Option<Timestamp> {
        let now = nanoseconds(now);
        let first = self.until.iter().copied().filter(|&until| until > now).min().filter(|&until| until != FOR_GOOD)?;
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
        let until = match () {
            () if slot.parent.is_finished() => FOR_GOOD,
            () if !slot.stands_alone || slot.is_on_the_move(now) => AWAKE,
            () => self.first_deadline(place, now).map_or(AWAKE, nanoseconds),
        };
        self.rests.lay_down(place, until);
    }

    /// When time alone first gives an order something to do.
    pub(super) fn first_deadline(&self, place: usize, now: Timestamp) -> Option<Timestamp> {
        let slot = &self.slots[place];
        let mut first = slot.parent.next_deadline(&self.setup.policy.execution);
        let mut by = |at: Timestamp| first = Some(first.map_or(at, |first| first.min(at)));
        if !slot.parent.is_over() {
            slot.hours.next_edge(now).into_iter().for_each(&mut by);
        }
        if slot.ask_again > now && slot.parent.wants_permit() {
            by(slot.ask_again);
        }
        first
    }
}

impl Slot {
    /// It may send at the next quote, or ask at the next look.
    fn is_on_the_move(&self, now: Timestamp) -> bool {
        !self.parent.has_live_child() && (!self.parent.wants_permit() || self.is_due(now))
    }
}
