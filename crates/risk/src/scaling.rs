//! The one factor between base weights and targets.
//!
//! In: volatility scale, state factor, the weights' gross and net. Out: a scale and what bound it.
//! Invariant: gross and net caps hold for scale × weights.

use serde::{Deserialize, Serialize};

/// Largest gross and net exposure as multiples of NAV.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caps {
    /// Long plus short.
    pub gross_max: f64,
    /// Long minus short, either sign.
    pub net_max: f64,
}

/// What limited the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Nothing but the volatility target and the regime.
    Target,
    /// The gross cap.
    Gross,
    /// The net cap.
    Net,
}

/// The scale of the day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Factor on every weight.
    pub scale: f64,
    /// What limited it.
    pub bound: Bound,
}

/// min(vol_scale × state_factor, gross cap / Σ|w|, net cap / |Σw|).
pub fn scaling(vol_scale: f64, state_factor: f64, gross: f64, net: f64, caps: Caps) -> Scaling {
    let wanted = vol_scale * state_factor;
    let by_gross = if gross > 0.0 { caps.gross_max / gross } else { f64::INFINITY };
    let by_net = if net.abs() > 0.0 { caps.net_max / net.abs() } else { f64::INFINITY };
    if wanted <= by_gross && wanted <= by_net {
        Scaling { scale: wanted, bound: Bound::Target }
    } else if by_gross <= by_net {
        Scaling { scale: by_gross, bound: Bound::Gross }
    } else {
        Scaling { scale: by_net, bound: Bound::Net }
    }
}
