//! The plan in force, with the two words a person can say to it.
//!
//! In: the newest plan of the journal. Out: a page. Invariant: what is approved is the hash that stands on the page; a plan of
//! which something was sent, or whose day is over, has no form.

use super::super::desk::{View, Wish};
use super::super::model::{Cell, Fact, Form, Page, Section, Table, Tone};
use super::{amount, dash, empty};
use crate::plan::{PlanPage, money, percent};

pub(in super::super) fn plan(view: &View) -> Page {
    let plan = match &view.plan {
        Ok(Some(plan)) => plan,
        Ok(None) => return empty("Plan"),
        Err(why) => {
            return Page { title: "Plan", lead: format!("The plan cannot be shown: {why}"), ..Page::default() };
        }
    };
    let mut page = Page {
        title: "Plan",
        lead: format!("Plan {} of {}, decided at {}.", short(plan), plan.date, plan.decided_at),
        facts: facts(plan),
        sections: Vec::new(),
    };
    let reasons: Vec<String> = plan.approval.objections.iter().map(|(code, why)| format!("{code}: {why}")).collect();
    if !reasons.is_empty() {
        page.sections.push(Section::Text { title: "Why the rules leave it to a person", lines: reasons });
    }
    if !plan.warnings.is_empty() {
        page.sections.push(Section::Text { title: "Warnings", lines: plan.warnings.clone() });
    }
    if plan.approval.open {
        page.sections.push(Section::Forms { title: "Approve or reject", forms: forms(plan) });
    }
    let hedges: Vec<String> = plan.hedges.iter().map(|hedge| hedge.sentence()).collect();
    page.sections.extend([
        Section::Table(orders(plan)),
        Section::Table(targets(plan)),
        Section::Table(limits(plan)),
        Section::Text { title: "Schedule", lines: vec![plan.ahead()] },
    ]);
    if !hedges.is_empty() {
        page.sections.push(Section::Text { title: "Currency hedges", lines: hedges });
    }
    page.sections.push(Section::Text { title: "Content hash", lines: vec![plan.plan_hash.clone()] });
    page
}

fn short(plan: &PlanPage) -> &str {
    plan.plan_hash.get(..12).unwrap_or(&plan.plan_hash)
}

fn facts(plan: &PlanPage) -> Vec<Fact> {
    let (margin, costs) = (&plan.margin, &plan.costs);
    let cushion = |value: Option<f64>| value.map_or_else(dash, percent);
    let tone = match plan.approval.status.as_str() {
        "waits" => Tone::Warn,
        status if status.starts_with("rejected") => Tone::Bad,
        _ => Tone::Good,
    };
    vec![
        Fact::new("Approval", plan.approval.status.clone(), plan.approval.progress.clone()).toned(tone),
        Fact::new("NAV", amount(plan.nav), plan.base.clone()),
        Fact::new("Regime", plan.regime.clone(), format!("scale {:.3}", plan.scale)),
        Fact::new("Mode", plan.mode.clone(), "").toned(Tone::of_mode(&plan.mode)),
        Fact::new("Orders", plan.orders.len().to_string(), "nothing is sent before its window"),
        Fact::new("Expected cost", money(costs.expected), format!("{:.1} bp of what is traded", costs.expected_bps)),
        Fact::new("Margin before", cushion(margin.excess_before_of_nav), "excess liquidity, of NAV"),
        Fact::new("Margin after", cushion(margin.excess_after_of_nav), "as the broker says it"),
    ]
}

fn forms(plan: &PlanPage) -> Vec<Form> {
    let form = |wish: Wish, button, means: String, tone| Form {
        wish: wish.name(),
        button,
        means,
        about: plan.plan_hash.clone(),
        confirm: wish.confirmation(),
        tone,
    };
    let approve = || {
        let means = format!("Lets exactly plan {} be executed, while nothing material changes.", short(plan));
        form(Wish::Approve, "Approve", means, Tone::Good)
    };
    let reject = || {
        let means = format!("Sends nothing of plan {}; its orders carry over to the next date.", short(plan));
        form(Wish::Reject, "Reject", means, Tone::Bad)
    };
    match plan.approval.status.as_str() {
        "waits" => vec![approve(), reject()],
        status if status.starts_with("rejected") => vec![approve()],
        _ => vec![reject()],
    }
}

fn orders(plan: &PlanPage) -> Table {
    let columns = ["order", "what", "why", "#value", "window (UTC)", "#expected cost"];
    let mut table = Table::new(format!("Orders, values in {}", plan.base), &columns, "The plan has no orders.");
    for row in &plan.orders {
        table.row([
            row.order_ref.clone().into(),
            format!("{} {} {}", row.side, row.quantity, row.instrument).into(),
            row.purpose.clone().into(),
            money(row.value).into(),
            row.window().into(),
            format!("{:.1} bp", row.expected_cost_bps).into(),
        ]);
    }
    table
}

fn targets(plan: &PlanPage) -> Table {
    let columns = ["contract", "#weight", "#target value", "#held", "#wanted", "#today", "held back by"];
    let title = format!("Target against current, values in {}", plan.base);
    let mut table = Table::new(title, &columns, "Nothing is held or wanted.");
    for row in &plan.targets {
        table.row([
            row.instrument.clone().into(),
            percent(row.weight).into(),
            money(row.target_value).into(),
            row.held.clone().into(),
            row.wanted.clone().into(),
            row.today.clone().into(),
            Cell::toned(row.held_back_by.join(", "), Tone::Warn),
        ]);
    }
    table
}

fn limits(plan: &PlanPage) -> Table {
    let mut table = Table::new("Limits used", &["check", "limit", "this plan"], "No limit applies.");
    for row in &plan.limits {
        table.row([row.code.clone().into(), row.limit.clone().into(), row.now.clone().into()]);
    }
    table
}
