//! What the market shows: top of book now, and the depth behind it.
//!
//! In: prices, liquidity profiles, chance. Out: quotes and books. Invariant: a quote is a function of contract and time
//! alone, so it is made once an instant; bid is below ask, both on the tick grid; outside its session a venue shows its
//! last price and no book.

use crate::asked::Asked;
use crate::liquidity::{HalfSpread, Profile};
use crate::random::{Chance, Stream};
use crate::tape::{Tape, to_tick};
use crate::venue::Trading;
use crate::{SimConfig, SimError};
use domain::{ContractId, PerContract, Price, Quantity, Side, Universe};
use jiff::Timestamp;
use market::calendar::Session;
use market::{DataType, Quote};
use std::cell::{RefCell, RefMut};
use std::sync::Arc;

/// Seconds between the steps at which orders work and displayed sizes change.
pub(crate) const STEP_SECONDS: i64 = 15;

/// Sessions longer than this have no busy ends.
const LONG_SESSION_SECONDS: f64 = 12.0 * 3600.0;
/// How much wider spreads are until so many seconds after the open.
const OPENING: [(f64, f64); 2] = [(300.0, 3.0), (900.0, 1.8)];
/// VIX up to which spreads are usual, and the most they widen above it.
const STRESS_FROM_VIX: f64 = 20.0;
const STRESS_MAX: f64 = 4.0;

/// Both sides of a contract's book at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Book {
    pub(crate) bid: Price,
    pub(crate) ask: Price,
    pub(crate) bid_size: Quantity,
    pub(crate) ask_size: Quantity,
    /// Distance between levels behind the touch, in price mantissa units; a whole number of ticks.
    pub(crate) level_step: i64,
    /// Quantity units traded a second, on average.
    pub(crate) flow: f64,
}

impl Book {
    /// Price and displayed size that an order of this side would take.
    pub(crate) fn opposite(&self, side: Side) -> (Price, Quantity) {
        match side {
            Side::Buy => (self.ask, self.ask_size),
            Side::Sell => (self.bid, self.bid_size),
        }
    }

    /// Price and displayed size that an order of this side would join.
    pub(crate) fn own(&self, side: Side) -> (Price, Quantity) {
        match side {
            Side::Buy => (self.bid, self.bid_size),
            Side::Sell => (self.ask, self.ask_size),
        }
    }
}

/// The best prices of both sides, and how far they are meant to be from the middle.
#[derive(Clone, Copy, Debug)]
struct Touch {
    bid: Price,
    ask: Price,
    half: f64,
}

/// The market of a world, ready to be looked at.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) tape: Tape,
    universe: Arc<Universe>,
    chance: Chance,
    profiles: PerContract<Option<Profile>>,
    sizes: PerContract<Stream>,
    vix: Option<ContractId>,
    shown: RefCell<Shown>,
}

/// What was asked for at one instant: an account is valued many times before time moves on.
#[derive(Clone, Debug, Default)]
struct Shown {
    at: Timestamp,
    changes: u64,
    quotes: Asked<Quote>,
    marks: Asked<Option<Price>>,
    /// Marks of what does not trade, which hold until a venue changes or a day is over.
    resting: Asked<Option<Price>>,
    stress: Option<f64>,
}

impl Shown {
    fn is_of(&self, now: Timestamp, changes: u64) -> bool {
        (self.at, self.changes) == (now, changes)
    }

    /// Forgets what was asked for at another instant.
    fn turn_to(&mut self, now: Timestamp, changes: u64) {
        if (day_of(self.at), self.changes) != (day_of(now), changes) {
            self.resting.turn();
        }
        (self.at, self.changes, self.stress) = (now, changes, None);
        self.quotes.turn();
        self.marks.turn();
    }

    /// The mark of a contract, when something that says it was asked for.
    fn mark(&self, contract: ContractId) -> Option<Option<Price>> {
        let quoted = || self.quotes.get(contract).map(|quote| quote.mid().or(quote.last));
        self.resting.get(contract).or_else(|| self.marks.get(contract)).or_else(quoted)
    }
}

impl Board {
    pub(crate) fn new(config: &SimConfig, ends_only: bool) -> Result<Board, SimError> {
        let universe = config.universe.clone();
        let profiles = universe.contracts().map(|id| Profile::of(universe.instrument_of(id))).collect();
        let sizes = universe.contracts().map(|id| Stream::new("sizes", &universe.contract(id).name)).collect();
        Ok(Board {
            tape: Tape::new(config, ends_only)?,
            chance: Chance::new(config.seed),
            profiles: PerContract::from_vec(profiles),
            sizes: PerContract::from_vec(sizes),
            vix: universe.find_contract("VIX"),
            universe,
            shown: RefCell::default(),
        })
    }

    /// The quote of a contract.
    pub(crate) fn quote(&self, contract: ContractId, now: Timestamp) -> Quote {
        let known = self.shown(now).quotes.get(contract);
        known.unwrap_or_else(|| {
            let quote = self.make_quote(contract, now);
            self.shown(now).quotes.keep(contract, quote)
        })
    }

