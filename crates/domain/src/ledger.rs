//! The ledger: a fold over what happened, exact, in each currency's own cash.
//!
//! In: ledger events. Out: cash, accruals, positions, NAV, exposure. Invariant: a trade settles in its own
//! currency; a future is worth only what its settlement has not yet paid; a partial close removes
//! its share of the cost basis, so realised plus unrealised is conserved to the last digit.

mod valuation;

pub use valuation::{Exposure, Unvalued};

use crate::exact::Exact;
use crate::{
    ContractId, Currency, LedgerEvent, Money, PerContract, PerCurrency, Price, Quantity, Side, Unbookable, Universe,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Quantity and cost of one contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Signed: long positive.
    pub quantity: Quantity,
    /// Signed cost of the open quantity in the instrument's currency.
    pub basis: Decimal,
    /// Profit of closed quantity before commissions, in the instrument's currency.
    pub realised: Decimal,
    /// Futures only: value of the open quantity at the prices up to which variation is in cash.
    pub settled_value: Decimal,
}

/// Cash and positions of one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub(crate) cash: PerCurrency<Exact>,
    pub(crate) quantities: PerContract<Quantity>,
    pub(crate) costs: PerContract<Costs>,
    pub(crate) commissions: PerCurrency<Exact>,
    /// Owed and not yet paid; books from before there were accruals have none.
    #[serde(default)]
    pub(crate) accruals: PerCurrency<Exact>,
}

/// What a position cost, apart from its quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Costs {
    basis: Exact,
    realised: Exact,
    settled_value: Exact,
}

impl Ledger {
    /// Empty books for a universe.
    pub fn new(universe: &Universe) -> Self {
        Ledger {
            cash: PerCurrency::default(),
            quantities: PerContract::filled(Quantity::ZERO, universe.contract_count()),
            costs: PerContract::filled(Costs::default(), universe.contract_count()),
            commissions: PerCurrency::default(),
            accruals: PerCurrency::default(),
        }
    }

    /// The same books over another universe; `key` finds a contract's new key.
    ///
    /// # Errors
    /// The old key of something held that has no new one.
    pub fn rekeyed(
        &self,
        universe: &Universe,
        key: impl Fn(ContractId) -> Option<ContractId>,
    ) -> Result<Ledger, ContractId> {
        let Ledger { cash, commissions, accruals, .. } = *self;
        let mut ledger = Ledger { cash, commissions, accruals, ..Ledger::new(universe) };
        for (old, &costs) in self.costs.iter() {
            match key(old) {
                Some(new) => {
                    ledger.quantities[new] = self.quantities[old];
                    ledger.costs[new] = costs;
                }
                None if self.quantities[old].is_zero() && costs.settled_value.is_zero() => {}
                None => return Err(old),
            }
        }
        Ok(ledger)
    }

    /// Applies one event. The caller sees to it that an event arrives once: [`crate::Books`] does.
    ///
    /// # Errors
    /// [`Unbookable`], and nothing changed. An execution or its charge is always booked.
    ///
    /// # Panics
    /// When a contract that is no future is settled.
    pub fn apply(&mut self, event: &LedgerEvent, universe: &Universe) -> Result<(), Unbookable> {
        match event {
            LedgerEvent::Fill(fill) => self.fill(fill.contract, fill.side, fill.quantity, fill.price, universe),
            LedgerEvent::Reversal(fill) => {
                self.fill(fill.contract, fill.side.opposite(), fill.quantity, fill.price, universe);
            }
            LedgerEvent::Commission { amount, .. } => self.charge(*amount),
            &LedgerEvent::VariationMargin { contract, settlement } => self.settle(contract, settlement, universe),
            LedgerEvent::Flow { amount }
            | LedgerEvent::Dividend { amount, .. }
            | LedgerEvent::Tax { amount, .. }
            | LedgerEvent::Interest { amount }
            | LedgerEvent::BorrowFee { amount, .. }
            | LedgerEvent::Fee { amount } => self.receive(*amount),
            LedgerEvent::Accrual { amount, .. } => self.accruals[amount.currency] += amount.amount.into(),
            LedgerEvent::Conversion { sold, bought } => [sold, bought].into_iter().for_each(|&leg| self.receive(leg)),
            &LedgerEvent::Split { contract, numerator, denominator } => {
                self.quantities[contract] = self.after_split(contract, numerator, denominator, universe)?;
            }
            &LedgerEvent::Renamed { contract, successor } => self.rename(contract, successor, universe)?,
            LedgerEvent::OptionEnded { contract, quantity, cash, delivery, .. } => {
                self.adjust(*contract, *quantity, *cash, universe)?;
                if let Some(to) = delivery {
                    self.fill(to.contract, to.side, to.quantity, to.price, universe);
                }
            }
            LedgerEvent::Recall { .. } => {}
            LedgerEvent::Adjustment { contract: Some(contract), quantity, amount, .. } => {
                self.adjust(*contract, *quantity, *amount, universe)?;
            }
            LedgerEvent::Adjustment { quantity, .. } if !quantity.is_zero() => return Err(Unbookable::NoContract),
            LedgerEvent::Adjustment { amount, .. } => self.receive(*amount),
        }
        Ok(())
    }

