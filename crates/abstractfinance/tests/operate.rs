//! Stories of a person at the controls: stopping, going on, closing down, and looking.
//!
//! In: instructions between and during days. Out: what the engine does with them. Invariant: tightening needs a name,
//! loosening a name and a reason, and both outlive the process.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::Stage;
use console::DayReport;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;

/// Days so far on one account, the last report, and how the run ended.
fn run(stage: &Stage, days: u32) -> (i32, Vec<DayReport>) {
    let told = stage.run(&format!("demo --state-dir state --days {days} --json"));
    (told.code, common::reports(&told.out))
}

fn sent(days: &[DayReport]) -> usize {
    days.iter().flat_map(|day| &day.orders).map(|order| order.children).sum()
}

#[test]
fn a_halt_outlives_the_process_and_only_a_reason_ends_it() {
    let stage = Stage::new();
    run(&stage, 1);
    assert_snapshot!(stage.ok("halt --by ada --reason drill --state-dir state"), @"message 1 to account f4f616: mode no looser than CANCEL_ONLY (by ada: drill); no engine is running: it counts from the next start");
    assert!(stage.ok("status --state-dir state").contains("Waiting   mode no looser than CANCEL_ONLY (by ada: drill)"));

    let (code, days) = run(&stage, 3);
    assert_eq!(code, 5, "a halted day is not a day that went well");
    assert_eq!(sent(&days[1..]), 0, "nothing is sent while halted");
    assert!(days[1..].iter().all(|day| day.mode == "CANCEL_ONLY"));

    assert_snapshot!(stage.refused("resume --by ada --state-dir state").lines().take(3).collect::<Vec<_>>().join("\n"), @"
    exit 2
    error: the following required arguments were not provided:
      --reason <TEXT>
    ");
    stage.ok("resume --by ada --reason reconciled --state-dir state");
    let (code, days) = run(&stage, 4);
    assert_eq!((code, days[3].mode.as_str()), (0, "NORMAL"));
    assert!(sent(&days[3..]) > 0, "what was planned for the second day goes out now");
}

#[test]
fn reduce_only_adds_nothing_to_the_book() {
    let stage = Stage::new();
    run(&stage, 1);
    stage.ok("reduce-only --by ada --state-dir state");
    let (code, days) = run(&stage, 2);
    assert_eq!((code, sent(&days[1..])), (0, 0));
    assert!(days[1].refusals.iter().any(|refusal| refusal.code == "MODE"), "{:?}", days[1].refusals);
}

#[test]
fn flatten_closes_everything_and_stays_flat() {
    let stage = Stage::new();
    run(&stage, 2);
    stage.ok("flatten --by ada --reason closing --state-dir state");
    let (_, days) = run(&stage, 5);
    let last = days.last().unwrap();
    assert!(last.positions.is_empty(), "{:?}", last.positions);
    assert_eq!((last.mode.as_str(), last.gross_of_nav), ("REDUCE_ONLY", 0.0));
    stage.ok("resume --by ada --reason again --new-high-water-mark --state-dir state");
    let (_, days) = run(&stage, 6);
    assert!(!days[5].positions.is_empty());
}

#[test]
fn the_account_can_be_looked_at_while_nothing_runs() {
    let stage = Stage::new();
    assert_snapshot!(stage.refused("positions --state-dir state").replace(stage.path("").to_str().unwrap(), ""), @"
    exit 4
    abstractfinance: there is no journal at state/journal.db: nothing ran with this state folder yet, or --state-dir names another
    ");
    run(&stage, 3);
    assert_snapshot!(stage.ok("positions --state-dir state"), @"
    Positions after 2026-03-04 (notional in USD)
     contract   sleeves                  ours   broker     mark         unrealised        notional     of NAV
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────
     CS51       core_index_rv -11133   -11133   -11133   203.23   EUR     3,638.98   -2,644,253.39   -26.43 %
     CSPX       core_index_rv 3636       3636     3636   727.12   USD     1,750.60    2,643,808.32   +26.43 %

    Gross 5,288,061.71 (0.529 × NAV) · net -445.07 (+0.000 × NAV) · NAV 10,003,358.19 USD
    ");
    assert_snapshot!(stage.ok("nav --from 2026-03-03 --state-dir state"), @"
     date           NAV at plan     return   unit value   drawdown   flows             NAV      NAV−NLV   gross      net   mode
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     2026-03-03    9,984,820.67   -0.152 %      0.99848    -0.15 %       –   10,018,242.45   +0.0000 bp   0.525   +0.002   NORMAL
     2026-03-04   10,021,371.72   +0.366 %      1.00214     0.00 %       –   10,003,358.19   +0.0000 bp   0.529   +0.000   NORMAL
    ");
    assert_snapshot!(stage.ok("nav --to 2026-03-02 --csv --state-dir state"), @"
    date,nav_at_plan,flows,daily_return,unit_value,drawdown,nav,nlv,difference_bp,gross_of_nav,net_of_nav,regime,mode
    2026-03-02,10000000.00,0.00,0.0,1.0,0.0,9985922.69,9985922.69,0.0,0.4959510553629473,-0.0007958759163167973,NORMAL,NORMAL
    ");
    assert_snapshot!(stage.ok("orders --date 2026-03-03 --state-dir state"), @"
    Orders of 2026-03-03, finished
     order                       what            why                        filled   arrival   average   slippage   status
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     AF-f4f616-20260303-001-01   BUY 218 CSPX    increase · core_index_rv      218    723.45    723.56   +1.52 bp   filled
     AF-f4f616-20260303-002-01   SELL 646 CS51   increase · core_index_rv      646    201.25    201.22   +1.49 bp   filled
    ");
    let page = stage.ok("demo --days 3 --state-dir again");
    assert!(page.ends_with(&stage.ok("report --state-dir again")), "the page the day ended with");
    assert_snapshot!(stage.refused("report --date 2026-03-07 --state-dir state"), @"
    exit 2
    abstractfinance: 2026-03-07 is no finished trading day; `abstractfinance nav` lists those that are
    ");
    assert_snapshot!(stage.ok("status --state-dir state"), @"
    Account   f4f616
    Engine    none is running
    Mode      NORMAL
    Last day  2026-03-04: 0 of 0 orders filled
    NAV       10,003,358.19 USD · against the broker +0.0000 bp
    Exposure  gross 0.529 × NAV · net +0.000 × NAV · 2 positions
    Risk      regime NORMAL · scale 1.5000 · drawdown 0.00 %
    ");
}

/// One order's whole way, and the fourteen steps, in lines that a machine reads.
#[test]
fn the_log_tells_what_the_journal_holds() {
    let stage = Stage::new();
    let mut command = stage.command("demo --state-dir state --days 2");
    let output = command.env("AF_LOG", "info").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let of_the_day = lines.iter().filter(|line| line["span"]["date"] == "2026-03-03");
    let way = of_the_day.clone().filter(|line| line["order_ref"] == "AF-f4f616-20260303-001-01");
    let told: Vec<&str> = way.map(|line| line["message"].as_str().unwrap()).collect();
    assert_snapshot!(told.join("\n"), @"
    place BUY 218 CSPX at 723.61 · AF-f4f616-20260303-001-01
    AF-f4f616-20260303-001-01 is known to the broker as 1700000007
    AF-f4f616-20260303-001-01 submitted
    BUY 218 CSPX at 723.56 · AF-f4f616-20260303-001-01
    AF-f4f616-20260303-001-01 filled
    ");
    assert_eq!(of_the_day.clone().filter(|line| line["step"].is_u64()).count(), 14);
    let runs: BTreeSet<&str> = of_the_day.map(|line| line["span"]["run"].as_str().expect("the run")).collect();
    assert_eq!(runs.len(), 1, "one process: {runs:?}");
}
