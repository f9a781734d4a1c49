//! A chart: the bars of one symbol with what they count and where they are from.
//!
//! In: checked numbers. Out: plain values. Invariant: prices are in the major unit of the currency, whatever unit the
//! answer counted in; dates rise, and are days of the exchange.

use domain::{Currency, Price, QuoteUnit};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use market::Bar;
use rust_decimal::Decimal;

/// What the numbers of an answer counted, as it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotedIn {
    /// The currency.
    pub currency: Currency,
    /// `Hundredth` where the answer declares pence (`GBp`).
    pub unit: QuoteUnit,
}

/// One session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartBar {
    /// As traded, adjusted for later splits only, in the major unit.
    pub bar: Bar,
    /// The close, adjusted for later dividends too; changes whenever one is paid. `None` where the answer has none.
    pub adjusted_close: Option<Price>,
}

/// A dividend for one share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dividend {
    /// The day it went off the price.
    pub date: Date,
    /// In the major unit, adjusted for later splits.
    pub amount: Decimal,
}

/// `numerator` new shares for `denominator` old ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The first day at the new price.
    pub date: Date,
    /// New shares.
    pub numerator: Decimal,
    /// Old shares.
    pub denominator: Decimal,
}

/// The last price of one symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastPrice {
    /// What the answer's numbers counted.
    pub quoted_in: QuotedIn,
    /// In the major unit.
    pub price: Price,
    /// When it was traded or quoted.
    pub at: Timestamp,
}

/// The history of one symbol over the dates asked for.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The symbol asked for.
    pub symbol: String,
    /// What the answer's numbers counted.
    pub quoted_in: QuotedIn,
    /// The exchange's zone; dates are of it.
    pub zone: TimeZone,
    /// Time of the last price the source had when it answered.
    pub as_of: Timestamp,
    /// In order of date; a day without a price is not there.
    pub bars: Vec<ChartBar>,
    /// In order of date.
    pub dividends: Vec<Dividend>,
    /// In order of date.
    pub splits: Vec<Split>,
    /// Days in the answer whose prices were missing.
    pub blank: Vec<Date>,
}
