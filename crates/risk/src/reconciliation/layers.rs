//! The layers: what differs by more than it may.
//!
//! In: both sides. Out: breaks in the order of the layers. Invariant: the union of both sides is compared, and a
//! difference of unknown size is a break.

use super::value::{Sides, apart_bp, fraction, in_currency};
use super::{Break, Item, Layer};
use domain::{BasisPoints, ContractId, Currency, Quantity};
use rust_decimal::Decimal;

/// Every break.
pub(super) fn breaks(sides: &Sides<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    breaks.extend(account(sides));
    breaks.extend(reply(sides));
    breaks.extend(executions(sides));
    breaks.extend(quantities(sides));
    breaks.extend(cash(sides));
    breaks.extend(net_liquidation(sides));
    breaks.extend(marks(sides));
    breaks
}

fn account(sides: &Sides<'_>) -> Option<Break> {
    let ours = sides.nav.as_ref().ok().map(|nav| nav.amount());
    let theirs = sides.broker.net_liquidation;
    let unusable = Break { layer: Layer::Account, item: Item::Account, ours, theirs, tolerance: Decimal::ZERO };
    sides.nlv.is_none().then_some(unusable)
}

/// Σ |value| of securities the broker lists against what it states, or against NLV without cash.
fn reply(sides: &Sides<'_>) -> Option<Break> {
    let (listed, stated) = match sides.broker.gross_position_value {
        Some(stated) => (listed_value(sides, |value| value.abs())?, Some(stated)),
        None => (listed_value(sides, |value| value)?, net_position_value(sides)),
    };
    let tolerance = sides.cash_tolerance() * Decimal::TEN;
    let short = stated.is_some_and(|stated| (stated - listed).abs() > tolerance);
    let incomplete = (short && missing_rows(sides).next().is_some()) || says_nothing(sides);
    let item = Item::Positions;
    incomplete.then_some(Break { layer: Layer::Reply, item, ours: stated, theirs: Some(listed), tolerance })
}

/// No position, no value that would confirm it, and nothing that ended ours: an empty list is not "flat".
fn says_nothing(sides: &Sides<'_>) -> bool {
    let broker = sides.broker;
    let unaccounted = broker.evidence.executions.is_empty() && broker.evidence.statement.is_empty();
    broker.lists_nothing()
        && broker.gross_position_value.is_none()
        && unaccounted
        && sides.ours.ledger.held().any(|contract| !expired(sides, contract))
}

/// Securities we hold and the broker does not list, apart from futures, which no position value counts.
pub(super) fn missing_rows<'a>(sides: &'a Sides<'_>) -> impl Iterator<Item = (ContractId, Quantity)> + 'a {
    let held = sides.ours.ledger.quantities().iter();
    held.filter(|(contract, quantity)| {
        let securities = !sides.ours.universe.terms(*contract).settles_daily;
        securities && !quantity.is_zero() && sides.broker.quantities[*contract].is_zero()
    })
    .map(|(contract, quantity)| (contract, *quantity))
}

pub(super) fn expired(sides: &Sides<'_>, contract: ContractId) -> bool {
    sides.ours.universe.contract(contract).expiry.is_some_and(|expiry| expiry < sides.ours.date)
}

fn listed_value(sides: &Sides<'_>, of: impl Fn(Decimal) -> Decimal) -> Option<Decimal> {
    let rows = sides
        .broker
        .quantities
        .iter()
        .filter(|(contract, quantity)| !quantity.is_zero() && !sides.ours.universe.terms(*contract).settles_daily);
    rows.map(|(contract, quantity)| sides.base_value(contract, *quantity).map(&of)).sum()
}

/// NLV without cash: what the broker's positions come to, when nothing else is in it.
fn net_position_value(sides: &Sides<'_>) -> Option<Decimal> {
    let cash: Option<Decimal> =
        sides.broker.cash.iter().map(|row| sides.in_base(row.with_unsettled, row.currency)).sum();
    Some(sides.nlv?.amount() - cash?)
}

fn executions(sides: &Sides<'_>) -> Vec<Break> {
    let listed = sides.broker.evidence.executions.iter();
    let broken = listed.map(|execution| Break {
        layer: Layer::Executions,
        item: Item::Execution { execution: execution.id.clone(), contract: execution.contract },
        ours: None,
        theirs: Some(execution.quantity.to_decimal()),
        tolerance: Decimal::ZERO,
    });
    broken.collect()
}

fn quantities(sides: &Sides<'_>) -> Vec<Break> {
    let quantity = |item, ours: Quantity, theirs: Quantity| Break {
        layer: Layer::Quantity,
        item,
        ours: Some(ours.to_decimal()),
        theirs: Some(theirs.to_decimal()),
        tolerance: Decimal::ZERO,
    };
    let ours = sides.ours.ledger.quantities().iter();
    let ours = ours.filter_map(|(contract, &ours)| {
        let theirs = sides.broker.quantities[contract];
        (ours != theirs).then(|| quantity(Item::Contract { contract }, ours, theirs))
    });
    let foreign = sides.broker.foreign.iter();
    let foreign =
        foreign.map(|row| quantity(Item::Holding { symbol: row.symbol.clone() }, Quantity::ZERO, row.quantity));
    ours.chain(foreign).collect()
}

fn cash(sides: &Sides<'_>) -> Vec<Break> {
    let tolerance = sides.cash_tolerance();
    let compare = |currency: Currency| {
        let (ours, theirs) = (sides.our_cash(currency), sides.their_cash(currency));
        let rate = sides.ours.fx.rate(currency, sides.ours.fx.base()).ok();
        // Without a rate the size of the difference is unknown, and an unknown difference is a break.
        let tolerance = in_currency(tolerance, rate).unwrap_or_default();
        ((ours - theirs).abs() > tolerance).then_some(Break {
            layer: Layer::Cash,
            item: Item::Cash { currency },
            ours: Some(ours),
            theirs: Some(theirs),
            tolerance,
        })
    };
    Currency::ALL.into_iter().filter_map(compare).collect()
}

fn net_liquidation(sides: &Sides<'_>) -> Option<Break> {
    let nlv = sides.nlv?.amount();
    let nav = sides.nav.as_ref().ok().map(|nav| nav.amount());
    let tolerance = nlv * fraction(sides.policy.warn);
    let broken = nav.is_none_or(|nav| (nav - nlv).abs() > tolerance);
    broken.then_some(Break {
        layer: Layer::NetLiquidation,
        item: Item::Account,
        ours: nav,
        theirs: Some(nlv),
        tolerance,
    })
}

fn marks(sides: &Sides<'_>) -> Vec<Break> {
    let pairs = sides.ours.universe.contracts().filter_map(|contract| {
        let (ours, theirs) = (sides.ours.marks[contract]?, sides.broker.marks[contract]?);
        let BasisPoints(bp) = sides.policy.mark_tolerance(sides.ours.universe.instrument_of(contract).asset_class);
        (apart_bp(ours, theirs) > f64::from(bp)).then(|| Break {
            layer: Layer::Marks,
            item: Item::Contract { contract },
            ours: Some(ours.to_decimal()),
            theirs: Some(theirs.to_decimal()),
            tolerance: theirs.to_decimal() * Decimal::from(bp) / Decimal::from(10_000),
        })
    });
    let disputed = sides.broker.evidence.disputes.iter().map(|dispute| Break {
        layer: Layer::Marks,
        item: Item::Contract { contract: dispute.contract },
        ours: None,
        theirs: None,
        tolerance: Decimal::ZERO,
    });
    pairs.chain(disputed).collect()
}
