//! Stories of legs that cannot be had, over the whole program: shares that nobody lends, margin that is not there.
//!
//! In: the built-in configuration, a script that takes the lender's shares away and gives them back, a wide cushion. Out:
//! reports. Invariant: the pair stays level, and the books tie out.
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

#[test]
fn increases_stop_where_the_broker_s_margin_would_leave_less_than_the_cushion() {
    let stage = Stage::new();
    let (from, to) = ("min_excess_liquidity_pct_nav: 0.15", "min_excess_liquidity_pct_nav: 0.90");
    stage.config("wide", "settings.yaml", from, to);
    let days = |line: &str| -> Vec<DayReport> {
        let mut document: serde_json::Value = serde_json::from_str(&stage.ok(line)).unwrap();
        serde_json::from_value(document["days"].take()).unwrap()
    };
    let (wide, usual) = (days("demo --config wide --days 3 --json"), days("demo --days 3 --json"));
    let cut = |day: &DayReport| day.refusals.iter().any(|refusal| refusal.code == "MARGIN");
    assert!(cut(&wide[0]) && !usual.iter().any(cut), "{:?}", wide[0].refusals);
    // Funds take a quarter of their value, and a tenth of NAV is free: no more than four tenths are held.
    let gross = |days: &[DayReport]| days[2].gross_of_nav;
    assert!(gross(&wide) > 0.3 && gross(&wide) < 0.42, "{}", gross(&wide));
    assert!(gross(&usual) > 0.5, "{}", gross(&usual));
    for day in &wide {
        assert!(day.net_of_nav.abs() < 0.01, "{}: net {}", day.date, day.net_of_nav);
        assert!(day.difference_bp.is_some_and(|bp| bp.abs() < 0.01), "{}", day.date);
    }
}
