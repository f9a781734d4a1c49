//! From any book to the target: how fast, and never beyond a cap.

use crate::fixture::World;
use crate::{DayPlan, decide};
use domain::{ContractId, Quantity, Side};
use proptest::prelude::*;
use risk::{Check, Mode, Purpose, Regime};
use strategy::sizing::Change;
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const EUROPE: ContractId = ContractId(1);
const INDEX: ContractId = ContractId(7);
const CONTRACTS: [ContractId; 3] = [FUND, EUROPE, INDEX];

fn basket(shares: [f64; 3]) -> Vec<Sleeve> {
    let sum: f64 = shares.iter().map(|share| share.abs()).sum();
    let members = CONTRACTS.into_iter().zip(shares).map(|(contract, share)| (contract, share / sum)).collect();
    let kind = SleeveKind::WeightedBasket { members };
    vec![Sleeve { name: "basket".into(), budget: 0.9, follows_momentum: false, kind }]
}

fn world(shares: [f64; 3], held: [i64; 3]) -> World {
    let mut world = World::first_day().with_sleeves(basket(shares));
    for (contract, quantity) in CONTRACTS.into_iter().zip(held) {
        let Some(side) = Side::of(Quantity::whole(quantity)) else { continue };
        let mark = world.marks[contract].unwrap();
        world.ledger.fill(contract, side, Quantity::whole(quantity.abs()), mark, &world.setup.universe);
    }
    world.agree_with_broker();
    world
}

/// Exposure after every order is filled, without the currency hedge, over NAV: gross and net.
fn exposure(plan: &DayPlan, world: &World) -> (f64, f64) {
    let value = |contract: ContractId| {
        let quantity = world.ledger.quantity(contract) + plan.table.scheduled[contract];
        quantity.to_f64() * plan.table.unit_price[contract] / plan.facts.nav
    };
    let values = CONTRACTS.map(value);
    (values.iter().map(|value| value.abs()).sum(), values.iter().sum())
}

/// What a day adds, as a share of NAV, the hedge and rolls apart.
fn added(plan: &DayPlan, world: &World) -> f64 {
    let increase = |contract: ContractId| {
        let held = world.ledger.quantity(contract);
        let change = Change::between(held, held + plan.table.scheduled[contract]);
        change.increase.to_f64().abs() * plan.table.unit_price[contract]
    };
    CONTRACTS.into_iter().map(increase).sum::<f64>() / plan.facts.nav
}

fn has_work(plan: &DayPlan) -> bool {
    plan.orders.iter().any(|order| order.purpose != Purpose::FxHedge)
}

/// Days within which every target is reached: those that the turnover limit takes, those that the net cap takes when at
/// their worst only buys or only sales fill, and one for what has to go first.
fn bound(plan: &DayPlan, world: &World) -> usize {
    let gate = &world.setup.policy.gate;
    let wanted = plan.table.target_value.as_slice().iter().map(|value| value.abs()).sum::<f64>() / plan.facts.nav;
    let days = |limit: f64| (wanted / limit).ceil() as usize;
    days(gate.turnover_max) + days(gate.net_max) + 1
}

/// Works days on the same prices until nothing is left to do, and counts those that traded.
fn days_until_done(world: &mut World) -> Result<usize, TestCaseError> {
    let bound = bound(&decide(&world.inputs(), &world.setup), world);
    for day in 0..=bound {
        let plan = decide(&world.inputs(), &world.setup);
        if !has_work(&plan) {
            return Ok(day);
        }
        let policy = &world.setup.policy.gate;
        prop_assert!(added(&plan, world) <= policy.turnover_max + 1e-9, "day {}: {}", day, added(&plan, world));
        world.fill_everything();
    }
    Err(TestCaseError::fail(format!("the target is not reached in {bound} days")))
}

/// How far a book without work may be from its target, as a share of NAV: drifts that are not worth a trade, half a lot of
/// each contract, and the smallest trade. What is above its target by a drift also takes that much of the caps from others.
fn slack(plan: &DayPlan, world: &World) -> f64 {
    let rebalance = &world.setup.policy.rebalance;
    let target = |contract: ContractId| plan.table.target_value[contract].abs() / plan.facts.nav;
    let drift = |contract: ContractId| (rebalance.drift_of_target * target(contract)).max(rebalance.drift_of_nav);
    let lot = |contract: ContractId| (plan.table.unit_price[contract] + rebalance.trade_min) / plan.facts.nav;
    CONTRACTS.into_iter().map(|contract| 2.0 * drift(contract) + lot(contract)).sum()
}

fn shares() -> impl Strategy<Value = [f64; 3]> {
    let share = (0.1_f64..1.0, any::<bool>()).prop_map(|(share, long)| if long { share } else { -share });
    [share.clone(), share.clone(), share]
}

/// Shares of funds worth up to twice NAV, contracts up to once.
fn holdings() -> impl Strategy<Value = [i64; 3]> {
    (-33_000_i64..33_000, -80_000_i64..80_000, -160_i64..160).prop_map(|(fund, europe, index)| [fund, europe, index])
}

