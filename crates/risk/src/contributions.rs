//! What each sleeve added to the unit strategy, day by day.
//!
//! In: contributions of the long and the short side of every sleeve. Out: the last days of them, for the report's tail
//! losses, fits and marginal volatilities. Invariant: a bounded table of integers, because it is copied and stored daily;
//! no decision reads it.

use crate::dispersion::{PairFit, TailLoss, marginal_volatility, pair_fit, tail_loss};
use serde::{Deserialize, Serialize};

/// Contributions are kept in hundred-millionths of NAV.
const UNIT: f64 = 1e8;

/// Level of confidence of the tail losses.
pub const LEVEL: f64 = 0.99;

/// The last days' contributions: for each sleeve its long side, then its short one.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contributions {
    days_max: usize,
    columns: usize,
    /// Day after day, oldest first.
    rows: Vec<i32>,
}

impl Clone for Contributions {
    fn clone(&self) -> Self {
        Contributions { rows: self.rows.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        (self.days_max, self.columns) = (source.days_max, source.columns);
        self.rows.clone_from(&source.rows);
    }
}

/// What the report says about risk beside volatility. Losses and volatilities are shares of NAV at today's scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispersion {
    /// Historical value at risk and expected shortfall of a day.
    pub tail: Option<TailLoss>,
    /// By sleeve: what it adds to the annual volatility of the whole, and how well its sides offset each other.
    pub sleeves: Vec<(Option<f64>, Option<PairFit>)>,
}

impl Contributions {
    /// Nothing yet of so many sleeves; at most `days_max` days are kept, none with 0.
    pub fn new(sleeves: usize, days_max: usize) -> Contributions {
        Contributions { days_max, columns: 2 * sleeves, rows: Vec::with_capacity(2 * sleeves * days_max) }
    }

    /// Begins a day on which nothing was earned yet.
    pub fn begin(&mut self) {
        if self.rows.len() == self.columns * self.days_max {
            self.rows.drain(..self.columns.min(self.rows.len()));
        }
        let columns = if self.days_max == 0 { 0 } else { self.columns };
        self.rows.resize(self.rows.len() + columns, 0);
    }

    /// Adds to the day that was begun: a share of NAV at scale 1, to the long or the short side of a sleeve.
    #[inline]
    pub fn add(&mut self, sleeve: usize, short: bool, contribution: f64) {
        if self.days_max > 0 {
            let at = self.rows.len() - self.columns + 2 * sleeve + usize::from(short);
            // A cast saturates: a contribution of more than 21 times NAV is none that was measured.
            self.rows[at] = self.rows[at].saturating_add((contribution * UNIT) as i32);
        }
    }

    /// Takes the day back that was begun: nothing was seen of it.
    pub fn take_back(&mut self) {
        self.rows.truncate(self.rows.len().saturating_sub(if self.days_max == 0 { 0 } else { self.columns }));
    }

    /// How many days are held.
    pub fn days(&self) -> usize {
        self.rows.len().checked_div(self.columns).unwrap_or(0)
    }

    /// The report's numbers when each sleeve is held at a factor of its unit weights.
    pub fn dispersion(&self, factors: &[f64]) -> Dispersion {
        let column = |column: usize, factor: f64| -> Vec<f64> {
            let rows = self.rows.chunks_exact(self.columns.max(1));
            rows.map(|row| f64::from(row[column]) / UNIT * factor).collect()
        };
        let side = |sleeve: usize, side: usize| column(2 * sleeve + side, factors[sleeve]);
        let whole = |sleeve: usize| -> Vec<f64> {
            side(sleeve, 0).iter().zip(side(sleeve, 1)).map(|(long, short)| long + short).collect()
        };
        let sleeves: Vec<Vec<f64>> = (0..self.columns / 2).map(whole).collect();
        let account: Vec<f64> = (0..self.days()).map(|day| sleeves.iter().map(|sleeve| sleeve[day]).sum()).collect();
        let marginal = marginal_volatility(&sleeves);
        let fit = |sleeve: usize| {
            let short: Vec<f64> = side(sleeve, 1).iter().map(|contribution| -contribution).collect();
            pair_fit(&side(sleeve, 0), &short)
        };
        let row = |sleeve: usize| (marginal.as_ref().map(|by_sleeve| by_sleeve[sleeve]), fit(sleeve));
        Dispersion { tail: tail_loss(&account, LEVEL), sleeves: (0..sleeves.len()).map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_days_count() {
        let mut contributions = Contributions::new(1, 3);
        for day in 1..=5 {
            contributions.begin();
            contributions.add(0, false, f64::from(day) / 100.0);
        }
        assert_eq!(contributions.days(), 3);
        assert_eq!(contributions.rows, [3_000_000, 0, 4_000_000, 0, 5_000_000, 0]);
        contributions.take_back();
        assert_eq!(contributions.rows, [3_000_000, 0, 4_000_000, 0]);
        let mut none = Contributions::new(1, 0);
        none.begin();
        none.add(0, true, 0.01);
        none.take_back();
        assert_eq!(none.days(), 0);
    }

    #[test]
    fn a_hedged_sleeve_adds_less_than_a_naked_one_and_its_sides_are_told_apart() {
        let mut contributions = Contributions::new(2, 250);
        for day in 0..250 {
            let market = if day % 3 == 0 { 0.012 } else { -0.005 };
            let own = if day % 5 == 0 { 0.002 } else { -0.0005 };
            contributions.begin();
            contributions.add(0, false, 0.5 * market + own);
            contributions.add(0, true, -0.4 * market);
            contributions.add(1, false, 0.2 * market);
        }
        let at_one = contributions.dispersion(&[1.0, 1.0]);
        let (hedged, naked) = (&at_one.sleeves[0], &at_one.sleeves[1]);
        assert!(hedged.0.unwrap() < naked.0.unwrap(), "{at_one:?}");
        let fit = hedged.1.unwrap();
        assert!((fit.beta - 1.25).abs() < 0.02 && fit.volatility_mismatch > 0.2, "{fit:?}");
        assert_eq!(naked.1, None, "it has one side");
        let doubled = contributions.dispersion(&[2.0, 2.0]);
        let (one, two) = (at_one.tail.unwrap(), doubled.tail.unwrap());
        assert!((two.value_at_risk - 2.0 * one.value_at_risk).abs() < 1e-12);
    }
}
