//! What trading cost, for people.
//!
//! In: the costs of each order of finished days. Out: the summary of a day, tables by sleeve, venue, asset class and
//! order. Invariant: every table adds up to the same implementation shortfall.

use crate::report::DayReport;
use crate::table::{grid, numbers, rounded};
use comfy_table::Table;
use domain::Costs;
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one order cost, in base currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderCost {
    /// Reference of the first order sent for it.
    pub order_ref: String,
    /// Contract name.
    pub instrument: String,
    /// Market identifier of its venue.
    pub venue: String,
    /// Its asset class.
    pub asset_class: String,
    /// `BUY` or `SELL`.
    pub side: String,
    /// Executed quantity.
    pub filled: Decimal,
    /// The mark the plan was made on; `None` for what protected a pair.
    pub decision: Option<Decimal>,
    /// Mid when the gate let it out.
    pub arrival: Option<Decimal>,
    /// Volume-weighted average price.
    pub average: Option<Decimal>,
    /// Executed notional.
    pub traded: Decimal,
    /// Slippage and fees that were expected before it was sent, in basis points.
    pub expected_bps: f64,
    /// The parts of what it cost.
    pub costs: Costs,
    /// The same by sleeve: its name, what it wanted of the executed notional, what it paid.
    pub sleeves: Vec<(String, Decimal, Costs)>,
}

impl OrderCost {
    /// Slippage against the arrival mid in basis points.
    pub fn slippage_bps(&self) -> Option<f64> {
        bps(self.costs.slippage(), self.traded)
    }
}

/// Everything a day's trading cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DayCosts {
    /// Order by order.
    pub orders: Vec<OrderCost>,
    /// Σ |notional| all sleeves wanted of the day's orders and of each other.
    pub wanted: Decimal,
    /// Σ |notional| that was left to trade after netting.
    pub netted: Decimal,
}

impl DayCosts {
    /// Slippage of the whole day against the arrival mids, in basis points of what was traded; an option of a few cents
    /// weighs what it cost.
    pub fn slippage_bps(&self) -> Option<f64> {
        let sum = |of: fn(&OrderCost) -> Decimal| self.orders.iter().map(of).sum::<Decimal>();
        bps(sum(|order| order.costs.slippage()), sum(|order| order.traded))
    }
}

/// An amount in basis points of what it belongs to; `None` when nothing was traded.
fn bps(amount: Decimal, of: Decimal) -> Option<f64> {
    (!of.is_zero()).then(|| (amount / of).to_f64().map(|fraction| rounded(fraction * 1e4, 1e2))).flatten()
}

/// What was traded for a group and what it cost.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    traded: Decimal,
    costs: Costs,
}

impl Group {
    fn add(&mut self, traded: Decimal, costs: Costs) {
        self.traded += traded;
        self.costs = self.costs + costs;
    }
}

/// The figures of the daily message on execution.
struct Summary<'a> {
    span: String,
    base: &'a str,
    total: usize,
    filled: usize,
    traded: Decimal,
    slippage: Decimal,
    commission: Decimal,
    /// The order with the largest slippage, in basis points.
    worst: Option<(f64, &'a OrderCost)>,
    wanted: Decimal,
    netted: Decimal,
}

/// The day's execution in the form of the daily message.
pub fn summary(days: &[&DayReport]) -> String {
    let orders = || days.iter().flat_map(|day| &day.costs.orders);
    let mut all = Group::default();
    orders().for_each(|order| all.add(order.traded, order.costs));
    let worst = orders().filter_map(|order| Some((order.slippage_bps()?, order)));
    let span = match days {
        [] => return String::new(),
        [day] => day.date.clone(),
        [first, .., last] => format!("{} to {}", first.date, last.date),
    };
    let summary = Summary {
        span,
        base: days.last().map_or("", |day| day.base.as_str()),
        total: days.iter().map(|day| day.orders.len()).sum(),
        filled: days.iter().flat_map(|day| &day.orders).filter(|order| order.status == "filled").count(),
        traded: all.traded,
        slippage: all.costs.slippage(),
        commission: all.costs.fees,
        worst: worst.max_by(|a, b| a.0.total_cmp(&b.0)),
        wanted: days.iter().map(|day| day.costs.wanted).sum(),
        netted: days.iter().map(|day| day.costs.netted).sum(),
    };
    summary.text()
}

