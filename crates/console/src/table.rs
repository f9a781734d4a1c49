//! Tables for a terminal.
//!
//! In: headers and rows of text. Out: a table that is read across. Invariant: numbers stand right, nothing is
//! boxed.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use std::ops::Range;

/// A rule under the header and nothing else: rows are read across, not counted.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table with a header.
pub(crate) fn grid(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(RULED).set_header(header.to_vec());
    table
}

/// Sets columns of numbers right.
pub(crate) fn numbers(table: &mut Table, columns: Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A fraction as a percentage of two digits.
pub(crate) fn percent(fraction: f64) -> f64 {
    rounded(fraction * 100.0, 1e2)
}

/// Rounded as it is shown, so that nothing is shown as a negative zero.
pub(crate) fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps + 0.0
}
