//! What the simulated broker asks for a position, the same over TCP and in process.
//!
//! In: a contract, a signed quantity, its market value. Out: initial and maintenance requirement. Invariant: a share of the
//! value per asset class; an option sold short is asked what an exchange asks at least, and a bought one its price.

use crate::simulation::Simulation;
use crate::terms::margin_rates;
use domain::{ContractId, InstrumentKind, OptionRight};
use market::Underlying;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

/// Shares of the underlying asked for an option sold short, on a broad index and on anything else, and the least of them
/// (Cboe Rule 10.3: premium + share of the underlying - what it is out of the money; at least a tenth, of the strike for
/// a put).
const ON_INDEX: f64 = 0.15;
const ON_SHARE: f64 = 0.20;
const LEAST: f64 = 0.10;

impl Simulation {
    /// Initial and maintenance requirement of a position, in the currency of its value.
    pub fn margin(&self, contract: ContractId, quantity: Decimal, value: Decimal) -> (Decimal, Decimal) {
        let universe = &self.board.tape.universe;
        let instrument = universe.instrument_of(contract);
        let value = value.abs();
        if instrument.kind == InstrumentKind::Opt && quantity.is_sign_negative() && !quantity.is_zero() {
            let asked = value * (Decimal::ONE + self.short_option(contract).unwrap_or(Decimal::ONE));
            return (asked.round_dp(2), asked.round_dp(2));
        }
        let (initial, maintenance) = margin_rates(instrument.asset_class);
        ((initial * value).round_dp(2), (maintenance * value).round_dp(2))
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
