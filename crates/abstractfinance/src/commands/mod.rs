//! One file per command.
//!
//! In: typed arguments. Out: printed results. Invariant: a command prints to standard output what
//! was asked for, and to standard error everything else.

mod calendar;
mod config;
mod data;
mod demo;
mod gateway;
mod journal;
mod run;

use crate::cli::{Cli, Command, ConfigCommand, DataCommand, JournalCommand};
use crate::failure::Failure;
use console::DayReport;
use std::future::Future;

/// Carries a command out.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Demo(args) => block_on(demo::demo(global, &args)),
        Command::Run(args) => block_on(run::run(global, &args)),
        Command::Gateway(args) => block_on(gateway::gateway(global, &args)),
        Command::Data(DataCommand::Import { map, source, out }) => data::import(global, map.as_deref(), &source, &out),
        Command::Config(ConfigCommand::Check) => config::check(global),
        Command::Config(ConfigCommand::Schema) => config::schema(),
        Command::Config(ConfigCommand::Show) => config::show(global),
        Command::Journal(JournalCommand::Verify) => block_on(journal::verify(global)),
        Command::Calendar(args) => calendar::calendar(&args),
    }
}

/// The trading path runs on this thread; the gateway and the broker's client on the workers.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::Usage(format!("cannot start the runtime: {error}")))?.block_on(future)
}

/// What `demo --json` and `run --json` print.
fn print_json(days: &[DayReport]) {
    println!("{}", serde_json::json!({ "days": days }));
}
