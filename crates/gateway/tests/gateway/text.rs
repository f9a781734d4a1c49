//! The text codec over a socket: what ib_async and older clients of IB read, field by field.

use crate::handshake::{frame, greet, text, write_frame};
use crate::support::*;
use gateway::{Control, Gateway, Speed};
use std::time::Duration;
use tokio::net::TcpStream;

/// A client of a version, started, its greeting read.
async fn started(gateway: &Gateway, offer: &str, client_id: i32) -> TcpStream {
    let mut stream = greet(gateway, offer).await;
    frame(&mut stream).await.expect("a version");
    ask(&mut stream, &["71", "2", &client_id.to_string(), ""]).await;
    for expected in ["15|1|DU1234567", "9|1|1"] {
        assert_eq!(next(&mut stream).await, expected);
    }
    for _ in 0..3 {
        assert!(next(&mut stream).await.starts_with("4|2|-1|21"), "notices of the data farms");
    }
    stream
}

async fn ask(stream: &mut TcpStream, fields: &[&str]) {
    let body: Vec<u8> = fields.iter().flat_map(|field| field.bytes().chain([0])).collect();
    write_frame(stream, &body).await;
}

async fn next(stream: &mut TcpStream) -> String {
    text(&frame(stream).await.expect("an answer")).join("|")
}

/// The twelve fields of CSPX.
const CSPX: [&str; 12] = ["0", "CSPX", "STK", "", "0.0", "", "", "SMART", "", "USD", "", ""];

/// An order for CSPX as ib_async writes one.
fn order(id: &str, side: &str, quantity: &str, kind: &str, limit: &str, conditions: &str) -> Vec<String> {
    let mut fields = vec!["3", id];
    fields.extend(CSPX);
    fields.extend(["", "", side, quantity, kind, limit, "", "DAY", "", "DU1234567", "", "0", "ref", "1", "0"]);
    fields.extend(["0", "0", "0", "0", "0", "0", "", "0.0", "", "", "", "", "", "", ""]);
    fields
        .extend(["0", "", "-1", "0", "", "", "0", "", "", "0", "0", "", "0", "", "", "", "", "", "0", "", "0", "", ""]);
    fields
        .extend(["0", "0", "", "", "", "", "", "", "", "", "", "0", "", "", "0", "0", "", "", "0", "", "0", "0", "0"]);
    fields.extend([conditions, "", "", "", "", "", "", "0", "", "", "", "", "", "", "", "", "0", "0", "0", "", ""]);
    fields.into_iter().map(str::to_owned).collect()
}

async fn place_order(stream: &mut TcpStream, order: Vec<String>) {
    ask(stream, &order.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn contract_details_follow_the_version() {
    let gateway = gateway_at(MORNING).await;
    let question = [&["9", "8", "1"][..], &CSPX, &["0", "ISIN", "IE00B5BMR087", ""]].concat();
    let mut counts = Vec::new();
    for (offer, client) in [("v100..157", 1), ("v157..163", 2), ("v157..164", 3), ("v157..178", 4)] {
        let mut stream = started(&gateway, offer, client).await;
        ask(&mut stream, &question).await;
        let details = next(&mut stream).await;
        assert!(details.contains("|CSPX|STK|") && details.contains("|1|ISIN|IE00B5BMR087|"), "{details}");
        counts.push(details.split('|').count());
        assert_eq!(next(&mut stream).await, "52|1|1");
    }
    assert_eq!(counts, [41, 42, 42, 42], "a version and a multiplier before 164, one size at 163, three from 164 on");
}

#[tokio::test]
async fn an_order_is_placed_changed_and_cancelled() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    place_order(&mut stream, order("1", "BUY", "10.0", "LMT", "100.0", "0")).await;
    let open = next(&mut stream).await;
    assert!(open.starts_with("5|1|") && open.contains("|BUY|10|LMT|100|0|DAY||DU1234567||0|ref|1|"), "{open}");
    let status = next(&mut stream).await;
    assert!(status.starts_with("3|1|Submitted|0|10|0|") && status.ends_with("|0|0|1||0"), "{status}");

    place_order(&mut stream, order("1", "BUY", "20.0", "LMT", "100.0", "0")).await;
    assert!(next(&mut stream).await.contains("|BUY|20|LMT|100|"), "the new terms");
    next(&mut stream).await;
    place_order(&mut stream, order("2", "BUY", "5.0", "LMT", "100.0", "1")).await;
    assert!(next(&mut stream).await.contains("4|2|2|201|"), "conditions are refused, not passed over");
    place_order(&mut stream, order("3", "BUY", "1e30", "LMT", "100.0", "0")).await;
    assert!(next(&mut stream).await.contains("4|2|3|201|"), "no order of that size");

    ask(&mut stream, &["4", "1", "1", ""]).await;
    assert!(next(&mut stream).await.starts_with("4|2|1|202|"), "the cancellation");
    next(&mut stream).await;
    assert!(next(&mut stream).await.starts_with("3|1|Cancelled|"));
    ask(&mut stream, &["99", "1"]).await;
    let completed = next(&mut stream).await;
    assert!(completed.starts_with("101|") && completed.contains("|ref|"), "{completed}");
    assert_eq!(next(&mut stream).await, "102");
}

#[tokio::test]
async fn what_would_change_the_meaning_of_an_order_is_refused_by_its_name() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    for (place, value, name) in [
        (29, "1", "blockOrder"),
        (30, "1", "sweepToFill"),
        (31, "100", "displaySize"),
        (34, "1", "hidden"),
        (36, "0.5", "discretionaryAmt"),
        (39, "ours", "faGroup"),
        (43, "growth", "modelCode"),
        (44, "2", "shortSaleSlot"),
        (50, "1", "allOrNone"),
        (51, "9", "minQty"),
        (81, "1", "notHeld"),
        (88, "1", "randomizeSize"),
        (89, "1", "randomizePrice"),
        (101, "5000", "cashQty"),
        (110, "60", "duration"),
    ] {
        let mut fields = order("1", "BUY", "10.0", "LMT", "100.0", "0");
        fields[place] = value.to_owned();
        place_order(&mut stream, fields).await;
        let refusal = next(&mut stream).await;
        assert!(refusal.starts_with("4|2|1|201|Order rejected - reason:") && refusal.contains(name), "{refusal}");
    }
    assert!(gateway.orders().is_empty());
}

