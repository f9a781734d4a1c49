//! Exchange rates from several sources, checked against each other, their age and yesterday.
//!
//! In: offered rates with source and time, the last good ones. Out: rates to base for the exact side, what is wrong
//! with each, what to remember. Invariant: an unknown rate is an error; a rate that cannot be trusted values what is
//! held at the last good one and lets no new risk into its currency.

mod board;
mod finding;

pub use board::{FxBoard, FxPolicy, FxTable, LastRate, RateOffer};
pub use finding::{FxFinding, FxProblem};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who says a rate, the most preferred first: the account is valued at the broker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    /// The rate the broker values the account at.
    Account,
    /// The middle of the broker's quote or bar of the pair.
    Mid,
    /// Yahoo's chart of the pair.
    Yahoo,
    /// The last one that was good, from the store.
    LastGood,
}

impl fmt::Display for RateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RateSource::Account => "the account's rate",
            RateSource::Mid => "the broker's mid",
            RateSource::Yahoo => "Yahoo",
            RateSource::LastGood => "the last good rate",
        })
    }
}

#[cfg(test)]
mod tests;
