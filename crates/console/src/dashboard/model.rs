//! What a page of the dashboard consists of.
//!
//! In: facts, charts, tables, forms. Out: one HTML document. Invariant: every text is escaped by the template; a chart
//! always has its numbers in words too.

use super::PAGES;
use askama::Template;
use serde::Serialize;

/// How a value should strike the eye; always beside a word, never instead of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The tone of an operating mode.
    pub(super) fn of_mode(mode: &str) -> Tone {
        match mode {
            "NORMAL" => Tone::Good,
            "REDUCE_ONLY" => Tone::Warn,
            _ => Tone::Bad,
        }
    }

    /// The tone of a step's outcome.
    pub(super) fn of_outcome(outcome: &str) -> Tone {
        match outcome {
            "done" => Tone::Good,
            "warned" => Tone::Warn,
            "stopped" => Tone::Bad,
            _ => Tone::Plain,
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }
}

/// A value with its name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fact {
    pub label: &'static str,
    pub value: String,
    pub note: String,
    pub tone: Tone,
}

impl Fact {
    pub(super) fn new(label: &'static str, value: impl Into<String>, note: impl Into<String>) -> Fact {
        Fact { label, value: value.into(), note: note.into(), tone: Tone::Plain }
    }

    pub(super) fn toned(self, tone: Tone) -> Fact {
        Fact { tone, ..self }
    }
}

/// One line of a chart.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Series {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

/// Lines over dates.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chart {
    pub title: &'static str,
    /// `money`, `percent` or `number`.
    pub unit: &'static str,
    /// Seconds since 1970.
    pub dates: Vec<i64>,
    pub series: Vec<Series>,
}

impl Chart {
    /// The chart's data for the script that draws it. `<` cannot end the element it stands in.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data").replace('<', "\\u003c")
    }

    /// The chart in words, for who cannot see it.
    pub(super) fn words(&self) -> String {
        let told = self.series.iter().filter_map(|series| {
            let known = || series.values.iter().flatten().copied();
            let last = known().last()?;
            let (low, high) = known().fold((last, last), |(low, high), value| (low.min(value), high.max(value)));
            let [low, high, last] = [low, high, last].map(|value| self.in_words(value));
            Some(format!("{}: lowest {low}, highest {high}, last {last}", series.name))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    fn in_words(&self, value: f64) -> String {
        match self.unit {
            "percent" => format!("{:.2} %", value * 100.0),
            "money" => format!("{:.1} million", value / 1e6),
            _ => format!("{value:.2}"),
        }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Cell {
    pub text: String,
    pub tone: Tone,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain }
    }
}

impl Cell {
    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone }
    }

    /// Whether it is a sentence, which a phone must not squeeze into a column one word wide.
    fn is_prose(&self) -> bool {
        self.text.chars().count() > 20
    }
}

/// Rows under a title.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    pub title: String,
    /// Header, and whether the column holds numbers.
    pub columns: Vec<(&'static str, bool)>,
    pub rows: Vec<Vec<Cell>>,
    /// What is said instead of a table without rows.
    pub empty: &'static str,
}

impl Table {
    /// A table; a header that starts with `#` stands over numbers.
    pub(super) fn new(title: impl Into<String>, columns: &[&'static str], empty: &'static str) -> Table {
        let columns = columns.iter().map(|name| (name.trim_start_matches('#'), name.starts_with('#'))).collect();
        Table { title: title.into(), columns, rows: Vec::new(), empty }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        assert_eq!(N, self.columns.len(), "a row of {} has another width", self.title);
        self.rows.push(cells.into());
    }

    fn cells<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'a Cell, &'a (&'static str, bool))> {
        row.iter().zip(&self.columns)
    }
}

/// Something a person can tell the engine.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Form {
    /// What is posted.
    pub wish: &'static str,
    /// What the button says.
    pub button: &'static str,
    /// What it does, in a sentence.
    pub means: String,
    /// A value that is posted along, such as the hash of a plan.
    pub about: String,
    /// What has to be typed before it counts; empty for what only tightens.
    pub confirm: &'static str,
    pub tone: Tone,
}

/// What a page shows under its facts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Section {
    Chart(Chart),
    Table(Table),
    Text { title: &'static str, lines: Vec<String> },
    Forms { title: &'static str, forms: Vec<Form> },
}

/// One page.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Page {
    pub title: &'static str,
    pub lead: String,
    pub facts: Vec<Fact>,
    pub sections: Vec<Section>,
}

/// What stands around every page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Path of the page in the menu.
    pub path: &'static str,
    /// Tag of the account.
    pub account: String,
    /// Operating mode.
    pub mode: String,
    /// Whether an engine holds the lease.
    pub running: bool,
    /// What protects the forms of this visitor.
    pub csrf: String,
    /// Whether there is a login to leave.
    pub login: bool,
    /// What was just said to the engine.
    pub said: String,
}

impl Frame {
    /// Key, path and name of every page, and whether it is this one.
    fn menu(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str, bool)> {
        let here = self.path;
        PAGES.iter().map(move |(key, path, name, _)| (*key, *path, *name, *path == here))
    }
}

/// The document of a page.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Document<'a> {
    pub page: &'a Page,
    pub frame: &'a Frame,
}

/// The document that asks for the password.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Login<'a> {
    pub csrf: &'a str,
    pub trouble: &'a str,
}
