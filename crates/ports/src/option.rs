//! Options as the broker lists and quotes them.
//!
//! In: a root of the instrument table. Out: its expiries and strikes, and quotes with the broker's model of them.
//! Invariant: what the broker does not say is `None`, never zero, and an option it does not list is not in an answer.

use domain::{ContractId, InstrumentId, OptionKey, Price};
use jiff::civil::Date;
use market::Quote;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Options that can be quoted with one question: each takes one of the broker's market data lines while it lasts.
pub const OPTION_QUOTES_MAX: usize = 400;

/// Everything listed on the underlying of a root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionChain {
    /// The root, an instrument of kind OPT.
    pub root: InstrumentId,
    /// What the options are written on.
    pub underlying: ContractId,
    /// One row per trading class and multiplier, on the exchange the root is routed to. Orders are for the root's own.
    pub classes: Vec<OptionClass>,
}

/// One trading class. Not every strike exists at every expiry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionClass {
    /// Such as `SPX` and `SPXW`.
    pub trading_class: String,
    /// Units of the underlying per contract.
    pub multiplier: Decimal,
    /// Last trading days, ascending.
    pub expiries: Vec<Date>,
    /// In the underlying's price, ascending.
    pub strikes: Vec<Price>,
}

/// The broker's model of an option.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionModel {
    /// Annual; 0.2 is 20 %.
    pub implied_volatility: f64,
    /// Change per 1.00 of the underlying; negative for puts.
    pub delta: f64,
    /// Change of delta per 1.00 of the underlying.
    pub gamma: Option<f64>,
    /// Change per volatility point, 0.01.
    pub vega: Option<f64>,
    /// Change per day that passes.
    pub theta: Option<f64>,
    /// Value of one unit.
    pub price: Option<f64>,
    /// Price of the underlying it was computed with.
    pub underlying: Option<f64>,
}

/// One option with everything the broker says of it at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionQuote {
    /// Which.
    pub key: OptionKey,
    /// The broker's key.
    pub con_id: i64,
    /// Top of the book, live or as the venue closed.
    pub quote: Quote,
    /// The broker's model; `None` when it gives no volatility or no delta.
    pub model: Option<OptionModel>,
    /// Contracts open at the exchange.
    pub open_interest: Option<u64>,
    /// Contracts traded in the session.
    pub volume: Option<u64>,
}
