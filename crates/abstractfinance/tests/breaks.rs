//! The ways in which books and broker come apart, made to happen at the simulated gateway and met by the whole program.
//!
//! In: a script of faults. Out: the mode, the printed causes, the orders the gateway was given. Invariant: no break is
//! read as "flat", nothing is traded through one, and what a statement books ties out to the cent.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;
#[path = "common/faulty.rs"]
mod faulty;

use common::{Stage, assert_tied_out};
use faulty::{BEFORE_THE_SECOND_DAY, again, broken_by, on, with_faults};
use insta::assert_snapshot;

#[test]
fn an_undisturbed_second_day_trades() {
    let run = with_faults(2, &[]);
    assert!(!run.ordered_later().is_empty(), "or no story here could tell that nothing is traded through");
}

#[test]
fn a_fill_the_broker_does_not_tell_is_named_and_stops_the_days_after() {
    let run = with_faults(3, &[("2026-03-02T06:30:00Z", r#""hide_execution": {}"#)]);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "CANCEL_ONLY"));
    assert_snapshot!(run.found(0), @"
    CANCEL_ONLY
    quantity:CS51 · unsettled fill · order AF-f4f616-20260302-001-01 filled −4,231 and −625 of it is booked: explains all of −3,606 → WARN: the instrument is frozen
    cash:EUR · unsettled fill · order AF-f4f616-20260302-001-01 filled −3,606 of CS51 that are not booked: at 203.6081 each, its mark 203.06, explains all of 734,210.97 → WARN
    nav:account · unsettled fill · quantity:CS51 carries −850,526.82: it explains −850,526.82 of 2,295.93 → WARN
    nav:account · unsettled fill · cash:EUR carries 852,822.75: it explains 852,822.75 of 2,295.93 → WARN
    ");
    run.assert_stood_still();
}

#[test]
fn a_fill_that_is_told_a_night_late_is_booked_and_ties_out() {
    let faults =
        [("2026-03-02T06:30:00Z", r#""hide_execution": {}"#), (BEFORE_THE_SECOND_DAY, r#""reveal_executions": {}"#)];
    let run = with_faults(2, &faults);
    assert_tied_out(&run.days[1]);
    assert_eq!(run.found(1), "CANCEL_ONLY", "an order whose fate was not told waits for a person");
    let sent = run.days[0].orders.iter().find(|order| order.instrument == "CS51").expect("the day sells it");
    assert_eq!(sent.children, 1, "what the broker calls filled is not sold again");
}

#[test]
fn a_trade_by_hand_freezes_its_contract_until_a_person_adopts_it() {
    let run = broken_by(r#""external_trade": {"contract": "CSPX", "side": "SELL", "quantity": "25"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "REDUCE_ONLY"));
    assert_snapshot!(run.found(1), @"
    REDUCE_ONLY
    execution:0000e0d5.00000019.01.01 · external trade · CSPX −25 at 720.84, without our reference (by hand, a buy-in after a recall, or a liquidation), explains all of −25 → WARN: the instrument is frozen, mode REDUCE_ONLY
    quantity:CSPX · external trade · execution 0000e0d5.00000019.01.01 of −25 at 720.84, not booked, explains all of −25 → WARN: the instrument is frozen, mode REDUCE_ONLY
    cash:USD · external trade · execution 0000e0d5.00000019.01.01 of CSPX: −25 × 720.84 = 18,021.00 USD explains 18,021.00 of 18,011.99 → WARN: mode REDUCE_ONLY
    cash:USD · fee · commission of execution 0000e0d5.00000019.01.01: −9.01 USD explains −9.01 of 18,011.99 → WARN: mode REDUCE_ONLY
    ");
    run.assert_stood_still();

    let adopt = |what: &str| format!("reconcile adopt {what} --by ada --reason sold-by-hand --state-dir state");
    assert_snapshot!(run.stage.refused(&adopt("quantity:CSPY")), @"
    exit 2
    abstractfinance: quantity:CSPY is no position, cash or execution on which books and broker differed after 2026-03-04: to adopt there is execution:0000e0d5.00000019.01.01, quantity:CSPX, cash:USD; `abstractfinance reconcile --explain` shows the comparison
    ");
    assert_snapshot!(run.stage.refused(&adopt("quantity:CSPX --sleeve core_index")), @"
    exit 2
    abstractfinance: `core_index` is no sleeve of these settings, so nobody would own quantity:CSPX; --sleeve takes fx_hedge, treasury, external, cash_buffer, core_index_rv, credit_carry, crisis_alpha, sector_rv, single_name
    ");
    assert_snapshot!(run.stage.refused(&adopt("quantity:CSPX")), @"
    exit 2
    abstractfinance: quantity:CSPX is what an execution did, and adopting both would count it twice: adopt execution:0000e0d5.00000019.01.01, which brings its quantity, price and charge; what is left then is a finding of the next day
    ");
    assert_snapshot!(run.stage.refused(&adopt("cash:USD --as flow")), @"
    exit 2
    abstractfinance: cash:USD is what an execution did, and adopting both would count it twice: adopt execution:0000e0d5.00000019.01.01, which brings its quantity, price and charge; what is left then is a finding of the next day
    ");
    let id = run.days[1].differences[0].id.clone();
    assert_snapshot!(run.stage.refused(&adopt(&format!("{id} --as flow"))), @"
    exit 2
    abstractfinance: --as is for cash, and execution:0000e0d5.00000019.01.01 is none
    ");
    run.stage.ok(&adopt(&id));
    let run = again(run.stage, 4);
    assert_tied_out(&run.days[3]);
    assert_eq!(run.found(3), "REDUCE_ONLY");
}

#[test]
fn a_position_sold_by_hand_is_gone_and_is_not_bought_again() {
    let run = broken_by(r#""external_trade": {"contract": "CSPX", "side": "SELL", "quantity": "3418"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "REDUCE_ONLY"));
    assert_snapshot!(run.found(1), @"
    REDUCE_ONLY
    execution:0000e0d5.00000019.01.01 · external trade · CSPX −3,418 at 720.84, without our reference (by hand, a buy-in after a recall, or a liquidation), explains all of −3,418 → WARN: the instrument is frozen, mode REDUCE_ONLY
    quantity:CSPX · external trade · execution 0000e0d5.00000019.01.01 of −3,418 at 720.84, not booked, explains all of −3,418 → WARN: the instrument is frozen, mode REDUCE_ONLY
    cash:USD · external trade · execution 0000e0d5.00000019.01.01 of CSPX: −3,418 × 720.84 = 2,463,831.12 USD explains 2,463,831.12 of 2,462,599.20 → WARN: mode REDUCE_ONLY
    cash:USD · fee · commission of execution 0000e0d5.00000019.01.01: −1,231.92 USD explains −1,231.92 of 2,462,599.20 → WARN: mode REDUCE_ONLY
    ");
    run.assert_stood_still();
}

#[test]
fn a_buy_in_is_booked_when_the_statement_calls_it_one() {
    let run = broken_by(r#""buy_in": {"contract": "CS51"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "NORMAL"));
    assert_snapshot!(run.found(1), @"
    NORMAL
    execution:0000e0d5.00000019.01.01 · buy-in · CS51 10,487 at 203.06, without our reference, of our short; the activity statement of its day will say whether it is a buy-in, explains all of 10,487 → WARN: the instrument is frozen
    quantity:CS51 · buy-in · execution 0000e0d5.00000019.01.01 of 10,487 at 203.06, not booked, explains all of 10,487 → WARN: the instrument is frozen
    cash:EUR · buy-in · execution 0000e0d5.00000019.01.01 of CS51: 10,487 × 203.06 = −2,129,490.22 EUR explains −2,129,490.22 of −2,130,554.97 → WARN
    cash:EUR · fee · commission of execution 0000e0d5.00000019.01.01: −1,064.75 EUR explains −1,064.75 of −2,130,554.97 → WARN
    ");
    assert!(!run.days[1].orders.iter().any(|order| order.instrument == "CS51"), "nothing of it is traded meanwhile");
    assert_snapshot!(run.days[2].alerts.join("\n"), @"CS51: a lender called 10487 back and the broker bought them at 203.06 (buy-in 0000e0d5.00000019.01.01); booked against who was short");
    assert_tied_out(&run.days[2]);
    assert_eq!(run.found(2), "NORMAL");
}

#[test]
fn a_short_that_was_covered_by_hand_is_no_buy_in() {
    let run = broken_by(r#""external_trade": {"contract": "CS51", "side": "BUY", "quantity": "500"}"#);
    assert_eq!((run.days[1].mode.as_str(), run.mode_kept().as_str()), ("NORMAL", "REDUCE_ONLY"));
    assert_snapshot!(run.found(2), @"
    REDUCE_ONLY
    execution:0000e0d5.00000019.01.01 · external trade · CS51 500 at 203.06, without our reference (by hand, a buy-in after a recall, or a liquidation), explains all of 500 → WARN: the instrument is frozen, mode REDUCE_ONLY
    quantity:CS51 · external trade · execution 0000e0d5.00000019.01.01 of 500 at 203.06, not booked, explains all of 500 → WARN: the instrument is frozen, mode REDUCE_ONLY
    cash:EUR · external trade · execution 0000e0d5.00000019.01.01 of CS51: 500 × 203.06 = −101,530.00 EUR explains −101,530.00 of −101,580.77 → WARN: mode REDUCE_ONLY
    cash:EUR · fee · commission of execution 0000e0d5.00000019.01.01: −50.77 EUR explains −50.77 of −101,580.77 → WARN: mode REDUCE_ONLY
    ");
    assert!(!run.ordered_later().contains(&"CS51".to_owned()), "{:?}", run.ordered_later());
}

#[test]
fn more_than_the_short_was_bought_so_it_is_no_buy_in() {
    let run = broken_by(r#""external_trade": {"contract": "CS51", "side": "BUY", "quantity": "10488"}"#);
    assert_eq!((run.days[1].mode.as_str(), run.told.code), ("REDUCE_ONLY", 0));
    run.assert_stood_still();
}

#[test]
fn an_execution_the_broker_takes_back_leaves_no_trace() {
    let bust = [("2026-03-02T23:00:00Z", r#""correct_execution": {"quantity": "0"}"#)];
    let run = with_faults(3, &bust);
    assert_snapshot!(run.booked(1), @"2 positions; 0 open orders; corrected by the broker: an execution of CS51 is taken back; corrected by the broker: commission of 0.00 EUR");
    run.days.iter().for_each(assert_tied_out);
    assert_eq!((run.told.code, run.found(1).as_str()), (0, "NORMAL"));
    let busted = |day: usize| run.held(day).iter().map(|(name, held)| format!("{name} {held}")).collect::<Vec<_>>();
    assert_ne!(busted(0), busted(1), "what was taken back is wanted again");
}

#[test]
fn a_split_in_the_statement_is_booked_and_ties_out() {
    let split = r#""split_now": {"contract": "CSPX", "numerator": 2, "denominator": 1}"#;
    let run = with_faults(3, &[("2026-03-02T23:00:00Z", split)]);
    assert_eq!(run.told.code, 0, "{}", run.told.err);
    assert_snapshot!(run.booked(1), @"2 positions; 0 open orders; CSPX split 2 for 1");
    run.days.iter().for_each(assert_tied_out);
    assert_eq!(run.found(1), "NORMAL");
}

#[test]
fn a_split_that_leaves_a_fraction_is_booked_in_whole_shares_and_its_cash_as_it_comes() {
    let split = r#""split_now": {"contract": "CSPX", "numerator": 1, "denominator": 5}"#;
    let run = with_faults(3, &[("2026-03-02T23:00:00Z", split)]);
    assert_eq!(run.told.code, 0, "{}", run.told.err);
    let told = "CSPX split 1 for 5, without the 0.6 of a share that the broker pays in cash";
    assert!(run.booked(1).contains(told), "{}", run.booked(1));
    run.days.iter().for_each(assert_tied_out);
    assert_eq!(run.found(1), "NORMAL");
}

#[test]
fn a_deposit_that_is_adopted_before_its_statement_is_booked_once_and_is_no_return() {
    let plain = with_faults(4, &[]);
    let deposit = r#""deposit": {"currency": "USD", "amount": "1500000"}"#;
    let run = with_faults(2, &[(BEFORE_THE_SECOND_DAY, deposit)]);
    assert!(run.found(1).starts_with("FROZEN"), "{}", run.found(1));
    let adopt = "reconcile adopt cash:USD --by ada --reason our-deposit --state-dir state";
    assert_snapshot!(run.stage.refused(adopt), @"
    exit 2
    abstractfinance: only its owner knows what cash:USD is: say --as flow for money put in or taken out, which is no return, or --as result for profit or loss
    ");
    run.stage.ok(&format!("{adopt} --as flow"));
    let run = again(run.stage, 3);
    let told = run.booked(2);
    assert!(told.contains("deposit or withdrawal of") && told.contains("nothing to adopt as cash:USD"), "{told}");
    assert_tied_out(&run.days[2]);
    assert_eq!(run.days[2].flows, rust_decimal::Decimal::from(1_500_000));
    run.stage.ok("resume --by ada --reason the-deposit-is-booked --state-dir state");
    let run = again(run.stage, 4);
    assert_tied_out(&run.days[3]);
    assert_eq!(run.mode_kept(), "NORMAL");
    for (with, without) in run.days.iter().zip(&plain.days) {
        assert!((with.daily_return - without.daily_return).abs() < 5e-3, "{}: a deposit is no return", with.date);
        assert_eq!(with.regime, "NORMAL", "{}", with.date);
    }
}

#[test]
fn a_split_before_its_statement_is_named_and_moves_no_profit() {
    let run = broken_by(r#""split_now": {"contract": "CSPX", "numerator": 2, "denominator": 1}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (5, "FROZEN"));
    assert_snapshot!(run.found(1), @r"
    FROZEN
    quantity:CSPX · corporate action · split 2:1: quantity × 2.00, mark 723.315 → 360.42 × 0.4983; explains all of 3,418 → WARN: the instrument is frozen
    nav:account · corporate action · quantity:CSPX carries 1,231,915.56: it explains 1,231,915.56 of 1,231,915.56 → EMERGENCY: mode FROZEN
    mark:CSPX · corporate action · split 2:1: mark 723.315 → 360.42 explains all of −362.895 → WARN: the price is quarantined, no new risk
    ");
    let day = &run.days[1];
    assert!(day.daily_return.abs() < 0.05 && day.regime == "NORMAL", "{} {}", day.daily_return, day.regime);
    assert_eq!(run.ordered_later(), Vec::<String>::new());
    assert_snapshot!(run.booked(2), @"2 positions; 0 open orders; CSPX split 2 for 1");
    assert_tied_out(&run.days[2]);
}

#[test]
fn an_execution_the_broker_corrects_is_booked_as_corrected() {
    let correction = [("2026-03-02T23:00:00Z", r#""correct_execution": {"quantity": "100", "price": "203.5"}"#)];
    let run = with_faults(3, &correction);
    assert_snapshot!(run.booked(1), @"2 positions; 0 open orders; corrected by the broker: SELL 100 CS51 at 203.5; corrected by the broker: commission of 31.28 EUR");
    run.days.iter().for_each(assert_tied_out);
    assert_eq!((run.told.code, run.found(1).as_str()), (0, "NORMAL"));
}

#[test]
fn another_symbol_is_named_and_its_contract_is_left_alone_until_the_table_says_the_same() {
    let run = broken_by(r#""symbol_change": {"contract": "CSPX", "symbol": "CSPQ"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "NORMAL"), "{}", run.told.err);
    assert_snapshot!(run.found(1), @r"
    NORMAL
    nav:account · unit error · CSPX is disputed and valued at its last good mark 723.315: its move since explains all of −8,459.55 → WARN
    mark:CSPX · unit error · CSPX: symbol: the broker says CSPQ, the instrument table says CSPX: not traded until they agree; correct the table if the broker is right → WARN: the instrument is frozen
    ");
    assert!(!run.ordered_later().contains(&"CSPX".to_owned()), "{:?}", run.ordered_later());
    assert_eq!(run.held(2), run.held(1), "it stays in the books");
}

#[test]
fn a_dividend_on_a_short_is_owed_until_the_statement_books_it() {
    let run = broken_by(r#""dividend_now": {"contract": "CS51", "amount": "1.10"}"#);
    assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "NORMAL"));
    assert_snapshot!(run.found(1), @r"
    NORMAL
    nav:account · accrual · the broker counts −11,535.70 EUR of dividends, interest and fees as owed, our books 0.00: it explains −13,447.74 of −13,447.74 → WARN
    ");
    assert_snapshot!(run.booked(2), @"2 positions; 0 open orders; accrued for CS51: -11,535.70 EUR");
    assert_tied_out(&run.days[2]);
}

#[test]
fn a_settlement_in_the_middle_of_the_day_is_no_difference() {
    let future = r#""external_trade": {"contract": "M6E_20260615", "side": "BUY", "quantity": "20"}"#;
    let run = with_faults(2, &[(BEFORE_THE_SECOND_DAY, future)]);
    let id = run.days[1].differences[0].id.clone();
    run.stage.ok(&format!("reconcile adopt {id} --by ada --reason hedge --state-dir state"));
    let more = r#"{"at": "2026-03-05T14:00:00Z", "inject": {"settle_futures_now": {}}}"#;
    let script = std::fs::read_to_string(run.stage.path("faults.jsonl")).unwrap();
    std::fs::write(run.stage.path("faults.jsonl"), format!("{script}\n{more}\n")).unwrap();
    let run = again(run.stage, 5);
    assert!(run.held(3).iter().any(|(name, _)| name.starts_with("M6E")), "{:?}", run.held(3));
    run.days[2..].iter().for_each(assert_tied_out);
    assert_eq!(run.found(4), "REDUCE_ONLY");
}

#[test]
fn cash_in_another_row_is_still_our_cash() {
    let run = broken_by(r#""sweep_cash": {"currency": "USD", "amount": "250000"}"#);
    assert_eq!(run.told.code, 0);
    run.days.iter().for_each(assert_tied_out);
    assert_eq!(run.found(1), "NORMAL");
}

#[test]
fn a_stale_exchange_rate_is_named_and_its_currency_takes_no_new_risk() {
    let run = with_faults(2, &[(BEFORE_THE_SECOND_DAY, r#""stale_fx": {"shift": "0.90"}"#)]);
    assert_snapshot!(format!("{}\n{}", run.found(1), run.days[1].doubts.join("\n")), @r"
    NORMAL
    EUR: the account's rate is 1.043595, -10.1 % from 1.16125, and no second source or session confirms it; what is held stays valued at the latter and EUR takes no new risk until a rate is good again
    EUR: the account's rate is 1.043595, -10.2 % from 1.1626, and no second source or session confirms it; what is held stays valued at the latter and EUR takes no new risk until a rate is good again
    ");
    assert!(!run.ordered_later().contains(&"CS51".to_owned()), "{:?}", run.ordered_later());
}

#[test]
fn pence_for_pounds_freeze_their_contract_and_name_the_field_that_differs() {
    let flipped = |magnifier: bool| {
        let run = broken_by(&format!(r#""pence_flip": {{"contract": "CSPX", "magnifier": {magnifier}}}"#));
        assert_eq!((run.told.code, run.mode_kept().as_str()), (0, "NORMAL"), "{}", run.told.err);
        assert!(!run.ordered_later().contains(&"CSPX".to_owned()), "{:?}", run.ordered_later());
        let day = &run.days[2];
        assert!(day.daily_return.abs() < 0.05, "no shock to NAV: {}", day.daily_return);
        format!("{}\n{}", run.found(2), day.alerts.join("\n"))
    };
    assert_snapshot!(flipped(true), @"
    NORMAL
    nav:account · unit error · CSPX is disputed and valued at its last good mark 723.315: its move since explains all of 7,263.25 → WARN
    mark:CSPX · unit error · CSPX: quote_unit: the broker says 100 quoted for one USD, the instrument table says 1 quoted for one USD: not traded until they agree; correct the table if the broker is right → WARN: the instrument is frozen
    ");
    assert_snapshot!(flipped(false), @"
    NORMAL
    nav:account · unit error · CSPX is disputed and valued at its last good mark 723.315: its move since explains all of 7,263.25 → WARN
    mark:CSPX · unit error · CSPX: portfolio: value 2479553.92 against 3418 x 72544 x 1 = 247955392: unit or multiplier is wrong → WARN: the instrument is frozen
    ");
}

#[test]
fn a_table_that_contradicts_the_broker_opens_no_books() {
    let flip = r#""pence_flip": {"contract": "CSPX", "magnifier": true}"#;
    let run = with_faults(1, &[("2026-03-02T05:00:00Z", flip)]);
    assert_eq!((run.told.code, run.told.out.as_str()), (3, ""));
    assert_snapshot!(run.told.err.trim(), @"abstractfinance: broker answer unusable: CSPX: quote_unit: the broker says 100 quoted for one USD, the instrument table says 1 quoted for one USD: not traded until they agree; correct the table if the broker is right");
}

#[test]
fn a_contract_that_ended_is_named_and_closed_by_a_person() {
    let future = r#""external_trade": {"contract": "M6E_20260316", "side": "BUY", "quantity": "20"}"#;
    // Where no worse regime is entered at once, a day without orders ends in the morning: before the last settlement.
    let unguarded = Stage::with_settings("escalate_immediately: [crisis]", "escalate_immediately: []");
    let run = on(unguarded, 2, &[(BEFORE_THE_SECOND_DAY, future)]);
    let id = run.days[1].differences[0].id.clone();
    run.stage.ok(&format!("reconcile adopt {id} --by ada --reason hedge --state-dir state"));
    let run = again(run.stage, 12);
    assert_eq!(run.days[11].date, "2026-03-17");
    assert_snapshot!(run.found(11), @r"
    REDUCE_ONLY
    quantity:M6E_20260316 · expired contract · last traded on 2026-03-16, before 2026-03-17; its end explains all of −20 → WARN: the instrument is frozen
    cash:USD · expired contract · M6E_20260316 is over, settled for the last time at 1.1888, our mark 1.18025, explains all of 2,137.50 → WARN
    nav:account · expired contract · cash:USD carries 2,137.50: it explains 2,137.50 of 2,137.50 → WARN
    ");
    assert!(!run.ordered_later().contains(&"M6E_20260316".to_owned()), "{:?}", run.ordered_later());
    for finding in ["quantity:M6E_20260316", "cash:USD"] {
        run.stage.ok(&format!("reconcile adopt {finding} --by ada --reason expired --state-dir state"));
    }
    let run = again(run.stage, 13);
    assert_tied_out(&run.days[12]);
    assert!(!run.held(12).iter().any(|(name, _)| *name == "M6E_20260316"), "{:?}", run.held(12));
}

#[test]
fn a_position_nobody_traded_is_frozen_and_not_sold() {
    let run = broken_by(r#""phantom_position": {"contract": "ARCC", "quantity": "500"}"#);
    assert_eq!(run.told.code, 0);
    assert_snapshot!(run.found(1), @r"
    NORMAL
    quantity:ARCC · phantom position · the broker holds 500 and no order, execution or statement line of ours made it; this explains all of 500 → WARN: the instrument is frozen
    ");
    assert!(!run.ordered_later().contains(&"ARCC".to_owned()), "{:?}", run.ordered_later());
    assert!(!run.held(2).iter().any(|(name, _)| *name == "ARCC"), "it is not taken into the books either");
}
