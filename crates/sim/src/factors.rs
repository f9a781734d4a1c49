//! The factor model at an instant.
//!
//! In: days of the factors, as they are made. Out: factor levels at any instant since the history began. Invariant: the
//! levels of an instant depend on scenario, seed and first day alone; each day is made once, from the end of the day
//! before.

use crate::factor_days::{FactorDay, FactorDays, HISTORY_WEEKDAYS};
use crate::levels::{Factor, PerFactor};
use crate::random::Stream;
use crate::scenario::Scenario;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

impl FactorDay {
    /// Seconds into the day, at most its length: over a weekend the levels rest.
    fn seconds(&self, at: Timestamp) -> f64 {
        at.duration_since(self.begins).as_secs_f64().clamp(0.0, SECONDS_PER_DAY as f64)
    }

    fn levels(&self, at: Timestamp) -> PerFactor {
        let slots = self.knots.len() - 1;
        let position = self.seconds(at) * slots as f64 / SECONDS_PER_DAY as f64;
        let slot = (position as usize).min(slots - 1);
        self.knots[slot].between(&self.knots[slot + 1], position - slot as f64)
    }
}

/// The part of a weekday at whose instants levels change direction.
#[derive(Clone, Debug)]
pub(crate) struct Stretch<'a> {
    pub(crate) date: Date,
    day: &'a FactorDay,
    /// Seconds between its knots, and which of them.
    slot: i64,
    slots: Range<i64>,
}

impl Stretch<'_> {
    /// Instants, levels, and the share of the day that has passed.
    pub(crate) fn knots(&self) -> impl Iterator<Item = (Timestamp, PerFactor, f64)> + '_ {
        self.slots.clone().map(|n| {
            let seconds = n * self.slot;
            let at = self.day.begins + SignedDuration::from_secs(seconds);
            (at, self.day.knots[n as usize], seconds as f64 / SECONDS_PER_DAY as f64)
        })
    }
}

/// The factors from the beginning of history to the last day made.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    /// When the first day of the scenario begins.
    origin: Timestamp,
    days: VecDeque<FactorDay>,
    next: FactorDays,
    ahead: Ahead,
}

/// Days that somebody makes ahead of time. A copy of a world makes its own.
#[derive(Default)]
struct Ahead(Option<Box<dyn Iterator<Item = FactorDay> + Send>>);

impl Clone for Ahead {
    fn clone(&self) -> Ahead {
        Ahead(None)
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ahead").field(&self.0.is_some()).finish()
    }
}

impl Factors {
    /// History up to and including the first day, with what moves beside the factors.
    pub(crate) fn new(scenario: Scenario, seed: u64, first_day: Date, beside: Vec<Stream>) -> Factors {
        let mut next = FactorDays::new(scenario, seed, first_day, beside);
        let mut days: VecDeque<FactorDay> = next.by_ref().take(HISTORY_WEEKDAYS).collect();
        // The first day begins at zero, so that start prices are what the instruments' table says.
        let before = days.back().expect("history was made").end();
        for knot in days.iter_mut().flat_map(|day| &mut day.knots) {
            for factor in Factor::ALL.into_iter().filter(|&factor| factor != Factor::Volatility) {
                *knot.get_mut(factor) -= before.get(factor);
            }
        }
        next.begin_with(days.back().expect("history was made").end());
        let mut factors = Factors { origin: next.begins(), days, next, ahead: Ahead::default() };
        factors.make_day();
        factors
    }

    /// When the first day begins.
    pub(crate) fn origin(&self) -> Timestamp {
        self.origin
    }

    /// The days that are not made yet.
    pub(crate) fn days_to_come(&self) -> FactorDays {
        self.next.clone()
    }

    /// Takes the days to come from somebody who makes them ahead of time.
    pub(crate) fn take_days(&mut self, ahead: Box<dyn Iterator<Item = FactorDay> + Send>) {
        self.ahead = Ahead(Some(ahead));
    }

    /// Makes every day that has begun by an instant, and says which are new.
    pub(crate) fn extend_to(&mut self, at: Timestamp) -> impl ExactSizeIterator<Item = &FactorDay> {
        let known = self.days.len();
        while self.next.begins() <= at {
            self.make_day();
        }
        self.days.range(known..)
    }

    /// Every day made and kept.
    pub(crate) fn days(&self) -> impl Iterator<Item = &FactorDay> {
        self.days.iter()
    }

    fn make_day(&mut self) {
        let day = match self.ahead.0.as_mut().and_then(Iterator::next) {
            Some(day) => {
                self.next.go_on_after(&day);
                Some(day)
            }
            None => self.next.next(),
        };
        self.days.extend(day);
    }

    /// Forgets days that ended long before an instant, so that years cost no more memory than days.
    pub(crate) fn forget_before(&mut self, at: Timestamp) {
        let kept_from = at - SignedDuration::from_hours(7 * 24);
        while self.days.len() > 1 && self.days[0].begins < kept_from {
            self.days.pop_front();
        }
    }

    /// Whether an instant lies within the days kept.
    pub(crate) fn remember(&self, at: Timestamp) -> bool {
        self.days.front().is_some_and(|day| day.begins <= at)
    }

    /// Levels at an instant that lies within the days built and kept.
    pub(crate) fn levels(&self, at: Timestamp) -> PerFactor {
        self.day_of(at).levels(at)
    }

    /// The parts of weekdays inside a span.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Stretch<'_>> {
        let begun = self.days.partition_point(|day| day.begins <= from).saturating_sub(1);
        self.days.range(begun..).take_while(move |day| day.begins < to).map(move |day| {
            let slot = SECONDS_PER_DAY / (day.knots.len() - 1) as i64;
            let first = day.seconds(from) as i64 / slot + 1;
            let last = day.seconds(to) as i64 / slot;
            Stretch { date: day.date, day, slot, slots: first..last + 1 }
        })
    }

    /// The weekday an instant belongs to, and the share of it that has passed.
    pub(crate) fn day_and_share(&self, at: Timestamp) -> (Date, f64) {
        let day = self.day_of(at);
        (day.date, day.seconds(at) / SECONDS_PER_DAY as f64)
    }

    fn day_of(&self, at: Timestamp) -> &FactorDay {
        let begun = self.days.partition_point(|day| day.begins <= at);
        &self.days[begun.saturating_sub(1)]
    }
}
