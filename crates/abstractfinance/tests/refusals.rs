//! Stories of what goes wrong outside: one message each, with place and remedy, and nothing half-done.
//!
//! In: damaged files, busy ports, silent peers, slips of the keyboard. Out: an exit code that `--help`
//! explains and a sentence that says what to do. Invariant: a refusal changes no state.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use insta::assert_snapshot;
use std::fs;
use std::net::TcpListener;

#[test]
fn the_help_explains_the_exit_codes() {
    let help = Stage::new().ok("--help");
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    assert_snapshot!(codes, @r"
    0  done
    2  the command line, a setting or a file of yours is wrong
    3  the gateway or a price source cannot be reached, refuses, or answers nonsense
    4  the journal is in use, damaged, or cannot be written
    5  stopped by the engine's own rules; the report says why
    ");
}

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
    assert_snapshot!(misconfigured("settings.yaml", "vol_target_annual: 0.12 ", "vol_target_anual: 0.12 "), @r"
    exit 2
    abstractfinance: conf/settings.yaml:8:1: `vol_target_anual` is not a key here
     8 | vol_target_anual: 0.12               # yearly volatility the book is scaled to
       | ^^^^^^^^^^^^^^^^
    did you mean `vol_target_annual`?
    ");
}

#[test]
fn a_key_that_is_written_twice() {
    assert_snapshot!(misconfigured("settings.yaml", "net_leverage_max: 1.0", "gross_leverage_max: 1.0"), @r"
    exit 2
    abstractfinance: conf/settings.yaml:10:1: `gross_leverage_max` is written twice
     10 | gross_leverage_max: 1.0                 # long minus short notional, in multiples of NAV
        | ^^^^^^^^^^^^^^^^^^
    the first one is on line 9; remove one of them
    ");
}

#[test]
fn a_mode_that_is_not_the_one_meant() {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", "net_leverage_max: 1.0", "net_leverage_max: 0.9");
    assert_snapshot!(stage.refused("demo --mode paper --config conf --state-dir state"), @r"
    exit 2
    abstractfinance: --mode paper was asked for, and the settings (conf/settings.yaml) say `mode: simulated`: nothing was done; name the folder that was meant with --config
    ");
    assert_eq!(stage.files(), ["conf"], "nothing was started");
    stage.ok("config check --mode simulated --config conf");
}

#[test]
fn a_standby_that_could_never_take_over() {
    let stage = Stage::new();
    let said = stage.refused("run --standby --control 127.0.0.1:1 --state-dir state");
    assert!(said.contains("set `journal.database_url` in settings.yaml"), "{said}");
    assert_eq!(stage.files(), [""; 0], "it did not wait for a gateway first");
}

#[test]
fn dates_among_which_no_day_is_finished() {
    let stage = Stage::new();
    stage.ok("demo --state-dir state");
    let said = stage.refused("nav --from 2026-03-09 --to 2026-03-05 --state-dir state");
    assert_snapshot!(said, @r"
    exit 2
    abstractfinance: no day is finished in the span 2026-03-09 to 2026-03-05; finished are 2026-03-02 to 2026-03-02: choose --from and --to among them
    ");
    for other in ["sleeves", "sleeves --csv", "nav --json", "costs"] {
        let again = stage.refused(&format!("{other} --from 2026-03-09 --to 2026-03-05 --state-dir state"));
        assert_eq!(again, said, "{other}");
    }
}

#[test]
fn weights_that_do_not_add_up() {
    assert_snapshot!(misconfigured("settings.yaml", "weight: 0.35", "weight: 0.36"), @r"
    exit 2
    abstractfinance: conf/settings.yaml:17:3: `sleeves` has sleeve weights that add up to 1.01, not 1
     17 |   core_index_rv:                      # long the US, short the euro area
        |   ^
    0.01 is too much; change one of the weights
    ");
}

#[test]
fn a_number_that_is_none() {
    assert_snapshot!(misconfigured("settings.yaml", "vol_target_annual: 0.12", "vol_target_annual: .nan"), @r"
    exit 2
    abstractfinance: conf/settings.yaml:8:20: `vol_target_annual` is .nan, but the engine computes with finite numbers only
     8 | vol_target_annual: .nan               # yearly volatility the book is scaled to
       |                    ^^^^
    write the number itself
    ");
}

#[test]
fn an_instrument_nobody_knows() {
    assert_snapshot!(misconfigured("settings.yaml", "long: CSPX", "long: CSPY"), @r"
    exit 2
    abstractfinance: conf/settings.yaml:20:11: `sleeves.core_index_rv.long` is CSPY, which is not in instruments.yaml
     20 |     long: CSPY
        |           ^^^^
    did you mean `CSPX`? Otherwise add a row there
    ");
}

#[test]
fn a_configuration_that_is_not_there() {
    let stage = Stage::new();
    let said = "exit 2\nabstractfinance: cannot read conf/settings.yaml: No such file or directory (os error 2). \
                A configuration directory holds settings.yaml, and instruments.yaml if the table differs from the one \
                built in; without one the built-in configuration is used.";
    assert_eq!(stage.refused("demo --config conf --state-dir state"), said);
    fs::create_dir(stage.path("conf")).unwrap();
    assert_eq!(stage.refused("demo --config conf --state-dir state"), said);
    assert_eq!(stage.files(), ["conf"]);
}

#[test]
fn dates_and_scenarios_that_cannot_be_run() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("demo --scenario boom"), @r"
    exit 2
    error: invalid value 'boom' for '--scenario <SCENARIO>': unknown scenario `boom`; known are calm, decline, crash, spike

    For more information, try '--help'.
    ");
    assert_snapshot!(stage.refused("demo --from 2030-01-07"), @r"
    exit 2
    abstractfinance: 2030-01-07 is outside the calendars, which cover 2004-01-01 to 2027-12-31; choose a date inside
    ");
    assert_snapshot!(stage.refused("backtest --to 2028-03-01"), @r"
    exit 2
    abstractfinance: --to 2028-03-01 lies past 2027-12-31, where the calendars end; end the study there, or earlier
    ");
    assert_snapshot!(stage.refused("backtest --resume-after 0"), @r"
    exit 2
    error: invalid value '0' for '--resume-after <DATES>': a person answers after at least 1 trade date; leave the option out, and nobody does

    For more information, try '--help'.
    ");
    assert_snapshot!(stage.refused("demo --from 2027-12-20 --days 40"), @r"
    exit 2
    abstractfinance: 40 trading days from 2027-12-20 run past 2027-12-31, where the calendars end; 10 fit: ask for no more, or start earlier
    ");
    assert_snapshot!(stage.refused("run --once --date 2026-03-01"), @r"
    exit 2
    abstractfinance: 2026-03-01 is no trade date: no configured venue has a session; `abstractfinance calendar` lists sessions
    ");
    assert_snapshot!(stage.refused("calendar XLON --from 2026-03-06 --to 2026-03-02"), @r"
    exit 2
    abstractfinance: --from 2026-03-06 is after --to 2026-03-02; exchange them
    ");
    assert_eq!(stage.files(), [""; 0]);
}

#[test]
fn a_catalogue_that_is_none() {
    let stage = Stage::as_shipped();
    let line = "demo --catalogue prices --from 2015-08-17 --state-dir state";
    assert_snapshot!(stage.refused(line), @r"
    exit 2
    abstractfinance: no catalogue at prices: catalogue.json cannot be read (No such file or directory (os error 2)); make one with `abstractfinance data import`
    ");
    fs::create_dir(stage.path("prices")).unwrap();
    fs::write(stage.path("prices/catalogue.json"), "{}").unwrap();
    assert_snapshot!(stage.refused(line), @r"
    exit 2
    abstractfinance: prices/catalogue.json is damaged (missing field `format` at line 1 column 2); import the catalogue again, into another directory
    ");
    assert_snapshot!(stage.refused("demo --catalogue prices"), @r"
    exit 2
    error: the following required arguments were not provided:
      --from <DATE>

    Usage: abstractfinance demo --from <DATE> --catalogue <DIR>

    For more information, try '--help'.
    ");
    assert_eq!(stage.files(), ["prices"]);
}

#[test]
fn a_map_or_source_that_is_not_there() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("data import --map map.yaml nowhere --out prices"), @r"
    exit 2
    abstractfinance: cannot read the map map.yaml: No such file or directory (os error 2); without --map the built-in one is used
    ");
    assert_snapshot!(stage.refused("data import nowhere --out prices"), @r"
    exit 2
    abstractfinance: cannot read nowhere/daily/etf_ucits_adj_ohlcv_2010_2018.csv: No such file or directory (os error 2); check the source directory, or take the file out of the map
    ");
    assert_eq!(stage.files(), [""; 0], "an import is complete or leaves nothing");
}

#[test]
fn a_history_of_something_else_and_a_study_that_outlasts_its_history() {
    let stage = Stage::new();
    let map = "segments: {\"2015\": {from: 2015-08-03, to: 2015-08-28}}\nseries:\n  CSPX: {stands_for: the fund, \
               files: {\"2015\": fund.csv}, columns: {close: close}, unit: USD, adjustment: none, stamp: close}\n";
    fs::write(stage.path("map.yaml"), map.replace("USD", "EUR")).unwrap();
    fs::write(stage.path("fund.csv"), "date,close\n2015-08-24,175.03\n").unwrap();
    assert_snapshot!(stage.refused("data import --map map.yaml . --out prices"), @r"
    exit 2
    abstractfinance: map.yaml: series `CSPX` counts EUR, and prices of `CSPX` count USD; correct `unit`, or add `convert`
    ");
    fs::write(stage.path("map.yaml"), map).unwrap();
    stage.ok("data import --map map.yaml . --out prices");
    assert_snapshot!(stage.refused("data import --map map.yaml . --out prices"), @r"
    exit 2
    abstractfinance: prices holds a catalogue already, and an import would put a new one in the place of all of it; name another directory, or replace it with --replace
    ");
    stage.ok("data import --map map.yaml . --out prices --replace");
    assert_snapshot!(stage.refused("backtest --catalogue prices --from 2015-08-24 --to 2015-09-04"), @r"
    exit 2
    abstractfinance: the history that covers --from 2015-08-24 ends on 2015-08-28, before --to 2015-09-04; end the study there, and begin another one where the next history does
    ");
}

#[test]
fn a_gateway_that_cannot_listen() {
    let stage = Stage::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = |line: &str| stage.refused(line).replace(&port, "[port]");
    assert_snapshot!(said(&format!("gateway --listen 127.0.0.1:{port} --control 127.0.0.1:0 --record record.jsonl")), @r"
    exit 3
    abstractfinance: cannot listen on 127.0.0.1:[port]: Address already in use (os error 98); stop what listens there or choose another port
    ");
    assert_snapshot!(said("gateway --listen 0.0.0.0:4000 --record record.jsonl"), @r"
    exit 2
    abstractfinance: 0.0.0.0:4000 is not a loopback address; the simulated gateway has no login, listen on 127.0.0.1
    ");
    assert_snapshot!(said("gateway --listen 127.0.0.1:0 --control 0.0.0.0:4001"), @r"
    exit 2
    abstractfinance: 0.0.0.0:4001 is not a loopback address; the simulated gateway has no login, listen on 127.0.0.1
    ");
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
    let closed_port = "1";
    let said = |gateway_port: &str, control: &str| {
        let addresses = format!("--gateway 127.0.0.1:{gateway_port} --control {control}");
        let line = format!("run --once --date 2026-03-02 --config conf --state-dir state {addresses}");
        stage.refused(&line).replace(&silent_port, "[silent]")
    };
    assert_snapshot!(said(closed_port, &format!("127.0.0.1:{closed_port}")), @r"
    exit 3
    abstractfinance: no control of a simulated gateway at 127.0.0.1:1: Connection refused (os error 111); start `abstractfinance gateway`, or name its address with --control
    ");
    assert_snapshot!(said(closed_port, &format!("127.0.0.1:{silent_port}")), @r"
    exit 3
    abstractfinance: no control of a simulated gateway at 127.0.0.1:[silent]: timed out; start `abstractfinance gateway`, or name its address with --control
    ");
    assert_snapshot!(said(closed_port, control), @r"
    exit 3
    abstractfinance: broker lost: gateway at 127.0.0.1:1: Connection refused (os error 111); is the gateway up and this host among its trusted ones? (start `abstractfinance gateway`, or name its address with --gateway)
    ");
    assert_snapshot!(said(&silent_port, control), @r"
    exit 3
    abstractfinance: broker lost: gateway at 127.0.0.1:[silent]: no handshake within 1.0s (start `abstractfinance gateway`, or name its address with --gateway)
    ");

    assert_eq!(fs::read(stage.path("record.jsonl")).unwrap(), record, "no time passed and nothing was ordered");
    let empty = stage.ok("journal verify --state-dir state");
    assert_eq!(empty, "nothing is recorded yet, so there is no chain to walk\n");
}

#[test]
fn a_journal_that_is_not_as_it_was_written() {
    let stage = Stage::new();
    stage.ok("demo --state-dir state");
    let (journal, record) = (stage.path("state/journal.db"), stage.path("state/gateway.jsonl"));
    let orders = || fs::read_to_string(&record).unwrap().matches(r#""command":"place""#).count();
    let (good, sent) = (fs::read(&journal).unwrap(), orders());
    assert!(sent > 0);
    let refused = |bytes: &[u8]| {
        fs::write(&journal, bytes).unwrap();
        let said = stage.refused("demo --days 2 --state-dir state");
        assert_eq!(said, stage.refused("journal verify --state-dir state"));
        assert!(fs::read(&journal).unwrap() == bytes, "kept as it is, for inquiry");
        assert_eq!(orders(), sent, "and nothing was sent");
        said
    };

    let mut changed = good.clone();
    // SQLite leaves copies of moved rows in space it no longer reads; the row is one of these places.
    let wanted = b"\"nav\":10000000.0";
    let places: Vec<usize> = (0..good.len() - wanted.len()).filter(|&at| good[at..].starts_with(wanted)).collect();
    assert!(!places.is_empty(), "the plan is in the journal");
    places.iter().for_each(|place| changed[place + 6] = b'9');
    let said = refused(&changed);
    let (before, hashes) = said.split_once("(hash: ").unwrap();
    let (_, after) = hashes.split_once(")").unwrap();
    assert_snapshot!(format!("{before}[hashes]{after}"), @r"
    exit 4
    abstractfinance: the journal [dir]/state/journal.db is damaged: event 5 of account f4f616 was changed after it was written [hashes]. Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading
    ");

    assert_snapshot!(refused(&good[..good.len() / 3]), @r"
    exit 4
    abstractfinance: the journal [dir]/state/journal.db is damaged: SQLite finds it broken: database disk image is malformed. Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading
    ");
    assert_snapshot!(refused(b"Dear diary, today I bought 3419 shares of CSPX."), @r"
    exit 4
    abstractfinance: the journal [dir]/state/journal.db is damaged: it is not an SQLite file. Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading
    ");
    assert_snapshot!(refused(b""), @r"
    exit 4
    abstractfinance: the journal [dir]/state/journal.db is damaged: the file is empty, and a journal never is. Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading
    ");

    fs::write(&journal, &good).unwrap();
    assert!(stage.days("demo --state-dir state")[0].already_done, "the good copy is as good as ever");
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
    assert_snapshot!(said, @r"
    exit 4
    abstractfinance: state/engine.lock is locked by process [id]: one engine per state folder. Stop that process, or choose another folder with --state-dir
    ");

    assert_snapshot!(stage.refused("journal verify --state-dir other"), @r"
    exit 4
    abstractfinance: there is no journal at other/journal.db: nothing ran with this state folder yet, or --state-dir names another
    ");
    assert!(!stage.path("other").exists());
    fs::write(stage.path("file"), "").unwrap();
    assert_snapshot!(stage.refused("demo --state-dir file"), @r"
    exit 2
    abstractfinance: cannot create the state folder file: File exists (os error 17); name another with --state-dir
    ");
}

#[test]
fn an_account_that_is_not_the_one_of_the_books() {
    let stage = Stage::new();
    stage.ok("demo --state-dir state");
    assert_snapshot!(stage.refused("demo --seed 2 --state-dir state"), @r"
    exit 2
    abstractfinance: the account in state belongs to a run of seed 1, calm of seed 1 from 2026-03-02, starting 2026-03-02T00:00:00Z, account DU1000001 with 10,000,000.00 USD, 273 contracts, but a run of seed 2, calm of seed 2 from 2026-03-02, starting 2026-03-02T00:00:00Z, account DU1000001 with 10,000,000.00 USD, 273 contracts was asked for; repeat its --seed, --scenario, --catalogue and --from, or take another --state-dir
    ");

    fs::remove_file(stage.path("state/gateway.jsonl")).unwrap();
    let told = stage.run("demo --days 2 --state-dir state");
    assert_snapshot!(format!("exit {}\n{}", told.code, told.err.trim_end()), @"
    exit 5
    abstractfinance: 2026-03-03 ended in mode CANCEL_ONLY at step 14, record: NAV − NLV = -15.1615 bp, 5 breaks: quantity:CS51 (phantom position), quantity:CSPX (phantom position), cash:USD (unknown) and 2 more. No order is sent from here on; compare both sides in the report
    ");
    let record = fs::read_to_string(stage.path("state/gateway.jsonl")).unwrap();
    assert!(!record.contains(r#""command":"place""#), "nothing was sent to an account that is not ours");
}

#[test]
fn a_reader_that_has_seen_enough() {
    let mut child = Stage::new().command("demo").spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success(), "`demo | head -1` is no failure");
}

#[test]
fn a_reason_that_says_nothing_is_none() {
    let stage = Stage::new();
    let blank = |line: &str, option: &str, reason: &str| {
        let told = stage.command(line).args([option, reason]).output().unwrap();
        assert_eq!(told.status.code(), Some(2), "{line} {option} '{reason}'");
        String::from_utf8(told.stderr).unwrap().lines().next().unwrap().to_owned()
    };
    let told = blank("resume --state-dir state", "--reason", "");
    assert!(told.ends_with("a reason says why; the journal keeps it for those who ask later"), "{told}");
    for (line, option) in [
        ("flatten --state-dir state", "--reason"),
        ("close-out --confirm CSPX --state-dir state", "--reason"),
        ("reconcile adopt cash:USD --state-dir state", "--reason"),
        ("approve 3f0c2a91 --state-dir state", "--reject"),
        ("demo --state-dir state", "--adopt-positions"),
        ("run --state-dir state", "--accept-loosened"),
    ] {
        assert!(blank(line, option, "  ").contains("a reason says why"), "{line} {option}");
    }
    assert!(stage.files().is_empty());
}

#[test]
fn a_level_of_the_log_that_is_none_is_told() {
    let stage = Stage::new();
    let line = "calendar XLON --from 2026-12-24 --to 2026-12-24 --json";
    let told = stage.command(line).env("AF_LOG", "inof").output().unwrap();
    assert_snapshot!(String::from_utf8(told.stderr).unwrap(), @"abstractfinance: AF_LOG: `inof` is no level, and errors alone are logged; write error, warn, info, debug, trace or off");
    let printed: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(printed["sessions"][0]["early_close"], true, "{printed}");
    assert_eq!(stage.command(line).env("AF_LOG", "").output().unwrap().stderr, b"");
}

#[test]
fn a_catalogue_of_fundamentals_that_is_not_there_is_no_good_configuration() {
    let stage = Stage::as_shipped();
    stage.ok("init --config mine");
    let path = stage.path("mine/settings.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("fundamentals: simulated", "fundamentals: nowhere", 1)).unwrap();
    let told = stage.refused("config check --config mine");
    assert!(told.starts_with("exit 2\nabstractfinance: sleeves.single_name.fundamentals: "), "{told}");
}
