//! A market that breaks after the plan was made and before its orders go: what the watchdog does between windows.
//!
//! In: shocks of the simulated market at an instant. Out: alerts, the orders the gateway was given, the mode kept.
//! Invariant: the watchdog only tightens; what it took back does not reach the gateway; books tie out all the same.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use console::DayReport;
use gateway::{Entry, read_record};
use insta::assert_snapshot;
use jiff::Timestamp;
use sim::Command;

/// After the plan of the second day, before the windows of London and New York open.
const AT_NOON: &str = "2026-03-03T12:00:00Z";
/// After its last order, while London is still open.
const IN_THE_AFTERNOON: &str = "2026-03-03T15:30:00Z";

struct Run {
    stage: Stage,
    days: Vec<DayReport>,
    code: i32,
}

fn shocked(days: u32, at: &str, equity: &str, volatility: &str) -> Run {
    shocked_by(Stage::new(), "", days, at, [equity, volatility])
}

fn shocked_by(stage: Stage, options: &str, days: u32, at: &str, [equity, volatility]: [&str; 2]) -> Run {
    let fault = format!(
        r#"{{"at": "{at}", "inject": {{"market_shock": {{"equity": "{equity}", "volatility": "{volatility}"}}}}}}"#
    );
    std::fs::write(stage.path("faults.jsonl"), fault).unwrap();
    let told = stage.run(&format!("demo {options} --days {days} --faults faults.jsonl --state-dir state --json"));
    assert!(!told.out.is_empty(), "{}", told.err);
    let days = common::reports(&told.out);
    Run { stage, days, code: told.code }
}

impl Run {
    /// Orders the gateway was given on the second day, with their sides.
    fn ordered(&self) -> Vec<String> {
        let (from, to): (Timestamp, Timestamp) =
            ("2026-03-03T05:00:00Z".parse().unwrap(), "2026-03-04T05:00:00Z".parse().unwrap());
        let (mut names, mut ordered) = (Vec::new(), Vec::new());
        for entry in read_record(&self.stage.path("state/gateway.jsonl")).unwrap() {
            match entry {
                Entry::Opened { identity, .. } => names = identity.contracts,
                Entry::Command { at, command: Command::Place { order, .. }, .. } if from <= at && at < to => {
                    ordered.push(format!("{} {}", order.side, names[order.contract.index()]));
                }
                _ => {}
            }
        }
        ordered.dedup();
        ordered
    }

    fn held(&self, day: usize, name: &str) -> i64 {
        let row = self.days[day].positions.iter().find(|row| row.instrument == name);
        row.map_or(0, |row| row.ours.parse().unwrap())
    }
}

#[test]
fn a_quiet_day_has_no_alerts() {
    let run = shocked(2, AT_NOON, "0", "0");
    assert_eq!((run.code, &run.days[1].alerts), (0, &Vec::<String>::new()));
    assert!(run.ordered().contains(&"BUY CSPX".to_owned()), "the second day still builds up: {:?}", run.ordered());
}

#[test]
fn a_crisis_before_the_window_takes_the_increases_back_and_reduces_instead() {
    let run = shocked(3, AT_NOON, "-0.01", "2.0");
    assert_snapshot!(run.days[1].alerts.join("\n"), @"watchdog: CRISIS begins at once (VIX 52.18, drawdown 0.23 %): every increase of the day is taken back");
    let ordered = run.ordered();
    assert!(ordered.contains(&"SELL CSPX".to_owned()) && ordered.contains(&"BUY CS51".to_owned()), "{ordered:?}");
    assert!(!ordered.contains(&"BUY CSPX".to_owned()) && !ordered.contains(&"SELL CS51".to_owned()), "{ordered:?}");
    assert!(run.held(1, "CSPX") < run.held(0, "CSPX") && run.held(1, "CS51") > run.held(0, "CS51"));
    assert_eq!(run.days[2].regime, "CRISIS", "it does not end with the day");
    run.days.iter().for_each(assert_tied_out);
}

#[test]
fn a_crisis_after_the_last_order_reduces_on_the_same_day() {
    let (calm, run) = (shocked(2, AT_NOON, "0", "0"), shocked(3, IN_THE_AFTERNOON, "-0.01", "2.0"));
    let (bought, ordered) = (calm.ordered(), run.ordered());
    assert_eq!(ordered[..bought.len()], bought, "the day's orders were done before it");
    assert!(run.days[1].alerts.iter().any(|alert| alert.contains("CRISIS begins at once")), "{:?}", run.days[1].alerts);
    let reduced = &ordered[bought.len()..];
    assert!(["SELL CSPX", "BUY CS51"].iter().all(|order| reduced.iter().any(|sent| sent == order)), "{reduced:?}");
    assert!(run.held(1, "CSPX") < calm.held(1, "CSPX") && run.held(1, "CS51") > calm.held(1, "CS51"));
    assert!(!reduced.iter().any(|order| order.starts_with("SELL SPY_OPT")), "what protects stays: {reduced:?}");
    assert_eq!(run.days[2].regime, "CRISIS");
    run.days.iter().for_each(assert_tied_out);
}

#[test]
fn a_loss_of_the_day_tightens_before_the_window() {
    let stage = Stage::new();
    let lines = "  day_loss_alert: 0.02                # a day that loses this share of unit value is reported;\n  \
                 day_loss_reduce_only: 0.03 ";
    stage.config("conf", "settings.yaml", lines, "  day_loss_alert: 0.004\n  day_loss_reduce_only: 0.005 ");
    // The short leg answers world equity more than the long one.
    let run = shocked_by(stage, "--config conf", 3, AT_NOON, ["0.12", "0"]);
    let alerts = run.days[1].alerts.join("\n");
    assert!(alerts.contains("watchdog: since the plan of this morning, one day lost"), "{alerts}");
    assert!(alerts.contains("mode REDUCE_ONLY until a person resumes"), "{alerts}");
    assert_eq!((run.days[1].mode.as_str(), run.days[2].mode.as_str()), ("REDUCE_ONLY", "REDUCE_ONLY"));
    assert!(!run.ordered().contains(&"BUY CSPX".to_owned()), "{:?}", run.ordered());
    run.days.iter().for_each(assert_tied_out);
}
