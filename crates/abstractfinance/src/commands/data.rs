//! `data import`: real history into a catalogue.
//!
//! In: a map and a folder of CSV files. Out: a catalogue and what stands for what. Invariant: all or
//! nothing; every conversion is in the printed report.

use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use crate::settings;
use catalogue::{ImportRequest, SeriesMap, Source};
use indicatif::ProgressBar;
use std::path::Path;

const BUILT_IN_MAP: &str = include_str!("../../../../config/maps/real-series.yaml");

pub fn import(global: &Global, map: Option<&Path>, source: &Path, out: &Path, replace: bool) -> Result<(), Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let (file, text) = match map {
        None => ("real-series.yaml (built in)".to_owned(), BUILT_IN_MAP.to_owned()),
        Some(path) => {
            let unreadable = |error| {
                let path = path.display();
                Failure::Usage(format!("cannot read the map {path}: {error}; without --map the built-in one is used"))
            };
            (path.display().to_string(), std::fs::read_to_string(path).map_err(unreadable)?)
        }
    };
    let map = SeriesMap::parse(&file, &text).map_err(|error| usage(&error))?;
    let loaded = settings::load(global.config.as_deref())?;
    map.suits(&file, |series| loaded.instruments.units_of(series)).map_err(|error| usage(&error))?;
    let instruments: Vec<&str> = loaded.instruments.iter().map(|(name, _)| name).collect();
    let source = Source::Folder(source);
    let instruments = &instruments;
    let request = ImportRequest { map: &map, source, destination: out, replace, segment: None, instruments };
    let bar = ProgressBar::new(0);
    let report = catalogue::import(&request, |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| usage(&error))?;
    if global.json {
        show(format!("{}\n", serde_json::to_string(&report).expect("plain data")))
    } else {
        show(format!("{report}\n"))
    }
}
