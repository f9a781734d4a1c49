//! What settings must be besides in range: consistent with each other and with the instrument table.
//!
//! In: a value, the settings it depends on, the instruments. Out: nothing, or a sentence that completes "`setting` ..."
//! with a remedy. Invariant: a rule looks at values only; it reads no file and knows no place in one.

use super::execution::Broker;
use super::instruments::{InstrumentRow, Instruments};
use super::interlock::interlock;
use super::model::{Crisis, Fx, Hedges, Mode, SecondSource, Settings};
use super::refusal::{NOT_FINITE, VALUE, rule};
use super::sleeves::{Basket, Sleeve};
use domain::{AssetClass, Currency, InstrumentKind};
use garde::Validate;
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::Display;

/// The word for fundamentals that are made up.
pub(super) const SIMULATED: &str = "simulated";

/// How far the weights of sleeves or members may be from 1 in sum.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// What a sleeve can hold.
const HOLDABLE: &str = "name a share, fund or future of instruments.yaml that has `tradable: true`";

/// A number; range rules alone let NaN pass, because it is neither below nor above anything.
pub(super) fn finite(value: &f64, _: &Instruments) -> garde::Result {
    rule(value.is_finite(), NOT_FINITE, "write the number itself")
}

/// A value that another setting caps.
pub(super) fn at_most<T: PartialOrd + Display>(name: &str, limit: T) -> impl FnOnce(&T, &Instruments) -> garde::Result {
    move |value, _| {
        let problem = format!("is {VALUE}, more than `{name}`, which is {limit}");
        rule(*value <= limit, problem, format!("use {limit} or less"))
    }
}

/// A value that must not be less than another setting.
pub(super) fn at_least<T: PartialOrd + Display>(
    name: &str,
    limit: T,
) -> impl FnOnce(&T, &Instruments) -> garde::Result {
    move |value, _| {
        let problem = format!("is {VALUE}, less than `{name}`, which is {limit}");
        rule(*value >= limit, problem, format!("use {limit} or more"))
    }
}

/// A value that must be more than another setting.
pub(super) fn above<T: PartialOrd + Display>(name: &str, limit: T) -> impl FnOnce(&T, &Instruments) -> garde::Result {
    move |value, _| {
        let problem = format!("is {VALUE}, not above `{name}`, which is {limit}");
        rule(*value > limit, problem, format!("use more than {limit}"))
    }
}

/// A level that must be calmer than the one at which its regime is entered.
pub(super) fn below(name: &str, limit: f64) -> impl FnOnce(&f64, &Instruments) -> garde::Result {
    move |value, _| {
        let problem = format!("is {VALUE}, not below `{name}`, which is {limit}");
        rule(*value < limit, problem, "leave a regime at a calmer level than you enter it")
    }
}

/// The loss that forces the crisis state, which the regime table names too.
pub(super) fn same_as(name: &str, other: f64) -> impl FnOnce(&f64, &Instruments) -> garde::Result {
    move |value, _| {
        let problem = format!("is {VALUE}, but `{name}` is {other}");
        rule(*value == other, problem, "both are the loss that starts a crisis; write the same value twice")
    }
}

/// A database URL that can be used and tells no password.
pub(super) fn database(url: &Option<String>, _: &Instruments) -> garde::Result {
    let Some(url) = url else { return Ok(()) };
    match journal::Place::server(url, None) {
        Err(journal::JournalError::Address { problem }) => rule(
            false,
            format!("cannot be used: {problem}"),
            "write postgres://user@host:port/database, and the password into the file that `password_file` names",
        ),
        _ => Ok(()),
    }
}

/// A crisis section whose VIX threshold is the regime table's.
pub(super) fn agrees(vix_enter_crisis: f64) -> impl FnOnce(&Crisis, &Instruments) -> garde::Result {
    move |crisis, _| {
        let threshold = crisis.vix_threshold;
        let problem =
            format!("has a vix_threshold of {threshold}, but `hysteresis.vix_enter_crisis` is {vix_enter_crisis}");
        rule(
            threshold == vix_enter_crisis,
            problem,
            "both are the VIX that starts a crisis; write the same value twice",
        )
    }
}

/// Reads an amount digit by digit, never through a double, and drops trailing zeros so that 1.0 and 1.00 are the same.
pub(super) fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    rust_decimal::serde::str::deserialize(deserializer).map(|amount| amount.normalize())
}

/// An amount in base currency.
pub(super) fn amount_up_to(most: u32) -> impl FnOnce(&Decimal, &Instruments) -> garde::Result {
    move |amount, _| {
        let within = *amount >= Decimal::ZERO && *amount <= Decimal::from(most);
        rule(within, format!("is {VALUE}, outside 0 to {most}"), "write an amount in base currency, without a sign")
    }
}

