//! The crash campaign: real processes, real kills, and a judge who believes only what the broker wrote down.
//!
//! In: the program, a point of its table, a downtime. Out: violations, each with the command that shows it again.
//! Invariant: nothing here uses a crate of the engine; it is driven by its command line and judged by its files.

pub mod campaign;
pub mod episode;
pub mod gateway;
pub mod oracle;
pub mod worlds;
