//! Research is the live engine: the same days in this process, over TCP, and by an engine that dies every day.
//!
//! In: one simulated world, three times. Out: three journals. Invariant: every plan is the same to the last bit, and so are
//! the books every evening, although one of them went through a gateway, a wire and the broker's client, and another
//! through `kill -9` and a new process on every trade date, while it plans or in its session while nothing is working. What
//! dies with orders out is the crash campaign's: it loses the queue and its turn, so there the books are right, and not the same.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use journal::Journal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The first of the days. A year of them ends before the calendar's does: the table of a run has the futures of the years
/// around its beginning, so that one which begins after New Year has other columns than one which goes on over it.
fn first() -> Date {
    if std::env::var_os("AF_LONG").is_some() { date(2026, 1, 5) } else { date(2026, 3, 2) }
}

/// A year with `AF_LONG=1` in the environment, else some weeks, which have a month's end, a split and a regime in them.
fn days() -> u32 {
    if std::env::var_os("AF_LONG").is_some() { 250 } else { 24 }
}

/// Bodies of a kind in a state folder, oldest first, with their dates.
fn bodies(state: &Path, kind: &str) -> Vec<(String, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Journal::open_existing(&state.join("journal.db")).await.unwrap();
        let [account] = &journal.accounts().await.unwrap()[..] else { panic!("one account") };
        let events = journal.events_of_kind(account, kind).await.unwrap();
        events.into_iter().map(|event| (event.trade_date, serde_json::from_str(&event.body).unwrap())).collect()
    })
}

/// The books every evening: cash, positions and who holds them, without what a wire numbers in its own way.
fn evenings(state: &Path) -> Vec<(String, [Value; 3])> {
    let parts = |body: &Value| {
        [&body["book"]["books"]["ledger"], &body["book"]["sleeves"], &body["report"]["plan_hash"]].map(Value::clone)
    };
    bodies(state, "day_closed").iter().map(|(date, body)| (date.clone(), parts(body))).collect()
}

/// Days of an engine that dies: every third of the others' in the short form, because each is several processes.
fn deaths() -> u32 {
    if std::env::var_os("AF_LONG").is_some() { 250 } else { 8 }
}

/// Runs the same days three ways and demands the same plans and books.
fn the_same_three_ways(options: &str) {
    let stage = Stage::new();
    let count = days();
    stage.ok(&format!("demo --days {count} --from {} {options} --state-dir over-tcp", first()));
    let last = first() + (i64::from(count) * 7 / 5 + 14).days();
    let dates: Vec<String> = bodies(&stage.path("over-tcp"), "plan").into_iter().map(|(date, _)| date).collect();
    let to = dates.last().map_or(last.to_string(), Clone::clone);
    stage.ok(&format!("backtest --depth order-level --from {} --to {to} {options} --state-dir in-process", first()));
    let deaths_lived = deaths().min(count);
    let deaths = dying(&stage, &dates[..deaths_lived as usize], options);
    assert!(deaths > 0, "{options}: no run died before its plan was approved");

    let wired = stage.path("over-tcp");
    assert_eq!(bodies(&wired, "plan").len() as u32, count, "{options}");
    for (way, days) in [("in-process", count), ("dying", deaths_lived)] {
        assert_eq!(bodies(&stage.path(way), "day_closed").len() as u32, days, "{way}, {options}");
    }
    for way in ["in-process", "dying"] {
        assert_same(&wired, &stage.path(way), &format!("{way}, {options}"));
    }
}

/// Every day of `other` is the same day of `one`.
fn assert_same(one: &Path, other: &Path, what: &str) {
    for ((date, one), (_, other)) in bodies(one, "plan").iter().zip(&bodies(other, "plan")) {
        assert_eq!(one, other, "{what}: the plan of {date}");
    }
    for ((date, one), (_, other)) in evenings(one).iter().zip(&evenings(other)) {
        assert_eq!(one, other, "{what}: the books after {date}");
    }
}

