//! Modes of operation: which kinds of order may leave.
//!
//! In: what happened. Out: permission per order purpose. Invariant: modes tighten by themselves and
//! loosen only by a person; the table below is the whole rule.

use crate::gate::Purpose;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Operating mode, tightest last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// Everything within the limits.
    #[default]
    Normal,
    /// Only what lowers risk.
    ReduceOnly,
    /// HALT: cancel and query.
    CancelOnly,
    /// EMERGENCY or kill: cancel and query.
    Frozen,
}

impl Mode {
    /// Whether an order of this purpose may be sent without a person's confirmation.
    pub fn permits(self, purpose: Purpose) -> bool {
        match (self, purpose) {
            (Mode::Normal, _) => true,
            (Mode::ReduceOnly, Purpose::Increase) => false,
            (Mode::ReduceOnly, Purpose::Reduce | Purpose::FxHedge | Purpose::CloseOut) => true,
            (Mode::CancelOnly | Mode::Frozen, _) => false,
        }
    }

    /// The tighter of two modes.
    pub fn tightened_to(self, other: Mode) -> Mode {
        self.max(other)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Normal => "NORMAL",
            Mode::ReduceOnly => "REDUCE_ONLY",
            Mode::CancelOnly => "CANCEL_ONLY",
            Mode::Frozen => "FROZEN",
        })
    }
}
