//! What happened: overview, today, orders.
//!
//! In: finished days, the day in progress. Out: pages.
//! Invariant: the newest stands first.

use super::super::desk::{LiveDay, View};
use super::super::model::{Cell, Fact, Page, Section, Table, Tone};
use super::{
    DAYS_SHOWN, NOTHING_YET, ORDERS_SHOWN, alerts, amount, basis_points, basis_points_2, chart, dash, empty,
    signed_percent, tie_tone, times,
};
use crate::DayReport;
use crate::report::{Order, Step};
use crate::table::percent;
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub(in super::super) fn overview(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Overview") };
    let mut page = Page {
        title: "Overview",
        lead: format!("After {}, the last finished trading day.", day.date),
        facts: vec![
            Fact::new(
                "NAV",
                amount(day.nav),
                format!("{}, {} since the plan before", day.base, signed_percent(day.daily_return)),
            ),
            Fact::new("Against the broker", basis_points(day.difference_bp), "NAV − NLV").toned(tie_tone(day)),
            Fact::new("Drawdown", format!("{:.2} %", percent(day.drawdown)), "from the high-water mark"),
            Fact::new(
                "Regime",
                day.regime.clone(),
                day.pending.clone().map_or_else(String::new, |to| format!("toward {to}")),
            )
            .toned(if day.regime == "NORMAL" { Tone::Good } else { Tone::Warn }),
            Fact::new(
                "Gross",
                times(day.gross_of_nav),
                format!(
                    "{} {}; {} without hedges",
                    grouped(day.gross, 0),
                    day.base,
                    times(day.risk.gross_capped_of_nav)
                ),
            ),
            Fact::new("Net", times(day.net_of_nav), format!("{} {}", grouped(day.net, 0), day.base)),
            Fact::new(
                "Scale",
                format!("{:.3}", day.scale),
                format!("volatility {:.3} × state {:.1}", day.vol_scale, day.state_factor),
            ),
            today_fact(view, day),
        ],
        sections: Vec::new(),
    };
    page.sections.extend(alerts(day));
    page.sections.push(Section::Chart(chart(
        "Net asset value",
        "money",
        &view.days,
        &[("NAV", |day| day.nav.and_then(|nav| nav.to_f64()))],
    )));
    page.sections.push(Section::Chart(chart(
        "Drawdown on unit value",
        "percent",
        &view.days,
        &[("drawdown", |day| Some(day.drawdown))],
    )));
    page.sections.push(Section::Table(sleeves(day)));
    page.sections.push(Section::Table(days(&view.days)));
    page
}

fn today_fact(view: &View, day: &DayReport) -> Fact {
    match &view.live {
        Some(live) => {
            let filled = live.orders.iter().filter(|order| order.filled == order.planned).count();
            Fact::new("Today", live.date.clone(), format!("{filled} of {} orders filled", live.orders.len()))
                .toned(Tone::Good)
        }
        None => {
            let filled = day.orders.iter().filter(|order| order.status == "filled").count();
            Fact::new("Orders", format!("{filled} of {}", day.orders.len()), format!("filled on {}", day.date))
        }
    }
}

fn sleeves(day: &DayReport) -> Table {
    let mut table = Table::new(
        format!("Profit by sleeve, in {}", day.base),
        &["sleeve", "#today", "#since opening"],
        "No sleeve holds anything.",
    );
    for row in &day.sleeves {
        table.row([row.sleeve.clone().into(), grouped(row.today, 2).into(), grouped(row.cumulative, 2).into()]);
    }
    table
}

fn days(days: &[DayReport]) -> Table {
    let columns = ["date", "regime", "#return", "#NAV", "#drawdown", "#gross", "#orders", "#NAV − NLV", "mode"];
    let mut table = Table::new("The last days", &columns, NOTHING_YET);
    for day in days.iter().rev().take(DAYS_SHOWN) {
        table.row([
            day.date.clone().into(),
            day.regime.clone().into(),
            signed_percent(day.daily_return).into(),
            amount(day.nav).into(),
            format!("{:.2} %", percent(day.drawdown)).into(),
            times(day.gross_of_nav).into(),
            day.orders.len().to_string().into(),
            basis_points(day.difference_bp).into(),
            Cell::toned(day.mode.clone(), Tone::of_mode(&day.mode)),
        ]);
    }
    table
}

