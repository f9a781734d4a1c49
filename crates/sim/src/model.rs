//! Prices of the simulated market: factors times loadings.
//!
//! In: a contract and an instant. Out: its middle price before ticks, and the bar of a session. Invariant: contracts on
//! the same factors agree at every instant, because there is one path of each factor and nothing else moves them.

use crate::SimConfig;
use crate::exposure::{Exposure, LOCALS};
use crate::factor_days::{FactorDay, FactorDays, day_number, history_begins};
use crate::factors::Factors;
use crate::levels::{Factor, PerFactor};
use crate::local::{Local, Walk};
use crate::scenario::Scenario;
use crate::venue::Venues;
use crate::way::Way;
use domain::{ContractId, PerContract};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Session;
use rust_decimal::prelude::ToPrimitive;
use std::cell::Cell;

const DAYS_PER_YEAR: f64 = 365.25;
/// How fast a volatility future expects its index to return: half of the way in a month.
const REVERSION_PER_YEAR: f64 = 8.0;

/// What the model knows of one contract.
#[derive(Clone, Debug)]
struct Row {
    exposure: Exposure,
    log_anchor: f64,
    /// Places of the walks it follows, with loadings.
    walks: [Option<(usize, f64)>; LOCALS + 1],
    /// Last trading day, and its close in years since the origin.
    expires: Option<(Date, f64)>,
    /// What a distributing instrument earns a year and pays out again, from the origin on.
    distributes: f64,
    /// What was paid out, in order of time.
    paid_out: Vec<Paid>,
    /// Logarithm of old shares for a new one; of every instant, because a split rewrites the past too.
    split: f64,
}

/// A payment out of the price of a contract.
#[derive(Clone, Copy, Debug)]
struct Paid {
    /// The instant from which on the price is lower, in years since the origin.
    at: f64,
    /// Logarithm of what it left of the price.
    left: f64,
    /// The same of all payments so far.
    left_so_far: f64,
}

/// The factors at an instant, with what else of the instant a price depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knot {
    pub(crate) levels: PerFactor,
    /// Years since the origin.
    years: f64,
    /// Days since the beginning of history, and the share of the day that has passed.
    pub(crate) day: usize,
    pub(crate) share: f64,
}

/// The logarithm of a contract's price in the session of a date, as a function of the knot.
#[derive(Clone, Copy)]
pub(crate) struct LogPrice<'a> {
    model: &'a Model,
    row: &'a Row,
    maturity: Maturity,
}

/// What has to be added to the factors' part of a price, and what that part is multiplied by, on one date.
#[derive(Clone, Copy)]
struct Maturity {
    offset: f64,
    share: f64,
}

impl Row {
    /// A volatility future stands between its index and the level that is expected in the end; the longer it runs, the
    /// nearer to the latter. The time is counted in whole days, so that a session has one answer.
    fn maturity(&self, date: Date) -> Maturity {
        let (Some(level), Some((expiry, _))) = (self.exposure.reverts_to, self.expires) else {
            return Maturity { offset: 0.0, share: 1.0 };
        };
        let share = share_of_index(date, expiry);
        Maturity { offset: (1.0 - share) * libm::log(level), share }
    }

    /// Logarithm of what payments within a span of time, its end included, left of the price.
    fn left_after(&self, from: f64, to: f64) -> f64 {
        let paid = &self.paid_out[self.paid_by(from)..self.paid_by(to)];
        paid.iter().map(|paid| paid.left).sum()
    }

    /// Logarithm of what every payment up to an instant left of the price.
    fn left_at(&self, at: f64) -> f64 {
        self.paid_by(at).checked_sub(1).map_or(0.0, |last| self.paid_out[last].left_so_far)
    }

    /// How many payments there were by an instant, which is seldom long ago.
    fn paid_by(&self, at: f64) -> usize {
        let later = self.paid_out.iter().rev().take_while(|paid| at < paid.at);
        self.paid_out.len() - later.count()
    }
}

/// The simulated market as a function of time.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    factors: Factors,
    origin: Timestamp,
    history_begins: Date,
    /// Surroundings first, in the order of [`Local::ALL`], then what is instruments' own.
    walks: Vec<Walk>,
    rows: PerContract<Row>,
    /// Moves of the factors that happened at an instant, in years since the origin, and stay.
    shocks: Vec<(f64, PerFactor)>,
    /// The instant that was asked for last: everything is priced at one before time moves on.
    last: Cell<Option<(Timestamp, Knot)>>,
}

