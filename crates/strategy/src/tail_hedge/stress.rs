//! What the hedge book pays in a crash.
//!
//! In: held options with the volatility they trade at, the bond spread, named scenarios, a rule. Out: payoff per
//! hedge type, coverage of a loss. Invariant: both ends are priced by the same model, so an unchanged world pays
//! nothing; an option that cannot be priced pays nothing and is named.

use super::{HedgeType, HeldOption};
use domain::ContractId;
use jiff::civil::Date;
use market::{OptionError, Underlying, options};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Something that might happen overnight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// The equity index falls by this fraction.
    Fall(f64),
    /// VIX rises by so many points and no price moves.
    Vix(f64),
}

impl Scenario {
    /// The five of every report.
    pub const ALL: [Scenario; 5] =
        [Scenario::Fall(0.1), Scenario::Fall(0.2), Scenario::Fall(0.4), Scenario::Vix(20.0), Scenario::Vix(40.0)];
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scenario::Fall(fall) => f.pad(&format!("equity −{:.0} %", fall * 100.0)),
            Scenario::Vix(points) => f.pad(&format!("VIX +{points:.0}")),
        }
    }
}

/// The rule that turns a scenario into prices and volatilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StressPolicy {
    /// Fall of each type's underlying per fall of the equity index.
    pub beta: BTreeMap<HedgeType, f64>,
    /// Implied volatility added per fall of an option's own underlying: 0.5 adds ten vol points to a fall of 20 %.
    pub volatility_per_fall: f64,
    /// Implied volatility added per VIX point: 0.005 adds ten vol points to twenty.
    pub volatility_per_vix_point: f64,
    /// VIX points per fall of the equity index: 150 adds thirty to a fall of 20 %.
    pub vix_points_per_fall: f64,
    /// Share of a VIX move that the future behind the held calls makes.
    pub vix_future_share: f64,
    /// Widening of the OAT–Bund spread in basis points per fall of the equity index.
    pub spread_bp_per_fall: f64,
}

/// A held option with what is needed to price it.
#[derive(Clone, Debug, PartialEq)]
pub struct StressedOption {
    /// The option.
    pub held: HeldOption,
    /// What it is written on, today.
    pub underlying: Underlying,
    /// Its implied volatility today.
    pub volatility: f64,
    /// Base currency per unit of its currency.
    pub rate: f64,
}

/// What the book pays in one scenario, in base currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payoff {
    /// Gain per type.
    pub by_type: BTreeMap<HedgeType, f64>,
    /// Options that could not be priced, and why.
    pub unpriced: Vec<(ContractId, OptionError)>,
}

impl Payoff {
    /// Gain of the whole book.
    pub fn total(&self) -> f64 {
        self.by_type.values().sum()
    }

    /// The share of a loss (positive) that the book pays back; `None` when there is no loss to cover.
    pub fn coverage(&self, loss: f64) -> Option<f64> {
        (loss > 0.0).then(|| self.total() / loss)
    }
}

impl StressPolicy {
    /// Price and volatility of an option's underlying after the scenario.
    pub fn shocked(&self, hedge: HedgeType, scenario: Scenario, price: f64, volatility: f64) -> (f64, f64) {
        let on_vix = hedge == HedgeType::VixCalls;
        let beta = self.beta.get(&hedge).copied().unwrap_or(0.0);
        match scenario {
            Scenario::Fall(fall) if on_vix => {
                (price + fall * self.vix_points_per_fall * self.vix_future_share, volatility)
            }
            Scenario::Vix(points) if on_vix => (price + points * self.vix_future_share, volatility),
            // Nothing falls to zero: an option needs a positive price, and a put gains no more than its strike.
            Scenario::Fall(fall) => {
                let own = (beta * fall).min(0.99);
                (price * (1.0 - own), volatility + self.volatility_per_fall * own)
            }
            Scenario::Vix(points) => (price, volatility + self.volatility_per_vix_point * points),
        }
    }

    /// What the options and the bond spread gain in the scenario, at once. `spread_bp` is what a basis point of widening
    /// brings the spread, in base currency.
    pub fn payoff(
        &self,
        options: &[StressedOption],
        spread_bp: Option<f64>,
        scenario: Scenario,
        today: Date,
    ) -> Payoff {
        let mut payoff = Payoff::default();
        for option in options {
            match self.gain(option, scenario, today) {
                Ok(gain) => *payoff.by_type.entry(option.held.hedge).or_default() += gain,
                Err(error) => payoff.unpriced.push((option.held.contract, error)),
            }
        }
        if let (Some(per_bp), Scenario::Fall(fall)) = (spread_bp, scenario) {
            *payoff.by_type.entry(HedgeType::SovereignSpread).or_default() += per_bp * self.spread_bp_per_fall * fall;
        }
        payoff
    }

    fn gain(&self, option: &StressedOption, scenario: Scenario, today: Date) -> Result<f64, OptionError> {
        let terms = option.held.terms(today);
        let now = options::value(&terms, &option.underlying, option.volatility)?.price;
        let (price, volatility) =
            self.shocked(option.held.hedge, scenario, option.underlying.price(), option.volatility);
        let then = options::value(&terms, &option.underlying.at(price), volatility)?.price;
        Ok((then - now) * option.held.contracts as f64 * f64::from(option.held.multiplier) * option.rate)
    }
}
