//! What the simulated broker asks as margin.
//!
//! In: the account, an order that is being considered. Out: initial and maintenance requirement, before and
//! after. Invariant: what the gateway tells over TCP and what is told in process is the same.

use crate::admission::Refusal;
use crate::terms::margin_rates;
use crate::{AccountView, SimOrder, Simulation};
use domain::{ContractId, Currency, InstrumentKind, Money, OptionRight, Quantity, Side};
use market::Underlying;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Shares of the underlying asked for an option sold short, on a broad index and on anything else, and the least of them
/// (Cboe Rule 10.3: premium + share of the underlying - what it is out of the money; at least a tenth, of the strike for
/// a put).
const ON_INDEX: f64 = 0.15;
const ON_SHARE: f64 = 0.20;
const LEAST: f64 = 0.10;

/// What an account must keep, in the base currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Equity with loan value.
    pub equity: Decimal,
    /// Needed to open.
    pub initial: Decimal,
    /// Needed to hold.
    pub maintenance: Decimal,
    /// Σ |market value| of everything but futures.
    pub gross_position_value: Decimal,
}

/// Requirements without and with an order, as if it were filled at the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impact {
    /// Without the order.
    pub before: Requirement,
    /// With it.
    pub after: Requirement,
    /// The base currency.
    pub currency: Currency,
    /// What the order would cost, executed at once.
    pub commission: Money,
}

/// The order's value cannot be expressed in the base currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no price or no exchange rate to value the order with")]
pub struct Unpriced;

impl Simulation {
    /// The requirement of the account as it stands.
    pub fn requirement(&self, account: &AccountView) -> Requirement {
        let held = account.positions.iter().map(|position| {
            let value = rate(account, self.universe().terms(position.contract).currency) * position.market_value;
            (position.contract, position.quantity, value)
        });
        self.requirement_of(account.net_liquidation, held)
    }

    /// The requirement of what is held, with its value in base currency.
    pub(crate) fn requirement_of(
        &self,
        equity: Decimal,
        held: impl Iterator<Item = (ContractId, Quantity, Decimal)>,
    ) -> Requirement {
        let (initial, maintenance, gross_position_value) = Default::default();
        let mut requirement = Requirement { equity, initial, maintenance, gross_position_value };
        for (contract, quantity, value) in held {
            requirement.add(self.margin(contract, quantity.to_decimal(), value));
            if self.universe().instrument_of(contract).kind != InstrumentKind::Fut {
                requirement.gross_position_value += value.abs();
            }
        }
        requirement
    }

    /// What an order would change.
    ///
    /// # Errors
    /// [`Unpriced`] when a contract of it has no mark or its currency no rate.
    pub fn margin_impact(&self, order: &SimOrder) -> Result<Impact, Unpriced> {
        let before = self.required();
        let (mut after, mut commission) = (before, Decimal::ZERO);
        let other = order.against.map(|against| (against, order.side.opposite()));
        for (contract, side) in [(order.contract, order.side)].into_iter().chain(other) {
            let instrument = self.universe().instrument_of(contract);
            let quote = self.quote(contract);
            let mark = quote.mid().or(quote.last).or(quote.close).ok_or(Unpriced)?;
            let rate = self.exchange_rate(instrument.currency).ok_or(Unpriced)?;
            let unit_value = rate * mark.to_decimal() * Decimal::from(instrument.multiplier);
            commission += self.charge(contract, order.quantity, order.quantity.value_at(mark, instrument.multiplier));
            let held = self.quantity(contract).to_decimal();
            let then_held = held + Decimal::from(side.sign()) * order.quantity.to_decimal();
            let now = self.margin(contract, held, unit_value * held);
            let then = self.margin(contract, then_held, unit_value * then_held);
            after.add((then.0 - now.0, then.1 - now.1));
            if instrument.kind != InstrumentKind::Fut {
                after.gross_position_value += unit_value * (then_held.abs() - held.abs());
            }
        }
        let commission = Money::new(commission, self.universe().terms(order.contract).currency);
        Ok(Impact { before, after, currency: self.base(), commission })
    }

    /// Why the account cannot afford an order of a client, new or in its new form, beside those that work: with it they ask
    /// for more margin than without, and for more than there is.
    pub(crate) fn lack_of_margin(&self, client: i32, order: &SimOrder) -> Option<Refusal> {
        let known = |contract: ContractId| contract.index() < self.universe().contract_count();
        if ![Some(order.contract), order.against].into_iter().flatten().all(known) {
            return None;
        }
        let open = self.open_orders().into_iter();
        let others =
            open.filter(|view| view.order.transmit && (view.client, view.order.order_id) != (client, order.order_id));
        let others: Vec<_> = others.map(|view| (&view.order, view.remaining())).collect();
        let (before, currency) = (self.required(), self.base());
        let without = self.initial_of(others.iter().copied());
        let with = self.initial_of(others.iter().copied().chain([(order, order.quantity)]));
        let initial = before.initial + with;
        let lacks = with > without && initial > before.equity;
        lacks.then(|| {
            Refusal::rejected(&format!(
                "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [{} {currency}] \
                 MUST EXCEED THE INITIAL MARGIN [{} {currency}]",
                before.equity.round_dp(2),
                initial.round_dp(2)
            ))
        })
    }

