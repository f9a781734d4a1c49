//! The books: a fold over what happened, exact, in each currency's own cash.
//!
//! In: ledger events. Out: cash, positions, NAV, exposure. Invariant: a trade settles in its own
//! currency; a future is worth only what its settlement has not yet paid; a partial close removes
//! its share of the cost basis, so realised plus unrealised is conserved to the last digit.

use crate::price::{PRICE_DIGITS, QUANTITY_DIGITS};
use crate::rounding::to_money_digits;
use crate::{
    BaseMoney, ContractId, Currency, ExecutionId, FxError, FxRates, Money, Notional, OrderRef, PerContract,
    PerCurrency, Price, Quantity, Side, Universe,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One execution, in the units of the instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The broker's identity of it.
    pub execution: ExecutionId,
    /// Our order, when it was ours.
    pub order: Option<OrderRef>,
    /// What was traded.
    pub contract: ContractId,
    /// Which way.
    pub side: Side,
    /// Always positive.
    pub quantity: Quantity,
    /// Major currency units.
    pub price: Price,
    /// When the venue executed it.
    pub at: Timestamp,
}

/// Executions and charges that are in the books already, with the date they were booked on: the broker
/// lists them again on every resync. Newest last, because a repetition is mostly of the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Booked(Vec<BookedExecution>);

/// What a listed execution is to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Not booked before.
    New,
    /// Booked already.
    Again,
    /// Another version of one that is booked: same stem, other suffix.
    Corrected,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BookedExecution {
    execution: ExecutionId,
    on: Date,
    filled: bool,
    charged: bool,
}

impl Booked {
    /// Notes an execution, unless it was booked before.
    pub fn execution(&mut self, execution: &ExecutionId, on: Date) -> Listed {
        let stem = execution.stem();
        let mut corrects = false;
        for known in self.0.iter().rev().filter(|known| known.filled && known.execution.is_version_of(stem)) {
            if known.execution == *execution {
                return Listed::Again;
            }
            corrects = true;
        }
        // A correction is noted too, so that it is told once.
        self.entry(execution, on).filled = true;
        if corrects { Listed::Corrected } else { Listed::New }
    }

    /// True when an execution is booked.
    pub fn holds(&self, execution: &ExecutionId) -> bool {
        self.0.iter().rev().any(|booked| booked.filled && booked.execution == *execution)
    }

    /// Notes the charge of an execution; false when it was booked before.
    pub fn charge(&mut self, execution: &ExecutionId, on: Date) -> bool {
        !std::mem::replace(&mut self.entry(execution, on).charged, true)
    }

    /// Forgets what was booked before a date: brokers list executions for days, not for ever.
    pub fn forget_before(&mut self, date: Date) {
        self.0.retain(|booked| booked.on >= date);
    }

    fn entry(&mut self, execution: &ExecutionId, on: Date) -> &mut BookedExecution {
        let known = self.0.iter().rposition(|booked| booked.execution == *execution);
        let index = known.unwrap_or_else(|| {
            self.0.push(BookedExecution { execution: execution.clone(), on, filled: false, charged: false });
            self.0.len() - 1
        });
        &mut self.0[index]
    }
}

