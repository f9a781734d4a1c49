//! What a pull did, for people and for programs.
//!
//! In: outcomes per series. Out: a table, or JSON. Invariant: every series that was asked for is in it, with what it has
//! now and what it lacks.

use super::source::Wanted;
use comfy_table::{Table, presets};
use jiff::civil::Date;
use serde::Serialize;
use std::fmt;

/// What became of one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It has a bar for every session.
    Complete,
    /// The source has no bar for some sessions.
    SomeWithout { without: usize },
    /// The source no longer said what was held, so all of it was pulled again.
    Restated { date: Date, without: usize },
    /// The source does not give it.
    Refused { problem: String },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lacking = |without: &usize| match without {
            0 => String::new(),
            count => format!(", {count} sessions without a bar"),
        };
        match self {
            Outcome::Complete => f.write_str("complete"),
            Outcome::SomeWithout { without } => write!(f, "{without} sessions without a bar"),
            Outcome::Restated { date, without } => {
                write!(f, "the source changed {date}: pulled whole{}", lacking(without))
            }
            Outcome::Refused { problem } => f.write_str(problem),
        }
    }
}

/// One series of a pull.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// The series.
    pub series: String,
    /// What was asked.
    pub stands_for: String,
    /// The dates asked for, if any were missing.
    pub asked: Option<(Date, Date)>,
    /// Bars before.
    pub before: usize,
    /// Bars now.
    pub bars: usize,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Pulled {
    pub fn new(wanted: &Wanted, asked: Option<(Date, Date)>, before: usize, bars: usize, outcome: Outcome) -> Pulled {
        let (series, stands_for) = (wanted.series.clone(), wanted.stands_for.clone());
        Pulled { series, stands_for, asked, before, bars, outcome }
    }
}

/// The result of a pull.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PullReport {
    /// Every series, in the order it was asked for.
    pub series: Vec<Pulled>,
}

impl PullReport {
    /// One line of JSON.
    pub fn json(&self) -> String {
        format!("{}\n", serde_json::to_string(self).expect("plain data"))
    }
}

impl fmt::Display for PullReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["series", "stands for", "asked for", "bars", "new", "outcome"]);
        for pulled in &self.series {
            let asked = pulled.asked.map_or("nothing".to_owned(), |(from, to)| format!("{from} to {to}"));
            let new = pulled.bars.saturating_sub(pulled.before);
            table.add_row([
                pulled.series.clone(),
                pulled.stands_for.clone(),
                asked,
                pulled.bars.to_string(),
                new.to_string(),
                pulled.outcome.to_string(),
            ]);
        }
        writeln!(f, "{table}")
    }
}
