//! Everything that happened, counted.
//!
//! In: records of the journal, in order. Out: counters, and how long the broker took. Invariant: a fold that only grows;
//! hearing the same records again from the start gives the same counts.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Kinds of records that are counted; the others say nothing here.
pub const KINDS: [&str; 13] = [
    "plan",
    "command",
    "acknowledged",
    "admitted",
    "execution",
    "refused",
    "alert",
    "watchdog",
    "connection",
    "notice",
    "resynced",
    "operator",
    "day_closed",
];

/// Upper ends of the buckets in seconds.
const BUCKETS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Durations, counted by length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        let long_enough = self.counts.iter_mut().zip(BUCKETS).filter(|(_, end)| seconds <= *end);
        long_enough.for_each(|(count, _)| *count += 1);
        self.count += 1;
        self.sum += seconds;
    }

    pub(super) fn write(&self, name: &str, text: &mut String) -> std::fmt::Result {
        for (count, end) in self.counts.iter().zip(BUCKETS) {
            writeln!(text, "{name}_bucket{{le=\"{end}\"}} {count}")?;
        }
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", self.count)?;
        writeln!(text, "{name}_sum {}\n{name}_count {}", self.sum, self.count)
    }
}

/// What happened since the journal began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// Number of the last record that was heard.
    pub head: i64,
    /// When it was written, microseconds since 1970 UTC.
    pub(super) last_us: Option<i64>,
    /// When the last plan was stored, and when the last date was finished.
    pub(super) planned_us: Option<i64>,
    pub(super) finished_us: Option<i64>,
    /// From the plan of the last finished date to its end.
    pub(super) took: Option<f64>,
    /// Commands to the broker, by `place`, `replace`, `cancel`.
    pub(super) commands: BTreeMap<String, u64>,
    /// Executions booked.
    pub(super) executions: u64,
    /// Orders the gate did not let out, by check.
    pub(super) refused: BTreeMap<String, u64>,
    /// Findings of the watchdog, by code.
    pub(super) findings: BTreeMap<String, u64>,
    /// Records by kind, for those that are counted as they are.
    pub(super) kinds: BTreeMap<String, u64>,
    /// Times the broker was lost.
    pub(super) losses: u64,
    /// Whether the last that was heard of the broker is that it was lost.
    pub(super) lost: bool,
    /// From sending an order to the broker's answer.
    pub(super) acknowledgement: Histogram,
    /// From sending an order to its first execution.
    pub(super) first_fill: Histogram,
    /// When each order was sent that has no answer, and no execution, yet; microseconds.
    unanswered: BTreeMap<String, i64>,
    unfilled: BTreeMap<String, i64>,
    /// Trade date of the last record: orders do not outlive theirs.
    date: String,
}

/// A record as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Its number.
    pub seq: i64,
    /// Its trade date.
    pub date: &'a str,
    /// When, microseconds since 1970 UTC.
    pub at_us: i64,
    /// Its kind.
    pub kind: &'a str,
    /// The order it is about.
    pub order_ref: Option<&'a str>,
    /// JSON.
    pub body: &'a str,
}

/// The parts of bodies that are counted.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    command: String,
    code: serde_json::Value,
    connection: String,
    refusals: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    check: String,
}

impl Activity {
    /// Counts one record; records come in order.
    ///
    /// # Errors
    /// The body cannot be read.
    pub fn hear(&mut self, heard: Heard<'_>) -> Result<(), serde_json::Error> {
        let Heard { seq, date, at_us, kind, order_ref, body } = heard;
        self.head = seq;
        self.last_us = Some(at_us);
        if date != self.date {
            self.date = date.to_owned();
            self.unanswered.clear();
            self.unfilled.clear();
        }
        let order = order_ref.unwrap_or_default();
        match kind {
            "plan" => self.planned_us = Some(at_us),
            "day_closed" => {
                self.finished_us = Some(at_us);
                self.took = self.planned_us.map(|planned| seconds(planned, at_us));
            }
            "command" => {
                let Body { command, .. } = serde_json::from_str(body)?;
                if command.starts_with("place") {
                    self.unanswered.insert(order.to_owned(), at_us);
                    self.unfilled.insert(order.to_owned(), at_us);
                }
                *self.commands.entry(command).or_default() += 1;
            }
            "acknowledged" => {
                let sent = self.unanswered.remove(order);
                sent.into_iter().for_each(|sent| self.acknowledgement.add(seconds(sent, at_us)));
            }
            "execution" => {
                self.executions += 1;
                let sent = self.unfilled.remove(order);
                sent.into_iter().for_each(|sent| self.first_fill.add(seconds(sent, at_us)));
            }
            "refused" => {
                let Body { refusals, .. } = serde_json::from_str(body)?;
                refusals.into_iter().for_each(|Check { check }| *self.refused.entry(check).or_default() += 1);
            }
            "watchdog" => {
                let Body { code, .. } = serde_json::from_str(body)?;
                *self.findings.entry(code.as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
            "connection" => {
                let Body { connection, .. } = serde_json::from_str(body)?;
                self.lost = connection == "lost";
                self.losses += u64::from(self.lost);
            }
            kind => *self.kinds.entry(kind.to_owned()).or_default() += 1,
        }
        // Whatever the broker says is heard over a link that stands.
        self.lost &= !matches!(kind, "acknowledged" | "admitted" | "resynced");
        Ok(())
    }
}

/// Time between two instants in microseconds; the broker's clock plays no part in it.
fn seconds(from: i64, to: i64) -> f64 {
    (to - from).max(0) as f64 / 1e6
}
