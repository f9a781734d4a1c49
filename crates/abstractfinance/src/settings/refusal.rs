//! What is wrong in a configuration file, where, and what to do about it.
//!
//! In: the YAML reader's error and the text it read. Out: refusals a person can act on. Invariant: every refusal names
//! the file, line and column, shows the line, and says a remedy.

use rust_decimal::Decimal;
use serde_saphyr::path_map::{PathKey, PathKind};
use serde_saphyr::{Error, Location, MessageFormatter, UserMessageFormatter, ValidationIssue};
use std::fmt;

/// In a rule's sentence: what the file says there.
pub(super) const VALUE: &str = "{value}";
/// The sentence about NaN and the infinities, which make every comparison with other settings meaningless.
pub(super) const NOT_FINITE: &str = "is {value}, but the engine computes with finite numbers only";

/// One thing in a configuration file that the engine does not run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file, as a person would name it.
    pub file: String,
    /// Line, counted from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// The line itself.
    excerpt: String,
    /// How many characters of it are meant.
    width: usize,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { file, line, column, problem, remedy, excerpt, width } = self;
        if *line == 0 {
            return write!(f, "{file}: {problem}\n{remedy}");
        }
        let margin = line.to_string().len();
        let indent = column.saturating_sub(1);
        writeln!(f, "{file}:{line}:{column}: {problem}")?;
        writeln!(f, " {line} | {excerpt}")?;
        writeln!(f, " {:margin$} | {:indent$}{}", "", "", "^".repeat(*width))?;
        f.write_str(remedy)
    }
}

/// A validation rule that says what is wrong, as the end of a sentence about the setting, and what to do.
pub(super) fn rule(holds: bool, problem: impl Into<String>, remedy: impl Into<String>) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(format!("{}\n{}", problem.into(), remedy.into()))) }
}

/// Everything the reader found wrong in a file; at least one refusal.
pub(super) fn refusals(file: &str, text: &str, built_in: &str, error: &Error) -> Vec<Refusal> {
    let page = Page { file, text, built_in };
    match error.without_snippet() {
        Error::ValidationError { issues, locations, .. } => {
            // Settings are compared with each other only once each of them is in its own range.
            let out_of_range = issues.iter().any(is_range_fault);
            let told = issues.iter().filter(|issue| !out_of_range || is_range_fault(issue)).map(|issue| {
                let path = as_written(&issue.path);
                let found = locations.locations_for(&path).and_then(|found| found.primary_location());
                page.broken_rule(issue, found.unwrap_or(Location::UNKNOWN))
            });
            let mut refused: Vec<Refusal> = told.collect();
            refused.sort_by_key(|refusal| (refusal.line, refusal.column));
            refused.dedup_by_key(|refusal| (refusal.line, refusal.column));
            refused
        }
        other => vec![page.unreadable(other)],
    }
}

/// A file while its faults are being described.
struct Page<'a> {
    file: &'a str,
    text: &'a str,
    /// The text that shows how each key is usually written.
    built_in: &'a str,
}

/// Line and column, counted from 1, and how many characters are meant; line 0 is the whole file.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
    width: usize,
}

impl From<Location> for Place {
    fn from(location: Location) -> Place {
        let [line, column, width] = [location.line(), location.column(), location.span().len()].map(|n| n as usize);
        Place { line, column, width }
    }
}

