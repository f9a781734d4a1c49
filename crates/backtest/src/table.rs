//! Columns as one Parquet file.
//!
//! In: named columns of one length. Out: bytes. Invariant: a date is a DATE and a text is UTF8, so that pandas, polars and
//! DuckDB read them as what they are; what is missing is null, never a number.

use jiff::civil::{Date, date};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Column {
    Date(Vec<Date>),
    Text(Vec<String>),
    Number(Vec<f64>),
    Maybe(Vec<Option<f64>>),
    Count(Vec<i64>),
}

impl Column {
    fn shape(&self, name: &str) -> String {
        match self {
            Column::Date(_) => format!("REQUIRED INT32 {name} (DATE);"),
            Column::Text(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8);"),
            Column::Number(_) => format!("REQUIRED DOUBLE {name};"),
            Column::Maybe(_) => format!("OPTIONAL DOUBLE {name};"),
            Column::Count(_) => format!("REQUIRED INT64 {name};"),
        }
    }

    fn put(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<usize, ParquetError> {
        match self {
            Column::Date(dates) => {
                let days: Vec<i32> = dates.iter().map(|day| (*day - date(1970, 1, 1)).get_days()).collect();
                writer.typed::<Int32Type>().write_batch(&days, None, None)
            }
            Column::Text(texts) => {
                let texts: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(text.as_str())).collect();
                writer.typed::<ByteArrayType>().write_batch(&texts, None, None)
            }
            Column::Number(numbers) => writer.typed::<DoubleType>().write_batch(numbers, None, None),
            Column::Maybe(numbers) => {
                let there: Vec<f64> = numbers.iter().flatten().copied().collect();
                let levels: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
                writer.typed::<DoubleType>().write_batch(&there, Some(&levels), None)
            }
            Column::Count(counts) => writer.typed::<Int64Type>().write_batch(counts, None, None),
        }
    }
}

/// One file of the columns.
///
/// # Errors
/// What the format cannot hold.
pub fn write_table(name: &str, columns: &[(&str, Column)]) -> Result<Vec<u8>, ParquetError> {
    let shapes: String = columns.iter().map(|(name, column)| column.shape(name)).collect();
    let schema = Arc::new(parse_message_type(&format!("message {name} {{ {shapes} }}"))?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = file.next_row_group()?;
    for (_, column) in columns {
        let mut writer = group.next_column()?.expect("the schema has this column");
        column.put(&mut writer)?;
        writer.close()?;
    }
    group.close()?;
    file.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use std::io::Write;

    #[test]
    fn what_was_written_is_read_back_and_a_gap_is_null() {
        let columns = [
            ("day", Column::Date(vec![date(2026, 3, 2), date(1969, 12, 31)])),
            ("who", Column::Text(vec!["käse".into(), String::new()])),
            ("vix", Column::Maybe(vec![None, Some(-2.5)])),
            ("n", Column::Count(vec![7, -1])),
            ("x", Column::Number(vec![0.1, 1e300])),
        ];
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&write_table("rows", &columns).unwrap()).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(
            rows,
            [
                "{day: 2026-03-02, who: \"käse\", vix: null, n: 7, x: 0.1}",
                "{day: 1969-12-31, who: \"\", vix: -2.5E0, n: -1, x: 1E300}"
            ]
        );
    }
}
