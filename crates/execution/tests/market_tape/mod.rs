//! A market that shows recorded quotes and fills against them.
//!
//! In: minute bars of bid and ask. Out: what an order got. Invariant: a taker gets the far side, no more than its displayed
//! size a step; a waiting order is filled at its limit only when the far side has come to it.

mod evening;

pub use evening::Evenings;

use domain::{
    AccountTag, AssetClass, BasisPoints, Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind,
    OrderType, PerContract, PerCurrency, Price, Quantity, Side, Universe,
};
use execution::{
    Command, ExecutionPolicy, Moment, OrderSignal, PairPolicy, Parent, ParentState, PlannedOrder, Style, Urgency,
};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Window;
use market::{DataType, Quote};
use risk::gate::{Activity, Conditions, DayFacts, Facts, MarketFacts, Proposal};
use risk::{CollarPolicy, Gate, GatePolicy, Mode, Purpose};
use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

/// Longest an order has.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// Steps of a quarter of a minute between two orders: ten minutes.
const STRIDE: usize = 40;
/// Steps of a second between two orders on prints.
const STRIDE_OF_PRINTS: usize = 20;
const CONTRACT: ContractId = ContractId(0);

/// The policy of the built-in settings.
pub fn policy() -> ExecutionPolicy {
    ExecutionPolicy {
        style: Style::MarketableLimit,
        styles: Vec::new(),
        spread_buffer: 0.25,
        ttl_s: 120,
        replace_interval_s: 15,
        replaces_max: 6,
        passive_s: 60,
        rest_to_close: false,
        auction_lead_s: 600,
        participation_max: 0.10,
        pairs: PairPolicy { hedges: Vec::new(), trigger: 0.30, patience_s: 5, legging_s: 60 },
    }
}

/// Quotes every fifteen seconds: each minute's open, its two extremes in the order in which it ended, its close.
pub struct Tape {
    quotes: Vec<Quote>,
    universe: Universe,
    gate: GatePolicy,
    /// Steps between two orders.
    stride: usize,
}

/// Sums over orders, in units of price × quantity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Result {
    pub orders: u32,
    wanted: f64,
    filled: f64,
    /// Σ filled value.
    value: f64,
    arrival_cost: f64,
    mid_cost: f64,
    completed_cost: f64,
    wanted_value: f64,
}

impl Result {
    pub fn filled_share(&self) -> f64 {
        self.filled / self.wanted
    }

    /// Cost of what was filled against the mid at arrival, in basis points.
    pub fn against_arrival(&self) -> f64 {
        self.arrival_cost / self.value * 1e4
    }

    /// The same against the mid at each fill.
    pub fn against_mid(&self) -> f64 {
        self.mid_cost / self.value * 1e4
    }

    /// Against arrival with the rest bought at the far side when the time is over.
    pub fn completed(&self) -> f64 {
        self.completed_cost / self.wanted_value * 1e4
    }
}

impl Add for Result {
    type Output = Result;

    fn add(self, other: Result) -> Result {
        Result {
            orders: self.orders + other.orders,
            wanted: self.wanted + other.wanted,
            filled: self.filled + other.filled,
            value: self.value + other.value,
            arrival_cost: self.arrival_cost + other.arrival_cost,
            mid_cost: self.mid_cost + other.mid_cost,
            completed_cost: self.completed_cost + other.completed_cost,
            wanted_value: self.wanted_value + other.wanted_value,
        }
    }
}

impl Sum for Result {
    fn sum<I: Iterator<Item = Result>>(results: I) -> Result {
        results.fold(Result::default(), Add::add)
    }
}

/// One contract of a class, and the gate of the built-in settings without the limits that depend on an account.
fn listed(class: AssetClass, tick: &str) -> (Universe, GatePolicy) {
    let tick = Price::from_decimal(tick.parse().expect("a number")).expect("a price");
    let plain = Instrument::plain("TAPE", InstrumentKind::Etf, Currency::Usd);
    let instrument = Instrument { asset_class: class, tick, ..plain };
    let listed = Contract { name: "TAPE".into(), instrument: InstrumentId(0), expiry: None };
    let width = match class {
        AssetClass::EquityIndexFuture => 3,
        AssetClass::FxFuture => 2,
        _ => 10,
    };
    let collar = CollarPolicy { width: BasisPoints(width), ticks_min: 2 };
    let gate = GatePolicy {
        plan_move_max: 0.05,
        order_value_max: 1.0,
        turnover_max: 1.0,
        gross_max: 2.0,
        net_max: 1.0,
        position_max: 1.0,
        adv_max: 1.0,
        adv_slice: 1.0,
        excess_liquidity_min: 0.0,
        what_if: false,
        orders_per_side_max: u32::MAX,
        messages_per_second_max: u32::MAX,
        restricted: Vec::new(),
        quote_age_max_s: 60,
        collars: vec![(class, collar)],
    };
    (Universe::new(vec![instrument], vec![listed]), gate)
}

/// One order on its way, with the fills it got.
struct Tally {
    side: f64,
    arrival: f64,
    result: Result,
}

