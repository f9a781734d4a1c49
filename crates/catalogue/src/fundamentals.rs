//! Published statements: from tables through the map into one Parquet file, and back.
//!
//! In: source files and rules, or a catalogue's file. Out: statements. Invariant: a cell that is blank is a figure that
//! was not reported; a row is visible from the publication the map states, never from the end of its fiscal year.

use crate::map::{StatementsRule, When};
use crate::source::{Source, SourceError};
use crate::table::Row;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::fmt::strtime;
use market::{Figure, Statement};
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The statements of one source, and its hash.
pub(crate) fn read_source(source: Source<'_>, rule: &StatementsRule) -> Result<(Vec<Statement>, String), SourceError> {
    let table = source.table(&rule.file)?;
    let column = |name: &str| table.column(name);
    let name = column(&rule.name)?;
    let period_end = Place::of(&rule.period_end, column)?;
    let published = rule.published.as_ref().map(|when| Place::of(when, column)).transpose()?;
    let mut figures = Vec::new();
    for (&figure, terms) in &rule.figures {
        let terms: Result<Vec<(usize, f64)>, SourceError> = terms.iter().map(|term| signed(term, column)).collect();
        figures.push((figure, terms?));
    }
    let mut statements = Vec::new();
    for row in table.rows() {
        let period_end = period_end.date(row)?;
        let published = match &published {
            Some(place) => place.date(row)?,
            None => period_end.saturating_add(i64::from(rule.days_to_publication).days()),
        };
        let cells = figures.iter().filter_map(|(figure, terms)| Some((*figure, sum(terms, row)?)));
        let figures = cells.map(|(figure, value)| Ok((figure, value?))).collect::<Result<BTreeMap<_, _>, _>>()?;
        statements.push(Statement { name: row.text(name).to_owned(), period_end, published, figures });
    }
    match statements.is_empty() {
        true => Err(SourceError::Empty {
            path: table.path.clone(),
            stands_for: rule.stands_for.clone(),
            left_out: String::new(),
        }),
        false => Ok((statements, table.sha256.clone())),
    }
}

/// Where a date of a row is found.
enum Place {
    Column(usize, String),
    Fixed(Date),
}

impl Place {
    fn of(when: &When, column: impl Fn(&str) -> Result<usize, SourceError>) -> Result<Place, SourceError> {
        match when {
            When::Date(date) => Ok(Place::Fixed(*date)),
            When::Column { column: name, format } => Ok(Place::Column(column(name)?, format.clone())),
        }
    }

    fn date(&self, row: Row<'_>) -> Result<Date, SourceError> {
        match self {
            Place::Fixed(date) => Ok(*date),
            Place::Column(column, format) => {
                let text = row.text(*column);
                let read = strtime::parse(format, text).and_then(|parts| parts.to_date());
                read.map_err(|error| {
                    row.refuse(format!("`{text}` is no date of the form {format} ({error}); correct the map"))
                })
            }
        }
    }
}

/// A column with its sign: `-capital_expenditures` is subtracted.
fn signed(term: &str, column: impl Fn(&str) -> Result<usize, SourceError>) -> Result<(usize, f64), SourceError> {
    match term.strip_prefix('-') {
        Some(name) => Ok((column(name)?, -1.0)),
        None => Ok((column(term)?, 1.0)),
    }
}

/// The sum of the columns; nothing when one is blank.
fn sum(terms: &[(usize, f64)], row: Row<'_>) -> Option<Result<f64, SourceError>> {
    let mut total = 0.0;
    for &(column, sign) in terms {
        let text = row.text(column);
        if text.is_empty() {
            return None;
        }
        match text.parse::<f64>().ok().filter(|value| value.is_finite()) {
            Some(value) => total += sign * value,
            None => {
                return Some(Err(
                    row.refuse(format!("`{text}` is no number; correct the file, or take the column out"))
                ));
            }
        }
    }
    Some(Ok(total))
}

fn schema() -> String {
    let figures: String = Figure::ALL.iter().map(|figure| format!(" OPTIONAL DOUBLE {};", figure.name())).collect();
    format!(
        "message statements {{ REQUIRED BYTE_ARRAY name (UTF8); REQUIRED INT32 period_end (DATE); \
         REQUIRED INT32 published (DATE);{figures} }}"
    )
}

