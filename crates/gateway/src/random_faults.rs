//! Days on which something goes wrong, by a number.
//!
//! In: a seed, the first date, how many days, contracts. Out: a script of faults like one a person writes. Invariant: the
//! same numbers give the same script; every day is healed before the next begins; every row of the table comes.

use crate::injection::{Fault, Injection};
use crate::wire_fault::{Race, Telling, WireFault};
use domain::{Currency, Side};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use rust_decimal::{Decimal, dec};

/// Share of days, in percent, on which something goes wrong, and how much at most.
const TROUBLED: u64 = 60;
const FAULTS_MAX: u64 = 3;
/// How many troubles at the broker there are for one in the account, which a person has to look at.
const WIRE_PER_ACCOUNT: u64 = 19;
/// Faults come in these minutes of a day UTC, from before the plan to the end of New York.
const MINUTES: std::ops::Range<u64> = 330..1_250;
/// When a day is healed.
const HEALED: SignedDuration = SignedDuration::from_mins(21 * 60 + 30);

/// Steele, Lea and Flood's generator: a few lines, and enough for choosing.
struct Choice(u64);

impl Choice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn of<T>(&mut self, rows: Vec<T>) -> T {
        let index = self.below(rows.len() as u64) as usize;
        rows.into_iter().nth(index).expect("it is below the length")
    }
}

/// One trouble: what happens, after how many minutes.
type Trouble = Vec<(i64, Injection)>;

