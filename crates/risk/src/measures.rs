//! What the day's risk asks for beside the scale: reductions, hedges, warnings.
//!
//! In: what step 8 found. Out: the remaining fields of the risk decision (specification, section 6), each a
//! consequence that has already happened in the numbers. Invariant: says why, changes nothing: no factor here
//! is multiplied into a weight a second time.

use crate::scaling::{Bound, Caps};
use crate::{Quality, Regime, RegimePolicy};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What step 8 knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessed {
    /// Regime in force.
    pub regime: Regime,
    /// Drawdown on unit value, zero or negative.
    pub drawdown: f64,
    /// VIX the regime saw.
    pub vix: Option<f64>,
    /// Whether the volatility estimate may be used.
    pub quality: Quality,
    /// Exposure factor of the regime.
    pub state_factor: f64,
    /// Spread momentum signal.
    pub momentum: Option<f64>,
    /// Its factor on the core sleeve.
    pub momentum_factor: f64,
    /// The one factor on all weights.
    pub scale: f64,
    /// What the scale would be without caps.
    pub scale_uncapped: f64,
    /// What limited it.
    pub bound: Bound,
    /// Σ|w| and |Σw| before scaling, as multiples of NAV.
    pub gross: f64,
    /// See `gross`.
    pub net: f64,
    /// Return of the day on unit value.
    pub daily_return: f64,
}

/// A cap that made the book smaller than its volatility target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundCap {
    /// Which one.
    pub bound: Bound,
    /// The exposure it was asked for, as a multiple of NAV.
    pub wanted: f64,
    /// The cap.
    pub limit: f64,
}

/// Something a person should know about the day's risk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the sentence it prints")]
pub enum RiskWarning {
    NoVix,
    NoVolatility,
    FewReturns,
    NoMomentum { factor: f64 },
    Capped { cap: BoundCap },
    DrawdownForcesCrisis { drawdown: f64, regime: Regime },
    DayLoss { loss: f64, tier: u8 },
}

impl fmt::Display for RiskWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RiskWarning::NoVix => {
                write!(f, "no recent VIX: the regime stays and cannot loosen; look at the source of the index")
            }
            RiskWarning::NoVolatility => {
                write!(f, "no volatility estimate: no new risk is taken; bring the history up to date")
            }
            RiskWarning::FewReturns => {
                write!(
                    f,
                    "too few returns for a full volatility estimate: the book is held smaller until there are enough"
                )
            }
            RiskWarning::NoMomentum { factor } => {
                write!(f, "no momentum signal yet: the core sleeve is multiplied by {factor}")
            }
            RiskWarning::Capped { cap: BoundCap { bound, wanted, limit } } => {
                let which = if *bound == Bound::Net { "net" } else { "gross" };
                write!(f, "the {which} cap of {limit:.2} × NAV bound: the volatility target asks for {wanted:.2}")
            }
            RiskWarning::DrawdownForcesCrisis { drawdown, regime } => write!(
                f,
                "a drawdown of {:.1} % forces the size of CRISIS although the regime is {}",
                -drawdown * 100.0,
                regime.name()
            ),
            RiskWarning::DayLoss { loss, tier } => {
                write!(f, "the day lost {:.1} % of NAV, tier {tier} of its limits", loss * 100.0)
            }
        }
    }
}

/// The consequences of the day's risk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// The book is held at the size of CRISIS, by regime or by drawdown.
    pub emergency_derisk: bool,
    /// The core sleeve is held smaller than its budget, by momentum.
    pub reduce_core_exposure: bool,
    /// What is left of the core sleeve's budget after momentum and state: their product, for the report alone.
    pub reduce_factor: f64,
    /// Hedge premium accrues at the stressed rate.
    pub increase_hedges: bool,
    /// Caps that bound.
    pub caps_bound: Vec<BoundCap>,
    /// What a person should know.
    pub warnings: Vec<RiskWarning>,
}

