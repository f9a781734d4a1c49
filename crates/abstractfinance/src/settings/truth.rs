//! The sections of `settings.yaml` that say which prices are believed and how far two sets of books may differ.
//!
//! In: YAML. Out: plain values by asset class. Invariant: every asset class the engine can hold has a limit; none of
//! them is switched off by leaving it out.

use super::data::Yahoo;
use super::instruments::Instruments;
use super::rules::{above, amount_up_to, exact, finite, lasts};
use domain::{AssetClass, BasisPoints};
use garde::Validate;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which prices are believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Data {
    /// Move against the last good mark above which a price waits for confirmation.
    #[garde(dive)]
    pub max_jump: MaxJump,
    /// Sessions of its venue a held mark may be old before the day takes no new risk.
    #[garde(range(min = 1, max = 20))]
    pub stale_mark_sessions: u32,
    /// Charts over HTTP.
    #[garde(dive)]
    pub yahoo: Yahoo,
}

/// Largest move that is believed at once, as a fraction, by the broker's asset classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct MaxJump {
    /// Funds.
    #[serde(rename = "ETF")]
    #[garde(range(min = 0.01, max = 2.0), custom(finite))]
    pub etf: f64,
    /// Shares.
    #[serde(rename = "STK")]
    #[garde(range(min = 0.01, max = 2.0), custom(finite))]
    pub stk: f64,
    /// Futures on indices and bonds.
    #[serde(rename = "FUT")]
    #[garde(range(min = 0.01, max = 2.0), custom(finite))]
    pub fut: f64,
    /// Futures on volatility.
    #[serde(rename = "VOL_FUT")]
    #[garde(range(min = 0.01, max = 5.0), custom(finite))]
    pub vol_fut: f64,
    /// Futures on currencies.
    #[serde(rename = "FX_FUT")]
    #[garde(range(min = 0.005, max = 1.0), custom(finite))]
    pub fx_fut: f64,
    /// Options.
    #[serde(rename = "OPT")]
    #[garde(range(min = 0.1, max = 50.0), custom(finite))]
    pub opt: f64,
    /// Spot currencies.
    #[serde(rename = "FX")]
    #[garde(range(min = 0.005, max = 1.0), custom(finite))]
    pub fx: f64,
    /// Indices of shares.
    #[serde(rename = "IND")]
    #[garde(range(min = 0.01, max = 5.0), custom(finite))]
    pub ind: f64,
    /// Indices of volatility.
    #[serde(rename = "VOL_IND")]
    #[garde(range(min = 0.01, max = 5.0), custom(finite))]
    pub vol_ind: f64,
}

impl Data {
    /// The largest move of an asset class that is believed at once.
    pub fn jump_max(&self, class: AssetClass) -> f64 {
        let by_class = &self.max_jump;
        match class {
            AssetClass::EquityEtf | AssetClass::BondEtf => by_class.etf,
            AssetClass::Stock => by_class.stk,
            AssetClass::EquityIndexFuture | AssetClass::BondFuture => by_class.fut,
            AssetClass::VolatilityFuture => by_class.vol_fut,
            AssetClass::FxFuture => by_class.fx_fut,
            AssetClass::Option => by_class.opt,
            AssetClass::Fx => by_class.fx,
            AssetClass::Index => by_class.ind,
            AssetClass::VolatilityIndex => by_class.vol_ind,
        }
    }
}

