//! What an order cost, part by part.
//!
//! In: decision and arrival prices, the spread at arrival, executions, charges. Out: delay, spread, impact, fees,
//! legging and opportunity in the contract's currency. Invariant: the parts add up to the implementation shortfall to
//! the last digit; a price nobody knew is a part nobody can name, and then it is in none of them.

use domain::{Price, Quantity, Side};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::ops::Add;

/// Everything about a finished order that costs are made of. Prices in the major unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worked {
    /// Which way.
    pub side: Side,
    /// Planned quantity, positive.
    pub planned: Quantity,
    /// Executed quantity, positive.
    pub filled: Quantity,
    /// Σ quantity × price of the executions.
    pub filled_value: Decimal,
    /// Currency units per price point.
    pub multiplier: u32,
    /// The mark the plan was made on.
    pub decision: Price,
    /// Mid when the gate let it out; `None` when it never did.
    pub arrival: Option<Price>,
    /// Half the quoted spread at that moment.
    pub half_spread: Option<Price>,
    /// The last price known of the contract when the order was over.
    pub last: Price,
    /// What the broker charged, positive.
    pub fees: Decimal,
    /// What protecting the other leg cost, positive when paid.
    pub legging: Decimal,
}

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
    /// Temporary hedges of a pair.
    pub legging: Decimal,
    /// Unexecuted quantity × (last − decision): what was wanted and not had.
    pub opportunity: Decimal,
}

impl Costs {
    /// The costs of one order.
    pub fn of(order: &Worked) -> Costs {
        let sign = Decimal::from(order.side.sign());
        let amount = |quantity: Quantity, price: Price| quantity.value_at(price, order.multiplier);
        let paid = order.filled_value * Decimal::from(order.multiplier);
        let at_decision = amount(order.filled, order.decision);
        let arrival = order.arrival.unwrap_or(order.decision);
        let at_arrival = amount(order.filled, arrival);
        let spread = order.half_spread.map_or(Decimal::ZERO, |half| amount(order.filled, half));
        let unfilled = order.planned - order.filled;
        Costs {
            delay: sign * (at_arrival - at_decision),
            spread,
            impact: sign * (paid - at_arrival) - spread,
            fees: order.fees,
            legging: order.legging,
            opportunity: sign * (amount(unfilled, order.last) - amount(unfilled, order.decision)),
        }
    }

    /// Implementation shortfall: what the paper portfolio, filled at once at the decision price, is ahead of ours.
    pub fn shortfall(&self) -> Decimal {
        self.delay + self.spread + self.impact + self.fees + self.legging + self.opportunity
    }

    /// Execution costs against the arrival mid: what the desk is measured by.
    pub fn slippage(&self) -> Decimal {
        self.spread + self.impact
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

/// An amount in basis points of the value it belongs to; `None` when nothing was traded.
pub fn basis_points(amount: Decimal, of: Decimal) -> Option<f64> {
    (!of.is_zero()).then(|| (amount / of).to_f64().map(|fraction| fraction * 10_000.0)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(hundredths: i64) -> Price {
        Price::from_mantissa(hundredths * 1_000_000).expect("positive")
    }

    proptest! {
        #[test]
        fn the_parts_are_the_shortfall_against_paper(
            buy in any::<bool>(), planned in 1_i64..5_000, part in 0.0_f64..1.0, decision in 500_i64..90_000,
            arrival in 500_i64..90_000, average in 500_i64..90_000, last in 500_i64..90_000, half in 0_i64..50,
            fees in 0_i64..10_000, legging in -5_000_i64..5_000, multiplier in prop::sample::select(vec![1_u32, 50, 12_500]),
        ) {
            let filled = (planned as f64 * part) as i64;
            let side = if buy { Side::Buy } else { Side::Sell };
            let (fees, legging) = (Decimal::new(fees, 2), Decimal::new(legging, 2));
            let (planned, filled) = (Quantity::whole(planned), Quantity::whole(filled));
            let costs = Costs::of(&Worked {
                side, planned, filled, filled_value: filled.value_at(price(average), 1), multiplier,
                decision: price(decision), arrival: Some(price(arrival)), half_spread: Some(price(half.max(1))),
                last: price(last), fees, legging,
            });
            // The paper portfolio trades everything at the decision price and pays nothing.
            let sign = Decimal::from(side.sign());
            let worth = |quantity: Quantity, at| sign * quantity.value_at(price(at), multiplier);
            let paper = worth(planned, last) - worth(planned, decision);
            let real = worth(filled, last) - worth(filled, average) - fees - legging;
            prop_assert_eq!(costs.shortfall(), paper - real);
        }
    }

    #[test]
    fn an_order_that_crossed_half_the_spread_and_nothing_else() {
        let costs = Costs::of(&Worked {
            side: Side::Buy,
            planned: Quantity::whole(1_000),
            filled: Quantity::whole(1_000),
            filled_value: Decimal::new(7_301_500, 1),
            multiplier: 1,
            decision: price(730_000 / 100),
            arrival: Some(price(730_100 / 100)),
            half_spread: Some(price(1)),
            last: price(730_200 / 100),
            fees: Decimal::new(350, 2),
            legging: Decimal::ZERO,
        });
        insta::assert_snapshot!(
            format!("delay {} spread {} impact {} fees {} shortfall {}", costs.delay, costs.spread, costs.impact, costs.fees, costs.shortfall()),
            @"delay 10.000000000000 spread 10.000000000000 impact 657130.000000000000 fees 3.50 shortfall 657153.500000000000"
        );
    }
}
