//! How much of the best of many trials is luck.
//!
//! In: the daily returns of every trial over the same dates. Out: a deflated Sharpe ratio, and what a choice made on the
//! past earned after it. Invariant: a choice sees no return of the dates it is judged on.

use crate::statistics::{DAYS_PER_YEAR, statistics};
use serde::Serialize;
use std::collections::BTreeMap;

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// The Sharpe ratio of one trial, seen as the best of several (Bailey and López de Prado, The Deflated Sharpe Ratio, 2014).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deflated {
    /// Annual Sharpe ratio of the trial.
    pub sharpe: f64,
    /// Annual Sharpe ratio the best of so many trials has when none of them earns anything.
    pub by_luck: f64,
    /// Probability that the trial's true Sharpe ratio is above zero, given how many were tried; from 0 to 1.
    pub probability: f64,
}

/// Deflates the Sharpe ratio of `returns`, chosen from trials with these annual Sharpe ratios; `None` without a deviation,
/// or with fewer than two trials.
pub fn deflated(returns: &[f64], sharpes: &[f64]) -> Option<Deflated> {
    let stats = statistics(returns)?;
    let (sharpe, skew, kurtosis) = (stats.sharpe?, stats.skew?, stats.kurtosis? + 3.0);
    let trials = sharpes.len() as f64;
    if trials < 2.0 {
        return None;
    }
    let mean = sharpes.iter().sum::<f64>() / trials;
    let variance = sharpes.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / (trials - 1.0);
    let by_luck = best_by_luck(variance, trials);
    let daily = |annual: f64| annual / DAYS_PER_YEAR.sqrt();
    let probability = probability_above(daily(sharpe), daily(by_luck), returns.len() as f64, skew, kurtosis);
    Some(Deflated { sharpe, by_luck, probability })
}

/// The expected best Sharpe ratio of trials whose ratios have a mean of zero and this variance.
fn best_by_luck(variance: f64, trials: f64) -> f64 {
    let by_share = |share: f64| inverse_normal(1.0 - share / trials);
    variance.sqrt() * ((1.0 - GAMMA) * by_share(1.0) + GAMMA * by_share(1.0 / std::f64::consts::E))
}

/// The probability that a Sharpe ratio measured over `n` returns with this skewness and kurtosis (3 for a normal one) is
/// truly above a threshold; both ratios per return.
fn probability_above(sharpe: f64, threshold: f64, n: f64, skew: f64, kurtosis: f64) -> f64 {
    let spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
    normal((sharpe - threshold) * (n - 1.0).sqrt() / spread.max(1e-12).sqrt())
}

/// A choice made on the returns before a date index and judged on those up to the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fold {
    /// Returns the choice saw: all before this index.
    pub chosen_at: usize,
    /// It is judged on the returns from there to before this index.
    pub judged_to: usize,
    /// Number of the run with the best Sharpe ratio on what was seen.
    pub run: usize,
    /// Its annual Sharpe ratio there.
    pub seen: f64,
    /// And on the returns after.
    pub unseen: Option<f64>,
}

/// Returns of a part: one alone has no Sharpe ratio.
const PART_MIN: usize = 2;

/// Chooses the best of runs, by their numbers, on growing pasts, each time before the next of `folds` equal parts, or of as
/// many as there are returns for. A part begins after one that is only looked at.
pub fn walk_forward(runs: &BTreeMap<usize, &[f64]>, folds: usize) -> Vec<Fold> {
    let length = runs.values().map(|returns| returns.len()).min().unwrap_or(0);
    let folds = folds.min((length / PART_MIN).saturating_sub(1));
    let edge = |part: usize| length * part / (folds + 1);
    let sharpe = |returns: &[f64]| statistics(returns).and_then(|stats| stats.sharpe);
    let fold = |part: usize| {
        let (at, to) = (edge(part), edge(part + 1));
        let rated = runs.iter().filter_map(|(&run, all)| Some((run, sharpe(&all[..at])?)));
        let (run, seen) = rated.reduce(|best, other| if other.1 > best.1 { other } else { best })?;
        Some(Fold { chosen_at: at, judged_to: to, run, seen, unseen: sharpe(&runs[&run][at..to]) })
    };
    (1..=folds).filter_map(fold).collect()
}

/// The returns of the choices, one part after the other: what following them would have earned.
pub fn followed(runs: &BTreeMap<usize, &[f64]>, folds: &[Fold]) -> Vec<f64> {
    folds.iter().flat_map(|fold| runs[&fold.run][fold.chosen_at..fold.judged_to].iter().copied()).collect()
}

/// Distribution function of the standard normal.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// Where it reaches a probability between 0 and 1: it only rises, so halving the interval finds it.
fn inverse_normal(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if normal(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's own example: a Sharpe ratio of 2.5 a year, the best of 100 trials whose ratios have a variance of one
    /// half a year, over 1,250 days with a skewness of −3 and a kurtosis of 10: 0.9004.
    #[test]
    fn the_papers_example() {
        let by_luck = best_by_luck(0.5 / 250.0, 100.0);
        let probability = probability_above(2.5 / 250.0_f64.sqrt(), by_luck, 1250.0, -3.0, 10.0);
        assert!((by_luck - 0.1132).abs() < 1e-4 && (probability - 0.9004).abs() < 1e-4, "{by_luck} {probability}");
    }

    fn noise(seed: u64, drift: f64, n: usize) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..n).map(|_| drift + 0.01 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)).collect()
    }

    #[test]
    fn the_best_of_many_coins_is_no_skill_and_a_real_edge_is() {
        let coins: Vec<Vec<f64>> = (1..=50).map(|seed| noise(seed, 0.0, 500)).collect();
        let sharpes: Vec<f64> = coins.iter().map(|r| statistics(r).unwrap().sharpe.unwrap()).collect();
        let best = (0..50).max_by(|a, b| sharpes[*a].total_cmp(&sharpes[*b])).unwrap();
        let luck = deflated(&coins[best], &sharpes).unwrap();
        assert!(luck.sharpe > 1.0 && luck.probability < 0.9, "{luck:?}");
        let edge = deflated(&noise(99, 0.003, 500), &sharpes).unwrap();
        assert!(edge.probability > 0.99, "{edge:?}");
        assert_eq!(deflated(&coins[0], &sharpes[..1]), None);
    }

    fn runs<'a>(one: &'a [f64], other: &'a [f64]) -> BTreeMap<usize, &'a [f64]> {
        BTreeMap::from([(4, one), (7, other)])
    }

    #[test]
    fn a_choice_sees_nothing_of_what_it_is_judged_on() {
        let (mut one, other) = (noise(1, 0.001, 400), noise(2, 0.0, 400));
        let before = walk_forward(&runs(&one, &other), 3);
        assert_eq!(
            before.iter().map(|f| (f.chosen_at, f.judged_to)).collect::<Vec<_>>(),
            [(100, 200), (200, 300), (300, 400)]
        );
        one[300..].iter_mut().for_each(|r| *r = -0.5);
        let after = walk_forward(&runs(&one, &other), 3);
        let choice = |folds: &[Fold]| folds.iter().map(|f| (f.run, f.seen)).collect::<Vec<_>>();
        assert_eq!(choice(&before), choice(&after));
        assert_ne!(before[2].unseen, after[2].unseen);
        assert_eq!(followed(&runs(&one, &other), &after).len(), 300);
    }
}
