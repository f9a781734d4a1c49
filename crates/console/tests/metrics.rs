//! The metrics as text: the book's table, and how it is counted.
//!
//! In: facts. Out: Prometheus' text. Invariant: the book lists every metric with the words the program serves.
#![allow(clippy::disallowed_methods, reason = "reads the book")]

use console::account::{Engine, Status};
use console::dashboard::View;
use console::metrics::{Activity, Facts, Heard, Schedule, exposition, table};
use jiff::civil::date;
use std::sync::Arc;

#[test]
fn the_book_has_every_metric() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let book = std::fs::read_to_string(page).unwrap();
    let update = std::env::var_os("UPDATE_BOOK").is_some();
    let begin = book.find("| name | type |").expect("the table");
    let end = begin + book[begin..].find("\n\n").expect("something after it") + 1;
    if update {
        std::fs::write(page, format!("{}{}{}", &book[..begin], table(), &book[end..])).unwrap();
    } else {
        assert_eq!(&book[begin..end], table(), "docs/metrics.md: `UPDATE_BOOK=1` writes the table in");
    }
}

fn status(mode: &str) -> Status {
    let engine = Engine { run: "1-1".into(), lease_until: "2026-03-02T15:00:15Z".into() };
    Status {
        account: "f4f616".into(),
        engine: Some(engine),
        mode: mode.into(),
        flatten: false,
        unanswered: vec!["halt".into()],
        open_day: None,
        last_day: None,
    }
}

#[test]
fn what_happened_is_counted() {
    let records = [
        ("plan", 0, None, "{}"),
        ("command", 1_000_000, Some("A"), r#"{"command":"place"}"#),
        ("command", 1_000_000, Some("B"), r#"{"command":"place"}"#),
        ("acknowledged", 1_200_000, Some("A"), "{}"),
        ("execution", 5_000_000, Some("A"), "{}"),
        ("execution", 6_000_000, Some("A"), "{}"),
        ("command", 7_000_000, Some("B"), r#"{"command":"cancel"}"#),
        ("refused", 7_000_000, None, r#"{"refusals":[{"check":"QUOTE_STALE"},{"check":"MODE"}]}"#),
        ("watchdog", 8_000_000, None, r#"{"code":"MARGIN"}"#),
        ("alert", 8_000_000, None, "{}"),
        ("connection", 9_000_000, None, r#"{"connection":"lost"}"#),
    ];
    let mut activity = Activity::default();
    for (index, (kind, at_us, order_ref, body)) in records.into_iter().enumerate() {
        let seq = index as i64 + 1;
        activity.hear(Heard { seq, date: "2026-03-02", at_us, kind, order_ref, body }).unwrap();
    }
    let status = status("CANCEL_ONLY");
    let view = View { days: Arc::default(), status, live: None, plan: Ok(None), obligations: Ok(Arc::default()) };
    let [due, now, next] = ["2026-03-03T06:00:00Z", "2026-03-03T06:30:00Z", "2026-03-04T06:00:00Z"];
    let schedule = Schedule { date: date(2026, 3, 3), due: due.parse().unwrap(), next: next.parse().unwrap() };
    let facts =
        Facts { now: now.parse().unwrap(), view: &view, activity: &activity, outbox: None, schedule: Some(schedule) };
    let text = exposition(&facts);
    let shown = |line: &&str| !line.starts_with('#') && !line.contains("_bucket");
    let samples: Vec<&str> = text.lines().filter(shown).collect();
    insta::assert_snapshot!(samples.join("\n"), @r#"
    abstractfinance_build_info{version="0.1.0"} 1
    abstractfinance_heartbeat_timestamp_seconds 1772519400
    abstractfinance_engine_up 1
    abstractfinance_engine_lease_until_timestamp_seconds 1772463615
    abstractfinance_ib_connection_state 0
    abstractfinance_ib_connection_losses_total 1
    abstractfinance_mode 2
    abstractfinance_flatten 0
    abstractfinance_inbox_unanswered 1
    abstractfinance_run_due_timestamp_seconds 1772517600
    abstractfinance_run_next_timestamp_seconds 1772604000
    abstractfinance_run_missing 1
    abstractfinance_run_open 0
    abstractfinance_run_planned_timestamp_seconds 0
    abstractfinance_run_finished_total 0
    abstractfinance_run_alerts_total 1
    abstractfinance_watchdog_findings_total{code="MARGIN"} 1
    abstractfinance_operator_instructions_total 0
    abstractfinance_orders_commands_total{command="cancel"} 1
    abstractfinance_orders_commands_total{command="place"} 2
    abstractfinance_orders_executions_total 2
    abstractfinance_orders_refused_total{check="MODE"} 1
    abstractfinance_orders_refused_total{check="QUOTE_STALE"} 1
    abstractfinance_orders_notices_total 0
    abstractfinance_order_acknowledgement_seconds_sum 0.2
    abstractfinance_order_acknowledgement_seconds_count 1
    abstractfinance_order_first_fill_seconds_sum 4
    abstractfinance_order_first_fill_seconds_count 1
    abstractfinance_journal_records_total 11
    abstractfinance_journal_last_record_timestamp_seconds 9
    "#);
    let answered = |end: &str, count: u32| {
        format!("\nabstractfinance_order_acknowledgement_seconds_bucket{{le=\"{end}\"}} {count}\n")
    };
    assert!(
        text.contains(&answered("0.1", 0))
            && text.contains(&answered("0.25", 1))
            && text.contains(&answered("+Inf", 1))
    );

    let back = Heard { seq: 12, date: "2026-03-02", at_us: 9, kind: "resynced", order_ref: None, body: "{}" };
    let mut again = activity.clone();
    again.hear(back).unwrap();
    let text = exposition(&Facts { activity: &again, schedule: None, ..facts });
    assert!(text.contains("\nabstractfinance_ib_connection_state 1\n"), "it is back");
    assert!(!text.contains("run_missing"), "in simulated time no run is due");
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_not_a_zero() {
    let heard = Heard { seq: 1, date: "2026-03-02", at_us: 0, kind: "command", order_ref: None, body: "{" };
    assert!(Activity::default().hear(heard).is_err());
}
