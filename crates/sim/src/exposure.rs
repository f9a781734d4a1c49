//! How each instrument answers the factors.
//!
//! In: an instrument. Out: its price at the beginning of the first day and its loadings. Invariant: instruments on the
//! same thing have the same loadings, so that they agree at every instant up to fees, dividends, currency and basis.

use domain::{AssetClass, Currency, Instrument};

/// Price at the origin, and what moves it. Loadings multiply factors in logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exposure {
    /// Price at the beginning of the first day, in the major unit; for VIX the unit itself.
    pub(crate) anchor: f64,
    /// World equity.
    pub(crate) market: f64,
    /// US over European equity.
    pub(crate) divergence: f64,
    /// The euro against the dollar.
    pub(crate) euro: f64,
    /// VIX.
    pub(crate) volatility: f64,
    /// Reinvested dividends minus fees, a year.
    pub(crate) accrual: f64,
    /// Cost of carry to expiry, a year: a future is above its underlying by this and meets it at the end.
    pub(crate) carry: f64,
    /// Annual volatility of what is the instrument's own.
    pub(crate) own_volatility: f64,
}

const NOTHING: Exposure = Exposure {
    anchor: 100.0,
    market: 0.0,
    divergence: 0.0,
    euro: 0.0,
    volatility: 0.0,
    accrual: 0.0,
    carry: 0.0,
    own_volatility: 0.0,
};
const US: Exposure = Exposure { market: 1.0, divergence: 0.4, ..NOTHING };
const EUROPE: Exposure = Exposure { market: 1.05, divergence: -0.8, ..NOTHING };

const US_DIVIDENDS: f64 = 0.012;
const EUROPE_DIVIDENDS: f64 = 0.027;
const DOLLAR_RATE: f64 = 0.040;
/// Dollar over euro interest.
const DOLLAR_OVER_EURO: f64 = 0.019;

impl Exposure {
    /// What the table says of the instrument, or what its class and currency suggest.
    pub(crate) fn of(instrument: &Instrument) -> Exposure {
        match instrument.name.as_str() {
            "SPX" => Exposure { anchor: 6_800.0, ..US },
            "CSPX" => Exposure { anchor: 730.0, accrual: US_DIVIDENDS, ..US },
            "SXR8" => Exposure { anchor: 629.0, euro: -1.0, accrual: US_DIVIDENDS, ..US },
            "SPY" => Exposure { anchor: 679.0, ..US },
            "ES" | "MES" => Exposure { anchor: 6_800.0, carry: DOLLAR_RATE - US_DIVIDENDS, ..US },
            "SX5E" => Exposure { anchor: 5_700.0, ..EUROPE },
            "CS51" => Exposure { anchor: 205.0, accrual: EUROPE_DIVIDENDS, ..EUROPE },
            "FESX" => Exposure { anchor: 5_700.0, carry: DOLLAR_RATE - DOLLAR_OVER_EURO - EUROPE_DIVIDENDS, ..EUROPE },
            "VIX" => Exposure { anchor: 1.0, volatility: 1.0, ..NOTHING },
            "EUR.USD" => Exposure { anchor: 1.16, euro: 1.0, ..NOTHING },
            "M6E" | "6E" => Exposure { anchor: 1.16, euro: 1.0, carry: DOLLAR_OVER_EURO, ..NOTHING },
            _ => Exposure::of_class(instrument),
        }
    }

    fn of_class(instrument: &Instrument) -> Exposure {
        let equity = if instrument.risk_currency == Currency::Usd { US } else { EUROPE };
        match instrument.asset_class {
            AssetClass::EquityEtf => Exposure { own_volatility: 0.06, ..equity },
            AssetClass::Stock => Exposure { anchor: 150.0, own_volatility: 0.22, ..equity },
            AssetClass::EquityIndexFuture | AssetClass::Index => {
                Exposure { anchor: 5_000.0, own_volatility: 0.04, ..equity }
            }
            AssetClass::BondEtf => Exposure { market: 0.15, own_volatility: 0.04, ..NOTHING },
            AssetClass::BondFuture => Exposure { anchor: 125.0, market: -0.10, own_volatility: 0.05, ..NOTHING },
            AssetClass::VolatilityFuture => Exposure { anchor: 2.1, volatility: 0.75, ..NOTHING },
            AssetClass::FxFuture | AssetClass::Fx => Exposure { anchor: 1.0, own_volatility: 0.07, ..NOTHING },
            AssetClass::Option => Exposure { anchor: 5.0, own_volatility: 0.60, ..NOTHING },
        }
    }
}
