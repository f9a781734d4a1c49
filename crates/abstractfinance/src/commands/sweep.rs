//! `sweep`: many backtests over settings that differ.
//!
//! In: a file that says which keys take which values, a market, two dates. Out: a table with a verdict, and in a folder the
//! runs, a Parquet table and a map. Invariant: a run is what `backtest` does with these settings; a run that is in the
//! folder already is not run again.

mod search;

use super::backtest::{about, research, simulation, span};
use super::show;
use crate::cli::{Global, SweepArgs};
use crate::failure::Failure;
use crate::settings;
use crate::world::Ground;
use ::backtest::result::Result as Research;
use ::backtest::sweep::{Trial, heat_map, page, parquet, verdict};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use rayon::prelude::*;
use search::{Point, Search};
use sha2::{Digest, Sha256};
use sim::{SimConfig, Simulation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// Finished runs, a line each.
const RUNS: &str = "runs.jsonl";

pub fn sweep(global: &Global, args: &SweepArgs) -> Result<(), Failure> {
    let search = Search::read(&args.search)?;
    let points = search.points();
    if args.list {
        let listed: Vec<_> = points.iter().map(|point| &point.set).collect();
        return show(format!("{}\n", serde_json::json!(listed)));
    }
    let wanted = |number: usize| args.only.as_ref().is_none_or(|only| only.contains(number));
    let points: Vec<Point> =
        points.into_iter().enumerate().filter(|(run, _)| wanted(run + 1)).map(|(_, point)| point).collect();
    let (from, to) = span(&args.span)?;
    let known = known(&args.out)?;
    let stage = Stage { global, args, from, to, base: base(global, args, (from, to))? };
    let out = Mutex::new(appended(&args.out)?);
    let bar = progress(points.len() as u64);
    let threads = args.threads.map_or(0, |threads| usize::from(threads.get()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::Usage(format!("cannot start {threads} threads: {error}")))?;
    let run = |point: &Point| {
        let trial = stage.trial(point, &known, &out);
        bar.inc(1);
        trial
    };
    let trials: Result<Vec<Trial>, Failure> = pool.install(|| points.par_iter().map(run).collect());
    bar.finish_and_clear();
    let trials = trials?;
    let verdict = verdict(&trials, args.folds.into());
    let title = args.search.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    write(&args.out, "runs.parquet", &parquet(&trials).map_err(|error| failed(&args.out, &error))?)?;
    write(&args.out, "map.html", heat_map(&title, &trials, &verdict).as_bytes())?;
    show(if global.json {
        format!("{}\n", serde_json::json!({ "verdict": verdict, "trials": trials }))
    } else {
        let files = format!("\n  files in {}: runs.jsonl, runs.parquet, map.html\n", args.out.display());
        page(&trials, &verdict, args.rows.into()) + &files
    })
}

/// What every run of a search shares.
struct Stage<'a> {
    global: &'a Global,
    args: &'a SweepArgs,
    from: Date,
    to: Date,
    /// The world before its first date, for runs whose settings change nothing of it.
    base: (SimConfig, Mutex<Simulation>),
}

impl Stage<'_> {
    /// A point's run: found, or made now. Settings that are refused are a result; a world that fails is not.
    fn trial(&self, point: &Point, known: &BTreeMap<String, Trial>, out: &Mutex<File>) -> Result<Trial, Failure> {
        let refused = |failure: Failure| self.refused(point, failure.to_string());
        let ground = match ground(self.global, &point.set, (self.from, self.to)) {
            Ok(ground) => ground,
            Err(failure) => return Ok(refused(failure)),
        };
        let market = &self.args.span.market;
        let config = ground.simulation(market)?;
        let about = about(self.global, &self.args.span, &ground, &config);
        let origin = &about.origin;
        let id = hash(&format!("{origin:?} {} {} {}", about.depth, self.from, self.to));
        if let Some(trial) = known.get(&id) {
            return Ok(Trial { set: point.set.clone(), ..trial.clone() });
        }
        let dates = ground.trade_dates_to(self.to)?;
        let simulation = match config.universe == self.base.0.universe && config.base == self.base.0.base {
            true => self.base.1.lock().expect("a copy never fails").clone(),
            false => simulation(config, self.args.span.depth)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Failure::Usage(format!("cannot start a runtime: {error}")))?;
        let trial = match runtime.block_on(research(about, &ground, simulation, &dates, false)) {
            Ok(result) => finished(id, point, &result),
            Err(failure) => return Ok(refused(failure)),
        };
        keep(&trial, out).map_err(|error| failed(&self.args.out, &error))?;
        Ok(trial)
    }

    fn refused(&self, point: &Point, why: String) -> Trial {
        Trial {
            id: String::new(),
            set: point.set.clone(),
            dates: (self.from, self.to),
            returns: Vec::new(),
            turnover_per_year: 0.0,
            trading_bps_per_year: 0.0,
            fills: 0,
            stopped: 0,
            failure: Some(why),
        }
    }
}

