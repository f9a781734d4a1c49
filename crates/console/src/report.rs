//! A day as data: what `--json` prints and the journal keeps.
//!
//! In: plan, session, final snapshot. Out: one serialisable value. Invariant: money is text; every
//! number is the one the engine used, not one computed again for show.

use crate::costs::DayCosts;
use crate::hedges::HedgeBook;
use crate::reconciliation::Difference;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The report of one trade date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayReport {
    /// Trade date.
    pub date: String,
    /// True when an earlier run had already finished this date: nothing was sent, this is its report.
    pub already_done: bool,
    /// True when the plan was made by an earlier run and finished by a later one.
    pub resumed: bool,
    /// Net asset value after the day, in base currency; `None` when it could not be valued.
    pub nav: Option<Decimal>,
    /// The broker's net liquidation value at the same moment; `None` when it told none.
    pub nlv: Option<Decimal>,
    /// NAV − NLV in basis points; `None` when one of them is unknown.
    pub difference_bp: Option<f64>,
    /// NAV the plan was decided on.
    pub nav_at_plan: Option<Decimal>,
    /// Base currency.
    pub base: String,
    /// Long plus short notional after the day.
    pub gross: Decimal,
    /// Long minus short notional after the day.
    pub net: Decimal,
    /// Gross over NAV.
    pub gross_of_nav: f64,
    /// Net over NAV.
    pub net_of_nav: f64,
    /// Operating mode after the day.
    pub mode: String,
    /// Regime in force.
    pub regime: String,
    /// Regime change under way and its days so far, such as `ELEVATED 2`.
    pub pending: Option<String>,
    /// Annual volatility that scaling goes by, floored.
    pub vol: Option<f64>,
    /// Quality of that estimate.
    pub vol_quality: String,
    /// Target over volatility.
    pub vol_scale: f64,
    /// Factor of the regime.
    pub state_factor: f64,
    /// Spread momentum signal.
    pub momentum: Option<f64>,
    /// Its factor on the sleeves that follow it.
    pub momentum_factor: f64,
    /// The factor on all weights.
    pub scale: f64,
    /// Volatility index close the plan saw.
    pub vix: Option<f64>,
    /// Drawdown on unit value the plan saw.
    pub drawdown: f64,
    /// Value of one unit, 1 at inception, at the plan.
    pub unit_value: f64,
    /// Return of unit value since the plan before.
    pub daily_return: f64,
    /// Money put in or taken out since the plan before, in base currency.
    pub flows: Decimal,
    /// What else risk found, and what follows from it.
    #[serde(default)]
    pub risk: RiskReport,
    /// SHA-256 of the plan.
    pub plan_hash: String,
    /// The fourteen steps.
    pub steps: Vec<Step>,
    /// Targets of everything that is held or wanted.
    pub targets: Vec<Target>,
    /// The day's orders.
    pub orders: Vec<Order>,
    /// What they cost.
    #[serde(default)]
    pub costs: DayCosts,
    /// Currency hedges.
    pub hedges: Vec<Hedge>,
    /// Tail hedges after the day; `None` for a strategy without any.
    #[serde(default)]
    pub tail_hedges: Option<HedgeBook>,
    /// Positions after the day, ours and the broker's.
    pub positions: Vec<Position>,
    /// What a person should look at: changes of the mode with their reasons, what was booked without an order of ours,
    /// and every difference the last reconciliation found.
    #[serde(default)]
    pub alerts: Vec<String>,
    /// Marks and rates that were used with a reservation, as sentences.
    pub doubts: Vec<String>,
    /// What each sleeve earned.
    pub sleeves: Vec<SleeveResult>,
    /// What the last reconciliation of the day found, cause by cause.
    pub differences: Vec<Difference>,
    /// Everything refused or cut, as code and sentence.
    pub refusals: Vec<Refused>,
    /// Where the journal is.
    pub journal: String,
    /// Head of the journal's chain when the day was closed, `seq:hash`: what `journal verify --head` takes. It is no part
    /// of the record it is the hash of.
    #[serde(default)]
    pub journal_head: Option<String>,
}

