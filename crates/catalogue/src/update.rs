//! Adding to a catalogue what a source has just said.
//!
//! In: bars held, bars fetched, one series to put. Out: what to ask for, the joined bars, a new catalogue in the place
//! of the old. Invariant: bars of two adjustments are never joined: where source and catalogue disagree on a bar both
//! have, the whole series is asked for again; at every moment the path holds a whole catalogue.

use crate::bars_file;
use crate::manifest::{
    FORMAT, MANIFEST_FILE, Manifest, Missing, STATEMENTS_FILE, SegmentEntry, SeriesEntry, bars_path, sha256,
};
use crate::map::is_plain;
use crate::publish::{PublishError, Staging};
use jiff::civil::Date;
use market::Bar;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Bars on either side of missing dates that are asked for again, to see whether the source still says the same.
const OVERLAP: usize = 5;
/// Relative difference of two closes that are the same close, as a part of the larger one: one in this many.
const SAME_CLOSE: i64 = 100_000;

/// Why a series was not added. The catalogue is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The name means something in a path.
    #[error("`{0}` is also a file name; use letters, digits, _ and .")]
    Name(String),
    /// The dates of the segment run into another one.
    #[error(
        "segment `{segment}` would run from {from} to {to} into segment `{other}`; name that one with --segment, or pull other dates"
    )]
    Overlaps {
        /// The segment.
        segment: String,
        /// Its first date.
        from: Date,
        /// Its last date.
        to: Date,
        /// The other.
        other: String,
    },
    /// A segment without a bar says nothing.
    #[error("the series {0} has no bar")]
    Empty(String),
    /// The catalogue cannot be read.
    #[error("cannot read the catalogue at {path}: {problem}; nothing was changed")]
    Unreadable {
        /// The directory.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The series cannot be written as Parquet.
    #[error("cannot write the series {series}: {problem}")]
    Unwritable {
        /// The series.
        series: String,
        /// Why.
        problem: String,
    },
    /// Choose another destination, or free it.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// The source no longer says what the catalogue holds: a split, a dividend in adjusted prices, or a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restated {
    /// The first date on which they differ.
    pub date: Date,
}

/// The dates to ask a source for: those of `sessions` without a bar, with a few bars around them. `None` when there is
/// nothing to ask.
pub fn missing(held: &[Bar], sessions: &[Date]) -> Option<(Date, Date)> {
    let dates: BTreeSet<Date> = held.iter().map(|bar| bar.date).collect();
    let mut without = sessions.iter().copied().filter(|date| !dates.contains(date));
    let first = without.next()?;
    let last = without.next_back().unwrap_or(first);
    let before = dates.range(..first).rev().take(OVERLAP).last().copied().unwrap_or(first);
    let after = dates.range(last..).take(OVERLAP).last().copied().unwrap_or(last);
    Some((before, after))
}

/// The bars of both, in order of date; a fetched bar replaces the held one of its date.
///
/// # Errors
/// [`Restated`] when they have different closes for one date.
pub fn joined(held: &[Bar], fetched: &[Bar]) -> Result<Vec<Bar>, Restated> {
    let mut bars: BTreeMap<Date, Bar> = held.iter().map(|bar| (bar.date, *bar)).collect();
    for bar in fetched {
        if let Some(earlier) = bars.insert(bar.date, *bar) {
            let (one, other) = (earlier.close.mantissa(), bar.close.mantissa());
            if one.abs_diff(other) > (one.max(other) / SAME_CLOSE).max(1).unsigned_abs() {
                return Err(Restated { date: bar.date });
            }
        }
    }
    Ok(bars.into_values().collect())
}

/// One series to put into a segment.
pub struct Addition<'a> {
    /// The segment, made when it is not there.
    pub segment: &'a str,
    /// First date the segment has to cover.
    pub from: Date,
    /// Last date it has to cover.
    pub to: Date,
    /// Facts of the series; `rows`, `first`, `last` and `sha256` are set from the bars.
    pub entry: SeriesEntry,
    /// All its bars, in order of date.
    pub bars: &'a [Bar],
    /// Instruments that ought to have a series; those without are listed as missing.
    pub instruments: &'a [&'a str],
}

