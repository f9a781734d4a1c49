//! Stories of strategies other than the default: a screen of stocks, and a portfolio written in YAML alone.
//!
//! In: settings with other sleeves. Out: traded days and ranks. Invariant: what `screen` shows is what the day held.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use serde_json::Value;
use std::collections::BTreeSet;

const NOT_CONFIGURED: &str = "single_name: {kind: not_configured, weight: 0.15}";

/// The screen of the whole strategy, without the fallback's names.
fn screen() -> String {
    let whole = include_str!("../../../config/settings.yaml");
    let (_, rest) = whole.split_once("  single_name:").unwrap();
    let (sleeve, _) = rest.split_once("    fallback:").unwrap();
    format!("single_name:{sleeve}")
}

/// A stage whose configuration `conf` screens stocks.
fn screening(edit: impl Fn(String) -> String) -> Stage {
    let stage = Stage::new();
    stage.config("conf", "settings.yaml", NOT_CONFIGURED, &edit(screen()));
    stage
}

fn screens(stage: &Stage, options: &str) -> Value {
    let line = format!("screen --config conf --state-dir state --json {options}");
    let document: Value = serde_json::from_str(&stage.ok(&line)).unwrap();
    document["screens"][0].clone()
}

fn chosen(screen: &Value, side: usize) -> BTreeSet<String> {
    let rows = screen["sides"][side]["candidates"].as_array().unwrap().iter();
    rows.filter(|row| row["chosen"] == true).map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_stocks_a_day_wants_are_those_the_screen_chose() {
    let stage = screening(|settings| settings);
    let days = stage.days("demo --days 3 --config conf --state-dir state");
    days.iter().for_each(assert_tied_out);
    let screen = screens(&stage, "");
    assert_eq!((screen["screened"].as_str(), screen["date"].as_str()), (Some("2026-03-02"), Some("2026-03-04")));
    assert_eq!(screen["fundamentals"], "simulated");
    let wanted = |sign: f64| -> BTreeSet<String> {
        let targets = days[2].targets.iter().filter(|target| target.sleeves.contains(&"single_name".to_owned()));
        targets.filter(|target| target.weight * sign > 0.0).map(|target| target.instrument.clone()).collect()
    };
    assert_eq!((chosen(&screen, 0), chosen(&screen, 1)), (wanted(1.0), wanted(-1.0)));
    assert_eq!(wanted(1.0).len() + wanted(-1.0).len(), 20);
    let weight: f64 = days[2].targets.iter().filter(|t| t.sleeves == ["single_name"]).map(|t| t.weight.abs()).sum();
    assert!((weight - 0.15).abs() < 1e-12, "the sleeve spends its budget: {weight}");
    let told = &days[2].steps[8].detail;
    assert!(told.contains("single_name: 10 long, 10 short of 2026-03-02, fundamentals simulated"), "{told}");
}

#[test]
fn a_page_of_the_screen_reads_like_this() {
    let stage = screening(|settings| settings);
    stage.ok("demo --config conf --state-dir state");
    let page = stage.ok("screen --config conf --state-dir state --side short --date 2026-03-02");
    let head: Vec<&str> = page.lines().take(12).map(str::trim_end).collect();
    insta::assert_snapshot!(head.join("\n"), @r"
    single_name, screened 2026-03-02, fundamentals simulated
    On 2026-03-02: 10 long, 10 short of 2026-03-02, fundamentals simulated

    short: 10 of 63 ranked, 63 candidates
     rank   name       sector        zombie × 0.50   weakness × 0.30   sector × 0.20   score
    ──────────────────────────────────────────────────────────────────────────────────────────────────
        1   AIR.PA     industrials           +2.52             +1.30           -1.11   +1.43   chosen
        2   DBK        banks               missing             +1.35           +0.89   +1.17   chosen
        3   MBG.DE     autos                 +2.52             -1.38           +0.89   +1.02   chosen
        4   GLE        banks               missing             +1.00           +0.89   +0.95   chosen
        5   BBVA.MC    banks               missing             +0.95           +0.89   +0.92   chosen
        6   PHIA.AS    health                +2.52             -0.44           -1.11   +0.91   chosen
    ");
    assert!(
        stage.refused("screen --config conf --state-dir state --date 2026-02-27").contains("no screen was recorded")
    );
}

#[test]
fn a_new_month_brings_a_new_list() {
    let stage = screening(|settings| settings);
    let days = stage.days("demo --from 2026-03-30 --days 4 --config conf --state-dir state");
    days.iter().for_each(assert_tied_out);
    let on = |date: &str| screens(&stage, &format!("--date {date}"))["screened"].as_str().unwrap().to_owned();
    assert_eq!(on("2026-03-31"), "2026-03-30");
    assert_eq!(on("2026-04-02"), "2026-04-01");
}

#[test]
fn a_screen_that_fails_is_a_warning_and_holds_nothing() {
    let stage = screening(|settings| settings.replace("min_universe: 15 ", "min_universe: 80 "));
    let days = stage.days("demo --config conf --state-dir state");
    assert_tied_out(&days[0]);
    let step = &days[0].steps[8];
    assert_eq!(step.outcome, "warned");
    let why = "0 long, 0 short, nothing is added, screen fails since 2026-03-02: 67 of 67 long candidates can be ranked, \
               80 are needed, fundamentals simulated";
    assert!(step.detail.contains(why), "{}", step.detail);
    assert!(days[0].targets.iter().all(|target| target.sleeves == ["core_index_rv"]), "{:?}", days[0].targets);
}

/// Statements of 2015, beside a map that imports them.
fn statements(stage: &Stage, companies: &[&str]) {
    let map = r#"
segments: {"2015": {from: 2015-01-01, to: 2015-12-31}}
series: {}
fundamentals:
  annual_2015:
    stands_for: statements nobody renewed
    file: old.csv
    name: symbol
    period_end: {column: end, format: "%Y-%m-%d"}
    days_to_publication: 90
    figures: {equity: [equity], net_income: [income]}
"#;
    std::fs::write(stage.path("map.yaml"), map).unwrap();
    let rows: String = companies.iter().map(|name| format!("{name},2015-09-30,100,50\n")).collect();
    std::fs::write(stage.path("old.csv"), format!("symbol,end,equity,income\n{rows}")).unwrap();
}

/// Statements that nobody renewed say nothing of today: the screen fails as if there were none, and its page says what is
/// missing. With permission the configured names are held from the first day on, and the page names them.
#[test]
fn on_statements_that_are_too_old_the_configured_names_are_held() {
    let fallback = "allow_fallback: true\n    fallback: {long: [AAPL, MSFT], short: [EXV1]}";
    let stage = screening(|settings| {
        let settings = settings.replace("fundamentals: simulated ", "fundamentals: old ");
        settings.replace("allow_fallback: false", fallback)
    });
    statements(&stage, &["AAPL", "MSFT", "NVDA", "AMZN"]);
    let refused = stage.refused("demo --config conf --state-dir state");
    assert!(refused.contains("sleeves.single_name.fundamentals: no catalogue at old"), "{refused}");
    stage.ok("data import --map map.yaml . --out old");
    let days = stage.days("demo --days 2 --config conf --state-dir state");
    days.iter().for_each(assert_tied_out);
    let step = &days[1].steps[8];
    let why = "2 long, 1 short, configured fallback, screen fails since 2026-03-02: 0 of 67 long candidates can be ranked, 15 \
               are needed, fundamentals annual_2015";
    assert!(step.outcome == "warned" && step.detail.contains(why), "{}", step.detail);
    let held = |name: &str| days[1].positions.iter().any(|position| position.instrument == name);
    assert!(held("AAPL") && held("MSFT") && held("EXV1"), "{:?}", days[1].positions);
    let page = stage.ok("screen --config conf --state-dir state --side long");
    let head: Vec<&str> = page.lines().take(8).map(str::trim_end).collect();
    insta::assert_snapshot!(head.join("\n"), @r"
    single_name, screened 2026-03-03, fundamentals annual_2015
    On 2026-03-03: 2 long, 1 short, configured fallback, screen fails since 2026-03-02: 0 of 67 long candidates can be ranked, 15 are needed, fundamentals annual_2015
    Its list meanwhile: long AAPL MSFT; short EXV1

    long: 0 of 0 ranked, 67 candidates
     rank   name    sector        quality × 0.50   momentum × 0.30   size × 0.20   score
    ───────────────────────────────────────────────────────────────────────────────────────────────────────
        –   GS      financials           missing             +1.95       missing   +1.95   too few factors
    ");
}

/// The folder that settings name is the same: only the marks of the data tell the two apart.
#[test]
fn a_study_of_other_statements_is_another_study() {
    let stage = screening(|settings| settings.replace("fundamentals: simulated ", "fundamentals: old "));
    std::fs::write(stage.path("search.yaml"), "settings: {vol_target_annual: [0.12]}").unwrap();
    let refused = stage.refused("backtest --config conf --to 2026-03-02");
    assert!(refused.contains("sleeves.single_name.fundamentals: no catalogue at old"), "{refused}");
    let studied = |companies: &[&str]| -> Value {
        statements(&stage, companies);
        stage.ok("data import --map map.yaml . --out old --replace");
        stage.ok("sweep search.yaml --config conf --to 2026-03-02 --out found");
        let told = stage.ok("backtest --config conf --to 2026-03-02 --json");
        serde_json::from_str::<Value>(&told).unwrap()["origin"].clone()
    };
    let runs = || std::fs::read_to_string(stage.path("found/runs.jsonl")).unwrap().lines().count();
    let (first, again) = (studied(&["AAPL"]), studied(&["AAPL"]));
    assert_eq!((&first, runs()), (&again, 1), "the same statements are the same run");
    let other = studied(&["MSFT"]);
    assert_ne!(first["data"], other["data"]);
    assert_eq!((&first["config"], runs()), (&other["config"], 2), "and what the folder has of the first is not taken");
}

#[test]
fn sixty_forty_runs_without_a_line_of_rust() {
    let stage = Stage::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/examples/sixty-forty");
    let days = stage.days(&format!("demo --days 8 --config {example} --state-dir state"));
    days.iter().for_each(assert_tied_out);
    let last = days.last().unwrap();
    let weights: Vec<(&str, f64)> = last.targets.iter().map(|t| (t.instrument.as_str(), t.weight)).collect();
    assert_eq!(weights, [("CSPX", 0.95 * 0.6), ("LQDE", 0.95 * 0.4)]);
    assert!((0.7..=1.3).contains(&last.gross_of_nav), "built up, and scaled: {}", last.gross_of_nav);
    assert!(last.hedges.is_empty() && last.steps[3].detail == "everything is in USD", "{:?}", last.steps[3]);
}

/// The file of the book's other strategy, over months of both depths: the same instruments, the same books.
#[test]
fn sixty_forty_is_researched_without_a_line_of_rust() {
    let stage = Stage::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/examples/sixty-forty");
    let tested = |depth: &str| -> Value {
        let line = format!("backtest --config {example} --depth {depth} --to 2026-05-29 --json");
        serde_json::from_str(&stage.ok(&line)).unwrap()
    };
    let (fast, deep) = (tested("next-session"), tested("order-level"));
    for summary in [&fast, &deep] {
        assert_eq!((&summary["days"], &summary["difference_bp_max"]), (&Value::from(61), &Value::from(0.0)));
        let volatility = summary["statistics"]["annual_volatility"].as_f64().unwrap();
        assert!((0.03..0.16).contains(&volatility), "scaled towards a tenth: {volatility}");
    }
}
