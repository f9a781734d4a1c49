//! Long Bund, short OAT: a position in the spread between France and Germany, blind to the level of yields.
//!
//! In: prices of both futures, the bonds that may be delivered, premium, room under the spread's own cap. Out: DV01s,
//! contracts of each leg, what they can lose. Invariant: both legs or none; the loss in the stated stress is at most the
//! premium, and the notional of both legs at most the cap; a price no yield explains buys nothing.

use domain::BaseMoney;
use jiff::ToSpan;
use jiff::civil::Date;
use market::{Bond, BondFutureTerms};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Days from the last trading day of a contract to its delivery (two exchange days; Eurex).
const DELIVERY_DAYS: i64 = 2;

/// A future at a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PricedFuture {
    /// Its price, in points.
    pub price: f64,
    /// Its last trading day.
    pub last_trading_day: Date,
    /// Currency units per point.
    pub multiplier: u32,
}

impl PricedFuture {
    /// Notional of one contract, in the future's currency.
    pub fn notional(&self) -> f64 {
        self.price * f64::from(self.multiplier)
    }
}

/// What the spread's own cap leaves, in base currency. A spread without a level of yields is no part of the book's gross
/// and net; its notional is capped by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadRoom {
    /// Notional of a contract of the long leg.
    pub long: f64,
    /// Notional of a contract of the short leg.
    pub short: f64,
    /// Most that both legs together may come to.
    pub most: f64,
}

impl SpreadRoom {
    /// Notional of so many contracts of both legs.
    pub fn gross(&self, long: i64, short: i64) -> f64 {
        long as f64 * self.long + short as f64 * self.short
    }

    /// Whether so many contracts of both legs fit.
    pub fn holds(&self, long: i64, short: i64) -> bool {
        self.gross(long, short) <= self.most
    }
}

/// What one basis point of yield is worth to a contract of each leg, in the futures' currency, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dv01s {
    /// Of the long leg.
    pub long: Decimal,
    /// Of the short leg.
    pub short: Decimal,
}

/// How the spread is sized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BondSpreadPolicy {
    /// What the exchange fixes for both futures.
    pub terms: BondFutureTerms,
    /// Bonds known for the long leg (FGBL).
    pub long_bonds: Vec<Bond>,
    /// Bonds known for the short leg (FOAT).
    pub short_bonds: Vec<Bond>,
    /// Narrowing of the spread in basis points that counts as the loss: the premium of this hedge.
    pub stress_narrowing_bp: Decimal,
    /// Parallel move of yields in basis points, for what whole contracts leave unbalanced.
    pub stress_parallel_bp: Decimal,
    /// Most that the notional of both legs may come to, as a multiple of NAV.
    pub gross_max: f64,
}

/// Contracts of both legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadTarget {
    /// Bought, zero or more.
    pub long: i64,
    /// Sold, zero or more.
    pub short: i64,
    /// What it loses in the stress beyond what was paid for of the position held today, in base currency.
    pub premium: BaseMoney,
}

/// Why no spread is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum SpreadRefusal {
    /// No yield explains the price of a leg.
    #[error("{price} is no price of the {leg} leg of the bond spread; nothing can be sized by it")]
    NoDv01 {
        /// `long` or `short`.
        leg: String,
        /// The price.
        price: f64,
    },
    /// The stress is not positive: the position would have no premium.
    #[error("a stress of {0} basis points is no stress; it has to be above zero")]
    NoStress(Decimal),
    /// One contract pair already loses more than there is.
    #[error("one contract more and its other leg would lose {loss} in the stress and {budget} is free; it waits")]
    BudgetTooSmall {
        /// Loss of the smallest addition.
        loss: BaseMoney,
        /// The premium.
        budget: BaseMoney,
    },
    /// One contract pair more is above the cap of the spread.
    #[error("one contract more and its other leg would bring both to {gross} and they may come to {cap}; it waits")]
    CapReached {
        /// Notional of both legs after the smallest addition.
        gross: BaseMoney,
        /// The cap.
        cap: BaseMoney,
    },
}

impl Dv01s {
    /// Short contracts per long one: DV01 long / DV01 short.
    pub fn ratio(&self) -> Decimal {
        self.long / self.short
    }

    /// The short leg of so many long contracts, nearest whole number, halves away from zero.
    pub fn short_for(&self, long: i64) -> i64 {
        let exact = Decimal::from(long) * self.ratio();
        exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or(0)
    }

    /// Whether a position is neutral but for a contract: prices move the ratio, and that is not worth an order.
    pub fn are_level(&self, (long, short): (i64, i64)) -> bool {
        (long == 0) == (short == 0) && (self.short_for(long) - short).abs() <= 1
    }

    /// What is left of a position's DV01, in the futures' currency: its profit when all yields fall by a basis point.
    pub fn residual(&self, long: i64, short: i64) -> Decimal {
        Decimal::from(long) * self.long - Decimal::from(short) * self.short
    }
}

fn whole(amount: f64) -> BaseMoney {
    BaseMoney::new(Decimal::from_f64_retain(amount).unwrap_or_default().round())
}

