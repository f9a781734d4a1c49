//! What came of a run, and of many.
//!
//! In: results of research. Out: their summary as Python's own values, their tables as Arrow. Invariant: every number is in
//! the result; a table is laid out once and every reader gets the same memory.

use crate::failed;
use crate::table::Table;
use abstractfinance::Failure;
use abstractfinance::research::write;
use backtest::result::Result as Research;
use backtest::sweep::{Trial, Verdict, columns, page as sweep_page};
use backtest::{files, page, tear_sheet};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::path::PathBuf;

/// A backtest: what it came to, and the tables it came from. ``print(run)`` shows the page of the command line.
#[pyclass(frozen, module = "abstractfinance")]
pub struct Run {
    result: Research,
    /// A row for every trade date.
    #[pyo3(get)]
    days: Py<Table>,
    /// A row for every order.
    #[pyo3(get)]
    orders: Py<Table>,
    /// A row for every execution.
    #[pyo3(get)]
    fills: Py<Table>,
    /// Profit by trade date and sleeve.
    #[pyo3(get)]
    attribution: Py<Table>,
}

impl Run {
    pub fn of(py: Python<'_>, result: Research) -> PyResult<Run> {
        let [days, orders, fills, attribution] =
            files::tables(&result).map(|(_, columns)| Py::new(py, Table::of(columns)));
        Ok(Run { days: days?, orders: orders?, fills: fills?, attribution: attribution?, result })
    }
}

#[pymethods]
impl Run {
    /// What it came to: the document ``backtest --json`` prints.
    #[getter]
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loaded(py, &serde_json::to_string(&self.result.summary()).expect("plain data"))
    }

    /// The tear sheet, one HTML document that loads nothing.
    fn tear_sheet(&self) -> String {
        tear_sheet::tear_sheet(&self.result)
    }

    /// Writes what ``backtest --out`` writes: the summary, four Parquet tables and the tear sheet.
    fn write(&self, folder: PathBuf) -> PyResult<()> {
        let refused =
            |error| PyOSError::new_err(format!("cannot write to {}: {error}; name another folder", folder.display()));
        files::write(&self.result, &folder).map_err(refused)
    }

    fn __str__(&self) -> String {
        page::page(&self.result.summary(), None)
    }

    fn __repr__(&self) -> String {
        let summary = self.result.summary();
        format!("abstractfinance.Run of {} trade dates, {} to {}", summary.days, summary.from, summary.to)
    }
}

/// A sweep: a row for every run, and how far the best may be believed. ``print(sweep)`` shows the page of the command line.
#[pyclass(frozen, module = "abstractfinance")]
pub struct Sweep {
    trials: Vec<Trial>,
    verdict: Verdict,
    /// A row for every run: a column for each key, then the figures.
    #[pyo3(get)]
    runs: Py<Table>,
}

impl Sweep {
    pub fn of(py: Python<'_>, trials: Vec<Trial>, verdict: Verdict) -> PyResult<Sweep> {
        let runs = Py::new(py, Table::of(columns(&trials)))?;
        Ok(Sweep { trials, verdict, runs })
    }
}

#[pymethods]
impl Sweep {
    /// The number of the best run, its deflated Sharpe ratio, and what choices made on the past earned afterwards.
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loaded(py, &serde_json::to_string(&self.verdict).expect("plain data"))
    }

    /// What each date of a run earned, in the order of ``runs``; none for settings that were refused.
    #[getter]
    fn returns(&self) -> Vec<Vec<f64>> {
        self.trials.iter().map(|trial| trial.returns.clone()).collect()
    }

    /// Writes ``runs.parquet`` and ``map.html``, the mean Sharpe ratio over every pair of keys.
    #[pyo3(signature = (folder, title = "sweep"))]
    fn write(&self, folder: PathBuf, title: &str) -> PyResult<()> {
        let made = std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::Usage(format!("cannot make {}: {error}", folder.display())));
        made.and_then(|()| write(&folder, title, &self.trials, &self.verdict)).map_err(|failure| failed(&failure))
    }

    fn __len__(&self) -> usize {
        self.trials.len()
    }

    fn __str__(&self) -> String {
        sweep_page(&self.trials, &self.verdict, self.trials.len())
    }

    fn __repr__(&self) -> String {
        format!("abstractfinance.Sweep of {} runs", self.trials.len())
    }
}

/// JSON as Python's own values.
pub fn loaded<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}
