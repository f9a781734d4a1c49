//! Looking for prices that are not what they seem.
//!
//! In: a catalogue, calendars, another source if there is one. Out: findings. Invariant: nothing is changed or left out;
//! a real crash is reported like a wrong print, because only a second source can tell them apart.

use crate::bars_file::{Row, decimal};
use crate::findings::{CheckReport, Checked, Finding, FindingKind, KnownBadReport};
use crate::manifest::{SegmentEntry, SeriesEntry};
use crate::open::{Catalogue, CatalogueError, Segment};
use crate::stale::stale;
use domain::{Currency, Mic};
use jiff::civil::Date;
use market::calendar::Calendars;
use std::collections::{BTreeMap, BTreeSet};

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

/// Days a series may begin after its segment or end before it: the longest that exchanges are closed around a new year.
const CLOSED_DAYS_MAX: i32 = 10;

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
            let Comparisons { no_calendar, no_comparison } = one.series(request, segment, series);
            let mut found = BTreeMap::new();
            one.findings.iter().for_each(|finding| *found.entry(finding.kind).or_insert(0) += 1);
            one.findings.sort_by_key(|finding| (finding.date, finding.kind));
            checked.push(Checked {
                segment: entry.name.clone(),
                series: series.name.clone(),
                bars: series.rows,
                found,
                part_of_segment: part_of_segment(series, entry),
                no_calendar,
                no_comparison,
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

/// Why a series was not compared, where it was not.
#[derive(Default)]
struct Comparisons {
    no_calendar: Option<String>,
    no_comparison: Option<String>,
}

impl Check<'_> {
    fn series(&mut self, request: &CheckRequest<'_>, segment: Segment<'_>, series: &SeriesEntry) -> Comparisons {
        let rows = match segment.rows(&series.name) {
            Ok(rows) => rows,
            Err(error) => {
                self.find(FindingKind::Unreadable, None, error.to_string());
                return Comparisons::default();
            }
        };
        self.rows_that_cannot_be(&rows);
        let rows: Vec<Row> = rows.into_iter().filter(|row| row.mantissas.iter().all(|price| *price > 0)).collect();
        let changes: Vec<f64> = rows.windows(2).map(|pair| (size(&pair[1]) / size(&pair[0])).ln()).collect();
        self.changes(&rows, &changes, series.unit.parse::<Currency>().is_ok());
        self.ranges(&rows, &changes);
        for (date, values) in stale(&rows) {
            self.find(FindingKind::StaleRepeat, Some(date), values);
        }
        let no_comparison = request.against.and_then(|other| self.sources(&rows, other, series).err());
        let own = request.venues.get(series.instrument.as_str()).copied();
        let venues = if series.venues.is_empty() { own.into_iter().collect() } else { series.venues.clone() };
        let no_calendar = self.sessions(&rows, &venues, request.calendars).err();
        Comparisons { no_calendar, no_comparison }
    }

    fn find(&mut self, kind: FindingKind, date: Option<Date>, values: String) {
        let (segment, series) = (self.segment.to_owned(), self.series.to_owned());
        self.findings.push(Finding { segment, series, date, kind, values, remedy: kind.remedy() });
    }

    fn rows_that_cannot_be(&mut self, rows: &[Row]) {
        for pair in rows.windows(2) {
            if pair[1].date <= pair[0].date {
                let values = format!("{} after {}", pair[1].close(), pair[0].date);
                self.find(FindingKind::DateOrder, Some(pair[1].date), values);
            }
        }
        for row in rows.iter().filter(|row| row.mantissas.iter().any(|price| *price <= 0)) {
            let prices = row.mantissas.map(|price| decimal(price).to_string()).join(", ");
            self.find(FindingKind::NotPositive, Some(row.date), prices);
        }
    }

    /// Only what is owned can split; an index and a rate cannot.
    fn changes(&mut self, rows: &[Row], changes: &[f64], can_split: bool) {
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
            let values = format!("{} to {}, {percent:+.1} % after {}", before.close(), now.close(), before.date);
            self.find(kind, Some(now.date), values);
        }
    }

    /// A session may leave the way between two closes by what a change may be, and then it is told like one: a panic that was
    /// over by the evening looks like a wrong print.
    fn ranges(&mut self, rows: &[Row], changes: &[f64]) {
        for (index, row) in rows.iter().enumerate() {
            let earlier = index.saturating_sub(1);
            let before = &rows[earlier];
            let (name, price, beyond) = farthest(row, before);
            if beyond.abs() > threshold(&changes[..earlier]) {
                let (price, percent) = (decimal(price), (beyond.exp() - 1.0) * 100.0);
                let values =
                    format!("{name} {price}, {percent:+.1} % beyond closes of {} and {}", before.close(), row.close());
                self.find(FindingKind::Range, Some(row.date), values);
            }
        }
    }

    fn sources(&mut self, rows: &[Row], other: &Catalogue, series: &SeriesEntry) -> Result<(), String> {
        let theirs: BTreeMap<Date, Row> = match elsewhere(other, series) {
            Ok(rows) => rows.into_iter().map(|row| (row.date, row)).collect(),
            Err(error) => {
                self.find(FindingKind::Unreadable, None, format!("the other source: {error}"));
                return Ok(());
            }
        };
        let (Some((from, _)), Some((to, _))) = (theirs.first_key_value(), theirs.last_key_value()) else {
            return Err("it has no such series".to_owned());
        };
        let ours: BTreeSet<Date> = rows.iter().map(|row| row.date).collect();
        if !ours.iter().any(|date| theirs.contains_key(date)) {
            return Err(format!("its series, {from} to {to}, has no date of this one"));
        }
        for row in rows {
            let Some(their) = theirs.get(&row.date).filter(|row| row.mantissas[3] > 0) else { continue };
            if (size(row) / size(their)).ln().abs() > SOURCES_TOLERANCE {
                self.find(
                    FindingKind::SourcesDiffer,
                    Some(row.date),
                    format!("{} here, {} there", row.close(), their.close()),
                );
            }
        }
        for (date, their) in theirs {
            if series.first <= date && date <= series.last && !ours.contains(&date) {
                self.find(FindingKind::OnlyElsewhere, Some(date), format!("{} there", their.close()));
            }
        }
        Ok(())
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
            self.find(FindingKind::ClosedDay, Some(row.date), format!("{}, and {names} had none", row.close()));
        }
        Ok(())
    }
}

