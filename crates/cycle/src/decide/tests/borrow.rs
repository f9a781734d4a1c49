//! Legs that cannot be had: what stands in, and what gives way with them.

use super::told;
use crate::fixture::World;
use crate::{Borrowable, DayPlan, decide};
use domain::{ContractId, LedgerEvent, Money, Quantity};
use proptest::prelude::*;
use strategy::{Sleeve, SleeveKind};

const FUND: ContractId = ContractId(0);
const EUROPE: ContractId = ContractId(1);
const INDEX: ContractId = ContractId(7);

/// The first day, with so many shares of the European fund to be borrowed.
fn lent(shares: i64) -> World {
    let mut world = World::first_day();
    world.borrowable = vec![Borrowable { contract: EUROPE, shares: Quantity::whole(shares) }];
    world
}

/// Base currency wanted of a contract.
fn value(plan: &DayPlan, contract: ContractId) -> f64 {
    plan.table.wanted[contract].to_f64() * plan.table.unit_price[contract]
}

#[test]
fn what_cannot_be_borrowed_is_sold_as_the_proxy_future() {
    let world = lent(4_000);
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!(plan.table.wanted[EUROPE], Quantity::whole(-4_000));
    assert_eq!(plan.table.wanted[INDEX], Quantity::whole(-26), "6,500 × 250 dollars in contracts of 62,500");
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    1 Increase 4166 CSPX
    2 Increase -24 FESX_20260320
    3 Increase -3809 CS51
    CS51: 10500 shares are wanted short and 4000 can be borrowed; the rest is sold as its proxy future, or the long side gives way too
    the basket: increases of 52.5 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    ");
}

#[test]
fn the_proxy_stays_while_nothing_can_be_borrowed_and_goes_when_it_can() {
    let mut world = lent(0);
    for _ in 0..3 {
        world.fill_everything();
        world.next_day(15.0);
    }
    assert_eq!(decide(&world.inputs(), &world.setup).orders, []);
    world.borrowable.clear();
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((plan.table.wanted[INDEX], plan.table.wanted[EUROPE]), (Quantity::ZERO, Quantity::whole(-10_500)));
}

#[test]
fn without_a_proxy_the_long_leg_gives_way_too() {
    let mut world = lent(4_000);
    world.setup.policy.short_proxies.clear();
    let plan = decide(&world.inputs(), &world.setup);
    assert_eq!((value(&plan, EUROPE), value(&plan, FUND)), (-1_000_000.0, 1_000_200.0), "to a share");
    let mut none = lent(0);
    none.setup.policy.short_proxies.clear();
    insta::assert_snapshot!(told(&none), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    CS51: 10500 shares are wanted short and 0 can be borrowed; the rest is sold as its proxy future, or the long side gives way too
    ");
}

#[test]
fn what_is_short_already_is_kept_when_the_lender_has_no_more() {
    let mut world = World::first_day();
    world.fill_everything();
    world.fill_everything();
    world.borrowable = vec![Borrowable { contract: EUROPE, shares: Quantity::ZERO }];
    assert_eq!(decide(&world.inputs(), &world.setup).orders, []);
}

#[test]
fn a_sleeve_one_side_of_which_is_less_than_a_lot_holds_neither() {
    let kind = SleeveKind::Pair { long: FUND, short: INDEX };
    let pair = Sleeve { name: "core_index_rv".into(), budget: 0.30, follows_momentum: true, kind };
    let mut world = World::first_day().with_sleeves(vec![pair]);
    let withdrawal = Money::new(rust_decimal::dec!(-9_900_000), domain::Currency::Usd);
    world.ledger.apply(&LedgerEvent::Flow { amount: withdrawal }, &world.setup.universe).unwrap();
    world.agree_with_broker();
    insta::assert_snapshot!(told(&world), @r"
    NORMAL vix Some(15.0) scale 1.500 = 1.500 × 1.0, core × 1
    one side of a sleeve is smaller than a lot, so the sleeve holds neither: it needs more NAV
    ");
}

proptest! {
    #[test]
    fn however_little_can_be_borrowed_the_sides_stay_level(
        shares in 0_i64..12_000, proxy in any::<bool>(), doubted in any::<bool>(), held in 0_i64..9_000,
    ) {
        let mut world = lent(shares);
        if !proxy { world.setup.policy.short_proxies.clear(); }
        if doubted { world.doubts.marks.push(super::doubted(&world, "FESX_20260320", false)); }
        if held > 0 {
            let mark = world.marks[EUROPE].unwrap();
            world.ledger.fill(EUROPE, domain::Side::Sell, Quantity::whole(held), mark, &world.setup.universe);
            world.agree_with_broker();
        }
        let plan = decide(&world.inputs(), &world.setup);
        let short = value(&plan, EUROPE) + value(&plan, INDEX);
        let long = value(&plan, FUND);
        // Half a lot of each, and the drift that is not worth a trade.
        let slack = 0.5 * (62_500.0 + 600.0 + 250.0) + 0.02 * 2_625_000.0;
        prop_assert!((long + short).abs() <= slack, "long {} short {}", long, short);
        prop_assert!(-plan.table.wanted[EUROPE].to_f64() <= (held + shares) as f64);
    }
}
