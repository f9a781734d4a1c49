//! The universe of a run, from the instrument table.
//!
//! In: the table, calendars, the dates of a run. Out: instruments and contracts with stable names. Invariant: what does
//! not expire is one contract, a future the contracts that trade in the run and those to roll into, an option root none.

use super::instruments::Instruments;
use domain::{Contract, FutureRule, InstrumentId, InstrumentKind, Mic, OptionKey, Universe};
use jiff::ToSpan;
use jiff::civil::Date;
use market::calendar::{Calendars, NoCalendar};
use market::chain::{ChainError, last_trading_days, reach};

/// Contracts of a future that exist beyond the last date of a run, so that there is one to roll into.
const CONTRACTS_AHEAD: usize = 2;

/// Why the contracts of a run are not known.
#[derive(Debug, thiserror::Error)]
pub enum UniverseError {
    /// The venue of a future has no calendar.
    #[error(transparent)]
    NoCalendar(#[from] NoCalendar),
    /// The calendar a future's rule counts by is missing, or does not reach the dates of the run.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The calendar ends before the contract that the run would have to roll into.
    #[error(
        "the calendar of {venue} ends on {covered_to}, before any contract of {instrument} that outlives {to}; end the run earlier"
    )]
    ChainTooShort {
        /// The future.
        instrument: String,
        /// Its venue.
        venue: Mic,
        /// Last day of the calendar.
        covered_to: Date,
        /// Last date of the run.
        to: Date,
    },
}

/// Instruments and contracts of a run over trade dates `from` to `to`, both included: everything that does not expire,
/// and of each future the contracts that trade in that time plus two to roll into. The root of a chain of options is an
/// instrument without contracts.
///
/// # Errors
/// [`UniverseError`] when a future's calendar is missing or does not reach far enough.
pub fn universe(
    instruments: &Instruments,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Universe, UniverseError> {
    let mut contracts = Vec::new();
    for (index, (name, row)) in instruments.iter().enumerate() {
        let instrument = InstrumentId(u16::try_from(index).expect("the table is far below 65,535 rows"));
        match row.future {
            // Strikes and expiries are the broker's to name.
            None if row.kind == InstrumentKind::Opt => {}
            None => contracts.push(Contract { name: name.to_owned(), instrument, expiry: None }),
            Some(rule) => {
                let days = chain(name, rule, row.mic, calendars, from, to)?;
                contracts.extend(days.into_iter().map(|day| Contract {
                    name: contract_name(name, day),
                    instrument,
                    expiry: Some(day),
                }));
            }
        }
    }
    let instruments = instruments.iter().map(|(name, row)| row.to_instrument(name)).collect();
    Ok(Universe::new(instruments, contracts))
}

/// The universe a day was decided over, from the names of its contracts: the last trading day of a future is in its name.
/// `None` when one of them is of no instrument of the table.
pub fn universe_named(instruments: &Instruments, names: &[String]) -> Option<Universe> {
    let mut contracts = Vec::new();
    for name in names.iter().filter(|name| OptionKey::parse(name).is_none()) {
        let (of, expiry) = match name.rsplit_once('_') {
            Some((of, day)) if instruments.get(name).is_none() => (of, Some(Date::strptime("%Y%m%d", day).ok()?)),
            _ => (name.as_str(), None),
        };
        let instrument = instruments.iter().position(|(known, _)| known == of)?;
        let instrument = InstrumentId(u16::try_from(instrument).ok()?);
        contracts.push(Contract { name: name.clone(), instrument, expiry });
    }
    let table = instruments.iter().map(|(name, row)| row.to_instrument(name)).collect();
    let mut universe = Universe::new(table, contracts);
    universe.list_named(names.iter().map(String::as_str));
    let same = universe.contracts().map(|contract| &universe.contract(contract).name).eq(names);
    same.then_some(universe)
}

fn contract_name(instrument: &str, last_trading_day: Date) -> String {
    format!("{instrument}_{}", last_trading_day.strftime("%Y%m%d"))
}

fn chain(
    name: &str,
    rule: FutureRule,
    venue: Mic,
    calendars: &Calendars,
    from: Date,
    to: Date,
) -> Result<Vec<Date>, UniverseError> {
    let covered_to = reach(rule, calendars.get(rule.calendar(venue))?);
    // Contracts are at most a quarter apart, so this many months hold as many more as are needed.
    let horizon = to.saturating_add((3 * CONTRACTS_AHEAD as i64 + 1).months()).min(covered_to);
    let mut days = last_trading_days(rule, venue, calendars, from, horizon)?;
    let in_run = days.partition_point(|day| *day <= to);
    if in_run == days.len() {
        return Err(UniverseError::ChainTooShort { instrument: name.to_owned(), venue, covered_to, to });
    }
    days.truncate(in_run + CONTRACTS_AHEAD);
    Ok(days)
}
