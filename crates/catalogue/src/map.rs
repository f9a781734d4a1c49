//! The map from source files to series.
//!
//! In: YAML. Out: a checked [`SeriesMap`]. Invariant: every name in it that refers to something exists; a path stays
//! inside the source directory; units agree with the conversion.

use domain::{Currency, Mic};
use jiff::civil::Date;
use market::Figure;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_saphyr::{RenderOptions, UserMessageFormatter};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

/// The map says something that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MapRefused(String);

/// Which source stands for which instrument, by segment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesMap {
    pub(crate) segments: BTreeMap<String, Span>,
    pub(crate) series: BTreeMap<String, SeriesRule>,
    /// Tables of published statements.
    #[serde(default)]
    pub(crate) fundamentals: BTreeMap<String, StatementsRule>,
}

/// Where statements come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementsRule {
    pub stands_for: String,
    pub file: String,
    /// Column of the company.
    pub name: String,
    /// The last day of the fiscal year.
    pub period_end: When,
    /// The day of publication; without it, so many days after the year's end.
    pub published: Option<When>,
    #[serde(default)]
    pub days_to_publication: u16,
    /// Columns that are added up, or subtracted with a leading `-`; without one of them there is no figure.
    pub figures: BTreeMap<Figure, Vec<String>>,
}

/// A date of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum When {
    /// The same for every row.
    Date(Date),
    /// In a column, in this form.
    #[serde(untagged)]
    Column { column: String, format: String },
}

/// First and last date, both included.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    pub from: Date,
    pub to: Date,
}

impl Span {
    pub fn contains(self, date: Date) -> bool {
        self.from <= date && date <= self.to
    }
}

/// Where one instrument's history comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesRule {
    pub stands_for: String,
    /// One file per segment.
    pub files: BTreeMap<String, String>,
    /// Rows whose `symbol` column says this; all rows without it.
    pub symbol: Option<String>,
    pub columns: Columns,
    pub unit: Unit,
    pub convert: Option<Conversion>,
    pub adjustment: String,
    pub stamp: String,
    pub known_bad: Option<KnownBad>,
    /// Volume of a day, assumed where the file has none: without one nothing of it may be bought.
    pub volume: Option<u32>,
    /// Venues whose sessions it has a bar for: of a proxy the proxy's, of an index of several countries all of them.
    #[serde(default)]
    pub venues: Vec<Mic>,
}

impl SeriesRule {
    /// What the prices count once they are converted.
    pub fn counts(&self) -> Unit {
        self.convert.as_ref().map_or(self.unit, |conversion| conversion.to)
    }

    /// The volume of a bar whose file has none.
    pub fn assumed_volume(&self) -> Decimal {
        self.volume.map_or(Decimal::ZERO, Decimal::from)
    }
}

/// Which columns hold the prices.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Columns {
    /// `open, high, low, close, volume`.
    Ohlcv,
    /// `open, high, low, close`.
    Ohlc,
    /// One price a day, and `volume` where there is one.
    Close(String),
    /// Futures: prices of several contract months side by side; the first column that has a month's price counts.
    Contracts(Vec<ContractColumns>),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContractColumns {
    pub price: String,
    /// Column of the contract month, as YYYYMM.
    pub month: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversion {
    /// The series whose price of the same date multiplies.
    pub multiply_by: String,
    pub to: Unit,
}

/// A list of dates on which a series is known to be wrong: columns `date`, `series`, `value_in_our_file`, `remark`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownBad {
    pub file: String,
    pub series: String,
}

/// What a price counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Unit {
    /// Index points.
    Points,
    /// Units of a currency for one share.
    Currency(Currency),
    /// Units of a currency for one unit of another.
    Rate { of: Currency, per: Currency },
}

impl Unit {
    fn times(self, rate: Unit) -> Option<Unit> {
        match (self, rate) {
            (Unit::Currency(held), Unit::Rate { of, per }) if held == per => Some(Unit::Currency(of)),
            _ => None,
        }
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Unit, String> {
        let currency = |code: &str| code.parse::<Currency>().map_err(|error| error.to_string());
        match text.split_once(" per ") {
            Some((of, per)) => Ok(Unit::Rate { of: currency(of)?, per: currency(per)? }),
            None if text == "points" => Ok(Unit::Points),
            None => Ok(Unit::Currency(
                currency(text).map_err(|error| format!("{error}; a unit is `points`, `EUR` or `USD per EUR`"))?,
            )),
        }
    }
}

impl TryFrom<String> for Unit {
    type Error = String;

    fn try_from(text: String) -> Result<Unit, String> {
        text.parse()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Points => f.write_str("points"),
            Unit::Currency(currency) => currency.fmt(f),
            Unit::Rate { of, per } => write!(f, "{of} per {per}"),
        }
    }
}

