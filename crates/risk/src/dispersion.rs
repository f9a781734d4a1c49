//! What the report says about risk beside volatility: tail losses, the fit of a pair, what each sleeve adds.
//!
//! In: daily returns. Out: historical value at risk and expected shortfall, beta and volatility of two legs,
//! contributions to volatility. Invariant: pure statistics; too little history is no number, never zero.

use market::statistics::annualised;
use serde::{Deserialize, Serialize};

/// The loss of one day that a history says to expect at a level of confidence. Losses are positive fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TailLoss {
    /// Loss that is exceeded on 1 − level of the days; negative when even those days gained.
    pub value_at_risk: f64,
    /// Mean loss of the days that lost at least that.
    pub expected_shortfall: f64,
    /// Returns it is computed from.
    pub observations: usize,
}

/// Historical value at risk and expected shortfall at `level` (0.99): the empirical quantile with linear
/// interpolation between order statistics (Hyndman and Fan's type 7, as numpy has it), and the mean beyond it.
/// `None` with fewer than 1 / (1 − level) returns: the quantile would lie beyond the worst day.
///
/// # Panics
/// When the level is not between 0 and 1 or a return is not finite.
pub fn tail_loss(returns: &[f64], level: f64) -> Option<TailLoss> {
    assert!(level > 0.0 && level < 1.0, "a level of confidence is between 0 and 1: {level}");
    assert!(returns.iter().all(|r| r.is_finite()), "returns are finite");
    // In whole observations: (1 − 0.99) × 100 is a little more than 1 in doubles.
    if (returns.len() as f64) * (1.0 - level) < 1.0 - 1e-9 {
        return None;
    }
    let mut sorted = returns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = (1.0 - level) * (sorted.len() - 1) as f64;
    let below = position as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let quantile = sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]);
    let worst = &sorted[..sorted.partition_point(|r| *r <= quantile)];
    let mean = worst.iter().sum::<f64>() / worst.len() as f64;
    Some(TailLoss { value_at_risk: -quantile, expected_shortfall: -mean, observations: returns.len() })
}

/// How well two legs of a pair offset each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairFit {
    /// Return of the long leg per return of the short leg (least squares with a constant).
    pub beta: f64,
    /// Their correlation.
    pub correlation: f64,
    /// Annual volatility of the long leg.
    pub long_volatility: f64,
    /// Annual volatility of the short leg.
    pub short_volatility: f64,
    /// long / short − 1: 0.2 says that the long leg moves a fifth more.
    pub volatility_mismatch: f64,
    /// Common dates it is computed from.
    pub observations: usize,
}

/// The fit of two legs over common dates. `None` with fewer than 20 of them or a leg that never moves.
///
/// # Panics
/// When the legs differ in length.
pub fn pair_fit(long: &[f64], short: &[f64]) -> Option<PairFit> {
    const OBSERVATIONS_MIN: usize = 20;
    assert_eq!(long.len(), short.len(), "one return of each leg per common date");
    if long.len() < OBSERVATIONS_MIN {
        return None;
    }
    let (long_variance, short_variance) = (covariance(long, long), covariance(short, short));
    if long_variance <= 0.0 || short_variance <= 0.0 {
        return None;
    }
    let shared = covariance(long, short);
    let (long_volatility, short_volatility) =
        (annualised(libm::sqrt(long_variance)), annualised(libm::sqrt(short_variance)));
    Some(PairFit {
        beta: shared / short_variance,
        correlation: shared / libm::sqrt(long_variance * short_variance),
        long_volatility,
        short_volatility,
        volatility_mismatch: long_volatility / short_volatility - 1.0,
        observations: long.len(),
    })
}

