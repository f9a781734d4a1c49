//! Chores of the repository that a person or the pipeline starts by name.
//!
//! In: a task and its flags. Out: files of the repository, or a verdict on them.
//! Invariant: no task is needed to build or to run the engine.
#![allow(clippy::disallowed_methods, reason = "chores of the repository read and write its files")]

mod calendars;
mod crash;
mod planted;
mod soak;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Chores of the repository.
#[derive(Parser)]
#[command(name = "xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write config/calendars/*.csv from the Python package exchange_calendars (needs Python 3.11 and the network once).
    Calendars(calendars::Arguments),
    /// Kill the engine at every point of its table, in many worlds, and judge what it leaves by the gateway's record.
    Crash(crash::Arguments),
    /// Run seasons of faults at the broker, and compare books and account every morning.
    Soak(soak::Arguments),
    /// Hold the repository against the house rules the compiler does not know.
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Calendars(arguments) => calendars::run(repository(), arguments),
        Task::Crash(arguments) => crash::run(repository(), &arguments),
        Task::Soak(arguments) => soak::run(repository(), &arguments),
        Task::Tidy => tidy::run(repository()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout this binary was built in.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}
