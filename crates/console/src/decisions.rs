//! Decisions as a person reads them: chains of numbers, reasons, what changed between two days.
//!
//! In: rows of recorded plans. Out: text for a terminal. Invariant: shows numbers it is given, rounded to what can be
//! read; the exact ones are in the JSON.

use crate::table::{grid, numbers};
use domain::money::grouped;
use rust_decimal::Decimal;

/// One number of a chain.
#[derive(Clone, Debug)]
pub struct Number {
    /// The step it belongs to.
    pub step: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// In what.
    pub unit: String,
    /// The formula, or where it comes from.
    pub from: String,
}

/// A chain, a line for each number; a step is named once.
pub fn chain(rows: &[Number]) -> String {
    let mut table = grid(&["step", "number", "value", "", "from"]);
    let mut last = "";
    for row in rows {
        let step = if row.step == last { "" } else { row.step.as_str() };
        last = &row.step;
        table.add_row([step, &row.name, &readable(row.value), &row.unit, &row.from]);
    }
    numbers(&mut table, 2..3);
    table.trim_fmt()
}

/// Ten digits at most, thousands apart.
pub fn readable(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let whole_digits = format!("{:.0}", value.abs().trunc()).len();
    let digits = 8_usize.saturating_sub(whole_digits).min(6);
    let shown = format!("{value:.digits$}");
    let shown = if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
    match shown.parse::<Decimal>() {
        Ok(exact) if value.abs() >= 10_000.0 => grouped(exact, exact.scale()),
        _ if shown.trim_start_matches('-') == "0" => format!("{value:.2e}"),
        _ => shown.to_owned(),
    }
}

/// A table of text with a header.
pub fn table(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut table = grid(header);
    rows.iter().for_each(|row| {
        table.add_row(row.clone());
    });
    right.iter().for_each(|&column| numbers(&mut table, column..column + 1));
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_far_as_they_can_be_read() {
        let shown: Vec<String> =
            [0.0, 0.17500000000000002, 1.0, -3636.0, 2_634_449.840_1, 0.1, 1.0 / 3.0, 1e-9, 725.44]
                .map(readable)
                .into();
        assert_eq!(shown, ["0", "0.175", "1", "-3636", "2,634,449.8", "0.1", "0.333333", "1.00e-9", "725.44"]);
    }
}
