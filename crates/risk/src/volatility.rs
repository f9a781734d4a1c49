//! Volatility of the strategy and the scale it allows.
//!
//! In: daily returns, of the strategy at scale 1 or of the account. Out: blended, floored annual volatility and
//! `vol_scale`. Invariant: short or missing history scales down, never up.

use market::statistics::{EwmaDeviation, Window, annualised};
use serde::{Deserialize, Serialize};

/// Whose returns the estimate is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnsOf {
    /// The strategy at scale 1: scaling does not feed back into its own estimate.
    #[default]
    UnitStrategy,
    /// The account: what NAV, without deposits and withdrawals, made of each trade date, at the scale it had.
    Account,
}

/// How volatility is estimated and targeted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolatilityPolicy {
    /// Whose returns it takes in.
    #[serde(default)]
    pub source: ReturnsOf,
    /// Annual volatility the book aims at.
    pub target: f64,
    /// Lowest volatility ever assumed.
    pub floor: f64,
    /// Span of the exponential estimate, in days.
    pub ewma_span: u32,
    /// Days of the plain estimate.
    pub rolling_window: usize,
    /// Weight of the exponential estimate; the rest goes to the plain one.
    pub ewma_weight: f64,
    /// Largest `vol_scale`.
    pub scale_max: f64,
    /// Returns below which the estimate is degraded.
    pub observations_min: usize,
    /// Largest `vol_scale` while degraded.
    pub degraded_scale_max: f64,
}

/// How far an estimate can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Enough recent returns.
    Valid,
    /// Too few returns: trades, smaller.
    Degraded,
    /// No estimate: no new risk.
    Invalid,
}

/// One day's estimate, annual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolatilityEstimate {
    /// Exponential part.
    pub ewma: Option<f64>,
    /// Plain part.
    pub rolling: Option<f64>,
    /// Weighted mean of the two.
    pub blended: Option<f64>,
    /// The blend, not below the floor.
    pub floored: Option<f64>,
    /// target / floored, clipped; 0 when invalid.
    pub vol_scale: f64,
    /// Whether it may be used.
    pub quality: Quality,
}

/// Running state of the estimate.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct VolatilityEstimator {
    ewma: EwmaDeviation,
    recent: Window,
    observations: usize,
}

impl Clone for VolatilityEstimator {
    fn clone(&self) -> Self {
        VolatilityEstimator { ewma: self.ewma, recent: self.recent.clone(), observations: self.observations }
    }

    fn clone_from(&mut self, source: &Self) {
        self.ewma = source.ewma;
        self.recent.clone_from(&source.recent);
        self.observations = source.observations;
    }
}

impl VolatilityEstimator {
    /// No return seen yet.
    pub fn new(policy: &VolatilityPolicy) -> Self {
        VolatilityEstimator {
            ewma: EwmaDeviation::with_span(policy.ewma_span),
            recent: Window::new(policy.rolling_window),
            observations: 0,
        }
    }

    /// Takes the return of one day.
    pub fn push(&mut self, daily_return: f64) {
        self.ewma.push(daily_return);
        self.recent.push(daily_return);
        self.observations += 1;
    }

    /// Returns seen so far.
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// The estimate after the last return.
    pub fn estimate(&self, policy: &VolatilityPolicy) -> VolatilityEstimate {
        let ewma = self.ewma.deviation().map(annualised);
        let rolling = self.recent.sample_deviation().map(annualised);
        let blended = ewma.zip(rolling).map(|(e, r)| policy.ewma_weight * e + (1.0 - policy.ewma_weight) * r);
        // The larger of no number and the floor would be the floor.
        let floored = blended.filter(|v| v.is_finite()).map(|v| v.max(policy.floor));
        let quality = match floored {
            None => Quality::Invalid,
            Some(_) if self.observations < policy.observations_min => Quality::Degraded,
            Some(_) => Quality::Valid,
        };
        let unlimited = floored.map_or(0.0, |v| (policy.target / v).clamp(0.0, policy.scale_max));
        let vol_scale = match quality {
            Quality::Degraded => unlimited.min(policy.degraded_scale_max),
            Quality::Valid | Quality::Invalid => unlimited,
        };
        VolatilityEstimate { ewma, rolling, blended, floored, vol_scale, quality }
    }
}

#[cfg(test)]
mod tests;
