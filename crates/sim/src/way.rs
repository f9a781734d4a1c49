//! The way of the factors through a session, and how far prices went on it.
//!
//! In: the knots of a session. Out: open, high, low and close of a contract. Invariant: open and close are the prices the
//! model tells of those instants; between knots the logarithm of a price is linear, so its extremes are at knots.

use crate::levels::{FACTORS, Factor};
use crate::model::{Knot, LogPrice};
use std::ops::Range;

/// A session's knots, factor by factor, so that a contract goes through those alone that move it.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    knots: Vec<Knot>,
    levels: [Vec<f64>; FACTORS],
    shares: Vec<f64>,
    /// Knots of one weekday each.
    stretches: Vec<Range<usize>>,
}

impl Way {
    /// A way through at least one knot.
    pub(crate) fn new(knots: Vec<Knot>) -> Way {
        let levels = Factor::ALL.map(|factor| knots.iter().map(|knot| knot.levels.get(factor)).collect());
        let shares = knots.iter().map(|knot| knot.share).collect();
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for (place, knot) in knots.iter().enumerate() {
            match stretches.last_mut().filter(|stretch| knots[stretch.start].day == knot.day) {
                Some(stretch) => stretch.end = place + 1,
                None => stretches.push(place..place + 1),
            }
        }
        Way { knots, levels, shares, stretches }
    }

    /// Logarithms of open, high, low and close.
    pub(crate) fn prices(&self, of: &LogPrice<'_>, moves: &mut Vec<f64>) -> [f64; 4] {
        let (first, last) = (&self.knots[0], &self.knots[self.knots.len() - 1]);
        let (open, close) = (of.at(first), of.at(last));
        let ends = (open.max(close), open.min(close));
        let (high, low) = match self.knots.len() {
            0..=2 => ends,
            // What happens at an instant leaves a step in the price: each knot is asked for.
            _ if of.steps_within(first, last) => widest(self.knots.iter().map(|knot| of.at(knot)), ends),
            _ => self.stretches.iter().fold(ends, |ends, stretch| self.extremes(stretch, of, moves, ends)),
        };
        [open, high, low, close]
    }

    /// Beside the factors a price is linear in time over a stretch: that part is worked out at its two ends alone.
    fn extremes(
        &self,
        stretch: &Range<usize>,
        of: &LogPrice<'_>,
        moves: &mut Vec<f64>,
        ends: (f64, f64),
    ) -> (f64, f64) {
        let loadings = of.loadings();
        let beside = |knot: &Knot| of.at(knot) - loadings.dot(&knot.levels);
        let (first, last) = (&self.knots[stretch.start], &self.knots[stretch.end - 1]);
        let (from, to) = (beside(first), beside(last));
        let length = last.share - first.share;
        let slope = if length > 0.0 { (to - from) / length } else { 0.0 };
        moves.clear();
        moves.extend(self.shares[stretch.clone()].iter().map(|share| from + slope * (share - first.share)));
        for factor in Factor::ALL {
            let loading = loadings.get(factor);
            if loading != 0.0 {
                let levels = &self.levels[factor as usize][stretch.clone()];
                moves.iter_mut().zip(levels).for_each(|(moved, level)| *moved += loading * level);
            }
        }
        widest(moves.iter().copied(), ends)
    }
}

fn widest(logs: impl Iterator<Item = f64>, ends: (f64, f64)) -> (f64, f64) {
    logs.fold(ends, |(high, low), log| (if log > high { log } else { high }, if log < low { log } else { low }))
}
