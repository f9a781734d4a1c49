//! What a person takes into the books: positions, cash and executions we did not make.
//!
//! In: findings of the reconciliation and the instructions that answer them; or an account's first look. Out: events of
//! the books with name and reason. Invariant: a position comes in at the broker's mark as a deposit in kind, so that it
//! earns nothing by coming; nothing is adopted that nobody asked for, nor what an execution that can be adopted did, nor cash
//! that a statement may still explain.

use super::assemble::{Known, broker_facts};
use super::believe::Belief;
use super::news::{News, news, unbookable};
use super::statement::LATE_DAYS;
use super::{Adopter, Run};
use crate::book::{Book, Handed};
use crate::failure::Failure;
use cycle::{Directive, Instruction};
use domain::{ContractId, ExecutionId, Fill, LedgerEvent, Money, PerContract, Price, Quantity, Side};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use ports::AccountSnapshot;
use risk::Reconciliation;
use risk::reconciliation::{BrokerFacts, Cause, Explanation, Finding, Item, ListedExecution, Ours, reconcile};
use rust_decimal::Decimal;

/// Books every finding a person answered; an answer to nothing says so, and one that comes before the statement waits.
pub(super) fn adopt(
    book: &mut Book,
    snapshot: &AccountSnapshot,
    belief: &Belief,
    (date, now): (Date, Timestamp),
    run: &Run,
) -> Result<Vec<News>, Failure> {
    let mut told = Vec::new();
    for instruction in std::mem::take(&mut book.standing.adopt) {
        let Directive::Adopt { finding: id, sleeve, given, .. } = &instruction.directive else { continue };
        let facts = broker_facts(snapshot, &Known::of(book), run);
        let Some(finding) = findings(book, belief, &facts, date, run).finding(id).cloned() else {
            told.push(News::note(format!("nothing to adopt as {id}: the reconciliation has no such finding")));
            continue;
        };
        if let Some(execution) = done_by(&finding, &facts, run) {
            told.push(News::note(format!(
                "{id} is not adopted: it is what execution:{execution} did, which is adopted in its place and brings its \
                 quantity, price and charge; both would count twice"
            )));
            continue;
        }
        let unknown = matches!(finding.difference.item, Item::Cash { .. }) && finding.cause() == Cause::Unknown;
        if let Some((until, latest)) = awaits(*given, book.told, date).filter(|_| unknown) {
            told.push(News::note(format!(
                "{id} waits to be adopted until the broker's statement of {until} has told whether it books it, until \
                 {latest} at the latest: booked before, it would be booked twice"
            )));
            book.standing.adopt.push(instruction);
            continue;
        }
        let taken = taken_in(&finding, &instruction, book, snapshot, (&facts, &belief.marks), now, run);
        if taken.is_empty() {
            told.push(News::note(format!(
                "{id} cannot be adopted: it is no position, cash or execution; see its cause"
            )));
        }
        for (n, event) in taken.into_iter().enumerate() {
            book.handed.extend(handed(&event, sleeve));
            told.extend(post(book, &format!("adopt:{id}:{now}:{n}"), now, event, run)?);
        }
    }
    Ok(told)
}

/// The listed execution that made a difference of quantity or cash.
fn done_by<'a>(finding: &Finding, facts: &'a BrokerFacts, run: &Run) -> Option<&'a ExecutionId> {
    let explains = |part: &Explanation| matches!(part.cause, Cause::ExternalTrade | Cause::BuyIn);
    let explained = finding.explanations.iter().any(explains);
    let paid_in = |contract: ContractId| run.setup.universe.terms(contract).currency;
    let did = |execution: &&ListedExecution| match finding.difference.item {
        Item::Contract { contract } => execution.contract == Some(contract),
        Item::Cash { currency } => {
            explained && execution.contract.is_some_and(|contract| paid_in(contract) == currency)
        }
        Item::Account | Item::Positions | Item::Holding { .. } | Item::Execution { .. } => false,
    };
    facts.evidence.executions.iter().find(did).map(|execution| &execution.id)
}

/// The date whose statement may still explain unknown cash that a person adopts, and the last one on which that is waited
/// for.
fn awaits(given: Option<Date>, told: Option<Date>, date: Date) -> Option<(Date, Date)> {
    let (given, told) = given.zip(told)?;
    let latest = given.saturating_add(LATE_DAYS.days());
    (told < given && date <= latest).then_some((given, latest))
}

fn findings(book: &Book, belief: &Belief, facts: &BrokerFacts, date: Date, run: &Run) -> Reconciliation {
    let (ledger, universe) = (book.books.ledger(), &run.setup.universe);
    let ours = Ours { date, ledger, marks: &belief.marks, fx: &belief.fx, universe };
    reconcile(&ours, facts, &run.setup.policy.reconciliation)
}

