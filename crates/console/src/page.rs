//! A day as a person wants to read it.
//!
//! In: a report. Out: text for a terminal. Invariant: shows the report's own numbers; a terminal of
//! 140 columns is enough.

use crate::report::{DayReport, Order, SleeveRisk};
use crate::table::{grid, numbers, percent, rounded, wrapped};
use comfy_table::Table;
use domain::money::grouped;
use rust_decimal::Decimal;
use std::fmt::Write;

/// Characters of what a step found, in one line.
const FINDING: usize = 100;

/// The page of one trade date.
pub fn page(day: &DayReport) -> String {
    let mut page = String::new();
    heading(&mut page, day);
    risk(&mut page, day);
    steps(&mut page, day);
    targets(&mut page, day);
    orders(&mut page, day);
    hedges(&mut page, day);
    alerts(&mut page, day);
    tail_hedges(&mut page, day);
    doubts(&mut page, day);
    refusals(&mut page, day);
    account(&mut page, day);
    page
}

/// One line per trade date.
pub fn days(days: &[DayReport]) -> String {
    let mut table = grid(&[
        "date",
        "regime",
        "VIX",
        "scale",
        "orders",
        "filled",
        "slippage",
        "NAV",
        "drawdown",
        "gross",
        "NAV−NLV",
    ]);
    for day in days {
        let filled = day.orders.iter().filter(|order| order.status == "filled").count();
        table.add_row([
            day.date.clone(),
            day.regime.clone(),
            day.vix.map_or_else(|| "–".into(), |vix| format!("{vix:.2}")),
            format!("{:.3}", day.scale),
            day.orders.len().to_string(),
            filled.to_string(),
            day.costs.slippage_bps().map_or_else(|| "–".into(), |bps| format!("{bps:+.2} bp")),
            nav(day),
            format!("{:.2} %", percent(day.drawdown)),
            format!("{:.3}", day.gross_of_nav),
            difference(day),
        ]);
    }
    numbers(&mut table, 2..11);
    table.trim_fmt()
}

fn heading(page: &mut String, day: &DayReport) {
    if day.already_done {
        line(
            page,
            &format!("Trade date {} was already finished by an earlier run: nothing was sent. Its report:", day.date),
        );
    }
    let resumed = if day.resumed { " (finished after a restart)" } else { "" };
    line(page, &format!("══ Trading day {}{resumed} {}", day.date, "═".repeat(60)));
    let vol = day.vol.map_or_else(|| "unknown".into(), |vol| format!("{:.1} %", vol * 100.0));
    let vix = day.vix.map_or_else(|| "missing".into(), |vix| format!("{vix:.2}"));
    let pending = day.pending.as_ref().map_or_else(String::new, |pending| format!(" (toward {pending} of 3 days)"));
    line(
        page,
        &format!(
            "Risk      regime {}{pending} · VIX {vix} · drawdown {:.2} % · unit volatility {vol} ({})",
            day.regime,
            percent(day.drawdown),
            day.vol_quality
        ),
    );
    let momentum = day.momentum.map_or_else(|| "too little history".into(), |signal| format!("{signal:+.1}"));
    line(
        page,
        &format!(
            "Scale     {:.4} = volatility scale {:.4} × state factor {:.1} · momentum {momentum} → core × {:.2}",
            day.scale, day.vol_scale, day.state_factor, day.momentum_factor
        ),
    );
}

/// Tail losses, what follows from the day's risk, and what each sleeve adds.
fn risk(page: &mut String, day: &DayReport) {
    let risk = &day.risk;
    if let (Some(loss), Some(mean)) = (risk.value_at_risk, risk.expected_shortfall) {
        let (loss, mean, days) = (percent(loss), percent(mean), risk.days);
        let text = format!(
            "Tails     99 % of days lose less than {loss:.2} % of NAV, the others {mean:.2} % (of {days} days, at today's scale)"
        );
        line(page, &text);
    }
    let caps = format!("bound by the cap on {}", risk.caps_bound.join(" and "));
    let measures = [
        (risk.emergency_derisk, "held at the size of CRISIS".to_owned()),
        (risk.reduce_core_exposure, format!("core sleeve held at {:.2} of its budget", risk.reduce_factor)),
        (risk.increase_hedges, "hedge premium accrues at the stressed rate".to_owned()),
        (!risk.caps_bound.is_empty(), caps),
    ];
    let taken: Vec<String> = measures.into_iter().filter(|(taken, _)| *taken).map(|(_, text)| text).collect();
    if !taken.is_empty() {
        line(page, &format!("Measures  {}", taken.join(" · ")));
    }
    risk.warnings.iter().for_each(|warning| line(page, &format!("Warning   {warning}")));
    let shown = |row: &&SleeveRisk| row.volatility.is_some_and(|volatility| volatility != 0.0);
    let rows: Vec<&SleeveRisk> = risk.sleeves.iter().filter(shown).collect();
    if rows.is_empty() {
        return;
    }
    let mut table = grid(&["sleeve", "adds to volatility", "beta", "correlation", "long volatility over short"]);
    for row in rows {
        let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.2}"));
        table.add_row([
            row.sleeve.clone(),
            row.volatility.map_or_else(|| "–".into(), |volatility| format!("{:+.2} %", percent(volatility))),
            number(row.beta),
            number(row.correlation),
            number(row.volatility_mismatch.map(|mismatch| 1.0 + mismatch)),
        ]);
    }
    numbers(&mut table, 1..5);
    section(page, "What each sleeve risks (at today's scale)", &table);
}

