//! A source as a table of texts.
//!
//! In: a CSV or Parquet file, or columns of somebody else's. Out: rows whose fields are read as dates, numbers and contract
//! months. Invariant: what cannot be read says its file and line; a field is text whichever format it came from, so all obey
//! the same rules.

use crate::manifest::sha256;
use crate::source::SourceError;
use domain::{Price, Quantity};
use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::Bar;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// A source in memory.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) path: PathBuf,
    header: Vec<String>,
    records: Vec<Record>,
    pub(crate) sha256: String,
}

/// One row, and the line it is on, the header included.
#[derive(Clone, Debug)]
struct Record {
    line: u64,
    fields: Vec<String>,
}

impl Table {
    /// A table of columns that were read elsewhere, each of the same number of texts as they would stand in a CSV file;
    /// `name` is what a person knows it by.
    ///
    /// # Panics
    /// When a column is shorter than the first.
    pub fn of(name: &str, columns: Vec<(String, Vec<String>)>) -> Table {
        let (header, columns): (Vec<String>, Vec<Vec<String>>) = columns.into_iter().unzip();
        let rows = columns.first().map_or(0, Vec::len);
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let mut records = Vec::with_capacity(rows);
        for line in (2..).take(rows) {
            let fields = columns.iter_mut().map(|column| column.next().expect("columns are as long as the first"));
            records.push(Record { line, fields: fields.collect() });
        }
        let texts: Vec<&str> =
            header.iter().chain(records.iter().flat_map(|row| &row.fields)).map(String::as_str).collect();
        let sha256 = sha256(texts.join("\u{1f}").as_bytes());
        Table { path: name.into(), header, records, sha256 }
    }

    /// Whether there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.header.iter().any(|column| column == name)
    }

    /// The different texts of a column, in order.
    ///
    /// # Errors
    /// [`SourceError::NoColumn`].
    pub fn distinct(&self, name: &str) -> Result<BTreeSet<&str>, SourceError> {
        let column = self.column(name)?;
        Ok(self.rows().map(|row| row.record.fields[column].as_str()).collect())
    }

    /// Reads a file, as Parquet when its name says so.
    pub(crate) fn open(path: PathBuf) -> Result<Table, SourceError> {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(SourceError::Unreadable { path, source }),
        };
        let sha256 = sha256(&bytes);
        let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
        let (header, records) = if is_parquet { parquet_rows(&path)? } else { csv_rows(&path, &bytes)? };
        Ok(Table { path, header, records, sha256 })
    }

    /// The place of the only column of this name.
    pub(crate) fn column(&self, name: &str) -> Result<usize, SourceError> {
        let no_column = || SourceError::NoColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.header.join(", "),
        };
        let mut places = (0..).zip(&self.header).filter(|(_, column)| *column == name).map(|(place, _)| place);
        let place = places.next().ok_or_else(no_column)?;
        if places.next().is_some() {
            let problem = format!("two columns are called `{name}`; take out the one that is not meant");
            return Err(SourceError::Line { path: self.path.clone(), line: 1, problem });
        }
        Ok(place)
    }

    /// All rows, in the file's order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row { table: self, record })
    }
}

/// One row with the table it is in.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    record: &'a Record,
}

impl Row<'_> {
    /// A field.
    pub fn text(&self, column: usize) -> &str {
        &self.record.fields[column]
    }

    /// A date, written YYYY-MM-DD. An instant has none: midnight in Frankfurt is the day before in Greenwich, and a close that
    /// came a day early would be known before it was made.
    pub fn date(&self, column: usize) -> Result<Date, SourceError> {
        let text = self.text(column);
        let pieces =
            Pieces::parse(text).map_err(|_| self.refuse(format!("`{text}` is not a date; write it YYYY-MM-DD")))?;
        match pieces.offset().is_none() && pieces.time_zone_annotation().is_none() {
            true => Ok(pieces.date()),
            false => {
                Err(self.refuse(format!("`{text}` is an instant, and a bar has a date; give the date of its session")))
            }
        }
    }

    /// A date that must come after the one before it; `advice` says what to do when it does not.
    pub fn date_after(&self, column: usize, last: &mut Option<Date>, advice: &str) -> Result<Date, SourceError> {
        let date = self.date(column)?;
        match last.replace(date) {
            Some(last) if last >= date => Err(self.refuse(format!("{date} does not come after {last}; {advice}"))),
            _ => Ok(date),
        }
    }

    /// A bar of four prices and a volume.
    pub fn bar(&self, date: Date, prices: [Decimal; 4], volume: Decimal) -> Result<Bar, SourceError> {
        let price = |value| Price::from_decimal(value).map_err(|error| self.refuse(error.to_string()));
        let prices = [price(prices[0])?, price(prices[1])?, price(prices[2])?, price(prices[3])?];
        let volume = Quantity::from_decimal(volume).map_err(|error| self.refuse(error.to_string()))?;
        Ok(Bar::new(date, prices, volume))
    }

    /// `None` for an empty field.
    pub fn number(&self, column: usize) -> Result<Option<Decimal>, SourceError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text));
        number.map(Some).map_err(|_| {
            self.refuse(format!(
                "`{text}` in column `{}` is not a number; leave a missing price blank",
                &self.table.header[column]
            ))
        })
    }

    /// A contract month as YYYYMM; `None` for an empty field.
    pub fn month(&self, column: usize) -> Result<Option<String>, SourceError> {
        let text = self.text(column);
        let digits = text.len() == 6 && text.bytes().all(|digit| digit.is_ascii_digit());
        let shaped = digits && ("01"..="12").contains(&&text[4..]);
        match text {
            "" => Ok(None),
            _ if shaped => Ok(Some(text.to_owned())),
            _ => Err(self.refuse(format!("`{text}` is not a contract month; write it YYYYMM"))),
        }
    }

    /// What is wrong with this row.
    pub fn refuse(&self, problem: String) -> SourceError {
        SourceError::Line { path: self.table.path.clone(), line: self.record.line, problem }
    }
}

