//! Stories of what goes wrong outside: one message each, with place and remedy, and nothing half-done.
//!
//! In: damaged files, busy ports, silent peers, slips of the keyboard. Out: an exit code that `--help`
//! explains and a sentence that says what to do. Invariant: a refusal changes no state.

mod common;

use common::Stage;
use insta::assert_snapshot;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;

/// What `demo` says with one text of the configuration replaced by another.
fn misconfigured(file: &str, from: &str, to: &str) -> String {
    let stage = Stage::new();
    stage.config("conf", file, from, to);
    let said = stage.refused("demo --config conf --state-dir state");
    assert_eq!(said, stage.refused("config check --config conf"), "both read the same");
    assert_eq!(stage.files(), ["conf"], "nothing was started");
    said
}

#[test]
fn a_key_that_is_none() {
    assert_snapshot!(misconfigured("settings.yaml", "vol_target_annual: 0.12 ", "vol_target_anual: 0.12 "), @"");
}

#[test]
fn a_key_that_is_written_twice() {
    assert_snapshot!(misconfigured("settings.yaml", "net_leverage_max: 1.0", "gross_leverage_max: 1.0"), @"");
}

#[test]
fn weights_that_do_not_add_up() {
    assert_snapshot!(misconfigured("settings.yaml", "weight: 0.35", "weight: 0.36"), @"");
}

#[test]
fn a_number_that_is_none() {
    assert_snapshot!(misconfigured("settings.yaml", "vol_target_annual: 0.12", "vol_target_annual: .nan"), @"");
}

#[test]
fn an_instrument_nobody_knows() {
    assert_snapshot!(misconfigured("settings.yaml", "long: CSPX", "long: CSPY"), @"");
}

#[test]
fn a_configuration_that_is_not_there() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("demo --config conf --state-dir state"), @"");
    fs::create_dir(stage.path("conf")).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/instruments.yaml"), stage.path("conf/instruments.yaml"))
        .unwrap();
    assert_snapshot!(stage.refused("demo --config conf --state-dir state"), @"");
    assert_eq!(stage.files(), ["conf"]);
}

#[test]
fn dates_and_scenarios_that_cannot_be_run() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("demo --scenario boom"), @"");
    assert_snapshot!(stage.refused("demo --from 2030-01-07"), @"");
    assert_snapshot!(stage.refused("demo --from 2027-12-20 --days 40"), @"");
    assert_snapshot!(stage.refused("run --once --date 2026-03-01"), @"");
    assert_snapshot!(stage.refused("calendar XLON --from 2026-03-06 --to 2026-03-02"), @"");
    assert_eq!(stage.files(), [""; 0]);
}

#[test]
fn a_catalogue_that_is_none() {
    let stage = Stage::new();
    let line = "demo --catalogue prices --from 2015-08-17 --state-dir state";
    assert_snapshot!(stage.refused(line), @"");
    fs::create_dir(stage.path("prices")).unwrap();
    fs::write(stage.path("prices/catalogue.json"), "[1, 2]").unwrap();
    assert_snapshot!(stage.refused(line), @"");
    assert_snapshot!(stage.refused("demo --catalogue prices"), @"");
    assert_eq!(stage.files(), ["prices"]);
}

#[test]
fn a_map_or_source_that_is_not_there() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("data import --map map.yaml nowhere --out prices"), @"");
    assert_snapshot!(stage.refused("data import nowhere --out prices"), @"");
    assert_eq!(stage.files(), [""; 0], "an import is complete or leaves nothing");
}

#[test]
fn a_gateway_that_cannot_listen() {
    let stage = Stage::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = |line: &str| stage.refused(line).replace(&port, "[port]");
    assert_snapshot!(said(&format!("gateway --listen 127.0.0.1:{port} --control 127.0.0.1:0 --record record.jsonl")), @"");
    assert_snapshot!(said("gateway --listen 0.0.0.0:4000 --record record.jsonl"), @"");
    assert_snapshot!(said("gateway --listen 127.0.0.1:0 --control 0.0.0.0:4001"), @"");
    assert_eq!(stage.files(), [""; 0]);
}

