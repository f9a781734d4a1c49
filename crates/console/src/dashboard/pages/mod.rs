//! The pages, each a function of what the journal says.
//!
//! In: finished days, the day in progress, what comes due. Out: pages. Invariant: shows the reports' own numbers; adds
//! up nothing but counts and notionals.

mod controls;
mod day;
mod holdings;
mod measures;
mod plan;

pub(super) use controls::{calendar, modes};
pub(super) use day::{orders, overview, today};
pub(super) use holdings::{hedges, positions};
pub(super) use measures::{costs, reconciliation, risk};
pub(super) use plan::plan;

use super::model::{Chart, Page, Section, Series, Tone};
use crate::DayReport;
use crate::table::{percent, rounded};
use domain::money::grouped;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Days a table of days shows.
const DAYS_SHOWN: usize = 20;
/// Orders a table of past orders shows.
const ORDERS_SHOWN: usize = 200;

const NOTHING_YET: &str = "No trading day is finished yet.";

fn alerts(day: &DayReport) -> Option<Section> {
    (!day.alerts.is_empty()).then(|| Section::Text { title: "What a person should look at", lines: day.alerts.clone() })
}

fn empty(title: &'static str) -> Page {
    Page {
        title,
        lead: format!("{NOTHING_YET} `abstractfinance demo --serve` shows what will stand here."),
        ..Page::default()
    }
}

type Reading = (&'static str, fn(&DayReport) -> Option<f64>);

fn chart(title: &'static str, unit: &'static str, days: &[DayReport], readings: &[Reading]) -> Chart {
    let series =
        readings.iter().map(|(name, read)| Series { name: (*name).into(), values: days.iter().map(read).collect() });
    Chart { title, unit, dates: dates(days), series: series.collect() }
}

/// Midnights in seconds; a date that cannot be read is the report's fault and stands at zero.
fn dates(days: &[DayReport]) -> Vec<i64> {
    let at = |day: &DayReport| day.date.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    days.iter().map(|day| at(day).map_or(0, |at| at.timestamp().as_second())).collect()
}

fn tie_tone(day: &DayReport) -> Tone {
    match day.difference_bp {
        Some(_) if day.differences.is_empty() => Tone::Good,
        Some(_) => Tone::Warn,
        None => Tone::Bad,
    }
}

fn amount(value: Option<Decimal>) -> String {
    value.map_or_else(|| "unknown".into(), |value| grouped(value, 2))
}

fn whole(value: f64) -> String {
    value.to_i64().map_or_else(dash, |value| grouped(Decimal::from(value), 0))
}

fn times(ratio: f64) -> String {
    format!("{:.3} ×", rounded(ratio, 1e3))
}

fn signed_percent(fraction: f64) -> String {
    format!("{:+.2} %", percent(fraction))
}

fn basis_points(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp"))
}

fn basis_points_2(value: Option<f64>) -> String {
    value.map_or_else(dash, |bp| format!("{bp:+.2} bp"))
}

fn dash() -> String {
    "–".to_owned()
}