    /// What is known of an instant.
    fn shown(&self, now: Timestamp) -> RefMut<'_, Shown> {
        let mut shown = self.shown.borrow_mut();
        let changes = self.tape.changes();
        if !shown.is_of(now, changes) {
            shown.turn_to(now, changes);
        }
        shown
    }

    fn make_quote(&self, contract: ContractId, now: Timestamp) -> Quote {
        let trading = self.tape.trading(contract, now);
        let closed = self.tape.last_official(contract, now);
        let (book, last) = match trading {
            Trading::Open(session) => {
                let middle = self.tape.middle(contract, &session, now);
                let last = to_tick(middle, self.universe.terms(contract).tick);
                (self.book_around(contract, middle, &session, now), Some(last))
            }
            // Options are chosen while their venue is closed, by what it closed with.
            Trading::Closed if self.universe.option(contract).is_some() => {
                (self.closing_book(contract, now), self.tape.last(contract, now))
            }
            Trading::Halted(..) | Trading::Call(_) | Trading::Closed => (None, self.tape.last(contract, now)),
        };
        let (data_type, at) = match trading {
            Trading::Open(_) => (DataType::Live, now),
            Trading::Halted(_, since) => (DataType::Frozen, since),
            Trading::Call(session) => (DataType::Frozen, session.close),
            Trading::Closed => {
                let session = closed.and_then(|(date, _)| self.tape.venue(contract).session(date));
                (DataType::Frozen, session.map_or(now, |session| session.close))
            }
        };
        Quote {
            bid: book.map(|book| book.bid),
            ask: book.map(|book| book.ask),
            bid_size: book.map_or(Quantity::ZERO, |book| book.bid_size),
            ask_size: book.map_or(Quantity::ZERO, |book| book.ask_size),
            last,
            close: closed.map(|(_, close)| close),
            volume: self.volume(contract, trading, book, now),
            at,
            data_type,
        }
    }

    /// Shares or contracts that have traded in the session so far, in whole lots; options and indices tell none here.
    fn volume(&self, contract: ContractId, trading: Trading, book: Option<Book>, now: Timestamp) -> Option<Quantity> {
        let Trading::Open(session) = trading else { return None };
        let bid = book?.bid;
        let told = self.universe.option(contract).is_none();
        let units = self.session_volume(contract, bid) * traded_by(&session, now);
        told.then(|| whole_lots(units, self.universe.terms(contract).lot))
    }

    /// Middle of a two-sided quote, else the last price: what the quote would say, without the sizes it also tells.
    pub(crate) fn mark(&self, contract: ContractId, now: Timestamp) -> Option<Price> {
        let known = self.shown(now).mark(contract);
        known.unwrap_or_else(|| {
            let trading = self.tape.trading(contract, now);
            let mark = self.make_mark(contract, trading, now);
            let mut shown = self.shown(now);
            match trading {
                Trading::Closed | Trading::Call(_) => shown.resting.keep(contract, mark),
                Trading::Open(_) | Trading::Halted(..) => shown.marks.keep(contract, mark),
            }
        })
    }

    fn make_mark(&self, contract: ContractId, trading: Trading, now: Timestamp) -> Option<Price> {
        let touch = match trading {
            Trading::Open(session) => {
                let middle = self.tape.middle(contract, &session, now);
                self.touch(contract, middle, &session, now).or_else(|| {
                    let last = to_tick(middle, self.universe.terms(contract).tick);
                    Some(Touch { bid: last, ask: last, half: 0.0 })
                })
            }
            Trading::Closed if self.universe.option(contract).is_some() => self.closing_touch(contract, now),
            Trading::Halted(..) | Trading::Call(_) | Trading::Closed => None,
        };
        touch.map(|touch| market::mid(touch.bid, touch.ask)).or_else(|| self.tape.last(contract, now))
    }

    /// The book of a contract in continuous trading.
    pub(crate) fn book(&self, contract: ContractId, now: Timestamp) -> Option<Book> {
        self.book_in(contract, self.tape.trading(contract, now), now)
    }

    /// Quantity units that trade in a whole session at a price.
    pub(crate) fn session_volume(&self, contract: ContractId, price: Price) -> f64 {
        let multiplier = self.universe.terms(contract).multiplier;
        let units =
            self.profiles[contract].map_or(0.0, |profile| profile.daily_volume.units(price.to_f64(), multiplier));
        units * Quantity::UNITS_PER_SHARE as f64
    }

    /// Takes what a universe has grown by in.
    pub(crate) fn list(&mut self, universe: Arc<Universe>) {
        for contract in universe.contracts().skip(self.profiles.len()) {
            self.profiles.push(Profile::of(universe.instrument_of(contract)));
            self.sizes.push(Stream::new("sizes", &universe.contract(contract).name));
        }
        self.universe = Arc::clone(&universe);
        self.tape.list(universe);
    }

    /// The session a contract was traded in last; none of one that has ended.
    fn closing_session(&self, contract: ContractId, now: Timestamp) -> Option<Session> {
        let (date, _) = self.tape.last_official(contract, now).filter(|_| !self.tape.expired(contract, now))?;
        self.tape.venue(contract).session(date).copied()
    }

    /// The book the last session ended with.
    fn closing_book(&self, contract: ContractId, now: Timestamp) -> Option<Book> {
        let session = self.closing_session(contract, now)?;
        self.book_in(contract, Trading::Open(session), session.close)
    }

    fn closing_touch(&self, contract: ContractId, now: Timestamp) -> Option<Touch> {
        let session = self.closing_session(contract, now)?;
        let middle = self.tape.middle(contract, &session, session.close);
        self.touch(contract, middle, &session, session.close)
    }

    fn book_in(&self, contract: ContractId, trading: Trading, now: Timestamp) -> Option<Book> {
        let Trading::Open(session) = trading else { return None };
        let middle = self.tape.middle(contract, &session, now);
        self.book_around(contract, middle, &session, now)
    }

    /// Best bid and ask around a middle price.
    fn touch(&self, contract: ContractId, middle: f64, session: &Session, now: Timestamp) -> Option<Touch> {
        let profile = self.profiles[contract]?;
        let tick = self.universe.terms(contract).tick;
        let usual = match profile.half_spread {
            HalfSpread::BasisPoints(bps) => middle * bps / 10_000.0,
            HalfSpread::Ticks(ticks) => tick.to_f64() * ticks,
        };
        let half = (usual * widening(session, now) * self.stress(now)).max(tick.to_f64() / 2.0);
        let bid = to_tick(middle - half, tick);
        let ask = to_tick(middle + half, tick).mantissa().max(bid.mantissa() + tick.mantissa());
        let ask = Price::from_mantissa(ask).expect("above a positive price");
        Some(Touch { bid, ask, half })
    }

    fn book_around(&self, contract: ContractId, middle: f64, session: &Session, now: Timestamp) -> Option<Book> {
        let Touch { bid, ask, half } = self.touch(contract, middle, session, now)?;
        let (profile, terms) = (self.profiles[contract]?, self.universe.terms(contract));
        let level_step = to_tick(half / 2.0, terms.tick).mantissa();

        let mut draws = self.chance.at(self.sizes[contract], step_of(now));
        let displayed = profile.displayed.units(middle, terms.multiplier) * Quantity::UNITS_PER_SHARE as f64;
        let mut size = || whole_lots(displayed * (0.5 + 1.5 * draws.uniform()), terms.lot).max(terms.lot);
        let flow = self.session_volume(contract, bid) * activity(session, now);
        Some(Book { bid, ask, bid_size: size(), ask_size: size(), level_step, flow })
    }

    /// How many times wider spreads are than on a quiet day.
    pub(crate) fn stress(&self, now: Timestamp) -> f64 {
        let is_shown = self.shown.borrow().is_of(now, self.tape.changes());
        if let Some(known) = self.shown.borrow().stress.filter(|_| is_shown) {
            return known;
        }
        let vix = self.vix.and_then(|vix| self.tape.last(vix, now)).map_or(0.0, |vix| vix.to_f64());
        let stress = (vix / STRESS_FROM_VIX).clamp(1.0, STRESS_MAX);
        if is_shown {
            self.shown(now).stress = Some(stress);
        }
        stress
    }
}

