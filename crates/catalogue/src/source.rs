//! Rows of a source file, as bars.
//!
//! In: a table and the map's rule for it. Out: bars in order of date, and a count of what was left out with the
//! reason. Invariant: a row is used as it stands or left out and counted; nothing is filled in. Dates that do not rise
//! and text that is no number are errors, because then the file is not what the map says.

use crate::map::{Columns, ContractColumns, KnownBad, SeriesRule, Span};
use crate::report::{LeftOut, Reason};
use crate::table::Table;
use jiff::civil::Date;
use market::Bar;
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the tables of a map are.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Files below a folder, CSV or Parquet.
    Folder(&'a Path),
    /// In memory, by the name the map has for them.
    Tables(&'a BTreeMap<String, Table>),
}

impl<'a> Source<'a> {
    /// The table of a name.
    pub(crate) fn table(self, name: &str) -> Result<Cow<'a, Table>, SourceError> {
        match self {
            Source::Folder(folder) => Table::open(folder.join(name)).map(Cow::Owned),
            Source::Tables(tables) => tables.get(name).map(Cow::Borrowed).ok_or_else(|| SourceError::NoTable {
                asked: name.to_owned(),
                known: tables.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

/// A source file that cannot be used as the map says.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is missing or cannot be read.
    #[error("cannot read {}: {source}; check the source directory, or take the file out of the map", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A table the map names was not handed over.
    #[error("the map names `{asked}`, and no table of that name was handed over; there is {known}")]
    NoTable {
        /// The name asked for.
        asked: String,
        /// The names there are.
        known: String,
    },
    /// A column the map needs is not there.
    #[error("{} has no column `{column}`; it has {found}; correct `columns` in the map", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The columns it has.
        found: String,
    },
    /// A line is not what it should be.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The list of bad prints is missing or cannot be read.
    #[error("cannot read the list of bad prints {}: {source}; correct its path, or leave the list out", path.display())]
    NoList {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The list of bad prints has other columns.
    #[error("{} has no column `{column}`; it has {found}, and a list of bad prints needs {needed}", path.display())]
    ListColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The columns it has.
        found: String,
        /// The columns it needs.
        needed: String,
    },
    /// The file has no row for this series.
    #[error("{} has no usable row for {stands_for}{left_out}; correct `symbol` in the map, or take the file out of it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        stands_for: String,
        /// The rows it has, by the reason why they are left out; nothing when it has none.
        left_out: String,
    },
}

const IN_ORDER: &str = "sort the rows and remove doubles";

/// Exchange rates by date.
pub(crate) type Rates = BTreeMap<Date, Decimal>;

/// A series as read, before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The contract month of a future, as YYYYMM.
    pub month: Option<String>,
    pub bars: Vec<Bar>,
}

/// What one source file gives for one instrument.
pub(crate) struct Reading {
    pub drafts: Vec<Draft>,
    pub left_out: LeftOut,
    /// Bars whose high or low did not hold their open and close.
    pub widened: usize,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Reads one instrument from one file. `rates` converts, if the rule says so.
pub(crate) fn read(
    source: Source<'_>,
    file: &str,
    rule: &SeriesRule,
    span: Span,
    rates: Option<&Rates>,
) -> Result<Reading, SourceError> {
    let table = source.table(file)?;
    let bad = rule.known_bad.as_ref().map(|bad| known_bad(source, bad)).transpose()?.unwrap_or_default();
    let mut sieve = Sieve { span, bad, rates, left_out: LeftOut::default(), widened: 0 };
    let mut drafts = match &rule.columns {
        Columns::Contracts(columns) => contracts(&table, columns, rule, &mut sieve)?,
        columns => vec![single(&table, rule, columns, &mut sieve)?],
    };
    drafts.retain(|draft| !draft.bars.is_empty());
    if drafts.is_empty() {
        let left_out = Some(sieve.left_out.to_string()).filter(|told| !told.is_empty());
        let left_out = left_out.map_or_else(String::new, |told| format!(": {told}"));
        return Err(SourceError::Empty { path: table.path.clone(), stands_for: rule.stands_for.clone(), left_out });
    }
    Ok(Reading { drafts, left_out: sieve.left_out, widened: sieve.widened, sha256: table.sha256.clone() })
}

fn single(table: &Table, rule: &SeriesRule, columns: &Columns, sieve: &mut Sieve<'_>) -> Result<Draft, SourceError> {
    let prices = match columns {
        Columns::Close(column) => [table.column(column)?; 4],
        _ => [table.column("open")?, table.column("high")?, table.column("low")?, table.column("close")?],
    };
    let volume = match columns {
        Columns::Ohlcv => Some(table.column("volume")?),
        Columns::Close(_) if table.has("volume") => Some(table.column("volume")?),
        _ => None,
    };
    let symbol =
        rule.symbol.as_deref().map(|symbol| table.column("symbol").map(|column| (column, symbol))).transpose()?;
    let dates = table.column("date")?;
    let mixed = symbol.is_none() && table.distinct("symbol").is_ok_and(|symbols| symbols.len() > 1);
    let advice = if mixed { "the file has several symbols: name `symbol` in the map" } else { IN_ORDER };
    let mut last = None;
    let mut bars = Vec::new();
    for row in table.rows().filter(|row| symbol.is_none_or(|(column, wanted)| row.text(column) == wanted)) {
        let date = row.date_after(dates, &mut last, advice)?;
        let mut quoted = [None; 4];
        for (value, column) in quoted.iter_mut().zip(prices) {
            *value = row.number(column)?;
        }
        let volume =
            volume.map(|column| row.number(column)).transpose()?.flatten().unwrap_or_else(|| rule.assumed_volume());
        if let Some(prices) = sieve.pass(date, quoted, volume) {
            bars.push(row.bar(date, prices, volume)?);
        }
    }
    Ok(Draft { month: None, bars })
}

fn contracts(
    table: &Table,
    columns: &[ContractColumns],
    rule: &SeriesRule,
    sieve: &mut Sieve<'_>,
) -> Result<Vec<Draft>, SourceError> {
    let mut months: BTreeMap<String, BTreeMap<Date, Bar>> = BTreeMap::new();
    let dates = table.column("date")?;
    for ContractColumns { price, month } in columns {
        let (price, month) = (table.column(price)?, table.column(month)?);
        let mut last = None;
        for row in table.rows() {
            let date = row.date_after(dates, &mut last, IN_ORDER)?;
            let month = row.month(month)?;
            let quoted = row.number(price)?.filter(|_| month.is_some());
            let volume = rule.assumed_volume();
            if let (Some(month), Some(prices)) = (month, sieve.pass(date, [quoted; 4], volume)) {
                let bar = row.bar(date, prices, volume)?;
                months.entry(month).or_default().entry(date).or_insert(bar);
            }
        }
    }
    let draft =
        |(month, bars): (String, BTreeMap<Date, Bar>)| Draft { month: Some(month), bars: bars.into_values().collect() };
    Ok(months.into_iter().map(draft).collect())
}

/// Lets usable prices through, in the wanted unit, and counts the rest.
struct Sieve<'a> {
    span: Span,
    /// Wrong closes by date.
    bad: Rates,
    rates: Option<&'a Rates>,
    left_out: LeftOut,
    widened: usize,
}

impl Sieve<'_> {
    fn pass(&mut self, date: Date, quoted: [Option<Decimal>; 4], volume: Decimal) -> Option<[Decimal; 4]> {
        match self.usable(date, quoted, volume) {
            Ok(prices) => {
                let [open, high, low, close] = prices;
                self.widened += usize::from(high < open.max(close) || low > open.min(close));
                Some(prices)
            }
            Err(reason) => {
                self.left_out.count(reason, date);
                None
            }
        }
    }

    fn usable(&self, date: Date, quoted: [Option<Decimal>; 4], volume: Decimal) -> Result<[Decimal; 4], Reason> {
        let [Some(open), Some(high), Some(low), Some(close)] = quoted else { return Err(Reason::Blank) };
        let prices = [open, high, low, close];
        if !self.span.contains(date) {
            return Err(Reason::OutsideSegment);
        }
        if prices.iter().any(|price| *price <= Decimal::ZERO) {
            return Err(Reason::NotPositive);
        }
        if volume < Decimal::ZERO {
            return Err(Reason::NegativeVolume);
        }
        if self.bad.get(&date) == Some(&close) {
            return Err(Reason::KnownBad);
        }
        let factor = self.rates.map_or(Some(Decimal::ONE), |rates| rates.get(&date).copied()).ok_or(Reason::NoRate)?;
        // A rate is a price, so what it takes beyond every decimal is beyond a price already, and its row says so.
        Ok(prices.map(|price| price.checked_mul(factor).unwrap_or(price)))
    }
}

