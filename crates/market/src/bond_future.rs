//! Bond futures: what a basis point of yield is worth to one contract.
//!
//! In: a price, the contract's terms, the bonds that may be delivered. Out: the conversion factor of a bond, the DV01 of
//! a contract. Invariant: the bond that decides is the cheapest to deliver at the yield the price implies; a price no
//! yield explains is refused.

use jiff::ToSpan;
use jiff::civil::Date;
use libm::pow;
use serde::{Deserialize, Serialize};

/// Yields a price may imply, a year; beyond them it is no price of a bond.
const YIELDS: (f64, f64) = (-0.05, 0.30);
/// Steps after which Newton's method has long arrived: from −5 % to 30 % it takes eight.
const NEWTON_STEPS: u32 = 20;

/// What the exchange fixes (Eurex, contract specifications of the fixed income futures).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BondFutureTerms {
    /// Coupon of the notional bond, a year: at this yield every deliverable bond is worth its conversion factor.
    pub coupon: f64,
    /// Shortest remaining life of a bond on the day of delivery, in years.
    pub years_min: f64,
    /// Longest.
    pub years_max: f64,
}

/// A government bond with yearly coupons, accrued Actual/Actual, as in the euro area.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bond {
    /// Coupon a year, as a fraction of the nominal.
    pub coupon: f64,
    /// When it is paid back.
    pub maturity: Date,
}

/// A price that is none of a bond future.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{price} is no price of a bond future: no yield from −5 % to 30 % explains it")]
pub struct NoYield {
    /// The price.
    pub price: f64,
}

/// What a bond still pays, seen from a settlement date.
#[derive(Clone, Copy, Debug)]
struct Payments {
    /// Each coupon, for 100 of nominal.
    coupon: f64,
    /// Years to the next one.
    wait: f64,
    /// Coupons after the next one.
    later: usize,
}

impl Payments {
    /// Clean price for 100 of nominal at a yearly compounded yield, and how it changes with the yield.
    fn price(&self, yield_: f64) -> (f64, f64) {
        let &Payments { coupon, wait, later } = self;
        let discount = 1.0 / (1.0 + yield_);
        // Horner's scheme from the last payment back to the next, value and slope by the discount factor.
        let later_ones = (0..later)
            .fold((100.0 + coupon, 0.0), |(value, slope), _| (value * discount + coupon, slope * discount + value));
        let (value, slope) = later_ones;
        let first = pow(discount, wait);
        let by_discount = first * (wait / discount * value + slope);
        (first * value - coupon * (1.0 - wait), -discount * discount * by_discount)
    }

    /// The yield at which the bond costs so much, by Newton's method. From the lowest yield it rises to the root, because
    /// the price of payments falls ever more slowly.
    fn yield_at(&self, price: f64) -> Option<f64> {
        let (low, high) = YIELDS;
        if !(self.price(high).0..=self.price(low).0).contains(&price) {
            return None;
        }
        let mut yield_ = low;
        for _ in 0..NEWTON_STEPS {
            let (value, slope) = self.price(yield_);
            let step = (price - value) / slope;
            yield_ += step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        Some(yield_)
    }
}

impl Bond {
    /// Its payments after a settlement date. Coupon dates are counted back from the end, so that the 29th of February moves
    /// no other date.
    fn payments(&self, settlement: Date) -> Payments {
        let before_end = |years: i64| self.maturity.saturating_sub(years.years());
        let mut later = i64::from(self.maturity.year() - settlement.year()).max(0);
        while later > 0 && before_end(later) <= settlement {
            later -= 1;
        }
        let (last, next) = (before_end(later + 1), before_end(later));
        let days = |from: Date, to: Date| f64::from((to - from).get_days());
        let wait = days(settlement, next) / days(last, next);
        Payments { coupon: 100.0 * self.coupon, wait, later: later as usize }
    }

    /// Clean price for 100 of nominal at a yearly compounded yield.
    pub fn price(&self, settlement: Date, yield_: f64) -> f64 {
        self.payments(settlement).price(yield_).0
    }

    /// What the bond is worth per 1 of nominal at the notional coupon as its yield (Eurex clearing conditions).
    pub fn conversion_factor(&self, terms: &BondFutureTerms, delivery: Date) -> f64 {
        self.price(delivery, terms.coupon) / 100.0
    }

    /// True when it may be delivered on that day.
    pub fn fits(&self, terms: &BondFutureTerms, delivery: Date) -> bool {
        let years = f64::from((self.maturity - delivery).get_days()) / 365.25;
        (terms.years_min..=terms.years_max).contains(&years)
    }
}

impl BondFutureTerms {
    /// The bond the contract is named after, at the short end of what may be delivered: what prices a contract whose
    /// deliverable bonds nobody listed.
    fn notional(&self, delivery: Date) -> Bond {
        let days = (self.years_min * 365.25).round() as i64;
        Bond { coupon: self.coupon, maturity: delivery.saturating_add(days.days()) }
    }

