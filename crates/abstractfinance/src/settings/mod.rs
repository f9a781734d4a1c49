//! What the operator decided: limits, sleeves, schedule, and the facts of every instrument.
//!
//! In: `settings.yaml` and `instruments.yaml` of a directory, or the pair built into the program. Out: checked
//! values, the universe of a run, a JSON Schema for editors. Invariant: [`Settings`] that came out of [`load`] hold
//! only finite numbers in range and name only instruments that exist; anything else is refused with its place.

mod data;
mod execution;
mod hedges;
mod instruments;
pub mod interlock;
mod limits;
mod members;
mod model;
mod monitoring;
mod overlay;
mod recorded;
mod refusal;
mod rules;
mod safety;
mod sleeves;
#[cfg(test)]
mod tests;
mod truth;
mod universe;

pub use execution::{ApprovalMode, Policy as ExecutionPolicyName, Schedule};
pub use hedges::{Bucket, GovernmentBond, OatBund, Options as HedgeOptions, TailHedge};
pub use instruments::{InstrumentRow, Instruments, unit_of_prices};
pub use limits::{Change, changes};
pub use members::{Member, Universes};
pub use model::{Mode, MomentumCurrency, Regime, SecondSource, Settings, VolatilitySource};
pub use monitoring::Telegram;
pub use recorded::values;
pub use refusal::Refusal;
pub use safety::Maintenance;
pub use sleeves::{Basket, FactorScreen, LongFactor, Rescreen, ShortFactor, Sleeve};
pub use universe::{universe, universe_named};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

const SETTINGS_FILE: &str = "settings.yaml";
const INSTRUMENTS_FILE: &str = "instruments.yaml";
const BUILT_IN_SETTINGS: &str = include_str!("../../../../config/settings.yaml");
const BUILT_IN_INSTRUMENTS: &str = include_str!("../../../../config/instruments.yaml");

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing or cannot be read.
    #[error(
        "cannot read {}: {source}. A configuration directory holds {SETTINGS_FILE}, and {INSTRUMENTS_FILE} \
         if the table differs from the one built in; without one the built-in configuration is used.", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A universe of a screen cannot be used.
    #[error("{file}: {problem}")]
    Universe {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A key that was to be set otherwise is not there.
    #[error("cannot set `{key}`: {problem}")]
    Overlay {
        /// The dotted key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A file says something the engine does not run with.
    #[error("{}", listed(.0))]
    Refused(Vec<Refusal>),
}

fn listed(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join("\n\n")
}

/// Where a part of the configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Compiled into the program.
    BuiltIn,
    /// Read from a file.
    File(PathBuf),
    /// Recorded in a journal.
    Journal,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::BuiltIn => f.write_str("built in"),
            Source::File(path) => path.display().fmt(f),
            Source::Journal => f.write_str("recorded"),
        }
    }
}

/// The origin of each configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Of the settings.
    pub settings: Source,
    /// Of the instrument table.
    pub instruments: Source,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The operator's decisions.
    pub settings: Settings,
    /// The instrument table, with what the screens' universes add to it.
    pub instruments: Instruments,
    /// Candidates of the screens.
    pub universes: Universes,
    /// Where both came from.
    pub sources: Sources,
}

impl Loaded {
    /// The effective configuration as one line of JSON: every value, defaults included, in a fixed order. Two
    /// configurations that mean the same give the same bytes, whatever their comments and layout.
    pub fn canonical_json(&self) -> String {
        #[derive(Serialize)]
        struct Effective<'a> {
            settings: &'a Settings,
            instruments: &'a Instruments,
        }
        serde_json::to_string(&Effective { settings: &self.settings, instruments: &self.instruments })
            .expect("settings hold only finite numbers and text keys")
    }
}

/// Reads the configuration of a directory, or the built-in one without a directory.
///
/// # Errors
/// [`ConfigError::Unreadable`] for a missing file; [`ConfigError::Refused`] with the place, meaning and remedy of what
/// is wrong in the first file that has a fault. The instrument table is read first because the settings name its rows;
/// a directory without one uses the table built in, as it does for universes.
pub fn load(dir: Option<&Path>) -> Result<Loaded, ConfigError> {
    load_with(dir, &BTreeMap::new())
}

