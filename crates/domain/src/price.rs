//! Prices and quantities as integers on one scale, and the declared unit a venue quotes in.
//!
//! In: decimals or doubles at the doors. Out: i64 mantissas the core multiplies exactly.
//! Invariant: a price is positive and finite; pence become pounds by declaration, never by size.

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::num::NonZeroI64;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Digits after the point of a price mantissa.
pub const PRICE_DIGITS: u32 = 8;
/// Digits after the point of a quantity mantissa.
pub const QUANTITY_DIGITS: u32 = 4;
const PRICE_SCALE: f64 = 1e8;
/// Largest price whose mantissa fits.
const PRICE_MAX: f64 = 9.0e10;

/// Why a double is no price.
#[cold]
fn refused(price: f64) -> BadNumber {
    match price.is_finite() && price <= PRICE_MAX {
        true => BadNumber::NotPositive(price.to_string()),
        false => BadNumber::NotFinite(price.to_string()),
    }
}

/// Out of the way of what is done with prices all the time.
#[cold]
fn not_positive(mantissa: i64) -> BadNumber {
    BadNumber::NotPositive(mantissa.to_string())
}

/// Half away from zero to the digits a price keeps.
fn to_price_digits(price: Decimal) -> Decimal {
    price.round_dp_with_strategy(PRICE_DIGITS, RoundingStrategy::MidpointAwayFromZero)
}

/// A number from outside that the core refuses to hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadNumber {
    /// NaN or infinite, or the 1.797e308 a broker sends for "unset".
    #[error("{0} is not a finite number in range")]
    NotFinite(String),
    /// A price of zero or below.
    #[error("a price must be above zero, got {0}")]
    NotPositive(String),
    /// More digits or more size than the scale holds.
    #[error("{value} does not fit {digits} digits after the point")]
    OutOfScale {
        /// The refused value.
        value: String,
        /// Digits the type keeps.
        digits: u32,
    },
}

/// A positive price in the major unit of the instrument's currency, eight digits after the point. A column of prices of
/// which some are missing is as wide as one of integers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(NonZeroI64);

impl Price {
    /// From the integer number of 1e-8 units.
    ///
    /// # Errors
    /// [`BadNumber::NotPositive`] at zero and below.
    #[inline]
    pub fn from_mantissa(mantissa: i64) -> Result<Price, BadNumber> {
        match Price::if_positive(mantissa) {
            Some(price) => Ok(price),
            None => Err(not_positive(mantissa)),
        }
    }

    /// The same where zero is nothing to tell of.
    #[inline]
    pub fn if_positive(mantissa: i64) -> Option<Price> {
        NonZeroI64::new(mantissa).filter(|_| mantissa > 0).map(Price)
    }

    /// From a decimal in the major unit, rounded half away from zero to eight digits.
    ///
    /// # Errors
    /// [`BadNumber`] for zero, negative or too large.
    pub fn from_decimal(price: Decimal) -> Result<Price, BadNumber> {
        if price <= Decimal::ZERO {
            return Err(BadNumber::NotPositive(price.to_string()));
        }
        let out_of_scale = || BadNumber::OutOfScale { value: price.to_string(), digits: PRICE_DIGITS };
        let rounded = to_price_digits(price);
        let mantissa = (rounded.checked_mul(Decimal::from(10_i64.pow(PRICE_DIGITS)))).and_then(|m| m.to_i64());
        Price::from_mantissa(mantissa.ok_or_else(out_of_scale)?)
    }

    /// From a double in the major unit (market data), rounded to eight digits.
    ///
    /// # Errors
    /// [`BadNumber`] for NaN, infinities, sentinels, zero and negative values.
    #[inline]
    pub fn from_f64(price: f64) -> Result<Price, BadNumber> {
        let mantissa = (price * PRICE_SCALE + 0.5) as i64;
        match NonZeroI64::new(mantissa) {
            Some(positive) if mantissa > 0 && price <= PRICE_MAX => Ok(Price(positive)),
            _ => Err(refused(price)),
        }
    }

    /// The nearest double of a price that may be missing, which is zero: a column of them has no branches.
    #[inline]
    pub fn or_zero(price: Option<Price>) -> f64 {
        price.map_or(0, Price::mantissa) as f64 / PRICE_SCALE
    }

    /// From what a venue quotes, by the instrument's declared unit.
    ///
    /// # Errors
    /// [`BadNumber`] as for [`Price::from_decimal`].
    pub fn from_quote(quoted: Decimal, unit: QuoteUnit) -> Result<Price, BadNumber> {
        Price::from_decimal(quoted / unit.per_major())
    }

    /// What a venue of this unit would show.
    pub fn to_quote(self, unit: QuoteUnit) -> Decimal {
        self.to_decimal() * unit.per_major()
    }

    /// The integer number of 1e-8 units.
    #[inline]
    pub fn mantissa(self) -> i64 {
        self.0.get()
    }

    /// The exact decimal.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.mantissa(), PRICE_DIGITS)
    }

    /// The nearest double, for statistics.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.mantissa() as f64 / PRICE_SCALE
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_decimal().normalize().to_string())
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({self})")
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decimal = rust_decimal::serde::str::deserialize(deserializer)?;
        Price::from_decimal(decimal).map_err(serde::de::Error::custom)
    }
}

