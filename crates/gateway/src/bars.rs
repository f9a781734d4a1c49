//! Bars that go on: of five seconds as they end, and history whose bar under way is told whenever it changes.
//!
//! In: subscriptions, questions for bars with `keepUpToDate`; quotes at every movement of time. Out: bars in the quote unit.
//! Invariant: a bar holds only prices that were quoted within it while the venue was open, and what has not changed is not
//! told again.

use crate::contracts::{compact_date, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::minutes;
use crate::moment::{midnight, wire_time};
use crate::wire::{self, HistoricalDataBar, HistoricalDataRequest};
use domain::ContractId;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::calendar::Session;
use market::{DataType, Quote};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sim::IntradayBar;

/// The length of a real-time bar, the only one IB has, and of a day.
const SECONDS: i64 = 5;
const DAY: i64 = 86_400;
/// Subscriptions of one client: to real-time bars as many as quotes, to history as IB counts them.
const STREAMS_MAX: usize = 100;
const KEPT_MAX: usize = 50;
/// Further back than any history of this world.
const HISTORY_MAX: usize = 20_000;

/// Which price of a quote a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
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
    fn price(self, quote: &Quote) -> Option<Decimal> {
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
struct Running {
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
}

impl Running {
    fn at(price: Decimal) -> Running {
        Running { open: price, high: price, low: price, close: price }
    }

    fn with(self, price: Decimal) -> Running {
        Running { high: self.high.max(price), low: self.low.min(price), close: price, ..self }
    }
}

impl From<IntradayBar> for Running {
    fn from(bar: IntradayBar) -> Running {
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_decimal());
        Running { open, high, low, close }
    }
}

/// When bars are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    /// Each once, after it has ended.
    Ended,
    /// The one under way, whenever it changes; its beginning in seconds since 1970 if asked for so.
    Changes { epoch: bool, told: Option<(i64, Running)> },
}

/// Bars of one question that go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarStream {
    contract: ContractId,
    shows: Shows,
    /// Its length in seconds.
    length: i64,
    /// Seconds since 1970: so many lengths after the open, or the first of the day a session is dated.
    begins: i64,
    running: Option<Running>,
    tells: Tells,
}

impl BarStream {
    fn keeps_history(&self) -> bool {
        self.tells != Tells::Ended
    }

    /// Where the bar of an instant in a session begins.
    fn beginning(&self, session: &Session, now: Timestamp) -> i64 {
        match self.length {
            DAY => midnight(session.date).as_second(),
            length => now.as_second() - (now.as_second() - session.open.as_second()).rem_euclid(length),
        }
    }

