//! The sections of `settings.yaml` that say what is held and how much.
//!
//! In: YAML. Out: plain values. Invariant: after validation every number is in the range its rule states; numbers that
//! depend on each other are checked together. Names and units are those of the file.

use super::execution::{Approval, Broker, Execution, Journal, Schedule};
use super::instruments::Instruments;
use super::monitoring::Monitoring;
use super::rules::{
    above, add_up_to_one, agrees, at_least, at_most, below, differs_from, finite, hedged_once, listed, of_this_market,
    only_dollars, only_futures, same_as, suits,
};
use super::safety::ExecutionSafety;
use super::sleeves::Sleeve;
use super::truth::{Data, Reconciliation, Watchdog};
use domain::Currency;
use garde::Validate;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything in `settings.yaml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Settings {
    /// Which kind of account is traded.
    #[garde(skip)]
    pub mode: Mode,
    /// Yearly volatility the book is scaled to; 0.12 is 12 %.
    #[garde(range(min = 0.01, max = 1.0), custom(finite))]
    pub vol_target_annual: f64,
    /// Largest long plus short notional, in multiples of NAV.
    #[garde(range(min = 0.1, max = 10.0), custom(finite))]
    pub gross_leverage_max: f64,
    /// Largest long minus short notional, in multiples of NAV.
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    #[garde(custom(at_most("gross_leverage_max", self.gross_leverage_max)))]
    pub net_leverage_max: f64,
    /// Loss from the high that forces the crisis state, as a positive fraction.
    #[garde(range(min = 0.01, max = 0.9), custom(finite))]
    #[garde(custom(same_as("hysteresis.drawdown_enter_crisis", self.hysteresis.drawdown_enter_crisis)))]
    pub max_drawdown_pct: f64,
    /// Distance from its target, relative to the target, from which an instrument trades.
    #[garde(range(min = 0.0, max = 0.5), custom(finite))]
    pub rebalance_threshold_pct: f64,
    /// Smallest distance from its target, in hundredths of a percent of NAV, from which an instrument trades.
    #[garde(range(max = 500))]
    pub rebalance_threshold_nav_bps: u32,
    /// Sub-strategies by name; their weights add up to 1.
    #[garde(custom(add_up_to_one), custom(hedged_once), dive)]
    pub sleeves: BTreeMap<String, Sleeve>,
    /// Whether one region beats the other.
    #[garde(dive)]
    pub momentum: Momentum,
    /// When the crisis playbook starts.
    #[garde(custom(agrees(self.hysteresis.vix_enter_crisis)), dive)]
    pub crisis: Crisis,
    /// Base currency, rates and hedges.
    #[garde(dive, custom(of_this_market(self.mode, &self.data.yahoo.host)))]
    pub fx: Fx,
    /// When futures are left for the next contract.
    #[garde(dive)]
    pub rolls: Rolls,
    /// Which prices are believed.
    #[garde(dive)]
    pub data: Data,
    /// Tolerances between our books and the broker's.
    #[garde(dive)]
    pub reconciliation: Reconciliation,
    /// Losses that stop the engine.
    #[garde(dive)]
    pub risk: Risk,
    /// How volatility is estimated and turned into scaling.
    #[garde(dive)]
    pub volatility: Volatility,
    /// When the regime changes.
    #[garde(dive)]
    pub hysteresis: Hysteresis,
    /// Share of the normal size held in each regime.
    #[garde(dive)]
    pub risk_states: RiskStates,
    /// Limits on single orders and single days.
    #[garde(dive)]
    pub execution_safety: ExecutionSafety,
    /// How orders are priced and timed.
    #[garde(dive)]
    pub execution: Execution,
    /// When the day runs.
    #[garde(dive)]
    pub schedule: Schedule,
    /// Where the broker is.
    #[garde(custom(suits(self.mode)), dive)]
    pub broker: Broker,
    /// Who approves a plan.
    #[garde(dive)]
    pub approval: Approval,
    /// Where the journal is kept.
    #[garde(dive)]
    pub journal: Journal,
    /// What is watched while the day's orders wait and work.
    #[garde(dive)]
    pub watchdog: Watchdog,
    /// Who is told how the engine stands.
    #[garde(dive)]
    pub monitoring: Monitoring,
}

/// Which kind of account is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The built-in gateway, no account.
    Simulated,
    /// A paper account of the broker.
    Paper,
    /// Real money.
    Live,
}

/// Momentum of a ratio of two references.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Momentum {
    /// Instrument above the line.
    #[garde(custom(listed))]
    pub numerator: String,
    /// Instrument below the line.
    #[garde(custom(listed), custom(differs_from(&self.numerator)))]
    pub denominator: String,
    /// Whether both are converted to the base currency first.
    #[garde(skip)]
    pub currency: MomentumCurrency,
    /// Days of the short moving average.
    #[garde(range(min = 2, max = 1000))]
    pub short_window_days: u32,
    /// Days of the long moving average.
    #[garde(range(min = 3, max = 2000), custom(above("short_window_days", self.short_window_days)))]
    pub long_window_days: u32,
    /// Rows over which the short average's slope is measured, both ends counted.
    #[garde(range(min = 2, max = 500))]
    pub slope_window_days: u32,
    /// Multiplier of the core sleeve at signal -1.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub regime_reduce_factor: f64,
    /// Multiplier of the core sleeve at signal -0.5.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub moderate_reduce_factor: f64,
}

/// In which currency the momentum ratio is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MomentumCurrency {
    /// Each reference as quoted.
    Local,
    /// Both in the base currency.
    Common,
}

/// When the crisis playbook starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Crisis {
    /// The volatility index that is watched.
    #[garde(custom(listed))]
    pub vix_instrument: String,
    /// Index points from which it starts.
    #[garde(range(min = 5.0, max = 200.0), custom(finite))]
    pub vix_threshold: f64,
    /// Loss of one day, as a positive share of NAV, from which it starts.
    #[garde(range(min = 0.005, max = 0.5), custom(finite))]
    pub pnl_spike_threshold_pct: f64,
}

/// Base currency, rates and hedges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Fx {
    /// Currency of NAV and limits.
    #[garde(custom(only_dollars))]
    #[schemars(with = "String")]
    pub base_currency: Currency,
    /// Share of foreign currency risk that is hedged.
    #[garde(range(min = 0.0, max = 1.5), custom(finite))]
    pub hedge_ratio: f64,
    /// The future that hedges each currency.
    #[garde(dive)]
    pub hedges: Hedges,
    /// Hedge error, as a share of NAV, that is left alone.
    #[garde(range(min = 0.0, max = 0.2), custom(finite))]
    pub band_nav_pct: f64,
    /// How foreign purchases are paid.
    #[garde(skip)]
    pub funding: Funding,
    /// Age of a rate in hours from which it is reported.
    #[garde(range(min = 1, max = 240))]
    pub warn_age_hours: u32,
    /// Age of a rate, in hours the FX market is open, from which its currency takes no new risk.
    #[garde(range(min = 1, max = 240), custom(at_least("warn_age_hours", self.warn_age_hours)))]
    pub max_age_hours: u32,
    /// Gap between three pairs, in hundredths of a percent, above which their currencies take no new risk.
    #[garde(range(min = 1, max = 500))]
    pub triangular_gap_bps: u32,
    /// Who is asked for rates besides the broker.
    #[garde(skip)]
    pub second_source: SecondSource,
    /// Gap between two sources of one moment, in hundredths of a percent, above which a currency takes no new risk.
    #[garde(range(min = 1, max = 500))]
    pub source_gap_bps: u32,
    /// Move of a rate, as a fraction, above which it waits for confirmation.
    #[garde(range(min = 0.01, max = 1.0), custom(finite))]
    pub max_jump: f64,
    /// Exposure to a currency without a hedge contract, as a share of NAV, above which it takes no new risk.
    #[garde(range(min = 0.0, max = 0.2), custom(finite))]
    pub unhedged_max_nav_pct: f64,
}

/// Who is asked for rates besides the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondSource {
    /// Nobody: the account's rate is compared with the close of the broker's own pair.
    None,
    /// Yahoo's charts of the pairs that have a `yahoo_symbol`.
    Yahoo,
}

/// How foreign purchases are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// Foreign cash goes negative and costs interest.
    Borrow,
}

/// The future that hedges each foreign currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "BTreeMap<String, String>")]
pub struct Hedges(pub BTreeMap<Currency, String>);

/// When futures are left for the next contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Rolls {
    /// Trading days before the last one, or before first notice of delivery, by which a contract is gone.
    #[garde(range(min = 1, max = 20))]
    pub deadline_sessions: u32,
    /// Trading days before that at which the roll starts.
    #[garde(range(min = 1, max = 20))]
    pub start_sessions: u32,
    /// Dates on which the broker itself closes positions of a future, by its name.
    #[garde(custom(only_futures))]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub broker_close_out: BTreeMap<String, Vec<Date>>,
}

/// How volatility is estimated and turned into scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Volatility {
    /// Whose returns are measured.
    #[garde(skip)]
    pub source: VolatilitySource,
    /// Share of the exponentially weighted estimate; the rest is the rolling one.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub vol_blend_weight: f64,
    /// Span of the exponential weights, in days.
    #[garde(range(min = 2, max = 500))]
    pub ewma_span: u32,
    /// Length of the rolling window, in days.
    #[garde(range(min = 2, max = 1000))]
    pub rolling_window: u32,
    /// Yearly volatility below which no estimate is believed.
    #[garde(range(min = 0.01, max = 1.0), custom(finite))]
    pub vol_floor: f64,
    /// Returns from which the estimate is complete.
    #[garde(range(min = 2, max = 1000))]
    pub min_observations: u32,
    /// Largest scaling while it is not.
    #[garde(range(min = 0.0, max = 5.0), custom(finite), custom(at_most("vol_scale_max", self.vol_scale_max)))]
    pub degraded_scale_max: f64,
    /// Largest scaling at all.
    #[garde(range(min = 0.0, max = 5.0), custom(finite))]
    pub vol_scale_max: f64,
}

/// Whose returns the volatility estimate measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolatilitySource {
    /// The strategy at constant size, so that scaling does not feed back into its own estimate.
    UnitStrategy,
    /// The account as it was scaled; its first returns come with its first days, so it starts at the degraded scaling.
    Realized,
}

/// Levels of caution, calmest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Calm.
    Normal,
    /// Calming down after an elevated phase.
    Recovery,
    /// Nervous.
    Elevated,
    /// The worst.
    Crisis,
}

/// Losses that stop the engine, as positive fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Risk {
    /// Loss of one day that is worth an alert.
    #[garde(range(min = 0.001, max = 1.0), custom(finite))]
    pub day_loss_alert: f64,
    /// Loss of one day after which only risk is reduced, until a person resumes.
    #[garde(range(min = 0.001, max = 1.0), custom(finite), custom(at_least("day_loss_alert", self.day_loss_alert)))]
    pub day_loss_reduce_only: f64,
    /// Loss of one day after which nothing is sent, until a person resumes.
    #[garde(range(min = 0.001, max = 1.0), custom(finite))]
    #[garde(custom(at_least("day_loss_reduce_only", self.day_loss_reduce_only)))]
    pub day_loss_cancel_only: f64,
    /// Loss from the high at which everything is closed; null for no such line.
    #[garde(inner(range(min = 0.01, max = 0.9), custom(finite)))]
    pub hard_stop_drawdown: Option<f64>,
    /// Days of returns from which the report measures tail losses, the fit of pairs and what each sleeve adds.
    #[garde(range(min = 100, max = 1000))]
    pub report_days: u32,
}

/// When the regime changes. Losses are positive fractions from the high.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Hysteresis {
    /// Consecutive trade dates the same new regime must be seen.
    #[garde(range(min = 1, max = 60))]
    pub regime_persistence_days: u32,
    /// Regimes entered without that wait.
    #[garde(skip)]
    pub escalate_immediately: Vec<Regime>,
    /// VIX from which the regime is elevated.
    #[garde(range(min = 5.0, max = 200.0), custom(finite))]
    pub vix_enter_elevated: f64,
    /// VIX below which it may leave.
    #[garde(range(min = 5.0, max = 200.0), custom(finite), custom(below("vix_enter_elevated", self.vix_enter_elevated)))]
    pub vix_exit_elevated: f64,
    /// VIX from which the regime is a crisis.
    #[garde(range(min = 5.0, max = 200.0), custom(finite), custom(above("vix_enter_elevated", self.vix_enter_elevated)))]
    pub vix_enter_crisis: f64,
    /// VIX below which it may leave.
    #[garde(range(min = 5.0, max = 200.0), custom(finite), custom(below("vix_enter_crisis", self.vix_enter_crisis)))]
    pub vix_exit_crisis: f64,
    /// Loss from which the regime is elevated.
    #[garde(range(min = 0.005, max = 0.9), custom(finite))]
    pub drawdown_enter_elevated: f64,
    /// Loss below which it may leave for normal.
    #[garde(range(min = 0.0, max = 0.9), custom(finite), custom(below("drawdown_enter_elevated", self.drawdown_enter_elevated)))]
    pub drawdown_exit_elevated: f64,
    /// Loss from which the regime is a crisis.
    #[garde(range(min = 0.01, max = 0.9), custom(finite), custom(above("drawdown_enter_elevated", self.drawdown_enter_elevated)))]
    pub drawdown_enter_crisis: f64,
    /// Loss below which it may leave.
    #[garde(range(min = 0.0, max = 0.9), custom(finite), custom(below("drawdown_enter_crisis", self.drawdown_enter_crisis)))]
    pub drawdown_exit_crisis: f64,
}

/// Share of the normal size held in each regime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct RiskStates {
    /// In calm markets.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub normal: f64,
    /// After an elevated phase.
    #[garde(range(min = 0.0, max = 1.0), custom(finite), custom(at_most("normal", self.normal)))]
    pub recovery: f64,
    /// In nervous markets.
    #[garde(range(min = 0.0, max = 1.0), custom(finite), custom(at_most("recovery", self.recovery)))]
    pub elevated: f64,
    /// In a crisis.
    #[garde(range(min = 0.0, max = 1.0), custom(finite), custom(at_most("elevated", self.elevated)))]
    pub crisis: f64,
}