    /// Initial margin that orders, each with what is left of it, add to what is held if the worse side of each contract is
    /// executed; one that cannot be valued adds nothing.
    fn initial_of<'a>(&self, orders: impl Iterator<Item = (&'a SimOrder, Quantity)>) -> Decimal {
        let mut sides: BTreeMap<(ContractId, Option<ContractId>, Side), SimOrder> = BTreeMap::new();
        for (order, left) in orders {
            let together = sides.entry((order.contract, order.against, order.side));
            let nothing = || SimOrder { quantity: Quantity::ZERO, ..order.clone() };
            together.or_insert_with(nothing).quantity += left;
        }
        let mut worst: BTreeMap<(ContractId, Option<ContractId>), Decimal> = BTreeMap::new();
        for ((contract, against, _), together) in &sides {
            let Ok(Impact { before, after, .. }) = self.margin_impact(together) else { continue };
            let most = worst.entry((*contract, *against)).or_default();
            *most = (after.initial - before.initial).max(*most);
        }
        worst.values().sum()
    }

    /// Initial and maintenance requirement of a position, in the currency of its value.
    pub fn margin(&self, contract: ContractId, quantity: Decimal, value: Decimal) -> (Decimal, Decimal) {
        let universe = &self.board.tape.universe;
        let instrument = universe.instrument_of(contract);
        let value = value.abs();
        if instrument.kind == InstrumentKind::Opt && quantity.is_sign_negative() && !quantity.is_zero() {
            let asked = value * (Decimal::ONE + self.short_option(contract).unwrap_or(Decimal::ONE));
            return (asked.round_dp(2), asked.round_dp(2));
        }
        margin_rates(instrument.asset_class).map(|rate| share_in_cents(value, rate)).into()
    }

    /// What is asked beside the price of an option sold short, in units of that price.
    fn short_option(&self, contract: ContractId) -> Option<Decimal> {
        let view = self.option_view(contract)?;
        let (root, _) = self.board.tape.option(contract)?;
        let on_index = self.board.tape.universe.instrument_of(root.underlying).kind == InstrumentKind::Ind;
        let (Underlying::Spot { price: spot, .. } | Underlying::Future { price: spot, .. }) = view.underlying;
        let strike = view.terms.strike;
        let (out, floor) = match view.terms.right {
            OptionRight::Call => ((strike - spot).max(0.0), LEAST * spot),
            OptionRight::Put => ((spot - strike).max(0.0), LEAST * strike),
        };
        let share = if on_index { ON_INDEX } else { ON_SHARE };
        let asked = (share * spot - out).max(floor);
        Decimal::from_f64(asked / view.value.price.max(f64::MIN_POSITIVE))
    }
}

/// So many thousandths of a positive amount, to the cent, half to even; in integers, because every position is asked every time
/// an order is looked at.
fn share_in_cents(amount: Decimal, thousandths: i128) -> Decimal {
    let unit = 10_i128.pow(amount.scale() + 1);
    let share = amount.mantissa() * thousandths;
    let (cents, rest) = (share / unit, share % unit);
    let up = match (rest * 2).cmp(&unit) {
        Ordering::Less => 0,
        Ordering::Equal => cents % 2,
        Ordering::Greater => 1,
    };
    Decimal::from_i128_with_scale(cents + up, 2)
}

/// Units of base currency for one unit of a currency of the account.
fn rate(account: &AccountView, currency: Currency) -> Decimal {
    let row = account.cash.iter().find(|row| row.currency == currency);
    row.expect("the account has a row for every currency in use").exchange_rate
}

impl Requirement {
    fn add(&mut self, (initial, maintenance): (Decimal, Decimal)) {
        self.initial += initial;
        self.maintenance += maintenance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_in_integers_is_the_share_in_decimals(mantissa in 0_i128..1_i128 << 90, scale in 0_u32..=18, thousandths in 0_i128..=1000) {
            let amount = Decimal::from_i128_with_scale(mantissa, scale) % Decimal::from(1_000_000_000_000_i64);
            let exact = amount.round_dp(12);
            let share = Decimal::from_i128_with_scale(thousandths, 3) * exact;
            prop_assert_eq!(share_in_cents(exact, thousandths), share.round_dp(2));
        }
    }
}
