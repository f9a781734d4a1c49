//! The account from day to day: positions, NAV, and how the engine stands.
//!
//! In: reports of finished days, what an unfinished one has done. Out: tables for a terminal, rows for CSV.
//! Invariant: shows the reports' own numbers.

use crate::dashboard::{LiveDay, LiveOrder, View};
use crate::report::{DayReport, Position, SleeveResult};
use crate::table::{grid, numbers, percent, rounded};
use domain::money::grouped;
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt::Write;

/// The positions after a finished day.
pub fn positions(day: &DayReport) -> String {
    if day.positions.is_empty() {
        return format!("No positions after {}. NAV {} {}.\n", day.date, money(day.nav), day.base);
    }
    let mut table = grid(&["contract", "sleeves", "ours", "broker", "mark", "", "unrealised", "notional", "of NAV"]);
    for position in &day.positions {
        table.add_row(position_row(position, day));
    }
    numbers(&mut table, 2..5);
    numbers(&mut table, 6..9);
    let mut page = format!("Positions after {} (notional in {})\n{}\n", day.date, day.base, table.trim_fmt());
    line(
        &mut page,
        &format!(
            "\nGross {} ({:.3} × NAV) · net {} ({:+.3} × NAV) · NAV {} {}",
            grouped(day.gross, 2),
            day.gross_of_nav,
            grouped(day.net, 2),
            rounded(day.net_of_nav, 1e3),
            money(day.nav),
            day.base
        ),
    );
    page
}

fn position_row(position: &Position, day: &DayReport) -> [String; 9] {
    let of_nav = position.notional.zip(day.nav).filter(|(_, nav)| !nav.is_zero());
    let share = of_nav.and_then(|(notional, nav)| f64::try_from(notional / nav).ok());
    [
        position.instrument.clone(),
        position.sleeves.join(", "),
        position.ours.clone(),
        position.broker.clone(),
        position.mark.clone(),
        position.currency.clone(),
        money(position.unrealised),
        money(position.notional),
        share.map_or_else(dash, |share| format!("{:+.2} %", percent(share))),
    ]
}

/// What each sleeve earned: one row a day, one column a sleeve, and the sum since the books were opened.
pub fn sleeves(days: &[DayReport]) -> String {
    let Some(last) = days.last() else { return "No day is finished in that span.\n".to_owned() };
    let active = |name: &str| {
        days.iter().any(|day| day.sleeves.iter().any(|row| row.sleeve == name && !row.cumulative.is_zero()))
    };
    let names: Vec<&str> = last.sleeves.iter().map(|row| row.sleeve.as_str()).filter(|name| active(name)).collect();
    let mut table = grid(&[&["date"], names.as_slice(), &["all"]].concat());
    let row = |label: String, day: &DayReport, of: fn(&SleeveResult) -> Decimal| {
        let amount = |name: &str| day.sleeves.iter().find(|row| row.sleeve == name).map_or(Decimal::ZERO, of);
        let cells = names.iter().map(|name| grouped(amount(name), 2));
        let all: Decimal = day.sleeves.iter().map(of).sum();
        std::iter::once(label).chain(cells).chain([grouped(all, 2)]).collect::<Vec<_>>()
    };
    for day in days {
        table.add_row(row(day.date.clone(), day, |sleeve| sleeve.today));
    }
    table.add_row(row("since opening".into(), last, |sleeve| sleeve.cumulative));
    numbers(&mut table, 1..names.len() + 2);
    format!("Profit by sleeve, in {}\n{}\n", last.base, table.trim_fmt())
}

/// One finished day as a row of the NAV history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NavRow {
    /// Trade date.
    pub date: String,
    /// NAV the plan was made on; its return and drawdown belong to it.
    pub nav_at_plan: Option<Decimal>,
    /// Money put in or taken out since the plan before.
    pub flows: Decimal,
    /// Return of unit value since the plan before.
    pub daily_return: f64,
    /// Unit value.
    pub unit_value: f64,
    /// Drawdown on unit value, zero or negative.
    pub drawdown: f64,
    /// NAV after the day.
    pub nav: Option<Decimal>,
    /// The broker's net liquidation value at the same moment; `None` when it told none.
    pub nlv: Option<Decimal>,
    /// NAV − NLV in basis points.
    pub difference_bp: Option<f64>,
    /// Gross notional over NAV.
    pub gross_of_nav: f64,
    /// Net notional over NAV.
    pub net_of_nav: f64,
    /// Regime.
    pub regime: String,
    /// Mode after the day.
    pub mode: String,
}

impl From<&DayReport> for NavRow {
    fn from(day: &DayReport) -> NavRow {
        NavRow {
            date: day.date.clone(),
            nav_at_plan: day.nav_at_plan,
            flows: day.flows,
            daily_return: day.daily_return,
            unit_value: day.unit_value,
            drawdown: day.drawdown,
            nav: day.nav,
            nlv: day.nlv,
            difference_bp: day.difference_bp,
            gross_of_nav: day.gross_of_nav,
            net_of_nav: day.net_of_nav,
            regime: day.regime.clone(),
            mode: day.mode.clone(),
        }
    }
}

