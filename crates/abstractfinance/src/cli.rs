//! The command line.
//!
//! In: arguments. Out: typed commands. Invariant: `--help` is enough to start without the book, and an
//! exit code never changes its meaning.

mod decisions;
mod examples;
mod market;
mod operator;
mod records;
mod research;
mod run;

pub use decisions::{ApproveArgs, DiffArgs, ExplainArgs, PlanArgs, ReplayDaysArgs, WhyNotArgs};
pub use market::{AccountEvents, Commissions, FaultArgs, MarketArgs};
pub use operator::{
    AdoptArgs, CashIs, CloseOutArgs, DashboardArgs, DateArgs, DoctorArgs, InitArgs, KillArgs, ListenArgs, MetricsArgs,
    NavArgs, NextMode, NotifyArgs, ReasonArgs, ReconcileArgs, ReconcileCommand, ResumeArgs, SayArgs, SpanArgs,
    StatusArgs,
};
pub use records::JournalCommand;
pub use research::{BacktestArgs, Depth, Numbers, SpanOfResearch, StressArgs, SweepArgs};
pub use run::RunArgs;

use crate::settings::Mode;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use domain::Mic;
use jiff::civil::Date;
use std::net::SocketAddr;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Start here:
  abstractfinance demo                             a full trading day against the built-in gateway
  abstractfinance demo --days 20 --scenario crash
  abstractfinance init                             a configuration of your own, and the way to real money

Exit codes:
  0  done
  2  the command line, a setting or a file of yours is wrong
  3  the gateway or a price source cannot be reached, refuses, or answers nonsense
  4  the journal is in use, damaged, or cannot be written
  5  stopped by the engine's own rules; the report says why";

/// Systematic trading of one macro portfolio on one Interactive Brokers account, every trading day.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = AFTER_HELP
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the command line of this process; one that cannot be understood, or asks for help, ends it.
    pub fn read() -> Cli {
        let words = examples::taught(Cli::command()).get_matches();
        Cli::from_arg_matches(&words).unwrap_or_else(|error| error.exit())
    }
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Folder with settings.yaml and instruments.yaml; without it the built-in configuration is used.
    #[arg(long, global = true, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Folder of the journal and all other state.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Refuse unless the settings are in this mode: simulated, paper or live. It changes none.
    #[arg(long, global = true, value_name = "MODE", hide_possible_values = true)]
    pub mode: Option<Mode>,
    /// Print one JSON document instead of pages; `init` and `metrics` have text alone.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration of your own, and take it from the simulator to a paper account and to real money, step by step.
    Init(InitArgs),
    /// Run trading days against the built-in simulated IB Gateway: no account, no network, no database server.
    Demo(DemoArgs),
    /// Run every trade date at its time, or one with --once, against a gateway in another process: the simulated one, or
    /// the broker's in mode paper or live.
    Run(RunArgs),
    /// Run the same trading days over a history, in virtual time: a simulated market, or the real one of a catalogue.
    Backtest(BacktestArgs),
    /// Run many backtests over settings that differ, on all cores, and say how far the best may be believed.
    Sweep(SweepArgs),
    /// Show what named shocks (2008, August 2015, February 2018, March 2020) would do to the book, against its limits.
    Stress(StressArgs),
    /// Serve the simulated IB Gateway on its own: the real TWS protocol on a loopback port.
    Gateway(GatewayArgs),
    /// Open the dashboard: the account in a browser, on loopback, beside a running engine or without one.
    Dashboard(DashboardArgs),
    /// Print the account in numbers, in the text format of Prometheus; or serve them beside a running engine.
    Metrics(MetricsArgs),
    /// Tell Telegram and a webhook what happens, and hear commands, until Ctrl-C; `monitoring` in the settings says whom.
    Notify(NotifyArgs),
    /// Ask whether a running engine answers at the address of its metrics or dashboard; for health checks of containers.
    Healthy {
        /// The address, such as 127.0.0.1:8000.
        address: SocketAddr,
    },
    /// Show how the engine stands: mode, day in progress, last finished day, what nobody has answered yet.
    Status(StatusArgs),
    /// Show the page of a finished trading day: its fourteen steps, plan, orders, hedges, alerts and tie-out.
    Report(DateArgs),
    /// Show the orders of a trade date with what was filled: of the day in progress, or of a finished one.
    Orders(DateArgs),
    /// Show the positions after the last finished day, ours and the broker's.
    Positions,
    /// Show NAV, return, drawdown and the difference to the broker, day by day.
    Nav(NavArgs),
    /// Show what trading cost, by sleeve, venue, asset class and order; the last finished day without dates.
    Costs(SpanArgs),
    /// Show what the last comparison with the broker found, and why; or take a finding into the books.
    Reconcile(ReconcileArgs),
    /// Show what each sleeve earned, day by day or in sum.
    Sleeves(NavArgs),
    /// Decide a trade date, store the plan and show it; send nothing.
    Plan(PlanArgs),
    /// Let a stored plan be executed, or reject it.
    Approve(ApproveArgs),
    /// Show why an order is what it is, or an instrument held or not: every number with what it is made of.
    Explain(ExplainArgs),
    /// Name the rule that keeps an instrument from being traded.
    WhyNot(WhyNotArgs),
    /// Show what differs between the plans of two trade dates.
    Diff(DiffArgs),
    /// Decide recorded days again from what the journal holds, and name the first step whose result is another.
    Replay(ReplayDaysArgs),
    /// Stop: nothing is sent but cancels (mode CANCEL_ONLY), until `resume`.
    Halt(SayArgs),
    /// Only let orders out that lower risk (mode REDUCE_ONLY), until `resume`.
    ReduceOnly(SayArgs),
    /// Go on after a halt; the only way to loosen a mode.
    Resume(ResumeArgs),
    /// Cancel every order of the account at the gateway and freeze the engine (mode FROZEN).
    Kill(KillArgs),
    /// Add nothing from now on, and close every position with the next plan, in its windows and inside its limits.
    Flatten(ReasonArgs),
    /// Confirm the mandatory close-out of an expiring contract while the mode lets nothing else out.
    CloseOut(CloseOutArgs),
    /// Build and inspect the catalogue of price history.
    #[command(subcommand)]
    Data(DataCommand),
    /// Write the account as one JSON file, or open books from one.
    #[command(subcommand)]
    State(StateCommand),
    /// Look at everything a trading day needs: configuration, machine, dates, broker; each with what to do about it.
    Doctor(DoctorArgs),
    /// Check and print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Compare the instrument table with a broker.
    #[command(subcommand)]
    Instruments(InstrumentsCommand),
    /// Verify, back up, restore and export the journal.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Print the sessions of a venue, or what comes due: rolls, ends of contracts, holidays.
    Calendar(CalendarArgs),
    /// Show what an order has to pass before it may leave.
    #[command(subcommand)]
    Gate(GateCommand),
    /// Look at what the risk rules make of a history.
    #[command(subcommand)]
    Risk(RiskCommand),
    /// Show the ranks and scores behind a list of stocks.
    Screen(ScreenArgs),
    /// Tail hedges: premium spent against its budget, options held with their Greeks, what they would pay in a crash.
    Hedges,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub market: MarketArgs,
    #[command(flatten)]
    pub faults: FaultArgs,
    /// How many trading days to run, one after the other on the same account.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2600))]
    pub days: u32,
    #[command(flatten)]
    pub adopt: AdoptArgs,
    /// Open the dashboard, and after these days live through further ones, slow enough to watch, until Ctrl-C.
    #[arg(long)]
    pub serve: bool,
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Also serve the metrics while days are run.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// Print the page of every day; without it, of the last one, after a line for each.
    #[arg(long)]
    pub pages: bool,
}

