//! What may be handed to a broker.
//!
//! In: a permit. Out: an order with its terms. Invariant: a new or changed order comes from
//! [`Permit::release`](super::Permit::release) and from nowhere else; whoever holds one can read and send it, not make one.

use domain::{ContractId, OrderRef, OrderType, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;

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

    /// Worst price, in the major unit, on the tick grid.
    pub fn limit(&self) -> Price {
        self.limit
    }
}

/// A calendar spread inside the permits of its two legs: buying it buys `far` and sells `near`. It cannot be made up either:
///
/// ```compile_fail,E0451
/// fn forged(near: domain::ContractId, far: domain::ContractId) -> risk::SendableSpread {
///     let order_ref = "AF-a1b2c3-20251208-001-01".parse().unwrap();
///     let (side, quantity) = (domain::Side::Buy, domain::Quantity::whole(1));
///     let (limit, expires) = (Default::default(), jiff::Timestamp::MAX);
///     risk::SendableSpread { order_ref, near, far, side, quantity, limit, expires }
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SendableSpread {
    pub(super) order_ref: OrderRef,
    pub(super) near: ContractId,
    pub(super) far: ContractId,
    pub(super) side: Side,
    pub(super) quantity: Quantity,
    pub(super) limit: Decimal,
    pub(super) expires: Timestamp,
}

impl SendableSpread {
    /// Our identity of it.
    pub fn order_ref(&self) -> OrderRef {
        self.order_ref
    }

    /// The contract that ends first, and the one that ends later.
    pub fn legs(&self) -> (ContractId, ContractId) {
        (self.near, self.far)
    }

    /// Which way.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How many spreads, positive.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// Worst price of `far` less that of `near`, in the major unit.
    pub fn limit(&self) -> Decimal {
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
    /// A new calendar spread.
    PlaceSpread(SendableSpread),
    /// New terms for a working calendar spread.
    ReplaceSpread(SendableSpread),
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
            Sendable::PlaceSpread(spread) | Sendable::ReplaceSpread(spread) => spread.order_ref,
            Sendable::Cancel { order_ref } => *order_ref,
        }
    }

    /// From when on it must not leave any more; a cancel always may.
    pub fn expires(&self) -> Option<Timestamp> {
        match self {
            Sendable::Place(order) | Sendable::Replace(order) => Some(order.expires),
            Sendable::PlaceSpread(spread) | Sendable::ReplaceSpread(spread) => Some(spread.expires),
            Sendable::Cancel { .. } => None,
        }
    }
}
