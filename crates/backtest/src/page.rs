//! A run on one page of a terminal.
//!
//! In: a summary. Out: text. Invariant: every number is the summary's; what must be known before believing it comes last,
//! where it is read.

use crate::result::{Summary, counted};
use std::fmt::Write;
use std::path::Path;

/// Warnings the page shows; all of them are in the summary.
const WARNINGS_SHOWN: usize = 12;

/// The page of a run; `out` is where its files are.
pub fn page(summary: &Summary, out: Option<&Path>) -> String {
    let Summary { run, costs, .. } = summary;
    let mut page = String::new();
    let mut line = |name: &str, text: String| writeln!(page, "  {name:<22}{text}").expect("text");
    line("what", format!("{}, {}", run.title, run.market));
    line(
        "when",
        format!("{} to {}, {}, {}", summary.from, summary.to, counted(summary.days, "trade date"), run.manner()),
    );
    let nav = |nav: Option<rust_decimal::Decimal>| nav.map_or_else(|| "unknown".into(), |nav| format!("{nav:.2}"));
    line("NAV", format!("{} → {} {}", nav(summary.nav_first), nav(summary.nav_last), run.base));
    if let Some(s) = &summary.statistics {
        let some = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
        line("return", format!("{} in all, {} a year", percent(s.total_return), percent(s.annual_return)));
        let vol = s.annual_volatility.map_or_else(|| "–".to_owned(), percent);
        line("volatility", format!("{vol} a year, target {}", percent(run.vol_target)));
        line("Sharpe/Sortino/Calmar", format!("{} / {} / {}", some(s.sharpe), some(s.sortino), some(s.calmar)));
        line("worst drawdown", percent(s.max_drawdown));
        line("worst, best day", format!("{}, {}", percent(s.worst_day), percent(s.best_day)));
    }
    line("gross, net", format!("{:.2}, {:+.2} times NAV on average", summary.mean_gross, hundredths(summary.mean_net)));
    let per_year = costs.trading_bps_per_year;
    line(
        "turnover",
        format!("{:.1} times NAV a year in {} fills, for {per_year:.1} bp", summary.turnover_per_year, summary.fills),
    );
    line("commissions", money(costs.commission));
    line("spread and impact", money(costs.slippage));
    line("interest and borrow", money(costs.financing));
    line("dividends after tax", money(costs.dividends));
    line("other fees", money(costs.fees));
    let counts = |counts: &std::collections::BTreeMap<String, usize>| {
        counts.iter().map(|(name, days)| format!("{name} {days}")).collect::<Vec<_>>().join(", ")
    };
    line("dates by regime", counts(&summary.regimes));
    line("dates by mode", counts(&summary.modes));
    line("NAV against broker", format!("at most {:.4} bp apart", summary.difference_bp_max));
    writeln!(page, "\n  sleeve                      profit").expect("text");
    for (sleeve, profit) in &summary.sleeves {
        writeln!(page, "  {sleeve:<20}{:>14}", money(*profit)).expect("text");
    }
    let origin = &run.origin;
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    writeln!(page, "\n  data {}, config {}, code {}", short(&origin.data), short(&origin.config), origin.code)
        .expect("text");
    if let Some(out) = out {
        writeln!(
            page,
            "  files in {}: tear-sheet.html, summary.json; days, orders, fills, attribution (.parquet)",
            out.display()
        )
        .expect("text");
    }
    for warning in summary.warnings.iter().take(WARNINGS_SHOWN) {
        writeln!(page, "  note  {warning}").expect("text");
    }
    if summary.warnings.len() > WARNINGS_SHOWN {
        writeln!(page, "  note  {} more, in the summary", summary.warnings.len() - WARNINGS_SHOWN).expect("text");
    }
    page
}

fn percent(fraction: f64) -> String {
    {
        let text = format!("{:.2} %", fraction * 100.0);
        if text == "-0.00 %" { "0.00 %".to_owned() } else { text.replace('-', "−") }
    }
}

/// Rounded to hundredths, a zero without a sign.
pub(crate) fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

/// Whole units with thousands apart.
pub fn money(amount: f64) -> String {
    let digits = format!("{:.0}", amount.abs());
    let grouped: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).expect("digits")).collect();
    let sign = if amount < -0.5 { "−" } else { "" };
    format!("{sign}{}", grouped.join(","))
}