impl Tally {
    fn fill(&mut self, quantity: f64, price: f64, mid: f64) {
        self.result.filled += quantity;
        self.result.value += quantity * price;
        self.result.arrival_cost += quantity * (price - self.arrival) * self.side;
        self.result.mid_cost += quantity * (price - mid) * self.side;
    }

    /// Finishes the rest at the far side of the last quote.
    fn finish(mut self, far: f64) -> Result {
        let rest = self.result.wanted - self.result.filled;
        self.result.completed_cost = self.result.arrival_cost + rest * (far - self.arrival) * self.side;
        self.result
    }
}

impl Tape {
    /// Reads the rows of one contract between two times of day, UTC.
    pub fn of(csv: &str, contract: &str, class: AssetClass, tick: &str, (from, to): (&str, &str)) -> Tape {
        let mut lines = csv.lines();
        let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let column = |name: &str| header.iter().position(|known| *known == name);
        let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
        let rows = rows.filter(|row| column("contract").is_none_or(|at| row[at] == contract));
        let rows = rows.filter(|row| (from..to).contains(&&row[0][11..16]));
        let quotes = rows.flat_map(|row| {
            let number = |name: &str| column(name).map(|at| row[at].parse::<f64>().expect("a number"));
            let start: Timestamp = row[0].parse().expect("a time");
            let rises = number("bid_close") >= number("bid_open");
            let order = if rises { ["open", "low", "high", "close"] } else { ["open", "high", "low", "close"] };
            let size =
                |side: &str| Quantity::whole(number(&format!("{side}_size")).map_or(1_000_000, |size| size as i64));
            let (bid_size, ask_size) = (size("bid"), size("ask"));
            let quote = |(step, point): (usize, &str)| {
                let side = |side: &str| Price::from_f64(number(&format!("{side}_{point}"))?).ok();
                let at = start + SignedDuration::from_secs(15 * step as i64);
                let (bid, ask) = (side("bid"), side("ask"));
                Quote {
                    bid,
                    ask,
                    bid_size,
                    ask_size,
                    last: None,
                    close: None,
                    volume: None,
                    at,
                    data_type: DataType::Live,
                }
            };
            order.into_iter().enumerate().map(quote).collect::<Vec<_>>()
        });
        let (universe, gate) = listed(class, tick);
        Tape { quotes: quotes.collect(), universe, gate, stride: STRIDE }
    }

    /// Reads the prints of a minute: bid and ask of a second are the lowest and the highest of its prints, at least a tick
    /// apart, and what was traded there is what is shown.
    pub fn of_prints(csv: &str, class: AssetClass, tick: &str) -> Tape {
        let (universe, gate) = listed(class, tick);
        let tick = universe.terms(CONTRACT).tick.to_f64();
        let mut seconds: BTreeMap<Timestamp, Vec<(f64, f64)>> = BTreeMap::new();
        for row in csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let at: Timestamp = row[0].parse().expect("a time");
            let (price, size) = (row[1].parse().expect("a price"), row[2].parse().expect("a size"));
            if row[5] == "0" {
                seconds
                    .entry(Timestamp::from_second(at.as_second()).expect("in range"))
                    .or_default()
                    .push((price, size));
            }
        }
        let quote = |(at, prints): (Timestamp, Vec<(f64, f64)>)| {
            let bid = prints.iter().map(|(price, _)| *price).fold(f64::INFINITY, f64::min);
            let ask = prints.iter().map(|(price, _)| *price).fold(bid + tick, f64::max);
            let size = |at: f64| {
                prints.iter().filter(|(price, _)| (price - at).abs() < tick / 2.0).map(|(_, size)| size).sum()
            };
            let sizes = [bid, ask].map(|at| Quantity::from_f64(size(at)).expect("a size"));
            let [bid, ask] = [bid, ask].map(|price| Price::from_f64(price).ok());
            shown(at, [bid, ask], sizes)
        };
        Tape { quotes: seconds.into_iter().map(quote).collect(), universe, gate, stride: STRIDE_OF_PRINTS }
    }

    /// Orders one after the other through the whole tape; without a style, orders without a limit.
    pub fn work(&self, side: Side, quantity: i64, style: Option<Style>, policy: &ExecutionPolicy) -> Result {
        let starts = (0..self.quotes.len()).step_by(self.stride);
        let within = |&start: &usize| {
            let last = self.quotes.get(start + self.stride);
            last.is_some_and(|last| last.at.duration_since(self.quotes[start].at) <= PATIENCE)
        };
        starts.filter(within).map(|start| self.order(start, side, quantity, style, policy)).sum()
    }

    fn order(&self, start: usize, side: Side, quantity: i64, style: Option<Style>, policy: &ExecutionPolicy) -> Result {
        let quotes = &self.quotes[start..=start + self.stride];
        let arrival = quotes[0].mid().expect("two sides").to_f64();
        let wanted = quantity as f64;
        let result = Result { orders: 1, wanted, wanted_value: wanted * arrival, ..Result::default() };
        let mut tally = Tally { side: side.sign() as f64, arrival, result };
        match style {
            None => take(quotes, side, &mut tally),
            Some(style) => self.manage(quotes, side, quantity, style, policy, &mut tally),
        }
        tally.finish(far(&quotes[self.stride], side).0.to_f64())
    }

    /// The order manager's way, from its permit to its last cancel.
    fn manage(
        &self,
        quotes: &[Quote],
        side: Side,
        quantity: i64,
        style: Style,
        policy: &ExecutionPolicy,
        tally: &mut Tally,
    ) {
        let signed = Quantity::whole(quantity * side.sign());
        let planned = PlannedOrder { number: 1, contract: CONTRACT, quantity: signed, purpose: Purpose::Increase };
        let window = Window { opens: quotes[0].at, closes: quotes[self.stride].at };
        let proposal = Proposal {
            contract: CONTRACT,
            quantity: signed,
            purpose: Purpose::Increase,
            order_type: OrderType::Lmt,
            collar: None,
        };
        let permit = facts_of(&quotes[0], window, quotes[0].mid(), |facts| {
            Gate::new(&self.gate, &self.universe).admit(proposal, facts)
        });
        let mut parent = Parent::new(planned);
        let half_spread = quotes[0].spread_mantissa().and_then(|spread| Price::from_mantissa(spread / 2).ok());
        parent.admit(permit.expect("a quote of this moment inside the window"), half_spread);
        let account: AccountTag = "a1b2c3".parse().expect("a tag");
        let date = window.opens.to_zoned(jiff::tz::TimeZone::UTC).date();
        let grid = self.universe.terms(CONTRACT).tick.into();
        for quote in quotes {
            let mut shown = far(quote, side).1;
            meet(&mut parent, quote, side, true, &mut shown, tally);
            let moment =
                Moment { now: quote.at, quote: Some(quote), grid, urgency: Urgency::Normal, style, volume_left: None };
            while let Some(sendable) = parent.step(&moment, (account, date), policy) {
                match Command::from(&sendable) {
                    Command::Place { order_ref, .. } | Command::Replace { order_ref, .. } => {
                        parent.signal(order_ref, OrderSignal::Acknowledged);
                        meet(&mut parent, quote, side, false, &mut shown, tally);
                    }
                    Command::Cancel { order_ref } => parent.signal(order_ref, OrderSignal::CancelConfirmed),
                    Command::PlaceSpread { .. } | Command::ReplaceSpread { .. } => {
                        unreachable!("one contract has no spread")
                    }
                }
            }
            if parent.state() == ParentState::Filled {
                break;
            }
        }
    }
}