impl Model {
    /// The market with its history, up to and including the first day.
    pub(crate) fn new(
        scenario: Scenario,
        seed: u64,
        first_day: Date,
        venues: &Venues,
        SimConfig { universe, events, .. }: &SimConfig,
    ) -> Model {
        let mut walks: Vec<Walk> = Local::ALL.iter().map(|&local| Walk::local(local)).collect();
        let exposures: Vec<(Exposure, Option<usize>)> = universe
            .instruments()
            .map(|id| {
                let instrument = universe.instrument(id);
                let exposure = Exposure::of(instrument);
                let own = (exposure.own_volatility > 0.0).then(|| {
                    walks.push(Walk::own(&instrument.name, exposure.own_volatility));
                    walks.len() - 1
                });
                (exposure, own)
            })
            .collect();
        let factors = Factors::new(scenario, seed, first_day, walks.iter().map(Walk::stream).collect());
        let (origin, history_begins) = (factors.origin(), history_begins(first_day));
        let row = |contract| {
            let (exposure, own) = exposures[universe.contract(contract).instrument.index()];
            let [first, second] = exposure.local.map(|local| local.map(|(local, loading)| (local as usize, loading)));
            let instrument = universe.instrument_of(contract);
            let venue = venues.get(instrument.venue);
            let last_session = universe.contract(contract).expiry.and_then(|date| venue.session(date));
            Row {
                exposure,
                log_anchor: libm::log(exposure.anchor),
                walks: [first, second, own.map(|own| (own, 1.0))],
                expires: last_session.map(|session| (session.date, years_between(origin, session.close))),
                distributes: events
                    .dividends_of(instrument)
                    .and_then(|terms| terms.annual_yield.to_f64())
                    .unwrap_or_default(),
                paid_out: Vec::new(),
                split: 0.0,
            }
        };
        let rows = PerContract::from_vec(universe.contracts().map(row).collect());
        let mut model =
            Model { factors, origin, history_begins, walks, rows, shocks: Vec::new(), last: Cell::new(None) };
        for day in model.factors.days() {
            walk_through(&mut model.walks, model.history_begins, day);
        }
        let first = model.history_day(first_day);
        model.walks.iter_mut().for_each(|walk| walk.rebase(first));
        model
    }

    /// Makes prices up to an instant available.
    pub(crate) fn extend_to(&mut self, at: Timestamp) {
        for day in self.factors.extend_to(at) {
            walk_through(&mut self.walks, self.history_begins, day);
            self.last.set(None);
        }
    }

    /// The days of its factors that are not made yet.
    pub(crate) fn days_to_come(&self) -> FactorDays {
        self.factors.days_to_come()
    }

    /// Takes them from somebody who makes them ahead of time.
    pub(crate) fn take_days(&mut self, ahead: Box<dyn Iterator<Item = FactorDay> + Send>) {
        self.factors.take_days(ahead);
    }

    /// Forgets what is more than a week older than an instant.
    pub(crate) fn forget_before(&mut self, at: Timestamp) {
        self.factors.forget_before(at);
    }

    /// Whether an instant is not forgotten.
    pub(crate) fn remembers(&self, at: Timestamp) -> bool {
        self.factors.remember(at)
    }

    /// The middle price of a contract in the session of a date.
    pub(crate) fn price(&self, contract: ContractId, date: Date, at: Timestamp) -> f64 {
        self.price_at(contract, date, &self.knot_at(at))
    }

    /// The same, of an instant whose knot is known.
    pub(crate) fn price_at(&self, contract: ContractId, date: Date, knot: &Knot) -> f64 {
        let row = &self.rows[contract];
        libm::exp(LogPrice { model: self, row, maturity: row.maturity(date) }.at(knot))
    }

    fn knot_at(&self, at: Timestamp) -> Knot {
        match self.last.get() {
            Some((of, knot)) if of == at => knot,
            _ => {
                let knot = self.knot(at, self.factors.levels(at));
                self.last.set(Some((at, knot)));
                knot
            }
        }
    }

    /// The way of the factors through a session, which every contract of its venue shares.
    pub(crate) fn way(&self, session: &Session) -> Way {
        let mut knots = vec![self.knot_at(session.open)];
        for stretch in self.factors.within(session.open, session.close) {
            let day = self.history_day(stretch.date);
            knots.extend(stretch.knots().map(|(at, levels, share)| Knot { levels, years: self.years(at), day, share }));
        }
        knots.push(self.knot_at(session.close));
        Way::new(knots)
    }

    /// The two ends of that way.
    pub(crate) fn ends(&self, session: &Session) -> [Knot; 2] {
        [session.open, session.close].map(|at| self.knot_at(at))
    }

