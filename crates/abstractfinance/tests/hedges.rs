//! Stories of the tail hedges in a crash: bought, worth more, turned into money once, also by an engine that dies.
//!
//! In: the whole strategy in a crash of the simulated market. Out: reports. Invariant: premium and the crisis under way
//! survive a death; what a crisis sells it sells once, and buys nothing of it back on the day.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use console::DayReport;
use console::hedges::HedgeBook;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;

/// Long enough for the crisis and a week of it, and past its second month's premium in the long form.
fn days() -> u32 {
    if std::env::var_os("AF_LONG").is_some() { 45 } else { 8 }
}

/// Deaths of the second story.
const KILLS: u64 = 6;

const MULTIPLIER: Decimal = dec!(100);

fn book(day: &DayReport) -> &HedgeBook {
    day.tail_hedges.as_ref().expect("the whole strategy has tail hedges")
}

fn held(day: &DayReport) -> BTreeMap<&str, i64> {
    book(day).positions.iter().map(|row| (row.contract.as_str(), row.contracts)).collect()
}

fn spent(day: &DayReport) -> Decimal {
    book(day).budget.iter().map(|row| row.spent).sum()
}

/// What options were sold for on a day, in their currency.
fn proceeds(day: &DayReport) -> Decimal {
    let sold = day.orders.iter().filter(|order| order.side == "SELL" && order.instrument.contains("_OPT_"));
    let amount = |quantity: &str, price: &Option<String>| {
        let price: Decimal = price.as_ref().map_or(Decimal::ZERO, |price| price.parse().unwrap());
        quantity.parse::<Decimal>().unwrap() * price * MULTIPLIER
    };
    sold.map(|order| amount(&order.filled, &order.average_price)).sum()
}

fn is_playbook(alert: &&String) -> bool {
    alert.starts_with("crisis playbook")
}

/// Six tenths, halves away from zero.
fn share(contracts: i64) -> i64 {
    (contracts * 6 + 5) / 10
}

/// Contract and number of `equity puts: -2 SPY_OPT_20260515_P630, turned into money, once in this crisis`.
fn sale(action: &str) -> (&str, i64) {
    let (_, what) = action.split_once(": -").expect("a sale");
    let (count, rest) = what.split_once(' ').unwrap();
    (rest.split(',').next().unwrap(), count.parse().unwrap())
}

#[test]
fn a_crash_turns_the_hedges_into_money_once() {
    let days = Stage::as_shipped().days(&format!("demo --days {} --scenario crash", days()));
    days.iter().for_each(assert_tied_out);
    let acted: Vec<usize> = (0..days.len()).filter(|&day| days[day].alerts.iter().any(|a| is_playbook(&a))).collect();
    let [crisis] = acted[..] else { panic!("the playbook runs once and says so: {acted:?}") };
    let (before, on) = (&days[crisis - 1], &days[crisis]);
    assert_eq!((before.regime.as_str(), on.regime.as_str()), ("NORMAL", "CRISIS"));
    assert!(on.vix.unwrap() >= 40.0 && on.state_factor == 0.3);

    // Six tenths of every option in the money are gone: of those that were there in the evening before, and of those that
    // the last closes brought there.
    let (had, has) = (held(before), held(on));
    let sold: Vec<&String> = book(on).actions.iter().filter(|action| action.contains("once in this crisis")).collect();
    let sales: BTreeMap<&str, i64> = sold.iter().map(|action| sale(action)).collect();
    assert!(sales.len() >= 2, "the crash brought some of them into the money: {sold:?}");
    for (contract, count) in &sales {
        assert_eq!(*count, share(had[contract]), "{contract}");
        assert_eq!(has.get(contract).copied().unwrap_or(0), had[contract] - count, "{contract}");
    }
    for row in book(before).positions.iter().filter(|row| row.in_the_money == Some(true)) {
        assert!(sales.contains_key(row.contract.as_str()), "{} is kept whole", row.contract);
    }
    let types: Vec<&str> = sold.iter().filter_map(|action| action.split_once(':')).map(|(hedge, _)| hedge).collect();
    for action in book(on).actions.iter().filter(|action| action.contains("bought")) {
        assert!(!types.iter().any(|hedge| action.starts_with(hedge)), "bought back on the day: {action}");
    }
    assert!(book(on).crisis.as_ref().unwrap().contains(&on.date), "{:?}", book(on).crisis);

    // The hedges gained: what they brought and what is left is more than all that was ever paid.
    let gained = proceeds(on) + book(on).market_value;
    assert!(gained > spent(before), "{gained} for {}", spent(before));
    // A sale refills nothing; and a month's premium, at the stressed rate, is all that can be spent in it.
    let accrued = dec!(10000000) * dec!(0.025) / dec!(12) * dec!(1.5);
    let in_march = days.iter().rfind(|day| day.date.starts_with("2026-03")).unwrap();
    assert!(spent(on) == spent(before) && spent(in_march) <= accrued, "{} of {accrued}", spent(in_march));
    // Ever after in this crisis nothing is turned into money again.
    for day in days[crisis + 1..].iter().take_while(|day| day.regime == "CRISIS") {
        assert!(!book(day).actions.iter().any(|action| action.contains("once in this crisis")), "{}", day.date);
    }
    let pages = book(on).scenarios.iter().map(|row| row.scenario.as_str()).collect::<Vec<_>>();
    assert_eq!(pages, ["equity −10 %", "equity −20 %", "equity −40 %", "VIX +20", "VIX +40"]);
}

