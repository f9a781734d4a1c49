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
    fields.extend([conditions, "", "", "", "", "", "", "0", "", "", "", "", "", "", "", "", "0", "0", "0", ""]);
    fields.into_iter().map(str::to_owned).collect()
}

async fn place(stream: &mut TcpStream, order: Vec<String>) {
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
    place(&mut stream, order("1", "BUY", "10.0", "LMT", "100.0", "0")).await;
    let open = next(&mut stream).await;
    assert!(open.starts_with("5|1|") && open.contains("|BUY|10|LMT|100|0|DAY||DU1234567||0|ref|1|"), "{open}");
    let status = next(&mut stream).await;
    assert!(status.starts_with("3|1|Submitted|0|10|0|") && status.ends_with("|0|0|1||0"), "{status}");

    place(&mut stream, order("1", "BUY", "20.0", "LMT", "100.0", "0")).await;
    assert!(next(&mut stream).await.contains("|BUY|20|LMT|100|"), "the new terms");
    next(&mut stream).await;
    place(&mut stream, order("2", "BUY", "5.0", "LMT", "100.0", "1")).await;
    assert!(next(&mut stream).await.contains("4|2|2|321|"), "conditions are refused, not passed over");
    place(&mut stream, order("3", "BUY", "1e30", "LMT", "100.0", "0")).await;
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
