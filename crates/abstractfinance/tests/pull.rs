//! Stories of a pull: charts become a catalogue, and a second pull asks for what is missing only.
//!
//! In: a double of the chart endpoint, and the simulated gateway. Out: reports and catalogues. Invariant: nothing here
//! reaches beyond this machine.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use insta::assert_snapshot;
use serde_json::{Value, json};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// March 2026 in New York: a bar per weekday between the dates asked for, quoted in `currency`.
struct Market {
    symbol: &'static str,
    currency: &'static str,
    /// Prices are this many times as high: 0.5 after a split of two for one.
    factor: f64,
}

impl Respond for Market {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let second =
            |name: &str| -> i64 { request.url.query_pairs().find(|(key, _)| key == name).unwrap().1.parse().unwrap() };
        // 14:30 UTC of each weekday; 1772462000 lies in Monday, 2 March 2026.
        let days = (0..60).map(|day| 1_772_461_800 + day * 86_400).filter(|at| (at / 86_400 + 4) % 7 % 6 != 0);
        let days: Vec<i64> = days.filter(|at| (second("period1")..second("period2")).contains(at)).collect();
        let closes: Vec<f64> = days.iter().map(|at| (1000 + (at / 86_400) % 10) as f64 * self.factor).collect();
        let meta = json!({"currency": self.currency, "symbol": self.symbol, "exchangeTimezoneName": "America/New_York",
            "regularMarketTime": 1_790_000_000, "dataGranularity": "1d"});
        let quote = json!({"open": closes, "high": closes, "low": closes, "close": closes,
            "volume": vec![1000; days.len()]});
        let answer = json!({"meta": meta, "timestamp": days, "indicators": {"quote": [quote]}});
        ResponseTemplate::new(200).set_body_json(json!({"chart": {"result": [answer], "error": Value::Null}}))
    }
}

async fn serve(server: &MockServer, market: Market) {
    let chart = Mock::given(method("GET")).and(path_regex("/v8/finance/chart/.*GSPC$"));
    chart.respond_with(market).mount(server).await;
}

fn stage(server: &MockServer) -> Stage {
    let stage = Stage::new();
    let host = format!("host: {}", server.address());
    stage.config("conf", "settings.yaml", "host: query1.finance.yahoo.com", &host);
    stage
}

