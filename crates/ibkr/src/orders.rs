//! Our order references and the broker's two ids of the same order, and orders in the broker's words.
//!
//! In: order requests, and what the broker says of orders. Out: numeric ids, wire orders, statuses. Invariant:
//! an order id is used once, and an order of another client is never addressed by its number.

use crate::convert;
use domain::{Instrument, OrderRef, OrderStatus, OrderType, Quantity, QuoteUnit, Side, TimeInForce};
use ibapi::orders::{Action, Order, OrderData, OrderStatusKind};
use ports::{OrderRequest, SpreadRequest};
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// What is known of one of our orders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) order_id: i32,
    /// Zero until the broker has given one.
    pub(crate) perm_id: i64,
    /// The last status handed to the engine.
    pub(crate) told: Option<(OrderStatus, Quantity)>,
}

/// Every order of ours this session knows.
#[derive(Debug, Default)]
pub(crate) struct OrderBook {
    high_water: i32,
    orders: BTreeMap<OrderRef, Known>,
    by_order_id: BTreeMap<i32, OrderRef>,
}

impl OrderBook {
    /// A book that gives out ids above `high_water` only.
    pub(crate) fn new(high_water: i32) -> OrderBook {
        OrderBook { high_water, ..OrderBook::default() }
    }

    /// The highest order id used so far.
    pub(crate) fn high_water(&self) -> i32 {
        self.high_water
    }

    /// Never gives out `order_id` or less again.
    pub(crate) fn raise(&mut self, order_id: i32) {
        self.high_water = self.high_water.max(order_id);
    }

    /// A fresh id for a new order.
    ///
    /// # Panics
    /// When the reference has been placed before: two live orders would share one identity.
    pub(crate) fn open(&mut self, order_ref: OrderRef) -> i32 {
        assert!(!self.orders.contains_key(&order_ref), "{order_ref} was placed before; an attempt is placed once");
        let order_id = self.number();
        self.link(order_ref, order_id);
        order_id
    }

    /// A fresh id that no order of ours will have.
    pub(crate) fn number(&mut self) -> i32 {
        self.high_water += 1;
        self.high_water
    }

    /// Forgets an order that certainly never left; its id stays used.
    pub(crate) fn withdraw(&mut self, order_ref: OrderRef) {
        if let Some(known) = self.orders.remove(&order_ref) {
            self.by_order_id.remove(&known.order_id);
        }
    }

    pub(crate) fn get(&self, order_ref: OrderRef) -> Option<Known> {
        self.orders.get(&order_ref).copied()
    }

    pub(crate) fn by_order_id(&self, order_id: i32) -> Option<OrderRef> {
        self.by_order_id.get(&order_id).copied()
    }

    /// Takes an open order of the broker into the book, when it is ours and this client's.
    pub(crate) fn learn(&mut self, data: &OrderData, client_id: i32) -> Option<OrderRef> {
        if data.order.client_id != client_id {
            return None;
        }
        self.raise(data.order_id);
        let order_ref: OrderRef = data.order.order_ref.parse().ok()?;
        if self.by_order_id(data.order_id) != Some(order_ref) {
            self.link(order_ref, data.order_id);
        }
        Some(order_ref)
    }

    /// Notes the broker's permanent id; true when it is news.
    pub(crate) fn acknowledge(&mut self, order_ref: OrderRef, perm_id: i64) -> bool {
        match self.orders.get_mut(&order_ref) {
            Some(known) if perm_id != 0 && known.perm_id != perm_id => {
                known.perm_id = perm_id;
                true
            }
            _ => false,
        }
    }

    /// Notes a status; true when it is news. The broker repeats itself, above all after a snapshot.
    pub(crate) fn tell(&mut self, order_ref: OrderRef, status: OrderStatus, filled: Quantity) -> bool {
        let Some(known) = self.orders.get_mut(&order_ref) else { return false };
        known.told.replace((status, filled)) != Some((status, filled))
    }

    fn link(&mut self, order_ref: OrderRef, order_id: i32) {
        if let Some(earlier) = self.orders.insert(order_ref, Known { order_id, perm_id: 0, told: None }) {
            self.by_order_id.remove(&earlier.order_id);
        }
        self.by_order_id.insert(order_id, order_ref);
    }
}

/// The wire order of a request.
pub(crate) fn wire_order(request: &OrderRequest, instrument: &Instrument, account: &str) -> Order {
    let OrderRequest { order_ref, side, quantity, time_in_force, .. } = *request;
    Order {
        order_type: match request.order_type {
            OrderType::Lmt => "LMT".to_owned(),
            OrderType::Loc => "LOC".to_owned(),
        },
        limit_price: Some(convert::quoted(request.limit, instrument.quote_unit)),
        ..terms(order_ref, side, quantity, time_in_force, account)
    }
}