    /// Open, high, low and close of a session with this way.
    pub(crate) fn session_prices(&self, contract: ContractId, date: Date, way: &Way, moves: &mut Vec<f64>) -> [f64; 4] {
        let row = &self.rows[contract];
        way.prices(&LogPrice { model: self, row, maturity: row.maturity(date) }, moves).map(libm::exp)
    }

    /// From an instant on the price is a share lower.
    pub(crate) fn pay_out(&mut self, contract: ContractId, share: f64, at: Timestamp) {
        let (at, left) = (years_between(self.origin, at), libm::log1p(-share));
        let paid_out = &mut self.rows[contract].paid_out;
        let left_so_far = paid_out.last().map_or(left, |before| before.left_so_far + left);
        paid_out.push(Paid { at, left, left_so_far });
    }

    /// From an instant on world equity and the volatility index stand elsewhere, by these logarithms.
    pub(crate) fn shock(&mut self, market: f64, volatility: f64, at: Timestamp) {
        let moved = PerFactor::of([(Factor::Market, market), (Factor::Volatility, volatility)]);
        self.shocks.push((years_between(self.origin, at), moved));
    }

    /// What payments within a span of time, its end included, left of a price; one where nothing was paid.
    pub(crate) fn left_after(&self, contract: ContractId, from: Timestamp, to: Timestamp) -> f64 {
        let years = |at| years_between(self.origin, at);
        libm::exp(self.rows[contract].left_after(years(from), years(to)))
    }

    /// Prices of all times are of new shares.
    pub(crate) fn split(&mut self, contract: ContractId, old_per_new: f64) {
        self.rows[contract].split += libm::log(old_per_new);
    }

    fn knot(&self, at: Timestamp, levels: PerFactor) -> Knot {
        let (date, share) = self.factors.day_and_share(at);
        Knot { levels, years: self.years(at), day: self.history_day(date), share }
    }

    fn years(&self, at: Timestamp) -> f64 {
        years_between(self.origin, at)
    }

    fn history_day(&self, date: Date) -> usize {
        days_between(self.history_begins, date)
    }
}

fn walk_through(walks: &mut [Walk], history_begins: Date, day: &FactorDay) {
    let place = days_between(history_begins, day.date);
    walks.iter_mut().zip(&day.steps).for_each(|(walk, normal)| walk.walk_through(place, *normal));
}

fn days_between(from: Date, to: Date) -> usize {
    usize::try_from(day_number(to) - day_number(from)).expect("days fit an index")
}

impl LogPrice<'_> {
    #[inline]
    pub(crate) fn at(&self, knot: &Knot) -> f64 {
        let &LogPrice { model, row, maturity } = self;
        let years_to_expiry = row.expires.map_or(0.0, |(_, expires)| (expires - knot.years).max(0.0));
        let mut moved = row.log_anchor + row.exposure.factors.dot(&knot.levels);
        for (_, shock) in model.shocks.iter().filter(|(at, _)| *at <= knot.years) {
            moved += row.exposure.factors.dot(shock);
        }
        for &(walk, loading) in row.walks.iter().flatten() {
            moved += loading * model.walks[walk].at(knot.day, knot.share);
        }
        maturity.offset
            + maturity.share * moved
            + row.exposure.accrual * knot.years
            + row.distributes * knot.years.max(0.0)
            + row.exposure.carry * years_to_expiry
            + row.left_at(knot.years)
            + row.split
    }

    /// What a step of each factor does to it.
    pub(crate) fn loadings(&self) -> PerFactor {
        self.row.exposure.factors.times(self.maturity.share)
    }

    /// Whether something happened to it at an instant within a span, or it changed its course there.
    pub(crate) fn steps_within(&self, from: &Knot, to: &Knot) -> bool {
        let within = |at: f64| from.years < at && at <= to.years;
        let ends = self.row.expires.is_some_and(|(_, expires)| within(expires) && expires < to.years);
        ends || within(0.0)
            || self.model.shocks.iter().any(|(at, _)| within(*at))
            || self.row.paid_by(from.years) < self.row.paid_by(to.years)
    }
}

/// How much of a volatility future follows its index, so long before its end.
fn share_of_index(date: Date, expiry: Date) -> f64 {
    let days = expiry.duration_since(date).as_hours() as f64 / 24.0;
    libm::exp(-REVERSION_PER_YEAR * days.max(0.0) / DAYS_PER_YEAR)
}

/// The price of a volatility future that ends on a date and whose index is expected to return to a level.
pub(crate) fn volatility_forward(index: f64, reverts_to: f64, date: Date, expiry: Date) -> f64 {
    let share = share_of_index(date, expiry);
    libm::exp((1.0 - share) * libm::log(reverts_to) + share * libm::log(index))
}

fn years_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / (DAYS_PER_YEAR * 86_400.0)
}
