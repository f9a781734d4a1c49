//! Looking for prices that are not what they seem.
//!
//! In: a catalogue, calendars, another source if there is one. Out: findings. Invariant: nothing is changed or left out;
//! a real crash is reported like a wrong print, because only a second source can tell them apart.

use crate::bars_file::Row;
use crate::findings::{CheckReport, Checked, Finding, FindingKind, KnownBadReport};
use crate::manifest::SeriesEntry;
use crate::open::{Catalogue, CatalogueError, Segment};
use domain::{Currency, Mic};
use jiff::civil::Date;
use market::calendar::Calendars;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Sessions in which the same four prices are not expected twice, and in which a single price is not.
const REPEAT_SESSIONS: usize = 5;
const REPEAT_SESSIONS_OF_ONE_PRICE: usize = 1;
/// A change counts as large from this much, in logarithms, ...
const LARGE: f64 = 0.05;
/// ... and this many times the median size of the changes before it.
const LARGE_TIMES_MEDIAN: f64 = 10.0;
/// ... or this much, while there are too few for a median.
const LARGE_AT_FIRST: f64 = 0.25;
/// Changes the median is taken of.
const MEDIAN_CHANGES: usize = 60;
/// Share of a spike that the next session takes back.
const TAKEN_BACK: f64 = 0.7;
/// How far a change may be from the exact ratio, in logarithms.
const SPLIT_TOLERANCE: f64 = 0.04;
const UNIT_TOLERANCE: f64 = 0.25;
const SPLIT_RATIOS: [f64; 10] = [1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 10.0, 20.0, 25.0];
/// Difference of two sources that is reported, in logarithms.
const SOURCES_TOLERANCE: f64 = 0.001;

/// What to check, and with what.
#[derive(Clone, Copy)]
pub struct CheckRequest<'a> {
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// Sessions of the venues.
    pub calendars: &'a Calendars,
    /// The venue of each instrument, for series that name none.
    pub venues: &'a BTreeMap<&'a str, Mic>,
    /// The same series from another source.
    pub against: Option<&'a Catalogue>,
    /// Series and dates that are known to be wrong.
    pub known_bad: Option<&'a [(String, Date)]>,
}

/// Checks every series of a catalogue.
pub fn check(request: &CheckRequest<'_>) -> CheckReport {
    let (mut checked, mut findings) = (Vec::new(), Vec::new());
    for entry in &request.catalogue.manifest().segments {
        let segment = request.catalogue.segment(&entry.name).expect("the manifest names it");
        for series in &entry.series {
            let mut one = Check { segment: &entry.name, series: &series.name, findings: Vec::new() };
            let no_calendar = one.series(request, segment, series);
            let mut found = BTreeMap::new();
            one.findings.iter().for_each(|finding| *found.entry(finding.kind).or_insert(0) += 1);
            one.findings.sort_by_key(|finding| (finding.date, finding.kind));
            checked.push(Checked {
                segment: entry.name.clone(),
                series: series.name.clone(),
                bars: series.rows,
                found,
                no_calendar,
            });
            findings.append(&mut one.findings);
        }
    }
    let known_bad = request.known_bad.map(|listed| compare(listed, request.catalogue, &findings));
    CheckReport { checked, findings, known_bad }
}

/// One series while it is being checked.
struct Check<'a> {
    segment: &'a str,
    series: &'a str,
    findings: Vec<Finding>,
}

