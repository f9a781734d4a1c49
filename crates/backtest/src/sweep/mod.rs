//! Many runs over settings that differ: their table, their map, and how far the best may be believed.
//!
//! In: what each trial was given and what it earned. Out: a page, Parquet, HTML. Invariant: the order of trials is that of
//! the search, whatever the order in which they were finished.

mod heat_map;
pub mod overfit;
mod verdict;

pub use heat_map::heat_map;
pub use verdict::{Verdict, verdict};

use crate::statistics::{Statistics, statistics};
use crate::table::{Column, write_table};
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use verdict::believed;

/// One finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number in the search, from 1.
    #[serde(default)]
    pub run: usize,
    /// Hash of everything it stands on: what has the same need not be run again.
    pub id: String,
    /// What was set, by its key in the settings; by several with commas between them, if they were given one value.
    pub set: BTreeMap<String, serde_json::Value>,
    /// First and last date.
    pub dates: (jiff::civil::Date, jiff::civil::Date),
    /// What each date earned, as [`crate::result::Result::returns`] says.
    pub returns: Vec<f64>,
    /// Executed notional a year over mean NAV.
    pub turnover_per_year: f64,
    /// Commissions and slippage a year over mean NAV, in basis points.
    pub trading_bps_per_year: f64,
    /// Executions.
    pub fills: usize,
    /// Trade dates that ended in a mode other than NORMAL, in which nothing is added.
    pub stopped_dates: usize,
    /// Why there are no returns, if the settings were refused or the run broke off.
    pub failure: Option<String>,
}

impl Trial {
    fn figures(&self) -> Option<Statistics> {
        statistics(&self.returns)
    }

    /// Annual Sharpe ratio.
    pub fn sharpe(&self) -> Option<f64> {
        self.figures()?.sharpe
    }
}

#[cfg(test)]
impl Trial {
    /// A run that earned this.
    fn made_up(run: usize, returns: Vec<f64>) -> Trial {
        Trial {
            run,
            id: String::new(),
            set: BTreeMap::new(),
            dates: (jiff::civil::date(2026, 1, 2), jiff::civil::date(2026, 6, 30)),
            returns,
            turnover_per_year: 1.0,
            trading_bps_per_year: 2.0,
            fills: 3,
            stopped_dates: 0,
            failure: None,
        }
    }
}

/// A search as JSON: its verdict, and each trial with the figures of its returns.
pub fn document(trials: &[Trial], verdict: &Verdict) -> serde_json::Value {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        trial: &'a Trial,
        statistics: Option<Statistics>,
    }
    let rows: Vec<Row<'_>> = trials.iter().map(|trial| Row { trial, statistics: trial.figures() }).collect();
    serde_json::json!({ "verdict": verdict, "trials": rows })
}

