//! Market data subscriptions and the top of book folded from their ticks; daily bars.
//!
//! In: ticks and bars in quoted units. Out: quotes and bars in the major unit. Invariant: a subscription lives as
//! long as the session, a missing side is absent, and a bar is never of the day asked "before".

use crate::contracts::unusable;
use crate::convert;
use domain::{ContractId, Price, Quantity, QuoteUnit, Universe};
use ibapi::market_data::MarketDataType;
use ibapi::market_data::historical::{self, BarTimestamp, Duration};
use ibapi::market_data::realtime::{self, TickTypes};
use ibapi::subscriptions::Subscription;
use jiff::Timestamp;
use jiff::civil::Date;
use market::quote::DataType;
use market::{Bar, Quote};
use ports::BrokerError;
use rust_decimal::Decimal;

/// Days a request may name; longer spans are asked in years.
const DAYS_MAX: u32 = 365;
/// Fewer sessions than any year of any venue has, so that the years asked for are enough.
const SESSIONS_PER_YEAR: u32 = 240;

/// One held subscription and what its ticks say.
pub(crate) struct Feed {
    pub(crate) ticks: Subscription<TickTypes>,
    book: realtime::Quote,
    /// The broker will send nothing more on it.
    pub(crate) ended: bool,
}

impl Feed {
    pub(crate) fn new(ticks: Subscription<TickTypes>) -> Feed {
        Feed { ticks, book: realtime::Quote::default(), ended: false }
    }

    /// Takes a tick in; true when it touched the top of book.
    pub(crate) fn fold(&mut self, tick: &TickTypes) -> bool {
        self.book.apply(tick);
        matches!(tick, TickTypes::Price(_) | TickTypes::Size(_) | TickTypes::PriceSize(_) | TickTypes::MarketDataType(_))
    }

    /// The top of book as of `at`.
    pub(crate) fn quote(&self, unit: QuoteUnit, at: Timestamp) -> Quote {
        quote(&self.book, unit, at)
    }
}

fn quote(book: &realtime::Quote, unit: QuoteUnit, at: Timestamp) -> Quote {
    // The broker sends -1 or 0 for "none".
    let price = |quoted: Option<f64>| quoted.and_then(|quoted| convert::price(quoted, unit).ok());
    let size = |size: Option<f64>| size.and_then(|size| Quantity::from_f64(size).ok()).unwrap_or(Quantity::ZERO);
    Quote {
        bid: price(book.bid),
        ask: price(book.ask),
        bid_size: size(book.bid_size),
        ask_size: size(book.ask_size),
        last: price(book.last),
        close: price(book.close),
        at,
        data_type: match book.market_data_type {
            Some(MarketDataType::Frozen) => DataType::Frozen,
            Some(MarketDataType::Delayed) => DataType::Delayed,
            Some(MarketDataType::DelayedFrozen) => DataType::DelayedFrozen,
            Some(MarketDataType::Realtime) | None => DataType::Live,
            // Nothing unknown may price an order.
            Some(MarketDataType::Unknown) => DataType::DelayedFrozen,
        },
    }
}

/// A span of daily bars that surely holds `sessions` of them.
pub(crate) fn span(sessions: u32) -> Duration {
    match sessions + 1 {
        days @ ..=DAYS_MAX => Duration::days(days as i32),
        sessions => Duration::years(sessions.div_ceil(SESSIONS_PER_YEAR) as i32),
    }
}

/// The last `sessions` bars before a day, oldest first, in the major unit.
pub(crate) fn daily_bars(
    universe: &Universe,
    id: ContractId,
    rows: &[historical::Bar],
    sessions: u32,
    before: Date,
) -> Result<Vec<Bar>, BrokerError> {
    let mut bars = Vec::with_capacity(rows.len());
    for row in rows {
        let bar = daily_bar(universe, id, row)?;
        if bar.date < before {
            bars.push(bar);
        }
    }
    if let Some(pair) = bars.windows(2).find(|pair| pair[0].date >= pair[1].date) {
        return Err(unusable(universe, id, format_args!("daily bars: {} does not follow {}", pair[1].date, pair[0].date)));
    }
    Ok(bars.split_off(bars.len().saturating_sub(sessions as usize)))
}

fn daily_bar(universe: &Universe, id: ContractId, row: &historical::Bar) -> Result<Bar, BrokerError> {
    let unusable = |reason: &dyn std::fmt::Display| unusable(universe, id, format_args!("daily bar {}: {reason}", row.date));
    let BarTimestamp::Date(day) = row.date else { return Err(unusable(&"a time of day, not a session")) };
    let date = convert::date(day).ok_or_else(|| unusable(&"outside the calendar"))?;
    let unit = universe.instrument_of(id).quote_unit;
    let mut prices = [row.open, row.high, row.low, row.close].map(|quoted| convert::price(quoted, unit));
    if let Some(bad) = prices.iter_mut().find_map(|price| price.as_ref().err()) {
        return Err(unusable(bad));
    }
    let prices = prices.map(|price: Result<Price, _>| price.expect("every error has been returned"));
    Ok(Bar::new(date, prices, volume(row.volume).ok_or_else(|| unusable(&"volume is no number"))?))
}

/// Indices and currency pairs have none (-1); averages of odd lots have digits no share has.
fn volume(shares: f64) -> Option<Quantity> {
    let shares = convert::decimal(shares)?.max(Decimal::ZERO).round_dp(domain::price::QUANTITY_DIGITS);
    Quantity::from_decimal(shares).ok()
}