/// The NAV history as a table.
pub fn nav(rows: &[NavRow]) -> String {
    let header =
        ["date", "NAV at plan", "return", "unit value", "drawdown", "flows", "NAV", "NAV−NLV", "gross", "net", "mode"];
    let mut table = grid(&header);
    for row in rows {
        table.add_row([
            row.date.clone(),
            money(row.nav_at_plan),
            format!("{:+.3} %", rounded(row.daily_return * 100.0, 1e3)),
            format!("{:.5}", row.unit_value),
            format!("{:.2} %", percent(row.drawdown)),
            if row.flows.is_zero() { dash() } else { grouped(row.flows, 2) },
            money(row.nav),
            row.difference_bp.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp")),
            format!("{:.3}", row.gross_of_nav),
            format!("{:+.3}", rounded(row.net_of_nav, 1e3)),
            row.mode.clone(),
        ]);
    }
    numbers(&mut table, 1..10);
    format!("{}\n", table.trim_fmt())
}

/// How the engine and its account stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Tag of the account.
    pub account: String,
    /// The engine that holds the lease and until when; `None` when none runs.
    pub engine: Option<Engine>,
    /// Operating mode, with what a person said since.
    pub mode: String,
    /// A person wants every position closed.
    pub flatten: bool,
    /// What was said and not answered yet.
    pub unanswered: Vec<String>,
    /// The day that was begun and is not finished.
    pub open_day: Option<OpenDay>,
    /// The last finished day.
    pub last_day: Option<DayReport>,
}

/// A running engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Engine {
    /// Its process and start.
    pub run: String,
    /// When its lease ends unless it renews it.
    pub lease_until: String,
}

/// What a day that is not finished has done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OpenDay {
    /// Trade date.
    pub date: String,
    /// True when its plan is stored.
    pub planned: bool,
    /// Commands sent to the broker.
    pub commands: usize,
    /// Executions booked.
    pub executions: usize,
}

/// The status as a page.
pub fn status(status: &Status) -> String {
    let mut page = String::new();
    let engine = status.engine.as_ref().map_or_else(
        || "none is running".into(),
        |engine| format!("run {} holds the lease until {}", engine.run, engine.lease_until),
    );
    line(&mut page, &format!("Account   {}", status.account));
    line(&mut page, &format!("Engine    {engine}"));
    let flatten = if status.flatten { " · closing every position" } else { "" };
    line(&mut page, &format!("Mode      {}{flatten}", status.mode));
    for message in &status.unanswered {
        line(&mut page, &format!("Waiting   {message}"));
    }
    if let Some(day) = &status.open_day {
        let stage = if day.planned { "planned" } else { "not planned yet" };
        line(
            &mut page,
            &format!("Today     {}: {stage}, {} commands sent, {} executions", day.date, day.commands, day.executions),
        );
    }
    match &status.last_day {
        None => line(&mut page, "Last day  none is finished yet"),
        Some(day) => last_day(&mut page, day),
    }
    page
}

/// Newest happenings on a page that is watched.
const HAPPENINGS: usize = 12;

/// The status with the day in progress: its orders, and what happened last.
pub fn watched(view: &View) -> String {
    let mut page = status(&view.status);
    if let Some(day) = &view.live {
        line(&mut page, &format!("\n{}", live_orders(day)));
        for happened in day.tape.iter().take(HAPPENINGS) {
            line(&mut page, &format!("{} {:<12} {}", happened.at, happened.kind, happened.what));
        }
    }
    page
}

/// The orders of the day in progress.
pub fn live_orders(day: &LiveDay) -> String {
    let mut table = grid(&["order", "", "contract", "planned", "filled", "limit", "status"]);
    for order in &day.orders {
        let LiveOrder { order_ref, instrument, side, planned, filled, limit, status } = order.clone();
        table.add_row([order_ref, side, instrument, planned, filled, limit, status]);
    }
    numbers(&mut table, 3..6);
    format!("Orders of {}, in progress\n{}\n", day.date, table.trim_fmt())
}

fn last_day(page: &mut String, day: &DayReport) {
    let filled = day.orders.iter().filter(|order| order.status == "filled").count();
    let difference = day.difference_bp.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp"));
    line(page, &format!("Last day  {}: {} of {} orders filled", day.date, filled, day.orders.len()));
    line(page, &format!("NAV       {} {} · against the broker {difference}", money(day.nav), day.base));
    line(
        page,
        &format!(
            "Exposure  gross {:.3} × NAV · net {:+.3} × NAV · {} positions",
            day.gross_of_nav,
            rounded(day.net_of_nav, 1e3),
            day.positions.len()
        ),
    );
    line(
        page,
        &format!("Risk      regime {} · scale {:.4} · drawdown {:.2} %", day.regime, day.scale, percent(day.drawdown)),
    );
}

fn money(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| "unknown".into(), |amount| grouped(amount, 2))
}

fn dash() -> String {
    "–".to_owned()
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}
