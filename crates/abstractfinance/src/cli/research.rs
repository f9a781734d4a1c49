//! The command line of research.
//!
//! In: arguments. Out: typed commands. Invariant: a default costs what trading costs, and a shortcut is named by what it
//! leaves out.

use super::MarketArgs;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Which days are run, and how.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("account_events", |arg| arg.default_value("unattended")))]
pub struct SpanOfResearch {
    /// The market and its first date.
    #[command(flatten)]
    pub market: MarketArgs,
    /// Last trade date; without it a year after the first, or where a catalogue's history ends before.
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// How deep orders are simulated.
    #[arg(long, value_enum, default_value_t = Depth::NextSession)]
    pub depth: Depth,
    /// After how many trade dates on which something waited for a person (a mode other than NORMAL, a contract with too many
    /// orders in a day) he lets the engine go on, with drawdown measured anew after a hard stop. Without it nobody does, as
    /// nobody sits beside an engine that runs unattended.
    #[arg(long, value_name = "DATES", value_parser = from_one_on)]
    pub resume_after: Option<NonZeroU32>,
}

fn from_one_on(dates: &str) -> Result<NonZeroU32, String> {
    let refused = "a person answers after at least 1 trade date; leave the option out, and nobody does";
    dates.parse().map_err(|_| refused.to_owned())
}

/// Options of `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    pub span: SpanOfResearch,
    /// Look for plans that knew their future, and prove with ten planted leaks that they would be found. A leak that these
    /// dates leave no way into a plan, such as a roll date in dates that roll nothing, is listed as not probed.
    #[arg(long, conflicts_with = "out")]
    pub check_lookahead: bool,
    /// Write the tear sheet (HTML), the summary (JSON) and the daily rows, orders, fills and attribution (Parquet) here.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Numbers of runs, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Vec<std::ops::RangeInclusive<usize>>);

impl Numbers {
    /// Whether a number is among them.
    pub fn contains(&self, number: usize) -> bool {
        self.0.iter().any(|range| range.contains(&number))
    }
}

impl std::str::FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Numbers, String> {
        let number = |text: &str| text.trim().parse().ok().filter(|number: &usize| *number > 0);
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).filter(|(first, last)| first <= last)?;
            Some(first..=last)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Numbers).ok_or_else(|| format!("`{text}` is no list of run numbers; write 1-8 or 3,5"))
    }
}

/// Options of `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// The search: `settings:` with a list of values for each key, such as `volatility.ewma_span: [10, 20, 40]`. Every
    /// combination is run; with `random: {runs: 50, seed: 1}` so many are drawn, and a key may also have a range,
    /// `{from: 0.08, to: 0.16}`; with whole numbers at both ends it draws whole numbers. A key may name several settings, with
    /// commas between them, that take one value.
    #[arg(value_name = "FILE")]
    pub search: PathBuf,
    #[command(flatten)]
    pub span: SpanOfResearch,
    /// Folder of the results. Runs that are in it already are not run again, so that a sweep that was cut off goes on.
    #[arg(long, value_name = "DIR", default_value = "sweep")]
    pub out: PathBuf,
    /// Runs at once; one per core without it.
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroU16>,
    /// Only make these runs, such as 1-8 or 3,5; what has no result yet is left out of the table. For spreading a search over
    /// machines: gather the lines of their runs.jsonl in one folder, and run the whole search there.
    #[arg(long, value_name = "RUNS")]
    pub only: Option<Numbers>,
    /// Print what each run would set, as JSON, and make none.
    #[arg(long)]
    pub list: bool,
    /// How many parts are judged by choices made before them.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub folds: u8,
    /// Rows of the table.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rows: u16,
}

/// How deep orders are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Depth {
    /// Each order is executed whole when its window opens, at the far side of the spread and what its size moves the book.
    NextSession,
    /// Orders work at the simulated exchange: displayed sizes, queues, partial fills, replaces, every 15 seconds.
    OrderLevel,
}

impl Depth {
    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Depth::NextSession => "next-session",
            Depth::OrderLevel => "order-level",
        }
    }
}

/// Options of `stress`.
#[derive(Debug, Args)]
pub struct StressArgs {
    /// Only this shock, such as 2008 or february-2018; all of them without it.
    #[arg(long, value_name = "NAME")]
    pub shock: Option<String>,
    /// On what the last plan wanted instead of what the book holds.
    #[arg(long)]
    pub plan: bool,
    /// Shocks of your own, in the form of config/stress.yaml.
    #[arg(long, value_name = "FILE")]
    pub shocks: Option<PathBuf>,
}
