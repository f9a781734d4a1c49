//! What an order cost, part by part.
//!
//! In: decision and arrival prices, the spread at arrival, executions, charges. Out: the parts of its cost in the
//! contract's currency. Invariant: over any day the parts add up to what the paper portfolio is ahead of ours, to the
//! last digit; a price nobody knew is a part nobody can name, and then it is in none of them.

use domain::{Costs, Price, Quantity, Side};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

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
    /// The mark the plan was made on; `None` for an order the plan did not want, which protects a pair.
    pub decision: Option<Price>,
    /// Mid when the gate let it out; `None` when it never did.
    pub arrival: Option<Price>,
    /// Half the quoted spread at that moment.
    pub half_spread: Option<Price>,
    /// The last price known of the contract when the day was over.
    pub last: Price,
    /// What the broker charged, positive.
    pub fees: Decimal,
}

impl Worked {
    /// Its parts. An order that protects a pair costs what it lost by the last price, all of it legging: nobody wanted it.
    pub fn costs(&self) -> Costs {
        let sign = Decimal::from(self.side.sign());
        let amount = |quantity: Quantity, price: Price| quantity.value_at(price, self.multiplier);
        let paid = self.filled_value * Decimal::from(self.multiplier);
        let Some(decision) = self.decision else {
            let legging = sign * (paid - amount(self.filled, self.last));
            return Costs { legging, fees: self.fees, ..Costs::default() };
        };
        let at_arrival = amount(self.filled, self.arrival.unwrap_or(decision));
        let spread = self.half_spread.map_or(Decimal::ZERO, |half| amount(self.filled, half));
        let unfilled = self.planned - self.filled;
        Costs {
            delay: sign * (at_arrival - amount(self.filled, decision)),
            spread,
            impact: sign * (paid - at_arrival) - spread,
            fees: self.fees,
            legging: Decimal::ZERO,
            opportunity: sign * (amount(unfilled, self.last) - amount(unfilled, decision)),
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

    /// One order of a contract that was decided at 100.00 and ends at `last`.
    fn order(last: i64) -> impl Strategy<Value = (Worked, i64)> {
        let prices = (9_000_i64..11_000, 9_000_i64..11_000, 1_i64..50);
        (any::<bool>(), any::<bool>(), 1_i64..5_000, 0_i64..=100, prices, 0_i64..10_000).prop_map(
            move |(buy, wanted, planned, part, (arrival, average, half), fees)| {
                let filled = Quantity::whole(planned * part / 100);
                let worked = Worked {
                    side: if buy { Side::Buy } else { Side::Sell },
                    planned: Quantity::whole(planned),
                    filled,
                    filled_value: filled.value_at(price(average), 1),
                    multiplier: 50,
                    decision: wanted.then(|| price(10_000)),
                    arrival: (part > 0).then(|| price(arrival)),
                    half_spread: (part > 0).then(|| price(half)),
                    last: price(last),
                    fees: Decimal::new(fees, 2),
                };
                (worked, average)
            },
        )
    }

    proptest! {
        /// The paper portfolio trades all that was planned at once at the decision price and pays nothing; ours pays what
        /// it paid, holds what it holds, and has its protection besides.
        #[test]
        fn the_parts_of_a_day_are_its_shortfall_against_paper(
            (last, orders) in (9_000_i64..11_000).prop_flat_map(|last| (Just(last), prop::collection::vec(order(last), 1..12))),
        ) {
            let parts: Costs = orders.iter().map(|(order, _)| order.costs()).sum();
            let worth = |order: &Worked, quantity: Quantity, at: i64| {
                Decimal::from(order.side.sign()) * quantity.value_at(price(at), order.multiplier)
            };
            let paper = orders.iter().filter(|(order, _)| order.decision.is_some());
            let paper: Decimal = paper.map(|(o, _)| worth(o, o.planned, last) - worth(o, o.planned, 10_000)).sum();
            let real = orders.iter().map(|(o, average)| worth(o, o.filled, last) - worth(o, o.filled, *average) - o.fees);
            prop_assert_eq!(parts.shortfall(), paper - real.sum::<Decimal>());
        }
    }

    #[test]
    fn an_order_that_crossed_half_the_spread_and_nothing_else() {
        let costs = Worked {
            side: Side::Buy,
            planned: Quantity::whole(1_000),
            filled: Quantity::whole(1_000),
            filled_value: Decimal::new(7_300_200, 2),
            multiplier: 1,
            decision: Some(price(7_300)),
            arrival: Some(price(7_300)),
            half_spread: Some(price(1)),
            last: price(7_302),
            fees: Decimal::new(350, 2),
        }
        .costs();
        let shown =
            [costs.delay, costs.spread, costs.impact, costs.fees, costs.shortfall()].map(|c| c.normalize().to_string());
        assert_eq!(shown, ["0", "10", "-8", "3.5", "5.5"], "filled at 73.002: two tenths of a cent beyond the mid");
    }
}
