//! Options that nobody quotes, on a real chain: valued by the model and by nothing else.
//!
//! In: Apple's chain at the close of 2014-06-09, when the shared data is there. Out: marks. Invariant: at its own volatility
//! an option is worth what it traded at; when the market moves it moves as its Greeks say.

use super::*;
use domain::OptionRight;

const CHAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/options/aapl_chain_20140609.csv");

/// The evening the chain was taken.
const TODAY: Date = Date::constant(2014, 6, 9);

fn price(value: f64) -> Price {
    Price::from_f64(value).unwrap()
}

fn share(level: f64) -> Underlying {
    underlying(HedgeType::BankPuts, price(level), 0.001)
}

/// Puts that traded, with their last price, and the close of the share; `None`, and said so, without the data.
#[allow(clippy::disallowed_methods, reason = "the real chain lies outside the repository")]
fn puts() -> Option<(Vec<(OptionKey, f64)>, f64)> {
    let Ok(text) = std::fs::read_to_string(CHAIN) else {
        eprintln!("skipped: the research data is not beside the repository, as shared/data");
        return None;
    };
    let (mut puts, mut close) = (Vec::new(), 0.0);
    for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        let number = |place: usize| row[place].parse::<f64>().unwrap();
        close = number(2);
        if row[5] == "P" && number(10) > 0.0 && number(9) >= 0.1 {
            let expiry = Date::strptime("%Y%m%d", row[3]).unwrap();
            puts.push((OptionKey { expiry, strike: price(number(4)), right: OptionRight::Put }, number(9)));
        }
    }
    Some((puts, close))
}

#[test]
fn an_option_nobody_quotes_keeps_its_volatility() {
    let Some((puts, close)) = puts() else { return };
    let tick = price(0.01);
    let mut valued = 0;
    for (key, last) in puts {
        let view = OptionView::at(&key, price(last), share(close), TODAY).unwrap();
        let Some(volatility) = view.volatility else { continue };
        valued += 1;
        let same = modelled(&key, tick, &share(close), volatility, TODAY).unwrap().to_f64();
        assert!((same - last).abs() <= 0.006, "{key:?} traded at {last} and is worth {same} at {volatility}");
        // The share falls by a hundredth: what it gains is its delta and half its gamma, to a tenth and two ticks.
        let fall = -0.01 * close;
        let after = modelled(&key, tick, &share(close + fall), volatility, TODAY).unwrap().to_f64();
        let told = view.value.delta * fall + 0.5 * view.value.gamma * fall * fall;
        assert!((after - same - told).abs() <= 0.10 * told + 0.02, "{key:?}: {same} to {after}, {told} by its Greeks");
        let later = modelled(&key, tick, &share(close), volatility, TODAY.tomorrow().unwrap()).unwrap().to_f64();
        assert!(later <= same + 0.011, "{key:?}: a day costs, {same} to {later}");
    }
    assert!(valued > 50, "{valued} puts of the chain have a volatility");
}

#[test]
fn it_is_never_worth_nothing_and_nothing_is_made_up_for_one_that_has_ended() {
    let key = OptionKey { expiry: TODAY, strike: price(100.0), right: OptionRight::Put };
    assert_eq!(modelled(&key, price(0.05), &share(3_700.0), 0.2, TODAY), Some(price(0.05)));
    assert_eq!(modelled(&key, price(0.05), &share(3_700.0), f64::NAN, TODAY), None);
}
