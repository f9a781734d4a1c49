//! Quotes and bars in the broker's words.
//!
//! In: subscriptions, snapshots, questions for bars; quotes and bars of the simulation. Out: ticks of what
//! changed, and daily bars, in the quote unit. Invariant: a client that folds its ticks holds the quote the
//! simulation shows; only changes are sent.

use crate::contracts::{compact_date, quoted, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::greeks::Computations;
use crate::minutes::{self, Reach};
use crate::moment::{midnight, parse_wire_time, wire_time};
use crate::wire::{self, HistoricalDataBar, HistoricalDataRequest, TickPrice, TickSize};
use crate::wire_fault::ShownQuotes;
use domain::{ContractId, Price, Quantity, QuoteUnit};
use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan};
use market::{Bar, DataType, Quote};
use rust_decimal::dec;
use std::time::Instant;

/// Market data lines of one client, IB's usual allowance.
const STREAMS_MAX: usize = 100;
/// What IB sends for a side without a quote.
const NO_PRICE: f64 = -1.0;
/// IB's numbers for whether shares can be borrowed, how many, and whether trading is halted.
const SHORTABLE: i32 = 46;
const SHORTABLE_SHARES: i32 = 89;
const HALTED: i32 = 49;
/// From so many shares to borrow on there is no need to locate them first.
const SURELY_BORROWED: i64 = 1_000;
/// Digits of an average price.
const AVERAGE_DIGITS: u32 = 6;
/// Sessions are at most this many per calendar day asked for.
pub(crate) const BARS_MAX: usize = 10_000;

/// A live quote subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuoteStream {
    contract: ContractId,
    /// What the client knows; nothing before the first ticks.
    told: Shown,
    /// What it knows of an option's computations.
    computed: Computations,
}

/// A quote as one client sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shown {
    /// The market data type; 0 before it is announced.
    data_type: i32,
    bid: Option<Price>,
    ask: Option<Price>,
    bid_size: Quantity,
    ask_size: Quantity,
    last: Option<Price>,
    close: Option<Price>,
    volume: Option<Quantity>,
    halted: bool,
}

impl Shown {
    /// A closed venue's last quote is shown to clients that asked for frozen data; others see no bid or ask.
    fn of(quote: &Quote, asked: i32) -> Shown {
        let wants_frozen = matches!(asked, 2 | 4);
        let (data_type, sides) = match quote.data_type {
            DataType::Live => (1, true),
            DataType::Frozen if wants_frozen => (2, true),
            DataType::Frozen => (1, false),
            DataType::Delayed => (3, true),
            DataType::DelayedFrozen => (4, true),
        };
        Shown {
            data_type,
            bid: quote.bid.filter(|_| sides),
            ask: quote.ask.filter(|_| sides),
            bid_size: if sides { quote.bid_size } else { Quantity::ZERO },
            ask_size: if sides { quote.ask_size } else { Quantity::ZERO },
            last: quote.last,
            close: quote.close,
            volume: quote.volume,
            halted: false,
        }
    }

    fn ticks(&self) -> TickTypes {
        if self.data_type >= 3 { DELAYED } else { LIVE }
    }
}

/// IB's numbers for the parts of a quote.
#[derive(Clone, Copy)]
struct TickTypes {
    bid: i32,
    ask: i32,
    last: i32,
    bid_size: i32,
    ask_size: i32,
    close: i32,
    volume: i32,
    /// When the last price was made.
    last_time: i32,
}

const LIVE: TickTypes =
    TickTypes { bid: 1, ask: 2, last: 4, bid_size: 0, ask_size: 3, close: 9, volume: 8, last_time: 45 };
const DELAYED: TickTypes =
    TickTypes { bid: 66, ask: 67, last: 68, bid_size: 69, ask_size: 70, close: 75, volume: 74, last_time: 88 };

