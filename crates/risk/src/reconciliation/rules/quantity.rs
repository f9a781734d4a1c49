//! Rules about quantities and marks of one contract.
//!
//! In: a quantity or mark break. Out: claims with their arithmetic. Invariant: a split needs both ratios, that of the
//! quantities and the inverse of the marks; one alone is a unit error or unknown.

use super::super::layers::expired as has_expired;
use super::super::value::{figure, ratio};
use super::super::{Cause, Item, Layer};
use super::{Case, Claim};
use domain::{ContractId, Quantity};
use rust_decimal::{Decimal, dec};

/// How far the marks' ratio may be from the inverse of a split: a day's move on top of it.
const SPLIT_MOVE: Decimal = dec!(0.10);
/// Terms of a split are whole and small; beyond this it is a unit.
const SPLIT_TERM_MAX: u32 = 50;

pub(super) fn executions(case: &Case<'_>) -> Vec<Claim> {
    let listed = case.sides.broker.evidence.executions.iter();
    let claim = |execution: &super::super::ListedExecution| {
        let cause = execution.origin.cause();
        let (quantity, price) = (figure(execution.quantity.to_decimal()), figure(execution.price.to_decimal()));
        let arithmetic = format!("execution {} of {quantity} at {price}, not booked,", execution.id);
        Claim { cause, amount: execution.quantity.to_decimal(), arithmetic }
    };
    listed.filter(|execution| is_about(case, execution.contract, &execution.symbol)).map(claim).collect()
}

pub(super) fn statement(case: &Case<'_>) -> Vec<Claim> {
    let lines = case.sides.broker.evidence.statement.iter();
    let lines = lines.filter(|line| is_about(case, line.contract, &line.symbol));
    let claim = |line: &super::super::StatementEntry| {
        if let Some((new, old)) = line.split {
            let held = case.found.ours.unwrap_or_default();
            let amount = held * Decimal::from(new) / Decimal::from(old) - held;
            let arithmetic = format!("split {new}:{old} of {} in statement line {}", figure(held), line.id);
            return Claim { cause: line.cause, amount, arithmetic };
        }
        let amount = line.quantity.to_decimal();
        let arithmetic = format!("{} of {} in statement line {}", line.cause, figure(amount), line.id);
        Claim { cause: line.cause, amount, arithmetic }
    };
    lines.map(claim).collect()
}

pub(super) fn short_order(case: &Case<'_>) -> Vec<Claim> {
    let Some(contract) = case.found.item.contract() else { return Vec::new() };
    let orders = case.sides.broker.evidence.orders.iter().filter(|order| order.contract == contract);
    let claim = |order: &super::super::ShortOrder| {
        let amount = (order.filled - order.booked).to_decimal();
        let (filled, booked) = (figure(order.filled.to_decimal()), figure(order.booked.to_decimal()));
        let arithmetic = format!("order {} filled {filled} and {booked} of it is booked:", order.order);
        Claim { cause: Cause::UnsettledFill, amount, arithmetic }
    };
    orders.map(claim).collect()
}

/// A row that is missing in an answer that lacks rows.
pub(super) fn incomplete_reply(case: &Case<'_>) -> Vec<Claim> {
    let incomplete = case.before.iter().any(|finding| finding.difference.layer == Layer::Reply);
    let missing = case.found.theirs.is_none_or(|theirs| theirs.is_zero());
    let arithmetic = "no row in a list of positions that is not whole; it".to_owned();
    one(incomplete && missing, Cause::IncompleteReply, case.open, arithmetic)
}

pub(super) fn expired(case: &Case<'_>) -> Vec<Claim> {
    let Some(contract) = case.found.item.contract() else { return Vec::new() };
    let gone = has_expired(case.sides, contract) && case.found.theirs.is_none_or(|theirs| theirs.is_zero());
    let expiry = case.sides.ours.universe.contract(contract).expiry;
    let arithmetic =
        expiry.map_or_else(String::new, |day| format!("last traded on {day}, before {};", case.sides.ours.date));
    one(gone, Cause::ExpiredContract, case.open, format!("{arithmetic} its end"))
}

/// n new shares for d old ones, when the mark went the other way.
pub(super) fn split(case: &Case<'_>) -> Vec<Claim> {
    let Some((new, old)) = case.found.item.contract().and_then(|contract| split_terms(case, contract)) else {
        return Vec::new();
    };
    let contract = case.found.item.contract().expect("has terms");
    let (before, after) = (case.sides.ours.marks[contract], case.sides.broker.marks[contract]);
    let (before, after) = (before.expect("has terms").to_decimal(), after.expect("has terms").to_decimal());
    let arithmetic = format!(
        "split {new}:{old}: quantity × {}, mark {} → {} × {};",
        ratio(Decimal::from(new), Decimal::from(old)),
        figure(before),
        figure(after),
        ratio(after, before)
    );
    one(true, Cause::CorporateAction, case.open, arithmetic)
}

