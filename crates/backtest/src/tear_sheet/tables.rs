//! What earned, what cost, and the days nobody forgets.
//!
//! In: a result and its summary. Out: tables. Invariant: the parts of a table are in base currency and come from the same
//! rows as the drawings.

use super::{amount, escape, percent, row};
use crate::result::{Result, Summary};
use crate::statistics::drawdowns;

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

/// The VIX is the one its loss was measured with: that of the plan after it.
pub(super) fn worst(result: &Result) -> String {
    let returns = result.returns();
    let drawdowns = drawdowns(&returns);
    let mut losses: Vec<usize> = (0..returns.len()).filter(|&date| returns[date] < 0.0).collect();
    losses.sort_by(|&one, &other| returns[one].total_cmp(&returns[other]));
    let cells = |&date: &usize| {
        let day = &result.days[date];
        let vix = result.days.get(date + 1).and_then(|after| after.vix);
        let worst = day.sleeves.iter().min_by(|one, other| one.1.total_cmp(other.1));
        row(&[
            day.date.to_string(),
            format!("<span class=loss>{}</span>", percent(returns[date])),
            percent(drawdowns[date]),
            vix.map_or_else(|| "–".into(), |vix| format!("{vix:.1}")),
            day.regime.clone(),
            format!("{:.2} ×", day.gross),
            worst.map_or_else(String::new, |(name, _)| escape(name)),
        ])
    };
    let rows: String = losses.iter().take(WORST).map(cells).collect();
    let head = ["date", "return", "drawdown", "VIX", "regime", "gross", "weakest sleeve"];
    card("Worst days", "return to the next plan, drawdown after it, VIX as that plan saw it", &head, &rows)
}

fn card(title: &str, note: &str, head: &[&str], rows: &str) -> String {
    if rows.is_empty() {
        return format!("<section class=card><div class=head><h2>{title}</h2><p>{note}: none</p></div></section>");
    }
    let head: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!(
        "<section class=card><div class=head><h2>{title}</h2><p>{note}</p></div><div class=scroll><table><tr>{head}</tr>\
         {rows}</table></div></section>"
    )
}
