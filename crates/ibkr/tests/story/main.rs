//! The adapter against the simulated gateway over real TCP, in lockstep: ask, fence, drain, move time.
//!
//! In: one account, three lines that read differently on the wire. Out: what the engine would see. Invariant: books
//! kept from the drained executions tie with every later snapshot.

mod link;
mod options;
mod pace;
mod spreads;
mod world;

use domain::rounding::limit_to_tick;
use domain::{ContractId, Currency, OrderStatus, Price, Quantity, Side};
use gateway::{Control, Injection, WireFault};
use ibkr::IbkrBroker;
use link::{Link, frame, notice};
use ports::{Broker, BrokerError, BrokerEvent};
use risk::Sendable;
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    assert_eq!((fresh.base, fresh.net_liquidation), (Currency::Usd, Some(dec!(10_000_000))));
    assert_eq!((fresh.positions.len(), fresh.open_orders.len(), fresh.executions.len()), (0, 0, 0));

    broker.watch(&[CSPX, ISF, M6E]).await.expect("quotes");
    let seen = events(&mut broker).await;
    let (_, cspx_ask) = quote(&seen, CSPX).two_sided().expect("London is open");
    let (isf_bid, isf_ask) = quote(&seen, ISF).two_sided().expect("London is open");
    assert_eq!(quote(&seen, CSPX).at, at(MORNING));

    let cspx = order(1, CSPX, Side::Buy, 20, through(cspx_ask, dec!(0.01)));
    let isf = order(2, ISF, Side::Buy, 30, through(isf_ask, dec!(0.0005)));
    let mut rest = order(3, ISF, Side::Buy, 1_000, below(isf_bid, dec!(0.90)));
    for request in [&cspx, &isf, &rest] {
        broker.send(&place(request)).await.expect("written");
    }
    let placed = events(&mut broker).await;
    let lines: Vec<String> = placed.iter().filter_map(order_line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    1 acknowledged
    1 Submitted, 0 filled
    1 execution BUY 20
      charged in USD
    1 Filled, 20 filled
    2 acknowledged
    2 Submitted, 0 filled
    2 execution BUY 30
      charged in GBP
    2 Filled, 30 filled
    3 acknowledged
    3 Submitted, 0 filled
    ");

    gateway.control().advance_to(at("2025-12-08T10:05:00Z")).await.expect("time moves");
    let later = events(&mut broker).await;
    assert_eq!(quote(&later, CSPX).at, at("2025-12-08T10:05:00Z"), "a moved quote carries the gateway's time");

    rest.limit = below(isf_bid, dec!(0.95));
    broker.send(&Sendable::Replace(released(&rest))).await.expect("written");
    broker.send(&Sendable::Cancel { order_ref: rest.order_ref }).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut broker).await, @r"
    3 notice 202: Order Canceled - reason:
    3 Cancelled, 0 filled
    ");

    let after = broker.snapshot().await.expect("a snapshot");
    let held: Vec<_> = after.positions.iter().map(|position| (position.contract, position.quantity)).collect();
    assert_eq!(held, [(CSPX, Quantity::whole(20)), (ISF, Quantity::whole(30))]);
    let mut worth = Decimal::ZERO;
    for row in &after.cash {
        let first = if row.currency == Currency::Usd { dec!(10_000_000) } else { Decimal::ZERO };
        assert_eq!(row.cash, first - spent(&placed, row.currency), "cash ties with the drained executions");
        let held = after.positions.iter().filter(|p| universe().terms(p.contract).currency == row.currency);
        let value: Decimal = held.map(|position| position.quantity.value_at(position.mark.expect("marked"), 1)).sum();
        worth += row.exchange_rate * (row.cash + value);
    }
    let net_liquidation = after.net_liquidation.expect("told");
    assert!((net_liquidation - worth).abs() < dec!(0.01), "{net_liquidation} against {worth}");
    assert!(after.executions.iter().all(|execution| execution.commission.is_some()));
    let ended: Vec<_> = after.completed_orders.iter().map(|o| (o.status, o.filled, o.quantity)).collect();
    let (filled, cancelled, shares) = (OrderStatus::Filled, OrderStatus::Cancelled, Quantity::whole);
    let expected =
        [(filled, shares(20), shares(20)), (filled, shares(30), shares(30)), (cancelled, shares(0), shares(1_000))];
    assert_eq!(ended, expected);
    assert_eq!(order_lines(&mut broker).await, "", "the answers to a snapshot are not events");

    let bars = broker.daily_bars(ISF, 30, jiff::civil::date(2025, 12, 8)).await.expect("bars");
    assert_eq!((bars.len(), bars[29].date), (30, jiff::civil::date(2025, 12, 5)), "the last session before the day");
    assert!(bars[29].close.to_f64() / isf_bid.to_f64() < 2.0, "pounds: {}", bars[29].close);
}

