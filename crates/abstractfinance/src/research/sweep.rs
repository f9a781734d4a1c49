//! Many backtests over settings that differ.
//!
//! In: a study, a search. Out: trials in the order of the search, and in a folder the runs, a Parquet table and a map.
//! Invariant: a run is what `backtest` does with these settings; a run that is in the folder already is not run again.

use super::notes::Notes;
use super::search::{Point, Search};
use super::{Counted, Numbers, Step, Study, Watch, go_on, hash};
use crate::failure::Failure;
use crate::world::Ground;
use ::backtest::result::{Result as Research, Run as About};
use ::backtest::sweep::{Trial, Verdict, heat_map, parquet};
use rayon::prelude::*;
use risk::Mode;
use sim::{SimConfig, Simulation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Finished runs, a line each.
const RUNS: &str = "runs.jsonl";

/// A search over a study.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    /// What every run shares.
    pub study: &'a Study,
    /// What differs.
    pub search: &'a Search,
    /// The only runs to make; all without it. Of the others there is what the folder has.
    pub only: Option<&'a Numbers>,
    /// Runs at once; one per core when it is 0.
    pub threads: usize,
    /// Where finished runs are kept, and found.
    pub out: Option<&'a Path>,
}

/// A run before it is made.
struct Prepared {
    id: String,
    about: About,
    ground: Ground,
    config: SimConfig,
    study: Study,
}

impl Sweep<'_> {
    /// Makes every run that is wanted, or finds it, and finds what the folder has of the others. Whoever watches and ends it
    /// has to say so again until it has ended.
    ///
    /// # Errors
    /// What is wrong with the study, or a folder that cannot be written. Settings of one run that are refused are a trial
    /// that says so.
    pub fn run(&self, watch: Watch<'_>) -> Result<Vec<Trial>, Failure> {
        let (wanted, known) = (self.search.wanted(self.only)?, self.known()?);
        // A part of a search begins in an empty folder, and to look for all the others there would take longer than the part.
        let is_looked_up = |number: &usize| wanted.contains_key(number) || !known.is_empty();
        let points: Vec<(usize, Point)> = self.search.points().filter(|(number, _)| is_looked_up(number)).collect();
        let stage = Stage { sweep: self, known, base: self.base()?, out: self.out.map(appended).transpose()? };
        let done = AtomicUsize::new(0);
        let step = |done| Step { done, total: wanted.len(), date: None };
        let watched = || watch(step(done.load(Ordering::Relaxed)));
        let run = |(number, point): &(usize, Point)| {
            if !wanted.contains_key(number) {
                return stage.found(*number, point);
            }
            let trial = stage.trial(*number, point, &|_| watched())?;
            go_on(watch, step(done.fetch_add(1, Ordering::Relaxed) + 1))?;
            Ok(Some(trial))
        };
        let trials: Result<Vec<Option<Trial>>, Failure> = self.pool()?.install(|| points.par_iter().map(run).collect());
        Ok(trials?.into_iter().flatten().collect())
    }

    /// The numbers of the wanted runs that have to be made, from 1: neither found in the folder nor refused.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub fn missing(&self) -> Result<Vec<usize>, Failure> {
        let (wanted, known) = (self.search.wanted(self.only)?, self.known()?);
        self.base()?; // what is wrong with every run is said here, once
        let missing = |(number, point): (&usize, &Point)| match self.prepared(point) {
            Ok(run) => Ok((!known.contains_key(&run.id)).then_some(*number)),
            Err(Refused::Settings(_)) => Ok(None),
            Err(Refused::Study(failure)) => Err(failure),
        };
        let numbers: Result<Vec<_>, Failure> = self.pool()?.install(|| wanted.par_iter().map(missing).collect());
        Ok(numbers?.into_iter().flatten().collect())
    }

    fn pool(&self) -> Result<rayon::ThreadPool, Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        pool.map_err(|error| Failure::Usage(format!("cannot start {} threads: {error}", self.threads)))
    }

    /// The world of the settings as they are.
    fn base(&self) -> Result<(SimConfig, Mutex<Simulation>), Failure> {
        let ground = self.study.ground("a sweep")?;
        self.study.dates(&ground)?;
        let config = ground.simulation(&self.study.span.market)?;
        Ok((config.clone(), Mutex::new(self.study.simulation(config)?)))
    }

    /// The runs of the folder, by what they stand on. A line that was cut off is run again.
    fn known(&self) -> Result<BTreeMap<String, Trial>, Failure> {
        let Some(dir) = self.out else { return Ok(BTreeMap::new()) };
        match std::fs::read_to_string(dir.join(RUNS)) {
            Ok(text) => {
                let trials = text.lines().filter_map(|line| serde_json::from_str::<Trial>(line).ok());
                Ok(trials.map(|trial| (trial.id.clone(), trial)).collect())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(failed(dir, &error)),
        }
    }

    fn prepared(&self, point: &Point) -> Result<Prepared, Refused> {
        let mut study = self.study.clone();
        study.set.extend(point.settings());
        let ground = study.ground("a sweep").map_err(Refused::Settings)?;
        let config = ground.simulation(&study.span.market).map_err(Refused::Study)?;
        let about = study.about(&ground, &config).map_err(Refused::Settings)?;
        let id = format!("{:?} {} {} {} {}", about.origin, study.program.get(), about.manner(), study.from, study.to);
        Ok(Prepared { id: hash(&[id.as_bytes()]), about, ground, config, study })
    }

    fn refused(&self, run: usize, point: &Point, why: &Failure) -> Trial {
        Trial {
            run,
            id: String::new(),
            set: point.set.clone(),
            dates: (self.study.from, self.study.to),
            returns: Vec::new(),
            turnover_per_year: 0.0,
            trading_bps_per_year: 0.0,
            fills: 0,
            stopped_dates: 0,
            failure: Some(why.to_string()),
        }
    }
}

