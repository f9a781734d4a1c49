//! Which option of a chain to buy, and how many.
//!
//! In: a chain as it is quoted, a delta band, a window of days, sanity limits, premium. Out: one listing or
//! none, with every reason against every other. Invariant: an option is bought only on a two-sided quote, at
//! a known volatility, for no more premium than there is.

use domain::{BaseMoney, OptionKey, OptionRight, Price};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One option of a chain as the broker shows it. What it does not show is `None`, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionListing {
    /// Expiry, strike, right.
    pub key: OptionKey,
    /// Best bid.
    pub bid: Option<Price>,
    /// Best offer.
    pub ask: Option<Price>,
    /// Annual implied volatility; 0.2 is 20 %.
    pub implied_volatility: Option<f64>,
    /// Delta of one unit: negative for puts.
    pub delta: Option<f64>,
    /// Contracts open at the exchange.
    pub open_interest: Option<u64>,
}

/// What an option must be like to be bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectionPolicy {
    /// Puts or calls.
    pub right: OptionRight,
    /// The delta nearest to zero, as a size: 0.10 for puts of −0.10.
    pub delta_min: f64,
    /// The delta farthest from zero, as a size.
    pub delta_max: f64,
    /// Fewest days to expiry.
    pub days_min: i32,
    /// Most days to expiry.
    pub days_max: i32,
    /// Lowest believable implied volatility.
    pub volatility_min: f64,
    /// Highest believable implied volatility.
    pub volatility_max: f64,
    /// Widest spread as a share of the mid.
    pub spread_max: f64,
    /// A spread of this size is narrow enough however cheap the option is.
    pub spread_always: Price,
    /// Fewest contracts open.
    pub open_interest_min: u64,
}

/// One reason why an option is not bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the sentence it prints")]
pub enum Unfit {
    Right,
    Days { days: i32, min: i32, max: i32 },
    NoBid,
    NoAsk,
    Crossed { bid: Price, ask: Price },
    Spread { spread: f64, max: f64 },
    NoVolatility,
    Volatility { volatility: f64, min: f64, max: f64 },
    NoDelta,
    Delta { delta: f64, min: f64, max: f64 },
    NoOpenInterest,
    OpenInterest { open: u64, min: u64 },
}

impl Unfit {
    /// The code of the reason, which never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Unfit::Right => "RIGHT",
            Unfit::Days { .. } => "DAYS",
            Unfit::NoBid => "NO_BID",
            Unfit::NoAsk => "NO_ASK",
            Unfit::Crossed { .. } => "CROSSED",
            Unfit::Spread { .. } => "SPREAD",
            Unfit::NoVolatility => "NO_VOLATILITY",
            Unfit::Volatility { .. } => "VOLATILITY",
            Unfit::NoDelta => "NO_DELTA",
            Unfit::Delta { .. } => "DELTA",
            Unfit::NoOpenInterest => "NO_OPEN_INTEREST",
            Unfit::OpenInterest { .. } => "OPEN_INTEREST",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Right => write!(f, "wrong side of the chain"),
            Unfit::Days { days, min, max } => write!(f, "{days} days to expiry, wanted {min} to {max}"),
            Unfit::NoBid => write!(f, "nobody bids: it could not be sold again"),
            Unfit::NoAsk => write!(f, "nobody offers"),
            Unfit::Crossed { bid, ask } => write!(f, "bid {bid} at or above ask {ask}"),
            Unfit::Spread { spread, max } => {
                write!(f, "spread is {:.0} % of the mid, at most {:.0} %", spread * 100.0, max * 100.0)
            }
            Unfit::NoVolatility => write!(f, "no implied volatility"),
            Unfit::Volatility { volatility, min, max } => write!(
                f,
                "implied volatility {:.1} % is not between {:.0} % and {:.0} %",
                volatility * 100.0,
                min * 100.0,
                max * 100.0
            ),
            Unfit::NoDelta => write!(f, "no delta"),
            Unfit::Delta { delta, min, max } => write!(f, "delta {delta:.3}, wanted {min:.2} to {max:.2}"),
            Unfit::NoOpenInterest => write!(f, "open interest unknown"),
            Unfit::OpenInterest { open, min } => write!(f, "{open} contracts open, at least {min}"),
        }
    }
}

/// What became of every option of a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Position in the chain of the option to buy.
    pub chosen: Option<usize>,
    /// Every reason against every option, in the order of the chain; empty for the fit ones.
    pub unfit: Vec<Vec<Unfit>>,
}

impl Selection {
    /// How often each reason was met, by code; for the sentence of a chain without a fit option.
    pub fn tally(&self) -> Vec<(&'static str, usize)> {
        let mut tally: Vec<(&'static str, usize)> = Vec::new();
        for code in self.unfit.iter().flatten().map(Unfit::code) {
            match tally.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => tally.push((code, 1)),
            }
        }
        tally
    }
}

