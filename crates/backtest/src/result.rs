//! What a run was, day by day, and what it came to.
//!
//! In: finished trade dates, executions, the account's activity. Out: rows for files and one summary. Invariant: every
//! figure is computed from these rows, so that whoever has the files can compute it again.

use crate::statistics::{Statistics, statistics};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// One trade date. Amounts are in base currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// Trade date.
    pub date: Date,
    /// NAV the plan was made on: the closes before the date.
    pub nav_at_plan: Option<Decimal>,
    /// NAV after the last order of the date.
    pub nav: Option<Decimal>,
    /// Value of one unit at the plan, 1 at the beginning.
    pub unit_value: f64,
    /// Its return since the plan before.
    pub daily_return: f64,
    /// Its distance from its peak.
    pub drawdown: f64,
    /// Long plus short notional over NAV, after the date.
    pub gross: f64,
    /// Long minus short notional over NAV, after the date.
    pub net: f64,
    /// Regime in force.
    pub regime: String,
    /// Mode after the date.
    pub mode: String,
    /// Volatility estimate the scale came from.
    pub volatility: Option<f64>,
    /// Factor of the volatility target.
    pub vol_scale: f64,
    /// Factor of the regime.
    pub state_factor: f64,
    /// Factor of spread momentum on the sleeves that follow it.
    pub momentum_factor: f64,
    /// The one factor on all weights.
    pub scale: f64,
    /// VIX the plan saw.
    pub vix: Option<f64>,
    /// Σ |executed notional|.
    pub traded: f64,
    /// Commissions, negative.
    pub commission: f64,
    /// Distance of executions from the mid at arrival: spread and impact, negative when paid.
    pub slippage: f64,
    /// Dividends after tax, as they became due.
    pub dividends: f64,
    /// Interest and borrow fees, as they became due.
    pub financing: f64,
    /// Other fees.
    pub fees: f64,
    /// Orders of the plan.
    pub orders: usize,
    /// What the gate or the schedule refused or cut.
    pub refused: usize,
    /// Breaks of the last reconciliation.
    pub breaks: usize,
    /// NAV against the broker's, in basis points.
    pub difference_bp: Option<f64>,
    /// Marks and rates used with a reservation.
    pub doubts: usize,
    /// Profit of each sleeve over the date.
    pub sleeves: BTreeMap<String, f64>,
    /// The plan.
    pub plan_hash: String,
}

/// One order of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the field names are the trade's words")]
pub struct OrderRow {
    pub date: Date,
    pub order_ref: String,
    pub contract: String,
    pub sleeves: String,
    pub side: String,
    pub quantity: f64,
    pub purpose: String,
    pub filled: f64,
    pub average_price: Option<f64>,
    pub arrival: Option<f64>,
    pub slippage_bps: Option<f64>,
    pub status: String,
    pub children: usize,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the field names are the trade's words")]
pub struct FillRow {
    pub at: String,
    pub execution: String,
    pub order_ref: String,
    pub contract: String,
    pub side: String,
    pub quantity: f64,
    pub price: f64,
    pub currency: String,
    pub commission: f64,
    /// Quantity × price × multiplier in base currency.
    pub notional: f64,
}

/// What a result stands on: who has the same has the same result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// SHA-256 of prices, or scenario and seed.
    pub data: String,
    /// SHA-256 of the settings and the instrument table in force.
    pub config: String,
    /// Version of the program.
    pub code: String,
    /// SHA-256 of the program's file, the code itself; empty where it cannot be read.
    pub program: String,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What it is called.
    pub title: String,
    /// How deep orders were simulated.
    pub depth: String,
    /// After how many trade dates a person resumed an engine that had stopped; nobody did without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<NonZeroU32>,
    /// Where prices came from, in words.
    pub market: String,
    /// Base currency.
    pub base: String,
    /// Volatility the strategy aims at.
    pub vol_target: f64,
    /// What it stands on.
    pub origin: Origin,
}