/// The name of an instrument.
pub(super) fn listed(name: &str, instruments: &Instruments) -> garde::Result {
    let problem = format!("is {VALUE}, which is not in instruments.yaml");
    rule(instruments.get(name).is_some(), problem, instruments.instead_of(name))
}

/// The name of an instrument that a sleeve can hold.
pub(super) fn holdable(name: &str, instruments: &Instruments) -> garde::Result {
    listed(name, instruments)?;
    let problem = format!("is {VALUE}, which is a reference or an option");
    rule(is_holdable(name, instruments), problem, HOLDABLE)
}

fn is_holdable(name: &str, instruments: &Instruments) -> bool {
    instruments.get(name).is_some_and(InstrumentRow::is_holdable)
}

/// Dates by the names of futures.
pub(super) fn only_futures(
    dates: &BTreeMap<String, Vec<jiff::civil::Date>>,
    instruments: &Instruments,
) -> garde::Result {
    dates.keys().try_for_each(|name| {
        let problem = format!("names `{name}`, which is not in instruments.yaml");
        rule(instruments.get(name).is_some(), problem, instruments.instead_of(name))?;
        let is_future = instruments.get(name).is_some_and(|row| row.kind == InstrumentKind::Fut);
        rule(is_future, format!("names `{name}`, which is no future"), "name a future, such as FGBL")
    })
}

/// Futures that stand in for legs of pairs.
pub(super) fn stand_ins(hedges: &BTreeMap<String, String>, instruments: &Instruments) -> garde::Result {
    for (leg, future) in hedges {
        holdable(leg, instruments)?;
        listed(future, instruments)?;
        let sold = instruments.get(future).is_some_and(|row| row.kind == InstrumentKind::Fut && row.tradable);
        rule(
            sold,
            format!("names {future}, which is no future that is traded"),
            "name a future with `tradable: true`",
        )?;
    }
    Ok(())
}

/// The second of two sides.
pub(super) fn differs_from(other: &str) -> impl FnOnce(&str, &Instruments) -> garde::Result {
    move |name, _| rule(name != other, format!("is {VALUE} on both sides"), "name two different instruments")
}

/// A basket of holdable instruments whose weights add up to 1.
pub(super) fn holdable_members(members: &BTreeMap<String, f64>, instruments: &Instruments) -> garde::Result {
    for (name, weight) in members {
        rule(is_holdable(name, instruments), format!("holds `{name}`, which a sleeve cannot"), HOLDABLE)?;
        let problem = format!("holds `{name}` with a weight of {weight}");
        rule((0.0..=1.0).contains(weight), problem, "member weights are fractions from 0 to 1")?;
    }
    whole(members.values().sum(), "member")
}

/// One half of a sleeve: equal shares of different instruments, or shares that add up to 1.
pub(super) fn holdable_basket(basket: &Basket, instruments: &Instruments) -> garde::Result {
    let members: BTreeMap<String, f64> = match basket {
        Basket::Weighted(members) => members.clone(),
        Basket::Equal(names) => {
            let remedy = "name each instrument once, and one at least";
            let distinct = names.iter().collect::<std::collections::BTreeSet<_>>().len();
            rule(!names.is_empty() && distinct == names.len(), "is empty or names an instrument twice", remedy)?;
            basket.shares().into_iter().map(|(name, share)| (name.to_owned(), share)).collect()
        }
    };
    holdable_members(&members, instruments)
}

/// A name that can be part of a path without meaning anything there.
pub(super) fn plain_name(name: &str, _: &Instruments) -> garde::Result {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    rule(plain, format!("is {VALUE}, which is no plain name"), "use letters, digits and _, such as us_large")
}

/// Shares by name that add up to 1.
pub(super) fn adds_up<K: Ord>(shares: &BTreeMap<K, f64>, _: &Instruments) -> garde::Result {
    let within = shares.values().all(|share| (0.0..=1.0).contains(share));
    rule(within, "has a share outside 0 to 1", "shares are fractions from 0 to 1")?;
    whole(shares.values().sum(), "share")
}

/// Settings whose rules between keys far apart are told at the key a person has to change.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Whole(pub Settings);

impl Validate for Whole {
    type Context = Instruments;

    fn validate_into(
        &self,
        instruments: &Instruments,
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        let settings = &self.0;
        settings.validate_into(instruments, parent, report);
        for (name, sleeve) in &settings.sleeves {
            if let Err(error) = real_fundamentals(settings.mode, name, sleeve) {
                report.append(parent().join("sleeves").join(name.as_str()).join("fundamentals"), error);
            }
        }
    }
}

