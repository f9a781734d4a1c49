//! Stories of two engines on two hosts, network namespaces of this machine: one account, one PostgreSQL, one gateway.
//!
//! In: an engine that is killed, paused, or cut off in the middle of its day, and a standby. Out: a finished day.
//! Invariant: exactly one engine trades at a time; nothing is doubled, nothing is lost; a minute is enough.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/hosts.rs"]
mod hosts;
#[path = "common/oracle.rs"]
mod oracle;
#[path = "../../journal/tests/support/postgres.rs"]
#[expect(dead_code, reason = "these stories use a part of it")]
mod postgres;

use common::{Cable, GatewayProcess, Stage, assert_tied_out, reports};
use hosts::Host;
use postgres::{PostgresDatabase, PostgresServer};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Orders at the broker when the standby starts, and when the first engine's trouble begins.
const STANDBY_AFTER: usize = 3;
const TROUBLE_AFTER: usize = 8;
/// A standby takes over within a minute of the first engine's death.
const TAKEOVER: Duration = Duration::from_secs(60);
/// When a host gives up a peer that answers nothing.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(18);
/// When an engine that reaches nothing has noticed.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// Connections of a host: database, gateway, control.
const BRIDGES: usize = 3;
const DATE: &str = "2026-03-02";

/// An account whose engine runs on the first host and whose standby waits on the second.
struct Theatre {
    stage: Stage,
    gateway: GatewayProcess,
    database: PostgresDatabase,
    bridges: Vec<Cable>,
    first: Child,
    standby: Child,
    hosts: [Host; 2],
}

impl Theatre {
    /// The curtain rises in the middle of the first engine's day; `None` without hosts or a database.
    fn open() -> Option<Theatre> {
        let server = postgres::shared()?;
        let hosts = Host::two()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let database = runtime.block_on(server.database());
        let stage = Stage::new();
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
        let gateway = stage.gateway(&format!("--record record.jsonl --config {example}"));
        let mut bridges = Vec::new();
        let mut engine = |host: &Host, number: usize, more: &str| {
            let line = line(&stage, (&gateway, server, &database), (host, number), &mut bridges);
            host.command(&stage.command(&format!("{line} {more}")))
        };
        let mut commands = [engine(&hosts[0], 1, ""), engine(&hosts[1], 2, "--standby")];
        let piped = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut first = piped(&mut commands[0]);
        trades(&stage, STANDBY_AFTER, &mut first);
        let standby = piped(&mut commands[1]);
        trades(&stage, TROUBLE_AFTER, &mut first);
        Some(Theatre { stage, gateway, database, bridges, first, standby, hosts })
    }