/// The facts of a quiet account, for whoever asks the gate.
fn facts_of<T>(quote: &Quote, window: Window, price: Option<Price>, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
    let day = DayFacts {
        nav: 1e12,
        rates: PerCurrency::from_fn(|_| Some(1.0)),
        frozen: vec![],
        no_increase: vec![],
        price_max: vec![],
    };
    let market = MarketFacts { now: window.opens, quote: Some(quote), window: Some(window) };
    let auction_until = PerContract::filled(Some(window.closes), 1);
    let conditions = Conditions { auction_until, ..Conditions::ample(1) };
    let activity = Activity { unit_value: price.expect("a price").to_f64(), ..Activity::default() };
    ask(&Facts { day: &day, conditions: &conditions, mode: Mode::Normal, market, activity: &activity })
}

fn shown(at: Timestamp, [bid, ask]: [Option<Price>; 2], [bid_size, ask_size]: [Quantity; 2]) -> Quote {
    Quote { bid, ask, bid_size, ask_size, last: None, close: None, volume: None, at, data_type: DataType::Live }
}

/// The far side and its displayed size.
fn far(quote: &Quote, side: Side) -> (Price, Quantity) {
    match side {
        Side::Buy => (quote.ask.expect("an ask"), quote.ask_size),
        Side::Sell => (quote.bid.expect("a bid"), quote.bid_size),
    }
}

/// An order without a limit takes what is shown, step by step.
fn take(quotes: &[Quote], side: Side, tally: &mut Tally) {
    for quote in quotes {
        let (price, shown) = far(quote, side);
        let left = tally.result.wanted - tally.result.filled;
        let quantity = shown.to_f64().min(left);
        if quantity > 0.0 {
            tally.fill(quantity, price.to_f64(), quote.mid().expect("two sides").to_f64());
        }
    }
}

/// Fills the working order as far as the far side reaches it: at its limit when it waited, at the far side when it came.
fn meet(parent: &mut Parent, quote: &Quote, side: Side, waited: bool, shown: &mut Quantity, tally: &mut Tally) {
    let Some(child) = parent.children().last().filter(|child| child.state.is_live()).cloned() else { return };
    let (price, _) = far(quote, side);
    let reached = (child.limit.mantissa() - price.mantissa()) * side.sign() >= 0;
    let quantity = (child.quantity - child.filled).min(*shown);
    if reached && quantity > Quantity::ZERO {
        *shown -= quantity;
        let at = if waited { child.limit } else { price };
        tally.fill(quantity.to_f64(), at.to_f64(), quote.mid().expect("two sides").to_f64());
        parent.execute(child.order_ref, quantity, at).expect("never more than was ordered");
    }
}
