//! A reconciliation as a person wants to read it.
//!
//! In: rows of differences with causes. Out: text for a terminal, and the same rows as data. Invariant: shows what was
//! compared; a difference is never left out.

use crate::table::{grid, numbers};
use serde::{Deserialize, Serialize};

/// One cause of one difference, as `reconcile --explain --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Stable id; what it is adopted by.
    pub id: String,
    /// Layer it was found in.
    pub layer: String,
    /// Contract, currency, execution or account.
    pub item: String,
    /// Our figure.
    pub ours: String,
    /// The broker's.
    pub theirs: String,
    /// The broker's minus ours.
    pub difference: String,
    /// What would have been accepted.
    pub tolerance: String,
    /// The cause.
    pub cause: String,
    /// Its arithmetic.
    pub evidence: String,
    /// What it asks for.
    pub consequence: String,
}

/// The table of a reconciliation, and under it each cause's arithmetic.
pub fn explained(rows: &[Difference]) -> String {
    let evidence: Vec<String> = rows.iter().map(|row| wrapped(&format!("{}: {}", row.id, row.evidence))).collect();
    if evidence.is_empty() { causes(rows) } else { format!("{}\n\n{}", causes(rows), evidence.join("\n")) }
}

/// The table of a reconciliation.
pub fn causes(rows: &[Difference]) -> String {
    if rows.is_empty() {
        return "Books and broker agree within tolerance on every layer.".to_owned();
    }
    let mut table = grid(&["difference", "ours", "the broker's", "apart", "tolerance", "cause", "asks for"]);
    let mut last = "";
    for row in rows {
        let same = last == row.id;
        let once = |text: &str| if same { String::new() } else { text.to_owned() };
        table.add_row([
            once(&row.id),
            once(&row.ours),
            once(&row.theirs),
            once(&row.difference),
            once(&row.tolerance),
            row.cause.clone(),
            once(&row.consequence),
        ]);
        last = &row.id;
    }
    numbers(&mut table, 1..5);
    table.trim_fmt()
}

/// Lines of a hundred columns, later ones indented.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("never empty");
        if line.chars().count() + word.chars().count() >= 100 {
            lines.push(format!("    {word}"));
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n")
}
