//! Prices of the simulated market: factors times loadings.
//!
//! In: a contract and an instant. Out: its middle price before ticks, and the bar of a session. Invariant: contracts on
//! the same factors agree at every instant, because there is one path of each factor and nothing else moves them.

use crate::SimConfig;
use crate::exposure::Exposure;
use crate::factors::{Factors, Levels, day_number};
use crate::random::{Chance, Stream};
use crate::scenario::Scenario;
use crate::venue::Venues;
use domain::{ContractId, PerContract};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use market::calendar::Session;
use rust_decimal::prelude::ToPrimitive;

const DAYS_PER_YEAR: f64 = 365.25;
const TRADING_DAYS_PER_YEAR: f64 = 252.0;

/// What the model knows of one contract.
#[derive(Clone, Debug)]
struct Row {
    exposure: Exposure,
    expires: Option<Timestamp>,
    own: Stream,
    /// The logarithm of what is the instrument's own, at the beginning of each calendar day of history and after.
    own_walk: Vec<f64>,
    /// What a distributing instrument earns a year and pays out again, from the origin on.
    distributes: f64,
    /// Instants from which on the price is lower by what was paid out, with the logarithm of what is left of it.
    paid_out: Vec<(Timestamp, f64)>,
    /// Logarithm of old shares for a new one; of every instant, because a split rewrites the past too.
    split: f64,
}

impl Row {
    /// Logarithm of the price at an instant with these factor levels.
    fn log_price(&self, levels: &Levels, years: f64, years_to_expiry: f64, own: f64) -> f64 {
        let Exposure { anchor, market, divergence, euro, volatility, accrual, carry, own_volatility: _ } =
            self.exposure;
        libm::log(anchor)
            + market * levels.market
            + divergence * levels.divergence
            + euro * levels.euro
            + volatility * levels.volatility
            + accrual * years
            + carry * years_to_expiry
            + own
            + self.distributes * years.max(0.0)
            + self.split
    }

    /// Logarithm of what payments within a span of time, its end included, left of the price.
    fn left_after(&self, from: Timestamp, to: Timestamp) -> f64 {
        self.paid_out.iter().filter(|(at, _)| from < *at && *at <= to).map(|(_, left)| left).sum()
    }
}

/// The simulated market as a function of time.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    factors: Factors,
    origin: Timestamp,
    history_begins: Date,
    chance: Chance,
    rows: PerContract<Row>,
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
        let factors = Factors::new(scenario, seed, first_day);
        let row = |contract| {
            let instrument = universe.instrument_of(contract);
            let venue = venues.get(instrument.venue);
            let expiry = universe.contract(contract).expiry;
            Row {
                exposure: Exposure::of(instrument),
                expires: expiry.and_then(|date| venue.session(date)).map(|session| session.close),
                own: Stream::new("own", &instrument.name),
                own_walk: vec![0.0],
                distributes: events
                    .dividends_of(instrument)
                    .and_then(|terms| terms.annual_yield.to_f64())
                    .unwrap_or_default(),
                paid_out: Vec::new(),
                split: 0.0,
            }
        };
        let rows = PerContract::from_vec(universe.contracts().map(row).collect());
        let (origin, history_begins) = (factors.origin(), Factors::history_begins(first_day));
        let mut model = Model { factors, origin, history_begins, chance: Chance::new(seed), rows };
        model.extend_own();
        model.rebase_own(first_day);
        model
    }

    /// Makes prices up to an instant available.
    pub(crate) fn extend_to(&mut self, at: Timestamp) {
        self.factors.extend_to(at);
        self.extend_own();
    }

    /// Gives up prices more than a week older than an instant.
    pub(crate) fn forget_before(&mut self, at: Timestamp) {
        self.factors.forget_before(at);
    }

    /// The middle price of a contract.
    pub(crate) fn price(&self, contract: ContractId, at: Timestamp) -> f64 {
        libm::exp(self.log_price(&self.rows[contract], at, &self.factors.levels(at)))
    }

    /// Open, high, low and close of a session. Between knots the logarithm of a price is linear, so its extremes are at
    /// knots.
    pub(crate) fn session_prices(&self, contract: ContractId, session: &Session) -> [f64; 4] {
        let row = &self.rows[contract];
        let log_price = |(at, levels): (Timestamp, Levels)| self.log_price(row, at, &levels);
        let mut path = self.factors.knots_within(session.open, session.close).map(log_price);
        let open = path.next().expect("a span has two ends");
        let mut prices = [open; 4];
        for log in path {
            let [_, high, low, _] = prices;
            prices = [open, high.max(log), low.min(log), log];
        }
        prices.map(libm::exp)
    }

    fn log_price(&self, row: &Row, at: Timestamp, levels: &Levels) -> f64 {
        let years = years_between(self.origin, at);
        let years_to_expiry = row.expires.map_or(0.0, |expires| years_between(at, expires).max(0.0));
        let own = if row.exposure.own_volatility == 0.0 { 0.0 } else { self.own(row, at) };
        row.log_price(levels, years, years_to_expiry, own) + row.left_after(Timestamp::MIN, at)
    }

    /// From an instant on the price is a share lower.
    pub(crate) fn pay_out(&mut self, contract: ContractId, share: f64, at: Timestamp) {
        self.rows[contract].paid_out.push((at, libm::log1p(-share)));
    }

    /// What payments within a span of time, its end included, left of a price; one where nothing was paid.
    pub(crate) fn left_after(&self, contract: ContractId, from: Timestamp, to: Timestamp) -> f64 {
        libm::exp(self.rows[contract].left_after(from, to))
    }

    /// Prices of all times are of new shares.
    pub(crate) fn split(&mut self, contract: ContractId, old_per_new: f64) {
        self.rows[contract].split += libm::log(old_per_new);
    }

    fn own(&self, row: &Row, at: Timestamp) -> f64 {
        let (date, share) = self.factors.day_and_share(at);
        let day = self.history_day(date);
        row.own_walk[day] + (row.own_walk[day + 1] - row.own_walk[day]) * share
    }

    /// Walks on until the last weekday the factors know has an end.
    fn extend_own(&mut self) {
        let days = self.history_day(self.factors.last_date()) + 1;
        let first = day_number(self.history_begins);
        for row in self.rows.as_mut_slice().iter_mut().filter(|row| row.exposure.own_volatility > 0.0) {
            let deviation = row.exposure.own_volatility / libm::sqrt(TRADING_DAYS_PER_YEAR);
            for day in row.own_walk.len() - 1..days {
                let date = self.history_begins.saturating_add((day as i64).days());
                let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
                let normal = if weekend { 0.0 } else { self.chance.at(row.own, first + day as u64).normal() };
                row.own_walk.push(row.own_walk[day] + deviation * normal);
            }
        }
    }

    /// Makes the own walks begin the first day at zero, as the factors do.
    fn rebase_own(&mut self, first_day: Date) {
        let first = self.history_day(first_day);
        for row in self.rows.as_mut_slice().iter_mut().filter(|row| row.exposure.own_volatility > 0.0) {
            let origin = row.own_walk[first];
            row.own_walk.iter_mut().for_each(|level| *level -= origin);
        }
    }

    fn history_day(&self, date: Date) -> usize {
        usize::try_from(day_number(date) - day_number(self.history_begins)).expect("days fit an index")
    }
}

fn years_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / (DAYS_PER_YEAR * 86_400.0)
}
