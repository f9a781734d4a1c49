//! Days at a simulated gateway on which faults happen at their times.
//!
//! In: a script of faults. Out: reports, what the mode was, what the gateway was given. Invariant: the broker's own record
//! says what was ordered, not the engine.
#![allow(dead_code, reason = "each story uses its part")]

use crate::common::{self, Stage, Told};
use console::DayReport;
use gateway::{Entry, read_record};
use sim::Command;

/// Between the first day's orders and the second day's look at the account.
pub const BEFORE_THE_SECOND_DAY: &str = "2026-03-03T05:00:00Z";

/// A run with a script of faults.
pub struct Run {
    pub stage: Stage,
    pub told: Told,
    pub days: Vec<DayReport>,
}

/// Days with faults at their times.
pub fn with_faults(days: u32, faults: &[(&str, &str)]) -> Run {
    on(Stage::new(), days, faults)
}

pub fn on(stage: Stage, days: u32, faults: &[(&str, &str)]) -> Run {
    let line = |(at, inject): &(&str, &str)| format!(r#"{{"at": "{at}", "inject": {{{inject}}}}}"#);
    let script: Vec<String> = faults.iter().map(line).collect();
    std::fs::write(stage.path("faults.jsonl"), script.join("\n")).unwrap();
    again(stage, days)
}

/// The same account and script, more days.
pub fn again(stage: Stage, days: u32) -> Run {
    let told = stage.run(&format!("demo --days {days} --faults faults.jsonl --state-dir state --json"));
    let days = if told.out.is_empty() { Vec::new() } else { common::reports(&told.out) };
    Run { stage, told, days }
}

/// Three days; the fault comes before the second.
pub fn broken_by(inject: &str) -> Run {
    with_faults(3, &[(BEFORE_THE_SECOND_DAY, inject)])
}

impl Run {
    /// Mode and causes of a day, a line each.
    pub fn found(&self, day: usize) -> String {
        let day = &self.days[day];
        let row = |row: &console::reconciliation::Difference| {
            format!("{} · {} · {} → {}", row.id, row.cause, row.evidence, row.consequence)
        };
        let rows = day.differences.iter().map(row);
        std::iter::once(day.mode.clone()).chain(rows).collect::<Vec<_>>().join("\n")
    }

    /// Orders the gateway was given from the second day on, by the broker's own record.
    pub fn ordered_later(&self) -> Vec<String> {
        let from = BEFORE_THE_SECOND_DAY.parse().unwrap();
        let mut names = Vec::new();
        let mut ordered = Vec::new();
        for entry in read_record(&self.stage.path("state/gateway.jsonl")).unwrap() {
            match entry {
                Entry::Opened { identity, .. } => names = identity.contracts,
                Entry::Command {
                    at, command: Command::Place { order, .. } | Command::Modify { order, .. }, ..
                } if at >= from => {
                    ordered.push(names[order.contract.index()].clone());
                }
                _ => {}
            }
        }
        assert!(!names.is_empty(), "the record names its contracts");
        ordered
    }

    /// What the books hold after a day.
    pub fn held(&self, day: usize) -> Vec<(&str, &str)> {
        let positions = self.days[day].positions.iter().filter(|row| row.ours != "0");
        positions.map(|row| (row.instrument.as_str(), row.ours.as_str())).collect()
    }

    /// The books kept what they held, and no order of any kind reached the gateway.
    pub fn assert_stood_still(&self) {
        assert!(!self.held(0).is_empty(), "the first day trades");
        (1..self.days.len()).for_each(|day| assert_eq!(self.held(day), self.held(0), "{}", self.days[day].date));
        assert_eq!(self.ordered_later(), Vec::<String>::new(), "nothing is traded through it");
    }

    /// The mode that a fresh process reads.
    pub fn mode_kept(&self) -> String {
        let status = self.stage.ok("status --state-dir state");
        let line = status.lines().find(|line| line.starts_with("Mode")).expect(&status);
        line.trim_start_matches("Mode").trim().to_owned()
    }

    pub fn booked(&self, day: usize) -> String {
        self.days[day].steps[4].detail.clone()
    }
}