    /// Turns to the bar that begins then, or to none where none is under way; the bar that has ended by that.
    fn turn(&mut self, begins: Option<i64>) -> Option<(i64, Running)> {
        let ended = self.running.take_if(|_| begins != Some(self.begins)).map(|bar| (self.begins, bar));
        self.begins = begins.unwrap_or(self.begins);
        ended
    }
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
        if self.session(key).bars.values().filter(|bars| !bars.keeps_history()).count() >= STREAMS_MAX {
            return self.error(key, req_id, 420, "Invalid Real-time Query: too many subscriptions");
        }
        self.go_on(key, req_id, (contract, shows), SECONDS, Tells::Ended);
    }

    /// Goes on with bars that were told; what they are was checked with them.
    pub(crate) fn keep_up_to_date(&mut self, key: SessionKey, contract: ContractId, request: &HistoricalDataRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        if self.session(key).bars.values().filter(|bars| bars.keeps_history()).count() >= KEPT_MAX {
            let text = "Historical Market Data Service error message:Too many requests that are kept up to date";
            return self.error(key, req_id, 162, text);
        }
        let shows = match text(&request.what_to_show) {
            "MIDPOINT" => Shows::Midpoint,
            _ => Shows::Trades,
        };
        let length = minutes::length(text(&request.bar_size_setting)).map_or(DAY, |length| length.as_secs());
        let tells = Tells::Changes { epoch: request.format_date == Some(2), told: None };
        self.go_on(key, req_id, (contract, shows), length, tells);
    }

    fn go_on(&mut self, key: SessionKey, req_id: i32, of: (ContractId, Shows), length: i64, tells: Tells) {
        let ((contract, shows), begins) = (of, i64::MIN);
        let stream = BarStream { contract, shows, length, begins, running: None, tells };
        self.session_mut(key).bars.insert(req_id, stream);
        self.refresh_bars_of(key, req_id);
    }

    /// Takes the prices of this instant into every bar, and tells what there is to tell.
    pub(crate) fn refresh_bars(&mut self) {
        for key in self.session_keys() {
            let streams: Vec<i32> = self.session(key).bars.keys().copied().collect();
            streams.into_iter().for_each(|req_id| self.refresh_bars_of(key, req_id));
        }
    }

    fn refresh_bars_of(&mut self, key: SessionKey, req_id: i32) {
        let mut stream = self.session(key).bars[&req_id];
        let quote = self.quote(stream.contract);
        let session = self.session_under_way(stream.contract).filter(|_| quote.data_type == DataType::Live);
        let ended = stream.turn(session.map(|session| stream.beginning(&session, self.now())));
        if let (Some(session), Some(price)) = (session, stream.shows.price(&quote)) {
            let so_far = stream.running.or_else(|| self.so_far(&stream, &session));
            stream.running = Some(so_far.map_or(Running::at(price), |bar| bar.with(price)));
        }
        let now = stream.running.map(|bar| (stream.begins, bar));
        match stream.tells {
            Tells::Ended => {
                ended.into_iter().for_each(|(begins, bar)| self.send_bar(key, req_id, &stream, begins, bar));
            }
            Tells::Changes { epoch, told } if now.is_some() && now != told => {
                stream.tells = Tells::Changes { epoch, told: now };
                now.into_iter().for_each(|(begins, bar)| self.send_update(key, req_id, &stream, begins, bar));
            }
            Tells::Changes { .. } => {}
        }
        self.session_mut(key).bars.insert(req_id, stream);
    }

    /// The session of a contract's venue that is open now.
    fn session_under_way(&self, contract: ContractId) -> Option<Session> {
        let calendar = self.calendars.get(self.directory.instrument(contract).venue).ok()?;
        let today = calendar.zone().to_datetime(self.now()).date();
        // An evening session is dated tomorrow.
        let dates = [today, today.saturating_add(1.day())].into_iter();
        dates
            .filter_map(|date| calendar.session(date).ok().flatten())
            .find(|session| session.hours().contains(self.now()))
    }

    /// What a bar of history that is under way holds when a client begins to follow it.
    fn so_far(&self, stream: &BarStream, session: &Session) -> Option<Running> {
        let begins = match stream.length {
            DAY => session.open,
            _ => Timestamp::from_second(stream.begins).ok()?,
        };
        let bar = stream.keeps_history().then(|| self.sim.bar_under_way(stream.contract, session, begins));
        bar.flatten().map(Running::from)
    }

    fn send_bar(&self, key: SessionKey, req_id: i32, stream: &BarStream, begins: i64, bar: Running) {
        let quoted = self.in_quote_unit(stream);
        let message = wire::RealTimeBar {
            req_id: Some(req_id),
            time: Some(begins),
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

    fn send_update(&self, key: SessionKey, req_id: i32, stream: &BarStream, begins: i64, bar: Running) {
        let quoted = self.in_quote_unit(stream);
        let epoch = matches!(stream.tells, Tells::Changes { epoch: true, .. });
        let date = match Timestamp::from_second(begins).expect("an instant of this world") {
            begins if stream.length == DAY => compact_date(TimeZone::UTC.to_datetime(begins).date()),
            _ if epoch => begins.to_string(),
            begins => wire_time(begins),
        };
        let bar = HistoricalDataBar {
            date: Some(date),
            open: quoted(bar.open),
            high: quoted(bar.high),
            low: quoted(bar.low),
            close: quoted(bar.close),
            volume: Some("-1".to_owned()),
            wap: quoted(bar.close).map(|price| price.to_string()),
            bar_count: Some(-1),
        };
        self.send(key, &wire::HistoricalDataUpdate { req_id: Some(req_id), historical_data_bar: Some(bar) });
    }

    fn in_quote_unit(&self, stream: &BarStream) -> impl Fn(Decimal) -> Option<f64> + use<> {
        let per_major = self.directory.unit(stream.contract).per_major();
        move |price| (price * per_major).to_f64()
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
