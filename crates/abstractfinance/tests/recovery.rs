//! Stories of death and return: `kill -9` at any moment, then the same command again.
//!
//! In: runs that are killed once they have said enough to the broker. Out: finished days. Invariant: the
//! plan that was made is the plan that is finished; nothing is doubled, nothing is lost.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use common::{Cable, Stage, assert_tied_out, reports};
use console::DayReport;
use rust_decimal::dec;

/// Kills of one story; each comes some lines of the gateway's record later than the last.
const KILLS: u64 = 10;
/// About two lines of that record.
const STEP_BYTES: u64 = 450;

#[test]
fn an_engine_that_dies_ten_times_finishes_what_an_undisturbed_one_does() {
    let stage = Stage::new();
    let line = "demo --days 12 --scenario crash --state-dir state";
    let killed = (0..KILLS).filter(|&kill| stage.killed_once_grown(line, "state/gateway.jsonl", kill * STEP_BYTES));
    assert_eq!(killed.count() as u64, KILLS, "each start died before it was done");

    let days = stage.days(line);
    assert!(days.iter().any(|day| day.resumed), "some day was cut off between its plan and its end");
    assert_finished_alike(&days, &Stage::new().days("demo --days 12 --scenario crash"));
    oracle::judge(&stage.path("state/gateway.jsonl"), &stage.path("state/journal.db"), &days);
}

#[test]
fn an_engine_that_dies_leaves_a_gateway_of_its_own_none_the_wiser() {
    let stage = Stage::new();
    let gateway = stage.gateway("--scenario crash --record record.jsonl");
    let mut days: Vec<DayReport> = Vec::new();
    for date in ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"] {
        let line = format!("run --once --date {date} --state-dir state {}", gateway.address);
        for kill in 1..=3 {
            stage.killed_once_grown(&line, "record.jsonl", kill * STEP_BYTES);
        }
        days.extend(stage.days(&line));
    }
    assert!(days.iter().any(|day| day.resumed));
    assert_finished_alike(&days, &Stage::new().days("demo --days 4 --scenario crash"));
    oracle::judge(&stage.path("record.jsonl"), &stage.path("state/journal.db"), &days);
}

#[test]
fn a_gateway_that_dies_comes_back_with_its_account() {
    let stage = Stage::new();
    let run = |address: &str| format!("run --once --date 2026-03-02 --state-dir state --json {address}");
    let gateway = stage.gateway("--record record.jsonl");
    let mut engine = stage.command(&run(&gateway.address)).spawn().unwrap();
    while std::fs::metadata(stage.path("record.jsonl")).unwrap().len() < 8 * STEP_BYTES {
        assert!(engine.try_wait().unwrap().is_none(), "the day is longer than that");
    }
    drop(gateway);
    assert_eq!(engine.wait().unwrap().code(), Some(3), "an engine without a broker ends and says so");

    let gateway = stage.gateway("--record record.jsonl");
    let days = reports(&stage.ok(&run(&gateway.address)));
    assert_finished_alike(&days, &Stage::new().days("demo"));
    oracle::judge(&stage.path("record.jsonl"), &stage.path("state/journal.db"), &days);
}

#[test]
fn a_connection_that_breaks_is_made_again_and_the_day_is_finished() {
    let stage = Stage::new();
    let gateway = stage.gateway("--record record.jsonl");
    let upstream = gateway.api();
    let cable = Cable::plug(upstream);
    let line = format!(
        "run --once --date 2026-03-02 --state-dir state --json {}",
        gateway.address.replace(&upstream.to_string(), &cable.address.to_string())
    );
    let engine = stage.command(&line).spawn().unwrap();
    while std::fs::metadata(stage.path("record.jsonl")).unwrap().len() < 8 * STEP_BYTES {
        std::thread::yield_now();
    }
    cable.cut();
    let output = engine.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let days = reports(&String::from_utf8(output.stdout).unwrap());
    assert_finished_alike(&days, &Stage::new().days("demo"));
    oracle::judge(&stage.path("record.jsonl"), &stage.path("state/journal.db"), &days);
}

/// What the market's own move has kept from being finished.
fn unfinished(day: &DayReport) -> Vec<&str> {
    let open = day.orders.iter().filter(|order| order.filled != order.quantity);
    open.map(|order| order.instrument.as_str()).collect()
}

/// A restart takes back what still worked and asks the gate again, so prices may differ by ticks; what
/// was decided up to then, and what is finished, may not.
fn assert_finished_alike(days: &[DayReport], undisturbed: &[DayReport]) {
    let dates = |days: &[DayReport]| days.iter().map(|day| day.date.clone()).collect::<Vec<_>>();
    assert_eq!(dates(days), dates(undisturbed));
    let first_resumed = days.iter().position(|day| day.resumed).map_or(days.len(), |index| index + 1);
    for (day, same) in days.iter().zip(undisturbed).take(first_resumed) {
        assert_eq!(day.plan_hash, same.plan_hash, "{}: planned before the first death", day.date);
    }
    for (day, same) in days.iter().zip(undisturbed) {
        assert_tied_out(day);
        assert_eq!(unfinished(day), unfinished(same), "{}: {:?}", day.date, day.orders);
        let (nav, undisturbed) = (day.nav.unwrap(), same.nav.unwrap());
        let difference = (nav - undisturbed).abs() / undisturbed;
        assert!(difference < dec!(0.0002), "{}: NAV {nav} for {undisturbed}", day.date);
    }
}
