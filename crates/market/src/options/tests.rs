//! Laws of option values, and the grid QuantLib computed.

use super::*;
use OptionRight::{Call, Put};
use proptest::prelude::*;

fn spot(price: f64, rate: f64, dividend_yield: f64) -> Underlying {
    Underlying::Spot { price, rate, dividend_yield }
}

fn close_to(ours: f64, golden: f64) -> bool {
    (ours - golden).abs() <= 1e-9 * golden.abs().max(1.0)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
fn equals_quantlib_on_every_row_of_the_golden_grid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden/bsm_grid.csv");
    let Ok(mut reader) = csv::Reader::from_path(file) else {
        eprintln!("skipped: {file} is absent");
        return;
    };
    let (mut rows, mut solved) = (0, 0);
    for row in reader.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let right = if &row[0] == "C" { Call } else { Put };
        let terms = OptionTerms { right, strike: number(2), years: number(3) / DAYS_PER_YEAR };
        let underlying = spot(number(1), number(5), number(6));
        let ours = value(&terms, &underlying, number(7)).unwrap();
        let pairs = [
            ("price", ours.price, number(8)),
            ("delta", ours.delta, number(9)),
            ("gamma", ours.gamma, number(10)),
            ("vega", ours.vega, number(11)),
            ("theta", ours.theta, number(12)),
            ("rho", ours.rho, number(13)),
        ];
        for (name, ours, golden) in pairs {
            assert!(close_to(ours, golden), "row {rows} {name}: {ours} against {golden}");
        }
        // A tenth of a cent of vega per vol point, or the price's own twelve digits say nothing about volatility.
        if ours.vega > 1e-3 * number(1) {
            let implied = implied_volatility(&terms, &underlying, number(8)).unwrap();
            assert!((implied - number(7)).abs() < 1e-7, "row {rows}: {implied} against {}", number(7));
            solved += 1;
        }
        rows += 1;
    }
    eprintln!("{rows} rows equal, {solved} of their prices turned back into volatilities");
    assert_eq!(rows, 800, "the grid has 400 calls and 400 puts");
    assert!(solved > 400, "only {solved}");
}

#[test]
fn the_tails_of_the_normal_distribution_keep_their_relative_accuracy() {
    let known = [
        (0.0, 0.5),
        (-1.0, 0.158_655_253_931_457_05),
        (-10.0, 7.619_853_024_160_526e-24),
        (-20.0, 2.753_624_118_606_233_7e-89),
        (-37.0, 5.725_571_222_524_577e-300),
    ];
    for (x, golden) in known {
        let ours = normal_cdf(x);
        assert!((ours / golden - 1.0).abs() < 1e-13, "{x}: {ours} against {golden}");
    }
}

#[test]
fn at_expiry_and_without_volatility_an_option_is_its_discounted_intrinsic_value() {
    let put = OptionTerms { right: Put, strike: 110.0, years: 0.0 };
    let at_expiry = value(&put, &spot(100.0, 0.05, 0.02), 0.2).unwrap();
    assert_eq!((at_expiry.price, at_expiry.delta, at_expiry.gamma, at_expiry.vega), (10.0, -1.0, 0.0, 0.0));
    let year = OptionTerms { right: Call, strike: 100.0, years: 1.0 };
    let calm = value(&year, &spot(100.0, 0.05, 0.0), 0.0).unwrap();
    assert!((calm.price - (100.0 - 100.0 * exp(-0.05))).abs() < 1e-12);
    let outside = value(&OptionTerms { right: Put, ..year }, &spot(100.0, 0.05, 0.0), 0.0).unwrap();
    assert_eq!((outside.price, outside.delta), (0.0, 0.0));
}

#[test]
fn black_76_is_the_discounted_value_on_the_forward() {
    // Hull, Options, Futures and Other Derivatives: a four-month put on a future at 20, strike 20, 9 %, 25 %.
    let put = OptionTerms { right: Put, strike: 20.0, years: 4.0 / 12.0 };
    let hull = value(&put, &Underlying::Future { price: 20.0, rate: 0.09 }, 0.25).unwrap();
    assert!((hull.price - 1.1166).abs() < 5e-5, "{}", hull.price);
    assert!((hull.rho + put.years * hull.price).abs() < 1e-15);
}

