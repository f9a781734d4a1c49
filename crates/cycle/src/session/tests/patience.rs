//! Orders that nobody takes: how many of a day's orders they cost.

use super::*;

#[test]
fn a_desk_that_fills_nothing_is_left_when_the_window_closes() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(0), &[]);
    let cancels = outcome.story.iter().filter(|line| line.contains("cancel")).count();
    let places = outcome.story.len() - cancels;
    assert_eq!((places, cancels), (76, 76), "two orders, every two minutes of 75, each taken back");
    assert_eq!(outcome.ledger, world.ledger);
}

#[test]
fn a_broker_that_never_confirms_a_cancel_ends_the_day_in_cancel_only() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { deaf: true, ..Desk::new(0) };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    assert_eq!(desk.orders.len(), 2, "nothing new while the first two may still live");
    let modes: Vec<&str> = outcome.journal.iter().filter(|r| r.kind == "mode").map(|r| r.body.as_str()).collect();
    assert_eq!(modes, [r#"{"mode":"CANCEL_ONLY","reason":"an order whose fate the broker does not tell"}"#]);
}

/// The quote of the fixture, so many basis points above.
fn quote_above(bps: i64, contract: ContractId, world: &World, at: Timestamp) -> BrokerEvent {
    let mut moved = world.clone();
    let cents = |mark: Price| mark.mantissa() / 10_000 * (10_000 + bps) / 1_000_000;
    moved.marks[contract] = moved.marks[contract].map(|mark| Price::from_mantissa(cents(mark) * 1_000_000).unwrap());
    quote(contract, &moved, at)
}

/// The market goes up and is back half an hour later: the purchase is taken back after its time, and not sent again before.
#[test]
fn an_order_is_not_sent_again_while_its_market_is_beyond_the_collar() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let opens: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let mut session = about_to_send(&world, &plan, opens);
    let (mut desk, mut story) = (Desk::new(0), Vec::new());
    for seconds in (0..1_900).step_by(15) {
        let now = opens + SignedDuration::from_secs(seconds);
        let above = if (120..1_800).contains(&seconds) { 50 } else { 0 };
        for contract in session.contracts().collect::<Vec<_>>() {
            session.handle(Event::Broker(quote_above(above, contract, &world, now)));
        }
        while let Effect::Send(sendable) = settled(&mut session, now) {
            story.push(format!("{} {}", now.strftime("%H:%M:%S"), told(Command::from(&sendable), &world)));
            desk.receive((&sendable).into()).into_iter().for_each(|event| session.handle(Event::Broker(event)));
        }
    }
    story.retain(|line| line.contains("-002-"));
    insta::assert_snapshot!(story.join("\n"), @r"
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:47:00 cancel AF-a1b2c3-20260105-002-01
    15:15:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    ");
}

/// Six orders a day are allowed: the first three live their two minutes, the others share what is left of the window, and nobody
/// has to look why so many were sent.
#[test]
fn what_nobody_takes_does_not_use_up_the_orders_of_a_day() {
    let mut world = World::first_day();
    world.setup.policy.gate.orders_per_side_max = 6;
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(0), &[]);
    let story: Vec<&str> = outcome.story.iter().map(String::as_str).filter(|line| line.contains("CSPX")).collect();
    insta::assert_snapshot!(story.join("\n"), @r"
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:47:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    14:49:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-03
    14:51:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-04
    15:14:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-05
    15:37:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-06
    ");
    assert!(outcome.journal.iter().all(|record| !["alert", "latched"].contains(&record.kind.as_str())));
}
