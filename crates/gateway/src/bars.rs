//! Bars of five seconds as they end, and how far back daily bars go.
//!
//! In: subscriptions; quotes at every movement of time. Out: bars in the quote unit. Invariant: a bar holds only prices
//! that were shown to clients within its five seconds or at its beginning, and is sent once, after it has ended.

use crate::contracts::text;
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::moment::midnight;
use crate::wire;
use domain::ContractId;
use jiff::ToSpan;
use market::Quote;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The length of a bar, the only one IB has.
const SECONDS: i64 = 5;
/// Subscriptions of one client, as many as quotes.
const STREAMS_MAX: usize = 100;
/// Further back than any history of this world.
const HISTORY_MAX: usize = 20_000;

/// Which price of a quote a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    Trades,
    Midpoint,
    Bid,
    Ask,
}

impl Shows {
    fn parse(what: &str) -> Option<Shows> {
        Some(match what {
            "TRADES" => Shows::Trades,
            "MIDPOINT" => Shows::Midpoint,
            "BID" => Shows::Bid,
            "ASK" => Shows::Ask,
            _ => return None,
        })
    }

    /// In the major unit.
    pub(crate) fn price(self, quote: &Quote) -> Option<Decimal> {
        let two = Decimal::TWO;
        match self {
            Shows::Trades => quote.last.map(|price| price.to_decimal()),
            Shows::Midpoint => Some((quote.bid?.to_decimal() + quote.ask?.to_decimal()) / two),
            Shows::Bid => quote.bid.map(|price| price.to_decimal()),
            Shows::Ask => quote.ask.map(|price| price.to_decimal()),
        }
    }
}

/// A bar that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) open: Decimal,
    pub(crate) high: Decimal,
    pub(crate) low: Decimal,
    pub(crate) close: Decimal,
}

impl Running {
    pub(crate) fn at(price: Decimal) -> Running {
        Running { open: price, high: price, low: price, close: price }
    }

    pub(crate) fn with(self, price: Decimal) -> Running {
        Running { high: self.high.max(price), low: self.low.min(price), close: price, ..self }
    }
}

/// A subscription to bars of five seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarStream {
    contract: ContractId,
    shows: Shows,
    /// Seconds since 1970, a multiple of five.
    begins: i64,
    running: Option<Running>,
}

impl Desk {
    pub(crate) fn real_time_bars(&mut self, key: SessionKey, request: &wire::RealTimeBarsRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        let contract = match self.resolve(&request.contract) {
            Ok(contract) => contract,
            Err(unresolved) => return self.error(key, req_id, 200, &unresolved.to_string()),
        };
        let Some(shows) = Shows::parse(text(&request.what_to_show)) else {
            let cause = format!("`{}`; bars show TRADES, MIDPOINT, BID or ASK", text(&request.what_to_show));
            return self.invalid(key, req_id, &cause);
        };
        if self.session(key).bars.len() >= STREAMS_MAX {
            return self.error(key, req_id, 420, "Invalid Real-time Query: too many subscriptions");
        }
        let running = shows.price(&self.quote(contract)).map(Running::at);
        let stream = BarStream { contract, shows, begins: self.bar_of_now(), running };
        self.session_mut(key).bars.insert(req_id, stream);
    }

    /// When the bar of this instant began.
    fn bar_of_now(&self) -> i64 {
        let second = self.now().as_second();
        second - second.rem_euclid(SECONDS)
    }

    /// Sends the bars that have ended and begins the next ones. Bars nobody saw the prices of are left out.
    pub(crate) fn refresh_bars(&mut self) {
        let begins = self.bar_of_now();
        for key in self.session_keys() {
            let streams: Vec<(i32, BarStream)> =
                self.session(key).bars.iter().map(|(&id, &stream)| (id, stream)).collect();
            for (req_id, mut stream) in streams {
                let price = stream.shows.price(&self.quote(stream.contract));
                if begins > stream.begins {
                    if let Some(bar) = stream.running {
                        self.send_bar(key, req_id, &stream, bar);
                    }
                    stream = BarStream { begins, running: price.map(Running::at), ..stream };
                } else if let Some(price) = price {
                    stream.running = Some(stream.running.map_or(Running::at(price), |bar| bar.with(price)));
                }
                self.session_mut(key).bars.insert(req_id, stream);
            }
        }
    }

    fn send_bar(&self, key: SessionKey, req_id: i32, stream: &BarStream, bar: Running) {
        let per_major = self.directory.unit(stream.contract).per_major();
        let quoted = |price: Decimal| (price * per_major).to_f64();
        let message = wire::RealTimeBar {
            req_id: Some(req_id),
            time: Some(stream.begins),
            open: quoted(bar.open),
            high: quoted(bar.high),
            low: quoted(bar.low),
            close: quoted(bar.close),
            volume: Some("-1".to_owned()),
            wap: quoted(bar.close).map(|price| price.to_string()),
            count: Some(-1),
        };
        self.send(key, &message);
    }

    pub(crate) fn head_timestamp(&mut self, key: SessionKey, request: &wire::HeadTimestampRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        let contract = match self.resolve(&request.contract) {
            Ok(contract) => contract,
            Err(unresolved) => return self.error(key, req_id, 200, &unresolved.to_string()),
        };
        let before = self.today().saturating_add(1.days());
        let Some(first) = self.sim.bars(contract, before, HISTORY_MAX).first().map(|bar| midnight(bar.date)) else {
            let text = "Historical Market Data Service error message:No head time stamp";
            return self.error(key, req_id, 162, text);
        };
        let head_timestamp = match request.format_date {
            Some(2) => first.as_second().to_string(),
            _ => first.strftime("%Y%m%d-%H:%M:%S").to_string(),
        };
        self.send(key, &wire::HeadTimestamp { req_id: Some(req_id), head_timestamp: Some(head_timestamp) });
    }
}
