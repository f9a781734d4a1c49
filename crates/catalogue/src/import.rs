//! From source files to a catalogue.
//!
//! In: a map, its tables, a destination. Out: a catalogue and a report. Invariant: the same map over the same
//! tables gives the same bytes; after an error the destination is as it was.

use crate::manifest::{
    FORMAT, MANIFEST_FILE, Manifest, Missing, STATEMENTS_FILE, SegmentEntry, SeriesEntry, StatementsEntry,
    StatementsSource, bars_path, contract_series, sha256,
};
use crate::map::{Conversion, MapRefused, SeriesMap, SeriesRule, Span};
use crate::publish::{PublishError, Staging};
use crate::report::{ImportReport, Imported};
use crate::source::{self, Draft, Rates, Source, SourceError};
use crate::{bars_file, fundamentals};
use market::Fundamentals;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why nothing was imported. The destination is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Correct the map.
    #[error(transparent)]
    Map(#[from] MapRefused),
    /// The map has no segment of this name.
    #[error("the map has no segment `{asked}`; it has {known}")]
    NoSegment {
        /// The name asked for.
        asked: String,
        /// The names there are.
        known: String,
    },
    /// Correct the source files, or the map.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Choose another destination, or free it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Choose another destination, or say that the catalogue there may go.
    #[error(
        "{} holds a catalogue already, and an import would put a new one in the place of all of it; name another directory, \
         or replace it with --replace", .0.display()
    )]
    Exists(PathBuf),
    /// A series cannot be written as Parquet.
    #[error("cannot write the series {series}: {problem}")]
    Unwritable {
        /// The series.
        series: String,
        /// Why.
        problem: String,
    },
}

/// What to import, and where to.
#[derive(Clone, Copy, Debug)]
pub struct ImportRequest<'a> {
    /// Which source stands for which instrument.
    pub map: &'a SeriesMap,
    /// Where the map's tables are.
    pub source: Source<'a>,
    /// Directory of the catalogue.
    pub destination: &'a Path,
    /// A catalogue that is there already may be replaced, all of it.
    pub replace: bool,
    /// The only segment to import; all without it.
    pub segment: Option<&'a str>,
    /// Instruments that ought to have a series; those without are reported as missing, as are those the map names.
    pub instruments: &'a [&'a str],
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Sources finished.
    pub done: usize,
    /// Sources in all.
    pub total: usize,
    /// The instrument just finished.
    pub instrument: &'a str,
}

/// Builds a catalogue.
///
/// # Errors
/// [`ImportError`]; whatever it is, the destination is untouched.
pub fn import(
    request: &ImportRequest<'_>,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<ImportReport, ImportError> {
    let segments = chosen(request)?;
    if !request.replace && request.destination.join(MANIFEST_FILE).exists() {
        return Err(ImportError::Exists(request.destination.to_owned()));
    }
    let staging = Staging::beside(request.destination)?;
    let rules = request.map.series.values();
    let total = rules.map(|rule| segments.iter().filter(|(name, _)| rule.files.contains_key(*name)).count()).sum();
    let mut imported = Vec::new();
    let mut entries = Vec::new();
    for (name, span) in segments {
        let mut segment = SegmentImport { request, staging: &staging, name, span, rates: BTreeMap::new() };
        let missing = segment.missing();
        let first = imported.len();
        for (instrument, rule) in &request.map.series {
            if let Some(file) = rule.files.get(name) {
                imported.push(segment.import(instrument, rule, file)?);
                progress(Progress { done: imported.len(), total, instrument });
            }
        }
        let series = imported[first..].iter().flat_map(|imported: &Imported| imported.series.clone()).collect();
        entries.push(SegmentEntry { name: name.to_owned(), from: span.from, to: span.to, series, missing });
    }
    entries.sort_by_key(|entry| entry.from);
    let missing =
        entries.iter().flat_map(|entry| entry.missing.iter().map(|missing| (entry.name.clone(), missing.clone())));
    let missing = missing.collect();
    let fundamentals = import_statements(request, &staging)?;
    let sources = fundamentals.as_ref().map_or_else(Vec::new, |entry| entry.sources.clone());
    let report = ImportReport { imported, missing, fundamentals: sources };
    let manifest = Manifest { format: FORMAT, segments: entries, fundamentals };
    let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain JSON");
    staging.write(&staging.path().join(MANIFEST_FILE), &manifest)?;
    staging.publish()?;
    Ok(report)
}