/// Keys that any trial set, in order.
pub fn keys(trials: &[Trial]) -> Vec<&str> {
    let mut keys: Vec<&str> = trials.iter().flat_map(|trial| trial.set.keys().map(String::as_str)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The settings a key names, by their dotted paths; those of one key take the same value.
pub fn paths(key: &str) -> impl Iterator<Item = &str> {
    key.split(',').map(str::trim)
}

/// A value as a person writes it.
pub fn shown(value: Option<&serde_json::Value>) -> String {
    match value {
        None => "–".into(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The rows of a search as one Parquet file.
///
/// # Errors
/// What the format cannot hold.
pub fn parquet(trials: &[Trial]) -> Result<Vec<u8>, ParquetError> {
    let columns = columns(trials);
    let columns: Vec<(&str, Column)> = columns.iter().map(|(name, column)| (name.as_str(), column.clone())).collect();
    write_table("runs", &columns)
}

/// The rows of a search: the run's number, a column for each setting, then the figures.
pub fn columns(trials: &[Trial]) -> Vec<(String, Column)> {
    let number = |of: &dyn Fn(&Trial) -> Option<f64>| Column::Maybe(trials.iter().map(of).collect());
    let stat = |of: fn(&Statistics) -> Option<f64>| number(&|t: &Trial| t.figures().and_then(|s| of(&s)));
    let numbers = Column::Count(trials.iter().map(|trial| trial.run as i64).collect());
    let mut columns = vec![("run".to_owned(), numbers)];
    columns.extend(keys(trials).into_iter().flat_map(|key| {
        let values = || trials.iter().map(|trial| trial.set.get(key));
        let numeric = values().flatten().all(serde_json::Value::is_number);
        let column = match numeric {
            true => Column::Maybe(values().map(|v| v.and_then(serde_json::Value::as_f64)).collect()),
            false => Column::Text(values().map(shown).collect()),
        };
        paths(key).map(move |path| (path.replace('.', "__"), column.clone()))
    }));
    let figures = [
        ("total_return", stat(|s| Some(s.total_return))),
        ("annual_return", stat(|s| Some(s.annual_return))),
        ("annual_volatility", stat(|s| s.annual_volatility)),
        ("sharpe", stat(|s| s.sharpe)),
        ("sortino", stat(|s| s.sortino)),
        ("max_drawdown", stat(|s| Some(s.max_drawdown))),
        ("worst_day", stat(|s| Some(s.worst_day))),
        ("turnover_per_year", number(&|t| Some(t.turnover_per_year))),
        ("trading_bps_per_year", number(&|t| Some(t.trading_bps_per_year))),
        ("fills", Column::Count(trials.iter().map(|t| t.fills as i64).collect())),
        ("stopped_dates", Column::Count(trials.iter().map(|t| t.stopped_dates as i64).collect())),
        ("failure", Column::Text(trials.iter().map(|t| t.failure.clone().unwrap_or_default()).collect())),
    ];
    columns.extend(figures.into_iter().map(|(name, column)| (name.to_owned(), column)));
    columns
}

/// Columns of a page that keys may take before they stand as letters.
const KEYS_WIDTH: usize = 80;

/// The best rows as a table, and what to believe of them.
pub fn page(trials: &[Trial], verdict: &Verdict, rows: usize) -> String {
    let keys = keys(trials);
    let mut order: Vec<usize> = (0..trials.len()).collect();
    let rank = |i: &usize| trials[*i].sharpe().map_or(f64::NEG_INFINITY, |sharpe| sharpe);
    order.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.cmp(b)));
    let is_wide = keys.iter().map(|key| key.chars().count() + 2).sum::<usize>() > KEYS_WIDTH;
    let letters = || ('a'..='z').map(String::from).chain((1..).map(|n| format!("a{n}")));
    let heads: Vec<String> = match is_wide {
        true => letters().take(keys.len()).collect(),
        false => keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    let width = |key: &str, head: &str| {
        let values = trials.iter().map(|trial| shown(trial.set.get(key)).chars().count());
        values.chain([head.chars().count()]).max().unwrap_or(0)
    };
    let columns: Vec<(&str, usize)> = keys.iter().zip(&heads).map(|(key, head)| (*key, width(key, head))).collect();
    let mut page = String::from("  run");
    heads.iter().zip(&columns).for_each(|(head, (_, width))| write!(page, "  {head:>width$}").expect("text"));
    page.push_str("  return a year  vol a year  Sharpe   drawdown  turnover a year  cost a year\n");
    for &i in order.iter().take(rows) {
        let trial = &trials[i];
        write!(page, "{:>5}", trial.run).expect("text");
        for &(key, width) in &columns {
            write!(page, "  {:>width$}", shown(trial.set.get(key))).expect("text");
        }
        writeln!(page, "{}", earned(trial)).expect("text");
    }
    if trials.len() > rows {
        writeln!(page, "  … {} more", trials.len() - rows).expect("text");
    }
    for (head, key) in heads.iter().zip(&keys).filter(|_| is_wide) {
        write!(page, "\n  {head}  {key}").expect("text");
    }
    page.push_str(if is_wide { "\n\n" } else { "\n" });
    page.push_str(&believed(trials, verdict));
    page
}

/// What a run came to, as the end of its row.
fn earned(trial: &Trial) -> String {
    let percent = |x: f64| format!("{:.2} %", x * 100.0).replace('-', "−");
    match (trial.figures(), &trial.failure) {
        (_, Some(failure)) => format!("  {}", failure.lines().next().unwrap_or_default()),
        (None, None) => "  too few dates".to_owned(),
        (Some(s), None) => format!(
            "{:>15}{:>12}{:>8}{:>11}{:>17.1}{:>10.1} bp{}",
            percent(s.annual_return),
            s.annual_volatility.map_or_else(|| "–".into(), percent),
            s.sharpe.map_or_else(|| "–".into(), |x| format!("{x:.2}").replace('-', "−")),
            percent(s.max_drawdown),
            trial.turnover_per_year,
            trial.trading_bps_per_year,
            match trial.stopped_dates {
                0 => String::new(),
                dates => format!("  stopped on {dates} dates"),
            },
        ),
    }
}
