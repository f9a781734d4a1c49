//! A pair one leg of which does not fill, over the whole program.
//!
//! In: a collar so narrow that the short leg cannot cross its spread at first. Out: the day's report. Invariant: the hedge
//! comes and goes, the pair is complete, and the account ties out.
#![allow(clippy::disallowed_methods, reason = "stories run programs and write into folders")]

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use common::{Stage, assert_tied_out};
use journal::Journal;
use serde_json::Value;

const SETTINGS: &str = include_str!("../../../config/examples/core-pair/settings.yaml");
const INSTRUMENTS: &str = include_str!("../../../config/instruments.yaml");

/// A folder with settings under which the short leg cannot cross its spread at first.
fn stage() -> Stage {
    let stage = Stage::new();
    let narrow = SETTINGS.replace("    STK: 12", "    STK: 1").replace("collar_ticks_min: 2 ", "collar_ticks_min: 1 ");
    let (before, leg) = INSTRUMENTS.split_at(INSTRUMENTS.find("\nCS51:").expect("the short leg"));
    let stock = leg.replacen("asset_class: equity_etf", "asset_class: stock", 1);
    std::fs::create_dir(stage.path("config")).unwrap();
    std::fs::write(stage.path("config/settings.yaml"), narrow).unwrap();
    std::fs::write(stage.path("config/instruments.yaml"), format!("{before}{stock}")).unwrap();
    stage
}

/// How far the protection of the day's pair has come, by the journal of an engine that is dead.
fn protection(stage: &Stage) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Journal::open_existing(&stage.path("state").join("journal.db")).await.ok()?;
        let account = journal.accounts().await.ok()?.pop()?;
        let events = journal.events_of_kind(&account, "pair").await.ok()?;
        let body: Value = serde_json::from_str(&events.last()?.body).unwrap();
        Some(body["protection"]["state"].as_str().unwrap().to_owned())
    })
}

/// About one line of the gateway's record.
const LINE_BYTES: u64 = 230;
/// More kills than a day has lines.
const KILLS: u64 = 60;

#[test]
fn killed_again_and_again_while_a_pair_is_broken_the_engine_protects_it_to_the_end() {
    let stage = stage();
    let line = "demo --config config --state-dir state";
    let mut seen: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        if !stage.killed_once_grown(line, "state/gateway.jsonl", (2 + 5 * (kill % 4)) * LINE_BYTES) {
            break;
        }
        seen.extend(protection(&stage));
    }
    let broken = seen.iter().filter(|state| ["broken", "completing", "unwinding"].contains(&state.as_str())).count();
    assert!(broken > 0, "no kill came between the break and its end: {seen:?}");

    let days = stage.days(line);
    let day = &days[0];
    assert!(day.resumed);
    assert_tied_out(day);
    oracle::judge(&stage.path("state/gateway.jsonl"), &stage.path("state/journal.db"), &days);
    assert!(day.positions.iter().all(|row| ["CS51", "CSPX"].contains(&row.instrument.as_str())), "{:?}", day.positions);
    assert!(day.orders.iter().any(|order| order.purpose == "pair hedge"), "{:?}", day.orders);
}

#[test]
fn a_leg_that_comes_late_is_stood_in_for_and_its_hedge_is_gone_in_the_evening() {
    let stage = stage();
    let day: Value = serde_json::from_str(&stage.ok("demo --config config --json")).unwrap();
    let day = &day["days"][0];
    let told =
        |order: &Value| format!("{} {} {}", order["purpose"], order["side"], order["instrument"]).replace('"', "");
    let orders: Vec<String> = day["orders"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(orders[2..], ["pair hedge SELL FESX_20260320", "unwind BUY FESX_20260320"], "{orders:?}");
    assert!(day["orders"].as_array().unwrap().iter().all(|order| order["status"] == "filled"), "{orders:?}");
    assert_eq!(day["difference_bp"], 0.0, "NAV is the broker's net liquidation value");
    let held: Vec<&str> =
        day["positions"].as_array().unwrap().iter().filter_map(|p| p["instrument"].as_str()).collect();
    assert_eq!(held, ["CS51", "CSPX"], "the hedge is gone");
}
