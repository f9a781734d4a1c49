//! Stories of `doctor`: what it finds before a day does.
//!
//! In: folders, settings and gateways with one thing wrong. Out: the lines that say so. Invariant: every subject has a
//! line, a failure makes the exit code 5, and the JSON says what the page says.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const SUBJECTS: [&str; 12] = [
    "config",
    "secrets",
    "disk",
    "state folder",
    "database",
    "calendars",
    "schedule",
    "broker",
    "account",
    "clock",
    "permissions",
    "market data",
];

/// Exit code, and each subject with its outcome and what was found and advised.
fn examined(stage: &Stage, line: &str) -> (i32, Vec<(String, String, String)>) {
    let told = stage.run(&format!("{line} doctor --json"));
    let document: Value = serde_json::from_str(&told.out).expect(&told.err);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = document["checks"].as_array().unwrap().iter();
    let rows = findings.map(|finding| {
        let said = format!("{} | {}", text(finding, "found"), text(finding, "remedy"));
        (text(finding, "check"), text(finding, "outcome"), said)
    });
    (told.code, rows.collect())
}

fn of<'a>(rows: &'a [(String, String, String)], check: &str) -> (&'a str, &'a str) {
    let row = rows.iter().find(|(name, _, _)| name == check).expect(check);
    (&row.1, &row.2)
}

#[test]
fn a_fresh_machine_is_ready_for_its_first_simulated_day() {
    let stage = Stage::new();
    let (code, rows) = examined(&stage, "--state-dir state");
    let names: Vec<&str> = rows.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!((code, names.as_slice()), (0, &SUBJECTS[..]), "{rows:?}");
    for check in SUBJECTS.into_iter().filter(|check| !["disk", "calendars"].contains(check)) {
        assert_eq!(of(&rows, check).0, "ok", "{rows:?}");
    }
    assert!(of(&rows, "permissions").1.contains("would take an order of each of"), "{rows:?}");
    assert_eq!(stage.files(), Vec::<String>::new(), "it leaves nothing behind");
    let page = stage.run("doctor --state-dir state").out;
    SUBJECTS.iter().for_each(|check| assert!(page.contains(&format!(" {check:<13} ")), "{page}"));
}

#[test]
fn a_configuration_that_cannot_be_read_is_the_only_line() {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", "vol_target_annual: 0.12 ", "vol_target_annual: 12 ");
    let (code, rows) = examined(&stage, "--config conf");
    assert_eq!((code, rows.len(), of(&rows, "config").0), (5, 1, "failure"));
    assert!(of(&rows, "config").1.contains("did you mean 0.12?"), "{rows:?}");
}

#[test]
fn a_secret_others_can_read_and_a_damaged_journal_are_failures() {
    let stage = Stage::new();
    let section = "statements: {url: \"https://ndcdyn.interactivebrokers.com/x\", query_id: \"1\", token_file: token}";
    stage.config("conf", "settings.yaml", "statements: null ", section);
    let secrets = |stage: &Stage| {
        let rows = examined(stage, "--config conf --state-dir state").1;
        let (outcome, said) = of(&rows, "secrets");
        format!("{outcome}: {said}")
    };
    assert!(secrets(&stage).starts_with("failure: token: No such file"), "{}", secrets(&stage));
    std::fs::write(stage.path("token"), "canary123").unwrap();
    std::fs::set_permissions(stage.path("token"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(
        secrets(&stage),
        "failure: readable by others: token (mode 644) | chmod 600 each of them, and replace what others may have read"
    );
    std::fs::set_permissions(stage.path("token"), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(secrets(&stage), "ok: one file, for its owner alone | ");

    stage.ok("demo --days 1 --state-dir state");
    let whole = examined(&stage, "--state-dir state");
    assert!(of(&whole.1, "database").1.contains("every chain is whole"), "{whole:?}");
    std::fs::write(stage.path("state/journal.db"), "not a journal at all").unwrap();
    let damaged = examined(&stage, "--state-dir state");
    assert_eq!((damaged.0, of(&damaged.1, "database").0), (5, "failure"), "{damaged:?}");
}

#[test]
fn a_broker_that_does_not_answer_leaves_its_subjects_unknown() {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", "mode: simulated ", "mode: paper ");
    let settings = std::fs::read_to_string(stage.path("conf/settings.yaml")).unwrap();
    let settings = settings.replace("account: null ", "account: DU1 ").replace("port: 4000", "port: 1");
    let settings = settings.replace("ready_timeout: 10m ", "ready_timeout: 1s ");
    std::fs::write(stage.path("conf/settings.yaml"), &settings).unwrap();
    let (code, rows) = examined(&stage, "--config conf");
    assert_eq!((code, of(&rows, "broker").0, of(&rows, "clock").0), (5, "failure", "warning"), "{rows:?}");
    assert!(of(&rows, "schedule").1.contains("until 06:55 UTC"), "{rows:?}");

    let early = settings.replace("catch_up_until: \"12:00\"", "catch_up_until: \"06:30\"");
    std::fs::write(stage.path("conf/settings.yaml"), early).unwrap();
    let rows = examined(&stage, "--config conf").1;
    assert!(of(&rows, "schedule").1.contains("days would be skipped"), "{rows:?}");
}

#[test]
fn what_is_found_is_told_while_a_silent_gateway_is_waited_for() {
    let stage = Stage::new();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let line = format!("doctor --state-dir state --gateway {}", silent.local_addr().unwrap());
    let mut looking = stage.command(&line).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(looking.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("ok       schedule ")));
    assert!(looking.try_wait().unwrap().is_none(), "the gateway is still waited for");
    looking.kill().unwrap();
    looking.wait().unwrap();
}

#[test]
fn looser_limits_need_a_name_and_a_reason_and_tighter_ones_nobody() {
    let stage = Stage::new();
    stage.ok("demo --days 1 --state-dir state");
    stage.config("tight", "settings.yaml", "gross_leverage_max: 2.0 ", "gross_leverage_max: 1.5 ");
    stage.ok("--config tight demo --days 2 --state-dir state");
    insta::assert_snapshot!(stage.refused("demo --days 3 --state-dir state"), @r"
    exit 2
    abstractfinance: the settings let the engine do more than on its last day:
      gross_leverage_max: 1.5 → 2.0
    write the old values back, or say that it is meant, once: --accept-loosened REASON
    ");
    stage.ok("demo --days 3 --state-dir state --accept-loosened agreed --by ada");
    stage.ok("demo --days 4 --state-dir state");
    stage.ok("journal export --date 2026-03-04 --out day.gz --state-dir state");
    let mut kept = String::new();
    GzDecoder::new(File::open(stage.path("day.gz")).unwrap()).read_to_string(&mut kept).unwrap();
    assert!(kept.contains("agreed") && kept.contains("gross_leverage_max"), "the journal keeps who and why: {kept}");
}

#[test]
fn an_instrument_the_broker_states_otherwise_is_no_permission() {
    let stage = Stage::new();
    // Another fund: the broker's own table is not edited with ours.
    stage.config("conf", "instruments.yaml", "isin: IE00B5BMR087", "isin: IE00B53L3W79");
    let (code, rows) = examined(&stage, "--config conf");
    assert_eq!((code, of(&rows, "permissions").0), (5, "failure"), "{rows:?}");
    assert!(of(&rows, "permissions").1.contains("CSPX"), "{rows:?}");
}
