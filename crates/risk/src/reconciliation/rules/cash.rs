//! Rules about cash of one currency.
//!
//! In: a cash break. Out: claims with their arithmetic, signed as the broker's cash is above ours. Invariant: an
//! amount in another currency explains nothing here.

use super::super::layers::expired as has_expired;
use super::super::value::{Sides, figure, money};
use super::super::{Cause, Item, ListedExecution, StatementEntry};
use super::{Case, Claim};
use domain::{ContractId, Currency, Money};
use rust_decimal::{Decimal, dec};

/// How far from the mark a price of the same day may be, its charge included.
const NEAR: Decimal = dec!(0.02);

/// What executions the books do not hold did to cash; a future's profit up to the mark, which is not settled yet.
pub(super) fn executions(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let listed = case.sides.broker.evidence.executions.iter();
    listed.flat_map(|execution| [trade(case, execution, currency), commission(execution, currency)]).flatten().collect()
}

fn trade(case: &Case<'_>, execution: &ListedExecution, currency: Currency) -> Option<Claim> {
    let contract = execution.contract?;
    let terms = case.sides.ours.universe.terms(contract);
    if terms.currency != currency {
        return None;
    }
    let cost = execution.quantity.value_at(execution.price, terms.multiplier);
    let kept = if terms.settles_daily { case.sides.value(contract, execution.quantity)? } else { Decimal::ZERO };
    let cause = execution.origin.cause();
    let multiplier = if terms.multiplier == 1 { String::new() } else { format!(" × {}", terms.multiplier) };
    let (quantity, price) = (figure(execution.quantity.to_decimal()), figure(execution.price.to_decimal()));
    let marked = if terms.settles_daily { " against its mark" } else { "" };
    let arithmetic = format!(
        "execution {} of {}: {quantity} × {price}{multiplier}{marked} = {} {currency}",
        execution.id,
        execution.symbol,
        money(kept - cost)
    );
    Some(Claim { cause, amount: kept - cost, arithmetic })
}

fn commission(execution: &ListedExecution, currency: Currency) -> Option<Claim> {
    let paid = execution.commission.filter(|paid| paid.currency == currency)?;
    let arithmetic = format!("commission of execution {}: {} {currency}", execution.id, money(-paid.amount));
    Some(Claim { cause: Cause::Fee, amount: -paid.amount, arithmetic })
}

pub(super) fn charges(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let charges = case.sides.broker.evidence.charges.iter().filter(|charge| charge.amount.currency == currency);
    let claim = |charge: &super::super::ListedCharge| Claim {
        cause: Cause::Fee,
        amount: -charge.amount.amount,
        arithmetic: format!("charge of execution {}: {} {currency}", charge.id, money(-charge.amount.amount)),
    };
    charges.map(claim).collect()
}

pub(super) fn statement(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let lines = case.sides.broker.evidence.statement.iter();
    let moves = lines.flat_map(|line| line.cash.iter().map(move |amount| (line, amount)));
    let own = moves.filter(|(_, amount)| amount.currency == currency);
    own.map(|(line, amount)| Claim { cause: line.cause, amount: amount.amount, arithmetic: sum(case, line, amount) })
        .collect()
}

/// The amount per share where it is one: −1,000 × 0.42 USD dividend on SIE = −420.00.
fn sum(case: &Case<'_>, line: &StatementEntry, amount: &Money) -> String {
    let Money { amount, currency } = *amount;
    let held = line.contract.map(|contract| case.sides.ours.ledger.quantity(contract)).unwrap_or_default();
    let of = if line.symbol.is_empty() { String::new() } else { format!(" on {}", line.symbol) };
    if line.cause == Cause::Dividend && !held.is_zero() {
        let each = amount / held.to_decimal();
        let shares = figure(held.to_decimal());
        return format!("{shares} × {} {currency} dividend{of} = {}", figure(each), money(amount));
    }
    format!("{}{of} in statement line {}: {} {currency}", line.cause, line.id, money(amount))
}

/// The missing executions of an order of ours, when they cost what the contract is worth.
pub(super) fn short_order(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let claim = |order: &super::super::ShortOrder| {
        let (terms, missing) = (case.sides.ours.universe.terms(order.contract), order.filled - order.booked);
        let mark = case.sides.marks[order.contract]?.to_decimal();
        let units = missing.to_decimal() * Decimal::from(terms.multiplier);
        let each = -case.open.checked_div(units)?;
        let near = (each / mark - Decimal::ONE).abs() <= NEAR;
        let own = terms.currency == currency && !terms.settles_daily;
        let (shares, each, mark) = (figure(missing.to_decimal()), figure(each.round_dp(4)), figure(mark));
        let name = case.sides.name(order.contract);
        let arithmetic = format!(
            "order {} filled {shares} of {name} that are not booked: at {each} each, its mark {mark},",
            order.order
        );
        (own && near).then_some(Claim { cause: Cause::UnsettledFill, amount: case.open, arithmetic })
    };
    case.sides.broker.evidence.orders.iter().filter_map(claim).collect()
}

