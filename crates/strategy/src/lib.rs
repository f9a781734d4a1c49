//! What we want to hold.
//!
//! In: configured sleeves, signals, the book. Out: target weights, whole-lot quantities, currency
//! hedges, the contract of a chain to hold. Invariant: targets only; nothing here sends or gates.

pub mod factor_screen;
pub mod factors;
pub mod fx_hedge;
pub mod rolls;
pub mod screen_list;
pub mod sizing;
pub mod sleeves;
pub mod tail_hedge;

pub use factor_screen::{Observed, ScreenPolicy, ScreenSide};
pub use factors::{Candidate, Evidence, Factor, Metric};
pub use fx_hedge::{FxHedgePolicy, HedgeDecision, HedgeRule};
pub use rolls::{RollDates, RollPolicy};
pub use screen_list::{Rescreen, ScreenList};
pub use sizing::RebalancePolicy;
pub use sleeves::{Sleeve, SleeveKind};
pub use tail_hedge::{HedgePlan, HedgeState, Listings, TailHedgePolicy};
