//! Amounts inside the books: integers.
//!
//! In: decimals at the doors; quantities at prices. Out: sums that are one addition each, decimals at the doors. Invariant:
//! exact to twelve digits, which a quantity at a price has; what came with more was rounded half away from zero.

use crate::price::{PRICE_DIGITS, QUANTITY_DIGITS};
use crate::rounding::{MONEY_DIGITS, POWERS, product, quotient, share_of};
use crate::{Price, Quantity};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

const DIGITS: u32 = PRICE_DIGITS + QUANTITY_DIGITS;

/// An amount in 1e-12 of the major unit of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact(i128);

impl Exact {
    /// Nothing.
    pub const ZERO: Exact = Exact(0);

    /// Quantity × price × multiplier.
    ///
    /// # Panics
    /// Above 9.2e14 units of the underlying, which no account of this engine can hold.
    #[inline]
    pub fn value(quantity: Quantity, price: Price, multiplier: u32) -> Exact {
        let units = quantity.units() * i64::from(multiplier);
        // Two i64 always fit an i128; the checked product would be a library call.
        Exact(i128::from(units).wrapping_mul(i128::from(price.mantissa())))
    }

    /// So many times the amount.
    #[inline]
    pub fn times(self, multiplier: u32) -> Exact {
        if multiplier == 1 { self } else { Exact(self.0 * i128::from(multiplier)) }
    }

    /// True for nothing.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The decimal without trailing zeros; beyond 7.9e16 units of currency to the digits of money.
    ///
    /// # Panics
    /// Above 7.9e20 units of currency, which no account of this engine can hold.
    pub fn to_decimal(self) -> Decimal {
        let whole = Decimal::try_from_i128_with_scale(self.0, DIGITS);
        whole.unwrap_or_else(|_| self.to_money_digits()).normalize()
    }

    /// The decimal to the digits of money, half away from zero.
    ///
    /// # Panics
    /// As [`Exact::to_decimal`].
    pub fn to_money_digits(self) -> Decimal {
        Decimal::from_i128_with_scale(quotient(self.0, MORE), MONEY_DIGITS)
    }

    /// The share `of / whole` as a decimal to the digits of money, half away from zero.
    ///
    /// # Panics
    /// As [`Exact::to_decimal`], and for a share of nothing.
    #[inline]
    pub fn money_share(self, of: i64, whole: i64) -> Decimal {
        let share = quotient(product(self.0, i128::from(of)), i128::from(whole) * MORE);
        Decimal::from_i128_with_scale(share, MONEY_DIGITS)
    }

    /// The share that belongs to a part of a quantity, to the digits money keeps; nothing for a part of nothing.
    #[inline]
    pub fn share(self, of: Quantity, whole: Quantity) -> Exact {
        if of.is_zero() || self.is_zero() {
            return Exact::ZERO;
        }
        if of == whole {
            return self;
        }
        match self.0.checked_mul(i128::from(of.units())) {
            Some(product) => Exact(quotient(product, i128::from(whole.units()) * MORE) * MORE),
            None => Exact::from(share_of(self.to_decimal(), of.units(), whole.units())),
        }
    }
}

/// Units in the last digit that money keeps.
const MORE: i128 = POWERS[(DIGITS - MONEY_DIGITS) as usize];

impl From<Decimal> for Exact {
    #[inline]
    fn from(amount: Decimal) -> Exact {
        let amount = match amount.scale() {
            0..=DIGITS => amount,
            _ => amount.round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointAwayFromZero),
        };
        Exact(product(amount.mantissa(), POWERS[(DIGITS - amount.scale()) as usize]))
    }
}

impl Add for Exact {
    type Output = Exact;
    #[inline]
    fn add(self, other: Exact) -> Exact {
        Exact(self.0 + other.0)
    }
}

impl Sub for Exact {
    type Output = Exact;
    #[inline]
    fn sub(self, other: Exact) -> Exact {
        Exact(self.0 - other.0)
    }
}

impl Neg for Exact {
    type Output = Exact;
    #[inline]
    fn neg(self) -> Exact {
        Exact(-self.0)
    }
}

impl AddAssign for Exact {
    #[inline]
    fn add_assign(&mut self, other: Exact) {
        self.0 += other.0;
    }
}

impl SubAssign for Exact {
    #[inline]
    fn sub_assign(&mut self, other: Exact) {
        self.0 -= other.0;
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::str::serialize(&self.to_decimal(), serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        rust_decimal::serde::str::deserialize(deserializer).map(Exact::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_is_that_of_the_decimal(units in -10_i64.pow(18)..10_i64.pow(18), large in any::<bool>(), of in 0_i64..10_i64.pow(12), more in 0_i64..10_i64.pow(12)) {
            let amount = Exact(i128::from(units) * if large { 10_i128.pow(10) } else { 1 });
            let (of, whole) = (Quantity::from_units(of), Quantity::from_units(of + more + 1));
            let share = share_of(amount.to_decimal(), of.units(), whole.units());
            prop_assert_eq!(amount.share(of, whole).to_decimal(), share);
            prop_assert_eq!(amount.share(whole, whole), amount);
            prop_assert_eq!((-amount).share(of, whole), -amount.share(of, whole));
        }

        #[test]
        fn what_goes_in_comes_out_to_twelve_digits(mantissa in any::<i64>(), scale in 0_u32..20) {
            let amount = Decimal::new(mantissa, scale);
            let kept = Exact::from(amount).to_decimal();
            prop_assert_eq!(kept, amount.round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointAwayFromZero));
            let text = serde_json::to_string(&Exact::from(amount)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Exact>(&text).unwrap(), Exact::from(amount));
        }
    }

    #[test]
    fn an_amount_beyond_the_decimals_keeps_the_digits_of_money() {
        let amount = Exact(10_i128.pow(32) + 14_999);
        assert_eq!(amount.to_decimal().to_string(), "100000000000000000000.00000001");
    }
}
