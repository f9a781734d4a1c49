//! Messages put together from what was recorded.
//!
//! In: records after the last one that was told. Out: posts for every channel. Invariant: a record always makes the same
//! messages under the same keys, so that a restart tells nothing twice.

use super::{Channel, LOOK_EVERY};
use crate::commands::records::{Records, body};
use crate::failure::Failure;
use crate::schedule;
use crate::settings::{Loaded, Settings, Sleeve};
use console::DayReport;
use console::messages::{self, Crisis};
use jiff::tz::TimeZone;
use journal::{Post, StoredEvent};
use serde::Deserialize;
use tokio::time::sleep;

/// Kinds of records that are told.
const KINDS: [&str; 5] = ["plan", "alert", "mode", "watchdog", "day_closed"];

#[derive(Deserialize)]
struct Plan {
    risk: Risk,
}

/// What a plan says of its risk.
#[derive(Deserialize)]
struct Risk {
    regime: String,
    vix: Option<f64>,
    drawdown: f64,
    state_factor: f64,
    measures: Measures,
}

#[derive(Deserialize)]
struct Measures {
    reduce_core_exposure: bool,
    increase_hedges: bool,
}

#[derive(Deserialize)]
struct Sentence {
    sentence: String,
}

#[derive(Deserialize)]
struct Tightened {
    mode: String,
    reason: String,
}

#[derive(Deserialize)]
struct Finding {
    sentence: String,
    regime: Option<String>,
}

#[derive(Deserialize)]
struct Closed {
    report: DayReport,
}

/// Notes where news begin, when nobody was ever told anything: with the first record of a journal that began while the courier
/// waited for it, else after the last one there is.
pub(super) async fn begin(records: &Records, fresh: bool) -> Result<(), Failure> {
    let Records { journal, account, .. } = records;
    if journal.told_up_to(account).await?.is_none() {
        let head = journal.head(account).await?.map_or(0, |head| head.seq);
        journal.post(account, if fresh { 0 } else { head }, &[]).await?;
    }
    Ok(())
}

/// Writes messages until it is dropped.
pub(super) async fn write(records: &Records, loaded: &Loaded, channels: &[Channel]) {
    let names: Vec<String> = channels.iter().map(Channel::name).collect();
    loop {
        match write_once(records, loaded, &names).await {
            Ok(true) => {}
            Ok(false) => sleep(LOOK_EVERY).await,
            Err(failure) => {
                tracing::error!(%failure, "messages cannot be written");
                sleep(LOOK_EVERY * 10).await;
            }
        }
    }
}

/// The next records; false when there were none.
async fn write_once(records: &Records, loaded: &Loaded, channels: &[String]) -> Result<bool, Failure> {
    let Records { journal, account, .. } = records;
    let told = journal.told_up_to(account).await?.unwrap_or_default();
    let events = journal.events_after(account, told, &KINDS).await?;
    let Some(last) = events.last() else { return Ok(false) };
    let mut posts = Vec::new();
    for event in &events {
        for (key, text) in told_of(event, records, loaded).await? {
            let post = |channel: &String| Post {
                channel: channel.clone(),
                key: key.clone(),
                seq: event.seq,
                body: text.clone(),
            };
            posts.extend(channels.iter().map(post));
        }
    }
    journal.post(account, last.seq, &posts).await?;
    Ok(true)
}

/// Keys and texts of one record.
async fn told_of(event: &StoredEvent, records: &Records, loaded: &Loaded) -> Result<Vec<(String, String)>, Failure> {
    let (date, settings) = (&event.trade_date, &loaded.settings);
    let this = format!("record:{:012}", event.seq);
    Ok(match event.kind.as_str() {
        "plan" => {
            let Plan { risk } = body(event)?;
            let begins = risk.regime == "CRISIS" && regime_before(event, records).await?.as_deref() != Some("CRISIS");
            begins.then(|| (format!("crisis:{date}"), crisis(&risk, settings))).into_iter().collect()
        }
        "watchdog" => {
            let Finding { sentence, regime } = body(event)?;
            match regime.as_deref() {
                Some("CRISIS") => vec![(format!("crisis:{date}"), crisis_within(&sentence, settings))],
                _ => vec![(this, messages::alert(&sentence))],
            }
        }
        "alert" => {
            let Sentence { sentence } = body(event)?;
            vec![(this, messages::alert(&sentence))]
        }
        "mode" => {
            let Tightened { mode, reason } = body(event)?;
            vec![(this, messages::alert(&format!("mode {mode}: {reason}")))]
        }
        _ => {
            let Closed { report } = body(event)?;
            let daily = messages::daily_summary(&report, settings.vol_target_annual, &next_run(&report, loaded)?);
            let orders = messages::execution_summary(&report);
            let orders = orders.map(|text| (format!("execution:{date}"), text));
            std::iter::once((format!("daily:{date}"), daily)).chain(orders).collect()
        }
    })
}

/// The regime of the last date that was finished before a record.
async fn regime_before(event: &StoredEvent, records: &Records) -> Result<Option<String>, Failure> {
    let days = records.days().await?;
    Ok(days.into_iter().rev().find(|day| day.date < event.trade_date).map(|day| day.regime))
}

fn crisis(risk: &Risk, settings: &Settings) -> String {
    let spiked = risk.vix.filter(|vix| *vix >= settings.hysteresis.vix_enter_crisis);
    let cause = match spiked {
        Some(vix) => format!("VIX spiked to {vix:.1}!"),
        None => format!("Drawdown reached {:.1}%!", risk.drawdown * 100.0),
    };
    messages::crisis_alert(&Crisis {
        cause,
        state_factor: risk.state_factor,
        budget_factor: budget_factor(settings).filter(|_| risk.measures.increase_hedges),
        core_reduced: risk.measures.reduce_core_exposure,
    })
}

/// A crisis that begins while the day's orders work: what the watchdog said, and what follows from the settings.
fn crisis_within(sentence: &str, settings: &Settings) -> String {
    messages::crisis_alert(&Crisis {
        cause: sentence.to_owned(),
        state_factor: settings.risk_states.crisis,
        budget_factor: budget_factor(settings),
        core_reduced: false,
    })
}

fn budget_factor(settings: &Settings) -> Option<f64> {
    settings.sleeves.values().find_map(Sleeve::tail_hedge).map(|hedge| hedge.stressed_budget_factor)
}

/// When the trade date after a finished one is planned.
fn next_run(report: &DayReport, loaded: &Loaded) -> Result<String, Failure> {
    let date = report.date.parse().map_err(|error| Failure::Journal(format!("{}: {error}", report.date)))?;
    let zone = loaded.settings.schedule.zone();
    Ok(match schedule::next_after(loaded, date) {
        Ok(at) if zone == TimeZone::UTC => at.to_zoned(zone).strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Ok(at) => at.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string(),
        Err(failure) => failure.to_string(),
    })
}
