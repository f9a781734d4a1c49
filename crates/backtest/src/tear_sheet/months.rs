//! Returns month by month.
//!
//! In: dates and what each earned. Out: a table with a row a year, shaded by size. Invariant: a month is compounded from its days,
//! a year from its months; a month without a day is blank.

use super::percent;
use crate::result::Day;
use std::collections::BTreeMap;
use std::fmt::Write;

const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The return of a month whose shade is full.
const FULL: f64 = 0.06;

pub(super) fn table(days: &[Day], returns: &[f64]) -> String {
    let mut growth: BTreeMap<i16, [Option<f64>; 12]> = BTreeMap::new();
    for (day, earned) in days.iter().zip(returns) {
        let month = &mut growth.entry(day.date.year()).or_default()[day.date.month() as usize - 1];
        *month = Some(month.unwrap_or(1.0) * (1.0 + earned));
    }
    let head: String = NAMES.iter().map(|name| format!("<th>{name}</th>")).collect();
    let mut rows = String::new();
    for (year, months) in growth {
        let cells: String = months.iter().map(cell).collect();
        let whole = months.iter().flatten().product::<f64>() - 1.0;
        write!(rows, "<tr><td>{year}</td>{cells}<td><b>{}</b></td></tr>", percent(whole)).expect("text");
    }
    format!(
        "<section class=card><div class=head><h2>Months</h2><p>compounded, per cent</p></div><div class=scroll><table \
         class=months><tr><th></th>{head}<th>Year</th></tr>{rows}</table></div></section>"
    )
}

fn cell(growth: &Option<f64>) -> String {
    let Some(growth) = growth else { return "<td></td>".into() };
    let earned = growth - 1.0;
    let colour = if earned < 0.0 { "loss" } else { "gain" };
    let share = (earned.abs() / FULL).min(1.0) * 55.0 + 5.0;
    let text = format!("{:.1}", earned * 100.0);
    let text = if text == "-0.0" { "0.0".to_owned() } else { text.replace('-', "−") };
    format!("<td class=m style=\"background:color-mix(in srgb, var(--{colour}) {share:.0}%, var(--card))\">{text}</td>")
}
