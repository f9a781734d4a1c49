//! What the simulated broker asks as margin.
//!
//! In: the account, an order that is being considered. Out: initial and maintenance requirement, before and
//! after. Invariant: the shares of market value are the simulated broker's, the same over TCP and in process.

use crate::accounts::rate;
use crate::contracts::Directory;
use domain::{Currency, InstrumentKind};
use rust_decimal::Decimal;
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
pub(crate) fn requirement(directory: &Directory, sim: &Simulation, account: &AccountView) -> Requirement {
    let mut requirement = Requirement {
        equity: account.net_liquidation,
        initial: Decimal::ZERO,
        maintenance: Decimal::ZERO,
        gross_position_value: Decimal::ZERO,
    };
    for position in &account.positions {
        let instrument = directory.instrument(position.contract);
        let value = rate(account, instrument.currency) * position.market_value.abs();
        requirement.add(sim.margin(position.contract, position.quantity.to_decimal(), value));
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
    let before = requirement(directory, sim, &account);
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
        let now = sim.margin(contract, held, unit_value * held);
        let then = sim.margin(contract, then_held, unit_value * then_held);
        after.add((then.0 - now.0, then.1 - now.1));
        if instrument.kind != InstrumentKind::Fut {
            after.gross_position_value += unit_value * (then_held.abs() - held.abs());
        }
    }
    Ok(Impact { before, after, currency: account.base })
}

impl Requirement {
    fn add(&mut self, (initial, maintenance): (Decimal, Decimal)) {
        self.initial += initial;
        self.maintenance += maintenance;
    }
}
