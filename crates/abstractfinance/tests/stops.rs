//! Accounts that cannot be believed, met by the whole program: what stops it, and what lets it go on.
//!
//! In: a script of faults. Out: mode, alerts, the orders the gateway was given. Invariant: what is not known is never read as
//! "flat", nothing is sent on it, and only a person or a setting a person made ends the stop.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/faulty.rs"]
mod faulty;

use common::{Stage, assert_tied_out};
use faulty::{BEFORE_THE_SECOND_DAY, again, broken_by, on, with_faults};
use insta::assert_snapshot;

#[test]
fn an_account_told_in_another_currency_freezes_everything() {
    let run = broken_by(r#""base_currency_tags": {"currency": "EUR"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "FROZEN"));
    assert_snapshot!(run.found(1), @"
    FROZEN
    account:account · currency tag · NLV is 8,611,316.04 EUR = 10,011,516.03 USD at our rate, not in USD: its tag explains all of −1,373,522.43 → EMERGENCY: mode FROZEN
    ");
    run.assert_stood_still();
}

#[test]
fn an_empty_list_is_not_a_flat_account() {
    let run = broken_by(r#""empty_positions": {}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "CANCEL_ONLY"));
    assert_snapshot!(run.found(1), @r"
    CANCEL_ONLY
    reply:positions · incomplete reply · no row for CS51, CSPX (|value| 4,932,975.03); positions of 4,932,975.03 are counted in the broker's own total: the gap explains all of −4,932,975.03 → HALT: mode CANCEL_ONLY
    quantity:CS51 · incomplete reply · no row in a list of positions that is not whole; it explains all of 10,487 → WARN: the instrument is frozen
    quantity:CSPX · incomplete reply · no row in a list of positions that is not whole; it explains all of −3,418 → WARN: the instrument is frozen
    ");
    run.assert_stood_still();
}

/// A second day without an account, a third one after it was healed, and a fourth after a person resumed.
fn unread(inject: &str) -> String {
    let stage = with_faults(1, &[]).stage;
    let faults = format!(
        "{{\"at\": \"{BEFORE_THE_SECOND_DAY}\", \"inject\": {{{inject}}}}}\n{{\"at\": \"2026-03-03T12:00:00Z\", \
         \"inject\": {{\"heal\": {{}}}}}}\n"
    );
    std::fs::write(stage.path("faults.jsonl"), faults).unwrap();
    let run = again(stage, 3);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "CANCEL_ONLY"), "{}", run.told.err);
    run.assert_stood_still();
    assert_eq!((run.days[1].nlv, run.days[1].difference_bp), (None, None), "what is not known is not made up");
    assert_tied_out(&run.days[2]);
    let alerts = run.days[1].alerts.join("\n");
    run.stage.ok("resume --by ada --reason seen --state-dir state");
    let run = again(run.stage, 4);
    assert_eq!((run.days[3].mode.as_str(), run.told.code), ("NORMAL", 0));
    assert!(!run.ordered_later().is_empty(), "it trades again");
    alerts
}

#[test]
fn a_list_without_an_end_is_no_answer() {
    assert_snapshot!(unread(r#""truncated_positions": {"after": 1}"#), @"the account could not be read (positions: the answer has no end; a partial answer is no answer): nothing is known of it, so nothing is sent; mode CANCEL_ONLY until a person resumes");
}

#[test]
fn what_is_to_be_adopted_waits_for_an_account_that_answers() {
    let trade = r#""external_trade": {"contract": "CSPX", "side": "SELL", "quantity": "25"}"#;
    let run = with_faults(2, &[(BEFORE_THE_SECOND_DAY, trade)]);
    let id = run.days[1].differences[0].id.clone();
    run.stage.ok(&format!("reconcile adopt {id} --by ada --reason known --state-dir state"));
    let faults = [
        format!(r#"{{"at": "{BEFORE_THE_SECOND_DAY}", "inject": {{{trade}}}}}"#),
        r#"{"at": "2026-03-04T05:00:00Z", "inject": {"truncated_positions": {"after": 1}}}"#.to_owned(),
        r#"{"at": "2026-03-04T12:00:00Z", "inject": {"heal": {}}}"#.to_owned(),
    ];
    std::fs::write(run.stage.path("faults.jsonl"), faults.join("\n")).unwrap();
    let run = again(run.stage, 4);
    assert_eq!(run.days[2].mode, "CANCEL_ONLY");
    let waits = format!("waits for the account: book {id} into external (by ada: known)");
    assert!(run.booked(2).contains(&waits), "{}", run.booked(2));
    assert!(run.booked(3).contains("SELL 25 CSPX at 720.84 booked"), "said once, done once: {}", run.booked(3));
    assert_tied_out(&run.days[3]);
}

#[test]
fn an_account_that_is_still_loading_is_waited_for_and_then_left_alone() {
    assert_snapshot!(unread(r#""account_not_ready": {}"#), @"the account could not be read (account updates: the gateway is still loading the account: ask again): nothing is known of it, so nothing is sent; mode CANCEL_ONLY until a person resumes");
}

#[test]
fn an_account_that_gets_ready_in_time_is_traded() {
    let faults = [(BEFORE_THE_SECOND_DAY, r#""account_not_ready": {}"#), ("2026-03-03T06:05:00Z", r#""heal": {}"#)];
    let run = with_faults(2, &faults);
    assert_eq!((run.told.code, run.found(1).as_str()), (0, "NORMAL"));
    assert!(!run.ordered_later().is_empty());
}

#[test]
fn a_close_out_waits_for_a_person_and_then_goes_out_of_a_stopped_account() {
    let future = r#""external_trade": {"contract": "M6E_20260316", "side": "BUY", "quantity": "20"}"#;
    let run = with_faults(2, &[(BEFORE_THE_SECOND_DAY, future)]);
    let id = run.days[1].differences[0].id.clone();
    run.stage.ok(&format!("reconcile adopt {id} --sleeve fx_hedge --by ada --reason hedge --state-dir state"));
    run.stage.ok("halt --by ada --reason drill --state-dir state");
    let run = again(run.stage, 3);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "CANCEL_ONLY"));
    assert!(run.held(2).contains(&("M6E_20260316", "20")), "{:?}", run.held(2));
    let waits = run.days[2].alerts.iter().find(|alert| alert.contains("close-out")).expect("it is told");
    assert_snapshot!(waits, @"M6E_20260316 has to be closed out and the mode is CANCEL_ONLY: confirm it with `abstractfinance close-out --confirm M6E_20260316 --reason TEXT`");

    let unheld = run.stage.run("close-out --confirm M6E_20260615 --by ada --reason roll --state-dir state");
    assert_eq!(unheld.code, 2, "{}", unheld.err);
    assert_snapshot!(run.stage.ok("close-out --confirm M6E_20260316 --by ada --reason roll --state-dir state"), @"message 3 to account f4f616: close out M6E_20260316, whatever the mode (by ada: roll); no engine is running: it counts from the next start");
    let run = again(run.stage, 4);
    assert_eq!((run.told.code, run.days[3].mode.as_str()), (5, "CANCEL_ONLY"));
    assert!(run.held(3).iter().all(|(name, _)| *name != "M6E_20260316"), "{:?}", run.held(3));
    let ordered: std::collections::BTreeSet<String> = run.ordered_later().into_iter().collect();
    assert_eq!(ordered.into_iter().collect::<Vec<_>>(), ["M6E_20260316"], "and nothing else went out");
    assert_tied_out(&run.days[3]);
}

#[test]
fn a_halt_ends_by_itself_only_where_the_settings_say_so() {
    let faults =
        [(BEFORE_THE_SECOND_DAY, r#""nlv": {"value": "9950000.00"}"#), ("2026-03-04T05:00:00Z", r#""heal": {}"#)];
    let asks_a_person = with_faults(3, &faults);
    assert_eq!(
        (asks_a_person.days[1].mode.as_str(), asks_a_person.days[2].mode.as_str()),
        ("CANCEL_ONLY", "CANCEL_ONLY")
    );

    let clears = on(Stage::with_settings("auto_clear: false", "auto_clear: true"), 3, &faults);
    assert_eq!((clears.days[1].mode.as_str(), clears.days[2].mode.as_str()), ("CANCEL_ONLY", "NORMAL"));
    assert_eq!((clears.told.code, clears.mode_kept().as_str()), (0, "NORMAL"));
    assert_tied_out(&clears.days[2]);
    assert_snapshot!(clears.days[2].alerts.join("\n"), @"mode CANCEL_ONLY → NORMAL: the books and the broker agree again, and reconciliation.auto_clear is on");
    assert!(!clears.ordered_later().is_empty(), "it trades again");
}

#[test]
fn a_net_liquidation_value_that_is_none_freezes_everything() {
    let told = [
        r#""missing_nlv": {}"#,
        r#""nlv": {"value": "NaN"}"#,
        r#""nlv": {"value": "1.7976931348623157E308"}"#,
        r#""nlv": {"value": "0.00"}"#,
        r#""nlv": {"value": "-5000000.00"}"#,
    ];
    let found = told.map(|fault| {
        let run = broken_by(fault);
        assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "FROZEN"), "{fault}");
        run.assert_stood_still();
        run.found(1)
    });
    assert_snapshot!(found.join("\n"), @"
    FROZEN
    account:account · incomplete reply · the answer has no net liquidation value; this explains all of −9,984,820.95 → EMERGENCY: mode FROZEN
    FROZEN
    account:account · incomplete reply · the answer has no net liquidation value; this explains all of −9,984,820.95 → EMERGENCY: mode FROZEN
    FROZEN
    account:account · incomplete reply · the answer has no net liquidation value; this explains all of −9,984,820.95 → EMERGENCY: mode FROZEN
    FROZEN
    account:account · incomplete reply · net liquidation is 0.00, which no account with our positions is worth; this explains all of −9,984,820.95 → EMERGENCY: mode FROZEN
    FROZEN
    account:account · incomplete reply · net liquidation is −5,000,000.00, which no account with our positions is worth; this explains all of −14,984,820.95 → EMERGENCY: mode FROZEN
    ");
}
