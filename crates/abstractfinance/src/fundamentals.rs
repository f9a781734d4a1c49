//! Where the figures of a screen come from.
//!
//! In: settings, the years of a run. Out: a table for every screen, and the hash of what was imported. Invariant: made-up
//! figures are called `simulated` wherever they are shown.

use crate::day::ScreenData;
use crate::failure::Failure;
use crate::settings::{Loaded, Sleeve};
use catalogue::{Catalogue, CatalogueError};
use jiff::civil::Date;
use market::Fundamentals;
use std::path::Path;

/// Years of statements before the first: five for margins, and the one that is not published yet.
const YEARS_BEFORE: i16 = 7;
/// Years of statements after it, unless a run is longer.
const YEARS_AFTER: i16 = 12;

const SIMULATED: &str = "simulated";

/// The tables of every screen, for a run between two dates.
pub fn load(loaded: &Loaded, first: Date, last: Date) -> Result<ScreenData, Failure> {
    let mut data = ScreenData { universes: loaded.universes.clone(), ..ScreenData::default() };
    for (name, sleeve) in &loaded.settings.sleeves {
        let Some(screen) = Sleeve::screen(sleeve) else { continue };
        let table = if screen.fundamentals == SIMULATED {
            simulated(loaded, (first.year(), last.year()))
        } else {
            of_catalogue(name, &screen.fundamentals, |found| found.fundamentals())?
        };
        data.fundamentals.insert(name.clone(), table);
    }
    Ok(data)
}

/// Each screen whose figures were imported, with the hash of its statements.
pub fn imported(loaded: &Loaded) -> Result<Vec<(&str, String)>, Failure> {
    let mut hashes = Vec::new();
    for (name, sleeve) in &loaded.settings.sleeves {
        let screen = Sleeve::screen(sleeve).filter(|screen| screen.fundamentals != SIMULATED);
        let Some(screen) = screen else { continue };
        let hash = of_catalogue(name, &screen.fundamentals, |found| Ok(found.statements()?.sha256.clone()))?;
        hashes.push((name.as_str(), hash));
    }
    Ok(hashes)
}

/// Whether every catalogue of fundamentals that the settings name can be read.
pub fn readable(loaded: &Loaded) -> Result<(), Failure> {
    let screens = loaded.settings.sleeves.iter().filter_map(|(name, sleeve)| Some((name, sleeve.screen()?)));
    let mut imported = screens.filter(|(_, screen)| screen.fundamentals != SIMULATED);
    imported
        .try_for_each(|(name, screen)| of_catalogue(name, &screen.fundamentals, |found| found.fundamentals().map(drop)))
}

fn of_catalogue<T>(
    sleeve: &str,
    dir: &str,
    read: impl FnOnce(&Catalogue) -> Result<T, CatalogueError>,
) -> Result<T, Failure> {
    let read = Catalogue::open(Path::new(dir)).and_then(|found| read(&found));
    read.map_err(|error| Failure::Usage(format!("sleeves.{sleeve}.fundamentals: {error}")))
}

fn simulated(loaded: &Loaded, (first, last): (i16, i16)) -> Fundamentals {
    let members = loaded.universes.values().flatten();
    let companies: Vec<(&str, &str)> = members.map(|member| (member.id.as_str(), member.sector.as_str())).collect();
    let (from, to) = (first - YEARS_BEFORE, last.max(first + YEARS_AFTER));
    Fundamentals::new(SIMULATED, sim::fundamentals::statements(&companies, from, to))
}
