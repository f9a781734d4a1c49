//! Rules about the account as a whole: its answer, its executions, NAV against net liquidation.
//!
//! In: a break of one of these layers and the findings before it. Out: claims with their arithmetic. Invariant: what a
//! lower layer found is carried into NAV with the same cause, and counted once.

use super::super::layers::missing_rows;
use super::super::value::{Sides, figure, money};
use super::super::{Cause, Finding, Item, Layer, Origin};
use super::{Case, Claim};
use domain::Currency;
use rust_decimal::{Decimal, dec};

/// How near two valuations of the same thing come when only their time differs.
const NEAR: Decimal = dec!(0.02);

/// NLV in a currency that is not the account's.
pub(super) fn other_currency(case: &Case<'_>) -> Vec<Claim> {
    let (broker, base) = (case.sides.broker, case.sides.ours.fx.base());
    let Some(nlv) = broker.net_liquidation.filter(|_| broker.base != base) else { return Vec::new() };
    let converted = case.sides.in_base(nlv, broker.base);
    let equals = converted.map_or_else(String::new, |amount| format!(" = {} {base} at our rate", money(amount)));
    let arithmetic = format!("NLV is {} {}{equals}, not in {base}: its tag", money(nlv), broker.base);
    vec![Claim { cause: Cause::CurrencyTag, amount: case.open, arithmetic }]
}

pub(super) fn no_number(case: &Case<'_>) -> Vec<Claim> {
    let told = match case.sides.broker.net_liquidation {
        None => "the answer has no net liquidation value; this".to_owned(),
        Some(nlv) => format!("net liquidation is {}, which no account with our positions is worth; this", money(nlv)),
    };
    vec![Claim { cause: Cause::IncompleteReply, amount: case.open, arithmetic: told }]
}

/// Rows that are missing from the list of positions.
pub(super) fn rows_missing(case: &Case<'_>) -> Vec<Claim> {
    let missing: Vec<(&str, Option<Decimal>)> = missing_rows(case.sides)
        .map(|(contract, quantity)| (case.sides.name(contract), case.sides.base_value(contract, quantity)))
        .collect();
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let worth: Decimal = missing.iter().filter_map(|(_, value)| *value).map(|value| value.abs()).sum();
    let rows = match names.is_empty() {
        true => "the list is empty".to_owned(),
        false => format!("no row for {} (|value| {})", names.join(", "), money(worth)),
    };
    let stated = match case.found.ours {
        Some(stated) => format!("positions of {} are counted in the broker's own total", money(stated)),
        None => "the broker states no total".to_owned(),
    };
    vec![Claim { cause: Cause::IncompleteReply, amount: case.open, arithmetic: format!("{rows}; {stated}: the gap") }]
}

pub(super) fn origin(case: &Case<'_>) -> Vec<Claim> {
    let Item::Execution { execution, .. } = &case.found.item else { return Vec::new() };
    let listed = case.sides.broker.evidence.executions.iter().find(|listed| listed.id == *execution);
    let claim = |listed: &super::super::ListedExecution| {
        let whose = match listed.origin {
            Origin::OurOrder => "of our order, not booked",
            Origin::External => "without our reference (by hand, a buy-in after a recall, or a liquidation)",
            Origin::PerhapsBuyIn => {
                "without our reference, of our short; the activity statement of its day will say whether it is a buy-in"
            }
            Origin::UnknownReference => "under a reference of ours that the journal does not hold",
        };
        let (quantity, price) = (figure(listed.quantity.to_decimal()), figure(listed.price.to_decimal()));
        let arithmetic = format!("{} {quantity} at {price}, {whose},", listed.symbol);
        Claim { cause: listed.origin.cause(), amount: case.open, arithmetic }
    };
    listed.map(claim).into_iter().collect()
}

/// What the layers of cash and quantity found, in base currency.
pub(super) fn carried(case: &Case<'_>) -> Vec<Claim> {
    case.before.iter().flat_map(|finding| carry(case.sides, finding)).collect()
}

fn carry(sides: &Sides<'_>, finding: &Finding) -> Vec<Claim> {
    let in_base = |amount: Decimal| match (&finding.difference.layer, &finding.difference.item) {
        (Layer::Cash, Item::Cash { currency }) => sides.in_base(amount, *currency),
        (Layer::Quantity, Item::Contract { contract }) => {
            let terms = sides.ours.universe.terms(*contract);
            let held = !terms.settles_daily;
            let quantity = domain::Quantity::from_decimal(amount).ok().filter(|_| held)?;
            sides.base_value(*contract, quantity)
        }
        _ => None,
    };
    let claim = |part: &super::super::Explanation| {
        let amount = in_base(part.amount)?;
        Some(Claim { cause: part.cause, amount, arithmetic: format!("{} carries {}: it", finding.id, money(amount)) })
    };
    // Rows that are missing from a list are still in the broker's valuation.
    let valued = finding.explanations.iter().filter(|part| part.cause != Cause::IncompleteReply);
    valued.filter_map(claim).collect()
}

