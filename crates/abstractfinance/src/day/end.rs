//! The account after the day's last order.
//!
//! In: the final snapshot and our books. Out: NAV on the broker's marks, and the last reconciliation.
//! Invariant: valued by the same code as the morning.

use super::assemble::{broker_facts, valuation};
use super::{Decided, Run};
use cycle::Session;
use domain::{BaseMoney, FxRates, PerContract, Price};
use ports::AccountSnapshot;
use risk::Reconciliation;
use risk::reconciliation::reconcile;

/// The account after the last order, on the broker's marks.
pub(super) struct End {
    pub(super) nav: Option<BaseMoney>,
    pub(super) marks: PerContract<Option<Price>>,
    pub(super) fx: FxRates,
    pub(super) reconciliation: Reconciliation,
    pub(super) snapshot: AccountSnapshot,
}

impl End {
    pub(super) fn of(session: &Session<'_>, snapshot: &AccountSnapshot, decided: &Decided, run: &Run) -> End {
        let (marks, fx) = valuation(snapshot, &decided.inputs);
        let nav = session.ledger().nav(&marks, &fx, &run.setup.universe).ok();
        let policy = &run.setup.policy.reconciliation;
        let unsettled = session.ledger().unsettled(&marks, &run.setup.universe);
        let facts = broker_facts(snapshot, run);
        let reconciliation = reconcile(session.ledger(), nav, &facts, &unsettled, &fx, policy);
        End { nav, marks, fx, reconciliation, snapshot: snapshot.clone() }
    }
}

/// Four digits, and no negative zero.
pub(super) fn rounded_bp(bp: f64) -> f64 {
    (bp * 1e4).round() / 1e4 + 0.0
}
