//! Our books against the broker's facts, layer by layer, each difference with its cause.
//!
//! In: ledger, marks and rates; the broker's positions, cash, marks and net liquidation value. Out: findings and a
//! status. Invariant: a missing, absurd or foreign answer is an emergency, never agreement; nothing here changes the
//! books to make them agree.

mod consequence;
mod explain;
mod facts;
mod finding;
mod layers;
mod rules;
#[cfg(test)]
mod tests;
mod value;

pub use consequence::{Status, Treatment};
pub use explain::{Row, explain};
pub use facts::{
    BrokerCash, BrokerFacts, Dispute, Evidence, ForeignHolding, ListedCharge, ListedExecution, Origin,
    ReconciliationPolicy, ShortOrder, StatementEntry,
};
pub use finding::{Break, Cause, Explanation, Finding, Item, Layer};

use crate::Mode;
use domain::{ContractId, FxRates, Ledger, PerContract, Price, Universe};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use value::Sides;

/// Our side.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// The date that is reconciled.
    pub date: Date,
    /// Cash and positions.
    pub ledger: &'a Ledger,
    /// The marks we believe: a quarantined price is the last good one.
    pub marks: &'a PerContract<Option<Price>>,
    /// The rates we value with.
    pub fx: &'a FxRates,
    /// What the keys mean.
    pub universe: &'a Universe,
}

/// The result of one reconciliation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The worst finding.
    pub status: Status,
    /// NAV − NLV in basis points of NLV, both on the broker's marks; `None` when one of them is unusable.
    pub difference_bp: Option<f64>,
    /// Every difference found, in the order of the layers.
    pub findings: Vec<Finding>,
}

impl Reconciliation {
    /// The mode this result asks for: its status's, and what the causes it found ask for.
    pub fn mode(&self) -> Mode {
        let causes = self.findings.iter().map(consequence::mode_of_causes);
        causes.fold(self.status.mode(), Mode::tightened_to)
    }

    /// Whether it stops the day for a difference that a later comparison may find gone: a HALT and nothing tighter.
    pub fn halts(&self) -> bool {
        self.status == Status::Halt && self.mode() == Mode::CancelOnly
    }

    /// Contracts that must not be traded.
    pub fn frozen(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.treated(Treatment::Frozen)
    }

    /// Contracts whose price is not believed.
    pub fn quarantined(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.treated(Treatment::Quarantined)
    }

    fn treated(&self, treatment: Treatment) -> impl Iterator<Item = ContractId> + '_ {
        let treated = self.findings.iter().filter(move |finding| consequence::treatment(finding) == treatment);
        treated.filter_map(|finding| finding.difference.item.contract())
    }

    /// The finding of an id.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id == id)
    }
}

/// Compares the books with the broker and names the cause of every difference.
pub fn reconcile(ours: &Ours<'_>, broker: &BrokerFacts, policy: &ReconciliationPolicy) -> Reconciliation {
    let sides = Sides::new(ours, broker, policy);
    let mut findings: Vec<Finding> = Vec::new();
    for difference in layers::breaks(&sides) {
        let explanations = rules::attribute(&sides, &difference, &findings);
        let id = format!("{}:{}", difference.layer.name(), difference.item.name(ours.universe));
        findings.push(Finding { id, difference, explanations });
    }
    let status = findings.iter().map(|finding| consequence::status(finding, policy)).max().unwrap_or(Status::Pass);
    Reconciliation { status, difference_bp: sides.difference_bp(), findings }
}