    /// A signal to the engine on the first host.
    fn signal(&self, signal: &str) {
        // `ip netns exec` becomes the program it starts.
        let id = self.first.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// The standby has the lease in time, and finishes the day.
    fn taken_over(self, since: Instant) {
        let Theatre { stage, gateway, database, standby, hosts, mut first, .. } = self;
        let output = standby.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        eprintln!("taken over and finished {:.1} s after", since.elapsed().as_secs_f64());
        assert!(since.elapsed() < TAKEOVER, "{:?}", since.elapsed());
        let _ = first.kill();
        first.wait().unwrap();
        let days = reports(&String::from_utf8(output.stdout).unwrap());
        assert!(days[0].resumed, "the plan of the first engine was finished");
        days.iter().for_each(assert_tied_out);
        oracle::judge(&stage.path("record.jsonl"), &database.place, &days);
        drop((gateway, hosts));
    }
}

/// The command line of an engine on a host, with a configuration and bridges of its own.
fn line(
    stage: &Stage,
    (gateway, server, database): (&GatewayProcess, &PostgresServer, &PostgresDatabase),
    (host, number): (&Host, usize),
    bridges: &mut Vec<Cable>,
) -> String {
    // All six sleeves: a day that is long enough to die in.
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");
    let settings = std::fs::read_to_string(format!("{example}/settings.yaml")).unwrap();
    let (_, journal) = settings.split_once("journal:\n").expect("the journal's section");
    let ours: String = journal.split_inclusive('\n').take(2).collect();
    let mut across = |address: &str| {
        let bridge = Cable::from(host.gateway, address.parse().unwrap());
        let address = bridge.address;
        bridges.push(bridge);
        address
    };
    let url = database.place.to_string();
    let (user, rest) = url.split_once('@').unwrap();
    let (at, name) = rest.split_once('/').unwrap();
    let theirs = format!(
        "  database_url: {user}@{}/{name}\n  password_file: {}\n",
        across(at),
        server.password_file().display()
    );
    let config = format!("config-{number}");
    std::fs::create_dir(stage.path(&config)).unwrap();
    for file in std::fs::read_dir(example).unwrap().map(|file| file.unwrap()).filter(|file| file.path().is_file()) {
        let text = std::fs::read_to_string(file.path()).unwrap().replacen(&ours, &theirs, 1);
        std::fs::write(stage.path(&config).join(file.file_name()), text).unwrap();
    }
    let words: Vec<&str> = gateway.address.split_whitespace().collect();
    let (api, control) = (across(words[1]), across(words[3]));
    format!(
        "run --once --date {DATE} --config {config} --state-dir state-{number} --json --gateway {api} --control {control}"
    )
}

/// Waits until so many orders were placed.
fn trades(stage: &Stage, orders: usize, engine: &mut Child) {
    let placed = || {
        let record = std::fs::read_to_string(stage.path("record.jsonl")).unwrap_or_default();
        record.matches(r#""command":"place""#).count()
    };
    while placed() < orders {
        assert!(engine.try_wait().unwrap().is_none(), "the first engine is in the middle of its day");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_standby_on_another_host_takes_over_the_day_of_an_engine_that_was_killed() {
    let Some(mut theatre) = Theatre::open() else { return };
    theatre.first.kill().unwrap();
    theatre.taken_over(Instant::now());
}

#[test]
fn an_engine_that_is_cut_off_stops_by_itself_and_the_other_one_goes_on() {
    let Some(mut theatre) = Theatre::open() else { return };
    theatre.hosts[0].cable(false);
    let cut = Instant::now();
    // The gateway's host gives up connections that nobody answers.
    std::thread::sleep(GIVEN_UP_AFTER);
    theatre.bridges[..BRIDGES].iter().for_each(Cable::cut);
    let status = loop {
        if let Some(status) = theatre.first.try_wait().unwrap() {
            break status;
        }
        assert!(cut.elapsed() < ENDS_WITHIN, "an engine that reaches nothing ends");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!([3, 4].contains(&status.code().unwrap()), "journal or broker is gone: {status}");
    theatre.hosts[0].cable(true);
    theatre.taken_over(cut);
}

#[test]
fn an_engine_that_slept_finds_that_it_was_taken_over_and_writes_nothing() {
    let Some(mut theatre) = Theatre::open() else { return };
    theatre.signal("-STOP");
    let slept = Instant::now();
    // Longer than its lease: the standby has it now, and waits for the gateway to end the sleeper's session.
    std::thread::sleep(Duration::from_secs(22));
    assert!(theatre.standby.try_wait().unwrap().is_none(), "the standby waits for the broker");
    theatre.signal("-CONT");
    let mut err = String::new();
    let status = theatre.first.wait().unwrap();
    std::io::Read::read_to_string(theatre.first.stderr.as_mut().unwrap(), &mut err).unwrap();
    assert_eq!(status.code(), Some(4), "{err}");
    // It wakes to a lost lease; or, put to sleep in the middle of a record, to a server that has given that one up, or to
    // its own patience that ran out meanwhile.
    let stops_for = ["lease", "idle-in-transaction", "no answer within"];
    assert!(stops_for.iter().any(|told| err.contains(told)), "{err}");
    theatre.taken_over(slept);
}
