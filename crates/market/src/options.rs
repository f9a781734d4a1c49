//! European options: value, sensitivities, and the volatility a price implies.
//!
//! In: an option's terms, its underlying, a volatility. Out: the Black–Scholes–Merton value with its Greeks
//! (Black 1976 on a future), or an implied volatility. Invariant: what comes out is finite; a number that
//! has no meaning is refused by name, never priced.

pub use domain::OptionRight;
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use jiff::civil::Date;
use libm::{erfc, exp, log, sqrt};

/// Days in a year of option time: Actual/365 fixed.
pub const DAYS_PER_YEAR: f64 = 365.0;

/// What is fixed when the option is bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionTerms {
    /// Call or put.
    pub right: OptionRight,
    /// Strike, in the underlying's price.
    pub strike: f64,
    /// Time to expiry in years, Actual/365; 0 at expiry.
    pub years: f64,
}

/// What the option is written on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Underlying {
    /// Something that is owned: Black–Scholes–Merton.
    Spot {
        /// Its price.
        price: f64,
        /// Continuous interest rate a year.
        rate: f64,
        /// Continuous dividend yield (or cost of carry) a year.
        dividend_yield: f64,
    },
    /// A future, or an index whose options settle against one such as VIX: Black (1976).
    Future {
        /// Its price for the option's expiry.
        price: f64,
        /// Continuous interest rate a year, for discounting alone.
        rate: f64,
    },
}

/// Value and Greeks of one option on one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Valuation {
    /// Value today.
    pub price: f64,
    /// Change per 1.00 of the underlying.
    pub delta: f64,
    /// Change of delta per 1.00 of the underlying.
    pub gamma: f64,
    /// Change per 1.00 of volatility (a hundred vol points).
    pub vega: f64,
    /// Change per year that passes.
    pub theta: f64,
    /// Change per 1.00 of the interest rate, the underlying's price held.
    pub rho: f64,
}

/// Why an option cannot be valued, or a price implies nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// A term or a market value is not a usable number.
    #[error("the {what} of an option cannot be {value}")]
    BadInput {
        /// Which one.
        what: &'static str,
        /// What it was.
        value: f64,
    },
    /// The price is at or under the least an option can cost: there is no volatility to find.
    #[error("a price of {price} is not above the {least} the option is worth without any volatility")]
    NoTimeValue {
        /// The price.
        price: f64,
        /// The discounted intrinsic value.
        least: f64,
    },
    /// The price is at or over the most an option can cost.
    #[error("a price of {price} is not below {most}, the most the option can be worth")]
    TooDear {
        /// The price.
        price: f64,
        /// The discounted forward of a call, the discounted strike of a put.
        most: f64,
    },
    /// Within the bounds, but its digits do not determine a volatility.
    #[error("a price of {price} does not determine a volatility in the digits it has")]
    Undetermined {
        /// The price.
        price: f64,
    },
}

/// Φ(x), the standard normal distribution, to full relative accuracy in the lower tail.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// φ(x), the standard normal density.
pub fn normal_density(x: f64) -> f64 {
    const PER_ROOT_TWO_PI: f64 = 0.398_942_280_401_432_7;
    PER_ROOT_TWO_PI * exp(-0.5 * x * x)
}

/// Years from one date to another, Actual/365; 0 when the second is not later.
pub fn years_between(today: Date, expiry: Date) -> f64 {
    f64::from((expiry - today).get_days().max(0)) / DAYS_PER_YEAR
}

/// The discounted forward and the discount factor, and how the two move.
struct Discounted {
    forward: f64,
    discount: f64,
    rate: f64,
    dividend_yield: f64,
    price: f64,
    on_future: bool,
}

impl Underlying {
    fn discounted(&self, years: f64) -> Discounted {
        let (price, rate, dividend_yield, on_future) = match *self {
            Underlying::Spot { price, rate, dividend_yield } => (price, rate, dividend_yield, false),
            Underlying::Future { price, rate } => (price, rate, rate, true),
        };
        let forward = price * exp(-dividend_yield * years);
        Discounted { forward, discount: exp(-rate * years), rate, dividend_yield, price, on_future }
    }

    /// The same underlying at another price.
    pub fn at(self, price: f64) -> Underlying {
        match self {
            Underlying::Spot { rate, dividend_yield, .. } => Underlying::Spot { price, rate, dividend_yield },
            Underlying::Future { rate, .. } => Underlying::Future { price, rate },
        }
    }

    /// Its price.
    pub fn price(&self) -> f64 {
        match *self {
            Underlying::Spot { price, .. } | Underlying::Future { price, .. } => price,
        }
    }
}

