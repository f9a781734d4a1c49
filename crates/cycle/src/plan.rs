//! The plan: one table, one risk decision, one numbered list of orders.
//!
//! In: what each step of the decision found. Out: columns in which every number reproduces the next.
//! Invariant: complete and immutable once stored; refusals are data, sentences are made from them.

use crate::decide::Shift;
use crate::{Memory, Setup};
use domain::{BaseMoney, ContractId, PerContract, Quantity, SleeveId};
use execution::PlannedOrder;
use jiff::Timestamp;
use jiff::civil::Date;
use risk::gate::{DayFacts, Refusal};
use risk::scaling::Bound;
use risk::{Alarm, Measures, Mode, Quality, Reconciliation, Regime, Verdict};
use serde::{Deserialize, Serialize};
use strategy::{HedgeDecision, HedgePlan};

/// A row per contract, a column per step. Values are in base currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanTable {
    /// Price of one unit: mark × multiplier × rate.
    pub unit_price: PerContract<f64>,
    /// Exposure of one unit to the market: its price, of an option delta × the underlying's, so negative for a put.
    pub exposure: PerContract<f64>,
    /// Σ sleeve weights, momentum included, before scaling.
    pub weight: PerContract<f64>,
    /// weight × scale × NAV.
    pub target_value: PerContract<f64>,
    /// Held quantity × unit price.
    pub held_value: PerContract<f64>,
    /// Quantity all sleeves together ask for, in lots, before what one contract can take.
    #[serde(default)]
    pub netted: PerContract<Quantity>,
    /// Quantity the book should hold, in lots.
    pub wanted: PerContract<Quantity>,
    /// Part of the way from held to wanted that another contract of its chain gives up: it adds no exposure.
    #[serde(default)]
    pub rolled: PerContract<Quantity>,
    /// Change the gate and the schedule leave for today.
    pub scheduled: PerContract<Quantity>,
    /// Checks that stopped or cut the row.
    pub verdict: PerContract<Verdict>,
}

impl PlanTable {
    fn sized(contracts: usize) -> PlanTable {
        PlanTable {
            unit_price: PerContract::filled(0.0, contracts),
            exposure: PerContract::filled(0.0, contracts),
            weight: PerContract::filled(0.0, contracts),
            target_value: PerContract::filled(0.0, contracts),
            held_value: PerContract::filled(0.0, contracts),
            netted: PerContract::filled(Quantity::ZERO, contracts),
            wanted: PerContract::filled(Quantity::ZERO, contracts),
            rolled: PerContract::filled(Quantity::ZERO, contracts),
            scheduled: PerContract::filled(Quantity::ZERO, contracts),
            verdict: PerContract::filled(Verdict::default(), contracts),
        }
    }

    /// Empties the columns that are added to; every day writes all of the others.
    fn clear(&mut self) {
        self.weight.fill(0.0);
        self.rolled.fill(Quantity::ZERO);
        self.scheduled.fill(Quantity::ZERO);
        self.verdict.fill(Verdict::default());
    }
}

/// Number of a want that no order serves: sleeves cross it inside, at the mark.
pub const CROSSED: u16 = 0;

/// What one sleeve wants of an order, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Number of the order, or [`CROSSED`].
    pub order: u16,
    /// What.
    pub contract: ContractId,
    /// Who.
    pub sleeve: SleeveId,
    /// How much.
    pub quantity: Quantity,
}

/// Two orders of the plan that are the legs of one pair, and what may be sent when they do not fill together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairPlan {
    /// The sleeve that wants both.
    pub sleeve: String,
    /// Long and short.
    pub legs: [PairLeg; 2],
}

/// One leg of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairLeg {
    /// Number of its order.
    pub order: u16,
    /// Base currency of one unit.
    pub unit_price: f64,
    /// From and up to which executed quantity of its order the pair is about, positive: a roll is filled first, and a pair
    /// of a sleeve is about what is beyond it. `None` for all of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<[Quantity; 2]>,
    /// The future that may stand in for it; `None` when none is configured, can trade today, or fits under the caps.
    pub hedge: Option<StandIn>,
}

/// Two orders of a roll that are first worked as one calendar spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadPlan {
    /// Number of the order in the contract that ends first, which it closes.
    pub near: u16,
    /// Number of the order in the contract that takes its place.
    pub far: u16,
    /// What both have in common, positive: the rest of either goes alone.
    pub quantity: Quantity,
}

/// A side of a sleeve that waits for the other one, of which nothing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPlan {
    /// Numbers of the orders that open the side.
    pub orders: Vec<u16>,
    /// Numbers of those that open the other side: with one of them out the side may start.
    pub with: Vec<u16>,
}

/// A future that may stand in for a leg.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandIn {
    /// Which.
    pub contract: ContractId,
    /// Most contracts, positive.
    pub quantity_max: Quantity,
    /// Base currency of one contract.
    pub unit_price: f64,
}