/// The consequences of what step 8 found, in the room of another day's. `day_loss_tiers` are losses of one day as positive
/// fractions, rising.
pub fn measures(
    assessed: &Assessed,
    policy: &RegimePolicy,
    caps: Caps,
    day_loss_tiers: &[f64],
    room: Measures,
) -> Measures {
    let Measures { mut caps_bound, mut warnings, .. } = room;
    caps_bound.clear();
    warnings.clear();
    let by_drawdown = assessed.drawdown <= -policy.drawdown_enter_crisis;
    for (bound, exposure, limit) in
        [(Bound::Gross, assessed.gross, caps.gross_max), (Bound::Net, assessed.net.abs(), caps.net_max)]
    {
        let cap = BoundCap { bound, wanted: exposure * assessed.scale_uncapped, limit };
        caps_bound.extend((assessed.bound != Bound::Target && cap.wanted > cap.limit).then_some(cap));
    }
    let loss = -assessed.daily_return;
    let tier = day_loss_tiers.iter().filter(|tier| loss >= **tier).count() as u8;
    warnings.extend(assessed.vix.is_none().then_some(RiskWarning::NoVix));
    match assessed.quality {
        Quality::Valid => {}
        Quality::Degraded => warnings.push(RiskWarning::FewReturns),
        Quality::Invalid => warnings.push(RiskWarning::NoVolatility),
    }
    let no_momentum = RiskWarning::NoMomentum { factor: assessed.momentum_factor };
    warnings.extend(assessed.momentum.is_none().then_some(no_momentum));
    warnings.extend(caps_bound.iter().map(|&cap| RiskWarning::Capped { cap }));
    if by_drawdown && assessed.regime != Regime::Crisis {
        let (drawdown, regime) = (assessed.drawdown, assessed.regime);
        warnings.push(RiskWarning::DrawdownForcesCrisis { drawdown, regime });
    }
    warnings.extend((tier > 0).then_some(RiskWarning::DayLoss { loss, tier }));
    Measures {
        emergency_derisk: by_drawdown || assessed.regime == Regime::Crisis,
        reduce_core_exposure: assessed.momentum_factor < 1.0,
        reduce_factor: assessed.momentum_factor * assessed.state_factor,
        increase_hedges: matches!(assessed.regime, Regime::Elevated | Regime::Crisis),
        caps_bound,
        warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::scaling;

    const CAPS: Caps = Caps { gross_max: 2.0, net_max: 1.0 };
    const TIERS: [f64; 3] = [0.02, 0.03, 0.05];

    fn quiet() -> Assessed {
        Assessed {
            regime: Regime::Normal,
            drawdown: -0.01,
            vix: Some(15.0),
            quality: Quality::Valid,
            state_factor: 1.0,
            momentum: Some(1.0),
            momentum_factor: 1.0,
            scale: 1.2,
            scale_uncapped: 1.2,
            bound: Bound::Target,
            gross: 0.9,
            net: 0.15,
            daily_return: 0.004,
        }
    }

    fn of(assessed: Assessed) -> Measures {
        measures(&assessed, &crate::regime::tests::policy(), CAPS, &TIERS, Measures::default())
    }

    fn sentences(measures: &Measures) -> String {
        measures.warnings.iter().map(RiskWarning::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_quiet_day_asks_for_nothing() {
        assert_eq!(of(quiet()), Measures { reduce_factor: 1.0, ..Measures::default() });
    }

    #[test]
    fn a_day_on_which_everything_is_wrong_says_all_of_it() {
        let scaled = scaling(1.5, 1.0, 2.4, 1.2, CAPS);
        let worst = of(Assessed {
            drawdown: -0.11,
            vix: None,
            quality: Quality::Degraded,
            state_factor: 0.3,
            momentum: None,
            momentum_factor: 0.5,
            scale: scaled.scale,
            scale_uncapped: 1.5,
            bound: scaled.bound,
            gross: 2.4,
            net: -1.2,
            daily_return: -0.035,
            ..quiet()
        });
        assert!(worst.emergency_derisk && worst.reduce_core_exposure && !worst.increase_hedges);
        assert!((worst.reduce_factor - 0.15).abs() < 1e-15);
        assert_eq!(worst.caps_bound.len(), 2, "both caps would bind on their own");
        insta::assert_snapshot!(sentences(&worst), @r"
        no recent VIX: the regime stays and cannot loosen; look at the source of the index
        too few returns for a full volatility estimate: the book is held smaller until there are enough
        no momentum signal yet: the core sleeve is multiplied by 0.5
        the gross cap of 2.00 × NAV bound: the volatility target asks for 3.60
        the net cap of 1.00 × NAV bound: the volatility target asks for 1.80
        a drawdown of 11.0 % forces the size of CRISIS although the regime is NORMAL
        the day lost 3.5 % of NAV, tier 2 of its limits
        ");
    }

    #[test]
    fn a_stressed_regime_raises_the_hedges_and_only_a_crisis_is_an_emergency() {
        let elevated = of(Assessed { regime: Regime::Elevated, state_factor: 0.7, ..quiet() });
        assert!(elevated.increase_hedges && !elevated.emergency_derisk && elevated.warnings.is_empty());
        let crisis = of(Assessed { regime: Regime::Crisis, quality: Quality::Invalid, ..quiet() });
        assert!(crisis.increase_hedges && crisis.emergency_derisk);
        insta::assert_snapshot!(sentences(&crisis), @r"
        no volatility estimate: no new risk is taken; bring the history up to date
        ");
        assert!(!of(Assessed { regime: Regime::Recovery, ..quiet() }).increase_hedges);
    }
}
