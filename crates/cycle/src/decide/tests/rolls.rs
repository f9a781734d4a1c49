//! Futures that come to their end: what rolls, what is closed, and what never blocks it.

use super::told;
use crate::decide;
use crate::fixture::{World, future_pair as pair, held_until};
use domain::{ContractId, Quantity};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use risk::{Mode, Purpose, Quality};
use strategy::{Sleeve, SleeveKind};

const OLD: &str = "FESX_20260320";
const NEW: &str = "FESX_20260619";
/// The first day of the future's roll, and the last.
const STARTS: Date = date(2026, 3, 10);
const DEADLINE: Date = date(2026, 3, 17);

fn contract(world: &World, name: &str) -> ContractId {
    world.setup.universe.find_contract(name).unwrap()
}

#[test]
fn a_short_future_of_a_pair_moves_to_the_next_contract_and_nothing_else_trades() {
    let before = held_until(date(2026, 3, 9));
    assert_eq!(decide(&before.inputs(), &before.setup).orders, [], "the day before the roll starts");
    let mut world = held_until(STARTS);
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 CloseOut 36 FESX_20260320
    2 Roll -36 FESX_20260619
    ");
    world.fill_everything();
    assert_eq!(decide(&world.inputs(), &world.setup).orders, [], "and then it is over");
}

#[test]
fn a_roll_takes_nothing_from_the_day_s_turnover() {
    let mut world = held_until(STARTS);
    world.setup.policy.gate.turnover_max = 0.0;
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.table.scheduled[contract(&world, NEW)], -world.ledger.quantity(contract(&world, OLD)).abs());
    assert_eq!(plan.refusals, []);
}

#[test]
fn what_is_rolled_is_not_cut_and_what_the_order_grows_by_is() {
    let mut world = held_until(STARTS).with_sleeves(pair(0.9));
    let (old, new) = (contract(&world, OLD), contract(&world, NEW));
    world.conditions.adv[new] = Some(100.0);
    let plan = decide(&world.inputs(), &world.setup);
    let [rolled, wanted, closed] =
        [plan.table.rolled[new], plan.table.scheduled[new], plan.table.scheduled[old]].map(Quantity::to_f64);
    assert_eq!((rolled, wanted, closed), (-36.0, -46.0, 36.0), "ten of a hundred that trade on a day");
}

#[test]
fn on_a_crisis_day_a_roll_opens_only_what_is_still_wanted() {
    let mut world = held_until(date(2026, 3, 9));
    world.next_day(45.0);
    insta::assert_snapshot!(told(&world), @r"
    CRISIS vix Some(45.0) scale 0.450 = 1.500 × 0.3, core × 1
    1 CloseOut 36 FESX_20260320
    2 Roll -11 FESX_20260619
    3 Reduce -2625 CSPX
    ");
}

#[test]
fn a_target_of_zero_closes_and_opens_nothing() {
    let world = held_until(STARTS);
    let inputs = crate::DayInputs { flatten: true, ..world.inputs() };
    let plan = decide(&inputs, &world.setup);
    let orders: Vec<_> = plan.orders.iter().map(|order| (world.name(order.contract), order.purpose)).collect();
    assert_eq!(orders, [(OLD, Purpose::CloseOut), ("CSPX", Purpose::Reduce)]);
    let funds = SleeveKind::Pair { long: ContractId(0), short: ContractId(1) };
    let unwanted = world.with_sleeves(vec![Sleeve { kind: funds, ..pair(0.3).remove(0) }]);
    let plan = decide(&unwanted.inputs(), &unwanted.setup);
    assert!(plan.orders.iter().all(|order| unwanted.name(order.contract) != NEW), "no sleeve wants it");
}

#[test]
fn without_a_next_contract_to_trust_the_old_one_is_held_to_its_deadline_and_closed() {
    let doubt = |world: &mut World| world.doubts.marks.push(super::doubted(world, NEW, false));
    let mut early = held_until(STARTS);
    doubt(&mut early);
    assert_eq!(decide(&early.inputs(), &early.setup).orders, []);
    let mut due = held_until(DEADLINE);
    doubt(&mut due);
    insta::assert_snapshot!(told(&due), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 CloseOut 36 FESX_20260320
    FESX_20260619: its price is not believed, so it takes no new risk; it is valued at the last good mark until the price is confirmed
    ");
}

#[test]
fn a_roll_goes_on_when_only_reductions_may_and_without_a_volatility() {
    let mut world = held_until(STARTS);
    let reduce_only = crate::DayInputs { mode: Mode::ReduceOnly, ..world.inputs() };
    let purposes = |plan: &crate::DayPlan| plan.orders.iter().map(|order| order.purpose).collect::<Vec<_>>();
    assert_eq!(purposes(&decide(&reduce_only, &world.setup)), [Purpose::CloseOut, Purpose::Roll]);
    world.turn_to(date(2026, 3, 16));
    world.memory = crate::Memory::new(&world.setup);
    world.panel = market::Panel::new(8);
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.risk.quality, Quality::Invalid);
    assert_eq!(purposes(&plan), [Purpose::CloseOut, Purpose::Roll]);
}

#[test]
fn a_contract_past_its_deadline_that_cannot_trade_is_named() {
    let mut world = held_until(DEADLINE);
    world.close_venue(OLD);
    assert!(told(&world).contains("past its deadline, and it cannot be closed today"), "{}", told(&world));
}

#[test]
fn the_hedge_rolls_in_one_day() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    world.fill_everything();
    world.turn_to(date(2026, 3, 4));
    world.set_mark("M6E_20260615", "1.26");
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix None scale 0.000 = 0.000 × 1.0, core × 1
    1 CloseOut 17 M6E_20260316
    2 FxHedge -17 M6E_20260615
    the basket: there is no volatility estimate, so no risk is added
    ");
}