fn lines(text: &str) -> String {
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_asks_for_what_is_missing_and_for_everything_after_a_split() {
    let server = MockServer::start().await;
    serve(&server, Market { symbol: "^GSPC", currency: "USD", factor: 1.0 }).await;
    let stage = stage(&server);
    let pull = |to: &str| lines(&stage.ok(&format!("--config conf data pull SPX M6E --from 2026-03-02 --to {to}")));
    assert_snapshot!(pull("2026-03-13"), @r"
    series  stands for      asked for                 bars  new  outcome
    SPX     ^GSPC at Yahoo  2026-03-02 to 2026-03-13  10    10   complete
    M6E     nothing         2026-03-02 to 2026-03-13  0     0    instruments.yaml has no `yahoo_symbol` that is this contract; import it, or pull it from the gateway
    ");
    assert_eq!(asked(&server).await, 1);
    assert_snapshot!(pull("2026-03-13"), @r"
    series  stands for      asked for                 bars  new  outcome
    SPX     ^GSPC at Yahoo  nothing                   10    0    complete
    M6E     nothing         2026-03-02 to 2026-03-13  0     0    instruments.yaml has no `yahoo_symbol` that is this contract; import it, or pull it from the gateway
    ");
    assert_eq!(asked(&server).await, 1, "nothing is missing, nothing is asked");
    assert_snapshot!(pull("2026-03-20"), @r"
    series  stands for      asked for                 bars  new  outcome
    SPX     ^GSPC at Yahoo  2026-03-09 to 2026-03-20  15    5    complete
    M6E     nothing         2026-03-02 to 2026-03-20  0     0    instruments.yaml has no `yahoo_symbol` that is this contract; import it, or pull it from the gateway
    ");
    assert_eq!(asked(&server).await, 2);

    server.reset().await;
    serve(&server, Market { symbol: "^GSPC", currency: "USD", factor: 0.5 }).await;
    assert_snapshot!(pull("2026-03-27"), @r"
    series  stands for      asked for                 bars  new  outcome
    SPX     ^GSPC at Yahoo  2026-03-02 to 2026-03-27  20    5    the source changed 2026-03-16: pulled whole
    M6E     nothing         2026-03-02 to 2026-03-27  0     0    instruments.yaml has no `yahoo_symbol` that is this contract; import it, or pull it from the gateway
    ");
    assert_eq!(asked(&server).await, 2, "the overlap differs, so all of it is asked for");
    assert_snapshot!(lines(&stage.ok("--config conf data check")), @r"
     segment  series  bars  found
     pulled   SPX     20
    ");

    let report: Value = serde_json::from_str(&stage.ok("--json --config conf data check")).unwrap();
    assert_eq!(report["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_in_another_currency_is_not_taken_and_a_source_that_is_gone_ends_the_pull() {
    let server = MockServer::start().await;
    serve(&server, Market { symbol: "^GSPC", currency: "EUR", factor: 1.0 }).await;
    let stage = stage(&server);
    assert_snapshot!(lines(&stage.ok("--config conf data pull SPX --from 2026-03-02 --to 2026-03-13")), @r"
    series  stands for      asked for                 bars  new  outcome
    SPX     ^GSPC at Yahoo  2026-03-02 to 2026-03-13  0     0    ^GSPC is quoted in EUR and instruments.yaml says USD; correct `yahoo_symbol` or `currency`
    ");
    assert_eq!(stage.files(), ["conf"]);
    server.reset().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "600");
    Mock::given(method("GET")).respond_with(busy).mount(&server).await;
    assert_snapshot!(stage.refused("--config conf data pull SPX --from 2026-03-02 --to 2026-03-13"), @r"
    exit 3
    abstractfinance: no chart of ^GSPC: the server asks for 600 seconds of patience; what was pulled is kept, so pull again later
    ");
    assert_snapshot!(stage.refused("--config conf data pull SPYX --from 2026-03-02 --to 2026-03-13"), @r"
    exit 2
    abstractfinance: `SPYX` is not in instruments.yaml; known are 6B, 6E, 6S, AAPL, ACA, AMZN, ARCC, BNP, BNP_OPT, CNDX, CS51, CSPX, DBK, ES, EUR.GBP, EUR.USD, EXH1, EXS1, EXSA, EXV1, EXV5, EXW1, EXX1, FBTP, FCE, FDAX, FDXM, FESB, FESX, FGBL, FGBM, FLOT, FOAT, FVS, GBP.USD, GLE, GLE_OPT, GOOGL, HYG, HYG_OPT, IHYU, ISF, IUCD, IUHC, IUIT, IUKD, IUMO, IUQA, JNJ, JNK, JNK_OPT, LLY, LQDE, M2K, M6B, M6E, MAIN, MES, META, MNQ, MSF, MSFT, NQ, NVDA, RTY, SAN, SEMI, SPX, SPX_OPT, SPY, SPY_OPT, SX5E, SX5E_OPT, SXR8, UCG, USD.CHF, V2TX, VIX, VIX_OPT, VOW3, VX, VXM, Z
    ");
    assert_snapshot!(stage.refused("--config conf data pull --from 2026-03-20 --to 2026-03-13"), @r"
    exit 2
    abstractfinance: --from 2026-03-20 is after --to 2026-03-13; exchange them
    ");
}

#[test]
fn the_gateway_s_bars_are_kept_by_contract() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let pull = |options: &str| {
        let line =
            format!("data pull CSPX M6E --source gateway --gateway {} --from 2026-01-05 {options}", gateway.api());
        stage.run(&line)
    };
    assert_snapshot!(lines(&pull("--to 2026-01-30").out), @r"
    series      stands for                  asked for                 bars  new  outcome
    CSPX        CSPX at the broker          2026-01-05 to 2026-01-30  20    20   complete
    M6E_202603  M6E_20260316 at the broker  2026-01-05 to 2026-01-30  20    20   complete
    M6E_202606  M6E_20260615 at the broker  2026-01-05 to 2026-01-30  20    20   complete
    ");
    assert_snapshot!(lines(&pull("--to 2026-02-27").out), @r"
    series      stands for                  asked for                 bars  new  outcome
    CSPX        CSPX at the broker          2026-01-26 to 2026-02-27  40    20   complete
    M6E_202603  M6E_20260316 at the broker  2026-01-26 to 2026-02-27  40    20   complete
    M6E_202606  M6E_20260615 at the broker  2026-01-26 to 2026-02-27  40    20   complete
    ");
    assert_snapshot!(pull("--to 2026-02-27 --adjusted").err, @"abstractfinance: the gateway gives prices adjusted for splits only; leave --adjusted out, or pull from Yahoo");
    let report: Value = serde_json::from_str(&stage.ok("--json data check")).unwrap();
    assert_eq!(report["findings"], json!([]));
}
