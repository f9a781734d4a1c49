//! The text of a calendar table and of the override file, row by row.
//!
//! In: `config/calendars/<MIC>.csv`, whose header states the grammar, and `overrides.csv`. Out: rules and exceptions
//! in the venue's local time. Invariant: every row was understood, lies in the coverage and is the only one for its day.

use domain::Mic;
use jiff::SignedDuration;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::collections::{BTreeMap, BTreeSet};

const OVERRIDES_FILE: &str = "overrides.csv";
const OVERRIDES_HEADER: &str = "mic,date,kind,open,close,source";

/// A calendar table cannot be used; the venue stays untradable until the file is put right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// One row is at fault.
    #[error("calendar table {file}, line {line}: {problem}")]
    Row {
        /// File name inside the calendars folder.
        file: String,
        /// Line in that file, from 1.
        line: u64,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The rows are well-formed but do not make a calendar.
    #[error("calendar table {file}: {problem}")]
    Table {
        /// File name inside the calendars folder.
        file: String,
        /// What is wrong and what was expected.
        problem: String,
    },
}

/// Local trading hours of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) open: Time,
    pub(super) close: Time,
}

impl Hours {
    /// Whether the session opens on the calendar day before its date.
    pub(super) fn open_the_day_before(self) -> bool {
        self.open >= self.close
    }
}

/// The rules of one venue before they are laid out on days.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) zone: TimeZone,
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) closing_auction: SignedDuration,
    /// Regular hours by the day they came into force, oldest first; the first entry is in force on `first`.
    regular: Vec<(Date, Hours)>,
    /// Days with hours of their own; `None` is closed.
    exceptions: BTreeMap<Date, Option<Hours>>,
}

impl Table {
    pub(super) fn parse(mic: Mic, text: &str, overrides: &str) -> Result<Table, CalendarError> {
        let file = format!("{mic}.csv");
        let mut draft = Draft::default();
        for row in rows(&file, text)? {
            draft.add(&row)?;
        }
        let mut table = draft.finish().map_err(|problem| CalendarError::Table { file, problem })?;
        table.override_days(mic, overrides)?;
        Ok(table)
    }

    /// The regular hours in force on a covered day.
    pub(super) fn regular(&self, day: Date) -> Hours {
        let in_force = self.regular.partition_point(|(from, _)| *from <= day);
        self.regular[in_force - 1].1
    }

    /// The hours of a covered day, or `None` if the venue is closed.
    pub(super) fn hours(&self, day: Date) -> Option<Hours> {
        match self.exceptions.get(&day) {
            Some(exception) => *exception,
            None if is_weekend(day) => None,
            None => Some(self.regular(day)),
        }
    }

    fn override_days(&mut self, mic: Mic, text: &str) -> Result<(), CalendarError> {
        let mut rows = rows(OVERRIDES_FILE, text)?.into_iter();
        if let Some(header) = rows.next().filter(|header| !header.is(OVERRIDES_HEADER)) {
            return Err(header.refuse(format!("the first row must be `{OVERRIDES_HEADER}`")));
        }
        let mut seen = BTreeSet::new();
        for row in rows {
            row.expect_fields(6)?;
            let venue = row.venue(0)?;
            let day = row.date(1)?;
            let exception = row.exception(row.text(2), day, 3)?;
            row.expect_source(5)?;
            if !seen.insert((venue, day)) {
                return Err(row.refuse(format!("{venue} {day} is corrected twice; keep one row")));
            }
            if venue != mic {
                continue;
            }
            if day < self.first || self.last < day {
                return Err(
                    row.refuse(format!("{day} is outside the table's coverage {} to {}", self.first, self.last))
                );
            }
            self.exceptions.insert(day, exception);
        }
        Ok(())
    }
}

/// A table while its rows are being read.
#[derive(Default)]
struct Draft {
    /// The kinds of row met so far of which a table has one.
    once: BTreeSet<String>,
    zone: Option<TimeZone>,
    coverage: Option<(Date, Date)>,
    closing_auction: SignedDuration,
    regular: Vec<(Date, Hours)>,
    exceptions: BTreeMap<Date, Option<Hours>>,
}

