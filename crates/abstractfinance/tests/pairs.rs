//! A pair one leg of which does not fill, over the whole program.
//!
//! In: a collar so narrow that the short leg cannot cross its spread at first. Out: the day's report. Invariant: the hedge
//! comes and goes, the pair is complete, and the account ties out.
#![allow(clippy::disallowed_methods, reason = "stories run programs and write into folders")]

mod common;

use common::Stage;
use serde_json::Value;

const SETTINGS: &str = include_str!("../../../config/examples/core-pair/settings.yaml");
const INSTRUMENTS: &str = include_str!("../../../config/instruments.yaml");

#[test]
fn a_leg_that_comes_late_is_stood_in_for_and_its_hedge_is_gone_in_the_evening() {
    let stage = Stage::new();
    let narrow = SETTINGS.replace("    STK: 12", "    STK: 1").replace("collar_ticks_min: 2 ", "collar_ticks_min: 1 ");
    let (before, leg) = INSTRUMENTS.split_at(INSTRUMENTS.find("\nCS51:").expect("the short leg"));
    let stock = leg.replacen("asset_class: equity_etf", "asset_class: stock", 1);
    std::fs::create_dir(stage.path("config")).unwrap();
    std::fs::write(stage.path("config/settings.yaml"), narrow).unwrap();
    std::fs::write(stage.path("config/instruments.yaml"), format!("{before}{stock}")).unwrap();
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
