//! Prices of every contract: the path of the running session and the bars of those that closed.
//!
//! In: a model or replayed bars, and the venues. Out: middle prices, official closes, daily history. Invariant: nothing
//! after now is shown, every price but a middle is on the contract's tick grid, and a session's bar never changes.

use crate::asked::Asked;
use crate::factor_days::{FactorDay, FactorDays, day_number, history_begins};
use crate::halts::Halt;
use crate::history::{History, Unwritten};
use crate::liquidity::Profile;
use crate::model::Model;
use crate::options::Root;
use crate::path::{BarChance, Path};
use crate::random::{Chance, Stream};
use crate::roster::Roster;
use crate::venue::{Trading, Venue, Venues};
use crate::{Prices, SimConfig, SimError};
use domain::{ContractId, InstrumentId, InstrumentKind, PerContract, PerInstrument, Price, Quantity, Universe};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::Bar;
use market::calendar::Session;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long before its end a future is listed.
const LISTED_YEARS: i64 = 3;

/// How a replayed bar becomes a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathStreams {
    turns: Stream,
    ripples: Stream,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Model(Box<Model>),
    Replay(PerContract<PathStreams>),
}

/// Prices of a world.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    pub(crate) universe: Arc<Universe>,
    pub(crate) venues: Venues,
    pub(crate) chance: Chance,
    volumes: PerContract<Stream>,
    pub(crate) source: Source,
    pub(crate) histories: PerContract<RefCell<History>>,
    /// Sessions whose bars are written when somebody asks for them.
    pub(crate) unwritten: Unwritten,
    /// The first date of a contract that ends.
    pub(crate) listed_from: PerContract<Date>,
    pub(crate) roster: Roster,
    /// Contracts that ended before their time.
    pub(crate) ended: PerContract<Option<Timestamp>>,
    /// New bars know the two ends of their session and nothing between: research asks for no more.
    pub(crate) ends_only: bool,
    /// Roots of options whose underlying is known.
    pub(crate) roots: PerInstrument<Option<Root>>,
    /// Official closes of options that were asked for since something changed, and their bars.
    closes: RefCell<Asked<(Date, Price)>>,
    pub(crate) option_bars: RefCell<BTreeMap<(Date, ContractId), Bar>>,
    /// Prices of theirs before ticks, and of what they are written on, with the instant each is of.
    pub(crate) option_prices: RefCell<Asked<(Timestamp, f64)>>,
    pub(crate) spots: RefCell<Asked<(Timestamp, f64)>>,
    pub(crate) halts: BTreeMap<ContractId, Halt>,
    /// How often something changed that a price depends on beside the time.
    changes: u64,
}

impl Tape {
    /// Prices of a configuration with everything that is known at its start.
    ///
    /// # Errors
    /// [`SimError`] when a calendar is missing or too short, or the replayed series are malformed.
    pub(crate) fn new(config: &SimConfig, ends_only: bool) -> Result<Tape, SimError> {
        let universe = &config.universe;
        let mics = || universe.instruments().map(|id| universe.instrument(id).venue);
        for mic in mics() {
            config.calendars.get(mic)?.phase(config.start)?;
        }
        let venues = Venues::new(&config.calendars, mics())?;
        let streams =
            |purpose| universe.contracts().map(|id| Stream::new(purpose, &universe.contract(id).name)).collect();
        let (source, histories) = match &config.prices {
            Prices::Simulated { scenario, seed, first_day } => {
                for mic in mics() {
                    let (first, _) = config.calendars.get(mic)?.coverage();
                    let wanted = history_begins(*first_day);
                    if wanted < first {
                        return Err(SimError::NoHistory { mic, first, first_day: *first_day, wanted });
                    }
                }
                let model = Model::new(*scenario, *seed, *first_day, &venues, config);
                (Source::Model(Box::new(model)), PerContract::filled(RefCell::default(), universe.contract_count()))
            }
            Prices::Replay { series } => {
                let histories = replayed(universe, &venues, series)?;
                let pairs: Vec<PathStreams> = universe
                    .contracts()
                    .map(|id| &universe.contract(id).name)
                    .map(|name| PathStreams {
                        turns: Stream::new("turns", name),
                        ripples: Stream::new("ripples", name),
                    })
                    .collect();
                (Source::Replay(PerContract::from_vec(pairs)), histories)
            }
        };
        let volumes = PerContract::from_vec(streams("volume"));
        let chance = Chance::new(config.seed);
        let ended = PerContract::filled(None, universe.contract_count());
        let is_root = |id: &InstrumentId| universe.instrument(*id).kind == InstrumentKind::Opt;
        let root = |id| Some(id).filter(is_root).and_then(|id| Root::of(universe, id, &config.events));
        let roots = PerInstrument::from_vec(universe.instruments().map(root).collect());
        let expiry = |contract| universe.contract(contract).expiry;
        let listed =
            |contract| expiry(contract).map_or(Date::MIN, |expiry| expiry.saturating_sub(LISTED_YEARS.years()));
        let listed_from = PerContract::from_vec(universe.contracts().map(listed).collect());
        let roster = Roster::new(universe, &listed_from);
        let universe = universe.clone();
        let mut tape = Tape {
            universe,
            venues,
            chance,
            volumes,
            source,
            histories,
            unwritten: Unwritten::default(),
            listed_from,
            roster,
            ended,
            ends_only,
            roots,
            closes: RefCell::default(),
            option_bars: RefCell::default(),
            option_prices: RefCell::default(),
            spots: RefCell::default(),
            halts: BTreeMap::new(),
            changes: 0,
        };
        if let Prices::Simulated { first_day, .. } = config.prices {
            tape.write_history(history_begins(first_day), config.start);
        }
        Ok(tape)
    }

