//! A day that only reduces, and what it does to the net.

use crate::fixture::{World, held_until};
use crate::{DayInputs, DayPlan, decide};
use domain::{ContractId, Quantity};
use jiff::civil::date;
use risk::{Check, Mode, Purpose};
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const EUROPE: ContractId = ContractId(1);
const INDEX: ContractId = ContractId(7);

fn basket(members: &[(ContractId, f64)]) -> Vec<Sleeve> {
    let kind = SleeveKind::WeightedBasket { members: members.to_vec() };
    vec![Sleeve { name: "basket".into(), budget: 0.35, follows_momentum: false, kind }]
}

/// As much long of the fund as short of Europe, after the members of the sleeve became these.
fn held_when_members_change(members: &[(ContractId, f64)]) -> World {
    let mut world = World::first_day().with_sleeves(basket(&[(FUND, 0.5), (EUROPE, -0.5)]));
    while !decide(&world.inputs(), &world.setup).orders.is_empty() {
        world.fill_everything();
    }
    let (ledger, marks) = (world.ledger.clone(), world.marks.clone());
    world = world.with_sleeves(basket(members));
    (world.ledger, world.marks) = (ledger, marks);
    world.agree_with_broker();
    world
}

fn reducing(world: &World) -> DayPlan {
    decide(&DayInputs { mode: Mode::ReduceOnly, ..world.inputs() }, &world.setup)
}

fn net_after(plan: &DayPlan, world: &World) -> f64 {
    let value =
        |c: ContractId| (world.ledger.quantity(c) + plan.table.scheduled[c]).to_f64() * plan.table.unit_price[c];
    [FUND, EUROPE, INDEX].into_iter().map(value).sum()
}

#[test]
fn a_side_whose_successor_may_not_be_bought_is_not_sold_alone() {
    let mut world = held_when_members_change(&[(INDEX, 0.5), (EUROPE, -0.5)]);
    let plan = reducing(&world);
    assert!(plan.orders.iter().all(|order| order.purpose == Purpose::FxHedge), "{:?}", plan.orders);
    let refusals: Vec<String> = plan.refusals.iter().map(|refusal| refusal.sentence(&world.setup.universe)).collect();
    insta::assert_snapshot!(refusals.join("\n"), @"
    CSPX: today only what reduces the book goes, and with nothing to answer it this reduction would raise the net exposure, so all or part of it waits for the other side or for `resume`
    FESX_20260320: the operating mode does not permit this order; the step that stopped the day says why
    ");
    let normal = decide(&world.inputs(), &world.setup);
    assert_eq!(normal.table.scheduled[FUND], -world.ledger.quantity(FUND), "what takes its place is bought with it");

    world.close_venue("CS51");
    let flat = decide(&DayInputs { mode: Mode::ReduceOnly, flatten: true, ..world.inputs() }, &world.setup);
    assert_eq!(
        flat.table.scheduled[FUND],
        -world.ledger.quantity(FUND),
        "a book that is closed is closed as it can be"
    );
}

#[test]
fn a_side_is_reduced_as_far_as_the_other_answers_it() {
    let world = held_when_members_change(&[(INDEX, 0.5), (EUROPE, -0.25)]);
    let plan = reducing(&world);
    let held = world.ledger.quantity(FUND);
    assert_eq!(plan.table.wanted[FUND], Quantity::ZERO);
    let sold = -plan.table.scheduled[FUND].to_f64() / held.to_f64();
    assert!((sold - 0.5).abs() < 0.01, "{sold} of what is held");
    assert!(net_after(&plan, &world).abs() < 1_000.0, "{}", net_after(&plan, &world));
    assert!(
        plan.table.verdict[FUND].failed().eq([Check::NetRises]) && plan.table.verdict[EUROPE].failed().count() == 0
    );
}

#[test]
fn what_has_to_be_closed_is_closed_whatever_it_does_to_the_net() {
    let plan = reducing(&held_until(date(2026, 3, 17)));
    let closed = plan.orders.iter().find(|order| order.purpose == Purpose::CloseOut).unwrap();
    assert_eq!(closed.quantity, Quantity::whole(36), "{:?}", plan.orders);
}
