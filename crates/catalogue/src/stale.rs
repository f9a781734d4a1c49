//! Prices that were carried over from an earlier session.
//!
//! In: rows of one series with positive prices, in order of date. Out: dates, and the values a person compares. Invariant:
//! a series is measured by itself, so one that has a single price a day, or whose closes often stand still, is told of less.

use crate::bars_file::Row;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Sessions in which the same four prices are not expected twice, and in which a single price is not.
const REPEAT_SESSIONS: usize = 5;
const REPEAT_SESSIONS_OF_ONE_PRICE: usize = 1;

/// What each date carries over.
pub(crate) fn stale(rows: &[Row]) -> BTreeMap<Date, String> {
    let has_one_price = rows.iter().filter(|row| is_flat(row)).count() * 2 > rows.len();
    if has_one_price {
        return same_bars(rows, REPEAT_SESSIONS_OF_ONE_PRICE);
    }
    let mut told = same_bars(rows, REPEAT_SESSIONS);
    for (date, values) in carried_closes(rows).chain(standing_closes(rows)) {
        told.entry(date).or_insert(values);
    }
    told
}

/// Bars that were there before; the first of them may be the wrong one.
fn same_bars(rows: &[Row], sessions: usize) -> BTreeMap<Date, String> {
    let mut told = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let before = &rows[index.saturating_sub(sessions)..index];
        if let Some(first) = before.iter().find(|earlier| earlier.mantissas == row.mantissas) {
            told.entry(first.date).or_insert_with(|| format!("{}, and again on {}", first.close(), row.date));
            told.insert(row.date, format!("{}, as on {}", row.close(), first.date));
        }
    }
    told
}

/// A session in which nothing was traded, filled with the close before it.
fn carried_closes(rows: &[Row]) -> impl Iterator<Item = (Date, String)> {
    let carried = rows.windows(2).filter(|pair| is_flat(&pair[1]) && stands(&pair[0], &pair[1]));
    carried.map(|pair| (pair[1].date, format!("{} four times, the close of {}", pair[1].close(), pair[0].date)))
}

fn standing_closes(rows: &[Row]) -> impl Iterator<Item = (Date, String)> {
    let repeats = repeats_beyond_chance(rows);
    let runs = rows.chunk_by(stands).filter(move |run| run.len() > repeats);
    runs.flat_map(|run| run[1..].iter().map(|row| (row.date, format!("close {}, as on {}", row.close(), run[0].date))))
}

/// From how many repeats in a row a close stands still for longer than it would once in such a series by chance.
fn repeats_beyond_chance(rows: &[Row]) -> usize {
    let count = rows.len() as f64;
    let share = rows.windows(2).filter(|pair| stands(&pair[0], &pair[1])).count() as f64 / count;
    let by_chance = |repeats: usize| count * share.powf(repeats as f64);
    (2..REPEAT_SESSIONS).find(|repeats| by_chance(*repeats) < 1.0).unwrap_or(REPEAT_SESSIONS)
}

fn is_flat(row: &Row) -> bool {
    row.mantissas == [row.mantissas[3]; 4]
}

fn stands(before: &Row, now: &Row) -> bool {
    before.mantissas[3] == now.mantissas[3]
}
