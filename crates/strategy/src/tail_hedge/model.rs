//! An option at its mark: the volatility it trades at, its Greeks, and what it carries of its underlying.
//!
//! In: an option's key, its mark or the volatility it last traded at, the price of the underlying. Out: the model's view of
//! it, and the mark the model gives it while nobody does. Invariant: the view prices back to the mark it was made from;
//! where no volatility does, the option counts as what exercise would bring.

use super::HedgeType;
use super::held::terms_of;
use domain::{OptionKey, Price};
use jiff::civil::Date;
use market::{Underlying, Valuation, options};

/// What the model makes of a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionView {
    /// What it is written on, today.
    pub underlying: Underlying,
    /// Implied volatility; `None` when the price implies none, as near the tick of a worthless option.
    pub volatility: Option<f64>,
    /// Value and Greeks of one unit.
    pub value: Valuation,
}

/// The underlying of a type of hedge for the model: VIX options settle against their future, others are owned. The level
/// of VIX stands for its future.
pub fn underlying(hedge: HedgeType, price: Price, rate: f64) -> Underlying {
    let price = price.to_f64();
    match hedge {
        HedgeType::VixCalls => Underlying::Future { price, rate },
        _ => Underlying::Spot { price, rate, dividend_yield: 0.0 },
    }
}

impl OptionView {
    /// The view of an option at its mark; `None` for terms the model refuses.
    pub fn at(key: &OptionKey, mark: Price, underlying: Underlying, today: Date) -> Option<OptionView> {
        let terms = terms_of(key, today);
        let volatility = options::implied_volatility(&terms, &underlying, mark.to_f64()).ok();
        let value = options::value(&terms, &underlying, volatility.unwrap_or(0.0)).ok()?;
        Some(OptionView { underlying, volatility, value })
    }
}

/// What an option that nobody quotes is worth at the volatility it last traded at: the model's value on the grid of its
/// prices, at least a tick. `None` for terms the model refuses.
pub fn modelled(key: &OptionKey, tick: Price, underlying: &Underlying, volatility: f64, today: Date) -> Option<Price> {
    let value = options::value(&terms_of(key, today), underlying, volatility).ok()?;
    let ticks = (value.price / tick.to_f64()).round().max(1.0);
    Price::from_f64(ticks * tick.to_f64()).ok()
}

#[cfg(test)]
mod tests;
