//! Named futures of the simulated market.
//!
//! In: a scenario and how many weekdays have passed since its first day. Out: the weather of that day, the numbers the
//! factor model runs on. Invariant: every day before the first one is calm, whatever follows.

use crate::levels::Factor;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What the simulated market does from its first day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Quiet markets: VIX mostly between 13 and 18.
    Calm,
    /// The strategy's thesis: the US drifts up while Europe grinds down and the euro weakens.
    Decline,
    /// As in October 2008: two weeks of heavy falls, VIX between 40 and 80, then a slow recovery.
    Crash,
    /// As in February 2018: VIX doubles within one afternoon and calms down over some weeks.
    Spike,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 4] = [Scenario::Calm, Scenario::Decline, Scenario::Crash, Scenario::Spike];

    /// The name users type.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Calm => "calm",
            Scenario::Decline => "decline",
            Scenario::Crash => "crash",
            Scenario::Spike => "spike",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scenario `{0}`; known are {list}", list = Scenario::ALL.map(Scenario::name).join(", "))]
pub struct UnknownScenario(pub String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Scenario::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownScenario(text.to_owned()))
    }
}

/// A move that every history of a scenario goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shock {
    /// Change of the logarithm of world equity.
    pub(crate) market: f64,
    /// Change of the logarithm of VIX.
    pub(crate) volatility: f64,
}

/// The numbers of one day; drifts, pulls and noises are per day, in logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weather {
    /// Drifts of the factors that have one.
    pub(crate) drifts: [(Factor, f64); 5],
    /// The VIX that volatility is pulled to.
    pub(crate) vix_target: f64,
    /// Share of the way to the target that one day covers.
    pub(crate) vix_pull: f64,
    /// Standard deviation of VIX changes.
    pub(crate) vix_noise: f64,
    /// Probability of a jump.
    pub(crate) jump_probability: f64,
    /// What surely happens this day.
    pub(crate) shock: Option<Shock>,
}

const TRADING_DAYS: f64 = 252.0;

/// Drifts of a year.
const fn yearly(market: f64, divergence: f64, euro: f64) -> [(Factor, f64); 5] {
    daily([market / TRADING_DAYS, divergence / TRADING_DAYS, euro / TRADING_DAYS, 0.0, 0.0])
}

/// Drifts of a day: world equity, US over European equity, the euro, credit, bond prices.
const fn daily([market, divergence, euro, credit, rates]: [f64; 5]) -> [(Factor, f64); 5] {
    [
        (Factor::Market, market),
        (Factor::Divergence, divergence),
        (Factor::Euro, euro),
        (Factor::Credit, credit),
        (Factor::Rates, rates),
    ]
}

const CALM: Weather = Weather {
    drifts: yearly(0.06, 0.0, 0.0),
    vix_target: 15.0,
    vix_pull: 0.12,
    vix_noise: 0.062,
    jump_probability: 0.010,
    shock: None,
};

/// With the equity loadings, about +12 % a year for the US and −15 % for Europe.
const DECLINE: Weather = Weather { drifts: yearly(0.044, 0.200, -0.06), vix_target: 17.0, ..CALM };

const PANIC: Weather = Weather {
    drifts: daily([-0.022, 0.002, -0.004, -0.008, 0.002]),
    vix_target: 66.0,
    vix_pull: 0.35,
    vix_noise: 0.06,
    jump_probability: 0.05,
    shock: None,
};

const AFTERSHOCKS: Weather = Weather {
    drifts: daily([-0.002, 0.0, 0.0, -0.001, 0.0]),
    vix_target: 45.0,
    vix_pull: 0.12,
    vix_noise: 0.06,
    jump_probability: 0.03,
    shock: None,
};

const RECOVERY: Weather =
    Weather { drifts: daily([0.001, 0.0, 0.0, 0.0, 0.0]), vix_target: 24.0, vix_pull: 0.05, vix_noise: 0.055, ..CALM };

const SPIKE: Weather =
    Weather { shock: Some(Shock { market: -0.041, volatility: 0.80 }), jump_probability: 0.0, ..CALM };

const AFTER_SPIKE: Weather = Weather { vix_target: 16.0, vix_pull: 0.10, vix_noise: 0.07, ..CALM };

impl Scenario {
    /// The weather of a day, by weekdays since the first one; negative before it. Storms begin on the second day, so
    /// that the first can be planned and traded in peace.
    pub(crate) fn weather(self, day: i64) -> Weather {
        if day < 0 {
            return CALM;
        }
        match (self, day) {
            (Scenario::Calm, _) => CALM,
            (Scenario::Decline, _) => DECLINE,
            (Scenario::Crash | Scenario::Spike, 0) => CALM,
            (Scenario::Crash, 1..=10) => PANIC,
            (Scenario::Crash, 11..=40) => AFTERSHOCKS,
            (Scenario::Crash, _) => RECOVERY,
            (Scenario::Spike, 1) => SPIKE,
            (Scenario::Spike, _) => AFTER_SPIKE,
        }
    }
}
