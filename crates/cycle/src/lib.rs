//! One trading day, pure.
//!
//! In: the day's inputs as one value, later events. Out: one plan, then effects. Invariant: the same
//! inputs give the same plan bit for bit; nothing is sent before its record is durable; the act
//! phase adds prices and timing to the plan, or tightens it, and decides nothing else.

pub mod approval;
pub mod believed;
pub mod decide;
pub mod entry;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod hedges;
pub mod inputs;
pub mod memory;
pub mod names;
pub mod operator;
pub mod plan;
pub mod replay;
pub mod session;
pub mod setup;
pub mod store;
pub mod versions;

pub use believed::Believed;
pub use decide::{decide, decide_in, decide_into, margin_needed, settle_premium};
pub use entry::Entry;
pub use inputs::{Borrowable, DayInputs, Doubts, Margin, RecordedInputs};
pub use memory::Memory;
pub use names::Names;
pub use operator::{Directive, Instruction, Latch, Standing};
pub use plan::{DayPlan, PlanTable, RiskDecision};
pub use session::{Effect, Event, Room, Session};
pub use setup::{Policy, Setup};
