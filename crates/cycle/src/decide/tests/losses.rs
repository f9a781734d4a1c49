//! What a loss does to the day: its tiers, the hard stop, and the way back.
//!
//! In: a deployed pair whose short side rises. Out: modes and orders. Invariant: a deeper loss never lets more out, and nothing but a
//! person's word arms a strategy that was stopped.

use crate::fixture::World;
use crate::{DayInputs, decide};
use domain::{ContractId, Quantity};
use risk::loss::LossPolicy;
use risk::{Mode, Purpose};

const SHORT: ContractId = ContractId(1);

/// The pair half built, a day on which so much of NAV was lost, and lines where they are shipped.
fn lost(share: f64) -> World {
    let mut world = World::first_day();
    world.setup.policy.loss =
        LossPolicy { day_alert: 0.02, day_reduce_only: 0.03, day_cancel_only: 0.05, hard_stop_drawdown: Some(0.15) };
    world.fill_everything();
    world.next_day(15.0);
    let nav = world.memory.performance.nav.unwrap().to_f64();
    let contracts = world.ledger.quantity(SHORT).to_f64();
    assert!(contracts < 0.0, "{contracts}");
    // 200 euros at 1.25.
    let mark = 200.0 + share * nav / (-contracts * 1.25);
    world.set_mark("CS51", &format!("{mark:.4}"));
    world.agree_with_broker();
    world
}

#[test]
fn the_tiers_of_a_day_s_loss_are_an_alert_then_reductions_alone_then_nothing() {
    let day = |share: f64| {
        let world = lost(share);
        let plan = decide(&world.inputs(), &world.setup);
        let adds = plan.orders.iter().any(|order| order.purpose == Purpose::Increase);
        (plan.mode, plan.risk.alarms.len(), adds, plan.orders.is_empty())
    };
    assert_eq!(day(0.019), (Mode::Normal, 0, true, false), "the rest of the pair is built");
    assert_eq!(day(0.021), (Mode::Normal, 1, true, false));
    assert_eq!(day(0.031), (Mode::ReduceOnly, 1, false, false));
    assert_eq!(day(0.051), (Mode::CancelOnly, 1, false, true));
}

#[test]
fn the_hard_stop_closes_everything_and_stays_until_a_person_arms_the_strategy_again() {
    let mut world = lost(0.0);
    let down = world.memory.performance;
    world.memory.performance = down.earn(-0.12).earn(-0.035);
    world.agree_with_broker();
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.flatten && plan.mode == Mode::ReduceOnly && plan.risk.drawdown <= -0.15, "{:?}", plan.risk);
    assert!(plan.table.wanted.as_slice().iter().copied().all(Quantity::is_zero), "{:?}", plan.orders);
    assert!(
        plan.orders.iter().all(|order| matches!(order.purpose, Purpose::Reduce | Purpose::FxHedge | Purpose::CloseOut))
    );
    assert!(plan.orders.iter().any(|order| order.contract == SHORT));
    world.fill_everything();

    // Neither a calm day nor a mode that was set back buys anything again.
    world.next_day(12.0);
    world.agree_with_broker();
    let stopped = decide(&DayInputs { mode: Mode::Normal, ..world.inputs() }, &world.setup);
    assert!(stopped.flatten && stopped.orders.is_empty(), "{:?}", stopped.orders);

    world.memory = stopped.memory;
    world.memory.performance = world.memory.performance.with_new_high_water_mark();
    world.next_day(12.0);
    world.agree_with_broker();
    let armed = decide(&world.inputs(), &world.setup);
    assert!(!armed.flatten && armed.risk.drawdown == 0.0, "{:?}", armed.risk);
    assert!(armed.orders.iter().any(|order| order.purpose == Purpose::Increase), "{:?}", armed.refusals);
}
