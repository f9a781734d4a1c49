//! `plan`: steps 1 to 12 of a day, and nothing after them; or the stored plan of a date.
//!
//! In: a date, a gateway when the date is not planned yet. Out: the plan's page, or JSON. Invariant: no order is sent; what is
//! shown is what is stored, and what will be executed.

use super::preview;
use super::recorded::RecordedDay;
use super::records::Records;
use super::run::{address, time_of};
use super::show;
use crate::book::DAY_CLOSED;
use crate::cli::{ApproveArgs, Global, PlanArgs};
use crate::day::plan_day;
use crate::failure::Failure;
use crate::world::{Outside, StateFolder, configured_statements};
use console::plan::page;
use cycle::{Directive, Instruction};
use journal::Takeover;
use std::path::PathBuf;

pub async fn plan(global: &Global, args: &PlanArgs) -> Result<(), Failure> {
    let planned = if args.again { None } else { stored(global, args).await? };
    let day = match planned {
        Some(day) => day,
        None => {
            make(global, args).await?;
            Records::open(global).await?.day(Some(args.date)).await?
        }
    };
    let plan = preview::of(&Records::open(global).await?, &day).await?;
    show(if global.json { format!("{}\n", serde_json::to_string(&plan).expect("plain data")) } else { page(&plan) })
}

/// The plan of the date, when there is one already.
async fn stored(global: &Global, args: &PlanArgs) -> Result<Option<RecordedDay>, Failure> {
    let dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    if crate::settings::load(global.config.as_deref())?.settings.journal.database_url.is_none()
        && !dir.join("journal.db").exists()
    {
        return Ok(None);
    }
    let Ok(records) = Records::open(global).await else { return Ok(None) };
    match records.dates().await?.contains(&args.date) {
        true => records.day(Some(args.date)).await.map(Some),
        false => Ok(None),
    }
}

/// Observes, decides and stores.
async fn make(global: &Global, args: &PlanArgs) -> Result<(), Failure> {
    let ground = super::run::ground(global, args.date)?;
    let settings = &ground.loaded.settings;
    let clock = time_of(args.broker.control, settings.mode).await?;
    let dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let engaged = StateFolder::open(&dir, settings).await?.engage(ground.account(), Takeover::OfTheDead).await?;
    let outside = Outside {
        statements: configured_statements(&ground)?,
        adopter: args.adopt.adopter()?,
        loosening: args.adopt.loosening()?,
        standby: false,
    };
    let gateway = address(args.broker.gateway, settings, &clock);
    let (mut run, mut world) = ground.world(engaged, gateway, clock, outside).await?;
    let planned = plan_day(args.date, args.again, &mut run, &mut world).await;
    world.broker.disconnect().await;
    let closed = world.journal.close().await;
    planned?;
    Ok(closed?)
}

pub async fn approve(global: &Global, args: &ApproveArgs) -> Result<(), Failure> {
    let plan = in_force(&Records::open(global).await?, &args.plan).await?;
    let (directive, reason) = match &args.reject {
        Some(why) => (Directive::Reject { plan }, why.clone()),
        None => (Directive::Approve { plan }, args.reason.clone().unwrap_or_else(|| "approved as shown".into())),
    };
    super::operate::say(global, Instruction { directive, by: args.by()?, reason }).await
}

/// The whole hash of the plan in force, when that is the one meant and something can still be said of it.
///
/// # Errors
/// [`Failure::Halted`] with a code: `NO_PLAN`, `PLAN_OTHER`, `PLAN_FINISHED`, `PLAN_UNDER_WAY`.
pub async fn in_force(records: &Records, meant: &str) -> Result<String, Failure> {
    let refused = |code: &str, why: String| Err(Failure::Halted(format!("{code}: {why}")));
    if records.journal.last_of_kind(&records.account, "plan").await?.is_none() {
        return refused("NO_PLAN", "nothing was planned yet; `plan --date DATE` makes one".into());
    }
    let day = records.day(None).await?;
    let (hash, date) = (day.hash(), day.date);
    if meant.len() < 8 || !hash.starts_with(meant) {
        let why = format!("the plan in force is {} of {date}, not {meant}; `plan --date {date}` shows it", &hash[..12]);
        return refused("PLAN_OTHER", why);
    }
    let has = |kind: &str| day.records.iter().any(|record| record.kind == kind && record.seq > day.stored.seq);
    if has(DAY_CLOSED) {
        return refused("PLAN_FINISHED", format!("{date} is over; its plan was executed or has expired"));
    }
    if has("command") {
        return refused("PLAN_UNDER_WAY", format!("orders of {date} have been sent; `halt` stops the rest"));
    }
    Ok(hash)
}
