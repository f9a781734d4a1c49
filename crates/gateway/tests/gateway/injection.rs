//! What is broken on purpose, as a client of the protocol sees it.

use crate::support::*;
use futures::{FutureExt, StreamExt};
use gateway::{Control, Gateway, GatewayConfig, Injection, RemoteControl, read_faults};
use ibapi::Client;
use ibapi::accounts::types::{AccountGroup, AccountId};
use ibapi::accounts::{AccountSummaryResult, AccountUpdate, PositionUpdate};
use ibapi::contracts::tick_types::TickType;
use ibapi::market_data::realtime::{Quote, TickTypes};
use ibapi::orders::{Action, ExecutionFilter, Executions};
use ibapi::subscriptions::SubscriptionItem;
use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::task::unconstrained;
use tokio::time::timeout;

/// Reads what a line of a script or of the control says.
fn injection(json: &str) -> Injection {
    serde_json::from_str(json).expect("an injection")
}

async fn inject(gateway: &Gateway, json: &str) {
    gateway.control().inject(injection(json)).await.expect(json);
}

/// Positions as `symbol quantity average cost`; the list must end.
async fn positions(client: &Client) -> Vec<String> {
    let mut stream = client.positions().await.expect("positions");
    let mut lines = Vec::new();
    while let Some(Ok(SubscriptionItem::Data(update))) = timeout(PATIENCE, stream.next()).await.expect("in time") {
        match update {
            PositionUpdate::Position(row) => lines.push(format!("{} {}", row.contract.local_symbol, row.position)),
            PositionUpdate::PositionEnd => break,
        }
    }
    stream.cancel().await;
    client.server_time_millis().await.expect("the fence");
    lines
}

/// Rows of the account summary for some tags, as `tag value currency`.
async fn summary(client: &Client, tags: &[&str]) -> Vec<String> {
    let mut summary = client.account_summary(&AccountGroup("All".into()), tags).await.expect("a summary");
    let mut lines = Vec::new();
    while let Some(Ok(SubscriptionItem::Data(AccountSummaryResult::Summary(row)))) = summary.next().await {
        lines.push(format!("{} {} {}", row.tag, row.value, row.currency));
    }
    lines
}

/// The value of one tag in one currency.
async fn value(client: &Client, tag: &str, currency: &str) -> Decimal {
    let rows = summary(client, &["$LEDGER:ALL", "NetLiquidation", "TotalCashValue-C"]).await;
    let row = rows.iter().find(|row| row.starts_with(&format!("{tag} ")) && row.ends_with(currency));
    row.and_then(|row| row.split(' ').nth(1)).unwrap_or("0").parse().expect("a number")
}

async fn executions(client: &Client) -> Vec<String> {
    let mut rows = client.executions(ExecutionFilter::default()).await.expect("executions");
    let rows = rows.collect_to_end_within(PATIENCE).await.expect("an end");
    let line = |row: &Executions| match row {
        Executions::ExecutionData(data) => {
            let e = &data.execution;
            Some(format!("{} {} {} `{}`", e.execution_id, e.side, e.shares, e.order_reference))
        }
        _ => None,
    };
    rows.iter().filter_map(line).collect()
}

