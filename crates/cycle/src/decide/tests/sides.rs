//! Sleeves of two sides when a part of one cannot be had.

use crate::fixture::World;
use crate::plan::StartPlan;
use crate::{DayPlan, decide};
use domain::{ContractId, Quantity, Side};
use proptest::prelude::*;
use risk::Check;
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const SHORTS: [ContractId; 2] = [ContractId(1), ContractId(4)];

/// Half long the American fund, half short two things of the euro area, which nothing stands in for.
fn world() -> World {
    let members = vec![(FUND, 0.5), (SHORTS[0], -0.25), (SHORTS[1], -0.25)];
    let kind = SleeveKind::WeightedBasket { members };
    let sleeve = Sleeve { name: "sector_rv".into(), budget: 0.25, follows_momentum: false, kind };
    let mut world = World::first_day().with_sleeves(vec![sleeve]);
    world.setup.policy.short_proxies.clear();
    world
}

/// What the plan of a world makes of the two sides, in base currency, both positive.
fn sides(plan: &DayPlan) -> [f64; 2] {
    let value = |contract: ContractId| plan.table.wanted[contract].to_f64() * plan.table.unit_price[contract];
    [value(FUND), -SHORTS.into_iter().map(value).sum::<f64>()]
}

#[test]
fn what_one_side_cannot_get_the_other_does_without() {
    let mut world = world();
    world.doubts.marks.push(super::doubted(&world, "SX5E", false));
    let plan = decide(&world.inputs(), &world.setup);
    let [long, short] = sides(&plan);
    assert!((long / 937_500.0 - 1.0).abs() < 0.01 && (short / 937_500.0 - 1.0).abs() < 0.01, "{long} {short}");
    assert!(
        plan.refusals.iter().any(|r| r.contract == Some(SHORTS[1]) && r.check == Check::Quarantine),
        "{:?}",
        plan.refusals
    );

    // The price is believed again: both sides grow to their size.
    world.fill_everything();
    world.next_day(15.0);
    world.doubts.marks.clear();
    let whole = sides(&decide(&world.inputs(), &world.setup));
    assert!((whole[0] / whole[1] - 1.0).abs() < 0.02 && whole[0] > 1.9 * long, "{whole:?}");
}

#[test]
fn a_member_whose_venue_is_shut_keeps_what_it_has_and_the_sleeve_stays_level() {
    let mut world = world();
    world.fill_everything();
    world.next_day(15.0);
    let held = sides(&decide(&world.inputs(), &world.setup));
    world.next_day(45.0);
    world.close_venue("SX5E");
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.table.wanted[SHORTS[1]], world.ledger.quantity(SHORTS[1]), "it cannot be bought back today");
    assert!(plan.table.wanted[FUND] < world.ledger.quantity(FUND), "a crisis reduces what it can, {held:?}");
}

#[test]
fn a_side_that_opens_waits_for_the_other_one_and_one_that_is_held_for_nobody() {
    let mut world = world();
    let plan = decide(&world.inputs(), &world.setup);
    let numbers = |contracts: &[ContractId]| -> Vec<u16> {
        contracts.iter().map(|c| plan.orders.iter().find(|order| order.contract == *c).unwrap().number).collect()
    };
    let (long, short) = (numbers(&[FUND]), numbers(&SHORTS));
    let starts = vec![StartPlan { orders: long.clone(), with: short.clone() }, StartPlan { orders: short, with: long }];
    assert_eq!(plan.starts, starts);
    world.fill_everything();
    world.next_day(15.0);
    world.set_mark("CSPX", "560");
    world.agree_with_broker();
    let plan = decide(&world.inputs(), &world.setup);
    assert!(!plan.orders.is_empty() && plan.starts.is_empty(), "{:?}", plan.starts);
}

proptest! {
    #[test]
    fn whatever_takes_no_new_risk_the_sides_open_level(
        doubted in prop::sample::subsequence(vec!["CSPX", "CS51", "SX5E"], 0..3), shut in any::<bool>(), held in 0_i64..2_000,
    ) {
        let mut world = world();
        for name in &doubted {
            let doubt = super::doubted(&world, name, false);
            world.doubts.marks.push(doubt);
        }
        if shut { world.close_venue("SX5E"); }
        if held > 0 {
            let mark = world.marks[SHORTS[0]].unwrap();
            world.ledger.fill(SHORTS[0], Side::Sell, Quantity::whole(held), mark, &world.setup.universe);
            world.agree_with_broker();
        }
        let plan = decide(&world.inputs(), &world.setup);
        let [long, short] = sides(&plan);
        let held = held as f64 * 250.0;
        // Half a lot of each, the drift that is not worth a trade, and what nobody may touch.
        let slack = 7_000.0 + 0.02 * 1_875_000.0;
        let stands = plan.held_back.contains(&0);
        prop_assert!((long - short).abs() <= slack || (stands && long == 0.0 && (short - held).abs() < 1.0), "{} {}", long, short);
    }
}
