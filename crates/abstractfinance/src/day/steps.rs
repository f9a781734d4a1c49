//! The fourteen steps in words.
//!
//! In: what each step left behind. Out: one line per step. Invariant: a step that this version does not
//! do says so.

use super::costs;
use super::end::{End, rounded_bp};
use super::{Decided, Run};
use console::report::Step;
use cycle::session::outcome;
use cycle::{DayPlan, Session};
use execution::{Pair, PairState};
use ports::Identity;
use risk::Reconciliation;
use risk::reconciliation::Status;
use risk::scaling::Bound;
use std::collections::BTreeMap;
use strategy::screen_list::Standing;
use strategy::{ScreenList, SleeveKind};

/// Names of the fourteen steps.
pub const STEPS: [&str; 14] = [
    "run key and lease",
    "windows",
    "connect and identify",
    "FX",
    "sync",
    "reconcile facts",
    "value",
    "risk",
    "targets",
    "net, schedule, hedge",
    "gate",
    "plan",
    "execute",
    "record",
];

/// Breaks a line of the report names; the rest are counted.
const NAMED_BREAKS: usize = 3;

/// Bookings of a morning that are told one by one; all of them are in the journal.
const BOOKINGS_SHOWN: usize = 4;

/// The fourteen steps of a day.
pub(super) fn steps(session: &Session<'_>, end: &End, decided: &Decided, resumed: bool, run: &Run) -> Vec<Step> {
    let (plan, hash) = (&decided.plan, &decided.plan_hash);
    let (rates, doubted) = (rates(decided, run), !decided.inputs.doubts.rates.is_empty());
    let base = run.setup.base;
    let by_proxy = plan.memory.measured_by_proxy(&run.setup).next().is_some();
    let nav = plan.nav.map_or_else(|| "a held contract has no mark".into(), |nav| format!("NAV {nav} {base}"));
    let resuming = if resumed { ", resuming a stored plan" } else { "" };
    let rows: [(&str, String); 14] = [
        ("done", format!("lease taken with fencing number {}{resuming}", run.fence)),
        (windows_outcome(decided), windows(decided)),
        ("done", identified(&decided.identity, run)),
        (if rates.is_empty() || doubted { "warned" } else { "done" }, rates),
        ("done", synced(decided)),
        (outcome_of(plan.reconciliation.as_ref()), sentence_of(plan.reconciliation.as_ref())),
        (if plan.nav.is_some() { "done" } else { "stopped" }, nav),
        (if plan.risk.alarms.is_empty() && !by_proxy { "done" } else { "warned" }, assessed(decided, run)),
        (targets_outcome(decided, run), targeted(decided, run)),
        ("done", hedged(plan)),
        (if plan.refusals.is_empty() { "done" } else { "warned" }, gated(plan)),
        ("done", format!("{} stored, {}{}", &hash[..12], decided.consent, expected(decided, run))),
        ("done", executed(session)),
        (outcome_of(end.reconciliation.as_ref()), sentence_of(end.reconciliation.as_ref())),
    ];
    let step = |(index, (outcome, detail)): (usize, (&str, String))| Step {
        number: index as u8 + 1,
        name: STEPS[index].into(),
        outcome: outcome.into(),
        detail,
    };
    rows.into_iter().enumerate().map(step).collect()
}

fn windows_outcome(decided: &Decided) -> &'static str {
    let contradicted = decided.notes.as_ref().is_some_and(|notes| !notes.contradictions.is_empty());
    if contradicted { "warned" } else { "done" }
}

/// Whether the broker was away when the day was to begin, and what its trading hours contradict.
fn windows(decided: &Decided) -> String {
    let Some(notes) = &decided.notes else { return "seen by the run that made the plan".into() };
    let waited = match notes.waited {
        None => "broker and gateway are there".to_owned(),
        Some(back) => format!("waited for broker and gateway until {back}"),
    };
    [waited].into_iter().chain(notes.contradictions.iter().cloned()).collect::<Vec<_>>().join("; ")
}

fn identified(identity: &Identity, run: &Run) -> String {
    let to = match identity.server_version {
        0 => "the account simulated in this process".to_owned(),
        version => format!("server version {version}"),
    };
    format!("{to}, account tag {}", run.account)
}

fn rates(decided: &Decided, run: &Run) -> String {
    let fx = &decided.inputs.fx;
    let foreign = || fx.known().filter(|(currency, _)| *currency != fx.base());
    if foreign().count() == 0 && run.setup.universe.all_terms().iter().all(|terms| terms.currency == fx.base()) {
        return format!("everything is in {}", fx.base());
    }
    foreign().map(|(currency, rate)| format!("{currency} {}", rate.normalize())).collect::<Vec<_>>().join(", ")
}

fn assessed(decided: &Decided, run: &Run) -> String {
    let risk = &decided.plan.risk;
    let bound = match risk.bound {
        Bound::Target => "bound by the volatility target",
        Bound::Gross => "bound by the gross cap",
        Bound::Net => "bound by the net cap",
    };
    let alarms: String = risk.alarms.iter().map(|alarm| format!("; {}", alarm.sentence())).collect();
    let before = decided.inputs.memory.last_row;
    let new = decided.inputs.rows.iter().filter(|(date, _)| before.is_none_or(|before| *date > before)).count();
    let setup = &run.setup;
    let name = |id| setup.universe.instrument(id).name.as_str();
    let proxies = decided.plan.memory.measured_by_proxy(setup);
    let proxies: String =
        proxies.map(|(of, proxy)| format!("; {} has no history: measured by {}", name(of), name(proxy))).collect();
    format!(
        "{} of closes, regime {}, scale {:.4} {bound}{alarms}{proxies}",
        count(new, "new day"),
        risk.regime.name(),
        risk.scale
    )
}

