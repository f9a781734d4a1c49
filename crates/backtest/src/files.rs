//! A run as files.
//!
//! In: a result, a folder. Out: `summary.json`, four Parquet tables, `tear-sheet.html`. Invariant: each file is written
//! whole or not at all; the tables have every row the figures were computed from.
#![allow(clippy::disallowed_methods, reason = "this is where a run becomes files")]

use crate::result::{Day, Result};
use crate::table::{Column, write_table};
use crate::tear_sheet::tear_sheet;
use std::io;
use std::path::Path;

/// Writes everything; the folder is made when it is missing.
///
/// # Errors
/// What the file system says.
pub fn write(result: &Result, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let put = |name: &str, bytes: &[u8]| {
        let part = dir.join(format!("{name}.part"));
        std::fs::write(&part, bytes)?;
        std::fs::rename(part, dir.join(name))
    };
    put("summary.json", &serde_json::to_vec_pretty(&result.summary()).expect("plain data"))?;
    for (name, columns) in tables(result) {
        put(&format!("{name}.parquet"), &write_table(name, &columns).map_err(io::Error::other)?)?;
    }
    put("tear-sheet.html", tear_sheet(result).as_bytes())
}

/// The columns of a table, in order.
pub type Columns = Vec<(&'static str, Column)>;

/// The tables of a run, by name.
pub fn tables(result: &Result) -> [(&'static str, Columns); 4] {
    [("days", days(result)), ("orders", orders(result)), ("fills", fills(result)), ("attribution", sleeves(result))]
}

fn days(result: &Result) -> Columns {
    let days = &result.days;
    let number = |of: fn(&Day) -> f64| Column::Number(days.iter().map(of).collect());
    let maybe = |of: fn(&Day) -> Option<f64>| Column::Maybe(days.iter().map(of).collect());
    let count = |of: fn(&Day) -> usize| Column::Count(days.iter().map(|day| of(day) as i64).collect());
    let text = |of: fn(&Day) -> &String| Column::Text(days.iter().map(|day| of(day).clone()).collect());
    let money = |of: fn(&Day) -> Option<rust_decimal::Decimal>| {
        Column::Maybe(days.iter().map(|day| of(day).map(crate::result::to_f64)).collect())
    };
    vec![
        ("date", Column::Date(days.iter().map(|day| day.date).collect())),
        ("nav_at_plan", money(|day| day.nav_at_plan)),
        ("nav", money(|day| day.nav)),
        ("unit_value", number(|day| day.unit_value)),
        ("daily_return", number(|day| day.daily_return)),
        ("drawdown", number(|day| day.drawdown)),
        ("gross", number(|day| day.gross)),
        ("net", number(|day| day.net)),
        ("regime", text(|day| &day.regime)),
        ("mode", text(|day| &day.mode)),
        ("volatility", maybe(|day| day.volatility)),
        ("vol_scale", number(|day| day.vol_scale)),
        ("state_factor", number(|day| day.state_factor)),
        ("momentum_factor", number(|day| day.momentum_factor)),
        ("scale", number(|day| day.scale)),
        ("vix", maybe(|day| day.vix)),
        ("traded", number(|day| day.traded)),
        ("commission", number(|day| day.commission)),
        ("slippage", number(|day| day.slippage)),
        ("dividends", number(|day| day.dividends)),
        ("financing", number(|day| day.financing)),
        ("fees", number(|day| day.fees)),
        ("orders", count(|day| day.orders)),
        ("refused", count(|day| day.refused)),
        ("breaks", count(|day| day.breaks)),
        ("difference_bp", maybe(|day| day.difference_bp)),
        ("doubts", count(|day| day.doubts)),
        ("plan_hash", text(|day| &day.plan_hash)),
    ]
}

fn orders(result: &Result) -> Columns {
    let rows = &result.orders;
    let text =
        |of: fn(&crate::result::OrderRow) -> &String| Column::Text(rows.iter().map(|row| of(row).clone()).collect());
    let maybe = |of: fn(&crate::result::OrderRow) -> Option<f64>| Column::Maybe(rows.iter().map(of).collect());
    vec![
        ("date", Column::Date(rows.iter().map(|row| row.date).collect())),
        ("order_ref", text(|row| &row.order_ref)),
        ("contract", text(|row| &row.contract)),
        ("sleeves", text(|row| &row.sleeves)),
        ("side", text(|row| &row.side)),
        ("quantity", Column::Number(rows.iter().map(|row| row.quantity).collect())),
        ("purpose", text(|row| &row.purpose)),
        ("filled", Column::Number(rows.iter().map(|row| row.filled).collect())),
        ("average_price", maybe(|row| row.average_price)),
        ("arrival", maybe(|row| row.arrival)),
        ("slippage_bps", maybe(|row| row.slippage_bps)),
        ("status", text(|row| &row.status)),
        ("children", Column::Count(rows.iter().map(|row| row.children as i64).collect())),
    ]
}

fn fills(result: &Result) -> Columns {
    let rows = &result.fills;
    let text =
        |of: fn(&crate::result::FillRow) -> &String| Column::Text(rows.iter().map(|row| of(row).clone()).collect());
    let number = |of: fn(&crate::result::FillRow) -> f64| Column::Number(rows.iter().map(of).collect());
    vec![
        ("at", text(|row| &row.at)),
        ("execution", text(|row| &row.execution)),
        ("order_ref", text(|row| &row.order_ref)),
        ("parent", Column::Text(result.parents().into_iter().map(str::to_owned).collect())),
        ("contract", text(|row| &row.contract)),
        ("side", text(|row| &row.side)),
        ("quantity", number(|row| row.quantity)),
        ("price", number(|row| row.price)),
        ("currency", text(|row| &row.currency)),
        ("commission", number(|row| row.commission)),
        ("notional", number(|row| row.notional)),
    ]
}

/// A row per date and sleeve.
fn sleeves(result: &Result) -> Columns {
    let rows =
        || result.days.iter().flat_map(|day| day.sleeves.iter().map(move |(name, profit)| (day.date, name, *profit)));
    vec![
        ("date", Column::Date(rows().map(|(date, _, _)| date).collect())),
        ("sleeve", Column::Text(rows().map(|(_, name, _)| name.clone()).collect())),
        ("profit", Column::Number(rows().map(|(_, _, profit)| profit).collect())),
    ]
}
