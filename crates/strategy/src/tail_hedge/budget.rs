//! The premium budget of the tail hedges: what has accrued, what is spoken for, what is spent.
//!
//! In: the NAV of a month's first trade date, whether the regime is stressed, orders and their fills. Out:
//! the premium still free per hedge type. Invariant: orders never reserve more than is free, a sale refills
//! nothing, and the value is the same after any number of restarts.

use super::HedgeType;
use domain::{BaseMoney, OrderKey};
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much premium accrues and for how long it can be spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetPolicy {
    /// Share of NAV a year; 0.025 is 2.5 %.
    pub of_nav_a_year: Decimal,
    /// Factor on a month in which a trade date was ELEVATED or CRISIS.
    pub stressed_factor: Decimal,
    /// Months an accrual can be spent in, its own included.
    pub months_carried: i32,
    /// Share of premium per hedge type; they add up to at most 1.
    pub shares: BTreeMap<HedgeType, Decimal>,
}

/// One month's accrual and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Month {
    /// Its first day.
    first: Date,
    /// The NAV its accrual is counted from.
    nav: BaseMoney,
    /// The factor it accrued with so far.
    factor: Decimal,
    /// Not yet spent, per hedge type; negative only when a fill cost more than its reservation.
    left: BTreeMap<HedgeType, BaseMoney>,
}

/// Premium that a working order may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order.
    pub order: OrderKey,
    /// The hedge type that pays.
    pub hedge: HedgeType,
    /// Still to be spent at most.
    pub amount: BaseMoney,
}

/// Premium accrued, reserved and spent, durable from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLedger {
    months: Vec<Month>,
    reserved: Vec<Reservation>,
    spent: BTreeMap<HedgeType, BaseMoney>,
}

/// Why premium cannot be reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetRefusal {
    /// More than is left.
    #[error("{hedge} would cost {wanted} and {free} of its premium budget is free; it waits for the next month's")]
    Exhausted {
        /// The hedge type.
        hedge: HedgeType,
        /// What the order may cost.
        wanted: BaseMoney,
        /// What is left for the type.
        free: BaseMoney,
    },
    /// The order has a reservation already; asking again changes nothing.
    #[error("order {} of {} has reserved its premium already", .0.intent, .0.date)]
    Repeated(OrderKey),
    /// Premium is a positive amount.
    #[error("a premium of {0} cannot be reserved; it has to be above zero")]
    NotPositive(BaseMoney),
}

impl BudgetLedger {
    /// Takes note of a trade date: the first of a month accrues it, a stressed one raises the month to the
    /// stressed factor (once, and not back), and months carried too long lapse. A date that was seen
    /// before, or lies before the last one's month, changes nothing. A month without a trade date, or that
    /// starts without a positive NAV, accrues nothing. True when premium accrued.
    ///
    /// # Panics
    /// When the shares add up to more than 1 or one is negative.
    pub fn advance(&mut self, date: Date, nav: BaseMoney, stressed: bool, policy: &BudgetPolicy) -> bool {
        let shares: Decimal = policy.shares.values().sum();
        assert!(shares <= Decimal::ONE && policy.shares.values().all(|share| *share >= Decimal::ZERO));
        let first = date.first_of_month();
        if self.months.last().is_some_and(|month| month.first > first) {
            return false;
        }
        if self.months.last().is_none_or(|month| month.first < first) {
            let debts = self.lapse(first, policy.months_carried);
            self.months.push(Month { first, nav, factor: Decimal::ZERO, left: debts });
        }
        let month = self.months.last_mut().expect("just pushed or already there");
        let factor = if stressed { policy.stressed_factor.max(Decimal::ONE) } else { Decimal::ONE };
        let accrues = factor > month.factor && month.nav > BaseMoney::ZERO;
        if accrues {
            let base = month.nav.amount() * policy.of_nav_a_year / Decimal::from(12) * (factor - month.factor);
            for (&hedge, &share) in &policy.shares {
                let accrued = (base * share).round_dp_with_strategy(8, RoundingStrategy::ToZero);
                *month.left.entry(hedge).or_default() += BaseMoney::new(accrued);
            }
            month.factor = factor;
        }
        accrues
    }

    /// True on a date of a month that has not accrued yet.
    pub fn is_new_month(&self, date: Date) -> bool {
        self.months.last().is_none_or(|month| month.first < date.first_of_month())
    }