/// What each sleeve adds to the volatility of the whole: cov(sleeve, whole) / σ(whole), annual. They sum to the
/// volatility of the whole, and one that hedges is negative. A row per sleeve: its daily contributions to the
/// return of the account, over the same dates. `None` with fewer than two dates, or a whole that never moves.
///
/// # Panics
/// When the rows differ in length.
pub fn marginal_volatility(sleeves: &[Vec<f64>]) -> Option<Vec<f64>> {
    let days = sleeves.first()?.len();
    assert!(sleeves.iter().all(|sleeve| sleeve.len() == days), "every sleeve has the same dates");
    if days < 2 {
        return None;
    }
    let whole: Vec<f64> = (0..days).map(|day| sleeves.iter().map(|sleeve| sleeve[day]).sum()).collect();
    let deviation = libm::sqrt(covariance(&whole, &whole));
    (deviation > 0.0).then(|| sleeves.iter().map(|sleeve| annualised(covariance(sleeve, &whole) / deviation)).collect())
}

/// Sample covariance, divisor n − 1; at least two observations.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
    fn the_quantile_is_that_of_empyrical_on_real_series() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden");
        let Ok(mut golden) = csv::Reader::from_path(format!("{folder}/performance.csv")) else {
            eprintln!("skipped: performance.csv is absent");
            return;
        };
        let mut compared = 0;
        for row in golden.records().map(Result::unwrap) {
            let Ok(mut series) = csv::Reader::from_path(format!("{folder}/risk_{}_{}.csv", &row[1], &row[0])) else {
                continue;
            };
            let returns: Vec<f64> = series.records().filter_map(|r| r.unwrap()[2].parse().ok()).collect();
            let ours = tail_loss(&returns, 0.95).unwrap();
            let theirs: f64 = row[15].parse().unwrap();
            assert!((ours.value_at_risk + theirs).abs() < 1e-11, "{row:?}: {ours:?}");
            assert!(ours.expected_shortfall > ours.value_at_risk);
            compared += 1;
        }
        assert!(compared >= 5, "only {compared} series");
    }

    #[test]
    fn a_hundred_days_are_the_fewest_for_the_hundredth_one() {
        let days: Vec<f64> = (0..99).map(|day| -f64::from(day) / 1_000.0).collect();
        assert_eq!(tail_loss(&days, 0.99), None);
        let hundred = [&days[..], &[-0.5]].concat();
        let tail = tail_loss(&hundred, 0.99).unwrap();
        assert!((tail.value_at_risk - (0.098 + 0.01 * 0.402)).abs() < 1e-12, "{tail:?}");
        assert_eq!(tail.expected_shortfall, 0.5);
    }

    #[test]
    fn a_leg_that_moves_twice_as_far_is_a_beta_of_two_and_a_mismatch_of_one() {
        let short: Vec<f64> = (0..30).map(|day| if day % 3 == 0 { 0.01 } else { -0.004 }).collect();
        let long: Vec<f64> = short.iter().map(|r| 2.0 * r + 0.001).collect();
        let fit = pair_fit(&long, &short).unwrap();
        assert!((fit.beta - 2.0).abs() < 1e-12 && (fit.correlation - 1.0).abs() < 1e-12);
        assert!((fit.volatility_mismatch - 1.0).abs() < 1e-12);
        assert_eq!(pair_fit(&long[..19], &short[..19]), None);
        assert_eq!(pair_fit(&long, &[0.0; 30]), None, "a leg that never moves");
    }

    proptest! {
        #[test]
        fn the_sleeves_add_up_to_the_volatility_of_the_whole(
            days in prop::collection::vec([-0.05_f64..0.05, -0.05_f64..0.05, -0.05_f64..0.05], 2..80),
        ) {
            let sleeves: Vec<Vec<f64>> = (0..3).map(|sleeve| days.iter().map(|day| day[sleeve]).collect()).collect();
            let whole: Vec<f64> = days.iter().map(|day| day.iter().sum()).collect();
            let volatility = annualised(libm::sqrt(covariance(&whole, &whole)));
            prop_assume!(volatility > 1e-6);
            let sum: f64 = marginal_volatility(&sleeves).unwrap().iter().sum();
            prop_assert!((sum - volatility).abs() < 1e-12);
        }

        #[test]
        fn the_shortfall_is_never_less_than_the_value_at_risk(returns in prop::collection::vec(-0.2_f64..0.2, 100..400)) {
            let tail = tail_loss(&returns, 0.99).unwrap();
            let worst = -returns.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(tail.value_at_risk <= tail.expected_shortfall && tail.expected_shortfall <= worst + 1e-15);
        }
    }
}
