//! Stories of the books: sleeves that sum to the account, a file out and in, positions taken over.
//!
//! In: simulated days with everything that happens to an account, files, folders without books. Out: what ties out and
//! what is refused. Invariant: NAV is the broker's net liquidation value to the cent, and the sleeves' profits are NAV's.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use console::DayReport;
use insta::assert_snapshot;
use rust_decimal::Decimal;
use std::fs;
use std::path::Path;

/// First deposit of the simulated account.
const DEPOSIT: i64 = 10_000_000;

/// What chance alone may leave out, made to happen in the evenings, so that the next morning's statement tells it.
const HAPPENS: [&str; 9] = [
    r#"{"at": "2026-03-03T22:30:00Z", "inject": {"deposit": {"currency": "USD", "amount": "500000"}}}"#,
    r#"{"at": "2026-03-04T22:30:00Z", "inject": {"withdraw": {"currency": "EUR", "amount": "100000"}}}"#,
    r#"{"at": "2026-03-05T22:30:00Z", "inject": {"split_now": {"contract": "CSPX", "numerator": 2, "denominator": 1}}}"#,
    r#"{"at": "2026-03-06T22:30:00Z", "inject": {"dividend_now": {"contract": "CS51", "amount": "1.10"}}}"#,
    r#"{"at": "2026-03-09T22:30:00Z", "inject": {"convert_cash": {"sold": {"currency": "USD", "amount": "50000"}, "bought": {"currency": "EUR", "amount": "43000"}}}}"#,
    r#"{"at": "2026-03-10T22:30:00Z", "inject": {"fee": {"currency": "USD", "amount": "125.50"}}}"#,
    r#"{"at": "2026-03-11T22:30:00Z", "inject": {"commission_adjustment": {"currency": "USD", "amount": "12.34"}}}"#,
    r#"{"at": "2026-03-12T14:00:00Z", "inject": {"settle_futures_now": {}}}"#,
    r#"{"at": "2026-03-16T16:50:00Z", "inject": {"recall": {"contract": "CS51"}}}"#,
];
/// How the mornings tell what was booked, a kind of event each.
const TOLD: [&str; 10] = [
    "accrued for",
    "settled at",
    "interest of",
    "borrow fee for",
    "fee of",
    "deposit or withdrawal of",
    "CSPX split 2 for 1",
    "dividend of CS51",
    "converted 50,000.00 USD into 43,000.00 EUR",
    "called back by the lender",
];

/// The worst difference of NAV to NLV, and of the sleeves' profits to NAV's, over some days of one account.
fn worst(days: &[DayReport]) -> (Decimal, Decimal) {
    let (mut to_broker, mut to_sleeves, mut flows) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for day in days {
        let nav = day.nav.expect("valued");
        flows += day.flows;
        let profits: Decimal = day.sleeves.iter().map(|sleeve| sleeve.cumulative).sum();
        to_broker = to_broker.max((nav - day.nlv.expect("told")).abs());
        to_sleeves = to_sleeves.max((profits.round_dp(2) - (nav - Decimal::from(DEPOSIT) - flows)).abs());
    }
    (to_broker, to_sleeves)
}

#[test]
fn with_everything_that_happens_to_an_account_nav_ties_out_and_sleeves_sum_to_it() {
    let long = std::env::var_os("AF_LONG").is_some();
    let (days, worlds) = if long {
        (250, vec![(1, "calm"), (1, "decline"), (3, "calm"), (3, "crash")])
    } else {
        (60, vec![(1, "calm")])
    };
    for (seed, scenario) in worlds {
        let stage = Stage::new();
        fs::write(stage.path("faults.jsonl"), HAPPENS.join("\n")).unwrap();
        let line = format!(
            "demo --days {days} --seed {seed} --scenario {scenario} --account-events realistic --faults faults.jsonl \
             --state-dir state"
        );
        let reports = stage.days(&line);
        assert_eq!(worst(&reports), (Decimal::ZERO, Decimal::ZERO), "{line}");
        let told = |words: &str| reports.iter().flat_map(|day| &day.steps).any(|step| step.detail.contains(words));
        for kind in TOLD {
            assert!(told(kind), "{line}: no {kind}");
        }
        let scale = |date: &str| reports.iter().find(|day| day.date == date).expect("a trading day").vol_scale;
        assert_eq!(scale("2026-03-09"), scale("2026-03-05"), "a split is no return: the volatility stays");
    }
}

#[test]
fn a_deposit_changes_neither_return_nor_drawdown() {
    let stage = Stage::new();
    fs::write(
        stage.path("faults.jsonl"),
        "{\"at\": \"2026-03-04T20:00:00Z\", \"inject\": {\"deposit\": {\"currency\": \"USD\", \"amount\": \"500000\"}}}\n",
    )
    .unwrap();
    let told = stage.run("demo --days 6 --faults faults.jsonl --state-dir state --json");
    let plain = Stage::new().days("demo --days 6 --state-dir state");
    let with = common::reports(&told.out);
    let flows: Decimal = with.iter().map(|day| day.flows).sum();
    assert_eq!(flows, Decimal::from(500_000), "{}", told.err);
    let day = with.iter().position(|day| !day.flows.is_zero()).expect("it was told");
    assert!((with[day].daily_return - plain[day].daily_return).abs() < 1e-3, "a deposit is no profit");
}

