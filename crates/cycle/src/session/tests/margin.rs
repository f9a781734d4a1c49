//! New risk asks the broker first what it would leave above the maintenance margin.

use super::*;
use ports::MarginImpact;
use risk::Check;
use rust_decimal::Decimal;

const WINDOW: &str = "2026-01-05T14:45:00Z";

fn impact(excess: i64, more: i64) -> Option<MarginImpact> {
    Some(MarginImpact {
        maintenance: Some(Decimal::from(more)),
        maintenance_after: Some(dec!(2_000_000)),
        equity_after: Some(Decimal::from(excess + 2_000_000)),
        ..MarginImpact::default()
    })
}

/// Which orders of the first day leave when each is answered so, and which check holds the others back.
fn leave(answers: [Option<MarginImpact>; 2]) -> (Vec<u16>, Vec<Check>) {
    let mut world = World::first_day();
    world.setup.policy.gate.what_if = true;
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = WINDOW.parse().unwrap();
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    while session.poll(now) != Effect::Watch {}
    for contract in session.contracts().collect::<Vec<_>>() {
        session.handle(Event::Broker(quote(contract, &world, now)));
    }
    let (mut sent, mut asked) = (Vec::new(), Vec::new());
    loop {
        match settled(&mut session, now) {
            Effect::WhatIf { number, command } => {
                let ports::BrokerCommand::Place(request) = command else { panic!("a new order") };
                let planned = plan.orders[usize::from(number) - 1];
                assert_eq!(
                    (request.contract, request.quantity),
                    (planned.contract, planned.quantity.abs()),
                    "all of it"
                );
                asked.push(number);
                session.handle(Event::Margin { number, impact: answers[usize::from(number) - 1] });
            }
            Effect::Send(sendable) => sent.push(sendable.order_ref().intent),
            Effect::Wait(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(asked == [1, 2] || asked == [1] && sent.is_empty(), "once each, before anything of it leaves: {asked:?}");
    (sent, session.refusals().map(|refusal| refusal.check).collect())
}

#[test]
fn an_order_leaves_when_the_broker_leaves_fifteen_percent_of_nav_above_the_margin() {
    let ample = impact(9_000_000, 0);
    assert_eq!(leave([ample, ample]), (vec![1, 2], vec![]));
    assert_eq!(leave([impact(1_500_000, 0), ample]), (vec![1, 2], vec![]), "at the limit");
    assert_eq!(leave([impact(1_500_001, 0), ample]), (vec![1, 2], vec![]), "above it");
    let below = leave([impact(1_499_999, 0), ample]);
    assert_eq!(below, (vec![], vec![Check::Margin, Check::PairLeg]), "below it, and the other leg does not go alone");
}

#[test]
fn what_the_broker_does_not_tell_is_no_excess() {
    assert_eq!(leave([None, None]), (vec![], vec![Check::Margin, Check::PairLeg]));
    let silent = Some(MarginImpact { equity_after: None, ..impact(9_000_000, 0).unwrap() });
    assert_eq!(leave([impact(9_000_000, 0), silent]), (vec![1], vec![Check::Margin]));
}

#[test]
fn orders_that_may_still_be_executed_count_beside_the_answer() {
    let first = impact(9_000_000, 400_000);
    assert_eq!(leave([first, impact(1_900_000, 400_000)]), (vec![1, 2], vec![]));
    assert_eq!(
        leave([first, impact(1_899_999, 400_000)]),
        (vec![1], vec![Check::Margin]),
        "the first one takes 400,000"
    );
}