/// A gateway in the morning at which 20 CSPX were bought by the client and 100 ISF were sold by somebody else.
async fn lively() -> (Gateway, Client) {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    buy(&client, 1, 20.0).await;
    inject(&gateway, r#"{"external_trade": {"contract": "ISF", "side": "SELL", "quantity": "100"}}"#).await;
    (gateway, client)
}

async fn buy(client: &Client, id: i32, quantity: f64) {
    let cspx = fund("CSPX", "USD");
    let (_, ask) = bid_ask(client, &cspx).await;
    let limit = (ask * 1.002 * 100.0).round() / 100.0;
    client.submit_order(id, &cspx, &limit_order(Action::Buy, quantity, limit)).await.expect("written");
    client.server_time_millis().await.expect("the fence");
}

#[tokio::test]
async fn a_trade_by_hand_is_a_position_and_an_execution_without_a_reference() {
    let (_gateway, client) = lively().await;
    assert_eq!(positions(&client).await, ["CSPX 20", "ISF -100"]);
    assert_eq!(
        executions(&client).await,
        ["0000e0d5.00000001.01.01 BOT 20 `test`", "0000e0d5.00000002.01.01 SLD 100 ``"]
    );
    assert!(value(&client, "CashBalance", "GBP").await > Decimal::ZERO, "the short sale brought pounds");
}

#[tokio::test]
async fn an_account_without_margin_says_so_opens_nothing_and_is_liquidated() {
    let (gateway, client) = lively().await;
    let tags = ["Cushion", "HighestSeverity"];
    let told = |rows: Vec<String>| rows.iter().map(|row| row.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(told(summary(&client, &tags).await)[1], "HighestSeverity 0");

    let mut updates = client.order_update_stream().await.expect("a stream");
    buy(&client, 2, 20_000.0).await;
    let lines = fenced_updates(&client, &mut updates).await;
    assert_eq!(lines, ["notice Some(2) 201"], "fourteen millions are too much for one");

    inject(&gateway, r#"{"withdraw": {"currency": "USD", "amount": "997000"}}"#).await;
    let rows = told(summary(&client, &tags).await);
    assert!(rows[0].starts_with("Cushion -") && rows[1] == "HighestSeverity 3", "{rows:?}");
    inject(&gateway, r#"{"liquidate": {"contract": "CSPX"}}"#).await;
    assert_eq!(positions(&client).await, ["ISF -100"]);
    let mut rows = client.executions(ExecutionFilter::default()).await.expect("executions");
    let rows = rows.collect_to_end_within(PATIENCE).await.expect("an end");
    let flags = rows.iter().filter_map(|row| match row {
        Executions::ExecutionData(data) => Some((data.execution.shares, data.execution.liquidation)),
        _ => None,
    });
    assert_eq!(flags.collect::<Vec<_>>(), [(20.0, 0), (100.0, 0), (20.0, 1)]);
    assert_eq!(told(summary(&client, &tags).await)[1], "HighestSeverity 0");
}

#[tokio::test]
async fn a_halt_is_told_takes_the_quotes_away_and_ends_by_itself() {
    let (gateway, client) = lively().await;
    let cspx = fund("CSPX", "USD");
    let mut ticks = client.market_data(&cspx).generic_ticks(&["236"]).subscribe().await.expect("a stream");
    let mut told = async || {
        client.server_time_millis().await.expect("the fence");
        let (mut generic, mut quote) = (Vec::new(), Quote::default());
        let drain = async {
            while let Some(Some(item)) = ticks.next().now_or_never() {
                if let SubscriptionItem::Data(tick) = item.expect("a readable tick") {
                    quote.apply(&tick);
                    if let TickTypes::Generic(tick) = tick {
                        generic.push((tick.tick_type, tick.value));
                    }
                }
            }
        };
        unconstrained(drain).await;
        (generic, quote.bid)
    };
    let (generic, bid) = told().await;
    assert_eq!(generic, [(TickType::Shortable, 3.0)], "more than a thousand can be borrowed");
    assert!(bid.is_some_and(|bid| bid > 0.0));
    inject(&gateway, r#"{"halt": {"contract": "CSPX"}}"#).await;
    assert_eq!(told().await, (vec![(TickType::Halted, 1.0)], Some(-1.0)));
    let now = gateway.control().now().await.expect("a clock");
    gateway.control().advance_to(now + SignedDuration::from_mins(6)).await.expect("time moves");
    let (generic, bid) = told().await;
    assert_eq!(generic, [(TickType::Halted, 0.0)]);
    assert!(bid.is_some_and(|bid| bid > 0.0), "it trades again");
}

#[tokio::test]
async fn a_hidden_execution_happens_and_is_not_told_until_it_is_revealed() {
    let (gateway, client) = lively().await;
    let mut updates = client.order_update_stream().await.expect("a stream");
    inject(&gateway, r#"{"hide_execution": {}}"#).await;
    buy(&client, 2, 5.0).await;
    let lines = fenced_updates(&client, &mut updates).await;
    assert!(lines.iter().any(|line| line == "status 2 Filled filled 5 of 5"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("execution") || line.starts_with("commission")), "{lines:?}");
    assert_eq!((executions(&client).await.len(), positions(&client).await[0].as_str()), (2, "CSPX 25"));
    inject(&gateway, r#"{"reveal_executions": {}}"#).await;
    assert_eq!(executions(&client).await[2], "0000e0d5.00000003.01.01 BOT 5 `test`");
}

#[tokio::test]
async fn a_correction_is_told_with_the_next_suffix_and_a_withdrawal_leaves_nothing() {
    let (gateway, client) = lively().await;
    let mut updates = client.order_update_stream().await.expect("a stream");
    let first = r#"{"correct_execution": {"execution": "0000e0d5.00000001.01.01", "quantity": "18"}}"#;
    inject(&gateway, first).await;
    let lines = fenced_updates(&client, &mut updates).await;
    assert_eq!(lines, ["execution 1 BOT 18 on LSEETF req -1", "commission USD"]);
    assert_eq!(executions(&client).await[2], "0000e0d5.00000001.01.02 BOT 18 `test`");
    assert_eq!(positions(&client).await, ["CSPX 18", "ISF -100"]);
    inject(&gateway, r#"{"withdraw_execution": {"execution": "0000e0d5.00000001.01.02"}}"#).await;
    assert_eq!(positions(&client).await, ["ISF -100"]);
    assert_eq!(executions(&client).await, ["0000e0d5.00000002.01.01 SLD 100 ``"]);
    assert_eq!(value(&client, "CashBalance", "USD").await, dec!(1_000_000), "price and charge came back");
}

#[tokio::test]
async fn a_dividend_on_a_short_is_owed_and_a_split_multiplies() {
    let (gateway, client) = lively().await;
    let before = value(&client, "NetLiquidation", "USD").await;
    inject(&gateway, r#"{"dividend_now": {"contract": "ISF", "amount": "0.25"}}"#).await;
    assert_eq!(value(&client, "NetDividend", "GBP").await, dec!(-25));
    let change = value(&client, "NetLiquidation", "USD").await - before;
    assert!(change.abs() < dec!(1), "the price fell by what is owed: {change}");
    inject(&gateway, r#"{"split_now": {"contract": "ISF", "numerator": 3, "denominator": 1}}"#).await;
    assert_eq!(positions(&client).await, ["CSPX 20", "ISF -300"]);
    let change = value(&client, "NetLiquidation", "USD").await - before;
    assert!(change.abs() < dec!(2), "numbers changed, worth did not: {change}");
}

#[tokio::test]
async fn futures_are_settled_at_noon_and_a_sweep_moves_cash_between_rows() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let trade = r#"{"external_trade": {"contract": "M6E_20250915", "side": "BUY", "quantity": "40", "price": "1.1"}}"#;
    inject(&gateway, trade).await;
    let (profit, cash) = (value(&client, "FuturesPNL", "USD").await, value(&client, "CashBalance", "USD").await);
    assert_ne!(profit, Decimal::ZERO);
    inject(&gateway, r#"{"settle_futures_now": {}}"#).await;
    assert_eq!(value(&client, "FuturesPNL", "USD").await, Decimal::ZERO);
    assert_eq!(value(&client, "CashBalance", "USD").await, cash + profit);
    let total = value(&client, "TotalCashBalance", "USD").await;
    inject(&gateway, r#"{"sweep_cash": {"currency": "USD", "amount": "25000"}}"#).await;
    assert_eq!(value(&client, "CashBalance", "USD").await, cash + profit - dec!(25_000));
    assert_eq!(value(&client, "FuturesPNL", "USD").await, dec!(25_000));
    assert_eq!(value(&client, "TotalCashValue-C", "USD").await, dec!(25_000));
    assert_eq!(value(&client, "TotalCashBalance", "USD").await, total, "the total stays");
}

#[tokio::test]
async fn rates_stand_still_and_another_base_relabels_everything() {
    let (gateway, client) = lively().await;
    let (rate, nlv) = (value(&client, "ExchangeRate", "GBP").await, value(&client, "NetLiquidation", "USD").await);
    inject(&gateway, r#"{"stale_fx": {"shift": "1.05"}}"#).await;
    let stale = value(&client, "ExchangeRate", "GBP").await;
    assert!((stale - rate * dec!(1.05)).abs() < dec!(0.000001), "{stale} against {rate}");
    gateway.control().advance_to(at("2025-07-07T14:00:00Z")).await.expect("time moves");
    assert_eq!(value(&client, "ExchangeRate", "GBP").await, stale, "hours later too");
    inject(&gateway, r#"{"heal": {}}"#).await;
    let fresh = value(&client, "ExchangeRate", "GBP").await;
    assert!((fresh / rate - Decimal::ONE).abs() < dec!(0.02) && fresh != rate, "{rate} {fresh}");

    inject(&gateway, r#"{"base_currency_tags": {"currency": "EUR"}}"#).await;
    let euros = value(&client, "NetLiquidation", "EUR").await;
    assert!(euros > dec!(0.7) * nlv && euros < dec!(0.95) * nlv, "{euros} of {nlv}");
    assert_eq!(value(&client, "ExchangeRate", "EUR").await, Decimal::ONE);
    assert!(value(&client, "ExchangeRate", "USD").await < Decimal::ONE);
}

#[tokio::test]
async fn pounds_become_pence_with_and_without_a_word() {
    let (gateway, client) = lively().await;
    let cspx = fund("CSPX", "USD");
    let magnifier = async || client.contract_details(&cspx).await.expect("CSPX")[0].price_magnifier;
    let (bid, _) = bid_ask(&client, &cspx).await;
    inject(&gateway, r#"{"pence_flip": {"contract": "CSPX"}}"#).await;
    assert_eq!((bid_ask(&client, &cspx).await.0, magnifier().await), ((bid * 100.0).round(), 100));
    inject(&gateway, r#"{"pence_flip": {"contract": "CSPX", "magnifier": false}}"#).await;
    assert_eq!((bid_ask(&client, &cspx).await.0, magnifier().await), ((bid * 100.0).round(), 1));
    let isf = fund("ISF", "GBP");
    let (pence, _) = bid_ask(&client, &isf).await;
    inject(&gateway, r#"{"pence_flip": {"contract": "ISF"}}"#).await;
    assert!((bid_ask(&client, &isf).await.0 * 100.0 - pence).abs() < 1e-6);
}

#[tokio::test]
async fn what_is_held_can_be_shown_wrongly_in_every_way() {
    let (gateway, client) = lively().await;
    let nlv = value(&client, "NetLiquidation", "USD").await;
    inject(&gateway, r#"{"phantom_position": {"contract": "SXR8", "quantity": "7"}}"#).await;
    assert_eq!(positions(&client).await, ["CSPX 20", "SXR8 7", "ISF -100"]);
    assert_eq!(value(&client, "NetLiquidation", "USD").await, nlv, "it is worth nothing");
    inject(&gateway, r#"{"empty_positions": {}}"#).await;
    assert!(positions(&client).await.is_empty());
    inject(&gateway, r#"{"truncated_positions": {"after": 1}}"#).await;
    let mut stream = client.positions().await.expect("positions");
    let first = stream.next().await.expect("a row").expect("readable");
    assert!(matches!(first, SubscriptionItem::Data(PositionUpdate::Position(_))), "{first:?}");
    client.server_time_millis().await.expect("the fence");
    assert!(timeout(Duration::from_millis(50), stream.next()).await.is_err(), "neither a row nor an end");
    stream.cancel().await;
    client.server_time_millis().await.expect("the fence");
    inject(&gateway, r#"{"heal": {}}"#).await;
    assert_eq!(positions(&client).await, ["CSPX 20", "ISF -100"]);
}

#[tokio::test]
async fn the_net_liquidation_value_can_be_missing_or_nonsense() {
    let (gateway, client) = lively().await;
    inject(&gateway, r#"{"missing_nlv": {}}"#).await;
    assert!(summary(&client, &["NetLiquidation"]).await.is_empty());
    for text in ["NaN", "0", "-5", ""] {
        inject(&gateway, &format!(r#"{{"nlv": {{"value": "{text}"}}}}"#)).await;
        assert_eq!(summary(&client, &["NetLiquidation"]).await, [format!("NetLiquidation {text} USD")]);
    }
    inject(&gateway, r#"{"account_not_ready": {}}"#).await;
    let mut updates = client.account_updates(&AccountId(ACCOUNT.into())).await.expect("updates");
    let mut ready = None;
    while let Some(Ok(SubscriptionItem::Data(update))) = updates.next().await {
        match update {
            AccountUpdate::AccountValue(row) if row.key == "AccountReady" => ready = Some(row.value),
            AccountUpdate::End => break,
            _ => {}
        }
    }
    assert_eq!(ready.as_deref(), Some("false"));
}

#[tokio::test]
async fn a_contract_ends_aloud_or_in_silence() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    for contract in ["M6E_20250915", "M6E_20251215"] {
        let trade = format!(r#"{{"external_trade": {{"contract": "{contract}", "side": "SELL", "quantity": "3"}}}}"#);
        inject(&gateway, &trade).await;
    }
    let mut stream = client.positions().await.expect("positions");
    for _ in 0..3 {
        stream.next().await.expect("two rows and the end").expect("readable");
    }
    inject(&gateway, r#"{"expire_silently": {"contract": "M6E_20250915"}}"#).await;
    client.server_time_millis().await.expect("the fence");
    assert!(timeout(Duration::from_millis(50), stream.next()).await.is_err(), "nobody is told");
    inject(&gateway, r#"{"expire_now": {"contract": "M6E_20251215"}}"#).await;
    let Some(Ok(SubscriptionItem::Data(PositionUpdate::Position(gone)))) = stream.next().await else {
        panic!("the position is told once more")
    };
    assert_eq!((gone.contract.local_symbol.as_str(), gone.position), ("M6EZ5", 0.0));
    stream.cancel().await;
    client.server_time_millis().await.expect("the fence");
    assert!(positions(&client).await.is_empty());
    assert_eq!(value(&client, "FuturesPNL", "USD").await, Decimal::ZERO, "both were settled in cash");
}

#[tokio::test]
async fn borrowed_shares_are_bought_in_and_a_symbol_goes_on_as_another() {
    let (gateway, client) = lively().await;
    let old = client.contract_details(&fund("ISF", "GBP")).await.expect("ISF")[0].contract.contract_id;
    inject(&gateway, r#"{"symbol_change": {"contract": "ISF", "symbol": "ISFX"}}"#).await;
    let new = client.contract_details(&fund("ISFX", "GBP")).await.expect("ISFX")[0].contract.contract_id;
    assert_ne!(old, new);
    assert!(client.contract_details(&fund("ISF", "GBP")).await.is_err(), "the old one is gone");
    assert_eq!(positions(&client).await, ["CSPX 20", "ISFX -100"]);
    inject(&gateway, r#"{"recall": {"contract": "ISF"}}"#).await;
    assert_eq!(positions(&client).await.len(), 2, "a recall alone changes nothing");
    inject(&gateway, r#"{"buy_in": {"contract": "ISF"}}"#).await;
    assert_eq!(positions(&client).await, ["CSPX 20"]);
    assert_eq!(executions(&client).await[2], "0000e0d5.00000003.01.01 BOT 100 ``");
}

#[tokio::test]
async fn a_cut_connection_can_be_made_again() {
    let (gateway, client) = lively().await;
    inject(&gateway, r#"{"disconnect": {}}"#).await;
    assert!(client.server_time_millis().await.is_err(), "it is gone");
    let again = crate::support::client(&gateway, 1).await;
    assert_eq!(positions(&again).await, ["CSPX 20", "ISF -100"]);
}

#[tokio::test]
async fn money_moves_by_command_also_from_another_process() {
    let mut gateway = gateway_at(MORNING).await;
    let address = gateway.serve_control(loopback()).await.expect("a control");
    let mut remote = RemoteControl::connect(address).await.expect("a control");
    let client = client(&gateway, 1).await;
    for line in [
        r#"{"deposit": {"currency": "USD", "amount": "1000"}}"#,
        r#"{"withdraw": {"currency": "USD", "amount": "250.50"}}"#,
        r#"{"fee": {"currency": "USD", "amount": "10"}}"#,
        r#"{"commission_adjustment": {"currency": "USD", "amount": "0.25"}}"#,
        r#"{"convert_cash": {"sold": {"amount": "500", "currency": "USD"}, "bought": {"amount": "400", "currency": "EUR"}}}"#,
    ] {
        remote.inject(injection(line)).await.expect(line);
    }
    assert_eq!(value(&client, "CashBalance", "USD").await, dec!(1_000_239.75));
    assert_eq!(value(&client, "CashBalance", "EUR").await, dec!(400));
    let mut refusals = Vec::new();
    for line in [
        r#"{"buy_in": {"contract": "ISF"}}"#,
        r#"{"split_now": {"contract": "M6E_20250915", "numerator": 2, "denominator": 1}}"#,
        r#"{"dividend_now": {"contract": "NOPE", "amount": "1"}}"#,
        r#"{"withdraw_execution": {}}"#,
    ] {
        refusals.push(remote.inject(injection(line)).await.expect_err(line).to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    the gateway declines: cannot inject {"buy_in":{"contract":"ISF"}}: nothing of it is sold short
    the gateway declines: cannot inject {"split_now":{"contract":"M6E_20250915","numerator":2,"denominator":1}}: only shares and funds split, into whole parts
    the gateway declines: cannot inject {"dividend_now":{"contract":"NOPE","amount":"1"}}: there is no contract NOPE
    the gateway declines: cannot inject {"withdraw_execution":{"execution":null}}: nothing was executed yet
    "#);
}

const SCRIPT: &str = r#"
{"at": "2025-07-07T09:00:00Z", "inject": {"hide_execution": {"count": 2}}}
{"at": "2025-07-07T08:30:00Z", "inject": {"external_trade": {"contract": "ISF", "side": "SELL", "quantity": "100"}}}
{"at": "2025-07-07T09:00:00Z", "inject": {"external_trade": {"contract": "CSPX", "side": "BUY", "quantity": "3"}}}
{"at": "2025-07-07T11:00:00Z", "inject": {"split_now": {"contract": "CSPX", "numerator": 2, "denominator": 1}}}
{"at": "2025-07-08T10:00:00Z", "inject": {"nlv": {"value": "NaN"}}}
"#;

async fn scripted(path: &Path) -> Gateway {
    let faults = read_faults(SCRIPT).expect("a script");
    let config = GatewayConfig { record: Some(path.to_owned()), faults, ..GatewayConfig::default() };
    Gateway::bind(loopback(), config, world()).await.expect("a gateway")
}

#[tokio::test]
async fn a_script_happens_on_time_and_its_record_rebuilds_the_same_world() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.jsonl");
    let gateway = scripted(&path).await;
    gateway.control().advance_to(at("2025-07-07T12:00:00Z")).await.expect("time moves");
    inject(&gateway, r#"{"correct_execution": {"quantity": "4"}}"#).await;
    let see = async |gateway: &Gateway| {
        let client = client(gateway, 1).await;
        (
            executions(&client).await,
            positions(&client).await,
            summary(&client, &["NetLiquidation", "$LEDGER:ALL"]).await,
        )
    };
    let seen = see(&gateway).await;
    assert_eq!(seen.1, ["CSPX 7", "ISF -100"], "three bought, split into six, one more by the correction");
    gateway.close().await;
    let text = fs::read_to_string(&path).expect("a record");

    let restored = scripted(&path).await;
    assert_eq!(see(&restored).await, seen, "the hidden stays hidden too");
    restored.control().advance_to(at("2025-07-08T11:00:00Z")).await.expect("time moves");
    let client = client(&restored, 2).await;
    assert_eq!(summary(&client, &["NetLiquidation"]).await, ["NetLiquidation NaN USD"], "the rest of the script");
    drop(client);
    restored.close().await;
    let later = fs::read_to_string(&path).expect("a record");
    assert!(later.starts_with(&text), "nothing happened twice");
    assert_eq!(later.matches(r#""kind":"injection""#).count(), 6);
}

#[tokio::test]
async fn a_script_that_cannot_be_meant_is_refused_at_the_start() {
    let wrong = [
        r#"{"at": "2025-07-07T09:00:00Z", "inject": {"explode": {}}}"#,
        r#"{"at": "2025-07-07T09:00:00Z", "inject": {"nlv": {"value": "0", "currency": "USD"}}}"#,
        r#"{"inject": {"heal": {}}}"#,
    ];
    let lines: Vec<String> = wrong.iter().map(|line| read_faults(line).expect_err(line).problem).collect();
    assert!(lines[0].starts_with("unknown variant `explode`"), "{lines:?}");
    assert!(
        lines[1].starts_with("unknown field `currency`") && lines[2].starts_with("missing field `at`"),
        "{lines:?}"
    );
    let faults = read_faults(r#"{"at": "2025-07-07T09:00:00Z", "inject": {"recall": {"contract": "NOPE"}}}"#);
    let config = GatewayConfig { faults: faults.expect("readable"), ..GatewayConfig::default() };
    let refused = Gateway::bind(loopback(), config, world()).await.expect_err("no such contract");
    insta::assert_snapshot!(refused, @"the script of faults names the contract NOPE, which this world does not have");
}