fn targeted(decided: &Decided, run: &Run) -> String {
    let wanted = decided.plan.table.weight.as_slice().iter().filter(|weight| **weight != 0.0).count();
    let sleeves = &run.setup.policy.sleeves;
    let idle = sleeves.iter().filter(|sleeve| matches!(sleeve.kind, SleeveKind::NotConfigured));
    let idle: Vec<&str> = idle.map(|sleeve| sleeve.name.as_str()).collect();
    let waiting: Vec<&str> = decided.plan.held_back.iter().map(|&sleeve| sleeves[sleeve].name.as_str()).collect();
    let mut parts = vec![count(wanted, "contract")];
    parts.extend(lists(decided, run).map(|(sleeve, list)| format!("{sleeve}: {}", list.told())));
    parts.extend(super::hedges::actions(&decided.plan, run));
    parts.extend((!waiting.is_empty()).then(|| format!("held back: {}", waiting.join(", "))));
    parts.extend((!idle.is_empty()).then(|| format!("sleeves not configured: {}", idle.join(", "))));
    parts.join("; ")
}

/// The screens' lists with the names of their sleeves.
fn lists<'a>(decided: &'a Decided, run: &'a Run) -> impl Iterator<Item = (&'a str, &'a ScreenList)> {
    let sleeves = run.setup.policy.sleeves.iter().zip(&decided.plan.memory.lists);
    sleeves.filter(|(sleeve, _)| sleeve.screen().is_some()).map(|(sleeve, list)| (sleeve.name.as_str(), list))
}

fn targets_outcome(decided: &Decided, run: &Run) -> &'static str {
    let all_good = lists(decided, run).all(|(_, list)| list.standing == Standing::Good);
    if all_good { "done" } else { "warned" }
}

fn hedged(plan: &DayPlan) -> String {
    let hedges = plan.hedges.iter();
    let told =
        hedges.map(|h| format!("{} exposure {:.0}: {} → {} contracts", h.currency, h.exposure, h.held, h.wanted));
    told.collect::<Vec<_>>().join("; ")
}

fn gated(plan: &DayPlan) -> String {
    format!("{} admitted, {}", count(plan.orders.len(), "order"), count(plan.refusals.len(), "refusal"))
}

fn executed(session: &Session<'_>) -> String {
    let sent: usize = session.parents().map(|parent| parent.children().len()).sum();
    let mut by_outcome: BTreeMap<&str, usize> = BTreeMap::new();
    session.parents().for_each(|parent| *by_outcome.entry(outcome(parent)).or_default() += 1);
    let told = by_outcome.iter().map(|(outcome, n)| format!("{n} {outcome}"));
    let planned = session.parents().count();
    let sent = format!("{} sent for {planned} planned", count(sent, "order"));
    let corrected = session.corrections();
    let corrected = (corrected > 0).then(|| format!("{} by the broker", count(corrected, "correction")));
    let pairs = session.pairs().iter().map(protected);
    [sent].into_iter().chain(told).chain(corrected).chain(pairs).collect::<Vec<_>>().join(", ")
}

/// What became of a pair.
fn protected(pair: &Pair) -> String {
    match (pair.state, pair.since) {
        (PairState::Settled, None) => "its pair even".to_owned(),
        (PairState::Settled, Some(_)) => "a pair broken and settled".to_owned(),
        (state, _) => format!("a pair {}", format!("{state:?}").to_lowercase()),
    }
}

/// What the plan's orders are expected to cost.
fn expected(decided: &Decided, run: &Run) -> String {
    match decided.plan.orders.is_empty() {
        true => String::new(),
        false => format!(", {}", costs::told(costs::expected(&decided.plan, &decided.measured, run), run)),
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What was read is known to the run that read it; a later one only finishes its plan.
fn synced(decided: &Decided) -> String {
    let Some(notes) = &decided.notes else { return "read by the run that made the plan".into() };
    let mut parts = vec![count(notes.positions, "position"), count(notes.open_orders, "open order")];
    parts.extend(notes.booked.iter().take(BOOKINGS_SHOWN).cloned());
    if notes.booked.len() > BOOKINGS_SHOWN {
        parts.push(format!("{} more bookings, in the journal", notes.booked.len() - BOOKINGS_SHOWN));
    }
    if !notes.without_history.is_empty() {
        parts.push(format!("no history for {}: what needs it is held back", notes.without_history.join(", ")));
    }
    parts.join("; ")
}

fn outcome_of(result: Option<&Reconciliation>) -> &'static str {
    match result.map(|result| result.status) {
        Some(Status::Pass) => "done",
        Some(Status::Warn) => "warned",
        Some(Status::Halt | Status::Emergency) | None => "stopped",
    }
}

fn sentence_of(result: Option<&Reconciliation>) -> String {
    let Some(result) = result else { return "no answer from the broker".into() };
    let causes = result.findings.iter().map(|finding| format!("{} ({})", finding.id, finding.cause()));
    let causes: Vec<String> = causes.take(NAMED_BREAKS).collect();
    let more = result.findings.len() - causes.len();
    let difference = result
        .difference_bp
        .map_or_else(|| "NLV unusable".into(), |bp| format!("NAV − NLV = {:+.4} bp", rounded_bp(bp)));
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let named = if causes.is_empty() { String::new() } else { format!(": {}{more}", causes.join(", ")) };
    format!("{difference}, {}{named}", count(result.findings.len(), "break"))
}
