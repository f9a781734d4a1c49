//! The account after the day's last order.
//!
//! In: the final snapshot and our books. Out: NAV on the broker's marks, and the last reconciliation.
//! Invariant: valued by the same code as the morning.

use super::assemble::{Known, broker_facts};
use super::believe::{Belief, believe};
use super::observe::Bars;
use super::{Decided, Run};
use cycle::operator::Standing;
use cycle::{Believed, Doubts, RecordedInputs, Session};
use domain::{BaseMoney, FxRates, PerContract, Price};
use jiff::Timestamp;
use ports::AccountSnapshot;
use risk::reconciliation::{Ours, reconcile};
use risk::{Mode, Reconciliation};

/// The account after the last order, on the broker's marks; without an answer of the broker, on the morning's.
pub(super) struct End {
    pub(super) nav: Option<BaseMoney>,
    pub(super) marks: PerContract<Option<Price>>,
    pub(super) fx: FxRates,
    pub(super) doubts: Doubts,
    pub(super) believed: Believed,
    pub(super) reconciliation: Option<Reconciliation>,
    pub(super) snapshot: Option<AccountSnapshot>,
    /// Mode and instructions that stand after the day.
    pub(super) standing: Standing,
}

impl End {
    pub(super) fn of(
        session: &Session<'_>,
        snapshot: AccountSnapshot,
        now: Timestamp,
        decided: &Decided,
        run: &Run,
    ) -> End {
        let (date, ledger, universe) = (decided.inputs.date, session.ledger(), &run.setup.universe);
        let no_bars = Bars::filled(None, universe.contract_count());
        let before = (decided.inputs.believed.clone(), &[][..]);
        let evening = believe(&snapshot, (&no_bars, &[]), before, ledger, now, run);
        let Belief { mut marks, fx, doubts, believed } = evening;
        // What is not held has no mark of the evening: it keeps the morning's.
        for contract in universe.contracts().filter(|&contract| ledger.quantity(contract).is_zero()) {
            marks[contract] = marks[contract].or(decided.inputs.marks[contract]);
        }
        let nav = ledger.nav(&marks, &fx, universe).ok();
        let ours = Ours { date, ledger, marks: &marks, fx: &fx, universe };
        let RecordedInputs { opened, told, .. } = decided.inputs;
        let facts = broker_facts(&snapshot, &Known { books: session.books(), opened, told }, run);
        let policy = &run.setup.policy.reconciliation;
        let result = reconcile(&ours, &facts, policy);
        let mut standing = session.standing().clone();
        standing.reconciled(&result, policy.auto_clear);
        End { nav, marks, fx, doubts, believed, reconciliation: Some(result), snapshot: Some(snapshot), standing }
    }

    /// The end of a day whose account could not be read again: without a look at it nothing more is sent.
    pub(super) fn unread(session: &Session<'_>, decided: &Decided, run: &Run) -> End {
        let RecordedInputs { marks, fx, doubts, believed, .. } = decided.inputs.clone();
        let nav = session.ledger().nav(&marks, &fx, &run.setup.universe).ok();
        let mut standing = session.standing().clone();
        standing.tighten(Mode::CancelOnly);
        End { nav, marks, fx, doubts, believed, reconciliation: None, snapshot: None, standing }
    }
}

/// Four digits, and no negative zero.
pub(super) fn rounded_bp(bp: f64) -> f64 {
    (bp * 1e4).round() / 1e4 + 0.0
}
