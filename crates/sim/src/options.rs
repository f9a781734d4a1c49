//! Options of the simulated market: which are listed, and what they are worth.
//!
//! In: a root, its underlying's price, implied volatility of the index. Out: expiries, strikes, model values. Invariant:
//! every option of a root is valued with one surface at one price of the underlying, so that calls, puts and futures
//! agree; the surface admits no arbitrage between strikes or expiries.
//!
//! The surface is SSVI (Gatheral and Jacquier 2014) with φ = η/√θ and η²(1 + |ρ|) ≤ 4, which excludes both.

use crate::AccountEvents;
use crate::exposure::Exposure;
use crate::levels::Factor;
use crate::things;
use crate::venue::Venue;
use domain::{ContractId, Currency, InstrumentId, InstrumentKind, OptionKey, Price, Universe};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use libm::{exp, log, sqrt};
use market::options::{self, DAYS_PER_YEAR, OptionTerms, Underlying, Valuation};
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeSet;

/// Months that have an option each, and how far those of June and December reach beyond.
const MONTHS: i64 = 12;
const HALF_YEARS_UNTIL: i64 = 24;
/// Fridays ahead that end an option of a fund in New York.
const WEEKS: i64 = 5;
/// Lowest and highest strike, as shares of the underlying's last close.
const STRIKES: (f64, f64) = (0.4, 1.8);
/// Implied volatility at the money over the index of implied volatility, which counts the wings too.
const AT_THE_MONEY: f64 = 0.86;
/// The volatility that long options expect, and how fast short ones expect to return there, a year.
const LONG_RUN: f64 = 0.17;
const REVERSION: f64 = 4.0;
const LEAST: f64 = 0.03;
/// The index whose level is quoted in volatility points over what shares of the euro area imply.
const EUROPE_OVER_US: f64 = 1.15;
/// Volatility of volatility at no time to expiry, and how fast it falls.
const OF_VOLATILITY: f64 = 1.05;
/// Index level without one to look at.
const USUAL_VIX: f64 = 16.0;

/// What an option's root is written on and how it is quoted.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) underlying: ContractId,
    /// The index that says how volatile the underlying is thought to be, and what it is multiplied by.
    pub(crate) index: Option<ContractId>,
    per_index: f64,
    smile: Smile,
    /// Volatility of the underlying for each unit of its index, and what comes on top of it.
    beta: f64,
    own: f64,
    rate: f64,
    dividend_yield: f64,
    /// Written on implied volatility: valued on its forward.
    pub(crate) on_volatility: bool,
    /// Settled at the opening of the session after the last trading day.
    pub(crate) opening: bool,
    /// Exercise delivers the underlying.
    pub(crate) physical: bool,
    /// Every week ends an option, not only every month: where both are one class. Those on indices are a class of their own.
    weekly: bool,
    /// The finest distance between strikes, in the underlying's price.
    step: f64,
}

/// How volatility depends on the strike.
#[derive(Clone, Copy, Debug)]
struct Smile {
    /// Correlation of price and volatility: below zero low strikes are dear.
    rho: f64,
    eta: f64,
}

/// What an option is valued with.
struct Seen {
    terms: OptionTerms,
    underlying: Underlying,
    /// ln(strike / forward).
    log_moneyness: f64,
    volatility: f64,
}

const OF_SHARES: Smile = Smile { rho: -0.6, eta: 0.8 };
const OF_INDEX_OF_VOLATILITY: Smile = Smile { rho: 0.6, eta: 0.8 };

/// An option as the model sees it at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionView {
    /// Right, strike, time to expiry.
    pub terms: OptionTerms,
    /// What it is on, at its price now.
    pub underlying: Underlying,
    /// Annual volatility of its strike and expiry.
    pub volatility: f64,
    /// Value and Greeks of one unit.
    pub value: Valuation,
    /// True for one that can be exercised before its end.
    pub american: bool,
    /// Contracts open at the exchange.
    pub open_interest: u64,
}

/// What is listed on an underlying.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionListing {
    /// What the options are written on.
    pub underlying: ContractId,
    /// Last trading days, ascending.
    pub expiries: Vec<Date>,
    /// Ascending, at every expiry.
    pub strikes: Vec<Price>,
}

