//! What was about to be sent, as the journal keeps it.
//!
//! In: what a permit released. Out: plain data that a journal stores and reads. Invariant: nothing here can be sent: what
//! leaves is a [`Sendable`], which is not read from anywhere.

use domain::{ContractId, OrderRef, OrderType, Price, Quantity, Side};
use risk::{Sendable, SendableOrder};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What the broker was about to be told, as the journal keeps it. It tells a story and can be sent to nobody: what leaves
/// is a [`Sendable`], which only a permit makes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Place a new order.
    Place {
        /// Identity.
        order_ref: OrderRef,
        /// What.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// How much.
        quantity: Quantity,
        /// Limit in continuous trading, or limit on close.
        order_type: OrderType,
        /// Worst price.
        limit: Price,
        /// Bid and ask it was made of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touch: Option<(Price, Price)>,
        /// The most it might be by what had traded in the session so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume_left: Option<Quantity>,
    },
    /// Change the limit of the working order.
    Replace {
        /// Identity.
        order_ref: OrderRef,
        /// What.
        contract: ContractId,
        /// Which way.
        side: Side,
        /// Its whole quantity, unchanged.
        quantity: Quantity,
        /// The new worst price.
        limit: Price,
        /// Bid and ask it was made of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touch: Option<(Price, Price)>,
    },
    /// Place a new calendar spread: buying it buys `far` and sells `near`.
    PlaceSpread {
        /// Identity, of the order of `near`.
        order_ref: OrderRef,
        /// The contract that ends first.
        #[serde(rename = "near_contract")]
        near: ContractId,
        /// The contract that ends later.
        #[serde(rename = "far_contract")]
        far: ContractId,
        /// Which way.
        side: Side,
        /// How many of each.
        quantity: Quantity,
        /// Worst price of `far` less that of `near`.
        limit: Decimal,
    },
    /// Change the limit of the working calendar spread.
    ReplaceSpread {
        /// Identity.
        order_ref: OrderRef,
        /// The contract that ends first.
        #[serde(rename = "near_contract")]
        near: ContractId,
        /// The contract that ends later.
        #[serde(rename = "far_contract")]
        far: ContractId,
        /// Which way.
        side: Side,
        /// Its whole quantity, unchanged.
        quantity: Quantity,
        /// The new worst price of `far` less that of `near`.
        limit: Decimal,
    },
    /// Cancel the working order.
    Cancel {
        /// Identity.
        order_ref: OrderRef,
    },
}

impl Command {
    /// The same with the bid and ask its limit was made of, and what the volume so far left of its size.
    #[must_use]
    pub fn made_of(mut self, quote: Option<(Price, Price)>, left: Option<Quantity>) -> Command {
        if let Command::Place { touch, .. } | Command::Replace { touch, .. } = &mut self {
            *touch = quote;
        }
        if let Command::Place { volume_left, .. } = &mut self {
            *volume_left = left;
        }
        self
    }

    /// The order it is about.
    pub fn order_ref(&self) -> OrderRef {
        match *self {
            Command::Place { order_ref, .. }
            | Command::Replace { order_ref, .. }
            | Command::PlaceSpread { order_ref, .. }
            | Command::ReplaceSpread { order_ref, .. }
            | Command::Cancel { order_ref } => order_ref,
        }
    }
}

impl From<&Sendable> for Command {
    fn from(sendable: &Sendable) -> Self {
        let terms = |order: &SendableOrder| {
            (order.order_ref(), order.contract(), order.side(), order.quantity(), order.limit())
        };
        match sendable {
            Sendable::Place(order) => {
                let (order_ref, contract, side, quantity, limit) = terms(order);
                let order_type = order.order_type();
                Command::Place {
                    order_ref,
                    contract,
                    side,
                    quantity,
                    order_type,
                    limit,
                    touch: None,
                    volume_left: None,
                }
            }
            Sendable::Replace(order) => {
                let (order_ref, contract, side, quantity, limit) = terms(order);
                Command::Replace { order_ref, contract, side, quantity, limit, touch: None }
            }
            Sendable::PlaceSpread(spread) => {
                let (order_ref, (near, far), side) = (spread.order_ref(), spread.legs(), spread.side());
                Command::PlaceSpread { order_ref, near, far, side, quantity: spread.quantity(), limit: spread.limit() }
            }
            Sendable::ReplaceSpread(spread) => {
                let (order_ref, (near, far), side) = (spread.order_ref(), spread.legs(), spread.side());
                Command::ReplaceSpread {
                    order_ref,
                    near,
                    far,
                    side,
                    quantity: spread.quantity(),
                    limit: spread.limit(),
                }
            }
            Sendable::Cancel { order_ref } => Command::Cancel { order_ref: *order_ref },
        }
    }
}