    /// Chance of one more contract.
    pub(crate) fn add_streams(&mut self, contract: ContractId) {
        let name = &self.universe.contract(contract).name;
        self.volumes.push(Stream::new("volume", name));
        self.listed_from.push(Date::MIN);
        if let Source::Replay(streams) = &mut self.source {
            streams.push(PathStreams { turns: Stream::new("turns", name), ripples: Stream::new("ripples", name) });
        }
    }

    /// A number that no two states of the tape share between which a price of one instant may differ.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes that there is more to ask for: a venue changed, another session is fixed, another option listed.
    pub(crate) fn turn(&mut self) {
        self.changes += 1;
    }

    /// Notes that what was known of a price need not hold any more.
    pub(crate) fn change(&mut self) {
        self.turn();
        self.closes.get_mut().turn();
        self.option_bars.get_mut().clear();
        self.option_prices.get_mut().turn();
        self.spots.get_mut().turn();
    }

    /// When venues change.
    pub(crate) fn venues(&self) -> &Venues {
        &self.venues
    }

    /// The venue of a contract.
    pub(crate) fn venue(&self, contract: ContractId) -> &Venue {
        self.venues.get(self.universe.instrument_of(contract).venue)
    }

    /// The days of the factors that are not made yet; none of replayed prices.
    pub(crate) fn days_to_come(&self) -> Option<FactorDays> {
        match &self.source {
            Source::Model(model) => Some(model.days_to_come()),
            Source::Replay(_) => None,
        }
    }

    /// Takes them from somebody who makes them ahead of time.
    pub(crate) fn take_days(&mut self, ahead: Box<dyn Iterator<Item = FactorDay> + Send>) {
        if let Source::Model(model) = &mut self.source {
            model.take_days(ahead);
        }
    }

    /// Makes prices up to an instant available, and gives up those nobody can ask for any more.
    pub(crate) fn extend_to(&mut self, at: Timestamp) {
        if let Source::Model(model) = &mut self.source {
            model.extend_to(at);
            model.forget_before(at);
        }
    }

    /// Date and price of the last official close.
    pub(crate) fn last_official(&self, contract: ContractId, now: Timestamp) -> Option<(Date, Price)> {
        match self.option(contract) {
            Some(_) => {
                let session = self.option_sessions(contract, now).next_back()?;
                let known = self.closes.borrow().get(contract).filter(|(date, _)| *date == session.date);
                Some(known.unwrap_or_else(|| {
                    let close = (session.date, self.official_close(contract, session));
                    self.closes.borrow_mut().keep(contract, close)
                }))
            }
            None => self.last_bar(contract, now).map(|(bar, _)| (bar.date, bar.close)),
        }
    }

    /// What a contract's venue is doing with it.
    pub(crate) fn trading(&self, contract: ContractId, now: Timestamp) -> Trading {
        match self.venues.trading(self.universe.instrument_of(contract).venue, now) {
            Trading::Open(session) | Trading::Call(session) if !self.has_session(contract, &session) => Trading::Closed,
            Trading::Open(session) => match self.halted_since(contract, now) {
                Some(since) => Trading::Halted(session, since),
                None => Trading::Open(session),
            },
            trading => trading,
        }
    }