/// A limit that crosses the spread, on the tick grid.
fn through(ask: Price, tick: Decimal) -> Price {
    limit_to_tick(price(ask.to_decimal() * dec!(1.002)), price(tick), Side::Buy)
}

/// A limit well below the market, on the grid of the fund in pence.
fn below(bid: Price, share: Decimal) -> Price {
    limit_to_tick(price(bid.to_decimal() * share), price(dec!(0.0005)), Side::Buy)
}

/// What purchases and their charges have taken from the cash of a currency.
fn spent(events: &[BrokerEvent], currency: Currency) -> Decimal {
    let paid = |event: &BrokerEvent| match event {
        BrokerEvent::Execution(fill) if universe().terms(fill.contract).currency == currency => {
            fill.quantity.value_at(fill.price, 1)
        }
        BrokerEvent::Commission { amount, .. } if amount.currency == currency => amount.amount,
        _ => Decimal::ZERO,
    };
    events.iter().map(paid).sum()
}

#[tokio::test]
async fn a_contract_keeps_the_id_it_was_first_known_by() {
    let gateway = gateway().await;
    let mut first = IbkrBroker::connect(config(gateway.local_addr()), Arc::clone(&UNIVERSE)).await.expect("a session");
    let seen = first.resolve(&[CSPX, ISF]).await.expect("described");
    let pin = |of: ContractId| seen.iter().find(|row| row.contract == of).expect("resolved").con_id;
    first.disconnect().await;

    let name = |of: ContractId| universe().contract(of).name.clone();
    let pins = BTreeMap::from([(name(CSPX), pin(CSPX)), (name(ISF), pin(CSPX) + 1)]);
    let pinned = ibkr::IbkrConfig { pins, ..config(gateway.local_addr()) };
    let mut second = IbkrBroker::connect(pinned, Arc::clone(&UNIVERSE)).await.expect("a session");
    let seen: Vec<ContractId> =
        second.resolve(&[CSPX, ISF]).await.expect("described").iter().map(|row| row.contract).collect();
    assert_eq!(seen, [CSPX], "the one whose id is another is not used");
    let disputes = second.snapshot().await.expect("a snapshot").disputes;
    assert_eq!(disputes.iter().map(|dispute| dispute.contract).collect::<Vec<_>>(), [ISF]);
    let what = &disputes[0].what;
    let told = format!("con_id: the broker says {}, and it has been {} until now", pin(ISF), pin(CSPX) + 1);
    assert!(what.contains(&told) && what.contains("write `con_id:"), "{what}");
}

#[tokio::test]
async fn a_restarted_engine_cancels_what_it_left_behind_and_numbers_on() {
    let gateway = gateway().await;
    let mut first = broker(config(gateway.local_addr())).await;
    let left = order(1, CSPX, Side::Buy, 10, price(dec!(100)));
    first.send(&place(&left)).await.expect("written");
    events(&mut first).await;
    let high_water = first.order_id_high_water();
    first.disconnect().await;

    let restarted = ibkr::IbkrConfig { order_id_high_water: high_water + 5, ..config(gateway.local_addr()) };
    let mut second = broker(restarted).await;
    let cancel = Sendable::Cancel { order_ref: left.order_ref };
    let unknown = second.send(&cancel).await.expect_err("not before the broker has shown it");
    assert!(matches!(&unknown, BrokerError::Lost(text) if text.contains("take a snapshot first")), "{unknown}");

    let snapshot = second.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.open_orders[0].order_ref, Some(left.order_ref));
    second.send(&cancel).await.expect("written");
    second.send(&place(&order(2, CSPX, Side::Buy, 10, price(dec!(101))))).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut second).await, @r"
    1 acknowledged
    1 Submitted, 0 filled
    1 notice 202: Order Canceled - reason:
    1 Cancelled, 0 filled
    2 acknowledged
    2 Submitted, 0 filled
    ");
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
    assert_eq!(broker.snapshot().await.expect("nothing was left open").net_liquidation, Some(dec!(10_000_000)));
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
    let refused = broker.send(&place(&order(1, CSPX, Side::Buy, 1, price(dec!(100))))).await;
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

