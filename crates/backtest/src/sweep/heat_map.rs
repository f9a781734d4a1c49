//! Sharpe ratios over pairs of settings, as one page that loads nothing.
//!
//! In: trials. Out: HTML with drawings inside. Invariant: a cell is the mean of the trials in it, and says how many they
//! are; a cell nobody tried stays empty.

use super::{Trial, Verdict, believed, keys, shown};
use crate::tear_sheet::{STYLE, escape};
use std::fmt::Write;

/// Values of a key that keep a column each; more are put together.
const CELLS_MAX: usize = 12;
/// Where values are put together, into so many columns.
const BINS: usize = 8;
/// Pairs of keys that are drawn.
const MAPS_MAX: usize = 15;
const OWN_STYLE: &str = "svg text { font-size: 12px; fill: var(--ink); } svg .soft { fill: var(--soft); }\
     svg rect { stroke: var(--paper); stroke-width: 2; } svg .none { fill: var(--faint); }\
     pre { white-space: pre-wrap; font-size: 13px; margin: 0; }";

/// One key's columns: a label each, and which of them a trial falls into.
struct Axis<'a> {
    key: &'a str,
    labels: Vec<String>,
    place: Vec<Option<usize>>,
}

impl Axis<'_> {
    fn of<'a>(key: &'a str, trials: &[Trial]) -> Axis<'a> {
        let values: Vec<Option<&serde_json::Value>> = trials.iter().map(|trial| trial.set.get(key)).collect();
        let numbers: Vec<Option<f64>> = values.iter().map(|v| v.and_then(|v| v.as_f64())).collect();
        let mut distinct: Vec<(Option<f64>, String)> =
            values.iter().zip(&numbers).filter(|(v, _)| v.is_some()).map(|(v, n)| (*n, shown(*v))).collect();
        distinct.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        distinct.dedup();
        let range = numbers.iter().flatten().fold((f64::MAX, f64::MIN), |(lo, hi), n| (lo.min(*n), hi.max(*n)));
        if distinct.len() <= CELLS_MAX || range.0 >= range.1 {
            let labels: Vec<String> = distinct.into_iter().map(|(_, label)| label).collect();
            let place = values.iter().map(|v| v.and_then(|v| labels.iter().position(|l| *l == shown(Some(v)))));
            let place = place.collect();
            return Axis { key, labels, place };
        }
        let width = (range.1 - range.0) / BINS as f64;
        let place = numbers.iter().map(|n| n.map(|n| (((n - range.0) / width) as usize).min(BINS - 1))).collect();
        let label = |bin: usize| format!("{:.3} …", range.0 + width * bin as f64);
        Axis { key, labels: (0..BINS).map(label).collect(), place }
    }
}

/// The page of a search.
pub fn heat_map(title: &str, trials: &[Trial], verdict: &Verdict) -> String {
    let keys = keys(trials);
    let axes: Vec<Axis<'_>> =
        keys.iter().map(|key| Axis::of(key, trials)).filter(|axis| axis.labels.len() > 1).collect();
    let one = Axis { key: "", labels: vec![String::new()], place: vec![Some(0); trials.len()] };
    let mut maps: Vec<String> = Vec::new();
    for (position, across) in axes.iter().enumerate() {
        maps.extend(axes[..position].iter().map(|down| map(across, down, trials)));
    }
    if axes.len() == 1 {
        maps.push(map(&axes[0], &one, trials));
    }
    maps.truncate(MAPS_MAX);
    format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width, \
         initial-scale=1\"><meta name=color-scheme content=\"light dark\"><title>{title}</title><style>{STYLE}{OWN_STYLE}\
         </style><main><header><h1>{title}</h1><p>{} runs · annual Sharpe ratio, the mean of the runs in a cell</p>\
         </header><section class=card><pre>{}</pre></section>{}</main></html>\n",
        trials.len(),
        // The indent of the page in a terminal is none of a card's, where a long line is broken.
        escape(believed(trials, verdict).replace("\n  ", "\n").trim()),
        maps.concat(),
        title = escape(title),
    )
}

const LEFT: usize = 130;
const CELL: (usize, usize) = (84, 44);

