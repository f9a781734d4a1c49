//! Running estimates over daily returns and ratios.
//!
//! In: one observation a day. Out: volatilities and moving averages. Invariant: O(window) work and
//! memory, and the same value as the textbook formula over the whole history.

use serde::{Deserialize, Serialize};

/// Trading days in a year, for annualising.
pub const DAYS_PER_YEAR: f64 = 252.0;

/// Annualises a daily standard deviation.
pub fn annualised(daily_deviation: f64) -> f64 {
    daily_deviation * libm::sqrt(DAYS_PER_YEAR)
}

/// Exponentially weighted standard deviation: adjusted weights, bias-corrected, mean-subtracting, as
/// pandas `ewm(span=n).std()` computes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EwmaDeviation {
    decay: f64,
    count: u32,
    weights: f64,
    squared_weights: f64,
    sum: f64,
    sum_of_squares: f64,
}

impl EwmaDeviation {
    /// With the weight of an observation falling by `1 − 2/(span+1)` a day.
    pub fn with_span(span: u32) -> Self {
        let decay = 1.0 - 2.0 / (f64::from(span) + 1.0);
        EwmaDeviation { decay, count: 0, weights: 0.0, squared_weights: 0.0, sum: 0.0, sum_of_squares: 0.0 }
    }

    /// Takes the next observation.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        self.weights = 1.0 + self.decay * self.weights;
        self.squared_weights = 1.0 + self.decay * self.decay * self.squared_weights;
        self.sum = value + self.decay * self.sum;
        self.sum_of_squares = value * value + self.decay * self.sum_of_squares;
    }

    /// The daily standard deviation, from the second observation on.
    #[inline]
    pub fn deviation(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let mean = self.sum / self.weights;
        let biased = (self.sum_of_squares / self.weights - mean * mean).max(0.0);
        let squared = self.weights * self.weights;
        Some(libm::sqrt(biased * squared / (squared - self.squared_weights)))
    }
}

/// The last `capacity` observations in order of arrival.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    capacity: usize,
    next: usize,
    values: Vec<f64>,
}

impl Clone for Window {
    fn clone(&self) -> Self {
        Window { capacity: self.capacity, next: self.next, values: self.values.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.capacity = source.capacity;
        self.next = source.next;
        self.values.clone_from(&source.values);
    }
}

impl Window {
    /// An empty window.
    ///
    /// # Panics
    /// When the capacity is zero.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a window holds at least one observation");
        Window { capacity, next: 0, values: Vec::new() }
    }

    /// Takes the next observation and forgets the oldest when full.
    #[inline]
    pub fn push(&mut self, value: f64) {
        if self.values.len() < self.capacity {
            self.values.push(value);
        } else {
            self.values[self.next] = value;
        }
        self.next = (self.next + 1) % self.capacity;
    }

    /// How many observations there are, at most the capacity.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True before the first observation.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// True when the capacity is reached.
    pub fn is_full(&self) -> bool {
        self.values.len() == self.capacity
    }

    /// The observation `back` steps before the newest (0 = newest).
    pub fn back(&self, back: usize) -> Option<f64> {
        if back >= self.values.len() {
            return None;
        }
        let newest = self.next + self.values.len() - 1;
        Some(self.values[(newest - back) % self.values.len()])
    }

    /// Mean of the newest `count` observations, oldest first in the sum.
    pub fn mean(&self, count: usize) -> Option<f64> {
        if count == 0 || count > self.values.len() {
            return None;
        }
        let sum: f64 = (0..count).rev().filter_map(|back| self.back(back)).sum();
        Some(sum / count as f64)
    }

    /// Sample standard deviation (divisor n − 1) of what is in the window, from two observations on.
    #[inline]
    pub fn sample_deviation(&self) -> Option<f64> {
        let n = self.values.len();
        if n < 2 {
            return None;
        }
        let mean = self.values.iter().sum::<f64>() / n as f64;
        let squares: f64 = self.values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Some(libm::sqrt(squares / (n - 1) as f64))
    }
}

/// Momentum over `lookback` rows without the newest `skip`: p[t−skip] / p[t−lookback] − 1, where t is the last row
/// and a row without a close counts as the last close before it. 12−1 momentum is a lookback of 252 and a skip of
/// 21 (Jegadeesh and Titman 1993, in trading days). `None` when a row lies before the first close.
///
/// # Panics
/// When the skip is not shorter than the lookback.
pub fn momentum(closes: &[Option<f64>], lookback: usize, skip: usize) -> Option<f64> {
    assert!(skip < lookback, "a momentum of {lookback} rows cannot leave out {skip}");
    let filled = |back: usize| {
        let row = closes.len().checked_sub(1 + back)?;
        closes[..=row].iter().rev().find_map(|close| *close)
    };
    let before = filled(lookback)?;
    Some(filled(skip)? / before - 1.0)
}

/// The last close over the mean of the newest `days` closes, less 1. `None` with fewer closes.
pub fn distance_from_mean(closes: &[f64], days: usize) -> Option<f64> {
    let window = &closes[closes.len().checked_sub(days)?..];
    Some(window.last()? / (window.iter().sum::<f64>() / days as f64) - 1.0)
}

#[cfg(test)]
mod tests;
