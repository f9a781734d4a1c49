//! What earned, what cost, and the days nobody forgets.
//!
//! In: a result and its summary. Out: tables. Invariant: the parts of a table are in base currency and come from the same
//! rows as the drawings.

use super::{amount, escape, percent, row};
use crate::result::{Result, Summary};

/// Days in the table of the worst.
const WORST: usize = 10;

pub(super) fn sleeves(summary: &Summary) -> String {
    let mut sleeves: Vec<(&String, f64)> = summary.sleeves.iter().map(|(name, profit)| (name, *profit)).collect();
    sleeves.retain(|(_, profit)| *profit != 0.0);
    sleeves.sort_by(|one, other| other.1.total_cmp(&one.1));
    let largest = sleeves.iter().map(|(_, profit)| profit.abs()).fold(1.0, f64::max);
    let bar = |profit: f64| {
        let colour = if profit < 0.0 { "loss" } else { "gain" };
        let width = profit.abs() / largest * 90.0;
        format!("<i class=bar style=\"width:{width:.1}px;background:var(--{colour})\"></i>")
    };
    let rows: String =
        sleeves.iter().map(|(name, profit)| row(&[escape(name), bar(*profit), amount(*profit)])).collect();
    card("Sleeves", "profit of the run", &["sleeve", "", "profit"], &rows)
}

pub(super) fn costs(summary: &Summary) -> String {
    let costs = &summary.costs;
    let rows = [
        ("commissions", costs.commission),
        ("spread and impact", costs.slippage),
        ("interest and borrow", costs.financing),
        ("dividends after tax", costs.dividends),
        ("other fees", costs.fees),
    ];
    let rows: String = rows.iter().map(|(name, value)| row(&[(*name).to_owned(), amount(*value)])).collect();
    let note = format!("{} fills, trading {:.1} bp of NAV a year", summary.fills, costs.trading_bps_per_year);
    card("Costs and income", &note, &["", "base currency"], &rows)
}

/// A return runs from plan to plan: what the day of the first of them earned.
pub(super) fn worst(result: &Result) -> String {
    let mut days: Vec<_> = result.days.array_windows::<2>().collect();
    days.sort_by(|[_, one], [_, other]| one.daily_return.total_cmp(&other.daily_return));
    let cells = |[day, after]: &&[crate::result::Day; 2]| {
        let worst = day.sleeves.iter().min_by(|one, other| one.1.total_cmp(other.1));
        row(&[
            day.date.to_string(),
            format!("<span class=loss>{}</span>", percent(after.daily_return)),
            percent(after.drawdown),
            after.vix.map_or_else(|| "–".into(), |vix| format!("{vix:.1}")),
            day.regime.clone(),
            format!("{:.2} ×", day.gross),
            worst.map_or_else(String::new, |(name, _)| escape(name)),
        ])
    };
    let rows: String = days.iter().filter(|[_, after]| after.daily_return < 0.0).take(WORST).map(cells).collect();
    let head = ["date", "return", "drawdown", "VIX", "regime", "gross", "weakest sleeve"];
    card("Worst days", "return to the next plan, drawdown and VIX as that plan saw them", &head, &rows)
}

fn card(title: &str, note: &str, head: &[&str], rows: &str) -> String {
    let head: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!(
        "<section class=card><div class=head><h2>{title}</h2><p>{note}</p></div><div class=scroll><table><tr>{head}</tr>\
         {rows}</table></div></section>"
    )
}
