//! How tight and deep each class of instrument trades.
//!
//! In: an instrument. Out: half-spread, displayed size and daily volume before chance and stress. Invariant: sizes are
//! positive; an index has none of it, because it is quoted and never traded.
//!
//! Volume of a fund counts what its market makers quote for the basket, not only what is printed on the venue.

use domain::{AssetClass, Instrument, InstrumentKind, Mic};

/// A size given in shares or contracts, or by its value in the trading currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Amount {
    /// Shares or contracts.
    Units(f64),
    /// Price × multiplier × shares or contracts.
    Value(f64),
}

impl Amount {
    /// Shares or contracts at a price, at least one.
    pub(crate) fn units(self, price: f64, multiplier: u32) -> f64 {
        match self {
            Amount::Units(units) => units,
            Amount::Value(value) => (value / (price * f64::from(multiplier))).max(1.0),
        }
    }
}

/// Distance from the middle to bid and ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum HalfSpread {
    /// Basis points of the price.
    BasisPoints(f64),
    /// Price steps.
    Ticks(f64),
}

/// Liquidity of one instrument on a quiet day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Profile {
    /// Half of the spread.
    pub(crate) half_spread: HalfSpread,
    /// Size shown at bid and at ask.
    pub(crate) displayed: Amount,
    /// Size traded in a session.
    pub(crate) daily_volume: Amount,
}

impl Profile {
    /// The profile of an instrument's class; `None` for an index.
    pub(crate) fn of(instrument: &Instrument) -> Option<Profile> {
        use Amount::{Units, Value};
        use HalfSpread::{BasisPoints, Ticks};
        if instrument.kind == InstrumentKind::Ind {
            return None;
        }
        let is_american = matches!(instrument.venue, Mic::Xnys | Mic::Xnas);
        let (half_spread, displayed, daily_volume) = match instrument.asset_class {
            AssetClass::EquityEtf if is_narrow(&instrument.name) => (BasisPoints(3.0), Value(2e5), Value(2e8)),
            AssetClass::EquityEtf => (BasisPoints(1.5), Value(5e5), Value(1.2e9)),
            AssetClass::BondEtf => (BasisPoints(2.5), Value(3e5), Value(4e8)),
            AssetClass::Stock if !is_american => (BasisPoints(2.5), Value(6e4), Value(2e8)),
            AssetClass::Stock => (BasisPoints(1.5), Value(1e5), Value(1e9)),
            AssetClass::EquityIndexFuture => (Ticks(0.5), Units(40.0), Units(150_000.0)),
            AssetClass::BondFuture if instrument.name == "FGBL" => (Ticks(0.5), Units(200.0), Units(600_000.0)),
            AssetClass::BondFuture => (Ticks(1.0), Units(60.0), Units(120_000.0)),
            AssetClass::VolatilityFuture => (Ticks(0.5), Units(60.0), Units(80_000.0)),
            AssetClass::FxFuture => (Ticks(0.5), Units(40.0), Units(30_000.0)),
            AssetClass::Fx => (BasisPoints(0.5), Units(2e6), Units(2e10)),
            AssetClass::Option => (BasisPoints(150.0), Units(20.0), Units(2_000.0)),
            AssetClass::Index | AssetClass::VolatilityIndex => return None,
        };
        Some(Profile { half_spread, displayed, daily_volume })
    }
}

/// Funds of one sector, style or small market, which trade less than those on a broad index.
fn is_narrow(name: &str) -> bool {
    const NARROW: [&str; 11] = ["IUIT", "SEMI", "IUHC", "IUQA", "IUMO", "IUCD", "EXV1", "IUKD", "EXV5", "EXH1", "EXX1"];
    NARROW.contains(&name)
}
