//! The ledger at the start of the open period, as far as the period has changed it.
//!
//! In: the ledger before a contract is first touched. Out: the ledger put back. Invariant: rows lie in the order of
//! their contracts; a contract without a row is as it was.

use crate::exact::Exact;
use crate::ledger::Costs;
use crate::{ContractId, Ledger, LedgerEvent, PerCurrency, Quantity};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Opening {
    cash: PerCurrency<Exact>,
    commissions: PerCurrency<Exact>,
    accruals: PerCurrency<Exact>,
    /// Charges since: they change nothing but cash, so that their order is all one.
    pub(super) charged: PerCurrency<Exact>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    contract: ContractId,
    quantity: Quantity,
    costs: Costs,
}

impl Opening {
    /// Before anything has changed.
    pub(super) fn of(ledger: &Ledger) -> Opening {
        let Ledger { cash, commissions, accruals, .. } = *ledger;
        Opening { cash, commissions, accruals, charged: PerCurrency::default(), rows: Vec::new() }
    }

    /// The same of another ledger, in the room there is.
    pub(super) fn renew(&mut self, ledger: &Ledger) {
        (self.cash, self.commissions, self.accruals) = (ledger.cash, ledger.commissions, ledger.accruals);
        self.charged = PerCurrency::default();
        self.rows.clear();
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
    }

    /// Keeps the rows an event is about to change for the first time.
    pub(super) fn keep(&mut self, ledger: &Ledger, event: &LedgerEvent) {
        for contract in event.contracts().into_iter().flatten() {
            if let Err(at) = self.rows.binary_search_by_key(&contract, |row| row.contract) {
                let (quantity, costs) = (ledger.quantities[contract], ledger.costs[contract]);
                self.rows.insert(at, Row { contract, quantity, costs });
            }
        }
    }

    /// Puts a ledger back to the start of the period, with the charges since.
    pub(super) fn restore(&self, ledger: &mut Ledger) {
        (ledger.cash, ledger.commissions, ledger.accruals) = (self.cash, self.commissions, self.accruals);
        self.charged.iter().for_each(|(currency, &charged)| ledger.charge_exactly(currency, charged));
        for &Row { contract, quantity, costs } in &self.rows {
            ledger.quantities[contract] = quantity;
            ledger.costs[contract] = costs;
        }
    }

    /// The same rows under other keys.
    pub(super) fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> Result<Opening, ContractId> {
        for row in &mut self.rows {
            row.contract = key(row.contract).ok_or(row.contract)?;
        }
        self.rows.sort_unstable_by_key(|row| row.contract);
        Ok(self)
    }
}