/// The largest whole number of lots within a number of quantity units.
pub(crate) fn whole_lots(units: f64, lot: Quantity) -> Quantity {
    let units = units.max(0.0) as i64;
    Quantity::from_units(units - units % lot.units())
}

/// The day an instant belongs to, by UTC, counted since 1970.
fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// The step an instant belongs to.
pub(crate) fn step_of(at: Timestamp) -> u64 {
    u64::try_from(at.as_second() / STEP_SECONDS).expect("calendars begin after 1970")
}

fn widening(session: &Session, now: Timestamp) -> f64 {
    let open_for = now.duration_since(session.open).as_secs_f64();
    OPENING.into_iter().find(|(until, _)| open_for < *until).map_or(1.0, |(_, factor)| factor)
}

/// Share of the session's volume that has traded by now: the integral of [`activity`].
pub(crate) fn traded_by(session: &Session, now: Timestamp) -> f64 {
    let length = session.close.duration_since(session.open).as_secs_f64();
    let share = (now.duration_since(session.open).as_secs_f64() / length).clamp(0.0, 1.0);
    if length > LONG_SESSION_SECONDS {
        return share;
    }
    let from_noon = 2.0 * share - 1.0;
    0.75 * share + 0.125 * (from_noon * from_noon * from_noon + 1.0)
}

/// Share of the session's volume traded per second: more at both ends of a day session.
fn activity(session: &Session, now: Timestamp) -> f64 {
    let length = session.close.duration_since(session.open).as_secs_f64();
    if length > LONG_SESSION_SECONDS {
        return 1.0 / length;
    }
    let from_noon = 2.0 * now.duration_since(session.open).as_secs_f64() / length - 1.0;
    (0.75 + 0.75 * from_noon * from_noon) / length
}
