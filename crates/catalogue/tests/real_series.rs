//! The map that ships, over the real series where they are at hand.
#![allow(clippy::disallowed_methods, reason = "the real series lie outside the repository")]

use catalogue::{Catalogue, ImportRequest, SeriesMap, Source, import, series_name};
use jiff::civil::date;
use market::{Bar, Figure};
use std::path::Path;

const MAP: &str = include_str!("../../../config/maps/real-series.yaml");
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

#[test]
fn august_2015_comes_out_as_it_was() {
    let source = Path::new(SOURCE);
    if !source.exists() {
        eprintln!("skipped: the real series are not beside this repository");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let destination = dir.path().join("catalogue");
    let map = SeriesMap::parse("real-series.yaml", MAP).unwrap();
    let request = ImportRequest {
        map: &map,
        source: Source::Folder(source),
        destination: &destination,
        replace: false,
        segment: None,
        instruments: &[],
    };
    let mut steps = 0;
    let report = import(&request, |progress| {
        steps += 1;
        assert_eq!((progress.done, progress.total), (steps, 11));
    })
    .unwrap();
    println!("{report}");

    let catalogue = Catalogue::open(&destination).unwrap();
    let crash = date(2015, 8, 24);
    let segment = catalogue.segment_at(crash).unwrap();
    let on_the_day = |name: &str| -> Bar {
        let bars = segment.bars(name).unwrap();
        bars[bars.binary_search_by_key(&crash, |bar| bar.date).unwrap()]
    };
    assert_eq!(on_the_day("VIX").close.to_string(), "40.74");
    assert_eq!(on_the_day("CSPX").close.to_string(), "175.030328", "152.24 × 1.1497");
    assert_eq!(on_the_day("CSPX").low.to_string(), "156.3592", "136.0 × 1.1497");
    assert_eq!(on_the_day("CS51").close.to_string(), "86.84");
    assert_eq!(on_the_day("SPX").close.to_string(), "1893.21");
    assert_eq!(on_the_day("SX5E").close.to_string(), "3073.39");
    assert_eq!(on_the_day("EUR.USD").close.to_string(), "1.1497");
    assert_eq!(on_the_day(&series_name("M6E", Some(date(2015, 9, 14)))).close.to_string(), "1.1584");
    assert_eq!(on_the_day(&series_name("M6E", Some(date(2015, 12, 14)))).close.to_string(), "1.1604");

    let sx5e = segment.bars("SX5E").unwrap();
    assert!(sx5e.iter().all(|bar| bar.date != date(2011, 7, 21)), "a print known to be bad is left out");
    let statements = catalogue.fundamentals().unwrap();
    let sales = |on| statements.known("AAPL", on).first().and_then(|row| row.get(Figure::Revenue));
    assert_eq!(sales(date(2013, 12, 27)), None, "published 90 days after 28 September 2013, and seen the day after");
    assert_eq!(sales(date(2013, 12, 28)), Some(171_000_000_000.0));
    let newest = statements.known("AAPL", date(2026, 9, 1))[0];
    assert!(newest.get(Figure::MarketCap) > Some(1e12) && newest.get(Figure::Revenue).is_none());

    let later = catalogue.segment_at(date(2025, 3, 3)).unwrap();
    assert_eq!(later.bars("SPX").unwrap().len(), 80);
    assert!(later.series("CSPX").is_none());
    assert_eq!(later.entry().missing.len(), 3);
}
