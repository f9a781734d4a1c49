//! What a finding asks for: one table.
//!
//! In: a layer, its causes, and for NAV its size. Out: a status, a mode and what happens to the instrument. Invariant: an
//! explanation never makes less of a difference in NAV; only a person adopts one.

use super::{Cause, Finding, Layer, ReconciliationPolicy};
use crate::Mode;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far the books may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Everything within tolerance.
    Pass,
    /// NAV differs a little, or single contracts are frozen.
    Warn,
    /// No new orders until a person has looked.
    Halt,
    /// The account is not what we think it is.
    Emergency,
}

impl Status {
    /// The mode it asks for.
    pub fn mode(self) -> Mode {
        match self {
            Status::Pass | Status::Warn => Mode::Normal,
            Status::Halt => Mode::CancelOnly,
            Status::Emergency => Mode::Frozen,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Pass => "PASS",
            Status::Warn => "WARN",
            Status::Halt => "HALT",
            Status::Emergency => "EMERGENCY",
        })
    }
}

/// What happens to the instrument a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Nothing.
    None,
    /// It is not traded at all.
    Frozen,
    /// Its price is not believed: valued at the last good one, no new risk.
    Quarantined,
}

/// How bad a layer's difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Fixed(Status),
    BySize,
}

/// The table: layer, status when explained, status when not, treatment of the instrument.
const TABLE: [(Layer, Severity, Severity, Treatment); 7] = {
    use Severity::{BySize, Fixed};
    use Status::{Emergency, Halt, Warn};
    [
        (Layer::Account, Fixed(Emergency), Fixed(Emergency), Treatment::None),
        (Layer::Reply, Fixed(Halt), Fixed(Halt), Treatment::None),
        (Layer::Executions, Fixed(Warn), Fixed(Halt), Treatment::Frozen),
        (Layer::Quantity, Fixed(Warn), Fixed(Warn), Treatment::Frozen),
        (Layer::Cash, Fixed(Warn), Fixed(Halt), Treatment::None),
        (Layer::NetLiquidation, BySize, BySize, Treatment::None),
        (Layer::Marks, Fixed(Warn), Fixed(Warn), Treatment::Quarantined),
    ]
};

/// The status a finding asks for.
pub(super) fn status(finding: &Finding, policy: &ReconciliationPolicy) -> Status {
    let (_, explained, unexplained, _) = TABLE[finding.difference.layer as usize];
    match if finding.explained() { explained } else { unexplained } {
        Severity::Fixed(status) => status,
        Severity::BySize => by_size(finding, policy),
    }
}

/// The mode its causes ask for, whatever the status: somebody else trades this account, and until a person has said who,
/// it takes no new risk.
pub(super) fn mode_of_causes(finding: &Finding) -> Mode {
    let external = finding.explanations.iter().any(|part| part.cause == Cause::ExternalTrade);
    if external { Mode::ReduceOnly } else { Mode::Normal }
}

/// What happens to the instrument. Where its facts are disputed there are no two marks to compare, and nobody knows what an
/// order of it would be.
pub(super) fn treatment(finding: &Finding) -> Treatment {
    let difference = &finding.difference;
    let disputed = difference.layer == Layer::Marks && difference.ours.is_none() && difference.theirs.is_none();
    if disputed { Treatment::Frozen } else { TABLE[difference.layer as usize].3 }
}

/// NAV against NLV; a NAV that could not be computed is a HALT.
fn by_size(finding: &Finding, policy: &ReconciliationPolicy) -> Status {
    let (Some(nav), Some(nlv)) = (finding.difference.ours, finding.difference.theirs) else { return Status::Halt };
    let apart = ((nav - nlv) / nlv).abs().to_f64().unwrap_or(f64::INFINITY);
    match apart {
        apart if apart > policy.emergency => Status::Emergency,
        apart if apart > policy.halt => Status::Halt,
        _ => Status::Warn,
    }
}

/// The consequence in words, for the table a person reads.
pub(super) fn words(finding: &Finding, policy: &ReconciliationPolicy) -> String {
    let status = status(finding, policy);
    let mode = status.mode().tightened_to(mode_of_causes(finding));
    match (treatment(finding), status, mode) {
        (Treatment::Frozen, Status::Warn, Mode::Normal) => "WARN: the instrument is frozen".into(),
        (Treatment::Frozen, Status::Warn, _) => format!("WARN: the instrument is frozen, mode {mode}"),
        (Treatment::Quarantined, _, _) => "WARN: the price is quarantined, no new risk".into(),
        (_, _, Mode::Normal) => status.to_string(),
        _ => format!("{status}: mode {mode}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_its_own_row() {
        for (row, layer) in TABLE.iter().zip(Layer::ALL) {
            assert_eq!(row.0, layer);
            assert_eq!(layer as usize, Layer::ALL.iter().position(|l| *l == layer).unwrap());
        }
    }
}
