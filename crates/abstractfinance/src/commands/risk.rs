//! `risk replay`: what the risk rules make of a history of returns.
//!
//! In: two files of dates and values, the settings in force. Out: one row per return date, as a page, CSV or JSON.
//! Invariant: a file with a fault is refused with its line; nothing is skipped, filled or sorted.

use super::show;
use crate::cli::{Global, ReplayArgs};
use crate::failure::Failure;
use crate::{policy, settings};
use ::risk::{Regime, ReplayRow};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use jiff::civil::Date;
use std::path::Path;

const COLUMNS: [&str; 11] = [
    "date",
    "ewma_vol",
    "rolling_vol",
    "blended_vol",
    "floored_vol",
    "vol_scale",
    "drawdown",
    "candidate",
    "regime",
    "pending_days",
    "state_factor",
];

pub fn replay(global: &Global, args: &ReplayArgs) -> Result<(), Failure> {
    if args.csv && global.json {
        return Err(Failure::Usage("--csv and --json are two forms of the same rows; ask for one of them".to_owned()));
    }
    let settings = settings::load(global.config.as_deref())?.settings;
    let returns = read(&args.returns, &RETURNS)?;
    let vix = read(&args.vix, &VIX)?;
    let returns: Vec<(Date, f64)> = returns.into_iter().filter_map(|(date, value)| Some((date, value?))).collect();
    let vix = vix.into_iter().filter_map(|(date, value)| Some((date, value?))).collect();
    let rows = ::risk::replay(&returns, &vix, &policy::volatility(&settings), &policy::regime(&settings));
    if let Some(row) = rows.iter().find(|row| !row.drawdown.is_finite()) {
        let (file, date) = (args.returns.display(), row.date);
        return Err(Failure::Usage(format!("{file}: by {date} the returns compound to more than any number holds")));
    }
    show(match (global.json, args.csv) {
        (true, _) => format!("{}\n", serde_json::json!({ "days": rows })),
        (_, true) => rows.iter().fold(COLUMNS.join(",") + "\n", |text, row| text + &cells(row, full).join(",") + "\n"),
        _ => page(&rows),
    })
}

/// The cells of a row; `number` prints what is not a date, a name or a count.
fn cells(row: &ReplayRow, number: fn(f64, usize) -> String) -> [String; 11] {
    let some = |value: Option<f64>, digits| value.map_or_else(String::new, |value| number(value, digits));
    [
        row.date.to_string(),
        some(row.ewma_vol, 4),
        some(row.rolling_vol, 4),
        some(row.blended_vol, 4),
        some(row.floored_vol, 4),
        some(row.vol_scale, 3),
        number(row.drawdown, 4),
        row.candidate.map_or("", Regime::name).to_owned(),
        row.regime.name().to_owned(),
        row.pending_days.to_string(),
        number(row.state_factor, 1),
    ]
}

/// The shortest text that reads back as the same number; nothing is a negative zero.
fn full(value: f64, _: usize) -> String {
    (value + 0.0).to_string()
}

fn rounded(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let zero = text.trim_start_matches(['-', '0', '.']).is_empty();
    if zero { text.trim_start_matches('-').to_owned() } else { text }
}

fn page(rows: &[ReplayRow]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(COLUMNS).add_rows(rows.iter().map(|row| cells(row, rounded)));
    for (column, name) in table.column_iter_mut().zip(COLUMNS) {
        if !["date", "candidate", "regime"].contains(&name) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().fold(String::new(), |page, line| page + line.trim_end() + "\n")
}

/// What the values of a file have to be.
struct Content {
    /// In a sentence, after "the".
    what: &'static str,
    /// True for a value that can be.
    good: fn(f64) -> bool,
    /// What is wrong with the others, and what to write.
    otherwise: &'static str,
    /// True when a date may have no value.
    gaps: bool,
}

const RETURNS: Content = Content {
    what: "returns",
    good: |value| value > -1.0 && value < 10.0,
    otherwise: "is no simple daily return between -1 and 10; write 0.01 for one per cent",
    gaps: false,
};

const VIX: Content = Content {
    what: "VIX closes",
    good: |value| value > 0.0,
    otherwise: "is no VIX close above 0; leave the value empty where there is none",
    gaps: true,
};

/// Dates, rising, with their values.
type Series = Vec<(Date, Option<f64>)>;

fn read(path: &Path, content: &Content) -> Result<Series, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("cannot read the {} {shown}: {error}; name a file of `date,value` lines", content.what))
    })?;
    parse(&text, content).map_err(|(line, fault)| Failure::Usage(format!("{shown}:{line}: {fault}")))
}

/// A file's text as a series. A fault comes with the number of its line, from 1.
fn parse(text: &str, content: &Content) -> Result<Series, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let header = lines.next().map_or("", |(_, line)| line);
    let names =
        header.split_once(',').filter(|(first, second)| !second.contains(',') && first.parse::<Date>().is_err());
    if names.is_none() {
        return Err((1, format!("`{header}` is not the header; the first line names two columns: date,value")));
    }
    let mut rows = Series::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let row = row(line, content).map_err(|fault| (number, fault))?;
        if let Some((last, _)) = rows.last().filter(|(last, _)| *last >= row.0) {
            let fault = format!("{} does not follow {last}; dates rise, and each is there once", row.0);
            return Err((number, fault));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err((1, format!("no {} under the header; there is nothing to replay", content.what)));
    }
    Ok(rows)
}

fn row(line: &str, content: &Content) -> Result<(Date, Option<f64>), String> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [date, value] = cells[..] else {
        return Err(format!("{} cells in `{line}`; a line is a date, a comma and a value", cells.len()));
    };
    let iso = date.len() == 10 && date.is_ascii();
    let date: Date =
        date.parse().ok().filter(|_| iso).ok_or_else(|| format!("`{date}` is no ISO date such as 2026-03-02"))?;
    if value.is_empty() && content.gaps {
        return Ok((date, None));
    }
    let number = value.parse().ok().filter(|value: &f64| value.is_finite() && (content.good)(*value));
    match number {
        Some(number) => Ok((date, Some(number))),
        None => Err(format!("`{value}` {}", content.otherwise)),
    }
}