impl Summary<'_> {
    fn money(&self, amount: Decimal) -> String {
        let amount = grouped(amount, 0);
        if self.base == "USD" { format!("${amount}") } else { format!("{amount} {}", self.base) }
    }

    fn text(&self) -> String {
        let Summary { span, total, filled, .. } = self;
        let mut text = format!("📊 Execution Summary - {span}\n\nOrders: {total} total, {filled} filled\n");
        let mut line = |told: &str| text.write_str(told).expect("writing to a string cannot fail");
        line(&format!("Traded: {}\n\nCosts:\n", self.money(self.traded)));
        let slippage = bps(self.slippage, self.traded).unwrap_or_default();
        line(&format!("  Slippage: {slippage:.1} bps avg ({})\n", self.money(self.slippage)));
        line(&format!("  Commission: {}\n", self.money(self.commission)));
        if let Some((bps, order)) = self.worst {
            let whole = ["future", "option"].iter().any(|kind| order.asset_class.ends_with(kind));
            let unit = if whole { "contracts" } else { "shares" };
            let OrderCost { instrument, filled, .. } = order;
            line(&format!("\nWorst execution:\n  {instrument}: {bps:.1} bps on {} {unit}\n", filled.normalize()));
        }
        let saved = bps(self.wanted - self.netted, self.wanted).unwrap_or_default() / 100.0;
        line(&format!("\nNetting saved: {saved:.0}% of turnover\n"));
        text
    }
}

/// A day's costs in one line.
pub fn line(day: &DayReport) -> Option<String> {
    let mut all = Group::default();
    day.costs.orders.iter().for_each(|order| all.add(order.traded, order.costs));
    let bps = bps(all.costs.shortfall(), all.traded)?;
    let Costs { delay, fees, legging, opportunity, .. } = all.costs;
    Some(format!(
        "Costs     {} {} = {bps:+.2} bp of {} traded: delay {}, slippage {}, fees {}, legging {}, missed {}",
        grouped(all.costs.shortfall(), 2),
        day.base,
        grouped(all.traded, 0),
        grouped(delay, 2),
        grouped(all.costs.slippage(), 2),
        grouped(fees, 2),
        grouped(legging, 2),
        grouped(opportunity, 2)
    ))
}

/// The page of `costs`: the summary and where the money went.
pub fn page(days: &[&DayReport]) -> String {
    let Some(last) = days.last() else { return "No day is finished in that span.\n".to_owned() };
    let orders = || days.iter().flat_map(|day| &day.costs.orders);
    let mut page = summary(days);
    if orders().next().is_none() {
        return page;
    }
    for (what, groups) in groups(days) {
        write!(page, "\nBy {what}, in {}\n{}\n", last.base, table(what, groups).trim_fmt()).expect("a string");
    }
    write!(page, "\nBy order, in {}\n{}\n", last.base, by_order(orders()).trim_fmt()).expect("a string");
    page
}

fn grouped_by(rows: impl Iterator<Item = (String, Decimal, Costs)>) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    rows.for_each(|(key, traded, costs)| groups.entry(key).or_default().add(traded, costs));
    groups
}

/// The parts, what they add up to, and that in basis points of what was traded.
const PARTS: [&str; 9] = ["traded", "delay", "spread", "impact", "fees", "legging", "missed", "shortfall", "bp"];

fn cells(Group { traded, costs }: &Group) -> [String; 9] {
    let Costs { delay, spread, impact, fees, legging, opportunity } = *costs;
    let amounts = [delay, spread, impact, fees, legging, opportunity, costs.shortfall()].map(|part| grouped(part, 2));
    let [delay, spread, impact, fees, legging, missed, shortfall] = amounts;
    let bps = bps(costs.shortfall(), *traded).map_or_else(|| "–".to_owned(), |bps| format!("{bps:+.2}"));
    [grouped(*traded, 0), delay, spread, impact, fees, legging, missed, shortfall, bps]
}

