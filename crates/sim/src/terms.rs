//! What the simulated broker tells of contracts and asks of an account, the same over TCP and in process.
//!
//! In: a calendar, an asset class. Out: trading hours as IB writes them, margin rates. Invariant: a fixed share of market value
//! per asset class, near what IB asks for liquid lines; good enough to show a cushion shrinking, no copy of any model.

use domain::AssetClass;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use market::calendar::Calendar;
use rust_decimal::{Decimal, dec};

/// How many days of trading hours are told.
const HOURS_DAYS: i32 = 7;

/// `20250102:0800-20250102:1630;20250103:CLOSED;…` in the venue's zone; days outside the calendar are closed.
pub fn trading_hours(calendar: &Calendar, now: Timestamp) -> String {
    let local = |at: Timestamp| {
        let at = calendar.zone().to_datetime(at);
        format!("{}:{:02}{:02}", digits(at.date()), at.hour(), at.minute())
    };
    let day = |date: Date| match calendar.session(date) {
        Ok(Some(session)) => format!("{}-{}", local(session.open), local(session.close)),
        _ => format!("{}:CLOSED", digits(date)),
    };
    let today = calendar.zone().to_datetime(now).date();
    (0..HOURS_DAYS).map(|ahead| day(today.saturating_add(ahead.days()))).collect::<Vec<_>>().join(";")
}

/// `20250102`
fn digits(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// Initial and maintenance requirement as shares of market value.
pub(crate) fn margin_rates(class: AssetClass) -> (Decimal, Decimal) {
    match class {
        AssetClass::EquityEtf | AssetClass::BondEtf | AssetClass::Stock => (dec!(0.30), dec!(0.25)),
        AssetClass::EquityIndexFuture => (dec!(0.08), dec!(0.07)),
        AssetClass::BondFuture => (dec!(0.025), dec!(0.022)),
        AssetClass::VolatilityFuture => (dec!(0.40), dec!(0.35)),
        AssetClass::FxFuture | AssetClass::Fx => (dec!(0.033), dec!(0.03)),
        AssetClass::Option => (dec!(1), dec!(1)),
        AssetClass::Index | AssetClass::VolatilityIndex => (dec!(0), dec!(0)),
    }
}
