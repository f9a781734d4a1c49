//! What an import did, for people and for programs.
//!
//! In: entries and counts. Out: a table, or JSON. Invariant: every row of a source that is not in the catalogue is
//! counted under a reason.

use crate::manifest::{Missing, SeriesEntry, StatementsSource};
use comfy_table::{Table, presets};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Instruments without a series that a page names.
const NAMED: usize = 8;

/// The result of an import.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// Per segment and instrument, what was written.
    pub imported: Vec<Imported>,
    /// Per segment, instruments without a series.
    pub missing: Vec<(String, Missing)>,
    /// Published statements, by source.
    pub fundamentals: Vec<StatementsSource>,
}

/// What one source gave for one instrument.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The segment.
    pub segment: String,
    /// The instrument.
    pub instrument: String,
    /// One entry, or one per contract of a future.
    pub series: Vec<SeriesEntry>,
    /// Rows that were left out.
    pub left_out: LeftOut,
    /// Bars whose high or low was moved to hold their open and close.
    pub widened: usize,
}

/// Why a row of a source is not in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A price is missing.
    Blank,
    /// A price is zero or negative.
    NotPositive,
    /// Less than nothing was traded.
    NegativeVolume,
    /// The map's list of bad prints names it.
    KnownBad,
    /// The conversion has no rate on that date.
    NoRate,
    /// Its date is not in the segment.
    OutsideSegment,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Blank => "blank",
            Reason::NotPositive => "zero or negative",
            Reason::NegativeVolume => "with a negative volume",
            Reason::KnownBad => "known bad",
            Reason::NoRate => "no rate",
            Reason::OutsideSegment => "outside the segment",
        })
    }
}

/// Dates left out, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LeftOut(BTreeMap<Reason, Vec<Date>>);

impl LeftOut {
    pub(crate) fn count(&mut self, reason: Reason, date: Date) {
        self.0.entry(reason).or_default().push(date);
    }

    /// The dates left out for each reason.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, &[Date])> {
        self.0.iter().map(|(reason, dates)| (*reason, dates.as_slice()))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.iter().map(|(reason, dates)| format!("{} {reason}", dates.len())).collect();
        f.write_str(&told.join(", "))
    }
}

impl Imported {
    fn title(&self) -> String {
        match self.series.as_slice() {
            [one] if one.name == self.instrument => self.instrument.clone(),
            contracts => format!("{} ({} contracts)", self.instrument, contracts.len()),
        }
    }

    fn remarks(&self) -> String {
        let left_out = self.left_out.to_string();
        let widened = (self.widened > 0).then(|| format!("{} with high or low widened", self.widened));
        [Some(left_out).filter(|text| !text.is_empty()), widened].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([
            "segment",
            "instrument",
            "stands for",
            "unit",
            "conversion",
            "rows",
            "first",
            "last",
            "left out",
        ]);
        for imported in &self.imported {
            let first = &imported.series[0];
            let rows: usize = imported.series.iter().map(|series| series.rows).sum();
            let span = (imported.series.iter().map(|s| s.first).min(), imported.series.iter().map(|s| s.last).max());
            let (Some(from), Some(to)) = span else { continue };
            table.add_row([
                imported.segment.clone(),
                imported.title(),
                first.stands_for.clone(),
                first.unit.clone(),
                first.conversion.clone().unwrap_or_default(),
                rows.to_string(),
                from.to_string(),
                to.to_string(),
                imported.remarks(),
            ]);
        }
        writeln!(f, "{table}")?;
        let mut segments: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (segment, Missing { instrument, meaning }) in &self.missing {
            segments.entry((segment, meaning)).or_default().push(instrument);
        }
        for ((segment, meaning), instruments) in segments {
            let named = instruments.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = instruments.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more (--json names them)") };
            writeln!(f, "{segment}: no series for {named}{more}; {meaning}")?;
        }
        for StatementsSource { name, stands_for, rows, companies, first, last, .. } in &self.fundamentals {
            writeln!(
                f,
                "fundamentals {name}: {rows} statements of {companies} companies, published {first} to {last}: {stands_for}"
            )?;
        }
        Ok(())
    }
}
