//! How an instrument answers the factors.
//!
//! In: an instrument. Out: its price at the beginning of the first day and its loadings. Invariant: instruments on the
//! same thing have the same loadings, so that they agree at every instant up to fees, dividends, currency and basis.

use crate::levels::{Factor, PerFactor};
use crate::local::Local;
use domain::{AssetClass, Currency, Instrument};

/// Most walks of its own surroundings that an instrument follows.
pub(crate) const LOCALS: usize = 2;

/// Price at the origin, and what moves it. Loadings multiply factors and walks in logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exposure {
    /// Price at the beginning of the first day, in the major unit. For what loads on VIX, the price at a VIX of 1.
    pub(crate) anchor: f64,
    /// Factors.
    pub(crate) factors: PerFactor,
    /// Sectors, countries and other surroundings it shares with some instruments only.
    pub(crate) local: [Option<(Local, f64)>; LOCALS],
    /// Reinvested dividends minus fees, a year.
    pub(crate) accrual: f64,
    /// Cost of carry to expiry, a year: a future is above its underlying by this and meets it at the end.
    pub(crate) carry: f64,
    /// The level to which a volatility future expects its index to return.
    pub(crate) reverts_to: Option<f64>,
    /// Annual volatility of what is the instrument's own.
    pub(crate) own_volatility: f64,
}

/// Moved by nothing.
pub(crate) const NOTHING: Exposure = Exposure {
    anchor: 100.0,
    factors: PerFactor::of([]),
    local: [None; LOCALS],
    accrual: 0.0,
    carry: 0.0,
    reverts_to: None,
    own_volatility: 0.0,
};
/// Large shares of the US.
pub(crate) const US: Exposure =
    Exposure { factors: PerFactor::of([(Factor::Market, 1.0), (Factor::Divergence, 0.4)]), ..NOTHING };
/// Large shares of the euro area.
pub(crate) const EUROPE: Exposure =
    Exposure { factors: PerFactor::of([(Factor::Market, 1.25), (Factor::Divergence, -1.0)]), ..NOTHING };

impl Exposure {
    /// What the table says of the instrument, or what its class and currency suggest.
    pub(crate) fn of(instrument: &Instrument) -> Exposure {
        crate::things::exposure(&instrument.name).unwrap_or_else(|| Exposure::of_class(instrument))
    }

    /// The level an index of volatility is expected to return to.
    pub(crate) fn long_run(&self) -> f64 {
        let future = if self.local[0].is_some() { "FVS" } else { "VX" };
        crate::things::exposure(future).and_then(|future| future.reverts_to).expect("the table has volatility futures")
    }

    /// At a price.
    pub(crate) const fn at(self, anchor: f64) -> Exposure {
        Exposure { anchor, ..self }
    }

    /// Reinvesting dividends.
    pub(crate) const fn accruing(self, accrual: f64) -> Exposure {
        Exposure { accrual, ..self }
    }

    /// As a future.
    pub(crate) const fn carrying(self, carry: f64) -> Exposure {
        Exposure { carry, ..self }
    }

    /// With a volatility of its own.
    pub(crate) const fn own(self, own_volatility: f64) -> Exposure {
        Exposure { own_volatility, ..self }
    }

    /// Answering every factor so many times as far.
    pub(crate) const fn beta(self, by: f64) -> Exposure {
        Exposure { factors: self.factors.times(by), ..self }
    }

    /// Answering some factors in another way.
    pub(crate) const fn to<const N: usize>(self, pairs: [(Factor, f64); N]) -> Exposure {
        Exposure { factors: self.factors.and(pairs), ..self }
    }

    /// In one more surrounding.
    pub(crate) const fn with(mut self, local: Local, loading: f64) -> Exposure {
        let place = if self.local[0].is_none() { 0 } else { 1 };
        assert!(self.local[place].is_none(), "an instrument has two surroundings at most");
        self.local[place] = Some((local, loading));
        self
    }

    fn of_class(instrument: &Instrument) -> Exposure {
        let equity = if instrument.risk_currency == Currency::Usd { US } else { EUROPE };
        match instrument.asset_class {
            AssetClass::EquityEtf => equity.own(0.06),
            AssetClass::Stock => equity.at(150.0).own(0.22),
            AssetClass::EquityIndexFuture | AssetClass::Index => equity.at(5_000.0).own(0.04),
            AssetClass::BondEtf => NOTHING.to([(Factor::Rates, 0.6), (Factor::Credit, 0.4)]).own(0.02),
            AssetClass::BondFuture => NOTHING.at(125.0).to([(Factor::Rates, 1.0)]).own(0.01),
            AssetClass::VolatilityFuture => {
                Exposure { reverts_to: Some(20.0), ..NOTHING.at(1.0).to([(Factor::Volatility, 1.0)]) }
            }
            AssetClass::VolatilityIndex => NOTHING.at(20.0).to([(Factor::Volatility, 1.0)]),
            AssetClass::FxFuture | AssetClass::Fx => NOTHING.at(1.0).own(0.07),
            AssetClass::Option => NOTHING.at(5.0).own(0.60),
        }
    }
}
