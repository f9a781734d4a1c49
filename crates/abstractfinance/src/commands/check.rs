//! `data check`: what is wrong with the prices of a catalogue.
//!
//! In: a catalogue, another source, a list of bad prints. Out: findings, each with what to do. Invariant: nothing is
//! changed; a finding is no failure of the command.

use super::show;
use crate::cli::{CheckArgs, Global};
use crate::failure::Failure;
use crate::{calendars, settings};
use catalogue::{Catalogue, CheckRequest};
use domain::Mic;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::Path;

pub fn check(global: &Global, args: &CheckArgs) -> Result<(), Failure> {
    let usage = |error: catalogue::CatalogueError| Failure::Usage(error.to_string());
    let catalogue = Catalogue::open(&args.catalogue).map_err(usage)?;
    let against = args.against.as_deref().map(Catalogue::open).transpose().map_err(usage)?;
    let known_bad = args.known_bad.as_deref().map(listed).transpose()?;
    let loaded = settings::load(global.config.as_deref())?;
    let venues: BTreeMap<&str, Mic> = loaded.instruments.iter().map(|(name, row)| (name, row.mic)).collect();
    let report = catalogue::check(&CheckRequest {
        catalogue: &catalogue,
        calendars: &calendars::built_in(|_| true),
        venues: &venues,
        against: against.as_ref(),
        known_bad: known_bad.as_deref(),
    });
    if global.json { show(format!("{}\n", serde_json::to_string(&report).expect("plain data"))) } else { show(report) }
}

/// Series and dates of a list of bad prints.
fn listed(path: &Path) -> Result<Vec<(String, Date)>, Failure> {
    catalogue::listed(path).map_err(|error| Failure::Usage(error.to_string()))
}