/// A future that is over at the broker was settled once more, near the mark we believe.
pub(super) fn last_settlement(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let (ledger, universe) = (case.sides.ours.ledger, case.sides.ours.universe);
    let over = |contract: &ContractId| {
        let terms = universe.terms(*contract);
        terms.currency == currency
            && terms.settles_daily
            && has_expired(case.sides, *contract)
            && case.sides.broker.quantities[*contract].is_zero()
    };
    let claim = |contract: ContractId| {
        let mark = case.sides.marks[contract]?.to_decimal();
        let units = ledger.quantity(contract).to_decimal() * Decimal::from(universe.terms(contract).multiplier);
        let last = mark + case.open.checked_div(units)?;
        let near = (last / mark - Decimal::ONE).abs() <= NEAR;
        let (name, last, mark) = (case.sides.name(contract), figure(last.round_dp(6)), figure(mark));
        let arithmetic = format!("{name} is over, settled for the last time at {last}, our mark {mark},");
        near.then_some(Claim { cause: Cause::ExpiredContract, amount: case.open, arithmetic })
    };
    ledger.held().filter(over).filter_map(claim).collect()
}

/// One side has taken the profit of a future, or of all of them, into cash and the other has not.
pub(super) fn settlement(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let (ledger, universe) = (case.sides.ours.ledger, case.sides.ours.universe);
    let profit = |contract: ContractId| {
        let mark = case.sides.marks[contract]?;
        Some(ledger.nav_value(contract, mark, universe)).filter(|profit| !profit.is_zero())
    };
    let futures = universe
        .contracts()
        .filter(|&contract| universe.terms(contract).settles_daily && universe.terms(contract).currency == currency);
    let each: Vec<(String, Decimal)> =
        futures.filter_map(|contract| Some((case.sides.name(contract).to_owned(), profit(contract)?))).collect();
    let together = (each.len() > 1).then(|| ("all futures".to_owned(), case.sides.unsettled[currency]));
    let theirs = case.sides.broker.cash_row(currency).map(|row| row.unsettled).filter(|amount| !amount.is_zero());
    let theirs = theirs.map(|amount| ("the broker's futures row".to_owned(), amount));
    let amounts = each.into_iter().chain(together).chain(theirs);
    let claims = amounts.flat_map(|(name, profit)| {
        [("twice", profit), ("not at all", -profit)].map(|(how, amount)| Claim {
            cause: Cause::FuturesSettlement,
            amount,
            arithmetic: format!("unsettled profit of {name}, {} {currency}, counted {how},", money(profit)),
        })
    });
    claims.collect()
}

/// Cash the broker shows in a row of its own.
pub(super) fn sweep(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let sweeps = case.sides.broker.evidence.sweeps.iter().filter(|sweep| sweep.currency == currency);
    let claim = |sweep: &Money| Claim {
        cause: Cause::SweepCash,
        amount: -sweep.amount,
        arithmetic: format!("{} {currency} in a sweep row, outside the cash row,", money(sweep.amount)),
    };
    sweeps.map(claim).collect()
}

/// The sum of all currencies under one tag, or one currency's amount under another's.
pub(super) fn wrong_tag(case: &Case<'_>) -> Vec<Claim> {
    let Some(currency) = currency(case) else { return Vec::new() };
    let (sides, theirs) = (case.sides, case.found.theirs.unwrap_or_default());
    let claim = |arithmetic: String| Claim { cause: Cause::CurrencyTag, amount: case.open, arithmetic };
    let base = sides.ours.fx.base();
    let near = |amount: Decimal| (theirs - amount).abs() <= case.found.tolerance;
    if let Some(total) = total_under_one_tag(sides) {
        if currency == base {
            return vec![claim(format!("{} {base} is the cash of all currencies under one tag: it", money(total)))];
        }
        if theirs.is_zero() {
            return vec![claim(format!("no row of its own, it is in the {} under {base}: it", money(total)))];
        }
    }
    let in_base = sides.in_base(case.found.ours.unwrap_or_default(), currency);
    if let Some(amount) = in_base.filter(|&amount| currency != base && near(amount)) {
        let ours = money(case.found.ours.unwrap_or_default());
        return vec![claim(format!("{ours} {currency} = {} {base}, tagged {currency}: it", money(amount)))];
    }
    let swapped = Currency::ALL.into_iter().find(|&other| {
        let moved = sides.their_cash(other) - sides.our_cash(other);
        other != currency && (moved + case.open).abs() <= case.found.tolerance
    });
    let told = |other| claim(format!("the same amount is missing or too much in {other}: a wrong tag"));
    swapped.map(told).into_iter().collect()
}

/// All our cash in base currency, when that is what the broker shows as cash of the base currency.
fn total_under_one_tag(sides: &Sides<'_>) -> Option<Decimal> {
    let base = sides.ours.fx.base();
    let held = Currency::ALL.into_iter().map(|held| (held, sides.our_cash(held)));
    let total: Decimal =
        held.filter(|(_, cash)| !cash.is_zero()).map(|(held, cash)| sides.in_base(cash, held)).sum::<Option<_>>()?;
    let tolerance = sides.cash_tolerance();
    let own = (sides.our_cash(base) - sides.their_cash(base)).abs() > tolerance;
    (own && (sides.their_cash(base) - total).abs() <= tolerance).then_some(total)
}

fn currency(case: &Case<'_>) -> Option<Currency> {
    match case.found.item {
        Item::Cash { currency } => Some(currency),
        _ => None,
    }
}
