//! US against Europe: the trend of one index over another.
//!
//! In: two closes a day. Out: a signal in {1, 0.5, −0.5, −1} and the factor of the core sleeve.
//! Invariant: without enough history there is no signal, and without a signal the core is halved.

use market::statistics::Window;
use serde::{Deserialize, Serialize};

/// Windows and factors of the signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentumPolicy {
    /// Days of the short average.
    pub short_window: usize,
    /// Days of the long average.
    pub long_window: usize,
    /// Rows the slope looks at, the newest included.
    pub slope_rows: usize,
    /// Core factor at −1.
    pub reduce_factor: f64,
    /// Core factor at −0.5.
    pub moderate_factor: f64,
    /// Core factor before there is a signal.
    pub unknown_factor: f64,
}

impl MomentumPolicy {
    /// The factor of the core sleeve for a signal.
    pub fn factor(&self, signal: Option<f64>) -> f64 {
        match signal {
            None => self.unknown_factor,
            Some(s) if s <= -1.0 => self.reduce_factor,
            Some(s) if s < 0.0 => self.moderate_factor,
            Some(_) => 1.0,
        }
    }
}

/// Running state of the signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpreadMomentum {
    ratios: Window,
    short_averages: Window,
    slope_rows: usize,
    short_window: usize,
}

impl SpreadMomentum {
    /// No ratio seen yet.
    pub fn new(policy: &MomentumPolicy) -> Self {
        SpreadMomentum {
            ratios: Window::new(policy.long_window),
            short_averages: Window::new(policy.slope_rows),
            slope_rows: policy.slope_rows,
            short_window: policy.short_window,
        }
    }

    /// Takes the ratio of a day on which both indices closed.
    pub fn push(&mut self, ratio: f64) {
        self.ratios.push(ratio);
        if let Some(average) = self.ratios.mean(self.short_window) {
            self.short_averages.push(average);
        }
    }

    /// Relative change of the short average over the slope rows.
    pub fn slope(&self) -> Option<f64> {
        let now = self.short_averages.back(0)?;
        let before = self.short_averages.back(self.slope_rows - 1)?;
        Some((now - before) / before)
    }

    /// The signal, once the long window is full.
    pub fn signal(&self) -> Option<f64> {
        if !self.ratios.is_full() {
            return None;
        }
        let long = self.ratios.mean(self.ratios.len())?;
        let short = self.short_averages.back(0)?;
        let rising = self.slope()? > 0.0;
        let falling = self.slope()? < 0.0;
        Some(match (short > long, rising, falling) {
            (true, true, _) => 1.0,
            (true, false, _) => 0.5,
            (false, _, true) => -1.0,
            (false, _, false) => -0.5,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
    fn equals_the_golden_slopes_and_signals_of_both_ratios_on_every_joined_day() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden/spread_momentum_2010_2018.csv");
        let Ok(mut reader) = csv::Reader::from_path(file) else {
            eprintln!("skipped: {file} is absent");
            return;
        };
        let policy = MomentumPolicy {
            short_window: 50,
            long_window: 200,
            slope_rows: 20,
            reduce_factor: 0.5,
            moderate_factor: 0.75,
            unknown_factor: 0.5,
        };
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        // Index points as quoted, then both in dollars: columns of ratio, slope and signal.
        for [ratio, slope, signal] in [[3, 6, 7], [9, 10, 11]] {
            let mut momentum = SpreadMomentum::new(&policy);
            let mut signals = 0;
            for row in &rows {
                momentum.push(row[ratio].parse().unwrap());
                assert_eq!(momentum.signal(), row[signal].parse().ok(), "{}", &row[0]);
                if let Ok(golden) = row[slope].parse::<f64>() {
                    let ours = momentum.slope().unwrap();
                    assert!((ours - golden).abs() <= 1e-9, "{}: slope {ours} against {golden}", &row[0]);
                }
                signals += usize::from(momentum.signal().is_some());
            }
            assert!(signals > 1_900, "only {signals} days had a signal");
        }
    }
}