/// What the broker counts as owed above what our books do.
pub(super) fn owed(case: &Case<'_>) -> Vec<Claim> {
    let claim = |row: &super::super::BrokerCash| {
        let (theirs, ours) = (row.accrued?, case.sides.ours.ledger.accruals(row.currency));
        let amount = case.sides.in_base(theirs - ours, row.currency)?;
        let (told, booked, currency) = (money(theirs), money(ours), row.currency);
        let arithmetic = format!(
            "the broker counts {told} {currency} of dividends, interest and fees as owed, our books {booked}: it"
        );
        Some(Claim { cause: Cause::Accrual, amount, arithmetic })
    };
    case.sides.broker.cash.iter().filter_map(claim).collect()
}

pub(super) fn accruals(case: &Case<'_>) -> Vec<Claim> {
    let lines = case.sides.broker.evidence.statement.iter();
    let claim = |line: &super::super::StatementEntry| {
        let accrued = line.accrued?;
        let amount = case.sides.in_base(accrued.amount, accrued.currency)?;
        let arithmetic = format!("accrued {} {} in line {}", money(accrued.amount), accrued.currency, line.id);
        Some(Claim { cause: Cause::Accrual, amount, arithmetic })
    };
    lines.filter_map(claim).collect()
}

/// What each currency's assets come to at the broker's rate instead of ours.
pub(super) fn rates(case: &Case<'_>) -> Vec<Claim> {
    let claim = |currency: Currency| {
        let theirs = case.sides.broker.cash_row(currency)?.rate?;
        let ours = case.sides.in_base(Decimal::ONE, currency)?;
        let assets = assets(case.sides, currency)?;
        let amount = assets * (theirs - ours);
        let arithmetic = format!("{currency} {} × ({} − {})", money(assets), figure(theirs), figure(ours.round_dp(8)));
        (!amount.is_zero()).then_some(Claim { cause: Cause::FxSource, amount, arithmetic })
    };
    Currency::ALL.into_iter().filter(|&c| c != case.sides.ours.fx.base()).filter_map(claim).collect()
}

/// Cash and market value in one currency.
fn assets(sides: &Sides<'_>, currency: Currency) -> Option<Decimal> {
    let mut assets = sides.our_cash(currency);
    for contract in sides.ours.ledger.held() {
        let terms = sides.ours.universe.terms(contract);
        if terms.currency == currency && !terms.settles_daily {
            assets += sides.value(contract, sides.ours.ledger.quantity(contract))?;
        }
    }
    Some(assets)
}

/// A mark in another unit on one side of the comparison.
pub(super) fn wrong_unit(case: &Case<'_>) -> Vec<Claim> {
    let claim = |contract| {
        let factor = case.sides.unit_factor(contract)?;
        let (ours, theirs) = (case.sides.ours.marks[contract]?, case.sides.broker.marks[contract]?);
        let terms = case.sides.ours.universe.terms(contract);
        let held = case.sides.ours.ledger.quantity(contract);
        let apart = held.value_at(ours, terms.multiplier) - held.value_at(theirs, terms.multiplier);
        let amount = case.sides.in_base(apart, terms.currency)?;
        let near = (amount - case.open).abs() <= amount.abs() * NEAR;
        let name = case.sides.name(contract);
        let arithmetic = format!("mark of {name} × {}: {} instead of {}", figure(factor), theirs, ours);
        near.then_some(Claim { cause: Cause::UnitError, amount: case.open, arithmetic })
    };
    case.sides.ours.ledger.held().filter_map(claim).collect()
}

/// A mark the two sides dispute: ours is the last good one, and the broker's own value has moved on by no more than a day's
/// move.
pub(super) fn disputed(case: &Case<'_>) -> Vec<Claim> {
    let claim = |dispute: &super::super::Dispute| {
        let contract = dispute.contract;
        let held = case.sides.ours.ledger.quantity(contract);
        let value = case.sides.base_value(contract, held).filter(|value| !value.is_zero())?;
        let (name, mark) = (case.sides.name(contract), case.sides.marks[contract]?);
        let near = case.open.abs() <= value.abs() * NEAR;
        let arithmetic = format!("{name} is disputed and valued at its last good mark {mark}: its move since");
        near.then_some(Claim { cause: Cause::UnitError, amount: case.open, arithmetic })
    };
    case.sides.broker.evidence.disputes.iter().filter_map(claim).collect()
}
