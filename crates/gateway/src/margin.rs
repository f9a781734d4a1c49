//! What the simulated broker asks as margin.
//!
//! In: the account, an order that is being considered. Out: initial and maintenance requirement, before and
//! after. Invariant: a fixed share of market value per asset class, near what IB asks for liquid lines; good
//! enough to show a cushion shrinking, not a copy of any broker's model.

use crate::accounts::rate;
use crate::contracts::Directory;
use domain::{AssetClass, Currency, InstrumentKind};
use rust_decimal::{Decimal, dec};
use sim::{AccountView, SimOrder, Simulation};

/// What an account must keep, in the base currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Equity with loan value.
    pub(crate) equity: Decimal,
    /// Needed to open.
    pub(crate) initial: Decimal,
    /// Needed to hold.
    pub(crate) maintenance: Decimal,
    /// Σ |market value| of everything but futures.
    pub(crate) gross_position_value: Decimal,
}

/// Requirements without and with an order, as if it were filled at the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Impact {
    pub(crate) before: Requirement,
    pub(crate) after: Requirement,
    pub(crate) currency: Currency,
}

/// The order's value cannot be expressed in the base currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no price or no exchange rate to value the order with")]
pub(crate) struct Unpriced;

/// The requirement of an account as it stands.
pub(crate) fn requirement(directory: &Directory, account: &AccountView) -> Requirement {
    let mut requirement = Requirement {
        equity: account.net_liquidation,
        initial: Decimal::ZERO,
        maintenance: Decimal::ZERO,
        gross_position_value: Decimal::ZERO,
    };
    for position in &account.positions {
        let instrument = directory.instrument(position.contract);
        let value = rate(account, instrument.currency) * position.market_value.abs();
        requirement.add(instrument.asset_class, value);
        if instrument.kind != InstrumentKind::Fut {
            requirement.gross_position_value += value;
        }
    }
    requirement
}

/// What an order would change.
///
/// # Errors
/// [`Unpriced`] when the contract has no mark or its currency no rate.
pub(crate) fn what_if(directory: &Directory, sim: &Simulation, order: &SimOrder) -> Result<Impact, Unpriced> {
    let account = sim.account();
    let before = requirement(directory, &account);
    let mut after = before;
    let other = order.against.map(|against| (against, order.side.opposite()));
    for (contract, side) in [(order.contract, order.side)].into_iter().chain(other) {
        let instrument = directory.instrument(contract);
        let quote = sim.quote(contract);
        let mark = quote.mid().or(quote.last).ok_or(Unpriced)?;
        let rate = sim.exchange_rate(instrument.currency).ok_or(Unpriced)?;
        let unit_value = rate * mark.to_decimal() * Decimal::from(instrument.multiplier);
        let position = account.positions.iter().find(|position| position.contract == contract);
        let held = position.map_or(Decimal::ZERO, |position| position.quantity.to_decimal());
        let then_held = held + Decimal::from(side.sign()) * order.quantity.to_decimal();
        let change = unit_value * (then_held.abs() - held.abs());
        after.add(instrument.asset_class, change);
        if instrument.kind != InstrumentKind::Fut {
            after.gross_position_value += change;
        }
    }
    Ok(Impact { before, after, currency: account.base })
}

impl Requirement {
    fn add(&mut self, class: AssetClass, value: Decimal) {
        let (initial, maintenance) = rates(class);
        self.initial += (initial * value).round_dp(2);
        self.maintenance += (maintenance * value).round_dp(2);
    }
}

/// Initial and maintenance requirement as shares of market value.
fn rates(class: AssetClass) -> (Decimal, Decimal) {
    match class {
        AssetClass::EquityEtf | AssetClass::BondEtf | AssetClass::Stock => (dec!(0.30), dec!(0.25)),
        AssetClass::EquityIndexFuture => (dec!(0.08), dec!(0.07)),
        AssetClass::BondFuture => (dec!(0.025), dec!(0.022)),
        AssetClass::VolatilityFuture => (dec!(0.40), dec!(0.35)),
        AssetClass::FxFuture | AssetClass::Fx => (dec!(0.033), dec!(0.03)),
        AssetClass::Option => (dec!(1), dec!(1)),
        AssetClass::Index => (dec!(0), dec!(0)),
    }
}
