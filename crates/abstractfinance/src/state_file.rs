//! `portfolio_state.json`: one account as one file, for people and other programs.
//!
//! In: books and report of a finished day, or a file somebody wrote. Out: the file, or every reason it cannot be true.
//! Invariant: amounts are exact text on the way out and may be numbers on the way in; a file that contradicts itself is
//! refused with all its contradictions at once.

pub mod exchange;
pub mod reasons;

use domain::Currency;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The file. Keys and their meaning are those of the system description, section 8, with cash by currency and results by
/// sleeve added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateFile {
    /// Net asset value in base currency.
    #[serde(deserialize_with = "exact")]
    pub nav: Decimal,
    /// All cash, in base currency.
    #[serde(deserialize_with = "exact")]
    pub cash: Decimal,
    /// Everything the owner put in, less what was taken out.
    #[serde(deserialize_with = "exact")]
    pub initial_capital: Decimal,
    /// Long plus short notional.
    #[serde(deserialize_with = "exact")]
    pub gross_exposure: Decimal,
    /// Long minus short notional.
    #[serde(deserialize_with = "exact")]
    pub net_exposure: Decimal,
    /// Long notional.
    #[serde(deserialize_with = "exact")]
    pub long_exposure: Decimal,
    /// Short notional, positive.
    #[serde(deserialize_with = "exact")]
    pub short_exposure: Decimal,
    /// Annual volatility the scaling used.
    pub realized_vol_annual: f64,
    /// Drawdown on unit value, zero or negative.
    pub current_drawdown: f64,
    /// The deepest so far.
    pub max_drawdown: f64,
    /// NAV of the day less NAV of the day before, flows taken out.
    #[serde(deserialize_with = "exact")]
    pub daily_pnl: Decimal,
    /// `daily_pnl` over the NAV of the day before.
    pub daily_return: f64,
    /// NAV less `initial_capital`.
    #[serde(deserialize_with = "exact")]
    pub total_pnl: Decimal,
    /// When the file was true; ISO 8601.
    pub last_update: String,
    /// First trade date.
    pub inception_date: Date,
    /// Positions by contract name.
    pub positions: BTreeMap<String, StatePosition>,
    /// Return of every trade date.
    pub pnl_history: BTreeMap<Date, f64>,
    /// Cash of each currency in that currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_by_ccy: Option<BTreeMap<Currency, String>>,
    /// Profit of each sleeve since inception, in base currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleeves: Option<BTreeMap<String, String>>,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatePosition {
    /// Signed quantity.
    #[serde(deserialize_with = "exact")]
    pub quantity: Decimal,
    /// Cost per unit of price, commissions and multiplier taken out.
    #[serde(deserialize_with = "exact")]
    pub avg_cost: Decimal,
    /// Mark in the contract's currency.
    #[serde(deserialize_with = "exact")]
    pub market_price: Decimal,
    /// Units of currency per point of price.
    #[serde(deserialize_with = "exact")]
    pub multiplier: Decimal,
    /// The contract's currency.
    pub currency: Currency,
    /// The sleeve that holds it; several are joined with `+`.
    pub sleeve: String,
    /// Futures only: the price up to which variation is in cash; without it, the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_price: Option<String>,
}

impl StatePosition {
    /// Quantity × mark × multiplier, in the contract's currency.
    pub fn value(&self) -> Decimal {
        self.quantity * self.market_price * self.multiplier
    }
}

impl StateFile {
    /// The date it speaks of.
    pub fn date(&self) -> Option<Date> {
        self.last_update.get(..10)?.parse().ok()
    }
}

/// A number or a text that says exactly one decimal; a JSON number is taken as it is written, not through binary.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let text = match &value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        other => return Err(serde::de::Error::custom(format!("`{other}` is no amount"))),
    };
    let parsed = text.parse().or_else(|_| Decimal::from_scientific(&text));
    parsed.map_err(|_| serde::de::Error::custom(format!("`{text}` is no amount")))
}