fn map(across: &Axis<'_>, down: &Axis<'_>, trials: &[Trial]) -> String {
    let (columns, rows) = (across.labels.len(), down.labels.len());
    let mut sums = vec![(0.0_f64, 0_usize); columns * rows];
    for (trial, (column, row)) in trials.iter().zip(across.place.iter().zip(&down.place)) {
        if let (Some(column), Some(row), Some(sharpe)) = (column, row, trial.sharpe()) {
            let cell = &mut sums[row * columns + column];
            *cell = (cell.0 + sharpe, cell.1 + 1);
        }
    }
    let largest = sums.iter().filter(|c| c.1 > 0).map(|c| (c.0 / c.1 as f64).abs()).fold(1e-9, f64::max);
    let (width, height) = (LEFT + columns * CELL.0, 40 + rows * CELL.1);
    let name = if down.key.is_empty() { across.key.to_owned() } else { format!("{} by {}", down.key, across.key) };
    let name = escape(&name);
    let mut svg = format!(
        "<section class=card><div class=head><h2>{name}</h2></div><svg viewBox=\"0 0 {width} {height}\" role=img \
         aria-label=\"Sharpe ratio, {name}\" style=\"max-width:{width}px;width:100%\">"
    );
    for (column, label) in across.labels.iter().enumerate() {
        let x = LEFT + column * CELL.0 + CELL.0 / 2;
        write!(svg, "<text class=soft x={x} y=20 text-anchor=middle>{}</text>", escape(label)).expect("text");
    }
    for (row, label) in down.labels.iter().enumerate() {
        let y = 30 + row * CELL.1;
        let (x, middle) = (LEFT - 10, y + CELL.1 / 2 + 4);
        write!(svg, "<text class=soft x={x} y={middle} text-anchor=end>{}</text>", escape(label)).expect("text");
        for column in 0..columns {
            let (x, (sum, count)) = (LEFT + column * CELL.0, sums[row * columns + column]);
            let (w, h) = CELL;
            if count == 0 {
                write!(svg, "<rect class=none x={x} y={y} width={w} height={h} />").expect("text");
                continue;
            }
            let mean = sum / count as f64;
            let (hue, strength) = (if mean < 0.0 { "loss" } else { "gain" }, 0.08 + 0.6 * mean.abs() / largest);
            let middle_x = x + w / 2;
            write!(
                svg,
                "<rect x={x} y={y} width={w} height={h} style=\"fill:var(--{hue});fill-opacity:{strength:.2}\"><title>{count} \
                 runs</title></rect><text x={middle_x} y={middle} text-anchor=middle>{}</text>",
                format!("{mean:.2}").replace('-', "−")
            )
            .expect("text");
        }
    }
    svg + "</svg></section>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::verdict;
    use std::collections::BTreeMap;

    fn trial(run: usize, vol: f64, span: &str, drift: f64) -> Trial {
        let set = BTreeMap::from([("vol".to_owned(), vol.into()), ("span<".to_owned(), span.into())]);
        let returns = (0..100).map(|day| drift + 0.01 * f64::from(day % 3 - 1)).collect();
        Trial { set, ..Trial::made_up(run, returns) }
    }

    #[test]
    fn a_map_has_a_cell_for_every_pair_and_leaves_what_nobody_tried_empty() {
        let trials = [trial(1, 0.1, "a", 0.001), trial(2, 0.2, "a", -0.001), trial(3, 0.2, "b", 0.002)];
        let page = heat_map("a <search>", &trials, &verdict(&trials, 2));
        assert_eq!((page.matches("<rect x=").count(), page.matches("class=none x=").count()), (3, 1));
        assert!(page.contains("a &lt;search&gt;") && page.contains("span&lt;") && !page.contains("http"));
    }

    #[test]
    fn a_range_is_put_together_into_columns() {
        let trials: Vec<Trial> = (0_u16..40).map(|i| trial(i.into(), f64::from(i) / 40.0, "a", 0.001)).collect();
        let axis = Axis::of("vol", &trials);
        assert_eq!((axis.labels.len(), axis.place[0], axis.place[39]), (BINS, Some(0), Some(BINS - 1)));
    }
}
