//! The books' events on the sub-accounts.
//!
//! In: events in the books' canonical order. Out: changed sub-accounts. Invariant: what one event does to the ledger,
//! it does to the sum of the sleeves; a position's events go by what each sleeve holds of it.

use super::account::Holding;
use super::order::{Order, OrderKey};
use super::share::{apportioned, scaled, shared};
use super::{SleeveBooks, SleeveId};
use crate::ledger::{part, split_step, split_units};
use crate::{ContractId, Delivery, ExecutionId, Fill, LedgerEvent, Money, Price, Quantity, Universe};
use rust_decimal::Decimal;

impl SleeveBooks {
    /// Books one event of the books.
    ///
    /// # Panics
    /// When the ledger would refuse it: only what was booked there is booked here.
    pub fn apply(&mut self, event: &LedgerEvent, universe: &Universe) {
        match event {
            LedgerEvent::Fill(fill) => self.fill(fill, fill.change(), universe),
            LedgerEvent::Reversal(fill) => self.fill(fill, -fill.change(), universe),
            LedgerEvent::Commission { execution, amount } => self.charge(execution, *amount),
            &LedgerEvent::VariationMargin { contract, settlement } => self.settle(contract, settlement, universe),
            LedgerEvent::Flow { amount } => {
                self.flows[amount.currency] += amount.amount;
                self.receive(SleeveId::TREASURY, *amount);
            }
            LedgerEvent::Interest { amount } | LedgerEvent::Fee { amount } => self.receive(SleeveId::TREASURY, *amount),
            LedgerEvent::Dividend { contract, amount } => self.receive_by_position(Some(*contract), *amount),
            LedgerEvent::Tax { contract, amount } | LedgerEvent::BorrowFee { contract, amount } => {
                self.receive_by_position(*contract, *amount);
            }
            LedgerEvent::Accrual { contract, amount } => {
                for (sleeve, share) in self.by_position(*contract, amount.amount) {
                    self.accounts[sleeve.index()].accruals[amount.currency] += share;
                }
            }
            LedgerEvent::Conversion { sold, bought } => {
                [sold, bought].into_iter().for_each(|&leg| self.receive(SleeveId::TREASURY, leg));
            }
            &LedgerEvent::Split { contract, numerator, denominator } => {
                self.split(contract, numerator, denominator, universe);
            }
            &LedgerEvent::Renamed { contract, successor } => self.rename(contract, successor),
            LedgerEvent::OptionEnded { contract, quantity, cash, delivery, .. } => {
                self.end_option(*contract, *quantity, *cash, *delivery, universe);
            }
            LedgerEvent::Recall { .. } => {}
            LedgerEvent::Adjustment { contract, quantity, amount, .. } => {
                self.receive(SleeveId::TREASURY, *amount);
                if let &Some(contract) = contract {
                    let held = self.total(contract);
                    let settled = part(held.settled_value, -*quantity, held.quantity);
                    self.change(SleeveId::EXTERNAL, contract, *quantity, -settled);
                }
            }
        }
    }

    /// Books what an execution was charged (positive = paid): the sleeves that got something of its order pay it.
    pub(super) fn charge(&mut self, execution: &ExecutionId, amount: Money) {
        let Some(at) = self.orders.iter().rposition(|order| order.has(execution.stem())) else {
            return self.receive(SleeveId::TREASURY, -amount);
        };
        self.take_back_charges(at);
        self.orders[at].charged[amount.currency] += amount.amount;
        self.give_charges(at);
    }

    /// Shares out the order anew: what each sleeve had of it is taken back, then given by the new totals.
    fn fill(&mut self, fill: &Fill, change: Quantity, universe: &Universe) {
        let (contract, multiplier) = (fill.contract, universe.terms(fill.contract).multiplier);
        let value = change.value_at(fill.price, multiplier);
        let Some(key) = fill.order.map(OrderKey::from) else {
            return self.fill_without_order(contract, change, value, universe);
        };
        let at = self.place(key, contract).unwrap_or_else(|at| {
            self.orders.insert(at, Order::new(key, contract, &[], universe));
            at
        });
        self.take_back_charges(at);
        for part in self.orders[at].parts() {
            self.trade(part.sleeve, contract, -part.quantity, -part.value, universe);
        }
        let order = &mut self.orders[at];
        order.filled += change;
        order.value += value;
        order.note(fill.execution.stem());
        for part in self.orders[at].parts() {
            self.trade(part.sleeve, contract, part.quantity, part.value, universe);
        }
        self.give_charges(at);
    }

