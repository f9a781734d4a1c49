//! Stories of the chart endpoint, told over small answers in its documented shape.

use feeds::{Chart, ChartError, Charts, ChartsConfig};
use jiff::civil::{Date, date};
use std::time::Duration;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const FROM: Date = date(2019, 12, 16);
const TO: Date = date(2019, 12, 19);

/// Three sessions in London, one of them without prices, one after the dates asked for.
const PENCE: &str = r#"{"chart":{"result":[{"meta":{"currency":"GBp","symbol":"IUKD.L","exchangeName":"LSE",
"instrumentType":"ETF","regularMarketTime":1576859700,"gmtoffset":0,"timezone":"GMT",
"exchangeTimezoneName":"Europe/London","dataGranularity":"1d","range":""},
"timestamp":[1576483200,1576569600,1576656000,1576828800],
"events":{"dividends":{"1576569600":{"amount":9.49,"date":1576569600}},
"splits":{"1576483200":{"date":1576483200,"numerator":5.0,"denominator":1.0,"splitRatio":"5:1"}}},
"indicators":{"quote":[{"open":[820.5,821.0,null,830.0],"high":[822.0,825.0,null,831.0],
"low":[819.0,818.0999755859375,null,829.0],"close":[821.0,819.2000122070312,null,830.5],
"volume":[1200,34567,null,10]}],"adjclose":[{"adjclose":[700.25,698.7000122070312,null,708.0]}]}}],"error":null}}"#;

/// A pair of currencies: sessions begin at midnight in London, which is the evening before in UTC during summer.
const PAIR: &str = r#"{"chart":{"result":[{"meta":{"currency":"USD","symbol":"EURUSD=X","exchangeName":"CCY",
"instrumentType":"CURRENCY","regularMarketTime":1562803200,"exchangeTimezoneName":"Europe/London",
"dataGranularity":"1d"},"timestamp":[1562626800,1562713200],
"indicators":{"quote":[{"open":[1.1214867,1.1208],"high":[1.1217,1.1264],"low":[1.1193,1.1203],
"close":[1.12147415,1.12080085],"volume":[0,0]}],"adjclose":[{"adjclose":[1.12147415,1.12080085]}]}}],"error":null}}"#;

async fn serve(server: &MockServer, symbol: &str, answer: ResponseTemplate, times: u64) {
    let chart = Mock::given(method("GET")).and(path(format!("/v8/finance/chart/{symbol}")));
    let chart = chart.and(query_param("interval", "1d")).and(query_param("events", "div,split"));
    chart.respond_with(answer).up_to_n_times(times).mount(server).await;
}

fn charts(host: &str) -> Result<Charts, ChartError> {
    feeds::install_tls_provider();
    Charts::new(&ChartsConfig { host: host.to_owned(), pause: Duration::from_millis(5) })
}

async fn ask(server: &MockServer, symbol: &str, from: Date, to: Date) -> Result<Chart, ChartError> {
    charts(&server.address().to_string()).unwrap().daily(symbol, from, to).await
}

async fn told(body: &str) -> String {
    let server = MockServer::start().await;
    serve(&server, "IUKD.L", ResponseTemplate::new(200).set_body_string(body), 9).await;
    ask(&server, "IUKD.L", FROM, TO).await.unwrap_err().to_string()
}

