//! Every rounding of the system, by name.
//!
//! In: exact or statistical values. Out: values on a grid (lot, tick, money digits).
//! Invariant: a quantity never rounds through zero, a limit never rounds past its collar, and
//! banker's rounding is nowhere.

use crate::{Price, Quantity, Side};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Digits after the point that booked money keeps.
pub const MONEY_DIGITS: u32 = 8;

/// Powers of ten from 1 to what lies between the digits of money and those a decimal can have.
pub(crate) const POWERS: [i128; 21] = {
    let mut powers = [1; 21];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = 10 * powers[exponent - 1];
        exponent += 1;
    }
    powers
};

/// Booked money: eight digits, half away from zero.
#[inline]
pub fn to_money_digits(amount: Decimal) -> Decimal {
    if amount.scale() <= MONEY_DIGITS {
        return amount;
    }
    amount.round_dp_with_strategy(MONEY_DIGITS, RoundingStrategy::MidpointAwayFromZero)
}

/// The share `of / whole` of an amount, to the digits booked money keeps, from the exact product.
///
/// # Panics
/// For a share of nothing.
#[inline]
pub fn share_of(amount: Decimal, of: i64, whole: i64) -> Decimal {
    let (up, down) = match amount.scale() {
        scale if scale <= MONEY_DIGITS => (POWERS[(MONEY_DIGITS - scale) as usize], 1),
        scale => (1, POWERS[(scale - MONEY_DIGITS) as usize]),
    };
    let product = amount.mantissa().checked_mul(i128::from(of)).and_then(|product| product.checked_mul(up));
    let exact = product.zip(i128::from(whole).checked_mul(down)).map(|(product, parts)| quotient(product, parts));
    let share = exact.and_then(|share| Decimal::try_from_i128_with_scale(share, MONEY_DIGITS).ok());
    // Beyond 38 digits the quotient is taken first, to the 28 digits a decimal has.
    share.unwrap_or_else(|| to_money_digits(amount * (Decimal::from(of) / Decimal::from(whole))))
}

/// An integer product.
#[inline]
pub(crate) fn product(left: i128, right: i128) -> i128 {
    // Two i64 always fit; the checked product of integers of twice the machine's width is long.
    match (i64::try_from(left), i64::try_from(right)) {
        (Ok(left), Ok(right)) => i128::from(left).wrapping_mul(i128::from(right)),
        _ => left * right,
    }
}

/// An integer quotient, half away from zero.
#[inline]
pub(crate) fn quotient(dividend: i128, divisor: i128) -> i128 {
    // Dividing integers of twice the machine's width is a call.
    let (whole, rest) = match (i64::try_from(dividend), i64::try_from(divisor)) {
        (Ok(dividend), Ok(divisor)) if divisor > 0 => (i128::from(dividend / divisor), i128::from(dividend % divisor)),
        _ => (dividend / divisor, dividend % divisor),
    };
    let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    if 2 * rest.unsigned_abs() >= divisor.unsigned_abs() { whole + away } else { whole }
}

/// How a wanted quantity becomes whole lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotRounding {
    /// To the nearest lot, ties away from zero.
    HalfAwayFromZero,
    /// Toward zero: never more than wanted.
    TowardZero,
}

/// A wanted quantity (units of the instrument, any real number) in whole lots.
///
/// A wanted quantity beyond what an order can carry saturates; the gate refuses it by value.
#[inline]
pub fn to_lot(wanted: f64, lot: Quantity, rounding: LotRounding) -> Quantity {
    assert!(wanted.is_finite(), "a wanted quantity is finite by construction");
    let lots = wanted * Quantity::UNITS_PER_SHARE as f64 / lot.units() as f64;
    let whole = match rounding {
        LotRounding::HalfAwayFromZero => libm_round(lots),
        LotRounding::TowardZero => lots as i64,
    };
    Quantity::from_units(whole.saturating_mul(lot.units()))
}

/// Half away from zero without a call into the C library: `as` truncates toward zero.
fn libm_round(value: f64) -> i64 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i64
}

/// A limit price on the tick grid, inside the collar: buys round down, sells round up.
#[inline]
pub fn limit_to_tick(price: Price, tick: Price, side: Side) -> Price {
    let (p, t) = (price.mantissa(), tick.mantissa());
    let down = p - p.rem_euclid(t);
    let ticked = match side {
        Side::Buy => down.max(t),
        Side::Sell if down == p => p,
        Side::Sell => down + t,
    };
    Price::from_mantissa(ticked).expect("at least one tick is positive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_is_the_nearest_there_is_and_the_whole_share_is_the_amount(
            mantissa in -10_i64.pow(17)..10_i64.pow(17), scale in 0_u32..16,
            of in -10_i64.pow(12)..10_i64.pow(12), whole in 1_i64..10_i64.pow(12),
        ) {
            let amount = Decimal::new(mantissa, scale);
            let share = share_of(amount, of, whole);
            prop_assert!(share.scale() <= MONEY_DIGITS);
            // Exact in integers: |share × whole − amount × of| ≤ whole / 2 in units of the last digit money keeps.
            let exact = mantissa as i128 * of as i128;
            let off = share.mantissa() * 10_i128.pow(MONEY_DIGITS - share.scale()) * whole as i128;
            let (left, right) = match scale <= MONEY_DIGITS {
                true => (off, exact.checked_mul(10_i128.pow(MONEY_DIGITS - scale))),
                false => (off * 10_i128.pow(scale - MONEY_DIGITS), Some(exact)),
            };
            let tolerance = whole as i128 * if scale <= MONEY_DIGITS { 1 } else { 10_i128.pow(scale - MONEY_DIGITS) };
            // A decimal has 28 digits: a larger share keeps fewer behind the point.
            if let Some(right) = right.filter(|_| share.abs() < Decimal::from(10_i128.pow(20))) {
                prop_assert!(2 * (left - right).abs() <= tolerance, "{amount} × {of} / {whole} = {share}");
            }
            prop_assert_eq!(share_of(amount, whole, whole), to_money_digits(amount));
        }
    }

    #[test]
    fn a_tie_goes_away_from_zero() {
        let amount = Decimal::new(3, MONEY_DIGITS);
        assert_eq!(share_of(amount, 1, 2), Decimal::new(2, MONEY_DIGITS));
        assert_eq!(share_of(-amount, 1, 2), Decimal::new(-2, MONEY_DIGITS));
        assert_eq!(share_of(amount, 1, -2), Decimal::new(-2, MONEY_DIGITS));
    }

    #[test]
    fn a_product_beyond_the_integers_is_shared_all_the_same() {
        let amount = Decimal::MAX / Decimal::from(1_000);
        assert_eq!(share_of(amount, i64::MAX, i64::MAX), to_money_digits(amount));
    }
}
