//! What was about to be sent, as the journal keeps it.
//!
//! In: what a permit released. Out: plain data that a journal stores and reads. Invariant: nothing here can be sent: what
//! leaves is a [`Sendable`], which is not read from anywhere.

use domain::{ContractId, OrderRef, OrderType, Price, Quantity, Side};
use risk::{Sendable, SendableOrder};
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
    },
    /// Cancel the working order.
    Cancel {
        /// Identity.
        order_ref: OrderRef,
    },
}

impl From<&Sendable> for Command {
    fn from(sendable: &Sendable) -> Self {
        let terms = |order: &SendableOrder| {
            (order.order_ref(), order.contract(), order.side(), order.quantity(), order.limit())
        };
        match sendable {
            Sendable::Place(order) => {
                let (order_ref, contract, side, quantity, limit) = terms(order);
                Command::Place { order_ref, contract, side, quantity, order_type: order.order_type(), limit }
            }
            Sendable::Replace(order) => {
                let (order_ref, contract, side, quantity, limit) = terms(order);
                Command::Replace { order_ref, contract, side, quantity, limit }
            }
            Sendable::PlaceSpread(_) | Sendable::ReplaceSpread(_) => unreachable!("no parent works a spread"),
            Sendable::Cancel { order_ref } => Command::Cancel { order_ref: *order_ref },
        }
    }
}
