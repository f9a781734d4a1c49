//! What is wrong with a rate, in data and in words.
//!
//! In: what the board saw. Out: sentences. Invariant: whoever reads it learns what happened, what it means and what
//! happens next.

use super::RateSource;
use domain::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One thing the board found about a currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FxFinding {
    /// The currency.
    pub currency: Currency,
    /// What is wrong.
    #[serde(flatten)]
    pub problem: FxProblem,
}

/// What can be wrong with a rate. Rates are units of base for one unit of the currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum FxProblem {
    /// Older than is usual; it is used.
    Aged { source: RateSource, open_hours: i64, limit: i64 },
    /// Too old for new risk.
    TooOld { source: RateSource, open_hours: i64, limit: i64 },
    /// The calendar does not reach its time, so its age is unknown.
    AgeUnknown { source: RateSource },
    /// Zero or negative.
    NotPositive { source: RateSource, rate: Decimal },
    /// The other way round.
    Inverted { source: RateSource, rate: Decimal, last: Decimal },
    /// Moves further than it may and nobody confirms it.
    Jump { source: RateSource, rate: Decimal, last: Decimal },
    /// Two sources say something else, and one of them is stale or wrong.
    Apart { source: RateSource, rate: Decimal, other: RateSource, other_rate: Decimal, gap_bps: i64, limit: i64 },
    /// Three pairs of one source do not fit together.
    Triangle { other: Currency, gap_bps: i64, limit: i64 },
}

impl FxFinding {
    /// True when the currency takes no new risk.
    pub fn forbids_risk(&self) -> bool {
        !matches!(self.problem, FxProblem::Aged { .. } | FxProblem::NotPositive { .. })
    }

    /// What happened, what it means, what happens next.
    pub fn sentence(&self) -> String {
        let currency = self.currency;
        let next = format!("{currency} takes no new risk until a rate is good again");
        match &self.problem {
            FxProblem::Aged { source, open_hours, limit } => format!(
                "{currency}: {source} is {open_hours} h old in open market hours, more than {limit}; it is used, refresh the rates"
            ),
            FxProblem::TooOld { source, open_hours, limit } => {
                format!("{currency}: {source} is {open_hours} h old in open market hours, more than {limit}; {next}")
            }
            FxProblem::AgeUnknown { source } => {
                format!(
                    "{currency}: the FX calendar does not reach the time of {source}, so its age is unknown; {next}"
                )
            }
            FxProblem::NotPositive { source, rate } => {
                format!("{currency}: {source} is {rate}, which is no rate; it is ignored")
            }
            FxProblem::Inverted { source, rate, last } => format!(
                "{currency}: {source} is {}, the inverse of {}; what is held stays valued at the latter and {next}",
                shown(*rate),
                shown(*last)
            ),
            FxProblem::Jump { source, rate, last } => format!(
                "{currency}: {source} is {}, {:+.1} % from {}, and no second source or session confirms it; what is held stays \
                 valued at the latter and {next}",
                shown(*rate),
                (rate / last - Decimal::ONE) * Decimal::ONE_HUNDRED,
                shown(*last)
            ),
            FxProblem::Apart { source, rate, other, other_rate, gap_bps, limit } => format!(
                "{currency}: {source} is {} and {other} says {}, {gap_bps} bp apart, more than {limit}: one of them is stale or \
                 wrong; what is held stays valued at the former and {next}",
                shown(*rate),
                shown(*other_rate)
            ),
            FxProblem::Triangle { other, gap_bps, limit } => format!(
                "{currency}: its pair with {other} and both rates to base are {gap_bps} bp apart, more than {limit}; one of the \
                 three is wrong and {next}"
            ),
        }
    }
}

fn shown(rate: Decimal) -> Decimal {
    rate.round_dp(8).normalize()
}
