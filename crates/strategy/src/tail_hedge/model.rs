//! An option at its mark: the volatility it trades at, its Greeks, and what it carries of its underlying.
//!
//! In: an option's key, its mark, the price of the underlying. Out: the model's view of it. Invariant: the view prices
//! back to the mark it was made from; where no volatility does, the option counts as what exercise would bring.

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
