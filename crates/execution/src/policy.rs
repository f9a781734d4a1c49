//! How an order finds its price.
//!
//! In: a quote, a collar, a policy, how long the order has waited. Out: a limit on the price grid. Invariant: never
//! beyond the collar drawn at arrival, however often it is replaced; without a two-sided quote nothing is priced.

use crate::pair::PairPolicy;
use domain::{AssetClass, Grid, Price, Side};
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

/// How an order is worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// A limit just through the far side of the quote.
    #[default]
    MarketableLimit,
    /// At the near side of the quote for a while, then through the far side.
    PassiveThenCross,
    /// A limit on close in the closing auction, where there is one; else as [`Style::MarketableLimit`].
    AuctionClose,
}

/// Timing and pricing of orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionPolicy {
    /// How orders are worked, where no asset class below applies.
    pub style: Style,
    /// The same by asset class.
    pub styles: Vec<(AssetClass, Style)>,
    /// Share of the spread added beyond the far touch.
    pub spread_buffer: f64,
    /// Seconds an order may live before it is cancelled.
    pub ttl_s: i64,
    /// Seconds between looks at the price.
    pub replace_interval_s: i64,
    /// What continuous trading leaves goes to the closing auction, where there is one.
    pub rest_to_close: bool,
    /// How long before an auction's cut-off its orders are sent, in seconds.
    pub auction_lead_s: i64,
    /// Largest share of the session's volume so far that a day's orders of a contract may be.
    pub participation_max: f64,
    /// Most replaces of one order.
    pub replaces_max: u32,
    /// Seconds a passive order waits at the near side before it crosses.
    pub passive_s: i64,
    /// Protection of pairs.
    pub pairs: PairPolicy,
}

/// What a price is made of.
#[derive(Clone, Copy, Debug)]
pub struct Pricing<'a> {
    /// A quote that may price an order.
    pub quote: &'a Quote,
    /// The worst price.
    pub collar: Collar,
    /// The prices a limit may have.
    pub grid: Grid<'a>,
    /// Which way.
    pub side: Side,
    /// The hurry.
    pub urgency: Urgency,
    /// Seconds since the order was sent.
    pub waited_s: i64,
}

impl ExecutionPolicy {
    /// How orders of a class are worked.
    #[inline]
    pub fn style_of(&self, class: AssetClass) -> Style {
        self.styles.iter().find(|(of, _)| *of == class).map_or(self.style, |(_, style)| *style)
    }

    /// The limit in continuous trading; `None` without a two-sided quote.
    pub fn limit(&self, style: Style, pricing: &Pricing<'_>) -> Option<Price> {
        let &Pricing { quote, collar, grid, side, urgency, waited_s } = pricing;
        let (bid, ask) = quote.two_sided()?;
        let waits = style == Style::PassiveThenCross && waited_s < self.passive_s;
        let buffer = ((ask.mantissa() - bid.mantissa()) as f64 * self.spread_buffer) as i64;
        let wanted = match (urgency, side) {
            (Urgency::High, _) => return Some(collar.worst),
            (_, Side::Buy) if waits => bid.mantissa(),
            (_, Side::Sell) if waits => ask.mantissa(),
            (_, Side::Buy) => ask.mantissa() + buffer,
            (_, Side::Sell) => bid.mantissa() - buffer,
        };
        let inside = match side {
            Side::Buy => wanted.min(collar.worst.mantissa()),
            Side::Sell => wanted.max(collar.worst.mantissa()),
        };
        let inside = Price::from_mantissa(inside).expect("the collar's worst price is positive");
        Some(grid.limit(inside, side))
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
            style: Style::MarketableLimit,
            styles: vec![(AssetClass::Stock, Style::PassiveThenCross)],
            spread_buffer: 0.25,
            ttl_s: 120,
            replace_interval_s: 15,
            replaces_max: 6,
            passive_s: 60,
            rest_to_close: false,
            auction_lead_s: 600,
            participation_max: 0.10,
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
            volume: None,
            at: "2025-01-02T15:00:00Z".parse().unwrap(),
            data_type: market::DataType::Live,
        }
    }

    #[test]
    fn a_class_without_a_style_of_its_own_has_the_default() {
        assert_eq!(policy().style_of(AssetClass::Stock), Style::PassiveThenCross);
        assert_eq!(policy().style_of(AssetClass::EquityEtf), Style::MarketableLimit);
    }

    #[test]
    fn a_passive_order_joins_its_own_side_then_crosses() {
        let cent = 1_000_000;
        let tick = Price::from_mantissa(cent).unwrap();
        let quote = quote(10_000 * cent, 10_004 * cent);
        let collar = CollarPolicy { width: BasisPoints(10), ticks_min: 2 };
        let limit = |side, waited_s, urgency| {
            let collar = Collar::around(quote.mid().unwrap(), side, tick.into(), collar);
            let pricing = Pricing { quote: &quote, collar, grid: tick.into(), side, urgency, waited_s };
            policy().limit(Style::PassiveThenCross, &pricing).unwrap().to_string()
        };
        assert_eq!(limit(Side::Buy, 59, Urgency::Normal), "100");
        assert_eq!(limit(Side::Buy, 60, Urgency::Normal), "100.05");
        assert_eq!(limit(Side::Sell, 0, Urgency::Normal), "100.04");
        assert_eq!(limit(Side::Sell, 60, Urgency::Normal), "99.99");
        assert_eq!(limit(Side::Sell, 0, Urgency::High), "99.92", "the collar: 10 bp under 100.02, rounded to safety");
    }

    proptest! {
        #[test]
        fn a_limit_is_on_the_grid_inside_the_collar_and_marketable_when_the_collar_allows(
            bid in 10_000_i64..20_000, spread in 1_i64..50, moved in -300_i64..300, buy in any::<bool>(),
            waited_s in 0_i64..120, passive in any::<bool>(), hurry in any::<bool>(), step in 1_i64..6,
        ) {
            let tick = Price::from_mantissa(step * 1_000_000).unwrap();
            let side = if buy { Side::Buy } else { Side::Sell };
            let cent = 1_000_000;
            let arrival = quote(bid * cent, (bid + spread) * cent);
            let collar = Collar::around(arrival.mid().unwrap(), side, tick.into(), CollarPolicy { width: BasisPoints(10), ticks_min: 2 });
            let now = quote((bid + moved) * cent, (bid + spread + moved) * cent);
            let urgency = if hurry { Urgency::High } else { Urgency::Normal };
            let style = if passive { Style::PassiveThenCross } else { Style::MarketableLimit };
            let limit = policy().limit(style, &Pricing { quote: &now, collar, grid: tick.into(), side, urgency, waited_s }).unwrap();
            prop_assert!(collar.holds(limit, side));
            prop_assert_eq!(limit.mantissa() % tick.mantissa(), 0);
            // Rounding to safety may lose a step.
            let touch = if buy { now.ask } else { now.bid }.unwrap().mantissa() + side.sign() * tick.mantissa();
            let waits = passive && !hurry && waited_s < 60;
            if !waits && collar.holds(Price::from_mantissa(touch).unwrap(), side) {
                prop_assert!((limit.mantissa() - touch + side.sign() * tick.mantissa()) * side.sign() > -tick.mantissa());
            }
        }
    }
}
