//! What settings must be besides in range: consistent with each other and with the instrument table.
//!
//! In: a value, the settings it depends on, the instruments. Out: nothing, or a sentence that completes "`setting` ..."
//! with a remedy. Invariant: a rule looks at values only; it reads no file and knows no place in one.

use super::execution::Broker;
use super::instruments::Instruments;
use super::model::{Hedges, Mode, Sleeve};
use super::refusal::{VALUE, rule};
use domain::{AssetClass, Currency, InstrumentKind};
use garde::Validate;
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// How far the weights of sleeves or members may be from 1 in sum.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// A number that another setting caps.
pub(super) fn at_most(name: &str, limit: f64) -> impl FnOnce(&f64, &Instruments) -> garde::Result {
    move |value, _| {
        rule(*value <= limit, || {
            (format!("is {VALUE}, more than `{name}`, which is {limit}"), format!("use {limit} or less"))
        })
    }
}

/// A level that must be calmer than the one it leaves.
pub(super) fn below(name: &str, limit: f64) -> impl FnOnce(&f64, &Instruments) -> garde::Result {
    move |value, _| {
        rule(*value < limit, || {
            (
                format!("is {VALUE}, not below `{name}`, which is {limit}"),
                "leave a regime at a calmer level than you enter it".to_owned(),
            )
        })
    }
}

/// A level that must be graver than the one before it.
pub(super) fn above(name: &str, limit: f64) -> impl FnOnce(&f64, &Instruments) -> garde::Result {
    move |value, _| {
        rule(*value > limit, || {
            (
                format!("is {VALUE}, not above `{name}`, which is {limit}"),
                format!("use more than {limit}: the graver level comes later"),
            )
        })
    }
}

/// A window that must be longer than another.
pub(super) fn more_days_than(name: &str, days: u32) -> impl FnOnce(&u32, &Instruments) -> garde::Result {
    move |value, _| {
        rule(*value > days, || {
            (format!("is {VALUE}, not longer than `{name}`, which is {days}"), format!("use more than {days} days"))
        })
    }
}

/// An age that must not be less than another.
pub(super) fn more_hours_than(name: &str, hours: u32) -> impl FnOnce(&u32, &Instruments) -> garde::Result {
    move |value, _| {
        rule(*value >= hours, || {
            (format!("is {VALUE}, less than `{name}`, which is {hours}"), format!("use {hours} hours or more"))
        })
    }
}

/// Reads an amount digit by digit, never through a double, and drops trailing zeros so that 1.0 and 1.00 are the same.
pub(super) fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    rust_decimal::serde::str::deserialize(deserializer).map(|amount| amount.normalize())
}

/// An amount in base currency.
pub(super) fn amount_up_to(most: u32) -> impl FnOnce(&Decimal, &Instruments) -> garde::Result {
    move |amount, _| {
        rule(*amount >= Decimal::ZERO && *amount <= Decimal::from(most), || {
            (format!("is {VALUE}, outside 0 to {most}"), "write an amount in base currency, without a sign".to_owned())
        })
    }
}

/// The name of an instrument.
pub(super) fn listed(name: &str, instruments: &Instruments) -> garde::Result {
    rule(instruments.get(name).is_some(), || {
        (
            format!("is {VALUE}, which is not in instruments.yaml"),
            format!("known are {}; correct the name or add a row there", instruments.names()),
        )
    })
}

/// The name of an instrument that may be held.
pub(super) fn tradable(name: &str, instruments: &Instruments) -> garde::Result {
    listed(name, instruments)?;
    rule(instruments.get(name).is_some_and(|row| row.tradable), || {
        (
            format!("is {VALUE}, a reference that is never traded"),
            format!("tradable are {}", instruments.tradable_names()),
        )
    })
}

/// The second of two sides.
pub(super) fn differs_from(other: &str) -> impl FnOnce(&str, &Instruments) -> garde::Result {
    move |name, _| {
        rule(name != other, || (format!("is {VALUE} on both sides"), "name two different instruments".to_owned()))
    }
}

/// A basket whose weights add up to 1.
pub(super) fn tradable_members(members: &BTreeMap<String, f64>, instruments: &Instruments) -> garde::Result {
    for (name, weight) in members {
        rule(instruments.get(name).is_some_and(|row| row.tradable), || {
            (
                format!("holds `{name}`, which cannot be traded"),
                format!("tradable are {}", instruments.tradable_names()),
            )
        })?;
        rule((0.0..=1.0).contains(weight), || {
            (format!("holds `{name}` with a weight of {weight}"), "member weights are fractions from 0 to 1".to_owned())
        })?;
    }
    whole(members.values().sum(), "member")
}

