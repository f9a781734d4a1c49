//! How the wire writes instants.
//!
//! In: instants of the simulation. Out: text a client parses. Invariant: every rendering names UTC, so no
//! client has to guess a zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
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
