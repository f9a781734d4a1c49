//! Tables that leave as Arrow.
//!
//! In: columns. Out: one record batch behind the Arrow PyCapsule interface. Invariant: whoever reads it reads this memory;
//! a date is a date32, a text utf8, what is missing is null, and a column without a gap has no bitmap.

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field, Schema};
use backtest::table::Column;
use jiff::civil::{Date, date};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::fmt::Write;
use std::sync::Arc;

/// Columns of one length, in Arrow memory. ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and
/// ``pandas.DataFrame.from_arrow(table)`` read it where it lies.
#[pyclass(frozen, module = "abstractfinance")]
pub struct Table {
    batch: RecordBatch,
}

impl Table {
    /// A table of named columns.
    pub fn of(columns: Vec<(impl Into<String>, Column)>) -> Table {
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
            .into_iter()
            .map(|(name, column)| {
                let nullable = matches!(column, Column::Maybe(_));
                let array = array(column);
                (Field::new(name, array.data_type().clone(), nullable), array)
            })
            .unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        Table { batch: batch.expect("columns of one length") }
    }
}

fn array(column: Column) -> ArrayRef {
    let day = |day: Date| (day - date(1970, 1, 1)).get_days();
    match column {
        Column::Date(dates) => Arc::new(Date32Array::from_iter_values(dates.into_iter().map(day))),
        Column::Text(texts) => Arc::new(StringArray::from_iter_values(texts)),
        Column::Number(numbers) => Arc::new(Float64Array::from(numbers)),
        Column::Maybe(numbers) => match numbers.iter().copied().collect::<Option<Vec<f64>>>() {
            Some(all) => Arc::new(Float64Array::from(all)),
            None => Arc::new(Float64Array::from(numbers)),
        },
        Column::Count(counts) => Arc::new(Int64Array::from(counts)),
    }
}

#[pymethods]
impl Table {
    /// The names of its columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// How many rows it has.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    fn __repr__(&self) -> String {
        let mut text = format!("abstractfinance.Table of {} rows:", self.batch.num_rows());
        for field in self.batch.schema().fields() {
            let kind = match field.data_type() {
                DataType::Date32 => "date",
                DataType::Utf8 => "text",
                DataType::Int64 => "whole number",
                _ => "number",
            };
            write!(text, "\n  {}: {kind}", field.name()).expect("text");
        }
        text
    }

    /// The Arrow PyCapsule interface: the shape of the rows.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.batch.schema().as_ref());
        let schema = schema.map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    /// The Arrow PyCapsule interface: the rows. A reader that wants another shape converts what it gets.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = RecordBatchIterator::new([Ok(self.batch.clone())], self.batch.schema());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(batches)), c"arrow_array_stream")
    }
}