impl Check<'_> {
    /// Says why there was no comparison with a calendar, where there was none.
    fn series(&mut self, request: &CheckRequest<'_>, segment: Segment<'_>, series: &SeriesEntry) -> Option<String> {
        let rows = match segment.rows(&series.name) {
            Ok(rows) => rows,
            Err(error) => {
                self.find(FindingKind::Unreadable, None, error.to_string());
                return None;
            }
        };
        self.rows_that_cannot_be(&rows);
        let rows: Vec<Row> = rows.into_iter().filter(|row| row.mantissas.iter().all(|price| *price > 0)).collect();
        self.changes(&rows, series.unit.parse::<Currency>().is_ok());
        self.repeats(&rows);
        if let Some(other) = request.against {
            self.sources(&rows, other, series);
        }
        let own = request.venues.get(series.instrument.as_str()).copied();
        let venues = if series.venues.is_empty() { own.into_iter().collect() } else { series.venues.clone() };
        self.sessions(&rows, &venues, request.calendars).err()
    }

    fn find(&mut self, kind: FindingKind, date: Option<Date>, values: String) {
        let (segment, series) = (self.segment.to_owned(), self.series.to_owned());
        self.findings.push(Finding { segment, series, date, kind, values, remedy: kind.remedy() });
    }

    fn rows_that_cannot_be(&mut self, rows: &[Row]) {
        for pair in rows.windows(2) {
            if pair[1].date <= pair[0].date {
                let values = format!("{} after {}", close(&pair[1]), pair[0].date);
                self.find(FindingKind::DateOrder, Some(pair[1].date), values);
            }
        }
        for row in rows.iter().filter(|row| row.mantissas.iter().any(|price| *price <= 0)) {
            let prices = row.mantissas.map(|price| decimal(price).to_string()).join(", ");
            self.find(FindingKind::NotPositive, Some(row.date), prices);
        }
    }

    /// Only what is owned can split; an index and a rate cannot.
    fn changes(&mut self, rows: &[Row], can_split: bool) {
        let changes: Vec<f64> = rows.windows(2).map(|pair| (size(&pair[1]) / size(&pair[0])).ln()).collect();
        let mut came_back = false;
        for (index, &change) in changes.iter().enumerate() {
            let back = changes.get(index + 1).map_or(0.0, |next| -next / change);
            let large = change.abs() > threshold(&changes[..index]);
            let skipped = std::mem::take(&mut came_back);
            let kind = match large && !skipped {
                false => continue,
                true if (change.abs() - 100_f64.ln()).abs() < UNIT_TOLERANCE => FindingKind::UnitFlip,
                true if (TAKEN_BACK..2.0 - TAKEN_BACK).contains(&back) => FindingKind::Spike,
                true if can_split && is_split(change) => FindingKind::SplitLike,
                true => FindingKind::Jump,
            };
            came_back = kind == FindingKind::Spike;
            let (before, now) = (&rows[index], &rows[index + 1]);
            let percent = (change.exp() - 1.0) * 100.0;
            let values = format!("{} to {}, {percent:+.1} % after {}", close(before), close(now), before.date);
            self.find(kind, Some(now.date), values);
        }
    }

    fn repeats(&mut self, rows: &[Row]) {
        let one_price = rows.iter().filter(|row| row.mantissas == [row.mantissas[3]; 4]).count() * 2 > rows.len();
        let sessions = if one_price { REPEAT_SESSIONS_OF_ONE_PRICE } else { REPEAT_SESSIONS };
        let mut told = BTreeSet::new();
        for (index, row) in rows.iter().enumerate() {
            let before = &rows[index.saturating_sub(sessions)..index];
            let Some(first) = before.iter().find(|earlier| earlier.mantissas == row.mantissas) else { continue };
            if told.insert(first.date) {
                let values = format!("{}, and again on {}", close(first), row.date);
                self.find(FindingKind::StaleRepeat, Some(first.date), values);
            }
            told.insert(row.date);
            let values = format!("{}, as on {}", close(row), first.date);
            self.find(FindingKind::StaleRepeat, Some(row.date), values);
        }
    }

    fn sources(&mut self, rows: &[Row], other: &Catalogue, series: &SeriesEntry) {
        let theirs: BTreeMap<Date, Row> = match elsewhere(other, series) {
            Ok(rows) => rows.into_iter().map(|row| (row.date, row)).collect(),
            Err(error) => return self.find(FindingKind::Unreadable, None, format!("the other source: {error}")),
        };
        let ours: BTreeSet<Date> = rows.iter().map(|row| row.date).collect();
        for row in rows {
            let Some(their) = theirs.get(&row.date).filter(|row| row.mantissas[3] > 0) else { continue };
            if (size(row) / size(their)).ln().abs() > SOURCES_TOLERANCE {
                self.find(
                    FindingKind::SourcesDiffer,
                    Some(row.date),
                    format!("{} here, {} there", close(row), close(their)),
                );
            }
        }
        for (date, their) in theirs {
            if series.first <= date && date <= series.last && !ours.contains(&date) {
                self.find(FindingKind::OnlyElsewhere, Some(date), format!("{} there", close(&their)));
            }
        }
    }

    fn sessions(&mut self, rows: &[Row], venues: &[Mic], calendars: &Calendars) -> Result<(), String> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        if venues.is_empty() {
            return Err("no venue is known for it".to_owned());
        }
        let mut sessions: BTreeMap<Date, Mic> = BTreeMap::new();
        for venue in venues {
            let calendar = calendars.get(*venue).map_err(|error| error.to_string())?;
            let span = calendar.sessions(first.date, last.date).map_err(|error| error.to_string())?;
            span.iter().for_each(|session| _ = sessions.entry(session.date).or_insert(*venue));
        }
        let bars: BTreeSet<Date> = rows.iter().map(|row| row.date).collect();
        for (date, venue) in &sessions {
            if !bars.contains(date) {
                self.find(FindingKind::Gap, Some(*date), format!("{venue} had a session"));
            }
        }
        let closed: Vec<&Row> = rows.iter().filter(|row| !sessions.contains_key(&row.date)).collect();
        let names = venues.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        for row in closed {
            self.find(FindingKind::ClosedDay, Some(row.date), format!("{}, and {names} had none", close(row)));
        }
        Ok(())
    }
}

