//! Orders for the closing auction, over the whole program.
//!
//! In: settings that send funds to the close. Out: what the journal says was sent and executed, and when. Invariant: sent once,
//! before the cut-off; executed when the auction is over; books tie out.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use jiff::Timestamp;

#[test]
fn funds_go_to_the_close_once_and_get_its_price() {
    let stage = Stage::new();
    stage.config(
        "config",
        "settings.yaml",
        "  policy_by_asset_class: {} ",
        "  policy_by_asset_class: {ETF: auction_close} ",
    );
    let days = stage.days("demo --config config --state-dir state");
    days.iter().for_each(assert_tied_out);
    let at = |time: &str| -> Timestamp { format!("2026-03-02T{time}Z").parse().unwrap() };

    let mut closing = Vec::new();
    for (sent, command) in stage.records("command") {
        assert_eq!(command["command"], "place", "neither repriced nor taken back: {command}");
        if command["order_type"] == "LOC" {
            assert!(sent >= at("16:20:00") && sent < at("16:30:00"), "{sent}: {command}");
            closing.push(command["order_ref"].clone());
        }
    }
    assert!(closing.len() >= 2, "both legs: {closing:?}");
    let fills = stage.records("execution").into_iter().filter(|(_, fill)| closing.contains(&fill["order"]));
    let fills: Vec<Timestamp> = fills.map(|(told, _)| told).collect();
    assert!(fills.len() >= 2 && fills.iter().all(|told| *told >= at("16:35:00")), "{fills:?}");
}
