//! When a future has to go, and which contract of its chain to hold.
//!
//! In: last trading days, first notices, sessions, the broker's own dates. Out: when each contract's roll starts and by
//! when it is gone; the contract targets go to. Invariant: a roll is a change of targets, so it nets with the day's
//! rebalance, and no contract is wanted after its deadline.

use domain::{ContractId, FutureRule, InstrumentId, InstrumentKind, PerContract, Universe};
use jiff::civil::Date;
use market::calendar::{Calendar, Calendars, OutsideCoverage};
use market::chain::{ChainError, first_notice_day};
use serde::{Deserialize, Serialize};

/// How long before its end a contract is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollPolicy {
    /// Trading days before the last one (before first notice, for a long position that would be delivered) by which a
    /// contract is gone.
    pub deadline_sessions: u32,
    /// Trading days before that at which the roll starts.
    pub start_sessions: u32,
    /// Dates on which the broker itself closes positions of a future, whatever its contract.
    pub broker_close_outs: Vec<(InstrumentId, Date)>,
}

/// The dates of one contract's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollDates {
    /// Last trading day.
    pub last_trade: Date,
    /// First day on which a long holder can be told to take delivery; `None` when it ends in cash.
    pub first_notice: Option<Date>,
    /// The day from which targets go to the next contract.
    pub starts: Date,
    /// The day at the end of which nothing of it is held.
    pub deadline: Date,
}

impl RollDates {
    /// The dates of a contract that follows a rule. `close_out` is the broker's own date. Trading days are those of the
    /// calendar the rule counts by.
    ///
    /// Longs of a deliverable go before first notice, shorts and what ends in cash before the last trading day; the
    /// earlier of the two holds for both sides, so that a position does not change its dates with its sign.
    ///
    /// # Errors
    /// [`OutsideCoverage`] when the calendar does not reach.
    pub fn of(
        rule: FutureRule,
        last_trade: Date,
        close_out: Option<Date>,
        policy: &RollPolicy,
        calendar: &Calendar,
    ) -> Result<RollDates, OutsideCoverage> {
        let first_notice = first_notice_day(rule, last_trade);
        let before = |date: Date, sessions: u32| calendar.add_sessions(date, -(sessions as i32));
        let mut deadline = before(last_trade, policy.deadline_sessions)?;
        if let Some(notice) = first_notice {
            deadline = deadline.min(before(notice, policy.deadline_sessions)?);
        }
        if let Some(date) = close_out {
            deadline = deadline.min(date);
        }
        Ok(RollDates { last_trade, first_notice, starts: before(deadline, policy.start_sessions)?, deadline })
    }
}

/// When every contract of a universe has to go; `None` for what does not expire.
///
/// # Errors
/// [`ChainError`] when the calendar of a rule is missing or does not reach.
pub fn roll_dates(
    universe: &Universe,
    policy: &RollPolicy,
    calendars: &Calendars,
) -> Result<PerContract<Option<RollDates>>, ChainError> {
    let mut after = Date::MIN;
    let of = |contract: ContractId| {
        let (instrument, terms) = (universe.instrument_of(contract), universe.contract(contract));
        let (Some(rule), Some(last_trade)) = (instrument.future, terms.expiry) else {
            after = Date::MIN;
            return Ok(None);
        };
        // A date of the broker's belongs to the first contract that trades on it.
        let own = policy.broker_close_outs.iter().filter(|(future, _)| *future == terms.instrument);
        let own = own.map(|&(_, date)| date).filter(|date| (after..=last_trade).contains(date)).min();
        after = last_trade.tomorrow().unwrap_or(Date::MAX);
        let calendar = calendars.get(rule.calendar(instrument.venue))?;
        Ok(Some(RollDates::of(rule, last_trade, own, policy, calendar)?))
    };
    universe.contracts().map(of).collect::<Result<Vec<_>, ChainError>>().map(PerContract::from_vec)
}

/// The contract of an instrument to hold on a date: the first whose roll has not started, or the only one of what does
/// not expire. `None` when a chain has ended, and for options, of which several are held.
pub fn active_contract(
    universe: &Universe,
    rolls: &PerContract<Option<RollDates>>,
    instrument: InstrumentId,
    today: Date,
) -> Option<ContractId> {
    if universe.instrument(instrument).kind == InstrumentKind::Opt {
        return None;
    }
    universe.contracts_of(instrument).find(|&contract| match (universe.contract(contract).expiry, rolls[contract]) {
        (None, _) => true,
        (Some(last_trade), dates) => last_trade > today && dates.is_none_or(|dates| dates.starts > today),
    })
}
