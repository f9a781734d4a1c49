//! Activity statements over HTTP, as a client of IB's Flex Web Service asks for them.

use crate::support::*;
use futures::StreamExt;
use gateway::{Control, Gateway, GatewayConfig, Injection, StatementAccess};
use quick_xml::Reader;
use quick_xml::events::Event;
use rust_decimal::{Decimal, dec};
use sim::AccountEvents;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SERVICE: &str = "/AccountManagement/FlexWebService";

/// The body of a plain GET.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(inner, _)| inner)
}

/// A statement in both steps.
async fn statement(address: SocketAddr, span: &str) -> String {
    let ordered = get(address, &format!("{SERVICE}/SendRequest?t=simulated&q=1&v=3{span}")).await;
    let code = between(&ordered, "<ReferenceCode>", "</ReferenceCode>");
    let fetch = format!("{SERVICE}/GetStatement?t=simulated&q={code}&v=3");
    let first = get(address, &fetch).await;
    assert_eq!(between(&first, "<ErrorCode>", "</ErrorCode>"), "1019", "{first}");
    get(address, &fetch).await
}

/// Elements of a name with their attributes.
fn elements(xml: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Empty(tag) | Event::Start(tag) if tag.name().as_ref() == name.as_bytes() => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.expect("an attribute");
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).expect("text");
                    (key, attribute.unescape_value().expect("text").into_owned())
                });
                found.push(attributes.collect());
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn amount(row: &BTreeMap<String, String>, name: &str) -> Decimal {
    row[name].parse().expect("a number")
}

async fn inject(gateway: &Gateway, json: &str) {
    let injection: Injection = serde_json::from_str(json).expect("an injection");
    gateway.control().inject(injection).await.expect(json);
}

async fn eventful() -> (Gateway, SocketAddr) {
    let mut world = world();
    world.events = AccountEvents::realistic();
    let mut gateway = Gateway::bind(loopback(), GatewayConfig::default(), world).await.expect("a gateway");
    let address = gateway.serve_statements(loopback(), StatementAccess::default()).await.expect("statements");
    gateway.control().advance_to(at(MORNING)).await.expect("time moves");
    (gateway, address)
}