/// A frozen share in euros hides what there is to hedge, not that the contract which hedges it ends.
#[test]
fn the_hedge_keeps_its_size_and_rolls_while_what_it_hedges_is_not_known() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.set_mark("CS51", "180");
    world.agree_with_broker();
    world.fill_everything();
    world.agree_with_broker();
    world.broker_holds("CS51", -1);
    world.turn_to(date(2026, 3, 4));
    world.set_mark("M6E_20260615", "1.26");
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.facts.frozen.contains(&contract(&world, "CS51")));
    let scheduled = |name: &str| plan.table.scheduled[contract(&world, name)];
    assert_eq!(scheduled("M6E_20260316"), Quantity::whole(17), "{:?}", plan.orders);
    assert!([Quantity::whole(-17), Quantity::ZERO].contains(&scheduled("M6E_20260615")));
}

proptest! {
    #[test]
    fn whatever_is_held_along_a_chain_its_sum_stays_the_target_and_nothing_is_wanted_past_a_deadline(
        old in -60_i64..60, new in -60_i64..60, budget in 0.0_f64..0.5, day in 0_i8..9, doubted in any::<bool>(),
        shut in any::<bool>(),
    ) {
        let mut world = World::first_day().with_sleeves(pair(budget));
        for (name, quantity) in [(OLD, old), (NEW, new)] {
            if let Some(side) = domain::Side::of(Quantity::whole(quantity)) {
                let id = contract(&world, name);
                let mark = world.marks[id].unwrap();
                world.ledger.fill(id, side, Quantity::whole(quantity.abs()), mark, &world.setup.universe);
            }
        }
        world.agree_with_broker();
        world.turn_to(date(2026, 3, 9 + day));
        if doubted { world.doubts.marks.push(super::doubted(&world, NEW, false)); }
        if shut { world.close_venue("CSPX"); }
        let plan = decide(&world.inputs(), &world.setup);
        let (before, after) = (contract(&world, OLD), contract(&world, NEW));
        let wanted = plan.table.wanted[before] + plan.table.wanted[after];
        if world.date >= DEADLINE {
            prop_assert!(plan.table.wanted[before].is_zero() && plan.table.scheduled[before] == Quantity::whole(-old));
        }
        if world.date >= STARTS && !doubted {
            prop_assert!(plan.table.wanted[before].is_zero());
            // Rolled quantities add no exposure: they are at most what is closed, on the same side.
            let rolled = plan.table.rolled[after];
            prop_assert!(rolled.abs() <= Quantity::whole(old.abs()) && rolled.signum() * old.signum() >= 0);
        }
        if shut && !doubted {
            prop_assert_eq!(wanted, Quantity::whole(old + new), "a sleeve that waits keeps its size");
        }
        let fits = plan.table.scheduled[after].abs() <= (plan.table.wanted[after] - Quantity::whole(new)).abs();
        prop_assert!(fits, "never more than wanted");
    }
}
