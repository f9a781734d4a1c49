//! Sweeps: the runs are those of `backtest`, a sweep that was cut off goes on, and nonsense is a row that says so.
//!
//! In: a search file. Out: a table, rows, a folder. Invariant: whatever the threads and however often it was cut off, the
//! rows are the same.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use serde_json::Value;

const SPAN: &str = "--scenario decline --from 2026-03-02 --to 2026-03-20";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_run_of_a_sweep_is_the_backtest_with_these_settings() {
    let stage = Stage::new();
    std::fs::write(stage.path("search.yaml"), "settings:\n  vol_target_annual: [0.06, 0.12]\n").unwrap();
    let told = json(&stage.ok(&format!("sweep search.yaml {SPAN} --threads 2 --folds 2 --json")));
    let alone = json(&stage.ok(&format!("backtest {SPAN} --json")));
    let trials = told["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    let returns = |trial: &Value| -> Vec<f64> {
        trial["returns"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect()
    };
    let total = |trial: &Value| returns(trial).iter().map(|r| 1.0 + r).product::<f64>() - 1.0;
    let expected = alone["statistics"]["total_return"].as_f64().unwrap();
    assert!((total(&trials[1]) - expected).abs() < 1e-12, "0.12 is the built-in target");
    assert!((total(&trials[0]) - expected).abs() > 1e-6, "half the target is another run");
    assert_eq!((&trials[1]["fills"], &trials[1]["statistics"]), (&alone["fills"], &alone["statistics"]));
    // What is best is named by the number that page, table and map give it.
    let page = stage.ok(&format!("sweep search.yaml {SPAN} --folds 2"));
    let verdict = &told["verdict"];
    assert!(page.contains(&format!("Run {} has the best Sharpe ratio", verdict["best_run"])), "{page}");
    for fold in verdict["folds"].as_array().unwrap() {
        let (at, run) = (fold["chosen_at"].as_u64().unwrap(), fold["run"].as_u64().unwrap());
        assert!(page.contains(&format!("after {at:>4} days  run {run:>3}")), "{page}");
    }
    // What the account earned is what its dates and its sleeves did.
    let nav = |of: &str| alone[of].as_str().unwrap().parse::<f64>().unwrap();
    let (first, last) = (nav("nav_first"), nav("nav_last"));
    let sleeves: f64 = alone["sleeves"].as_object().unwrap().values().map(|profit| profit.as_f64().unwrap()).sum();
    assert!((first * (1.0 + expected) - last).abs() < 0.01 && (first + sleeves - last).abs() < 0.01, "{alone}");
}

#[test]
fn a_sweep_that_was_cut_off_goes_on_and_comes_to_the_same() {
    let stage = Stage::new();
    let search = "settings:\n  vol_target_annual: {from: 0.05, to: 0.15}\n  volatility.ewma_span: {from: 10, to: 40}\n\
                  \x20 max_drawdown_pct, hysteresis.drawdown_enter_crisis: [0.08, 0.12]\nrandom: {runs: 3, seed: 7}\n";
    std::fs::write(stage.path("search.yaml"), search).unwrap();
    let sweep = |threads: u8| stage.ok(&format!("sweep search.yaml {SPAN} --threads {threads} --out found"));
    let page = sweep(2);
    let runs = stage.path("found").join("runs.jsonl");
    let whole = std::fs::read_to_string(&runs).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 3, "a whole-number range draws numbers that the setting takes: {page}");
    // One run is whole, the second was being written, the third was not begun.
    std::fs::write(&runs, format!("{}\n{}", lines[0], &lines[1][..lines[1].len() / 2])).unwrap();
    assert_eq!(sweep(1), page);
    let after = std::fs::read_to_string(&runs).unwrap();
    let complete = after.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert_eq!(complete, 3, "two runs were made again, one was not: {after}");
    assert_eq!(after.lines().count(), 4, "only the line that was cut off is ended: {after}");
    // A part of the search calls its runs what the whole search calls them.
    let part = json(&stage.ok(&format!("sweep search.yaml {SPAN} --out part --only 2-3 --folds 0 --json")));
    let numbers: Vec<&Value> = part["trials"].as_array().unwrap().iter().map(|trial| &trial["run"]).collect();
    assert_eq!(numbers, [2, 3]);
    // Together with what its folder has of the others it is the whole search again.
    let whole = stage.ok(&format!("sweep search.yaml {SPAN} --out part --only 1"));
    assert_eq!(whole.replace("files in part", "files in found"), page);
    let table = || std::fs::read(stage.path("part").join("runs.parquet")).unwrap();
    let before = table();
    let outside = stage.refused(&format!("sweep search.yaml {SPAN} --out part --only 4-9"));
    assert!(outside.contains("--only names none of the runs of this search, which are 1 to 3"), "{outside}");
    assert_eq!(table(), before, "what names no run changes nothing");
    assert!(part["trials"][0]["failure"].is_null(), "two settings that have to be equal are searched together: {part}");
    let listed = |only: &str| json(&stage.ok(&format!("sweep search.yaml --list {only}")));
    assert_eq!(listed("--only 2-3").as_array().unwrap(), &listed("").as_array().unwrap()[1..]);
    assert!(stage.refused("sweep search.yaml --list --only 4").contains("names none of the runs"));
    let kept = stage.refused("sweep search.yaml --state-dir state");
    assert!(kept.contains("a sweep keeps no journal"), "{kept}");
    let map = std::fs::read_to_string(stage.path("found").join("map.html")).unwrap();
    assert!(map.contains("<svg") && !map.contains("http"), "one file that loads nothing");
}

