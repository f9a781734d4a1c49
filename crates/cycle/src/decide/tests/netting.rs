//! What sleeves want of the same contracts goes to market once, and what it got comes back to each.

use super::*;
use domain::{ExecutionId, Fill, LedgerEvent, OrderKey, OrderRef, Quantity, Side, SleeveBooks, SleeveId};
use rust_decimal::{Decimal, dec};
use strategy::{Sleeve, SleeveKind};

/// A sleeve that wants these quantities of CSPX and CS51, at 600 USD and at 200 EUR × 1.25, at a scale of 1.5.
fn wants(name: &str, cspx: i64, cs51: i64) -> Sleeve {
    let values = [(ContractId(0), cspx as f64 * 600.0), (ContractId(1), cs51 as f64 * 250.0)];
    let gross: f64 = values.iter().map(|(_, value)| value.abs()).sum();
    let members = values.map(|(contract, value)| (contract, value / gross)).to_vec();
    let budget = gross / 10_000_000.0 / 1.5;
    Sleeve { name: name.into(), budget, follows_momentum: false, kind: SleeveKind::WeightedBasket { members } }
}

#[test]
fn a_full_exit_is_made_beside_what_somebody_else_holds() {
    let mut world = World::first_day().with_sleeves(vec![wants("a", 0, -200)]);
    let (fund, shares) = (ContractId(0), |shares| Quantity::whole(shares));
    let (price, at, execution) = (fixture::price("600"), world.decided_at(), ExecutionId("theirs.01".into()));
    let (order, side, quantity) = (None, Side::Buy, shares(13));
    let bought = LedgerEvent::Fill(Fill { execution, order, contract: fund, side, quantity, price, at });
    world.ledger.apply(&bought, &world.setup.universe).unwrap();
    world.agree_with_broker();
    let mut sleeves = SleeveBooks::new(["a"]);
    sleeves.apply(&bought, &world.setup.universe);
    sleeves.adopt(fund, shares(3), sleeves.id("a").unwrap(), price, &world.setup.universe);
    let plan = decide(&DayInputs { sleeves: Some(&sleeves), ..world.inputs() }, &world.setup);
    assert_eq!(plan.table.scheduled[fund], shares(-3), "1,800 dollars, less than the smallest trade");
}

#[test]
fn four_wants_become_two_orders_and_eighty_shares_are_never_traded() {
    let world = World::first_day().with_sleeves(vec![wants("a", 100, -200), wants("b", -40, -50)]);
    let universe = &world.setup.universe;
    let mut sleeves = SleeveBooks::new(["a", "b"]);
    let plan = decide(&DayInputs { sleeves: Some(&sleeves), ..world.inputs() }, &world.setup);
    let orders: Vec<String> =
        plan.orders.iter().map(|o| format!("{} {}", o.quantity, world.name(o.contract))).collect();
    assert_eq!(orders, ["-250 CS51", "60 CSPX"], "the larger value first");
    let wanted: Quantity = plan.wants.iter().fold(Quantity::ZERO, |sum, want| sum + want.quantity.abs());
    let traded: Quantity = plan.orders.iter().fold(Quantity::ZERO, |sum, order| sum + order.quantity.abs());
    assert_eq!(wanted - traded, Quantity::whole(80), "390 shares wanted, 310 traded");

    for order in &plan.orders {
        let own = plan.wants.iter().filter(|want| want.order == order.number);
        let own: Vec<(SleeveId, Quantity)> = own.map(|want| (want.sleeve, want.quantity)).collect();
        sleeves.open_order(OrderKey { date: plan.date, intent: order.number }, order.contract, &own, universe);
    }
    // The sixty are bought in two pieces, at 601.60 on average.
    let (account, date) = ("a1b2c3".parse().unwrap(), plan.date);
    let bought = plan.orders.iter().find(|order| order.contract == ContractId(0)).unwrap();
    for (attempt, (shares, price)) in [(20, "600.80"), (40, "602")].into_iter().enumerate() {
        let order = Some(OrderRef { account, date, intent: bought.number, attempt: attempt as u16 + 1 });
        let fill = Fill {
            execution: ExecutionId(format!("desk.{attempt}.01").into()),
            order,
            contract: ContractId(0),
            side: Side::Buy,
            quantity: Quantity::whole(shares),
            price: fixture::price(price),
            at: world.decided_at(),
        };
        sleeves.apply(&LedgerEvent::Fill(fill), universe);
    }
    let has = |name: &str| {
        let sleeve = sleeves.id(name).unwrap();
        (sleeves.quantity(sleeve, ContractId(0)), sleeves.cash(sleeve, Currency::Usd))
    };
    assert_eq!(has("a"), (Quantity::whole(100), dec!(-60_160)), "a hundred at what sixty cost on average");
    assert_eq!(has("b"), (Quantity::whole(-40), dec!(24_064)), "forty to the other sleeve, at the same price");
    assert_eq!(has("a").1 + has("b").1, -(Decimal::from(20) * dec!(600.80) + Decimal::from(40) * dec!(602)));
}
