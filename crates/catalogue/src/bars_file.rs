//! One series in one Parquet file: `date, open, high, low, close, volume`.
//!
//! In: bars. Out: the same bars. Invariant: prices are decimals of eight digits and quantities of four, so nothing is
//! rounded; what is read has rising dates, positive prices and a range that holds its open and close, or is an error.

use domain::price::{PRICE_DIGITS, QUANTITY_DIGITS};
use domain::{Price, Quantity};
use jiff::ToSpan;
use jiff::civil::Date;
use market::Bar;
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::data_type::{Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rust_decimal::Decimal;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// Decimal digits an INT64 holds; a price has eight of them after the point.
const DECIMAL_DIGITS: u32 = 18;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// What is wrong with a file, without its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BarsFault {
    #[error("it is not a readable Parquet file ({0})")]
    Parquet(#[from] ParquetError),
    #[error("its columns are not {schema}", schema = schema())]
    Schema,
    /// Rows are counted from 1.
    #[error("row {row}: {problem}")]
    Row { row: usize, problem: String },
}

fn schema() -> String {
    let price = |name: &str| format!("REQUIRED INT64 {name} (DECIMAL({DECIMAL_DIGITS},{PRICE_DIGITS}));");
    let prices = ["open", "high", "low", "close"].map(price).join(" ");
    let volume = format!("REQUIRED INT64 volume (DECIMAL({DECIMAL_DIGITS},{QUANTITY_DIGITS}));");
    format!("message bars {{ REQUIRED INT32 date (DATE); {prices} {volume} }}")
}

/// Writes bars and returns what they were written to.
pub(crate) fn write<W: Write + Send>(bars: &[Bar], out: W) -> Result<W, ParquetError> {
    let schema = Arc::new(parse_message_type(&schema())?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let mut group = file.next_row_group()?;

    let days: Vec<i32> = bars.iter().map(|bar| day_number(bar.date)).collect();
    let mut column = group.next_column()?.expect("the schema has a date");
    column.typed::<Int32Type>().write_batch(&days, None, None)?;
    column.close()?;

    let columns: [fn(&Bar) -> i64; 5] = [
        |bar| bar.open.mantissa(),
        |bar| bar.high.mantissa(),
        |bar| bar.low.mantissa(),
        |bar| bar.close.mantissa(),
        |bar| bar.volume.units(),
    ];
    for value in columns {
        let values: Vec<i64> = bars.iter().map(value).collect();
        let mut column = group.next_column()?.expect("the schema has a column for each value");
        column.typed::<Int64Type>().write_batch(&values, None, None)?;
        column.close()?;
    }
    group.close()?;
    file.into_inner()
}

/// One row as it stands in a file, unchecked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub date: Date,
    /// Open, high, low, close in units of 1e-8.
    pub mantissas: [i64; 4],
    /// In units of 1e-4.
    pub volume: i64,
}

impl Row {
    pub fn close(&self) -> Decimal {
        decimal(self.mantissas[3])
    }
}

/// A price as a person writes it.
pub(crate) fn decimal(mantissa: i64) -> Decimal {
    Decimal::new(mantissa, PRICE_DIGITS).normalize()
}

/// Reads and checks every bar of a file.
pub(crate) fn read(file: File) -> Result<Vec<Bar>, BarsFault> {
    let rows = read_unchecked(file)?;
    let mut bars: Vec<Bar> = Vec::with_capacity(rows.len());
    for row in rows {
        let bar = bar(row, bars.last());
        bars.push(bar.map_err(|problem| BarsFault::Row { row: bars.len() + 1, problem })?);
    }
    Ok(bars)
}

/// Reads every row of a file, whatever its numbers say; for looking at what cannot be used.
pub(crate) fn read_unchecked(file: File) -> Result<Vec<Row>, BarsFault> {
    let reader = SerializedFileReader::new(file)?;
    let expected = parse_message_type(&schema())?;
    if reader.metadata().file_metadata().schema() != &expected {
        return Err(BarsFault::Schema);
    }
    let mut rows = Vec::with_capacity(reader.metadata().file_metadata().num_rows().max(0) as usize);
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index)?;
        let days = days(group.as_ref())?;
        let columns = [1, 2, 3, 4, 5].map(|column| values(group.as_ref(), column));
        let [open, high, low, close, volume] = columns;
        let (open, high, low, close, volume) = (open?, high?, low?, close?, volume?);
        for index in 0..days.len() {
            let date = EPOCH.checked_add(days[index].days());
            let date = date.map_err(|error| BarsFault::Row { row: rows.len() + 1, problem: error.to_string() })?;
            let mantissas = [open[index], high[index], low[index], close[index]];
            rows.push(Row { date, mantissas, volume: volume[index] });
        }
    }
    Ok(rows)
}