impl Page<'_> {
    fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|index| self.text.lines().nth(index)).unwrap_or_default()
    }

    fn refusal(&self, place: impl Into<Place>, problem: String, remedy: String) -> Refusal {
        let Place { line, column, width } = place.into();
        let excerpt = self.line(line).to_owned();
        let rest = excerpt.chars().count().saturating_sub(column.saturating_sub(1));
        let line = if excerpt.is_empty() { 0 } else { line };
        Refusal {
            file: self.file.to_owned(),
            line,
            column,
            problem,
            remedy,
            excerpt,
            width: width.clamp(1, rest.max(1)),
        }
    }

    /// What the file says at a place.
    fn written(&self, location: Location) -> &str {
        let span = location.span();
        let [start, length] = [span.byte_offset(), span.byte_len()].map(|bytes| bytes.unwrap_or_default() as usize);
        self.text.get(start..start + length).unwrap_or_default().trim_matches(['"', '\''])
    }

    fn broken_rule(&self, issue: &ValidationIssue, location: Location) -> Refusal {
        let written = self.written(location);
        let message = issue.message.as_deref().unwrap_or_default();
        let (predicate, remedy) = range_fault(message, written).unwrap_or_else(|| own_fault(message));
        let problem = format!("{} {}", dotted(&as_written(&issue.path)), predicate.replace(VALUE, written));
        self.refusal(location, problem, remedy)
    }

    fn unreadable(&self, error: &Error) -> Refusal {
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let written = self.written(location);
        match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                let place = self.find_key(field, location).unwrap_or(location.into());
                self.refusal(place, format!("`{field}` is not a key here"), suggestion(field, expected))
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                self.refusal(location, format!("`{variant}` is not known here"), suggestion(variant, expected))
            }
            Error::SerdeMissingField { field, .. } => {
                let usual = self.usual_line(field).unwrap_or("nothing has a silent default".to_owned());
                self.refusal(location, format!("`{field}` is missing in this section"), format!("add it; {usual}"))
            }
            Error::DuplicateMappingKey { key, .. } => {
                let key = key.as_deref().unwrap_or(written);
                self.refusal(location, format!("`{key}` is written twice"), self.keep_one(key, location))
            }
            Error::InvalidScalar { ty, .. } => self.no_number(written, *ty == "floating point", location),
            Error::SerdeInvalidType { unexpected, expected, .. } if is_number(expected) => {
                let word = unexpected.split(['"', '`']).nth(1).unwrap_or_default();
                match self.find_value(word, location) {
                    Some(place) => self.no_number(word, expected == "f64", place),
                    None => self.unread(error, location),
                }
            }
            Error::Eof { .. } => {
                let remedy = "write every key, as the built-in configuration does".to_owned();
                self.refusal(Location::UNKNOWN, "the file holds nothing".to_owned(), remedy)
            }
            other => self.unread(other, location),
        }
    }

    fn unread(&self, error: &Error, location: Location) -> Refusal {
        let written = self.written(location);
        let reason = UserMessageFormatter.format_message(error);
        let subject = if written.is_empty() { String::new() } else { format!("`{written}` cannot be read here: ") };
        self.refusal(location, format!("{subject}{reason}"), self.usual_form(location))
    }

    fn no_number(&self, written: &str, fraction: bool, place: impl Into<Place>) -> Refusal {
        let place = place.into();
        let kind = if fraction { "a number" } else { "a whole number that fits here" };
        let remedy = number_slip(written).unwrap_or_else(|| self.usual_form(place));
        self.refusal(place, format!("`{written}` is not {kind}"), remedy)
    }

    /// The lines at and below a place, each with its index.
    fn below(&self, from: Location) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().skip((from.line() as usize).saturating_sub(1))
    }

    /// The first place at or below another where a key has this value. Of a value in a sleeve, the reader knows only the
    /// sleeve.
    fn find_value(&self, word: &str, from: Location) -> Option<Place> {
        self.below(from).filter(|_| !word.is_empty()).find_map(|(index, line)| {
            let at = line.match_indices(word).map(|(at, _)| at).find(|&at| {
                let (before, after) = (line[..at].trim_end_matches(['"', '\'']), &line[at + word.len()..]);
                before.trim_end().ends_with(':')
                    && !after.starts_with(|next: char| next.is_alphanumeric() || next == '.')
            })?;
            Some(Place { line: index + 1, column: line[..at].chars().count() + 1, width: word.chars().count() })
        })
    }

    /// The first place at or below another where a key opens a line or an inline entry. Of a key too many in a sleeve,
    /// the reader knows only the sleeve.
    fn find_key(&self, key: &str, from: Location) -> Option<Place> {
        self.below(from).find_map(|(index, line)| {
            let before = &line[..line.find(&format!("{key}:"))?];
            let opens = before.trim_end().is_empty() || before.trim_end().ends_with(['{', ',', '-']);
            let place = Place { line: index + 1, column: before.chars().count() + 1, width: key.chars().count() };
            opens.then_some(place)
        })
    }

    fn keep_one(&self, key: &str, second: Location) -> String {
        let opening = format!("{}{key}:", " ".repeat((second.column() as usize).saturating_sub(1)));
        let above = self.text.lines().take((second.line() as usize).saturating_sub(1));
        match above.enumerate().filter(|(_, line)| line.starts_with(&opening)).last() {
            Some((index, _)) => format!("the first one is on line {}; remove one of them", index + 1),
            None => "remove one of them".to_owned(),
        }
    }

    /// How the built-in configuration writes a key, if it writes it once.
    fn usual_line(&self, key: &str) -> Option<String> {
        let mut usual = self.built_in.lines().map(str::trim).filter(|line| line.starts_with(&format!("{key}:")));
        let line = usual.next().filter(|_| usual.next().is_none())?;
        Some(format!("the built-in line is `{}`", line.split(" #").next().unwrap_or(line).trim_end()))
    }

    fn usual_form(&self, place: impl Into<Place>) -> String {
        let line = self.line(place.into().line);
        let (key, value) = line.split_once(':').unwrap_or((line, line));
        let value = value.split('#').next().unwrap_or_default().trim();
        let is_section = value.is_empty() || value.starts_with('{');
        self.usual_line(key.trim())
            .filter(|_| !is_section)
            .unwrap_or_else(|| "check the spelling, the indentation and the colons around this line".to_owned())
    }
}

