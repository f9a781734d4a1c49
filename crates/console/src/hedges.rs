//! The tail hedges: spend against budget, what is held, what it would pay.
//!
//! In: the hedge book of a finished day. Out: data for `--json`, a page for a terminal. Invariant: shows the numbers the
//! engine used; what is not known is a dash, never zero.

use crate::table::{grid, numbers};
use domain::money::grouped;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The tail hedges after a day. Money is in base currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HedgeBook {
    /// The sleeve that holds them.
    pub sleeve: String,
    /// What the options are worth.
    pub market_value: Decimal,
    /// What they may be worth at most, bought ones included.
    pub market_value_max: Decimal,
    /// Σ delta × the value of what they are written on; negative protects against a fall.
    pub exposure: Decimal,
    /// The crisis under way, in words; `None` without one.
    pub crisis: Option<String>,
    /// Premium by kind of hedge.
    pub budget: Vec<HedgeBudget>,
    /// Options held.
    pub positions: Vec<HedgePosition>,
    /// Contracts of the bond spread, long and short; `None` when it is not configured.
    pub spread: Option<(i64, i64)>,
    /// What a basis point is worth to one contract of each leg, in the futures' currency; `None` without prices.
    #[serde(default)]
    pub spread_dv01: Option<(Decimal, Decimal)>,
    /// What the hedges would gain, by scenario.
    pub scenarios: Vec<HedgeScenario>,
    /// What the day sold and bought, in words.
    pub actions: Vec<String>,
    /// Kinds that bought nothing, with the reason.
    pub idle: Vec<String>,
}

/// Premium of one kind of hedge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HedgeBudget {
    /// Which kind.
    pub hedge: String,
    /// Its share of the premium.
    pub share: Decimal,
    /// Accrued and not lapsed or spent: what it can still buy for, working orders apart.
    pub free: Decimal,
    /// Set aside for orders that are not over.
    pub reserved: Decimal,
    /// Paid since the books were opened; of the bond spread what it can lose in its stress.
    pub spent: Decimal,
    /// What its options are worth now.
    pub value: Decimal,
}

/// One option held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HedgePosition {
    /// Contract name.
    pub contract: String,
    /// Which kind of hedge.
    pub hedge: String,
    /// Contracts.
    pub contracts: i64,
    /// Days to expiry.
    pub days: i32,
    /// Mark, in its currency.
    pub mark: Option<String>,
    /// Price of what it is written on.
    pub underlying: Option<f64>,
    /// Whether exercise would pay now.
    pub in_the_money: Option<bool>,
    /// Market value in base currency.
    pub value: Decimal,
    /// Annual implied volatility.
    pub implied_volatility: Option<f64>,
    /// Delta of one unit.
    pub delta: Option<f64>,
    /// Delta × the value of what it is written on, all contracts, in base currency.
    pub exposure: f64,
    /// Gain per volatility point, all contracts, in base currency.
    pub vega: Option<f64>,
    /// Change per day that passes, all contracts, in base currency.
    pub theta: Option<f64>,
}

/// What one scenario would bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HedgeScenario {
    /// Its name.
    pub scenario: String,
    /// Gain by kind of hedge, in base currency; kinds without a position are not in it.
    pub by_hedge: Vec<(String, f64)>,
    /// Gain of all.
    pub total: f64,
    /// Share of the rest of the book's loss that it pays back, the book falling with the index; `None` when it would not
    /// lose.
    pub coverage: Option<f64>,
}

/// The page of the hedges.
pub fn hedges(date: &str, base: &str, book: &HedgeBook) -> String {
    let mut page = String::new();
    line(&mut page, &format!("Tail hedges after {date} ({}, in {base})", book.sleeve));
    line(
        &mut page,
        &format!(
            "Worth {} of at most {} · exposure to the market {}{}",
            grouped(book.market_value, 2),
            grouped(book.market_value_max, 2),
            grouped(book.exposure, 0),
            book.crisis.as_ref().map_or_else(String::new, |crisis| format!(" · {crisis}")),
        ),
    );
    budget(&mut page, book);
    positions(&mut page, book);
    scenarios(&mut page, book);
    book.actions.iter().for_each(|action| line(&mut page, &format!("Planned   {action}")));
    book.idle.iter().for_each(|reason| line(&mut page, &format!("Idle      {reason}")));
    page
}

