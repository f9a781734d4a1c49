//! Hours in which the broker or its gateway is away.
//!
//! In: rows of settings, local to a zone, and dates. Out: spans in UTC in which no order is sent. Invariant: a row is a
//! local hour and follows its zone's clocks through both seasons; spans are in order and do not overlap.

use super::Window;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// One row: from an hour to another, beginning on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceRule {
    /// Local days on which it begins.
    pub days: Vec<Weekday>,
    /// Local time at which it begins.
    pub from: Time,
    /// Local time at which it ends; at or before `from`, on the next day.
    pub to: Time,
    /// The zone of both times.
    pub zone: TimeZone,
}

impl MaintenanceRule {
    /// When the row that begins on a local day keeps the broker away; `None` on other days, and where the zone cannot
    /// place it in time.
    pub fn on(&self, day: Date) -> Option<Window> {
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let ends = if self.to > self.from { day } else { day.tomorrow().ok()? };
        let instant = |day: Date, time: Time| self.zone.to_timestamp(day.to_datetime(time)).ok();
        Some(Window { opens: instant(day, self.from)?, closes: instant(ends, self.to)? })
    }
}

/// The spans around some trade dates in which nothing is sent: every row that begins from the day before `first` to the
/// day after `last`, widened by `margin` on both sides, joined where they touch.
pub fn guards(rules: &[MaintenanceRule], first: Date, last: Date, margin: SignedDuration) -> Vec<Window> {
    let (first, last) = (first.saturating_sub(2.days()), last.saturating_add(2.days()));
    let days = || first.series(1.day()).take_while(|day| *day <= last);
    let away = rules.iter().flat_map(|rule| days().filter_map(|day| rule.on(day)));
    let mut spans: Vec<Window> =
        away.map(|window| Window { opens: window.opens - margin, closes: window.closes + margin }).collect();
    spans.sort_by_key(|span| span.opens);
    spans.into_iter().fold(Vec::new(), |mut joined: Vec<Window>, span| {
        match joined.last_mut().filter(|last| span.opens <= last.closes) {
            Some(last) => last.closes = last.closes.max(span.closes),
            None => joined.push(span),
        }
        joined
    })
}

/// The guard an instant lies in, or the next one after it.
#[inline]
pub fn next_guard(guards: &[Window], at: Timestamp) -> Option<Window> {
    guards.iter().copied().find(|guard| at < guard.closes)
}
