//! What the rows of the table measure.
//!
//! In: facts. Out: samples. Invariant: amounts in dollars exist only where the base currency is the dollar; what is not
//! known gives no sample.

use super::{Facts, Outbox, Sample};
use crate::hedges::HedgeBudget;
use crate::report::{DayReport, SleeveResult};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// The modes in the order of their codes.
pub(super) const MODES: [&str; 4] = ["NORMAL", "REDUCE_ONLY", "CANCEL_ONLY", "FROZEN"];
/// The regimes in the order of their codes.
pub(super) const REGIMES: [&str; 4] = ["NORMAL", "ELEVATED", "CRISIS", "RECOVERY"];
/// How good the volatility estimate is, in the order of the codes.
pub(super) const QUALITIES: [&str; 3] = ["valid", "degraded", "invalid"];

pub(super) fn one(value: f64) -> Vec<Sample> {
    vec![Sample { labels: Vec::new(), value }]
}

pub(super) fn flag(up: bool) -> Vec<Sample> {
    one(f64::from(up))
}

pub(super) fn count(number: u64) -> Vec<Sample> {
    one(number as f64)
}

/// A sample for each value of one label.
fn each<N: Into<String>>(label: &'static str, values: impl IntoIterator<Item = (N, f64)>) -> Vec<Sample> {
    let sample = |(name, value): (N, f64)| Sample { labels: vec![(label, name.into())], value };
    values.into_iter().map(sample).collect()
}

pub(super) fn by(label: &'static str, counts: &BTreeMap<String, u64>) -> Vec<Sample> {
    each(label, counts.iter().map(|(name, count)| (name, *count as f64)))
}

/// Counts of what comes along, by name.
fn tally<'a>(label: &'static str, names: impl Iterator<Item = &'a String>) -> Vec<Sample> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name.clone()).or_default() += 1);
    by(label, &counts)
}

pub(super) fn kind(facts: &Facts<'_>, kind: &str) -> Vec<Sample> {
    count(facts.activity.kinds.get(kind).copied().unwrap_or_default())
}

/// A number of the messages.
pub(super) fn told(facts: &Facts<'_>, of: impl Fn(&Outbox) -> u64) -> Vec<Sample> {
    facts.outbox.as_ref().map_or_else(Vec::new, |outbox| count(of(outbox)))
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}

pub(super) fn micros(at: Option<i64>) -> Vec<Sample> {
    at.map_or_else(Vec::new, |at| one(at as f64 / 1e6))
}

/// A number of the last finished date.
pub(super) fn last(facts: &Facts<'_>, of: impl Fn(&DayReport) -> Option<f64>) -> Vec<Sample> {
    facts.view.days.last().and_then(of).map_or_else(Vec::new, one)
}

/// The last finished date, where its amounts are dollars.
fn in_dollars<'a>(facts: &Facts<'a>) -> Option<&'a DayReport> {
    facts.view.days.last().filter(|day| day.base == "USD")
}

pub(super) fn dollars(facts: &Facts<'_>, of: impl Fn(&DayReport) -> Option<Decimal>) -> Vec<Sample> {
    in_dollars(facts).and_then(of).and_then(|amount| amount.to_f64()).map_or_else(Vec::new, one)
}

/// The place of a word in its list.
pub(super) fn coded(facts: &Facts<'_>, codes: &[&str], of: impl Fn(&DayReport) -> &String) -> Vec<Sample> {
    last(facts, |day| code(codes, of(day)))
}

fn code(codes: &[&str], word: &str) -> Option<f64> {
    codes.iter().position(|own| *own == word).map(|code| code as f64)
}

pub(super) fn build(_: &Facts<'_>) -> Vec<Sample> {
    each("version", [(env!("CARGO_PKG_VERSION"), 1.0)])
}

pub(super) fn lease(facts: &Facts<'_>) -> Vec<Sample> {
    let until = facts.view.status.engine.as_ref().and_then(|engine| engine.lease_until.parse().ok());
    until.map_or_else(Vec::new, |until| one(seconds(until)))
}

pub(super) fn connection(facts: &Facts<'_>) -> Vec<Sample> {
    flag(facts.view.status.engine.is_some() && !facts.activity.lost)
}

pub(super) fn mode(facts: &Facts<'_>) -> Vec<Sample> {
    code(&MODES, &facts.view.status.mode).map_or_else(Vec::new, one)
}

/// ISO dates are in the order of their texts.
pub(super) fn missing(facts: &Facts<'_>) -> Vec<Sample> {
    let Some(schedule) = facts.schedule else { return Vec::new() };
    let status = &facts.view.status;
    let begun = status.open_day.as_ref().map(|day| &day.date).into_iter();
    let begun = begun.chain(status.last_day.as_ref().map(|day| &day.date)).max();
    flag(begun.is_none_or(|begun| *begun < schedule.date.to_string()))
}

pub(super) fn trade_date(facts: &Facts<'_>) -> Vec<Sample> {
    let date = facts.view.days.last().and_then(|day| day.date.parse::<Date>().ok());
    let midnight = date.and_then(|date| TimeZone::UTC.to_timestamp(date.into()).ok());
    midnight.map_or_else(Vec::new, |midnight| one(seconds(midnight)))
}

pub(super) fn steps(facts: &Facts<'_>) -> Vec<Sample> {
    let steps = facts.view.days.last().into_iter().flat_map(|day| &day.steps);
    tally("outcome", steps.map(|step| &step.outcome))
}

pub(super) fn sleeves(facts: &Facts<'_>) -> Vec<Sample> {
    let rows = in_dollars(facts).into_iter().flat_map(|day| &day.sleeves);
    each("sleeve", rows.filter_map(|SleeveResult { sleeve, cumulative, .. }| Some((sleeve, cumulative.to_f64()?))))
}

pub(super) fn unhedged(facts: &Facts<'_>) -> Vec<Sample> {
    let rows = in_dollars(facts).into_iter().flat_map(|day| &day.hedges);
    each("currency", rows.map(|hedge| (&hedge.currency, hedge.residual)))
}

pub(super) fn budget(facts: &Facts<'_>, of: impl Fn(&HedgeBudget) -> Decimal) -> Vec<Sample> {
    let book = in_dollars(facts).and_then(|day| day.tail_hedges.as_ref());
    let rows = book.into_iter().flat_map(|book| &book.budget);
    each("hedge", rows.filter_map(|row| Some((&row.hedge, of(row).to_f64()?))))
}

/// An order counts for each of the sleeves it traded for.
pub(super) fn filled(facts: &Facts<'_>) -> Vec<Sample> {
    let orders = facts.view.days.iter().flat_map(|day| &day.orders);
    tally("sleeve", orders.filter(|order| order.status == "filled").flat_map(|order| &order.sleeves))
}

pub(super) fn orders(facts: &Facts<'_>) -> Vec<Sample> {
    let orders = facts.view.days.last().into_iter().flat_map(|day| &day.orders);
    tally("status", orders.map(|order| &order.status))
}

pub(super) fn open_orders(facts: &Facts<'_>) -> Vec<Sample> {
    let orders = facts.view.live.iter().flat_map(|day| &day.orders);
    let unsent = "not sent yet".to_owned();
    tally("status", orders.map(|order| if order.status.is_empty() { &unsent } else { &order.status }))
}