impl Run {
    /// How it was run, in words.
    pub fn manner(&self) -> String {
        let resumed =
            |dates: NonZeroU32| format!(", resumed {} after each stop", counted(dates.get() as usize, "trade date"));
        self.depth.clone() + &self.resume_after.map_or_else(String::new, resumed)
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Result {
    /// What was run.
    pub run: Run,
    /// One row a date.
    pub days: Vec<Day>,
    /// Orders.
    pub orders: Vec<OrderRow>,
    /// Executions.
    pub fills: Vec<FillRow>,
    /// What the reader must know before believing anything: data that was missing, doubted or bad, and days on which the
    /// engine stopped.
    pub warnings: Vec<String>,
}

/// Sums over a run, in base currency unless named otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// Commissions, negative.
    pub commission: f64,
    /// Spread and impact against the mid at arrival, negative when paid.
    pub slippage: f64,
    /// Interest and borrow fees.
    pub financing: f64,
    /// Dividends after tax.
    pub dividends: f64,
    /// Other fees.
    pub fees: f64,
    /// Commissions and slippage a year over mean NAV, in basis points, positive when paid.
    pub trading_bps_per_year: f64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What was run.
    #[serde(flatten)]
    pub run: Run,
    /// First trade date.
    pub from: Date,
    /// Last trade date.
    pub to: Date,
    /// Trade dates.
    pub days: usize,
    /// NAV before the first date: what the books began with.
    pub nav_first: Option<Decimal>,
    /// NAV after the last date.
    pub nav_last: Option<Decimal>,
    /// Figures of the daily returns; `None` for fewer than two dates.
    pub statistics: Option<Statistics>,
    /// Executed notional a year over mean NAV.
    pub turnover_per_year: f64,
    /// Mean of gross and net over NAV.
    pub mean_gross: f64,
    /// Mean of net over NAV.
    pub mean_net: f64,
    /// Costs and income.
    pub costs: Costs,
    /// Profit of each sleeve.
    pub sleeves: BTreeMap<String, f64>,
    /// Dates in each regime.
    pub regimes: BTreeMap<String, usize>,
    /// Dates that ended in each mode.
    pub modes: BTreeMap<String, usize>,
    /// Executions.
    pub fills: usize,
    /// Largest difference between NAV and the broker's, in basis points.
    pub difference_bp_max: f64,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

impl Result {
    /// What each date earned: from its plan to the next, because a plan is made on closes of all venues. The first begins with
    /// the account, whose first night is in no plan; the last ends with the last NAV. So NAV grows by their product, as long as
    /// nothing is paid in or out.
    pub fn returns(&self) -> Vec<f64> {
        let growth = |from: Option<Decimal>, to: Option<Decimal>| {
            let known = from.zip(to).filter(|(from, _)| from.is_sign_positive() && !from.is_zero());
            known.map_or(1.0, |(from, to)| to_f64(to) / to_f64(from))
        };
        let mut growths: Vec<f64> = self.days.iter().skip(1).map(|day| 1.0 + day.daily_return).collect();
        growths.extend(self.days.last().map(|last| growth(last.nav_at_plan, last.nav)));
        if let Some(first) = growths.first_mut() {
            *first *= growth(self.nav_before(), self.days[0].nav_at_plan);
        }
        growths.into_iter().map(|growth| growth - 1.0).collect()
    }

    /// NAV before the first date: that at its end, less what its sleeves earned. To the cent, as sleeves are doubles here.
    fn nav_before(&self) -> Option<Decimal> {
        let first = self.days.first()?;
        let earned = Decimal::from_f64_retain(first.sleeves.values().sum())?;
        Some((first.nav? - earned).round_dp(2).normalize())
    }

    /// What a reader must know of a run that only kept cash.
    fn idle(&self) -> Option<String> {
        let refused: usize = self.days.iter().map(|day| day.refused).sum();
        let dates = counted(self.days.len(), "trade date");
        self.fills.is_empty().then(|| {
            format!(
                "nothing was traded on {dates}; something was refused or cut {refused} times, and `demo` over one of these dates \
                 says what and why"
            )
        })
    }

    /// The order of a plan that each execution is of, as [`OrderRow::order_ref`] names it, whichever of its child orders was
    /// filled. A roll may trade two orders of a plan as one, a calendar spread: then it is the one of the leg's own contract.
    /// Empty for what no plan ordered.
    pub fn parents(&self) -> Vec<&str> {
        let by_intent: BTreeMap<&str, &OrderRow> =
            self.orders.iter().map(|order| (intent(&order.order_ref), order)).collect();
        let by_contract: BTreeMap<(Date, &str), &OrderRow> =
            self.orders.iter().map(|order| ((order.date, order.contract.as_str()), order)).collect();
        let parent = |fill: &FillRow| {
            let sent = *by_intent.get(intent(&fill.order_ref))?;
            let leg = by_contract.get(&(sent.date, fill.contract.as_str())).filter(|_| sent.contract != fill.contract);
            Some(leg.map_or(sent, |leg| leg).order_ref.as_str())
        };
        self.fills.iter().map(|fill| parent(fill).unwrap_or_default()).collect()
    }

    /// What it came to.
    ///
    /// # Panics
    /// When no date was run.
    pub fn summary(&self) -> Summary {
        let days = &self.days;
        let (first, last) = (days.first().expect("a date"), days.last().expect("a date"));
        let n = days.len() as f64;
        let years = n / crate::statistics::DAYS_PER_YEAR;
        let sum = |of: fn(&Day) -> f64| days.iter().map(of).sum::<f64>();
        let nav = days.iter().filter_map(|day| day.nav).map(to_f64).sum::<f64>() / n;
        let over_nav = |amount: f64| if nav > 0.0 { amount / nav } else { 0.0 };
        let (commission, slippage) = (sum(|day| day.commission), sum(|day| day.slippage));
        let count = |of: fn(&Day) -> &String| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            days.iter().for_each(|day| *counts.entry(of(day).clone()).or_default() += 1);
            counts
        };
        let mut sleeves: BTreeMap<String, f64> = BTreeMap::new();
        for (sleeve, profit) in days.iter().flat_map(|day| &day.sleeves) {
            *sleeves.entry(sleeve.clone()).or_default() += profit;
        }
        let differences = days.iter().filter_map(|day| day.difference_bp).map(f64::abs);
        Summary {
            run: self.run.clone(),
            from: first.date,
            to: last.date,
            days: days.len(),
            nav_first: self.nav_before(),
            nav_last: last.nav,
            statistics: statistics(&self.returns()).filter(|statistics| statistics.returns > 1),
            turnover_per_year: over_nav(sum(|day| day.traded)) / years,
            mean_gross: sum(|day| day.gross) / n,
            mean_net: sum(|day| day.net) / n,
            costs: Costs {
                commission,
                slippage,
                financing: sum(|day| day.financing),
                dividends: sum(|day| day.dividends),
                fees: sum(|day| day.fees),
                trading_bps_per_year: -over_nav(commission + slippage) / years * 1e4 + 0.0, // no trade costs 0, not −0
            },
            sleeves,
            regimes: count(|day| &day.regime),
            modes: count(|day| &day.mode),
            fills: self.fills.len(),
            difference_bp_max: differences.fold(0.0, f64::max),
            warnings: self.idle().into_iter().chain(self.warnings.iter().cloned()).collect(),
        }
    }
}

/// So many of something whose name takes an s.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A reference without the number of the attempt at it, which is its last part.
fn intent(order_ref: &str) -> &str {
    order_ref.rsplit_once('-').map_or(order_ref, |(intent, _)| intent)
}

/// For figures, never for books.
pub fn to_f64(amount: Decimal) -> f64 {
    rust_decimal::prelude::ToPrimitive::to_f64(&amount).unwrap_or(f64::NAN)
}
