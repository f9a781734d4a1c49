//! Reading a catalogue.
//!
//! In: a directory. Out: checked bars of one segment. Invariant: a file that is not the one the manifest describes, or
//! a bar that no market could print, is an error with the file and the remedy.

use crate::bars_file::{self, BarsFault, Row};
use crate::fundamentals;
use crate::manifest::{
    MANIFEST_FILE, Manifest, STATEMENTS_FILE, SegmentEntry, SeriesEntry, StatementsEntry, bars_path, sha256,
};
use jiff::civil::Date;
use market::{Bar, Fundamentals};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// There is no catalogue.
    #[error("no catalogue at {}: {problem}; make one with `abstractfinance data import`", path.display())]
    NotACatalogue {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        problem: String,
    },
    /// The contents of a catalogue cannot be read.
    #[error("{} is damaged ({problem}); import the catalogue again, into another directory", path.display())]
    DamagedContents {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No history covers the date.
    #[error("the catalogue has no history for {date}; it covers {covered}")]
    OutsideSegments {
        /// The date asked for.
        date: Date,
        /// The spans it has.
        covered: String,
    },
    /// No statements were imported.
    #[error("the catalogue at {} has no fundamentals; import it with a map that has a `fundamentals` section", path.display())]
    NoFundamentals {
        /// The directory.
        path: PathBuf,
    },
    /// The catalogue has no segment of this name.
    #[error("the catalogue has no segment `{asked}`; it has {known}")]
    NoSegment {
        /// The name asked for.
        asked: String,
        /// The names there are.
        known: String,
    },
    /// The segment has no such series.
    #[error("segment {segment} has no series {series}; it has {known}")]
    NoSeries {
        /// The segment.
        segment: String,
        /// The name asked for.
        series: String,
        /// The names there are.
        known: String,
    },
    /// A file is missing, changed or damaged.
    #[error("{}: {problem}; import the catalogue again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A catalogue on disk.
#[derive(Clone, Debug)]
pub struct Catalogue {
    root: PathBuf,
    manifest: Manifest,
    fingerprint: String,
}

impl Catalogue {
    /// Opens a catalogue; series are read when they are asked for.
    ///
    /// # Errors
    /// [`CatalogueError::NotACatalogue`] without a manifest; [`CatalogueError::DamagedContents`] with one that says nothing.
    pub fn open(root: &Path) -> Result<Catalogue, CatalogueError> {
        let path = root.join(MANIFEST_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let problem = format!("{MANIFEST_FILE} cannot be read ({error})");
            CatalogueError::NotACatalogue { path: root.to_owned(), problem }
        })?;
        let damaged = |problem| CatalogueError::DamagedContents { path, problem };
        let manifest = Manifest::parse(&text).map_err(damaged)?;
        Ok(Catalogue { root: root.to_owned(), manifest, fingerprint: sha256(text.as_bytes()) })
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest, which holds the hashes of all files: one text for the whole contents.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The history that covers a date.
    ///
    /// # Errors
    /// [`CatalogueError::OutsideSegments`] when none does.
    pub fn segment_at(&self, date: Date) -> Result<Segment<'_>, CatalogueError> {
        let covers = |entry: &&SegmentEntry| entry.from <= date && date <= entry.to;
        let spans = || self.manifest.segments.iter().map(|entry| format!("{} to {}", entry.from, entry.to));
        let outside = || CatalogueError::OutsideSegments { date, covered: spans().collect::<Vec<_>>().join(" and ") };
        let entry = self.manifest.segments.iter().find(covers).ok_or_else(outside)?;
        Ok(Segment { root: &self.root, entry })
    }

    /// The statements as they were imported.
    ///
    /// # Errors
    /// [`CatalogueError::NoFundamentals`] when none were.
    pub fn statements(&self) -> Result<&StatementsEntry, CatalogueError> {
        let none = || CatalogueError::NoFundamentals { path: self.root.clone() };
        self.manifest.fundamentals.as_ref().ok_or_else(none)
    }

    /// All published statements.
    ///
    /// # Errors
    /// [`CatalogueError::NoFundamentals`] when none were imported; [`CatalogueError::Damaged`] when the file is missing,
    /// not the one that was imported, or holds a statement that cannot be.
    pub fn fundamentals(&self) -> Result<Fundamentals, CatalogueError> {
        let entry = self.statements()?;
        let path = self.root.join(STATEMENTS_FILE);
        let damaged = |problem: String| CatalogueError::Damaged { path: path.clone(), problem };
        let bytes = std::fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        if sha256(&bytes) != entry.sha256 {
            return Err(damaged("it was changed after the import".to_owned()));
        }
        let file = std::fs::File::open(&path).map_err(|error| damaged(error.to_string()))?;
        let names: Vec<&str> = entry.sources.iter().map(|source| source.name.as_str()).collect();
        Ok(Fundamentals::new(&names.join(" and "), fundamentals::read(file).map_err(damaged)?))
    }

    /// A history by name.
    ///
    /// # Errors
    /// [`CatalogueError::NoSegment`] when there is none of that name.
    pub fn segment(&self, name: &str) -> Result<Segment<'_>, CatalogueError> {
        let known = || self.manifest.segments.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = || CatalogueError::NoSegment { asked: name.to_owned(), known: known() };
        let entry = self.manifest.segments.iter().find(|entry| entry.name == name).ok_or_else(unknown)?;
        Ok(Segment { root: &self.root, entry })
    }
}

/// One history without a hole.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    root: &'a Path,
    entry: &'a SegmentEntry,
}

impl<'a> Segment<'a> {
    /// Its name, dates and series.
    pub fn entry(&self) -> &'a SegmentEntry {
        self.entry
    }

    /// The series of a name, if the segment has it. See [`crate::series_name`] for the series of a contract.
    pub fn series(&self, name: &str) -> Option<&'a SeriesEntry> {
        self.entry.series.iter().find(|series| series.name == name)
    }

    /// All bars of a series, in order of date.
    ///
    /// # Errors
    /// [`CatalogueError::NoSeries`] for a name the segment does not have; [`CatalogueError::Damaged`] when the file is
    /// missing, not the one that was imported, or holds a bar that cannot be.
    pub fn bars(&self, name: &str) -> Result<Vec<Bar>, CatalogueError> {
        self.read(name, bars_file::read)
    }

    /// All rows of a series as they stand, for looking at bars that cannot be used.
    pub(crate) fn rows(&self, name: &str) -> Result<Vec<Row>, CatalogueError> {
        self.read(name, bars_file::read_unchecked)
    }

    fn read<T>(&self, name: &str, read: fn(File) -> Result<Vec<T>, BarsFault>) -> Result<Vec<T>, CatalogueError> {
        let known = || self.entry.series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown =
            || CatalogueError::NoSeries { segment: self.entry.name.clone(), series: name.to_owned(), known: known() };
        let series = self.series(name).ok_or_else(unknown)?;
        let path = bars_path(self.root, &self.entry.name, name);
        let damaged = |problem: String| CatalogueError::Damaged { path: path.clone(), problem };
        let bytes = std::fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        if sha256(&bytes) != series.sha256 {
            return Err(damaged("it was changed after the import".to_owned()));
        }
        let file = File::open(&path).map_err(|error| damaged(error.to_string()))?;
        let bars = read(file).map_err(|fault| damaged(fault.to_string()))?;
        if bars.len() != series.rows {
            return Err(damaged(format!("it has {} rows instead of {}", bars.len(), series.rows)));
        }
        Ok(bars)
    }
}
