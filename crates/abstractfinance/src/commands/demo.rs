//! `demo`: trading days against the built-in simulated gateway.
//!
//! In: a market and a number of days. Out: a line per day and the last day's page. Invariant: with
//! the same state folder it resumes or repeats nothing; without one it starts a fresh account.

use super::dashboard::{serve, until_told};
use super::{days_json, show, went_well};
use crate::cli::{DemoArgs, Global};
use crate::day::{Run, World, run_day};
use crate::failure::Failure;
use crate::lockstep::Lockstep;
use crate::world::{Address, Ground, Outside, StateFolder, embedded_statements, faults};
use console::{DayReport, page};
use gateway::{Control, Gateway, GatewayConfig, GatewayError, LocalControl, RecordError, StatementAccess};
use ibkr::IbkrBroker;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use journal::{AccountJournal, Takeover};
use ports::{Broker, Journal};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Days that are lived through while somebody watches.
const DAYS_LIVED: u32 = 20;
/// What a step of a day that is watched takes.
const WATCHABLE: Duration = Duration::from_millis(150);
/// The night, for who watches.
const BETWEEN_DAYS: Duration = Duration::from_secs(15);

/// The world of a broker in this process.
type EmbeddedWorld = World<IbkrBroker, AccountJournal, Lockstep<LocalControl>>;

pub async fn demo(global: &Global, args: &DemoArgs) -> Result<(), Failure> {
    let lived = if args.serve { DAYS_LIVED } else { 0 };
    let ground = Ground::new(global, args.market.from, args.days + lived)?;
    ground.only_simulated("`demo`")?;
    let mut dates = ground.trade_dates(args.days + lived)?;
    let to_live = dates.split_off(args.days as usize);
    let market = ground.simulation(&args.market)?;
    let dir = state_dir(global);
    let state = StateFolder::open(&dir, &ground.loaded.settings).await?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (record, faults) = (Some(dir.join("gateway.jsonl")), faults(&args.faults, &ground)?);
    let config = GatewayConfig { record, faults, pacing: false };
    let mut gateway = Gateway::bind(any_port, config, market).await.map_err(|error| not_opened(error, &dir))?;
    let access = StatementAccess::default();
    let statements = gateway.serve_statements(any_port, access.clone()).await?;
    let broker = Embedded { gateway, statements, access };
    let (mut year, mut run, mut world) = started(ground.first, state, &ground, &broker, args).await?;
    let served = Global { state_dir: Some(dir.clone()), ..global.clone() };
    if let Some(listen) = args.metrics {
        eprintln!("metrics: http://{}/metrics", super::metrics::serve(&served, listen).await?);
    }
    if args.serve {
        let address = serve(&served, &args.listen, Some(broker.gateway.local_addr())).await?;
        eprintln!("dashboard: http://{address}/ (Ctrl-C ends it)");
    }
    let bar = progress(dates.len() as u64);
    let mut days: Vec<DayReport> = Vec::with_capacity(dates.len());
    for date in dates {
        if date.year() > year {
            ended(world).await?;
            let state = StateFolder::open(&dir, &ground.loaded.settings).await?;
            (year, run, world) = started(date, state, &ground, &broker, args).await?;
        }
        bar.set_message(date.to_string());
        days.push(run_day(date, &mut run, &mut world).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.serve {
        show(printed(&days, global.json, args.pages))?;
        tokio::select! {
            told = until_told() => told?,
            lived = live(to_live, &mut run, world) => lived?,
        }
        return Ok(());
    }
    ended(world).await?;
    show(printed(&days, global.json, args.pages))?;
    days.last().map_or(Ok(()), went_well)
}

/// The broker in this process.
struct Embedded {
    gateway: Gateway,
    statements: SocketAddr,
    access: StatementAccess,
}

/// The engine as a start on a date finds it, or on the last date it had begun: with the contracts of the years around it, and
/// without what ended long before. A demo of years starts anew at each New Year, so that no record grows by all that ever was.
async fn started(
    first: Date,
    state: StateFolder,
    ground: &Ground,
    broker: &Embedded,
    args: &DemoArgs,
) -> Result<(i16, Run, EmbeddedWorld), Failure> {
    let mut engaged = state.engage(ground.account(), Takeover::OfTheDead).await?;
    let begun = engaged.journal.latest("inputs").await?.map_or(first, |inputs| first.max(inputs.trade_date));
    let ground = Ground::of(ground.loaded.clone(), Some(begun), 1)?;
    let outside = Outside {
        statements: Some(embedded_statements(broker.statements, &broker.access)?),
        adopter: args.adopt.adopter()?,
        loosening: args.adopt.loosening()?,
        standby: false,
    };
    let clock = Lockstep::new(broker.gateway.control()).await?;
    let (run, world) = ground.world(engaged, Address::simulated(broker.gateway.local_addr()), clock, outside).await?;
    Ok((begun.year(), run, world))
}

async fn ended(world: EmbeddedWorld) -> Result<(), Failure> {
    let World { broker, journal, .. } = world;
    broker.disconnect().await;
    Ok(journal.close().await?)
}

/// Further days, slow enough to watch, until Ctrl-C; a day that Ctrl-C cuts off is finished by the next start.
async fn live<B: Broker, J: Journal, C: Control>(
    dates: Vec<Date>,
    run: &mut Run,
    world: World<B, J, Lockstep<C>>,
) -> Result<(), Failure> {
    let mut world = World { clock: world.clock.with_pause(WATCHABLE), ..world };
    for date in dates {
        run_day(date, run, &mut world).await?;
        tokio::time::sleep(BETWEEN_DAYS).await;
    }
    until_told().await
}

fn printed(days: &[DayReport], json: bool, pages: bool) -> String {
    if json {
        return days_json(days);
    }
    if pages {
        return days.iter().map(|day| page(day) + "\n").collect();
    }
    let table = if days.len() > 1 { console::page::days(days) + "\n" } else { String::new() };
    table + &days.last().map_or_else(String::new, page)
}

/// The given folder, or a fresh one that is kept for reading.
fn state_dir(global: &Global) -> PathBuf {
    let fresh =
        || std::env::temp_dir().join(format!("abstractfinance-demo-{}", jiff::Timestamp::now().as_millisecond()));
    global.state_dir.clone().unwrap_or_else(fresh)
}

/// The record of the embedded gateway is the state folder's business, not a file the user named.
fn not_opened(error: GatewayError, dir: &Path) -> Failure {
    match error {
        GatewayError::Record(RecordError::OtherRun { recorded, requested, .. }) => Failure::Usage(format!(
            "the account in {} belongs to {recorded}, but {requested} was asked for; \
             repeat its --seed, --scenario, --catalogue and --from, or take another --state-dir",
            dir.display()
        )),
        other => other.into(),
    }
}

fn progress(days: u64) -> ProgressBar {
    if days < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days  {per_sec}  {eta} left  {msg}");
    ProgressBar::new(days).with_style(style.expect("a constant template"))
}