impl Root {
    /// The root of a chain; `None` when its underlying is not in the universe.
    pub(crate) fn of(universe: &Universe, root: InstrumentId, events: &AccountEvents) -> Option<Root> {
        let underlying = universe.underlying(root)?;
        let contract = universe.spot_contract(underlying)?;
        let instrument = universe.instrument(underlying);
        let find = |name: &str| universe.find_contract(name);
        let europe = instrument.currency != Currency::Usd;
        let (index, per_index) = match find("V2TX").filter(|_| europe) {
            Some(index) => (Some(index), 1.0),
            None => (find("VIX"), if europe { EUROPE_OVER_US } else { 1.0 }),
        };
        let on_volatility = matches!(instrument.name.as_str(), "VIX" | "V2TX");
        let is_index = instrument.kind == InstrumentKind::Ind;
        let rate = things::rate(instrument.currency);
        let paid = events.dividends_of(instrument).and_then(|terms| terms.annual_yield.to_f64()).unwrap_or_default();
        let exposure = Exposure::of(instrument);
        let (beta, own) = match instrument.kind {
            InstrumentKind::Stk => {
                let base = if europe { crate::exposure::EUROPE } else { crate::exposure::US };
                let shared = exposure.local.iter().flatten().map(|(local, loading)| {
                    let volatility = local.volatility() * loading;
                    volatility * volatility
                });
                let alone = shared.sum::<f64>() + exposure.own_volatility * exposure.own_volatility;
                (exposure.factors.get(Factor::Market) / base.factors.get(Factor::Market), sqrt(alone))
            }
            // Bonds of low rating: part of equity's volatility, and that of their own spread.
            _ if exposure.factors.get(Factor::Credit) > 0.0 => (exposure.factors.get(Factor::Market) + 0.05, 0.04),
            _ => (1.0, 0.0),
        };
        Some(Root {
            underlying: contract,
            index,
            per_index,
            smile: if on_volatility { OF_INDEX_OF_VOLATILITY } else { OF_SHARES },
            beta,
            own,
            rate,
            dividend_yield: if is_index { things::dividends(instrument.currency) } else { paid },
            on_volatility,
            opening: is_index && instrument.currency == Currency::Usd,
            physical: !is_index,
            weekly: !is_index && instrument.currency == Currency::Usd,
            step: strike_step(&instrument.name),
        })
    }

    /// Volatility points of the index, or of a usual day where there is none.
    pub(crate) fn level(&self, index: Option<f64>) -> f64 {
        index.unwrap_or(USUAL_VIX) * self.per_index
    }

    /// Volatility at the money, `level` in volatility points.
    fn at_the_money(&self, level: f64, years: f64) -> f64 {
        if self.on_volatility {
            return OF_VOLATILITY * sqrt(mean_decay(2.0 * REVERSION * years));
        }
        let month = AT_THE_MONEY * level / 100.0;
        let share = mean_decay(REVERSION * years) / mean_decay(REVERSION / 12.0);
        let variance = LONG_RUN * LONG_RUN + (month * month - LONG_RUN * LONG_RUN) * share;
        let index = sqrt(variance.max(LEAST * LEAST));
        sqrt(self.beta * self.beta * index * index + self.own * self.own)
    }

    /// Volatility of a strike, `log_moneyness` = ln(strike / forward).
    fn volatility(&self, log_moneyness: f64, level: f64, years: f64) -> f64 {
        let at_the_money = self.at_the_money(level, years);
        let theta = at_the_money * at_the_money * years;
        if theta <= 0.0 {
            return at_the_money;
        }
        let Smile { rho, eta } = self.smile;
        let x = eta / sqrt(theta) * log_moneyness;
        at_the_money * sqrt(0.5 * (1.0 + rho * x + sqrt((x + rho) * (x + rho) + 1.0 - rho * rho)))
    }

    /// An option at a price of its underlying; of one on volatility, at the price of its forward.
    pub(crate) fn view(&self, key: &OptionKey, price: f64, level: f64, years: f64) -> OptionView {
        let Seen { terms, underlying, log_moneyness, volatility } = self.seen(key, price, level, years);
        let mut value = options::value(&terms, &underlying, volatility).expect("prices and strikes are positive");
        if self.physical {
            // Whoever can exercise at once does not sell for less.
            value.price = value.price.max(terms.right.sign() * (price - terms.strike));
        }
        let open_interest = open_interest(log_moneyness, years);
        OptionView { terms, underlying, volatility, value, american: self.physical, open_interest }
    }

    /// The price of that view.
    pub(crate) fn price(&self, key: &OptionKey, price: f64, level: f64, years: f64) -> f64 {
        let Seen { terms, underlying, volatility, .. } = self.seen(key, price, level, years);
        let value = options::price(&terms, &underlying, volatility).expect("prices and strikes are positive");
        if self.physical { value.max(terms.right.sign() * (price - terms.strike)) } else { value }
    }

