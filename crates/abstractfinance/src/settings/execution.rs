//! The sections of `settings.yaml` that say how and when orders leave.
//!
//! In: YAML. Out: plain values and the market's window rules. Invariant: every collar, window and interval an order
//! needs has a value; windows lie in known time zones.

use super::data::Statements;
use super::instruments::Instruments;
use super::model::Regime;
use super::rules::{after, amount_up_to, at_most, database, exact, finite, known_zone, lasts, never, stand_ins, zone};
use super::safety::Maintenance;
use domain::{AssetClass, BasisPoints, Mic};
use garde::Validate;
use jiff::SignedDuration;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use journal::Place;
use market::calendar::WindowRule;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How orders are priced and timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Execution {
    /// How orders are worked, where no asset class below applies.
    #[garde(skip)]
    pub default_policy: Policy,
    /// The same by the broker's asset classes.
    #[garde(skip)]
    pub policy_by_asset_class: BTreeMap<OrderClass, Policy>,
    /// Seconds a passive order waits at the near side of the quote before it crosses.
    #[garde(range(min = 1, max = 3600), custom(at_most("order_ttl_seconds", self.order_ttl_seconds)))]
    pub passive_seconds: u32,
    /// Whether what continuous trading leaves goes to the closing auction, where the venue has one for the contract.
    #[garde(skip)]
    pub rest_to_close: bool,
    /// Minutes before an auction's cut-off at which its orders are sent.
    #[garde(range(min = 1, max = 240))]
    pub auction_lead_minutes: u16,
    /// Largest share of the session's volume so far that a day's orders of a contract may be.
    #[garde(range(min = 0.001, max = 1.0), custom(finite))]
    pub max_volume_participation: f64,
    /// Whether an order without a limit may ever leave.
    #[garde(custom(never))]
    pub allow_market_orders: bool,
    /// Seconds after which an unfilled order is cancelled; it may be longer once half of a day's orders are used.
    #[garde(range(min = 1, max = 3600))]
    pub order_ttl_seconds: u32,
    /// Seconds between two repricings.
    #[garde(range(min = 1, max = 3600), custom(at_most("order_ttl_seconds", self.order_ttl_seconds)))]
    pub replace_interval_seconds: u32,
    /// Repricings of one order.
    #[garde(range(max = 50))]
    pub max_replace_attempts: u32,
    /// Share of the spread added to the mid.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub spread_buffer: f64,
    /// Collar around the arrival mid, in hundredths of a percent, where no asset class below applies.
    #[garde(range(min = 1, max = 200))]
    pub default_max_slippage_bps: u32,
    /// Collar by the broker's asset classes.
    #[garde(dive)]
    pub max_slippage_bps_by_asset_class: AssetClassSlippage,
    /// Smallest collar in ticks.
    #[garde(range(min = 1, max = 50))]
    pub collar_ticks_min: u32,
    /// Smallest collar of volatility futures in ticks.
    #[garde(range(min = 1, max = 50))]
    pub collar_ticks_min_vol_futures: u32,
    /// Dollars of notional below which only full exits trade.
    #[serde(deserialize_with = "exact", serialize_with = "rust_decimal::serde::str::serialize")]
    #[schemars(with = "super::instruments::ExactNumber")]
    #[garde(custom(amount_up_to(1_000_000)))]
    pub min_trade_notional_usd: Decimal,
    /// Days over which measured costs are averaged for what the next orders are expected to cost.
    #[garde(range(min = 1, max = 1000))]
    pub cost_memory_days: u32,
    /// Minutes after the open in which nothing is sent.
    #[garde(range(max = 240))]
    pub avoid_first_minutes_after_open: u16,
    /// Minutes before the close in which nothing is sent.
    #[garde(range(max = 240))]
    pub avoid_last_minutes_before_close: u16,
    /// Whether a future stands in for the leg of a pair that does not fill.
    #[garde(skip)]
    pub pair_hedge_enabled: bool,
    /// That future, by the leg.
    #[garde(custom(stand_ins))]
    pub pair_hedges: BTreeMap<String, String>,
    /// Filled share of one leg, with nothing of the other, from which a pair is broken.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub pair_trigger_fill_pct: f64,
    /// Seconds this must last.
    #[garde(range(max = 60))]
    pub pair_patience_seconds: u32,
    /// Seconds after the break at which a pair is completed or unwound.
    #[garde(range(min = 1, max = 3600))]
    pub pair_max_legging_seconds: u32,
    /// Preferred hours by venue; the first row that names a venue counts.
    #[garde(dive)]
    pub windows: Vec<PreferredWindow>,
}

