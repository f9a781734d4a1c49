//! The way through a replayed bar.
//!
//! In: a bar, the close before it, and how far into the session it is. Out: a middle price. Invariant: the path begins
//! at the open, touches high and low on whole 15 seconds, ends at the close and never leaves the bar; a bar of one price
//! is walked from the close before it, because a series of closes knows no open.

use crate::random::{Chance, Stream};
use market::Bar;

/// Widest excursion from the straight line between two turning points, as a share of the bar's range.
const RIPPLE: f64 = 0.025;
const SECONDS_PER_RIPPLE: f64 = 60.0;
/// More ripples than any session has, so that days do not share them.
const RIPPLES_PER_DAY: u64 = 2_000;
/// How often a rising bar makes its low first, and a falling one its high.
const AGAINST_FIRST: f64 = 0.7;
const GRID_SECONDS: f64 = 15.0;

/// Where chance for one bar comes from.
#[derive(Clone, Copy)]
pub(crate) struct BarChance<'a> {
    /// Chance of the world's seed.
    pub(crate) chance: &'a Chance,
    /// When the extremes are reached.
    pub(crate) turns: Stream,
    /// How prices ripple between them.
    pub(crate) ripples: Stream,
    /// Number of the bar's day.
    pub(crate) day: u64,
}

/// A bar as a path over its session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Path {
    /// Seconds into the session, with prices: open, two extremes, close.
    turns: [(f64, f64); 4],
    low: f64,
    high: f64,
}

impl Path {
    /// The path of a bar over a session of this length, after the close before it, if there was one.
    pub(crate) fn new(bar: &Bar, previous_close: Option<f64>, seconds: f64, from: BarChance<'_>) -> Path {
        let mut draws = from.chance.at(from.turns, from.day);
        let mut turn =
            |earliest: f64| libm::round((earliest + 0.4 * draws.uniform()) * seconds / GRID_SECONDS) * GRID_SECONDS;
        let (first, second) = (turn(0.08), turn(0.52));
        let against_first = draws.uniform() < AGAINST_FIRST;
        let [mut open, mut high, mut low, close] = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_f64());
        if let Some(previous) = previous_close.filter(|_| low == high) {
            (open, high, low) = (previous, close.max(previous), close.min(previous));
        }
        let low_first = (open <= close) == against_first;
        let (there, back) = if low_first { (low, high) } else { (high, low) };
        Path { turns: [(0.0, open), (first, there), (second, back), (seconds, close)], low, high }
    }

    /// The middle price so many seconds into the session.
    pub(crate) fn at(&self, seconds: f64, from: BarChance<'_>) -> f64 {
        let next = self.turns.iter().position(|(turn, _)| seconds < *turn).unwrap_or(self.turns.len() - 1).max(1);
        let ((begin, start), (end, finish)) = (self.turns[next - 1], self.turns[next]);
        let line = start + (finish - start) * (seconds - begin) / (end - begin);
        // No ripple at a turning point, full ripple one ripple away from it.
        let room = ((seconds - begin).min(end - seconds) / SECONDS_PER_RIPPLE).clamp(0.0, 1.0);
        if room == 0.0 || self.low == self.high {
            return line.clamp(self.low, self.high);
        }
        let height = ripple(seconds / SECONDS_PER_RIPPLE, from) * room * RIPPLE * (self.high - self.low);
        (line + height).clamp(self.low, self.high)
    }
}

/// Smooth noise between −1 and 1: a random height at each whole position, straight lines between them.
fn ripple(position: f64, from: BarChance<'_>) -> f64 {
    let before = position as u64;
    let height = |position| 2.0 * from.chance.at(from.ripples, from.day * RIPPLES_PER_DAY + position).uniform() - 1.0;
    let (left, right) = (height(before), height(before + 1));
    left + (right - left) * (position - before as f64)
}
