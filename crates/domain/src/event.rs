//! What changes the books: one value per kind of event.
//!
//! In: what the broker reported, or a person signed. Out: events that are stored and folded. Invariant: an amount is
//! the change of cash, received positive and paid negative; only a commission is positive when it was paid.

use crate::{ContractId, ExecutionId, Money, OrderRef, Price, Quantity, Side, Universe};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Positive; zero in the correction that takes an execution back (a bust).
    pub quantity: Quantity,
    /// Major currency units.
    pub price: Price,
    /// When the venue executed it.
    pub at: Timestamp,
}

impl Fill {
    /// Signed change of the position.
    #[inline]
    pub fn change(&self) -> Quantity {
        Quantity::from_units(self.quantity.units() * self.side.sign())
    }
}

/// How an option ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionEnd {
    /// We exercised it.
    Exercised,
    /// It was assigned to us.
    Assigned,
    /// It ended worthless or was settled in cash.
    Expired,
}

impl fmt::Display for OptionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OptionEnd::Exercised => "exercised",
            OptionEnd::Assigned => "assigned",
            OptionEnd::Expired => "expired",
        })
    }
}

/// What an option that was exercised or assigned delivers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The underlying.
    pub contract: ContractId,
    /// Which way it moves: bought or sold at the strike.
    pub side: Side,
    /// Always positive.
    pub quantity: Quantity,
    /// The strike, in major currency units.
    pub price: Price,
}

/// Something that changes the books (specification, section 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum LedgerEvent {
    /// An execution.
    Fill(Fill),
    /// An execution of a closed period is taken back, because the broker corrected it.
    Reversal(Fill),
    /// What the broker charged for an execution (positive = paid).
    Commission { execution: ExecutionId, amount: Money },
    /// Daily settlement of a future: profit since the last official settlement moves into cash.
    VariationMargin { contract: ContractId, settlement: Price },
    /// Money put in (positive) or taken out by the owner.
    Flow { amount: Money },
    /// A dividend, or payment in lieu of one; negative on a short position.
    Dividend { contract: ContractId, amount: Money },
    /// Withholding or transaction tax; negative when paid, positive when refunded.
    Tax { contract: Option<ContractId>, amount: Money },
    /// Interest on cash; negative on a debit balance.
    Interest { amount: Money },
    /// Fee for borrowed stock.
    BorrowFee { contract: Option<ContractId>, amount: Money },
    /// Any other fee of the broker, such as market data.
    Fee { amount: Money },
    /// A change of what is owed and not yet paid: positive when more is owed to us.
    Accrual { contract: Option<ContractId>, amount: Money },
    /// One currency for another: what was sold is negative, what was bought positive.
    Conversion { sold: Money, bought: Money },
    /// `numerator` new shares for `denominator` old ones. The cost basis stays.
    Split { contract: ContractId, numerator: u32, denominator: u32 },
    /// The position goes on under another contract, with its cost.
    Renamed { contract: ContractId, successor: ContractId },
    /// Quantity of an option that ended (signed change of the position), the cash it paid, and what it delivered.
    OptionEnded { contract: ContractId, how: OptionEnd, quantity: Quantity, cash: Money, delivery: Option<Delivery> },
    /// Borrowed stock was called back. Nothing moves yet: what follows is an execution.
    Recall { contract: ContractId, quantity: Quantity },
    /// A person's word, signed: a change of a position, of cash, or of both.
    Adjustment { contract: Option<ContractId>, quantity: Quantity, amount: Money, by: String, reason: String },
}

impl LedgerEvent {
    /// The contracts whose position or cost it changes. Events without a contract in common may change places.
    pub fn contracts(&self) -> [Option<ContractId>; 2] {
        match self {
            LedgerEvent::Fill(fill) | LedgerEvent::Reversal(fill) => [Some(fill.contract), None],
            &LedgerEvent::VariationMargin { contract, .. } | &LedgerEvent::Split { contract, .. } => {
                [Some(contract), None]
            }
            &LedgerEvent::Renamed { contract, successor } => [Some(contract), Some(successor)],
            &LedgerEvent::OptionEnded { contract, delivery, .. } => [Some(contract), delivery.map(|to| to.contract)],
            &LedgerEvent::Adjustment { contract, .. } => [contract, None],
            _ => [None, None],
        }
    }