/// Options are listed day by day: whoever reads the account's fills must know the names of today.
#[test]
fn the_whole_strategy_is_researched() {
    let told = Stage::as_shipped().ok("backtest --to 2026-03-06 --json");
    let summary: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((summary["days"].as_u64(), summary["difference_bp_max"].as_f64()), (Some(5), Some(0.0)), "{told}");
    assert!(summary["fills"].as_u64().unwrap() > 40, "{told}");
    assert_ne!(summary["sleeves"]["crisis_alpha"].as_f64(), Some(0.0), "{told}");
}

#[test]
fn an_engine_that_dies_in_a_crash_keeps_its_premium_and_its_crisis() {
    let stage = Stage::as_shipped();
    let line = "demo --days 6 --scenario crash --state-dir state";
    // Each comes some of the gateway's record later than the last: the days before the crisis, and its own.
    let killed = (1..=KILLS).filter(|&kill| stage.killed_once_grown(line, "state/gateway.jsonl", 50_000 * kill));
    assert!(killed.count() >= 3, "most starts died before they were done");
    let days = stage.days(line);
    assert!(days.iter().any(|day| day.resumed), "some day was cut off between its plan and its end");
    let undisturbed = Stage::as_shipped().days("demo --days 6 --scenario crash");
    for (day, same) in days.iter().zip(&undisturbed) {
        assert_tied_out(day);
        let (ours, theirs) = (book(day), book(same));
        assert_eq!(ours.crisis, theirs.crisis, "{}: the crisis under way", day.date);
        assert_eq!(held(day), held(same), "{}: contracts", day.date);
        assert_eq!(ours.actions, theirs.actions, "{}: what was bought and sold, and why", day.date);
        for (ours, theirs) in ours.budget.iter().zip(&theirs.budget) {
            // A death takes back what still worked; its order may fill some ticks away, and pays its own price.
            let apart = (ours.spent - theirs.spent).to_f64().unwrap().abs();
            assert!(apart <= 0.05 * theirs.spent.to_f64().unwrap(), "{}: {ours:?} for {theirs:?}", day.date);
            assert!(ours.free >= Decimal::ZERO && ours.reserved == theirs.reserved, "{}: {ours:?}", day.date);
        }
    }
    let told = |days: &[DayReport]| days.iter().flat_map(|day| &day.alerts).filter(is_playbook).count();
    assert_eq!((told(&days), told(&undisturbed)), (1, 1));
}

/// The last execution of the first day is of an option. What is taken back may be bought again.
#[test]
fn a_premium_that_the_broker_corrects_a_night_late_is_paid_once() {
    let spent_after = |faults: &str| {
        let stage = Stage::as_shipped();
        std::fs::write(stage.path("faults.jsonl"), faults).unwrap();
        let days = stage.days("demo --days 2 --faults faults.jsonl --state-dir state");
        (spent(&days[1]), days[1].steps[4].detail.clone())
    };
    let (plain, _) = spent_after("");
    for correction in [r#"{"price": "0.33"}"#, r#"{"quantity": "0"}"#] {
        let fault = format!(r#"{{"at": "2026-03-02T21:30:00Z", "inject": {{"correct_execution": {correction}}}}}"#);
        let (with, booked) = spent_after(&fault);
        assert!(booked.contains("corrected by the broker"), "{booked}");
        // A bust has no side, and must pay nothing at all.
        let bought = booked.split("BUY ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        let again = dec!(33) * bought.unwrap_or(Decimal::ONE);
        assert!(with - plain < again, "paid again it would be {again} more: {plain}, {with}; {booked}");
    }
}
