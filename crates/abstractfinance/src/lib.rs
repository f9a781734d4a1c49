//! The program as a library: reads the command line, wires the house together, prints what came of it.
//!
//! In: arguments, settings, files. Out: pages or JSON, and an exit code; to other programs, [`research`] alone. Invariant: it
//! decides nothing; every decision is in the crates it connects.
#![allow(clippy::disallowed_methods, reason = "the shell is where files, arguments and the wall clock are read")]

mod activity;
mod book;
mod calendars;
mod cli;
mod commands;
mod courier;
mod dashboard;
mod day;
mod doctor;
mod failure;
mod faults;
mod fundamentals;
mod lockstep;
mod policy;
mod rates;
pub mod research;
mod schedule;
mod settings;
mod state_file;
mod wall;
mod words;
mod world;

pub use failure::Failure;

use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// Carries out the command line of this process.
pub fn main() -> ExitCode {
    let cli = cli::Cli::read();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false).with_writer(std::io::stderr);
    log.with_max_level(log_level()).init();
    feeds::install_tls_provider();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("abstractfinance: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// The level named by `AF_LOG`; errors only without it, or when it names none, which is said.
fn log_level() -> LevelFilter {
    let named = std::env::var("AF_LOG").unwrap_or_default();
    named.parse().unwrap_or_else(|_| {
        if !named.is_empty() {
            eprintln!(
                "abstractfinance: AF_LOG: `{named}` is no level, and errors alone are logged; write error, warn, info, \
                 debug, trace or off"
            );
        }
        LevelFilter::ERROR
    })
}