fn finished(id: String, point: &Point, result: &Research) -> Trial {
    let summary = result.summary();
    let stopped = ["CANCEL_ONLY", "FROZEN"].map(|mode| summary.modes.get(mode).copied().unwrap_or(0));
    Trial {
        id,
        set: point.set.clone(),
        dates: (summary.from, summary.to),
        returns: result.returns(),
        turnover_per_year: summary.turnover_per_year,
        trading_bps_per_year: summary.costs.trading_bps_per_year,
        fills: summary.fills,
        stopped: stopped.iter().sum(),
        failure: None,
    }
}

/// Settings, universe and calendars of one run.
fn ground(
    global: &Global,
    set: &BTreeMap<String, serde_json::Value>,
    (from, to): (Date, Date),
) -> Result<Ground, Failure> {
    let loaded = settings::load_with(global.config.as_deref(), set)?;
    let weekdays = (to - from).get_days() / 7 * 5 + 5;
    let ground = Ground::of(loaded, Some(from), weekdays.unsigned_abs())?;
    ground.only_simulated("a sweep")?;
    Ok(ground)
}

/// The world of the settings as they are.
fn base(global: &Global, args: &SweepArgs, span: (Date, Date)) -> Result<(SimConfig, Mutex<Simulation>), Failure> {
    let config = ground(global, &BTreeMap::new(), span)?.simulation(&args.span.market)?;
    Ok((config.clone(), Mutex::new(simulation(config, args.span.depth)?)))
}

/// The runs of a folder, by what they stand on. A line that was cut off is run again.
fn known(dir: &Path) -> Result<BTreeMap<String, Trial>, Failure> {
    match std::fs::read_to_string(dir.join(RUNS)) {
        Ok(text) => {
            let trials = text.lines().filter_map(|line| serde_json::from_str::<Trial>(line).ok());
            Ok(trials.map(|trial| (trial.id.clone(), trial)).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(failed(dir, &error)),
    }
}

fn appended(dir: &Path) -> Result<File, Failure> {
    let open = || {
        std::fs::create_dir_all(dir)?;
        let mut file = File::options().create(true).append(true).open(dir.join(RUNS))?;
        if file.metadata()?.len() > 0 {
            writeln!(file)?; // ends a line that was cut off
        }
        Ok(file)
    };
    open().map_err(|error: std::io::Error| failed(dir, &error))
}

fn keep(trial: &Trial, out: &Mutex<File>) -> std::io::Result<()> {
    let line = serde_json::to_string(trial).expect("plain data") + "\n";
    out.lock().expect("nobody panics while writing").write_all(line.as_bytes())
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let part = dir.join(format!("{name}.part"));
    let put = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(part, dir.join(name)));
    put.map_err(|error| failed(dir, &error))
}

fn failed(dir: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("cannot write to {}: {error}; name another --out", dir.display()))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs  {per_sec}  {eta} left");
    ProgressBar::new(runs).with_style(style.expect("a constant template"))
}
