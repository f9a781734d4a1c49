//! `cargo xtask soak`: the long form of the season of faults, on as many seeds as wanted.
//!
//! In: seeds, how many days, where faults reach. Out: a line a date while it runs, then what each season came to. Invariant:
//! it passes only when books and account agree on every morning of every season, and the judge found nothing besides.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use tests::soak::{Season, play};

/// Options of `soak`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Seasons, each of a market and faults of its own.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Trade dates of a season.
    #[arg(long, default_value_t = 250)]
    days: usize,
    /// All instruments, with dividends, interest, fees and splits, and faults that reach into the account; without it, the
    /// core pair and faults at the broker alone.
    #[arg(long)]
    account: bool,
    /// The program; without it, it is built.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub fn run(repository: &Path, arguments: &Arguments) -> Result<()> {
    let program = match &arguments.program {
        Some(program) => program.canonicalize().with_context(|| program.display().to_string())?,
        None => crate::crash::build(repository)?,
    };
    let Arguments { days, account, .. } = *arguments;
    let config = if account { "config" } else { "config/examples/core-pair" };
    let mut found = 0;
    for seed in arguments.from..arguments.from + arguments.seeds {
        let season = Season { config, seed, days, account };
        let played = play(&program, &season, &|line| eprintln!("{seed}: {line}"))?;
        print!("{season:?}\n{played}");
        found += played.mornings.violations.len() + played.violations.len();
    }
    ensure!(found == 0, "{found} contradictions between the books and the gateway's record");
    Ok(())
}