    /// Books a traded quantity at a price.
    ///
    /// # Panics
    /// When the quantity is not positive: an execution of nothing is a bug at the adapter.
    pub fn fill(&mut self, contract: ContractId, side: Side, quantity: Quantity, price: Price, universe: &Universe) {
        assert!(quantity >= Quantity::ZERO, "an execution has no negative quantity");
        if quantity.is_zero() {
            return;
        }
        let terms = universe.terms(contract);
        let signed = Quantity::from_units(quantity.units() * side.sign());
        let value = Exact::value(signed, price, terms.multiplier);
        let closing = closing_part(self.quantities[contract], signed);
        let closed = Exact::value(-closing, price, terms.multiplier);
        self.turn(contract, signed, value, closing, closed);
        if terms.settles_daily {
            self.costs[contract].settled_value += value;
        } else {
            self.cash[terms.currency] -= value;
        }
    }

    /// Changes a position by a signed quantity that cost `value`, of which `closed` was for the `closing` part.
    fn turn(&mut self, contract: ContractId, signed: Quantity, value: Exact, closing: Quantity, closed: Exact) {
        let held = self.quantities[contract];
        let costs = &mut self.costs[contract];
        if closing.is_zero() {
            costs.basis += value;
        } else {
            let released = costs.basis.share(closing, held);
            costs.basis -= released;
            costs.realised -= closed + released;
            costs.basis += value - closed;
        }
        self.quantities[contract] = held + signed;
    }

    /// Changes a position by a signed quantity for a sum of money rather than at a price.
    fn turn_for(&mut self, contract: ContractId, signed: Quantity, value: Exact) {
        let closing = closing_part(self.quantities[contract], signed);
        self.turn(contract, signed, value, closing, value.share(closing, -signed));
    }

    /// Books what a broker charged for an execution.
    pub fn charge(&mut self, amount: Money) {
        self.charge_exactly(amount.currency, amount.amount.into());
    }

    /// The same inside the books.
    pub(crate) fn charge_exactly(&mut self, currency: Currency, amount: Exact) {
        self.cash[currency] -= amount;
        self.commissions[currency] += amount;
    }

    fn settle(&mut self, contract: ContractId, settlement: Price, universe: &Universe) {
        let terms = universe.terms(contract);
        assert!(terms.settles_daily, "only a future settles daily");
        let value = Exact::value(self.quantities[contract], settlement, terms.multiplier);
        let costs = &mut self.costs[contract];
        self.cash[terms.currency] += value - costs.settled_value;
        costs.settled_value = value;
    }

    fn receive(&mut self, amount: Money) {
        self.cash[amount.currency] += amount.amount.into();
    }

    /// The quantity of a contract after a split, in whole shares toward zero: the broker pays cash for the fraction.
    ///
    /// # Errors
    /// [`Unbookable`] for a future, a ratio with a zero, or a result that books cannot count.
    pub(crate) fn after_split(
        &self,
        contract: ContractId,
        numerator: u32,
        denominator: u32,
        universe: &Universe,
    ) -> Result<Quantity, Unbookable> {
        let (terms, held) = (universe.terms(contract), self.quantities[contract]);
        let name = || universe.contract(contract).name.clone();
        if terms.settles_daily {
            return Err(Unbookable::FutureSplit(name()));
        }
        if numerator == 0 || denominator == 0 {
            return Err(Unbookable::NoRatio { contract: name(), numerator, denominator });
        }
        let units = split_units(held.units(), (numerator, denominator), split_step(terms.lot));
        units.map(Quantity::from_units).ok_or_else(|| Unbookable::TooMany {
            contract: name(),
            held,
            numerator,
            denominator,
        })
    }

