//! Named shocks on a book that a backtest left.
//!
//! In: a journal. Out: what `stress` prints. Invariant: every part of a loss is a notional of the book times a move of the
//! shock's row.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use serde_json::Value;

#[test]
fn a_shock_is_the_book_times_its_moves_and_names_the_limits_it_crosses() {
    let stage = Stage::new();
    stage.ok("backtest --to 2026-03-06 --state-dir state");
    let json =
        |line: &str| -> Value { serde_json::from_str(&stage.ok(&format!("{line} --state-dir state --json"))).unwrap() };
    let (held, told) = (json("positions"), json("stress --shock 2008"));
    let notional = |name: &str| -> f64 {
        let rows = held["positions"].as_array().unwrap();
        let row = rows.iter().find(|row| row["instrument"] == name).expect(name);
        row["notional"].as_str().unwrap().parse().unwrap()
    };
    let shock = &told["shocks"][0];
    let near = |ours: &Value, expected: f64| (ours.as_f64().unwrap() - expected).abs() < 0.01;
    assert!(near(&shock["long"], notional("CSPX") * -0.399), "{shock}");
    assert!(near(&shock["short"], notional("CS51") * -0.340), "a short earns when it falls: {shock}");
    assert!(near(&shock["borrow"], notional("CS51") * 0.05 / 12.0), "{shock}");
    let parts =
        ["long", "short", "options", "currencies", "spreads", "borrow"].map(|part| shock[part].as_f64().unwrap());
    assert!(near(&shock["total"], parts.iter().sum()), "{shock}");

    let all = stage.ok("stress --state-dir state");
    assert!(["2008", "august-2015", "february-2018", "march-2020"].iter().all(|name| all.contains(name)), "{all}");
    std::fs::write(stage.path("own.yaml"), OWN).unwrap();
    let told = json("stress --shocks own.yaml");
    let limits = told["shocks"][0]["limits"].to_string();
    assert!(limits.contains("in one day") && limits.contains("CRISIS"), "{told}");
    let own = |from: &str, to: &str| {
        assert!(OWN.contains(from), "{from}");
        std::fs::write(stage.path("own.yaml"), OWN.replace(from, to)).unwrap();
        stage.refused("stress --shocks own.yaml --state-dir state")
    };
    insta::assert_snapshot!(own("us_equity: -0.5", "us_equity: -1.5"), @r"
    exit 2
    abstractfinance: own.yaml: worst: `us_equity` is -1.5, and has to lie between -1 and 1; it is a fraction of the price: −0.4 loses 40 %
    ");
    insta::assert_snapshot!(own("vix: 80", "vix: -5"), @r"
    exit 2
    abstractfinance: own.yaml: worst: `vix` is -5, and has to lie between 1 and 500; it is the level at the end, such as 40
    ");
    assert!(own("vix: 80", "vix: .nan").contains("`vix` is NaN"));
    insta::assert_snapshot!(own(OWN, "# nothing yet\n"), @r"
    exit 2
    abstractfinance: own.yaml: no shock is in it; give at least one, in the form of config/stress.yaml
    ");
    let refused = stage.refused("stress --shock 1987 --state-dir state");
    assert!(refused.starts_with("exit 2") && refused.contains("known are 2008"), "{refused}");
}

#[test]
fn options_that_a_backtest_bought_are_priced_anew() {
    let stage = Stage::as_shipped();
    stage.ok("backtest --to 2026-03-04 --state-dir state");
    let told = stage.ok("stress --shock 2008 --state-dir state --json");
    let told: Value = serde_json::from_str(&told).unwrap();
    let shock = &told["shocks"][0];
    assert!(shock["options"].as_f64().unwrap() > 10_000.0, "puts and VIX calls pay in 2008: {shock}");
    assert_eq!(shock["left_out"].as_array().unwrap().len(), 0, "{shock}");
}

/// The long leg halves and the short one does not move.
const OWN: &str = "worst:\n  {when: never, source: made up, us_equity: -0.5, eu_equity: 0, credit: 0, rates: 0, vix: 80, \
                   eur: 0, gbp: 0, chf: 0, spread_bps: 0, borrow: 0}\n";
