//! The contracts of a future, by the exchange's rule.
//!
//! In: a rule, calendars, a span of dates. Out: last trading days, and the first day on which delivery can be noticed.
//! Invariant: the chain is a pure function of its inputs; the broker's contract details must agree with it.

use crate::calendar::{Calendar, Calendars, NoCalendar, OutsideCoverage};
use domain::{FutureRule, Mic};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Days between the settlement of a volatility future and the expiry of the options it settles to.
const OPTION_DAYS: i64 = 30;
/// Day of the month on which Eurex bond futures are delivered, when the exchange is open.
const DELIVERY_DAY: i8 = 10;

/// Why the contracts of a future are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The calendar the rule counts by is missing.
    #[error(transparent)]
    NoCalendar(#[from] NoCalendar),
    /// It does not reach.
    #[error(transparent)]
    OutsideCoverage(#[from] OutsideCoverage),
}

/// Last trading days between two dates (inclusive) of a future that trades on a venue, earliest first.
///
/// # Errors
/// [`ChainError`] when the rule's calendar is missing or does not reach.
pub fn last_trading_days(
    rule: FutureRule,
    venue: Mic,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Vec<Date>, ChainError> {
    let calendar = calendars.get(rule.calendar(venue))?;
    let mut days = Vec::new();
    let mut month = from.first_of_month();
    while month <= to {
        if is_listed(rule, month) {
            let day = last_trading_day(rule, calendar, month)?;
            if (from..=to).contains(&day) {
                days.push(day);
            }
        }
        month = month.saturating_add(1.month());
    }
    Ok(days)
}

/// The last day up to which the rule's calendar says which contracts there are: volatility futures need to know when
/// options of the month after expire.
pub fn reach(rule: FutureRule, calendar: &Calendar) -> Date {
    let (_, last) = calendar.coverage();
    match rule {
        FutureRule::VolatilityMonthly => last.first_of_month().saturating_sub(1.day()),
        _ => last,
    }
}

/// The first day on which the holder of a long contract can be told to take delivery; `None` for a contract that ends in
/// cash. In currency and Eurex bond futures notices are given on the last trading day, after trading.
pub fn first_notice_day(rule: FutureRule, last_trading_day: Date) -> Option<Date> {
    rule.delivers().then_some(last_trading_day)
}

fn is_listed(rule: FutureRule, month: Date) -> bool {
    match rule {
        FutureRule::IndexMonthly | FutureRule::VolatilityMonthly => true,
        FutureRule::CmeFxQuarterly
        | FutureRule::CmeIndexQuarterly
        | FutureRule::IndexQuarterly
        | FutureRule::EurexBondQuarterly => matches!(month.month(), 3 | 6 | 9 | 12),
    }
}

fn last_trading_day(rule: FutureRule, calendar: &Calendar, month: Date) -> Result<Date, OutsideCoverage> {
    match rule {
        FutureRule::CmeFxQuarterly => calendar.add_sessions(third(Weekday::Wednesday, month), -2),
        FutureRule::CmeIndexQuarterly | FutureRule::IndexQuarterly | FutureRule::IndexMonthly => {
            at_or_before(calendar, third(Weekday::Friday, month))
        }
        FutureRule::EurexBondQuarterly => {
            let delivery = at_or_after(calendar, month.saturating_add((DELIVERY_DAY - 1).days()))?;
            calendar.add_sessions(delivery, -2)
        }
        FutureRule::VolatilityMonthly => {
            let options = at_or_before(calendar, third(Weekday::Friday, month.saturating_add(1.month())))?;
            at_or_before(calendar, options.saturating_sub(OPTION_DAYS.days()))
        }
    }
}

fn third(weekday: Weekday, month: Date) -> Date {
    month.nth_weekday_of_month(3, weekday).expect("every month has a third one of each weekday")
}

fn at_or_before(calendar: &Calendar, date: Date) -> Result<Date, OutsideCoverage> {
    match calendar.session(date)? {
        Some(session) => Ok(session.date),
        None => calendar.add_sessions(date, -1),
    }
}

fn at_or_after(calendar: &Calendar, date: Date) -> Result<Date, OutsideCoverage> {
    match calendar.session(date)? {
        Some(session) => Ok(session.date),
        None => calendar.add_sessions(date, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn only_what_is_delivered_has_a_notice_day() {
        let day = date(2026, 3, 6);
        let noticed = FutureRule::ALL.into_iter().filter(|&rule| first_notice_day(rule, day) == Some(day));
        assert!(noticed.eq([FutureRule::CmeFxQuarterly, FutureRule::EurexBondQuarterly]));
    }
}