fn budget(page: &mut String, book: &HedgeBook) {
    let mut table = grid(&["premium", "share", "free", "set aside", "spent", "worth now"]);
    for row in &book.budget {
        let money = [row.free, row.reserved, row.spent, row.value].map(|amount| grouped(amount, 2));
        let share = format!("{:.0} %", row.share * Decimal::ONE_HUNDRED);
        table.add_row([row.hedge.clone(), share].into_iter().chain(money));
    }
    numbers(&mut table, 1..6);
    line(page, &format!("\n{}", table.trim_fmt()));
}

fn positions(page: &mut String, book: &HedgeBook) {
    if let Some((long, short)) = book.spread.filter(|held| *held != (0, 0)) {
        let dv01 = book.spread_dv01.map_or_else(String::new, |(of_long, of_short)| {
            let left = of_long * Decimal::from(long) - of_short * Decimal::from(short);
            format!("; a basis point is worth {of_long:.2} to one of them and {of_short:.2} to one of these, {left:.2} in all")
        });
        line(page, &format!("\nBond spread: {long} contracts long, {short} short{dv01}"));
    }
    if book.positions.is_empty() {
        return line(page, "\nNo options are held.");
    }
    let mut table = grid(&[
        "option",
        "",
        "days",
        "mark",
        "underlying",
        "volatility",
        "delta",
        "exposure",
        "vega",
        "theta",
        "worth",
    ]);
    for row in &book.positions {
        let number = |value: Option<f64>, digits: usize| value.map_or_else(dash, |value| format!("{value:.digits$}"));
        let inside = if row.in_the_money == Some(true) { " *" } else { "" };
        table.add_row([
            format!("{}{inside}", row.contract),
            row.contracts.to_string(),
            row.days.to_string(),
            row.mark.clone().unwrap_or_else(dash),
            number(row.underlying, 2),
            row.implied_volatility.map_or_else(dash, |volatility| format!("{:.1} %", volatility * 100.0)),
            number(row.delta, 3),
            whole(row.exposure),
            number(row.vega, 0),
            number(row.theta, 0),
            grouped(row.value, 2),
        ]);
    }
    numbers(&mut table, 1..11);
    let star = if book.positions.iter().any(|row| row.in_the_money == Some(true)) { "\n* in the money" } else { "" };
    line(page, &format!("\n{}{star}", table.trim_fmt()));
}

fn scenarios(page: &mut String, book: &HedgeBook) {
    if book.scenarios.iter().all(|scenario| scenario.total == 0.0) {
        return;
    }
    let kinds: Vec<&str> = book.budget.iter().map(|row| row.hedge.as_str()).collect();
    let heads: Vec<&str> = ["if overnight"].into_iter().chain(kinds.iter().copied()).chain(["all", "covers"]).collect();
    let mut table = grid(&heads);
    for scenario in &book.scenarios {
        let of = |kind: &&str| {
            let gain = scenario.by_hedge.iter().find(|(name, _)| name == kind);
            gain.map_or_else(dash, |(_, gain)| whole(*gain))
        };
        let covers = scenario.coverage.map_or_else(dash, |share| format!("{:.1} %", share * 100.0));
        let gains = kinds.iter().map(of).chain([whole(scenario.total), covers]);
        table.add_row([scenario.scenario.clone()].into_iter().chain(gains));
    }
    numbers(&mut table, 1..heads.len());
    line(page, &format!("\n{}", table.trim_fmt()));
}

fn whole(value: f64) -> String {
    grouped(Decimal::from_f64_retain(value.round() + 0.0).unwrap_or_default(), 0)
}

fn dash() -> String {
    "–".to_owned()
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string cannot fail");
}
