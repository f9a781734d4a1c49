//! How the wire writes instants.
//!
//! In: instants of the simulation. Out: text a client parses. Invariant: every rendering names UTC, so no
//! client has to guess a zone.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// `20250106 15:00:00 Etc/UTC`, IB's rendering with a zone every client resolves.
pub(crate) fn wire_time(at: Timestamp) -> String {
    at.strftime("%Y%m%d %H:%M:%S Etc/UTC").to_string()
}

/// Reads the instant a client gives as the end of bars: `20250106 15:00:00 Etc/UTC`, `20250106-15:00:00`
/// (UTC), or the first form without a zone, which is taken as UTC as well.
pub(crate) fn parse_wire_time(text: &str) -> Option<Timestamp> {
    let (clock, zone) = match text.trim().splitn(3, ' ').collect::<Vec<_>>()[..] {
        [date, time, zone] => (format!("{date}-{time}"), zone.trim()),
        [date, time] => (format!("{date}-{time}"), "UTC"),
        [dashed] => (dashed.to_owned(), "UTC"),
        _ => return None,
    };
    let clock = DateTime::strptime("%Y%m%d-%H:%M:%S", clock).ok()?;
    TimeZone::get(zone).ok()?.to_timestamp(clock).ok()
}

/// The first instant of a day in UTC.
pub(crate) fn midnight(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).expect("a day of virtual time lies inside the calendar")
}

/// The day of an instant in UTC as a number: 20250106.
pub(crate) fn compact_day(at: Timestamp) -> i32 {
    let date = TimeZone::UTC.to_datetime(at).date();
    i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
}
