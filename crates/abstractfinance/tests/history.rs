//! Stories on real prices: a catalogue from the research series, and the crash of August 2015 day by day.
//!
//! In: the shared data, when it is there. Out: an import's report and traded days. Invariant: the plan of a
//! date sees the closes of the date before, and nothing later.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out, repository};
use console::DayReport;
use insta::assert_snapshot;
use serde_json::Value;
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// A stage with a catalogue in `prices`, and the import's report; `None`, and said so, without the data.
fn imported() -> Option<(Stage, String)> {
    if !Path::new(DATA).exists() {
        eprintln!("skipped: the research data is not beside the repository, as shared/data");
        return None;
    }
    let stage = Stage::new();
    let report = stage.ok(&format!("data import {DATA} --out prices"));
    Some((stage, report.lines().map(|line| line.trim_end().to_owned() + "\n").collect()))
}

#[test]
fn the_import_says_what_stands_for_what() {
    let Some((_, report)) = imported() else { return };
    assert_snapshot!(report, @r"
     segment    instrument          stands for                                            unit         conversion     rows  first       last        left out
     2010_2018  CS51                SXRT.DE, the fund's accumulating class on Xetra       EUR                         2237  2010-03-11  2018-12-28  1 with high or low widened
     2010_2018  CSPX                SXR8.DE, the same fund's euro line on Xetra           USD          EUR × EUR.USD  2189  2010-05-19  2018-12-28  1 no rate
     2010_2018  EUR.USD             euro reference rate of the ECB                        USD per EUR                 2304  2010-01-04  2018-12-31
     2010_2018  M6E (38 contracts)  the large euro future (6E), which has the same price  USD per EUR                 4430  2010-01-04  2018-12-21  80 blank
     2010_2018  SPX                 S&P 500 index                                         points                      2264  2010-01-04  2018-12-31
     2010_2018  SX5E                EURO STOXX 50 price index                             points                      2249  2010-01-04  2018-12-28  4 known bad
     2010_2018  VIX                 Cboe volatility index                                 points                      2264  2010-01-04  2018-12-31
     2025_2026  EUR.USD             euro reference rate of the ECB                        USD per EUR                 468   2025-01-02  2026-10-30
     2025_2026  SPX                 S&P 500 index                                         points                      80    2025-01-02  2025-04-29
     2025_2026  SX5E                EURO STOXX 50 price index                             points                      102   2025-01-03  2025-05-30
     2025_2026  VIX                 Cboe volatility index                                 points                      402   2025-01-02  2026-07-23
    2010_2018: no series for 6B, 6E, 6S, AAPL, ACA, AMZN, ARCC, BNP and 68 more (--json names them); sleeve legs and signals that need it are held back
    2025_2026: no series for 6B, 6E, 6S, AAPL, ACA, AMZN, ARCC, BNP and 71 more (--json names them); sleeve legs and signals that need it are held back
    fundamentals us_annual_2012_2016: 892 statements of 224 companies, published 2012-06-01 to 2017-03-31: annual reports of every second company of the S&P 500
    fundamentals us_snapshot_2026_08: 503 statements of 503 companies, published 2026-08-31 to 2026-08-31: market capitalisation and EBITDA of the S&P 500 at the end of August 2026
    ");
}

/// Largest move from one close of a column to the next, as a fraction.
fn largest_move(file: &str, column: &str) -> f64 {
    let text = std::fs::read_to_string(Path::new(DATA).join(file)).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let place = rows.next().unwrap().iter().position(|name| *name == column).unwrap();
    let closes: Vec<f64> = rows.filter_map(|row| row[place].parse().ok()).collect();
    closes.windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).fold(0.0, f64::max)
}

/// The day of 2018 on which VIX rose by 116 %, the one of 2015 on which the franc rose by 14 %, the one of 2016 after which
/// sterling had lost 8 %: a limit on jumps that took one of them for an error would blind the engine when it has to see.
#[test]
fn the_wildest_real_days_are_believed() {
    let Some((stage, _)) = imported() else { return };
    let shown: Value = serde_json::from_str(&stage.ok("config show --json")).unwrap();
    let limit = |path: &str| shown.pointer(&format!("/settings{path}")).and_then(Value::as_f64).unwrap();
    let panel = "daily/panel_close_2010_2018.csv";
    for (column, wildest) in [("VIX", 1.15), ("EURCHF", 0.14), ("GBPUSD", 0.07), ("EURUSD", 0.02), ("SPX", 0.06)] {
        let limits: &[&str] = match column {
            "VIX" => &["/data/max_jump/VOL_IND", "/data/max_jump/VOL_FUT"],
            "SPX" => &["/data/max_jump/IND", "/data/max_jump/FUT", "/data/max_jump/ETF"],
            // As the account's own rate it waits for a second source or the next session.
            "EURCHF" => &["/data/max_jump/FX", "/data/max_jump/FX_FUT"],
            _ => &["/data/max_jump/FX", "/data/max_jump/FX_FUT", "/fx/max_jump"],
        };
        let largest = largest_move(panel, column);
        assert!(largest > wildest, "{column}: the wild day is in the data, {largest}");
        limits.iter().for_each(|path| assert!(largest < limit(path), "{column}: {largest} against {path}"));
    }
    assert!(largest_move("futures/EURCHF_2010_2018.csv", "price") < limit("/data/max_jump/FX_FUT"));
}

