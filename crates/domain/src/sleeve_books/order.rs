//! An order's executions, shared out among the sleeves that wanted it.
//!
//! In: wants, cumulative quantity, value and charges. Out: each sleeve's part of them. Invariant: the parts are a
//! function of the totals alone and sum to them; what no sleeve wanted is external's.

use super::SleeveId;
use super::share::{apportioned, shared};
use crate::{ContractId, Currency, Money, OrderRef, PerCurrency, Quantity, Universe};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One planned order across its attempts: its day and its number in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// Trade date of the plan.
    pub date: Date,
    /// Number of the intent in the plan, from 1.
    pub intent: u16,
}

impl From<OrderRef> for OrderKey {
    fn from(order: OrderRef) -> OrderKey {
        OrderKey { date: order.date, intent: order.intent }
    }
}

/// What was ordered of one contract, with what its executions came to so far. A calendar spread is two of them under one
/// key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) key: OrderKey,
    pub(super) contract: ContractId,
    lot: Quantity,
    /// In the order of sleeves, none zero.
    wants: Vec<(SleeveId, Quantity)>,
    /// Signed.
    pub(super) filled: Quantity,
    /// Signed cost.
    pub(super) value: Decimal,
    pub(super) charged: PerCurrency<Decimal>,
    /// Stems of its executions in their order: a charge names nothing else.
    executions: Vec<String>,
}

/// What one sleeve has of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) sleeve: SleeveId,
    pub(super) quantity: Quantity,
    pub(super) value: Decimal,
}

impl Order {
    pub(super) fn new(
        key: OrderKey,
        contract: ContractId,
        wants: &[(SleeveId, Quantity)],
        universe: &Universe,
    ) -> Order {
        let mut wants: Vec<_> = wants.iter().copied().filter(|(_, want)| !want.is_zero()).collect();
        wants.sort_by_key(|&(sleeve, _)| sleeve);
        Order {
            key,
            contract,
            lot: universe.terms(contract).lot,
            wants,
            filled: Quantity::ZERO,
            value: Decimal::ZERO,
            charged: PerCurrency::default(),
            executions: Vec::new(),
        }
    }

    pub(super) fn has(&self, stem: &str) -> bool {
        self.executions.binary_search_by(|known| known.as_str().cmp(stem)).is_ok()
    }

    pub(super) fn note(&mut self, stem: &str) {
        if let Err(at) = self.executions.binary_search_by(|known| known.as_str().cmp(stem)) {
            self.executions.insert(at, stem.to_owned());
        }
    }

    /// Each sleeve's part of what was executed so far.
    pub(super) fn parts(&self) -> Vec<Part> {
        let units = self.filled.units();
        if units == 0 && self.value.is_zero() {
            return Vec::new();
        }
        let wants: Vec<i64> = self.wants.iter().map(|(_, want)| want.units()).collect();
        let wanted: i64 = wants.iter().sum();
        // A broker can execute more than was ordered, or the other way; nobody wanted that.
        let inside =
            if wanted.signum() == units.signum() { wanted.signum() * wanted.abs().min(units.abs()) } else { 0 };
        let mut quantities = if inside == 0 { Vec::new() } else { apportioned(inside, &wants, self.lot.units()) };
        let mut sleeves: Vec<SleeveId> = self.wants.iter().map(|&(sleeve, _)| sleeve).take(quantities.len()).collect();
        if units != inside || units == 0 {
            sleeves.push(SleeveId::EXTERNAL);
            quantities.push(units - inside);
        }
        let values = if units == 0 { vec![self.value] } else { shared(self.value, &quantities) };
        let part = |((sleeve, units), value)| Part { sleeve, quantity: Quantity::from_units(units), value };
        sleeves.into_iter().zip(quantities).zip(values).map(part).collect()
    }

    /// Each sleeve's part of the charges, by the size of what it got (positive = paid).
    pub(super) fn charges(&self) -> Vec<(SleeveId, Money)> {
        let parts = self.parts();
        let sizes: Vec<i64> = parts.iter().map(|part| part.quantity.units().abs()).collect();
        let share = |(currency, &amount): (Currency, &Decimal)| -> Vec<(SleeveId, Money)> {
            let money = |amount| Money { amount, currency };
            match (amount.is_zero(), sizes.iter().all(|&size| size == 0)) {
                (true, _) => Vec::new(),
                (false, true) => vec![(SleeveId::TREASURY, money(amount))],
                (false, false) => {
                    parts.iter().zip(shared(amount, &sizes)).map(|(part, share)| (part.sleeve, money(share))).collect()
                }
            }
        };
        self.charged.iter().flat_map(share).collect()
    }
}
