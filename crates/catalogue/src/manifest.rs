//! `catalogue.json`: what a catalogue holds and where it came from.
//!
//! In: the results of an import. Out: JSON. Invariant: every Parquet file of the catalogue has an entry with its hash;
//! a file's path follows from its segment and name and is not stored.

use crate::map::is_plain;
use domain::Mic;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Version of this layout.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const MANIFEST_FILE: &str = "catalogue.json";
pub(crate) const STATEMENTS_FILE: &str = "fundamentals.parquet";

/// The contents of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the layout.
    pub format: u32,
    /// Histories that are never joined, oldest first.
    pub segments: Vec<SegmentEntry>,
    /// Published statements, if some were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fundamentals: Option<StatementsEntry>,
}

/// The statements and their provenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementsEntry {
    /// The sources they were read from.
    pub sources: Vec<StatementsSource>,
    /// SHA-256 of the Parquet file, in hexadecimal.
    pub sha256: String,
}

/// One source of statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementsSource {
    /// Its name in the map.
    pub name: String,
    /// Whose statements these are.
    pub stands_for: String,
    /// Source file, relative to the source directory.
    pub source: String,
    /// SHA-256 of the source file, in hexadecimal.
    pub source_sha256: String,
    /// Number of statements.
    pub rows: usize,
    /// Number of companies.
    pub companies: usize,
    /// The first day a statement was published.
    pub first: Date,
    /// The last one.
    pub last: Date,
}

/// One history without a hole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// Its name, such as `2010_2018`.
    pub name: String,
    /// First date it may hold.
    pub from: Date,
    /// Last date it may hold.
    pub to: Date,
    /// What it holds, in order of name.
    pub series: Vec<SeriesEntry>,
    /// Instruments that have no series here.
    pub missing: Vec<Missing>,
}

/// One series and its provenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesEntry {
    /// Its name: the instrument's, with the contract month for a future.
    pub name: String,
    /// The instrument.
    pub instrument: String,
    /// The real thing whose prices these are.
    pub stands_for: String,
    /// Source file, relative to the source directory.
    pub source: String,
    /// Symbol within the source file.
    pub symbol: Option<String>,
    /// SHA-256 of the source file, in hexadecimal.
    pub source_sha256: String,
    /// What the prices count: `points`, a currency, or one currency per another.
    pub unit: String,
    /// How the quoted prices became that unit; none when they were in it.
    pub conversion: Option<String>,
    /// Which corporate actions the prices are adjusted for.
    pub adjustment: String,
    /// What moment a date means.
    pub stamp: String,
    /// The venues whose sessions it has a bar for, where they are not those of the instrument's own venue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<Mic>,
    /// Number of bars.
    pub rows: usize,
    /// Date of the first bar.
    pub first: Date,
    /// Date of the last bar.
    pub last: Date,
    /// SHA-256 of the Parquet file, in hexadecimal.
    pub sha256: String,
}

/// An instrument without history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The instrument.
    pub instrument: String,
    /// What that means.
    pub meaning: String,
}

impl Missing {
    pub(crate) fn of(instrument: &str) -> Missing {
        let meaning = "sleeve legs and signals that need it are held back";
        Missing { instrument: instrument.to_owned(), meaning: meaning.to_owned() }
    }
}

impl Manifest {
    /// Reads a manifest.
    pub(crate) fn parse(text: &str) -> Result<Manifest, String> {
        let manifest: Manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if manifest.format != FORMAT {
            return Err(format!("format {} is not the {FORMAT} this version reads", manifest.format));
        }
        let mut names = manifest.segments.iter().flat_map(|segment| {
            std::iter::once(segment.name.as_str()).chain(segment.series.iter().map(|series| series.name.as_str()))
        });
        match names.find(|name| !is_plain(name)) {
            Some(name) => Err(format!("`{name}` is no name of a segment or series")),
            None => Ok(manifest),
        }
    }
}

/// The name of a contract's series: the instrument itself, or `M6E_201509` for a future whose last trading day is in
/// September 2015.
pub fn series_name(instrument: &str, last_trading_day: Option<Date>) -> String {
    match last_trading_day {
        None => instrument.to_owned(),
        Some(day) => contract_series(instrument, &day.strftime("%Y%m").to_string()),
    }
}

pub(crate) fn contract_series(instrument: &str, month: &str) -> String {
    format!("{instrument}_{month}")
}

pub(crate) fn bars_path(root: &Path, segment: &str, series: &str) -> PathBuf {
    root.join(segment).join(format!("{series}.parquet"))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
