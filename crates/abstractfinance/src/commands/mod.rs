//! One file per command.
//!
//! In: typed arguments. Out: printed results. Invariant: a command prints to standard output what
//! was asked for, and to standard error everything else.

pub(crate) mod account;
mod calendar;
mod check;
mod config;
mod costs;
mod daily;
mod dashboard;
mod data;
mod day;
mod demo;
mod diff;
mod doctor;
mod explain;
mod gate;
mod gateway;
mod healthy;
mod init;
mod instruments;
mod journal;
mod lookahead;
mod metrics;
mod notify;
pub(crate) mod obligations;
pub(crate) mod operate;
pub(crate) mod plan;
pub(crate) mod preview;
mod pull;
mod reconcile;
pub(crate) mod recorded;
pub(crate) mod records;
mod reference;
mod replay;
mod research;
mod risk;
mod run;
mod screen;
mod state;
mod stress;
mod watch;

use crate::cli::{self, Cli, Command, Global};
use crate::failure::Failure;
use crate::settings::{self, Loaded};
use ::risk::Mode;
use console::DayReport;
use std::fmt::Display;
use std::future::Future;
use std::io::{ErrorKind, Write, stdout};

/// Carries a command out.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    of_the_mode_meant(global)?;
    match cli.command {
        Command::Demo(args) => block_on(demo::demo(global, &args)),
        Command::Backtest(args) => research::backtest(global, &args),
        Command::Sweep(args) => research::sweep(global, &args),
        Command::Stress(args) => block_on(stress::stress(global, &args)),
        Command::Run(args) => block_on(run::run(global, &args)),
        Command::Gateway(args) => block_on(gateway::gateway(global, &args)),
        Command::Dashboard(args) => block_on(dashboard::dashboard(global, &args)),
        Command::Metrics(args) => block_on(metrics::metrics(global, &args)),
        Command::Notify(args) => block_on(notify::notify(global, &args)),
        Command::Healthy { address } => healthy::healthy(address),
        Command::Init(args) => block_on(init::init(global, &args)),
        Command::Status(args) if args.watch => block_on(watch::watch(global)),
        Command::Status(_) => block_on(account::status(global)),
        Command::Report(args) => block_on(day::report(global, &args)),
        Command::Orders(args) => block_on(day::orders(global, &args)),
        Command::Positions => block_on(account::positions(global)),
        Command::Nav(args) => block_on(account::nav(global, &args)),
        Command::Costs(args) => block_on(costs::costs(global, &args)),
        Command::Reconcile(args) => block_on(reconcile::reconcile(global, &args)),
        Command::Sleeves(args) => block_on(account::sleeves(global, &args)),
        Command::Halt(args) => block_on(operate::tighten(global, &args, Mode::CancelOnly)),
        Command::ReduceOnly(args) => block_on(operate::tighten(global, &args, Mode::ReduceOnly)),
        Command::Resume(args) => block_on(operate::resume(global, &args)),
        Command::Kill(args) => block_on(operate::kill(global, &args)),
        Command::CloseOut(args) => block_on(operate::close_out(global, &args)),
        Command::Flatten(args) => block_on(operate::flatten(global, &args)),
        Command::Data(cli::DataCommand::Import { map, source, out, replace }) => {
            data::import(global, map.as_deref(), &source, &out, replace)
        }
        Command::State(cli::StateCommand::Export) => block_on(state::export(global)),
        Command::State(cli::StateCommand::Import { file }) => block_on(state::import(global, &file)),
        Command::Doctor(args) => block_on(doctor::doctor(global, &args)),
        Command::Config(cli::ConfigCommand::Check) => config::check(global),
        Command::Config(cli::ConfigCommand::Schema) => config::schema(),
        Command::Config(cli::ConfigCommand::Show) => config::in_force(global),
        Command::Config(cli::ConfigCommand::Reference) => reference::reference(global),
        Command::Journal(command) => block_on(journal::journal(global, &command)),
        Command::Instruments(cli::InstrumentsCommand::Check { gateway }) => {
            block_on(instruments::check(global, gateway))
        }
        Command::Data(cli::DataCommand::Pull(args)) => block_on(pull::pull(global, &args)),
        Command::Data(cli::DataCommand::Check(args)) => check::check(global, &args),
        Command::Calendar(cli::CalendarArgs { command: Some(cli::CalendarCommand::Obligations(args)), .. }) => {
            block_on(obligations::obligations(global, &args))
        }
        Command::Calendar(cli::CalendarArgs { sessions: Some(sessions), .. }) => calendar::calendar(global, &sessions),
        Command::Calendar(_) => Err(Failure::Usage("name a venue, such as XLON, with --from and --to".into())),
        Command::Gate(cli::GateCommand::Explain) => block_on(gate::explain(global)),
        Command::Risk(cli::RiskCommand::Replay(args)) => risk::replay(global, &args),
        Command::Plan(args) => block_on(plan::plan(global, &args)),
        Command::Approve(args) => block_on(plan::approve(global, &args)),
        Command::Explain(args) => block_on(explain::explain(global, &args)),
        Command::WhyNot(args) => block_on(explain::why_not(global, &args)),
        Command::Diff(args) => block_on(diff::diff(global, &args)),
        Command::Replay(args) => block_on(replay::replay(global, &args)),
        Command::Hedges => block_on(account::hedges(global)),
        Command::Screen(args) => block_on(screen::screen(global, &args)),
    }
}

/// Somebody who names a mode means one kind of account, whatever the folder turns out to say.
fn of_the_mode_meant(global: &Global) -> Result<(), Failure> {
    let Some(meant) = global.mode else { return Ok(()) };
    let Loaded { settings, sources, .. } = settings::load(global.config.as_deref())?;
    let name = |mode: settings::Mode| format!("{mode:?}").to_lowercase();
    if settings.mode == meant {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--mode {} was asked for, and the settings ({}) say `mode: {}`: nothing was done; name the folder that was meant with --config",
        name(meant),
        sources.settings,
        name(settings.mode)
    )))
}

/// The trading path runs on this thread; the gateway and the broker's client on the workers.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::Usage(format!("cannot start the runtime: {error}")))?.block_on(future)
}

/// Writes to standard output. A reader that has seen enough, such as `head`, is no failure.
fn show(text: impl Display) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Usage(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// What `demo --json` and `run --json` print.
fn days_json(days: &[DayReport]) -> String {
    format!("{}\n", serde_json::json!({ "days": days }))
}

/// A day after which nothing may be sent is not a day that went well, whatever was printed.
fn went_well(day: &DayReport) -> Result<(), Failure> {
    if ![Mode::CancelOnly, Mode::Frozen].map(|mode| mode.to_string()).contains(&day.mode) {
        return Ok(());
    }
    let stopped = day.steps.iter().rev().find(|step| step.outcome == "stopped");
    let why =
        stopped.map_or_else(String::new, |step| format!(" at step {}, {}: {}", step.number, step.name, step.detail));
    Err(Failure::Halted(format!(
        "{} ended in mode {}{why}. No order is sent from here on; compare both sides in the report",
        day.date, day.mode
    )))
}