#[tokio::test]
async fn the_service_refuses_in_its_own_numbers() {
    let (gateway, address) = eventful().await;
    assert_eq!(gateway.statements(), Some(address));
    let mut lines = Vec::new();
    for path in [
        "SendRequest?t=wrong&q=1&v=3",
        "SendRequest?t=simulated&q=2&v=3",
        "SendRequest?t=simulated&q=1&v=2",
        "SendRequest?t=simulated&q=1&v=3&fd=yesterday",
        "SendRequest?t=simulated&q=1&v=3&fd=20250707&td=20250707",
        "GetStatement?t=simulated&q=7&v=3",
    ] {
        let answer = get(address, &format!("{SERVICE}/{path}")).await;
        let [code, words] = [("<ErrorCode>", "</ErrorCode>"), ("<ErrorMessage>", "</ErrorMessage>")]
            .map(|(from, to)| between(&answer, from, to));
        lines.push(format!("{path}: {code} {words}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    SendRequest?t=wrong&q=1&v=3: 1015 Token is invalid.
    SendRequest?t=simulated&q=2&v=3: 1014 Query is invalid.
    SendRequest?t=simulated&q=1&v=2: 1020 Invalid request or unable to validate request.
    SendRequest?t=simulated&q=1&v=3&fd=yesterday: 1020 Invalid request or unable to validate request.
    SendRequest?t=simulated&q=1&v=3&fd=20250707&td=20250707: 1003 Statement is not available.
    GetStatement?t=simulated&q=7&v=3: 1017 Reference code is invalid.
    ");
}

#[tokio::test]
async fn the_morning_statement_tells_what_happened_yesterday() {
    let (gateway, address) = eventful().await;
    for line in [
        r#"{"external_trade": {"contract": "ISF", "side": "SELL", "quantity": "100"}}"#,
        r#"{"dividend_now": {"contract": "ISF", "amount": "0.25"}}"#,
        r#"{"split_now": {"contract": "ISF", "numerator": 2, "denominator": 1}}"#,
        r#"{"symbol_change": {"contract": "ISF", "symbol": "ISFX"}}"#,
        r#"{"deposit": {"currency": "USD", "amount": "1000"}}"#,
        r#"{"convert_cash": {"sold": {"amount": "500", "currency": "USD"}, "bought": {"amount": "400", "currency": "EUR"}}}"#,
    ] {
        inject(&gateway, line).await;
    }
    gateway.control().advance_to(at("2025-07-08T06:00:00Z")).await.expect("time moves");
    let xml = statement(address, "").await;
    let head = &elements(&xml, "FlexStatement")[0];
    assert_eq!(
        [&head["accountId"], &head["fromDate"], &head["toDate"], &head["whenGenerated"]],
        [ACCOUNT, "20250707", "20250707", "20250708;060000"]
    );
    let show = |name: &str, wanted: &[&str]| {
        let rows = elements(&xml, name);
        let line = |row: &BTreeMap<String, String>| {
            let values: Vec<&str> =
                wanted.iter().map(|name| if row[*name].is_empty() { "-" } else { &row[*name] }).collect();
            format!("{name} {}", values.join(" "))
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let lines = [
        show("Trade", &["symbol", "quantity", "currency", "ibExecID", "orderReference"]),
        show("CashTransaction", &["type", "amount", "currency", "reportDate"]),
        show("ChangeInDividendAccrual", &["symbol", "quantity", "grossRate", "netAmount", "exDate", "payDate", "code"]),
        show("CorporateAction", &["type", "symbol", "quantity", "actionDescription"]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    Trade ISFX -100 GBP 0000e0d5.00000001.01.01 -
    Trade EUR.USD 400 USD - -
    CashTransaction Deposits/Withdrawals 1000 USD 20250707
    ChangeInDividendAccrual ISFX -100 0.25 -25 20250707 20250714 Po
    CorporateAction FS ISFX -100 ISF() SPLIT 2 FOR 1 (ISF, )
    CorporateAction IC ISF 200 ISF() CUSIP/ISIN CHANGE TO (ISFX) (ISFX, )
    CorporateAction IC ISFX -200 ISF() CUSIP/ISIN CHANGE TO (ISFX) (ISFX, )
    ");
    let [gone, came] = &elements(&xml, "CorporateAction")[1..] else { panic!("both sides of the change") };
    assert_ne!(gone["conid"], came["conid"]);
    let interest = elements(&xml, "InterestAccrualsCurrency");
    assert!(interest.iter().any(|row| row["currency"] == "USD" && amount(row, "interestAccrued") > dec!(50)), "{xml}");
    let [fee] = &elements(&xml, "HardToBorrowDetail")[..] else { panic!("a night's loan of shares: {xml}") };
    assert_eq!((fee["quantity"].as_str(), fee["borrowFeeRate"].as_str()), ("-200", "0.9"));
    assert!(amount(fee, "borrowFee") < Decimal::ZERO);
}

#[tokio::test]
async fn a_quarter_of_statements_explains_all_cash_that_trades_do_not() {
    let (gateway, address) = eventful().await;
    for line in [
        r#"{"external_trade": {"contract": "SXR8", "side": "BUY", "quantity": "300"}}"#,
        r#"{"external_trade": {"contract": "ISF", "side": "SELL", "quantity": "40000"}}"#,
        r#"{"external_trade": {"contract": "CSPX", "side": "SELL", "quantity": "500"}}"#,
    ] {
        inject(&gateway, line).await;
    }
    gateway.control().advance_to(at("2025-10-10T06:00:00Z")).await.expect("time moves");
    let xml = statement(address, "&fd=20250707&td=20251009").await;
    let mut cash: BTreeMap<String, Decimal> = BTreeMap::from([("USD".to_owned(), dec!(1_000_000))]);
    for (name, field) in [("CashTransaction", "amount"), ("Trade", "netCash")] {
        for row in elements(&xml, name) {
            *cash.entry(row["currency"].clone()).or_default() += amount(&row, field);
        }
    }
    let client = client(&gateway, 1).await;
    let tags = ["$LEDGER:ALL"];
    let group = ibapi::accounts::types::AccountGroup("All".into());
    let mut summary = client.account_summary(&group, &tags).await.expect("a summary");
    let mut compared = 0;
    let mut accrued: BTreeMap<String, Decimal> = BTreeMap::new();
    use ibapi::accounts::AccountSummaryResult::Summary;
    use ibapi::subscriptions::SubscriptionItem::Data;
    while let Some(Ok(Data(Summary(row)))) = summary.next().await {
        if row.currency == "BASE" {
            continue;
        }
        let value = || row.value.parse::<Decimal>().expect("a number");
        match row.tag.as_str() {
            "CashBalance" => {
                assert_eq!(value(), cash[&row.currency], "{}", row.currency);
                compared += 1;
            }
            "AccruedCash" => drop(accrued.insert(row.currency.clone(), value())),
            _ => {}
        }
    }
    assert_eq!(compared, 3, "dollars, euros and pounds");
    // One statement a day: what the last of a currency ends with is owed now.
    let ending: BTreeMap<String, Decimal> = elements(&xml, "InterestAccrualsCurrency")
        .iter()
        .map(|row| (row["currency"].clone(), amount(row, "endingAccrualBalance")))
        .collect();
    for (currency, ending) in ending {
        assert_eq!(ending, accrued[&currency], "{currency}");
    }
    let kinds: BTreeMap<String, usize> =
        elements(&xml, "CashTransaction").iter().fold(BTreeMap::new(), |mut sum, row| {
            *sum.entry(row["type"].clone()).or_default() += 1;
            sum
        });
    assert!(elements(&xml, "HardToBorrowDetail").len() > 60);
    insta::assert_snapshot!(format!("{kinds:?}"), @r#"{"Broker Interest Paid": 12, "Broker Interest Received": 3, "Other Fees": 3, "Payment In Lieu Of Dividends": 1}"#);
}
