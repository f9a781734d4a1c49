//! Step 12, second half: whether the stored plan may be executed.
//!
//! In: the plan, what was recorded since, the owner's rules, the account. Out: by whom it was approved, or why nothing of it
//! is sent. Invariant: only the plan with the approved content is executed, and only while nothing material has changed; a
//! day that has begun to send is finished.

use super::observe::patient_snapshot;
use super::{Decided, Run, World};
use crate::failure::Failure;
use crate::policy;
use cycle::approval::{Objection, by_rule, moved};
use cycle::{Directive, Entry, store};
use domain::{ContractId, Quantity};
use jiff::Timestamp;
use ports::{Broker, Clock, Journal, StoredRecord};

/// What was said of a plan.
#[derive(Clone, Debug)]
pub(super) enum Consent {
    /// It may be executed; by whom.
    Given(String),
    /// Nothing of it is sent, and the day ends; why.
    Refused(String),
}

impl Consent {
    /// As the report says it.
    pub(super) fn words(&self) -> &str {
        match self {
            Consent::Given(who) | Consent::Refused(who) => who,
        }
    }
}

/// Asks rules, people and the account.
///
/// # Errors
/// [`Failure::Halted`] when the plan waits for a person, or cannot be executed any more while there is time for another.
pub(super) async fn consent<B: Broker, J: Journal, C: Clock>(
    decided: &Decided,
    stored: &[StoredRecord],
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Consent, Failure> {
    let (plan, hash) = (&decided.plan, &decided.plan_hash);
    let said = said_of(hash, stored, run)?;
    if plan.orders.is_empty() || is_under_way(stored) {
        let who =
            said.as_ref().filter(|(yes, _)| *yes).map_or_else(|| "by rule".to_owned(), |(_, who)| format!("by {who}"));
        return Ok(Consent::Given(format!("approved {who}")));
    }
    if let Some((false, who)) = said {
        return Ok(refused(&Objection::Rejected(who)));
    }
    if world.clock.now() >= last_window(decided) {
        return Ok(refused(&Objection::Expired));
    }
    let objections = by_rule(plan, &policy::approval(&run.settings));
    let who = match (said, objections.is_empty() || run.is_research) {
        (Some((_, who)), _) => format!("by {who}"),
        (None, true) => "by rule".to_owned(),
        (None, false) => return Err(waits(hash, plan.date, &objections)),
    };
    if decided.notes.is_none() {
        unchanged(decided, run, world).await?;
    }
    Ok(Consent::Given(format!("approved {who}")))
}

fn refused(objection: &Objection) -> Consent {
    Consent::Refused(format!("not executed: {} ({})", objection.sentence(), objection.code()))
}

fn waits(hash: &str, date: jiff::civil::Date, objections: &[Objection]) -> Failure {
    let reasons: Vec<String> = objections.iter().map(|why| format!("{}: {}", why.code(), why.sentence())).collect();
    Failure::Halted(format!(
        "plan {} of {date} waits for a person ({}). Nothing was sent; look at it with `plan --date {date}`, then \
         `approve {}`, and run the day again",
        &hash[..12],
        reasons.join("; "),
        &hash[..12]
    ))
}

/// The last word on a plan: yes or no, and whose.
fn said_of(hash: &str, stored: &[StoredRecord], run: &Run) -> Result<Option<(bool, String)>, Failure> {
    let mut said = None;
    for record in stored.iter().filter(|record| record.kind == "operator") {
        let entry = store::entry(record, &run.setup.universe).map_err(|error| Failure::Journal(error.to_string()))?;
        if let Some(Entry::Operator(instruction)) = entry {
            said = match &instruction.directive {
                Directive::Approve { plan } if plan == hash => Some((true, instruction.by)),
                Directive::Reject { plan } if plan == hash => Some((false, instruction.by)),
                _ => said,
            };
        }
    }
    Ok(said)
}

/// True when something was sent already: then the day is finished as it was begun.
fn is_under_way(stored: &[StoredRecord]) -> bool {
    stored.iter().any(|record| record.kind == "command")
}

fn last_window(decided: &Decided) -> Timestamp {
    let windows = decided.plan.orders.iter().filter_map(|order| decided.inputs.windows[order.contract]);
    windows.map(|window| window.closes).max().unwrap_or(Timestamp::MIN)
}

/// Settings and positions are those the plan was made on.
async fn unchanged<B: Broker, J: Journal, C: Clock>(
    decided: &Decided,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    let mut found = Vec::new();
    if decided.inputs.configuration != run.configuration {
        found.push(Objection::Settings);
    }
    let snapshot = patient_snapshot(run, world).await?;
    if let Ok(snapshot) = &snapshot {
        let held: Vec<(ContractId, Quantity)> =
            snapshot.positions.iter().map(|held| (held.contract, held.quantity)).collect();
        let ledger = decided.inputs.books.ledger();
        // What the books and the broker disagreed on already when it was made is frozen in it.
        let known = |contract| {
            let frozen = decided.plan.facts.frozen.contains(&contract);
            let now = held.iter().filter(|(of, _)| *of == contract).map(|(_, quantity)| *quantity);
            if frozen { now.fold(Quantity::ZERO, |sum, more| sum + more) } else { ledger.quantity(contract) }
        };
        let names = moved(known, &held, &run.setup.universe);
        if !names.is_empty() {
            found.push(Objection::Positions(names));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = found.iter().map(|why| format!("{}: {}", why.code(), why.sentence())).collect();
    let date = decided.plan.date;
    Err(Failure::Halted(format!(
        "the plan of {date} is not executed, because something material has changed since it was made ({}). Nothing was \
         sent; make a new one with `plan --date {date} --again`, or reject it with `approve --reject`",
        reasons.join("; ")
    )))
}
