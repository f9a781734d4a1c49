//! Sharing out what is whole, and what is money, without losing any.
//!
//! In: a total and signed weights. Out: shares that sum to the total. Invariant: exact; the same
//! for the same numbers, whoever asks and when.

use crate::rounding::to_money_digits;
use rust_decimal::Decimal;
use std::cmp::Reverse;

/// A total in whole steps by largest remainder: what is over goes, a step each, to the largest fractions cut off, among
/// equals to the largest weight, among those to the first. A total that is not whole is shared in single units.
pub(super) fn apportioned(total: i64, weights: &[i64], step: i64) -> Vec<i64> {
    let sum: i64 = weights.iter().sum();
    assert!(sum != 0, "weights that cancel share nothing out");
    let step = if total % step == 0 { step } else { 1 };
    let factor = i128::from(total) * i128::from(sum.signum());
    whole_steps(total, weights, (factor, i128::from(sum.abs())), step)
}

/// The parts of a total after a split, each scaled by the ratio and rounded to a step beside it. Parts that cancel go on
/// cancelling.
pub(super) fn scaled(total: i64, parts: &[i64], (numerator, denominator): (u32, u32), step: i64) -> Vec<i64> {
    whole_steps(total, parts, (i128::from(numerator), i128::from(denominator)), step)
}

/// Weights times a ratio in whole steps, by largest remainder. The total is what they come to, less than a step away.
fn whole_steps(total: i64, weights: &[i64], (numerator, denominator): (i128, i128), step: i64) -> Vec<i64> {
    let whole = denominator * i128::from(step);
    let exact = |&weight: &i64| i128::from(weight) * numerator;
    let mut steps: Vec<i64> = weights.iter().map(|weight| fitted(exact(weight).div_euclid(whole))).collect();
    let left = total / step - steps.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| (Reverse(exact(&weights[i]).rem_euclid(whole)), Reverse(weights[i].abs()), i));
    for &i in order.iter().take(usize::try_from(left).expect("fewer steps are left than there are weights")) {
        steps[i] += 1;
    }
    steps.into_iter().map(|count| count * step).collect()
}

/// An amount by weight, each share to the digits of money; the rest is the largest weight's, among equals the first's.
pub(super) fn shared(total: Decimal, weights: &[i64]) -> Vec<Decimal> {
    let sum: i64 = weights.iter().sum();
    assert!(sum != 0, "weights that cancel share nothing out");
    let largest = (0..weights.len()).min_by_key(|&i| Reverse(weights[i].abs())).expect("a sum has a weight");
    let share = |&weight: &i64| to_money_digits(total * (Decimal::from(weight) / Decimal::from(sum)));
    let mut shares: Vec<Decimal> = weights.iter().map(share).collect();
    shares[largest] = Decimal::ZERO;
    shares[largest] = total - shares.iter().sum::<Decimal>();
    shares
}

fn fitted(steps: i128) -> i64 {
    i64::try_from(steps).expect("a share of a position is a position")
}
