//! The engine's research as a module of Python.
//!
//! In: words of the command line, settings and searches as JSON, Arrow tables. Out: summaries, Arrow tables, exceptions.
//! Invariant: a run is what the command line runs; this crate carries questions in and tables out, and computes nothing.
#![allow(
    clippy::disallowed_methods,
    reason = "an adapter: it reads its own file and starts a thread that can be stopped"
)]

mod bars;
mod results;
mod table;
mod watch;

use abstractfinance::Failure;
use abstractfinance::research::{self, Fingerprint, Search, Study};
use backtest::sweep::verdict;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use results::{Run, Sweep};
use std::path::PathBuf;
use std::sync::OnceLock;
use table::Table;
use watch::watched;

pyo3::create_exception!(
    abstractfinance,
    Failed,
    pyo3::exceptions::PyRuntimeError,
    "What was asked cannot be done. The text is what the program would say: what, where, and what to do about it."
);

fn failed(failure: &Failure) -> PyErr {
    Failed::new_err(failure.to_string())
}

/// A study, as the package asks for it.
#[derive(FromPyObject)]
struct Asked {
    /// Options of the command line of `backtest`.
    #[pyo3(item)]
    words: Vec<String>,
    /// Folder of the configuration.
    #[pyo3(item)]
    config: Option<PathBuf>,
    /// Settings by their dotted key, as JSON.
    #[pyo3(item)]
    settings: String,
    /// What the market is called, when its folder does not say.
    #[pyo3(item)]
    market: Option<String>,
    /// The file of this module.
    #[pyo3(item)]
    code: PathBuf,
}

impl Asked {
    fn study(self) -> Result<Study, Failure> {
        static PROGRAM: OnceLock<Fingerprint> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| Fingerprint::of(Ok(self.code)));
        let mut study = Study::new(self.config, Study::span(&self.words)?, program.clone())?;
        let unread = |error| Failure::Usage(format!("settings: {error}; a value is a finite number, a text or a list"));
        study.set = serde_json::from_str(&self.settings).map_err(unread)?;
        study.market = self.market;
        Ok(study)
    }
}

/// A search over a study, as the package asks for it.
#[derive(FromPyObject)]
struct AskedSweep {
    #[pyo3(item)]
    study: Asked,
    /// Keys with their values, as JSON.
    #[pyo3(item)]
    search: String,
    /// Numbers of runs, such as `1-4,7`.
    #[pyo3(item)]
    only: Option<String>,
    /// Runs at once.
    #[pyo3(item)]
    threads: Option<usize>,
    /// Where finished runs are kept, and found.
    #[pyo3(item)]
    out: Option<PathBuf>,
}

impl AskedSweep {
    fn asked<T>(self, answer: impl FnOnce(research::Sweep<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let (study, search) = (self.study.study()?, Search::parse("the search", &self.search)?);
        let only = self.only.map(|only| only.parse().map_err(Failure::Usage)).transpose()?;
        let (threads, out) = (self.threads.unwrap_or(0), self.out.as_deref());
        answer(research::Sweep { study: &study, search: &search, only: only.as_ref(), threads, out })
    }
}

#[pymodule]
mod _native {
    use super::*;
    #[pymodule_export]
    use super::{Failed, Run, Sweep, Table};

    #[pyfunction]
    #[pyo3(signature = (asked, progress = None))]
    fn backtest(py: Python<'_>, asked: Asked, progress: Option<&Bound<'_, PyAny>>) -> PyResult<Run> {
        let result = watched(py, progress, |watch| asked.study()?.backtest(watch))?;
        Run::of(py, result)
    }

    #[pyfunction]
    #[pyo3(signature = (asked, folds, progress = None))]
    fn sweep(py: Python<'_>, asked: AskedSweep, folds: usize, progress: Option<&Bound<'_, PyAny>>) -> PyResult<Sweep> {
        let trials = watched(py, progress, |watch| asked.asked(|sweep| sweep.run(watch)))?;
        let verdict = verdict(&trials, folds);
        Sweep::of(py, trials, verdict)
    }

    /// Numbers of the runs that have to be made.
    #[pyfunction]
    fn missing(py: Python<'_>, asked: AskedSweep) -> PyResult<Vec<usize>> {
        watched(py, None, |_| asked.asked(|sweep| sweep.missing()))
    }

    /// Builds a catalogue of tables and says what it did.
    #[pyfunction]
    fn import_bars<'py>(
        py: Python<'py>,
        bars: &Bound<'py, PyDict>,
        map: Option<String>,
        config: Option<PathBuf>,
        out: PathBuf,
        replace: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut tables = std::collections::BTreeMap::new();
        for (name, table) in bars {
            let name: String = name.extract()?;
            let table = bars::read(&name, &table)?;
            tables.insert(name, table);
        }
        let import = || research::import(config.as_deref(), map.as_deref(), &tables, &out, replace);
        let report = watched(py, None, |_| import())?;
        results::loaded(py, &serde_json::to_string(&report).expect("plain data"))
    }
}
