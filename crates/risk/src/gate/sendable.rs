//! What may be handed to a broker.
//!
//! In: a permit. Out: an order with its terms. Invariant: a new or changed order comes from
//! [`Permit::release`](super::Permit::release) and from nowhere else; whoever holds one can read and send it, not make one.

use domain::{ContractId, OrderRef, OrderType, Price, Quantity, Side};
use jiff::Timestamp;

/// An order inside a permit. It cannot be made up, changed, copied or read from a file:
///
/// ```compile_fail,E0451
/// fn forged(limit: domain::Price) -> risk::SendableOrder {
///     let order_ref = "AF-a1b2c3-20251208-001-01".parse().unwrap();
///     let (contract, side) = (domain::ContractId(0), domain::Side::Buy);
///     let (quantity, order_type) = (domain::Quantity::whole(1), domain::OrderType::Lmt);
///     let expires = jiff::Timestamp::MAX;
///     risk::SendableOrder { order_ref, contract, side, quantity, order_type, limit, expires }
/// }
/// ```
///
/// ```compile_fail,E0616
/// fn enlarged(mut order: risk::SendableOrder) -> risk::SendableOrder {
///     order.quantity = domain::Quantity::whole(1_000_000);
///     order
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn twice(order: &risk::SendableOrder) -> risk::SendableOrder {
///     order.clone()
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn read(text: &str) -> risk::SendableOrder {
///     serde_json::from_str(text).unwrap()
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SendableOrder {
    pub(super) order_ref: OrderRef,
    pub(super) contract: ContractId,
    pub(super) side: Side,
    pub(super) quantity: Quantity,
    pub(super) order_type: OrderType,
    pub(super) limit: Price,
    pub(super) expires: Timestamp,
}

impl SendableOrder {
    /// Our identity of it.
    pub fn order_ref(&self) -> OrderRef {
        self.order_ref
    }

    /// What.
    pub fn contract(&self) -> ContractId {
        self.contract
    }

    /// Which way.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How much, positive.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// Limit or limit on close.
    pub fn order_type(&self) -> OrderType {
        self.order_type
    }

    /// From when on it must not leave any more.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Worst price, in the major unit, on the tick grid.
    pub fn limit(&self) -> Price {
        self.limit
    }
}

/// What a broker can be told.
#[derive(Debug, PartialEq, Eq)]
pub enum Sendable {
    /// A new order.
    Place(SendableOrder),
    /// New terms for a working order.
    Replace(SendableOrder),
    /// The end of a working order; nobody needs leave to take back.
    Cancel {
        /// Which.
        order_ref: OrderRef,
    },
}

impl Sendable {
    /// The order it is about.
    pub fn order_ref(&self) -> OrderRef {
        match self {
            Sendable::Place(order) | Sendable::Replace(order) => order.order_ref,
            Sendable::Cancel { order_ref } => *order_ref,
        }
    }
}
