//! What risk would have made of a history of returns.
//!
//! In: daily returns of the unit strategy, VIX closes by date, the policies of a run. Out: one row per return
//! date, every number between the return and the state factor. Invariant: the estimators of the trading day,
//! fed in the same order; a row knows nothing of a later one.

use crate::{Performance, Regime, RegimePolicy, RegimeState, VolatilityEstimator, VolatilityPolicy};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// One return date. Volatilities are annual; what is not defined yet is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReplayRow {
    /// The date of the return.
    pub date: Date,
    /// Exponentially weighted volatility, from the second return on.
    pub ewma_vol: Option<f64>,
    /// Plain volatility of the last full window.
    pub rolling_vol: Option<f64>,
    /// The weighted mean of both, the plain one over the returns there are.
    pub blended_vol: Option<f64>,
    /// The blend, not below the floor.
    pub floored_vol: Option<f64>,
    /// Target over volatility, clipped; the rule for short histories left out.
    pub vol_scale: Option<f64>,
    /// Loss from the highest compounded value, which starts at 1 before the first return; zero or negative.
    pub drawdown: f64,
    /// What the regime table would move to.
    pub candidate: Option<Regime>,
    /// Regime in force after the date.
    pub regime: Regime,
    /// Consecutive dates the change under way has been seen, 0 without one.
    pub pending_days: u32,
    /// Exposure factor after the date.
    pub state_factor: f64,
}

/// Replays returns, oldest first. A date without a VIX keeps its regime.
pub fn replay(
    returns: &[(Date, f64)],
    vix: &BTreeMap<Date, f64>,
    volatility: &VolatilityPolicy,
    regime: &RegimePolicy,
) -> Vec<ReplayRow> {
    let volatility = VolatilityPolicy { observations_min: 0, ..volatility.clone() };
    let mut estimator = VolatilityEstimator::new(&volatility);
    let mut performance = Performance::default();
    let mut state = RegimeState::default();
    let row = |&(date, daily_return): &(Date, f64)| {
        estimator.push(daily_return);
        performance = performance.earn(daily_return);
        let estimate = estimator.estimate(&volatility);
        let drawdown = performance.drawdown();
        let vix = vix.get(&date).copied();
        let candidate = vix.and_then(|vix| regime.candidate(state.regime, vix, drawdown));
        state = state.advance(vix, true, drawdown, regime);
        ReplayRow {
            date,
            ewma_vol: estimate.ewma,
            rolling_vol: estimate.rolling.filter(|_| estimator.observations() >= volatility.rolling_window),
            blended_vol: estimate.blended,
            floored_vol: estimate.floored,
            vol_scale: estimate.floored.map(|_| estimate.vol_scale),
            drawdown,
            candidate,
            regime: state.regime,
            pending_days: state.pending.map_or(0, |(_, days)| days),
            state_factor: regime.state_factor(state.regime, drawdown),
        }
    };
    returns.iter().map(row).collect()
}
