//! Market data subscriptions and the top of book folded from their ticks; daily bars.
//!
//! In: ticks and bars in quoted units. Out: quotes and bars in the major unit. Invariant: a subscription lives as
//! long as the session, a missing side is absent, and a bar is never of the day asked "before".

use crate::contracts::unusable;
use crate::{convert, options};
use domain::{ContractId, Price, Quantity, QuoteUnit, Universe};
use ibapi::market_data::MarketDataType;
use ibapi::market_data::historical::{self, BarTimestamp, Duration};
use ibapi::market_data::realtime::{self, TickTypes};
use ibapi::subscriptions::Subscription;
use jiff::Timestamp;
use jiff::civil::Date;
use market::quote::DataType;
use market::{Bar, Quote};
use ports::{BrokerError, OptionModel};
use rust_decimal::Decimal;

/// Days a request may name; longer spans are asked in years.
const DAYS_MAX: u32 = 365;
/// Fewer sessions than any year of any venue has, so that the years asked for are enough.
const SESSIONS_PER_YEAR: u32 = 240;

/// What the ticks of a contract say.
#[derive(Default)]
pub(crate) struct Book(realtime::Quote);

/// One held subscription and what its ticks say.
pub(crate) struct Feed {
    pub(crate) ticks: Subscription<TickTypes>,
    book: Book,
    /// The broker will send nothing more on it.
    pub(crate) ended: bool,
    /// The broker said something about it, and no price came since.
    pub(crate) doubted: bool,
}

impl Feed {
    pub(crate) fn new(ticks: Subscription<TickTypes>) -> Feed {
        Feed { ticks, book: Book::default(), ended: false, doubted: false }
    }

    /// Takes a tick in; true when it touched the top of book.
    pub(crate) fn fold(&mut self, tick: &TickTypes) -> bool {
        self.doubted &= !matches!(tick, TickTypes::Price(_) | TickTypes::PriceSize(_));
        self.book.fold(tick)
    }

    /// The top of book as of `at`.
    pub(crate) fn quote(&self, unit: QuoteUnit, at: Timestamp) -> Quote {
        self.book.quote(unit, at)
    }
}

impl Book {
    /// Takes a tick in; true when it touched the top of book.
    pub(crate) fn fold(&mut self, tick: &TickTypes) -> bool {
        self.0.apply(tick);
        matches!(
            tick,
            TickTypes::Price(_) | TickTypes::Size(_) | TickTypes::PriceSize(_) | TickTypes::MarketDataType(_)
        )
    }

    /// The broker's model of an option.
    pub(crate) fn model(&self) -> Option<OptionModel> {
        self.0.model_greeks.as_ref().and_then(options::model)
    }

    /// Whether both sides have been told, be it that there is none.
    pub(crate) fn has_sides(&self) -> bool {
        self.0.bid.is_some() && self.0.ask.is_some()
    }

    /// Whether a price that was paid has been told.
    pub(crate) fn has_last(&self) -> bool {
        self.0.last.is_some()
    }

    /// The top of book as of `at`.
    pub(crate) fn quote(&self, unit: QuoteUnit, at: Timestamp) -> Quote {
        quote(&self.0, unit, at)
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
        volume: book.volume.and_then(volume),
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
        return Err(unusable(
            universe,
            id,
            format_args!("daily bars: {} does not follow {}", pair[1].date, pair[0].date),
        ));
    }
    Ok(bars.split_off(bars.len().saturating_sub(sessions as usize)))
}

fn daily_bar(universe: &Universe, id: ContractId, row: &historical::Bar) -> Result<Bar, BrokerError> {
    let unusable =
        |reason: &dyn std::fmt::Display| unusable(universe, id, format_args!("daily bar {}: {reason}", row.date));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use ibapi::contracts::tick_types::TickType;
    use ibapi::market_data::realtime::{TickPrice, TickPriceSize, TickSize};
    use jiff::civil::date;

    fn price(tick_type: TickType, price: f64) -> TickTypes {
        TickTypes::Price(TickPrice { tick_type, price, ..TickPrice::default() })
    }

    #[test]
    fn ticks_fold_into_the_top_of_book_and_none_means_absent() {
        let bid = TickPriceSize {
            price_tick_type: TickType::Bid,
            price: 812.3,
            size_tick_type: TickType::BidSize,
            size: 500.0,
            ..TickPriceSize::default()
        };
        let ticks = [
            TickTypes::PriceSize(bid),
            price(TickType::Ask, 812.4),
            TickTypes::Size(TickSize { tick_type: TickType::AskSize, size: 700.0 }),
            price(TickType::Close, 810.0),
        ];
        let fold = |ticks: &[TickTypes]| {
            quote(&realtime::Quote::from_ticks(ticks), QuoteUnit::Hundredth, Timestamp::UNIX_EPOCH)
        };
        let open = fold(&ticks);
        assert_eq!(
            open.two_sided().map(|(bid, ask)| (bid.to_string(), ask.to_string())),
            Some(("8.123".into(), "8.124".into()))
        );
        assert_eq!(
            (open.bid_size, open.ask_size, open.data_type),
            (Quantity::whole(500), Quantity::whole(700), DataType::Live)
        );

        let shut = fold(&[
            price(TickType::Bid, -1.0),
            price(TickType::Ask, 0.0),
            TickTypes::MarketDataType(MarketDataType::Delayed),
        ]);
        assert_eq!((shut.bid, shut.ask, shut.data_type), (None, None, DataType::Delayed));
        let odd = fold(&[TickTypes::MarketDataType(MarketDataType::Unknown)]);
        assert_ne!(odd.data_type, DataType::Live, "an unknown kind of data may not price an order");
    }

    #[test]
    fn bars_end_before_the_day_and_follow_each_other() {
        let universe = fixture::universe();
        let isf = fixture::contract(&universe, "ISF");
        let bar = |day: u8, close: f64| historical::Bar {
            date: BarTimestamp::Date(convert::utc_midnight(date(2015, 8, day as i8)).date()),
            open: 640.0,
            high: 650.0,
            low: 600.0,
            close,
            volume: -1.0,
            wap: 0.0,
            count: 0,
        };
        let rows = [bar(20, 636.0), bar(21, 619.0), bar(24, 590.0), bar(25, 609.0)];
        let bars = daily_bars(&universe, isf, &rows, 2, date(2015, 8, 25)).expect("bars");
        let read: Vec<_> = bars.iter().map(|b| format!("{} {} {} {}", b.date, b.low, b.close, b.volume)).collect();
        assert_eq!(read, ["2015-08-21 6 6.19 0", "2015-08-24 5.9 5.9 0"], "pounds, and the low includes the close");

        let twice = daily_bars(&universe, isf, &[bar(21, 619.0), bar(21, 619.0)], 2, date(2015, 8, 25));
        assert!(twice.expect_err("a repeated day").to_string().contains("2015-08-21 does not follow 2015-08-21"));
        assert!(daily_bars(&universe, isf, &[bar(21, 0.0)], 2, date(2015, 8, 25)).is_err(), "no price, no bar");
        assert_eq!((span(10).to_string(), span(756).to_string()), ("11 D".to_owned(), "4 Y".to_owned()));
    }
}
