//! Which option of a root: expiry, strike, right.
//!
//! In: what an exchange lists. Out: a small key and a stable name. Invariant: root and key together name one contract,
//! because the root says underlying, trading class, multiplier, exchange and currency.

use crate::Price;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// To buy or to sell the underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionRight {
    /// To buy it.
    Call,
    /// To sell it.
    Put,
}

impl OptionRight {
    /// +1 for a call, −1 for a put.
    pub fn sign(self) -> f64 {
        match self {
            OptionRight::Call => 1.0,
            OptionRight::Put => -1.0,
        }
    }

    /// `C` or `P`.
    pub fn letter(self) -> char {
        match self {
            OptionRight::Call => 'C',
            OptionRight::Put => 'P',
        }
    }
}

/// One option of a root: an instrument of kind OPT, which says underlying, class, multiplier, exchange and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionKey {
    /// Last trading day.
    pub expiry: Date,
    /// In the underlying's price.
    pub strike: Price,
    /// Call or put.
    pub right: OptionRight,
}

impl OptionKey {
    /// The contract's name, such as `SPX_OPT_20260618_P5200`.
    pub fn name(&self, root: &str) -> String {
        let (day, side) = (self.expiry.strftime("%Y%m%d"), self.right.letter());
        format!("{root}_{day}_{side}{}", self.strike)
    }
}