fn bar(row: Row, before: Option<&Bar>) -> Result<Bar, String> {
    let Row { date, mantissas, volume } = row;
    if let Some(before) = before.filter(|before| before.date >= date) {
        return Err(format!("{date} does not come after {}", before.date));
    }
    let mut prices = [Price::from_mantissa(1).expect("positive"); 4];
    for (price, mantissa) in prices.iter_mut().zip(mantissas) {
        *price = Price::from_mantissa(mantissa).map_err(|_| format!("a price of {date} is not above zero"))?;
    }
    let [open, high, low, close] = prices;
    if low > open.min(close) || high < open.max(close) {
        return Err(format!("{date} has open {open} and close {close} outside its low {low} and high {high}"));
    }
    if volume < 0 {
        return Err(format!("{date} has a negative volume"));
    }
    Ok(Bar::new(date, prices, Quantity::from_units(volume)))
}

fn days(group: &dyn RowGroupReader) -> Result<Vec<i32>, BarsFault> {
    let rows = group.metadata().num_rows().max(0) as usize;
    let mut days = Vec::with_capacity(rows);
    match group.get_column_reader(0)? {
        ColumnReader::Int32ColumnReader(mut column) => column.read_records(rows, None, None, &mut days)?,
        _ => return Err(BarsFault::Schema),
    };
    if days.len() == rows { Ok(days) } else { Err(BarsFault::Schema) }
}

fn values(group: &dyn RowGroupReader, column: usize) -> Result<Vec<i64>, BarsFault> {
    let rows = group.metadata().num_rows().max(0) as usize;
    let mut values = Vec::with_capacity(rows);
    match group.get_column_reader(column)? {
        ColumnReader::Int64ColumnReader(mut column) => column.read_records(rows, None, None, &mut values)?,
        _ => return Err(BarsFault::Schema),
    };
    if values.len() == rows { Ok(values) } else { Err(BarsFault::Schema) }
}

fn day_number(date: Date) -> i32 {
    let days = date.duration_since(EPOCH).as_hours() / 24;
    i32::try_from(days).expect("every civil date is within 2^31 days of 1970")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;
    use std::io::Seek;

    fn through_a_file(bars: &[Bar]) -> Result<Vec<Bar>, BarsFault> {
        let mut file = write(bars, tempfile::tempfile().unwrap()).unwrap();
        file.rewind().unwrap();
        read(file)
    }

    fn flat(date: Date, close: f64) -> Bar {
        Bar::flat(date, close).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec((1..9_i32, prices(), 0..i64::MAX), 0..50)) {
            let mut day = date(2010, 1, 1);
            let mut bars = Vec::new();
            for (gap, prices, volume) in rows {
                day = day.checked_add(gap.days()).unwrap();
                bars.push(Bar::new(day, prices, Quantity::from_units(volume)));
            }
            prop_assert_eq!(through_a_file(&bars).unwrap(), bars);
        }
    }

    fn prices() -> impl Strategy<Value = [Price; 4]> {
        let largest = 10_i64.pow(DECIMAL_DIGITS) - 1;
        prop::array::uniform4((1..=largest).prop_map(|mantissa| Price::from_mantissa(mantissa).unwrap()))
    }

    #[test]
    fn a_bar_no_market_could_print_is_refused_with_its_row() {
        let falling = [flat(date(2015, 8, 25), 36.02), flat(date(2015, 8, 24), 40.74)];
        insta::assert_snapshot!(through_a_file(&falling).unwrap_err(), @"row 2: 2015-08-24 does not come after 2015-08-25");
        let mut inverted = flat(date(2015, 8, 24), 40.74);
        inverted.low = Price::from_f64(41.0).unwrap();
        insta::assert_snapshot!(through_a_file(&[inverted]).unwrap_err(), @"row 1: 2015-08-24 has open 40.74 and close 40.74 outside its low 41 and high 40.74");
        let mut other = tempfile::tempfile().unwrap();
        other.write_all(b"date,close\n2015-08-24,40.74\n").unwrap();
        insta::assert_snapshot!(read(other).unwrap_err(), @"it is not a readable Parquet file (Parquet error: Invalid Parquet file. Corrupt footer)");
    }
}