#[test]
fn a_setting_that_is_refused_is_a_row_that_says_why() {
    let stage = Stage::new();
    std::fs::write(stage.path("search.yaml"), "settings:\n  vol_target_annual: [0.12, -1]\n").unwrap();
    let page = stage.ok(&format!("sweep search.yaml {SPAN} --folds 0"));
    assert!(page.contains("vol_target_annual") && page.contains("-1"), "{page}");
    let told = json(&stage.ok(&format!("sweep search.yaml {SPAN} --json")));
    assert!(told["trials"][0]["failure"].is_null());
    assert!(told["trials"][1]["failure"].as_str().unwrap().contains("vol_target_annual"), "{told}");
    std::fs::write(stage.path("typo.yaml"), "settings:\n  volatility.span: [1, 2]\n").unwrap();
    let ended = stage.run(&format!("sweep typo.yaml {SPAN} --json"));
    let told = json(&ended.out);
    let failure = told["trials"][0]["failure"].as_str().unwrap();
    assert!(failure.contains("cannot set `volatility.span`") && failure.contains("ewma_span"), "{failure}");
    assert!(ended.code == 2 && ended.err.contains("no run could be made: cannot set"), "{}", ended.err);
}

/// With the line of a day's loss at 0.3 % the engine closes early, earns interest, and has the best ratio.
#[test]
fn the_best_run_says_that_its_engine_had_stopped() {
    let stage = Stage::new();
    let search = "settings:\n  risk.day_loss_reduce_only: [0.003, 0.03]\n  risk.day_loss_alert: [0.002]\n";
    std::fs::write(stage.path("search.yaml"), search).unwrap();
    let line = "sweep search.yaml --scenario decline --from 2026-03-02 --to 2026-05-29 --folds 0";
    let told = json(&stage.ok(&format!("{line} --json")));
    assert_eq!((&told["verdict"]["best_run"], &told["trials"][1]["stopped_dates"]), (&1.into(), &0.into()));
    let (stopped, dates) = (&told["trials"][0]["stopped_dates"], &told["trials"][0]["statistics"]["returns"]);
    assert!(stopped.as_u64() > Some(50), "a mode in which only reductions are sent is a stop too: {told}");
    let page = stage.ok(line);
    let told_of = |text: String| assert!(page.contains(&text), "{page}");
    told_of(format!("  stopped on {stopped} dates\n"));
    told_of(format!("Run 1 stopped: {stopped} of its {dates} dates ended in a mode other than NORMAL"));
    // A line that counted otherwise, under another name, is made again.
    let runs = stage.path("sweep").join("runs.jsonl");
    let kept = std::fs::read_to_string(&runs).unwrap();
    std::fs::write(&runs, kept.replace("\"stopped_dates\":", "\"stopped\":")).unwrap();
    assert_eq!(stage.ok(line), page);
    assert_eq!(std::fs::read_to_string(&runs).unwrap().lines().count(), 4);
}
