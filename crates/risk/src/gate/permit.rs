//! The envelope an order must stay in.
//!
//! In: what the gate granted. Out: children the order manager may send. Invariant: filled plus
//! working never exceeds the granted quantity; a limit never passes the collar; no copy, no
//! constructor outside the gate, nothing to deserialise.

use super::Purpose;
use super::sendable::{SendableOrder, SendableSpread};
use crate::Collar;
use domain::{ContractId, OrderRef, OrderType, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// Permission to trade one contract, one way, up to a quantity, a price and a time.
///
/// It can be neither made nor copied outside of the gate:
///
/// ```compile_fail,E0599
/// fn copy(permit: &risk::Permit) -> risk::Permit {
///     permit.clone()
/// }
/// ```
///
/// ```compile_fail,E0423
/// let forged = risk::Permit(panic!());
/// ```
#[derive(Debug, PartialEq)]
pub struct Permit(Envelope);

#[derive(Debug, PartialEq)]
pub(super) struct Envelope {
    pub(super) contract: ContractId,
    pub(super) side: Side,
    pub(super) order_type: OrderType,
    pub(super) quantity_max: Quantity,
    pub(super) order_quantity_max: Quantity,
    pub(super) orders_max: u32,
    pub(super) reference: Price,
    pub(super) collar: Collar,
    pub(super) expires: Timestamp,
    pub(super) purpose: Purpose,
}

impl Permit {
    pub(super) fn new(envelope: Envelope) -> Self {
        assert!(envelope.quantity_max > Quantity::ZERO && envelope.order_quantity_max > Quantity::ZERO);
        Permit(envelope)
    }

    /// What may be traded.
    pub fn contract(&self) -> ContractId {
        self.0.contract
    }

    /// Which way.
    pub fn side(&self) -> Side {
        self.0.side
    }

    /// How much in all.
    pub fn quantity_max(&self) -> Quantity {
        self.0.quantity_max
    }

    /// How much in one order.
    pub fn order_quantity_max(&self) -> Quantity {
        self.0.order_quantity_max
    }

    /// How many orders may be made under it.
    pub fn orders_max(&self) -> u32 {
        self.0.orders_max
    }

    /// Limit in continuous trading, or limit on close.
    pub fn order_type(&self) -> OrderType {
        self.0.order_type
    }

    /// The price it was judged by: the mid, or what an auction was priced from.
    pub fn reference(&self) -> Price {
        self.0.reference
    }

    /// Arrival mid and worst price.
    pub fn collar(&self) -> Collar {
        self.0.collar
    }

    /// From when on nothing may work.
    pub fn expires(&self) -> Timestamp {
        self.0.expires
    }

    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Makes one order inside the envelope; `committed` is what other orders under this permit have executed or may
    /// still execute.
    ///
    /// # Panics
    /// When the order would leave the envelope: that is a bug of the order manager, and no order of it may go.
    pub fn release(
        &self,
        order_ref: OrderRef,
        committed: Quantity,
        quantity: Quantity,
        limit: Price,
        now: Timestamp,
    ) -> SendableOrder {
        self.assert_covers(committed, quantity, limit, now);
        let Envelope { contract, side, order_type, expires, .. } = self.0;
        SendableOrder { order_ref, contract, side, quantity, order_type, limit, expires }
    }

    /// Makes one calendar spread inside the permits of its two legs, near and far, each with what other orders under it
    /// have executed. They trade opposite ways: buying the spread buys `far`.
    ///
    /// # Panics
    /// When a leg would leave its envelope, or the limit is worse than both collars together allow.
    pub fn release_spread(
        legs: [(&Permit, Quantity); 2],
        order_ref: OrderRef,
        quantity: Quantity,
        limit: Decimal,
        now: Timestamp,
    ) -> SendableSpread {
        let [near, far] = legs.map(|(permit, _)| permit);
        let side = far.side();
        assert!(near.side() != side && near.contract() != far.contract(), "the legs of a spread trade opposite ways");
        for (leg, committed) in legs {
            leg.assert_covers(committed, quantity, leg.collar().worst, now);
        }
        let worst = far.collar().worst.to_decimal() - near.collar().worst.to_decimal();
        let holds = if side == Side::Buy { limit <= worst } else { limit >= worst };
        assert!(holds, "limit {limit} beyond what the collars of both legs allow, {worst}");
        let expires = near.expires().min(far.expires());
        SendableSpread { order_ref, near: near.contract(), far: far.contract(), side, quantity, limit, expires }
    }

    fn assert_covers(&self, committed: Quantity, child: Quantity, limit: Price, now: Timestamp) {
        assert!(child > Quantity::ZERO && child <= self.0.order_quantity_max, "child order size {child}");
        assert!(committed + child <= self.0.quantity_max, "children {committed} + {child} exceed the parent");
        assert!(self.0.collar.holds(limit, self.0.side), "limit {limit} beyond the collar {:?}", self.0.collar);
        assert!(now < self.0.expires, "permit expired at {}", self.0.expires);
    }
}
