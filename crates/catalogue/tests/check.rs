//! Stories of bad prices: each planted fault is found, and the real series are as good as they are.
#![allow(clippy::disallowed_methods, reason = "writes the small files it tells of; the real series lie outside")]

use catalogue::{Catalogue, CheckReport, CheckRequest, FindingKind, ImportRequest, SeriesMap, Source, import};
use domain::Mic;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use market::calendar::Calendars;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

const MAP: &str = include_str!("../../../config/maps/real-series.yaml");
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

fn calendars() -> Calendars {
    let tables = [
        (Mic::Xetr, include_str!("../../../config/calendars/XETR.csv")),
        (Mic::Xpar, include_str!("../../../config/calendars/XPAR.csv")),
        (Mic::Xams, include_str!("../../../config/calendars/XAMS.csv")),
        (Mic::Xmil, include_str!("../../../config/calendars/XMIL.csv")),
        (Mic::Xmad, include_str!("../../../config/calendars/XMAD.csv")),
        (Mic::Xnys, include_str!("../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../config/calendars/XCBO.csv")),
        (Mic::Cmes, include_str!("../../../config/calendars/CMES.csv")),
        (Mic::Fx, include_str!("../../../config/calendars/FX.csv")),
    ];
    Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv")).unwrap()
}

/// A catalogue of the files in a folder.
fn imported(source: &Path, map: &str, destination: &Path) -> Catalogue {
    let map = SeriesMap::parse("map.yaml", map).unwrap();
    import(
        &ImportRequest {
            map: &map,
            source: Source::Folder(source),
            destination,
            replace: false,
            segment: None,
            instruments: &[],
        },
        |_| {},
    )
    .unwrap();
    Catalogue::open(destination).unwrap()
}

fn found(report: &CheckReport, series: &str) -> Vec<String> {
    let findings = report.findings.iter().filter(|finding| finding.series == series);
    findings
        .map(|finding| format!("{} {}: {}", finding.date.unwrap_or_default(), finding.kind, finding.values))
        .collect()
}

/// The price of a quiet series in its session of this number.
fn quiet(index: usize) -> f64 {
    100.0 + 0.37 * index as f64 + (index * 7 % 5) as f64 * 0.31
}

/// Findings on a series of Xetra's sessions in the first half of 2016; `row` writes the columns of one, and leaves it out with `None`.
fn checked_rows(header: &str, columns: &str, row: impl Fn(usize) -> Option<String>) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let calendars = calendars();
    let sessions = calendars.get(Mic::Xetr).unwrap().sessions(date(2016, 1, 1), date(2016, 6, 30)).unwrap();
    let mut text = format!("date,{header}\n");
    for (index, session) in sessions.iter().enumerate() {
        if let Some(row) = row(index) {
            text.push_str(&format!("{},{row}\n", session.date));
        }
    }
    std::fs::write(dir.path().join("a.csv"), text).unwrap();
    let map = format!(
        "segments: {{s: {{from: 2016-01-01, to: 2016-06-30}}}}\nseries:\n  A: {{stands_for: a, files: {{s: a.csv}}, \
         columns: {columns}, unit: EUR, adjustment: none, stamp: close}}\n"
    );
    let catalogue = imported(dir.path(), &map, &dir.path().join("catalogue"));
    let venues = BTreeMap::from([("A", Mic::Xetr)]);
    let request =
        CheckRequest { catalogue: &catalogue, calendars: &calendars, venues: &venues, against: None, known_bad: None };
    found(&catalogue::check(&request), "A")
}

/// A series of closes, changed by `edit`.
fn checked(edit: impl Fn(usize, f64) -> Option<f64>) -> Vec<String> {
    checked_rows("close", "{close: close}", |index| Some(format!("{:.4}", edit(index, quiet(index))?)))
}

/// A series of bars that open at the close before them, changed by `edit`: open, high, low, close.
fn checked_bars(edit: impl Fn(usize, &mut [f64; 4])) -> Vec<String> {
    checked_rows("open,high,low,close", "ohlc", |index| {
        let (open, close) = (quiet(index.saturating_sub(1)), quiet(index));
        let mut bar = [open, open.max(close) + 0.2, open.min(close) - 0.2, close];
        edit(index, &mut bar);
        Some(bar.map(|price| format!("{price:.4}")).join(","))
    })
}