/// What risk made of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskDecision {
    /// Estimated annual volatility of the unit strategy, floored; `None` without an estimate.
    pub vol: Option<f64>,
    /// Whether the estimate may be used.
    pub quality: Quality,
    /// Target over volatility, clipped.
    pub vol_scale: f64,
    /// Drawdown on unit value.
    pub drawdown: f64,
    /// Volatility index close the regime saw.
    pub vix: Option<f64>,
    /// Regime in force.
    pub regime: Regime,
    /// Change under way, with its days so far.
    pub pending: Option<(Regime, u32)>,
    /// Exposure factor of the regime.
    pub state_factor: f64,
    /// Spread momentum signal.
    pub momentum: Option<f64>,
    /// Its factor on the sleeves that follow it.
    pub momentum_factor: f64,
    /// The one factor on all weights.
    pub scale: f64,
    /// What limited it.
    pub bound: Bound,
    /// What follows from it all, and what a person should know.
    #[serde(default)]
    pub measures: Measures,
    /// Losses that crossed a line.
    pub alarms: Vec<Alarm>,
}

/// A day's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayPlan {
    /// Trade date.
    pub date: Date,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Our NAV on the marks; `None` when a held contract could not be valued.
    pub nav: Option<BaseMoney>,
    /// Comparison with the broker, when there is one.
    pub reconciliation: Option<Reconciliation>,
    /// Mode of the day: looser than before only where the reconciliation clears its own HALT.
    pub mode: Mode,
    /// What it would be without a HALT of the reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_halt: Option<Mode>,
    /// A person wants every position closed: targets are zero.
    pub flatten: bool,
    /// Facts every order of the day is checked against.
    pub facts: DayFacts,
    /// Risk decision.
    pub risk: RiskDecision,
    /// The table.
    pub table: PlanTable,
    /// Currency hedges, one per configured currency.
    pub hedges: Vec<HedgeDecision>,
    /// Tail hedges: what is sold, rolled and bought, and why nothing else.
    #[serde(default)]
    pub tail_hedges: HedgePlan,
    /// Sleeves (by position in the policy) that hold what they have today.
    pub held_back: Vec<usize>,
    /// Weights that went elsewhere, because a leg cannot be had.
    #[serde(default)]
    pub shifts: Vec<Shift>,
    /// Orders, most urgent first.
    pub orders: Vec<PlannedOrder>,
    /// What each sleeve wants of them.
    pub wants: Vec<Want>,
    /// Which of them are legs of a pair.
    #[serde(default)]
    pub pairs: Vec<PairPlan>,
    /// Which of them go as a calendar spread first.
    #[serde(default)]
    pub spreads: Vec<SpreadPlan>,
    /// Which of them open a side of a sleeve and wait for the other side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<StartPlan>,
    /// Everything that was refused or cut.
    pub refusals: Vec<Refusal>,
    /// State for the next decision.
    pub memory: Memory,
}

impl DayPlan {
    /// Numbers of the orders that are worked with another one: legs of pairs and of spreads, sides that start together.
    pub(crate) fn company(&self) -> impl Iterator<Item = u16> {
        let pairs = self.pairs.iter().flat_map(|pair| &pair.legs).map(|leg| leg.order);
        let starts = self.starts.iter().flat_map(|start| start.orders.iter().chain(&start.with)).copied();
        pairs.chain(self.spreads.iter().flat_map(|spread| [spread.near, spread.far])).chain(starts)
    }

    /// An empty plan with room for the universe; `decide_into` overwrites it.
    pub fn empty(setup: &Setup) -> DayPlan {
        DayPlan {
            date: Date::MIN,
            decided_at: Timestamp::MIN,
            nav: None,
            reconciliation: None,
            mode: Mode::Frozen,
            before_halt: None,
            flatten: false,
            facts: DayFacts {
                nav: 0.0,
                rates: Default::default(),
                frozen: Vec::new(),
                no_increase: Vec::new(),
                price_max: Vec::new(),
            },
            risk: RiskDecision {
                vol: None,
                quality: Quality::Invalid,
                vol_scale: 0.0,
                drawdown: 0.0,
                vix: None,
                regime: Regime::Normal,
                pending: None,
                state_factor: 0.0,
                momentum: None,
                momentum_factor: 0.0,
                scale: 0.0,
                bound: Bound::Target,
                measures: Measures::default(),
                alarms: Vec::new(),
            },
            table: PlanTable::sized(setup.universe.contract_count()),
            hedges: Vec::new(),
            tail_hedges: HedgePlan::default(),
            held_back: Vec::new(),
            shifts: Vec::new(),
            orders: Vec::new(),
            wants: Vec::new(),
            pairs: Vec::new(),
            spreads: Vec::new(),
            starts: Vec::new(),
            refusals: Vec::new(),
            memory: Memory::new(setup),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.hedges.clear();
        self.held_back.clear();
        self.shifts.clear();
        self.orders.clear();
        self.wants.clear();
        self.pairs.clear();
        self.spreads.clear();
        self.starts.clear();
        self.refusals.clear();
        self.facts.frozen.clear();
        self.risk.alarms.clear();
        self.facts.no_increase.clear();
        self.facts.price_max.clear();
        self.tail_hedges.clear();
    }
}
