//! The regime: one table with hysteresis.
//!
//! In: VIX close and drawdown, once per trade date. Out: the regime, a pending change, a factor.
//! Invariant: CRISIS is entered at once, left one level at a time; every other change needs the same
//! candidate on consecutive trade dates; a missing VIX keeps the regime.

use serde::{Deserialize, Serialize};

/// Risk regime, by rising severity of what it does to exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Regime {
    /// Nothing unusual.
    Normal,
    /// On the way out of ELEVATED with a drawdown not yet regained.
    Recovery,
    /// Stress: less risk.
    Elevated,
    /// Crisis: little risk.
    Crisis,
}

impl Regime {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Regime::Normal => "NORMAL",
            Regime::Recovery => "RECOVERY",
            Regime::Elevated => "ELEVATED",
            Regime::Crisis => "CRISIS",
        }
    }

    /// The code of the `regime` metric.
    pub fn code(self) -> u8 {
        match self {
            Regime::Normal => 0,
            Regime::Elevated => 1,
            Regime::Crisis => 2,
            Regime::Recovery => 3,
        }
    }
}

/// Thresholds of the table. VIX in points, drawdowns as positive fractions lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegimePolicy {
    /// VIX at and above which stress begins.
    pub vix_enter_elevated: f64,
    /// VIX below which stress ends.
    pub vix_exit_elevated: f64,
    /// VIX at and above which a crisis begins.
    pub vix_enter_crisis: f64,
    /// VIX below which a crisis ends.
    pub vix_exit_crisis: f64,
    /// Loss from the peak at which stress begins.
    pub drawdown_enter_elevated: f64,
    /// Loss from the peak at which a crisis begins.
    pub drawdown_enter_crisis: f64,
    /// Loss from the peak under which a crisis ends.
    pub drawdown_exit_crisis: f64,
    /// Loss from the peak under which stress ends.
    pub drawdown_exit_elevated: f64,
    /// Consecutive trade dates with the same candidate before a change.
    pub persistence_days: u32,
    /// Regimes entered without that delay.
    pub escalate_immediately: Vec<Regime>,
    /// Exposure factors of NORMAL, RECOVERY, ELEVATED, CRISIS.
    pub factors: [f64; 4],
}

impl RegimePolicy {
    /// The exposure factor: looked up, never multiplied in layers. A drawdown at the crisis
    /// threshold forces the factor of CRISIS whatever the regime.
    pub fn state_factor(&self, regime: Regime, drawdown: f64) -> f64 {
        let state = if drawdown <= -self.drawdown_enter_crisis { Regime::Crisis } else { regime };
        self.factors[state as usize]
    }

    /// What the table would move to from `current`; `None` when it stays.
    pub fn candidate(&self, current: Regime, vix: f64, drawdown: f64) -> Option<Regime> {
        use Regime::{Crisis, Elevated, Normal, Recovery};
        let loss = -drawdown;
        let crisis = vix >= self.vix_enter_crisis || loss >= self.drawdown_enter_crisis;
        let elevated = vix >= self.vix_enter_elevated || loss >= self.drawdown_enter_elevated;
        let calm = vix < self.vix_exit_elevated;
        match current {
            Normal | Recovery | Elevated if crisis => Some(Crisis),
            Normal | Recovery if elevated => Some(Elevated),
            Crisis if vix < self.vix_exit_crisis && loss < self.drawdown_exit_crisis => Some(Elevated),
            Elevated | Recovery if calm && loss < self.drawdown_exit_elevated => Some(Normal),
            Elevated if calm && loss < self.drawdown_enter_elevated => Some(Recovery),
            _ => None,
        }
    }
}

/// The regime and the change that is waiting, durable from day to day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeState {
    /// In force.
    pub regime: Regime,
    /// The change under way and for how many consecutive trade dates.
    pub pending: Option<(Regime, u32)>,
}

impl Default for RegimeState {
    fn default() -> Self {
        RegimeState { regime: Regime::Normal, pending: None }
    }
}

impl RegimeState {
    /// One trade date. `drawdown` is zero or negative. An index that `is_new` is not, because an earlier date has counted it,
    /// can tighten and brings nothing nearer that loosens.
    pub fn advance(self, vix: Option<f64>, is_new: bool, drawdown: f64, policy: &RegimePolicy) -> RegimeState {
        let candidate = vix.and_then(|vix| policy.candidate(self.regime, vix, drawdown));
        let Some(candidate) = candidate else {
            return RegimeState { pending: None, ..self };
        };
        if candidate < self.regime && !is_new {
            return self;
        }
        let days = match self.pending {
            Some((same, days)) if same == candidate => days + 1,
            _ => 1,
        };
        let at_once = candidate > self.regime && policy.escalate_immediately.contains(&candidate);
        if at_once || days >= policy.persistence_days {
            RegimeState { regime: candidate, pending: None }
        } else {
            RegimeState { pending: Some((candidate, days)), ..self }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