#[test]
fn every_planted_fault_is_found_and_a_quiet_series_has_none() {
    assert_eq!(checked(|_, price| Some(price)), [""; 0]);
    let from = |index: usize, first: usize, factor: f64| if index >= first { factor } else { 1.0 };
    insta::assert_snapshot!(checked(|index, price| Some(price * from(index, 60, 0.01))).join("\n"), @"2016-03-30 unit flip: 122.76 to 1.222, -99.0 % after 2016-03-29");
    insta::assert_snapshot!(checked(|index, price| Some(price * if index == 60 { 100.0 } else { 1.0 })).join("\n"), @r"
    2016-03-30 unit flip: 122.76 to 12220, +9854.4 % after 2016-03-29
    2016-03-31 unit flip: 12220 to 123.19, -99.0 % after 2016-03-30
    ");
    insta::assert_snapshot!(checked(|index, price| Some(price * from(index, 60, 0.2))).join("\n"), @"2016-03-30 split-like: 122.76 to 24.44, -80.1 % after 2016-03-29");
    insta::assert_snapshot!(checked(|index, price| Some(price * from(index, 60, 0.85))).join("\n"), @"2016-03-30 jump: 122.76 to 103.87, -15.4 % after 2016-03-29");
    insta::assert_snapshot!(checked(|index, price| Some(price * if index == 60 { 0.85 } else { 1.0 })).join("\n"), @"2016-03-30 spike: 122.76 to 103.87, -15.4 % after 2016-03-29");
    insta::assert_snapshot!(checked(|index, price| (index != 60).then_some(price)).join("\n"), @"2016-03-30 gap: XETR had a session");
    insta::assert_snapshot!(checked(|index, price| Some(if (60..63).contains(&index) { 120.0 } else { price })).join("\n"), @r"
    2016-03-30 stale repeat: 120, and again on 2016-03-31
    2016-03-31 stale repeat: 120, as on 2016-03-30
    2016-04-01 stale repeat: 120, as on 2016-03-31
    ");
}

#[test]
fn a_wrong_open_high_or_low_is_found_though_the_close_is_right() {
    assert_eq!(checked_bars(|_, _| ()), [""; 0]);
    let on_the_day = |edit: fn(&mut [f64; 4])| {
        checked_bars(|index, bar| {
            if index == 60 {
                edit(bar);
            }
        })
        .join("\n")
    };
    insta::assert_snapshot!(on_the_day(|bar| bar[0] /= 3.0), @"2016-03-30 range: open 40.92, -66.5 % beyond closes of 122.76 and 122.2");
    insta::assert_snapshot!(on_the_day(|bar| bar[0] *= 3.0), @"2016-03-30 range: open 368.28, +200.0 % beyond closes of 122.76 and 122.2");
    insta::assert_snapshot!(on_the_day(|bar| bar[1] *= 1.2), @"2016-03-30 range: high 147.552, +20.2 % beyond closes of 122.76 and 122.2");
    insta::assert_snapshot!(on_the_day(|bar| bar[2] *= 0.5), @"2016-03-30 range: low 61, -50.1 % beyond closes of 122.76 and 122.2");
    insta::assert_snapshot!(on_the_day(|bar| bar[2] *= 0.96), @"");
    insta::assert_snapshot!(on_the_day(|bar| bar.iter_mut().for_each(|price| *price *= 0.85)), @"2016-03-30 spike: 122.76 to 103.87, -15.4 % after 2016-03-29");
}

#[test]
fn a_close_that_stands_still_and_a_session_filled_with_the_close_before_are_found() {
    let stands = |last: usize| {
        checked_bars(|index, bar| {
            if (60..=last).contains(&index) {
                bar[3] = quiet(60);
            }
        })
        .join("\n")
    };
    assert_eq!(stands(61), "", "two closes in a row may be equal");
    insta::assert_snapshot!(stands(62), @"
    2016-03-31 stale repeat: close 122.2, as on 2016-03-30
    2016-04-01 stale repeat: close 122.2, as on 2016-03-30
    ");
    let often_still = |index: usize, bar: &mut [f64; 4]| bar[3] = quiet(index - index % 3);
    assert_eq!(
        checked_bars(often_still),
        [""; 0],
        "three closes in a row are nothing in a series that often stands still"
    );

    insta::assert_snapshot!(checked_bars(|index, bar| if index == 60 { *bar = [quiet(59); 4] }).join("\n"), @"2016-03-30 stale repeat: 122.76 four times, the close of 2016-03-29");
    let fixing = checked(|index, price| Some(if index == 60 { quiet(59) } else { price }));
    insta::assert_snapshot!(fixing.join("\n"), @"
    2016-03-29 stale repeat: 122.76, and again on 2016-03-30
    2016-03-30 stale repeat: 122.76, as on 2016-03-29
    ");
}

#[test]
fn what_was_compared_with_nothing_is_said() {
    let dir = TempDir::new().unwrap();
    let catalogue_of = |name: &str, series: &str, first: Date| {
        let dates = (0..40).map(|day| first.checked_add(day.days()).unwrap());
        let rows: String = dates.enumerate().map(|(index, date)| format!("{date},{:.4}\n", quiet(index))).collect();
        std::fs::write(dir.path().join("a.csv"), format!("date,close\n{rows}")).unwrap();
        let map = format!(
            "segments: {{s: {{from: 2016-01-01, to: 2016-12-31}}}}\nseries:\n  {series}: {{stands_for: a, files: {{s: \
             a.csv}}, columns: {{close: close}}, unit: EUR, adjustment: none, stamp: close}}\n"
        );
        imported(dir.path(), &map, &dir.path().join(name))
    };
    let ours = catalogue_of("ours", "A", date(2016, 3, 1));
    let known_bad = ["A 2016-03-04", "A 2029-01-02", "AA 2016-03-04"].map(|row| {
        let (series, date) = row.split_once(' ').unwrap();
        (series.to_owned(), date.parse().unwrap())
    });
    let (calendars, venues) = (calendars(), BTreeMap::new());
    let told = |theirs: &Catalogue| {
        let report = catalogue::check(&CheckRequest {
            catalogue: &ours,
            calendars: &calendars,
            venues: &venues,
            against: Some(theirs),
            known_bad: Some(&known_bad),
        });
        report.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    let row = |theirs: &Catalogue| told(theirs).lines().nth(1).unwrap().to_owned();
    insta::assert_snapshot!(told(&catalogue_of("the same", "A", date(2016, 3, 1))), @"
     segment  series  bars  found
     s        A       40    begins 2016-03-01 in a segment from 2016-01-01, ends 2016-04-09 in a segment to 2016-12-31, not compared with a calendar: no venue is known for it

    list of bad prints: 0 of 1 found, 0 findings on its series are not on it
      not found: A 2016-03-04
      2 of its rows name a series or a date that the catalogue does not have
    ");
    insta::assert_snapshot!(row(&catalogue_of("other series", "B", date(2016, 3, 1))), @" s        A       40    begins 2016-03-01 in a segment from 2016-01-01, ends 2016-04-09 in a segment to 2016-12-31, not compared with a calendar: no venue is known for it, not compared with the other source: it has no such series");
    insta::assert_snapshot!(row(&catalogue_of("other dates", "A", date(2016, 9, 1))), @" s        A       40    begins 2016-03-01 in a segment from 2016-01-01, ends 2016-04-09 in a segment to 2016-12-31, not compared with a calendar: no venue is known for it, not compared with the other source: its series, 2016-09-01 to 2016-10-10, has no date of this one");
}

#[test]
fn the_known_bad_prints_are_found_by_calendar_and_repetition_or_by_a_second_source() {
    let source = Path::new(DATA);
    if !source.exists() {
        eprintln!("skipped: the real series are not beside this repository");
        return;
    }
    let dir = TempDir::new().unwrap();
    let as_found = MAP.replace("    known_bad: {file: daily/known_bad_prints.csv, series: SX5E}\n", "");
    assert_ne!(as_found, MAP);
    let catalogue = imported(source, &as_found, &dir.path().join("first"));
    let second = "segments: {s: {from: 2010-01-01, to: 2018-12-31}}\nseries:\n  SX5E: {stands_for: second source, \
                  files: {s: daily/known_bad_prints.csv}, columns: {close: value_in_second_source}, unit: points, \
                  adjustment: none, stamp: close}\n";
    let second = imported(source, second, &dir.path().join("second"));
    let known_bad = catalogue::listed(&source.join("daily/known_bad_prints.csv")).unwrap();
    let calendars = calendars();
    let venues = BTreeMap::from([
        ("CS51", Mic::Xetr),
        ("EUR.USD", Mic::Fx),
        ("M6E", Mic::Cmes),
        ("SPX", Mic::Xnys),
        ("VIX", Mic::Xcbo),
    ]);
    let check = |against| {
        catalogue::check(&CheckRequest {
            catalogue: &catalogue,
            calendars: &calendars,
            venues: &venues,
            against,
            known_bad: Some(&known_bad),
        })
    };
    let alone = check(None);
    let known = alone.known_bad.as_ref().unwrap();
    let missed: Vec<String> = known.missed.iter().map(|(_, date)| date.to_string()).collect();
    insta::assert_snapshot!(format!("{} of {}, missed {}", known.found, known.listed, missed.join(" ")), @"53 of 63, missed 2012-05-01 2013-05-01 2013-12-19 2013-12-26 2014-05-01 2014-12-26 2015-05-01 2016-12-26 2017-05-01 2018-05-01");
    let on_list = |date: &str| known_bad.iter().any(|(_, bad)| date.starts_with(&bad.to_string()));
    let others: Vec<String> = found(&alone, "SX5E").into_iter().filter(|finding| !on_list(finding)).collect();
    assert_eq!(others.len(), known.false_alarms);
    insta::assert_snapshot!(others.join("\n"), @r"
    2010-05-10 jump: 2500.18 to 2758.89, +10.3 % after 2010-05-07
    2016-06-24 jump: 3037.86 to 2776.09, -8.6 % after 2016-06-23
    2025-05-29 gap: XETR had a session
    ");
    let both = check(Some(&second)).known_bad.unwrap();
    assert_eq!((both.found, both.missed.len()), (known_bad.len(), 0), "every row");
    assert_eq!(both.false_alarms, known.false_alarms);

    // What the sieve must let through is told and stays.
    let crash = date(2018, 2, 5);
    let spike = alone.findings.iter().find(|finding| finding.series == "VIX" && finding.date == Some(crash)).unwrap();
    assert_eq!(spike.kind, FindingKind::Jump);
    assert_eq!(
        catalogue.segment_at(crash).unwrap().bars("VIX").unwrap().iter().filter(|bar| bar.date == crash).count(),
        1
    );

    let mut counts: BTreeMap<(&str, FindingKind), usize> = BTreeMap::new();
    for finding in alone.findings.iter().filter(|finding| finding.segment == "2010_2018") {
        let instrument = finding.series.split('_').next().unwrap();
        *counts.entry((instrument, finding.kind)).or_default() += 1;
    }
    let counts = counts.iter().map(|((series, kind), count)| format!("{series} {kind} {count}"));
    insta::assert_snapshot!(counts.collect::<Vec<_>>().join("\n"), @"
    CS51 jump 6
    CS51 stale repeat 87
    CS51 gap 3
    CS51 closed day 5
    CSPX spike 1
    CSPX jump 2
    CSPX range 1
    CSPX stale repeat 4
    CSPX gap 3
    CSPX closed day 4
    EUR.USD stale repeat 34
    EUR.USD gap 31
    M6E stale repeat 50
    M6E gap 200
    M6E closed day 6
    SPX jump 1
    SPX range 1
    SX5E jump 2
    SX5E stale repeat 3
    SX5E gap 50
    VIX jump 9
    VIX range 1
    ");
}

#[test]
fn missing_dates_are_asked_for_with_a_few_bars_around_them() {
    let bar =
        |day: i64, close: f64| market::Bar::flat(date(2026, 3, 2).checked_add(day.days()).unwrap(), close).unwrap();
    let sessions: Vec<Date> = (0..12).map(|day| bar(day, 1.0).date).collect();
    let held: Vec<_> = (0..8).map(|day| bar(day, 10.0)).collect();
    assert_eq!(catalogue::missing(&held, &sessions[..8]), None);
    assert_eq!(catalogue::missing(&held, &sessions), Some((sessions[3], sessions[11])));
    assert_eq!(catalogue::missing(&[], &sessions), Some((sessions[0], sessions[11])));
    let fetched: Vec<_> = (3..12).map(|day| bar(day, 10.0)).collect();
    assert_eq!(catalogue::joined(&held, &fetched).unwrap().len(), 12);
    let split: Vec<_> = (3..12).map(|day| bar(day, 5.0)).collect();
    assert_eq!(catalogue::joined(&held, &split).unwrap_err().date, sessions[3], "a split restates the past");
}
