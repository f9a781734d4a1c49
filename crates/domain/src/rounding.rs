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

/// Booked money: eight digits, half away from zero.
#[inline]
pub fn to_money_digits(amount: Decimal) -> Decimal {
    if amount.scale() <= MONEY_DIGITS {
        return amount;
    }
    amount.round_dp_with_strategy(MONEY_DIGITS, RoundingStrategy::MidpointAwayFromZero)
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