/// The faults of so many days from a date on. What goes wrong in the account is about `contracts`; without any, only the
/// connection, orders and data fail.
pub fn faults_by_seed(seed: u64, first: Date, days: u32, contracts: &[String]) -> Vec<Fault> {
    let mut choice = Choice(seed);
    let mut faults = Vec::new();
    for day in 0..i64::from(days) {
        let date = first.saturating_add(day.days());
        let rests = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        if rests || choice.below(100) >= TROUBLED {
            continue;
        }
        let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).expect("every midnight exists in UTC");
        for _ in 0..1 + choice.below(FAULTS_MAX) {
            let minute = (MINUTES.start + choice.below(MINUTES.end - MINUTES.start)) as i64;
            let after = |minutes: i64| (midnight + SignedDuration::from_mins(minutes)).min(midnight + HEALED);
            let trouble = trouble(&mut choice, contracts);
            faults.extend(trouble.into_iter().map(|(later, inject)| Fault { at: after(minute + later), inject }));
        }
        faults.push(Fault { at: midnight + HEALED, inject: Injection::Heal {} });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn trouble(choice: &mut Choice, contracts: &[String]) -> Trouble {
    let contract = (!contracts.is_empty()).then(|| choice.of(contracts.to_vec()));
    match contract {
        Some(contract) if choice.below(WIRE_PER_ACCOUNT + 1) == 0 => {
            let rows = account(&contract);
            choice.of(rows)
        }
        contract => {
            let rows = wire(choice, contract);
            let row = choice.of(rows);
            row.into_iter().map(|(later, fault)| (later, Injection::Wire(fault))).collect()
        }
    }
}

/// What goes wrong between gateway and client: the rows `link`, `orders`, `data` and `rate`.
fn wire(choice: &mut Choice, contract: Option<String>) -> Vec<Vec<(i64, WireFault)>> {
    let mut rows = link(choice);
    rows.extend(orders(choice));
    rows.extend(data());
    let described = contract.map(|contract| {
        let ambiguous = WireFault::Ambiguous { contract: contract.clone() };
        [vec![(0, ambiguous)], vec![(0, WireFault::Unlisted { contract })]]
    });
    rows.extend(described.into_iter().flatten());
    rows
}

fn link(choice: &mut Choice) -> Vec<Vec<(i64, WireFault)>> {
    use WireFault::{ClientIdInUse, Freeze, LinkLost, LinkRestored, NoNextId, Notice, Restart, RollBackIds, TooFast};
    let count = 1 + choice.below(3) as u32;
    let later = 1 + choice.below(55) as i64;
    let notice = |code| Notice { code, text: String::new(), about_last_order: false };
    let lost = |data_lost| vec![(0, LinkLost {}), (later, LinkRestored { data_lost })];
    let farm = |broken, back| vec![(0, notice(broken)), (later, notice(back))];
    let at_once = |first, then| vec![(0, first), (0, then)];
    vec![
        lost(false),
        lost(true),
        vec![(0, Restart { count })],
        vec![(0, Restart { count: 0 })],
        vec![(0, Restart { count: 8 })],
        vec![(0, Freeze { carried_out: false, connections: 0 })],
        vec![(0, Freeze { carried_out: true, connections: 0 })],
        vec![(0, Freeze { carried_out: false, connections: 1 })],
        at_once(ClientIdInUse { count }, Restart { count: 0 }),
        at_once(NoNextId { count }, Restart { count: 0 }),
        at_once(RollBackIds {}, Restart { count: 0 }),
        vec![(0, TooFast {})],
        vec![(0, notice(1300))],
        farm(2103, 2104),
        farm(2105, 2106),
        farm(2110, 2158),
    ]
}

fn orders(choice: &mut Choice) -> Vec<Vec<(i64, WireFault)>> {
    use WireFault::{IgnoreNext, Notice, RaceCancel, RejectNext, Tell, WarnNext};
    let count = 1 + choice.below(3) as u32;
    let reject = |code, text: &str, inactive| RejectNext { code, text: text.to_owned(), count, inactive };
    let warn = |code, text: &str| WarnNext { code, text: text.to_owned(), count };
    let about = |code| Notice { code, text: String::new(), about_last_order: true };
    let race = |race| RaceCancel { race, quantity: None };
    let tell = |how| Tell { how };
    let rows = vec![
        tell(Telling::ExecutionsFirst),
        tell(Telling::NoStatus),
        tell(Telling::StatusTwice),
        tell(Telling::ExecutionsTwice),
        tell(Telling::CommissionsFirst),
        tell(Telling::CommissionsLate),
        tell(Telling::CommissionsSplit),
        tell(Telling::SecondPermId),
        race(Race::FilledBefore),
        RaceCancel { race: Race::FilledBefore, quantity: Some(Decimal::ONE) },
        race(Race::FilledAfter),
        RaceCancel { race: Race::FilledAfter, quantity: Some(Decimal::ONE) },
        race(Race::PendingThenFilled),
        race(Race::ApiCancelled),
        race(Race::Ignored),
        reject(103, "Duplicate order id", false),
        reject(104, "Cannot modify a filled order", false),
        reject(105, "Order being modified does not match original order", false),
        reject(110, "The price does not conform to the minimum price variation for this contract", false),
        reject(201, "Order rejected - reason:margin", false),
        reject(201, "Order rejected - reason:no Key Information Document", true),
        reject(201, "Order rejected - reason:The contract is not available for short sale", false),
        reject(387, "Unsupported order type for this exchange and security type", false),
        about(202),
        about(10147),
        about(10148),
        warn(399, "Warning: your order will not be placed until the open"),
        warn(399, "Order Message: it waits"),
        warn(404, ""),
        warn(2109, ""),
        warn(2161, ""),
        warn(10349, ""),
        IgnoreNext { count: 1, working: false },
        IgnoreNext { count: 1, working: true },
    ];
    rows.into_iter().map(|fault| vec![(0, fault)]).collect()
}

fn data() -> Vec<Vec<(i64, WireFault)>> {
    use WireFault::{Data, Delayed, History, NoSides, StaleClose};
    let none = |code| Data { code, text: "Requested market data is not subscribed".to_owned(), goes_on: false };
    let but = |code| Data { code, text: String::new(), goes_on: true };
    let rows = vec![
        none(354),
        none(10089),
        none(10168),
        none(10197),
        but(10090),
        but(10167),
        Delayed {},
        NoSides {},
        StaleClose {},
        History { code: 162, text: "pacing violation".to_owned(), goes_on: false },
        History { code: 165, text: String::new(), goes_on: true },
    ];
    rows.into_iter().map(|fault| vec![(0, fault)]).collect()
}

/// What goes wrong in the account.
fn account(contract: &str) -> Vec<Trouble> {
    let (contract, quantity) = (contract.to_owned(), dec!(25));
    let sweep = |amount| Injection::SweepCash { currency: Currency::Usd, amount };
    let rows = vec![
        Injection::NlvOff { by: dec!(0.001) },
        Injection::NlvOff { by: dec!(-0.005) },
        Injection::NlvOff { by: dec!(0.02) },
        Injection::AccountNotReady {},
        Injection::PhantomPosition { contract: contract.clone(), quantity },
        Injection::ExternalTrade { contract: contract.clone(), side: Side::Buy, quantity, price: None },
        Injection::SplitNow { contract: contract.clone(), numerator: 2, denominator: 1 },
        Injection::DividendNow { contract, amount: dec!(0.5) },
        Injection::SettleFuturesNow {},
        sweep(dec!(250_000)),
        Injection::CorrectExecution { execution: None, quantity: Some(Decimal::ZERO), price: None },
    ];
    rows.into_iter().map(|injection| vec![(0, injection)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::collections::BTreeSet;

    fn script(seed: u64, days: u32) -> Vec<Fault> {
        faults_by_seed(seed, date(2026, 3, 2), days, &["CSPX".to_owned()])
    }

    #[test]
    fn a_number_is_a_script_and_every_day_ends_healed() {
        let faults = script(7, 60);
        assert_eq!(faults, script(7, 60));
        assert_ne!(faults, script(8, 60));
        assert!(faults.len() > 60 && faults.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let healed = faults.iter().filter(|fault| fault.inject == Injection::Heal {}).count();
        let days = faults.iter().map(|fault| fault.at.as_second().div_euclid(86_400));
        assert_eq!(days.collect::<BTreeSet<_>>().len(), healed);
        let text: Vec<String> = faults.iter().map(|fault| serde_json::to_string(fault).unwrap()).collect();
        assert_eq!(crate::injection::read_faults(&text.join("\n")), Ok(faults), "a person could have written it");
    }

    /// What a trouble is, without how often and when.
    fn kind(inject: &Injection) -> String {
        let mut value = serde_json::to_value(inject).unwrap();
        let fields = value.as_object_mut().and_then(|object| object.values_mut().next()?.as_object_mut());
        fields.map(|fields| fields.remove("count").map_or(0, |_| fields.len()));
        value.to_string()
    }

    #[test]
    fn every_row_of_the_table_comes_by_chance() {
        let mut choice = Choice(0);
        let wire = wire(&mut choice, Some("CSPX".to_owned())).into_iter().flatten();
        let wire = wire.map(|(_, fault)| Injection::Wire(fault));
        let account = account("CSPX").into_iter().flatten().map(|(_, injection)| injection);
        let rows: BTreeSet<String> = wire.chain(account).map(|inject| kind(&inject)).collect();
        let came: BTreeSet<String> = script(1, 4_000).iter().map(|fault| kind(&fault.inject)).collect();
        assert_eq!(rows.difference(&came).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn without_contracts_the_account_is_left_alone() {
        let faults = faults_by_seed(1, date(2026, 3, 2), 4_000, &[]);
        let wire = |fault: &Fault| matches!(fault.inject, Injection::Wire(_) | Injection::Heal {});
        assert!(faults.iter().all(wire));
    }
}
