//! How permits become orders, without I/O.
//!
//! In: a permit, quotes, what the broker says, now. Out: order commands and deadlines. Invariant:
//! one transition table for every order; filled plus working never exceeds the permit; quantities
//! come from executions alone.

pub mod command;
pub mod costs;
pub mod order;
pub mod pair;
pub mod parent;
pub mod policy;

pub use command::Command;
pub use costs::Worked;
pub use order::{Order, OrderSignal, OrderState};
pub use pair::{Pair, PairPolicy, PairState};
pub use parent::{Moment, OverExecuted, Parent, ParentState, PlannedOrder, spread_left, step_spread};
pub use policy::{ExecutionPolicy, Style, Urgency};
