//! Numbers of statistics and limits: finite and in range by construction.
//!
//! In: doubles from configuration or estimates. Out: newtypes. Invariant: none of them holds NaN,
//! an infinity, or a value outside its range.

use crate::BadNumber;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! finite {
    ($(#[$doc:meta])* $name:ident, $low:expr, $high:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// The checked value.
            ///
            /// # Errors
            /// [`BadNumber::NotFinite`] for NaN, infinities and values outside the range.
            pub fn new(value: f64) -> Result<Self, BadNumber> {
                if value.is_finite() && ($low..=$high).contains(&value) {
                    Ok($name(value))
                } else {
                    Err(BadNumber::NotFinite(value.to_string()))
                }
            }

            /// The plain number.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = BadNumber;
            fn try_from(value: f64) -> Result<Self, BadNumber> {
                $name::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0
            }
        }
    };
}

finite!(
    /// A signed share of NAV; 1.0 is all of it.
    Weight, -100.0, 100.0
);
finite!(
    /// A fraction of something, not a percentage: 0.5 is half.
    Ratio, -1e6, 1e6
);
finite!(
    /// Annualised standard deviation of returns (×√252); 0.12 is 12 %.
    Volatility, 0.0, 1e3
);

/// Hundredths of a percent, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasisPoints(pub i32);

impl BasisPoints {
    /// As a fraction: 1 bp is 0.0001.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bp", self.0)
    }
}
