//! What the market shows and when it is open, as values.
//!
//! In: quotes, bars, closes, calendar tables. Out: typed quotes, a history that shows only the past,
//! statistics, sessions and windows. Invariant: no decision, no I/O, no clock.

pub mod bar;
pub mod bond_future;
pub mod calendar;
pub mod chain;
pub mod fundamentals;
pub mod fx;
pub mod marks;
pub mod options;
pub mod panel;
pub mod quote;
pub mod statistics;

pub use bar::Bar;
pub use bond_future::{Bond, BondFutureTerms, NoYield};
pub use fundamentals::{Figure, FiscalYear, Fundamentals, Statement};
pub use options::{OptionError, OptionRight, OptionTerms, Underlying, Valuation};
pub use panel::{HistoryView, Panel};
pub use quote::{DataType, Quote, mid};
