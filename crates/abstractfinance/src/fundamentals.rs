//! Where the figures of a screen come from.
//!
//! In: settings, the years of a run. Out: a table for every screen. Invariant: made-up figures are called `simulated`
//! wherever they are shown.

use crate::day::ScreenData;
use crate::failure::Failure;
use crate::settings::{Loaded, Sleeve};
use catalogue::Catalogue;
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
            let catalogue = Catalogue::open(Path::new(&screen.fundamentals)).and_then(|found| found.fundamentals());
            catalogue.map_err(|error| Failure::Usage(format!("sleeves.{name}.fundamentals: {error}")))?
        };
        data.fundamentals.insert(name.clone(), table);
    }
    Ok(data)
}

fn simulated(loaded: &Loaded, (first, last): (i16, i16)) -> Fundamentals {
    let members = loaded.universes.values().flatten();
    let companies: Vec<(&str, &str)> = members.map(|member| (member.id.as_str(), member.sector.as_str())).collect();
    let (from, to) = (first - YEARS_BEFORE, last.max(first + YEARS_AFTER));
    Fundamentals::new(SIMULATED, sim::fundamentals::statements(&companies, from, to))
}