    /// Whether a contract's last session is over.
    pub(crate) fn expired(&self, contract: ContractId, now: Timestamp) -> bool {
        let venue = self.venue(contract);
        let by_date = || {
            self.universe.contract(contract).expiry.is_some_and(|expiry| match venue.session(expiry) {
                Some(session) => venue.fixing(session) <= now,
                None => end_of_day(expiry) <= now,
            })
        };
        self.ended[contract].is_some_and(|end| end <= now) || by_date()
    }

    /// Whether prices are made here, so that they can follow what happens to a company.
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.source, Source::Model(_))
    }

    /// A contract trades no more, whatever its last day was.
    pub(crate) fn end(&mut self, contract: ContractId, now: Timestamp) {
        self.write_last(contract);
        self.change();
        self.ended[contract] = Some(now);
    }

    /// From now on every market stands elsewhere.
    pub(crate) fn shock(&mut self, equity: Decimal, volatility: Decimal, now: Timestamp) {
        self.universe.configured().for_each(|contract| self.write_last(contract));
        self.change();
        let logarithm = |share: Decimal| libm::log1p(share.to_f64().unwrap_or_default());
        if let Source::Model(model) = &mut self.source {
            model.shock(logarithm(equity), logarithm(volatility), now);
        }
    }

    /// From now on the price of a share is lower by what was paid on it. Replayed prices are what they were.
    pub(crate) fn pay_out(&mut self, contract: ContractId, rate: Decimal, now: Timestamp) {
        self.write_last(contract);
        self.change();
        let Some(last) = self.last(contract, now) else { return };
        if let Source::Model(model) = &mut self.source {
            let share = (rate / last.to_decimal()).to_f64().unwrap_or_default();
            model.pay_out(contract, share.clamp(0.0, 0.99), now);
        }
    }

    /// Prices and volumes of all times are of new shares.
    pub(crate) fn split(&mut self, contract: ContractId, numerator: u32, denominator: u32) {
        self.write_all(contract);
        self.change();
        let old_per_new = f64::from(denominator) / f64::from(numerator);
        let tick = self.universe.terms(contract).tick;
        for bar in &mut self.histories[contract].get_mut().bars {
            let prices =
                [bar.open, bar.high, bar.low, bar.close].map(|price| to_tick(price.to_f64() * old_per_new, tick));
            let volume = bar.volume.units() as f64 / old_per_new / Quantity::UNITS_PER_SHARE as f64;
            *bar = Bar::new(bar.date, prices, Quantity::whole(volume as i64));
        }
        if let Source::Model(model) = &mut self.source {
            model.split(contract, old_per_new);
        }
    }

    /// Whether prices at an instant are still known: replayed ones always, simulated ones for about a week.
    pub(crate) fn remembers(&self, at: Timestamp) -> bool {
        match &self.source {
            Source::Model(model) => model.remembers(at),
            Source::Replay(_) => true,
        }
    }

    /// Whether there are prices of a contract at any time.
    pub(crate) fn is_priced(&self, contract: ContractId) -> bool {
        let contract = self.option(contract).map_or(contract, |(root, _)| root.underlying);
        matches!(self.source, Source::Model(_)) || !self.histories[contract].borrow().bars.is_empty()
    }

    /// Whether a contract trades in a session of its venue.
    pub(crate) fn has_session(&self, contract: ContractId, session: &Session) -> bool {
        self.ended[contract].is_none_or(|end| session.open < end && session.close < end)
            && self.universe.contract(contract).expiry.is_none_or(|expiry| session.date <= expiry)
            && match self.source {
                _ if self.universe.option(contract).is_some() => self.is_priced(contract),
                Source::Model(_) => session.date >= self.listed_from[contract],
                Source::Replay(_) => self.histories[contract].borrow().of_date(session.date).is_some(),
            }
    }

    /// The middle price inside a session the contract trades in, before ticks.
    pub(crate) fn middle(&self, contract: ContractId, session: &Session, at: Timestamp) -> f64 {
        match &self.source {
            _ if self.universe.option(contract).is_some() => self.option_price(contract, at).unwrap_or_default(),
            Source::Model(model) => model.price(contract, session.date, at),
            Source::Replay(streams) => {
                let history = self.histories[contract].borrow();
                let index = history.of_date(session.date).expect("the contract trades in this session");
                let PathStreams { turns, ripples } = streams[contract];
                let from = BarChance { chance: &self.chance, turns, ripples, day: day_number(session.date) };
                let previous = index.checked_sub(1).map(|before| history.bars[before].close.to_f64());
                let length = session.close.duration_since(session.open).as_secs_f64();
                let path = Path::new(&history.bars[index], previous, length, from);
                path.at(at.duration_since(session.open).as_secs_f64(), from)
            }
        }
    }

    /// The official close of a session the contract trades in; a future's settlement.
    pub(crate) fn official_close(&self, contract: ContractId, session: &Session) -> Price {
        to_tick(self.middle(contract, session, session.close), self.universe.terms(contract).tick)
    }

    /// The last price shown: of the running session, of the one just ended, or the last official close.
    pub(crate) fn last(&self, contract: ContractId, now: Timestamp) -> Option<Price> {
        match self.trading(contract, now) {
            Trading::Open(session) => {
                Some(to_tick(self.middle(contract, &session, now), self.universe.terms(contract).tick))
            }
            Trading::Halted(session, since) => {
                Some(to_tick(self.middle(contract, &session, since), self.universe.terms(contract).tick))
            }
            Trading::Call(session) => Some(self.official_close(contract, &session)),
            Trading::Closed => self.last_close(contract, now),
        }
    }

    /// The last official close, without what was paid on it since: the price somebody would ask for before the open.
    fn last_close(&self, contract: ContractId, now: Timestamp) -> Option<Price> {
        let Source::Model(model) = &self.source else {
            return self.last_official(contract, now).map(|(_, close)| close);
        };
        if self.universe.option(contract).is_some() {
            return self.last_official(contract, now).map(|(_, close)| close);
        }
        let (bar, fixed) = self.last_bar(contract, now)?;
        let left = model.left_after(contract, fixed, now);
        Some(if left == 1.0 {
            bar.close
        } else {
            to_tick(bar.close.to_f64() * left, self.universe.terms(contract).tick)
        })
    }

    /// Bars of every session from a date on that has been fixed by an instant.
    fn write_history(&mut self, from: Date, now: Timestamp) {
        let Source::Model(model) = &mut self.source else { return };
        model.extend_to(now);
        let mics: Vec<_> = self.universe.instruments().map(|id| self.universe.instrument(id).venue).collect();
        for &mic in domain::Mic::ALL.iter().filter(|mic| mics.contains(mic)) {
            for session in self.venues.get(mic).fixed_from(from, now).to_vec() {
                self.fix(&session);
            }
        }
        if let Source::Model(model) = &mut self.source {
            model.forget_before(now);
        }
    }

    /// What trades in a session that closes at a price.
    pub(crate) fn volume(&self, contract: ContractId, date: Date, close: Price) -> Quantity {
        Profile::of(self.universe.instrument_of(contract)).map_or(Quantity::ZERO, |profile| {
            let usual = profile.daily_volume.units(close.to_f64(), self.universe.terms(contract).multiplier);
            let busy = libm::exp(0.25 * self.chance.at(self.volumes[contract], day_number(date)).normal());
            Quantity::whole((usual * busy) as i64)
        })
    }
}