    /// What nobody here ordered: a buy-in, a liquidation, the owner's own trade. It closes what external holds, then what
    /// sleeves hold, by position; what it opens is external's.
    fn fill_without_order(&mut self, contract: ContractId, change: Quantity, value: Decimal, universe: &Universe) {
        let closes = |held: Quantity, left: i64| match held.signum() * left.signum() < 0 {
            true => left.signum() * left.abs().min(held.units().abs()),
            false => 0,
        };
        let external = closes(self.quantity(SleeveId::EXTERNAL, contract), change.units());
        let left = change.units() - external;
        let own: Vec<(SleeveId, i64)> = self
            .sleeves()
            .filter(|&sleeve| sleeve != SleeveId::EXTERNAL)
            .map(|sleeve| (sleeve, self.quantity(sleeve, contract).units()))
            .filter(|&(_, units)| units.signum() * left.signum() < 0)
            .collect();
        let weights: Vec<i64> = own.iter().map(|&(_, units)| units).collect();
        let closed = closes(Quantity::from_units(weights.iter().sum()), left);
        let mut parts = vec![(SleeveId::EXTERNAL, external + left - closed)];
        if closed != 0 {
            let shares = apportioned(closed, &weights, universe.terms(contract).lot.units());
            parts.extend(own.iter().map(|&(sleeve, _)| sleeve).zip(shares));
        }
        parts.retain(|&(_, units)| units != 0);
        if parts.is_empty() {
            return;
        }
        let units: Vec<i64> = parts.iter().map(|&(_, units)| units).collect();
        for ((sleeve, units), value) in parts.into_iter().zip(shared(value, &units)) {
            self.trade(sleeve, contract, Quantity::from_units(units), value, universe);
        }
    }

    fn take_back_charges(&mut self, at: usize) {
        self.orders[at].charges().into_iter().for_each(|(sleeve, amount)| self.receive(sleeve, amount));
    }

    fn give_charges(&mut self, at: usize) {
        self.orders[at].charges().into_iter().for_each(|(sleeve, amount)| self.receive(sleeve, -amount));
    }

    fn receive(&mut self, sleeve: SleeveId, amount: Money) {
        self.accounts[sleeve.index()].cash[amount.currency] += amount.amount;
    }

    /// Changes what a sleeve holds by a quantity and its signed cost.
    pub(super) fn trade(
        &mut self,
        sleeve: SleeveId,
        contract: ContractId,
        quantity: Quantity,
        value: Decimal,
        universe: &Universe,
    ) {
        let terms = universe.terms(contract);
        if terms.settles_daily {
            self.change(sleeve, contract, quantity, value);
        } else {
            self.change(sleeve, contract, quantity, Decimal::ZERO);
            self.accounts[sleeve.index()].cash[terms.currency] -= value;
        }
    }

    fn change(&mut self, sleeve: SleeveId, contract: ContractId, quantity: Quantity, settled: Decimal) {
        let account = &mut self.accounts[sleeve.index()];
        let held = account.holding(contract);
        let (quantity, settled_value) = (held.quantity + quantity, held.settled_value + settled);
        account.set(Holding { contract, quantity, settled_value });
    }

    fn settle(&mut self, contract: ContractId, settlement: Price, universe: &Universe) {
        let terms = universe.terms(contract);
        for account in &mut self.accounts {
            let held = account.holding(contract);
            let settled_value = held.quantity.value_at(settlement, terms.multiplier);
            account.cash[terms.currency] += settled_value - held.settled_value;
            account.set(Holding { settled_value, ..held });
        }
    }

