//! Legs without a history of their own.

use crate::fixture::World;
use crate::{DayPlan, decide};
use domain::{InstrumentId, PerInstrument};
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