/// The wire order of a calendar spread.
pub(crate) fn wire_spread(request: &SpreadRequest, unit: QuoteUnit, account: &str) -> Order {
    let SpreadRequest { order_ref, side, quantity, time_in_force, .. } = *request;
    Order {
        order_type: "LMT".to_owned(),
        limit_price: (request.limit * unit.per_major()).to_f64(),
        ..terms(order_ref, side, quantity, time_in_force, account)
    }
}

/// Lifetime, account and reference are always stated, so that no preset of the gateway fills them in.
fn terms(order_ref: OrderRef, side: Side, quantity: Quantity, time_in_force: TimeInForce, account: &str) -> Order {
    assert!(quantity.signum() == 1, "the quantity of {order_ref} must be positive");
    Order {
        action: match side {
            Side::Buy => Action::Buy,
            Side::Sell => Action::Sell,
        },
        total_quantity: quantity.to_f64(),
        tif: match time_in_force {
            TimeInForce::Day => ibapi::orders::TimeInForce::Day,
            TimeInForce::Ioc => ibapi::orders::TimeInForce::ImmediateOrCancel,
        },
        account: account.to_owned(),
        order_ref: order_ref.to_string(),
        transmit: true,
        outside_rth: false,
        ..Order::default()
    }
}

/// The broker's status word as ours; `None` for a word the broker has never documented.
pub(crate) fn status(word: &OrderStatusKind) -> Option<OrderStatus> {
    Some(match word {
        // Not yet at the broker's server.
        OrderStatusKind::ApiPending | OrderStatusKind::PendingSubmit => OrderStatus::PendingSubmit,
        OrderStatusKind::PreSubmitted => OrderStatus::PreSubmitted,
        OrderStatusKind::Submitted => OrderStatus::Submitted,
        OrderStatusKind::PendingCancel => OrderStatus::PendingCancel,
        // Cancelled before the broker acknowledged it.
        OrderStatusKind::ApiCancelled | OrderStatusKind::Cancelled => OrderStatus::Cancelled,
        OrderStatusKind::Filled => OrderStatus::Filled,
        OrderStatusKind::Inactive => OrderStatus::Inactive,
        OrderStatusKind::Unknown(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use domain::Price;
    use rust_decimal::dec;

    fn order_ref(attempt: u16) -> OrderRef {
        format!("AF-a1b2c3-20250707-001-{attempt:02}").parse().expect("a reference")
    }

    fn open_order(order_ref: &str, order_id: i32, client_id: i32, perm_id: i64) -> OrderData {
        let order = Order { client_id, perm_id, order_ref: order_ref.to_owned(), ..Order::default() };
        OrderData { order_id, order, ..OrderData::default() }
    }

    #[test]
    fn a_restarted_engine_finds_its_orders_by_reference_and_never_reuses_a_number() {
        let mut book = OrderBook::new(40);
        assert_eq!(book.open(order_ref(1)), 41);

        let mut after_restart = OrderBook::new(7);
        let found = after_restart.learn(&open_order(&order_ref(1).to_string(), 41, 1, 900), 1);
        assert_eq!(found, Some(order_ref(1)));
        assert!(after_restart.acknowledge(order_ref(1), 900), "the permanent id is news");
        assert!(!after_restart.acknowledge(order_ref(1), 900), "once");
        assert_eq!(after_restart.by_order_id(41), Some(order_ref(1)));
        assert_eq!(after_restart.open(order_ref(2)), 42);
    }

    #[test]
    fn orders_of_other_clients_and_of_people_are_not_ours() {
        let mut book = OrderBook::new(0);
        assert_eq!(book.learn(&open_order(&order_ref(1).to_string(), 41, 2, 900), 1), None, "another client's number");
        assert_eq!(book.learn(&open_order("bought by hand", 12, 1, 901), 1), None);
        assert_eq!(book.by_order_id(41), None);
        assert_eq!(book.high_water(), 12);
    }

    #[test]
    fn an_order_states_everything_a_preset_could_change() {
        let universe = fixture::universe();
        let isf = fixture::contract(&universe, "ISF");
        let request = OrderRequest {
            order_ref: order_ref(1),
            contract: isf,
            side: Side::Sell,
            quantity: Quantity::whole(28_000),
            order_type: OrderType::Loc,
            limit: Price::from_decimal(dec!(8.1235)).expect("a price"),
            time_in_force: TimeInForce::Day,
        };
        let order = wire_order(&request, universe.instrument_of(isf), "DU1");
        assert_eq!(order.limit_price, Some(812.35), "pence on the wire");
        assert_eq!((order.order_type.as_str(), order.tif.as_str()), ("LOC", "DAY"));
        assert_eq!((order.account.as_str(), order.order_ref.as_str()), ("DU1", "AF-a1b2c3-20250707-001-01"));
        assert_eq!((order.total_quantity, order.transmit, order.outside_rth), (28_000.0, true, false));
    }
}