impl Desk {
    pub(crate) fn market_data(&mut self, key: SessionKey, request: &wire::MarketDataRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        let contract = match self.resolve(&request.contract) {
            Ok(contract) => contract,
            Err(unresolved) => return self.error(key, req_id, 200, &unresolved.to_string()),
        };
        let session = self.session(key);
        if session.quotes.contains_key(&req_id) {
            return self.error(key, req_id, 322, "Error processing request.-'sim' : cause - Duplicate ticker id");
        }
        if session.quotes.len() >= STREAMS_MAX {
            return self.error(key, req_id, 101, "Max number of tickers has been reached");
        }
        if let Some(answer) = self.wire.data.clone() {
            self.error(key, req_id, answer.code, &answer.text);
            if !answer.goes_on {
                return;
            }
        }
        let instrument = self.directory.instrument(contract);
        let params = wire::TickReqParams {
            req_id: Some(req_id),
            min_tick: Some(instrument.tick.to_string()),
            bbo_exchange: Some(String::new()),
            snapshot_permissions: Some(0),
        };
        self.send(key, &params);
        let shown = self.shown(contract, self.session(key).data_type);
        self.send_changes(key, req_id, contract, Shown::default(), shown);
        let computed = self.computed(contract, &shown);
        self.send_computations(key, req_id, &[None; 4], &computed);
        self.send_option_statistics(key, req_id, contract, text(&request.generic_tick_list));
        self.send_shortable(key, req_id, contract, text(&request.generic_tick_list));
        if request.snapshot == Some(true) || request.regulatory_snapshot == Some(true) {
            self.send(key, &wire::TickSnapshotEnd { req_id: Some(req_id) });
        } else {
            self.session_mut(key).quotes.insert(req_id, QuoteStream { contract, told: shown, computed });
        }
    }

    /// How many shares can be borrowed, for a client that asked for generic tick 236.
    fn send_shortable(&self, key: SessionKey, req_id: i32, contract: ContractId, generic: &str) {
        let asked = generic.split(',').any(|wanted| wanted.trim() == "236");
        if let Some(shares) = self.sim.shortable(contract).filter(|_| asked) {
            // Above 2.5 there are enough, above 1.5 they have to be located, below there are none.
            let level = match shares.signum() > 0 {
                true if shares >= Quantity::whole(SURELY_BORROWED) => 3.0,
                true => 2.0,
                false => 1.0,
            };
            self.send(key, &tick_generic(req_id, SHORTABLE, level));
            self.send(key, &tick_size(req_id, SHORTABLE_SHARES, shares));
        }
    }

    /// A quote as a client sees it, or as it is shown wrongly.
    fn shown(&self, contract: ContractId, asked: i32) -> Shown {
        let halted = self.sim.is_halted(contract);
        let shown = Shown { halted, ..Shown::of(&self.quote(contract), asked) };
        let none = Shown { data_type: shown.data_type, halted, ..Shown::default() };
        match self.wire.quotes {
            None => shown,
            Some(ShownQuotes::Delayed) => Shown { data_type: 3, ..shown },
            Some(ShownQuotes::NoSides) => Shown { last: shown.last, close: shown.close, ..none },
            Some(ShownQuotes::StaleClose) => Shown { close: shown.close, ..none },
        }
    }

    fn computed(&self, contract: ContractId, shown: &Shown) -> Computations {
        self.computations(contract, [shown.bid, shown.ask, shown.last], shown.data_type >= 3)
    }

    pub(crate) fn cancel_market_data(&mut self, key: SessionKey, req_id: i32) {
        if self.session_mut(key).quotes.remove(&req_id).is_none() {
            self.error(key, req_id, 300, &format!("Can't find EId with tickerId:{req_id}"));
        }
    }

    /// Sends every subscriber what has changed in its quotes since it was last told.
    pub(crate) fn refresh_quotes(&mut self) {
        if self.wire.link_lost {
            return;
        }
        for key in self.session_keys() {
            let session = self.session(key);
            let streams: Vec<(i32, QuoteStream)> =
                session.quotes.iter().map(|(&req_id, &stream)| (req_id, stream)).collect();
            for (req_id, QuoteStream { contract, told, computed: before }) in streams {
                let shown = self.shown(contract, self.session(key).data_type);
                let computed = self.computed(contract, &shown);
                if shown != told || computed != before {
                    self.send_changes(key, req_id, contract, told, shown);
                    self.send_computations(key, req_id, &before, &computed);
                    self.session_mut(key).quotes.insert(req_id, QuoteStream { contract, told: shown, computed });
                }
            }
        }
    }

