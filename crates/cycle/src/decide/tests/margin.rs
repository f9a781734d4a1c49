//! What the broker would ask for, before it is chosen.

use super::told;
use crate::fixture::World;
use crate::{DayPlan, Margin, decide};
use domain::ContractId;
use proptest::prelude::*;
use risk::{Check, Purpose};

const FUND: ContractId = ContractId(0);
const EUROPE: ContractId = ContractId(1);

/// The first day, with so much excess liquidity and what a share of each fund would take of it.
fn world(excess: f64, fund: Option<f64>, europe: Option<f64>) -> World {
    let mut world = World::first_day();
    world.conditions.excess_liquidity = Some(excess);
    world.margins = vec![Margin { contract: FUND, per_unit: fund }, Margin { contract: EUROPE, per_unit: europe }];
    world
}

/// Base currency ordered of a contract.
fn ordered(plan: &DayPlan, contract: ContractId) -> f64 {
    plan.table.scheduled[contract].to_f64() * plan.table.unit_price[contract]
}

#[test]
fn increases_are_cut_to_what_the_margin_leaves_and_the_pair_alike() {
    // 4,375 shares of 600 and 10,500 of 250 are wanted; a quarter of their value is 1.31 m, and 0.9 m may be used.
    let world = world(2_500_000.0, Some(150.0), Some(62.5));
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 Increase 3000 CSPX
    2 Increase -7200 CS51
    the basket: excess liquidity would be 11.9 % of NAV, the least allowed is 16.0 %; what does not fit waits
    the basket: increases of 52.5 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    ");
    let plan = decide(&world.inputs(), &world.setup);
    assert!((ordered(&plan, FUND) + ordered(&plan, EUROPE)).abs() < 850.0, "level to a share of each");
}

#[test]
fn a_leg_that_the_broker_would_refuse_holds_back_the_other_too() {
    let world = world(8_000_000.0, Some(150.0), None);
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.orders, []);
    let told = told(&world);
    assert!(told.contains("CS51: the broker would refuse an order that adds to it, so nothing is added"), "{told}");
    assert!(told.contains("CSPX"), "its pair waits: {told}");
}

proptest! {
    #[test]
    fn what_is_ordered_leaves_the_cushion_and_no_cushion_holds_back_a_reduction(
        excess in 1_500_000.0_f64..6_000_000.0, fund in 0.0_f64..600.0, europe in 0.0_f64..250.0,
    ) {
        let mut world = world(excess, Some(fund), Some(europe));
        let plan = decide(&world.inputs(), &world.setup);
        let needed = plan.table.scheduled[FUND].to_f64().abs() * fund
            + plan.table.scheduled[EUROPE].to_f64().abs() * europe;
        prop_assert!(excess - needed >= 0.15 * plan.facts.nav - 1e-6, "{} of {}", needed, excess);
        world.conditions.excess_liquidity = Some(8e6);
        world.margins.clear();
        world.fill_everything();
        world.fill_everything();
        world.next_day(45.0);
        world.conditions.excess_liquidity = Some(0.0);
        let plan = decide(&world.inputs(), &world.setup);
        let reductions = plan.orders.iter().filter(|order| order.purpose == Purpose::Reduce).count();
        prop_assert_eq!(reductions, 2);
        prop_assert!(plan.refusals.iter().any(|refusal| refusal.check == Check::Margin));
    }
}
