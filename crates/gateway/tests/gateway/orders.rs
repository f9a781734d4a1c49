//! Orders from submission to their end, as the real client sees them.

use crate::support::*;
use futures::{FutureExt, StreamExt};
use gateway::Control;
use ibapi::accounts::types::AccountId;
use ibapi::accounts::{AccountUpdate, PositionUpdate};
use ibapi::contracts::{Contract, SecurityType};
use ibapi::orders::{Action, ExecutionFilter, Executions, OrderUpdate, Orders};
use ibapi::subscriptions::SubscriptionItem;
use tokio::task::unconstrained;

#[tokio::test]
async fn a_marketable_order_fills_is_charged_and_becomes_a_position() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut updates = client.order_update_stream().await.expect("a stream");
    let mut positions = client.positions().await.expect("positions");
    assert!(matches!(positions.next().await, Some(Ok(SubscriptionItem::Data(PositionUpdate::PositionEnd)))));
    let (_, ask) = bid_ask(&client, &cspx).await;
    let limit = (ask * 1.002 * 100.0).round() / 100.0;

    client.submit_order(1, &cspx, &limit_order(Action::Buy, 20.0, limit)).await.expect("written");
    let mut lines = fenced_updates(&client, &mut updates).await;
    gateway.control().advance_to(at("2025-07-07T08:30:00Z")).await.expect("time moves");
    lines.extend(fenced_updates(&client, &mut updates).await);
    let lines: Vec<String> = lines.iter().map(|line| line.replace(&limit.to_string(), "LIMIT")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    open 1 BUY 20 LIMIT Submitted
    status 1 Submitted filled 0 of 20
    execution 1 BOT 20 on LSEETF req -1
    commission USD
    open 1 BUY 20 LIMIT Filled
    status 1 Filled filled 20 of 20
    ");

    let mut open = client.all_open_orders().await.expect("open orders");
    assert!(open.collect_to_end_within(PATIENCE).await.expect("an end").is_empty());
    let completed =
        client.completed_orders(false).await.expect("completed").collect_to_end_within(PATIENCE).await.expect("an end");
    let [Orders::OrderData(done)] = &completed[..] else { panic!("one completed order: {completed:?}") };
    assert_eq!((done.order.total_quantity, done.order.filled_quantity), (0.0, 20.0), "IB counts what was left");
    assert_eq!(
        (done.order.order_ref.as_str(), done.order_state.completed_status.as_str()),
        ("test", "Filled Size: 20")
    );

    let filter = ExecutionFilter { account_code: ACCOUNT.to_owned(), ..ExecutionFilter::default() };
    let executions =
        client.executions(filter).await.expect("executions").collect_to_end_within(PATIENCE).await.expect("an end");
    let shares: f64 = executions
        .iter()
        .map(|row| if let Executions::ExecutionData(data) = row { data.execution.shares } else { 0.0 })
        .sum();
    let charge: f64 = executions
        .iter()
        .map(|row| if let Executions::CommissionReport(report) = row { report.commission } else { 0.0 })
        .sum();
    assert_eq!(shares, 20.0);
    assert!(charge >= 4.0, "{charge}");
    assert_eq!(gateway.executions().len() * 2, executions.len());

    let told = positions.next().await.expect("the position as it changed").expect("readable");
    let SubscriptionItem::Data(PositionUpdate::Position(position)) = told else { panic!("a position: {told:?}") };
    assert_eq!((position.contract.symbol.as_str(), position.position), ("CSPX", 20.0));
    assert!((position.average_cost / ask - 1.0).abs() < 0.01, "{}", position.average_cost);
    assert_eq!(client.next_valid_order_id().await.expect("an id"), 2);
}