/// Options of `gateway`.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    #[command(flatten)]
    pub market: MarketArgs,
    #[command(flatten)]
    pub faults: FaultArgs,
    /// Where clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,
    /// Where the clock is controlled from.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4001")]
    pub control: SocketAddr,
    /// Let time run by itself, so many times as fast as the clock on the wall; without it, only the control moves time.
    #[arg(long, value_name = "X")]
    pub speed: Option<gateway::Speed>,
    /// For how many trading days it lists contracts, two years at least.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=2600))]
    pub days: u32,
    /// The instant to begin at, such as 2026-03-02T09:00:00Z; without it, midnight of the first trade date.
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<jiff::Timestamp>,
    /// The account it serves: DU and digits like a paper account, U and digits like one of real money.
    #[arg(long, value_name = "ID", default_value = "DU1000001", value_parser = account)]
    pub account: String,
    /// Refuse clients that are faster than IB allows, by the clock on the wall: more than 50 messages a second (code 100, and
    /// the connection is cut), the same bars within 15 seconds, a sixth question for bars of a contract within two (162).
    #[arg(long)]
    pub pacing: bool,
    /// Where activity statements are served over HTTP, as IB's Flex Web Service does: query 1, token `simulated`.
    #[arg(long, value_name = "ADDR")]
    pub statements: Option<SocketAddr>,
    /// Keep every command in this file, so that the account survives the process.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// `data …`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Build a catalogue from CSV or Parquet files, as a map says.
    Import {
        /// The map: which series stands for which instrument.
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
        /// Folder the map's files are in.
        source: PathBuf,
        /// Folder of the new catalogue.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Put it in the place of the catalogue that is there, all of it, bars that were pulled included.
        #[arg(long)]
        replace: bool,
    },
    /// Add daily bars from a source to a catalogue; asks for missing dates only.
    Pull(PullArgs),
    /// Look for gaps, repeats, jumps, splits and unit flips.
    Check(CheckArgs),
}