fn taken_in(
    finding: &Finding,
    Instruction { directive, by, reason }: &Instruction,
    book: &mut Book,
    snapshot: &AccountSnapshot,
    (facts, believed): (&BrokerFacts, &PerContract<Option<Price>>),
    now: Timestamp,
    run: &Run,
) -> Vec<LedgerEvent> {
    let difference = finding.difference.difference();
    match &finding.difference.item {
        Item::Execution { execution, .. } => executed(book, execution, snapshot),
        &Item::Contract { contract } => {
            let quantity = Quantity::from_decimal(difference).unwrap_or(Quantity::ZERO);
            // What the broker no longer lists it no longer marks.
            let mark = facts.marks[contract].or(believed[contract]);
            let adopter = Adopter { by: by.clone(), reason: reason.clone() };
            mark.map_or_else(Vec::new, |mark| in_kind(contract, quantity, mark, now, &adopter, run))
        }
        &Item::Cash { currency } => {
            let amount = Money::new(difference, currency);
            let (by, reason) = (by.clone(), reason.clone());
            vec![match directive {
                Directive::Adopt { flow: true, .. } => LedgerEvent::Flow { amount },
                _ => LedgerEvent::Adjustment { contract: None, quantity: Quantity::ZERO, amount, by, reason },
            }]
        }
        Item::Account | Item::Positions | Item::Holding { .. } => Vec::new(),
    }
}

/// The execution itself with its charge, taken over as it was.
fn executed(book: &mut Book, execution: &ExecutionId, snapshot: &AccountSnapshot) -> Vec<LedgerEvent> {
    let Some(listed) = snapshot.executions.iter().find(|listed| listed.fill.execution == *execution) else {
        return Vec::new();
    };
    book.books.claim(execution);
    let charge = listed.commission.map(|amount| LedgerEvent::Commission { execution: execution.clone(), amount });
    let fill = Fill { order: None, ..listed.fill.clone() };
    std::iter::once(LedgerEvent::Fill(fill)).chain(charge).collect()
}

/// A position as a deposit of its value and a purchase for it.
pub(crate) fn in_kind(
    contract: ContractId,
    quantity: Quantity,
    mark: Price,
    at: Timestamp,
    Adopter { by, reason }: &Adopter,
    run: &Run,
) -> Vec<LedgerEvent> {
    let terms = run.setup.universe.terms(contract);
    if terms.settles_daily {
        // A future has no value to deposit: it enters at the mark, and its variation starts there.
        let execution = ExecutionId(format!("adopted-{}-{at}", run.setup.universe.contract(contract).name).into());
        let fill = |side| Fill { execution, order: None, contract, side, quantity: quantity.abs(), price: mark, at };
        return Side::of(quantity).map(|side| LedgerEvent::Fill(fill(side))).into_iter().collect();
    }
    let value = quantity.value_at(mark, terms.multiplier);
    let money = |amount: Decimal| Money::new(amount, terms.currency);
    let (by, reason) = (by.clone(), reason.clone());
    vec![
        LedgerEvent::Flow { amount: money(value) },
        LedgerEvent::Adjustment { contract: Some(contract), quantity, amount: money(-value), by, reason },
    ]
}

/// The part of an event that a sleeve is to own.
fn handed(event: &LedgerEvent, sleeve: &str) -> Option<Handed> {
    let (contract, quantity) = match event {
        LedgerEvent::Fill(fill) => (fill.contract, fill.change()),
        &LedgerEvent::Adjustment { contract: Some(contract), quantity, .. } => (contract, quantity),
        _ => return None,
    };
    (sleeve != "external").then(|| Handed { contract, quantity, sleeve: sleeve.to_owned() })
}

/// Books an event: executions and charges under the broker's identity, the rest under one of its own.
fn post(book: &mut Book, id: &str, at: Timestamp, event: LedgerEvent, run: &Run) -> Result<Vec<News>, Failure> {
    let universe = &run.setup.universe;
    let posted = match &event {
        LedgerEvent::Fill(fill) => book.books.post_fill(fill, universe).map_err(unbookable)?,
        LedgerEvent::Commission { execution, amount } => book.books.post_charge(execution, *amount),
        _ => book.books.post_line(id, at, event.clone(), universe).map_err(unbookable)?,
    };
    Ok(news(posted, event, run).into_iter().collect())
}

/// Books an execution and what it was charged.
pub(super) fn post_execution(
    book: &mut Book,
    fill: Fill,
    charge: Option<Money>,
    run: &Run,
) -> Result<Vec<News>, Failure> {
    let (execution, at) = (fill.execution.clone(), fill.at);
    let charge = charge.map(|amount| LedgerEvent::Commission { execution, amount });
    let mut told = Vec::new();
    for event in std::iter::once(LedgerEvent::Fill(fill)).chain(charge) {
        told.extend(post(book, "", at, event, run)?);
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::awaits;
    use jiff::civil::{Date, date};

    #[test]
    fn cash_is_adopted_once_the_statement_of_that_date_has_told_or_after_a_week() {
        let on = |day| date(2026, 3, day);
        let waits = |told: Option<Date>, day| awaits(Some(on(3)), told, on(day)).is_some();
        assert_eq!(awaits(Some(on(3)), Some(on(2)), on(3)), Some((on(3), on(10))), "the same morning");
        assert!(!waits(Some(on(3)), 4), "it has told");
        assert!(!waits(None, 3), "nobody tells");
        assert!(waits(Some(on(2)), 10) && !waits(Some(on(2)), 11), "a service that fails for a week");
    }
}
