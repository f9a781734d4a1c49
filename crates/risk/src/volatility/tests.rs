//! The estimate against pandas, on real closes.

use super::*;

fn policy() -> VolatilityPolicy {
    VolatilityPolicy {
        target: 0.12,
        floor: 0.08,
        ewma_span: 20,
        rolling_window: 60,
        ewma_weight: 0.7,
        scale_max: 2.0,
        observations_min: 0,
        degraded_scale_max: 0.5,
        source: ReturnsOf::UnitStrategy,
    }
}

fn close_to(ours: Option<f64>, golden: &str) -> bool {
    match (ours, golden.parse::<f64>().ok()) {
        (None, None) => true,
        (Some(ours), Some(golden)) => (ours - golden).abs() <= 1e-9 * golden.abs().max(1e-3),
        _ => false,
    }
}

#[test]
fn a_return_that_is_no_number_leaves_no_estimate() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut estimator = VolatilityEstimator::new(&policy());
        [0.01, -0.01, bad, 0.01].into_iter().for_each(|daily_return| estimator.push(daily_return));
        let estimate = estimator.estimate(&policy());
        assert_eq!((estimate.quality, estimate.vol_scale), (Quality::Invalid, 0.0), "{bad}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
fn equals_pandas_on_every_golden_day() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden");
    let mut compared = 0;
    for series in [
        "SPX_2010_2018",
        "SX5E_2010_2018",
        "HYG_adj_2010_2018",
        "DAX_2025_2026",
        "SPX_2025_2026",
        "SX5E_2025_2026",
        "HYG_adj_2025_2026",
    ] {
        let Ok(mut reader) = csv::Reader::from_path(format!("{folder}/risk_{series}.csv")) else {
            eprintln!("skipped: no golden file for {series}");
            continue;
        };
        let mut estimator = VolatilityEstimator::new(&policy());
        for row in reader.records() {
            let row = row.unwrap();
            if let Ok(daily_return) = row[2].parse::<f64>() {
                estimator.push(daily_return);
            }
            let estimate = estimator.estimate(&policy());
            assert!(close_to(estimate.ewma, &row[3]), "{series} {}: {:?} against {}", &row[0], estimate.ewma, &row[3]);
            assert!(close_to(estimate.blended, &row[6]), "{series} {} blended", &row[0]);
            assert!(close_to(estimate.floored, &row[7]), "{series} {} floored", &row[0]);
            let scale = estimate.floored.map(|_| estimate.vol_scale);
            assert!(close_to(scale, &row[8]), "{series} {} scale {scale:?} {}", &row[0], &row[8]);
            compared += 1;
        }
    }
    eprintln!("compared {compared} days with pandas");
}

#[test]
fn a_short_history_trades_small_and_none_at_all_not() {
    let policy = VolatilityPolicy { observations_min: 60, ..policy() };
    let mut estimator = VolatilityEstimator::new(&policy);
    assert_eq!(estimator.estimate(&policy).quality, Quality::Invalid);
    assert_eq!(estimator.estimate(&policy).vol_scale, 0.0);
    for day in 0..59 {
        estimator.push(if day % 2 == 0 { 0.001 } else { -0.001 });
    }
    let degraded = estimator.estimate(&policy);
    assert_eq!((degraded.quality, degraded.vol_scale), (Quality::Degraded, 0.5));
    estimator.push(0.001);
    assert_eq!(estimator.estimate(&policy).quality, Quality::Valid);
    assert_eq!(estimator.estimate(&policy).vol_scale, 1.5, "the 8 % floor bounds the scale");
}

/// Nearly normal: twelve even draws of a small generator, so that a failure can be run again.
fn draws(count: usize, annual: f64) -> impl Iterator<Item = f64> {
    let mut state = 7_u64;
    let mut even = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let daily = annual / annualised(1.0);
    (0..count).map(move |_| ((0..12).map(|_| even()).sum::<f64>() - 6.0) * daily)
}

/// Volatility that is reached when each day's scale comes from the estimate of the day before, and the returns it is
/// estimated from are those of the unit strategy, or those of the book that it scaled.
fn reached(source: ReturnsOf, unit: f64) -> f64 {
    let policy = VolatilityPolicy { floor: 0.02, source, ..policy() };
    let mut estimator = VolatilityEstimator::new(&policy);
    let mut book = Vec::new();
    for unit_return in draws(60_000, unit) {
        let scale = estimator.estimate(&policy).floored.map_or(1.0, |_| estimator.estimate(&policy).vol_scale);
        let scaled = scale * unit_return;
        book.push(scaled);
        estimator.push(if source == ReturnsOf::UnitStrategy { unit_return } else { scaled });
    }
    let squares: f64 = book[200..].iter().map(|scaled| scaled * scaled).sum();
    annualised(libm::sqrt(squares / (book.len() - 200) as f64))
}

/// Scaling on the returns of the book it scales ends at √(target × volatility): half of what is missing stays missing.
#[test]
fn in_a_world_without_memory_the_unit_strategy_s_estimate_reaches_the_target_and_the_book_s_own_does_not() {
    for unit in [0.07, 0.10, 0.16] {
        let (right, wrong) = (reached(ReturnsOf::UnitStrategy, unit), reached(ReturnsOf::Account, unit));
        assert!((right / 0.12 - 1.0).abs() < 0.05, "{right} for a target of 0.12 at {unit}");
        assert!((wrong / libm::sqrt(0.12 * unit) - 1.0).abs() < 0.05, "{wrong} at {unit}");
    }
}
