//! Which kind of money is traded: mode, account, port and a person's word against the account a gateway serves.
//!
//! In: settings, and a simulated gateway that presents an account. Out: a traded day, or a refusal before anything is sent.
//! Invariant: whatever disagrees, no order reaches the gateway.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use gateway::{Entry, read_record};
use insta::assert_snapshot;
use sim::Command;

const PAPER: &str = "DU7654321";
const REAL: &str = "U7654321";

/// Settings of a mode: the account, and the account and date of a person's word.
fn configured(stage: &Stage, mode: &str, account: &str, word: Option<(&str, &str)>) {
    stage.config("config", "settings.yaml", "mode: simulated ", &format!("mode: {mode} "));
    let path = stage.path("config/settings.yaml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text = text.replacen("  account: null", &format!("  account: {account}"), 1);
    if let Some((account, date)) = word {
        let said = format!("  live_confirmation: {{account: {account}, date: {date}}}");
        text = text.replacen("  live_confirmation: null", &said, 1);
    }
    std::fs::write(path, text).unwrap();
}

fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// What a day at a gateway that serves an account comes to, and how many orders reached it.
fn met(stage: &Stage, served: &str) -> (common::Told, usize) {
    let gateway = stage.gateway(&format!("--account {served} --record record.jsonl"));
    let line = format!("run --once --date 2026-03-02 --config config --state-dir state --json {}", gateway.address);
    let told = stage.run(&line);
    let placed = read_record(&stage.path("record.jsonl")).unwrap();
    let placed = placed.iter().filter(|entry| matches!(entry, Entry::Command { command: Command::Place { .. }, .. }));
    (told, placed.count())
}

#[test]
fn what_agrees_is_traded() {
    for (mode, account) in [("paper", PAPER), ("live", REAL)] {
        let stage = Stage::new();
        configured(&stage, mode, account, (mode == "live").then_some((account, &today())));
        let (told, orders) = met(&stage, account);
        assert_eq!(told.code, 0, "{mode}: {}", told.err);
        let days = common::reports(&told.out);
        assert_tied_out(&days[0]);
        assert!(orders >= 2, "{mode}: {orders} orders");
        assert!(!told.out.contains(account), "the account id is nobody's to read");
    }
}

#[test]
fn what_disagrees_sends_nothing() {
    let today = today();
    let word = |account: &'static str| Some((account, today.as_str()));
    let stories = [
        ("paper", PAPER, None, REAL, "the configured account is none of the 1 this login serves"),
        ("paper", REAL, None, REAL, "has no paper account"),
        ("live", PAPER, word(PAPER), PAPER, "has no live account"),
        ("live", REAL, None, REAL, "has no `live_confirmation`"),
        ("live", REAL, word(PAPER), REAL, "confirms another account"),
        ("live", REAL, Some((REAL, "2024-01-31")), REAL, "more than 366 days ago"),
        ("live", REAL, Some((REAL, "2999-01-01")), REAL, "is still to come"),
        ("live", REAL, word(REAL), PAPER, "the configured account is none of the 1 this login serves"),
    ];
    for (mode, account, word, served, reason) in stories {
        let stage = Stage::new();
        configured(&stage, mode, account, word);
        let (told, orders) = met(&stage, served);
        let what = format!("{mode} {account} {word:?} at {served}: {}", told.err);
        assert!(told.err.contains(reason), "{what}");
        assert_ne!(told.code, 0, "{what}");
        assert_eq!(orders, 0, "{what}");
    }
}

#[test]
fn the_built_in_account_is_no_other() {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "mode: simulated ", "mode: simulated ");
    let (told, orders) = met(&stage, REAL);
    assert_eq!((told.code, orders), (3, 0), "{}", told.err);
}

#[test]
fn a_demo_is_no_place_for_an_account() {
    let stage = Stage::new();
    configured(&stage, "paper", PAPER, None);
    assert_snapshot!(stage.refused("demo --config config"), @r"
    exit 2
    abstractfinance: mode in config/settings.yaml is not `simulated`, and `demo` trades against the built-in gateway only: set `mode: simulated`, or use `run --once` for the gateway in `broker`
    ");
}

#[test]
fn a_date_that_is_not_named_is_the_one_that_is_due() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let days = stage.days(&format!("run --once --state-dir state {}", gateway.address));
    assert_eq!(days[0].date, "2026-03-02");
    let days = stage.days(&format!("run --once --state-dir state {}", gateway.address));
    assert_eq!(days[0].date, "2026-03-03", "the one before is over");
}

#[test]
fn a_simulated_engine_is_not_sent_to_start_the_gateway_it_reached() {
    let stage = Stage::new();
    let gateway = stage.gateway(&format!("--account {PAPER}"));
    assert_snapshot!(stage.refused(&format!("run --once --date 2026-03-02 --state-dir state {}", gateway.address)), @"
    exit 3
    abstractfinance: broker refused: the configured account is none of the 1 this login serves; modes paper and live trade `broker.account`, mode simulated the account of a gateway started without one
    ");
}
