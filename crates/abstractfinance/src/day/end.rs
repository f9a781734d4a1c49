//! The account after the day's last order.
//!
//! In: the final snapshot and our books. Out: NAV on the broker's marks, and the last reconciliation.
//! Invariant: valued by the same code as the morning.

use super::assemble::broker_facts;
use super::believe::{Belief, believe};
use super::observe::Bars;
use super::{Decided, Run};
use cycle::{Believed, Doubts, Session};
use domain::{BaseMoney, FxRates, PerContract, Price};
use jiff::Timestamp;
use ports::AccountSnapshot;
use risk::Reconciliation;
use risk::reconciliation::{Ours, reconcile};

/// The account after the last order, on the broker's marks.
pub(super) struct End {
    pub(super) nav: Option<BaseMoney>,
    pub(super) marks: PerContract<Option<Price>>,
    pub(super) fx: FxRates,
    pub(super) doubts: Doubts,
    pub(super) believed: Believed,
    pub(super) reconciliation: Reconciliation,
    pub(super) snapshot: AccountSnapshot,
}

impl End {
    pub(super) fn of(
        session: &Session<'_>,
        snapshot: &AccountSnapshot,
        now: Timestamp,
        decided: &Decided,
        run: &Run,
    ) -> End {
        let (date, ledger, universe) = (decided.inputs.date, session.ledger(), &run.setup.universe);
        let evening = believe(snapshot, &Bars::new(), (&decided.inputs.believed, &[]), ledger, now, run);
        let Belief { mut marks, fx, doubts, believed } = evening;
        // What is not held has no mark of the evening: it keeps the morning's.
        for contract in universe.contracts().filter(|&contract| ledger.quantity(contract).is_zero()) {
            marks[contract] = marks[contract].or(decided.inputs.marks[contract]);
        }
        let nav = ledger.nav(&marks, &fx, universe).ok();
        let ours = Ours { date, ledger, marks: &marks, fx: &fx, universe };
        let facts = broker_facts(snapshot, (session.books(), decided.inputs.opened), run);
        let reconciliation = reconcile(&ours, &facts, &run.setup.policy.reconciliation);
        End { nav, marks, fx, doubts, believed, reconciliation, snapshot: snapshot.clone() }
    }
}

/// Four digits, and no negative zero.
pub(super) fn rounded_bp(bp: f64) -> f64 {
    (bp * 1e4).round() / 1e4 + 0.0
}