/// How an order finds its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// A limit just through the far side of the quote, repriced inside its collar.
    MarketableLimit,
    /// At the near side of the quote for a while, then through the far side.
    PassiveThenCross,
    /// A limit on close in the closing auction, where there is one; else as `marketable_limit`.
    AuctionClose,
}

/// The broker's asset classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderClass {
    /// Funds.
    Etf,
    /// Shares.
    Stk,
    /// Futures on indices, bonds and volatility.
    Fut,
    /// Futures on currencies.
    FxFut,
}

/// Collars in hundredths of a percent, by the broker's asset classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct AssetClassSlippage {
    /// Funds.
    #[serde(rename = "ETF")]
    #[garde(range(min = 1, max = 200))]
    pub etf: u32,
    /// Shares.
    #[serde(rename = "STK")]
    #[garde(range(min = 1, max = 200))]
    pub stk: u32,
    /// Futures on indices, bonds and volatility.
    #[serde(rename = "FUT")]
    #[garde(range(min = 1, max = 200))]
    pub fut: u32,
    /// Futures on currencies.
    #[serde(rename = "FX_FUT")]
    #[garde(range(min = 1, max = 200))]
    pub fx_fut: u32,
    /// Options: their spreads are a large part of their price.
    #[serde(rename = "OPT")]
    #[garde(range(min = 1, max = 5000))]
    pub opt: u32,
}

/// Hours in which the orders of some venues should work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct PreferredWindow {
    /// The venues, by ISO 10383 code.
    #[garde(length(min = 1))]
    #[schemars(with = "Vec<String>")]
    pub venues: Vec<Mic>,
    /// Start, local to `zone`, as HH:MM.
    #[garde(skip)]
    #[schemars(with = "String")]
    pub from: Time,
    /// End, local to `zone`, as HH:MM.
    #[garde(custom(after(self.from)))]
    #[schemars(with = "String")]
    pub to: Time,
    /// IANA time zone.
    #[garde(custom(known_zone))]
    pub zone: String,
}

/// When the day runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Schedule {
    /// Local time at which the day's plan is made, as HH:MM.
    #[garde(skip)]
    #[schemars(with = "String")]
    pub run_at: Time,
    /// IANA time zone of both times.
    #[garde(custom(known_zone))]
    pub timezone: String,
    /// Local time until which a late start still runs the day, as HH:MM.
    #[garde(custom(after(self.run_at)))]
    #[schemars(with = "String")]
    pub catch_up_until: Time,
}

/// Where the broker's gateway is and how long it may be silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Broker {
    /// Host name or address.
    #[garde(length(min = 1))]
    pub host: String,
    /// TCP port.
    #[garde(range(min = 1))]
    pub port: u16,
    /// Client id at the gateway; 0 would also receive orders placed by hand.
    #[garde(range(min = 1, max = 9999))]
    pub client_id: u32,
    /// Account id; none in the simulator.
    #[garde(skip)]
    pub account: Option<String>,
    /// A person's word that real money is meant; needed for `mode: live` and for nothing else.
    #[garde(skip)]
    pub live_confirmation: Option<LiveConfirmation>,
    /// How long the gateway may take to answer at first, such as `10m`.
    #[garde(custom(lasts(1, 3600)))]
    #[schemars(with = "String")]
    pub ready_timeout: SignedDuration,
    /// Silence after which the connection counts as lost, such as `15s`.
    #[garde(custom(lasts(1, 300)))]
    #[schemars(with = "String")]
    pub heartbeat: SignedDuration,
    /// Minutes before and after broker or gateway are away in which nothing is sent.
    #[garde(range(max = 120))]
    pub maintenance_guard_minutes: u16,
    /// When broker or gateway are away.
    #[garde(dive)]
    pub maintenance: Vec<Maintenance>,
    /// Where activity statements come from; none while breaks are explained by hand.
    #[garde(dive)]
    pub statements: Option<Statements>,
}

/// A person's word that an account of real money is to be traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveConfirmation {
    /// The account once more, in full.
    pub account: String,
    /// The day it was written; it counts for a year.
    #[schemars(with = "String")]
    pub date: Date,
}

