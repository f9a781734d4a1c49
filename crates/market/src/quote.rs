//! The best bid and ask of a contract, and what kind of data it is.
//!
//! In: ticks. Out: mid, spread, whether it may price an order. Invariant: a price is positive; a
//! missing side is absent, never zero.

use domain::{Price, Quantity, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The broker's market data type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Streaming now.
    Live,
    /// Last live values of a closed venue.
    Frozen,
    /// Fifteen minutes old or so.
    Delayed,
    /// Last delayed values of a closed venue.
    DelayedFrozen,
}

/// Top of the book, prices in the major unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Best bid.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Shares or contracts at the bid.
    pub bid_size: Quantity,
    /// Shares or contracts at the ask.
    pub ask_size: Quantity,
    /// Last trade.
    pub last: Option<Price>,
    /// Previous official close.
    pub close: Option<Price>,
    /// Shares or contracts traded in the session so far; `None` where the source tells none.
    #[serde(default)]
    pub volume: Option<Quantity>,
    /// When it was last updated.
    pub at: Timestamp,
    /// What kind of data.
    pub data_type: DataType,
}

/// Middle of two prices, rounded down to eight digits.
#[inline]
pub fn mid(bid: Price, ask: Price) -> Price {
    Price::from_mantissa(bid.mantissa() + (ask.mantissa() - bid.mantissa()) / 2).expect("between two prices")
}

impl Quote {
    /// Both sides, uncrossed; a locked market (bid = ask) counts.
    #[inline]
    pub fn two_sided(&self) -> Option<(Price, Price)> {
        self.bid.zip(self.ask).filter(|(bid, ask)| bid <= ask)
    }

    /// Middle of a two-sided quote, rounded down to eight digits.
    #[inline]
    pub fn mid(&self) -> Option<Price> {
        self.two_sided().map(|(bid, ask)| mid(bid, ask))
    }

    /// The price that meets an order: the ask for a purchase, the bid for a sale.
    #[inline]
    pub fn far_touch(&self, side: Side) -> Option<Price> {
        let (bid, ask) = self.two_sided()?;
        Some(match side {
            Side::Buy => ask,
            Side::Sell => bid,
        })
    }

    /// Ask minus bid in 1e-8 price units.
    #[inline]
    pub fn spread_mantissa(&self) -> Option<i64> {
        let (bid, ask) = self.two_sided()?;
        Some(ask.mantissa() - bid.mantissa())
    }
}
