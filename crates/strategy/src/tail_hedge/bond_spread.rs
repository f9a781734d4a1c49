//! Long Bund, short OAT: a position in the spread between France and Germany, blind to the level of yields.
//!
//! In: the DV01 of both futures with its date, premium. Out: contracts of each leg and what they can lose.
//! Invariant: both legs or none; the loss in the stated stress is at most the premium; a DV01 that is out
//! of date buys nothing.

use domain::BaseMoney;
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// What one basis point of yield is worth to a contract, and since when we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondFuture {
    /// Value of one basis point for one contract, in its currency, positive.
    pub dv01: Decimal,
    /// The date it was read or computed.
    pub as_of: Date,
}

/// How the spread is sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondSpreadPolicy {
    /// The long leg (FGBL).
    pub long: BondFuture,
    /// The short leg (FOAT).
    pub short: BondFuture,
    /// Days after which a DV01 is out of date.
    pub dv01_days_max: i32,
    /// Narrowing of the spread in basis points that counts as the loss: the premium of this hedge.
    pub stress_narrowing_bp: Decimal,
    /// Parallel move of yields in basis points, for what whole contracts leave unbalanced.
    pub stress_parallel_bp: Decimal,
}

/// Contracts of both legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadTarget {
    /// Bought, zero or more.
    pub long: i64,
    /// Sold, zero or more.
    pub short: i64,
    /// What it loses in the stress beyond what the position held today does, in base currency.
    pub premium: BaseMoney,
}

/// Why no spread is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SpreadRefusal {
    /// A DV01 is zero, negative, older than allowed, or from the future.
    #[error("the DV01 {dv01} of the {leg} leg as of {as_of} cannot be used; read it again and write it with its date")]
    BadDv01 {
        /// `long` or `short`.
        leg: String,
        /// The value.
        dv01: Decimal,
        /// Its date.
        as_of: Date,
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
}

impl BondSpreadPolicy {
    /// Short contracts per long one: DV01 long / DV01 short.
    pub fn ratio(&self) -> Decimal {
        self.long.dv01 / self.short.dv01
    }

    /// The short leg of so many long contracts, nearest whole number, halves away from zero.
    pub fn short_for(&self, long: i64) -> i64 {
        let exact = Decimal::from(long) * self.ratio();
        exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or(0)
    }

    /// Loss of a position in the stress, in base currency, rounded away from zero. `rate` is base per unit of the
    /// futures' currency.
    pub fn stress_loss(&self, long: i64, short: i64, rate: Decimal) -> BaseMoney {
        let (long, short) = (Decimal::from(long) * self.long.dv01, Decimal::from(short) * self.short.dv01);
        let loss = short * self.stress_narrowing_bp + (long - short).abs() * self.stress_parallel_bp;
        BaseMoney::new((loss * rate).round_dp_with_strategy(8, RoundingStrategy::AwayFromZero))
    }

    /// The largest neutral position that holds at least as many long contracts as today and whose additional
    /// stress loss fits the premium. The whole position is made neutral, not the addition: small additions
    /// would pile up what rounding leaves of each.
    ///
    /// # Errors
    /// [`SpreadRefusal`].
    pub fn target(
        &self,
        held: (i64, i64),
        budget: BaseMoney,
        rate: Decimal,
        today: Date,
    ) -> Result<SpreadTarget, SpreadRefusal> {
        self.check(today)?;
        let paid = self.stress_loss(held.0, held.1, rate);
        let with = |more: i64| {
            let (long, short) = (held.0 + more, self.short_for(held.0 + more));
            let premium = (self.stress_loss(long, short, rate) - paid).max(BaseMoney::ZERO);
            SpreadTarget { long, short, premium }
        };
        let each = self.long.dv01 * self.stress_narrowing_bp * rate;
        let most = ((budget + paid).amount().max(Decimal::ZERO) / each).ceil().to_i64().unwrap_or(0) + 1;
        let fits = |target: &SpreadTarget| (target.long, target.short) != held && target.short > 0;
        let largest = (0..=most).rev().map(with).find(|target| fits(target) && target.premium <= budget);
        largest.ok_or_else(|| {
            let next = (1..=most + 1).map(with).find(|target| target.short > 0).unwrap_or_else(|| with(most + 1));
            SpreadRefusal::BudgetTooSmall { loss: next.premium, budget }
        })
    }

    fn check(&self, today: Date) -> Result<(), SpreadRefusal> {
        for (leg, future) in [("long", self.long), ("short", self.short)] {
            let age = (today - future.as_of).get_days();
            if future.dv01 <= Decimal::ZERO || !(0..=self.dv01_days_max).contains(&age) {
                return Err(SpreadRefusal::BadDv01 { leg: leg.to_owned(), dv01: future.dv01, as_of: future.as_of });
            }
        }
        if self.stress_narrowing_bp <= Decimal::ZERO || self.stress_parallel_bp < Decimal::ZERO {
            return Err(SpreadRefusal::NoStress(self.stress_narrowing_bp));
        }
        Ok(())
    }

    /// What is left of a position's DV01, in the futures' currency: its profit when all yields fall by a basis point.
    pub fn residual_dv01(&self, long: i64, short: i64) -> Decimal {
        Decimal::from(long) * self.long.dv01 - Decimal::from(short) * self.short.dv01
    }
}
