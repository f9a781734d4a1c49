//! The account as metrics, in Prometheus' text format.
//!
//! In: what the dashboard is made of, a fold over the journal, the schedule, the time. Out: one text. Invariant: a pure
//! function of facts that were recorded; what is not known has no sample, never a zero.

mod activity;
mod families;
mod samples;
mod server;

pub use activity::{Activity, Heard, KINDS};
pub use server::serve;

use crate::dashboard::View;
use families::FAMILIES;
use jiff::Timestamp;
use std::fmt::Write;

/// What every name begins with.
const PREFIX: &str = "abstractfinance_";

/// What the metrics are a function of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// When they are read.
    pub now: Timestamp,
    /// What the dashboard's pages are made of.
    pub view: &'a View,
    /// Everything that happened so far, counted.
    pub activity: &'a Activity,
    /// Messages to people; `None` before there is a journal.
    pub outbox: Option<Outbox>,
    /// When days run; `None` where time is simulated.
    pub schedule: Option<Schedule>,
}

/// How the messages to people stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Not delivered yet.
    pub waiting: u64,
    /// Delivered.
    pub delivered: u64,
    /// Given up.
    pub given_up: u64,
}

/// The run that was due last and the one that is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The trade date that was due last.
    pub date: jiff::civil::Date,
    /// When its plan was to be made.
    pub due: Timestamp,
    /// When the next one is.
    pub next: Timestamp,
}

/// One value under its labels.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// What a name means to Prometheus, with what is measured.
#[derive(Clone, Copy)]
enum Measure {
    /// May rise and fall.
    Gauge(fn(&Facts<'_>) -> Vec<Sample>),
    /// Only rises; its name ends in `_total`.
    Counter(fn(&Facts<'_>) -> Vec<Sample>),
    /// Durations in seconds, counted by length.
    Histogram(fn(&Activity) -> &activity::Histogram),
}

impl Measure {
    fn kind(self) -> &'static str {
        match self {
            Measure::Gauge(_) => "gauge",
            Measure::Counter(_) => "counter",
            Measure::Histogram(_) => "histogram",
        }
    }
}

/// Metrics of one name.
struct Family {
    /// Without the prefix.
    name: &'static str,
    measure: Measure,
    /// Labels of its samples.
    labels: &'static str,
    /// What it is, with its unit.
    help: &'static str,
}

/// The text that Prometheus reads.
pub fn exposition(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    for family in &FAMILIES {
        family.write(facts, &mut text).expect("writing to a string cannot fail");
    }
    text
}

/// Every metric as a row of a Markdown table.
pub fn table() -> String {
    let row = |family: &Family| {
        let Family { name, measure, labels, help } = family;
        let labels = if labels.is_empty() { "–".to_owned() } else { format!("`{labels}`") };
        format!("| `{PREFIX}{name}` | {} | {labels} | {help} |\n", measure.kind())
    };
    let rows: String = FAMILIES.iter().map(row).collect();
    format!("| name | type | labels | what it is |\n|---|---|---|---|\n{rows}")
}

impl Family {
    /// Help, type and samples; nothing where nothing is known.
    fn write(&self, facts: &Facts<'_>, text: &mut String) -> std::fmt::Result {
        let Family { name, measure, help, .. } = self;
        let head = format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {}\n", measure.kind());
        let samples = match measure {
            Measure::Gauge(samples) | Measure::Counter(samples) => samples(facts),
            Measure::Histogram(of) => {
                text.push_str(&head);
                return of(facts.activity).write(&format!("{PREFIX}{name}"), text);
            }
        };
        if !samples.is_empty() {
            text.push_str(&head);
        }
        for Sample { labels, value } in samples {
            writeln!(text, "{PREFIX}{name}{} {value}", labelled(&labels))?;
        }
        Ok(())
    }
}

/// Labels as Prometheus reads them, with what would end a value escaped.
fn labelled(labels: &[(&'static str, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}