/// A contract lives for a part of its segment; anything else that has only a part of it is told.
fn part_of_segment(series: &SeriesEntry, segment: &SegmentEntry) -> Option<String> {
    let SeriesEntry { first, last, .. } = series;
    let SegmentEntry { from, to, .. } = segment;
    let is_contract = series.name != series.instrument;
    let begins = (*first - *from).get_days() > CLOSED_DAYS_MAX;
    let ends = (*to - *last).get_days() > CLOSED_DAYS_MAX;
    let begins = begins.then(|| format!("begins {first} in a segment from {from}"));
    let ends = ends.then(|| format!("ends {last} in a segment to {to}"));
    let told: Vec<String> = begins.into_iter().chain(ends).collect();
    (!is_contract && !told.is_empty()).then(|| told.join(", "))
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
    let (listed, outside): (BTreeSet<_>, BTreeSet<_>) =
        listed.into_iter().partition(|(series, date)| covers(series, *date));
    let series: BTreeSet<&str> = listed.iter().map(|(series, _)| *series).collect();
    let missed = listed.iter().filter(|row| !found.contains(row));
    let others = found.iter().filter(|row| series.contains(row.0) && !listed.contains(row));
    KnownBadReport {
        listed: listed.len(),
        found: listed.intersection(&found).count(),
        missed: missed.map(|(series, date)| ((*series).to_owned(), *date)).collect(),
        false_alarms: others.count(),
        outside: outside.len(),
    }
}

/// The price of a bar that lies farthest outside its close and the close before, and how far, in logarithms.
fn farthest(row: &Row, before: &Row) -> (&'static str, i64, f64) {
    let [open, high, low, close] = row.mantissas;
    let (least, most) = (close.min(before.mantissas[3]), close.max(before.mantissas[3]));
    let beyond = |price: i64| (price as f64 / price.clamp(least, most) as f64).ln();
    // A wrong open has widened its high or low, and of equals the last is told.
    let prices = [("low", low), ("high", high), ("open", open)].map(|(name, price)| (name, price, beyond(price)));
    prices.into_iter().max_by(|one, two| one.2.abs().total_cmp(&two.2.abs())).expect("a bar has three of them")
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
