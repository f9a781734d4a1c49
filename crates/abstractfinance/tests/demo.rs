//! Stories of `demo`: what the first minutes with the program look like.
//!
//! In: the command of the README and its options. Out: pages and JSON. Invariant: the same command gives
//! the same days, and a day that is over is never run again.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, assert_tied_out};
use domain::OrderRef;
use rust_decimal::Decimal;
use serde_json::Value;

#[test]
fn the_first_day_reads_like_this() {
    let stage = Stage::as_shipped();
    let page = stage.ok("demo --state-dir state");
    let (page, head) = page.rsplit_once("Head      ").expect("the page names the chain's head");
    let (records, hash) = head.trim_end().split_once(':').unwrap();
    assert_eq!((records, hash.len()), ("340", 64));
    insta::assert_snapshot!("first_day", page);
}

#[test]
fn an_empty_folder_is_enough_and_stays_empty() {
    let stage = Stage::as_shipped();
    let page = stage.ok("demo");
    assert!(page.contains("Tie-out"), "{page}");
    assert_eq!(stage.files(), [""; 0]);
    let journal = page.lines().find_map(|line| line.strip_prefix("Journal   ")).expect("the page names the journal");
    assert!(std::path::Path::new(journal).exists(), "{journal}");
}

#[test]
fn the_json_of_a_day_has_every_promised_field() {
    let document: Value = serde_json::from_str(&Stage::new().ok("demo --json")).unwrap();
    let day = &document["days"][0];

    for money in ["nav", "nlv", "nav_at_plan", "gross", "net"] {
        let amount: Decimal = day[money].as_str().expect(money).parse().unwrap();
        assert_eq!(amount.scale(), 2, "{money}");
    }
    for number in ["difference_bp", "vol", "vol_scale", "state_factor", "scale", "vix"] {
        assert!(day[number].is_number(), "{number}");
    }
    assert_eq!(day["date"], "2026-03-02");
    assert_eq!(day["regime"], "NORMAL");
    let hash = day["plan_hash"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");

    let steps = day["steps"].as_array().unwrap();
    let numbers: Vec<u64> = steps.iter().map(|step| step["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<u64>>());
    let outcomes = ["done", "warned", "stopped", "not configured"];
    assert!(steps.iter().all(|step| outcomes.contains(&step["outcome"].as_str().unwrap())));

    let orders = day["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 2);
    for (order, intent) in orders.iter().zip(1..) {
        let text = order["order_ref"].as_str().unwrap();
        let reference: OrderRef = text.parse().unwrap();
        assert_eq!((reference.to_string().as_str(), reference.intent, reference.attempt), (text, intent, 1));
        for quantity in ["quantity", "limit", "filled"] {
            order[quantity].as_str().expect(quantity).parse::<Decimal>().expect(quantity);
        }
        assert_eq!(order["sleeves"][0], "core_index_rv");
        assert!(["BUY", "SELL"].contains(&order["side"].as_str().unwrap()));
        assert_eq!(order["status"], "filled");
        assert!(order["instrument"].is_string() && order["slippage_bps"].is_number());
    }
    let refusal = &day["refusals"][0];
    assert!(refusal["code"].is_string() && refusal["sentence"].is_string(), "{refusal}");
}

#[test]
fn the_seed_alone_decides_the_days() {
    let days = |line: &str| {
        let mut document: Value = serde_json::from_str(&Stage::new().ok(line)).unwrap();
        let reports = document["days"].as_array_mut().unwrap();
        // Where the journal is and which run wrote it differ, and with them its hashes.
        for day in reports {
            let day = day.as_object_mut().unwrap();
            ["journal", "journal_head"].iter().for_each(|key| drop(day.remove(*key).expect(key)));
        }
        document
    };
    let first = days("demo --days 4 --seed 7 --scenario spike --json");
    assert_eq!(first, days("demo --days 4 --seed 7 --scenario spike --json"));

    let other = days("demo --days 4 --seed 8 --scenario spike --json");
    for (one, two) in first["days"].as_array().unwrap().iter().zip(other["days"].as_array().unwrap()) {
        assert_ne!(one["nav"], two["nav"]);
    }
}

#[test]
fn every_scenario_runs_for_weeks_and_ties_out_every_day() {
    for (scenario, regimes) in [
        ("calm", &["NORMAL"][..]),
        ("decline", &["NORMAL"]),
        ("crash", &["NORMAL", "CRISIS"]),
        ("spike", &["NORMAL", "ELEVATED"]),
    ] {
        let days = Stage::new().days(&format!("demo --days 15 --scenario {scenario}"));
        assert_eq!(days.len(), 15, "{scenario}");
        assert!(days.is_sorted_by(|one, next| one.date < next.date), "{scenario}");
        days.iter().for_each(assert_tied_out);
        assert!(days.iter().all(|day| day.mode == "NORMAL" && day.steps.len() == 14), "{scenario}");
        let mut seen: Vec<&str> = days.iter().map(|day| day.regime.as_str()).collect();
        seen.dedup();
        assert_eq!(seen, regimes, "{scenario}");
    }
}

#[test]
fn a_longer_run_goes_on_where_the_shorter_one_ended() {
    let stage = Stage::new();
    let three = stage.days("demo --days 3 --state-dir state");
    let five = stage.days("demo --days 5 --state-dir state");

    assert!(five[..3].iter().all(|day| day.already_done) && !five[3..].iter().any(|day| day.already_done));
    for (shown, run) in five.iter().zip(&three) {
        assert_eq!(console::DayReport { already_done: false, ..shown.clone() }, *run);
    }
    let uninterrupted = Stage::new().days("demo --days 5");
    let result = |day: &console::DayReport| (day.date.clone(), day.nav, day.plan_hash.clone());
    assert!(five.iter().map(result).eq(uninterrupted.iter().map(result)), "stopping in between changes nothing");
}

#[test]
fn a_second_run_on_a_date_does_nothing_and_says_so() {
    let stage = Stage::new();
    stage.ok("demo --days 2 --state-dir state");
    let told = || std::fs::read(stage.path("state/gateway.jsonl")).unwrap();
    let (record, journal) = (told(), stage.ok("journal verify --state-dir state"));

    let page = stage.ok("demo --days 2 --state-dir state");
    let said = "Trade date 2026-03-03 was already finished by an earlier run: nothing was sent.";
    assert!(page.contains(said), "{page}");
    assert!(told() == record, "the broker was told nothing");
    assert_eq!(stage.ok("journal verify --state-dir state"), journal, "the journal holds nothing new");
}
