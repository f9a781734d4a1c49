//! Stories of storage that fails under a running engine, on both databases: locked, full, hanging, gone.
//!
//! In: an engine in the middle of its day. Out: an end with exit code 4 and a sentence, and the same day finished by an
//! ordinary start. Invariant: no order leaves whose intent is not on the disk, and nothing is done twice.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;
#[path = "common/oracle.rs"]
mod oracle;
#[path = "../../journal/tests/support/postgres.rs"]
#[expect(dead_code, reason = "these stories use a part of it")]
mod postgres;

use common::{GatewayProcess, Stage, assert_tied_out, reports};
use journal::Place;
use postgres::PostgresServer;
use sqlx::Connection;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// About two lines of the gateway's record.
const STEP_BYTES: u64 = 450;
/// The user `nobody` of most systems.
const NOBODY: u32 = 65_534;
/// An engine that cannot write must not go on for longer than it may wait for its storage, and some.
const PATIENCE: Duration = Duration::from_secs(40);

fn line(gateway: &GatewayProcess, more: &str) -> String {
    format!("run --once --date 2026-03-02 --state-dir state --json {} {more}", gateway.address)
}

fn in_the_middle(stage: &Stage, command: &mut Command) -> Child {
    let length = || std::fs::metadata(stage.path("record.jsonl")).map_or(0, |record| record.len());
    let enough = length() + 4 * STEP_BYTES;
    let mut engine = command.spawn().unwrap();
    while length() < enough {
        assert!(engine.try_wait().unwrap().is_none(), "the engine is in the middle of its day");
        std::thread::sleep(Duration::from_micros(200));
    }
    engine
}

/// The engine ends by itself, soon, and says what is the matter.
fn stops(engine: Child) -> String {
    let started = Instant::now();
    let output = engine.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(err.contains("Nothing of this counts as written; send no orders until the storage works"), "{err}");
    err
}

/// A person is told past the journal, which cannot be written: what is the matter, and what to do.
fn is_told(hook: &monitors::Webhook) {
    let (_, body) = hook.next(Duration::from_secs(10)).expect("a message");
    let text = serde_json::from_str::<serde_json::Value>(&body).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("⚠️ The engine has stopped: cannot "), "{text}");
    assert!(text.contains("Run `abstractfinance doctor`") && text.contains("it finishes the same day"), "{text}");
}

/// An ordinary start finishes the day, and the judge finds every order written before it was sent.
fn goes_on(stage: &Stage, line: &str, journal: impl Into<Place>) {
    let days = reports(&stage.ok(line));
    assert!(days[0].resumed);
    days.iter().for_each(assert_tied_out);
    assert!(days[0].orders.iter().all(|order| order.filled == order.quantity), "{:?}", days[0].orders);
    oracle::judge(&stage.path("record.jsonl"), journal, &days);
}

#[test]
fn a_file_that_another_program_locks_stops_the_engine() {
    let stage = Stage::with_settings("webhook: null", "webhook: {url_file: hook}");
    let hook = monitors::Webhook::listen();
    std::fs::write(stage.path("hook"), &hook.url).unwrap();
    let gateway = stage.gateway("--record record.jsonl");
    let engine = in_the_middle(&stage, &mut stage.command(&line(&gateway, "")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite://{}", stage.path("state/journal.db").display());
    sqlx::any::install_default_drivers();
    let mut intruder = runtime.block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        while sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.is_err() {}
        connection
    });
    let err = stops(engine);
    assert!(err.contains("locked"), "{err}");
    is_told(&hook);
    runtime.block_on(async {
        sqlx::query("ROLLBACK").execute(&mut intruder).await.unwrap();
        intruder.close().await.unwrap();
    });
    goes_on(&stage, &line(&gateway, ""), &stage.path("state/journal.db"));
}

#[test]
fn a_disk_that_is_full_stops_the_engine() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("state")).unwrap();
    let folder = stage.path("state").display().to_string();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs", &folder]).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a full disk (a file system of its own needs root on Linux)");
        return;
    }
    let gateway = stage.gateway("--record record.jsonl");
    let engine = in_the_middle(&stage, &mut stage.command(&line(&gateway, "")));
    let ballast = stage.path("state/ballast");
    let full = Command::new("dd").args(["if=/dev/zero", "bs=4k", &format!("of={}", ballast.display())]).output();
    assert!(full.unwrap().stderr.windows(8).any(|said| said == b"No space"), "the disk is full");
    let err = stops(engine);
    std::fs::remove_file(ballast).unwrap();
    assert!(err.contains("full"), "{err}");
    goes_on(&stage, &line(&gateway, ""), &stage.path("state/journal.db"));
    drop(gateway);
    assert!(Command::new("umount").arg(&folder).status().unwrap().success());
}

#[test]
fn a_server_that_hangs_stops_the_engine() {
    let Some((stage, server, place, hook)) = on_a_server() else { return };
    let gateway = stage.gateway("--record record.jsonl");
    let line = line(&gateway, "--config config");
    let engine = in_the_middle(&stage, &mut stage.command(&line));
    server.hang(true);
    let err = stops(engine);
    assert!(err.contains("no answer within 6 seconds"), "{err}");
    is_told(&hook);
    // Nobody can start while it hangs, and nobody waits for ever.
    let started = Instant::now();
    let refused = stage.run(&line);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    server.hang(false);
    goes_on(&stage, &line, &place);
}

