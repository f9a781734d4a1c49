//! The sections of `settings.yaml` that say what the gate lets out, and when the broker is away.
//!
//! In: YAML. Out: plain values and the market's maintenance rules. Invariant: every limit of the gate has a value; none is
//! switched off by leaving it out; hours lie in known time zones.

use super::execution::Broker;
use super::instruments::Instruments;
use super::rules::{at_most, finite, known_zone, listed, zone};
use garde::Validate;
use jiff::SignedDuration;
use jiff::civil::{Date, Time, Weekday};
use market::calendar::{MaintenanceRule, Window, guards};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits on single orders and single days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct ExecutionSafety {
    /// Largest order as a share of NAV; larger ones are sliced.
    #[garde(range(min = 0.001, max = 1.0), custom(finite))]
    pub max_order_value_pct_nav: f64,
    /// Largest traded notional of a day as a share of NAV; the rest is carried over.
    #[garde(range(min = 0.01, max = 5.0), custom(finite))]
    pub max_daily_turnover_pct_nav: f64,
    /// Largest position of one contract as a share of NAV, with everything that may still be executed.
    #[garde(range(min = 0.001, max = 10.0), custom(finite))]
    pub max_position_pct_nav: f64,
    /// Largest order as a share of the average daily volume.
    #[garde(range(min = 0.0001, max = 1.0), custom(finite))]
    pub max_adv_participation: f64,
    /// Share of the average daily volume above which an order is sliced.
    #[garde(range(min = 0.0001, max = 1.0), custom(finite))]
    #[garde(custom(at_most("max_adv_participation", self.max_adv_participation)))]
    pub slice_adv_participation: f64,
    /// Least excess liquidity as a share of NAV.
    #[garde(range(min = 0.0, max = 1.0), custom(finite))]
    pub min_excess_liquidity_pct_nav: f64,
    /// Whether the broker is asked what each order that adds risk would do to the margin before it leaves.
    #[garde(skip)]
    pub what_if_margin: bool,
    /// Orders of one contract and side in a day, after which no more leave until a person resumes.
    #[garde(range(min = 1, max = 1000))]
    pub max_orders_per_contract_side: u32,
    /// Messages in a second; the broker disconnects above 50.
    #[garde(range(min = 1, max = 50))]
    pub max_messages_per_second: u32,
    /// Age in seconds from which a quote prices nothing.
    #[garde(range(min = 1, max = 3600))]
    pub quote_max_age_seconds: u32,
    /// Instruments that take no new risk.
    #[garde(inner(custom(listed)))]
    pub restricted: Vec<String>,
}

/// Hours in which broker or gateway are away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Maintenance {
    /// What it is.
    #[garde(length(min = 1))]
    pub name: String,
    /// The local days on which it begins.
    #[garde(length(min = 1))]
    pub days: Vec<Day>,
    /// Start, local to `zone`, as HH:MM.
    #[garde(skip)]
    #[schemars(with = "String")]
    pub from: Time,
    /// End, local to `zone`, as HH:MM; at or before the start, on the next day.
    #[garde(skip)]
    #[schemars(with = "String")]
    pub to: Time,
    /// IANA time zone.
    #[garde(custom(known_zone))]
    pub zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Broker {
    /// The spans around a trade date in which nothing is sent.
    pub fn guards(&self, date: Date) -> Vec<Window> {
        let rules: Vec<MaintenanceRule> = self.maintenance.iter().map(Maintenance::rule).collect();
        guards(&rules, date, date, SignedDuration::from_mins(i64::from(self.maintenance_guard_minutes)))
    }
}

impl Maintenance {
    /// The row as the calendar counts with it.
    pub fn rule(&self) -> MaintenanceRule {
        MaintenanceRule {
            days: self.days.iter().map(|day| day.weekday()).collect(),
            from: self.from,
            to: self.to,
            zone: zone(&self.zone).expect("checked when the settings were read"),
        }
    }
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Day::Mon => Weekday::Monday,
            Day::Tue => Weekday::Tuesday,
            Day::Wed => Weekday::Wednesday,
            Day::Thu => Weekday::Thursday,
            Day::Fri => Weekday::Friday,
            Day::Sat => Weekday::Saturday,
            Day::Sun => Weekday::Sunday,
        }
    }
}
