//! Legs without a history of their own.

use crate::fixture::World;
use crate::{DayPlan, decide};
use domain::{InstrumentId, PerInstrument};
use jiff::civil::Date;
use market::Panel;

const FUND: InstrumentId = InstrumentId(0);
const INDEX: InstrumentId = InstrumentId(3);

/// The first day's decision when the fund closed as `close` says, from its own close and the index's.
fn decided(proxied: bool, close: impl Fn(usize, Option<f64>, Option<f64>) -> Option<f64>) -> (World, DayPlan) {
    let mut world = World::first_day();
    if !proxied {
        world.setup.policy.history_proxies.clear();
        let sleeves = world.setup.policy.sleeves.clone();
        world = world.with_sleeves(sleeves);
    }
    let mut panel = Panel::new(world.setup.universe.instrument_count());
    for (place, (date, row)) in world.panel.rows(0, world.panel.len()).iter().enumerate() {
        let mut closes: Vec<Option<f64>> = world.setup.universe.instruments().map(|id| row.close(id)).collect();
        closes[FUND.index()] = close(place, row.close(FUND), row.close(INDEX));
        panel.push(date, &PerInstrument::from_vec(closes));
    }
    world.panel = panel;
    let plan = decide(&world.inputs(), &world.setup);
    (world, plan)
}

#[test]
fn a_leg_without_history_is_measured_by_its_proxy_and_told() {
    let (world, plan) = decided(true, |_, _, _| None);
    let (_, alike) = decided(true, |_, _, index| index);
    let (_, without) = decided(false, |_, _, _| None);
    assert_eq!(plan.risk.vol, alike.risk.vol, "the returns of the index");
    assert_ne!(plan.memory.volatility, without.memory.volatility, "not those of half a pair");
    let told: Vec<_> = plan.memory.measured_by_proxy(&world.setup).collect();
    assert_eq!(told, [(FUND, INDEX)]);
}

#[test]
fn a_history_that_begins_takes_over_without_a_jump() {
    // The fund quotes a tenth of the index, and begins in the middle of the year.
    let (world, plan) = decided(true, |place, _, index| index.filter(|_| place >= 125).map(|close| close / 10.0));
    let (_, alike) = decided(true, |_, _, index| index);
    let difference = plan.risk.vol.unwrap() - alike.risk.vol.unwrap();
    assert!(difference.abs() < 1e-12, "{difference}");
    assert_eq!(plan.memory.measured_by_proxy(&world.setup).count(), 0);
}

#[test]
fn realised_volatility_is_that_of_the_account_and_begins_with_it() {
    let mut world = World::first_day();
    world.setup.policy.volatility.source = risk::ReturnsOf::Account;
    world.memory = crate::Memory::new(&world.setup);
    let first = decide(&world.inputs(), &world.setup);
    assert_eq!(
        (first.risk.quality, first.orders.len()),
        (risk::Quality::Invalid, 0),
        "a year of history is not the account's"
    );
    for _ in 0..61 {
        world.fill_everything();
        world.next_day(15.0);
        let swing = if world.memory.volatility.observations().is_multiple_of(2) { "606" } else { "600" };
        world.set_mark("CSPX", swing);
        world.agree_with_broker();
    }
    let memory = &world.memory;
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(memory.volatility.observations(), 60, "a return for each date but the first");
    assert_eq!(plan.risk.quality, risk::Quality::Valid);
    // Nearly all of them at the degraded scale of one half, on days that moved the fund by one hundredth.
    let swings = market::statistics::annualised(0.01) * plan.table.weight[domain::ContractId(0)] * 0.5;
    let estimate = plan.memory.volatility.estimate(&world.setup.policy.volatility);
    assert!((estimate.rolling.unwrap() / swings - 1.0).abs() < 0.1, "{estimate:?} {swings}");
}

#[test]
fn another_source_of_returns_starts_the_estimate_again() {
    let mut world = World::first_day();
    world.fill_everything();
    let (unit, performance) = (world.memory.volatility.observations(), world.memory.performance);
    assert!(unit > 200);
    world.setup.policy.volatility.source = risk::ReturnsOf::Account;
    let fitted = world.memory.fitted(&world.setup);
    assert_eq!((fitted.volatility.observations(), fitted.performance), (0, performance));
}

#[test]
fn history_that_lags_further_than_the_calendars_allow_adds_nothing() {
    let mut world = World::first_day();
    let last = world.panel.rows(0, world.panel.len()).iter().map(|(date, _)| date).last().unwrap();
    let mut judged = |history_from: Option<Date>| {
        world.conditions.history_from = history_from;
        let plan = decide(&world.inputs(), &world.setup);
        (plan.risk.quality, plan.orders.is_empty())
    };
    assert_eq!(judged(None), (risk::Quality::Valid, false));
    assert_eq!(judged(Some(last)), (risk::Quality::Valid, false), "as old as it may be");
    assert_eq!(judged(last.tomorrow().ok()), (risk::Quality::Invalid, true));
}

#[test]
fn a_row_of_the_index_alone_makes_the_estimate_no_younger() {
    let mut world = World::first_day();
    let mut closes = vec![None; 8];
    (closes[5], closes[6]) = (Some(15.0), Some(1.25));
    let yesterday = world.date;
    world.panel.push(yesterday, &PerInstrument::from_vec(closes));
    world.turn_to(yesterday.tomorrow().unwrap());
    world.conditions.history_from = Some(yesterday);
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((plan.memory.last_row, plan.risk.quality), (Some(yesterday), risk::Quality::Invalid));
}
