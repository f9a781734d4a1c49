//! `demo`: trading days against the built-in simulated gateway.
//!
//! In: a market and a number of days. Out: a line per day and the last day's page. Invariant: with
//! the same state folder it resumes or repeats nothing; without one it starts a fresh account.

use super::print_json;
use crate::cli::{DemoArgs, Global};
use crate::day::run_day;
use crate::failure::Failure;
use crate::world::Ground;
use console::{DayReport, page};
use indicatif::{ProgressBar, ProgressStyle};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub async fn demo(global: &Global, args: &DemoArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, args.market.from, args.days)?;
    let dates = ground.trade_dates(args.days)?;
    let state_dir = state_dir(global)?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let gateway = ground.serve(&args.market, any_port, Some(state_dir.join("gateway.jsonl"))).await?;
    let (run, mut world) = ground.world(&state_dir, gateway.local_addr(), gateway.control()).await?;
    let bar = progress(dates.len() as u64);
    let mut days: Vec<DayReport> = Vec::with_capacity(dates.len());
    for date in dates {
        bar.set_message(date.to_string());
        days.push(run_day(date, &run, &mut world).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    world.broker.disconnect().await;
    world.journal.close().await?;
    print(&days, global.json, args.pages);
    Ok(())
}

fn print(days: &[DayReport], json: bool, pages: bool) {
    if json {
        return print_json(days);
    }
    if pages {
        days.iter().for_each(|day| println!("{}", page(day)));
        return;
    }
    if days.len() > 1 {
        println!("{}", console::page::days(days));
    }
    if let Some(last) = days.last() {
        print!("{}", page(last));
    }
}

/// The given folder, or a fresh one that is kept for reading.
fn state_dir(global: &Global) -> Result<PathBuf, Failure> {
    let dir = match &global.state_dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("abstractfinance-demo-{}", jiff::Timestamp::now().as_millisecond())),
    };
    std::fs::create_dir_all(&dir)
        .map_err(|error| Failure::Usage(format!("cannot create the state folder {}: {error}", dir.display())))?;
    Ok(dir)
}

fn progress(days: u64) -> ProgressBar {
    if days < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days  {per_sec}  {eta} left  {msg}");
    ProgressBar::new(days).with_style(style.expect("a constant template"))
}
