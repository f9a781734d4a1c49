//! `cargo xtask crash`: the long form of the crash campaign.
//!
//! In: how many seeds, how many engines at a time. Out: progress while it runs, then a report. Invariant: it passes only
//! when engines died at many points and the judge found nothing.

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tests::crash::campaign::{Campaign, Report};

/// Points at which engines have to have died; fewer means that the worlds no longer reach what they did.
pub const POINTS_MIN: usize = 60;

/// Options of `crash`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Seeds of markets and faults; each makes every world once more.
    #[arg(long, default_value_t = 4)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Episodes at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The program, with every bug planted where that is asked for; without it, it is built.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Plant every bug of tests/planted in a copy of the repository, and demand that each is caught.
    #[arg(long)]
    planted: bool,
    /// Only bugs whose name contains this.
    #[arg(long, requires = "planted", value_name = "TEXT")]
    only: Option<String>,
}

pub fn run(repository: &Path, arguments: &Arguments) -> Result<()> {
    if arguments.planted {
        let (program, only) = (arguments.program.as_deref(), arguments.only.as_deref());
        return crate::planted::run(repository, program, only, arguments.jobs);
    }
    let program = match &arguments.program {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => build(repository)?,
    };
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let watched = std::io::stderr().is_terminal();
    let told = |report: &Report| {
        let line = report.to_string().lines().next().unwrap_or_default().to_owned();
        // A log has no line that changes: it gets one an episode.
        if watched { bar.set_message(line) } else { eprintln!("{line}") }
    };
    let seeds = arguments.from..arguments.from + arguments.seeds;
    let report = Campaign::new(&program, arguments.jobs).run(seeds, &told)?;
    bar.finish_and_clear();
    print!("{report}");
    ensure!(report.violations.is_empty(), "{} episodes contradict the gateway's record", report.violations.len());
    ensure!(report.deaths.len() >= POINTS_MIN, "engines died at {} points; {POINTS_MIN} at least", report.deaths.len());
    Ok(())
}

/// Builds the program in a checkout and says where it is.
pub fn build(checkout: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--release", "-q", "-p", "abstractfinance"]).current_dir(checkout).status();
    ensure!(status.context("cargo")?.success(), "the program does not build");
    Ok(checkout.join("target/release/abstractfinance"))
}
