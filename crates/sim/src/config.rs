//! What a simulated world is made of.
//!
//! In: universe, calendars, where prices come from, and the account's first deposit. Out: a value to build a
//! `Simulation` from. Invariant: nothing else influences the world, so an equal configuration is an equal world.

use crate::{AccountEvents, PriceList, Scenario};
use domain::{Currency, Mic, Money, PerContract, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use market::Bar;
use market::calendar::{Calendars, NoCalendar, OutsideCoverage};
use std::sync::Arc;

/// Where prices come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Prices {
    /// The factor model, calm until `first_day` and as the scenario says from then on.
    Simulated {
        /// What happens from the first day.
        scenario: Scenario,
        /// Chooses one of the many histories of the scenario.
        seed: u64,
        /// The first day of the scenario; at least 420 weekdays of history come before it.
        first_day: Date,
    },
    /// Daily bars of the past, oldest first and one per date. A day without a bar has no trading in that contract.
    Replay {
        /// The bars of each contract, in the major unit.
        series: PerContract<Vec<Bar>>,
    },
}

/// Everything a simulated world depends on.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// What can be quoted, held and traded.
    pub universe: Arc<Universe>,
    /// When the venues of the universe trade; each of them needs a calendar.
    pub calendars: Arc<Calendars>,
    /// Where prices come from.
    pub prices: Prices,
    /// Chooses displayed sizes, volumes and the way a replayed bar is walked through.
    pub seed: u64,
    /// Virtual time at the beginning.
    pub start: Timestamp,
    /// Base currency of the account.
    pub base: Currency,
    /// Account number, such as `DU1234567`.
    pub account: String,
    /// Cash of the account at the beginning.
    pub deposit: Money,
    /// What happens to the account outside of orders.
    pub events: AccountEvents,
    /// What orders cost.
    pub price_list: PriceList,
}

/// Why a world cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// A venue of the universe has no calendar.
    #[error(transparent)]
    NoCalendar(#[from] NoCalendar),
    /// A calendar does not reach the start.
    #[error(transparent)]
    OutsideCoverage(#[from] OutsideCoverage),
    /// The history before the first simulated day would begin before a venue's calendar does.
    #[error(
        "the calendar of {mic} begins on {first}, but history before {first_day} is simulated from {wanted}; \
         choose a later first day"
    )]
    NoHistory {
        /// The venue.
        mic: Mic,
        /// First day its calendar knows.
        first: Date,
        /// The first simulated day asked for.
        first_day: Date,
        /// First day of the history it needs.
        wanted: Date,
    },
    /// Something in this currency could not be valued in the base currency.
    #[error(
        "no instrument quotes {currency} against {base}; add {currency}.{base} or {base}.{currency} to the universe"
    )]
    NoRate {
        /// The currency without a rate.
        currency: Currency,
        /// The base currency.
        base: Currency,
    },
    /// The pair that values a currency has no price at the start.
    #[error(
        "{contract} has no price by {start}, so its currency cannot be valued; start later or give it earlier bars"
    )]
    NoPrice {
        /// The pair's contract name.
        contract: String,
        /// Virtual time at the beginning.
        start: Timestamp,
    },
    /// The replayed series are not one per contract of the universe.
    #[error(
        "{series} replayed series were given for {contracts} contracts; give one per contract, empty where there is none"
    )]
    SeriesCount {
        /// Series given.
        series: usize,
        /// Contracts of the universe.
        contracts: usize,
    },
    /// Bars of a series do not follow each other in time.
    #[error(
        "the replayed series of {contract} has a bar of {date} that is not after the one before it; sort it and keep one bar a day"
    )]
    SeriesOrder {
        /// The contract's name.
        contract: String,
        /// Date of the bar out of order.
        date: Date,
    },
}
