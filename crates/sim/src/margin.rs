//! What the simulated broker asks as margin.
//!
//! In: the account, an order that is being considered. Out: initial and maintenance requirement, before and
//! after. Invariant: what the gateway tells over TCP and what is told in process is the same.

use crate::terms::margin_rates;
use crate::{AccountView, SimOrder, Simulation};
use domain::{AssetClass, Currency, InstrumentKind};
use rust_decimal::Decimal;

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
}

/// The order's value cannot be expressed in the base currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no price or no exchange rate to value the order with")]
pub struct Unpriced;

impl Simulation {
    /// The requirement of the account as it stands.
    pub fn requirement(&self, account: &AccountView) -> Requirement {
        let mut requirement = Requirement {
            equity: account.net_liquidation,
            initial: Decimal::ZERO,
            maintenance: Decimal::ZERO,
            gross_position_value: Decimal::ZERO,
        };
        for position in &account.positions {
            let instrument = self.universe().instrument_of(position.contract);
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
    /// [`Unpriced`] when a contract of it has no mark or its currency no rate.
    pub fn margin_impact(&self, order: &SimOrder) -> Result<Impact, Unpriced> {
        let account = self.account();
        let before = self.requirement(&account);
        let mut after = before;
        let other = order.against.map(|against| (against, order.side.opposite()));
        for (contract, side) in [(order.contract, order.side)].into_iter().chain(other) {
            let instrument = self.universe().instrument_of(contract);
            let quote = self.quote(contract);
            let mark = quote.mid().or(quote.last).or(quote.close).ok_or(Unpriced)?;
            let rate = self.exchange_rate(instrument.currency).ok_or(Unpriced)?;
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
}

/// Units of base currency for one unit of a currency of the account.
fn rate(account: &AccountView, currency: Currency) -> Decimal {
    let row = account.cash.iter().find(|row| row.currency == currency);
    row.expect("the account has a row for every currency in use").exchange_rate
}

impl Requirement {
    fn add(&mut self, class: AssetClass, value: Decimal) {
        let (initial, maintenance) = margin_rates(class);
        self.initial += (initial * value).round_dp(2);
        self.maintenance += (maintenance * value).round_dp(2);
    }
}