/// What risk found beside volatility and regime, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskReport {
    /// The book is held at the size of CRISIS.
    pub emergency_derisk: bool,
    /// Momentum holds the core sleeve smaller.
    pub reduce_core_exposure: bool,
    /// What momentum and state leave of the core sleeve.
    pub reduce_factor: f64,
    /// Hedge premium accrues at the stressed rate.
    pub increase_hedges: bool,
    /// Caps that bound, such as `gross`.
    pub caps_bound: Vec<String>,
    /// Sentences for a person.
    pub warnings: Vec<String>,
    /// Loss of one day that 99 % of days stay below, as a share of NAV at today's scale.
    pub value_at_risk: Option<f64>,
    /// Mean loss of the days beyond it.
    pub expected_shortfall: Option<f64>,
    /// Days both are measured from.
    pub days: usize,
    /// Gross without the currency hedges, over NAV: what the cap limits.
    pub gross_capped_of_nav: f64,
    /// Net likewise.
    pub net_capped_of_nav: f64,
    /// By sleeve.
    pub sleeves: Vec<SleeveRisk>,
}

/// What a sleeve does to the risk of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleeveRisk {
    /// Its name.
    pub sleeve: String,
    /// What it adds to the annual volatility at today's scale; the sleeves add up.
    pub volatility: Option<f64>,
    /// Return of its long side per return of its short side.
    pub beta: Option<f64>,
    /// Their correlation.
    pub correlation: Option<f64>,
    /// Volatility of the long side over that of the short one, less 1.
    pub volatility_mismatch: Option<f64>,
}

/// One of the fourteen steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub number: u8,
    /// Its name.
    pub name: String,
    /// `done`, `warned`, `stopped` or `not configured`.
    pub outcome: String,
    /// What it found.
    pub detail: String,
}

/// One row of the plan's table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Contract name.
    pub instrument: String,
    /// Sleeves that want it.
    pub sleeves: Vec<String>,
    /// Σ weights before scaling.
    pub weight: f64,
    /// Target value in base currency.
    pub target_value: f64,
    /// Held before the day.
    pub held: String,
    /// Wanted.
    pub wanted: String,
    /// Scheduled for today.
    pub today: String,
}

/// One order of the plan with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Reference of the first order sent for it; what it would have been when nothing was sent.
    pub order_ref: String,
    /// Contract name.
    pub instrument: String,
    /// Sleeves it trades for.
    pub sleeves: Vec<String>,
    /// `BUY` or `SELL`.
    pub side: String,
    /// Planned quantity.
    pub quantity: String,
    /// Why it exists.
    pub purpose: String,
    /// What called for it, when it was not in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Last limit sent.
    pub limit: Option<String>,
    /// Executed quantity.
    pub filled: String,
    /// Volume-weighted average price.
    pub average_price: Option<String>,
    /// Mid when it was let out.
    pub arrival: Option<String>,
    /// How it stands.
    pub status: String,
    /// Cost against the arrival mid, positive when paid.
    pub slippage_bps: Option<f64>,
    /// Orders sent for it.
    pub children: usize,
}

/// One currency hedge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hedge {
    /// Currency.
    pub currency: String,
    /// Exposure in that currency after the day's orders.
    pub exposure: f64,
    /// What the held contracts leave, in base currency.
    pub residual: f64,
    /// What is left alone, in base currency.
    pub band: f64,
    /// Contracts before.
    pub held: i64,
    /// Contracts wanted.
    pub wanted: i64,
}

/// A position on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Contract name.
    pub instrument: String,
    /// Our ledger.
    pub ours: String,
    /// The broker.
    pub broker: String,
    /// Mark in the contract's currency.
    pub mark: String,
    /// Sleeves that hold it, with how much.
    pub sleeves: Vec<String>,
    /// The contract's currency.
    pub currency: String,
    /// Quantity × mark × multiplier in base currency, of an option delta × the value of what it is written on; `None`
    /// without a mark or a rate.
    pub notional: Option<Decimal>,
    /// Unrealised profit against average cost, in the contract's currency.
    pub unrealised: Option<Decimal>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Stable code.
    pub code: String,
    /// What happened, what it means, what happens next.
    pub sentence: String,
}

/// Profit of one sleeve, in base currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleeveResult {
    /// Its name.
    pub sleeve: String,
    /// Since the day before.
    pub today: Decimal,
    /// Since the books were opened.
    pub cumulative: Decimal,
}
