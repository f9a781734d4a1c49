//! One bar of trading.
//!
//! In: what a venue printed. Out: open, high, low, close, volume.
//! Invariant: low ≤ open, close ≤ high.

use domain::{BadNumber, Price, Quantity};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A daily bar, prices in the major unit, stamped with its session and visible only after its close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The session.
    pub date: Date,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last or official closing price; a future's settlement.
    pub close: Price,
    /// Shares or contracts; zero when the source knows none.
    pub volume: Quantity,
}

impl Bar {
    /// A bar whose high and low include its open and close.
    pub fn new(date: Date, [open, high, low, close]: [Price; 4], volume: Quantity) -> Bar {
        Bar { date, open, high: high.max(open).max(close), low: low.min(open).min(close), close, volume }
    }

    /// A bar of one price, for series that know closes only.
    ///
    /// # Errors
    /// [`BadNumber`] when the close is no price.
    pub fn flat(date: Date, close: f64) -> Result<Bar, BadNumber> {
        let price = Price::from_f64(close)?;
        Ok(Bar::new(date, [price; 4], Quantity::ZERO))
    }
}
