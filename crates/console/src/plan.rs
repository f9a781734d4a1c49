//! A stored plan, ready to be shown.
//!
//! In: what a plan would do, counted by whoever read it. Out: data for JSON, a page for a terminal; the dashboard makes its own
//! of the same data. Invariant: shows, and adds up nothing; what is estimated is named so.

mod page;

pub use page::page;
pub(crate) use page::{money, percent};

use rust_decimal::Decimal;
use serde::Serialize;

/// A plan of one trade date.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PlanPage {
    /// Trade date.
    pub date: String,
    /// Content hash: what is approved.
    pub plan_hash: String,
    /// When it was decided.
    pub decided_at: String,
    /// Base currency.
    pub base: String,
    /// NAV on the marks of the plan; `None` when a held contract has none.
    pub nav: Option<Decimal>,
    /// Operating mode.
    pub mode: String,
    /// Regime.
    pub regime: String,
    /// What the sleeves' weights are multiplied with.
    pub scale: f64,
    /// Who has approved it, or what is in the way.
    pub approval: Approval,
    /// Target against current.
    pub targets: Vec<Target>,
    /// What would be sent.
    pub orders: Vec<Order>,
    /// How long it takes to the targets.
    pub schedule: Vec<DayAhead>,
    /// Cushion before and after.
    pub margin: Margin,
    /// What trading is expected to cost.
    pub costs: Costs,
    /// How much of each limit the plan uses.
    pub limits: Vec<Limit>,
    /// Currencies.
    pub hedges: Vec<Hedge>,
    /// What a person should know before saying yes.
    pub warnings: Vec<String>,
}

/// Who has approved a plan, or what is in the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Approval {
    /// `by rule`, `by NAME`, `rejected by NAME`, `waits`.
    pub status: String,
    /// What became of it: `not sent`, `under way`, `over`.
    pub progress: String,
    /// True while a person can approve or reject it: nothing was sent, and its day is not over.
    pub open: bool,
    /// Codes and sentences of what the rules object to.
    pub objections: Vec<(String, String)>,
}

/// One contract: target against current.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Target {
    /// Contract.
    pub instrument: String,
    /// Weight over all sleeves, before scaling.
    pub weight: f64,
    /// Wanted value in base currency.
    pub target_value: f64,
    /// Held now.
    pub held: String,
    /// Held at the target.
    pub wanted: String,
    /// Change today.
    pub today: String,
    /// Codes of what keeps it from going further today.
    pub held_back_by: Vec<String>,
}

/// An order that would be sent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Order {
    /// Reference of its first attempt.
    pub order_ref: String,
    /// Contract.
    pub instrument: String,
    /// `BUY` or `SELL`.
    pub side: String,
    /// How much.
    pub quantity: String,
    /// What for.
    pub purpose: String,
    /// In base currency, at the plan's mark.
    pub value: f64,
    /// When its window opens; `None` without one.
    pub opens: Option<String>,
    /// And closes.
    pub closes: Option<String>,
    /// Estimate in basis points of its value.
    pub expected_cost_bps: f64,
    /// And in base currency.
    pub expected_cost: f64,
}

/// What would be done on a day, at today's prices and targets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DayAhead {
    /// 1 is the plan's own.
    pub day: usize,
    /// What is added, as a fraction of NAV.
    pub adds: f64,
    /// What is left after it.
    pub left: f64,
}

/// The cushion in base currency, before and after the day's increases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Margin {
    /// Above the maintenance margin, as the broker says it.
    pub excess_before: Option<f64>,
    /// The same as a fraction of NAV.
    pub excess_before_of_nav: Option<f64>,
    /// What the broker says that the increases take.
    pub needed: f64,
    /// What is left.
    pub excess_after: Option<f64>,
    /// The same as a fraction of NAV.
    pub excess_after_of_nav: Option<f64>,
}

/// Estimated costs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Costs {
    /// In base currency.
    pub expected: f64,
    /// In basis points of what is traded.
    pub expected_bps: f64,
}

/// A limit of the gate beside what the plan comes to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Limit {
    /// Code of the check.
    pub code: String,
    /// The limit in force.
    pub limit: String,
    /// What this plan uses of it.
    pub now: String,
    /// What the check does.
    pub does: String,
}

/// One currency.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Hedge {
    /// Currency.
    pub currency: String,
    /// After the day's orders, in the currency.
    pub exposure: f64,
    /// Hedge contracts now.
    pub contracts_held: i64,
    /// And wanted.
    pub contracts_wanted: i64,
    /// Of which contract; `None` when none can be traded.
    pub contract: Option<String>,
    /// What a rise of the currency by 1 % does to NAV with the hedge that is held, in base currency.
    pub one_percent_before: f64,
    /// And with the hedge wanted.
    pub one_percent_after: f64,
}