/// The path as the file has it: the settings of a screen are a value of their own here, and stand beside `kind` there.
fn as_written(path: &PathKey) -> PathKey {
    let in_sleeve = path.segments().next().is_some_and(|(_, name)| name == "sleeves");
    let segments = path.segments().enumerate();
    let kept = segments.filter(|(depth, (kind, _))| !(in_sleeve && *depth == 2 && matches!(kind, PathKind::Index)));
    kept.fold(PathKey::new(), |path, (_, (kind, name))| match kind {
        PathKind::Index => path.join_index(name.parse().expect("an index is a number")),
        PathKind::Key => path.join_key(name),
    })
}

fn dotted(path: &PathKey) -> String {
    let mut text = String::new();
    for (kind, name) in path.segments() {
        match kind {
            PathKind::Index => text.push_str(&format!("[{name}]")),
            PathKind::Key if text.is_empty() => text.push_str(name),
            PathKind::Key => text.push_str(&format!(".{name}")),
        }
    }
    if text.is_empty() { "the file".to_owned() } else { format!("`{text}`") }
}

/// What a range rule of `garde` found: it says only "lower than" or "greater than" a limit.
fn range_fault(message: &str, written: &str) -> Option<(String, String)> {
    if let Some(limit) = message.strip_prefix("greater than ") {
        let remedy = percent_slip(written, limit).unwrap_or_else(|| format!("use {limit} or less"));
        return Some((format!("is {VALUE}, but {limit} is the most it may be"), remedy));
    }
    let limit = message.strip_prefix("lower than ")?;
    let remedy = sign_slip(written, limit).unwrap_or_else(|| format!("use {limit} or more"));
    Some((format!("is {VALUE}, but {limit} is the least it may be"), remedy))
}

/// What one of our own rules found; the few rules of `garde` besides ranges speak in one line.
fn own_fault(message: &str) -> (String, String) {
    match message.split_once('\n') {
        Some((problem, remedy)) => (problem.to_owned(), remedy.to_owned()),
        None => (format!("is not accepted: {message}"), "write at least one".to_owned()),
    }
}

fn is_range_fault(issue: &ValidationIssue) -> bool {
    let message = issue.message.as_deref().unwrap_or_default();
    message.starts_with(NOT_FINITE) || range_fault(message, "").is_some()
}

/// Shares and multiples of NAV are the only settings whose largest value is 10 or less. A value that fits once divided
/// by 100 was meant in percent.
fn percent_slip(written: &str, limit: &str) -> Option<String> {
    let (value, limit) = (written.parse::<Decimal>().ok()?, limit.parse::<Decimal>().ok()?);
    let fraction = (value / Decimal::ONE_HUNDRED).normalize();
    (limit <= Decimal::TEN && fraction <= limit).then(|| {
        format!("did you mean {fraction}? Shares are written as fractions: {} % is {fraction}", value.normalize())
    })
}

fn sign_slip(written: &str, limit: &str) -> Option<String> {
    let (value, limit) = (written.parse::<Decimal>().ok()?, limit.parse::<Decimal>().ok()?);
    let positive = (-value).normalize();
    (value < Decimal::ZERO && positive >= limit)
        .then(|| format!("did you mean {positive}? Limits and losses are written without a sign"))
}

/// Whether the reader wanted a number, in its words.
fn is_number(expected: &str) -> bool {
    ["f64", "u32", "u64", "usize"].contains(&expected)
}

fn number_slip(written: &str) -> Option<String> {
    if let Some(percent) = written.strip_suffix('%') {
        let fraction = (percent.trim().parse::<Decimal>().ok()? / Decimal::ONE_HUNDRED).normalize();
        return Some(format!("did you mean {fraction}? Shares are written as fractions, without the sign"));
    }
    sign_slip(written, "0")
}

fn suggestion(word: &str, known: &[&'static str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("known here are {}", known.join(", ")),
    }
}

/// The known word that differs least from a written one, if it differs by little.
pub(super) fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = known.map(|candidate| (edits(word, candidate), candidate)).min();
    nearest.filter(|(distance, _)| *distance <= 1 + word.len() / 4).map(|(_, candidate)| candidate)
}

/// Levenshtein distance: single letters to insert, remove or change.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in to.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
