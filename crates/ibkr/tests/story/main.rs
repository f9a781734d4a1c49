//! The adapter against the simulated gateway over real TCP, in lockstep: ask, fence, drain, move time.
//!
//! In: one account, three lines that read differently on the wire. Out: what the engine would see. Invariant: books
//! kept from the drained executions tie with every later snapshot.
#![allow(clippy::disallowed_methods, reason = "tests of an adapter: sockets are their business")]

mod link;
mod world;

use domain::rounding::limit_to_tick;
use domain::{Currency, OrderStatus, Side};
use gateway::Control;
use link::Link;
use ports::{Broker, BrokerCommand, BrokerError, BrokerEvent};
use rust_decimal::{Decimal, dec};
use std::time::Duration;
use world::*;

#[tokio::test]
async fn a_day_of_one_engine_from_connect_to_a_snapshot_that_ties() {
    let gateway = gateway().await;
    let mut broker = broker(config(gateway.local_addr())).await;

    let identity = broker.identify().await.expect("an identity");
    assert_eq!((identity.account.as_str(), identity.server_version), ("DU1234567", 222));
    assert_eq!(identity.server_time, at(MORNING));

    let fresh = broker.snapshot().await.expect("a snapshot");
    assert_eq!((fresh.base, fresh.net_liquidation), (Currency::Usd, dec!(10_000_000)));
    assert_eq!((fresh.positions.len(), fresh.open_orders.len(), fresh.executions.len()), (0, 0, 0));

    broker.watch(&[CSPX, ISF, M6E]).await.expect("quotes");
    let seen = events(&mut broker).await;
    let (_, cspx_ask) = quote(&seen, CSPX).two_sided().expect("London is open");
    let (isf_bid, _) = quote(&seen, ISF).two_sided().expect("London is open");
    assert!(isf_bid < price(dec!(20)), "a fund in pence costs some pounds: {isf_bid}");
    assert_eq!(quote(&seen, CSPX).at, at(MORNING));

    let through = limit_to_tick(price(cspx_ask.to_decimal() * dec!(1.002)), price(dec!(0.01)), Side::Buy);
    let far = limit_to_tick(price(isf_bid.to_decimal() * dec!(0.90)), price(dec!(0.0005)), Side::Buy);
    let buy = order(1, CSPX, Side::Buy, 20, through);
    let mut rest = order(2, ISF, Side::Buy, 1_000, far);
    broker.send(&BrokerCommand::Place(buy)).await.expect("written");
    broker.send(&BrokerCommand::Place(rest.clone())).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut broker).await, @"");

    gateway.control().advance_to(at("2025-12-08T10:05:00Z")).await.expect("time moves");
    let filled = events(&mut broker).await;
    let lines: Vec<String> = filled.iter().filter_map(order_line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"");

    rest.limit = limit_to_tick(price(isf_bid.to_decimal() * dec!(0.95)), price(dec!(0.0005)), Side::Buy);
    broker.send(&BrokerCommand::Replace(rest.clone())).await.expect("written");
    broker.send(&BrokerCommand::Cancel { order_ref: rest.order_ref }).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut broker).await, @"");

    let spent: Decimal = filled
        .iter()
        .map(|event| match event {
            BrokerEvent::Execution(fill) => fill.quantity.value_at(fill.price, 1),
            BrokerEvent::Commission { amount, .. } => amount.amount,
            _ => Decimal::ZERO,
        })
        .sum();
    let after = broker.snapshot().await.expect("a snapshot");
    let [held] = &after.positions[..] else { panic!("one position: {:?}", after.positions) };
    let cash = after.cash.iter().find(|row| row.currency == Currency::Usd).expect("dollars").cash;
    assert_eq!(cash, dec!(10_000_000) - spent, "cash ties with the drained executions");
    assert_eq!(
        after.net_liquidation,
        (cash + held.quantity.value_at(held.mark, 1)).round_dp(2),
        "NLV ties with cash and marks"
    );
    assert!(after.executions.iter().all(|execution| execution.commission.is_some()));
    let ended: Vec<_> = after.completed_orders.iter().map(|o| (o.status, o.filled, o.quantity)).collect();
    let shares = domain::Quantity::whole;
    assert_eq!(
        ended,
        [(OrderStatus::Filled, shares(20), shares(20)), (OrderStatus::Cancelled, shares(0), shares(1_000))]
    );
    assert_eq!(order_lines(&mut broker).await, "", "the answers to a snapshot are not events");

    let bars = broker.daily_bars(ISF, 30, jiff::civil::date(2025, 12, 8)).await.expect("bars");
    assert_eq!((bars.len(), bars[29].date), (30, jiff::civil::date(2025, 12, 5)), "the last session before the day");
    assert!(bars[29].close < price(dec!(20)), "pounds: {}", bars[29].close);
}

