//! Tail hedges in `settings.yaml`: budget, what is bought of which chains, when it goes, how a crisis would move it.
//!
//! In: YAML. Out: plain values. Invariant: after validation every kind of hedge with a share of the premium says what is
//! bought for it, of roots that can be traded.

use super::instruments::{ExactNumber, Instruments};
use super::refusal::{VALUE, rule};
use super::rules::{adds_up, finite, listed};
use domain::{InstrumentKind, Price};
use garde::Validate;
use garde::error::{Kind, PathComponentKind};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Options against a fall, bought from a budget of premium.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct TailHedge {
    /// Largest market value, as a share of NAV.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub weight: f64,
    /// Premium a year, as a share of NAV.
    #[garde(range(min = 0.0, max = 0.2), custom(finite))]
    pub budget_annual_pct: f64,
    /// Factor on the accrual of a month with a date in ELEVATED or CRISIS.
    #[garde(range(min = 1.0, max = 5.0), custom(finite))]
    pub stressed_budget_factor: f64,
    /// Months an accrual can be spent in, its own included.
    #[garde(range(min = 1, max = 36))]
    pub carry_months: i32,
    /// Shares of the premium by kind of hedge, adding up to 1.
    #[garde(custom(adds_up), custom(all_described(&self.options, self.oat_bund.as_ref())))]
    pub buckets: BTreeMap<Bucket, f64>,
    /// What is bought, by kind of hedge.
    #[garde(dive)]
    pub options: BTreeMap<Bucket, Options>,
    /// The pair of bond futures; null without one.
    #[garde(dive)]
    pub oat_bund: Option<OatBund>,
    /// Lowest and highest implied volatility that is believed.
    #[garde(custom(band(0.0, 10.0)))]
    pub implied_volatility: [f64; 2],
    /// Widest spread as a share of the mid.
    #[garde(range(min = 0.0, max = 2.0), custom(finite))]
    pub spread_max_pct: f64,
    /// A spread of this size is narrow enough however cheap the option is, in its price.
    #[schemars(with = "ExactNumber")]
    #[garde(skip)]
    pub spread_always: Price,
    /// Fewest contracts open.
    #[garde(skip)]
    pub open_interest_min: u64,
    /// How far an option's price may have risen above the offer it was chosen at; that much more premium is set aside.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub price_tolerance_pct: f64,
    /// Interest rate of the model that values options, a year.
    #[garde(range(min = -0.1, max = 0.5), custom(finite))]
    pub interest_rate: f64,
    /// Days to expiry at which an option is replaced.
    #[garde(range(min = 1, max = 90))]
    pub roll_days: i32,
    /// Days before expiry at which one that would be exercised into shares is gone.
    #[garde(range(min = 1, max = 60))]
    pub close_out_days: i32,
    /// Share of the contracts in the money that a crisis turns into cash, once.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub monetise_pct: f64,
    /// How `hedges` moves markets in its scenarios.
    #[garde(dive)]
    pub stress: Stress,
}

/// Kinds of hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Puts on share indices.
    EquityIndexPuts,
    /// Calls on VIX.
    VixCalls,
    /// Puts on high-yield bonds.
    CreditPuts,
    /// Long Bund, short OAT futures.
    OatBund,
    /// Puts on French banks.
    FrenchBankPuts,
}

impl Bucket {
    /// The name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Bucket::EquityIndexPuts => "equity_index_puts",
            Bucket::VixCalls => "vix_calls",
            Bucket::CreditPuts => "credit_puts",
            Bucket::OatBund => "oat_bund",
            Bucket::FrenchBankPuts => "french_bank_puts",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl PathComponentKind for Bucket {
    fn component_kind() -> Kind {
        Kind::Key
    }
}

/// Which options of which roots are bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Options {
    /// Option roots of the instrument table, preferred ones first.
    #[garde(length(min = 1), inner(custom(root)))]
    pub roots: Vec<String>,
    /// Size of delta, from and to.
    #[garde(custom(band(0.0, 1.0)))]
    pub delta: [f64; 2],
    /// Days to expiry, from and to.
    #[garde(custom(band(1, 1000)))]
    pub days: [i32; 2],
}

