//! What is told to a telephone: the day, its orders, a crisis, and answers to questions.
//!
//! In: reports. Out: short texts without markup. Invariant: the numbers are those of the report; exposures are multiples of
//! NAV; no account number.

use crate::account::Status;
use crate::report::{DayReport, Order};
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::fmt::Write;

/// Lines of a list in a message.
const LISTED: usize = 12;
/// Telegram takes 4,096 characters; one more line has to fit.
const LENGTH_MAX: usize = 4_000;

/// The day at breakfast.
pub fn daily_summary(day: &DayReport, vol_target: f64, next_run: &str) -> String {
    let profit: Decimal = day.sleeves.iter().map(|sleeve| sleeve.today).sum();
    let nav = day.nav.map_or_else(|| "unknown".into(), |nav| amount(nav, &day.base));
    let change = day.nav.and_then(|nav| share(profit, nav - profit - day.flows));
    let change = change.map_or_else(String::new, |change| format!(" ({:+.2}%)", plain(change * 100.0)));
    let vol = day.vol.map_or_else(|| "unknown".into(), |vol| format!("{:.1}%", vol * 100.0));
    let mut text = format!(
        "📊 Daily Summary - {}\n\nNAV: {nav}{change}\nDaily P&L: {}\n\nExposures:\n  Gross: {:.2}x\n  Net: {:.2}x\n\n\
         Risk:\n  Vol: {vol} (target {}%)\n  Drawdown: {:.1}%\n  Regime: {}\n",
        day.date,
        signed(profit, &day.base),
        day.gross_of_nav,
        plain(day.net_of_nav),
        plain(round(vol_target * 100.0)),
        plain(day.drawdown * 100.0),
        day.regime
    );
    if day.mode != "NORMAL" {
        writeln!(text, "  Mode: {} - nothing is loosened until a person resumes", day.mode).expect("a string");
    }
    listed(&mut text, "Look at", &day.alerts);
    writeln!(text, "\nNext run: {next_run}").expect("a string");
    capped(text)
}

/// The day's orders; `None` when there were none.
pub fn execution_summary(day: &DayReport) -> Option<String> {
    if day.orders.is_empty() {
        return None;
    }
    let costs = &day.costs.orders;
    let traded: Decimal = costs.iter().map(|order| order.traded).sum();
    let slippage: Decimal = costs.iter().map(|order| order.costs.slippage()).sum();
    let fees: Decimal = costs.iter().map(|order| order.costs.fees).sum();
    let filled = day.orders.iter().filter(|order| order.status == "filled").count();
    let bps = share(slippage, traded).map_or_else(|| "–".into(), |bps| format!("{:.1}", plain(bps * 1e4)));
    let mut text = format!(
        "📊 Execution Summary - {}\n\nOrders: {} total, {filled} filled\nTraded: {}\n\nCosts:\n  Slippage: {bps} bps avg \
         ({})\n  Commission: {}\n",
        day.date,
        day.orders.len(),
        amount(traded, &day.base),
        amount(slippage, &day.base),
        amount(fees, &day.base),
    );
    let cost = |order: &&Order| order.slippage_bps.filter(|bps| *bps > 0.0);
    let worst = day.orders.iter().filter(|order| cost(order).is_some());
    if let Some(worst) = worst.max_by(|a, b| cost(a).unwrap_or(0.0).total_cmp(&cost(b).unwrap_or(0.0))) {
        let bps = worst.slippage_bps.unwrap_or_default();
        write!(text, "\nWorst execution:\n  {}: {bps:.1} bps on {}\n", worst.instrument, worst.filled)
            .expect("a string");
    }
    if let Some(saved) = share(day.costs.wanted - day.costs.netted, day.costs.wanted) {
        write!(text, "\nNetting saved: {:.0}% of turnover\n", saved * 100.0).expect("a string");
    }
    Some(capped(text))
}

/// What a crisis does to the book.
#[derive(Clone, Debug, PartialEq)]
pub struct Crisis {
    /// What brought it, such as `VIX spiked to 42.5!`.
    pub cause: String,
    /// The share of its normal size at which the book is held.
    pub state_factor: f64,
    /// How much faster hedge premium accrues, as a factor; `None` for a strategy without hedges.
    pub budget_factor: Option<f64>,
    /// Momentum or state hold the core sleeve smaller.
    pub core_reduced: bool,
}

/// A crisis, at once.
pub fn crisis_alert(crisis: &Crisis) -> String {
    let mut text = format!("🚨 CRISIS ALERT\n\n{}\nRegime: CRISIS\n\nActions taken:\n", crisis.cause);
    writeln!(text, "- Scaling reduced to {:.0}%", crisis.state_factor * 100.0).expect("a string");
    if let Some(factor) = crisis.budget_factor {
        writeln!(text, "- Hedge budget increased {:.0}%", (factor - 1.0) * 100.0).expect("a string");
    }
    if crisis.core_reduced {
        text.push_str("- Core exposure reduced\n");
    }
    text.push_str("\nManual review recommended.\n");
    capped(text)
}