#[tokio::test]
async fn a_line_in_pence_trades_in_pence_and_is_booked_in_pounds() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let isf = fund("ISF", "GBP");
    let (_, ask) = bid_ask(&client, &isf).await;
    client.submit_order(1, &isf, &limit_order(Action::Buy, 100.0, ask)).await.expect("written");
    client.server_time_millis().await.expect("the fence");
    gateway.control().advance_to(at("2025-07-07T08:30:00Z")).await.expect("time moves");

    let mut executions = client.executions(ExecutionFilter::default()).await.expect("executions");
    let executions = executions.collect_to_end_within(PATIENCE).await.expect("an end");
    let Executions::ExecutionData(first) = &executions[0] else { panic!("an execution: {executions:?}") };
    assert!(first.execution.price <= ask && first.execution.price > ask * 0.99, "pence, like the quote");

    let mut updates = client.account_updates(&AccountId(ACCOUNT.into())).await.expect("updates");
    let rows = updates.collect_until(PATIENCE, |rows| matches!(rows.last(), Some(AccountUpdate::End))).await;
    let held =
        rows.iter().find_map(|row| if let AccountUpdate::PortfolioValue(value) = row { Some(value) } else { None });
    let held = held.expect("a position");
    assert!((held.market_price / ask - 1.0).abs() < 0.05, "pence: {}", held.market_price);
    assert!(
        (held.market_value - held.position * held.market_price / 100.0).abs() < 1e-6,
        "pounds: {}",
        held.market_value
    );
    assert!((held.average_cost * 100.0 / ask - 1.0).abs() < 0.05, "pounds: {}", held.average_cost);
    let value = |key: &str, currency: &str| {
        let is_it = |row: &&AccountUpdate| matches!(row, AccountUpdate::AccountValue(v) if v.key == key && v.currency == currency);
        let Some(AccountUpdate::AccountValue(row)) = rows.iter().find(is_it) else { panic!("no {key} {currency}") };
        row.value.parse::<f64>().expect("a number")
    };
    assert!(value("CashBalance", "GBP") < 0.0 && value("ExchangeRate", "GBP") > 1.0, "bought on borrowed pounds");
    let by_currency = ["USD", "GBP"].map(|code| value("ExchangeRate", code) * value("NetLiquidationByCurrency", code));
    assert!((value("NetLiquidation", "USD") - by_currency.iter().sum::<f64>()).abs() < 0.01);
}

#[tokio::test]
async fn a_resting_order_is_changed_and_cancelled_and_a_global_cancel_takes_the_rest() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut updates = client.order_update_stream().await.expect("a stream");
    for order_id in 1..=3 {
        client.submit_order(order_id, &cspx, &limit_order(Action::Buy, 10.0, 500.0)).await.expect("written");
    }
    client.submit_order(1, &cspx, &limit_order(Action::Buy, 12.0, 501.5)).await.expect("written");
    let mut lines = fenced_updates(&client, &mut updates).await;
    drop(client.cancel_order(1, "").await.expect("written"));
    lines.extend(fenced_updates(&client, &mut updates).await);
    client.global_cancel().await.expect("written");
    lines.extend(fenced_updates(&client, &mut updates).await);
    insta::assert_snapshot!(lines.join("\n"), @r"
    open 1 BUY 10 500 Submitted
    status 1 Submitted filled 0 of 10
    open 2 BUY 10 500 Submitted
    status 2 Submitted filled 0 of 10
    open 3 BUY 10 500 Submitted
    status 3 Submitted filled 0 of 10
    open 1 BUY 12 501.5 Submitted
    status 1 Submitted filled 0 of 12
    notice Some(1) 202
    open 1 BUY 12 501.5 Cancelled
    status 1 Cancelled filled 0 of 12
    notice Some(2) 202
    open 2 BUY 10 500 Cancelled
    status 2 Cancelled filled 0 of 10
    notice Some(3) 202
    open 3 BUY 10 500 Cancelled
    status 3 Cancelled filled 0 of 10
    ");
}

