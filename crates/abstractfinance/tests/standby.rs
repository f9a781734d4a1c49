//! Stories of two engines on one account with a journal on PostgreSQL: two processes with a state folder each, as on two
//! hosts.
//!
//! In: an engine that is killed in the middle of its day, and one that waits. Out: a finished day. Invariant: nothing is
//! doubled, nothing is lost, and at no time do two engines trade.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/oracle.rs"]
mod oracle;
#[path = "../../journal/tests/support/postgres.rs"]
#[expect(dead_code, reason = "these stories use a part of it")]
mod postgres;

use common::{Stage, assert_tied_out, reports};
use postgres::{PostgresDatabase, PostgresServer};
use std::time::{Duration, Instant};

/// About two lines of the gateway's record.
const STEP_BYTES: u64 = 450;
/// Issue 7: a standby takes over within a minute of the first engine's death.
const TAKEOVER: Duration = Duration::from_secs(60);

/// A stage whose configuration `shared` names a database, and that database.
fn stage() -> Option<(Stage, &'static PostgresServer, PostgresDatabase)> {
    let server = postgres::shared()?;
    let database =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(server.database());
    let stage = Stage::new();
    let settings = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/settings.yaml")).unwrap();
    let (_, journal) = settings.split_once("journal:\n").expect("the journal's section");
    let ours: String = journal.split_inclusive('\n').take(2).collect();
    let password = server.password_file();
    let theirs = format!("  database_url: {}\n  password_file: {}\n", database.place, password.display());
    stage.config("shared", "settings.yaml", &ours, &theirs);
    Some((stage, server, database))
}

#[test]
fn a_standby_takes_over_the_day_of_an_engine_that_was_killed() {
    let Some((stage, _, database)) = stage() else { return };
    let gateway = stage.gateway("--record record.jsonl");
    let run = |more: &str| format!("run --once --date 2026-03-02 --config shared --json {} {more}", gateway.address);

    let mut first = stage.command(&run("--state-dir one")).spawn().unwrap();
    let length = || std::fs::metadata(stage.path("record.jsonl")).map_or(0, |record| record.len());
    let before = length();
    let mut trades_until = |bytes| {
        while length() < before + bytes {
            assert!(first.try_wait().unwrap().is_none(), "the first engine is in the middle of its day");
            std::thread::sleep(Duration::from_micros(200));
        }
    };
    trades_until(STEP_BYTES);
    let standby = stage.command(&run("--standby --state-dir two")).spawn().unwrap();
    trades_until(2 * STEP_BYTES);
    first.kill().unwrap();
    first.wait().unwrap();
    let died = Instant::now();
    let output = standby.wait_with_output().unwrap();
    assert!(died.elapsed() < TAKEOVER, "{:?}", died.elapsed());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let days = reports(&String::from_utf8(output.stdout).unwrap());
    assert!(days[0].resumed, "the plan of the engine that died was finished");
    days.iter().for_each(assert_tied_out);
    assert!(days[0].orders.iter().all(|order| order.filled == order.quantity), "{:?}", days[0].orders);
    oracle::judge(&stage.path("record.jsonl"), &database.place, &days);

    let said = stage.ok("journal verify --config shared");
    let head = days[0].journal_head.as_ref().unwrap();
    assert!(said.contains(head), "the report's head is the journal's: {said}");
    assert_eq!(stage.ok(&format!("journal verify --config shared --head {head}")), said);
    assert!(!said.contains("w?rd") && !days[0].journal.contains("w?rd"), "no password in any output");
}

#[test]
fn a_second_engine_is_refused_while_the_first_one_lives() {
    let Some((stage, _, _)) = stage() else { return };
    let mut first = stage.command("demo --days 400 --config shared --state-dir one").spawn().unwrap();
    while !stage.path("one/gateway.jsonl").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first engine runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    let told = stage.run("demo --config shared --state-dir two");
    assert!(first.try_wait().unwrap().is_none(), "the first engine goes on");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(told.code, 4, "{}", told.err);
    assert!(told.err.contains("another engine") && told.err.contains("holds the lease until"), "{}", told.err);
}