#[tokio::test]
async fn a_look_at_a_line_the_broker_refuses_is_not_waited_for() {
    let gateway = gateway().await;
    let patient = ibkr::IbkrConfig { request_timeout: Duration::from_secs(3_600), ..config(gateway.local_addr()) };
    let mut broker = broker(patient).await;
    let seen = broker.glance(Some(CSPX)).await.expect("a glance");
    assert!(seen.quote.is_some_and(|quote| quote.two_sided().is_some()));
    for code in [354, 10_089, 10_168, 10_197] {
        let none = WireFault::Data { code, text: "none".to_owned(), goes_on: false };
        gateway.control().inject(Injection::Wire(none)).await.expect("injected");
        let look = tokio::time::timeout(Duration::from_secs(30), broker.glance(Some(CSPX))).await;
        let seen = look.unwrap_or_else(|_| panic!("{code} is waited for")).expect("the account is seen all the same");
        assert!(seen.net_liquidation.is_some(), "{code}");
        assert_eq!(seen.quote.and_then(|quote| quote.two_sided()), None, "{code}");
        gateway.control().inject(Injection::Heal {}).await.expect("healed");
    }
}

#[tokio::test]
async fn after_a_gap_orders_are_asked_for_first_and_money_last() {
    let gateway = gateway().await;
    let link = Link::to(gateway.local_addr()).await;
    let mut broker = broker(config(link.address)).await;
    broker.reconnect().await.expect("a new session");
    link.asked();
    broker.snapshot().await.expect("a snapshot");
    // All open orders, completed orders, executions, positions, account updates, account summary.
    let order = [16, 99, 7, 61, 6, 62];
    let mut asked = link.asked();
    asked.retain(|kind| order.contains(kind));
    asked.dedup();
    assert_eq!(asked, order);
}

#[tokio::test]
async fn codes_let_orders_live_and_the_link_says_when_data_is_gone() {
    let gateway = gateway().await;
    let link = Link::to(gateway.local_addr()).await;
    let mut broker = broker(config(link.address)).await;
    broker.watch(&[CSPX]).await.expect("quotes");
    let request = order(1, CSPX, Side::Buy, 10, price(dec!(100)));
    broker.send(&place(&request)).await.expect("written");
    events(&mut broker).await;
    let order_id = broker.order_id_high_water();

    link.say(notice(order_id, 10349, "Order TIF was set to DAY based on order preset."));
    link.say(notice(order_id, 404, "Order held while securities are located."));
    link.say(notice(-1, 1100, "Connectivity between IBKR and Trader Workstation has been lost."));
    link.say(notice(-1, 1101, "Connectivity has been restored - data lost."));
    insta::assert_snapshot!(order_lines(&mut broker).await, @r"
    1 notice 10349: Order TIF was set to DAY based on order preset.
    1 notice 404: Order held while securities are located.
    connection Lost
    connection RestoredDataLost
    ");
    let working = broker.snapshot().await.expect("a snapshot").open_orders;
    assert_eq!(working[0].status, OrderStatus::Submitted, "no code has ended the order");

    gateway.control().advance_to(at("2025-12-08T10:30:00Z")).await.expect("time moves");
    let is_quote = |event: &BrokerEvent| matches!(event, BrokerEvent::Quote { .. });
    assert!(!events(&mut broker).await.iter().any(is_quote), "a dead subscription prices nothing");
    broker.watch(&[CSPX]).await.expect("quotes again");
    assert!(events(&mut broker).await.iter().any(is_quote));

    // An order status without a status word: the library gives up the stream, the adapter opens another.
    link.say(frame(3, &[0x08, 0x01]));
    insta::assert_snapshot!(order_lines(&mut broker).await, @r"
    connection Lost
    connection Restored
    ");
    broker.send(&Sendable::Cancel { order_ref: request.order_ref }).await.expect("written");
    insta::assert_snapshot!(order_lines(&mut broker).await, @r"
    1 notice 202: Order Canceled - reason:
    1 Cancelled, 0 filled
    ");
    assert!(broker.snapshot().await.expect("what was missed").open_orders.is_empty());
}
