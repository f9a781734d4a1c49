//! The command line.
//!
//! In: arguments. Out: typed commands. Invariant: `--help` is enough to start without the book, and an
//! exit code never changes its meaning.

use clap::{Args, Parser, Subcommand};
use domain::Mic;
use jiff::civil::Date;
use sim::Scenario;
use std::net::SocketAddr;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Start here:
  abstractfinance demo                             a full trading day against the built-in simulated gateway
  abstractfinance demo --days 20 --scenario crash

Exit codes:
  0  done
  2  the command line, a setting or a file of yours is wrong
  3  the gateway cannot listen or be reached, refuses, or answers nonsense
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

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder with settings.yaml and instruments.yaml; without it the built-in configuration is used.
    #[arg(long, global = true, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Folder of the journal and all other state.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Print one JSON document instead of pages.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run trading days against the built-in simulated IB Gateway: no account, no network, no database server.
    Demo(DemoArgs),
    /// Run one trade date against a simulated gateway in another process.
    Run(RunArgs),
    /// Serve the simulated IB Gateway on its own: the real TWS protocol on a loopback port.
    Gateway(GatewayArgs),
    /// Build and inspect the catalogue of price history.
    #[command(subcommand)]
    Data(DataCommand),
    /// Check and print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Inspect the journal.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Print the sessions of a venue.
    Calendar(CalendarArgs),
    /// Show the ranks and scores behind a list of stocks.
    Screen(ScreenArgs),
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub market: MarketArgs,
    /// How many trading days to run, one after the other on the same account.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2600))]
    pub days: u32,
    /// Print the page of every day; without it, of the last one, after a line for each.
    #[arg(long)]
    pub pages: bool,
}

/// Which simulated world.
#[derive(Clone, Debug, Args)]
pub struct MarketArgs {
    /// Seed of the simulated market; the same seed gives the same days.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the simulated market does: calm, decline (of Europe), crash, spike (of volatility).
    #[arg(long, default_value_t = Scenario::Calm, conflicts_with = "catalogue")]
    pub scenario: Scenario,
    /// Replay this catalogue's real history instead; see `data import`.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub catalogue: Option<PathBuf>,
    /// First trade date.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run one trade date and end.
    #[arg(long, required = true)]
    pub once: bool,
    /// The trade date.
    #[arg(long)]
    pub date: Date,
    /// Where the gateway listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    pub gateway: SocketAddr,
    /// Where its control listens; time is kept in step with it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4001")]
    pub control: SocketAddr,
}

/// Options of `gateway`.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    #[command(flatten)]
    pub market: MarketArgs,
    /// Where clients connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,
    /// Where the clock is controlled from.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4001")]
    pub control: SocketAddr,
    /// Keep every command in this file, so that the account survives the process.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// `data …`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Build a catalogue from CSV files, as a map says.
    Import {
        /// The map: which series stands for which instrument.
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
        /// Folder the map's files are in.
        source: PathBuf,
        /// Folder of the new catalogue.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
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
}

/// `journal …`.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Walk the hash chain and name the first record that was changed or lost.
    Verify,
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
pub struct CalendarArgs {
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