impl Draft {
    fn add(&mut self, row: &Row<'_>) -> Result<(), CalendarError> {
        match row.text(0) {
            "zone" | "coverage" | "auction" if !self.once.insert(row.text(0).to_owned()) => {
                return Err(row.refuse(format!("there is a second `{}` row; keep one", row.text(0))));
            }
            "zone" => {
                row.expect_fields(2)?;
                self.zone = Some(row.zone(1)?);
            }
            "coverage" => {
                row.expect_fields(3)?;
                self.coverage = Some((row.date(1)?, row.date(2)?));
            }
            "auction" => {
                row.expect_fields(2)?;
                self.closing_auction = SignedDuration::from_mins(row.minutes(1)?);
            }
            "regular" => {
                row.expect_fields(4)?;
                let from = row.date(1)?;
                if self.regular.last().is_some_and(|(earlier, _)| *earlier >= from) {
                    return Err(
                        row.refuse(format!("regular hours from {from} must stand below those in force before them"))
                    );
                }
                self.regular.push((from, row.hours(2)?));
            }
            kind => {
                match kind {
                    "special" => row.expect_fields(5)?,
                    "holiday" => row.expect_fields(3)?,
                    _ => {}
                }
                let day = row.date(1)?;
                let exception = row.exception(kind, day, 2)?;
                if self.exceptions.insert(day, exception).is_some() {
                    return Err(row.refuse(format!("{day} has two rows; keep one")));
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Table, String> {
        let zone = self.zone.ok_or("the `zone` row is missing")?;
        let (first, last) = self.coverage.ok_or("the `coverage` row is missing")?;
        if last < first {
            return Err(format!("the coverage ends ({last}) before it begins ({first})"));
        }
        if self.regular.first().is_none_or(|(from, _)| *from > first) {
            return Err(format!("no `regular` row is in force on {first}, the first covered day"));
        }
        if let Some(day) = self.exceptions.keys().find(|day| **day < first || last < **day) {
            return Err(format!("{day} has a row but is outside the coverage {first} to {last}"));
        }
        let Draft { closing_auction, regular, exceptions, .. } = self;
        Ok(Table { zone, first, last, closing_auction, regular, exceptions })
    }
}

/// One row with the place it came from.
pub(super) struct Row<'a> {
    file: &'a str,
    line: u64,
    record: csv::StringRecord,
}

impl Row<'_> {
    pub(super) fn refuse(&self, problem: String) -> CalendarError {
        CalendarError::Row { file: self.file.to_owned(), line: self.line, problem }
    }

    pub(super) fn expect_fields(&self, expected: usize) -> Result<(), CalendarError> {
        match self.record.len() {
            found if found == expected => Ok(()),
            found => Err(self.refuse(format!("`{}` rows have {expected} fields, this one has {found}", self.text(0)))),
        }
    }

    /// True for the header a file must begin with.
    pub(super) fn is(&self, header: &str) -> bool {
        self.record.iter().eq(header.split(','))
    }

    pub(super) fn venue(&self, field: usize) -> Result<Mic, CalendarError> {
        let unknown = |unknown: domain::venue::UnknownVenue| self.refuse(unknown.to_string());
        self.text(field).parse().map_err(unknown)
    }

    pub(super) fn expect_source(&self, field: usize) -> Result<(), CalendarError> {
        match self.text(field) {
            "" => {
                Err(self.refuse("the source is empty; name the notice or page this correction comes from".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn text(&self, field: usize) -> &str {
        &self.record[field]
    }

    pub(super) fn parsed<T: std::str::FromStr>(&self, field: usize, expected: &str) -> Result<T, CalendarError> {
        let text = self.text(field);
        text.parse().map_err(|_| self.refuse(format!("`{text}` is not {expected}")))
    }

    fn date(&self, field: usize) -> Result<Date, CalendarError> {
        self.parsed(field, "a day written YYYY-MM-DD")
    }

    fn minutes(&self, field: usize) -> Result<i64, CalendarError> {
        self.parsed::<u16>(field, "a number of minutes").map(i64::from)
    }

    fn hours(&self, field: usize) -> Result<Hours, CalendarError> {
        let time = |field| self.parsed(field, "a local time written HH:MM");
        Ok(Hours { open: time(field)?, close: time(field + 1)? })
    }

    /// Zones come from the database compiled in, so that the machine's own cannot change a session.
    fn zone(&self, field: usize) -> Result<TimeZone, CalendarError> {
        let name = self.text(field);
        TimeZoneDatabase::bundled().get(name).map_err(|_| self.refuse(format!("`{name}` is not an IANA time zone")))
    }

    /// The hours a day has instead of the regular ones, which start at `field`.
    fn exception(&self, kind: &str, day: Date, field: usize) -> Result<Option<Hours>, CalendarError> {
        match kind {
            "special" => self.hours(field).map(Some),
            "holiday" if is_weekend(day) => {
                Err(self.refuse(format!("{day} is a weekend day, which is closed without a row")))
            }
            "holiday" => Ok(None),
            other => Err(self.refuse(format!("`{other}` is not a kind of row this file may have"))),
        }
    }
}

/// The rows of a file without comments and blank lines.
pub(super) fn rows<'a>(file: &'a str, text: &str) -> Result<Vec<Row<'a>>, CalendarError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let row = |record: csv::Result<csv::StringRecord>| {
        let record =
            record.map_err(|error| CalendarError::Table { file: file.to_owned(), problem: error.to_string() })?;
        let line = record.position().map_or(0, |position| line_of_record(text, position));
        Ok(Row { file, line, record })
    };
    reader.records().map(row).collect()
}

/// The line an editor shows for a record: the reader starts a record at the comments above it.
fn line_of_record(text: &str, start: &csv::Position) -> u64 {
    let from = usize::try_from(start.byte()).expect("a position inside a text in memory");
    let above = text[from..].lines().take_while(|line| line.is_empty() || line.starts_with('#'));
    start.line() + above.count() as u64
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}