#[tokio::test]
async fn pence_become_pounds_because_the_answer_says_so() {
    let server = MockServer::start().await;
    serve(&server, "IUKD.L", ResponseTemplate::new(200).set_body_string(PENCE), 1).await;
    let chart = ask(&server, "IUKD.L", FROM, TO).await.unwrap();
    let bars = chart.bars.iter().map(|row| {
        let bar = row.bar;
        let adjusted = row.adjusted_close.unwrap();
        format!("{} {} {} {} {} {} ({adjusted})", bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume)
    });
    insta::assert_snapshot!(bars.collect::<Vec<_>>().join("\n"), @r"
    2019-12-16 8.205 8.22 8.19 8.21 1200 (7.0025)
    2019-12-17 8.21 8.25 8.181 8.192 34567 (6.987)
    ");
    assert_eq!(chart.blank, [date(2019, 12, 18)], "a null is a missing day");
    assert_eq!(
        (chart.dividends[0].date, chart.dividends[0].amount.to_string()),
        (date(2019, 12, 17), "0.0949".to_owned())
    );
    assert_eq!((chart.splits[0].date, chart.splits[0].numerator.to_string()), (date(2019, 12, 16), "5".to_owned()));
    assert_eq!(chart.as_of.to_string(), "2019-12-20T16:35:00Z");
    let dollars = PENCE.replace("GBp", "USD");
    server.reset().await;
    serve(&server, "IUKD.L", ResponseTemplate::new(200).set_body_string(dollars), 1).await;
    let chart = ask(&server, "IUKD.L", FROM, TO).await.unwrap();
    assert_eq!(chart.bars[0].bar.close.to_string(), "821", "821 dollars are 821 dollars");
}

#[tokio::test]
async fn a_day_is_a_day_of_the_exchange() {
    let server = MockServer::start().await;
    serve(&server, "EURUSD=X", ResponseTemplate::new(200).set_body_string(PAIR), 1).await;
    let chart = ask(&server, "EURUSD=X", date(2019, 7, 9), date(2019, 7, 10)).await.unwrap();
    let closes: Vec<String> = chart.bars.iter().map(|row| format!("{} {}", row.bar.date, row.bar.close)).collect();
    assert_eq!(closes, ["2019-07-09 1.12147415", "2019-07-10 1.12080085"]);
    let asked = server.received_requests().await.unwrap();
    let second = |name: &str| asked[0].url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!((second("period1").as_str(), second("period2").as_str()), ("1562544000", "1562889600"));
}

#[tokio::test]
async fn patience_is_kept_and_has_an_end() {
    let server = MockServer::start().await;
    let hasty = ResponseTemplate::new(429).insert_header("retry-after", "0");
    serve(&server, "IUKD.L", hasty.clone(), 2).await;
    serve(&server, "IUKD.L", ResponseTemplate::new(200).set_body_string(PENCE), 1).await;
    assert_eq!(ask(&server, "IUKD.L", FROM, TO).await.unwrap().bars.len(), 2);
    assert_eq!(server.received_requests().await.unwrap().len(), 3);

    server.reset().await;
    serve(&server, "IUKD.L", hasty, 99).await;
    let error = ask(&server, "IUKD.L", FROM, TO).await.unwrap_err();
    insta::assert_snapshot!(error, @"no chart of IUKD.L: the server answered with status 429; what was pulled is kept, so pull again later");
    assert_eq!(server.received_requests().await.unwrap().len(), 5);

    server.reset().await;
    serve(&server, "IUKD.L", ResponseTemplate::new(429).insert_header("retry-after", "3600"), 99).await;
    insta::assert_snapshot!(ask(&server, "IUKD.L", FROM, TO).await.unwrap_err(), @"no chart of IUKD.L: the server asks for 3600 seconds of patience; what was pulled is kept, so pull again later");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_the_chart_is_refused() {
    insta::assert_snapshot!(told(&PENCE.replace("GBp", "ZAc")).await, @"the chart of IUKD.L is unusable: it is quoted in `ZAc`, which is not known here");
    insta::assert_snapshot!(told(&PENCE.replace("\"IUKD.L\"", "\"IUKD.MI\"")).await, @"the chart of IUKD.L is unusable: it is the chart of IUKD.MI");
    insta::assert_snapshot!(told(&PENCE.replace("1d", "1wk")).await, @"the chart of IUKD.L is unusable: its bars are not daily");
    insta::assert_snapshot!(told(&PENCE.replace("1576569600,1576656000", "1576569600")).await, @"the chart of IUKD.L is unusable: 3 dates and 4 closes");
    insta::assert_snapshot!(told(&PENCE.replace("1576569600,1576656000", "1576656000,1576569600").replace("null,", "1.0,")).await, @"the chart of IUKD.L is unusable: 2019-12-17 does not come after 2019-12-18");
    insta::assert_snapshot!(told(&PENCE.replace("821.0,825.0", "821.0,-825.0").replace("819.2000122070312", "-1.0")).await, @"the chart of IUKD.L is unusable: a price must be above zero, got -0.01");
    insta::assert_snapshot!(told(&PENCE[..400]).await, @"the chart of IUKD.L is unusable: it is not the JSON of a chart (EOF while parsing an object at line 6 column 22)");
    insta::assert_snapshot!(told(&"x".repeat(17 << 20)).await, @"the chart of IUKD.L is unusable: the answer is longer than 16 MiB");
    let server = MockServer::start().await;
    let unknown = r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#;
    serve(&server, "IUKD.L", ResponseTemplate::new(404).set_body_string(unknown), 1).await;
    insta::assert_snapshot!(ask(&server, "IUKD.L", FROM, TO).await.unwrap_err(), @"no chart of IUKD.L: No data found, symbol may be delisted; correct `yahoo_symbol` in instruments.yaml, or the dates");
}

#[tokio::test]
async fn only_hosts_on_the_list_are_asked_and_redirects_lead_nowhere() {
    insta::assert_snapshot!(charts("finance.example").unwrap_err(), @"no chart of anything: `finance.example` is no host of charts; set `data.yahoo.host` to query1.finance.yahoo.com or query2.finance.yahoo.com");
    insta::assert_snapshot!(charts("query1.finance.yahoo.com.example").unwrap_err(), @"no chart of anything: `query1.finance.yahoo.com.example` is no host of charts; set `data.yahoo.host` to query1.finance.yahoo.com or query2.finance.yahoo.com");
    insta::assert_snapshot!(charts("not a host").unwrap_err(), @"no chart of anything: `not a host` is no host: invalid international domain name");
    assert!(charts("query2.finance.yahoo.com").is_ok());
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "https://finance.example/");
    serve(&server, "IUKD.L", elsewhere, 1).await;
    insta::assert_snapshot!(ask(&server, "IUKD.L", FROM, TO).await.unwrap_err(), @"no chart of IUKD.L: the server answered with status 302; what was pulled is kept, so pull again later");
}

/// The pair with its last price, as the endpoint gives it for one day.
fn rate(price: &str, time: &str) -> String {
    let meta = format!(r#""regularMarketTime":{time},"regularMarketPrice":{price}"#);
    PAIR.replace(r#""regularMarketTime":1562803200"#, &meta)
}

async fn last_of(body: &str) -> String {
    let server = MockServer::start().await;
    let chart = Mock::given(method("GET")).and(path("/v8/finance/chart/EURUSD=X")).and(query_param("range", "1d"));
    chart.respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
    match charts(&server.address().to_string()).unwrap().last("EURUSD=X").await {
        Ok(last) => format!("{} {:?} at {}", last.price, last.quoted_in.currency, last.at),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_last_price_comes_with_its_time_or_not_at_all() {
    insta::assert_snapshot!(last_of(&rate("1.1208", "1562803200")).await, @"1.1208 Usd at 2019-07-11T00:00:00Z");
    insta::assert_snapshot!(last_of(&rate("1.1208", "null")).await, @"the chart of EURUSD=X is unusable: its last price has no time");
    insta::assert_snapshot!(last_of(PAIR).await, @"the chart of EURUSD=X is unusable: it holds no last price");
    insta::assert_snapshot!(last_of(&rate("-1.1208", "1562803200")).await, @"the chart of EURUSD=X is unusable: a price must be above zero, got -1.1208");
    insta::assert_snapshot!(last_of(&rate("1.1208", "1562803200").replace("EURUSD=X", "EURUSD")).await, @"the chart of EURUSD=X is unusable: it is the chart of EURUSD");
}