impl SeriesMap {
    /// Reads a map; `file` is the name a person knows it by.
    ///
    /// # Errors
    /// [`MapRefused`] with the place of a key that is unknown, missing, doubled or malformed, or a sentence about a name
    /// that refers to nothing.
    pub fn parse(file: &str, text: &str) -> Result<SeriesMap, MapRefused> {
        let map: SeriesMap = serde_saphyr::from_str(text).map_err(|error| {
            let mut options = RenderOptions::new(&UserMessageFormatter);
            options.source_name = Some(file);
            MapRefused(error.render_with_options(options))
        })?;
        map.check().map_err(|problem| MapRefused(format!("{file}: {problem}")))?;
        Ok(map)
    }

    /// Compares the series with a table of instruments; `file` is the name a person knows the map by. `units` gives the
    /// units in which a series may count the prices of its instrument, and nothing for a name that is no instrument's.
    ///
    /// # Errors
    /// [`MapRefused`] names a series that is of no instrument and multiplies no other, or that counts something else than its
    /// instrument's prices do: nobody would notice until it is traded.
    pub fn suits(&self, file: &str, units: impl Fn(&str) -> Option<Vec<String>>) -> Result<(), MapRefused> {
        let multiplies = |name: &str| {
            self.series.values().any(|rule| rule.convert.as_ref().is_some_and(|rate| rate.multiply_by == name))
        };
        let suits = |(name, rule): (&String, &SeriesRule)| {
            let Some(units) = units(name) else {
                return refuse(!multiplies(name), || {
                    format!(
                        "series `{name}` is of no instrument, and no other series multiplies by it; correct the name, take it \
                         out of the map, or name with --config the configuration that has the instrument"
                    )
                });
            };
            let unit = rule.counts().to_string();
            refuse(!units.contains(&unit), || {
                let units = units.join(" or ");
                format!(
                    "series `{name}` counts {unit}, and prices of `{name}` count {units}; correct `unit`, or add `convert`"
                )
            })
        };
        self.series.iter().try_for_each(suits).map_err(|problem| MapRefused(format!("{file}: {problem}")))
    }

    fn check(&self) -> Result<(), String> {
        let mut spans: Vec<(&str, Span)> = self.segments.iter().map(|(name, span)| (name.as_str(), *span)).collect();
        spans.sort_by_key(|(_, span)| span.from);
        for (name, span) in &spans {
            refuse(span.to < span.from, || {
                format!("segment `{name}` ends before it begins; exchange `from` and `to`")
            })?;
            refuse(!is_plain(name), || format!("segment `{name}` is also a folder name; use letters, digits and _"))?;
        }
        for pair in spans.windows(2) {
            let ((earlier, first), (later, second)) = (pair[0], pair[1]);
            let overlap =
                || format!("segments `{earlier}` and `{later}` overlap; a date belongs to one segment at most");
            refuse(second.from <= first.to, overlap)?;
        }
        self.fundamentals.iter().try_for_each(|(name, rule)| {
            let instant = || format!("`{name}` says neither `published` nor `days_to_publication`; add one of them");
            refuse(rule.published.is_none() && rule.days_to_publication == 0, instant)?;
            stays_inside(name, &rule.file)
        })?;
        self.series.iter().try_for_each(|(name, rule)| self.check_series(name, rule))
    }

    fn check_series(&self, name: &str, rule: &SeriesRule) -> Result<(), String> {
        refuse(!is_plain(name), || format!("series `{name}` is also a file name; use letters, digits, _ and ."))?;
        for (segment, path) in &rule.files {
            let known = self.segments.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let unknown = || format!("series `{name}` has a file for segment `{segment}`, which is not one of {known}");
            refuse(!self.segments.contains_key(segment), unknown)?;
            stays_inside(name, path)?;
        }
        rule.known_bad.iter().try_for_each(|bad| stays_inside(name, &bad.file))?;
        let Some(Conversion { multiply_by, to }) = &rule.convert else { return Ok(()) };
        let unknown = || format!("series `{name}` multiplies by `{multiply_by}`, which is no series of this map");
        let rate = self.series.get(multiply_by).ok_or_else(unknown)?;
        let contracts = |rule: &SeriesRule| matches!(rule.columns, Columns::Contracts(_));
        let twice = || format!("series `{name}` multiplies by `{multiply_by}`, which must be one plain series itself");
        refuse(rate.convert.is_some() || contracts(rate) || contracts(rule), twice)?;
        let wrong = || format!("series `{name}`: {} times {} is not {to}; correct a unit", rule.unit, rate.unit);
        refuse(rule.unit.times(rate.unit) != Some(*to), wrong)?;
        for segment in rule.files.keys() {
            let absent =
                || format!("series `{name}` multiplies by `{multiply_by}`, which has no file in segment `{segment}`");
            refuse(!rate.files.contains_key(segment), absent)?;
        }
        Ok(())
    }
}

fn refuse(wrong: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if wrong { Err(why()) } else { Ok(()) }
}

fn stays_inside(series: &str, path: &str) -> Result<(), String> {
    let inside = Path::new(path).components().all(|component| matches!(component, Component::Normal(_)));
    refuse(!inside, || format!("series `{series}`: `{path}` leaves the source directory; write a path below it"))
}

/// Whether a name can be part of a path without meaning anything there.
pub(crate) fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}
