//! A plan for a terminal.
//!
//! In: a plan's data. Out: its page: target against current, orders, schedule, margin, costs, hedge, limits, warnings.
//! Invariant: the same rows as in JSON, rounded for reading.

use super::{Hedge, Order, PlanPage, Target};
use crate::decisions::{readable, table};
use domain::money::grouped;
use rust_decimal::Decimal;
use std::fmt::Write;

/// The page of a plan.
pub fn page(plan: &PlanPage) -> String {
    let mut page = head(plan);
    section(&mut page, &format!("Target against current (values in {})", plan.base), &targets(&plan.targets));
    match plan.orders.is_empty() {
        true => page += "\nNo orders.\n",
        false => section(&mut page, "Orders (nothing is sent by this command)", &orders(&plan.orders)),
    }
    page += &format!("\n{}", sums(plan));
    let rows: Vec<Vec<String>> =
        plan.limits.iter().map(|row| vec![row.code.clone(), row.limit.clone(), row.now.clone()]).collect();
    section(&mut page, "Limits used", &table(&["check", "limit", "this plan"], &rows, &[]));
    if !plan.warnings.is_empty() {
        page += "\nWarnings\n";
        plan.warnings.iter().for_each(|warning| page += &format!("  {warning}\n"));
    }
    page.lines().fold(String::new(), |page, line| page + line.trim_end() + "\n")
}

fn section(page: &mut String, title: &str, table: &str) {
    let _ = writeln!(page, "\n{title}\n{table}");
}

fn head(plan: &PlanPage) -> String {
    let nav = plan.nav.map_or_else(|| "unknown".to_owned(), |nav| grouped(nav, 2));
    let approval = &plan.approval;
    let objections: String = approval.objections.iter().map(|(code, why)| format!("\n  {code}: {why}")).collect();
    let next = match plan.waits() {
        true => format!("\n  `approve {}` lets it be executed", &plan.plan_hash[..12]),
        false => String::new(),
    };
    format!(
        "Plan {} of {}, decided at {}\nNAV {nav} {} · mode {} · regime {} · scale {}\nApproval {}, {}{objections}{next}\n\
         Content hash {}\n",
        &plan.plan_hash[..12],
        plan.date,
        plan.decided_at,
        plan.base,
        plan.mode,
        plan.regime,
        readable(plan.scale),
        approval.status,
        approval.progress,
        plan.plan_hash
    )
}

fn targets(rows: &[Target]) -> String {
    let cells = |row: &Target| {
        vec![
            row.instrument.clone(),
            percent(row.weight),
            money(row.target_value),
            row.held.clone(),
            row.wanted.clone(),
            row.today.clone(),
            row.held_back_by.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    table(&["instrument", "weight", "target value", "held", "wanted", "today", "held back by"], &rows, &[1, 2, 3, 4, 5])
}

fn orders(rows: &[Order]) -> String {
    let cells = |row: &Order| {
        vec![
            row.order_ref.clone(),
            row.side.clone(),
            row.quantity.clone(),
            row.instrument.clone(),
            row.purpose.clone(),
            money(row.value),
            row.window(),
            format!("{:.1} bp", row.expected_cost_bps),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let header = ["order", "side", "quantity", "instrument", "purpose", "value", "window (UTC)", "expected cost"];
    table(&header, &rows, &[2, 5, 7])
}

/// What it comes to as a whole.
fn sums(plan: &PlanPage) -> String {
    let cushion = |value: Option<f64>, of_nav: Option<f64>| match value.zip(of_nav) {
        Some((value, of_nav)) => format!("{} ({})", money(value), percent(of_nav)),
        None => "unknown".to_owned(),
    };
    let (margin, costs) = (&plan.margin, &plan.costs);
    let mut text = format!("Schedule  {}\n", plan.ahead());
    let _ = writeln!(
        text,
        "Margin    excess liquidity {} before, {} after, of NAV in brackets",
        cushion(margin.excess_before, margin.excess_before_of_nav),
        cushion(margin.excess_after, margin.excess_after_of_nav)
    );
    let _ = writeln!(
        text,
        "Costs     about {} {}, {:.1} bp of what is traded",
        money(costs.expected),
        plan.base,
        costs.expected_bps
    );
    plan.hedges.iter().for_each(|hedge| text += &format!("Hedge     {}\n", hedge.sentence()));
    text
}

impl Hedge {
    /// What is hedged, with what, and what a move of the currency does.
    pub fn sentence(&self) -> String {
        let with = match &self.contract {
            Some(contract) => {
                format!("{} contracts held, {} wanted in {contract}", self.contracts_held, self.contracts_wanted)
            }
            None => "no contract to hedge it with can be traded".to_owned(),
        };
        format!(
            "{} {} of exposure · {with} · 1 % of it moves NAV by {}, hedged {}",
            money(self.exposure),
            self.currency,
            money(self.one_percent_before),
            money(self.one_percent_after)
        )
    }
}

impl Order {
    /// Its window, `hh:mm–hh:mm`.
    pub fn window(&self) -> String {
        let time =
            |instant: &Option<String>| instant.as_ref().and_then(|text| text.get(11..16)).unwrap_or("–").to_owned();
        format!("{}–{}", time(&self.opens), time(&self.closes))
    }
}

impl PlanPage {
    /// True while its day goes no further without a person.
    pub fn waits(&self) -> bool {
        self.approval.open && self.approval.status == "waits"
    }

    /// How the increases spread over days: the first ones, and the last.
    pub fn ahead(&self) -> String {
        let days: Vec<String> =
            self.schedule.iter().map(|day| format!("day {} adds {}", day.day, percent(day.adds))).collect();
        let told = match &days[..] {
            [] => return "nothing is increased".to_owned(),
            [first @ .., last] if first.len() > 4 => format!("{}, … {last}", first[..3].join(", ")),
            few => few.join(", "),
        };
        let left = self.schedule.last().map_or(0.0, |day| day.left);
        let rest = if left > 0.0 { format!("; {} of NAV is left then", percent(left)) } else { String::new() };
        format!("{told}{rest}, at today's prices and targets")
    }
}

/// Whole units of the currency.
pub(crate) fn money(value: f64) -> String {
    grouped(Decimal::from_f64_retain(value).unwrap_or_default(), 0)
}

/// A fraction as a percentage.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.2} %", value * 100.0 + 0.0)
}
