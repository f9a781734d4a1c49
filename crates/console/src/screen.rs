//! A screen as a person wants to read it.
//!
//! In: ranks and scores of both sides. Out: a table per side, or the same as data. Invariant: every candidate is shown,
//! chosen or not, with what it lacks.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use serde::Serialize;

/// A rule under the header and nothing else.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// What one sleeve's screen came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScreenReport {
    /// The sleeve.
    pub sleeve: String,
    /// Trade date of the screen.
    pub screened: String,
    /// Trade date the list below is of.
    pub date: String,
    /// The list in force on that date, in words.
    pub list: String,
    /// Where the fundamentals come from.
    pub fundamentals: String,
    /// What is held while no list could be made, longs first; none while the list is the screen's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<[Vec<String>; 2]>,
    /// The sides that were asked for.
    pub sides: Vec<ScreenSide>,
}

/// One side's ranks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScreenSide {
    /// `long` or `short`.
    pub side: String,
    /// Names of the factors, in the order of the scores.
    pub factors: Vec<String>,
    /// Weights of the factors, likewise.
    pub weights: Vec<f64>,
    /// Best first; those that cannot be ranked last.
    pub candidates: Vec<ScreenRow>,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScreenRow {
    /// Place, if it can be ranked.
    pub rank: Option<usize>,
    /// Instrument.
    pub name: String,
    /// Sector.
    pub sector: String,
    /// Standard scores; `null` where a factor is missing.
    pub scores: Vec<Option<f64>>,
    /// Weighted score.
    pub score: Option<f64>,
    /// Whether it may be chosen, or why not.
    pub eligibility: String,
    /// Whether the screen chose it.
    pub chosen: bool,
}

/// The report as text.
pub fn screen_page(report: &ScreenReport) -> String {
    let ScreenReport { sleeve, screened, date, list, fundamentals, held, sides } = report;
    let mut page = format!("{sleeve}, screened {screened}, fundamentals {fundamentals}\nOn {date}: {list}\n");
    if let Some(held) = held {
        let told = |names: &Vec<String>| if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
        let [long, short] = held.each_ref().map(told);
        page += &format!("Its list meanwhile: long {long}; short {short}\n");
    }
    for side in sides {
        let chosen = side.candidates.iter().filter(|row| row.chosen).count();
        let ranked = side.candidates.iter().filter(|row| row.rank.is_some()).count();
        page += &format!("\n{}: {chosen} of {ranked} ranked, {} candidates\n", side.side, side.candidates.len());
        page += &format!("{}\n", table(side));
    }
    page
}

fn table(side: &ScreenSide) -> String {
    let factors = side.factors.iter().zip(&side.weights).map(|(name, weight)| format!("{name} × {weight:.2}"));
    let header = ["rank", "name", "sector"].map(str::to_owned).into_iter().chain(factors);
    let mut table = Table::new();
    table.load_style(RULED);
    table.set_header(header.chain(["score", ""].map(str::to_owned)));
    for row in &side.candidates {
        let score = |score: &Option<f64>, none: &str| {
            score.map_or_else(|| none.to_owned(), |score| format!("{:+.2}", (score * 100.0).round() / 100.0 + 0.0))
        };
        let rank = row.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string());
        let cells = [rank, row.name.clone(), row.sector.clone()].into_iter();
        let cells = cells.chain(row.scores.iter().map(|value| score(value, "missing")));
        let state = if row.chosen {
            "chosen"
        } else if row.rank.is_some() {
            ""
        } else {
            row.eligibility.as_str()
        };
        table.add_row(cells.chain([score(&row.score, "–"), state.to_owned()]));
    }
    for column in [0].into_iter().chain(3..4 + side.factors.len()) {
        table.column_mut(column).expect("a column of the header").set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_shown_with_what_is_missing() {
        let row = |rank, name: &str, scores: [Option<f64>; 2], score, eligibility: &str| ScreenRow {
            rank,
            name: name.into(),
            sector: "banks".into(),
            scores: scores.to_vec(),
            score,
            eligibility: eligibility.into(),
            chosen: rank == Some(1),
        };
        let candidates = vec![
            row(Some(1), "BNP", [Some(1.25), None], Some(1.25), "eligible"),
            row(Some(2), "GLE", [Some(-0.5), Some(0.125)], Some(-0.3), "eligible"),
            row(None, "ACA", [None, Some(2.0)], Some(2.0), "no recent price"),
        ];
        let (factors, weights) = (vec!["zombie".into(), "weakness".into()], vec![0.6, 0.4]);
        let report = ScreenReport {
            sleeve: "single_name".into(),
            screened: "2026-03-02".into(),
            date: "2026-03-06".into(),
            list: "10 long, 10 short of 2026-03-02, fundamentals simulated".into(),
            fundamentals: "simulated".into(),
            held: None,
            sides: vec![ScreenSide { side: "short".into(), factors, weights, candidates }],
        };
        insta::assert_snapshot!(screen_page(&report), @r"
    single_name, screened 2026-03-02, fundamentals simulated
    On 2026-03-06: 10 long, 10 short of 2026-03-02, fundamentals simulated

    short: 1 of 2 ranked, 3 candidates
     rank   name   sector   zombie × 0.60   weakness × 0.40   score
    ──────────────────────────────────────────────────────────────────────────────────
        1   BNP    banks            +1.25           missing   +1.25   chosen
        2   GLE    banks            -0.50             +0.13   -0.30
        –   ACA    banks          missing             +2.00   +2.00   no recent price
    ");
    }
}