/// A question for bars of CSPX.
fn bars<'a>(id: &'a str, end: &'a str, size: &'a str, duration: &'a str, what: &'a str, keep: &'a str) -> Vec<&'a str> {
    [&["20", id][..], &CSPX, &["0", end, size, duration, "1", what, "1", keep, ""]].concat()
}

#[tokio::test]
async fn bars_of_any_time_are_told_or_refused_and_harm_nobody() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    for (end, duration, size) in [
        ("-99990103-00:00:00", "4000000000 S", "1 min"),
        ("-99990103-00:00:00", "8 W", "1 hour"),
        ("-99990103-00:00:00", "9999 Y", "1 day"),
        ("-99990103-00:00:00", "65535 D", "1 day"),
        ("00010101-00:00:00", "65535 M", "1 day"),
        ("", "4000000000 S", "1 min"),
        ("99991231-23:59:59", "65535 W", "1 day"),
    ] {
        ask(&mut stream, &bars("1", end, size, duration, "TRADES", "0")).await;
        let answer = next(&mut stream).await;
        assert!(answer.starts_with("17|1|") || answer.starts_with("4|2|1|162|"), "{end} {duration} {size}: {answer}");
    }
    ask(&mut stream, &["49", "1"]).await;
    assert!(next(&mut stream).await.starts_with("49|"));
}

#[tokio::test]
async fn a_closed_venue_adds_nothing_to_its_bars_and_a_day_that_is_joined_late_is_whole() {
    let gateway = gateway_at("2025-07-08T20:00:00Z").await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    ask(&mut stream, &bars("1", "", "1 day", "2 D", "TRADES", "1")).await;
    let history = next(&mut stream).await;
    assert!(history.starts_with("17|1|") && history.contains("|20250708|"), "{history}");
    ask(&mut stream, &[&["50", "3", "2"][..], &CSPX, &["5", "TRADES", "1", ""]].concat()).await;
    for second in [5, 10, 60] {
        let later = at("2025-07-08T20:00:00Z") + jiff::SignedDuration::from_secs(second);
        gateway.control().advance_to(later).await.expect("time moves");
    }
    ask(&mut stream, &["49", "1"]).await;
    assert!(next(&mut stream).await.starts_with("49|"), "no bar of a closed venue");

    gateway.control().advance_to(at("2025-07-09T07:30:00Z")).await.expect("time moves");
    let update = next(&mut stream).await;
    assert!(update.starts_with("90|1|-1|20250709|"), "{update}");
    ask(&mut stream, &bars("3", "", "1 min", "1 D", "TRADES", "0")).await;
    let minutes: Vec<String> = next(&mut stream).await.split('|').map(str::to_owned).collect();
    let of_update: Vec<&str> = update.split('|').collect();
    assert_eq!(of_update[4], minutes[6], "the day under way opened where its first minute did");
}