/// Why there is no run.
enum Refused {
    /// Its settings: a result.
    Settings(Failure),
    /// What all runs share.
    Study(Failure),
}

/// What every run of a search shares.
struct Stage<'a> {
    sweep: &'a Sweep<'a>,
    known: BTreeMap<String, Trial>,
    /// The world before its first date, for runs whose settings change nothing of it.
    base: (SimConfig, Mutex<Simulation>),
    out: Option<Mutex<File>>,
}

impl Stage<'_> {
    /// A point's run, if the folder has it or its settings are refused.
    fn found(&self, run: usize, point: &Point) -> Result<Option<Trial>, Failure> {
        match self.sweep.prepared(point) {
            Ok(prepared) => Ok(self.kept(run, point, &prepared.id)),
            Err(Refused::Settings(why)) => Ok(Some(self.sweep.refused(run, point, &why))),
            Err(Refused::Study(failure)) => Err(failure),
        }
    }

    fn kept(&self, run: usize, point: &Point, id: &str) -> Option<Trial> {
        self.known.get(id).map(|trial| Trial { run, set: point.set.clone(), ..trial.clone() })
    }

    /// A point's run: found, or made now.
    fn trial(&self, run: usize, point: &Point, watch: Watch<'_>) -> Result<Trial, Failure> {
        let prepared = match self.sweep.prepared(point) {
            Ok(prepared) => prepared,
            Err(Refused::Settings(why)) => return Ok(self.sweep.refused(run, point, &why)),
            Err(Refused::Study(failure)) => return Err(failure),
        };
        let Prepared { id, about, ground, config, study } = prepared;
        if let Some(trial) = self.kept(run, point, &id) {
            return Ok(trial);
        }
        let dates = study.dates(&ground)?;
        let simulation = match config.universe == self.base.0.universe && config.base == self.base.0.base {
            true => self.base.1.lock().expect("a copy never fails").clone(),
            false => study.simulation(config)?,
        };
        let trial = match study.run(Counted::new(about, Notes::default()), &ground, simulation, &dates, watch) {
            Ok(result) => finished(run, id, point, &result),
            Err(failure) => return Ok(self.sweep.refused(run, point, &failure)),
        };
        if let (Some(dir), Some(out)) = (self.sweep.out, &self.out) {
            keep(&trial, out).map_err(|error| failed(dir, &error))?;
        }
        Ok(trial)
    }
}

fn finished(run: usize, id: String, point: &Point, result: &Research) -> Trial {
    let summary = result.summary();
    let stopped = summary.modes.iter().filter(|(mode, _)| **mode != Mode::Normal.to_string()).map(|(_, dates)| dates);
    Trial {
        run,
        id,
        set: point.set.clone(),
        dates: (summary.from, summary.to),
        returns: result.returns(),
        turnover_per_year: summary.turnover_per_year,
        trading_bps_per_year: summary.costs.trading_bps_per_year,
        fills: summary.fills,
        stopped_dates: stopped.sum(),
        failure: None,
    }
}

fn appended(dir: &Path) -> Result<Mutex<File>, Failure> {
    let open = || {
        std::fs::create_dir_all(dir)?;
        let mut file = File::options().read(true).create(true).append(true).open(dir.join(RUNS))?;
        let mut last = [b'\n'];
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            writeln!(file)?; // ends a line that was cut off
        }
        Ok(Mutex::new(file))
    };
    open().map_err(|error: std::io::Error| failed(dir, &error))
}

fn keep(trial: &Trial, out: &Mutex<File>) -> std::io::Result<()> {
    let line = serde_json::to_string(trial).expect("plain data") + "\n";
    out.lock().expect("nobody panics while writing").write_all(line.as_bytes())
}

/// Writes the table and the map of a sweep into its folder.
///
/// # Errors
/// [`Failure::Usage`] when the folder cannot be written.
pub fn write(dir: &Path, title: &str, trials: &[Trial], verdict: &Verdict) -> Result<(), Failure> {
    let put = |name: &str, bytes: &[u8]| {
        let part = dir.join(format!("{name}.part"));
        let put = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(part, dir.join(name)));
        put.map_err(|error| failed(dir, &error))
    };
    put("runs.parquet", &parquet(trials).map_err(|error| failed(dir, &error))?)?;
    put("map.html", heat_map(title, trials, verdict).as_bytes())
}

fn failed(dir: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("cannot write to {}: {error}; name another --out", dir.display()))
}