/// Something that changes the books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LedgerEvent {
    /// An execution.
    Fill(Fill),
    /// What the broker charged for an execution (positive = paid).
    Commission {
        /// The execution it belongs to.
        execution: ExecutionId,
        /// The charge.
        amount: Money,
    },
    /// Daily settlement of a future: profit since the last settlement moves into cash.
    VariationMargin {
        /// The future.
        contract: ContractId,
        /// The official settlement price.
        settlement: Price,
    },
    /// Money put in (positive) or taken out by the owner.
    Flow {
        /// The amount.
        amount: Money,
    },
}

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
    cash: PerCurrency<Decimal>,
    quantities: PerContract<Quantity>,
    costs: PerContract<Costs>,
    commissions: PerCurrency<Decimal>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Costs {
    basis: Decimal,
    realised: Decimal,
    settled_value: Decimal,
}

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
    /// Empty books for a universe.
    pub fn new(universe: &Universe) -> Self {
        Ledger {
            cash: PerCurrency::default(),
            quantities: PerContract::filled(Quantity::ZERO, universe.contract_count()),
            costs: PerContract::filled(Costs::default(), universe.contract_count()),
            commissions: PerCurrency::default(),
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
        let mut ledger = Ledger { cash: self.cash, commissions: self.commissions, ..Ledger::new(universe) };
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

    /// Applies one event. The caller sees to it that an execution arrives once.
    pub fn apply(&mut self, event: &LedgerEvent, universe: &Universe) {
        match event {
            LedgerEvent::Fill(fill) => self.fill(fill.contract, fill.side, fill.quantity, fill.price, universe),
            LedgerEvent::Commission { amount, .. } => self.charge(*amount),
            &LedgerEvent::VariationMargin { contract, settlement } => self.settle(contract, settlement, universe),
            LedgerEvent::Flow { amount } => self.cash[amount.currency] += amount.amount,
        }
    }

    /// Books a traded quantity at a price.
    ///
    /// # Panics
    /// When the quantity is not positive: an execution of nothing is a bug at the adapter.
    pub fn fill(&mut self, contract: ContractId, side: Side, quantity: Quantity, price: Price, universe: &Universe) {
        assert!(quantity > Quantity::ZERO, "an execution has a positive quantity");
        let terms = universe.terms(contract);
        let signed = Quantity::from_units(quantity.units() * side.sign());
        let value = signed.value_at(price, terms.multiplier);
        let held = self.quantities[contract];
        let costs = &mut self.costs[contract];
        let closing = closing_part(held, signed);
        if closing.is_zero() {
            costs.basis += value;
        } else {
            let released = to_money_digits(costs.basis * share(closing, held));
            let closed_value = -closing.value_at(price, terms.multiplier);
            costs.basis -= released;
            costs.realised -= closed_value + released;
            costs.basis += value - closed_value;
        }
        self.quantities[contract] = held + signed;
        if terms.settles_daily {
            costs.settled_value += value;
        } else {
            self.cash[terms.currency] -= value;
        }
    }

    /// Books what a broker charged for an execution.
    pub fn charge(&mut self, amount: Money) {
        self.cash[amount.currency] -= amount.amount;
        self.commissions[amount.currency] += amount.amount;
    }

    fn settle(&mut self, contract: ContractId, settlement: Price, universe: &Universe) {
        let terms = universe.terms(contract);
        assert!(terms.settles_daily, "only a future settles daily");
        let value = self.quantities[contract].value_at(settlement, terms.multiplier);
        let costs = &mut self.costs[contract];
        self.cash[terms.currency] += value - costs.settled_value;
        costs.settled_value = value;
    }

    /// Cash of one currency, in that currency.
    pub fn cash(&self, currency: Currency) -> Decimal {
        self.cash[currency]
    }

    /// Commissions paid so far in one currency.
    pub fn commissions(&self, currency: Currency) -> Decimal {
        self.commissions[currency]
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
        Position { quantity: self.quantities[contract], basis, realised, settled_value }
    }

    /// Contracts with a position, in key order.
    pub fn held(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.quantities.iter().filter(|(_, q)| !q.is_zero()).map(|(c, _)| c)
    }

    /// What a position adds to NAV on top of cash, in the instrument's currency: market value, or for
    /// a future the profit its settlement has not paid yet.
    pub fn nav_value(&self, contract: ContractId, mark: Price, universe: &Universe) -> Decimal {
        let terms = universe.terms(contract);
        let value = self.quantities[contract].value_at(mark, terms.multiplier);
        if terms.settles_daily { value - self.costs[contract].settled_value } else { value }
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

    /// Net asset value: cash and positions of each currency, converted once per currency.
    ///
    /// # Errors
    /// [`Unvalued`] when a held contract has no mark or a used currency no rate.
    pub fn nav(
        &self,
        marks: &PerContract<Option<Price>>,
        fx: &FxRates,
        universe: &Universe,
    ) -> Result<BaseMoney, Unvalued> {
        let mut value = PerCurrency::<i128>::default();
        let mut settled = self.cash;
        let rows = self.quantities.as_slice().iter().zip(marks.as_slice()).zip(universe.all_terms()).enumerate();
        for (row, ((quantity, mark), terms)) in rows {
            if terms.settles_daily {
                settled[terms.currency] -= self.costs[ContractId(row as u16)].settled_value;
            }
            if quantity.is_zero() {
                continue;
            }
            let unmarked = || Unvalued::NoMark(universe.contract(ContractId(row as u16)).name.clone());
            let units = quantity.units() * i64::from(terms.multiplier);
            // Two i64 always fit an i128; the checked product would be a library call per contract.
            value[terms.currency] += i128::from(units).wrapping_mul(i128::from(mark.ok_or_else(unmarked)?.mantissa()));
        }
        let mut nav = BaseMoney::ZERO;
        for currency in Currency::ALL {
            if value[currency] == 0 && settled[currency].is_zero() {
                continue;
            }
            let positions = Decimal::from_i128_with_scale(value[currency], PRICE_DIGITS + QUANTITY_DIGITS);
            nav += fx.to_base(Money::new(settled[currency] + positions, currency))?;
        }
        Ok(nav)
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

/// The part of the held quantity (with its sign) that a trade closes.
fn closing_part(held: Quantity, traded: Quantity) -> Quantity {
    if held.signum() * traded.signum() >= 0 {
        return Quantity::ZERO;
    }
    Quantity::from_units(held.signum() * held.units().abs().min(traded.units().abs()))
}

fn share(part: Quantity, whole: Quantity) -> Decimal {
    if part == whole { Decimal::ONE } else { part.to_decimal() / whole.to_decimal() }
}

#[cfg(test)]
mod tests;