#[test]
fn an_account_goes_out_as_a_file_and_comes_in_from_it() {
    let stage = Stage::new();
    stage.ok("demo --days 4 --state-dir first");
    fs::write(stage.path("state.json"), stage.ok("state export --state-dir first")).unwrap();
    assert_snapshot!(stage.ok("state import state.json --state-dir second"), @"state.json contradicts neither itself nor the configuration: books are opened from it");
    assert!(stage.refused("state import state.json --state-dir second").contains("has books already"));

    let gateway = stage.gateway("--record first/gateway.jsonl");
    let day = &stage.days(&format!("run --once --date 2026-03-06 {} --state-dir second", gateway.address))[0];
    assert_eq!((day.nav, day.mode.as_str(), day.differences.len()), (day.nlv, "NORMAL", 0));
    assert_eq!(day.positions[0].sleeves, [format!("core_index_rv {}", day.positions[0].ours)]);
}

#[test]
fn options_go_out_and_come_in_with_the_account() {
    let stage = Stage::as_shipped();
    stage.ok("demo --days 2 --state-dir first");
    let file = stage.ok("state export --state-dir first");
    let state: serde_json::Value = serde_json::from_str(&file).unwrap();
    let held: Vec<&String> = state["positions"].as_object().unwrap().keys().collect();
    assert!(held.iter().any(|name| name.contains("_OPT_")), "{held:?}");
    fs::write(stage.path("state.json"), file).unwrap();
    stage.ok("state import state.json --state-dir second");

    let gateway = stage.gateway("--record first/gateway.jsonl");
    let day = &stage.days(&format!("run --once --date 2026-03-04 {} --state-dir second", gateway.address))[0];
    assert_eq!((day.nav, day.mode.as_str(), day.differences.len()), (day.nlv, "NORMAL", 0));
}

#[test]
fn an_account_that_holds_something_opens_no_books_until_somebody_takes_it_over() {
    let stage = Stage::new();
    stage.ok("demo --days 2 --state-dir first");
    let gateway = stage.gateway("--record first/gateway.jsonl");
    let run = format!("run --once --date 2026-03-04 {} --state-dir second", gateway.address);
    assert_snapshot!(stage.refused(&run), @"
    exit 5
    abstractfinance: there are no books for this account yet, but it holds CS51, CSPX; start from the state folder that traded it, or take the positions over with --adopt-positions REASON: they become `external`, are counted and never traded
    ");

    let day = &stage.days(&format!("{run} --by ada --adopt-positions inherited"))[0];
    assert_eq!((day.nav, day.mode.as_str(), day.differences.len()), (day.nlv, "NORMAL", 0));
    assert!(day.positions.iter().all(
        |position| position.sleeves.iter().all(|held| held.starts_with("external ")) || position.sleeves.len() > 1
    ));
    let external = day.sleeves.iter().find(|sleeve| sleeve.sleeve == "external").expect("always there");
    assert!(external.today.abs() < Decimal::from(100_000), "coming in is no profit: {}", external.today);
}

#[test]
fn a_file_that_contradicts_itself_opens_nothing() {
    let stage = Stage::new();
    stage.ok("demo --days 3 --state-dir first");
    let file = stage.ok("state export --state-dir first");
    let wrong = file.replacen("\"daily_return\": ", "\"daily_return\": 0.5, \"was\": ", 1);
    fs::write(stage.path("wrong.json"), wrong.replace("\"was\": ", "\"max_drawdown\": -0.001, \"x\": ")).unwrap();
    assert!(stage.refused("state import wrong.json --state-dir second").starts_with("exit 2"), "an unknown key");
    let mut state: serde_json::Value = serde_json::from_str(&file).unwrap();
    state["cash"] = state["initial_capital"].clone();
    state["gross_exposure"] = "1".into();
    state["pnl_history"]["2026-03-07"] = 0.001.into();
    state["last_update"] = "2026-03-04T20:00:00".into();
    fs::write(stage.path("wrong.json"), state.to_string()).unwrap();
    let told = stage.run("state import wrong.json --state-dir second");
    let codes: Vec<&str> = told.out.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_snapshot!(codes.join("\n"), @"
    1. TIME
    2. CASH_NOT_SPENT
    3. GROSS_AND_NET
    4. IMPOSSIBLE_PROFIT
    5. IMPOSSIBLE_VOLATILITY
    6. CLOSED_DAY
    ");
    assert_eq!(told.code, 5);
    assert!(!stage.files().contains(&"second".to_owned()), "nothing was opened");
}

#[test]
fn the_example_of_the_description_is_refused_with_its_reasons() {
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/original-description.md");
    let Ok(text) = fs::read_to_string(&description) else {
        eprintln!("skipped: there is no {}", description.display());
        return;
    };
    let example = text.split("```json").find(|block| block.contains("\"initial_capital\"")).expect("section 8");
    let stage = Stage::new();
    fs::write(stage.path("example.json"), example.split("```").next().unwrap()).unwrap();
    let told = stage.run("state import example.json --json --state-dir state");
    let answer: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, answer["accepted"].as_bool()), (5, Some(false)));
    let codes: Vec<&str> =
        answer["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect();
    assert_snapshot!(codes.join(" "), @"TIME CASH_BY_CURRENCY SLEEVES CASH_NOT_SPENT NAV_IDENTITY EXPOSURE_OF_POSITIONS RETURN_OF_PROFIT IMPOSSIBLE_PROFIT IMPOSSIBLE_VOLATILITY CLOSED_DAY HISTORY_GAP EXPIRED_CONTRACT");
}