/// The wrong closes of a series by date.
fn known_bad(source: Source<'_>, bad: &KnownBad) -> Result<Rates, SourceError> {
    let table = source.table(&bad.file).map_err(as_list)?;
    let [date, series, value] = list_columns(&table, ["date", "series", "value_in_our_file"])?;
    let mut wrong = Rates::new();
    for row in table.rows() {
        if row.text(series) == bad.series
            && let Some(close) = row.number(value)?
        {
            wrong.insert(row.date(date)?, close);
        }
    }
    Ok(wrong)
}

fn as_list(error: SourceError) -> SourceError {
    match error {
        SourceError::Unreadable { path, source } => SourceError::NoList { path, source },
        other => other,
    }
}

fn list_columns<const N: usize>(table: &Table, needed: [&str; N]) -> Result<[usize; N], SourceError> {
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(needed) {
        *place = table.column(name).map_err(|error| match error {
            SourceError::NoColumn { path, column, found } => {
                SourceError::ListColumn { path, column, found, needed: needed.join(", ") }
            }
            other => other,
        })?;
    }
    Ok(places)
}

/// Series and dates of a list of bad prints: columns `date` and `series`.
///
/// # Errors
/// [`SourceError`] names the file and line.
pub fn listed(path: &Path) -> Result<Vec<(String, Date)>, SourceError> {
    let table = Table::open(path.to_owned()).map_err(as_list)?;
    let [date, series] = list_columns(&table, ["date", "series"])?;
    table.rows().map(|row| Ok((row.text(series).to_owned(), row.date(date)?))).collect()
}