/// A server of the story's own and a configuration that names it.
fn on_a_server() -> Option<(Stage, PostgresServer, Place, monitors::Webhook)> {
    let server = PostgresServer::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(server.database());
    let stage = Stage::new();
    let settings = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/settings.yaml")).unwrap();
    let (_, journal) = settings.split_once("journal:\n").expect("the journal's section");
    let ours: String = journal.split_inclusive('\n').take(2).collect();
    let password = server.password_file();
    let theirs = format!("  database_url: {}\n  password_file: {}\n", database.place, password.display());
    stage.config("config", "settings.yaml", &ours, &theirs);
    let path = stage.path("config/settings.yaml");
    let told = std::fs::read_to_string(&path).unwrap().replace("webhook: null", "webhook: {url_file: hook}");
    std::fs::write(path, told).unwrap();
    let hook = monitors::Webhook::listen();
    std::fs::write(stage.path("hook"), &hook.url).unwrap();
    Some((stage, server, database.place, hook))
}

#[test]
fn a_server_that_dies_stops_the_engine() {
    let Some((stage, mut server, place, hook)) = on_a_server() else { return };
    let gateway = stage.gateway("--record record.jsonl");
    let line = line(&gateway, "--config config");
    let engine = in_the_middle(&stage, &mut stage.command(&line));
    server.kill();
    stops(engine);
    is_told(&hook);
    server.run();
    goes_on(&stage, &line, &place);
}

/// A start reads proved records and talks to the broker while all of the history is still walked; the first thing it would
/// write waits for the end of that, and so does the first order.
#[test]
fn a_byte_changed_in_old_history_stops_the_engine_before_it_writes_or_sends() {
    let stage = Stage::new();
    stage.ok("demo --days 2 --state-dir state");
    let gateway = stage.gateway("--record state/gateway.jsonl");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite://{}", stage.path("state/journal.db").display());
    sqlx::any::install_default_drivers();
    let number = |statement: &'static str| -> i64 {
        runtime.block_on(async {
            let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
            let row = sqlx::query(statement).fetch_optional(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            row.map_or(0, |row| sqlx::Row::get(&row, 0))
        })
    };
    // Nobody reads what was acknowledged on a closed day.
    let event = number("SELECT MIN(seq) FROM event WHERE kind = 'acknowledged'");
    number(
        "UPDATE event SET body = replace(body, '\"perm_id\":', '\"perm_id\": ') WHERE seq = (SELECT MIN(seq) FROM event WHERE kind = 'acknowledged')",
    );
    let orders =
        || std::fs::read_to_string(stage.path("state/gateway.jsonl")).unwrap().matches("\"command\":\"place\"").count();
    let before = (number("SELECT COUNT(*) FROM event"), orders());
    let told = stage.run(&format!("run --once --date 2026-03-04 --state-dir state {}", gateway.address));
    assert_eq!(told.code, 4, "{}", told.err);
    assert!(
        told.err.contains(&format!("event {event} of account f4f616 was changed after it was written")),
        "{}",
        told.err
    );
    assert_eq!((number("SELECT COUNT(*) FROM event"), orders()), before, "nothing was written, nothing was sent");
    // A question is answered from records that are proved one by one; whoever asks for the whole is told.
    stage.ok("status --state-dir state");
    let verified = stage.run("journal verify --state-dir state");
    assert!(verified.code == 4 && verified.err.contains(&format!("event {event} ")), "{}", verified.err);
}

/// What a user is told who is not the owner of the state folder, or whom its owner left no rights.
fn told_without_rights(stage: &Stage, folder: u32, file: u32) -> String {
    let mode = |path: &str, mode| std::fs::set_permissions(stage.path(path), Permissions::from_mode(mode)).unwrap();
    mode("state/journal.db", file);
    mode("state", folder);
    let mut command = stage.command("status --state-dir state");
    if std::fs::metadata(stage.path("state")).unwrap().uid() == 0 {
        command.uid(NOBODY);
    }
    let output = command.output();
    mode("state", 0o755);
    let output = output.expect("every user may run the program");
    assert_eq!(output.status.code(), Some(4));
    String::from_utf8(output.stderr).unwrap().replace(stage.path("").to_str().unwrap(), "")
}

#[test]
fn a_user_without_rights_to_the_state_folder_is_told_which_are_missing() {
    let stage = Stage::new();
    stage.ok("demo --days 1 --state-dir state");
    for folder in [stage.path(""), stage.path("..")] {
        std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let unseen = told_without_rights(&stage, 0o000, 0o600);
    assert!(unseen.starts_with("abstractfinance: cannot open state/journal.db: Permission denied"), "{unseen}");
    let unwritable = told_without_rights(&stage, 0o555, 0o444);
    for told in [unseen, unwritable] {
        assert!(told.contains("give this one the right to read and write the file and its folder"), "{told}");
        assert!(!told.contains("send no orders"), "{told}");
    }
}
