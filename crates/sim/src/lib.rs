//! A simulated world: prices, an exchange and one brokerage account, in virtual time.
//!
//! In: a configuration, orders, and the instants to advance to. Out: quotes, daily history, order events, account views.
//! Invariant: everything is a function of the configuration and of the commands with their instants; prices depend on
//! time alone, so no order of asking can change them, and the same commands replayed rebuild the same world.

mod account;
mod admission;
mod asked;
mod board;
mod books;
mod broker;
mod commission;
mod config;
mod events;
mod executions;
mod expiry;
mod exposure;
mod factor_days;
mod factors;
pub mod fundamentals;
mod halts;
mod history;
mod intervention;
mod intraday;
mod levels;
mod liquidity;
mod local;
mod margin;
mod matching;
mod model;
mod options;
mod order;
mod overnight;
mod path;
mod random;
mod roster;
mod scenario;
mod simulation;
mod spreads;
mod statement;
mod tape;
mod tape_options;
mod terms;
mod things;
mod venue;
mod view;
mod way;

pub use commission::PriceList;
pub use config::{Prices, SimConfig, SimError};
pub use events::{AccountEvents, BorrowTerms, DividendTerms, InterestTerms, WithholdingTax};
pub use factor_days::{FactorDay, FactorDays};
pub use intervention::{Impossible, Intervention};
pub use intraday::IntradayBar;
pub use margin::{Impact, Requirement, Unpriced};
pub use matching::Fills;
pub use options::{OptionListing, OptionView};
pub use order::{Command, SimEvent, SimEventKind, SimOrder};
pub use scenario::{Scenario, UnknownScenario};
pub use simulation::Simulation;
pub use statement::{CashKind, DividendAccrual, StatementEntry, StatementItem};
pub use terms::trading_hours;
pub use view::{AccountView, CashRow, ExecutionView, Liquidity, OrderView, PositionView, SpreadFill};
