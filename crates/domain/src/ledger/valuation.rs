//! What the books are worth, and how much of the market they carry.
//!
//! In: the ledger, marks, rates. Out: NAV, unsettled profit, exposure. Invariant: a held contract without a mark or a
//! used currency without a rate makes the answer unknown, never smaller.

use super::Ledger;
use crate::exact::Exact;
use crate::{
    BaseMoney, ContractId, Currency, FxError, FxRates, Money, Notional, PerContract, PerCurrency, Price, Stretch,
    Universe,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Gross and net exposure at full notional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Sum of long notionals.
    pub long: Notional,
    /// Sum of short notionals, positive.
    pub short: Notional,
}

impl Exposure {
    /// Long plus short.
    pub fn gross(self) -> Notional {
        self.long + self.short
    }

    /// Long minus short.
    pub fn net(self) -> Notional {
        self.long - self.short
    }
}

/// A position that cannot be valued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unvalued {
    /// Nobody supplied a mark.
    #[error("no mark for held contract {0}: its value is unknown, so NAV is unknown")]
    NoMark(String),
    /// A currency has no rate.
    #[error(transparent)]
    Fx(#[from] FxError),
}

impl Ledger {
    /// What a position adds to NAV on top of cash, in the instrument's currency: market value, or for
    /// a future the profit its settlement has not paid yet.
    pub fn nav_value(&self, contract: ContractId, mark: Price, universe: &Universe) -> Decimal {
        let terms = universe.terms(contract);
        let value = self.quantities[contract].value_at(mark, terms.multiplier);
        if terms.settles_daily { value - self.costs[contract].settled_value.to_decimal() } else { value }
    }

    /// Profit of futures that no settlement has paid yet, by currency; a contract without a mark counts
    /// at its last settlement.
    pub fn unsettled(&self, marks: &PerContract<Option<Price>>, universe: &Universe) -> PerCurrency<Decimal> {
        let mut unsettled = PerCurrency::default();
        for (contract, costs) in self.costs.iter() {
            let terms = universe.terms(contract);
            let open = terms.settles_daily && !(self.quantities[contract].is_zero() && costs.settled_value.is_zero());
            if let (true, Some(mark)) = (open, marks[contract]) {
                unsettled[terms.currency] += self.nav_value(contract, mark, universe);
            }
        }
        unsettled
    }

    /// Net asset value: cash, positions and accruals of each currency, converted once per currency.
    ///
    /// # Errors
    /// [`Unvalued`] when a held contract has no mark or a used currency no rate.
    pub fn nav(
        &self,
        marks: &PerContract<Option<Price>>,
        fx: &FxRates,
        universe: &Universe,
    ) -> Result<BaseMoney, Unvalued> {
        let mut value = PerCurrency::<Exact>::default();
        let mut settled = self.cash;
        let (quantities, costs) = (self.quantities.as_slice(), self.costs.as_slice());
        let prices = &marks.as_slice()[..quantities.len()];
        for Stretch { rows, currency, multiplier, settles_daily } in universe.stretches(quantities.len()) {
            let mut sum = Exact::ZERO;
            for (&quantity, &mark) in quantities[rows.clone()].iter().zip(&prices[rows.clone()]) {
                match mark {
                    Some(mark) => sum += Exact::value(quantity, mark, 1),
                    None if quantity.is_zero() => {}
                    None => return Err(self.unmarked(marks, universe)),
                }
            }
            value[currency] += sum.times(multiplier);
            if settles_daily {
                costs[rows].iter().for_each(|costs| settled[currency] -= costs.settled_value);
            }
        }
        let mut nav = BaseMoney::ZERO;
        for currency in Currency::ALL {
            let parts = [value[currency], settled[currency], self.accruals[currency]];
            // Parts that cancel need a rate all the same.
            if parts.iter().any(|part| !part.is_zero()) {
                let sum = parts.into_iter().fold(Exact::ZERO, |sum, part| sum + part);
                nav += fx.to_base(Money { amount: sum.to_money_digits(), currency })?;
            }
        }
        Ok(nav)
    }

    /// The first held contract without a mark.
    #[cold]
    fn unmarked(&self, marks: &PerContract<Option<Price>>, universe: &Universe) -> Unvalued {
        let contract = self.held().find(|&contract| marks[contract].is_none()).expect("one was met");
        Unvalued::NoMark(universe.contract(contract).name.clone())
    }

    /// Exposure at full notional of everything held.
    ///
    /// # Errors
    /// [`Unvalued`] as for [`Ledger::nav`].
    pub fn exposure(
        &self,
        marks: &PerContract<Option<Price>>,
        fx: &FxRates,
        universe: &Universe,
    ) -> Result<Exposure, Unvalued> {
        let mut exposure = Exposure::default();
        for contract in self.held() {
            let terms = universe.terms(contract);
            let mark = marks[contract].ok_or_else(|| Unvalued::NoMark(universe.contract(contract).name.clone()))?;
            let local = self.quantities[contract].value_at(mark, terms.multiplier);
            let notional = Notional::new(local * fx.rate(terms.currency, fx.base())?);
            match notional.amount().is_sign_negative() {
                false => exposure.long += notional,
                true => exposure.short += -notional,
            }
        }
        Ok(exposure)
    }
}
