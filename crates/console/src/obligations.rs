//! What comes due whatever the market does.
//!
//! In: dates with what they ask for. Out: a table by date. Invariant: what is held stands out; a span without
//! anything says so.

use crate::table::grid;
use comfy_table::CellAlignment;
use serde::Serialize;

/// One date of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Obligation {
    /// The date.
    pub date: String,
    /// `roll starts`, `roll deadline`, `first notice`, `last trade`, `option roll`, `option close-out`, `option expiry`,
    /// `holiday`, `early close`, `broker away`, `calendar ends`.
    pub kind: String,
    /// The contract, the venue, or what keeps the broker away.
    pub subject: String,
    /// What it means.
    pub what: String,
    /// How much of the contract is held; `null` when nothing is.
    pub held: Option<String>,
}

/// The table of a span of days.
pub fn obligations_page(from: &str, to: &str, rows: &[Obligation]) -> String {
    if rows.is_empty() {
        return format!("nothing comes due from {from} to {to}\n");
    }
    let mut table = grid(&["date", "what", "of", "held", "meaning"]);
    for row in rows {
        let held = row.held.clone().unwrap_or_else(|| "–".to_owned());
        table.add_row([&row.date, &row.kind, &row.subject, &held, &row.what]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", table.trim_fmt())
}
