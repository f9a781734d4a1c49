//! What a check found, for people and for programs.
//!
//! In: findings per series. Out: a table and sentences, or JSON. Invariant: every finding has series, date, values and
//! what to do; what is not printed is counted.

use comfy_table::{Table, presets};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Findings of one kind and series that are printed; JSON has all.
const PRINTED_MAX: usize = 8;

/// What can be wrong with a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The file cannot be read, or is not the one that was written.
    Unreadable,
    /// A date is there twice, or after a later one.
    DateOrder,
    /// A price is zero or negative.
    NotPositive,
    /// The price became a hundred times itself, or a hundredth.
    UnitFlip,
    /// The price changed by a ratio of small whole numbers and stayed.
    SplitLike,
    /// The price left by much and came back the next session.
    Spike,
    /// The price changed by much and stayed.
    Jump,
    /// The open, high or low is far outside the close and the close before.
    Range,
    /// A bar or a close is one of an earlier session.
    StaleRepeat,
    /// A venue had a session and there is no bar.
    Gap,
    /// There is a bar and no venue had a session.
    ClosedDay,
    /// Another source has another close.
    SourcesDiffer,
    /// Another source has a bar.
    OnlyElsewhere,
}

/// Name of a kind, and what to do about it.
const KINDS: &[(FindingKind, &str, &str)] = &[
    (FindingKind::Unreadable, "unreadable", "import or pull the series again"),
    (FindingKind::DateOrder, "date order", "remove the double at its source and import again"),
    (FindingKind::NotPositive, "zero or negative", "leave the price blank at its source and import again"),
    (FindingKind::UnitFlip, "unit flip", "one side is in pence or cents: correct the unit of the source"),
    (FindingKind::SplitLike, "split-like", "look for a split of that ratio; adjust the earlier prices, or pull again"),
    (FindingKind::Spike, "spike", "compare with a second source; a wrong print goes on the list of bad prints"),
    (FindingKind::Jump, "jump", "compare with a second source; real moves look like this too"),
    (FindingKind::Range, "range", "compare open, high and low with a second source; real panics look like this too"),
    (FindingKind::StaleRepeat, "stale repeat", "compare with a second source; a price carried over is no price"),
    (FindingKind::Gap, "gap", "pull or import the date; returns over it are of several days"),
    (FindingKind::ClosedDay, "closed day", "correct the calendar, or the venues of the series"),
    (FindingKind::SourcesDiffer, "sources differ", "ask a third source; the wrong one goes on the list of bad prints"),
    (FindingKind::OnlyElsewhere, "only elsewhere", "take the date from the other source, if it was no holiday"),
];

impl FindingKind {
    fn row(self) -> (&'static str, &'static str) {
        let row = KINDS.iter().find(|(kind, _, _)| *kind == self);
        row.map(|(_, name, remedy)| (*name, *remedy)).expect("every kind has a row")
    }

    /// What to do.
    pub fn remedy(self) -> &'static str {
        self.row().1
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().0)
    }
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The segment.
    pub segment: String,
    /// The series.
    pub series: String,
    /// The date, as far as one is meant.
    pub date: Option<Date>,
    /// What it is.
    pub kind: FindingKind,
    /// The values it is about.
    pub values: String,
    /// What to do.
    pub remedy: &'static str,
}

/// One series that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The segment.
    pub segment: String,
    /// The series.
    pub series: String,
    /// Its bars.
    pub bars: usize,
    /// Its findings by kind.
    pub found: BTreeMap<FindingKind, usize>,
    /// Which part of its segment it has, where it begins late or ends early in it.
    pub part_of_segment: Option<String>,
    /// Why its dates were not compared with a calendar, where they were not.
    pub no_calendar: Option<String>,
    /// Why its closes were not compared with the other source, where there is one and they were not.
    pub no_comparison: Option<String>,
}

impl Checked {
    /// What it was not held against.
    fn remarks(&self) -> impl Iterator<Item = String> {
        let no_calendar = self.no_calendar.as_ref().map(|why| format!("not compared with a calendar: {why}"));
        let no_comparison = self.no_comparison.as_ref().map(|why| format!("not compared with the other source: {why}"));
        [self.part_of_segment.clone(), no_calendar, no_comparison].into_iter().flatten()
    }
}

/// How the findings compare with a list of bad prints.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KnownBadReport {
    /// Rows of the list whose series and date are in the catalogue's spans.
    pub listed: usize,
    /// Of those, found by the check.
    pub found: usize,
    /// Of those, not found.
    pub missed: Vec<(String, Date)>,
    /// Findings on series of the list that are not on it.
    pub false_alarms: usize,
    /// Rows of the list whose series or date is not in the catalogue's spans.
    pub outside: usize,
}

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Every series.
    pub checked: Vec<Checked>,
    /// Everything found, by segment, series and date.
    pub findings: Vec<Finding>,
    /// The comparison with a list of bad prints, when one was given.
    pub known_bad: Option<KnownBadReport>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["segment", "series", "bars", "found"]);
        for checked in &self.checked {
            let found: Vec<String> = checked.found.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let told = found.into_iter().chain(checked.remarks()).collect::<Vec<_>>().join(", ");
            table.add_row([checked.segment.clone(), checked.series.clone(), checked.bars.to_string(), told]);
        }
        writeln!(f, "{table}")?;
        for checked in &self.checked {
            for &kind in checked.found.keys() {
                self.print(f, checked, kind)?;
            }
        }
        if let Some(known) = &self.known_bad {
            let KnownBadReport { listed, found, missed, false_alarms, outside } = known;
            writeln!(
                f,
                "\nlist of bad prints: {found} of {listed} found, {false_alarms} findings on its series are not on it"
            )?;
            for (series, date) in missed {
                writeln!(f, "  not found: {series} {date}")?;
            }
            if *outside > 0 {
                writeln!(f, "  {outside} of its rows name a series or a date that the catalogue does not have")?;
            }
        }
        Ok(())
    }
}

impl CheckReport {
    fn print(&self, f: &mut fmt::Formatter<'_>, checked: &Checked, kind: FindingKind) -> fmt::Result {
        let same = |finding: &&Finding| {
            finding.kind == kind && finding.segment == checked.segment && finding.series == checked.series
        };
        let found: Vec<&Finding> = self.findings.iter().filter(same).collect();
        writeln!(f, "\n{} {}, {kind}: {}", checked.segment, checked.series, kind.remedy())?;
        for finding in found.iter().take(PRINTED_MAX) {
            let date = finding.date.map(|date| date.to_string()).unwrap_or_default();
            writeln!(f, "  {date:10}  {}", finding.values)?;
        }
        match found.len().saturating_sub(PRINTED_MAX) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more; --json lists them"),
        }
    }
}