/// Puts a series into the catalogue at a path, which is made when there is none.
///
/// # Errors
/// [`UpdateError`]; the catalogue is as it was.
pub fn put(root: &Path, addition: Addition<'_>) -> Result<SeriesEntry, UpdateError> {
    let Addition { segment, from, to, mut entry, bars, instruments } = addition;
    if let Some(name) = [segment, entry.name.as_str()].into_iter().find(|name| !is_plain(name)) {
        return Err(UpdateError::Name(name.to_owned()));
    }
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return Err(UpdateError::Empty(entry.name)) };
    let unwritable = |error: parquet::errors::ParquetError| UpdateError::Unwritable {
        series: entry.name.clone(),
        problem: error.to_string(),
    };
    let bytes = bars_file::write(bars, Vec::new()).map_err(unwritable)?;
    (entry.rows, entry.first, entry.last) = (bars.len(), first.date, last.date);
    entry.sha256 = sha256(&bytes);

    let mut manifest = present(root)?;
    let staging = Staging::beside(root)?;
    keep_files(root, &staging, &manifest, segment, &entry.name)?;
    let span = span(&manifest, segment, from.min(first.date), to.max(last.date))?;
    settle(&mut manifest, segment, span, entry.clone(), instruments);
    staging.write(&bars_path(staging.path(), segment, &entry.name), &bytes)?;
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain JSON");
    staging.write(&staging.path().join(MANIFEST_FILE), &text)?;
    staging.publish()?;
    Ok(entry)
}

fn present(root: &Path) -> Result<Manifest, UpdateError> {
    let unreadable = |problem: String| UpdateError::Unreadable { path: root.display().to_string(), problem };
    match std::fs::read_to_string(root.join(MANIFEST_FILE)) {
        Ok(text) => Manifest::parse(&text).map_err(unreadable),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Manifest { format: FORMAT, segments: Vec::new(), fundamentals: None })
        }
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// The files that stay, in the new directory too.
fn keep_files(
    root: &Path,
    staging: &Staging,
    manifest: &Manifest,
    segment: &str,
    series: &str,
) -> Result<(), UpdateError> {
    for entry in &manifest.segments {
        for kept in entry.series.iter().filter(|kept| entry.name != segment || kept.name != series) {
            let (from, to) =
                (bars_path(root, &entry.name, &kept.name), bars_path(staging.path(), &entry.name, &kept.name));
            staging.keep(&from, &to)?;
        }
    }
    if manifest.fundamentals.is_some() {
        staging.keep(&root.join(STATEMENTS_FILE), &staging.path().join(STATEMENTS_FILE))?;
    }
    Ok(())
}

/// The dates of the segment, widened to hold the new ones.
fn span(manifest: &Manifest, segment: &str, from: Date, to: Date) -> Result<(Date, Date), UpdateError> {
    let held = manifest.segments.iter().find(|entry| entry.name == segment);
    let (from, to) = held.map_or((from, to), |entry| (entry.from.min(from), entry.to.max(to)));
    let meets = |entry: &&SegmentEntry| entry.name != segment && entry.from <= to && from <= entry.to;
    match manifest.segments.iter().find(meets) {
        None => Ok((from, to)),
        Some(other) => Err(UpdateError::Overlaps { segment: segment.to_owned(), from, to, other: other.name.clone() }),
    }
}

fn settle(manifest: &mut Manifest, segment: &str, span: (Date, Date), entry: SeriesEntry, instruments: &[&str]) {
    let mut segments = std::mem::take(&mut manifest.segments);
    let place = segments.iter().position(|entry| entry.name == segment);
    let mut changed = place.map(|place| segments.remove(place)).unwrap_or(SegmentEntry {
        name: segment.to_owned(),
        from: span.0,
        to: span.1,
        series: Vec::new(),
        missing: Vec::new(),
    });
    (changed.from, changed.to) = span;
    changed.series.retain(|series| series.name != entry.name);
    changed.series.push(entry);
    changed.series.sort_by(|one, other| one.name.cmp(&other.name));
    let without = |name: &&&str| !changed.series.iter().any(|series| series.instrument == **name);
    changed.missing = instruments.iter().filter(without).map(|name| Missing::of(name)).collect();
    segments.push(changed);
    segments.sort_by_key(|entry| entry.from);
    manifest.segments = segments;
}
