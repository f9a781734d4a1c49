//! What a person should look at today.
//!
//! In: what was observed, decided, heard and found at the end. Out: sentences, each a record before it is shown.
//! Invariant: a mode that is tighter than it was says why; the report repeats what the journal holds, so a restart
//! loses none.

use super::end::End;
use super::observe::Notes;
use cycle::{DayPlan, Entry, RecordedInputs, store};
use domain::Universe;
use execution::PlannedOrder;
use ports::StoredRecord;
use risk::reconciliation::{Reconciliation, Status};
use risk::{Mode, Permission};
use strategy::tail_hedge::{HedgePurpose, HedgeType};

/// Differences a sentence names; the rest are in the reconciliation.
const NAMED: usize = 3;
/// Why a HALT is over without a person.
const CLEARED: &str = "the books and the broker agree again, and reconciliation.auto_clear is on";

/// Of the morning: what was booked without an order of ours, whose hours the broker tells otherwise, and why the plan's mode is
/// tighter than yesterday's.
pub(super) fn of_morning(notes: &Notes, inputs: &RecordedInputs, plan: &DayPlan) -> Vec<Entry> {
    let tighter = (plan.mode > inputs.mode).then(|| changed(inputs.mode, plan.mode, &reasons(inputs, plan)));
    let cleared = (plan.mode < inputs.mode).then(|| changed(inputs.mode, plan.mode, &[CLEARED.to_owned()]));
    let mild = plan.risk.alarms.iter().filter(|alarm| alarm.mode() == Mode::Normal).map(|alarm| alarm.sentence());
    let waiting = plan.orders.iter().filter_map(|order| waits(order, inputs, plan));
    let crisis = playbook(inputs, plan);
    notes
        .alerts
        .iter()
        .cloned()
        .chain(notes.contradictions.iter().cloned())
        .chain(tighter)
        .chain(cleared)
        .chain(mild)
        .chain(crisis)
        .chain(waiting)
        .map(|sentence| Entry::Alert { sentence })
        .collect()
}

/// Of the evening: the last reconciliation asks for a tighter mode, or ends the HALT of an earlier one.
pub(super) fn of_evening(mode: Mode, end: &End) -> Option<Entry> {
    let stands = end.standing.mode;
    let found = || end.reconciliation.as_ref().map_or_else(|| "the account could not be read again".into(), found);
    let why = || if stands > mode { found() } else { CLEARED.to_owned() };
    (stands != mode).then(|| Entry::Alert { sentence: changed(mode, stands, &[why()]) })
}

/// The day's alerts as its records hold them.
pub(super) fn recorded(records: &[StoredRecord], universe: &Universe) -> Vec<String> {
    let told = |record: &StoredRecord| match store::entry(record, universe).ok().flatten()? {
        Entry::Alert { sentence } => Some(sentence),
        Entry::Mode { mode, reason } => Some(format!("mode {mode}: {reason}")),
        Entry::Watchdog { sentence, .. } => Some(format!("watchdog: {sentence}")),
        Entry::Operator(instruction) => Some(instruction.sentence()),
        _ => None,
    };
    let spoken = records.iter().filter(|record| Entry::SPOKEN.contains(&record.kind.as_str()));
    spoken.filter_map(told).collect()
}

/// What the crisis playbook does, on the date on which it begins and on the one on which it sells.
fn playbook(inputs: &RecordedInputs, plan: &DayPlan) -> Option<String> {
    let (before, now) = (&inputs.memory.hedges.episode, &plan.memory.hedges.episode);
    let begins = now.open && !before.open;
    let sold = now.sold.as_ref().filter(|(date, _)| now.open && *date == plan.date);
    if !begins && sold.is_none() {
        return None;
    }
    let performance = &plan.memory.performance;
    let vix = plan.risk.vix.map_or_else(|| "VIX unknown".to_owned(), |vix| format!("VIX {vix:.2}"));
    let why = format!("{vix}, return of the day {:+.2} %", performance.daily_return * 100.0);
    let monetised = plan.tail_hedges.actions.iter().filter(|action| action.purpose == HedgePurpose::Monetise);
    let sales = monetised.map(|action| {
        let held = inputs.books.ledger().quantity(action.contract);
        format!("sells {} of {held} {}", -action.contracts, inputs.contracts[action.contract])
    });
    let hedges = match sold {
        Some((_, types)) => {
            let types: Vec<String> = types.iter().map(HedgeType::to_string).collect();
            let sales: Vec<String> = sales.collect();
            format!(
                "{}, once until the regime has left CRISIS; buys no {} today",
                sales.join(", "),
                types.join(" and no ")
            )
        }
        None => "no hedge is in the money yet; what comes into it while the trigger lasts is sold, once".to_owned(),
    };
    let size = format!("everything else is held at {:.1} of its size", plan.risk.state_factor);
    Some(format!("crisis playbook ({why}): {hedges}; {size}"))
}

/// A close-out that a person has to confirm.
fn waits(order: &PlannedOrder, inputs: &RecordedInputs, plan: &DayPlan) -> Option<String> {
    let name = &inputs.contracts[order.contract];
    let waits =
        plan.mode.permission(order.purpose) == Permission::AfterConfirmation && !inputs.confirmed.contains(name);
    waits.then(|| {
        format!(
            "{name} has to be closed out and the mode is {}: confirm it with `abstractfinance close-out --confirm {name} \
             --reason TEXT`",
            plan.mode
        )
    })
}

fn changed(from: Mode, to: Mode, reasons: &[String]) -> String {
    format!("mode {from} → {to}: {}", reasons.join("; "))
}

/// Everything that tightens a plan's mode.
fn reasons(inputs: &RecordedInputs, plan: &DayPlan) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.extend(plan.reconciliation.as_ref().filter(|result| result.mode() > Mode::Normal).map(found));
    reasons.extend(plan.nav.is_none().then(|| "a held contract has no mark or no rate".to_owned()));
    let stale = inputs.doubts.marks.iter().filter(|flag| flag.stale).count();
    reasons.extend((stale > 0).then(|| format!("held marks that are too old: {stale}")));
    reasons.extend(plan.risk.alarms.iter().filter(|alarm| alarm.mode() > Mode::Normal).map(|alarm| alarm.sentence()));
    reasons
}

fn found(result: &Reconciliation) -> String {
    let serious = result.findings.iter();
    let named: Vec<String> =
        serious.take(NAMED).map(|finding| format!("{} ({})", finding.id, finding.cause())).collect();
    let more = result.findings.len() - named.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let what =
        if result.status >= Status::Halt { "the books and the broker differ" } else { "the account has a break" };
    format!("{what}: {}{more}", named.join(", "))
}