/// The nearest price on the tick grid, at least one tick.
pub(crate) fn to_tick(price: f64, tick: Price) -> Price {
    let ticks = (price / tick.to_f64() + 0.5) as i64;
    Price::from_mantissa(ticks.max(1) * tick.mantissa()).expect("at least one tick is positive")
}

/// Given bars on the tick grid, each known from its session's official close.
fn replayed(
    universe: &Universe,
    venues: &Venues,
    series: &PerContract<Vec<Bar>>,
) -> Result<PerContract<RefCell<History>>, SimError> {
    if series.len() != universe.contract_count() {
        return Err(SimError::SeriesCount { series: series.len(), contracts: universe.contract_count() });
    }
    let history = |(contract, bars): (ContractId, &Vec<Bar>)| {
        let tick = universe.terms(contract).tick;
        let venue = venues.get(universe.instrument_of(contract).venue);
        let mut history = History::default();
        for bar in bars {
            if history.bars.last().is_some_and(|before| bar.date <= before.date) {
                return Err(SimError::SeriesOrder {
                    contract: universe.contract(contract).name.clone(),
                    date: bar.date,
                });
            }
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| to_tick(price.to_f64(), tick));
            // A day the calendar calls closed has a price and no trading: it is known when the day is over.
            let known_from =
                venue.session(bar.date).map_or_else(|| end_of_day(bar.date), |session| venue.fixing(session));
            history.push(Bar::new(bar.date, prices, bar.volume), known_from);
        }
        Ok(RefCell::new(history))
    };
    series.iter().map(history).collect::<Result<Vec<_>, _>>().map(PerContract::from_vec)
}

pub(crate) fn end_of_day(date: Date) -> Timestamp {
    let midnight = date.saturating_add(1.day()).to_datetime(Time::midnight());
    TimeZone::UTC.to_timestamp(midnight).expect("every midnight exists in UTC")
}