    /// What happened, for a person.
    pub fn sentence(&self, universe: &Universe) -> String {
        let name = |contract: &ContractId| universe.contract(*contract).name.as_str();
        let of = |contract: &Option<ContractId>| contract.map_or("the account", |contract| name(&contract));
        match self {
            LedgerEvent::Fill(Fill { contract, quantity, .. }) if quantity.is_zero() => {
                format!("an execution of {} is taken back", name(contract))
            }
            LedgerEvent::Fill(Fill { contract, side, quantity, price, .. }) => {
                format!("{side} {quantity} {} at {price}", name(contract))
            }
            LedgerEvent::Reversal(Fill { contract, side, quantity, price, .. }) => {
                format!("{side} {quantity} {} at {price} taken back", name(contract))
            }
            LedgerEvent::Commission { amount, .. } => format!("commission of {amount}"),
            LedgerEvent::VariationMargin { contract, settlement } => {
                format!("{} settled at {settlement}", name(contract))
            }
            LedgerEvent::Flow { amount } => format!("flow of {amount}"),
            LedgerEvent::Dividend { contract, amount } => format!("dividend of {}: {amount}", name(contract)),
            LedgerEvent::Tax { contract, amount } => format!("tax on {}: {amount}", of(contract)),
            LedgerEvent::Interest { amount } => format!("interest of {amount}"),
            LedgerEvent::BorrowFee { contract, amount } => format!("borrow fee for {}: {amount}", of(contract)),
            LedgerEvent::Fee { amount } => format!("fee of {amount}"),
            LedgerEvent::Accrual { contract, amount } => format!("accrued for {}: {amount}", of(contract)),
            LedgerEvent::Conversion { sold, bought } => format!("converted {} into {bought}", -*sold),
            LedgerEvent::Split { contract, numerator, denominator } => {
                format!("{} split {numerator} for {denominator}", name(contract))
            }
            LedgerEvent::Renamed { contract, successor } => {
                format!("{} goes on as {}", name(contract), name(successor))
            }
            LedgerEvent::OptionEnded { contract, how, quantity, cash, .. } => {
                format!("{} {how}: {quantity} for {cash}", name(contract))
            }
            LedgerEvent::Recall { contract, quantity } => format!("{quantity} {} recalled", name(contract)),
            LedgerEvent::Adjustment { contract, quantity, amount, by, reason } => {
                format!("{by} adjusted {} by {quantity} and {amount}: {reason}", of(contract))
            }
        }
    }

    /// The same event with every contract under its key in another universe.
    ///
    /// # Errors
    /// The old key that has no new one.
    pub fn rekeyed(mut self, key: impl Fn(ContractId) -> Option<ContractId>) -> Result<LedgerEvent, ContractId> {
        for contract in self.contracts_mut().into_iter().flatten() {
            *contract = key(*contract).ok_or(*contract)?;
        }
        Ok(self)
    }

    fn contracts_mut(&mut self) -> [Option<&mut ContractId>; 2] {
        match self {
            LedgerEvent::Fill(fill) | LedgerEvent::Reversal(fill) => [Some(&mut fill.contract), None],
            LedgerEvent::VariationMargin { contract, .. }
            | LedgerEvent::Dividend { contract, .. }
            | LedgerEvent::Split { contract, .. }
            | LedgerEvent::Recall { contract, .. } => [Some(contract), None],
            LedgerEvent::Tax { contract, .. }
            | LedgerEvent::BorrowFee { contract, .. }
            | LedgerEvent::Accrual { contract, .. }
            | LedgerEvent::Adjustment { contract, .. } => [contract.as_mut(), None],
            LedgerEvent::Renamed { contract, successor } => [Some(contract), Some(successor)],
            LedgerEvent::OptionEnded { contract, delivery, .. } => {
                [Some(contract), delivery.as_mut().map(|to| &mut to.contract)]
            }
            LedgerEvent::Commission { .. }
            | LedgerEvent::Flow { .. }
            | LedgerEvent::Interest { .. }
            | LedgerEvent::Fee { .. }
            | LedgerEvent::Conversion { .. } => [None, None],
        }
    }
}

/// Why an event cannot be booked as it is. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbookable {
    /// A split with a zero in it.
    #[error("a split of {contract} of {numerator} for {denominator} is no ratio: correct the line")]
    NoRatio {
        /// Name of the contract.
        contract: String,
        /// New shares.
        numerator: u32,
        /// Old shares.
        denominator: u32,
    },
    /// The ratio is no ratio of a share.
    #[error(
        "a split of {numerator} for {denominator} turns {held} {contract} into more than books count: correct the line"
    )]
    TooMany {
        /// Name of the contract.
        contract: String,
        /// Quantity before the split.
        held: Quantity,
        /// New shares.
        numerator: u32,
        /// Old shares.
        denominator: u32,
    },
    /// Exchanges change the terms of a future, they do not split it.
    #[error("{0} is a future and cannot be split: adjust the position by hand")]
    FutureSplit(String),
    /// The successor has another currency, multiplier or settlement.
    #[error("{contract} cannot go on as {successor}, which has other terms: adjust both positions by hand")]
    OtherTerms {
        /// Name of the contract that ends.
        contract: String,
        /// Name of the one it should become.
        successor: String,
    },
    /// A future enters the books at a price, and an adjustment has none.
    #[error("an adjustment can only reduce the future {0}: book the execution that opened it")]
    FutureOpened(String),
    /// Quantity of nothing.
    #[error("an adjustment of a quantity must name its contract")]
    NoContract,
}
