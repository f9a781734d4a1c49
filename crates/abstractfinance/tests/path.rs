//! The way from nothing to real money, and the engine that runs day after day.
//!
//! In: the built program, a simulated gateway that presents accounts. Out: configurations, refusals, traded days. Invariant:
//! no step is gone before the one before it; a refusal names everything that is missing.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads what they wrote")]

mod common;

use common::Stage;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const PAPER: &str = "DU7654321";

#[test]
fn a_configuration_of_ones_own_begins_as_the_built_in_one() {
    let stage = Stage::as_shipped();
    assert_snapshot!(stage.ok("init --config mine"), @r"
    mine holds a configuration of your own, in mode simulated. The way from here:

    1. Edit mine/settings.yaml, then  abstractfinance --config mine config check
       Before step 3, give the screen of `single_name` the folder of a catalogue with real fundamentals, or leave its
       share in cash: `single_name: {kind: not_configured, weight: 0.15}`
    2. Run the simulator                abstractfinance --config mine --state-dir simulated demo --days 5
    3. Go to a paper account            abstractfinance --config mine --state-dir simulated init --to paper --account DU...
    4. Run it for four weeks            abstractfinance --config mine --state-dir paper run
    5. Go to real money                 abstractfinance --config mine --state-dir paper init --to live --account U... --confirm U...

    Steps 3 and 5 look at what the step before came to, and say what is missing.
    ");
    assert_eq!(stage.files(), ["mine"]);
    assert!(stage.ok("config check --config mine").contains("mine/settings.yaml"));
    let same = |own: &str| stage.ok(&format!("config show --json {own}"));
    assert_eq!(same("--config mine"), same(""), "it means the same");
    assert_snapshot!(stage.refused("init --config mine"), @r"
    exit 2
    abstractfinance: mine is there already, and nothing is written over; name another folder with --config
    ");
}

#[test]
fn each_step_waits_for_the_one_before() {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "metrics: 127.0.0.1:8000", "metrics: null");
    let settings = || std::fs::read_to_string(stage.path("config/settings.yaml")).unwrap();
    let first = settings();
    stage.ok("demo --days 2 --config config --state-dir simulated");
    stage.ok("halt --reason drill --by ada --config config --state-dir simulated");
    assert_snapshot!(stage.refused(&format!("init --to paper --account {PAPER} --config config --state-dir simulated")), @r"
    exit 5
    abstractfinance: not yet:
      - 2 of 5 dates are finished in this state folder
      - instructions wait that no engine has answered
    ");
    stage.ok("resume --reason drill --by ada --config config --state-dir simulated");
    stage.ok("demo --days 5 --config config --state-dir simulated");
    let real = stage.refused("init --to paper --account U7654321 --config config --state-dir simulated");
    assert!(real.contains("has no paper account"), "{real}");
    assert_eq!(settings(), first, "a step that is refused changes nothing");
    assert_snapshot!(stage.ok(&format!("init --to paper --account {PAPER} --config config --state-dir simulated")), @r"
    config/settings.yaml is in mode paper now, and nothing else in it changed. An account has a state folder of its own:

      abstractfinance --config config --state-dir paper doctor
      abstractfinance --config config --state-dir paper run
    ");
    let changed: Vec<(String, String)> = first
        .lines()
        .zip(settings().lines())
        .filter(|(before, after)| before != after)
        .map(|(before, after)| (before.trim().to_owned(), after.trim().to_owned()))
        .collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed[0].1.starts_with("mode: paper") && changed[1].1.starts_with(&format!("account: {PAPER}")));

    // The engine runs the paper account day after day, and what it did counts for the next step.
    let gateway = stage.gateway(&format!("--account {PAPER}"));
    let told = stage.run(&format!("run --days 2 --config config --state-dir paper {}", gateway.address));
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.out.matches("══ Trading day 2026-03-0").count(), 2, "{}", told.out);
    let told = stage.run(&format!("run --days 1 --config config --state-dir paper {}", gateway.address));
    assert!(told.out.contains("══ Trading day 2026-03-04"), "it goes on where it was: {}{}", told.out, told.err);
    assert_snapshot!(stage.refused("init --to live --account U7654321 --config config --state-dir paper"), @r"
    exit 5
    abstractfinance: not yet:
      - 3 of 20 dates are finished in this state folder
      - for real money name the account twice: --account U7654321 --confirm U7654321
    ");
    let told = stage.run(&format!("run --days 17 --config config --state-dir paper {}", gateway.address));
    assert_eq!(told.code, 0, "{}", told.err);
    let live = "init --to live --account U7654321 --confirm U7654321 --config config --state-dir paper";
    assert_snapshot!(stage.ok(live), @r"
    config/settings.yaml is in mode live now, and nothing else in it changed. An account has a state folder of its own:

      abstractfinance --config config --state-dir live doctor
      abstractfinance --config config --state-dir live run
    ");
    assert!(settings().contains("\nmode: live") && settings().contains("account: U7654321, date: "), "{}", settings());

    // The account that is there is not the one the settings name: nothing is traded.
    let told = stage.run(&format!("run --once --date 2026-03-30 --config config --state-dir live {}", gateway.address));
    assert_snapshot!(format!("exit {}\n{}", told.code, told.err), @"
    exit 3
    abstractfinance: broker refused: the configured account is none of the 1 this login serves; modes paper and live trade `broker.account`, mode simulated the account of a gateway started without one (`broker` in settings.yaml names the gateway and the account)
    ");
}

#[test]
fn the_book_s_example_of_a_paper_account_runs() {
    let page = std::fs::read_to_string(common::repository().join("docs/configuration.md")).unwrap();
    let example = page.split("let the simulated gateway present one, and keep its time:").nth(1).unwrap();
    let lines: Vec<&str> = example.split("```").nth(1).unwrap().trim().lines().collect();
    let [make, edit, serve, run] = lines[..] else { panic!("four commands: {lines:?}") };
    let stage = Stage::as_shipped();
    std::os::unix::fs::symlink(common::repository().join("config"), stage.path("config")).unwrap();
    for line in [make, edit] {
        let done = Command::new("sh").args(["-c", line]).current_dir(stage.path("")).status().unwrap();
        assert!(done.success(), "{line}");
    }

    let serve = serve.split(" #").next().unwrap().trim();
    let gateway = stage.gateway(serve.strip_prefix("abstractfinance gateway ").unwrap());
    let run = run.strip_prefix("abstractfinance ").unwrap();
    let here = run.replace("--gateway 127.0.0.1:4000 --control 127.0.0.1:4001", &gateway.address);
    assert_ne!(here, run, "the example names the usual ports");
    let told = stage.run(&here);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("══ Trading day 2026-03-02"), "{}", told.out);
}

#[test]
fn a_watched_status_shows_the_day_and_waits() {
    let stage = Stage::new();
    stage.ok("demo --days 1 --state-dir state");
    let mut watching = stage.command("status --watch --state-dir state").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines().map_while(Result::ok);
    let first: Vec<String> = lines.by_ref().take(7).collect();
    assert_eq!(
        first.join("\n") + "\n",
        stage.ok("status --state-dir state"),
        "nothing is cleared where there is no terminal"
    );
    stage.ok("halt --reason drill --by ada --state-dir state");
    let waiting = lines.by_ref().find(|line| line.starts_with("Waiting"));
    assert_eq!(waiting.as_deref(), Some("Waiting   mode no looser than CANCEL_ONLY (by ada: drill)"));
    assert!(watching.try_wait().unwrap().is_none(), "it goes on until it is told to end");
    watching.kill().unwrap();
    watching.wait().unwrap();
}
