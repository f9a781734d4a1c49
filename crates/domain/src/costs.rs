//! The parts of what trading costs.
//!
//! In: amounts of one currency, positive when paid. Out: their sums and shares. Invariant: the parts add up to the
//! implementation shortfall to the last digit, however they are summed or shared out.

use crate::rounding::to_money_digits;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::Add;

/// Costs in one currency, positive when paid. Source: Perold (1988), with the arrival price as in Kissell and Glantz
/// (2003).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Executed quantity × (arrival − decision): waiting for the window.
    pub delay: Decimal,
    /// Executed quantity × half the spread at arrival.
    pub spread: Decimal,
    /// Executed quantity × (average − arrival), the spread taken out: what the market did while we traded.
    pub impact: Decimal,
    /// Commissions and exchange fees.
    pub fees: Decimal,
    /// What the protection of a pair cost: its temporary hedge, and what was opened and taken back.
    pub legging: Decimal,
    /// Unexecuted quantity × (last − decision): what was wanted and not had.
    pub opportunity: Decimal,
}

impl Costs {
    /// Implementation shortfall: what the paper portfolio, filled at once at the decision price, is ahead of ours.
    pub fn shortfall(&self) -> Decimal {
        self.delay + self.spread + self.impact + self.fees + self.legging + self.opportunity
    }

    /// Execution costs against the arrival mid: what the desk is measured by.
    pub fn slippage(&self) -> Decimal {
        self.spread + self.impact
    }

    /// The same costs at a rate, each part rounded to the digits of money.
    pub fn at_rate(&self, rate: Decimal) -> Costs {
        self.map(|part| to_money_digits(part * rate))
    }

    /// Who of several wanted what of one order, signed, pays which part. Prices go by what each has of the order: who
    /// sold inside what was bought gains what the others pay. Fees go by size. The rest of a rounding is the largest's.
    ///
    /// # Panics
    /// When the wants cancel: then there was no order.
    pub fn shared(&self, wants: &[i64]) -> Vec<Costs> {
        let net: i64 = wants.iter().sum();
        assert!(net != 0, "wants that cancel have no order");
        let size: i64 = wants.iter().map(|want| want.abs()).sum();
        let share = |want: i64| {
            let by_have = |part: Decimal| to_money_digits(part * (Decimal::from(want) / Decimal::from(net)));
            let by_size = to_money_digits(self.fees * (Decimal::from(want.abs()) / Decimal::from(size)));
            Costs { fees: by_size, ..self.map(by_have) }
        };
        let largest = (0..wants.len()).max_by_key(|&i| wants[i].abs()).expect("a sum has a want");
        let mut shares: Vec<Costs> = wants.iter().map(|&want| share(want)).collect();
        shares[largest] = Costs::default();
        shares[largest] = *self + shares.iter().copied().sum::<Costs>().map(|part| -part);
        shares
    }

    fn map(&self, of: impl Fn(Decimal) -> Decimal) -> Costs {
        Costs {
            delay: of(self.delay),
            spread: of(self.spread),
            impact: of(self.impact),
            fees: of(self.fees),
            legging: of(self.legging),
            opportunity: of(self.opportunity),
        }
    }
}

impl Add for Costs {
    type Output = Costs;

    fn add(self, other: Costs) -> Costs {
        Costs {
            delay: self.delay + other.delay,
            spread: self.spread + other.spread,
            impact: self.impact + other.impact,
            fees: self.fees + other.fees,
            legging: self.legging + other.legging,
            opportunity: self.opportunity + other.opportunity,
        }
    }
}

impl Sum for Costs {
    fn sum<I: Iterator<Item = Costs>>(costs: I) -> Costs {
        costs.fold(Costs::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost_in_sharing(
            parts in prop::array::uniform6(-1_000_000_i64..1_000_000), wants in prop::collection::vec(-500_i64..500, 1..6),
        ) {
            prop_assume!(wants.iter().sum::<i64>() != 0);
            let [delay, spread, impact, fees, legging, opportunity] = parts.map(|part| Decimal::new(part, 4));
            let costs = Costs { delay, spread, impact, fees, legging, opportunity };
            let shares = costs.shared(&wants);
            prop_assert_eq!(shares.iter().copied().sum::<Costs>(), costs);
            prop_assert_eq!(shares.iter().map(Costs::shortfall).sum::<Decimal>(), costs.shortfall());
        }
    }

    #[test]
    fn who_sold_inside_a_purchase_gains_what_the_buyer_pays() {
        let costs = Costs { spread: Decimal::from(60), fees: Decimal::from(14), ..Costs::default() };
        let [buyer, seller] = costs.shared(&[100, -40])[..] else { panic!("two shares") };
        assert_eq!((buyer.spread, seller.spread), (Decimal::from(100), Decimal::from(-40)));
        assert_eq!((buyer.fees, seller.fees), (Decimal::from(10), Decimal::from(4)));
    }
}
