//! What a client may tell the simulated broker, and what the broker tells it.
//!
//! In: orders as a client words them. Out: commands that can be recorded and replayed, and events in the order they
//! happened. Invariant: every command is answered by at least one event to the client that gave it, except a global
//! cancel and an end of subscription, which may have nothing to say.

use crate::{ExecutionView, Intervention, OrderView};
use domain::{ContractId, ExecutionId, InstrumentId, Money, OptionKey, OrderType, Quantity, Side, TimeInForce};
use jiff::Timestamp;
use market::Quote;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// One order as a client words it, prices in the major unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimOrder {
    /// The client's number for it, unique per client.
    pub order_id: i32,
    /// The client's own text.
    pub order_ref: String,
    /// What; of a spread the leg that is bought when it is bought.
    pub contract: ContractId,
    /// The other leg of a spread, one for one; `None` for an order in one contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<ContractId>,
    /// Which way.
    pub side: Side,
    /// How much; anything but a positive number of lots is rejected.
    pub quantity: Quantity,
    /// Limit or limit on close.
    pub order_type: OrderType,
    /// Worst price; of a spread that of `contract` less that of `against`, be it zero or below. Off the tick grid it is
    /// rejected.
    pub limit: Decimal,
    /// How long it lives.
    pub tif: TimeInForce,
    /// False keeps it at the broker, accepted but not sent, until it is modified to true.
    pub transmit: bool,
}

impl SimOrder {
    /// The limit in the units of a price; zero, which no price is, for one beyond them.
    pub(crate) fn limit_mantissa(&self) -> i64 {
        (self.limit * Decimal::from(100_000_000)).to_i64().unwrap_or_default()
    }
}

/// Everything that changes a world, as a value: recorded and applied again in order, it rebuilds the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// [`Simulation::place`](crate::Simulation::place).
    Place {
        /// Who.
        client: i32,
        /// The order.
        order: SimOrder,
    },
    /// [`Simulation::modify`](crate::Simulation::modify).
    Modify {
        /// Who.
        client: i32,
        /// The order in its new form.
        order: SimOrder,
    },
    /// [`Simulation::cancel`](crate::Simulation::cancel).
    Cancel {
        /// Who.
        client: i32,
        /// Which of the client's orders.
        order_id: i32,
    },
    /// [`Simulation::global_cancel`](crate::Simulation::global_cancel).
    GlobalCancel,
    /// [`Simulation::subscribe`](crate::Simulation::subscribe).
    Subscribe {
        /// Who.
        client: i32,
        /// What.
        contract: ContractId,
    },
    /// [`Simulation::unsubscribe`](crate::Simulation::unsubscribe).
    Unsubscribe {
        /// Who.
        client: i32,
        /// What.
        contract: ContractId,
    },
    /// [`Simulation::list_option`](crate::Simulation::list_option).
    List {
        /// The root of the chain.
        root: InstrumentId,
        /// Which of its options.
        key: OptionKey,
    },
    /// [`Simulation::advance_to`](crate::Simulation::advance_to).
    AdvanceTo {
        /// The new time.
        at: Timestamp,
    },
    /// [`Simulation::intervene`](crate::Simulation::intervene).
    Intervene {
        /// What happens.
        intervention: Intervention,
    },
}

/// Something a client is told.
#[derive(Clone, Debug, PartialEq)]
pub struct SimEvent {
    /// Who is told: the owner of the order, or the subscriber.
    pub client: i32,
    /// What happened.
    pub kind: SimEventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum SimEventKind {
    /// The order, new or modified, is known to the broker: an open order with its status.
    Accepted(OrderView),
    /// The order's status or filled quantity changed.
    Status(OrderView),
    /// A part of the order was executed.
    Execution(ExecutionView),
    /// What an execution cost; follows it.
    Commission {
        /// Which.
        execution: ExecutionId,
        /// The charge.
        amount: Money,
        /// Profit or loss the execution realised after commissions, in the contract's currency.
        realized: Decimal,
    },
    /// The command about this order was refused; an order that was already working stays as it was.
    Rejected {
        /// The client's number of the order.
        order_id: i32,
        /// The broker's code: 103 to 105, 110, 113, 200, 201, 10147 or 10148.
        code: i32,
        /// The broker's words.
        text: String,
    },
    /// The order is dead; its status comes with the view.
    Cancelled {
        /// The order in its last state.
        order: OrderView,
        /// The broker's code, 202.
        code: i32,
        /// The broker's words, with the reason.
        text: String,
    },
    /// The quote of a subscribed contract, at the subscription and whenever time has moved and the quote with it.
    Tick {
        /// Of what.
        contract: ContractId,
        /// Its quote now.
        quote: Quote,
    },
}