/// Runs dates whose engine is killed while it plans, at another moment each, and started again; a plan waits for a person,
/// so that nothing was sent when it died. Returns how many runs did not end by themselves.
fn dying(stage: &Stage, dates: &[String], options: &str) -> usize {
    let served = format!("--from {} {options} --record record.jsonl --statements 127.0.0.1:0", first());
    let gateway = stage.gateway(&served);
    stage.config("waiting", "settings.yaml", "mode: auto ", "mode: manual ");
    let settings = stage.path("waiting/settings.yaml");
    let url = format!("http://{}/AccountManagement/FlexWebService", gateway.statements.as_ref().unwrap());
    let statements = format!("statements: {{url: \"{url}\", query_id: \"1\", token_file: token}}");
    let text = std::fs::read_to_string(&settings).unwrap().replace("statements: null ", &statements);
    std::fs::write(settings, text).unwrap();
    std::fs::write(stage.path("token"), "simulated").unwrap();
    let mut died = 0;
    for (day, date) in (1..).zip(dates) {
        let line = format!("run --once --date {date} --config waiting --state-dir dying {}", gateway.address);
        died += usize::from(stage.killed_once_grown(&line, "dying/journal.db-wal", day % 5 * 60_000));
        let told = stage.run(&line);
        if told.code == 5 {
            let plan = told.err.split_once("`approve ").and_then(|(_, rest)| rest.split_once('`')).expect(&told.err).0;
            stage.ok(&format!("approve {plan} --by ada --config waiting --state-dir dying"));
            assert_eq!(stage.run(&line).code, 0, "{options}: {date}");
        } else {
            assert_eq!(told.code, 0, "{options}: {date}, which has no orders: {}", told.err);
        }
    }
    died
}

/// Where an engine of these days dies: around its plan, in its session while no order is out, and at its end.
const DEATHS: [&str; 8] = [
    "append plan before",
    "append plan after",
    "wait time before",
    "ask watch after",
    "append admitted before",
    "send place before",
    "append day_closed before",
    "append day_closed after",
];

/// The market does not wait for anybody, and nothing was in it when the engine died: the day goes on as if it had not.
#[test]
fn the_same_days_by_an_engine_that_dies_in_its_session() {
    let stage = Stage::new();
    let count = deaths();
    stage.ok(&format!("demo --days {count} --from {} --seed 3 --state-dir undisturbed", first()));
    let undisturbed = stage.path("undisturbed");
    let gateway = stage.gateway(&format!("--from {} --seed 3 --record record.jsonl", first()));
    let mut died = BTreeSet::new();
    for (index, (date, _)) in bodies(&undisturbed, "plan").iter().enumerate() {
        let line = format!("run --once --date {date} --state-dir dying {}", gateway.address);
        let point = DEATHS[index % DEATHS.len()];
        if stage.killed_at(&line, point) {
            died.insert(point);
        }
        assert_eq!(stage.run(&line).code, 0, "{date} after a death at `{point}`");
    }
    assert!(died.len() > DEATHS.len() / 2, "{died:?}");
    assert_eq!(bodies(&stage.path("dying"), "day_closed").len() as u32, count);
    assert_same(&undisturbed, &stage.path("dying"), "dying in its session");
}

#[test]
fn the_same_calm_days_over_tcp_in_process_and_by_a_dying_engine() {
    the_same_three_ways("--seed 3 --account-events unattended");
}

#[test]
fn the_same_crash_over_tcp_in_process_and_by_a_dying_engine() {
    the_same_three_ways("--seed 8 --scenario crash --account-events unattended");
}

#[test]
fn a_backtest_begins_with_an_account_of_its_own() {
    let stage = Stage::new();
    stage.ok("backtest --to 2026-03-03 --state-dir state");
    insta::assert_snapshot!(stage.refused("backtest --to 2026-03-03 --state-dir state"), @r"
    exit 2
    abstractfinance: state has days in it already, and a backtest begins with an account of its own; name an empty --state-dir
    ");
}

/// What next-session leaves out is the working of orders: the same days differ by little, and by nothing in what was asked.
#[test]
fn next_session_is_near_order_level() {
    let stage = Stage::new();
    let summary = |depth: &str| -> Value {
        let line = format!("backtest --depth {depth} --scenario decline --seed 5 --to 2026-04-30 --json");
        serde_json::from_str(&stage.ok(&line)).unwrap()
    };
    let (deep, fast) = (summary("order-level"), summary("next-session"));
    let nav = |summary: &Value| summary["nav_last"].as_str().unwrap().parse::<f64>().unwrap();
    let difference = (nav(&deep) / nav(&fast) - 1.0) * 1e4;
    assert!(difference.abs() < 25.0, "{difference} bp apart after two months");
    assert_eq!(deep["days"], fast["days"]);
    assert_eq!(deep["origin"], fast["origin"]);
    for each in [&deep, &fast] {
        assert_eq!(each["difference_bp_max"], 0.0, "our books and the account agree to the cent");
    }
}

/// Two weeks with a holiday of some venues in their middle.
#[test]
fn ten_planted_leaks_are_found_and_the_strategy_as_it_is_has_none() {
    let told = Stage::as_shipped().ok("backtest --check-lookahead --from 2026-03-27 --to 2026-04-10 --json");
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["clean"]["flagged"], Value::Null, "{}", report["clean"]);
    assert!(report["plans_compared"].as_u64().unwrap() > 10, "{told}");
    let planted = report["planted"].as_array().unwrap();
    assert_eq!(planted.len(), 10);
    planted.iter().for_each(|row| assert!(row["flagged"].is_string(), "not found: {row}"));
}
