//! Performance on unit value: what the strategy earned, whoever put money in or out.
//!
//! In: NAV and external flows, once per trade date. Out: return, unit value, drawdown.
//! Invariant: a deposit or withdrawal changes neither return nor drawdown.

use domain::BaseMoney;
use serde::{Deserialize, Serialize};

/// Unit value and its peak, durable from day to day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// NAV after the last row; `None` before the first.
    pub nav: Option<BaseMoney>,
    /// Value of one unit, 1 at inception.
    pub unit_value: f64,
    /// Highest unit value so far.
    pub high_water_mark: f64,
    /// Return of the last row.
    pub daily_return: f64,
    /// Money the owner put in or took out since that NAV, on dates whose own could not be told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: BaseMoney,
}

fn is_zero(amount: &BaseMoney) -> bool {
    *amount == BaseMoney::ZERO
}

impl Default for Performance {
    fn default() -> Self {
        Performance { nav: None, unit_value: 1.0, high_water_mark: 1.0, daily_return: 0.0, since: BaseMoney::ZERO }
    }
}

impl Performance {
    /// r = (NAV − flows)/NAV_previous − 1; the first NAV starts at unit value 1.
    pub fn advance(self, nav: BaseMoney, flows: BaseMoney) -> Performance {
        let previous = self.nav.map(BaseMoney::to_f64).filter(|&n| n > 0.0);
        let earned = nav - flows - self.since;
        let daily_return = previous.map_or(0.0, |previous| earned.to_f64() / previous - 1.0);
        Performance { nav: Some(nav), since: BaseMoney::ZERO, ..self.earn(daily_return) }
    }

    /// A date without a NAV: what the owner put in or took out counts with the next one.
    pub fn wait(self, flows: BaseMoney) -> Performance {
        Performance { since: self.since + flows, ..self }
    }

    /// Compounds one day's return.
    pub fn earn(self, daily_return: f64) -> Performance {
        let unit_value = self.unit_value * (1.0 + daily_return);
        Performance { unit_value, high_water_mark: self.high_water_mark.max(unit_value), daily_return, ..self }
    }

    /// The same units with their drawdown measured from now on: a person accepted the loss.
    pub fn with_new_high_water_mark(self) -> Performance {
        Performance { high_water_mark: self.unit_value, ..self }
    }

    /// (U − max U)/max U, zero or negative.
    pub fn drawdown(&self) -> f64 {
        (self.unit_value - self.high_water_mark) / self.high_water_mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(whole: i64) -> BaseMoney {
        BaseMoney::new(whole.into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn returns_and_drawdown_are_blind_to_flows(days in prop::collection::vec((-0.05_f64..0.05, -900_000_i64..900_000), 1..60)) {
            let (mut with, mut without) = (Performance::default(), Performance::default());
            let (mut big, mut plain) = (1e7_f64, 1e7_f64);
            (with, without) = (with.advance(money(10_000_000), BaseMoney::ZERO), without.advance(money(10_000_000), BaseMoney::ZERO));
            for (r, flow) in days {
                big = big * (1.0 + r) + flow as f64;
                plain *= 1.0 + r;
                prop_assume!(big > 1e6);
                with = with.advance(BaseMoney::new(rust_decimal::Decimal::from_f64_retain(big).unwrap()), money(flow));
                without = without.advance(BaseMoney::new(rust_decimal::Decimal::from_f64_retain(plain).unwrap()), BaseMoney::ZERO);
                prop_assert!((with.daily_return - without.daily_return).abs() < 1e-9);
                prop_assert!((with.drawdown() - without.drawdown()).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_comes_on_a_date_without_a_nav_is_no_return_of_the_next() {
        let first = Performance::default().advance(money(1_000), BaseMoney::ZERO);
        let next = first.wait(money(500)).wait(money(-100)).advance(money(1_414), BaseMoney::ZERO);
        assert!((next.daily_return - 0.014).abs() < 1e-12, "{}", next.daily_return);
        assert_eq!(next.advance(money(1_414), BaseMoney::ZERO).daily_return, 0.0, "it counts once");
    }
}
