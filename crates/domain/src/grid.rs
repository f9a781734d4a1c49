//! The prices a limit may have: one step, or steps by price level as a venue's market rule has them.
//!
//! In: the instrument's step, the broker's bands where it names several. Out: limits on the grid. Invariant: rounding never makes
//! a limit worse: a buy rounds down, a sell up, also across the edge of a band.

use crate::{Price, Side};
use serde::{Deserialize, Serialize};

/// From a price on, limits are multiples of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Band {
    /// The lowest price of the band, in 1e-8 of the major unit; zero for the first.
    pub from: i64,
    /// Its step.
    pub step: Price,
}

/// The grid of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid<'a> {
    step: Price,
    bands: &'a [Band],
}

impl From<Price> for Grid<'_> {
    fn from(step: Price) -> Self {
        Grid { step, bands: &[] }
    }
}

impl<'a> Grid<'a> {
    /// Bands by rising price over the instrument's own step, which holds below the first.
    pub fn new(step: Price, bands: &'a [Band]) -> Grid<'a> {
        Grid { step, bands }
    }

    /// The step at a price.
    #[inline]
    pub fn step_at(&self, price: Price) -> Price {
        self.band(price.mantissa()).1
    }

    /// The start of the band a price is in, and its step.
    #[inline]
    fn band(&self, price: i64) -> (i64, Price) {
        let band = self.bands.iter().rev().find(|band| band.from <= price);
        band.map_or((0, self.step), |band| (band.from, band.step))
    }

    /// A limit on the grid that is not worse than the price: buys round down, sells round up. At least one step.
    #[inline]
    pub fn limit(&self, price: Price, side: Side) -> Price {
        let wanted = price.mantissa();
        let (from, step) = self.band(wanted);
        let step = step.mantissa();
        let down = wanted - wanted.rem_euclid(step);
        let on_grid = match side {
            _ if down == wanted => wanted,
            // The start of a band is a price of the band below as well.
            Side::Buy => down.max(from).max(step),
            Side::Sell => {
                let next = self.bands.iter().map(|band| band.from).find(|&edge| edge > wanted);
                next.map_or(down + step, |edge| edge.min(down + step))
            }
        };
        Price::from_mantissa(on_grid).expect("at least one step is positive")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CENT: i64 = 1_000_000;

    fn price(mantissa: i64) -> Price {
        Price::from_mantissa(mantissa).unwrap()
    }

    /// A part of the table of MiFID II, RTS 11, for the most liquid shares.
    fn shares() -> Vec<Band> {
        let band = |from: i64, step: i64| Band { from: from * CENT, step: price(step * CENT / 100) };
        vec![band(0, 1), band(1_000, 20), band(2_000, 50), band(5_000, 100)]
    }

    #[test]
    fn a_limit_rounds_to_the_step_of_its_own_level() {
        let bands = shares();
        let grid = Grid::new(price(CENT), &bands);
        let told = |text: &str, side| grid.limit(Price::from_decimal(text.parse().unwrap()).unwrap(), side).to_string();
        assert_eq!((told("9.9987", Side::Buy), told("9.99875", Side::Sell)), ("9.9987".into(), "9.9988".into()));
        assert_eq!((told("10.0011", Side::Buy), told("10.0011", Side::Sell)), ("10".into(), "10.002".into()));
        assert_eq!((told("19.9991", Side::Sell), told("49.9999", Side::Sell)), ("20".into(), "50".into()));
        assert_eq!((told("20.0049", Side::Buy), told("50.009", Side::Buy)), ("20".into(), "50".into()));
    }

    proptest! {
        #[test]
        fn a_limit_is_never_worse_than_the_price_and_always_on_the_grid_of_its_level(
            wanted in 20_000_i64..10_000_000_000, buy in any::<bool>(),
        ) {
            let bands = shares();
            let grid = Grid::new(price(CENT), &bands);
            let side = if buy { Side::Buy } else { Side::Sell };
            let limit = grid.limit(price(wanted), side);
            prop_assert!((limit.mantissa() - wanted) * side.sign() <= 0, "{} for {}", limit, wanted);
            prop_assert_eq!(limit.mantissa() % grid.step_at(limit).mantissa(), 0);
            prop_assert!((limit.mantissa() - wanted).abs() < grid.step_at(price(wanted)).mantissa().max(grid.step_at(limit).mantissa()));
            prop_assert_eq!(grid.limit(limit, side), limit, "what is on the grid stays");
        }

        #[test]
        fn without_bands_it_is_the_instrument_s_own_step(wanted in 1_i64..10_000_000_000, step in 1_i64..100_000_000, buy in any::<bool>()) {
            let side = if buy { Side::Buy } else { Side::Sell };
            let expected = crate::rounding::limit_to_tick(price(wanted), price(step), side);
            prop_assert_eq!(Grid::from(price(step)).limit(price(wanted), side), expected);
        }
    }
}