#[test]
fn a_number_without_meaning_is_refused_by_name() {
    let call = OptionTerms { right: Call, strike: 100.0, years: 0.5 };
    let market = spot(100.0, 0.02, 0.0);
    let refused = |terms: OptionTerms, underlying, volatility| value(&terms, &underlying, volatility).unwrap_err();
    let said = [
        refused(OptionTerms { strike: 0.0, ..call }, market, 0.2).to_string(),
        refused(call, market.at(f64::NAN), 0.2).to_string(),
        refused(call, market, -0.1).to_string(),
        refused(OptionTerms { years: -0.1, ..call }, market, 0.2).to_string(),
        refused(call, spot(100.0, f64::INFINITY, 0.0), 0.2).to_string(),
        implied_volatility(&call, &market, 0.9).unwrap_err().to_string(),
        implied_volatility(&OptionTerms { strike: 50.0, ..call }, &market, 50.0).unwrap_err().to_string(),
        implied_volatility(&call, &market, 100.0).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    the strike of an option cannot be 0
    the underlying price of an option cannot be NaN
    the volatility of an option cannot be -0.1
    the time to expiry of an option cannot be -0.1
    the interest rate of an option cannot be inf
    a price of 0.9 is not above the 0.9950166250831955 the option is worth without any volatility
    a price of 50 is not above the 50.4975083125416 the option is worth without any volatility
    a price of 100 is not below 100, the most the option can be worth
    ");
}

prop_compose! {
    fn market()(
        price in 10.0_f64..5000.0, moneyness in 0.5_f64..2.0, days in 1_i32..730,
        rate in -0.01_f64..0.08, dividend_yield in 0.0_f64..0.04, volatility in 0.05_f64..1.2,
    ) -> (OptionTerms, Underlying, f64) {
        let terms = OptionTerms { right: Call, strike: price * moneyness, years: f64::from(days) / DAYS_PER_YEAR };
        (terms, spot(price, rate, dividend_yield), volatility)
    }
}

proptest! {
    #[test]
    fn a_call_less_a_put_is_the_discounted_forward_less_the_strike((terms, underlying, volatility) in market()) {
        let Underlying::Spot { price, rate, dividend_yield } = underlying else { unreachable!() };
        let call = value(&terms, &underlying, volatility).unwrap();
        let put = value(&OptionTerms { right: Put, ..terms }, &underlying, volatility).unwrap();
        let parity = price * exp(-dividend_yield * terms.years) - terms.strike * exp(-rate * terms.years);
        prop_assert!((call.price - put.price - parity).abs() < 1e-10 * price);
        prop_assert!((call.gamma - put.gamma).abs() < 1e-12 && (call.vega - put.vega).abs() < 1e-9 * price);
    }

    #[test]
    fn dearer_with_volatility_and_monotone_in_the_strike((terms, underlying, volatility) in market(), put: bool) {
        let terms = OptionTerms { right: if put { Put } else { Call }, ..terms };
        let price = |terms: &OptionTerms, v| value(terms, &underlying, v).unwrap().price;
        let base = price(&terms, volatility);
        prop_assert!(price(&terms, volatility * 1.1) >= base - 1e-12 * underlying.price());
        let further = price(&OptionTerms { strike: terms.strike * 1.05, ..terms }, volatility);
        prop_assert!((base - further) * terms.right.sign() >= -1e-12 * underlying.price());
    }

    #[test]
    fn the_greeks_are_the_slopes_of_the_price((terms, underlying, volatility) in market(), put: bool, future: bool) {
        let terms = OptionTerms { right: if put { Put } else { Call }, ..terms };
        let Underlying::Spot { price, rate, dividend_yield } = underlying else { unreachable!() };
        let with_rate = |rate| match future {
            true => Underlying::Future { price, rate },
            false => spot(price, rate, dividend_yield),
        };
        let underlying = with_rate(rate);
        let at = |years: f64, underlying: Underlying, v: f64| {
            value(&OptionTerms { years, ..terms }, &underlying, v).unwrap()
        };
        let ours = at(terms.years, underlying, volatility);
        let slope = |low: f64, high: f64, width: f64| (high - low) / width;
        let h = 1e-4 * price * volatility * sqrt(terms.years);
        let (low, high) = (at(terms.years, underlying.at(price - h), volatility), at(terms.years, underlying.at(price + h), volatility));
        prop_assert!((slope(low.price, high.price, 2.0 * h) - ours.delta).abs() < 1e-6);
        prop_assert!((slope(low.delta, high.delta, 2.0 * h) - ours.gamma).abs() < 1e-5 * ours.gamma.max(1e-6 / h));
        let e = 1e-5;
        let scale = price.max(terms.strike);
        let vega = slope(at(terms.years, underlying, volatility - e).price, at(terms.years, underlying, volatility + e).price, 2.0 * e);
        prop_assert!((vega - ours.vega).abs() < 1e-5 * scale);
        let rho = slope(at(terms.years, with_rate(rate - e), volatility).price, at(terms.years, with_rate(rate + e), volatility).price, 2.0 * e);
        prop_assert!((rho - ours.rho).abs() < 1e-5 * scale);
        let dt = 1e-4 * terms.years;
        let theta = -slope(at(terms.years - dt, underlying, volatility).price, at(terms.years + dt, underlying, volatility).price, 2.0 * dt);
        prop_assert!((theta - ours.theta).abs() < 1e-5 * scale / terms.years);
    }

    #[test]
    fn a_volatility_survives_the_way_through_its_price((terms, underlying, volatility) in market(), put: bool) {
        let terms = OptionTerms { right: if put { Put } else { Call }, ..terms };
        let there = value(&terms, &underlying, volatility).unwrap();
        prop_assume!(there.vega > 1e-3 * underlying.price());
        let back = implied_volatility(&terms, &underlying, there.price).unwrap();
        prop_assert!((back - volatility).abs() < 1e-9, "{back} for {volatility}");
    }
}
