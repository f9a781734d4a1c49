//! Prices and timing of a marketable limit.
//!
//! In: a quote and a collar. Out: a limit on the tick grid. Invariant: never beyond the collar drawn
//! at arrival, however often it is replaced.

use crate::pair::PairPolicy;
use domain::rounding::limit_to_tick;
use domain::{Price, Side};
use market::Quote;
use risk::Collar;
use serde::{Deserialize, Serialize};

/// How much an order may pay to be done soon, inside its collar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// As its policy says.
    #[default]
    Normal,
    /// The collar's worst price at once: the other leg of a pair waits for it.
    High,
}

/// Timing of orders and the part of the spread a marketable limit pays extra.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionPolicy {
    /// Share of the spread added beyond the far touch.
    pub spread_buffer: f64,
    /// Seconds an order may live before it is cancelled.
    pub ttl_s: i64,
    /// Seconds between looks at the price.
    pub replace_interval_s: i64,
    /// Most replaces of one order.
    pub replaces_max: u32,
    /// Protection of pairs.
    pub pairs: PairPolicy,
}

impl ExecutionPolicy {
    /// A limit that crosses the spread now; `None` without a two-sided quote.
    pub fn marketable_limit(
        &self,
        quote: &Quote,
        collar: Collar,
        tick: Price,
        side: Side,
        urgency: Urgency,
    ) -> Option<Price> {
        let (bid, ask) = quote.two_sided()?;
        if urgency == Urgency::High {
            return Some(collar.worst);
        }
        let buffer = ((ask.mantissa() - bid.mantissa()) as f64 * self.spread_buffer) as i64;
        let eager = match side {
            Side::Buy => (ask.mantissa() + buffer).min(collar.worst.mantissa()),
            Side::Sell => (bid.mantissa() - buffer).max(collar.worst.mantissa()),
        };
        let eager = Price::from_mantissa(eager).expect("the collar's worst price is positive");
        Some(limit_to_tick(eager, tick, side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{BasisPoints, Quantity};
    use proptest::prelude::*;
    use risk::CollarPolicy;

    fn policy() -> ExecutionPolicy {
        ExecutionPolicy {
            spread_buffer: 0.25,
            ttl_s: 120,
            replace_interval_s: 15,
            replaces_max: 6,
            pairs: PairPolicy { hedges: Vec::new(), trigger: 0.30, patience_s: 5, legging_s: 60 },
        }
    }

    fn quote(bid: i64, ask: i64) -> Quote {
        Quote {
            bid: Price::from_mantissa(bid).ok(),
            ask: Price::from_mantissa(ask).ok(),
            bid_size: Quantity::ZERO,
            ask_size: Quantity::ZERO,
            last: None,
            close: None,
            at: "2025-01-02T15:00:00Z".parse().unwrap(),
            data_type: market::DataType::Live,
        }
    }

    proptest! {
        #[test]
        fn a_limit_is_on_the_grid_inside_the_collar_and_marketable_when_the_collar_allows(
            bid in 10_000_i64..20_000, spread in 1_i64..50, moved in -300_i64..300, buy in any::<bool>(),
        ) {
            let cent = 1_000_000;
            let side = if buy { Side::Buy } else { Side::Sell };
            let tick = Price::from_mantissa(cent).unwrap();
            let arrival = quote(bid * cent, (bid + spread) * cent);
            let collar = Collar::around(arrival.mid().unwrap(), side, tick, CollarPolicy { width: BasisPoints(10), ticks_min: 2 });
            let now = quote((bid + moved) * cent, (bid + spread + moved) * cent);
            let limit = policy().marketable_limit(&now, collar, tick, side, Urgency::Normal).unwrap();
            prop_assert!(collar.holds(limit, side));
            prop_assert_eq!(limit.mantissa() % cent, 0);
            let touch = if buy { now.ask } else { now.bid }.unwrap();
            if collar.holds(touch, side) {
                let crosses = if buy { limit >= touch } else { limit <= touch };
                prop_assert!(crosses);
            }
        }
    }
}