#[test]
fn a_gateway_that_is_not_there_or_does_not_answer() {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", "ready_timeout: 10m", "ready_timeout: 1s");
    let gateway = stage.gateway("--record record.jsonl");
    let record = fs::read(stage.path("record.jsonl")).unwrap();
    let (_, control) = gateway.address.split_once(" --control ").unwrap();

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port().to_string();
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let said = |gateway_port: &str, control: &str| {
        let addresses = format!("--gateway 127.0.0.1:{gateway_port} --control {control}");
        let line = format!("run --once --date 2026-03-02 --config conf --state-dir state {addresses}");
        stage.refused(&line).replace(&silent_port, "[silent]").replace(&closed_port, "[closed]")
    };
    assert_snapshot!(said(&closed_port, &format!("127.0.0.1:{closed_port}")), @"");
    assert_snapshot!(said(&closed_port, &format!("127.0.0.1:{silent_port}")), @"");
    assert_snapshot!(said(&closed_port, control), @"");
    assert_snapshot!(said(&silent_port, control), @"");

    assert_eq!(fs::read(stage.path("record.jsonl")).unwrap(), record, "no time passed and nothing was ordered");
    assert_eq!(stage.ok("journal verify --state-dir state"), "", "the journal is empty");
}

#[test]
fn a_journal_that_is_not_as_it_was_written() {
    let stage = Stage::new();
    stage.ok("demo --state-dir state");
    let (journal, record) = (stage.path("state/journal.db"), stage.path("state/gateway.jsonl"));
    let (good, told) = (fs::read(&journal).unwrap(), fs::read(&record).unwrap());
    let refused = |bytes: &[u8]| {
        fs::write(&journal, bytes).unwrap();
        let said = stage.refused("demo --days 2 --state-dir state");
        assert_eq!(said, stage.refused("journal verify --state-dir state"));
        assert!(fs::read(&journal).unwrap() == bytes, "kept as it is, for inquiry");
        assert!(fs::read(&record).unwrap() == told, "and nothing was sent");
        said
    };

    let mut changed = good.clone();
    let digit = find(&changed, b"\"nav\":10000000.0") + 6;
    changed[digit] = b'9';
    let said = refused(&changed);
    let (before, hashes) = said.split_once("(hash: ").unwrap();
    let (_, after) = hashes.split_once(")").unwrap();
    assert_snapshot!(format!("{before}[hashes]{after}"), @"");

    assert_snapshot!(refused(&good[..good.len() / 3]), @"");
    assert_snapshot!(refused(b"Dear diary, today I bought 3419 shares of CSPX."), @"");
    assert_snapshot!(refused(b""), @"");

    fs::write(&journal, &good).unwrap();
    assert!(stage.days("demo --state-dir state")[0].already_done, "the good copy is as good as ever");
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("the plan in the journal")
}

#[test]
fn a_state_folder_another_engine_works_in() {
    let stage = Stage::new();
    let mut first = stage.command("demo --days 400 --state-dir state").spawn().unwrap();
    while !stage.path("state/gateway.jsonl").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first engine runs");
    }
    let owner = format!("process {}", first.id());
    let said = stage.refused("demo --state-dir state").replace(&owner, "process [id]");
    assert!(first.try_wait().unwrap().is_none(), "the first engine goes on");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_snapshot!(said, @"");

    fs::write(stage.path("file"), "").unwrap();
    assert_snapshot!(stage.refused("demo --state-dir file"), @"");
}

#[test]
fn an_account_that_is_not_the_one_of_the_books() {
    let stage = Stage::new();
    stage.ok("demo --state-dir state");
    assert_snapshot!(stage.refused("demo --seed 2 --state-dir state"), @"");

    fs::remove_file(stage.path("state/gateway.jsonl")).unwrap();
    let told = stage.run("demo --days 2 --state-dir state");
    assert_snapshot!(format!("exit {}\n{}", told.code, told.err), @"");
    let record = fs::read_to_string(stage.path("state/gateway.jsonl")).unwrap();
    assert!(!record.contains(r#""command":"place""#), "nothing was sent to an account that is not ours");
}

#[test]
fn a_reader_that_has_seen_enough() {
    let stage = Stage::new();
    let mut child = stage.command("demo --days 2 --pages").spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    assert!(child.wait().unwrap().success(), "`demo | head -1` is no failure");
}
