//! `run --once`: one trade date against a simulated gateway in another process.
//!
//! In: a date and the gateway's two addresses. Out: the day's page. Invariant: a date that is over is
//! only shown again; one that was cut off is finished.

use super::print_json;
use crate::cli::{Global, RunArgs};
use crate::day::run_day;
use crate::failure::Failure;
use crate::world::Ground;
use console::page;
use gateway::RemoteControl;
use std::path::PathBuf;

pub async fn run(global: &Global, args: &RunArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, Some(args.date), 1)?;
    if ground.trade_dates(1)? != [args.date] {
        return Err(Failure::Usage(format!("{} is no trade date: no configured venue has a session", args.date)));
    }
    let state_dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let control = RemoteControl::connect(args.control).await.map_err(|error| {
        Failure::Broker(format!("{error} at {}; start `abstractfinance gateway` first", args.control))
    })?;
    let (run, mut world) = ground.world(&state_dir, args.gateway, control).await?;
    let day = run_day(args.date, &run, &mut world).await?;
    world.broker.disconnect().await;
    world.journal.close().await?;
    if global.json {
        print_json(&[day])
    } else {
        print!("{}", page(&day))
    }
    Ok(())
}