/// All statements the map names, in one file.
fn import_statements(request: &ImportRequest<'_>, staging: &Staging) -> Result<Option<StatementsEntry>, ImportError> {
    if request.map.fundamentals.is_empty() {
        return Ok(None);
    }
    let (mut statements, mut sources) = (Vec::new(), Vec::new());
    for (name, rule) in &request.map.fundamentals {
        let (rows, source_sha256) = fundamentals::read_source(request.source, rule)?;
        let published = || rows.iter().map(|row| row.published);
        let companies: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        sources.push(StatementsSource {
            name: name.clone(),
            stands_for: rule.stands_for.clone(),
            source: rule.file.clone(),
            source_sha256,
            rows: rows.len(),
            companies: companies.len(),
            first: published().min().expect("a source has rows"),
            last: published().max().expect("a source has rows"),
        });
        statements.extend(rows);
    }
    let statements = Fundamentals::new("catalogue", statements);
    let unwritable = |error: parquet::errors::ParquetError| ImportError::Unwritable {
        series: STATEMENTS_FILE.to_owned(),
        problem: error.to_string(),
    };
    let bytes = fundamentals::write(statements.rows()).map_err(unwritable)?;
    staging.write(&staging.path().join(STATEMENTS_FILE), &bytes)?;
    Ok(Some(StatementsEntry { sources, sha256: sha256(&bytes) }))
}

fn chosen<'a>(request: &ImportRequest<'a>) -> Result<Vec<(&'a str, Span)>, ImportError> {
    let all = request.map.segments.iter().map(|(name, span)| (name.as_str(), *span));
    let Some(asked) = request.segment else { return Ok(all.collect()) };
    let chosen: Vec<_> = all.filter(|(name, _)| *name == asked).collect();
    if chosen.is_empty() {
        let known = request.map.segments.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(ImportError::NoSegment { asked: asked.to_owned(), known });
    }
    Ok(chosen)
}

/// The import of one segment.
struct SegmentImport<'a> {
    request: &'a ImportRequest<'a>,
    staging: &'a Staging,
    name: &'a str,
    span: Span,
    /// Rate series already read, by name.
    rates: BTreeMap<&'a str, Rates>,
}

impl<'a> SegmentImport<'a> {
    fn missing(&self) -> Vec<Missing> {
        let named = self.request.map.series.keys().map(String::as_str);
        let mut wanted: Vec<&str> = named.chain(self.request.instruments.iter().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let has_series =
            |name: &str| self.request.map.series.get(name).is_some_and(|rule| rule.files.contains_key(self.name));
        wanted.into_iter().filter(|name| !has_series(name)).map(Missing::of).collect()
    }

    fn import(&mut self, instrument: &str, rule: &'a SeriesRule, file: &str) -> Result<Imported, ImportError> {
        if let Some(conversion) = &rule.convert {
            self.read_rates(&conversion.multiply_by)?;
        }
        let rates = rule.convert.as_ref().map(|conversion| &self.rates[conversion.multiply_by.as_str()]);
        let reading = source::read(self.request.source, file, rule, self.span, rates)?;
        let write = |draft| self.write(instrument, rule, file, &reading.sha256, draft);
        let series = reading.drafts.iter().map(write).collect::<Result<_, _>>()?;
        Ok(Imported {
            segment: self.name.to_owned(),
            instrument: instrument.to_owned(),
            series,
            left_out: reading.left_out,
            widened: reading.widened,
        })
    }

    fn read_rates(&mut self, name: &'a str) -> Result<(), ImportError> {
        if !self.rates.contains_key(name) {
            let rule = &self.request.map.series[name];
            let reading = source::read(self.request.source, &rule.files[self.name], rule, self.span, None)?;
            let bars = reading.drafts.iter().flat_map(|draft| &draft.bars);
            self.rates.insert(name, bars.map(|bar| (bar.date, bar.close.to_decimal())).collect());
        }
        Ok(())
    }

    fn write(
        &self,
        instrument: &str,
        rule: &SeriesRule,
        file: &str,
        source_sha256: &str,
        draft: &Draft,
    ) -> Result<SeriesEntry, ImportError> {
        let name = draft.month.as_ref().map_or(instrument.to_owned(), |month| contract_series(instrument, month));
        let unwritable = |error: parquet::errors::ParquetError| ImportError::Unwritable {
            series: name.clone(),
            problem: error.to_string(),
        };
        let bytes = bars_file::write(&draft.bars, Vec::new()).map_err(unwritable)?;
        self.staging.write(&bars_path(self.staging.path(), self.name, &name), &bytes)?;
        let (first, last) = (draft.bars[0].date, draft.bars[draft.bars.len() - 1].date);
        Ok(SeriesEntry {
            name,
            instrument: instrument.to_owned(),
            stands_for: rule.stands_for.clone(),
            source: file.to_owned(),
            symbol: rule.symbol.clone(),
            source_sha256: source_sha256.to_owned(),
            unit: rule.counts().to_string(),
            conversion: rule
                .convert
                .as_ref()
                .map(|Conversion { multiply_by, .. }| format!("{} × {multiply_by}", rule.unit)),
            adjustment: rule.adjustment.clone(),
            stamp: rule.stamp.clone(),
            venues: rule.venues.clone(),
            rows: draft.bars.len(),
            first,
            last,
            sha256: sha256(&bytes),
        })
    }
}
