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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Contract, Currency, Instrument, Mic};
    use jiff::civil::date;
    use market::chain::last_trading_days;

    macro_rules! shipped {
        ($($mic:ident = $file:literal),+ $(,)?) => {
            [$((Mic::$mic, include_str!(concat!("../../../config/calendars/", $file)))),+]
        };
    }

    fn calendars() -> Calendars {
        let tables = shipped! { Xnys = "XNYS.csv", Xeur = "XEUR.csv", Xcbf = "XCBF.csv" };
        Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv")).expect("the shipped tables")
    }

    fn policy() -> RollPolicy {
        RollPolicy { deadline_sessions: 3, start_sessions: 5, broker_close_outs: Vec::new() }
    }

    fn chain(rule: FutureRule, venue: Mic, calendars: &Calendars, from: Date, to: Date) -> Universe {
        let plain = Instrument::plain("FUT", InstrumentKind::Fut, Currency::Eur);
        let days = last_trading_days(rule, venue, calendars, from, to).unwrap();
        let contract =
            |day: Date| Contract { name: format!("FUT_{day}"), instrument: InstrumentId(0), expiry: Some(day) };
        let instrument = Instrument { future: Some(rule), venue, ..plain };
        Universe::new(vec![instrument], days.into_iter().map(contract).collect())
    }

    /// Rules and venues by the names of the golden file's products.
    const PRODUCTS: [(&str, FutureRule, Mic); 6] = [
        ("ES/MES/NQ/MNQ (CME index)", FutureRule::CmeIndexQuarterly, Mic::Cmes),
        ("FESX/FDAX/FESB (Eurex index)", FutureRule::IndexQuarterly, Mic::Xeur),
        ("FGBL/FOAT/FBTP (Eurex bond)", FutureRule::EurexBondQuarterly, Mic::Xeur),
        ("FVS (Eurex VSTOXX)", FutureRule::VolatilityMonthly, Mic::Xeur),
        ("M6E/6E/M6B/6B/MSF/6S (CME FX)", FutureRule::CmeFxQuarterly, Mic::Cmes),
        ("VX/VXM (CFE)", FutureRule::VolatilityMonthly, Mic::Xcbf),
    ];

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the oracle lies outside the repository")]
    fn every_deadline_is_three_sessions_before_the_oracle_s_last_trading_day() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden/futures_last_trading_days.csv");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: futures_last_trading_days.csv is not in the shared data folder");
            return;
        };
        let calendars = calendars();
        let mut compared = 0;
        for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let (product, rule, venue) = PRODUCTS.into_iter().find(|(name, ..)| *name == row[0]).unwrap();
            let (last_trade, wanted): (Date, Date) = (row[2].parse().unwrap(), row[5].parse().unwrap());
            let calendar = calendars.get(rule.calendar(venue)).unwrap();
            let dates = RollDates::of(rule, last_trade, None, &policy(), calendar).unwrap();
            assert_eq!(dates.deadline, wanted, "{product} {last_trade}");
            assert_eq!(calendar.add_sessions(dates.starts, 5).unwrap(), wanted, "{product} {last_trade}");
            assert_eq!(dates.first_notice, rule.delivers().then_some(last_trade));
            compared += 1;
        }
        assert_eq!(compared, 80);
    }

    #[test]
    fn the_broker_s_own_date_comes_first_and_moves_one_contract_only() {
        let calendars = calendars();
        let (from, to) = (date(2026, 1, 1), date(2026, 12, 31));
        let universe = chain(FutureRule::EurexBondQuarterly, Mic::Xeur, &calendars, from, to);
        let dates = |close_outs: &[Date]| -> Vec<Date> {
            let broker_close_outs = close_outs.iter().map(|&date| (InstrumentId(0), date)).collect();
            let dates = roll_dates(&universe, &RollPolicy { broker_close_outs, ..policy() }, &calendars).unwrap();
            dates.as_slice().iter().map(|dates| dates.unwrap().deadline).collect()
        };
        let usual = dates(&[]);
        assert_eq!(usual, [date(2026, 3, 3), date(2026, 6, 3), date(2026, 9, 3), date(2026, 12, 3)]);
        assert_eq!(dates(&[date(2026, 5, 29)]), [usual[0], date(2026, 5, 29), usual[2], usual[3]]);
        assert_eq!(dates(&[date(2026, 6, 5)]), usual, "a later date changes nothing");
    }

    #[test]
    fn on_every_day_of_two_years_the_contract_to_hold_is_before_its_deadline_and_only_moves_forward() {
        let calendars = calendars();
        for (product, rule, venue) in PRODUCTS {
            let universe = chain(rule, venue, &calendars, date(2024, 1, 1), date(2026, 6, 30));
            let rolls = roll_dates(&universe, &policy(), &calendars).unwrap();
            let days = date(2024, 1, 2).series(jiff::ToSpan::days(1)).take_while(|day| *day < date(2026, 1, 1));
            let mut last = ContractId(0);
            for day in days {
                let active = active_contract(&universe, &rolls, InstrumentId(0), day).unwrap();
                let dates = rolls[active].unwrap();
                assert!(dates.starts > day && dates.starts < dates.deadline && active >= last, "{product} on {day}");
                last = active;
            }
            assert!(last.index() >= 8, "{product}: {last:?}");
        }
    }
}
