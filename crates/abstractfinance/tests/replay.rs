//! `risk replay` against pandas, against a regime path followed by hand, and on files with a fault.
//!
//! In: the golden files, when they are there, and small files. Out: what the program printed. Invariant: the
//! numbers are read back from the program's own text.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use insta::assert_snapshot;
use std::collections::BTreeMap;
use std::fs;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
const REPLAY: &str = "risk replay --returns returns.csv --vix vix.csv";

/// A stage with both files, each a header and `date,value` lines.
fn stage(returns: &str, vix: &str) -> Stage {
    let stage = Stage::new();
    fs::write(stage.path("returns.csv"), format!("date,value\n{returns}")).unwrap();
    fs::write(stage.path("vix.csv"), format!("date,value\n{vix}")).unwrap();
    stage
}

/// Rows of a file of the shared data, keyed by its header; `None`, and said so, without the data.
fn data(file: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let Ok(text) = fs::read_to_string(format!("{DATA}/{file}")) else {
        eprintln!("skipped: {file} is not beside the repository, as shared/data");
        return None;
    };
    Some(table(&text))
}

fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row =
        |line: &str| header.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

#[test]
fn the_columns_are_those_of_pandas_on_every_golden_day() {
    for (series, window) in [
        ("SPX", "2010_2018"),
        ("SX5E", "2010_2018"),
        ("HYG_adj", "2010_2018"),
        ("DAX", "2025_2026"),
        ("SPX", "2025_2026"),
        ("SX5E", "2025_2026"),
        ("HYG_adj", "2025_2026"),
    ] {
        let Some(golden) = data(&format!("golden/risk_{series}_{window}.csv")) else { return };
        let Some(panel) = data(&format!("daily/panel_close_{window}.csv")) else { return };
        let golden: Vec<_> = golden.into_iter().filter(|row| !row["ret"].is_empty()).collect();
        let returns: String = golden.iter().map(|row| format!("{},{}\n", row["date"], row["ret"])).collect();
        let vix: String = panel.iter().map(|row| format!("{},{}\n", row["date"], row["VIX"])).collect();
        let ours = table(&stage(&returns, &vix).ok(&format!("{REPLAY} --csv")));
        assert_eq!(ours.len(), golden.len(), "{series}: one row per return");
        let pairs = [
            ("ewma_vol", "ewma_vol_span20"),
            ("rolling_vol", "roll_vol_60"),
            ("blended_vol", "blended_70_30"),
            ("floored_vol", "vol_floored_8pct"),
            ("vol_scale", "scaling_12pct_cap2"),
            ("drawdown", "drawdown"),
        ];
        for (ours, golden) in ours.iter().zip(&golden) {
            assert_eq!(ours["date"], golden["date"]);
            for (our, their) in pairs {
                let (our, their) = (&ours[our], &golden[their]);
                let equal = match (our.parse::<f64>(), their.parse::<f64>()) {
                    (Ok(our), Ok(their)) => (our - their).abs() <= 1e-9 * their.abs().max(1e-2),
                    _ => our == their,
                };
                assert!(equal, "{series} {}: `{our}` against `{their}`", golden["date"]);
            }
        }
        eprintln!("{series} {window}: {} days equal", ours.len());
    }
}

