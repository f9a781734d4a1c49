//! ISO 4217 currencies the engine can hold, and dense columns over them.
//!
//! In: three-letter codes. Out: a `Copy` key. Invariant: an unlisted currency is an error at the
//! edge, never a silent row with rate 1.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

/// A currency of the account, of an instrument, or of a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the variants are ISO 4217 codes")]
pub enum Currency {
    Usd,
    Eur,
    Gbp,
    Chf,
    Jpy,
    Sek,
    Nok,
    Dkk,
    Pln,
}

impl Currency {
    /// Every currency, in the order of the dense columns.
    pub const ALL: [Currency; 9] = [
        Currency::Usd,
        Currency::Eur,
        Currency::Gbp,
        Currency::Chf,
        Currency::Jpy,
        Currency::Sek,
        Currency::Nok,
        Currency::Dkk,
        Currency::Pln,
    ];

    /// The ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Usd => "USD",
            Currency::Eur => "EUR",
            Currency::Gbp => "GBP",
            Currency::Chf => "CHF",
            Currency::Jpy => "JPY",
            Currency::Sek => "SEK",
            Currency::Nok => "NOK",
            Currency::Dkk => "DKK",
            Currency::Pln => "PLN",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The text is not a currency the engine knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency `{0}`; known are {list}", list = Currency::ALL.map(Currency::code).join(", "))]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Currency::ALL.into_iter().find(|c| c.code() == text).ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}

/// One value per currency, indexed by the currency itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerCurrency<T>([T; Currency::ALL.len()]);

impl<T> PerCurrency<T> {
    /// Builds the column by asking `value` for each currency in order.
    pub fn from_fn(mut value: impl FnMut(Currency) -> T) -> Self {
        PerCurrency(std::array::from_fn(|i| value(Currency::ALL[i])))
    }

    /// Currencies with their values, in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (Currency, &T)> {
        Currency::ALL.into_iter().zip(self.0.iter())
    }
}

impl<T> Index<Currency> for PerCurrency<T> {
    type Output = T;
    #[inline]
    fn index(&self, currency: Currency) -> &T {
        &self.0[currency as usize]
    }
}

impl<T> IndexMut<Currency> for PerCurrency<T> {
    #[inline]
    fn index_mut(&mut self, currency: Currency) -> &mut T {
        &mut self.0[currency as usize]
    }
}
