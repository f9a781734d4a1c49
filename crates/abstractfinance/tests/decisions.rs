//! Decisions, questioned: every number of every order recomputed, plans decided again, reasons, differences.
//!
//! In: days of the simulator, and what `explain`, `replay`, `why-not` and `diff` say of them. Out: the same numbers, made
//! anew by an evaluator of this file from the formulas a person reads. Invariant: nothing of the engine is asked to confirm
//! itself.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/formula.rs"]
mod formula;

use common::Stage;
use formula::evaluate;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeMap;

const DECLINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");

/// A year with `AF_LONG=1` in the environment, else some days.
fn days(some: u32) -> u32 {
    if std::env::var_os("AF_LONG").is_some() { 250 } else { some }
}

fn json(stage: &Stage, line: &str) -> Value {
    serde_json::from_str(&stage.ok(&format!("{line} --json"))).unwrap()
}

/// Checks a chain link by link; returns its values by name.
fn recomputed(chain: &Value, what: &str) -> BTreeMap<String, f64> {
    let mut known = BTreeMap::new();
    for link in chain["links"].as_array().unwrap() {
        let (name, value) = (link["name"].as_str().unwrap(), link["value"].as_f64().unwrap());
        if let Some(formula) = link["formula"].as_str() {
            let made =
                evaluate(formula, &known).unwrap_or_else(|problem| panic!("{what}: {name} = {formula}: {problem}"));
            let near = (made - value).abs() <= 1e-9 * value.abs().max(1.0);
            assert!(near, "{what}: {name} = {formula} makes {made}, recorded {value}\n{chain:#}");
        } else {
            assert!(!link["note"].as_str().unwrap().is_empty(), "{what}: {name} comes from nowhere");
        }
        assert!(known.insert(name.to_owned(), value).is_none(), "{what}: {name} twice");
    }
    known
}

