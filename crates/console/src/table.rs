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

/// A text in lines of at most so many characters. One that does not fit has a line for each of its parts, which end in
/// semicolons; a part that does not fit is broken between words, and a longer word keeps a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let parts = text.split_inclusive("; ").flat_map(|part| broken(part.trim_end(), width));
    parts.collect::<Vec<_>>().join("\n")
}

fn broken(part: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in part.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_long_sentence_is_broken_and_loses_nothing() {
        assert_eq!(wrapped("one; short", 20), "one; short");
        assert_eq!(wrapped("NAV − NLV = 0.00, no breaks", 12), "NAV − NLV =\n0.00, no\nbreaks");
        assert_eq!(
            wrapped("2 orders; buy SPY_OPT_20260515_P630 now", 10),
            "2 orders;\nbuy\nSPY_OPT_20260515_P630\nnow"
        );
    }
}
