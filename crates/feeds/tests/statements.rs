//! Stories of the Flex Web Service: what the broker's answers become.
#![allow(clippy::disallowed_methods, reason = "stories write token files")]

use feeds::{FlexConfig, FlexStatements, Secret};
use jiff::civil::{Date, date};
use ports::{Activity, StatementError, StatementLine, Statements};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "canary0123456789TOKEN";
const ACCOUNT: &str = "U7654321";
const TUESDAY: Date = date(2026, 10, 13);
const WEDNESDAY: Date = date(2026, 10, 14);

const ORDERED: &str = "<FlexStatementResponse timestamp='15 October, 2026 06:00 AM EDT'>
<Status>Success</Status><ReferenceCode>4711</ReferenceCode>
<Url>https://elsewhere.example/AccountManagement/FlexWebService/GetStatement</Url></FlexStatementResponse>";

fn failure(code: u32, words: &str) -> String {
    format!(
        "<FlexStatementResponse timestamp='x'><Status>Fail</Status><ErrorCode>{code}</ErrorCode>\
         <ErrorMessage>{words}</ErrorMessage></FlexStatementResponse>"
    )
}

/// One statement per day, as with `Breakout by day`.
fn document(days: &[(Date, &str)]) -> String {
    let statement = |(day, sections): &(Date, &str)| {
        let (day, next) = (day.strftime("%Y%m%d"), day.tomorrow().unwrap().strftime("%Y%m%d"));
        format!(
            "<FlexStatement accountId=\"{ACCOUNT}\" fromDate=\"{day}\" toDate=\"{day}\" period=\"\" \
             whenGenerated=\"{next};001502\">{sections}</FlexStatement>"
        )
    };
    let statements: String = days.iter().map(statement).collect();
    format!(
        "<?xml version=\"1.0\"?><FlexQueryResponse queryName=\"engine\" type=\"AF\">\
         <FlexStatements count=\"{}\">{statements}</FlexStatements></FlexQueryResponse>",
        days.len()
    )
}

fn quiet() -> String {
    document(&[(TUESDAY, ""), (WEDNESDAY, "")])
}

/// A service that orders `ordered` and then gives each body once, the last one for ever.
struct Service {
    server: MockServer,
    folder: tempfile::TempDir,
}

impl Service {
    async fn new(ordered: &str, answers: &[String]) -> Service {
        feeds::install_tls_provider();
        let server = MockServer::start().await;
        let xml = |body: &str| ResponseTemplate::new(200).set_body_raw(body.to_owned(), "text/xml");
        let span = (query_param("fd", "20261013"), query_param("td", "20261014"));
        let send = Mock::given(method("GET")).and(path("/flex/SendRequest")).and(query_param("q", "1234"));
        let send = send.and(query_param("t", TOKEN)).and(query_param("v", "3")).and(span.0).and(span.1);
        send.respond_with(xml(ordered)).mount(&server).await;
        for (index, answer) in answers.iter().enumerate() {
            let get = Mock::given(method("GET")).and(path("/flex/GetStatement")).and(query_param("q", "4711"));
            let get = get.and(query_param("t", TOKEN)).and(query_param("v", "3")).respond_with(xml(answer));
            if index + 1 < answers.len() { get.up_to_n_times(1) } else { get }.mount(&server).await;
        }
        Service { server, folder: tempfile::tempdir().unwrap() }
    }

    fn client(&self) -> FlexStatements {
        self.client_of(&self.server.uri())
    }

    fn client_of(&self, address: &str) -> FlexStatements {
        let file = self.folder.path().join("token");
        std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
        let config = FlexConfig {
            url: format!("{address}/flex"),
            query_id: "1234".to_owned(),
            account: ACCOUNT.to_owned(),
            ready_timeout: Duration::from_millis(40),
            first_pause: Duration::from_millis(10),
        };
        FlexStatements::new(config, Secret::from_file(&file).unwrap()).unwrap()
    }

    async fn ask(&self) -> Result<Vec<StatementLine>, StatementError> {
        self.client().activity(TUESDAY, WEDNESDAY).await
    }

    async fn questions(&self) -> usize {
        let asked = self.server.received_requests().await.unwrap();
        asked.iter().filter(|request| request.url.path() == "/flex/GetStatement").count()
    }
}

