//! Price collars: the worst price an order may ever carry.
//!
//! In: an arrival mid, an asset class, a tick. Out: a worst price on the safe side of the tick grid.
//! Invariant: rounding never crosses the collar; a wide-tick contract keeps at least k ticks.

use domain::{BasisPoints, Grid, Price, Side};
use serde::{Deserialize, Serialize};

/// Width of a collar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollarPolicy {
    /// Distance from the reference.
    pub width: BasisPoints,
    /// But at least this many ticks.
    pub ticks_min: u32,
}

/// A reference price with the worst prices around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collar {
    /// The price the collar was drawn around: the mid when the order arrived.
    pub reference: Price,
    /// Highest price for a buy, lowest for a sell.
    pub worst: Price,
}

impl Collar {
    /// Draws the collar for one side.
    #[inline]
    pub fn around(reference: Price, side: Side, grid: Grid<'_>, policy: CollarPolicy) -> Collar {
        let tick = grid.step_at(reference);
        // In two parts, each of which fits: the product of a price and a width may not.
        let (whole, rest) = (reference.mantissa() / 10_000, reference.mantissa() % 10_000);
        let by_width = whole * i64::from(policy.width.0) + rest * i64::from(policy.width.0) / 10_000;
        let width = by_width.max(tick.mantissa() * i64::from(policy.ticks_min));
        let edge = match side {
            Side::Buy => reference.mantissa() + width,
            Side::Sell => (reference.mantissa() - width).max(tick.mantissa()),
        };
        let edge = Price::from_mantissa(edge).expect("at least one tick above zero");
        Collar { reference, worst: grid.limit(edge, side) }
    }

    /// The collar of a buy that may cost no more than a price on the grid, however wide it was drawn.
    pub fn capped(self, price_max: Price) -> Collar {
        Collar { worst: self.worst.min(price_max), ..self }
    }

    /// True when a limit is not worse than the collar allows.
    #[inline]
    pub fn holds(&self, limit: Price, side: Side) -> bool {
        match side {
            Side::Buy => limit <= self.worst,
            Side::Sell => limit >= self.worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_worst_price_is_on_the_grid_and_inside_the_width(
            reference in 1_000_000_i64..1_000_000_000_000, ticks in 1_i64..10_000_000, bps in 1_i32..100, k in 1_u32..4, buy in any::<bool>(),
        ) {
            let (reference, tick) = (Price::from_mantissa(reference).unwrap(), Price::from_mantissa(ticks).unwrap());
            let side = if buy { Side::Buy } else { Side::Sell };
            let collar = Collar::around(reference, side, tick.into(), CollarPolicy { width: BasisPoints(bps), ticks_min: k });
            prop_assert_eq!(collar.worst.mantissa() % ticks, 0);
            let width = (reference.mantissa() as i128 * bps as i128 / 10_000).max(ticks as i128 * k as i128);
            let distance = (collar.worst.mantissa() as i128 - reference.mantissa() as i128) * side.sign() as i128;
            prop_assert!(distance <= width || collar.worst == tick);
        }

        /// Bands in cents: a tenth of one below 10, two below 20, then five.
        #[test]
        fn with_bands_the_worst_price_is_on_the_grid_of_its_own_level_and_never_further_than_the_width(
            reference in 5_000_000_i64..3_000_000_000, bps in 1_i32..100, buy in any::<bool>(),
        ) {
            let price = |mantissa: i64| Price::from_mantissa(mantissa).unwrap();
            let bands = [(0, 100_000), (1_000_000_000, 2_000_000), (2_000_000_000, 5_000_000)];
            let bands = bands.map(|(from, step)| domain::Band { from, step: price(step) });
            let grid = Grid::new(price(1_000_000), &bands);
            let side = if buy { Side::Buy } else { Side::Sell };
            let policy = CollarPolicy { width: BasisPoints(bps), ticks_min: 2 };
            let collar = Collar::around(price(reference), side, grid, policy);
            prop_assert_eq!(collar.worst.mantissa() % grid.step_at(collar.worst).mantissa(), 0);
            let least = grid.step_at(collar.reference).mantissa() * 2;
            let width = (reference as i128 * bps as i128 / 10_000).max(least as i128);
            let distance = (collar.worst.mantissa() - reference) as i128 * side.sign() as i128;
            prop_assert!(distance <= width, "{} of {}", distance, width);
        }
    }
}