/// Where bars are pulled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PullSource {
    /// Yahoo's charts.
    Yahoo,
    /// The broker's gateway.
    Gateway,
}

/// Options of `data pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The instruments; all of instruments.yaml without one.
    pub instruments: Vec<String>,
    /// Folder of the catalogue; made when it is missing.
    #[arg(long, value_name = "DIR", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// First date.
    #[arg(long)]
    pub from: Date,
    /// Last date; yesterday without it.
    #[arg(long)]
    pub to: Option<Date>,
    /// The segment the bars go to; made when it is missing.
    #[arg(long, default_value = "pulled")]
    pub segment: String,
    /// Where from.
    #[arg(long, value_enum, default_value_t = PullSource::Yahoo)]
    pub source: PullSource,
    /// Adjust prices for dividends too. Such a series is pulled whole whenever one is paid.
    #[arg(long)]
    pub adjusted: bool,
    /// Where the gateway listens; the address in the settings without it.
    #[arg(long, value_name = "ADDR")]
    pub gateway: Option<SocketAddr>,
}

/// Options of `data check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Folder of the catalogue.
    #[arg(long, value_name = "DIR", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// The same series from another source, to compare with.
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// A list of bad prints, CSV with `date` and `series`, to compare the findings with.
    #[arg(long, value_name = "FILE")]
    pub known_bad: Option<PathBuf>,
}

/// `state …`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Print the account after the last finished day as portfolio_state.json.
    Export,
    /// Hold a portfolio_state.json against itself and the configuration, and open books from it in a new state folder.
    Import {
        /// The file.
        file: PathBuf,
    },
}

/// `config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration and say whether it can be run with.
    Check,
    /// Print the JSON Schema of settings.yaml.
    Schema,
    /// Print the configuration in force.
    Show,
    /// Print every key of settings.yaml as a page of Markdown: what it is, what it may be, what is built in.
    Reference,
}

/// `instruments …`.
#[derive(Debug, Subcommand)]
pub enum InstrumentsCommand {
    /// Resolve every line of instruments.yaml at a gateway and print what the broker says otherwise.
    Check {
        /// Where the gateway listens; without it, the built-in simulated one answers.
        #[arg(long, value_name = "ADDR")]
        gateway: Option<SocketAddr>,
    },
}

/// Options of `screen`.
#[derive(Debug, Args)]
pub struct ScreenArgs {
    /// Only this side.
    #[arg(long)]
    pub side: Option<SideArg>,
    /// The list in force on this date; the last one without it.
    #[arg(long)]
    pub date: Option<Date>,
}

/// A side of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SideArg {
    /// What is bought.
    Long,
    /// What is sold short.
    Short,
}

/// Options of `calendar`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct CalendarArgs {
    #[command(subcommand)]
    pub command: Option<CalendarCommand>,
    #[command(flatten)]
    pub sessions: Option<SessionsArgs>,
}

/// `calendar …`.
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Show what comes due: when futures roll, have to be gone, are noticed and end, when held options are replaced and
    /// expire, when venues are shut or close early, and when broker or gateway are away.
    Obligations(ObligationsArgs),
}

/// Options of `calendar obligations`.
#[derive(Debug, Args)]
pub struct ObligationsArgs {
    /// How many days to look ahead.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// First date; without it the one after the last finished day of the state folder, or today.
    #[arg(long)]
    pub from: Option<Date>,
}

/// Options of `calendar VENUE`.
#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Venue code, such as XLON.
    pub venue: Mic,
    /// First date.
    #[arg(long)]
    pub from: Date,
    /// Last date.
    #[arg(long)]
    pub to: Date,
    /// Print `date,open_utc,close_utc`.
    #[arg(long)]
    pub csv: bool,
}

/// `gate …`.
#[derive(Debug, Subcommand)]
pub enum GateCommand {
    /// List every check with its code, the limit in force, its value on the last planned day and what it does.
    Explain,
}

/// `risk …`.
#[derive(Debug, Subcommand)]
pub enum RiskCommand {
    /// Replay daily returns through volatility, drawdown and regime, one row per date.
    Replay(ReplayArgs),
}

/// Options of `risk replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Simple daily returns of the unit strategy: a header, then `date,value` lines, oldest first.
    #[arg(long, value_name = "FILE")]
    pub returns: PathBuf,
    /// VIX closes in the same form; a date that is missing keeps its regime.
    #[arg(long, value_name = "FILE")]
    pub vix: PathBuf,
    /// Print comma-separated columns in full precision.
    #[arg(long)]
    pub csv: bool,
}

/// An account id as the broker gives them out.
fn account(text: &str) -> Result<String, String> {
    match crate::settings::interlock::money(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("an account is DU and digits (paper) or U and digits (real money), such as DU1000001".into()),
    }
}
