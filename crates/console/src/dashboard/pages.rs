//! The pages, each a function of what the journal says.
//!
//! In: finished days, the day in progress, what comes due. Out: pages. Invariant: shows the reports' own numbers; adds
//! up nothing but counts.

use super::desk::{View, Wish};
use super::model::{Cell, Chart, Fact, Form, Page, Section, Series, Table, Tone};
use crate::DayReport;
use crate::report::{Order, Step};
use crate::table::{percent, rounded};
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Days a table of days shows.
const DAYS_SHOWN: usize = 20;
/// Orders a table of past orders shows.
const ORDERS_SHOWN: usize = 200;

const NOTHING_YET: &str = "No trading day is finished yet.";

pub(super) fn overview(view: &View) -> Page {
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
            Fact::new("Gross", times(day.gross_of_nav), format!("{} {}", grouped(day.gross, 0), day.base)),
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

fn alerts(day: &DayReport) -> Option<Section> {
    (!day.alerts.is_empty()).then(|| Section::Text { title: "What a person should look at", lines: day.alerts.clone() })
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

pub(super) fn today(view: &View) -> Page {
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
        lead: format!("Trading day {} is in progress.", live.date),
        facts: Vec::new(),
        sections: vec![Section::Table(steps(&live.steps)), Section::Table(orders), Section::Table(tape)],
    }
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

pub(super) fn positions(view: &View) -> Page {
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

pub(super) fn orders(view: &View) -> Page {
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

pub(super) fn costs(view: &View) -> Page {
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
    let slippage = |day: &DayReport| {
        let known: Vec<f64> = day.orders.iter().filter_map(|order| order.slippage_bps).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let dates = dates(&view.days);
    let values = view.days.iter().map(slippage).collect();
    let series = vec![Series { name: "mean slippage, bp".into(), values }];
    page.sections.push(Section::Chart(Chart { title: "Slippage against arrival", unit: "number", dates, series }));
    page
}

pub(super) fn risk(view: &View) -> Page {
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
                &[("gross", |day| Some(day.gross_of_nav)), ("net", |day| Some(day.net_of_nav))],
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

pub(super) fn reconciliation(view: &View) -> Page {
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

pub(super) fn hedges(view: &View) -> Page {
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

pub(super) fn calendar(view: &View) -> Page {
    let mut table = Table::new("Next 30 days", &["date", "kind", "subject", "what", "#held"], "Nothing comes due.");
    for row in view.obligations.iter().flat_map(|rows| rows.iter()) {
        table.row([
            row.date.clone().into(),
            row.kind.clone().into(),
            row.subject.clone().into(),
            row.what.clone().into(),
            row.held.clone().unwrap_or_else(dash).into(),
        ]);
    }
    Page {
        title: "Calendar",
        lead: match &view.obligations {
            Ok(_) => "What comes due whatever the market does: rolls, notices, ends of contracts, holidays.".into(),
            Err(why) => format!("What comes due is not known: {why}"),
        },
        facts: Vec::new(),
        sections: vec![Section::Table(table)],
    }
}

pub(super) fn modes(view: &View) -> Page {
    let form = |wish: &'static str, button, means: &str, tone| Form {
        wish,
        button,
        means: means.to_owned(),
        about: String::new(),
        confirm: Wish::named(wish).map_or("", Wish::confirmation),
        tone,
    };
    let status = &view.status;
    let engine = status.engine.as_ref().map_or_else(
        || ("none".into(), "what is said counts from its next start".into()),
        |engine| (engine.run.clone(), format!("lease until {}", engine.lease_until)),
    );
    let mut page = Page {
        title: "Modes",
        lead:
            "Modes tighten by themselves. Only a person loosens them, with a name and a reason that the journal keeps."
                .into(),
        facts: vec![
            Fact::new("Mode", status.mode.clone(), if status.flatten { "closing every position" } else { "" })
                .toned(Tone::of_mode(&status.mode)),
            Fact::new("Engine", engine.0, engine.1),
        ],
        sections: vec![
            Section::Forms {
                title: "Tighten",
                forms: vec![
                    form("reduce-only", "Reduce only", "Lets out only orders that lower risk.", Tone::Warn),
                    form("halt", "Halt", "Sends nothing but cancels.", Tone::Bad),
                    form(
                        "kill",
                        "Kill",
                        "Cancels every order of the account at the gateway, then freezes the engine.",
                        Tone::Bad,
                    ),
                ],
            },
            Section::Forms {
                title: "Act",
                forms: vec![
                    form(
                        "flatten",
                        "Flatten",
                        "Adds nothing, and closes every position with the next plan, in its windows and inside its limits.",
                        Tone::Bad,
                    ),
                    form(
                        "resume",
                        "Resume",
                        "Goes back to NORMAL. Find out first why the engine tightened: the page Books and the last report say so.",
                        Tone::Plain,
                    ),
                ],
            },
        ],
    };
    if !status.unanswered.is_empty() {
        page.sections.insert(0, Section::Text { title: "Said and not heard yet", lines: status.unanswered.clone() });
    }
    page
}

fn empty(title: &'static str) -> Page {
    Page {
        title,
        lead: format!("{NOTHING_YET} `abstractfinance demo --serve` shows what will stand here."),
        ..Page::default()
    }
}

type Reading = (&'static str, fn(&DayReport) -> Option<f64>);

fn chart(title: &'static str, unit: &'static str, days: &[DayReport], readings: &[Reading]) -> Chart {
    let series =
        readings.iter().map(|(name, read)| Series { name: (*name).into(), values: days.iter().map(read).collect() });
    Chart { title, unit, dates: dates(days), series: series.collect() }
}

/// Midnights in seconds; a date that cannot be read is the report's fault and stands at zero.
fn dates(days: &[DayReport]) -> Vec<i64> {
    let at = |day: &DayReport| day.date.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    days.iter().map(|day| at(day).map_or(0, |at| at.timestamp().as_second())).collect()
}

fn tie_tone(day: &DayReport) -> Tone {
    match day.difference_bp {
        Some(_) if day.differences.is_empty() => Tone::Good,
        Some(_) => Tone::Warn,
        None => Tone::Bad,
    }
}

fn amount(value: Option<Decimal>) -> String {
    value.map_or_else(|| "unknown".into(), |value| grouped(value, 2))
}

fn whole(value: f64) -> String {
    value.to_i64().map_or_else(dash, |value| grouped(Decimal::from(value), 0))
}

fn times(ratio: f64) -> String {
    format!("{:.3} ×", rounded(ratio, 1e3))
}

fn signed_percent(fraction: f64) -> String {
    format!("{:+.2} %", percent(fraction))
}

fn basis_points(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp"))
}

fn basis_points_2(value: Option<f64>) -> String {
    value.map_or_else(dash, |bp| format!("{bp:+.2} bp"))
}

fn dash() -> String {
    "–".to_owned()
}
