//! The calendars as the program prints them, against an independent oracle.
//!
//! In: `calendar MIC --from --to --csv` of every venue the oracle knows. Out: the days on which they differ. Invariant: every
//! difference is a correction of `overrides.csv` that the book explains.
#![allow(clippy::disallowed_methods, reason = "stories of a program, outside the pure crates")]

mod common;

use common::Stage;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows of a golden file without its header; `None`, with a word to the reader, where the data folder is absent.
fn golden(name: &str) -> Option<Vec<Vec<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/golden").join(name);
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {name} is not in the shared data folder");
        return None;
    };
    Some(text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

/// The oracle leaves the seconds out.
fn instant(text: &str) -> Timestamp {
    text.replace('Z', ":00Z").parse().unwrap()
}

#[test]
fn two_years_of_sessions_equal_the_oracle_s_but_for_corrections_that_are_explained() {
    let Some(rows) = golden("sessions.csv") else { return };
    let stage = Stage::new();
    let mut expected: BTreeMap<String, BTreeSet<(String, Timestamp, Timestamp)>> = BTreeMap::new();
    for row in &rows {
        expected.entry(row[0].clone()).or_default().insert((row[1].clone(), instant(&row[2]), instant(&row[3])));
    }
    assert_eq!(expected.len(), 9);
    let mut differences = Vec::new();
    for (venue, expected) in expected {
        let printed = stage.ok(&format!("calendar {venue} --from 2025-01-01 --to 2026-12-31 --csv"));
        let mut lines = printed.lines();
        assert_eq!(lines.next(), Some("date,open_utc,close_utc"));
        let session = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0].to_owned(), cells[1].parse().unwrap(), cells[2].parse().unwrap())
        };
        let printed: BTreeSet<(String, Timestamp, Timestamp)> = lines.map(session).collect();
        differences.extend(printed.symmetric_difference(&expected).map(|(day, ..)| format!("{venue} {day}")));
    }
    differences.dedup();
    assert_eq!(differences, ["XCBF 2025-07-03"], "each difference is a row of overrides.csv");
    let book = include_str!("../../../docs/execution.md");
    assert!(book.contains("2025-07-03"), "the book explains it");
}

#[test]
fn every_disputed_day_is_in_the_book_with_what_the_engine_does() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/calendars/oracle_disagreements_2025_2026.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: the disputed days are not in the shared data folder");
        return;
    };
    let (stage, book) = (Stage::new(), include_str!("../../../docs/execution.md"));
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (day, venue) = (cells[0], cells[1]);
        let printed = stage.ok(&format!("calendar {venue} --from {day} --to {day} --csv"));
        let ours = printed.lines().nth(1).map_or("closed".to_owned(), |line| {
            let close = line.rsplit(',').next().unwrap();
            format!("closes {}", &close[11..16])
        });
        let told = book.lines().find(|line| line.contains(day) && line.contains(venue) && line.contains(&ours));
        assert!(told.is_some(), "no row of the book says {day}, {venue} and `{ours}`");
    }
}

#[test]
fn outside_its_coverage_a_venue_is_refused() {
    let stage = Stage::new();
    insta::assert_snapshot!(stage.refused("calendar XLON --from 2027-12-30 --to 2028-01-04 --csv"), @r"
    exit 2
    abstractfinance: the calendar of XLON covers 2004-01-01 to 2027-12-31 and says nothing about 2028-01-04, so XLON is not traded; install calendars that reach that day
    ");
    assert!(stage.refused("demo --from 2028-01-03").contains("outside the calendars"));
}
