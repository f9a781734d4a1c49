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

    /// The root's name and the key behind a name that [`OptionKey::name`] made; `None` for any other name.
    pub fn parse(name: &str) -> Option<(&str, OptionKey)> {
        let (rest, side) = name.rsplit_once('_')?;
        let (root, day) = rest.rsplit_once('_')?;
        let right = match side.get(..1)? {
            "C" => OptionRight::Call,
            "P" => OptionRight::Put,
            _ => return None,
        };
        let strike = side[1..].parse().ok().and_then(|strike| Price::from_decimal(strike).ok())?;
        let expiry = Date::strptime("%Y%m%d", day).ok()?;
        Some((root, OptionKey { expiry, strike, right }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_says_which_option_it_is(day in 0..4_000_i64, cents in 1_i64..10_000_000, put in any::<bool>()) {
            let expiry = date(2020, 1, 1).saturating_add(jiff::ToSpan::days(day));
            let strike = Price::from_mantissa(cents * 1_000_000).unwrap();
            let right = if put { OptionRight::Put } else { OptionRight::Call };
            let key = OptionKey { expiry, strike, right };
            let name = key.name("SX5E_OPT");
            prop_assert_eq!(OptionKey::parse(&name), Some(("SX5E_OPT", key)));
        }
    }

    #[test]
    fn a_future_or_a_fund_is_no_option() {
        assert_eq!(["CSPX", "M6E_20260316", "X_OPT_20260316_P", "X_OPT_20260316_P0"].map(OptionKey::parse), [None; 4]);
    }
}
