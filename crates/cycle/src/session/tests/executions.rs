//! Executions told twice, corrected, late, or of an order that cannot have had them.

use super::*;

/// A session at its window with one order working, and what the broker says of it next.
fn after_an_execution(second: &str, shares: i64) -> (Mode, Quantity) {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let (mut session, command) = first_order(&world, &plan, now);
    let Command::Place { order_ref, contract, side, .. } = command else { panic!("a new order") };
    for (id, shares) in [("desk.7.01", 4_000), (second, shares)] {
        let (execution, quantity) = (ExecutionId(id.into()), Quantity::whole(shares));
        let price = world.marks[contract].unwrap();
        let fill = Fill { execution, order: Some(order_ref), contract, side, quantity, price, at: now };
        session.handle(Event::Broker(BrokerEvent::Execution(fill)));
    }
    (session.mode(), session.ledger().quantity(contract))
}

#[test]
fn an_execution_is_booked_once_in_its_last_version_and_an_impossible_one_stops_the_engine() {
    let sold = |shares: i64| Quantity::whole(-shares);
    assert_eq!(after_an_execution("desk.7.01", 4_000), (Mode::Normal, sold(4_000)), "the same again");
    assert_eq!(after_an_execution("desk.7.02", 3_900), (Mode::Normal, sold(3_900)), "a correction");
    assert_eq!(after_an_execution("desk.7.00", 3_900), (Mode::Normal, sold(4_000)), "an older version, late");
    assert_eq!(after_an_execution("desk.7.02", 4_001), (Mode::Frozen, sold(4_001)), "corrected beyond the order");
    assert_eq!(after_an_execution("desk.8.01", 1), (Mode::Frozen, sold(4_001)), "more than was ordered");
}
