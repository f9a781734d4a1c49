//! The market that `demo`, `gateway` and research simulate or replay, and what happens to the account in it.
//!
//! In: the command line. Out: where prices come from, what happens by itself, what orders cost, and on the way to a broker what
//! goes wrong. Invariant: without a switch the market is calm, nothing happens to the account and nothing goes wrong.

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use sim::Scenario;
use std::path::PathBuf;

/// Which simulated world.
#[derive(Clone, Debug, Args)]
pub struct MarketArgs {
    /// Seed of the simulated market; the same seed gives the same days.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the simulated market does: calm, decline (of Europe), crash, spike (of volatility).
    #[arg(long, default_value_t = Scenario::Calm, conflicts_with = "catalogue")]
    pub scenario: Scenario,
    /// Replay this catalogue's real history instead; see `data import`.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub catalogue: Option<PathBuf>,
    /// First trade date.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// What happens to the account outside of orders: none, unattended (dividends, taxes, interest, fees, splits), or
    /// realistic (the same, halts of single names, and borrowed shares that are called back).
    #[arg(long, value_enum, default_value_t = AccountEvents::None)]
    pub account_events: AccountEvents,
    /// What orders cost: by IB's fixed price list, or by its tiered one, which falls with what is traded in a month.
    #[arg(long, value_enum, default_value_t = Commissions::Fixed)]
    pub commissions: Commissions,
}

/// What goes wrong on the way to a broker.
#[derive(Clone, Debug, Args)]
pub struct FaultArgs {
    /// What goes wrong: a script with a line each, such as {"at": "2026-03-04T15:00:00Z", "inject": {"missing_nlv": {}}},
    /// or a number, which makes days on which connections, orders and data fail by chance; 7+account lets chance into the
    /// account too (trades by hand, splits, a wrong value), which a person has to look at.
    #[arg(long, value_name = "FILE|SEED")]
    pub faults: Option<String>,
}

impl MarketArgs {
    /// A calm market in which nothing happens by itself.
    pub fn quiet() -> MarketArgs {
        MarketArgs {
            seed: 1,
            scenario: Scenario::Calm,
            catalogue: None,
            from: None,
            account_events: AccountEvents::None,
            commissions: Commissions::Fixed,
        }
    }
}

/// IB's price lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Commissions {
    /// One price with everything in it.
    Fixed,
    /// The broker's part by tier, exchanges and clearing on top.
    Tiered,
}

/// What happens to the simulated account outside of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccountEvents {
    /// Nothing.
    None,
    /// What the books understand by themselves, at usual rates.
    Unattended,
    /// Everything, at usual rates.
    Realistic,
}
