//! A reconciliation as rows for a person.
//!
//! In: findings with their causes. Out: one row per cause, as text. Invariant: shows what was compared and found;
//! computes nothing anew.

use super::value::{figure, money};
use super::{Finding, Layer, Reconciliation, consequence};
use crate::reconciliation::ReconciliationPolicy;
use domain::Universe;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One cause of one difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Stable id of the finding; what it is adopted by.
    pub id: String,
    /// Layer it was found in.
    pub layer: String,
    /// Contract, currency, execution or account.
    pub item: String,
    /// Our figure.
    pub ours: String,
    /// The broker's.
    pub theirs: String,
    /// The broker's minus ours.
    pub difference: String,
    /// What would have been accepted.
    pub tolerance: String,
    /// The cause.
    pub cause: String,
    /// Its arithmetic.
    pub evidence: String,
    /// What it asks for.
    pub consequence: String,
}

/// The rows of a reconciliation, in the order of its layers.
pub fn explain(result: &Reconciliation, universe: &Universe, policy: &ReconciliationPolicy) -> Vec<Row> {
    result.findings.iter().flat_map(|finding| rows(finding, universe, policy)).collect()
}

fn rows(finding: &Finding, universe: &Universe, policy: &ReconciliationPolicy) -> Vec<Row> {
    let found = &finding.difference;
    let shown = |figure: Option<Decimal>| figure.map_or_else(|| "missing".into(), |f| number(found.layer, f));
    let row = |part: &super::Explanation| Row {
        id: finding.id.clone(),
        layer: found.layer.name().into(),
        item: found.item.name(universe),
        ours: shown(found.ours),
        theirs: shown(found.theirs),
        difference: number(found.layer, found.difference()),
        tolerance: number(found.layer, found.tolerance),
        cause: part.cause.to_string(),
        evidence: part.sentence.clone(),
        consequence: consequence::words(finding, policy),
    };
    finding.explanations.iter().map(row).collect()
}

/// Money with two digits, quantities and prices with the digits they have.
fn number(layer: Layer, number: Decimal) -> String {
    match layer {
        Layer::Quantity | Layer::Executions | Layer::Marks => figure(number),
        Layer::Account | Layer::Reply | Layer::Cash | Layer::NetLiquidation => money(number),
    }
}