/// The smallest terms that turn our quantity into the broker's and the marks the other way.
fn split_terms(case: &Case<'_>, contract: ContractId) -> Option<(u32, u32)> {
    let ours = case.sides.ours.ledger.quantity(contract).to_decimal();
    let theirs = case.sides.broker.quantities[contract].to_decimal();
    let (before, after) =
        (case.sides.ours.marks[contract]?.to_decimal(), case.sides.broker.marks[contract]?.to_decimal());
    let fits = |new: u32, old: u32| {
        let (new, old) = (Decimal::from(new), Decimal::from(old));
        // Fractions of a share are paid in cash.
        let whole = (theirs.abs() * old - ours.abs() * new).abs() < old && theirs * ours > Decimal::ZERO;
        whole && (after * new / (before * old) - Decimal::ONE).abs() <= SPLIT_MOVE
    };
    let terms = (2..=SPLIT_TERM_MAX).flat_map(|sum| (1..sum).map(move |new| (new, sum - new)));
    terms.filter(|(new, old)| new != old).find(|&(new, old)| fits(new, old))
}

/// A contract of ours that is gone and a holding of the same size under a name we do not know, or the other way round.
pub(super) fn renamed(case: &Case<'_>) -> Vec<Claim> {
    let (ledger, broker) = (case.sides.ours.ledger, case.sides.broker);
    let gone = |contract: ContractId| broker.quantities[contract].is_zero() && !ledger.quantity(contract).is_zero();
    let (old, new, quantity) = match &case.found.item {
        Item::Contract { contract } if gone(*contract) => {
            let quantity = ledger.quantity(*contract);
            let heir = broker.foreign.iter().find(|holding| holding.quantity == quantity);
            (Some(case.sides.name(*contract)), heir.map(|heir| heir.symbol.as_str()), quantity)
        }
        Item::Holding { symbol } => {
            let quantity = holding(case, symbol);
            let old = ledger.held().find(|&contract| gone(contract) && ledger.quantity(contract) == quantity);
            (old.map(|old| case.sides.name(old)), Some(symbol.as_str()), quantity)
        }
        _ => return Vec::new(),
    };
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let arithmetic = format!("{old} is gone and {new} holds the same {}: a new name", figure(quantity.to_decimal()));
    one(true, Cause::CorporateAction, case.open, arithmetic)
}

fn holding(case: &Case<'_>, symbol: &str) -> Quantity {
    let holding = case.sides.broker.foreign.iter().find(|holding| holding.symbol == symbol);
    holding.map_or(Quantity::ZERO, |holding| holding.quantity)
}

/// One side counts in lots, contracts or multiples of what the other counts.
pub(super) fn unit(case: &Case<'_>) -> Vec<Claim> {
    let Some(contract) = case.found.item.contract() else { return Vec::new() };
    let (Some(ours), Some(theirs)) = (case.found.ours, case.found.theirs) else { return Vec::new() };
    let multiplier = case.sides.ours.universe.terms(contract).multiplier;
    let exact = |factor: &Decimal| !ours.is_zero() && theirs == ours * factor;
    let factor = market::marks::unit_factors(multiplier).find(exact);
    let arithmetic = factor.map_or_else(String::new, |factor| {
        format!("position: {} = {} × {}, another unit,", figure(theirs), figure(ours), figure(factor))
    });
    one(factor.is_some(), Cause::UnitError, case.open, arithmetic)
}

/// A position only one side has.
pub(super) fn phantom(case: &Case<'_>) -> Vec<Claim> {
    let sides = [case.found.ours, case.found.theirs].map(|side| side.unwrap_or_default());
    let arithmetic = match sides {
        [ours, theirs] if ours.is_zero() => {
            format!("the broker holds {} and no order, execution or statement line of ours made it;", figure(theirs))
        }
        [ours, _] => format!("we hold {} and the broker says nothing of how it went;", figure(ours)),
    };
    one(sides.iter().any(Decimal::is_zero), Cause::PhantomPosition, case.open, format!("{arithmetic} this"))
}

/// Terms of which the two sides do not mean the same.
pub(super) fn disputed(case: &Case<'_>) -> Vec<Claim> {
    let unpriced = case.found.ours.is_none() && case.found.theirs.is_none();
    let disputes = case.sides.broker.evidence.disputes.iter();
    let own = disputes.filter(|dispute| unpriced && case.found.item.contract() == Some(dispute.contract));
    own.map(|dispute| Claim { cause: Cause::UnitError, amount: case.open, arithmetic: dispute.what.clone() }).collect()
}

/// A mark that is far from ours.
pub(super) fn mark(case: &Case<'_>) -> Vec<Claim> {
    let Some(contract) = case.found.item.contract() else { return Vec::new() };
    let (Some(ours), Some(theirs)) = (case.found.ours, case.found.theirs) else { return Vec::new() };
    if let Some((new, old)) = split_terms(case, contract) {
        let arithmetic = format!("split {new}:{old}: mark {} → {}", figure(ours), figure(theirs));
        return one(true, Cause::CorporateAction, case.open, arithmetic);
    }
    let factor = case.sides.unit_factor(contract);
    let arithmetic = factor.map_or_else(String::new, |factor| {
        format!("market price: {} is near {} × {}, another unit,", figure(theirs), figure(ours), figure(factor))
    });
    one(factor.is_some(), Cause::UnitError, case.open, arithmetic)
}

fn is_about(case: &Case<'_>, contract: Option<ContractId>, symbol: &str) -> bool {
    match &case.found.item {
        Item::Contract { contract: own } => contract == Some(*own),
        Item::Holding { symbol: own } => contract.is_none() && own == symbol,
        _ => false,
    }
}

fn one(applies: bool, cause: Cause, amount: Decimal, arithmetic: String) -> Vec<Claim> {
    applies.then_some(Claim { cause, amount, arithmetic }).into_iter().collect()
}