/// The screen of real statements and prices: the same ranks as a page and as data, ties by name, a third of the ranked at
/// most, and a factor without any part left out of the score.
#[test]
fn real_statements_are_screened() {
    let Some((stage, _)) = imported() else { return };
    let map = repository().join("config/maps/whole-strategy.yaml");
    let config = repository().join("config");
    stage.ok(&format!("data import --config {} --map {} {DATA} --out whole", config.display(), map.display()));
    let settings = std::fs::read_to_string(repository().join("config/settings.yaml")).unwrap();
    let of_catalogue = settings.replace("fundamentals: simulated ", "fundamentals: whole ");
    std::fs::create_dir(stage.path("conf")).unwrap();
    std::fs::write(stage.path("conf/settings.yaml"), of_catalogue.replace("min_universe: 15 ", "min_universe: 6 "))
        .unwrap();
    let line = "demo --catalogue whole --from 2014-12-01 --days 1 --config conf --state-dir state";
    stage.days(line).iter().for_each(assert_tied_out);
    for side in ["long", "short"] {
        let options = format!("--side {side} --config conf --state-dir state");
        let shown: Value = serde_json::from_str(&stage.ok(&format!("screen {options} --json"))).unwrap();
        let sides = shown["screens"][0]["sides"].as_array().unwrap();
        assert_eq!(sides.len(), 1, "{side} alone");
        let candidates = sides[0]["candidates"].as_array().unwrap();
        let ranked: Vec<&Value> = candidates.iter().filter(|row| row["eligibility"] == "eligible").collect();
        let chosen = ranked.iter().filter(|row| row["chosen"] == true).count();
        assert_eq!(chosen, (ranked.len() / 3).min(10), "{side}: a third of {}", ranked.len());
        let score = |row: &Value| row["score"].as_f64().unwrap();
        for pair in ranked.windows(2) {
            let ordered = score(pair[0]) > score(pair[1])
                || score(pair[0]) == score(pair[1]) && pair[0]["name"].as_str() < pair[1]["name"].as_str();
            assert!(ordered, "{} before {}", pair[0]["name"], pair[1]["name"]);
        }
        let page = stage.ok(&format!("screen {options}"));
        let names = page
            .lines()
            .filter(|line| line.trim_end().ends_with("chosen"))
            .map(|line| line.split_whitespace().nth(1).unwrap());
        let in_data = ranked.iter().filter(|row| row["chosen"] == true).map(|row| row["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), in_data.collect::<Vec<_>>(), "{page}");
    }
}

#[test]
fn the_crash_of_august_2015_is_seen_the_morning_after() {
    let Some((stage, _)) = imported() else { return };
    let days = stage.days("demo --catalogue prices --from 2015-08-17 --days 10 --state-dir state");
    assert_eq!(days.len(), 10);
    days.iter().for_each(assert_tied_out);

    let on = |date: &str| days.iter().find(|day| day.date == date).expect(date);
    let risk = |day: &DayReport| (day.vix, day.regime.clone(), day.state_factor);
    assert_eq!(risk(on("2015-08-24")), (Some(28.03), "NORMAL".to_owned(), 1.0));
    assert_eq!(risk(on("2015-08-25")), (Some(40.74), "CRISIS".to_owned(), 0.3), "at once, without waiting three days");

    let crisis = on("2015-08-25");
    let reduced = crisis.orders.iter().filter(|order| order.sleeves == ["core_index_rv"]);
    assert_eq!(reduced.map(|order| order.purpose.as_str()).collect::<Vec<_>>(), ["reduce", "reduce"]);
    assert!(crisis.gross < on("2015-08-24").gross, "the book shrinks");

    let again = stage.days("demo --catalogue prices --from 2015-08-17 --days 10 --state-dir state");
    assert!(again.iter().all(|day| day.already_done));
}

#[test]
fn a_date_without_history_is_refused_with_the_dates_there_are() {
    let Some((stage, _)) = imported() else { return };
    assert_snapshot!(stage.refused("demo --catalogue prices --from 2020-08-17 --state-dir state"), @r"
    exit 2
    abstractfinance: the catalogue has no history for 2020-08-17; it covers 2010-01-01 to 2018-12-31 and 2025-01-01 to 2026-12-31
    ");
    assert_eq!(stage.files(), ["prices"]);
}

#[test]
fn a_series_that_was_changed_after_its_import_is_refused() {
    let Some((stage, _)) = imported() else { return };
    let series = stage.path("prices/2010_2018/VIX.parquet");
    let mut bytes = std::fs::read(&series).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&series, bytes).unwrap();
    assert_snapshot!(stage.refused("demo --catalogue prices --from 2015-08-17 --state-dir state"), @r"
    exit 2
    abstractfinance: prices/2010_2018/VIX.parquet: it was changed after the import; import the catalogue again
    ");
    assert_eq!(stage.files(), ["prices"]);
}