/// The statements as a Parquet file.
pub(crate) fn write(statements: &[Statement]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let schema = Arc::new(parse_message_type(&schema())?);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    let names: Vec<ByteArray> = statements.iter().map(|row| ByteArray::from(row.name.as_str())).collect();
    let mut column = group.next_column()?.expect("the schema has names");
    column.typed::<ByteArrayType>().write_batch(&names, None, None)?;
    column.close()?;
    for date in [|row: &Statement| row.period_end, |row: &Statement| row.published] {
        let days: Vec<i32> = statements.iter().map(|row| (date(row) - EPOCH).get_days()).collect();
        let mut column = group.next_column()?.expect("the schema has two dates");
        column.typed::<Int32Type>().write_batch(&days, None, None)?;
        column.close()?;
    }
    for &figure in Figure::ALL {
        let values: Vec<f64> = statements.iter().filter_map(|row| row.get(figure)).collect();
        let defined: Vec<i16> = statements.iter().map(|row| i16::from(row.get(figure).is_some())).collect();
        let mut column = group.next_column()?.expect("the schema has a column for each figure");
        column.typed::<DoubleType>().write_batch(&values, Some(&defined), None)?;
        column.close()?;
    }
    group.close()?;
    file.into_inner()
}

/// The statements of a file, every one checked.
pub(crate) fn read(file: File) -> Result<Vec<Statement>, String> {
    let unreadable = |error: ParquetError| format!("it is not a readable Parquet file ({error})");
    let reader = SerializedFileReader::new(file).map_err(unreadable)?;
    let expected = parse_message_type(&schema()).map_err(unreadable)?;
    if reader.metadata().file_metadata().schema() != &expected {
        return Err(format!("its columns are not {}", schema()));
    }
    let mut statements = Vec::new();
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index).map_err(unreadable)?;
        statements.extend(rows(group.as_ref()).map_err(unreadable)?);
    }
    let finite = |row: &Statement| row.figures.values().all(|value| value.is_finite());
    match statements.iter().position(|row| !finite(row) || row.published < row.period_end) {
        Some(row) => Err(format!("row {} was published before its year ended, or has no finite figure", row + 1)),
        None => Ok(statements),
    }
}

fn rows(group: &dyn RowGroupReader) -> Result<Vec<Statement>, ParquetError> {
    let count = group.metadata().num_rows().max(0) as usize;
    let wrong = || ParquetError::General("a column has another type".into());
    let mut names = Vec::with_capacity(count);
    let ColumnReader::ByteArrayColumnReader(mut column) = group.get_column_reader(0)? else { return Err(wrong()) };
    column.read_records(count, None, None, &mut names)?;
    let mut dates = [Vec::with_capacity(count), Vec::with_capacity(count)];
    for (column, days) in [1, 2].into_iter().zip(&mut dates) {
        let ColumnReader::Int32ColumnReader(mut column) = group.get_column_reader(column)? else {
            return Err(wrong());
        };
        column.read_records(count, None, None, days)?;
    }
    let mut statements = Vec::with_capacity(count);
    for (name, (period_end, published)) in names.iter().zip(dates[0].iter().zip(&dates[1])) {
        let day = |days: i32| EPOCH.checked_add(days.days()).map_err(|error| ParquetError::General(error.to_string()));
        let name = name.as_utf8()?.to_owned();
        let (period_end, published) = (day(*period_end)?, day(*published)?);
        statements.push(Statement { name, period_end, published, figures: BTreeMap::new() });
    }
    for (column, &figure) in (3..).zip(Figure::ALL) {
        let (mut values, mut defined) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let ColumnReader::DoubleColumnReader(mut column) = group.get_column_reader(column)? else {
            return Err(wrong());
        };
        column.read_records(count, Some(&mut defined), None, &mut values)?;
        let mut values = values.into_iter();
        for (statement, _) in statements.iter_mut().zip(&defined).filter(|(_, defined)| **defined == 1) {
            statement.figures.insert(figure, values.next().ok_or_else(wrong)?);
        }
    }
    Ok(statements)
}
