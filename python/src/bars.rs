//! Price history that comes as Arrow.
//!
//! In: any object with `__arrow_c_stream__`. Out: a table of texts, as a file would give it. Invariant: a cell becomes the
//! text that reads back as the same value; what is missing is blank; a type that holds neither text, number nor date is
//! refused by the name of its column.

use crate::Failed;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatchReader};
use arrow_pyarrow::FromPyArrow;
use arrow_schema::{DataType, TimeUnit};
use catalogue::Table;
use jiff::ToSpan;
use jiff::civil::date;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// Reads a table that is called `name`.
pub fn read(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Table> {
    if !value.hasattr("__arrow_c_stream__")? {
        return Err(PyTypeError::new_err(format!(
            "{name} is a {}, which has no __arrow_c_stream__; hand over a table of pyarrow, polars or pandas 2.2 or newer",
            value.get_type().name()?
        )));
    }
    let refused = |problem: String| Failed::new_err(format!("{name}: {problem}"));
    let reader = RecordBatchStreamReader::from_pyarrow_bound(value)?;
    let fields: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut columns: Vec<(String, Vec<String>)> = fields.into_iter().map(|name| (name, Vec::new())).collect();
    for batch in reader {
        let batch = batch.map_err(|error| refused(error.to_string()))?;
        for ((name, texts), array) in columns.iter_mut().zip(batch.columns()) {
            texts.extend(read_column(array).map_err(|problem| refused(format!("column `{name}` {problem}")))?);
        }
    }
    Ok(Table::of(name, columns))
}

fn read_column(array: &dyn Array) -> Result<Vec<String>, String> {
    let days = |days: i64| {
        let day = date(1970, 1, 1).checked_add(days.days());
        day.map(|day| day.to_string()).unwrap_or_default()
    };
    let per_day = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => 86_400_000_000_000_i64,
    };
    Ok(match array.data_type() {
        DataType::Null => vec![String::new(); array.len()],
        DataType::Utf8 => array.as_string::<i32>().iter().map(trimmed).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(trimmed).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(trimmed).collect(),
        DataType::Float64 => {
            cells::<Float64Type>(array, |number| if number.is_nan() { String::new() } else { number.to_string() })
        }
        DataType::Float32 => {
            cells::<Float32Type>(array, |number| if number.is_nan() { String::new() } else { number.to_string() })
        }
        DataType::Int8 => cells::<Int8Type>(array, |number| number.to_string()),
        DataType::Int16 => cells::<Int16Type>(array, |number| number.to_string()),
        DataType::Int32 => cells::<Int32Type>(array, |number| number.to_string()),
        DataType::Int64 => cells::<Int64Type>(array, |number| number.to_string()),
        DataType::UInt8 => cells::<UInt8Type>(array, |number| number.to_string()),
        DataType::UInt16 => cells::<UInt16Type>(array, |number| number.to_string()),
        DataType::UInt32 => cells::<UInt32Type>(array, |number| number.to_string()),
        DataType::UInt64 => cells::<UInt64Type>(array, |number| number.to_string()),
        DataType::Decimal128(..) => {
            let numbers = array.as_primitive::<Decimal128Type>();
            let cell = |row| if numbers.is_null(row) { String::new() } else { numbers.value_as_string(row) };
            (0..numbers.len()).map(cell).collect()
        }
        DataType::Date32 => cells::<Date32Type>(array, |day| days(i64::from(day))),
        DataType::Date64 => cells::<Date64Type>(array, |at| days(at.div_euclid(86_400_000))),
        DataType::Timestamp(unit, None) => {
            let day = |at: i64| days(at.div_euclid(per_day(unit)));
            match unit {
                TimeUnit::Second => cells::<TimestampSecondType>(array, day),
                TimeUnit::Millisecond => cells::<TimestampMillisecondType>(array, day),
                TimeUnit::Microsecond => cells::<TimestampMicrosecondType>(array, day),
                TimeUnit::Nanosecond => cells::<TimestampNanosecondType>(array, day),
            }
        }
        DataType::Timestamp(_, Some(zone)) => {
            return Err(format!("has instants in zone {zone}, and a bar has a date; give the date of its session"));
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = read_column(dictionary.values())?;
            let keys = dictionary.normalized_keys();
            let cell =
                |row: usize| if dictionary.keys().is_null(row) { String::new() } else { values[keys[row]].clone() };
            (0..array.len()).map(cell).collect()
        }
        other => return Err(format!("holds {other}, which is no text, number or date")),
    })
}

fn trimmed(text: Option<&str>) -> String {
    text.map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn cells<T: ArrowPrimitiveType>(array: &dyn Array, text: impl Fn(T::Native) -> String) -> Vec<String> {
    array.as_primitive::<T>().iter().map(|cell| cell.map(&text).unwrap_or_default()).collect()
}