/// The rows of the same series in another catalogue, all segments together.
fn elsewhere(other: &Catalogue, series: &SeriesEntry) -> Result<Vec<Row>, CatalogueError> {
    let mut rows = Vec::new();
    for entry in &other.manifest().segments {
        let segment = other.segment(&entry.name)?;
        if segment.series(&series.name).is_some() {
            rows.extend(segment.rows(&series.name)?);
        }
    }
    Ok(rows)
}

fn compare(listed: &[(String, Date)], catalogue: &Catalogue, findings: &[Finding]) -> KnownBadReport {
    let covers = |series: &str, date: Date| {
        let mut segments = catalogue.manifest().segments.iter().filter(|entry| entry.from <= date && date <= entry.to);
        segments.any(|entry| entry.series.iter().any(|one| one.name == series))
    };
    let found: BTreeSet<(&str, Date)> =
        findings.iter().filter_map(|finding| Some((finding.series.as_str(), finding.date?))).collect();
    let listed: BTreeSet<(&str, Date)> = listed.iter().map(|(series, date)| (series.as_str(), *date)).collect();
    let listed: BTreeSet<_> = listed.into_iter().filter(|(series, date)| covers(series, *date)).collect();
    let series: BTreeSet<&str> = listed.iter().map(|(series, _)| *series).collect();
    let missed = listed.iter().filter(|row| !found.contains(row));
    let others = found.iter().filter(|row| series.contains(row.0) && !listed.contains(row));
    KnownBadReport {
        listed: listed.len(),
        found: listed.intersection(&found).count(),
        missed: missed.map(|(series, date)| ((*series).to_owned(), *date)).collect(),
        false_alarms: others.count(),
    }
}

fn is_split(change: f64) -> bool {
    SPLIT_RATIOS.iter().any(|ratio| (change.abs() - ratio.ln()).abs() < SPLIT_TOLERANCE)
}

/// From which size a change is large, after the changes before it.
fn threshold(before: &[f64]) -> f64 {
    let latest = &before[before.len().saturating_sub(MEDIAN_CHANGES)..];
    let mut sizes: Vec<f64> = latest.iter().map(|change| change.abs()).collect();
    if sizes.len() < MEDIAN_CHANGES / 3 {
        return LARGE_AT_FIRST;
    }
    sizes.sort_by(f64::total_cmp);
    LARGE.max(LARGE_TIMES_MEDIAN * sizes[sizes.len() / 2])
}

fn size(row: &Row) -> f64 {
    row.mantissas[3] as f64
}

fn close(row: &Row) -> Decimal {
    decimal(row.mantissas[3])
}

fn decimal(mantissa: i64) -> Decimal {
    Decimal::new(mantissa, domain::price::PRICE_DIGITS).normalize()
}
