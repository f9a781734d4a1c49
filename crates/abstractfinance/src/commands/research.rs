//! `backtest` and `sweep`: research as the command line asks for it and shows it.
//!
//! In: a market or a catalogue, two dates, a depth; for a sweep a file of settings. Out: a page or JSON, and files when a
//! folder is named. Invariant: the runs are those of `research`; a backtest with a state folder keeps a journal like any run.

use super::{block_on, lookahead, show};
use crate::cli::{BacktestArgs, Global, SpanOfResearch, SweepArgs};
use crate::day::Run;
use crate::failure::Failure;
use crate::research::{Fingerprint, Search, Step, Study, Sweep, Watch, made_ahead, write};
use crate::world::{Ground, StateFolder};
use ::backtest::result::Result as Research;
use ::backtest::sweep::{document, page as sweep_page, verdict};
use ::backtest::{files, page};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use journal::Takeover;
use ports::Journal;
use std::ops::ControlFlow;
use std::path::Path;

pub fn backtest(global: &Global, args: &BacktestArgs) -> Result<(), Failure> {
    let study = study(global, &args.span)?;
    let ground = study.ground("a backtest")?;
    let dates = study.dates(&ground)?;
    if args.check_lookahead {
        return block_on(lookahead::check(global, args, &ground, &dates));
    }
    let bar = bar("{bar:40} {pos}/{len} days  {per_sec}  {eta} left  {msg}");
    let watch = |step| drawn(&bar, step);
    let result = match &global.state_dir {
        None => study.over(&ground, &dates, &watch)?,
        Some(dir) => block_on(journaled(&study, dir, &ground, &dates, &watch))?,
    };
    bar.finish_and_clear();
    if let Some(dir) = &args.out {
        files::write(&result, dir).map_err(|error| {
            Failure::Usage(format!("cannot write to {}: {error}; name another --out", dir.display()))
        })?;
    }
    let summary = result.summary();
    show(if global.json {
        format!("{}\n", serde_json::to_string(&summary).expect("plain data"))
    } else {
        page::page(&summary, args.out.as_deref())
    })
}

/// Runs every trade date with a journal of its own.
async fn journaled(
    study: &Study,
    dir: &Path,
    ground: &Ground,
    dates: &[Date],
    watch: Watch<'_>,
) -> Result<Research, Failure> {
    let config = ground.simulation(&study.span.market)?;
    let counted = study.counted(ground, &config)?.over_one_table();
    let market = ground.market(made_ahead(study.simulation(config)?));
    let engaged = StateFolder::open(dir, &ground.loaded.settings).await?;
    let mut engaged = engaged.engage(ground.account(), Takeover::OfTheDead).await?;
    engaged.journal.keep(ground.loaded.recorded().as_bytes());
    let fence = engaged.journal.fence();
    let mut run = Run { is_research: true, ..ground.run(fence, engaged.path, None)? };
    let mut world = ground.research(&market, engaged.journal);
    if world.journal.latest("plan").await?.is_some() {
        return Err(Failure::Usage(format!(
            "{} has days in it already, and a backtest begins with an account of its own; name an empty --state-dir",
            dir.display()
        )));
    }
    let result = counted.days(dates, ground, &mut run, &mut world, &market, watch).await;
    world.journal.close().await?;
    result.map(|result| study.signed(result))
}

pub fn sweep(global: &Global, args: &SweepArgs) -> Result<(), Failure> {
    if let Some(dir) = &global.state_dir {
        return Err(Failure::Usage(format!(
            "a sweep keeps no journal, so --state-dir {} would stay empty; leave it out, --out names the folder of the results",
            dir.display()
        )));
    }
    let search = Search::read(&args.search)?;
    if args.list {
        return show(format!("{}\n", search.listed(args.only.as_ref())?));
    }
    let study = study(global, &args.span)?;
    let threads = args.threads.map_or(0, |threads| usize::from(threads.get()));
    let sweep = Sweep { study: &study, search: &search, only: args.only.as_ref(), threads, out: Some(&args.out) };
    let bar = bar("{bar:40} {pos}/{len} runs  {per_sec}  {eta} left");
    let trials = sweep.run(&|step| drawn(&bar, step))?;
    bar.finish_and_clear();
    let verdict = verdict(&trials, args.folds.into());
    let title = args.search.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    write(&args.out, &title, &trials, &verdict)?;
    show(if global.json {
        format!("{}\n", document(&trials, &verdict))
    } else {
        let files = format!("\n  files in {}: runs.jsonl, runs.parquet, map.html\n", args.out.display());
        sweep_page(&trials, &verdict, args.rows.into()) + &files
    })?;
    if trials.iter().any(|trial| trial.failure.is_none()) {
        return Ok(());
    }
    let why = trials.first().and_then(|trial| trial.failure.as_deref()).unwrap_or_default();
    Err(Failure::Usage(format!("no run could be made: {why}")))
}

fn study(global: &Global, span: &SpanOfResearch) -> Result<Study, Failure> {
    Study::new(global.config.clone(), span.clone(), Fingerprint::of(std::env::current_exe()))
}

fn bar(template: &str) -> ProgressBar {
    ProgressBar::new(0).with_style(ProgressStyle::with_template(template).expect("a constant template"))
}

fn drawn(bar: &ProgressBar, step: Step) -> ControlFlow<()> {
    bar.set_length(step.total as u64);
    if let Some(date) = step.date {
        bar.set_message(date.to_string());
    }
    bar.set_position(step.done as u64);
    ControlFlow::Continue(())
}