    fn rename(&mut self, contract: ContractId, successor: ContractId, universe: &Universe) -> Result<(), Unbookable> {
        let (old, new) = (universe.terms(contract), universe.terms(successor));
        let facts = |terms: &crate::Terms| (terms.currency, terms.multiplier, terms.settles_daily);
        if facts(old) != facts(new) || contract == successor {
            let name = |contract| universe.contract(contract).name.clone();
            return Err(Unbookable::OtherTerms { contract: name(contract), successor: name(successor) });
        }
        let held = std::mem::take(&mut self.quantities[contract]);
        let costs = &mut self.costs[contract];
        let (basis, settled) = (std::mem::take(&mut costs.basis), std::mem::take(&mut costs.settled_value));
        self.costs[successor].settled_value += settled;
        self.turn_for(successor, held, basis);
        Ok(())
    }

    /// A change of cash and of a position that was no trade at a price. A future leaves at the price it was settled.
    fn adjust(
        &mut self,
        contract: ContractId,
        quantity: Quantity,
        amount: Money,
        universe: &Universe,
    ) -> Result<(), Unbookable> {
        let (terms, held) = (universe.terms(contract), self.quantities[contract]);
        if terms.settles_daily && closing_part(held, quantity) != -quantity {
            return Err(Unbookable::FutureOpened(universe.contract(contract).name.clone()));
        }
        self.receive(amount);
        let settled = self.costs[contract].settled_value.share(-quantity, held);
        self.costs[contract].settled_value -= settled;
        let paid = if amount.currency == terms.currency { amount.amount.into() } else { Exact::ZERO };
        if !quantity.is_zero() {
            self.turn_for(contract, quantity, -(paid + settled));
        }
        Ok(())
    }

    /// Cash of one currency, in that currency.
    pub fn cash(&self, currency: Currency) -> Decimal {
        self.cash[currency].to_decimal()
    }

    /// Owed and not yet paid in one currency: positive when it is owed to us.
    pub fn accruals(&self, currency: Currency) -> Decimal {
        self.accruals[currency].to_decimal()
    }

    /// Commissions paid so far in one currency.
    pub fn commissions(&self, currency: Currency) -> Decimal {
        self.commissions[currency].to_decimal()
    }

    /// Signed quantity held.
    pub fn quantity(&self, contract: ContractId) -> Quantity {
        self.quantities[contract]
    }

    /// Signed quantities of every contract.
    pub fn quantities(&self) -> &PerContract<Quantity> {
        &self.quantities
    }

    /// Quantity and cost of one contract.
    pub fn position(&self, contract: ContractId) -> Position {
        let Costs { basis, realised, settled_value } = self.costs[contract];
        let [basis, realised, settled_value] = [basis, realised, settled_value].map(Exact::to_decimal);
        Position { quantity: self.quantities[contract], basis, realised, settled_value }
    }

    /// Value of a future's open quantity at its last settlement, and what closed ones still have to be paid; mostly zero.
    pub fn settled_value(&self, contract: ContractId) -> Decimal {
        let settled = self.costs[contract].settled_value;
        if settled.is_zero() { Decimal::ZERO } else { settled.to_decimal() }
    }

    /// Contracts with a position, in key order.
    pub fn held(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.quantities.iter().filter(|(_, q)| !q.is_zero()).map(|(c, _)| c)
    }
}

/// The part of the held quantity (with its sign) that a trade closes.
fn closing_part(held: Quantity, traded: Quantity) -> Quantity {
    if held.signum() * traded.signum() >= 0 {
        return Quantity::ZERO;
    }
    Quantity::from_units(held.signum() * held.units().abs().min(traded.units().abs()))
}

/// The smallest number of units a split leaves: a share, or a lot where that is less.
pub(crate) fn split_step(lot: Quantity) -> i64 {
    lot.units().min(Quantity::UNITS_PER_SHARE)
}

/// Units after a split, in whole steps toward zero; `None` when they cannot be counted.
pub(crate) fn split_units(units: i64, (numerator, denominator): (u32, u32), step: i64) -> Option<i64> {
    let step = i128::from(step);
    let exact = i128::from(units) * i128::from(numerator);
    i64::try_from(exact / (i128::from(denominator) * step) * step).ok()
}

/// The share of an amount that belongs to a part of a quantity, to the digits money keeps.
pub(crate) fn part(amount: Decimal, of: Quantity, whole: Quantity) -> Decimal {
    Exact::from(amount).share(of, whole).to_decimal()
}

#[cfg(test)]
mod tests;
