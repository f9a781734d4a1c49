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
        let high_water_mark = self.high_water_mark.max(unit_value);
        Performance { unit_value, high_water_mark, daily_return: measured(daily_return), ..self }
    }

    /// The same units with their drawdown measured from now on: a person accepted the loss.
    pub fn with_new_high_water_mark(self) -> Performance {
        Performance { high_water_mark: self.unit_value, ..self }
    }

    /// (U − max U)/max U, zero or negative.
    pub fn drawdown(&self) -> f64 {
        measured((self.unit_value - self.high_water_mark) / self.high_water_mark)
    }
}

/// A return as it is compared with a line: a tenth that is lost is a tenth, whatever the last digits of a double are.
pub(crate) fn measured(fraction: f64) -> f64 {
    (fraction * 1e12).round() / 1e12
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
    fn a_loss_of_exactly_a_tenth_is_one() {
        let (before, after) = (Performance::default().advance(money(10_000_000), BaseMoney::ZERO), money(9_000_000));
        let lost = before.advance(after, BaseMoney::ZERO);
        assert_eq!((lost.daily_return, lost.drawdown()), (-0.1, -0.1));
        let policy = crate::regime::tests::policy();
        assert_eq!(policy.candidate(crate::Regime::Normal, 15.0, lost.drawdown()), Some(crate::Regime::Crisis));
        assert_eq!(policy.state_factor(crate::Regime::Normal, lost.drawdown()), policy.factors[3]);
    }

    proptest! {
        /// The loss in hundredths of a percent, in one day or in two.
        #[test]
        fn a_line_that_is_met_exactly_is_met(nav in 1_i64..1_000_000, bps in 1_i64..5_000, first in 0_i64..5_000) {
            let (first, nav) = (first.min(bps), nav * 10_000);
            let of = |bps: i64| money(nav / 10_000 * (10_000 - bps));
            let lost = Performance::default().advance(money(nav), BaseMoney::ZERO).advance(of(first), BaseMoney::ZERO);
            let lost = lost.advance(of(bps), BaseMoney::ZERO);
            prop_assert_eq!(lost.drawdown(), -(bps as f64) / 10_000.0);
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
