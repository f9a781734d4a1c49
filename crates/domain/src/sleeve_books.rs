//! Sub-accounts: one per sleeve, and together the account to the last digit.
//!
//! In: the wants of each order, the books' events in their canonical order. Out: what each sleeve holds, owns and
//! earned. Invariant: after every event, quantities, settled values, cash and accruals of all sleeves sum to the
//! ledger's; an order's fills are shared out from its whole quantity and value, so that their order is all one.

mod account;
mod apply;
mod order;
mod profit;
mod share;

pub use account::Holding;
pub use order::OrderKey;
pub use profit::SleeveProfit;

use crate::{BaseMoney, Books, ContractId, Currency, PerCurrency, Price, Quantity, Universe};
use account::Account;
use jiff::civil::Date;
use order::Order;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Index of a sleeve in its books; its name is text and lives there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SleeveId(pub u16);

impl SleeveId {
    /// Owns currency hedges.
    pub const FX_HEDGE: SleeveId = SleeveId(0);
    /// Owns flows, conversions, interest, fees nobody else caused, and the translation of cash.
    pub const TREASURY: SleeveId = SleeveId(1);
    /// Owns positions the engine did not open.
    pub const EXTERNAL: SleeveId = SleeveId(2);

    const PSEUDO: [&str; 3] = ["fx_hedge", "treasury", "external"];

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The sub-accounts of one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleeveBooks {
    accounts: Vec<Account>,
    /// In the order of their keys.
    orders: Vec<Order>,
    /// Money put in or taken out since the last day was closed, and not yet valued.
    flows: PerCurrency<Decimal>,
    /// The same, valued when it was booked.
    #[serde(default)]
    put_in: BaseMoney,
    /// NAV when the last day was closed.
    nav: BaseMoney,
}

impl SleeveBooks {
    /// Empty sub-accounts for these sleeves, and the pseudo-sleeves.
    pub fn new<'a>(sleeves: impl IntoIterator<Item = &'a str>) -> SleeveBooks {
        let accounts = SleeveId::PSEUDO.into_iter().map(Account::named).collect();
        let books = SleeveBooks {
            accounts,
            orders: Vec::new(),
            flows: PerCurrency::default(),
            put_in: BaseMoney::ZERO,
            nav: BaseMoney::ZERO,
        };
        books.with_sleeves(sleeves)
    }

    /// The same sub-accounts, and empty ones for sleeves that are new. A sleeve that is no longer configured keeps its
    /// own: what it holds and has earned stays its.
    pub fn with_sleeves<'a>(mut self, sleeves: impl IntoIterator<Item = &'a str>) -> SleeveBooks {
        for name in sleeves {
            if self.id(name).is_none() {
                self.accounts.push(Account::named(name));
            }
        }
        self
    }

    /// Finds a sleeve by name.
    pub fn id(&self, name: &str) -> Option<SleeveId> {
        self.accounts.iter().position(|account| account.name == name).map(|at| SleeveId(at as u16))
    }

    /// The sleeve's name.
    pub fn name(&self, sleeve: SleeveId) -> &str {
        &self.accounts[sleeve.index()].name
    }

    /// Every sleeve, pseudo-sleeves first.
    pub fn sleeves(&self) -> impl Iterator<Item = SleeveId> + use<> {
        (0..self.accounts.len() as u16).map(SleeveId)
    }

    /// Signed quantity a sleeve holds.
    pub fn quantity(&self, sleeve: SleeveId, contract: ContractId) -> Quantity {
        self.accounts[sleeve.index()].holding(contract).quantity
    }

    /// What a sleeve holds, in the order of contracts.
    pub fn holdings(&self, sleeve: SleeveId) -> &[Holding] {
        &self.accounts[sleeve.index()].holdings
    }

    /// Cash of one currency that is a sleeve's.
    pub fn cash(&self, sleeve: SleeveId, currency: Currency) -> Decimal {
        self.accounts[sleeve.index()].cash[currency]
    }

    /// What is owed to a sleeve in one currency and not yet paid.
    pub fn accruals(&self, sleeve: SleeveId, currency: Currency) -> Decimal {
        self.accounts[sleeve.index()].accruals[currency]
    }

    /// Notes what each sleeve wants of an order, or of a leg of a spread under the order's key, before it is sent: signed
    /// quantities that sum to the order's. Opposite
    /// wants cross inside at the order's average price, as far as it is filled. Opening it again changes nothing.
    pub fn open_order(
        &mut self,
        key: OrderKey,
        contract: ContractId,
        wants: &[(SleeveId, Quantity)],
        universe: &Universe,
    ) {
        if let Err(at) = self.place(key, contract) {
            self.orders.insert(at, Order::new(key, contract, wants, universe));
        }
    }

    /// These sub-accounts with all that the books booked in their open period.
    pub fn with_period(mut self, books: &Books, universe: &Universe) -> SleeveBooks {
        books.open().iter().for_each(|posting| self.apply(posting.event(), universe));
        books.charges().for_each(|(execution, amount)| self.charge(execution, amount));
        self
    }

    /// Moves quantities between sleeves at a price: nothing is traded.
    ///
    /// # Panics
    /// When the quantities do not sum to zero.
    pub fn cross(&mut self, contract: ContractId, wants: &[(SleeveId, Quantity)], price: Price, universe: &Universe) {
        assert!(wants.iter().fold(Quantity::ZERO, |sum, want| sum + want.1).is_zero(), "what one gives another takes");
        for &(sleeve, quantity) in wants {
            let value = quantity.value_at(price, universe.terms(contract).multiplier);
            self.trade(sleeve, contract, quantity, value, universe);
        }
    }

    /// Gives a position the engine did not open to a sleeve, at a mark.
    pub fn adopt(
        &mut self,
        contract: ContractId,
        quantity: Quantity,
        sleeve: SleeveId,
        mark: Price,
        universe: &Universe,
    ) {
        self.cross(contract, &[(SleeveId::EXTERNAL, -quantity), (sleeve, quantity)], mark, universe);
    }

    /// Forgets the orders of dates before this one: the broker corrects nothing older.
    pub fn forget_before(&mut self, date: Date) {
        self.orders.retain(|order| order.key.date >= date);
    }

    /// The same sub-accounts over another universe; `key` finds a contract's new key.
    ///
    /// # Errors
    /// The old key of something held that has no new one.
    pub fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> Result<SleeveBooks, ContractId> {
        for account in &mut self.accounts {
            for holding in &mut account.holdings {
                holding.contract = key(holding.contract).ok_or(holding.contract)?;
            }
            account.holdings.sort_unstable_by_key(|holding| holding.contract);
        }
        self.orders.retain_mut(|order| key(order.contract).map(|contract| order.contract = contract).is_some());
        self.orders.sort_by_key(|order| (order.key, order.contract));
        Ok(self)
    }

    fn place(&self, key: OrderKey, contract: ContractId) -> Result<usize, usize> {
        self.orders.binary_search_by_key(&(key, contract), |order| (order.key, order.contract))
    }
}

#[cfg(test)]
mod tests;
