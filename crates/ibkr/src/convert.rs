//! Where the broker's numbers, texts and times become ours, and back.
//!
//! In: doubles, decimal texts, zoned wire times, values of the `time` crate. Out: domain numbers and
//! `jiff` times. Invariant: no unit, zone or missing value is guessed, and `time` is named nowhere else.

use domain::{BadNumber, Price, QuoteUnit};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// Digits after the point a double of the wire is meant to have.
const DOUBLE_DIGITS: u32 = 8;

/// A quoted price in the major unit, rounded to the digits a [`Price`] keeps.
pub(crate) fn price(quoted: f64, unit: QuoteUnit) -> Result<Price, BadNumber> {
    Price::from_f64(quoted / per_major(unit))
}

/// The double a venue of this unit expects for a price.
pub(crate) fn quoted(price: Price, unit: QuoteUnit) -> f64 {
    price.to_quote(unit).to_f64().expect("a 96-bit decimal always has a nearest double")
}

fn per_major(unit: QuoteUnit) -> f64 {
    unit.per_major().to_f64().expect("1 and 100 are doubles")
}

/// The decimal a double of the wire stands for; `None` for NaN, infinities and the "unset" sentinel.
pub(crate) fn decimal(value: f64) -> Option<Decimal> {
    Decimal::from_f64(value).map(|exact| exact.round_dp(DOUBLE_DIGITS).normalize())
}

/// A decimal text of the wire, plain or scientific.
pub(crate) fn decimal_text(text: &str) -> Option<Decimal> {
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// A point in time of the client library.
pub(crate) fn timestamp(time: time::OffsetDateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.unix_timestamp_nanos()).ok()
}

/// A calendar day of the client library.
pub(crate) fn date(day: time::Date) -> Option<Date> {
    let (year, month, day) = day.to_calendar_date();
    Date::new(i16::try_from(year).ok()?, u8::from(month) as i8, day as i8).ok()
}

/// Midnight UTC at the start of a day, in the client library's type.
pub(crate) fn utc_midnight(day: Date) -> time::OffsetDateTime {
    let midnight = day.to_zoned(TimeZone::UTC).expect("a day of the calendar range has a midnight in UTC");
    time::OffsetDateTime::from_unix_timestamp(midnight.timestamp().as_second())
        .expect("the calendar range of jiff lies inside that of time")
}

/// The first eight digits of a wire date such as `20251215` or `20251215 08:30 CST`.
pub(crate) fn wire_date(text: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", text.get(..8)?).ok()
}

/// An execution time: `yyyymmdd-hh:mm:ss` is UTC, `yyyymmdd hh:mm:ss Zone/Name` names its zone.
///
/// Without a zone the time is refused: a gateway can be set to send either form, and the login's zone
/// is not known here.
pub(crate) fn wire_time(text: &str) -> Option<Timestamp> {
    if let Ok(utc) = DateTime::strptime("%Y%m%d-%H:%M:%S", text) {
        return utc.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    let mut parts = text.split_ascii_whitespace();
    let (day, clock, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let local = DateTime::strptime("%Y%m%d %H:%M:%S", format!("{day} {clock}")).ok()?;
    local.to_zoned(TimeZone::get(zone).ok()?).ok().map(|zoned| zoned.timestamp())
}

/// A timestamp moved by a duration of the standard library; stays put at the end of the calendar.
pub(crate) fn later(time: Timestamp, by: std::time::Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pence_become_pounds_and_go_back_without_a_tail() {
        let price = price(1_234.35, QuoteUnit::Hundredth).expect("a price");
        assert_eq!(price.to_string(), "12.3435");
        assert_eq!(quoted(price, QuoteUnit::Hundredth), 1_234.35);
        assert!(super::price(-1.0, QuoteUnit::Major).is_err(), "-1 means no quote");
        assert!(super::price(f64::MAX, QuoteUnit::Major).is_err(), "the unset sentinel is no price");
    }

    #[test]
    fn wire_numbers_keep_the_decimal_they_stand_for() {
        assert_eq!(decimal(0.1 + 0.2).map(|d| d.to_string()), Some("0.3".to_owned()));
        assert_eq!(decimal_text("10000000.00").map(|d| d.to_string()), Some("10000000.00".to_owned()));
        assert_eq!(decimal_text("1.0E7"), Some(Decimal::from(10_000_000)));
        assert_eq!(decimal_text("1.7976931348623157E308"), None);
        assert_eq!(decimal(f64::MAX), None);
    }

    #[test]
    fn execution_times_are_read_in_their_own_zone_or_refused() {
        let utc = wire_time("20250707-13:45:10").expect("UTC form");
        assert_eq!(utc.to_string(), "2025-07-07T13:45:10Z");
        assert_eq!(wire_time("20250707 09:45:10 US/Eastern"), Some(utc));
        assert_eq!(wire_time("20250707  14:45:10 Europe/London"), Some(utc));
        assert_eq!(wire_time("20250707 13:45:10"), None, "no zone");
        assert_eq!(wire_time("20250707 13:45:10 Middle/Earth"), None, "no such zone");
    }

    #[test]
    fn days_cross_to_the_client_library_and_back() {
        let day = jiff::civil::date(2015, 8, 24);
        let midnight = utc_midnight(day);
        assert_eq!(date(midnight.date()), Some(day));
        assert_eq!(timestamp(midnight).map(|t| t.to_string()), Some("2015-08-24T00:00:00Z".to_owned()));
        assert_eq!(wire_date("20251215 08:30 CST"), Some(jiff::civil::date(2025, 12, 15)));
        assert_eq!(wire_date("202512"), None, "a contract month is not a day");
    }
}