#[tokio::test]
async fn a_restarted_engine_cancels_what_it_left_behind_and_numbers_on() {
    let gateway = gateway().await;
    let mut first = broker(config(gateway.local_addr())).await;
    let left = order(1, CSPX, Side::Buy, 10, price(dec!(100)));
    first.send(&BrokerCommand::Place(left.clone())).await.expect("written");
    events(&mut first).await;
    let high_water = first.order_id_high_water();
    first.disconnect().await;

    let restarted = ibkr::IbkrConfig { order_id_high_water: high_water + 5, ..config(gateway.local_addr()) };
    let mut second = broker(restarted).await;
    let cancel = BrokerCommand::Cancel { order_ref: left.order_ref };
    let unknown = second.send(&cancel).await.expect_err("not before the broker has shown it");
    assert!(matches!(&unknown, BrokerError::Lost(text) if text.contains("take a snapshot first")), "{unknown}");

    let snapshot = second.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.open_orders[0].order_ref, Some(left.order_ref));
    second.send(&cancel).await.expect("written");
    second.send(&BrokerCommand::Place(order(2, CSPX, Side::Buy, 10, price(dec!(101))))).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut second).await, @"");
    let ids: Vec<i32> = gateway.orders().iter().map(|order| order.order.order_id).collect();
    assert_eq!(ids, [high_water, high_water + 6], "above everything any run has used");
}

#[tokio::test]
async fn an_answer_without_its_end_is_unusable_and_ends_the_session() {
    let gateway = gateway().await;
    let link = Link::to(gateway.local_addr()).await;
    let impatient = ibkr::IbkrConfig { request_timeout: Duration::from_millis(150), ..config(link.address) };
    let mut broker = broker(impatient).await;
    let ends = [
        (53, "open orders"),
        (102, "completed orders"),
        (55, "executions"),
        (62, "positions"),
        (54, "account updates"),
        (64, "account summary"),
    ];
    for (end, question) in ends {
        link.mute(&[end]);
        let error = broker.snapshot().await.expect_err("no end marker");
        assert!(matches!(&error, BrokerError::Unusable(text) if text.starts_with(question)), "{error}");
        let late = broker.snapshot().await.expect_err("a late end must not pass for the next one");
        assert!(matches!(late, BrokerError::Lost(_)), "{late}");
        link.mute(&[]);
        broker.reconnect().await.expect("a new session");
    }

    link.mute(&[63]);
    let error = broker.snapshot().await.expect_err("an end without rows is not an empty account");
    assert!(matches!(&error, BrokerError::Unusable(text) if text.contains("NetLiquidation")), "{error}");
    link.mute(&[]);
    assert_eq!(broker.snapshot().await.expect("nothing was left open").net_liquidation, dec!(10_000_000));
}

#[tokio::test]
async fn a_frozen_link_and_a_dead_gateway_are_lost_and_stay_lost() {
    let gateway = gateway().await;
    let link = Link::to(gateway.local_addr()).await;
    let watchful = ibkr::IbkrConfig { heartbeat_timeout: Duration::from_millis(100), ..config(link.address) };
    let mut broker = broker(watchful).await;

    link.mute(&[109]);
    assert!(matches!(broker.fence().await, Err(BrokerError::Lost(_))), "the heartbeat is not answered");
    link.mute(&[]);
    assert!(matches!(broker.fence().await, Err(BrokerError::Lost(_))), "a late answer must not pass for the next one");
    let refused = broker.send(&BrokerCommand::Place(order(1, CSPX, Side::Buy, 1, price(dec!(100))))).await;
    assert!(matches!(refused, Err(BrokerError::Lost(_))));
    let mut seen = Vec::new();
    broker.drain(&mut seen).await;
    broker.drain(&mut seen).await;
    let lines: Vec<String> = seen.iter().filter_map(order_line).collect();
    assert_eq!(lines, ["connection Lost"], "said once");

    broker.reconnect().await.expect("a new session");
    assert_eq!(order_lines(&mut broker).await, "");
    gateway.close().await;
    assert!(matches!(broker.fence().await, Err(BrokerError::Lost(_))));
    assert!(matches!(broker.snapshot().await, Err(BrokerError::Lost(_))));
}