    fn seen(&self, key: &OptionKey, price: f64, level: f64, years: f64) -> Seen {
        let terms = OptionTerms { right: key.right, strike: key.strike.to_f64(), years };
        let (underlying, forward) = if self.on_volatility {
            (Underlying::Future { price, rate: self.rate }, price)
        } else {
            let Root { rate, dividend_yield, .. } = *self;
            (Underlying::Spot { price, rate, dividend_yield }, price * exp((rate - dividend_yield) * years))
        };
        let log_moneyness = log(terms.strike / forward);
        Seen { terms, underlying, log_moneyness, volatility: self.volatility(log_moneyness, level, years) }
    }

    /// When an option stops being worth more than it pays.
    pub(crate) fn ends(&self, expiry: Date, venue: &Venue) -> Option<Timestamp> {
        match self.opening {
            true => venue.session_after(expiry).map(|session| session.open),
            false => venue.session(expiry).map(|session| session.close),
        }
    }

    /// What is listed at a close of the underlying.
    pub(crate) fn listing(&self, close: f64, today: Date, venue: &Venue) -> OptionListing {
        let months = (0..=HALF_YEARS_UNTIL).map(|ahead| today.first_of_month().saturating_add(ahead.months()));
        let listed = months.enumerate().filter(|(ahead, month)| (*ahead as i64) < MONTHS || month.month() % 6 == 0);
        let of_months = listed.filter_map(|(_, month)| self.last_trading_day(month, venue));
        let friday = today.saturating_add((5 - i64::from(today.weekday().to_monday_one_offset())).rem_euclid(7).days());
        let weeks = 0..if self.weekly { WEEKS } else { 0 };
        let of_weeks = weeks.filter_map(|ahead| Some(venue.session_until(friday.saturating_add(ahead.weeks()))?.date));
        let days: BTreeSet<Date> = of_months.chain(of_weeks).filter(|day| *day >= today).collect();
        let (first, last) = (libm::ceil(STRIKES.0 * close / self.step), libm::floor(STRIKES.1 * close / self.step));
        let strikes = (first as i64..=last as i64).filter(|&n| self.lists(n as f64 * self.step, close));
        OptionListing {
            underlying: self.underlying,
            expiries: days.into_iter().collect(),
            strikes: strikes.filter_map(|n| Price::from_f64(n as f64 * self.step).ok()).collect(),
        }
    }

    /// The finest strikes are listed near the money, every second far from it.
    fn lists(&self, strike: f64, close: f64) -> bool {
        (strike / close - 1.0).abs() <= 0.3 || (libm::round(strike / self.step) as i64) % 2 == 0
    }

    /// Third Friday, or the session before it; what settles at an opening trades until the session before. Options on
    /// volatility settle thirty days before the third Friday of the next month.
    fn last_trading_day(&self, month: Date, venue: &Venue) -> Option<Date> {
        let third_friday = |month: Date| month.nth_weekday_of_month(3, Weekday::Friday).expect("every month has three");
        let day = match self.on_volatility {
            true => third_friday(month.saturating_add(1.month())).saturating_sub(30.days()),
            false => third_friday(month),
        };
        let settles = venue.session_until(day)?;
        match self.opening {
            true => venue.session_until(settles.date.saturating_sub(1.day())).map(|session| session.date),
            false => Some(settles.date),
        }
    }
}

/// Years until an instant, Actual/365, zero after it.
pub(crate) fn years_until(end: Timestamp, now: Timestamp) -> f64 {
    end.duration_since(now).as_secs_f64().max(0.0) / (DAYS_PER_YEAR * 86_400.0)
}

/// (1 − e⁻ˣ)/x, one at zero.
fn mean_decay(x: f64) -> f64 {
    if x < 1e-9 { 1.0 } else { (1.0 - exp(-x)) / x }
}

/// Most contracts are open near the money and at short expiries.
fn open_interest(log_moneyness: f64, years: f64) -> u64 {
    let distance = log_moneyness / (0.15 * sqrt(years + 0.02));
    (20_000.0 * exp(-0.2 * distance * distance) / (1.0 + 4.0 * years)) as u64
}

/// As the exchanges list them, by the size of the underlying.
fn strike_step(underlying: &str) -> f64 {
    match underlying {
        "SPX" | "SX5E" => 25.0,
        "SPY" => 5.0,
        _ => 0.5,
    }
}