#[tokio::test]
async fn an_order_that_comes_before_its_venue_opens_is_told_until_when_it_waits() {
    let gateway = gateway_at("2025-07-07T06:30:00Z").await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut updates = client.order_update_stream().await.expect("a stream");
    let order = limit_order(Action::Buy, 10.0, 500.0);
    client.submit_order(1, &cspx, &order).await.expect("written");
    let lines = fenced_updates(&client, &mut updates).await;
    insta::assert_snapshot!(lines.join("\n"), @r"
    open 1 BUY 10 500 PreSubmitted
    status 1 PreSubmitted filled 0 of 10
    notice Some(1) 399
    ");
    gateway.control().advance_to(at("2025-07-07T08:00:00Z")).await.expect("time moves");
    let lines = fenced_updates(&client, &mut updates).await;
    assert!(lines.contains(&"status 1 Submitted filled 0 of 10".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_with_the_code_a_broker_gives() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut updates = client.order_update_stream().await.expect("a stream");
    let good = limit_order(Action::Buy, 10.0, 500.0);
    let wrong = |change: &dyn Fn(&mut ibapi::orders::Order)| {
        let mut order = good.clone();
        change(&mut order);
        order
    };
    let pair = Contract {
        symbol: "EUR".into(),
        security_type: SecurityType::ForexPair,
        exchange: "IDEALPRO".into(),
        currency: "USD".into(),
        ..Contract::default()
    };
    let chain = Contract {
        symbol: "M6E".into(),
        security_type: SecurityType::Future,
        exchange: "CME".into(),
        ..Contract::default()
    };
    let cases = [
        ("unknown contract", &fund("AAPL", "USD"), good.clone()),
        ("a whole chain", &chain, good.clone()),
        ("reference only", &pair, limit_order(Action::Buy, 10.0, 1.0)),
        ("off the tick", &cspx, wrong(&|order| order.limit_price = Some(500.001))),
        ("no limit", &cspx, wrong(&|order| order.limit_price = None)),
        ("not a number", &cspx, wrong(&|order| order.limit_price = Some(f64::NAN))),
        ("nothing", &cspx, wrong(&|order| order.total_quantity = 0.0)),
        ("half a share", &cspx, wrong(&|order| order.total_quantity = 0.5)),
        ("the world", &cspx, wrong(&|order| order.total_quantity = 1e13)),
        ("market order", &cspx, wrong(&|order| order.order_type = "MKT".to_owned())),
        ("forever", &cspx, wrong(&|order| order.tif = ibapi::orders::TimeInForce::GoodTillCanceled)),
        ("another account", &cspx, wrong(&|order| order.account = "DU7654321".to_owned())),
        ("all or none", &cspx, wrong(&|order| order.all_or_none = true)),
        ("a least part", &cspx, wrong(&|order| order.min_qty = Some(5))),
        ("an amount of cash", &cspx, wrong(&|order| order.cash_qty = Some(5_000.0))),
        ("a better price", &cspx, wrong(&|order| order.discretionary_amt = 0.5)),
        ("not held", &cspx, wrong(&|order| order.not_held = true)),
        ("unseen", &cspx, wrong(&|order| order.hidden = true)),
        ("seen in part", &cspx, wrong(&|order| order.display_size = Some(5))),
        ("a block", &cspx, wrong(&|order| order.block_order = true)),
        ("a sweep", &cspx, wrong(&|order| order.sweep_to_fill = true)),
        ("another size", &cspx, wrong(&|order| order.randomize_size = true)),
        ("another price", &cspx, wrong(&|order| order.randomize_price = true)),
        ("the imbalance", &cspx, wrong(&|order| order.imbalance_only = true)),
        ("never taking", &cspx, wrong(&|order| order.post_only = true)),
        ("asleep", &cspx, wrong(&|order| order.deactivate = true)),
        ("a minute", &cspx, wrong(&|order| order.duration = Some(60))),
        ("a model", &cspx, wrong(&|order| order.model_code = "growth".to_owned())),
        ("several accounts", &cspx, wrong(&|order| order.fa_group = "ours".to_owned())),
        ("until a date", &cspx, wrong(&|order| order.auto_cancel_date = "20250708".to_owned())),
        ("an algorithm", &cspx, wrong(&|order| order.algo_strategy = "Adaptive".to_owned())),
    ];
    let mut lines = Vec::new();
    for (order_id, (name, contract, order)) in (1..).zip(&cases) {
        client.submit_order(order_id, contract, order).await.expect("written");
        lines.push(format!("{name}: {}", fenced_updates(&client, &mut updates).await.join(", ")));
    }
    client.order(&cspx).buy(10).limit(500.0).preset_stop_loss().submit().await.expect("written");
    lines.push(format!("a stop behind it: {}", fenced_updates(&client, &mut updates).await.join(", ")));
    client.submit_order(50, &cspx, &good).await.expect("written");
    drop(client.cancel_order(50, "").await.expect("written"));
    fenced_updates(&client, &mut updates).await;
    client.submit_order(50, &cspx, &good).await.expect("written");
    lines.push(format!("an id again: {}", fenced_updates(&client, &mut updates).await.join(", ")));
    drop(client.cancel_order(50, "").await.expect("written"));
    lines.push(format!("cancel twice: {}", fenced_updates(&client, &mut updates).await.join(", ")));
    drop(client.cancel_order(77, "").await.expect("written"));
    lines.push(format!("cancel nothing: {}", fenced_updates(&client, &mut updates).await.join(", ")));
    insta::assert_snapshot!(lines.join("\n"), @r"
    unknown contract: notice Some(1) 200
    a whole chain: notice Some(2) 200
    reference only: notice Some(3) 201
    off the tick: notice Some(4) 110
    no limit: notice Some(5) 201
    not a number: notice Some(6) 201
    nothing: notice Some(7) 434
    half a share: notice Some(8) 201
    the world: notice Some(9) 201
    market order: notice Some(10) 387
    forever: notice Some(11) 10052
    another account: notice Some(12) 201
    all or none: notice Some(13) 201
    a least part: notice Some(14) 201
    an amount of cash: notice Some(15) 201
    a better price: notice Some(16) 201
    not held: notice Some(17) 201
    unseen: notice Some(18) 201
    seen in part: notice Some(19) 201
    a block: notice Some(20) 201
    a sweep: notice Some(21) 201
    another size: notice Some(22) 201
    another price: notice Some(23) 201
    the imbalance: notice Some(24) 201
    never taking: notice Some(25) 201
    asleep: notice Some(26) 201
    a minute: notice Some(27) 201
    a model: notice Some(28) 201
    several accounts: notice Some(29) 201
    until a date: notice Some(30) 201
    an algorithm: notice Some(31) 201
    a stop behind it: notice Some(1) 201
    an id again: notice Some(50) 103
    cancel twice: notice Some(50) 10148
    cancel nothing: notice Some(77) 10147
    ");
    assert_eq!(gateway.orders().len(), 1, "only one order ever reached the account");
}

#[tokio::test]
async fn a_what_if_shows_margin_and_places_nothing() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let state = client.order(&cspx).buy(100).limit(700.0).analyze().await.expect("an analysis");
    let change = state.initial_margin_change.expect("a change");
    assert!(
        change > 10_000.0 && state.initial_margin_before == Some(0.0) && state.initial_margin_after == Some(change),
        "{state:?}"
    );
    let cost = (state.commission, state.commission_currency.as_str());
    assert!(
        cost.0.is_some_and(|cost| (20.0..60.0).contains(&cost)) && cost.1 == "USD",
        "0.05 % of some 60,000: {cost:?}"
    );
    assert!(gateway.orders().is_empty());
}

#[tokio::test]
async fn each_client_hears_of_its_own_orders_and_sees_all_when_it_asks() {
    let gateway = gateway_at(MORNING).await;
    let (first, second) = (client(&gateway, 1).await, client(&gateway, 2).await);
    let cspx = fund("CSPX", "USD");
    let mut heard = second.order_update_stream().await.expect("a stream");
    first.submit_order(1, &cspx, &limit_order(Action::Buy, 10.0, 500.0)).await.expect("written");
    first.server_time_millis().await.expect("the fence");
    assert!(fenced_updates(&second, &mut heard).await.is_empty());
    let own = second.open_orders().await.expect("open").collect_to_end_within(PATIENCE).await.expect("an end");
    let all = second.all_open_orders().await.expect("open").collect_to_end_within(PATIENCE).await.expect("an end");
    assert_eq!((own.len(), all.len()), (0, 2), "an open order and its status");
    assert!(matches!(&all[0], Orders::OrderData(data) if data.order.client_id == 1 && data.order_id == 1));
    drop(second.cancel_order(1, "").await.expect("written"));
    assert_eq!(fenced_updates(&second, &mut heard).await.last().map(String::as_str), Some("notice Some(1) 10147"));
}

#[tokio::test]
async fn a_fence_is_answered_after_everything_before_it() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut updates = client.order_update_stream().await.expect("a stream");
    for burst in 0..4 {
        for order in 1..=100 {
            client
                .submit_order(burst * 100 + order, &cspx, &limit_order(Action::Buy, 1.0, 500.0))
                .await
                .expect("written");
        }
        client.server_time_millis().await.expect("the fence");
        let drain = async {
            let mut statuses = Vec::new();
            while let Some(Some(item)) = updates.next().now_or_never() {
                if let SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) = item.expect("readable") {
                    statuses.push(status.order_id);
                }
            }
            statuses
        };
        let statuses = unconstrained(drain).await;
        assert_eq!(statuses, (burst * 100 + 1..=burst * 100 + 100).collect::<Vec<_>>());
    }
    client.global_cancel().await.expect("written");
    client.server_time_millis().await.expect("the fence");
    assert!(gateway.orders().iter().all(|order| !order.is_open()));
}