type Read = (Vec<String>, Vec<Record>);

fn csv_rows(path: &Path, bytes: &[u8]) -> Result<Read, SourceError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let problem =
            "the file is empty; it needs a header and a row for each date, or take it out of the map".to_owned();
        return Err(SourceError::Line { path: path.to_owned(), line: 1, problem });
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} fields under a header of {expected_len}; quote a comma that belongs to a field")
            }
            _ => format!("{error}; the file must be comma-separated UTF-8 text with a header"),
        };
        SourceError::Line { path: path.to_owned(), line, problem }
    };
    let header = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        records.push(Record { line, fields: record.iter().map(str::to_owned).collect() });
    }
    Ok((header, records))
}

fn parquet_rows(path: &Path) -> Result<Read, SourceError> {
    let refused = |line: u64, problem: String| SourceError::Line { path: path.to_owned(), line, problem };
    let unreadable = |line: u64| {
        move |error: ParquetError| {
            refused(line, format!("no readable Parquet ({error}); write it with Snappy compression or none"))
        }
    };
    let file = File::open(path).map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
    let reader = SerializedFileReader::new(file).map_err(unreadable(1))?;
    let schema = reader.metadata().file_metadata().schema();
    let header: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let kinds: Vec<Option<&LogicalType>> =
        schema.get_fields().iter().map(|field| field.get_basic_info().logical_type_ref()).collect();
    let mut records = Vec::new();
    // A line counts as in a CSV file: the header would be the first one.
    for (row, line) in reader.get_row_iter(None).map_err(unreadable(1))?.zip(2..) {
        let row = row.map_err(unreadable(line))?;
        let fields = row.get_column_iter().zip(&kinds).map(|((name, field), kind)| {
            text(field, *kind).ok_or_else(|| refused(line, format!("column `{name}` holds no text, number or date")))
        });
        records.push(Record { line, fields: fields.collect::<Result<_, _>>()? });
    }
    Ok((header, records))
}

/// A field as it would stand in a CSV file; missing values and NaN are blank. Times are instants unless their column says that it
/// means the clock on some wall, by Parquet's rule for files that leave it open.
fn text(field: &Field, kind: Option<&LogicalType>) -> Option<String> {
    let (is_instant, is_nanoseconds) = match kind {
        Some(LogicalType::Timestamp(clock)) => (clock.is_adjusted_to_u_t_c, clock.unit == TimeUnit::NANOS),
        _ => (true, false),
    };
    let time = |second: i64| {
        let instant = Timestamp::from_second(second).ok()?;
        Some(if is_instant { instant.to_string() } else { TimeZone::UTC.to_datetime(instant).date().to_string() })
    };
    match field {
        Field::Null => Some(String::new()),
        Field::Str(text) => Some(text.trim().to_owned()),
        Field::Float(number) if number.is_nan() => Some(String::new()),
        Field::Double(number) if number.is_nan() => Some(String::new()),
        Field::Float(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        Field::Date(days) => EPOCH.checked_add(i64::from(*days).days()).ok().map(|date| date.to_string()),
        Field::TimestampMillis(at) => time(at.div_euclid(1_000)),
        Field::TimestampMicros(at) => time(at.div_euclid(1_000_000)),
        // A row has no field of its own for these.
        Field::Long(at) if is_nanoseconds => time(at.div_euclid(1_000_000_000)),
        Field::Bool(_) | Field::Bytes(_) | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => None,
        number => Some(number.to_string()),
    }
}
