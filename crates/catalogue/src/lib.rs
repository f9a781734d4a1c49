//! Price history on disk: how it comes in and how it is read.
//!
//! In: tables of other people, as files or in memory, and a map that says what each stands for. Out: a catalogue, one Parquet file per
//! series, and checked bars. Invariant: an import is complete or leaves nothing; a series never crosses the gap between
//! two segments; what is read is what was written, or an error names the file.
#![allow(clippy::disallowed_methods, reason = "an adapter: price files are its business")]

mod bars_file;
mod check;
mod findings;
mod fundamentals;
mod import;
mod manifest;
mod map;
mod open;
mod publish;
mod report;
mod source;
mod stale;
mod table;
mod update;

pub use check::{CheckRequest, check};
pub use findings::{CheckReport, Checked, Finding, FindingKind, KnownBadReport};
pub use import::{ImportError, ImportRequest, Progress, import};
pub use manifest::{Manifest, Missing, SegmentEntry, SeriesEntry, StatementsEntry, StatementsSource, series_name};
pub use map::{MapRefused, SeriesMap};
pub use open::{Catalogue, CatalogueError, Segment};
pub use publish::PublishError;
pub use report::{ImportReport, Imported, LeftOut, Reason};
pub use source::{Source, SourceError, listed};
pub use table::Table;
pub use update::{Addition, Restated, UpdateError, joined, missing, put};
