//! One event with its time and its identity.
//!
//! In: events as their sources tell them. Out: what can be put in order. Invariant: the order of postings is total:
//! time, then identity, and what is taken back before what comes in its place.

use crate::{ContractId, ExecutionId, Fill, LedgerEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something in the books' open period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posting {
    at: Timestamp,
    /// Identity of what is no execution.
    line: Option<String>,
    event: LedgerEvent,
}

impl Posting {
    pub(super) fn of(at: Timestamp, line: Option<String>, event: LedgerEvent) -> Posting {
        Posting { at, line, event }
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What happened.
    pub fn event(&self) -> &LedgerEvent {
        &self.event
    }

    pub(super) fn key(&self) -> (Timestamp, &str, bool) {
        match (&self.event, &self.line) {
            (LedgerEvent::Fill(fill), _) => (self.at, &fill.execution.0, true),
            (LedgerEvent::Reversal(fill), _) => (self.at, &fill.execution.0, false),
            (_, line) => (self.at, line.as_deref().unwrap_or_default(), true),
        }
    }

    /// True when it is all one which of two is applied first.
    pub(super) fn commutes_with(&self, other: &Posting) -> bool {
        let ours = self.event.contracts();
        !other.event.contracts().into_iter().flatten().any(|contract| ours.contains(&Some(contract)))
    }

    pub(super) fn is_fill(&self, execution: &ExecutionId) -> bool {
        matches!(&self.event, LedgerEvent::Fill(fill) if fill.execution == *execution)
    }

    pub(super) fn into_fill(self) -> Option<Fill> {
        if let LedgerEvent::Fill(fill) = self.event { Some(fill) } else { None }
    }

    pub(super) fn rekeyed(self, key: impl Fn(ContractId) -> Option<ContractId>) -> Result<Posting, ContractId> {
        Ok(Posting { event: self.event.rekeyed(key)?, ..self })
    }
}
