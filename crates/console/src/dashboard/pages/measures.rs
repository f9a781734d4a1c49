//! What it costs, what it risks, and whether it ties out.
//!
//! In: finished days. Out: pages.
//! Invariant: every series begins with the first finished day.

use super::super::desk::View;
use super::super::model::{Cell, Fact, Page, Section, Table, Tone};
use super::{DAYS_SHOWN, amount, basis_points, chart, dash, empty, signed_percent, tie_tone};
use crate::DayReport;
use crate::table::percent;

pub(in super::super) fn costs(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Costs") };
    let shown: Vec<&DayReport> = view.days.iter().rev().take(DAYS_SHOWN).rev().collect();
    let mut page = Page {
        title: "Costs",
        lead: format!(
            "What trading cost over the last {} finished days, against the price at the decision.",
            shown.len()
        ),
        ..Page::default()
    };
    for (what, groups) in crate::costs::groups(&shown) {
        let columns =
            [what, "#traded", "#delay", "#spread", "#impact", "#fees", "#legging", "#missed", "#shortfall", "#bp"];
        let mut table = Table::new(format!("By {what}, in {}", day.base), &columns, "Nothing was traded.");
        for (name, cells) in groups {
            let [traded, delay, spread, impact, fees, legging, missed, shortfall, bp] = cells.map(Cell::from);
            table.row([name.into(), traded, delay, spread, impact, fees, legging, missed, shortfall, bp]);
        }
        page.sections.push(Section::Table(table));
    }
    page.sections.push(Section::Chart(chart(
        "Slippage against arrival, in basis points of what was traded",
        "number",
        &view.days,
        &[("slippage", |day| day.costs.slippage_bps())],
    )));
    page
}

pub(in super::super) fn risk(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Risk") };
    let mut table = Table::new(
        "What each sleeve risks, at today's scale",
        &["sleeve", "#adds to volatility", "#beta", "#correlation"],
        "No sleeve risks anything.",
    );
    let number = |value: Option<f64>| Cell::from(value.map_or_else(dash, |value| format!("{value:.2}")));
    for row in &day.risk.sleeves {
        let volatility = row.volatility.map_or_else(dash, signed_percent);
        table.row([row.sleeve.clone().into(), volatility.into(), number(row.beta), number(row.correlation)]);
    }
    let days = &view.days;
    Page {
        title: "Risk",
        lead: format!("Regime {} with {} history, after {}.", day.regime, day.vol_quality, day.date),
        facts: vec![
            Fact::new(
                "Unit volatility",
                day.vol.map_or_else(dash, |vol| format!("{:.2} %", percent(vol))),
                "a year, floored",
            ),
            Fact::new(
                "VIX",
                day.vix.map_or_else(|| "missing".into(), |vix| format!("{vix:.2}")),
                "the close the plan saw",
            ),
            Fact::new(
                "Momentum",
                day.momentum.map_or_else(dash, |signal| format!("{signal:+.2}")),
                format!("core × {:.2}", day.momentum_factor),
            ),
            Fact::new(
                "Value at risk",
                day.risk.value_at_risk.map_or_else(dash, |loss| format!("{:.2} %", percent(loss))),
                "a day, 99 %",
            ),
            Fact::new(
                "Expected shortfall",
                day.risk.expected_shortfall.map_or_else(dash, |loss| format!("{:.2} %", percent(loss))),
                "mean of the days beyond",
            ),
            Fact::new(
                "Caps that bind",
                if day.risk.caps_bound.is_empty() { "none".into() } else { day.risk.caps_bound.join(", ") },
                "",
            ),
        ],
        sections: vec![
            Section::Chart(chart(
                "Scale of the book",
                "number",
                days,
                &[("scale", |day| Some(day.scale)), ("state factor", |day| Some(day.state_factor))],
            )),
            Section::Chart(chart(
                "Exposure over NAV",
                "number",
                days,
                &[
                    ("gross", |day| Some(day.gross_of_nav)),
                    ("gross under the cap", |day| Some(day.risk.gross_capped_of_nav)),
                    ("net", |day| Some(day.net_of_nav)),
                ],
            )),
            Section::Chart(chart("Unit volatility", "percent", days, &[("volatility", |day| day.vol)])),
            Section::Chart(chart("VIX", "number", days, &[("VIX", |day| day.vix)])),
            Section::Table(table),
            Section::Text {
                title: "Warnings",
                lines: if day.risk.warnings.is_empty() { vec!["None.".into()] } else { day.risk.warnings.clone() },
            },
        ],
    }
}

pub(in super::super) fn reconciliation(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Books") };
    let columns =
        ["id", "layer", "what", "#ours", "#broker", "#difference", "#tolerance", "cause", "evidence", "consequence"];
    let mut table = Table::new(
        "Differences",
        &columns,
        "None: every quantity, every currency's cash and the NAV agree with the broker.",
    );
    for row in &day.differences {
        let crate::reconciliation::Difference {
            id,
            layer,
            item,
            ours,
            theirs,
            difference,
            tolerance,
            cause,
            evidence,
            consequence,
        } = row.clone();
        let plain = [id, layer, item, ours, theirs, difference, tolerance].map(Cell::from);
        let [id, layer, item, ours, theirs, difference, tolerance] = plain;
        table.row([
            id,
            layer,
            item,
            ours,
            theirs,
            difference,
            tolerance,
            Cell::toned(cause, Tone::Warn),
            evidence.into(),
            consequence.into(),
        ]);
    }
    Page {
        title: "Books",
        lead: format!("Our books against the broker's after {}.", day.date),
        facts: vec![
            Fact::new("NAV", amount(day.nav), day.base.clone()),
            Fact::new("Broker's NLV", amount(day.nlv), day.base.clone()),
            Fact::new("Difference", basis_points(day.difference_bp), "NAV − NLV").toned(tie_tone(day)),
        ],
        sections: vec![
            Section::Table(table),
            Section::Chart(chart(
                "NAV − NLV in basis points",
                "number",
                &view.days,
                &[("difference", |day| day.difference_bp)],
            )),
            Section::Text {
                title: "Marks and rates used with a reservation",
                lines: if day.doubts.is_empty() { vec!["None.".into()] } else { day.doubts.clone() },
            },
        ],
    }
}