impl SelectionPolicy {
    /// Every reason against an option.
    pub fn unfit(&self, option: &OptionListing, today: Date) -> Vec<Unfit> {
        let mut reasons = Vec::new();
        if option.key.right != self.right {
            reasons.push(Unfit::Right);
        }
        let days = (option.key.expiry - today).get_days();
        if !(self.days_min..=self.days_max).contains(&days) {
            reasons.push(Unfit::Days { days, min: self.days_min, max: self.days_max });
        }
        reasons.extend(self.unfit_quote(option));
        match option.implied_volatility.filter(|v| v.is_finite()) {
            None => reasons.push(Unfit::NoVolatility),
            Some(v) if (self.volatility_min..=self.volatility_max).contains(&v) => {}
            Some(volatility) => {
                let (min, max) = (self.volatility_min, self.volatility_max);
                reasons.push(Unfit::Volatility { volatility, min, max });
            }
        }
        let sign = self.right.sign();
        match option.delta.filter(|delta| delta.is_finite()) {
            None => reasons.push(Unfit::NoDelta),
            Some(delta) if (self.delta_min..=self.delta_max).contains(&(delta * sign)) => {}
            Some(delta) => {
                reasons.push(Unfit::Delta { delta, min: sign * self.delta_min, max: sign * self.delta_max });
            }
        }
        match option.open_interest {
            None => reasons.push(Unfit::NoOpenInterest),
            Some(open) if open >= self.open_interest_min => {}
            Some(open) => reasons.push(Unfit::OpenInterest { open, min: self.open_interest_min }),
        }
        reasons
    }

    fn unfit_quote(&self, option: &OptionListing) -> Option<Unfit> {
        let Some(bid) = option.bid else { return Some(Unfit::NoBid) };
        let Some(ask) = option.ask else { return Some(Unfit::NoAsk) };
        if bid >= ask {
            return Some(Unfit::Crossed { bid, ask });
        }
        let spread = relative_spread(bid, ask);
        let narrow = spread <= self.spread_max || ask.mantissa() - bid.mantissa() <= self.spread_always.mantissa();
        (!narrow).then_some(Unfit::Spread { spread, max: self.spread_max })
    }

    /// How far an option is from the middle of the delta band and of the window of days, each in half widths.
    fn distance(&self, option: &OptionListing, today: Date) -> f64 {
        let from_middle = |value: f64, min: f64, max: f64| {
            let half = (max - min) / 2.0;
            if half > 0.0 { (value - (min + max) / 2.0).abs() / half } else { 0.0 }
        };
        let delta = option.delta.map_or(f64::INFINITY, f64::abs);
        let days = f64::from((option.key.expiry - today).get_days());
        from_middle(delta, self.delta_min, self.delta_max)
            + from_middle(days, f64::from(self.days_min), f64::from(self.days_max))
    }

    /// The fit option nearest to the middle of both windows; ties go to the narrower spread, then to the order
    /// of the chain.
    ///
    /// The middle rather than the most convexity per premium: the latter always picks the cheapest option at
    /// the edge of the band, where a quote of one tick more or an implied volatility a point off decides, and
    /// another one the next day.
    pub fn select(&self, chain: &[OptionListing], today: Date) -> Selection {
        let unfit: Vec<Vec<Unfit>> = chain.iter().map(|option| self.unfit(option, today)).collect();
        let rank = |&index: &usize| {
            let option = &chain[index];
            let spread = option.bid.zip(option.ask).map_or(f64::INFINITY, |(bid, ask)| relative_spread(bid, ask));
            (self.distance(option, today), spread)
        };
        let fit = (0..chain.len()).filter(|&index| unfit[index].is_empty());
        let chosen = fit.min_by(|a, b| {
            let ((distance_a, spread_a), (distance_b, spread_b)) = (rank(a), rank(b));
            distance_a.total_cmp(&distance_b).then(spread_a.total_cmp(&spread_b))
        });
        Selection { chosen, unfit }
    }
}

fn relative_spread(bid: Price, ask: Price) -> f64 {
    (ask.to_f64() - bid.to_f64()) / (0.5 * (ask.to_f64() + bid.to_f64()))
}

/// What one contract costs at a price, in base currency. `rate` is base per unit of the option's currency.
pub fn premium_per_contract(price: Price, multiplier: u32, rate: Decimal) -> Decimal {
    price.to_decimal() * Decimal::from(multiplier) * rate
}

/// Contracts that premium buys: ⌊budget / (ask × multiplier × rate)⌋, 0 without a budget.
pub fn contracts_for(budget: BaseMoney, premium_per_contract: Decimal) -> i64 {
    if budget <= BaseMoney::ZERO || premium_per_contract <= Decimal::ZERO {
        return 0;
    }
    let contracts = (budget.amount() / premium_per_contract).floor().to_i64().unwrap_or(0);
    // A quotient is rounded to 28 digits, which may lift it to the next whole number.
    let too_many = Decimal::from(contracts) * premium_per_contract > budget.amount();
    contracts - i64::from(too_many)
}