async fn told(sections: &str) -> String {
    let service = Service::new(ORDERED, &[document(&[(TUESDAY, sections), (WEDNESDAY, "")])]).await;
    match service.ask().await {
        Err(error) => error.to_string(),
        Ok(lines) => lines.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// What is wrong with the rows that are not read.
async fn problem(sections: &str) -> String {
    let service = Service::new(ORDERED, &[document(&[(TUESDAY, sections), (WEDNESDAY, "")])]).await;
    let problem = |line: StatementLine| match line.activity {
        Activity::Unread { problem } => problem,
        other => panic!("{} is read: {other:?}", line.id),
    };
    service.ask().await.unwrap().into_iter().map(problem).collect::<Vec<_>>().join("\n")
}

fn line(line: &StatementLine) -> String {
    let activity = serde_json::to_string(&line.activity).unwrap();
    let con_id = line.con_id.map_or("-".to_owned(), |id| id.to_string());
    format!("{} {con_id} {} {} {activity}", line.date, line.symbol.as_deref().unwrap_or("-"), line.id)
}

#[tokio::test]
async fn a_day_with_every_kind_of_line_is_read() {
    let read = told(include_str!("full_day.xml")).await;
    insta::assert_snapshot!(read, @r#"
    2026-10-13 265598 AAPL 501 {"activity":"dividend","amount":{"amount":"26","currency":"USD"}}
    2026-10-13 265598 AAPL 502 {"activity":"tax","amount":{"amount":"-3.9","currency":"USD"}}
    2026-10-13 270000 MAA 503 {"activity":"dividend","amount":{"amount":"-151.5","currency":"USD"}}
    2026-10-13 - - 504 {"activity":"interest","amount":{"amount":"-3.29","currency":"USD"}}
    2026-10-13 - - 505 {"activity":"borrow_fee","amount":{"amount":"-0.85","currency":"USD"}}
    2026-10-13 - - 506 {"activity":"fee","amount":{"amount":"-1.33","currency":"EUR"}}
    2026-10-13 - - 507 {"activity":"flow","amount":{"amount":"50000","currency":"USD"}}
    2026-10-13 4815747 NVDA 601 {"activity":"split","numerator":10,"denominator":1}
    2026-10-13 31 REV.OLD 602 {"activity":"split","numerator":1,"denominator":10}
    2026-10-13 31 REV.OLD 602/renamed {"activity":"renamed","successor_con_id":32}
    2026-10-13 41 FB 604/renamed {"activity":"renamed","successor_con_id":42}
    2026-10-13 - - 801 {"activity":"flow","amount":{"amount":"-250","currency":"USD"}}
    2026-10-13 - - 802 {"activity":"sweep","currency":"EUR","amount":"1000"}
    2026-10-13 12087792 EUR.USD 902 {"activity":"conversion","sold":{"amount":"-1000","currency":"EUR"},"bought":{"amount":"1100","currency":"USD"}}
    2026-10-13 11 SAIC 903 {"activity":"buy_in","execution":"0000e0d5.5f5c1234.01.01","quantity":"30","price":"100","charge":{"amount":"1","currency":"USD"}}
    2026-10-13 12087792 EUR.USD 907 {"activity":"conversion","sold":{"amount":"-2200","currency":"USD"},"bought":{"amount":"2000","currency":"EUR"}}
    2026-10-13 12087792 EUR.USD commission of 907 {"activity":"fee","amount":{"amount":"-2","currency":"USD"}}
    2026-10-13 265598 AAPL dividend-accrual/20261013/265598/Re/20261001/20261013/100/-22.1 {"activity":"accrual","amount":{"amount":"-22.1","currency":"USD"}}
    2026-10-13 272093 MSFT dividend-accrual/20261013/272093/Po/20261014/20261105/100/70.55 {"activity":"accrual","amount":{"amount":"70.55","currency":"USD"}}
    2026-10-13 - - interest-accrual/20261013/USD {"activity":"accrual","amount":{"amount":"3.74","currency":"USD"}}
    2026-10-13 94 SPX   261013C06000000 option/20261013/94/Expiration/1 {"activity":"option_ended","how":"expired","quantity":"1","cash":{"amount":"0","currency":"USD"}}
    2026-10-13 91 SPX   261013P05000000 option/71 {"activity":"option_ended","how":"exercised","quantity":"-2","cash":{"amount":"8398.50","currency":"USD"}}
    2026-10-13 92 CLF   261013C00011500 option/72 {"activity":"option_ended","how":"assigned","quantity":"4","cash":{"amount":"0.00","currency":"USD"}}
    "#);
}

#[tokio::test]
async fn a_statement_in_progress_is_asked_for_again() {
    let in_progress = failure(1019, "Statement generation in progress. Please try again shortly.");
    let service = Service::new(ORDERED, &[in_progress.clone(), in_progress.clone(), quiet()]).await;
    assert_eq!(service.ask().await.unwrap(), []);
    assert_eq!(service.questions().await, 3);

    let service = Service::new(ORDERED, &[in_progress]).await;
    let error = service.ask().await.unwrap_err();
    insta::assert_snapshot!(error, @"activity statement not available: it is being generated (code 1019), and was not ready after 0 seconds");
    assert_eq!(service.questions().await, 3, "10 and 15 ms fit into 40, 22 more do not");
}

#[tokio::test]
async fn every_code_is_one_of_three_troubles() {
    let kind = |error: StatementError| match error {
        StatementError::Unavailable(_) => "later",
        StatementError::Refused(_) => "person",
        StatementError::Unusable(_) => "unusable",
    };
    let expected = [
        ("later", &[1001, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1018, 1019, 1021][..]),
        ("person", &[1010, 1011, 1012, 1013, 1014, 1015, 1016, 1025]),
        ("unusable", &[1017, 1020, 1042]),
    ];
    for (trouble, codes) in expected {
        for &code in codes {
            let ordering = Service::new(&failure(code, "words"), &[]).await.ask().await;
            let fetching = Service::new(ORDERED, &[failure(code, "words")]).await.ask().await;
            assert_eq!((kind(ordering.unwrap_err()), kind(fetching.unwrap_err())), (trouble, trouble), "{code}");
        }
    }
    let expired = Service::new(&failure(1012, "Token has expired."), &[]).await.ask().await.unwrap_err();
    insta::assert_snapshot!(expired, @"activity statement refused: the token has expired; make a new one in the Client Portal and write it into the token file (code 1012)");
}

#[tokio::test]
async fn what_is_not_the_whole_statement_of_our_account_is_refused() {
    async fn refused(body: String) -> String {
        Service::new(ORDERED, &[body]).await.ask().await.unwrap_err().to_string()
    }
    let whole = quiet();
    insta::assert_snapshot!(refused(whole[..whole.len() - 40].to_owned()).await, @"activity statement unusable: no XML: syntax error: tag not closed: `>` not found before end of input");
    insta::assert_snapshot!(refused(whole.replace("count=\"2\"", "count=\"3\"")).await, @"activity statement unusable: 2 statements came, and 3 were announced");
    insta::assert_snapshot!(refused(whole.replacen(ACCOUNT, "U1111111", 1)).await, @"activity statement refused: the statement is of another account; choose the configured account in the query");
    let row = "<Trades><Trade accountId=\"U1111111\"/></Trades>";
    insta::assert_snapshot!(refused(document(&[(TUESDAY, row), (WEDNESDAY, "")])).await, @"activity statement refused: the statement is of another account; choose the configured account in the query");
    insta::assert_snapshot!(refused(document(&[(TUESDAY, "")])).await, @"activity statement not available: it ends on 2026-10-13, and 2026-10-14 was asked for; the broker writes a day after it has ended");
    insta::assert_snapshot!(refused(document(&[(WEDNESDAY, "")])).await, @"activity statement unusable: it covers 2026-10-14 to 2026-10-14 and says nothing about 2026-10-13");
    insta::assert_snapshot!(refused(whole.replace("20261015;001502", "20261014;161502")).await, @"activity statement not available: it was written on 2026-10-14, before 2026-10-14 had ended");
    insta::assert_snapshot!(refused(whole.replace("type=\"AF\"", "type=\"TCF\"")).await, @"activity statement unusable: the query is of type TCF; make an Activity Flex Query");
    insta::assert_snapshot!(refused("<html><body>Sorry</body></html>".to_owned()).await, @"activity statement unusable: <html> came instead of a statement");
    insta::assert_snapshot!(refused(format!("<a>{}</a>", "x".repeat(33 << 20))).await, @"activity statement unusable: the answer is longer than 32 MiB");
}

#[tokio::test]
async fn a_row_that_is_not_understood_is_named() {
    let cash = |attributes: &str| format!("<CashTransactions><CashTransaction {attributes}/></CashTransactions>");
    let row = "transactionID=\"9\" reportDate=\"20261013\" amount=\"-5\" currency=\"USD\"";
    insta::assert_snapshot!(problem(&cash(&format!("{row} type=\"Price Adjustments\""))).await, @"CashTransaction (9) is of type `Price Adjustments`, which is not known here");
    insta::assert_snapshot!(problem(&cash(&format!("{} type=\"Dividends\"", row.replace("USD", "XAU")))).await, @"CashTransaction (9) is in XAU, a currency this engine does not hold");
    insta::assert_snapshot!(problem(&cash(&format!("{} type=\"Dividends\"", row.replace("-5", "n/a")))).await, @"CashTransaction (9) has amount `n/a`, which is no number");
    insta::assert_snapshot!(problem(&cash("type=\"Dividends\" reportDate=\"20261013\" amount=\"1\" currency=\"USD\"")).await, @"CashTransaction has no transactionID; add the field to the query");
    insta::assert_snapshot!(told(&cash(&format!("{row} type=\"Dividends\" levelOfDetail=\"SUMMARY\""))).await, @"activity statement unusable: CashTransactions has summaries only; choose the level of detail `Detail` in the query");
    let merger = "<CorporateActions><CorporateAction type=\"SO\" transactionID=\"8\" reportDate=\"20261013\" \
                  description=\"ACME SPINOFF 1 FOR 5\"/></CorporateActions>";
    insta::assert_snapshot!(problem(merger).await, @"CorporateAction (8) is of type `SO`, which needs a person; book it by hand");
    let renamed = |description: &str, came: &str| {
        let row = |symbol: &str, conid: u32, quantity: &str, id: u32| {
            format!(
                "<CorporateAction type=\"TC\" actionID=\"70\" transactionID=\"{id}\" reportDate=\"20261013\" \
                 symbol=\"{symbol}\" conid=\"{conid}\" quantity=\"{quantity}\" description=\"{description}\"/>"
            )
        };
        let rows = row("ACME", 51, "-3999", 701) + &row("BETA", 52, came, 702);
        format!("<CorporateActions>{rows}</CorporateActions>")
    };
    let merged = renamed("ACME(US0000000051) MERGED(Acquisition) WITH US0000000052 1 FOR 2", "1999.5");
    insta::assert_snapshot!(problem(&merged).await, @"CorporateAction (701) says MERGED, which needs a person; book it by hand");
    let fewer = renamed("ACME(US0000000051) CUSIP/ISIN CHANGE TO (US0000000052)", "1999.5");
    insta::assert_snapshot!(problem(&fewer).await, @"CorporateAction (701) gives 1999.5 for -3999, which is no change of the contract's key and needs a person; book it by hand");
    let shares = "<Transfers><Transfer symbol=\"ACME\" assetCategory=\"STK\" quantity=\"100\" direction=\"IN\" \
                  transactionID=\"7\" date=\"20261013\" currency=\"USD\"/></Transfers>";
    insta::assert_snapshot!(problem(shares).await, @"Transfer (7) moved 100 of ACME; adopt the position by hand");
    let week = "<InterestAccruals><InterestAccrualsCurrency currency=\"BASE_SUMMARY\" fromDate=\"20261013\" \
                toDate=\"20261013\" interestAccrued=\"0.3\" accrualReversal=\"0\"/></InterestAccruals>";
    insta::assert_snapshot!(problem(week).await, @"InterestAccrualsCurrency is a summary without its currencies; choose `Currency breakout` in the query");
    let both = format!("{}{}", cash(&format!("{row} type=\"Dividends\"")), cash(&format!("{row} type=\"Other Fees\"")));
    insta::assert_snapshot!(problem(&both).await, @"the transaction 9 is there twice and differs");
}

#[tokio::test]
async fn what_stands_beside_a_row_that_is_not_understood_is_read() {
    let row = |id: u32, kind: &str| {
        format!(
            "<CashTransaction transactionID=\"{id}\" reportDate=\"20261013\" amount=\"-5\" currency=\"USD\" type=\"{kind}\"/>"
        )
    };
    let rows = [row(8, "Other Fees"), row(9, "Price Adjustments"), row(10, "Broker Interest Paid")].concat();
    insta::assert_snapshot!(told(&format!("<CashTransactions>{rows}</CashTransactions>")).await, @r#"
    2026-10-13 - - 10 {"activity":"interest","amount":{"amount":"-5","currency":"USD"}}
    2026-10-13 - - 8 {"activity":"fee","amount":{"amount":"-5","currency":"USD"}}
    2026-10-13 - - 9 {"activity":"unread","problem":"CashTransaction (9) is of type `Price Adjustments`, which is not known here"}
    "#);
    let dateless = row(9, "Other Fees").replace("20261013", "13/10/2026");
    insta::assert_snapshot!(told(&format!("<CashTransactions>{dateless}</CashTransactions>")).await, @r#"2026-10-13 - - 9 {"activity":"unread","problem":"CashTransaction (9) has reportDate `13/10/2026`, which is no date; set the query's date format to yyyyMMdd"}"#);
}

#[tokio::test]
async fn borrow_fees_accrue_once_whether_in_sum_or_by_day() {
    let detail = "<HardToBorrowDetails><HardToBorrowDetail valueDate=\"20261011\" symbol=\"SAIC\" conid=\"11\" \
                  quantity=\"-30\" borrowFee=\"-0.03\" currency=\"USD\"/></HardToBorrowDetails>";
    let sum = "<InterestAccruals><InterestAccrualsCurrency currency=\"USD\" fromDate=\"20261013\" toDate=\"20261013\" \
               interestAccrued=\"-0.03\" accrualReversal=\"0\"/></InterestAccruals>";
    insta::assert_snapshot!(told(detail).await, @r#"2026-10-13 11 SAIC borrow-fee-accrual/20261011/11/SAIC/-30/-0.03 {"activity":"accrual","amount":{"amount":"-0.03","currency":"USD"}}"#);
    insta::assert_snapshot!(told(&format!("{detail}{sum}")).await, @r#"2026-10-13 - - interest-accrual/20261013/USD {"activity":"accrual","amount":{"amount":"-0.03","currency":"USD"}}"#);
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

#[tokio::test]
async fn the_token_is_in_no_error_and_no_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    // With one listener in the process, a place that logs asks the thread that comes to it first whether anyone listens, and a
    // story beside this one may say no for all; with two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());

    let echo = format!("Token {TOKEN} is odd.");
    let bodies = [failure(1042, &echo), format!("<a><{TOKEN}"), format!("<{TOKEN}/>"), failure(1019, &echo), quiet()];
    let mut said = String::new();
    for body in bodies {
        let outcome = Service::new(ORDERED, std::slice::from_ref(&body)).await.ask().await;
        said.push_str(&format!("{outcome:?} {}", outcome.as_ref().err().map(ToString::to_string).unwrap_or_default()));
    }
    // A service that does not know the method, and one that is not there.
    let service = Service::new(ORDERED, &[]).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [service.server.uri(), format!("http://{unused}")] {
        said.push_str(&format!("{:?}", service.client_of(&address).activity(TUESDAY, WEDNESDAY).await));
    }

    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("being generated"), "the log was listened to: {logged}");
    assert!(said.contains("[token]") && said.contains("refused"), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
    assert!(!logged.contains(TOKEN), "{logged}");
}

#[test]
fn a_token_file_that_holds_no_token_is_refused_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let error = Secret::from_file(&file).err().unwrap();
        format!("{error}").replace(&folder.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(told("two words of canary"), @"the file DIR/token does not hold one line with a token or an address; write it there, and nothing else");
    insta::assert_snapshot!(told("\n"), @"the file DIR/token does not hold one line with a token or an address; write it there, and nothing else");
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(Secret::from_file(&file), Err(feeds::SecretError::Unreadable { .. })));
}

#[test]
fn an_address_that_would_show_the_token_is_refused() {
    feeds::install_tls_provider();
    let refused = |url: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let config = FlexConfig {
            url: url.to_owned(),
            query_id: "1".to_owned(),
            account: ACCOUNT.to_owned(),
            ready_timeout: Duration::ZERO,
            first_pause: Duration::ZERO,
        };
        let token = Secret::from_file(&folder.path().join("token")).unwrap();
        FlexStatements::new(config, token).err().map(|error| error.to_string()).unwrap_or_default()
    };
    insta::assert_snapshot!(refused("http://flex.example/"), @"activity statement refused: the address is neither https nor on this machine; correct `broker.statements.url`");
    insta::assert_snapshot!(refused("flex.example"), @"activity statement refused: the address is none: relative URL without a base; correct `broker.statements.url`");
    assert_eq!(refused("https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService"), "");
}