fn steps(page: &mut String, day: &DayReport) {
    let mut table = grid(&["#", "step", "outcome", "what it found"]);
    for step in &day.steps {
        let found = wrapped(&step.detail, FINDING);
        table.add_row([step.number.to_string(), step.name.clone(), step.outcome.clone(), found]);
    }
    section(page, "The fourteen steps", &table);
}

fn targets(page: &mut String, day: &DayReport) {
    if day.targets.is_empty() {
        return;
    }
    let mut table = grid(&["contract", "for", "weight", "target value", "held", "wanted", "today"]);
    for target in &day.targets {
        table.add_row([
            target.instrument.clone(),
            target.sleeves.join(", "),
            format!("{:+.2} %", target.weight * 100.0),
            grouped(Decimal::from_f64_retain(target.target_value).unwrap_or_default(), 0),
            target.held.clone(),
            target.wanted.clone(),
            target.today.clone(),
        ]);
    }
    numbers(&mut table, 2..7);
    section(page, &format!("Plan {} (targets in {})", &day.plan_hash[..12], day.base), &table);
}

fn orders(page: &mut String, day: &DayReport) {
    if day.orders.is_empty() {
        let why = if day.refusals.is_empty() { "everything is within its band" } else { "see what was refused" };
        line(page, &format!("\nOrders    none: {why}"));
        return;
    }
    section(page, "Orders and fills", &order_table(day));
    let cost = crate::costs::line(day);
    if let Some(cost) = cost {
        line(page, &cost);
    }
    for (order, reason) in day.orders.iter().filter_map(|order| Some((order, order.reason.as_ref()?))) {
        line(page, &format!("Added     {} {} {}: {reason}", order.side, order.quantity, order.instrument));
    }
}

/// The orders of a finished day.
pub fn day_orders(day: &DayReport) -> String {
    format!("Orders of {}, finished\n{}\n", day.date, order_table(day).trim_fmt())
}

fn order_table(day: &DayReport) -> Table {
    let mut table = grid(&["order", "what", "why", "filled", "arrival", "average", "slippage", "status"]);
    for order in &day.orders {
        table.add_row(order_row(order));
    }
    numbers(&mut table, 3..7);
    table
}

fn order_row(order: &Order) -> [String; 8] {
    let dash = || "–".to_owned();
    [
        order.order_ref.clone(),
        format!("{} {} {}", order.side, order.quantity, order.instrument),
        format!("{} · {}", order.purpose, order.sleeves.join(", ")),
        order.filled.clone(),
        order.arrival.clone().unwrap_or_else(dash),
        order.average_price.clone().unwrap_or_else(dash),
        order.slippage_bps.map_or_else(dash, |bps| format!("{bps:+.2} bp")),
        order.status.clone(),
    ]
}

fn hedges(page: &mut String, day: &DayReport) {
    for hedge in &day.hedges {
        let verdict = if hedge.held == hedge.wanted { "left alone" } else { "hedged" };
        line(
            page,
            &format!(
                "\nHedge     {}: exposure {:.0}, residual {:.0} {base} against a band of {:.0} {base}: {verdict}, {} → {} contracts",
                hedge.currency,
                hedge.exposure,
                hedge.residual,
                hedge.band,
                hedge.held,
                hedge.wanted,
                base = day.base
            ),
        );
    }
}

fn alerts(page: &mut String, day: &DayReport) {
    for alert in &day.alerts {
        line(page, &format!("Alert     {alert}"));
    }
}

fn tail_hedges(page: &mut String, day: &DayReport) {
    if let Some(book) = &day.tail_hedges {
        line(page, "");
        page.push_str(&crate::hedges::hedges(&day.date, &day.base, book));
    }
}

fn doubts(page: &mut String, day: &DayReport) {
    for doubt in &day.doubts {
        line(page, &format!("Flagged   {doubt}"));
    }
}

fn refusals(page: &mut String, day: &DayReport) {
    for refusal in &day.refusals {
        line(page, &format!("Refused   {:<16} {}", refusal.code, refusal.sentence));
    }
}

fn account(page: &mut String, day: &DayReport) {
    line(
        page,
        &format!(
            "\nTie-out   NAV {nav} {base} · broker NLV {nlv} {base} · difference {}",
            difference(day),
            nav = nav(day),
            nlv = day.nlv.map_or_else(|| "unknown".into(), |nlv| grouped(nlv, 2)),
            base = day.base
        ),
    );
    line(
        page,
        &format!(
            "Exposure  gross {} ({:.3} × NAV) · net {} ({:+.4} × NAV) · without hedges {:.3} and {:+.4} · mode {}",
            grouped(day.gross, 2),
            day.gross_of_nav,
            grouped(day.net, 2),
            rounded(day.net_of_nav, 1e4),
            day.risk.gross_capped_of_nav,
            rounded(day.risk.net_capped_of_nav, 1e4),
            day.mode
        ),
    );
    for position in &day.positions {
        line(
            page,
            &format!(
                "Position  {:<14} {:>10} ours, {:>10} at the broker, mark {}",
                position.instrument, position.ours, position.broker, position.mark
            ),
        );
    }
    line(page, &format!("Journal   {}", day.journal));
    if let Some(head) = &day.journal_head {
        line(page, &format!("Head      {head}"));
    }
}

fn section(page: &mut String, title: &str, table: &Table) {
    line(page, &format!("\n{title}\n{}", table.trim_fmt()));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}

fn nav(day: &DayReport) -> String {
    day.nav.map_or_else(|| "unknown".into(), |nav| grouped(nav, 2))
}

fn difference(day: &DayReport) -> String {
    day.difference_bp.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp"))
}