/// Runs days and recomputes every order of them; how many orders there were, by purpose.
fn every_order(some: u32, options: &str) -> BTreeMap<String, usize> {
    let stage = Stage::new();
    let reports = stage.days(&format!("demo --days {} {options} --state-dir state", days(some)));
    let config = options.split_once("--config ").map_or(String::new(), |(_, dir)| format!("--config {dir}"));
    let mut counted = BTreeMap::new();
    for day in &reports {
        let told = json(&stage, &format!("explain --date {} --state-dir state {config}", day.date));
        let explained = told["explained"].as_array().unwrap();
        assert_eq!(told["plan_hash"], day.plan_hash.as_str());
        assert_eq!(explained.len(), day.orders.len(), "{}: every order has a chain", day.date);
        for (order, each) in day.orders.iter().zip(explained) {
            let what = format!("{} {}", day.date, order.instrument);
            assert_eq!(each["contract"], order.instrument.as_str(), "{what}");
            let known = recomputed(&each["chain"], &what);
            let ordered: f64 = order.quantity.parse().unwrap();
            assert_eq!(known["ordered"].abs(), ordered.abs(), "{what}");
            if each["because"].is_null() {
                let made = |name: &str| {
                    let links = each["chain"]["links"].as_array().unwrap();
                    links.iter().any(|link| link["name"] == name && link["formula"].is_string())
                };
                assert!(made("netted") && made("wanted") && made("scheduled"), "{what}: {:#}", each["chain"]);
            }
            let sent = known.keys().filter(|name| name.starts_with("sent_")).count();
            assert_eq!(sent, order.children, "{what}: every order that was sent");
            *counted.entry(each["purpose"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    counted
}

#[test]
fn every_number_of_every_order_reproduces_the_next() {
    let counted = every_order(20, "--seed 3 --scenario crash --account-events unattended");
    assert!(counted["increase"] > 1 && counted["reduce"] > 0, "{counted:?}");
    eprintln!("crash: {counted:?}");
}

#[test]
fn and_of_the_whole_strategy_with_its_screens_and_hedges() {
    let counted = every_order(6, &format!("--seed 5 --scenario decline --config {DECLINE}"));
    assert!(counted["increase"] > 20 && counted["fx hedge"] > 0, "{counted:?}");
    eprintln!("decline: {counted:?}");
}

#[test]
fn an_order_is_asked_about_by_its_reference() {
    let stage = Stage::new();
    let days = stage.days("demo --days 2 --state-dir state");
    let costs = json(&stage, "costs --from 2026-03-02 --state-dir state");
    let reference = costs["days"][0]["costs"]["orders"][0]["order_ref"].as_str().unwrap().to_owned();
    let told = json(&stage, &format!("explain {reference} --state-dir state"));
    assert_eq!(told["date"], days[0].date.as_str());
    let known = recomputed(&told["explained"][0]["chain"], &reference);
    assert_eq!(known.keys().filter(|name| name.starts_with("sent_")).count(), 1, "that attempt alone");
    let refused = |line: &str| stage.refused(&format!("{line} --state-dir state"));
    let said = [
        refused("explain AF-f4f616-20260302-99-1"),
        refused("explain AF-000000-20260302-1-1"),
        refused("explain AF-f4f616-20260302-1-1 --date 2026-03-03"),
        refused("explain NOTHING"),
        refused("explain CSPX --date 2026-03-09"),
    ];
    assert_snapshot!(said.join("\n"), @r"
    exit 2
    abstractfinance: AF-f4f616-20260302-99-1: 2026-03-02 has 2 orders; `explain --date 2026-03-02` shows them
    exit 2
    abstractfinance: AF-000000-20260302-1-1 is an order of another account; this journal is of f4f616
    exit 2
    abstractfinance: AF-f4f616-20260302-1-1 is of 2026-03-02, not of 2026-03-03; leave --date away
    exit 2
    abstractfinance: `NOTHING` is no instrument, contract or order reference of 2026-03-03; `config show` lists the instruments
    exit 2
    abstractfinance: nothing was planned for 2026-03-09 in this journal; the last date with a plan is 2026-03-03
    ");
}

#[test]
fn the_rule_in_the_way_is_named() {
    let stage = Stage::new();
    stage.days("demo --days 3 --state-dir state");
    let told = |line: &str| stage.ok(&format!("why-not {line} --state-dir state"));
    let said = [told("CSPX --date 2026-03-02"), told("CSPX"), told("SPX"), told("IUIT"), told("M6E")];
    assert_snapshot!(said.join("").replace("; the rest carries over: 2 days at this rate", ""), @"
    2026-03-02 · CSPX
      TURNOVER           the basket: increases of 52.5 % of NAV are wanted, 50.0 % fit under today's turnover limit
      SENT               order 2: 3418 of 3418 executed; nothing stopped it
    2026-03-04 · CSPX
      INSIDE_DRIFT       CSPX: 7090 from its target, and it trades from 52612 of the base currency on
    2026-03-04 · SPX
      NOT_TRADABLE       SPX: a reference instrument, quoted and never traded
    2026-03-04 · IUIT
      NO_SLEEVE          IUIT: no sleeve wants it today; not configured: credit_carry, crisis_alpha, sector_rv, single_name
    2026-03-04 · M6E_20260615
      HEDGED             M6E_20260615: 23102 EUR of exposure leave 27051 of the base currency unhedged, inside the band of 100214
    ");
}

#[test]
fn a_mode_in_the_way_is_named() {
    let stage = Stage::new();
    stage.days("demo --days 1 --state-dir state");
    stage.ok("reduce-only --by ada --reason drill --state-dir state");
    stage.days("demo --days 2 --state-dir state");
    let told = json(&stage, "why-not CSPX --state-dir state");
    let reasons = told["why_not"][0]["reasons"].as_array().unwrap();
    let blocking: Vec<&str> =
        reasons.iter().filter(|row| row["blocks"] == true).map(|row| row["code"].as_str().unwrap()).collect();
    assert_eq!(blocking, ["MODE"], "{told:#}");
}

#[test]
fn two_days_are_compared_settings_included() {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "vol_target_annual: 0.12", "vol_target_annual: 0.10");
    stage.days("demo --days 1 --state-dir state");
    stage.days("demo --days 2 --state-dir state --config config");
    let told = json(&stage, "diff 2026-03-02 2026-03-03 --state-dir state");
    let rows = told["differences"].as_array().unwrap();
    let of = |about: &str, of: &str, what: &str| {
        let row = rows.iter().find(|row| row["about"] == about && row["of"] == of && row["what"] == what);
        row.map(|row| {
            (row["before"].as_str().unwrap_or("–").to_owned(), row["after"].as_str().unwrap_or("–").to_owned())
        })
    };
    assert_eq!(of("settings", "vol_target_annual", ""), Some(("0.12".into(), "0.1".into())));
    assert!(of("risk", "", "scale").is_some() && of("contract", "CSPX", "4 held").is_some(), "{rows:#?}");
    assert!(stage.ok("diff 2026-03-02 2026-03-02 --state-dir state").contains("Nothing differs"));
}

#[test]
fn every_plan_is_decided_again_to_the_last_bit_here_and_on_another_machine() {
    let stage = Stage::new();
    let line =
        format!("demo --days {} --seed 8 --scenario crash --account-events unattended --config {DECLINE}", days(5));
    let reports = stage.days(&format!("{line} --state-dir state"));
    let told = json(&stage, "replay --all --state-dir state");
    assert_eq!((told["replayed"].as_u64(), told["differ"].as_u64()), (Some(reports.len() as u64), Some(0)));
    for (day, row) in reports.iter().zip(told["days"].as_array().unwrap()) {
        assert_eq!(row["plan_hash"], day.plan_hash.as_str());
    }
    let last = &reports.last().unwrap().date;
    stage.ok(&format!("journal export --date {last} --out day.af --state-dir state"));
    let size = std::fs::metadata(stage.path("day.af")).unwrap().len();
    eprintln!("{last} exported: {size} bytes");
    assert!(size < 200_000, "one day is small: {size} bytes");
    stage.ok("journal import --from day.af --state-dir elsewhere");
    let alone = stage.ok(&format!("replay --date {last} --state-dir elsewhere"));
    assert!(alone.contains("the same to the last bit"), "{alone}");
}

#[test]
fn another_configuration_is_named_with_the_first_step_it_changes() {
    let stage = Stage::new();
    stage.days("demo --days 3 --state-dir state");
    stage.config("slower", "settings.yaml", "vol_target_annual: 0.12", "vol_target_annual: 0.06");
    stage.config("patient", "settings.yaml", "max_daily_turnover_pct_nav: 0.50", "max_daily_turnover_pct_nav: 0.40");
    let first = |config: &str| {
        let told = json(&stage, &format!("replay --date 2026-03-02 --under {config} --state-dir state"));
        let found = &told["days"][0]["first_difference"];
        format!("{}: {}", found["step"].as_str().unwrap(), found["value"].as_str().unwrap())
    };
    assert_eq!(first("slower"), "risk: risk.scale");
    assert!(first("patient").starts_with("schedule: table.scheduled"), "{}", first("patient"));
    let page = stage.ok("replay --all --under slower --state-dir state");
    assert!(page.contains("another configuration changes 3"), "{page}");
}
