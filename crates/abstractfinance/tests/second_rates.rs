//! Stories of a second opinion on exchange rates: one that agrees, one that does not, one that is silent.
//!
//! In: a double of the chart endpoint beside the simulated gateway. Out: reports of days. Invariant: nothing here reaches
//! beyond this machine; a rate two sources dispute lets no new risk in, and a silent source stops nothing.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use console::DayReport;
use insta::assert_snapshot;
use serde_json::json;
use std::net::SocketAddr;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Six in the morning of the first and of the second day.
const MORNINGS: [i64; 2] = [1_772_431_200, 1_772_517_600];

/// What the double says of the pair, if it answers at all.
async fn says(server: &MockServer, rate: f64, at: i64) {
    let meta = json!({"currency": "USD", "symbol": "EURUSD=X", "exchangeTimezoneName": "Europe/London",
        "regularMarketTime": at, "regularMarketPrice": rate, "dataGranularity": "1d"});
    let answer = json!({"meta": meta, "indicators": {"quote": [{}]}});
    let body = json!({"chart": {"result": [answer], "error": null}});
    server.reset().await;
    let chart = Mock::given(path("/v8/finance/chart/EURUSD=X")).and(query_param("range", "1d"));
    chart.respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(server).await;
}

fn stage(host: SocketAddr) -> Stage {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", "second_source: none ", "second_source: yahoo");
    let settings = std::fs::read_to_string(stage.path("conf/settings.yaml")).unwrap();
    let settings = settings.replace("host: query1.finance.yahoo.com", &format!("host: {host}"));
    std::fs::write(stage.path("conf/settings.yaml"), settings.replace("pause_ms: 500", "pause_ms: 100")).unwrap();
    stage
}

fn days(stage: &Stage, days: u32) -> Vec<DayReport> {
    stage.days(&format!("--config conf demo --days {days} --state-dir state"))
}

/// The rate of the euro that a day was valued at, from its fourth step.
fn euro(day: &DayReport) -> f64 {
    let rates = day.steps[3].detail.split(", ").find_map(|rate| rate.strip_prefix("EUR "));
    rates.expect(&day.steps[3].detail).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_source_agrees_or_stops_new_risk_or_is_missed() {
    let server = MockServer::start().await;
    let plain = Stage::new();
    let alone = plain.days("demo --days 2 --state-dir state");
    let rate = euro(&alone[1]);

    says(&server, rate * 1.001, MORNINGS[1]).await;
    let agreed = days(&stage(*server.address()), 2);
    let told = &agreed[0].steps[4].detail;
    assert!(told.contains("EURUSD=X: its time is 2026-03-03T06:00:00Z, and now is 2026-03-02T06:00:00Z"), "{told}");
    assert_eq!((agreed[1].steps[3].outcome.as_str(), &agreed[1].orders), ("done", &alone[1].orders), "nothing changes");
    assert_tied_out(&agreed[1]);

    says(&server, rate * 1.01, MORNINGS[1]).await;
    let disputed = days(&stage(*server.address()), 2);
    assert_snapshot!(disputed[1].doubts.join("\n"), @"EUR: the account's rate is 1.15945 and Yahoo says 1.1710445, 100 bp apart, more than 50: one of them is stale or wrong; what is held stays valued at the former and EUR takes no new risk until a rate is good again");
    assert_eq!(euro(&disputed[1]), rate, "what is held is valued at the rate net liquidation is counted with");
    assert_tied_out(&disputed[1]);
    assert!(alone[1].orders.iter().any(|order| order.instrument == "CS51"), "or the next line says nothing");
    assert!(!disputed[1].orders.iter().any(|order| order.instrument == "CS51"), "{:?}", disputed[1].orders);
    assert_snapshot!(disputed[1].refusals.iter().map(|r| r.sentence.as_str()).collect::<Vec<_>>().join("\n"), @r"
    CS51: its currency has no valid rate, so it takes no new risk
    CSPX: the other leg of its pair cannot trade, so this one waits
    ");

    server.reset().await;
    let silent = days(&stage(*server.address()), 1);
    assert_eq!(silent[0].orders, alone[0].orders, "a silent source stops nothing");
    let told = &silent[0].steps[4].detail;
    assert!(told.contains("of these pairs only the broker told a rate: no chart of EURGBP=X: status 404"), "{told}");
}