/// Something a person should look at, while it happens.
pub fn alert(sentence: &str) -> String {
    capped(format!("⚠️ {sentence}\n"))
}

/// The answer to `/status`.
pub fn status(status: &Status) -> String {
    capped(crate::account::status(status))
}

/// The answer to `/positions`.
pub fn positions(day: &DayReport) -> String {
    let mut text = format!("Positions after {}\n", day.date);
    let share = |notional: Option<Decimal>| notional.zip(day.nav).and_then(|(notional, nav)| share(notional, nav));
    for row in &day.positions {
        let of_nav = share(row.notional).map_or_else(|| "–".into(), |of| format!("{:+.1}%", plain(of * 100.0)));
        writeln!(text, "{} {} ({of_nav} of NAV)", row.instrument, row.ours).expect("a string");
    }
    writeln!(text, "Gross: {:.2}x, net: {:.2}x", day.gross_of_nav, plain(day.net_of_nav)).expect("a string");
    capped(text)
}

/// The answer to `/pnl`.
pub fn profit(day: &DayReport) -> String {
    let mut text = format!("Profit on {}, and since opening\n", day.date);
    for row in day.sleeves.iter().filter(|row| !row.cumulative.is_zero()) {
        let (today, all) = (signed(row.today, &day.base), signed(row.cumulative, &day.base));
        writeln!(text, "{}: {today}, {all}", row.sleeve).expect("a string");
    }
    let [today, all] =
        [day.sleeves.iter().map(|row| row.today).sum(), day.sleeves.iter().map(|row| row.cumulative).sum()];
    writeln!(text, "All: {}, {}", signed(today, &day.base), signed(all, &day.base)).expect("a string");
    capped(text)
}

/// The answer to `/orders`.
pub fn orders(day: &DayReport) -> String {
    let told = |order: &Order| {
        let price = order.average_price.as_ref().map_or_else(String::new, |price| format!(" at {price}"));
        format!("{} {} {}: {} {}{price}", order.side, order.quantity, order.instrument, order.filled, order.status)
    };
    let lines: Vec<String> = day.orders.iter().map(told).collect();
    let mut text = format!("Orders of {}: {}\n", day.date, lines.len());
    lines.iter().for_each(|line| writeln!(text, "{line}").expect("a string"));
    capped(text)
}

/// The answer to `/why NAME`: what the plan wanted of it, and what stood in the way.
pub fn why(day: &DayReport, name: &str) -> String {
    let Some(row) = day.targets.iter().find(|row| row.instrument.eq_ignore_ascii_case(name)) else {
        return capped(format!(
            "{} was neither held nor wanted on {}.\n",
            name.chars().take(40).collect::<String>(),
            day.date
        ));
    };
    let name = &row.instrument;
    let mut text = format!(
        "{name} on {}: held {}, wanted {}, today {}, for {}\n",
        day.date,
        row.held,
        row.wanted,
        row.today,
        row.sleeves.join(", ")
    );
    let about = |sentence: &&str| {
        sentence.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).any(|word| word == name)
    };
    let refused = day.refusals.iter().map(|refused| refused.sentence.as_str()).filter(about).map(str::to_owned);
    listed(&mut text, "In the way", &refused.collect::<Vec<_>>());
    capped(text)
}

/// Lines under a title; nothing without lines.
fn listed(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    write!(text, "\n{title}:\n").expect("a string");
    lines.iter().take(LISTED).for_each(|line| writeln!(text, "- {line}").expect("a string"));
    if lines.len() > LISTED {
        writeln!(text, "- and {} more", lines.len() - LISTED).expect("a string");
    }
}

/// A text that fits, and says so when it was cut.
fn capped(text: String) -> String {
    match text.char_indices().nth(LENGTH_MAX) {
        None => text,
        Some((end, _)) => format!("{}\n(cut; the dashboard has all of it)\n", &text[..end]),
    }
}

/// Whole units of a currency; the dollar by its sign.
fn amount(amount: Decimal, base: &str) -> String {
    let whole = grouped(amount.abs(), 0);
    let sign = if amount.is_sign_negative() && whole != "0" { "-" } else { "" };
    match base {
        "USD" => format!("{sign}${whole}"),
        other => format!("{sign}{other} {whole}"),
    }
}

/// The same with its sign.
fn signed(value: Decimal, base: &str) -> String {
    let text = amount(value, base);
    if text.starts_with('-') { text } else { format!("+{text}") }
}

fn share(part: Decimal, whole: Decimal) -> Option<f64> {
    if whole.is_zero() { None } else { (part / whole).to_f64() }
}

/// No negative zero.
fn plain(value: f64) -> f64 {
    if value.abs() < 1e-9 { 0.0 } else { value }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