pub(in super::super) fn today(view: &View) -> Page {
    let Some(live) = &view.live else {
        let Some(day) = view.days.last() else { return empty("Today") };
        return finished_day(day);
    };
    let mut orders = Table::new(
        "Orders and fills",
        &["order", "side", "contract", "#planned", "#filled", "#limit", "status"],
        "The plan has no orders.",
    );
    for order in &live.orders {
        let tone = if order.filled == order.planned { Tone::Good } else { Tone::Plain };
        orders.row([
            order.order_ref.clone().into(),
            order.side.clone().into(),
            order.instrument.clone().into(),
            order.planned.clone().into(),
            Cell::toned(order.filled.clone(), tone),
            order.limit.clone().into(),
            if order.status.is_empty() { "waits for its window".into() } else { order.status.clone().into() },
        ]);
    }
    let mut tape = Table::new("What happened last", &["UTC", "kind", "what"], "Nothing yet.");
    for row in &live.tape {
        tape.row([row.at.clone().into(), row.kind.clone().into(), row.what.clone().into()]);
    }
    Page {
        title: "Today",
        lead: match waits(view) {
            true => format!("The plan of {} waits for a person, on the page Plan.", live.date),
            false => format!("Trading day {} is in progress.", live.date),
        },
        facts: Vec::new(),
        sections: vec![Section::Table(steps(&so_far(live, view))), Section::Table(orders), Section::Table(tape)],
    }
}

/// The steps; those after the plan wait with it.
fn so_far(live: &LiveDay, view: &View) -> Vec<Step> {
    let step = |step: &Step| match step.number {
        12.. if waits(view) => {
            let detail = if step.number == 12 { "for a person, on the page Plan" } else { "" };
            Step { outcome: "waits".into(), detail: detail.into(), ..step.clone() }
        }
        _ => step.clone(),
    };
    live.steps.iter().map(step).collect()
}

/// True while the day goes no further without a person.
fn waits(view: &View) -> bool {
    view.plan.iter().flatten().any(|plan| plan.waits())
}

fn finished_day(day: &DayReport) -> Page {
    let mut plan = Table::new(
        format!("Plan {}, targets in {}", day.plan_hash.get(..12).unwrap_or_default(), day.base),
        &["contract", "for", "#weight", "#target value", "#held", "#wanted", "#today"],
        "Nothing is held or wanted.",
    );
    for row in &day.targets {
        plan.row([
            row.instrument.clone().into(),
            row.sleeves.join(", ").into(),
            signed_percent(row.weight).into(),
            row.target_value.to_i64().map_or_else(dash, |value| grouped(Decimal::from(value), 0)).into(),
            row.held.clone().into(),
            row.wanted.clone().into(),
            row.today.clone().into(),
        ]);
    }
    let mut refused = Table::new("Refused or cut", &["code", "why"], "Nothing was refused.");
    for row in &day.refusals {
        refused.row([Cell::toned(row.code.clone(), Tone::Warn), row.sentence.clone().into()]);
    }
    let mut page = Page {
        title: "Today",
        lead: format!("No day is in progress. This is {}, the last finished one.", day.date),
        facts: Vec::new(),
        sections: vec![
            Section::Table(steps(&day.steps)),
            Section::Table(plan),
            Section::Table(orders_table(day.orders.iter().map(|order| (day, order)))),
            Section::Table(refused),
        ],
    };
    page.sections.extend(alerts(day));
    page
}

fn steps(rows: &[Step]) -> Table {
    let mut table = Table::new("The fourteen steps", &["#no.", "step", "outcome", "what it found"], NOTHING_YET);
    for step in rows {
        table.row([
            step.number.to_string().into(),
            step.name.clone().into(),
            Cell::toned(step.outcome.clone(), Tone::of_outcome(&step.outcome)),
            step.detail.clone().into(),
        ]);
    }
    table
}

pub(in super::super) fn orders(view: &View) -> Page {
    let all: Vec<(&DayReport, &Order)> = view
        .days
        .iter()
        .rev()
        .flat_map(|day| day.orders.iter().map(move |order| (day, order)))
        .take(ORDERS_SHOWN)
        .collect();
    Page {
        title: "Orders",
        lead: format!(
            "The newest {} orders of finished days. What works right now is on the page of today.",
            all.len()
        ),
        facts: Vec::new(),
        sections: vec![Section::Table(orders_table(all.into_iter()))],
    }
}

fn orders_table<'a>(rows: impl Iterator<Item = (&'a DayReport, &'a Order)>) -> Table {
    let columns = ["order", "what", "why", "#filled", "#arrival", "#average", "#slippage", "status"];
    let mut table = Table::new("Orders and fills", &columns, "No orders.");
    for (_, order) in rows {
        let tone = if order.status == "filled" { Tone::Good } else { Tone::Warn };
        table.row([
            order.order_ref.clone().into(),
            format!("{} {} {}", order.side, order.quantity, order.instrument).into(),
            format!("{} · {}", order.purpose, order.sleeves.join(", ")).into(),
            order.filled.clone().into(),
            order.arrival.clone().unwrap_or_else(dash).into(),
            order.average_price.clone().unwrap_or_else(dash).into(),
            basis_points_2(order.slippage_bps).into(),
            Cell::toned(order.status.clone(), tone),
        ]);
    }
    table
}
