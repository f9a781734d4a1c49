//! What the broker charges, in the manner of Interactive Brokers' fixed price lists.
//!
//! In: what an order has executed so far. Out: its commission so far, in the instrument's currency. Invariant: the
//! charge of an execution is the order's charge after it minus the charge before, so that minimum fees are paid once and
//! the parts add up to the whole, to the cent.

use domain::{AssetClass, Currency, Instrument, InstrumentKind, Mic, Quantity};
use rust_decimal::{Decimal, RoundingStrategy, dec};

/// Charge of an order that executed `quantity` for `value` (price × multiplier × quantity), rounded to cents half away
/// from zero. Nothing executed costs nothing.
///
/// | what | charge |
/// |---|---|
/// | funds and shares in London, Xetra and the rest of Europe | 0.05 % of value, at least 3 (4 when traded in dollars) |
/// | funds and shares in New York | 0.005 a share, at least 1, at most 1 % of value |
/// | micro currency futures (12,500 and below) | 0.15 broker + 0.24 exchange + 0.02 regulation a contract |
/// | other currency futures | 0.85 + 1.60 + 0.02 a contract |
/// | micro index futures (5 and below) | 0.25 + 0.35 + 0.02 a contract |
/// | other futures | 0.85 + 1.38 + 0.02 a contract |
/// | options | 0.65 a contract, at least 1 |
/// | spot currencies | 0.2 basis points of value, at least 2 |
pub(crate) fn commission(instrument: &Instrument, quantity: Quantity, value: Decimal) -> Decimal {
    if quantity.is_zero() {
        return Decimal::ZERO;
    }
    let pieces = quantity.to_decimal();
    let exact = match instrument.kind {
        InstrumentKind::Stk | InstrumentKind::Etf if matches!(instrument.venue, Mic::Xnys | Mic::Xnas) => {
            (dec!(0.005) * pieces).max(dec!(1)).min(dec!(0.01) * value)
        }
        InstrumentKind::Stk | InstrumentKind::Etf => {
            let minimum = if instrument.currency == Currency::Usd { dec!(4) } else { dec!(3) };
            (dec!(0.0005) * value).max(minimum)
        }
        InstrumentKind::Fut => per_contract(instrument) * pieces,
        InstrumentKind::Opt => (dec!(0.65) * pieces).max(dec!(1)),
        InstrumentKind::Cash | InstrumentKind::Ind => (dec!(0.00002) * value).max(dec!(2)),
    };
    exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn per_contract(instrument: &Instrument) -> Decimal {
    match instrument.asset_class {
        AssetClass::FxFuture if instrument.multiplier <= 12_500 => dec!(0.15) + dec!(0.24) + dec!(0.02),
        AssetClass::FxFuture => dec!(0.85) + dec!(1.60) + dec!(0.02),
        AssetClass::EquityIndexFuture if instrument.multiplier <= 5 => dec!(0.25) + dec!(0.35) + dec!(0.02),
        _ => dec!(0.85) + dec!(1.38) + dec!(0.02),
    }
}