proptest! {
    #[test]
    fn a_first_deployment_takes_as_many_days_as_the_turnover_limit_says(shares in shares()) {
        let mut world = world(shares, [0; 3]);
        let plan = decide(&world.inputs(), &world.setup);
        let gross: f64 = plan.table.target_value.as_slice().iter().map(|value| value.abs()).sum::<f64>() / plan.facts.nav;
        // What is left for a last day may be a drift that is not worth a trade.
        prop_assume!((gross / 0.5).fract() > 0.08 && (gross / 0.5).fract() < 0.98);
        let told = plan.refusals.iter().find(|refusal| refusal.check == risk::Check::Turnover);
        let bound = bound(&plan, &world);
        let days = days_until_done(&mut world)?;
        let takes = (gross / 0.5).ceil() as usize;
        let net: f64 = plan.table.target_value.as_slice().iter().sum::<f64>().abs() / plan.facts.nav;
        // Near the net cap the last of one side waits for days on which the other is there.
        prop_assert!(days == takes || (net > 0.5 && days <= bound), "gross {} net {} in {} days", gross, net, days);
        if let Some(refusal) = told {
            let sentence = refusal.sentence(&world.setup.universe);
            prop_assert!(sentence.contains(&format!("{takes} days at this rate")), "{}", sentence);
        }
    }

    #[test]
    fn from_any_book_the_target_is_reached_in_time_and_inside_the_caps(
        shares in shares(), held in holdings(), gross_max in 0.6_f64..2.0, net_share in 0.05_f64..1.0,
    ) {
        let mut world = world(shares, held);
        let net_max = gross_max * net_share;
        world.setup.policy.caps = risk::Caps { gross_max, net_max };
        (world.setup.policy.gate.gross_max, world.setup.policy.gate.net_max) = (gross_max, net_max);
        days_until_done(&mut world)?;
        let plan = decide(&world.inputs(), &world.setup);
        let (gross, net) = exposure(&plan, &world);
        let slack = slack(&plan, &world);
        prop_assert!(gross <= gross_max + slack && net.abs() <= net_max + slack, "gross {} net {}", gross, net);
        for contract in CONTRACTS {
            let (is, wanted) = (plan.table.held_value[contract] / 1e7, plan.table.target_value[contract] / 1e7);
            prop_assert!((is - wanted).abs() <= slack, "{} of NAV, wanted {}, within {}", is, wanted, slack);
        }
    }

    #[test]
    fn from_normal_to_crisis_every_reduction_is_over_after_one_day(shares in shares(), held in holdings()) {
        let mut world = world(shares, held);
        days_until_done(&mut world)?;
        world.next_day(45.0);
        world.fill_everything();
        let plan = decide(&world.inputs(), &world.setup);
        prop_assert_eq!(plan.risk.regime, Regime::Crisis);
        prop_assert!(plan.orders.iter().all(|order| order.purpose != Purpose::Reduce), "{:?}", plan.orders);
        let (gross, _) = exposure(&plan, &world);
        prop_assert!(gross <= 0.3 * 1.5 * 0.9 + slack(&plan, &world), "gross {}", gross);
    }

    #[test]
    fn no_day_carries_the_book_further_beyond_a_cap(shares in shares(), held in holdings(), cap in 0.3_f64..2.0) {
        let mut world = world(shares, held);
        (world.setup.policy.gate.gross_max, world.setup.policy.gate.net_max) = (cap, cap / 2.0);
        let plan = decide(&world.inputs(), &world.setup);
        let before = plan.table.held_value.as_slice().iter().map(|value| value.abs()).sum::<f64>() / plan.facts.nav;
        let (gross, _) = exposure(&plan, &world);
        prop_assert!(gross <= cap.max(before) + 1e-9, "{} from {} under {}", gross, before, cap);
    }

    #[test]
    fn a_crisis_is_met_in_one_day_whatever_the_limits(
        shares in shares(), held in holdings(), turnover in 0.0_f64..0.5, cap in 0.0_f64..2.0,
    ) {
        let mut world = world(shares, held);
        world.next_day(45.0);
        let gate = &mut world.setup.policy.gate;
        (gate.turnover_max, gate.gross_max, gate.net_max) = (turnover, cap, cap);
        let plan = decide(&world.inputs(), &world.setup);
        prop_assert_eq!(plan.risk.regime, Regime::Crisis);
        for contract in CONTRACTS {
            let held = world.ledger.quantity(contract);
            let reduce = Change::between(held, plan.table.wanted[contract]).reduce;
            let sent = Change::between(held, held + plan.table.scheduled[contract]).reduce;
            let small = reduce.to_f64().abs() * plan.table.unit_price[contract] < world.setup.policy.rebalance.trade_min;
            prop_assert!(sent == reduce || small, "{} of {}", sent, reduce);
        }
        let limited = crate::DayInputs { mode: Mode::ReduceOnly, ..world.inputs() };
        let reduced = decide(&limited, &world.setup);
        prop_assert!(reduced.orders.iter().all(|order| order.purpose != Purpose::Increase));
        for contract in CONTRACTS {
            let held = world.ledger.quantity(contract);
            let reduce = Change::between(held, plan.table.wanted[contract]).reduce;
            let sent = reduced.table.scheduled[contract];
            let small = reduce.to_f64().abs() * plan.table.unit_price[contract] < world.setup.policy.rebalance.trade_min;
            let is_cut = reduced.table.verdict[contract].failed().any(|check| check == Check::NetRises);
            prop_assert!(sent == reduce || small || is_cut, "{} of {}", sent, reduce);
            prop_assert!(sent.abs() <= reduce.abs() && sent.signum() * reduce.signum() >= 0, "{} of {}", sent, reduce);
        }
        let before: f64 = CONTRACTS
            .map(|contract| world.ledger.quantity(contract).to_f64() * plan.table.unit_price[contract] / plan.facts.nav)
            .iter()
            .sum();
        let lots: f64 = CONTRACTS.map(|contract| plan.table.unit_price[contract] / plan.facts.nav).iter().sum();
        let (_, after) = exposure(&reduced, &world);
        prop_assert!(after.abs() <= before.abs() + lots + 1e-9, "net {} became {}", before, after);
    }
}