    /// All that the account holds of a contract.
    fn total(&self, contract: ContractId) -> Holding {
        let empty = Holding { contract, quantity: Quantity::ZERO, settled_value: Decimal::ZERO };
        self.accounts.iter().map(|account| account.holding(contract)).fold(empty, |sum, held| Holding {
            contract,
            quantity: sum.quantity + held.quantity,
            settled_value: sum.settled_value + held.settled_value,
        })
    }

    /// Sleeves with a quantity of a contract, and their quantities; empty when these cancel.
    fn holders(&self, contract: ContractId) -> (Vec<SleeveId>, Vec<i64>) {
        let (sleeves, units) = self.parts(contract);
        if units.iter().sum::<i64>() == 0 { (Vec::new(), Vec::new()) } else { (sleeves, units) }
    }

    /// Sleeves with a quantity of a contract, and their quantities, also when these cancel.
    fn parts(&self, contract: ContractId) -> (Vec<SleeveId>, Vec<i64>) {
        let held = self.sleeves().map(|sleeve| (sleeve, self.quantity(sleeve, contract).units()));
        held.filter(|&(_, units)| units != 0).unzip()
    }

    /// An amount by what each sleeve holds; treasury's when nobody does.
    fn by_position(&self, contract: Option<ContractId>, amount: Decimal) -> Vec<(SleeveId, Decimal)> {
        match contract.map(|contract| self.holders(contract)) {
            Some((sleeves, units)) if !units.is_empty() => sleeves.into_iter().zip(shared(amount, &units)).collect(),
            _ => vec![(SleeveId::TREASURY, amount)],
        }
    }

    fn receive_by_position(&mut self, contract: Option<ContractId>, amount: Money) {
        for (sleeve, share) in self.by_position(contract, amount.amount) {
            self.receive(sleeve, Money { amount: share, currency: amount.currency });
        }
    }

    /// The whole position is scaled as the ledger does, and its parts in whole shares with it.
    fn split(&mut self, contract: ContractId, numerator: u32, denominator: u32, universe: &Universe) {
        let (sleeves, units) = self.parts(contract);
        let (ratio, step) = ((numerator, denominator), split_step(universe.terms(contract).lot));
        let total = split_units(units.iter().sum(), ratio, step).expect("the ledger booked this split");
        let after = scaled(total, &units, ratio, step);
        for (sleeve, after) in sleeves.into_iter().zip(after) {
            let held = self.accounts[sleeve.index()].holding(contract);
            self.accounts[sleeve.index()].set(Holding { quantity: Quantity::from_units(after), ..held });
        }
    }

    fn rename(&mut self, contract: ContractId, successor: ContractId) {
        for sleeve in self.sleeves() {
            let held = self.accounts[sleeve.index()].holding(contract);
            self.change(sleeve, contract, -held.quantity, -held.settled_value);
            self.change(sleeve, successor, held.quantity, held.settled_value);
        }
    }

    /// Ends each sleeve's share of an option, with its share of the cash and of what was delivered.
    fn end_option(
        &mut self,
        contract: ContractId,
        quantity: Quantity,
        cash: Money,
        delivery: Option<Delivery>,
        universe: &Universe,
    ) {
        let (mut sleeves, mut units) = self.holders(contract);
        if units.is_empty() {
            (sleeves, units) = (vec![SleeveId::EXTERNAL], vec![1]);
        }
        self.receive_by_position(Some(contract), cash);
        let delivered = delivery.map(|to| {
            let terms = universe.terms(to.contract);
            (to, apportioned(to.quantity.units() * to.side.sign(), &units, terms.lot.units()), terms.multiplier)
        });
        let ended = apportioned(quantity.units(), &units, universe.terms(contract).lot.units());
        for (i, sleeve) in sleeves.into_iter().enumerate() {
            self.change(sleeve, contract, Quantity::from_units(ended[i]), Decimal::ZERO);
            if let Some((to, units, multiplier)) = &delivered {
                let units = Quantity::from_units(units[i]);
                self.trade(sleeve, to.contract, units, units.value_at(to.price, *multiplier), universe);
            }
        }
    }
}