    /// A price carries its size; a size that changed alone is sent alone.
    fn send_changes(&self, key: SessionKey, req_id: i32, contract: ContractId, old: Shown, new: Shown) {
        if new.data_type != old.data_type {
            self.send(key, &wire::MarketDataType { req_id: Some(req_id), market_data_type: Some(new.data_type) });
        }
        let unit = self.directory.unit(contract);
        let ticks = new.ticks();
        for (tick, size_tick, old, new) in [
            (ticks.bid, ticks.bid_size, (old.bid, old.bid_size), (new.bid, new.bid_size)),
            (ticks.ask, ticks.ask_size, (old.ask, old.ask_size), (new.ask, new.ask_size)),
        ] {
            if old.0 != new.0 {
                self.send(key, &tick_price(req_id, tick, new.0, unit, new.1));
            } else if old.1 != new.1 {
                self.send(key, &tick_size(req_id, size_tick, new.1));
            }
        }
        for (tick, old, new) in [(ticks.last, old.last, new.last), (ticks.close, old.close, new.close)] {
            if old != new {
                self.send(key, &tick_price(req_id, tick, new, unit, Quantity::ZERO));
            }
        }
        if new.last.is_some() && old.last != new.last {
            let seconds = Some(self.quote(contract).at.as_second().to_string());
            self.send(
                key,
                &wire::TickString { req_id: Some(req_id), tick_type: Some(ticks.last_time), value: seconds },
            );
        }
        if old.halted != new.halted {
            self.send(key, &tick_generic(req_id, HALTED, f64::from(u8::from(new.halted))));
        }
        if let Some(volume) = new.volume.filter(|_| new.volume != old.volume) {
            self.send(key, &tick_size(req_id, ticks.volume, volume));
        }
    }

    pub(crate) fn historical_data(&mut self, key: SessionKey, request: &HistoricalDataRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        let contract = match self.resolve(&request.contract) {
            Ok(contract) => contract,
            Err(unresolved) => return self.error(key, req_id, 200, &unresolved.to_string()),
        };
        if self.paced && !self.session_mut(key).pace.takes_question(contract, request, Instant::now()) {
            let text = "Historical Market Data Service error message:Historical data request pacing violation";
            return self.error(key, req_id, 162, text);
        }
        if let Some(answer) = self.wire.history.take() {
            self.error(key, req_id, answer.code, &answer.text);
            if !answer.goes_on {
                return;
            }
        }
        let (bars, from, end) = match self.told_bars(contract, request) {
            Ok(told) => told,
            Err(cause) => {
                let text = format!("Historical Market Data Service error message:{cause}");
                return self.error(key, req_id, 162, &text);
            }
        };
        let Some(from) = from else {
            let text = "Historical Market Data Service error message:HMDS query returned no data";
            return self.error(key, req_id, 162, text);
        };
        let answer = wire::Bars {
            data: wire::HistoricalData { req_id: Some(req_id), historical_data_bars: bars },
            end: wire::HistoricalDataEnd {
                req_id: Some(req_id),
                start_date_str: Some(wire_time(from)),
                end_date_str: Some(wire_time(end)),
            },
        };
        self.send(key, &answer);
        if request.keep_up_to_date == Some(true) {
            self.keep_up_to_date(key, contract, request);
        }
    }

    /// The bars a request asks for, the instant of the first, and their end; or what of the request is not served.
    fn told_bars(&self, contract: ContractId, request: &HistoricalDataRequest) -> Result<ToldBars, String> {
        let size = text(&request.bar_size_setting);
        let end = self.read_end(request)?;
        let unit = self.directory.unit(contract);
        let traded = matches!(text(&request.what_to_show), "TRADES" | "ADJUSTED_LAST");
        if let Some(length) = minutes::length(size) {
            let reach = Reach::parse(text(&request.duration)).ok_or_else(|| {
                format!("duration `{}`; bars within a session need `1800 S`, `2 D` or `1 W`", text(&request.duration))
            })?;
            let bars = self.minutes(contract, length, reach, end);
            let epoch = request.format_date == Some(2);
            let told = bars.iter().map(|bar| minutes::wire_minutes(bar, unit, traded, epoch)).collect();
            return Ok((told, bars.first().map(|bar| bar.begins), end));
        }
        if size != "1 day" {
            return Err(format!("bars of `{size}`; the simulated gateway serves `1 min` to `4 hours` and `1 day`"));
        }
        let span = BarSpan::parse(text(&request.duration)).ok_or_else(|| {
            format!("duration `{}`; it must read like `30 D`, `8 W`, `6 M` or `2 Y`", text(&request.duration))
        })?;
        let bars = self.bars(contract, end, span);
        let told = bars.iter().map(|bar| wire_bar(bar, unit, traded)).collect();
        Ok((told, bars.first().map(|bar| midnight(bar.date)), end))
    }