/// Sleeves whose weights add up to 1.
pub(super) fn add_up_to_one(sleeves: &BTreeMap<String, Sleeve>, _: &Instruments) -> garde::Result {
    whole(sleeves.values().map(Sleeve::weight).sum(), "sleeve")
}

fn whole(sum: f64, what: &str) -> garde::Result {
    rule((sum - 1.0).abs() <= WEIGHT_TOLERANCE, || {
        let sum = (sum * 1e9).round() / 1e9;
        let over = (sum - 1.0).abs();
        let side = if sum > 1.0 { "too much" } else { "missing" };
        (
            format!("has {what} weights that add up to {sum}, not 1"),
            format!(
                "{} is {side}; change one weight, or give the rest to a sleeve of kind cash",
                (over * 1e9).round() / 1e9
            ),
        )
    })
}

/// The base currency.
pub(super) fn only_dollars(currency: &Currency, _: &Instruments) -> garde::Result {
    rule(*currency == Currency::Usd, || {
        (format!("is {VALUE}, but hedges exist for a USD account only"), "set `base_currency: USD`".to_owned())
    })
}

/// A broker section that fits the mode.
pub(super) fn suits(mode: Mode) -> impl FnOnce(&Broker, &Instruments) -> garde::Result {
    move |broker, _| {
        let account = broker.account.as_deref();
        match mode {
            Mode::Simulated => Ok(()),
            Mode::Paper => rule(account.is_some_and(|account| account.starts_with("DU")), || {
                (
                    "has no paper account, whose id begins with DU".to_owned(),
                    "set `account`, or `mode: simulated`".to_owned(),
                )
            }),
            Mode::Live => rule(account.is_some_and(|account| !account.starts_with("DU")), || {
                (
                    "has no live account, which `mode: live` needs".to_owned(),
                    "set `account`, or `mode: simulated`".to_owned(),
                )
            }),
        }
    }
}

impl Validate for Hedges {
    type Context = Instruments;

    fn validate_into(
        &self,
        instruments: &Instruments,
        mut parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        for (&currency, future) in &self.0 {
            let code = currency.code();
            let mut path = garde::util::nested_path!(parent, code);
            if let Err(error) = hedge(currency, future, instruments) {
                report.append(path(), error);
            }
        }
    }
}

fn hedge(currency: Currency, future: &str, instruments: &Instruments) -> garde::Result {
    listed(future, instruments)?;
    let row = instruments.get(future).expect("listed");
    let remedy =
        || format!("name a currency future whose risk_currency is {currency}, or remove {currency} from `fx.hedges`");
    rule(row.kind == InstrumentKind::Fut && row.asset_class == AssetClass::FxFuture, || {
        (format!("is {VALUE}, which is no currency future"), remedy())
    })?;
    let hedged = row.risk_currency();
    rule(hedged == currency, || (format!("is {VALUE}, a future on {hedged} that does not hedge {currency}"), remedy()))
}

/// Zones come from the database compiled in, so that the machine's own cannot move a window.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The name of a time zone.
pub(super) fn known_zone(name: &str, _: &Instruments) -> garde::Result {
    rule(zone(name).is_some(), || {
        (
            format!("is {VALUE}, which is no IANA time zone"),
            "write it like Europe/London, America/New_York or UTC".to_owned(),
        )
    })
}

/// The end of a span of time within a day.
pub(super) fn after(from: Time) -> impl FnOnce(&Time, &Instruments) -> garde::Result {
    move |to, _| {
        rule(*to > from, || (format!("is {VALUE}, not after the start at {from}"), format!("use a time after {from}")))
    }
}

/// An interval that fits into an order's life.
pub(super) fn within_ttl(ttl: u32) -> impl FnOnce(&u32, &Instruments) -> garde::Result {
    move |interval, _| {
        rule(*interval <= ttl, || {
            (
                format!("is {VALUE}, longer than `order_ttl_seconds`, which is {ttl}"),
                format!("use {ttl} or less, or the order is gone before it is repriced"),
            )
        })
    }
}

/// A permission this version cannot use.
pub(super) fn never(allowed: &bool, _: &Instruments) -> garde::Result {
    rule(!allowed, || {
        (
            format!("is {VALUE}, but no policy of this version sends market orders"),
            "set `allow_market_orders: false`".to_owned(),
        )
    })
}

/// A duration in seconds, both ends included.
pub(super) fn lasts(least: i64, most: i64) -> impl FnOnce(&SignedDuration, &Instruments) -> garde::Result {
    move |duration, _| {
        rule((least..=most).contains(&duration.as_secs()), || {
            (format!("is {VALUE}, outside {least} to {most} seconds"), "write a duration such as 15s or 10m".to_owned())
        })
    }
}
