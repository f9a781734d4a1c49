//! Which contract of a chain to hold.
//!
//! In: last trading days, a venue's sessions, today. Out: the contract targets go to; every other
//! one is closed. Invariant: a roll is a change of targets, so it nets with the day's rebalance, and
//! no contract is wanted after its deadline.

use domain::{ContractId, InstrumentId, InstrumentKind, Universe};
use jiff::civil::Date;
use market::calendar::{Calendar, OutsideCoverage};

/// Sessions before the last trading day by which a contract must be gone.
pub const DEADLINE_SESSIONS: i32 = 3;
/// Sessions before that deadline at which the roll starts.
pub const START_SESSIONS: i32 = 5;

/// The contract to hold on a date: the first whose roll has not started; none of a chain of options.
///
/// # Errors
/// [`OutsideCoverage`] when the calendar does not reach the chain.
pub fn active_contract(
    universe: &Universe,
    instrument: InstrumentId,
    calendar: &Calendar,
    today: Date,
) -> Result<Option<ContractId>, OutsideCoverage> {
    if universe.instrument(instrument).kind == InstrumentKind::Opt {
        return Ok(None);
    }
    for contract in universe.contracts_of(instrument) {
        let Some(expiry) = universe.contract(contract).expiry else { return Ok(Some(contract)) };
        if expiry > today && calendar.add_sessions(expiry, -(DEADLINE_SESSIONS + START_SESSIONS))? > today {
            return Ok(Some(contract));
        }
    }
    Ok(None)
}