/// The pair of bond futures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct OatBund {
    /// The future that is bought.
    #[garde(custom(future))]
    pub long: String,
    /// The future that is sold.
    #[garde(custom(future))]
    pub short: String,
    /// Coupon of the notional bond both futures are made on.
    #[garde(range(min = 0.001, max = 0.2), custom(finite))]
    pub notional_coupon: f64,
    /// Remaining life, in years, of a bond that may be delivered: from and to.
    #[garde(custom(band(0.5, 50.0)))]
    pub deliverable_years: [f64; 2],
    /// Bonds that may be delivered for the long leg. The cheapest of them gives its DV01.
    #[garde(dive)]
    pub long_bonds: Vec<GovernmentBond>,
    /// The same for the short leg. While none of a leg's may be delivered, the notional bond gives both DV01s.
    #[garde(dive)]
    pub short_bonds: Vec<GovernmentBond>,
    /// Narrowing of the spread, in basis points, whose loss counts as premium.
    #[garde(range(min = 1, max = 500))]
    pub stress_narrowing_bp: u32,
    /// Parallel move of yields, in basis points, on what whole contracts leave unbalanced.
    #[garde(range(max = 500))]
    pub stress_parallel_bp: u32,
    /// Most that the notional of both legs may come to, as a multiple of NAV.
    #[garde(range(min = 0.0, max = 2.0), custom(finite))]
    pub gross_max_nav_pct: f64,
}

/// A bond with yearly coupons.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct GovernmentBond {
    /// Coupon a year, as a fraction.
    #[garde(range(min = 0.0, max = 0.2), custom(finite))]
    pub coupon: f64,
    /// When it is paid back.
    #[schemars(with = "String")]
    #[garde(skip)]
    pub maturity: Date,
}

/// How a fall of shares or a jump of VIX moves what hedges are written on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Stress {
    /// Fall of what each kind is written on, per fall of the share index.
    #[garde(skip)]
    pub beta: BTreeMap<Bucket, f64>,
    /// Implied volatility added per fall of an option's own underlying: 0.5 adds ten points to a fall of 20 %.
    #[garde(range(min = 0.0, max = 5.0), custom(finite))]
    pub volatility_per_fall: f64,
    /// Implied volatility added per VIX point: 0.005 adds ten points to twenty.
    #[garde(range(min = 0.0, max = 0.1), custom(finite))]
    pub volatility_per_vix_point: f64,
    /// VIX points per fall of the share index: 150 adds thirty to a fall of 20 %.
    #[garde(range(min = 0.0, max = 1000.0), custom(finite))]
    pub vix_points_per_fall: f64,
    /// Share of a VIX move that the future behind the calls makes.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub vix_future_share: f64,
    /// Widening of OAT over Bund in basis points per fall of the share index.
    #[garde(range(min = 0.0, max = 2000.0), custom(finite))]
    pub oat_bund_bp_per_fall: f64,
}

/// Kinds with a share of the premium, all of which say what is bought.
fn all_described<'a>(
    options: &'a BTreeMap<Bucket, Options>,
    pair: Option<&'a OatBund>,
) -> impl FnOnce(&BTreeMap<Bucket, f64>, &Instruments) -> garde::Result + 'a {
    move |buckets, _| {
        for bucket in buckets.iter().filter(|(_, share)| **share > 0.0).map(|(bucket, _)| bucket) {
            let described = if *bucket == Bucket::OatBund { pair.is_some() } else { options.contains_key(bucket) };
            let problem = format!("gives premium to {bucket}, which nothing below describes");
            rule(described, problem, "add its row under `options` (or `oat_bund`), or set its share to 0")?;
        }
        Ok(())
    }
}

/// Two ends of a band.
fn band<T: PartialOrd + Copy + std::fmt::Display>(
    least: T,
    most: T,
) -> impl FnOnce(&[T; 2], &Instruments) -> garde::Result {
    move |[from, to], _| {
        let ordered = least <= *from && from < to && *to <= most;
        let problem = format!("goes from {from} to {to}, which is no band inside {least} to {most}");
        rule(ordered, problem, "write the smaller number first")
    }
}

fn root(name: &str, instruments: &Instruments) -> garde::Result {
    listed(name, instruments)?;
    let row = instruments.get(name);
    let traded = row.is_some_and(|row| row.kind == InstrumentKind::Opt && row.tradable);
    rule(traded, format!("is {VALUE}, which is no option root that is traded"), "name a row with `kind: OPT`")
}

fn future(name: &str, instruments: &Instruments) -> garde::Result {
    listed(name, instruments)?;
    let row = instruments.get(name);
    let traded = row.is_some_and(|row| row.kind == InstrumentKind::Fut && row.tradable);
    rule(traded, format!("is {VALUE}, which is no future that is traded"), "name a row with `kind: FUT`")
}