/// The unit a venue quotes and takes order prices in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteUnit {
    /// Pounds, euros, dollars, or index points.
    Major,
    /// Hundredths of the major unit: pence (GBX) or cents.
    Hundredth,
}

impl QuoteUnit {
    /// Quoted units in one major unit; the broker's price magnifier for the same line.
    pub fn per_major(self) -> Decimal {
        match self {
            QuoteUnit::Major => Decimal::ONE,
            QuoteUnit::Hundredth => Decimal::ONE_HUNDRED,
        }
    }
}

/// Cost of one unit of the underlying from a broker's average cost of one contract: of a future that is price ×
/// multiplier with the commission in it, so it is for show and never for valuing. Rounded half away from zero to the
/// digits of a price; zero or negative when a short sale's commission ate its proceeds.
///
/// # Panics
/// For a multiplier of zero, which no instrument has.
pub fn per_unit_cost(average_cost: Decimal, multiplier: u32) -> Decimal {
    assert!(multiplier > 0, "an instrument has a multiplier");
    to_price_digits(average_cost / Decimal::from(multiplier))
}

/// A signed number of shares or contracts, four digits after the point.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);
    /// Mantissa units in one share or contract.
    pub const UNITS_PER_SHARE: i64 = 10_000;

    /// Whole shares or contracts.
    #[inline]
    pub fn whole(shares: i64) -> Quantity {
        Quantity(shares * Self::UNITS_PER_SHARE)
    }

    /// From the integer number of 1e-4 units.
    #[inline]
    pub fn from_units(units: i64) -> Quantity {
        Quantity(units)
    }

    /// From a decimal that has at most four digits after the point.
    ///
    /// # Errors
    /// [`BadNumber::OutOfScale`] when digits would be lost or the size does not fit.
    pub fn from_decimal(quantity: Decimal) -> Result<Quantity, BadNumber> {
        let out_of_scale = || BadNumber::OutOfScale { value: quantity.to_string(), digits: QUANTITY_DIGITS };
        let units = quantity.checked_mul(Decimal::from(Self::UNITS_PER_SHARE)).ok_or_else(out_of_scale)?;
        if !units.fract().is_zero() {
            return Err(out_of_scale());
        }
        units.to_i64().map(Quantity).ok_or_else(out_of_scale)
    }

    /// From a double a broker sent as a quantity.
    ///
    /// # Errors
    /// [`BadNumber`] for NaN, infinities, sentinels and fractions beyond four digits.
    #[inline]
    pub fn from_f64(quantity: f64) -> Result<Quantity, BadNumber> {
        if !quantity.is_finite() || quantity.abs() > 1e14 {
            return Err(BadNumber::NotFinite(quantity.to_string()));
        }
        let decimal = Decimal::from_f64(quantity).ok_or_else(|| BadNumber::NotFinite(quantity.to_string()))?;
        Quantity::from_decimal(decimal)
    }

    /// The integer number of 1e-4 units.
    #[inline]
    pub fn units(self) -> i64 {
        self.0
    }

    /// The exact decimal.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, QUANTITY_DIGITS)
    }

    /// The nearest double, for target arithmetic.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::UNITS_PER_SHARE as f64
    }

    /// The size without the sign.
    #[inline]
    pub fn abs(self) -> Quantity {
        Quantity(self.0.abs())
    }

    /// -1, 0 or 1.
    #[inline]
    pub fn signum(self) -> i64 {
        self.0.signum()
    }

    /// True for no position.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Quantity × price × multiplier in the instrument's currency, exact to twelve digits.
    ///
    /// # Panics
    /// Above 7.9e16 currency units, which no account of this engine can hold.
    #[inline]
    pub fn value_at(self, price: Price, multiplier: u32) -> Decimal {
        let product = i128::from(self.0) * i128::from(price.mantissa()) * i128::from(multiplier);
        Decimal::from_i128_with_scale(product, PRICE_DIGITS + QUANTITY_DIGITS)
    }
}

impl Add for Quantity {
    type Output = Quantity;
    #[inline]
    fn add(self, other: Quantity) -> Quantity {
        Quantity(self.0 + other.0)
    }
}

impl Sub for Quantity {
    type Output = Quantity;
    #[inline]
    fn sub(self, other: Quantity) -> Quantity {
        Quantity(self.0 - other.0)
    }
}

impl Neg for Quantity {
    type Output = Quantity;
    #[inline]
    fn neg(self) -> Quantity {
        Quantity(-self.0)
    }
}

impl AddAssign for Quantity {
    #[inline]
    fn add_assign(&mut self, other: Quantity) {
        self.0 += other.0;
    }
}

impl SubAssign for Quantity {
    #[inline]
    fn sub_assign(&mut self, other: Quantity) {
        self.0 -= other.0;
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_decimal().normalize().to_string())
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantity({self})")
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decimal = rust_decimal::serde::str::deserialize(deserializer)?;
        Quantity::from_decimal(decimal).map_err(serde::de::Error::custom)
    }
}