    /// Forgets months that can no longer be spent; what they owe is handed on.
    fn lapse(&mut self, first: Date, months_carried: i32) -> BTreeMap<HedgeType, BaseMoney> {
        let mut debts: BTreeMap<HedgeType, BaseMoney> = BTreeMap::new();
        for month in &mut self.months {
            for (&hedge, left) in month.left.iter_mut().filter(|(_, left)| **left < BaseMoney::ZERO) {
                *debts.entry(hedge).or_default() += *left;
                *left = BaseMoney::ZERO;
            }
        }
        self.months.retain(|month| months_between(month.first, first) < months_carried);
        debts
    }

    /// Premium a hedge type may still spend: what has accrued and not lapsed, less what is spent and what
    /// working orders may spend. Zero when it owes.
    pub fn free(&self, hedge: HedgeType) -> BaseMoney {
        let reserved: BaseMoney = self.reserved.iter().filter(|r| r.hedge == hedge).map(|r| r.amount).sum();
        (self.left(hedge) - reserved).max(BaseMoney::ZERO)
    }

    fn left(&self, hedge: HedgeType) -> BaseMoney {
        self.months.iter().filter_map(|month| month.left.get(&hedge)).copied().sum()
    }

    /// Premium spent by a hedge type since the ledger began.
    pub fn spent(&self, hedge: HedgeType) -> BaseMoney {
        self.spent.get(&hedge).copied().unwrap_or_default()
    }

    /// Premium a hedge type accrued in the months that can be spent, less what it spent of it.
    pub fn unspent(&self, hedge: HedgeType) -> BaseMoney {
        self.left(hedge)
    }

    /// Reservations of working orders.
    pub fn reservations(&self) -> &[Reservation] {
        &self.reserved
    }

    /// Sets aside the most an order may cost, before it is sent: its quantity at its worst price.
    ///
    /// # Errors
    /// [`BudgetRefusal`]; nothing is changed then.
    pub fn reserve(&mut self, order: OrderKey, hedge: HedgeType, amount: BaseMoney) -> Result<(), BudgetRefusal> {
        if self.reserved.iter().any(|reservation| reservation.order == order) {
            return Err(BudgetRefusal::Repeated(order));
        }
        if amount <= BaseMoney::ZERO {
            return Err(BudgetRefusal::NotPositive(amount));
        }
        let free = self.free(hedge);
        if amount > free {
            return Err(BudgetRefusal::Exhausted { hedge, wanted: amount, free });
        }
        self.reserved.push(Reservation { order, hedge, amount });
        Ok(())
    }

    /// Books premium that was paid, oldest month first, against the reservation of its order if it still has one. A
    /// fill is a fact: what it cost beyond what is left is booked too, and owed by the months to come.
    ///
    /// # Panics
    /// When the premium is negative: a sale is not booked here.
    pub fn pay(&mut self, order: OrderKey, hedge: HedgeType, premium: BaseMoney) {
        assert!(premium >= BaseMoney::ZERO, "a sale does not refill the budget: {premium}");
        if let Some(reservation) = self.reserved.iter_mut().find(|reservation| reservation.order == order) {
            reservation.amount = (reservation.amount - premium).max(BaseMoney::ZERO);
        }
        *self.spent.entry(hedge).or_default() += premium;
        let mut rest = premium;
        for left in self.months.iter_mut().filter_map(|month| month.left.get_mut(&hedge)) {
            let taken = rest.min((*left).max(BaseMoney::ZERO));
            *left = *left - taken;
            rest = rest - taken;
        }
        if let Some(newest) = self.months.last_mut().filter(|_| rest > BaseMoney::ZERO) {
            *newest.left.entry(hedge).or_default() += -rest;
        }
    }

    /// Takes back premium that turned out not to be paid, because the broker corrected an execution: what is owed is less, or
    /// the newest month may spend it.
    ///
    /// # Panics
    /// When it is negative: that is a premium.
    pub fn refund(&mut self, hedge: HedgeType, premium: BaseMoney) {
        assert!(premium >= BaseMoney::ZERO, "a refund of {premium} is a payment");
        *self.spent.entry(hedge).or_default() += -premium;
        if let Some(newest) = self.months.last_mut() {
            *newest.left.entry(hedge).or_default() += premium;
        }
    }

    /// Gives back what an order that is over did not spend. An order without a reservation has none to give.
    pub fn release(&mut self, order: OrderKey) {
        self.reserved.retain(|reservation| reservation.order != order);
    }
}

fn months_between(earlier: Date, later: Date) -> i32 {
    let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
    months(later) - months(earlier)
}

#[cfg(test)]
mod tests;
