//! From target values to whole lots, and whether a drift is worth a trade.
//!
//! In: target and held values in base currency, prices, lots. Out: wanted quantities.
//! Invariant: new positions and full exits always trade; a small drift never does.

use domain::Quantity;
use domain::rounding::{LotRounding, to_lot};
use serde::{Deserialize, Serialize};

/// When and how positions are adjusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebalancePolicy {
    /// Smallest drift that trades, as a fraction of the target.
    pub drift_of_target: f64,
    /// And as a fraction of NAV; the larger of the two counts.
    pub drift_of_nav: f64,
    /// How wanted quantities become lots.
    pub rounding: LotRounding,
    /// Smallest trade worth its costs in base currency; full exits go without it.
    pub trade_min: f64,
}

impl RebalancePolicy {
    /// True when a held value is far enough from its target (both in base currency).
    #[inline]
    pub fn drifted(&self, target: f64, held: f64, nav: f64) -> bool {
        let drift = (target - held).abs();
        (drift > self.drift_of_nav * nav) & (drift > self.drift_of_target * target.abs())
    }

    /// True for a trade of this value in base currency, whatever its sign, that is not worth its costs.
    #[inline]
    pub fn too_small(&self, value: f64) -> bool {
        value.abs() < self.trade_min
    }

    /// The wanted quantity for a target value at a price of one unit, both in base currency.
    #[inline]
    pub fn wanted(&self, target: f64, unit_price: f64, lot: Quantity) -> Quantity {
        to_lot(target / unit_price, lot, self.rounding)
    }
}

/// A change of position split into the part that lowers risk and the part that adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Toward zero, at most to zero.
    pub reduce: Quantity,
    /// Away from zero.
    pub increase: Quantity,
}

impl Change {
    /// Splits the way from held to wanted; a flip reduces to zero first.
    #[inline]
    pub fn between(held: Quantity, wanted: Quantity) -> Change {
        let change = wanted - held;
        if held.signum() * wanted.signum() < 0 {
            return Change { reduce: -held, increase: wanted };
        }
        if wanted.abs() < held.abs() {
            Change { reduce: change, increase: Quantity::ZERO }
        } else {
            Change { reduce: Quantity::ZERO, increase: change }
        }
    }

    /// The whole change with only a share of the increase, in lots toward zero.
    #[inline]
    pub fn with_share(self, share: f64, lot: Quantity) -> Quantity {
        if share >= 1.0 {
            return self.reduce + self.increase;
        }
        self.reduce + to_lot(self.increase.to_f64() * share, lot, LotRounding::TowardZero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_change_is_its_parts_and_the_reduction_never_passes_zero(held in -1000_i64..1000, wanted in -1000_i64..1000) {
            let (held, wanted) = (Quantity::whole(held), Quantity::whole(wanted));
            let change = Change::between(held, wanted);
            prop_assert_eq!(held + change.reduce + change.increase, wanted);
            prop_assert!((held + change.reduce).signum() * held.signum() >= 0);
            prop_assert!((held + change.reduce).abs() <= held.abs());
        }

        #[test]
        fn no_rounding_passes_through_zero(target in -1e7_f64..1e7, price in 0.5_f64..5000.0) {
            for rounding in [LotRounding::HalfAwayFromZero, LotRounding::TowardZero] {
                let policy = RebalancePolicy { drift_of_target: 0.0, drift_of_nav: 0.0, rounding, trade_min: 0.0 };
                let wanted = policy.wanted(target, price, Quantity::whole(1));
                prop_assert!(wanted.to_f64() * target >= 0.0);
                prop_assert!((wanted.to_f64() - target / price).abs() <= 1.0);
            }
        }
    }
}
