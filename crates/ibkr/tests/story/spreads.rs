//! A calendar spread through the adapter: one order, two contracts.

use crate::world::{GBPUSD, M6E, at, broker, config, events, gateway, order, order_line, price, quote};
use domain::{ContractId, Quantity, Side, TimeInForce};
use gateway::Control;
use ports::{Broker, BrokerCommand, BrokerError, BrokerEvent, SpreadRequest};
use rust_decimal::{Decimal, dec};

const MARCH: ContractId = ContractId(4);

fn spread(attempt: u16, side: Side, quantity: i64, limit: Decimal) -> SpreadRequest {
    SpreadRequest {
        order_ref: format!("AF-a1b2c3-20251208-001-{attempt:02}").parse().expect("a reference"),
        near: M6E,
        far: MARCH,
        side,
        quantity: Quantity::whole(quantity),
        limit,
        time_in_force: TimeInForce::Day,
    }
}

#[tokio::test]
async fn a_position_is_rolled_by_one_order_whose_legs_are_counted_once() {
    let gateway = gateway().await;
    gateway.control().advance_to(at("2025-12-08T15:00:00Z")).await.expect("time moves");
    let mut broker = broker(config(gateway.local_addr())).await;
    broker.resolve(&[MARCH]).await.expect("the next contract");
    broker.watch(&[M6E, MARCH]).await.expect("quotes");
    let seen = events(&mut broker).await;
    let (near, far) = (quote(&seen, M6E), quote(&seen, MARCH));
    let sold = order(1, M6E, Side::Sell, 5, near.bid.expect("a bid"));
    broker.send(&BrokerCommand::Place(sold)).await.expect("written");
    events(&mut broker).await;
    let short = broker.snapshot().await.expect("a snapshot");
    assert_eq!((short.positions[0].contract, short.positions[0].quantity), (M6E, Quantity::whole(-5)));

    // A short is rolled by selling the spread: March is sold, December bought back.
    let now = far.bid.unwrap().to_decimal() - near.ask.unwrap().to_decimal();
    let waiting = spread(2, Side::Sell, 5, now + dec!(0.0010));
    let impact = broker.what_if(&BrokerCommand::PlaceSpread(waiting.clone())).await.expect("an answer");
    let new_short = BrokerCommand::Place(order(9, MARCH, Side::Sell, 5, price(dec!(1))));
    let opened = broker.what_if(&new_short).await.expect("an answer").initial.expect("told");
    assert!(impact.initial.expect("told").abs() < opened / Decimal::TEN, "{impact:?} against {opened} for a new short");

    broker.send(&BrokerCommand::PlaceSpread(waiting.clone())).await.expect("written");
    let lines: Vec<String> = events(&mut broker).await.iter().filter_map(order_line).collect();
    assert_eq!(lines, ["2 acknowledged", "2 Submitted, 0 filled"], "its limit is not there yet");
    let open = broker.snapshot().await.expect("a snapshot").open_orders;
    assert_eq!((open.len(), open[0].order_ref), (1, Some(waiting.order_ref)));

    let moved = SpreadRequest { limit: now, ..waiting.clone() };
    broker.send(&BrokerCommand::ReplaceSpread(moved)).await.expect("written");
    let told = events(&mut broker).await;
    let lines: Vec<String> = told.iter().filter_map(order_line).collect();
    assert_eq!(
        lines,
        ["2 execution SELL 5", "2 execution BUY 5", "  charged in USD", "  charged in USD", "2 Filled, 5 filled"]
    );
    let fills: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            BrokerEvent::Execution(fill) => Some((fill.contract, fill.side, fill.price.to_decimal())),
            _ => None,
        })
        .collect();
    assert_eq!((fills[0].0, fills[1].0), (MARCH, M6E));
    assert!(fills[0].2 - fills[1].2 >= now, "no worse than the limit");

    let rolled = broker.snapshot().await.expect("a snapshot");
    let held: Vec<_> = rolled.positions.iter().map(|position| (position.contract, position.quantity)).collect();
    assert_eq!(held, [(MARCH, Quantity::whole(-5))]);
    assert_eq!(rolled.executions.len(), 3, "one sale and two legs; the spread as a whole is no execution");
    assert_eq!(rolled.completed_orders.iter().map(|order| order.filled).collect::<Vec<_>>(), [Quantity::whole(5); 2]);
}

#[tokio::test]
async fn a_spread_that_is_none_is_refused_in_the_broker_s_words() {
    let gateway = gateway().await;
    gateway.control().advance_to(at("2025-12-08T15:00:00Z")).await.expect("time moves");
    let mut broker = broker(config(gateway.local_addr())).await;
    broker.resolve(&[MARCH]).await.expect("the next contract");
    let mixed = SpreadRequest { near: GBPUSD, ..spread(1, Side::Buy, 1, dec!(0.005)) };
    broker.send(&BrokerCommand::PlaceSpread(mixed.clone())).await.expect("written");
    let off_tick = spread(2, Side::Buy, 1, dec!(0.00501));
    broker.send(&BrokerCommand::PlaceSpread(off_tick)).await.expect("written");
    let lines: Vec<String> = events(&mut broker).await.iter().filter_map(order_line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    1 notice 201: Order rejected - reason:a combination here is two contracts of one future
    2 notice 110: The price does not conform to the minimum price variation for this contract.
    ");
    let margin =
        broker.what_if(&BrokerCommand::Cancel { order_ref: mixed.order_ref }).await.expect_err("nothing to weigh");
    assert!(matches!(margin, BrokerError::Unusable(_)));
}
