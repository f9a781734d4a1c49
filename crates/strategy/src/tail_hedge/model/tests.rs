//! Options that nobody quotes, on a real chain: valued by the model and by nothing else.
//!
//! In: the chain of the S&P 500 at the close of 2021-01-04, when the shared data is there. Out: marks. Invariant: at its own
//! volatility an option is worth what it traded at; when the market moves it moves as its Greeks say.
#![allow(clippy::disallowed_methods, reason = "the test reads a file of real data")]

use super::*;
use domain::OptionRight;

const CHAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/options/spx_chain_20210105.csv");

/// The evening the chain was taken.
const TODAY: Date = Date::constant(2021, 1, 4);

fn price(value: f64) -> Price {
    Price::from_f64(value).unwrap()
}

fn index(level: f64) -> Underlying {
    underlying(HedgeType::EquityPuts, price(level), 0.001)
}

/// Puts that traded, with their last price, and the close of the index; `None`, and said so, without the data.
fn puts() -> Option<(Vec<(OptionKey, f64)>, f64)> {
    let Ok(text) = std::fs::read_to_string(CHAIN) else {
        eprintln!("skipped: the research data is not beside the repository, as shared/data");
        return None;
    };
    let (mut puts, mut close) = (Vec::new(), 0.0);
    for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        let number = |place: usize| row[place].parse::<f64>().unwrap();
        close = number(2);
        if row[5] == "P" && number(10) > 0.0 && number(9) >= 1.0 {
            let expiry = Date::strptime("%Y%m%d", row[3]).unwrap();
            puts.push((OptionKey { expiry, strike: price(number(4)), right: OptionRight::Put }, number(9)));
        }
    }
    Some((puts, close))
}

#[test]
fn an_option_nobody_quotes_keeps_its_volatility() {
    let Some((puts, close)) = puts() else { return };
    let tick = price(0.05);
    let mut valued = 0;
    for (key, last) in puts {
        let view = OptionView::at(&key, price(last), index(close), TODAY).unwrap();
        let Some(volatility) = view.volatility else { continue };
        valued += 1;
        let same = modelled(&key, tick, &index(close), volatility, TODAY).unwrap().to_f64();
        assert!((same - last).abs() <= 0.026, "{key:?} traded at {last} and is worth {same} at {volatility}");
        // The index falls by a hundredth: what it gains is its delta and half its gamma, to a twentieth and a tick.
        let fall = -0.01 * close;
        let after = modelled(&key, tick, &index(close + fall), volatility, TODAY).unwrap().to_f64();
        let told = view.value.delta * fall + 0.5 * view.value.gamma * fall * fall;
        assert!((after - same - told).abs() <= 0.10 * told + 0.051, "{key:?}: {same} to {after}, {told} by its Greeks");
        let later = modelled(&key, tick, &index(close), volatility, TODAY.tomorrow().unwrap()).unwrap().to_f64();
        assert!(later <= same + 0.051, "{key:?}: a day costs, {same} to {later}");
    }
    assert!(valued > 20, "{valued} puts of the chain have a volatility");
}

#[test]
fn it_is_never_worth_nothing_and_nothing_is_made_up_for_one_that_has_ended() {
    let key = OptionKey { expiry: TODAY, strike: price(100.0), right: OptionRight::Put };
    assert_eq!(modelled(&key, price(0.05), &index(3_700.0), 0.2, TODAY), Some(price(0.05)));
    assert_eq!(modelled(&key, price(0.05), &index(3_700.0), f64::NAN, TODAY), None);
}
