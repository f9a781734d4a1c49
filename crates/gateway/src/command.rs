//! Everything that can change the simulated world, as values.
//!
//! In: validated requests of clients and of the control. Out: what the desk applies and the record keeps.
//! Invariant: the same commands in the same order on the same simulation give the same executions and ids.

use domain::{OrderType, Price, Quantity, Side, TimeInForce};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An order as its client knows it. Ids are unique per client only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Who placed it.
    pub client_id: i32,
    /// The client's number for it.
    pub order_id: i32,
}

/// The terms of an order, complete and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// The contract by the engine's name.
    pub contract: String,
    /// Buy or sell.
    pub side: Side,
    /// Ordered quantity, positive.
    pub quantity: Quantity,
    /// Limit or limit on close.
    pub order_type: OrderType,
    /// Worst price, in the major unit.
    pub limit: Price,
    /// Lifetime at the venue.
    pub time_in_force: TimeInForce,
    /// The client's reference, empty when it gave none.
    pub order_ref: String,
}

/// One change of the simulated world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// A new order.
    Place {
        /// Whose order.
        #[serde(flatten)]
        key: OrderKey,
        /// What it says.
        #[serde(flatten)]
        terms: OrderTerms,
    },
    /// New terms for a live order.
    Modify {
        /// Whose order.
        #[serde(flatten)]
        key: OrderKey,
        /// What it says from now on.
        #[serde(flatten)]
        terms: OrderTerms,
    },
    /// Cancel a live order.
    Cancel {
        /// Whose order.
        #[serde(flatten)]
        key: OrderKey,
    },
    /// Cancel every live order of every client.
    GlobalCancel {
        /// Who asked.
        client_id: i32,
    },
    /// Let virtual time pass.
    Advance {
        /// Until then.
        to: Timestamp,
    },
}
