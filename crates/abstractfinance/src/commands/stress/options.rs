//! What a shock makes of the options that are held.
//!
//! In: the options of the finished day at their implied volatility, a shock, the settings' rule. Out: gains in base
//! currency. Invariant: both ends are priced by the same model, so a shock that moves nothing pays nothing; an option that
//! cannot be priced is named, never counted.

use super::Shock;
use crate::settings::{Bucket, Loaded, Sleeve, TailHedge};
use console::DayReport;
use console::hedges::HedgePosition;
use domain::{Currency, OptionKey};
use jiff::civil::Date;
use market::options::years_between;
use market::{OptionTerms, Underlying, options};
use rust_decimal::prelude::ToPrimitive;

/// No implied volatility falls below this, whatever VIX does.
const VOLATILITY_MIN: f64 = 0.01;
/// Nothing falls to zero: an option needs a positive price.
const FALL_MAX: f64 = 0.99;

/// The gain of all options, and the names of those without one.
pub(super) fn gain(shock: &Shock, day: &DayReport, loaded: &Loaded) -> (f64, Vec<String>) {
    let held = day.tail_hedges.iter().flat_map(|book| &book.positions);
    let hedge = loaded.settings.sleeves.values().find_map(Sleeve::tail_hedge);
    let moment = day.date.parse().ok().zip(day.vix);
    let (mut total, mut unpriced) = (0.0, Vec::new());
    for position in held {
        match hedge.zip(moment).and_then(|(hedge, moment)| of_position(position, shock, moment, hedge, loaded)) {
            Some(gain) => total += gain,
            None => unpriced.push(position.contract.clone()),
        }
    }
    (total, unpriced)
}

fn of_position(
    position: &HedgePosition,
    shock: &Shock,
    (date, vix): (Date, f64),
    hedge: &TailHedge,
    loaded: &Loaded,
) -> Option<f64> {
    let (root, key) = OptionKey::parse(&position.contract)?;
    let (&bucket, _) = hedge.options.iter().find(|(_, options)| options.roots.iter().any(|name| name == root))?;
    let (price, volatility) = (position.underlying?, position.implied_volatility?);
    let years = years_between(date, key.expiry);
    let terms = OptionTerms { right: key.right, strike: key.strike.to_f64(), years };
    let now = match bucket {
        Bucket::VixCalls => Underlying::Future { price, rate: hedge.interest_rate },
        _ => Underlying::Spot { price, rate: hedge.interest_rate, dividend_yield: 0.0 },
    };
    let in_dollars = loaded.instruments.get(root)?.currency == Currency::Usd;
    let points = shock.vix - vix;
    let (then, then_volatility) = shocked(bucket, in_dollars, (price, volatility), points, shock, hedge);
    let value = |underlying: &Underlying, volatility| options::value(&terms, underlying, volatility).ok();
    let change = value(&now.at(then), then_volatility)?.price - value(&now, volatility)?.price;
    let mark: f64 = position.mark.as_ref()?.parse().ok().filter(|mark| *mark > 0.0)?;
    // Units times rate: what one of the mark is worth in base currency.
    Some(change * position.value.to_f64()? / mark)
}

/// Price of what an option is written on, and its volatility, after a shock in which VIX moves by so many points.
fn shocked(
    bucket: Bucket,
    in_dollars: bool,
    (price, volatility): (f64, f64),
    points: f64,
    shock: &Shock,
    hedge: &TailHedge,
) -> (f64, f64) {
    let equity = if in_dollars { shock.us_equity } else { shock.eu_equity };
    let beta = hedge.stress.beta.get(&bucket).copied().unwrap_or(1.0);
    let change = match bucket {
        Bucket::VixCalls => return ((price + points * hedge.stress.vix_future_share).max(1.0), volatility),
        Bucket::CreditPuts => shock.credit,
        Bucket::FrenchBankPuts => equity * beta,
        Bucket::EquityIndexPuts | Bucket::OatBund => equity,
    };
    let moved = (volatility + hedge.stress.volatility_per_vix_point * points).max(VOLATILITY_MIN);
    (price * (1.0 + change.max(-FALL_MAX)), moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;
    use domain::{OptionRight, Price};

    fn shock(us: f64, vix: f64) -> Shock {
        serde_saphyr::from_str(&format!(
            "{{when: now, source: made up, us_equity: {us}, eu_equity: {us}, credit: 0, rates: 0, vix: {vix}, eur: 0, gbp: 0, \
             chf: 0, spread_bps: 0, borrow: 0}}"
        ))
        .unwrap()
    }

    /// Ten puts on the S&P 500, 20 % under it, worth what the model says at 25 %.
    fn put(days: i64) -> (HedgePosition, Date) {
        let today = jiff::civil::date(2026, 3, 2);
        let expiry = today.saturating_add(jiff::ToSpan::days(days));
        let key = OptionKey { expiry, strike: Price::from_f64(4_800.0).unwrap(), right: OptionRight::Put };
        let terms = OptionTerms { right: key.right, strike: 4_800.0, years: years_between(today, expiry) };
        let spot = Underlying::Spot { price: 6_000.0, rate: hedge().interest_rate, dividend_yield: 0.0 };
        let mark = options::value(&terms, &spot, 0.25).unwrap().price;
        let position = HedgePosition {
            contract: key.name("SPX_OPT"),
            hedge: "equity puts".into(),
            contracts: 10,
            days: days as i32,
            mark: Some(mark.to_string()),
            underlying: Some(6_000.0),
            in_the_money: Some(false),
            value: rust_decimal::Decimal::try_from(mark * 1_000.0).unwrap(),
            implied_volatility: Some(0.25),
            delta: None,
            exposure: 0.0,
            vega: None,
            theta: None,
        };
        (position, today)
    }

    fn loaded() -> Loaded {
        settings::load(None).unwrap()
    }

    fn hedge() -> TailHedge {
        loaded().settings.sleeves.values().find_map(Sleeve::tail_hedge).expect("the built-in settings hedge").clone()
    }

    fn gain_of(us: f64, vix: f64) -> f64 {
        let (position, today) = put(90);
        of_position(&position, &shock(us, vix), (today, 20.0), &hedge(), &loaded()).unwrap()
    }

    #[test]
    fn a_put_pays_in_a_fall_about_what_it_ends_in_the_money_by_and_nothing_when_nothing_moves() {
        assert!(gain_of(0.0, 20.0).abs() < 1e-6);
        // 6,000 falls by 40 % to 3,600: 1,200 points under the strike, 1,000 units.
        let crash = gain_of(-0.4, 20.0);
        assert!((1_100_000.0..1_200_000.0).contains(&crash), "{crash}");
        assert!(gain_of(0.0, 60.0) > 10_000.0 && gain_of(0.1, 20.0) < 0.0);
    }
}