    /// Change of a contract's price when all yields fall by one basis point, per price point of 1.00 (positive). `bonds`
    /// are those known; those that may not be delivered on the day count for nothing, and without any the notional bond
    /// stands in.
    ///
    /// # Errors
    /// [`NoYield`].
    pub fn price_of_basis_point(&self, price: f64, bonds: &[Bond], delivery: Date) -> Result<f64, NoYield> {
        let notional = [self.notional(delivery)];
        let listed: Vec<Bond> = bonds.iter().copied().filter(|bond| bond.fits(self, delivery)).collect();
        let bonds = if listed.is_empty() { &notional[..] } else { &listed[..] };
        let implied = bonds.iter().map(|bond| {
            let payments = bond.payments(delivery);
            let factor = payments.price(self.coupon).0 / 100.0;
            let yield_ = payments.yield_at(price * factor).ok_or(NoYield { price })?;
            Ok((payments, factor, yield_))
        });
        // On one curve the cheapest to deliver is the bond whose implied yield is lowest: at it, every other one costs more
        // than the contract pays for it.
        let implied = implied.collect::<Result<Vec<_>, NoYield>>()?;
        let cheapest = implied.into_iter().min_by(|a, b| a.2.total_cmp(&b.2)).expect("one bond at least");
        let (payments, factor, yield_) = cheapest;
        let half = 0.5e-4;
        Ok((payments.price(yield_ - half).0 - payments.price(yield_ + half).0) / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const EURO: BondFutureTerms = BondFutureTerms { coupon: 0.06, years_min: 8.5, years_max: 10.5 };

    fn bond(coupon: f64, maturity: Date) -> Bond {
        Bond { coupon, maturity }
    }

    /// Published by Eurex for FGBL (deliverable bonds of 2023), as other projects hold them.
    #[test]
    fn conversion_factors_are_those_the_exchange_publishes() {
        for (delivery, maturity, coupon, published) in [
            (date(2023, 6, 12), date(2032, 2, 15), 0.0, 0.603058),
            (date(2023, 6, 12), date(2032, 8, 15), 0.017, 0.703125),
            (date(2023, 6, 12), date(2033, 2, 15), 0.023, 0.733943),
            (date(2023, 9, 11), date(2032, 8, 15), 0.017, 0.709321),
            (date(2023, 9, 11), date(2033, 2, 15), 0.023, 0.739087),
            (date(2023, 12, 11), date(2032, 8, 15), 0.017, 0.715464),
            (date(2023, 12, 11), date(2033, 2, 15), 0.023, 0.744390),
        ] {
            let ours = bond(coupon, maturity).conversion_factor(&EURO, delivery);
            assert!((ours - published).abs() < 1e-4, "{delivery} {maturity}: {ours} against {published}");
        }
    }

    #[test]
    fn the_cheapest_bond_decides_and_what_may_not_be_delivered_does_not() {
        let delivery = date(2023, 12, 11);
        let (short, long) = (bond(0.017, date(2032, 8, 15)), bond(0.023, date(2033, 8, 15)));
        let value = |price: f64, bonds: &[Bond]| EURO.price_of_basis_point(price, bonds, delivery).unwrap();
        // Below the notional coupon the bond of short duration is the cheapest, above it that of long duration.
        assert_eq!(value(130.0, &[short, long]), value(130.0, &[short]));
        assert_eq!(value(85.0, &[short, long]), value(85.0, &[long]));
        assert!((0.08..0.11).contains(&value(130.0, &[short])), "{}", value(130.0, &[short]));
        let too_short = bond(0.05, date(2031, 1, 4));
        assert_eq!(value(130.0, &[too_short, short]), value(130.0, &[short]));
        assert_eq!(value(130.0, &[too_short]), value(130.0, &[]), "the notional bond stands in");
        assert_eq!(EURO.price_of_basis_point(7.0, &[], delivery), Err(NoYield { price: 7.0 }));
    }

    /// A flat curve prices the contract at the cheapest bond, the one with this index.
    fn contract(curve: f64, bonds: &[Bond], delivery: Date) -> (usize, f64) {
        let of = |bond: &Bond| bond.price(delivery, curve) / bond.conversion_factor(&EURO, delivery);
        bonds.iter().map(of).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    }

    proptest! {
        #[test]
        fn a_curve_that_moves_by_a_basis_point_moves_the_price_by_it(
            curve in -0.01_f64..0.12, coupons in prop::collection::vec(0.0_f64..0.07, 1..5), month in 0_i64..22,
        ) {
            let delivery = date(2026, 6, 10);
            let life = |index: usize| ((month * (index as i64 + 1)) % 22).months();
            let bonds = coupons.iter().enumerate();
            let bonds: Vec<Bond> =
                bonds.map(|(index, &coupon)| bond(coupon, date(2034, 12, 20).saturating_add(life(index)))).collect();
            let price = contract(curve, &bonds, delivery).1;
            let told = EURO.price_of_basis_point(price, &bonds, delivery).unwrap();
            let (up, down) = (contract(curve + 0.5e-4, &bonds, delivery), contract(curve - 0.5e-4, &bonds, delivery));
            // Where another bond becomes the cheapest the price has a kink, and no one slope.
            prop_assume!(up.0 == down.0);
            prop_assert!((down.1 - up.1 - told).abs() < 1e-7, "{} {told}", down.1 - up.1);
        }
    }
}
