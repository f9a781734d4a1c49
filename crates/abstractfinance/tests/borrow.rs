//! Stories of shares that cannot be borrowed, over the whole program: gateway, adapter, decision, books.
//!
//! In: the built-in configuration and a script that takes the lender's shares away and gives them back. Out: reports.
//! Invariant: the pair stays level, and the books tie out.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use console::DayReport;

#[test]
fn a_short_that_cannot_be_borrowed_is_sold_as_its_future_until_it_can() {
    let stage = Stage::new();
    let script = r#"{"at": "2026-03-02T05:00:00Z", "inject": {"lend": {"contract": "CS51", "shares": "4000"}}}
{"at": "2026-03-05T05:00:00Z", "inject": {"lend": {"contract": "CS51", "shares": "1000000"}}}
"#;
    std::fs::write(stage.path("lender.jsonl"), script).unwrap();
    let told = stage.ok("demo --days 5 --faults lender.jsonl --json");
    let mut document: serde_json::Value = serde_json::from_str(&told).unwrap();
    let days: Vec<DayReport> = serde_json::from_value(document["days"].take()).unwrap();
    let held = |day: &DayReport, name: &str| -> i64 {
        let own = day.positions.iter().filter(|position| position.instrument.starts_with(name));
        own.map(|position| position.ours.parse::<i64>().unwrap()).sum()
    };
    let codes = |day: &DayReport| day.refusals.iter().any(|refusal| refusal.code == "NO_BORROW");
    let book = |day: &DayReport| (held(day, "CS51"), held(day, "FESX"), codes(day));
    let books: Vec<(i64, i64, bool)> = days.iter().map(book).collect();
    assert!(books[..3].iter().all(|(fund, future, told)| *fund >= -4_000 && *future < 0 && *told), "{books:?}");
    let (fund, future, told) = books[4];
    assert!(fund < -10_000 && future == 0 && !told, "the shares come back, the future goes: {books:?}");
    for day in &days {
        // A contract of the future is worth more than half a percent of NAV.
        assert!(day.net_of_nav.abs() < 0.01, "{}: net {}", day.date, day.net_of_nav);
        assert!(day.difference_bp.is_some_and(|bp| bp.abs() < 0.01), "{}", day.date);
    }
}
