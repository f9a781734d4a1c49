//! The operator's eyes.
//!
//! In: what a day came to. Out: a report as data and as a page for a terminal. Invariant: shows the
//! engine's own numbers; computes nothing, decides nothing.

pub mod account;
pub mod costs;
pub mod dashboard;
pub mod decisions;
pub mod hedges;
pub mod messages;
pub mod metrics;
pub mod obligations;
pub mod page;
pub mod plan;
pub mod reconciliation;
pub mod report;
pub mod screen;
mod table;

pub use page::page;
pub use report::DayReport;