#[test]
fn a_crisis_and_the_way_out_of_it_followed_by_hand() {
    let days = [
        ("2026-03-02", "0.01", "15"),
        ("2026-03-03", "-0.02", "26"),
        ("2026-03-04", "0", "27"),
        ("2026-03-05", "0", ""),
        ("2026-03-06", "0", "26"),
        ("2026-03-09", "0", "26"),
        ("2026-03-10", "0", "26"),
        ("2026-03-11", "-0.09", "30"),
        ("2026-03-12", "0.05", "33"),
        ("2026-03-13", "0", "33"),
        ("2026-03-16", "0", "33"),
        ("2026-03-17", "0.025", "18"),
        ("2026-03-18", "0", "18"),
        ("2026-03-19", "0", "18"),
        ("2026-03-20", "0.03", "18"),
        ("2026-03-23", "0", "18"),
        ("2026-03-24", "0", "18"),
    ];
    let returns: String = days.iter().map(|(date, value, _)| format!("{date},{value}\n")).collect();
    let vix: String = days.iter().map(|(date, _, vix)| format!("{date},{vix}\n")).collect();
    let stage = stage(&returns, &vix);
    let rows = table(&stage.ok(&format!("{REPLAY} --csv")));
    let line = |row: &BTreeMap<String, String>| {
        let drawdown: f64 = row["drawdown"].parse().unwrap();
        let [candidate, regime, pending, factor] =
            ["candidate", "regime", "pending_days", "state_factor"].map(|name| row[name].as_str());
        format!("{} {:>7.3} % {candidate:>8} → {regime:<8} {pending} {factor}", row["date"], drawdown * 100.0)
    };
    assert_snapshot!(rows.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
    2026-03-02   0.000 %          → NORMAL   0 1
    2026-03-03  -2.000 % ELEVATED → NORMAL   1 1
    2026-03-04  -2.000 % ELEVATED → NORMAL   2 1
    2026-03-05  -2.000 %          → NORMAL   0 1
    2026-03-06  -2.000 % ELEVATED → NORMAL   1 1
    2026-03-09  -2.000 % ELEVATED → NORMAL   2 1
    2026-03-10  -2.000 % ELEVATED → ELEVATED 0 0.7
    2026-03-11 -10.820 %   CRISIS → CRISIS   0 0.3
    2026-03-12  -6.361 % ELEVATED → CRISIS   1 0.3
    2026-03-13  -6.361 % ELEVATED → CRISIS   2 0.3
    2026-03-16  -6.361 % ELEVATED → ELEVATED 0 0.7
    2026-03-17  -4.020 % RECOVERY → ELEVATED 1 0.7
    2026-03-18  -4.020 % RECOVERY → ELEVATED 2 0.7
    2026-03-19  -4.020 % RECOVERY → RECOVERY 0 1
    2026-03-20  -1.141 %   NORMAL → RECOVERY 1 1
    2026-03-23  -1.141 %   NORMAL → RECOVERY 2 1
    2026-03-24  -1.141 %   NORMAL → NORMAL   0 1
    ");
    let json: serde_json::Value = serde_json::from_str(&stage.ok(&format!("{REPLAY} --json"))).unwrap();
    assert_eq!(json["days"][5]["regime"], "NORMAL");
    assert_eq!(json["days"][0]["ewma_vol"], serde_json::Value::Null);
    assert_eq!(json["days"].as_array().unwrap().len(), days.len());
    let page = stage.ok(REPLAY);
    assert_snapshot!(page.lines().take(4).collect::<Vec<_>>().join("\n"), @r"
    date        ewma_vol  rolling_vol  blended_vol  floored_vol  vol_scale  drawdown  candidate  regime    pending_days  state_factor
    2026-03-02                                                                0.0000             NORMAL               0           1.0
    2026-03-03    0.3367                    0.3367       0.3367      0.356   -0.0200  ELEVATED   NORMAL               1           1.0
    2026-03-04    0.2383                    0.2395       0.2395      0.501   -0.0200  ELEVATED   NORMAL               2           1.0
    ");
}

#[test]
fn a_file_with_a_fault_is_refused_with_its_line() {
    let good = "2026-03-02,0.01\n2026-03-03,0.02\n";
    let vix = "2026-03-02,15\n";
    let refused = |returns: &str, vix: &str| stage(returns, vix).refused(&format!("{REPLAY} --csv"));
    let beyond: String = (1900..2220).map(|year| format!("{year}-01-02,9.9\n")).collect();
    let said = [
        refused("2026-03-02,0.01\n2026-03-02,0.02\n", vix),
        refused("2026-03-02,0.01\n03/03/2026,0.02\n", vix),
        refused("2026-03-02,0.01\n2026-03-03,\n", vix),
        refused("2026-03-02,0.01\n2026-03-03,-1\n", vix),
        refused("2026-03-02,0.01\n2026-03-03,NaN\n", vix),
        refused("2026-03-02,0.01\n2026-03-03,1e308\n", vix),
        refused(&beyond, vix),
        refused("2026-03-02,0.01\n\n2026-03-03,0.01,7\n", vix),
        refused(good, "2026-03-02,15\n2026-03-03,-1\n"),
        refused("", vix),
        stage(good, vix).refused(&format!("{REPLAY} --csv --json")),
        stage(good, vix).refused("risk replay --returns nothing.csv --vix vix.csv"),
    ];
    let bare = stage(good, vix);
    fs::write(bare.path("returns.csv"), good).unwrap();
    let said = said.join("\n") + "\n" + &bare.refused(REPLAY);
    assert_snapshot!(said, @r"
    exit 2
    abstractfinance: returns.csv:3: 2026-03-02 does not follow 2026-03-02; dates rise, and each is there once
    exit 2
    abstractfinance: returns.csv:3: `03/03/2026` is no ISO date such as 2026-03-02
    exit 2
    abstractfinance: returns.csv:3: `` is no simple daily return between -1 and 10; write 0.01 for one per cent
    exit 2
    abstractfinance: returns.csv:3: `-1` is no simple daily return between -1 and 10; write 0.01 for one per cent
    exit 2
    abstractfinance: returns.csv:3: `NaN` is no simple daily return between -1 and 10; write 0.01 for one per cent
    exit 2
    abstractfinance: returns.csv:3: `1e308` is no simple daily return between -1 and 10; write 0.01 for one per cent
    exit 2
    abstractfinance: returns.csv: by 2197-01-02 the returns compound to more than any number holds
    exit 2
    abstractfinance: returns.csv:4: 3 cells in `2026-03-03,0.01,7`; a line is a date, a comma and a value
    exit 2
    abstractfinance: vix.csv:3: `-1` is no VIX close above 0; leave the value empty where there is none
    exit 2
    abstractfinance: returns.csv:1: no returns under the header; there is nothing to replay
    exit 2
    abstractfinance: --csv and --json are two forms of the same rows; ask for one of them
    exit 2
    abstractfinance: cannot read the returns nothing.csv: No such file or directory (os error 2); name a file of `date,value` lines
    exit 2
    abstractfinance: returns.csv:1: `2026-03-02,0.01` is not the header; the first line names two columns: date,value
    ");
}
