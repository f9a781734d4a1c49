//! What is held: positions with their currency hedges, tail hedges.
//!
//! In: the last finished day. Out: pages.
//! Invariant: ours stands beside the broker's.

use super::super::desk::View;
use super::super::model::{Cell, Fact, Page, Section, Table, Tone};
use super::{amount, dash, empty, signed_percent, times, whole};
use crate::DayReport;
use crate::table::percent;
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub(in super::super) fn positions(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Positions") };
    let columns =
        ["contract", "sleeves", "#ours", "#broker", "#mark", "currency", "#unrealised", "#notional", "#of NAV"];
    let mut table =
        Table::new(format!("Positions after {}, notional in {}", day.date, day.base), &columns, "Nothing is held.");
    for row in &day.positions {
        let agree = if row.ours == row.broker { Tone::Plain } else { Tone::Bad };
        let share = row.notional.zip(day.nav).filter(|(_, nav)| !nav.is_zero());
        let share = share.and_then(|(notional, nav)| (notional / nav).to_f64());
        table.row([
            row.instrument.clone().into(),
            row.sleeves.join(", ").into(),
            Cell::toned(row.ours.clone(), agree),
            Cell::toned(row.broker.clone(), agree),
            row.mark.clone().into(),
            row.currency.clone().into(),
            amount(row.unrealised).into(),
            amount(row.notional).into(),
            share.map_or_else(dash, signed_percent).into(),
        ]);
    }
    let mut currencies = Table::new(
        "Currency hedges",
        &["currency", "#exposure", "#left", "#band", "#held", "#wanted"],
        "Nothing needs a hedge.",
    );
    for hedge in &day.hedges {
        currencies.row([
            hedge.currency.clone().into(),
            whole(hedge.exposure).into(),
            whole(hedge.residual).into(),
            whole(hedge.band).into(),
            hedge.held.to_string().into(),
            hedge.wanted.to_string().into(),
        ]);
    }
    Page {
        title: "Positions",
        lead: format!("Gross {}, net {} of NAV.", times(day.gross_of_nav), times(day.net_of_nav)),
        facts: Vec::new(),
        sections: vec![
            Section::Table(table),
            Section::Table(sums("sleeve", day, |row| {
                row.sleeves.first().map_or_else(dash, |held| held.split(' ').next().unwrap_or(held).to_owned())
            })),
            Section::Table(sums("currency", day, |row| row.currency.clone())),
            Section::Table(currencies),
        ],
    }
}

/// Long and short notional of a grouping.
fn sums(what: &'static str, day: &DayReport, key: impl Fn(&crate::report::Position) -> String) -> Table {
    let mut groups = std::collections::BTreeMap::<String, (Decimal, Decimal)>::new();
    for row in &day.positions {
        let (long, short) = groups.entry(key(row)).or_default();
        let notional = row.notional.unwrap_or_default();
        if notional.is_sign_negative() { *short += notional } else { *long += notional }
    }
    let mut table =
        Table::new(format!("By {what}, in {}", day.base), &[what, "#long", "#short", "#net"], "Nothing is held.");
    for (name, (long, short)) in groups {
        table.row([name.into(), grouped(long, 0).into(), grouped(short, 0).into(), grouped(long + short, 0).into()]);
    }
    table
}

pub(in super::super) fn hedges(view: &View) -> Page {
    let Some(day) = view.days.last() else { return empty("Hedges") };
    let Some(book) = &day.tail_hedges else {
        return Page {
            title: "Hedges",
            lead: "This strategy buys no tail hedges: it has no sleeve of that kind.".into(),
            ..Page::default()
        };
    };
    let mut budget = Table::new(
        format!("Premium against its budget, in {}", day.base),
        &["hedge", "#share", "#free", "#reserved", "#spent", "#value"],
        "No hedge has a budget.",
    );
    for row in &book.budget {
        budget.row([
            row.hedge.clone().into(),
            format!("{} %", (row.share * Decimal::ONE_HUNDRED).normalize()).into(),
            grouped(row.free, 2).into(),
            grouped(row.reserved, 2).into(),
            grouped(row.spent, 2).into(),
            grouped(row.value, 2).into(),
        ]);
    }
    let mut held =
        Table::new("Options held", &["contract", "hedge", "#contracts", "#days", "#mark", "#delta", "#value"], "None.");
    for row in &book.positions {
        held.row([
            row.contract.clone().into(),
            row.hedge.clone().into(),
            row.contracts.to_string().into(),
            row.days.to_string().into(),
            row.mark.clone().unwrap_or_else(dash).into(),
            row.delta.map_or_else(dash, |delta| format!("{delta:+.3}")).into(),
            grouped(row.value, 2).into(),
        ]);
    }
    let mut stress =
        Table::new("What they would pay", &["scenario", "#payoff", "#of the book's loss"], "Nothing is held.");
    for row in &book.scenarios {
        let covered = row.coverage.map_or_else(dash, |share| format!("{:.1} %", percent(share)));
        stress.row([row.scenario.clone().into(), whole(row.total).into(), covered.into()]);
    }
    let said = book.actions.iter().chain(&book.idle).cloned().collect::<Vec<_>>();
    Page {
        title: "Hedges",
        lead: book
            .crisis
            .clone()
            .map_or_else(|| "No crisis episode is open.".into(), |since| format!("Crisis: {since}.")),
        facts: vec![
            Fact::new(
                "Value",
                grouped(book.market_value, 2),
                format!("at most {} {}", grouped(book.market_value_max, 2), day.base),
            ),
            Fact::new("Exposure", grouped(book.exposure, 0), day.base.clone()),
        ],
        sections: vec![
            Section::Table(budget),
            Section::Table(held),
            Section::Table(stress),
            Section::Text {
                title: "What they did, and why the others did nothing",
                lines: if said.is_empty() { vec!["Nothing.".into()] } else { said },
            },
        ],
    }
}
