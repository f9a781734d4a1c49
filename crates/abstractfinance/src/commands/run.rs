//! `run --once`: one trade date against a simulated gateway in another process.
//!
//! In: a date and the gateway's two addresses. Out: the day's page. Invariant: a date that is over is
//! only shown again; one that was cut off is finished.

use super::{days_json, show, went_well};
use crate::cli::{Global, RunArgs};
use crate::day::run_day;
use crate::failure::Failure;
use crate::faults::Armed;
use crate::world::{Ground, Outside, StateFolder, configured_statements};
use console::page;
use gateway::{Control, ControlError, RemoteControl};
use journal::Takeover;
use ports::{Faults, Moment, Place, Point};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// How long the control may take to tell the time; it has nothing else to do.
const CONTROL_PATIENCE: Duration = Duration::from_secs(2);

pub async fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, Some(args.date), 1)?;
    if ground.trade_dates(1)? != [args.date] {
        return Err(Failure::Usage(format!(
            "{} is no trade date: no configured venue has a session; `abstractfinance calendar` lists sessions",
            args.date
        )));
    }
    let settings = &ground.loaded.settings;
    if args.standby && settings.journal.database_url.is_none() {
        return Err(Failure::Usage(
            "--standby takes over from an engine on another host, which needs a journal that both reach: \
             set `journal.database_url` in settings.yaml"
                .into(),
        ));
    }
    // An engine that starts now says at once when there is no gateway; a standby needs none until it takes over.
    let early = if args.standby { None } else { Some(connect(args.control).await?) };
    let state_dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let state = StateFolder::open(&state_dir, settings).await?;
    let takeover = if args.standby { Takeover::Standby } else { Takeover::OfTheDead };
    let faults = args.stop_at.map(Armed::new);
    let at = |kind, moment| faults.iter().for_each(|faults| faults.reach(Point::new(Place::Lease, kind, moment)));
    at("take", Moment::Before);
    let engaged = state.engage(takeover).await?;
    at("take", Moment::After);
    let control = match early {
        Some(control) => control,
        None => connect(args.control).await?,
    };
    let statements = configured_statements(&ground.loaded.settings)?;
    let outside = Outside { statements, adopter: args.adopt.adopter()?, standby: args.standby };
    let (mut run, mut world) = ground.world(engaged, args.gateway, control, outside).await?;
    let day = match &faults {
        None => run_day(args.date, &mut run, &mut world).await?,
        Some(faults) => run_day(args.date, &mut run, &mut world.with(faults)).await?,
    };
    world.broker.disconnect().await;
    at("release", Moment::Before);
    world.journal.close().await?;
    at("release", Moment::After);
    let days = [day];
    show(if global.json { days_json(&days) } else { page(&days[0]) })?;
    went_well(&days[0])
}

/// A control that has told the time once; a port that merely accepts connections is none.
async fn connect(address: SocketAddr) -> Result<RemoteControl, Failure> {
    let connecting = async {
        let mut control = RemoteControl::connect(address).await?;
        control.now().await.map(|_| control)
    };
    let answer = timeout(CONTROL_PATIENCE, connecting).await;
    let silent = |_| Err(ControlError::Lost(std::io::ErrorKind::TimedOut.into()));
    answer.unwrap_or_else(silent).map_err(|error| {
        let reason = if let ControlError::Lost(reason) = &error { reason.to_string() } else { error.to_string() };
        Failure::Broker(format!(
            "no control of a simulated gateway at {address}: {reason}; \
             start `abstractfinance gateway`, or name its address with --control"
        ))
    })
}
