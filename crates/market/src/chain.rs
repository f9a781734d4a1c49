//! The contracts of a future, by the exchange's rule.
//!
//! In: a rule, a calendar, a span of dates. Out: contracts with their last trading day. Invariant:
//! the chain is a pure function of its inputs; the broker's contract details must agree with it.

use crate::calendar::{Calendar, OutsideCoverage};
use domain::FutureRule;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Last trading days between two dates (inclusive), earliest first.
///
/// # Errors
/// [`OutsideCoverage`] when the calendar does not reach.
pub fn last_trading_days(
    rule: FutureRule,
    calendar: &Calendar,
    from: Date,
    to: Date,
) -> Result<Vec<Date>, OutsideCoverage> {
    let mut days = Vec::new();
    let mut month = from.first_of_month();
    while month <= to {
        if matches!(month.month(), 3 | 6 | 9 | 12) {
            let day = match rule {
                FutureRule::CmeFxQuarterly => calendar.add_sessions(nth_weekday(month, 3, Weekday::Wednesday), -2)?,
                FutureRule::IndexQuarterly => at_or_before(calendar, nth_weekday(month, 3, Weekday::Friday))?,
            };
            if (from..=to).contains(&day) {
                days.push(day);
            }
        }
        month = month.saturating_add(1.month());
    }
    Ok(days)
}

fn nth_weekday(month: Date, nth: i8, weekday: Weekday) -> Date {
    month.nth_weekday_of_month(nth, weekday).expect("every month has a third one of each weekday")
}

fn at_or_before(calendar: &Calendar, date: Date) -> Result<Date, OutsideCoverage> {
    match calendar.session(date)? {
        Some(session) => Ok(session.date),
        None => calendar.add_sessions(date, -1),
    }
}
