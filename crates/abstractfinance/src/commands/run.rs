//! `run`: trade dates against a gateway in another process, simulated or the broker's; one of them with `--once`.
//!
//! In: a date, the mode, the gateway's address. Out: the day's page. Invariant: a date that is over is
//! only shown again; one that was cut off is finished.

use super::daily::{due_now, every_day, is_finished};
use super::{days_json, show, went_well};
use crate::cli::{Global, RunArgs};
use crate::courier::Alarms;
use crate::day::run_day;
use crate::failure::Failure;
use crate::faults::{Armed, Stop};
use crate::lockstep::Lockstep;
use crate::settings::interlock::interlock;
use crate::settings::{Mode, Settings};
use crate::wall::{RunClock, WallClock};
use crate::world::{Address, Ground, Outside, StateFolder, configured_statements};
use console::page;
use gateway::{Control, ControlError, RemoteControl};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::Takeover;
use ports::{Faults, Moment, Place, Point};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// Where `gateway` listens unless it is told otherwise.
const SIMULATED_PORT: u16 = 4000;
const SIMULATED_CONTROL: u16 = 4001;

/// How long the control may take to tell the time; it has nothing else to do.
const CONTROL_PATIENCE: Duration = Duration::from_secs(2);

pub async fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let date = match args.date {
        Some(date) => date,
        None if args.once => due_now(global, args).await?,
        None => return every_day(global, args).await,
    };
    let outcome = one_day(global, args, date).await;
    if let Err(failure) = &outcome {
        let reported = matches!(failure, Failure::Halted(_)) && is_finished(global, date).await.unwrap_or(false);
        // What was typed wrong is read by who typed it.
        if !reported
            && !matches!(failure, Failure::Usage(_))
            && let Ok(mut alarms) = Alarms::configured(global)
        {
            alarms.raise(failure).await;
        }
    }
    outcome
}

/// Whether a standby could ever take over; nothing else that is missing comes before it.
pub(super) fn stands_by(args: &RunArgs, settings: &Settings) -> Result<(), Failure> {
    match args.standby && settings.journal.database_url.is_none() {
        true => Err(Failure::Usage(
            "--standby takes over from an engine on another host, which needs a journal that both reach: \
             set `journal.database_url` in settings.yaml"
                .into(),
        )),
        false => Ok(()),
    }
}

/// One trade date, from wherever it stands.
pub(super) async fn one_day(global: &Global, args: &RunArgs, date: Date) -> Result<(), Failure> {
    let ground = ground(global, date)?;
    let settings = &ground.loaded.settings;
    stands_by(args, settings)?;
    // An engine that starts now says at once when there is no gateway; a standby needs none until it takes over.
    let early = if args.standby { None } else { Some(time_of(args.broker.control, settings.mode).await?) };
    let state_dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let state = StateFolder::open(&state_dir, settings).await?;
    let takeover = if args.standby { Takeover::Standby } else { Takeover::OfTheDead };
    let faults = args.stop_at.map(|stop| armed(stop, settings.mode)).transpose()?;
    let at = |kind, moment| faults.iter().for_each(|faults| faults.reach(Point::new(Place::Lease, kind, moment)));
    at("take", Moment::Before);
    let engaged = state.engage(ground.account(), takeover).await?;
    at("take", Moment::After);
    let clock = match early {
        Some(clock) => clock,
        None => time_of(args.broker.control, settings.mode).await?,
    };
    let outside = Outside {
        statements: configured_statements(&ground)?,
        adopter: args.adopt.adopter()?,
        loosening: args.adopt.loosening()?,
        standby: args.standby,
    };
    let gateway = address(args.broker.gateway, settings, &clock);
    let (mut run, mut world) = ground.world(engaged, gateway, clock, outside).await?;
    let day = match &faults {
        None => run_day(date, &mut run, &mut world).await,
        Some(faults) => run_day(date, &mut run, &mut world.with(faults)).await,
    };
    world.broker.disconnect().await;
    // A day that stopped gives its lease back too: a plan may wait in the journal, and no engine runs meanwhile.
    at("release", Moment::Before);
    let closed = world.journal.close().await;
    let days = [day?];
    closed?;
    at("release", Moment::After);
    show(if global.json { days_json(&days) } else { page(&days[0]) })?;
    went_well(&days[0])
}

/// What a trade date is run on, when it is one and the settings may trade.
pub(super) fn ground(global: &Global, date: Date) -> Result<Ground, Failure> {
    let ground = Ground::new(global, Some(date), 1)?;
    if ground.trade_dates(1)? != [date] {
        return Err(Failure::Usage(format!(
            "{date} is no trade date: no configured venue has a session; `abstractfinance calendar` lists sessions"
        )));
    }
    let settings = &ground.loaded.settings;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    interlock(settings.mode, &settings.broker, Some(today)).map_err(|(problem, remedy)| {
        Failure::Usage(format!("{}: `broker` {problem}: {remedy}", ground.loaded.sources.settings))
    })?;
    Ok(ground)
}

/// Points to stop at, which only a simulated run has.
fn armed(stop: Stop, mode: Mode) -> Result<Armed, Failure> {
    match mode {
        Mode::Simulated => Ok(Armed::new(stop)),
        Mode::Paper | Mode::Live => {
            Err(Failure::Usage("--stop-at is for mode simulated: it leaves orders alone".into()))
        }
    }
}

/// The time of the run: a simulated gateway's where there is one, else the wall's.
pub(super) async fn time_of(control: Option<SocketAddr>, mode: Mode) -> Result<RunClock, Failure> {
    let control = match (control, mode) {
        (Some(control), _) => control,
        (None, Mode::Simulated) => SocketAddr::from((Ipv4Addr::LOCALHOST, SIMULATED_CONTROL)),
        (None, Mode::Paper | Mode::Live) => return Ok(RunClock::Wall(WallClock)),
    };
    Ok(RunClock::Simulated(Lockstep::new(connect(control).await?).await?))
}

/// The gateway the command line names, else the built-in one's usual place, or that of the settings.
pub(super) fn address(named: Option<SocketAddr>, settings: &Settings, clock: &RunClock) -> Address {
    let configured = match settings.mode {
        Mode::Simulated => SocketAddr::from((Ipv4Addr::LOCALHOST, SIMULATED_PORT)).to_string(),
        Mode::Paper | Mode::Live => format!("{}:{}", settings.broker.host, settings.broker.port),
    };
    let gateway = named.map_or(configured, |named| named.to_string());
    Address { gateway, virtual_time: matches!(clock, RunClock::Simulated(_)) }
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
