//! Research: the live decision, gate, permits, tickets and ledger over history.
//!
//! In: a panel of opens and closes, a setup. Out: daily NAV and trades. Invariant: the same `decide`
//! and `Session` as a live day; only the driver differs, and it decides nothing.

pub mod next_session;
pub mod workload;

pub use next_session::{NextSession, Outcome};