impl BondSpreadPolicy {
    /// What a basis point is worth to a contract of each leg, by the cheapest bond that may be delivered. While the bonds
    /// of one leg are not known, the notional bond prices both: its error is the same on both sides, and the ratio
    /// keeps it out.
    ///
    /// # Errors
    /// [`SpreadRefusal::NoDv01`].
    pub fn dv01s(&self, long: &PricedFuture, short: &PricedFuture) -> Result<Dv01s, SpreadRefusal> {
        let delivery = |future: &PricedFuture| future.last_trading_day.saturating_add(DELIVERY_DAYS.days());
        let known = |bonds: &[Bond], future| bonds.iter().any(|bond| bond.fits(&self.terms, delivery(future)));
        let both = known(&self.long_bonds, long) && known(&self.short_bonds, short);
        let dv01 = |leg: &str, future: &PricedFuture, bonds: &[Bond]| {
            let bonds = if both { bonds } else { &[] };
            let point = self.terms.price_of_basis_point(future.price, bonds, delivery(future));
            let money = point.ok().and_then(|point| Decimal::from_f64_retain(point * f64::from(future.multiplier)));
            let money = money.map(|money| money.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero));
            let positive = money.filter(|money| *money > Decimal::ZERO);
            positive.ok_or_else(|| SpreadRefusal::NoDv01 { leg: leg.to_owned(), price: future.price })
        };
        Ok(Dv01s { long: dv01("long", long, &self.long_bonds)?, short: dv01("short", short, &self.short_bonds)? })
    }

    /// Loss of a position in the stress, in base currency, rounded away from zero. `rate` is base per unit of the
    /// futures' currency.
    pub fn stress_loss(&self, long: i64, short: i64, dv01s: &Dv01s, rate: Decimal) -> BaseMoney {
        self.loss(short, dv01s.residual(long, short).abs(), dv01s, rate)
    }

    fn loss(&self, short: i64, imbalance: Decimal, dv01s: &Dv01s, rate: Decimal) -> BaseMoney {
        let narrowing = Decimal::from(short) * dv01s.short * self.stress_narrowing_bp;
        let loss = narrowing + imbalance * self.stress_parallel_bp;
        BaseMoney::new((loss * rate).round_dp_with_strategy(8, RoundingStrategy::AwayFromZero))
    }

    /// What of a position's stress loss was paid for: shorts that a long leg hedges, and the imbalance that rounding
    /// leaves. A leg that stands alone was charged to nobody, and what replaces it has to be.
    fn paid(&self, (long, short): (i64, i64), dv01s: &Dv01s, rate: Decimal) -> BaseMoney {
        let short = short.min(dv01s.short_for(long));
        let imbalance = dv01s.residual(long, short).abs().min(dv01s.short / Decimal::TWO);
        self.loss(short, imbalance, dv01s, rate)
    }

    /// The largest neutral part of a position that fits its cap.
    pub fn within(held: (i64, i64), dv01s: &Dv01s, room: &SpreadRoom) -> (i64, i64) {
        let part = |long: i64| (long, dv01s.short_for(long));
        let fits = |&(long, short): &(i64, i64)| short <= held.1 && short > 0 && room.holds(long, short);
        (1..=held.0).rev().map(part).find(fits).unwrap_or((0, 0))
    }

    /// The largest neutral position that holds at least as many long contracts as today, whose additional stress loss fits
    /// the premium and whose notional fits the cap. The whole position is made neutral, not the addition: small additions
    /// would pile up what rounding leaves of each.
    ///
    /// # Errors
    /// [`SpreadRefusal`].
    pub fn target(
        &self,
        held: (i64, i64),
        dv01s: &Dv01s,
        (budget, rate): (BaseMoney, Decimal),
        room: &SpreadRoom,
    ) -> Result<SpreadTarget, SpreadRefusal> {
        if self.stress_narrowing_bp <= Decimal::ZERO || self.stress_parallel_bp < Decimal::ZERO {
            return Err(SpreadRefusal::NoStress(self.stress_narrowing_bp));
        }
        let paid = self.paid(held, dv01s, rate);
        let with = |more: i64| {
            let (long, short) = (held.0 + more, dv01s.short_for(held.0 + more));
            let premium = (self.stress_loss(long, short, dv01s, rate) - paid).max(BaseMoney::ZERO);
            SpreadTarget { long, short, premium }
        };
        let each = dv01s.long * self.stress_narrowing_bp * rate;
        let most = ((budget + paid).amount().max(Decimal::ZERO) / each).ceil().to_i64().unwrap_or(0) + 1;
        let is_one = |target: &SpreadTarget| (target.long, target.short) != held && target.short > 0;
        let paid_for = |target: &SpreadTarget| is_one(target) && target.premium <= budget;
        let largest =
            (0..=most).rev().map(with).find(|target| paid_for(target) && room.holds(target.long, target.short));
        largest.ok_or_else(|| {
            if let Some(smallest) = (0..=most).map(with).find(paid_for) {
                let gross = room.gross(smallest.long, smallest.short);
                return SpreadRefusal::CapReached { gross: whole(gross), cap: whole(room.most) };
            }
            let next = (1..=most + 1).map(with).find(|target| target.short > 0).unwrap_or_else(|| with(most + 1));
            SpreadRefusal::BudgetTooSmall { loss: next.premium, budget }
        })
    }
}
