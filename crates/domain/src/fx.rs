//! Exchange rates to one base currency.
//!
//! In: rates with their source's time. Out: conversions. Invariant: the base converts at exactly 1,
//! anything else without a rate is an error; cross rates go through the base.

use crate::{BaseMoney, Currency, Money, PerCurrency};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Units of the base currency for one unit of each other currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FxRates {
    base: Currency,
    to_base: PerCurrency<Option<Decimal>>,
}

/// Why a conversion is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FxError {
    /// Nobody supplied a rate for this currency.
    #[error("no exchange rate from {from} to {to}: refresh the rates or drop the {from} exposure")]
    Unknown {
        /// The currency held.
        from: Currency,
        /// The currency wanted.
        to: Currency,
    },
    /// The rate offered is zero or negative.
    #[error("an exchange rate must be above zero, got {rate} for {currency}")]
    NotPositive {
        /// The currency.
        currency: Currency,
        /// The refused rate.
        rate: Decimal,
    },
}

impl FxRates {
    /// Rates that know only the base itself.
    pub fn new(base: Currency) -> Self {
        let mut to_base = PerCurrency::default();
        to_base[base] = Some(Decimal::ONE);
        FxRates { base, to_base }
    }

    /// The base currency.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// Sets how many units of base one unit of `currency` is worth.
    ///
    /// # Errors
    /// [`FxError::NotPositive`] for zero and below; the base itself stays at 1.
    pub fn set(&mut self, currency: Currency, rate: Decimal) -> Result<(), FxError> {
        if rate <= Decimal::ZERO || (currency == self.base && rate != Decimal::ONE) {
            return Err(FxError::NotPositive { currency, rate });
        }
        self.to_base[currency] = Some(rate);
        Ok(())
    }

    /// Units of `to` for one unit of `from`.
    ///
    /// # Errors
    /// [`FxError::Unknown`] when either side has no rate to the base.
    pub fn rate(&self, from: Currency, to: Currency) -> Result<Decimal, FxError> {
        if from == to {
            return Ok(Decimal::ONE);
        }
        let unknown = FxError::Unknown { from, to };
        match (self.to_base[from], self.to_base[to]) {
            (Some(rate), Some(_)) if to == self.base => Ok(rate),
            (Some(from_rate), Some(to_rate)) => Ok(from_rate / to_rate),
            _ => Err(unknown),
        }
    }

    /// The amount in another currency.
    ///
    /// # Errors
    /// [`FxError::Unknown`] as for [`FxRates::rate`].
    pub fn convert(&self, money: Money, to: Currency) -> Result<Money, FxError> {
        Ok(Money::new(money.amount * self.rate(money.currency, to)?, to))
    }

    /// The amount in the base currency.
    ///
    /// # Errors
    /// [`FxError::Unknown`] when its currency has no rate.
    pub fn to_base(&self, money: Money) -> Result<BaseMoney, FxError> {
        if money.currency == self.base {
            return Ok(BaseMoney::new(money.amount));
        }
        Ok(BaseMoney::new(money.amount * self.rate(money.currency, self.base)?))
    }

    /// Currencies that have a rate, the base included.
    pub fn known(&self) -> impl Iterator<Item = (Currency, Decimal)> + '_ {
        self.to_base.iter().filter_map(|(currency, rate)| rate.map(|r| (currency, r)))
    }
}
