//! What goes wrong on the wire, made to happen at the simulated gateway and met by the whole program.
//!
//! In: a script of faults. Out: orders and executions in the broker's own record, modes and reports. Invariant: nothing
//! is sent twice, no execution is lost or counted twice, and the books tie out once the wire is whole again.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{Stage, Told, assert_tied_out};
use console::DayReport;
use domain::Quantity;
use gateway::{Entry, read_record};
use rust_decimal::dec;
use sim::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Before and while the first day's orders are at work, some minutes later, and before the second day's plan.
const BEFORE_WORK: &str = "2026-03-02T14:44:50Z";
const AT_WORK: &str = "2026-03-02T14:46:00Z";
const LATER: &str = "2026-03-02T14:56:00Z";
const BEFORE_THE_SECOND_DAY: &str = "2026-03-03T05:00:00Z";

/// What a story found.
struct Run {
    stage: Stage,
    told: Told,
    days: Vec<DayReport>,
}

/// Three days; faults from a moment on, and all is healed in the evening of their date.
fn met(at: &str, faults: &[&str]) -> Run {
    let timed: Vec<(&str, &str)> = faults.iter().map(|fault| (at, *fault)).collect();
    met_in_turn(&timed)
}

fn met_in_turn(faults: &[(&str, &str)]) -> Run {
    // A frozen gateway is given up after this long, on the wall.
    staged(faults, "heartbeat: 15s", "heartbeat: 2s")
}

/// The same with another setting.
fn met_with(at: &str, faults: &[&str], from: &str, to: &str) -> Run {
    let timed: Vec<(&str, &str)> = faults.iter().map(|fault| (at, *fault)).collect();
    staged(&timed, from, to)
}

