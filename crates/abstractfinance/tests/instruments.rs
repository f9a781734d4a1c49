//! Stories of the instrument table and a broker that knows better.
//!
//! In: the table with one fact changed, the real gateway. Out: what `instruments check` prints, and how a run stops.
//! Invariant: a line that contradicts the broker trades nothing, and every other line is still compared.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use insta::assert_snapshot;
use serde_json::Value;

#[test]
fn the_table_agrees_with_the_simulated_broker() {
    let page = Stage::new().ok("instruments check");
    let lines: Vec<&str> = page.lines().collect();
    let asked = |name: &str| lines.iter().filter(|line| line.split(' ').next() == Some(name)).count();
    assert_eq!((asked("CSPX"), asked("VX"), asked("SPX_OPT")), (1, 3, 0));
    assert!(lines[1..lines.len() - 2].iter().all(|line| line.ends_with("  agrees")), "{page}");
    assert_snapshot!(lines[lines.len() - 1], @"125 of 125 contracts agree. 8 option roots were not asked about.");
}

/// The first fact of the table that reads like this, and what it is changed to; all are of instruments a day needs.
const SLIPS: [(&str, &str); 7] = [
    ("currency: USD", "currency: EUR"),
    ("  quote_unit: major", "  quote_unit: hundredth"),
    ("multiplier: 12500\n", "multiplier: 125000\n"),
    ("tick: 0.01", "tick: 0.02"),
    ("isin: IE00B5BMR087", "isin: US0378331005"),
    ("isin: IE00B5BMR087", "isin: IE00B53SZB19"),
    ("future: cme_fx_quarterly", "future: cme_index_quarterly"),
];

#[test]
fn a_fact_the_broker_contradicts_stops_a_run_before_it_trades() {
    let stage = Stage::new();
    let gateway = stage.gateway("--from 2026-03-02");
    let mut told = String::new();
    for (number, (from, to)) in SLIPS.into_iter().enumerate() {
        stage.config("conf", "instruments.yaml", from, to);
        let run = format!("run --once --date 2026-03-02 --state-dir state{number} --config conf {}", gateway.address);
        let said = stage.refused(&run);
        assert_eq!(said, stage.refused(&format!("demo --state-dir demo{number} --config conf")), "demo stops too");
        told += &format!("{said}\n");
        let checked = stage.run("instruments check --config conf");
        assert_eq!(checked.code, 5, "{}", checked.err);
        let differing = checked.out.lines().filter(|line| line.contains("the broker says")).count();
        assert!(differing >= 2, "the heading, and the line that differs: {}", checked.out);
    }
    assert_snapshot!(told, @r"
    exit 3
    abstractfinance: broker answer unusable: CSPX: currency: the broker says USD, the instrument table says EUR: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: CSPX: quote_unit: the broker says 1 quoted for one USD, the instrument table says 100 quoted for one USD: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: M6E_20260316: multiplier: the broker says 12500, the instrument table says 125000: not traded until they agree; correct the table if the broker is right; M6E_20260615: multiplier: the broker says 12500, the instrument table says 125000: not traded until they agree; correct the table if the broker is right; M6E_20260914: multiplier: the broker says 12500, the instrument table says 125000: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: CSPX: tick: the broker says 0.01, the instrument table says 0.02: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: CSPX: isin: the broker says IE00B5BMR087, the instrument table says US0378331005: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: CSPX: symbol: the broker says CNDX, the instrument table says CSPX: not traded until they agree; correct the table if the broker is right
    exit 3
    abstractfinance: broker answer unusable: M6E_20260320: last trading day: the broker says 2026-03-16, the instrument table says 2026-03-20: not traded until they agree; correct the table if the broker is right; M6E_20260618: last trading day: the broker says 2026-06-15, the instrument table says 2026-06-18: not traded until they agree; correct the table if the broker is right; M6E_20260918: last trading day: the broker says 2026-09-14, the instrument table says 2026-09-18: not traded until they agree; correct the table if the broker is right
    ");
}

#[test]
fn what_differs_can_be_read_by_a_program() {
    let stage = Stage::new();
    stage.config("conf", "instruments.yaml", "tick: 0.01", "tick: 0.02");
    let told = stage.run("instruments check --config conf --json");
    assert_snapshot!(told.err, @"abstractfinance: 1 of 125 contracts differ from the broker's and would stop a run that needs them: correct instruments.yaml where the broker is right");
    let document: Value = serde_json::from_str(&told.out).unwrap();
    let rows = document["contracts"].as_array().unwrap();
    let differing: Vec<&Value> = rows.iter().filter(|row| row["differences"] != serde_json::json!([])).collect();
    assert_snapshot!(serde_json::to_string(&differing[0]["differences"]).unwrap(), @r#"[{"broker":"0.01","field":"tick","ours":"0.02"}]"#);
    assert_eq!((differing.len(), &differing[0]["instrument"]), (1, &Value::from("CSPX")));
    assert!(rows.iter().all(|row| row["con_id"].is_i64()), "each has an id at the broker");
}

#[test]
fn another_gateway_is_asked_over_its_own_address() {
    let stage = Stage::new();
    let gateway = stage.gateway("--from 2026-03-02");
    let there = stage.ok(&format!("instruments check --gateway {}", gateway.api()));
    assert_eq!(there, stage.ok("instruments check"));
    let silent = stage.refused("instruments check --gateway 127.0.0.1:1");
    assert!(silent.starts_with("exit 3"), "{silent}");
}