#[tokio::test]
async fn time_runs_by_itself_at_the_speed_asked_for() {
    let mut gateway = gateway_at(MORNING).await;
    gateway.run_clock("600".parse::<Speed>().expect("a speed"));
    let mut stream = started(&gateway, "v157..178", 1).await;
    ask(&mut stream, &[&["1", "11", "7"][..], &CSPX, &["0", "", "0", "0", ""]].concat()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let now = gateway.control().now().await.expect("the time");
    let passed = now.duration_since(at(MORNING)).as_secs();
    assert!((200..6_000).contains(&passed), "{passed} seconds of virtual time");
    let mut prices = 0;
    while prices < 8 {
        prices += usize::from(next(&mut stream).await.starts_with("1|6|7|"));
    }
    for nonsense in ["0", "-1", "NaN", "inf", "fast", "1e9"] {
        assert!(nonsense.parse::<Speed>().is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn questions_around_trading_are_answered() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    ask(&mut stream, &["81", "1", "csp"]).await;
    let samples = next(&mut stream).await;
    assert!(samples.starts_with("79|1|1|") && samples.contains("|CSPX|STK|LSEETF|USD|0|"), "{samples}");
    ask(&mut stream, &["81", "2", ""]).await;
    assert_eq!(next(&mut stream).await, "79|2|0");
    ask(&mut stream, &["78", "3", "CSPX", "", "STK", "1"]).await;
    assert_eq!(next(&mut stream).await, "76|3", "no options are listed");

    let head = |id: &'static str, form: &'static str| [&["87", id][..], &CSPX, &["0", "1", "TRADES", form]].concat();
    ask(&mut stream, &head("4", "1")).await;
    let first = next(&mut stream).await;
    assert!(first.starts_with("88|4|") && first.ends_with("-00:00:00"), "{first}");
    ask(&mut stream, &head("5", "2")).await;
    let seconds: i64 = next(&mut stream).await["88|5|".len()..].parse().expect("seconds");
    assert!((0..at(MORNING).as_second()).contains(&seconds));

    ask(&mut stream, &["76", "1", "6", ACCOUNT, "", "1"]).await;
    let mut rows = Vec::new();
    loop {
        match next(&mut stream).await {
            end if end == "74|1|6" => break,
            row => rows.push(row),
        }
    }
    assert!(rows.contains(&format!("73|1|6|{ACCOUNT}||NetLiquidation|1000000.00|USD")), "{rows:?}");
    ask(&mut stream, &["76", "1", "7", ACCOUNT, "growth", "0"]).await;
    assert!(next(&mut stream).await.contains("there is no model 'growth'"));
}

#[tokio::test]
async fn what_is_not_served_is_told_to_be_nothing_or_refused_under_its_own_id() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    for (question, answer) in [
        (&["85"][..], "85|0"),
        (&["82"], "80|0"),
        (&["80"], "78|0"),
        (&["24", "1"], "19|1|<ScanParameterResponse/>"),
        (&["18", "1", "1"], "4|2|-1|321|"),
        (&["97", "8"], "4|2|8|322|"),
        (&["22", "8", "-1", "STK"], "4|2|8|322|"),
        (&["83", "8", "a6"], "4|2|8|322|"),
        (&["86", "8", "1", "BRFG", "", "", "10", ""], "4|2|8|322|"),
        (&["100", "8"], "4|2|8|322|"),
        (&["104", "8"], "4|2|8|322|"),
        (&["108", "8"], "4|2|8|322|"),
        (&["21", "2", "8"], "4|2|8|322|"),
    ] {
        ask(&mut stream, question).await;
        let told = next(&mut stream).await;
        assert!(told.starts_with(answer), "{question:?}: {told}");
    }
    for (size, what) in [("30 secs", "TRADES"), ("1 min", "BID"), ("1 day", "BID_ASK"), ("1 day", "SCHEDULE")] {
        ask(&mut stream, &bars("9", "", size, "1 D", what, "0")).await;
        let refusal = next(&mut stream).await;
        assert!(refusal.starts_with("4|2|9|162|Historical Market Data Service error message:"), "{refusal}");
    }
}

#[tokio::test]
async fn five_seconds_become_a_bar_and_a_bought_share_a_profit() {
    let gateway = gateway_at(MORNING).await;
    let mut stream = started(&gateway, "v157..178", 1).await;
    ask(&mut stream, &[&["50", "3", "1"][..], &CSPX, &["5", "MIDPOINT", "1", ""]].concat()).await;
    ask(&mut stream, &["92", "2", ACCOUNT, ""]).await;
    assert_eq!(next(&mut stream).await, "94|2|0|0|0");
    for second in 1..=5 {
        let later = at(MORNING) + jiff::SignedDuration::from_secs(second);
        gateway.control().advance_to(later).await.expect("time moves");
    }
    let bar = next(&mut stream).await;
    let fields: Vec<f64> = bar.split('|').map(|field| field.parse().expect("a number")).collect();
    assert_eq!((fields[2], fields[3]), (1.0, at(MORNING).as_second() as f64), "{bar}");
    let [open, high, low, close] = fields[4..8].try_into().expect("four prices");
    assert!(low <= open.min(close) && open.max(close) <= high && low > 0.0, "{bar}");
    ask(&mut stream, &["51", "1", "1"]).await;

    place_order(&mut stream, order("1", "BUY", "10.0", "LMT", &format!("{:.2}", close * 1.01), "0")).await;
    while !next(&mut stream).await.starts_with("59|") {}
    gateway.control().advance_to(at("2025-07-07T08:01:00Z")).await.expect("time moves");
    let profit = loop {
        let line = next(&mut stream).await;
        if let Some(profit) = line.strip_prefix("94|2|") {
            break profit.split('|').map(|field| field.parse::<f64>().expect("a number")).collect::<Vec<_>>();
        }
    };
    assert!(
        (profit[0] - profit[1]).abs() < 0.011 && profit[0] < 0.0,
        "spread and commission, all of today: {profit:?}"
    );
    assert_eq!(profit[2], 0.0, "nothing was sold");
}
