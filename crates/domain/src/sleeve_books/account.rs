//! The sub-account of one sleeve.
//!
//! In: changes of quantity, settled value, cash. Out: the same, kept. Invariant: holdings lie in the order of their
//! contracts, and none is empty.

use super::profit::Record;
use crate::{ContractId, PerCurrency, Quantity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a sleeve holds of one contract.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// The contract.
    pub contract: ContractId,
    /// Signed: long positive.
    pub quantity: Quantity,
    /// Futures only: value at the prices up to which variation is in cash.
    pub settled_value: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) holdings: Vec<Holding>,
    pub(super) cash: PerCurrency<Decimal>,
    pub(super) accruals: PerCurrency<Decimal>,
    pub(super) profit: Record,
}

impl Account {
    pub(super) fn named(name: &str) -> Account {
        Account {
            name: name.to_owned(),
            holdings: Vec::new(),
            cash: PerCurrency::default(),
            accruals: PerCurrency::default(),
            profit: Record::default(),
        }
    }

    pub(super) fn holding(&self, contract: ContractId) -> Holding {
        let empty = Holding { contract, quantity: Quantity::ZERO, settled_value: Decimal::ZERO };
        self.place(contract).map_or(empty, |at| self.holdings[at])
    }

    pub(super) fn set(&mut self, holding: Holding) {
        let empty = holding.quantity.is_zero() && holding.settled_value.is_zero();
        match (self.place(holding.contract), empty) {
            (Ok(at), true) => drop(self.holdings.remove(at)),
            (Ok(at), false) => self.holdings[at] = holding,
            (Err(_), true) => {}
            (Err(at), false) => self.holdings.insert(at, holding),
        }
    }

    fn place(&self, contract: ContractId) -> Result<usize, usize> {
        self.holdings.binary_search_by_key(&contract, |holding| holding.contract)
    }
}