    /// Where the bars end, or what of the request is not served.
    fn read_end(&self, request: &HistoricalDataRequest) -> Result<Timestamp, String> {
        let what = text(&request.what_to_show);
        if !matches!(what, "TRADES" | "ADJUSTED_LAST" | "MIDPOINT") {
            return Err(format!("`{what}`; the simulated gateway serves TRADES, ADJUSTED_LAST and MIDPOINT"));
        }
        if request.keep_up_to_date == Some(true) && !text(&request.end_date_time).is_empty() {
            return Err("keepUpToDate with an end: bars that go on have none".to_owned());
        }
        let end = match text(&request.end_date_time) {
            "" => self.now(),
            end => parse_wire_time(end)
                .ok_or_else(|| format!("end `{end}`; it must read like `20250106 15:00:00 Etc/UTC`"))?,
        };
        Ok(end.min(self.now()))
    }

    /// Bars of the sessions that had closed by `end`, oldest first.
    fn bars(&self, contract: ContractId, end: Timestamp, span: BarSpan) -> Vec<Bar> {
        let Ok(calendar) = self.calendars.get(self.directory.instrument(contract).venue) else { return Vec::new() };
        // An evening session may be dated tomorrow, so the search begins beyond the venue's local day.
        let beyond = calendar.zone().to_datetime(end).date().saturating_add(2.days());
        let has_closed =
            |bar: &Bar| calendar.session(bar.date).ok().flatten().is_none_or(|session| session.close <= end);
        let (count, first) = match span {
            BarSpan::Sessions(count) => (count, Date::MIN),
            BarSpan::Calendar(span) => (BARS_MAX, beyond.saturating_sub(span)),
        };
        let mut bars = self.sim.bars(contract, beyond, count.saturating_add(3).min(BARS_MAX));
        bars.retain(|bar| has_closed(bar) && bar.date >= first);
        bars.split_off(bars.len().saturating_sub(count))
    }
}

/// Bars as they are told, the instant of the first, and their end.
type ToldBars = (Vec<HistoricalDataBar>, Option<Timestamp>, Timestamp);

/// How far back bars reach: IB counts days in sessions and longer units in calendar time.
#[derive(Clone, Copy, Debug)]
enum BarSpan {
    Sessions(usize),
    Calendar(Span),
}

impl BarSpan {
    fn parse(text: &str) -> Option<BarSpan> {
        let (count, unit) = text.trim().split_once(' ')?;
        let count: u16 = count.parse().ok().filter(|&count| count > 0)?;
        let calendar = |span: Result<Span, jiff::Error>| span.ok().map(BarSpan::Calendar);
        match unit {
            "D" => Some(BarSpan::Sessions(usize::from(count))),
            "W" => calendar(Span::new().try_weeks(count)),
            "M" => calendar(Span::new().try_months(count)),
            "Y" => calendar(Span::new().try_years(count)),
            _ => None,
        }
    }
}

fn tick_generic(req_id: i32, tick_type: i32, value: f64) -> wire::TickGeneric {
    wire::TickGeneric { req_id: Some(req_id), tick_type: Some(tick_type), value: Some(value) }
}

/// A size of its own.
fn tick_size(req_id: i32, tick_type: i32, size: Quantity) -> TickSize {
    TickSize { req_id: Some(req_id), tick_type: Some(tick_type), size: Some(size.to_string()) }
}

fn tick_price(req_id: i32, tick: i32, price: Option<Price>, unit: QuoteUnit, size: Quantity) -> TickPrice {
    TickPrice {
        req_id: Some(req_id),
        tick_type: Some(tick),
        price: Some(price.map_or(NO_PRICE, |price| quoted(price, unit))),
        size: Some(size.to_string()),
        attr_mask: Some(0),
    }
}

/// What was paid on average in a bar of which three prices are known: the typical price.
pub(crate) fn average(prices: [Price; 3], unit: QuoteUnit) -> String {
    let [high, low, close] = prices.map(|price| price.to_decimal() * unit.per_major());
    ((high + low + close) / dec!(3)).round_dp(AVERAGE_DIGITS).normalize().to_string()
}

/// Volumes and averages are of trades; a middle has none, which IB writes as -1.
fn wire_bar(bar: &Bar, unit: QuoteUnit, traded: bool) -> HistoricalDataBar {
    HistoricalDataBar {
        date: Some(compact_date(bar.date)),
        open: Some(quoted(bar.open, unit)),
        high: Some(quoted(bar.high, unit)),
        low: Some(quoted(bar.low, unit)),
        close: Some(quoted(bar.close, unit)),
        volume: Some(if traded { bar.volume.to_string() } else { "-1".to_owned() }),
        wap: Some(if traded { average([bar.high, bar.low, bar.close], unit) } else { "-1".to_owned() }),
        bar_count: Some(-1),
    }
}
