//! What the day writes down, typed.
//!
//! In: facts and intents of the day. Out: journal kinds with a version each. Invariant: an intent to
//! send is an entry before it is a command; folding the entries rebuilds the session.

use crate::inputs::RecordedInputs;
use crate::operator::Instruction;
use crate::plan::DayPlan;
use crate::session::Consequence;
use domain::{ContractId, ExecutionId, Fill, LedgerEvent, Money, OrderRef, OrderStatus, Price, Quantity, Side};
use execution::{Command, Pair};
use ports::Connection;
use risk::gate::Refusal;
use risk::{Mode, Regime};
use serde::Serialize;

/// One entry of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum Entry {
    /// The world as the decision saw it.
    Inputs(Box<RecordedInputs>),
    /// The decision.
    Plan(Box<DayPlan>),
    /// Something booked outside of orders: settlement, flow.
    Booked(LedgerEvent),
    /// The gate let an order out at this arrival price, inside this collar, at half this spread; again after a pause at the
    /// reference of that moment, which bounds what one order may be.
    Admitted {
        number: u16,
        arrival: Price,
        worst: Price,
        half_spread: Option<Price>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Price>,
    },
    /// The gate did not let an order out.
    Refused { number: u16, refusals: Vec<Refusal> },
    /// An order that was not in the plan.
    Consequence(Consequence),
    /// The protection of one of the plan's pairs, counted from 0, has come further.
    Pair { pair: u16, protection: Pair },
    /// About to be sent.
    Command(Command),
    /// The broker knows the order.
    Acknowledged { order_ref: OrderRef, perm_id: i64 },
    /// What the broker says of it.
    Status { order_ref: OrderRef, status: OrderStatus, filled: Quantity },
    /// An execution, booked.
    Execution(Fill),
    /// Its charge, booked.
    Commission { execution: ExecutionId, amount: Money },
    /// A code with text.
    Notice { order_ref: Option<OrderRef>, code: i32, text: String },
    /// The link changed.
    Connection { connection: Connection },
    /// A resync was completed.
    Resynced { open_orders: usize, executions: usize },
    /// A person said something, and this is its answer.
    Operator(Instruction),
    /// The mode changed, with the reason.
    Mode { mode: Mode, reason: String },
    /// The watchdog found something: the mode is no looser than this from now on, and a regime has begun.
    Watchdog { code: String, mode: Mode, regime: Option<Regime>, sentence: String },
    /// Something a person should look at today.
    Alert { sentence: String },
    /// Too many orders of a contract and side: no more until a person resumes.
    Latched { contract: ContractId, side: Side },
}

impl Entry {
    /// Kinds that a person should see: what the engine says to one, and what one said.
    pub const SPOKEN: [&'static str; 4] = ["alert", "mode", "operator", "watchdog"];

    /// The journal kind; `versions` has the version of its body.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Inputs(_) => "inputs",
            Entry::Plan(_) => "plan",
            Entry::Booked(_) => "booked",
            Entry::Admitted { .. } => "admitted",
            Entry::Refused { .. } => "refused",
            Entry::Consequence(_) => "consequence",
            Entry::Pair { .. } => "pair",
            Entry::Command(_) => "command",
            Entry::Acknowledged { .. } => "acknowledged",
            Entry::Status { .. } => "order_status",
            Entry::Execution(_) => "execution",
            Entry::Commission { .. } => "commission",
            Entry::Notice { .. } => "notice",
            Entry::Connection { .. } => "connection",
            Entry::Resynced { .. } => "resynced",
            Entry::Operator(_) => "operator",
            Entry::Mode { .. } => "mode",
            Entry::Watchdog { .. } => "watchdog",
            Entry::Alert { .. } => "alert",
            Entry::Latched { .. } => "latched",
        }
    }

    /// The order an entry belongs to.
    pub fn order_ref(&self) -> Option<OrderRef> {
        match self {
            Entry::Command(command) => Some(command.order_ref()),
            Entry::Acknowledged { order_ref, .. } | Entry::Status { order_ref, .. } => Some(*order_ref),
            Entry::Execution(fill) => fill.order,
            Entry::Notice { order_ref, .. } => *order_ref,
            _ => None,
        }
    }
}
