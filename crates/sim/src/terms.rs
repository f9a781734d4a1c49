//! What the simulated broker tells of contracts and asks of an account, the same over TCP and in process.
//!
//! In: a calendar, an asset class. Out: trading hours as IB writes them, margin rates. Invariant: a fixed share of market value
//! per asset class, near what IB asks for liquid lines; good enough to show a cushion shrinking, no copy of any model.

use domain::AssetClass;
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan};
use market::calendar::Calendar;

/// `20250102:0800-20250102:1630;20250103:CLOSED;…` of so many days in the venue's zone; those outside the calendar are closed.
pub fn trading_hours(calendar: &Calendar, now: Timestamp, days: i32) -> String {
    let today = calendar.zone().to_datetime(now).date();
    let mut text = String::with_capacity(days as usize * "20250102:0800-20250102:1630;".len());
    for date in (0..days).map(|ahead| today.saturating_add(ahead.days())) {
        text.push_str(if text.is_empty() { "" } else { ";" });
        match calendar.session(date) {
            Ok(Some(session)) => {
                instant(&mut text, calendar.zone().to_datetime(session.open));
                text.push('-');
                instant(&mut text, calendar.zone().to_datetime(session.close));
            }
            _ => {
                day(&mut text, date);
                text.push_str(":CLOSED");
            }
        }
    }
    text
}

/// `20250102:0800`
fn instant(text: &mut String, at: DateTime) {
    day(text, at.date());
    text.push(':');
    two_digits(text, at.hour());
    two_digits(text, at.minute());
}

/// `20250102`; by hand, because every venue of every day tells some of them.
fn day(text: &mut String, date: Date) {
    let [century, year] = [date.year() / 100, date.year() % 100].map(|half| half as i8);
    [century, year, date.month(), date.day()].into_iter().for_each(|part| two_digits(text, part));
}

fn two_digits(text: &mut String, number: i8) {
    [number / 10, number % 10].into_iter().for_each(|digit| text.push(char::from(b'0' + digit as u8)));
}

/// Initial and maintenance requirement in thousandths of market value.
pub(crate) fn margin_rates(class: AssetClass) -> [i128; 2] {
    match class {
        AssetClass::EquityEtf | AssetClass::BondEtf | AssetClass::Stock => [300, 250],
        AssetClass::EquityIndexFuture => [80, 70],
        AssetClass::BondFuture => [25, 22],
        AssetClass::VolatilityFuture => [400, 350],
        AssetClass::FxFuture | AssetClass::Fx => [33, 30],
        AssetClass::Option => [1_000, 1_000],
        AssetClass::Index | AssetClass::VolatilityIndex => [0, 0],
    }
}