/// A way to group orders: what by, and a row of cells for each group, the sum of all last.
pub(crate) type Grouping = (&'static str, Vec<(String, [String; 9])>);

/// What was traded and what it cost, by sleeve, venue and asset class.
pub(crate) fn groups(days: &[&DayReport]) -> [Grouping; 3] {
    let orders = || days.iter().flat_map(|day| &day.costs.orders);
    let by = |key: fn(&OrderCost) -> String| grouped_by(orders().map(|order| (key(order), order.traded, order.costs)));
    let sleeves = orders().flat_map(|order| order.sleeves.iter().cloned());
    [
        ("sleeve", with_sum(grouped_by(sleeves))),
        ("venue", with_sum(by(|order| order.venue.clone()))),
        ("asset class", with_sum(by(|order| order.asset_class.clone()))),
    ]
}

fn with_sum(groups: BTreeMap<String, Group>) -> Vec<(String, [String; 9])> {
    let mut all = Group::default();
    groups.values().for_each(|group| all.add(group.traded, group.costs));
    let rows = groups.iter().map(|(name, group)| (name.clone(), cells(group)));
    rows.chain([("all".to_owned(), cells(&all))]).collect()
}

fn table(what: &str, rows: Vec<(String, [String; 9])>) -> Table {
    let mut table = grid(&[&[what], PARTS.as_slice()].concat());
    for (name, cells) in rows {
        table.add_row([vec![name], cells.to_vec()].concat());
    }
    numbers(&mut table, 1..PARTS.len() + 1);
    table
}

fn by_order<'a>(orders: impl Iterator<Item = &'a OrderCost>) -> Table {
    let mut table = grid(&[
        "order",
        "contract",
        "traded",
        "decision",
        "arrival",
        "average",
        "slippage",
        "expected",
        "shortfall",
        "bp",
    ]);
    let price = |price: Option<Decimal>| {
        price.map_or_else(|| "–".to_owned(), |price| price.round_dp(4).normalize().to_string())
    };
    let told = |bps: Option<f64>| bps.map_or_else(|| "–".to_owned(), |bps| format!("{bps:+.2} bp"));
    for order in orders {
        let shortfall = order.costs.shortfall();
        table.add_row([
            order.order_ref.clone(),
            format!("{} {}", order.side, order.instrument),
            grouped(order.traded, 0),
            price(order.decision),
            price(order.arrival),
            price(order.average),
            told(order.slippage_bps()),
            told(Some(order.expected_bps)),
            grouped(shortfall, 2),
            bps(shortfall, order.traded).map_or_else(|| "–".to_owned(), |bps| format!("{bps:+.2}")),
        ]);
    }
    numbers(&mut table, 2..10);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the original description, section 11.5, to the letter.
    #[test]
    fn the_summary_is_the_description_s() {
        let worst = OrderCost {
            order_ref: "AF-a1b2c3-20251215-001-01".into(),
            instrument: "IUKD".into(),
            venue: "XLON".into(),
            asset_class: "equity_etf".into(),
            side: "BUY".into(),
            filled: Decimal::new(50_000, 2),
            decision: None,
            arrival: None,
            average: None,
            traded: Decimal::from(10_000),
            expected_bps: 0.0,
            costs: Costs::default(),
            sleeves: vec![],
        };
        let summary = Summary {
            span: "2025-12-15".into(),
            base: "USD",
            total: 12,
            filled: 11,
            traded: Decimal::from(1_250_000),
            slippage: Decimal::from(525),
            commission: Decimal::from(35),
            worst: Some((12.3, &worst)),
            wanted: Decimal::from(100),
            netted: Decimal::from(82),
        };
        insta::assert_snapshot!(summary.text(), @r"
        📊 Execution Summary - 2025-12-15

        Orders: 12 total, 11 filled
        Traded: $1,250,000

        Costs:
          Slippage: 4.2 bps avg ($525)
          Commission: $35

        Worst execution:
          IUKD: 12.3 bps on 500 shares

        Netting saved: 18% of turnover
        ");
        let future = OrderCost { asset_class: "equity_index_future".into(), ..worst.clone() };
        let summary = Summary { worst: Some((3.0, &future)), base: "EUR", ..summary };
        assert!(summary.text().contains("on 500 contracts") && summary.text().contains("Commission: 35 EUR"));
    }
}