/// The same with some keys of the settings set otherwise, by their dotted path.
///
/// # Errors
/// As [`load`], and [`ConfigError::Overlay`] for a key the settings do not have.
pub fn load_with(dir: Option<&Path>, set: &BTreeMap<String, serde_json::Value>) -> Result<Loaded, ConfigError> {
    assembled(dir, || {
        let (source, text) = read(dir, SETTINGS_FILE, BUILT_IN_SETTINGS)?;
        let text = overlay::overlaid(&shown(&source, SETTINGS_FILE), text, set)?;
        Ok((source, text))
    })
}

/// The same with another text in place of the folder's settings, before it is written.
///
/// # Errors
/// As [`load`].
pub fn load_edited(dir: &Path, text: &str) -> Result<Loaded, ConfigError> {
    assembled(Some(dir), || Ok((Source::File(dir.join(SETTINGS_FILE)), text.to_owned())))
}

fn assembled(
    dir: Option<&Path>,
    settings: impl FnOnce() -> Result<(Source, String), ConfigError>,
) -> Result<Loaded, ConfigError> {
    let own_table = dir.filter(|dir| dir.join(INSTRUMENTS_FILE).exists());
    let (instruments_source, text) = read(own_table, INSTRUMENTS_FILE, BUILT_IN_INSTRUMENTS)?;
    let mut instruments = parse_instruments(&shown(&instruments_source, INSTRUMENTS_FILE), &text)?;
    let (settings_source, text) = settings()?;
    let settings = parse_settings(&shown(&settings_source, SETTINGS_FILE), &text, &instruments)?;
    let sources = Sources { settings: settings_source, instruments: instruments_source };
    let mut universes = Universes::new();
    for screen in settings.sleeves.values().filter_map(Sleeve::screen) {
        for name in [&screen.long.universe, &screen.short.universe] {
            if !universes.contains_key(name) {
                let members = members::load(dir, name, &mut instruments)?;
                universes.insert(name.clone(), members);
            }
        }
    }
    Ok(Loaded { settings, instruments, universes, sources })
}

/// A table as a simulated broker knows it: rows that come with the program are facts of the market, which an edited copy
/// does not change; rows of one's own are taken as they are.
pub fn as_brokers_know(table: &Instruments) -> Instruments {
    let facts = parse_instruments(INSTRUMENTS_FILE, BUILT_IN_INSTRUMENTS).expect("the built-in table is accepted");
    table.overlaid(&facts)
}

/// The files of the built-in configuration, by their path in a folder.
pub fn built_in_files() -> Vec<(String, &'static str)> {
    let universes = members::BUILT_IN.iter().map(|(name, text)| (format!("universe/{name}.csv"), *text));
    let files = [(SETTINGS_FILE, BUILT_IN_SETTINGS), (INSTRUMENTS_FILE, BUILT_IN_INSTRUMENTS)];
    files.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(universes).collect()
}

/// The JSON Schema of `settings.yaml`.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Settings)
}

fn read(dir: Option<&Path>, name: &str, built_in: &str) -> Result<(Source, String), ConfigError> {
    let Some(dir) = dir else {
        return Ok((Source::BuiltIn, built_in.to_owned()));
    };
    let path = dir.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((Source::File(path), text)),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

fn shown(source: &Source, name: &str) -> String {
    match source {
        Source::BuiltIn => format!("{name} (built in)"),
        Source::File(path) => path.display().to_string(),
        Source::Journal => format!("{name} (recorded)"),
    }
}

fn parse_instruments(file: &str, text: &str) -> Result<Instruments, ConfigError> {
    parse(file, text, BUILT_IN_INSTRUMENTS, &())
}

fn parse_settings(file: &str, text: &str, instruments: &Instruments) -> Result<Settings, ConfigError> {
    parse::<rules::Whole>(file, text, BUILT_IN_SETTINGS, instruments).map(|whole| whole.0)
}

/// Reads and checks one file; `built_in` is where the refusal of a missing key finds its usual value.
fn parse<T>(file: &str, text: &str, built_in: &str, context: &T::Context) -> Result<T, ConfigError>
where
    T: DeserializeOwned + garde::Validate,
{
    let refused = |error: &serde_saphyr::Error| ConfigError::Refused(refusal::refusals(file, text, built_in, error));
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options_context_valid(text, options, context).map_err(|error| refused(&error))
}
