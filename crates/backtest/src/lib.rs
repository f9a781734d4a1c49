//! Research: the live decision, gate, permits, tickets and ledger over history.
//!
//! In: a simulated world, or a panel of opens and closes. Out: what the engine did there, day by day. Invariant: the same
//! `decide` and `Session` as a live day; only the adapters differ, and they decide nothing.

pub mod files;
pub mod lookahead;
pub mod next_session;
pub mod page;
pub mod result;
pub mod statistics;
pub mod sweep;
pub mod table;
pub mod tear_sheet;
pub mod workload;
pub mod world;

pub use next_session::{NextSession, Outcome};
pub use world::{ResearchJournal, SimBroker, SimClock, SimStatements, SimWorld};