/// Value and Greeks by Black–Scholes–Merton (1973), on a future by Black (1976).
///
/// At expiry or without volatility this is the discounted intrinsic value with the Greeks of the side the
/// forward is on; exactly at the strike it counts as out of the money.
///
/// # Errors
/// [`OptionError::BadInput`] for prices that are not positive, a negative time or volatility, or anything
/// that is not finite.
pub fn value(terms: &OptionTerms, underlying: &Underlying, volatility: f64) -> Result<Valuation, OptionError> {
    let Sides { d, asset, cash, deviation, d1 } = sides(terms, underlying, volatility)?;
    let density = if deviation > 0.0 { normal_density(d1) } else { 0.0 };
    let price = (asset - cash).max(0.0);
    let vega = d.forward * density * sqrt(terms.years);
    let decay = if terms.years > 0.0 { -0.5 * vega * volatility / terms.years } else { 0.0 };
    Ok(Valuation {
        price,
        delta: asset / d.price,
        gamma: if deviation > 0.0 { d.forward * density / (d.price * d.price * deviation) } else { 0.0 },
        vega,
        theta: decay + d.dividend_yield * asset - d.rate * cash,
        rho: if d.on_future { -terms.years * price } else { terms.years * cash },
    })
}

/// What [`value`] says as price, without the Greeks.
///
/// # Errors
/// As for [`value`].
pub fn price(terms: &OptionTerms, underlying: &Underlying, volatility: f64) -> Result<f64, OptionError> {
    let Sides { asset, cash, .. } = sides(terms, underlying, volatility)?;
    Ok((asset - cash).max(0.0))
}

/// What is exchanged at expiry, valued today.
struct Sides {
    d: Discounted,
    asset: f64,
    cash: f64,
    deviation: f64,
    /// Nothing that means anything where there is no deviation.
    d1: f64,
}

fn sides(terms: &OptionTerms, underlying: &Underlying, volatility: f64) -> Result<Sides, OptionError> {
    check(terms, underlying)?;
    not_negative("volatility", volatility)?;
    let d = underlying.discounted(terms.years);
    let (strike, sign) = (terms.strike * d.discount, terms.right.sign());
    let deviation = volatility * sqrt(terms.years);
    let (probability_1, probability_2, d1) = if deviation > 0.0 {
        let d1 = log(d.forward / strike) / deviation + 0.5 * deviation;
        (normal_cdf(sign * d1), normal_cdf(sign * (d1 - deviation)), d1)
    } else {
        let inside = if sign * (d.forward - strike) > 0.0 { 1.0 } else { 0.0 };
        (inside, inside, 0.0)
    };
    let asset = sign * d.forward * probability_1;
    let cash = sign * strike * probability_2;
    Ok(Sides { d, asset, cash, deviation, d1 })
}

/// The volatility at which [`value`] gives `price`, by the solver of the `implied-vol` crate (Jäckel, "Let's
/// Be Rational"), to twelve digits after the point: its last ones depend on the platform.
///
/// # Errors
/// [`OptionError::NoTimeValue`], [`OptionError::TooDear`] or [`OptionError::Undetermined`] when no volatility
/// gives that price, and [`OptionError::BadInput`] as [`value`] has it, at expiry too.
pub fn implied_volatility(terms: &OptionTerms, underlying: &Underlying, price: f64) -> Result<f64, OptionError> {
    check(terms, underlying)?;
    positive("time to expiry", terms.years)?;
    not_negative("price", price)?;
    let d = underlying.discounted(terms.years);
    let (strike, sign) = (terms.strike * d.discount, terms.right.sign());
    let least = (sign * (d.forward - strike)).max(0.0);
    if price <= least {
        return Err(OptionError::NoTimeValue { price, least });
    }
    let most = if terms.right == OptionRight::Call { d.forward } else { strike };
    if price >= most {
        return Err(OptionError::TooDear { price, most });
    }
    let solver = ImpliedBlackVolatility::builder()
        .option_price(price / d.discount)
        .forward(d.forward / d.discount)
        .strike(terms.strike)
        .expiry(terms.years)
        .is_call(terms.right == OptionRight::Call)
        .build();
    let found = solver.and_then(|solver| solver.calculate::<DefaultSpecialFn>());
    let volatility = found.filter(|v| v.is_finite() && *v > 0.0).ok_or(OptionError::Undetermined { price })?;
    Ok((volatility * 1e12).round() / 1e12)
}

fn check(terms: &OptionTerms, underlying: &Underlying) -> Result<(), OptionError> {
    positive("strike", terms.strike)?;
    not_negative("time to expiry", terms.years)?;
    positive("underlying price", underlying.price())?;
    match *underlying {
        Underlying::Future { rate, .. } => finite("interest rate", rate),
        Underlying::Spot { rate, dividend_yield, .. } => {
            finite("interest rate", rate)?;
            finite("dividend yield", dividend_yield)
        }
    }
}

fn finite(what: &'static str, value: f64) -> Result<(), OptionError> {
    if value.is_finite() { Ok(()) } else { Err(OptionError::BadInput { what, value }) }
}

fn not_negative(what: &'static str, value: f64) -> Result<(), OptionError> {
    if value >= 0.0 { finite(what, value) } else { Err(OptionError::BadInput { what, value }) }
}

fn positive(what: &'static str, value: f64) -> Result<(), OptionError> {
    if value > 0.0 { finite(what, value) } else { Err(OptionError::BadInput { what, value }) }
}

#[cfg(test)]
mod tests;