/// Where the journal is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Journal {
    /// A PostgreSQL database as `postgres://user@host:port/database`, without a password; a file in the state folder
    /// when absent.
    #[garde(custom(database))]
    pub database_url: Option<String>,
    /// The file that holds the database password, and nothing else.
    #[garde(skip)]
    pub password_file: Option<PathBuf>,
}

impl Journal {
    /// Where the journal of a state folder is.
    ///
    /// # Errors
    /// A sentence, when the password cannot be read.
    pub fn place(&self, state: &Path) -> Result<Place, String> {
        let Some(url) = &self.database_url else { return Ok(Place::File(state.join("journal.db"))) };
        let password = match &self.password_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let path = path.display();
                Some(text.map_err(|error| {
                    format!("cannot read {path}, which `journal.password_file` names: {error}; put the password there")
                })?)
            }
        };
        let password = password.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
        Place::server(url, password).map_err(|error| error.to_string())
    }
}

/// Who approves a plan, and how long that holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Approval {
    /// By rule or by a person.
    #[garde(skip)]
    pub mode: ApprovalMode,
    /// Most a plan may add and still approve itself, as a share of NAV.
    #[garde(range(min = 0.0, max = 10.0), custom(finite))]
    pub auto_increases_max_pct_nav: f64,
    /// Most orders a plan may have and still approve itself.
    #[garde(range(max = 10_000))]
    pub auto_orders_max: u32,
    /// Regimes in which plans approve themselves.
    #[garde(skip)]
    pub auto_regimes: Vec<Regime>,
    /// Furthest a price may have moved since the plan for new risk to go out.
    #[garde(range(min = 0.001, max = 1.0), custom(finite))]
    pub max_price_move_pct: f64,
}

/// Who approves a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// The rules do, inside their limits.
    Auto,
    /// A person does, every plan.
    Manual,
}

impl Execution {
    /// The collar of an asset class around the arrival mid.
    pub fn collar(&self, class: AssetClass) -> BasisPoints {
        let by_class = &self.max_slippage_bps_by_asset_class;
        let bps = match class {
            AssetClass::EquityEtf | AssetClass::BondEtf => by_class.etf,
            AssetClass::Stock => by_class.stk,
            AssetClass::EquityIndexFuture | AssetClass::BondFuture | AssetClass::VolatilityFuture => by_class.fut,
            AssetClass::FxFuture => by_class.fx_fut,
            AssetClass::Option => by_class.opt,
            AssetClass::Fx | AssetClass::Index | AssetClass::VolatilityIndex => self.default_max_slippage_bps,
        };
        BasisPoints(i32::try_from(bps).expect("collars are at most 10,000"))
    }

    /// How orders of the classes that have a policy of their own are worked.
    pub fn styles(&self) -> impl Iterator<Item = (AssetClass, Policy)> + '_ {
        let classes = |class: OrderClass| match class {
            OrderClass::Etf => vec![AssetClass::EquityEtf, AssetClass::BondEtf],
            OrderClass::Stk => vec![AssetClass::Stock],
            OrderClass::Fut => {
                vec![AssetClass::EquityIndexFuture, AssetClass::BondFuture, AssetClass::VolatilityFuture]
            }
            OrderClass::FxFut => vec![AssetClass::FxFuture],
        };
        let own = self.policy_by_asset_class.iter();
        own.flat_map(move |(&class, &policy)| classes(class).into_iter().map(move |class| (class, policy)))
    }

    /// The smallest collar of an asset class, in ticks.
    pub fn collar_ticks(&self, class: AssetClass) -> u32 {
        if class == AssetClass::VolatilityFuture { self.collar_ticks_min_vol_futures } else { self.collar_ticks_min }
    }

    /// When orders of a venue may work; a venue without a preferred window uses its whole session between the guards.
    pub fn window(&self, venue: Mic) -> WindowRule {
        let preferred = self.windows.iter().find(|window| window.venues.contains(&venue));
        let (from, to, zone) = match preferred {
            Some(window) => (window.from, window.to, zone(&window.zone).expect("checked when the settings were read")),
            None => (Time::midnight(), Time::midnight(), TimeZone::UTC),
        };
        WindowRule {
            preferred_from: from,
            preferred_to: to,
            zone,
            guard_open_minutes: self.avoid_first_minutes_after_open,
            guard_close_minutes: self.avoid_last_minutes_before_close,
        }
    }
}

impl Schedule {
    /// The zone of the schedule's times.
    pub fn zone(&self) -> TimeZone {
        zone(&self.timezone).expect("checked when the settings were read")
    }
}
