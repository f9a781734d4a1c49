//! Exact amounts: with their currency, in the base currency, and as notional.
//!
//! In: decimals. Out: sums that are exact to eight digits. Invariant: a notional is not money that
//! somebody has, so it cannot be added to NAV; two currencies cannot be added at all.

use crate::Currency;
use crate::rounding::{MONEY_DIGITS, POWERS, to_money_digits};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// An amount in one currency, at most eight digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount in major units (pounds, not pence).
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

/// Two amounts of different currencies met without a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot add {left} and {right} without an exchange rate")]
pub struct MixedCurrencies {
    left: Currency,
    right: Currency,
}

impl Money {
    /// An amount, rounded half away from zero to eight digits.
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Money { amount: to_money_digits(amount), currency }
    }

    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Self {
        Money { amount: Decimal::ZERO, currency }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MixedCurrencies`] when the currencies differ.
    pub fn checked_add(self, other: Money) -> Result<Money, MixedCurrencies> {
        if self.currency != other.currency {
            return Err(MixedCurrencies { left: self.currency, right: other.currency });
        }
        Ok(Money { amount: self.amount + other.amount, currency: self.currency })
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money { amount: -self.amount, currency: self.currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", grouped(self.amount, 2), self.currency)
    }
}

/// The nearest double: one division where the digits and the power of ten are doubles themselves.
fn nearest_double(amount: Decimal) -> f64 {
    const EXACT: u128 = 1 << 51;
    let (mantissa, scale) = (amount.mantissa(), amount.scale());
    if mantissa.unsigned_abs() < EXACT && scale <= MONEY_DIGITS {
        return mantissa as i64 as f64 / POWERS[scale as usize] as i64 as f64;
    }
    amount.to_f64().expect("a 96-bit decimal always has a nearest double")
}

macro_rules! base_amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: $name = $name(Decimal::ZERO);

            /// The amount in base currency, rounded half away from zero to eight digits.
            pub fn new(amount: Decimal) -> Self {
                $name(to_money_digits(amount))
            }

            /// The exact amount.
            #[inline]
            pub fn amount(self) -> Decimal {
                self.0
            }

            /// The amount for statistics and target arithmetic; never booked.
            #[inline]
            pub fn to_f64(self) -> f64 {
                nearest_double(self.0)
            }

            /// The size without the sign.
            pub fn abs(self) -> Self {
                $name(self.0.abs())
            }
        }

        impl Add for $name {
            type Output = $name;
            fn add(self, other: $name) -> $name {
                $name(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = $name;
            fn sub(self, other: $name) -> $name {
                $name(self.0 - other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                self.0 += other.0;
            }
        }

        impl Neg for $name {
            type Output = $name;
            fn neg(self) -> $name {
                $name(-self.0)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = $name>>(amounts: I) -> $name {
                amounts.fold($name::ZERO, Add::add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&grouped(self.0, 2))
            }
        }
    };
}

base_amount!(
    /// Money valued in the account's base currency: NAV, NLV, P&L, fees.
    BaseMoney
);
base_amount!(
    /// Quantity × price × multiplier in the base currency: exposure and turnover, not wealth.
    Notional
);

impl Notional {
    /// This notional as a multiple of NAV; 0 when there is no NAV to divide by.
    pub fn over(self, nav: BaseMoney) -> f64 {
        if nav.amount() > Decimal::ZERO { self.to_f64() / nav.to_f64() } else { 0.0 }
    }
}

/// Text with thousands separators, rounded half away from zero to `digits`.
pub fn grouped(amount: Decimal, digits: u32) -> String {
    let rounded = amount.round_dp_with_strategy(digits, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    let text = format!("{:.*}", digits as usize, rounded.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::with_capacity(text.len() + 8);
    if rounded.is_sign_negative() && !rounded.is_zero() {
        out.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}