fn staged(faults: &[(&str, &str)], from: &str, to: &str) -> Run {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", from, to);
    let healed = format!("{}T21:30:00Z", &faults[0].0[..10]);
    let line = |at: &str, inject: &str| format!(r#"{{"at": "{at}", "inject": {{{inject}}}}}"#);
    let mut script: Vec<String> = faults.iter().map(|(at, fault)| line(at, fault)).collect();
    script.push(line(&healed, r#""heal": {}"#));
    std::fs::write(stage.path("faults.jsonl"), script.join("\n")).unwrap();
    let told = stage.run("demo --days 3 --config config --faults faults.jsonl --state-dir state --json");
    let days = if told.out.is_empty() { Vec::new() } else { common::reports(&told.out) };
    Run { stage, told, days }
}

impl Run {
    /// Every day tied out to the cent, no reference was placed under two numbers, and nothing was executed beyond what was
    /// ordered.
    fn assert_whole(&self, what: &str) {
        self.assert_tied_out_in("NORMAL", what);
    }

    fn assert_tied_out_in(&self, mode: &str, what: &str) {
        assert_eq!((self.told.code, self.days.len()), (0, 3), "{what}: {}", self.told.err);
        for day in &self.days {
            let found: Vec<&str> = day.differences.iter().map(|row| row.id.as_str()).collect();
            assert_eq!((day.mode.as_str(), found), (mode, vec![]), "{what}: {}", day.date);
            assert_tied_out(day);
        }
        let orders = assert_nothing_twice(&self.stage.path("state/gateway.jsonl"), what);
        assert!(orders > 0, "{what}: the days trade");
    }

    /// What became of the first day's orders, as `CSPX filled`.
    fn ended(&self) -> Vec<String> {
        self.days[0].orders.iter().map(|order| format!("{} {}", order.instrument, order.status)).collect()
    }

    /// How many orders of the first day were sent for an instrument.
    fn sent(&self, instrument: &str) -> usize {
        let orders = self.days[0].orders.iter().filter(|order| order.instrument == instrument);
        orders.map(|order| order.children).sum()
    }
}

/// In the broker's own record: a reference is one order, a number is too, and an order executes at most its last quantity.
/// Returns how many orders there were.
fn assert_nothing_twice(record: &Path, what: &str) -> usize {
    let (mut ordered, mut executed) = (BTreeMap::new(), BTreeMap::new());
    let (mut ids, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for entry in read_record(record).unwrap() {
        match entry {
            Entry::Command { command: Command::Place { client, order }, .. } => {
                assert!(numbers.insert((client, order.order_id)), "{what}: number {} was used twice", order.order_id);
                let earlier = ordered.insert(order.order_ref.clone(), order.quantity);
                assert!(earlier.is_none(), "{what}: {} was placed twice", order.order_ref);
            }
            Entry::Command { command: Command::Modify { order, .. }, .. } => {
                ordered.insert(order.order_ref.clone(), order.quantity);
            }
            Entry::Execution(execution) => {
                assert!(ids.insert(execution.execution.clone()), "{what}: {}", execution.execution);
                *executed.entry(execution.order_ref).or_insert(Quantity::ZERO) += execution.quantity;
            }
            _ => {}
        }
    }
    for (order_ref, quantity) in executed {
        assert!(quantity <= ordered[&order_ref], "{what}: {order_ref} executed {quantity}");
    }
    ordered.len()
}

const FILLED: [&str; 2] = ["CS51 filled", "CSPX filled"];

#[test]
fn whatever_the_link_does_the_day_is_traded_once() {
    let stories: [(&str, &[(&str, &str)]); 15] = [
        ("1100, 1102", &[(AT_WORK, r#""link_lost": {}"#), (LATER, r#""link_restored": {}"#)]),
        ("1100, 1101", &[(AT_WORK, r#""link_lost": {}"#), (LATER, r#""link_restored": {"data_lost": true}"#)]),
        ("dropped", &[(AT_WORK, r#""disconnect": {}"#)]),
        ("restarted", &[(AT_WORK, r#""restart": {"count": 3}"#)]),
        ("frozen, nothing carried out", &[(AT_WORK, r#""freeze": {}"#)]),
        ("frozen, everything carried out", &[(BEFORE_WORK, r#""freeze": {"carried_out": true}"#)]),
        ("frozen, a new connection too", &[(AT_WORK, r#""freeze": {"connections": 1}"#)]),
        ("326", &[(AT_WORK, r#""client_id_in_use": {"count": 2}"#), (AT_WORK, r#""restart": {"count": 0}"#)]),
        ("no next id", &[(AT_WORK, r#""no_next_id": {}"#), (AT_WORK, r#""restart": {"count": 0}"#)]),
        ("ids rolled back", &[(AT_WORK, r#""roll_back_ids": {}"#), (AT_WORK, r#""restart": {}"#)]),
        ("100", &[(AT_WORK, r#""too_fast": {}"#)]),
        ("1300", &[(AT_WORK, r#""notice": {"code": 1300}"#)]),
        ("farms", &[(AT_WORK, r#""notice": {"code": 2103}"#), (LATER, r#""notice": {"code": 2104}"#)]),
        ("history farms", &[(AT_WORK, r#""notice": {"code": 2105}"#), (LATER, r#""notice": {"code": 2106}"#)]),
        ("2110", &[(AT_WORK, r#""notice": {"code": 2110}"#), (LATER, r#""notice": {"code": 2158}"#)]),
    ];
    for (what, faults) in stories {
        let run = met_in_turn(faults);
        run.assert_whole(what);
        assert_eq!(run.ended(), FILLED, "{what}");
    }
}

#[test]
fn a_broker_that_was_lost_and_found_is_told_to_a_person() {
    let run = met(AT_WORK, &[r#""notice": {"code": 1300}"#]);
    let alerts = run.days[0].alerts.join("\n");
    assert!(alerts.contains("the broker was lost (the gateway's port was reset"), "{alerts}");
    assert!(alerts.contains("the broker is back at attempt 1"), "{alerts}");
}

#[test]
fn a_broker_that_is_away_for_minutes_is_looked_for_while_the_window_lasts() {
    // The adapter knocks three or four times within its second, then half a minute passes, then a minute.
    let run = met_with(AT_WORK, &[r#""restart": {"count": 8}"#], "ready_timeout: 10m", "ready_timeout: 1s");
    run.assert_whole("away");
    assert_eq!(run.ended(), FILLED);
    let alerts = run.days[0].alerts.join("\n");
    let attempts = alerts.split("the broker is back at attempt ").nth(1).and_then(|rest| rest.split(':').next());
    let attempts: u32 = attempts.and_then(|count| count.parse().ok()).expect(&alerts);
    assert!(attempts > 1, "{alerts}");
}

#[test]
fn a_code_that_no_table_knows_holds_its_order_and_tells_a_person() {
    let run = met(BEFORE_WORK, &[r#""warn_next": {"code": 54321, "text": "never heard of", "count": 5}"#]);
    run.assert_whole("54321");
    assert_eq!(run.ended(), FILLED, "the order lives, and is found again among the broker's");
    let told: Vec<&String> = run.days[0].alerts.iter().filter(|alert| alert.contains("54321")).collect();
    let [alert] = told[..] else { panic!("once: {:?}", run.days[0].alerts) };
    assert!(alert.contains("`never heard of`") && alert.contains("is held"), "{alert}");
}

#[test]
fn numbers_that_a_gateway_rolled_back_are_not_used_twice_by_another_engine() {
    let stage = Stage::new();
    stage.ok("demo --days 1 --state-dir state");
    let fault = r#"{"at": "2026-03-03T01:00:00Z", "inject": {"roll_back_ids": {}}}"#;
    std::fs::write(stage.path("faults.jsonl"), fault).unwrap();
    // A script is no part of the world, so the same account goes on under a gateway whose numbers begin at 1 again.
    let days = stage.days("demo --days 3 --faults faults.jsonl --state-dir state");
    days.iter().for_each(assert_tied_out);
    assert!(assert_nothing_twice(&stage.path("state/gateway.jsonl"), "rolled back") > 2);
}

#[test]
fn however_orders_are_told_they_are_counted_once() {
    let telling = [
        "executions_first",
        "commissions_first",
        "commissions_late",
        "commissions_split",
        "status_twice",
        "no_status",
        "executions_twice",
        "second_perm_id",
    ];
    for how in telling {
        let run = met(BEFORE_WORK, &[&format!(r#""tell": {{"how": "{how}"}}"#)]);
        run.assert_whole(how);
        assert_eq!(run.ended(), FILLED, "{how}");
    }
}

#[test]
fn a_word_about_an_order_that_lives_changes_nothing() {
    for warned in [
        r#""code": 404"#,
        r#""code": 10349"#,
        r#""code": 399, "text": "Order Message: it waits""#,
        r#""code": 399, "text": "Warning: it waits""#,
        r#""code": 2161"#,
        r#""code": 2109"#,
    ] {
        let run = met(BEFORE_WORK, &[&format!(r#""warn_next": {{{warned}, "count": 5}}"#)]);
        run.assert_whole(warned);
        assert_eq!(run.ended(), FILLED, "{warned}");
    }
    // Of a cancel that was not done, and of one without a status: what became of the order is told elsewhere.
    for code in [161, 202, 10147, 10148] {
        let run = met(AT_WORK, &[&format!(r#""notice": {{"code": {code}, "about_last_order": true}}"#)]);
        run.assert_whole(&code.to_string());
        assert_eq!(run.ended(), FILLED, "{code}");
    }
}

#[test]
fn a_net_liquidation_value_that_is_not_ours_tightens_by_how_far_it_is_off() {
    for (share, mode, code) in [(dec!(1.001), "NORMAL", 0), (dec!(1.005), "CANCEL_ONLY", 5), (dec!(0.98), "FROZEN", 5)]
    {
        let stage = Stage::new();
        let nav = stage.days("demo --days 1 --state-dir state")[0].nav.expect("valued");
        let told = (nav * share).round_dp(2);
        let fault = format!(r#"{{"at": "{BEFORE_THE_SECOND_DAY}", "inject": {{"nlv": {{"value": "{told}"}}}}}}"#);
        std::fs::write(stage.path("faults.jsonl"), fault).unwrap();
        let told = stage.run("demo --days 2 --faults faults.jsonl --state-dir state --json");
        let days = common::reports(&told.out);
        assert_eq!((days[1].mode.as_str(), told.code), (mode, code), "{share}: {}", told.err);
        let placed = days[1].orders.iter().map(|order| order.children).sum::<usize>();
        assert!(mode == "NORMAL" || placed == 0, "{share}: {placed} orders");
    }
}

#[test]
fn what_is_refused_is_not_sent_again_that_day() {
    for refused in [
        r#""code": 201, "text": "Order rejected - reason:margin""#,
        r#""code": 201, "text": "Order rejected - reason:no KID", "inactive": true"#,
        r#""code": 201, "text": "Order rejected - reason:The contract is not available for short sale""#,
        r#""code": 110, "text": "The price does not conform""#,
        r#""code": 103, "text": "Duplicate order id""#,
        r#""code": 104, "text": "Cannot modify a filled order""#,
        r#""code": 105, "text": "Order being modified does not match""#,
        r#""code": 387, "text": "Unsupported order type for this exchange and security type""#,
        r#""code": 54321, "text": "a code that no table knows""#,
    ] {
        let run = met(BEFORE_WORK, &[&format!(r#""reject_next": {{{refused}}}"#)]);
        run.assert_whole(refused);
        assert_eq!(run.sent("CS51"), 1, "{refused}: {:?}", run.ended());
        assert_ne!(run.ended()[0], "CS51 filled", "{refused}");
    }
}

#[test]
fn silence_is_not_answered_by_a_second_order() {
    for silent in [r#""ignore_next": {}"#, r#""ignore_next": {"working": true}"#] {
        let run = met(BEFORE_WORK, &[silent]);
        run.assert_whole(silent);
        assert_eq!(run.sent("CS51"), 1, "{silent}: {:?}", run.ended());
    }
}

#[test]
fn a_cancel_that_crosses_an_execution_loses_neither() {
    // In parts too: some of it was executed when the cancel arrived, or is told after it.
    let parts = ["filled_before", "filled_after"].map(|race| format!(r#""{race}", "quantity": "7""#));
    let races = ["filled_before", "filled_after", "pending_then_filled", "api_cancelled", "ignored"];
    for race in races.map(|race| format!("\"{race}\"")).into_iter().chain(parts) {
        let run = met(BEFORE_WORK, &[&format!(r#""race_cancel": {{"race": {race}}}"#)]);
        run.assert_whole(&race);
        assert_eq!(run.ended(), FILLED, "{race}");
    }
}

#[test]
fn nothing_is_priced_by_data_that_is_none() {
    for data in [
        r#""data": {"code": 354, "text": "not subscribed"}"#,
        r#""data": {"code": 10197, "text": "a competing session"}"#,
        r#""data": {"code": 10168, "text": "delayed data is not enabled"}"#,
        r#""data": {"code": 10089, "text": "needs a subscription"}"#,
        r#""delayed": {}"#,
        r#""no_sides": {}"#,
        r#""stale_close": {}"#,
    ] {
        let run = met(BEFORE_WORK, &[data]);
        run.assert_whole(data);
        assert_eq!((run.sent("CS51"), run.sent("CSPX")), (0, 0), "{data}");
    }
    for data in [r#""data": {"code": 10090, "goes_on": true}"#, r#""data": {"code": 10167, "goes_on": true}"#] {
        let run = met(BEFORE_WORK, &[data]);
        run.assert_whole(data);
        assert_eq!(run.ended(), FILLED, "{data}");
    }
}

#[test]
fn bars_are_asked_for_again_when_the_broker_was_busy() {
    for history in [r#""code": 162, "text": "pacing violation""#, r#""code": 165, "text": "busy", "goes_on": true"#] {
        let run = met(BEFORE_THE_SECOND_DAY, &[&format!(r#""history": {{{history}}}"#)]);
        run.assert_whole(history);
    }
}

#[test]
fn a_leg_that_is_halted_is_waited_for_and_neither_chased_nor_doubled() {
    for minutes in [5, 30] {
        let run = met(AT_WORK, &[&format!(r#""halt": {{"contract": "CSPX", "minutes": {minutes}}}"#)]);
        run.assert_whole(&format!("a halt of {minutes} minutes"));
        assert_eq!(run.ended(), FILLED, "{minutes} minutes");
    }
}

#[test]
fn a_held_contract_whose_description_fits_two_or_none_is_left_alone_and_stops_nothing_else() {
    for (fault, sentence) in [
        (r#""ambiguous": {"contract": "CSPX"}"#, "the broker knows 2 of it"),
        (r#""unlisted": {"contract": "CSPX"}"#, "the broker knows no CSPX USD on SMART"),
    ] {
        let run = met(BEFORE_THE_SECOND_DAY, &[fault]);
        assert_eq!((run.told.code, run.days.len()), (0, 3), "{sentence}: {}", run.told.err);
        let [before, during, after] = &run.days[..] else { panic!("three days") };
        let named: Vec<_> = during.differences.iter().map(|row| (row.id.as_str(), row.evidence.as_str())).collect();
        let told = named.iter().find(|(id, _)| *id == "mark:CSPX").map(|(_, words)| *words).unwrap_or_default();
        assert!(told.contains(sentence), "{sentence}: {named:?}");
        // It is kept at its last good mark, which the report says, and the rest of the day goes on.
        assert!(during.orders.iter().all(|order| order.instrument != "CSPX"), "{sentence}: {:?}", during.orders);
        let held =
            |day: &DayReport| day.positions.iter().find(|held| held.instrument == "CSPX").expect("held").ours.clone();
        assert_eq!(held(during), held(before), "{sentence}");
        assert_eq!((during.mode.as_str(), after.mode.as_str()), ("NORMAL", "NORMAL"), "{sentence}");
        assert_tied_out(after);
        assert_nothing_twice(&run.stage.path("state/gateway.jsonl"), sentence);
    }
}