/// Simulated fundamentals decide nothing outside a simulated market.
fn real_fundamentals(mode: Mode, name: &str, sleeve: &Sleeve) -> garde::Result {
    let is_simulated = sleeve.screen().is_some_and(|screen| screen.fundamentals == SIMULATED);
    let remedy = format!(
        "name the folder of a catalogue with real ones, or leave the share of this sleeve in cash: \
         `{name}: {{kind: not_configured, weight: {}}}`",
        sleeve.weight()
    );
    let problem = format!("is {VALUE}, and companies that are made up are for `mode: simulated` alone");
    rule(mode == Mode::Simulated || !is_simulated, problem, remedy)
}

/// At most one sleeve of hedges: there is one budget and one crisis.
pub(super) fn hedged_once(sleeves: &BTreeMap<String, Sleeve>, _: &Instruments) -> garde::Result {
    let hedges = sleeves.values().filter(|sleeve| sleeve.tail_hedge().is_some()).count();
    rule(hedges <= 1, format!("has {hedges} sleeves of kind tail_hedge"), "keep one; its buckets divide the premium")
}

/// Sleeves whose weights add up to 1.
pub(super) fn add_up_to_one(sleeves: &BTreeMap<String, Sleeve>, _: &Instruments) -> garde::Result {
    whole(sleeves.values().map(Sleeve::weight).sum(), "sleeve")
}

fn whole(sum: f64, what: &str) -> garde::Result {
    let readable = |number: f64| (number * 1e9).round() / 1e9;
    let side = if sum > 1.0 { "too much" } else { "missing" };
    let problem = format!("has {what} weights that add up to {}, not 1", readable(sum));
    let remedy = format!("{} is {side}; change one of the weights", readable((sum - 1.0).abs()));
    rule((sum - 1.0).abs() <= WEIGHT_TOLERANCE, problem, remedy)
}

/// The base currency.
pub(super) fn only_dollars(currency: &Currency, _: &Instruments) -> garde::Result {
    let problem = format!("is {VALUE}, but hedges exist for a USD account only");
    rule(*currency == Currency::Usd, problem, "set `base_currency: USD`")
}

/// A broker section that fits the mode.
pub(super) fn suits(mode: Mode) -> impl FnOnce(&Broker, &Instruments) -> garde::Result {
    move |broker, _| {
        let Err((problem, remedy)) = interlock(mode, broker, None) else { return Ok(()) };
        rule(false, problem, remedy)
    }
}

/// The simulated market has rates of its own, which those of the real one contradict every day.
pub(super) fn of_this_market(mode: Mode, host: &str) -> impl FnOnce(&Fx, &Instruments) -> garde::Result {
    let elsewhere = !["127.0.0.1:", "localhost:", "[::1]:"].iter().any(|local| host.starts_with(local));
    move |fx, _| {
        let problem = "compares the simulated market's rates with Yahoo's of the real one";
        let remedy = "set `second_source: none`, or leave `mode: simulated`";
        rule(fx.second_source == SecondSource::None || mode != Mode::Simulated || !elsewhere, problem, remedy)
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
    let hedged = row.risk_currency();
    let remedy =
        format!("name a currency future whose risk_currency is {currency}, or remove {currency} from `fx.hedges`");
    let is_future = row.kind == InstrumentKind::Fut && row.asset_class == AssetClass::FxFuture;
    rule(is_future, format!("is {VALUE}, which is no currency future"), remedy.as_str())?;
    rule(hedged == currency, format!("is {VALUE}, a future on {hedged} that does not hedge {currency}"), remedy)
}

/// Zones come from the database compiled in, so that the machine's own cannot move a window.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The name of a time zone.
pub(super) fn known_zone(name: &str, _: &Instruments) -> garde::Result {
    let remedy = "write it like Europe/London, America/New_York or UTC";
    rule(zone(name).is_some(), format!("is {VALUE}, which is no IANA time zone"), remedy)
}

/// The end of a span of time within a day.
pub(super) fn after(from: Time) -> impl FnOnce(&Time, &Instruments) -> garde::Result {
    move |to, _| {
        rule(*to > from, format!("is {VALUE}, not after the start at {from}"), format!("use a time after {from}"))
    }
}

/// A permission this version cannot use.
pub(super) fn never(allowed: &bool, _: &Instruments) -> garde::Result {
    let problem = format!("is {VALUE}, but no policy of this version sends market orders");
    rule(!allowed, problem, "set `allow_market_orders: false`")
}

/// A duration in seconds, both ends included.
pub(super) fn lasts(least: i64, most: i64) -> impl FnOnce(&SignedDuration, &Instruments) -> garde::Result {
    move |duration, _| {
        let within = (least..=most).contains(&duration.as_secs());
        rule(within, format!("is {VALUE}, outside {least} to {most} seconds"), "write a duration such as 15s or 10m")
    }
}
