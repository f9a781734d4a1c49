//! What a long life costs: a start on a journal of years, on both databases, and the questions a person asks of it.
//!
//! In: days of the simulator, five years of them with `AF_LONG=1`. Out: the time from the start of a process until the account is
//! read, booked and reconciled, and of each question. Invariant: the time ends where the engine itself stands, before it writes
//! the inputs of the next date; the journal moves from SQLite to PostgreSQL by backup and restore.
#![allow(clippy::disallowed_methods, reason = "stories run programs and measure")]

mod common;
#[path = "../../journal/tests/support/postgres.rs"]
#[expect(dead_code, reason = "this story uses a part of it")]
mod postgres;

use common::{GatewayProcess, Stage};
use jiff::ToSpan;
use jiff::civil::Date;
use postgres::PostgresServer;
use std::time::{Duration, Instant};

fn is_long() -> bool {
    std::env::var_os("AF_LONG").is_some()
}

fn days() -> u32 {
    if is_long() { 1_260 } else { 20 }
}

/// A start takes no longer than this, whatever is behind it; beside the rest of a suite it shows only that it does not hang.
fn start_max() -> Duration {
    Duration::from_secs(if is_long() { 5 } else { 60 })
}

/// From the start of the process until the next date is reconciled and decided, and nothing of it written. Then the same
/// until its plan is written, which waits until every record of the past was walked.
fn reconciled(stage: &Stage, gateway: &GatewayProcess, last: Date, config: &str) -> Duration {
    let until = |point: &str| {
        let started = last.series(1.day()).skip(1).take(7).find_map(|date| {
            let line = format!("run --once --date {date} --state-dir state {config} {}", gateway.address);
            let started = Instant::now();
            stage.killed_at(&line, point).then(|| started.elapsed())
        });
        started.expect("a week has a trade date")
    };
    let (reconciled, written) = (until("append inputs before"), until("append inputs after"));
    eprintln!("  start until reconciled: {reconciled:.2?}; until all is walked and the plan is written: {written:.2?}");
    reconciled
}

/// How long each question takes.
fn asked(stage: &Stage, date: &str, config: &str) {
    for question in
        ["status", "nav", "journal verify", &format!("explain --date {date}"), &format!("replay --date {date}")]
    {
        let started = Instant::now();
        stage.ok(&format!("{question} --state-dir state {config}"));
        eprintln!("  {question}: {:.2?}", started.elapsed());
    }
}

#[test]
fn a_start_on_years_of_journal_takes_seconds() {
    let stage = Stage::new();
    let market = "--from 2021-01-04 --seed 3 --account-events none";
    let reports = stage.days(&format!("demo --days {} {market} --state-dir state", days()));
    let date = |at: usize| reports[at].date.parse::<Date>().unwrap();
    let (last, before) = (date(reports.len() - 1), reports[reports.len() / 2].date.clone());
    let size = std::fs::metadata(stage.path("state/journal.db")).unwrap().len();
    eprintln!("{} dates on SQLite: {} KB, {} KB a date", days(), size / 1_000, size / 1_000 / u64::from(days()));
    stage.ok("journal backup --state-dir state --out years.gz");
    let gateway = stage.gateway(&format!("{market} --days {} --record state/gateway.jsonl", days()));
    let took = reconciled(&stage, &gateway, last, "");
    asked(&stage, &before, "");
    assert!(took < start_max(), "SQLite: {took:?}");

    let Some(server) = PostgresServer::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(server.database());
    let settings = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/settings.yaml")).unwrap();
    let (_, journal) = settings.split_once("journal:\n").expect("the journal's section");
    let ours: String = journal.split_inclusive('\n').take(2).collect();
    let theirs = format!("  database_url: {}\n  password_file: {}\n", database.place, server.password_file().display());
    stage.config("server", "settings.yaml", &ours, &theirs);
    stage.ok("journal restore --state-dir fresh --config server --from years.gz");
    eprintln!("{} dates on PostgreSQL", days());
    let took = reconciled(&stage, &gateway, last, "--config server");
    asked(&stage, &before, "--config server");
    assert!(took < start_max(), "PostgreSQL: {took:?}");
}