/// Tolerances between our books and the broker's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Reconciliation {
    /// Difference of NAV and net liquidation, in hundredths of a percent, from which it is reported.
    #[garde(range(max = 100))]
    pub warn_bps: u32,
    /// Difference, as a fraction, above which no new order leaves.
    #[garde(range(min = 0.0001, max = 0.05), custom(finite))]
    pub halt_threshold_pct: f64,
    /// Difference, as a fraction, above which nothing but cancels leaves.
    #[garde(range(min = 0.0001, max = 0.1), custom(finite), custom(above("halt_threshold_pct", self.halt_threshold_pct)))]
    pub emergency_threshold_pct: f64,
    /// Cash difference in base currency that is accepted.
    #[serde(deserialize_with = "exact", serialize_with = "rust_decimal::serde::str::serialize")]
    #[schemars(with = "super::instruments::ExactNumber")]
    #[garde(custom(amount_up_to(1_000)))]
    pub cash_tolerance: Decimal,
    /// Cash difference in hundredths of a percent of NAV that is accepted, if that is more.
    #[garde(range(max = 100))]
    pub cash_tolerance_nav_bps: u32,
    /// Distance of our mark from the broker's above which the price is quarantined.
    #[garde(dive)]
    pub mark_tolerance_bps_by_asset_class: MarkTolerance,
    /// Wait before the account is read again, when the first comparison would stop the day.
    #[garde(custom(lasts(180, 3600)))]
    #[schemars(with = "String")]
    pub second_reading_after: SignedDuration,
    /// Whether a HALT of this comparison ends by itself with the next one that passes.
    #[garde(skip)]
    pub auto_clear: bool,
}

/// Distance of two marks in hundredths of a percent, by the broker's asset classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct MarkTolerance {
    /// Funds.
    #[serde(rename = "ETF")]
    #[garde(range(min = 1, max = 500))]
    pub etf: u32,
    /// Shares.
    #[serde(rename = "STK")]
    #[garde(range(min = 1, max = 500))]
    pub stk: u32,
    /// Futures on indices, bonds and volatility.
    #[serde(rename = "FUT")]
    #[garde(range(min = 1, max = 500))]
    pub fut: u32,
    /// Futures on currencies.
    #[serde(rename = "FX_FUT")]
    #[garde(range(min = 1, max = 500))]
    pub fx_fut: u32,
    /// Options.
    #[serde(rename = "OPT")]
    #[garde(range(min = 1, max = 5000))]
    pub opt: u32,
}

impl Reconciliation {
    /// The tolerance of every asset class that can be held.
    pub fn mark_tolerances(&self) -> Vec<(AssetClass, BasisPoints)> {
        let by_class = &self.mark_tolerance_bps_by_asset_class;
        let rows = [
            (AssetClass::EquityEtf, by_class.etf),
            (AssetClass::BondEtf, by_class.etf),
            (AssetClass::Stock, by_class.stk),
            (AssetClass::EquityIndexFuture, by_class.fut),
            (AssetClass::BondFuture, by_class.fut),
            (AssetClass::VolatilityFuture, by_class.fut),
            (AssetClass::FxFuture, by_class.fx_fut),
            (AssetClass::Option, by_class.opt),
        ];
        rows.map(|(class, bps)| (class, BasisPoints(i32::try_from(bps).expect("at most 5,000")))).to_vec()
    }
}

/// What is watched while the day's orders wait and work; losses and the regime have their lines in `risk` and `hysteresis`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Watchdog {
    /// Time between two looks at account, volatility index and clocks.
    #[garde(custom(lasts(15, 3600)))]
    #[schemars(with = "String")]
    pub every: SignedDuration,
    /// Excess liquidity, as a share of net liquidation, below which only risk is reduced.
    #[garde(range(min = 0.0, max = 0.9), custom(finite))]
    pub margin_cushion_min: f64,
    /// Time without a look that could be taken after which only risk is reduced.
    #[garde(custom(lasts(60, 14400)))]
    #[schemars(with = "String")]
    pub feed_age_max: SignedDuration,
    /// Difference of the gateway's clock from ours beyond which nothing is sent.
    #[garde(custom(lasts(1, 600)))]
    #[schemars(with = "String")]
    pub clock_skew_max: SignedDuration,
    /// Time the journal may take to write what is about to be sent; beyond it only risk is reduced.
    #[garde(custom(lasts(1, 5)))]
    #[schemars(with = "String")]
    pub storage_slow: SignedDuration,
}
