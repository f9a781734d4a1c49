//! Stories of an import, told over small files.
#![allow(clippy::disallowed_methods, reason = "writes the small files it tells of")]

use catalogue::{Catalogue, ImportReport, ImportRequest, SeriesMap, Source, import, series_name};
use jiff::Timestamp;
use jiff::civil::date;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const MAP: &str = r#"
segments:
  "2015": {from: 2015-01-01, to: 2015-12-31}
  "2025": {from: 2025-01-01, to: 2025-12-31}
series:
  CSPX:
    stands_for: SXR8.DE
    files: {"2015": etf.csv}
    symbol: SXR8.DE
    columns: ohlcv
    unit: EUR
    convert: {multiply_by: EUR.USD, to: USD}
    adjustment: distributions
    stamp: close
  EUR.USD:
    stands_for: ECB
    files: {"2015": fx.csv, "2025": fx_2025.csv}
    columns: {close: EURUSD}
    unit: USD per EUR
    adjustment: none
    stamp: fixing
  M6E:
    stands_for: 6E
    files: {"2015": eur.csv}
    columns:
      contracts: [{price: price, month: price_contract}, {price: forward, month: forward_contract}]
    unit: USD per EUR
    adjustment: none
    stamp: settlement
  SX5E:
    stands_for: the index
    files: {"2015": index.csv}
    columns: ohlc
    unit: points
    adjustment: none
    stamp: close
    known_bad: {file: bad.csv, series: SX5E}
"#;

/// A source directory with every oddity of real files in few lines.
struct World {
    dir: TempDir,
}

impl World {
    fn new() -> World {
        let world = World { dir: tempfile::tempdir().unwrap() };
        world.write(
            "etf.csv",
            "date,symbol,open,high,low,close,volume\n\
             2014-12-30,SXR8.DE,160,160,160,160,5\n\
             2015-08-21,SXR8.DE,166.11,166.69,162.5,162.5,35566\n\
             2015-08-21,OTHER.DE,1,1,1,1,1\n\
             2015-08-24,SXR8.DE,155.5,156.55,136.0,152.24,101237\n\
             2015-08-25,SXR8.DE,0.0,157.52,152.24,157.25,41197\n\
             2015-08-26,SXR8.DE,151.87,152.00,151.45,153.16,\n\
             2015-08-27,SXR8.DE,,162.26,158.75,162.26,32701\n\
             2015-08-28,SXR8.DE,160,160,160,160,-5\n\
             2015-12-25,SXR8.DE,170,170,170,170,0\n",
        );
        world.write(
            "fx.csv",
            "date,EURUSD\n2015-08-21,1.1281\n2015-08-24,1.1497\n2015-08-25,1.1506\n2015-08-26,1.1402\n",
        );
        world.write("fx_2025.csv", "date,EURUSD\n2025-01-02,1.0321\n");
        world.write(
            "eur.csv",
            "date,price,price_contract,forward,forward_contract\n\
             2015-06-12,1.1250,201506,1.1268,201509\n\
             2015-06-15,1.1292,201509,,201512\n\
             2015-06-16,1.1251,201509,1.1270,201512\n",
        );
        world.write(
            "index.csv",
            "date,open,high,low,close\n2015-08-21,10,11,9,10.5\n2015-08-24,9,9,9,9\n2015-08-25,9,9,9,9\n",
        );
        world.write(
            "bad.csv",
            "date,series,value_in_our_file,remark\n2015-08-25,SX5E,9.00,repeats\n2015-08-26,SX5E,,missing\n",
        );
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn import_with(&self, map: &str) -> Result<ImportReport, String> {
        self.import_over(map, true)
    }

    fn import_over(&self, map: &str, replace: bool) -> Result<ImportReport, String> {
        let map = SeriesMap::parse("map.yaml", map).map_err(|error| error.to_string())?;
        let destination = self.path("catalogue");
        let instruments = ["CSPX", "VIX"];
        let request = ImportRequest {
            map: &map,
            source: Source::Folder(self.dir.path()),
            destination: &destination,
            replace,
            segment: None,
            instruments: &instruments,
        };
        import(&request, |_| {})
            .map_err(|error| error.to_string().replace(&self.dir.path().display().to_string(), "DIR"))
    }

    fn import(&self) -> Result<ImportReport, String> {
        self.import_with(MAP)
    }

    fn open(&self) -> Catalogue {
        Catalogue::open(&self.path("catalogue")).unwrap()
    }

    fn entries(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".csv")).collect();
        names.sort();
        names
    }
}

#[test]
fn a_source_becomes_a_catalogue_and_every_row_is_accounted_for() {
    let world = World::new();
    let report = world.import().unwrap();
    let table: Vec<String> = report.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
     segment  instrument         stands for  unit         conversion     rows  first       last        left out
     2015     CSPX               SXR8.DE     USD          EUR × EUR.USD  3     2015-08-21  2015-08-26  1 blank, 1 zero or negative, 1 with a negative volume, 1 no rate, 1 outside the segment, 1 with high or low widened
     2015     EUR.USD            ECB         USD per EUR                 4     2015-08-21  2015-08-26
     2015     M6E (3 contracts)  6E          USD per EUR                 5     2015-06-12  2015-06-16  1 blank
     2015     SX5E               the index   points                      2     2015-08-21  2015-08-24  1 known bad
     2025     EUR.USD            ECB         USD per EUR                 1     2025-01-02  2025-01-02
    2015: no series for VIX; sleeve legs and signals that need it are held back
    2025: no series for CSPX, M6E, SX5E, VIX; sleeve legs and signals that need it are held back
    ");
    let catalogue = world.open();
    let segment = catalogue.segment_at(date(2015, 8, 25)).unwrap();
    let cspx = segment.bars("CSPX").unwrap();
    let told: Vec<String> = cspx
        .iter()
        .map(|bar| format!("{} {} {} {} {} {}", bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    2015-08-21 187.388691 188.042989 183.31625 183.31625 35566
    2015-08-24 178.77835 179.985535 156.3592 175.030328 101237
    2015-08-26 173.162174 174.633032 172.68329 174.633032 0
    ");
    assert_eq!(segment.series("CSPX").unwrap().unit, "USD");
}

#[test]
fn a_future_is_kept_by_contract_and_never_spliced() {
    let world = World::new();
    world.import().unwrap();
    let catalogue = world.open();
    let segment = catalogue.segment("2015").unwrap();
    let closes = |last_trading_day| -> Vec<String> {
        let bars = segment.bars(&series_name("M6E", Some(last_trading_day))).unwrap();
        bars.iter().map(|bar| format!("{} {}", bar.date, bar.close)).collect()
    };
    assert_eq!(closes(date(2015, 6, 15)), ["2015-06-12 1.125"]);
    assert_eq!(closes(date(2015, 9, 14)), ["2015-06-12 1.1268", "2015-06-15 1.1292", "2015-06-16 1.1251"]);
    assert_eq!(closes(date(2015, 12, 14)), ["2015-06-16 1.127"]);
}

#[test]
fn segments_are_separate_histories() {
    let world = World::new();
    world.import().unwrap();
    let catalogue = world.open();
    let later = catalogue.segment_at(date(2025, 6, 1)).unwrap();
    assert_eq!(later.bars("EUR.USD").unwrap().len(), 1);
    insta::assert_snapshot!(later.bars("CSPX").unwrap_err(), @"segment 2025 has no series CSPX; it has EUR.USD");
    insta::assert_snapshot!(catalogue.segment_at(date(2020, 3, 16)).unwrap_err(), @"the catalogue has no history for 2020-03-16; it covers 2015-01-01 to 2015-12-31 and 2025-01-01 to 2025-12-31");
    let missing: Vec<&str> = later.entry().missing.iter().map(|missing| missing.instrument.as_str()).collect();
    assert_eq!(missing, ["CSPX", "M6E", "SX5E", "VIX"]);
}

#[test]
fn a_catalogue_is_replaced_only_by_who_says_so() {
    let world = World::new();
    world.import_over(MAP, false).unwrap();
    let before = world.open().fingerprint().to_owned();
    world.write("fx_2025.csv", "date,EURUSD\n2025-01-02,1.0321\n2025-01-03,1.0299\n");
    insta::assert_snapshot!(world.import_over(MAP, false).unwrap_err(), @"DIR/catalogue holds a catalogue already, and an import would put a new one in the place of all of it; name another directory, or replace it with --replace");
    assert_eq!(world.open().fingerprint(), before);
}

#[test]
fn the_same_sources_give_the_same_catalogue_and_a_new_one_replaces_the_old() {
    let world = World::new();
    world.import().unwrap();
    let first = world.open().fingerprint().to_owned();
    world.import().unwrap();
    assert_eq!(world.open().fingerprint(), first);
    world.write("fx_2025.csv", "date,EURUSD\n2025-01-02,1.0321\n2025-01-03,1.0299\n");
    world.import().unwrap();
    assert_ne!(world.open().fingerprint(), first);
    assert_eq!(world.entries(), ["catalogue"]);
}

#[test]
fn an_error_leaves_the_old_catalogue_and_nothing_else() {
    let world = World::new();
    world.import().unwrap();
    let before = world.open().fingerprint().to_owned();
    fs::remove_file(world.path("index.csv")).unwrap();
    insta::assert_snapshot!(world.import().unwrap_err(), @"cannot read DIR/index.csv: No such file or directory (os error 2); check the source directory, or take the file out of the map");
    assert_eq!(world.open().fingerprint(), before);
    fs::remove_file(world.path("bad.csv")).unwrap();
    world.write("index.csv", "date,open,high,low,close\n2015-08-21,10,11,9,10.5\n");
    insta::assert_snapshot!(world.import().unwrap_err(), @"cannot read the list of bad prints DIR/bad.csv: No such file or directory (os error 2); correct its path, or leave the list out");
    assert_eq!(world.open().fingerprint(), before);
    assert_eq!(world.entries(), ["catalogue"]);
}

#[test]
fn a_directory_that_is_no_catalogue_is_never_overwritten() {
    let world = World::new();
    fs::create_dir(world.path("catalogue")).unwrap();
    fs::write(world.path("catalogue/thesis.txt"), "years of work").unwrap();
    insta::assert_snapshot!(world.import().unwrap_err(), @"DIR/catalogue exists and is no whole catalogue, so it is left as it is; name another directory");
    assert_eq!(fs::read_to_string(world.path("catalogue/thesis.txt")).unwrap(), "years of work");
    fs::remove_file(world.path("catalogue/thesis.txt")).unwrap();
    world.import().unwrap();
}

#[test]
fn a_source_that_is_not_what_the_map_says_is_refused_with_its_place() {
    let refused = |file: &str, text: &str| {
        let world = World::new();
        world.write(file, text);
        world.import().unwrap_err()
    };
    insta::assert_snapshot!(refused("fx.csv", "date,EURGBP\n2015-08-21,0.7\n"), @"DIR/fx.csv has no column `EURUSD`; it has date, EURGBP; correct `columns` in the map");
    insta::assert_snapshot!(refused("fx.csv", "date,EURUSD\n2015-08-21,1.1\n2015-08-20,1.2\n"), @"DIR/fx.csv, line 3: 2015-08-20 does not come after 2015-08-21; sort the rows and remove doubles");
    insta::assert_snapshot!(refused("fx.csv", "date,EURUSD\n2015-08-21,N/A\n"), @"DIR/fx.csv, line 2: `N/A` in column `EURUSD` is not a number; leave a missing price blank");
    insta::assert_snapshot!(refused("fx.csv", "date,EURUSD\n21.08.2015,1.1\n"), @"DIR/fx.csv, line 2: `21.08.2015` is not a date; write it YYYY-MM-DD");
    insta::assert_snapshot!(refused("fx.csv", "date,EURUSD\n2015-08-21,1.1,9\n"), @"DIR/fx.csv, line 2: 3 fields under a header of 2; quote a comma that belongs to a field");
    insta::assert_snapshot!(refused("etf.csv", "date,symbol,open,high,low,close,volume\n2015-08-21,X,1,1,1,1,1\n"), @"DIR/etf.csv has no usable row for SXR8.DE; correct `symbol` in the map, or take the file out of it");
    insta::assert_snapshot!(refused("index.csv", "date,open,high,low,close\n2014-08-21,1,1,1,1\n2015-08-21,1,1,,1\n"), @"DIR/index.csv has no usable row for the index: 1 blank, 1 outside the segment; correct `symbol` in the map, or take the file out of it");
    insta::assert_snapshot!(refused("fx.csv", "\n"), @"DIR/fx.csv, line 1: the file is empty; it needs a header and a row for each date, or take it out of the map");
    insta::assert_snapshot!(refused("eur.csv", "date,price,price_contract,forward,forward_contract\n2015-06-12,1.1,SEP15,,\n"), @"DIR/eur.csv, line 2: `SEP15` is not a contract month; write it YYYYMM");
    insta::assert_snapshot!(refused("eur.csv", "date,price,price_contract,forward,forward_contract\n2015-06-12,1.1,201513,,\n"), @"DIR/eur.csv, line 2: `201513` is not a contract month; write it YYYYMM");
    insta::assert_snapshot!(refused("fx.csv", "date,EURUSD,EURUSD\n2015-08-21,1.1,1.2\n"), @"DIR/fx.csv, line 1: two columns are called `EURUSD`; take out the one that is not meant");
    insta::assert_snapshot!(refused("index.csv", "date,symbol,open,high,low,close\n2015-08-21,SX5E,1,1,1,1\n2015-08-21,DAX,1,1,1,1\n"), @"DIR/index.csv, line 3: 2015-08-21 does not come after 2015-08-21; the file has several symbols: name `symbol` in the map");
    insta::assert_snapshot!(refused("bad.csv", "date;series\n2015-08-25;SX5E\n"), @"DIR/bad.csv has no column `date`; it has date;series, and a list of bad prints needs date, series, value_in_our_file");
}

#[test]
fn a_map_that_means_nothing_is_refused() {
    let refused = |from: &str, to: &str| {
        assert!(MAP.contains(from), "{from}");
        World::new().import_with(&MAP.replacen(from, to, 1)).unwrap_err()
    };
    insta::assert_snapshot!(refused("    symbol: SXR8.DE", "    symbl: SXR8.DE"), @r#"
    error: line 9 column 5: unknown field `symbl`, expected one of stands_for, files, symbol, columns, unit, convert, adjustment, stamp, known_bad, volume, venues
      --> map.yaml:9:5
       |
     7 |     stands_for: SXR8.DE
     8 |     files: {"2015": etf.csv}
     9 |     symbl: SXR8.DE
       |     ^ unknown field `symbl`, expected one of stands_for, files, symbol, columns, unit, convert, adjustment, stamp, known_bad, volume, venues
    10 |     columns: ohlcv
    11 |     unit: EUR
       |
    "#);
    insta::assert_snapshot!(refused(r#"{"2015": etf.csv}"#, r#"{"2016": etf.csv}"#), @"map.yaml: series `CSPX` has a file for segment `2016`, which is not one of 2015, 2025");
    insta::assert_snapshot!(refused("multiply_by: EUR.USD", "multiply_by: GBP.USD"), @"map.yaml: series `CSPX` multiplies by `GBP.USD`, which is no series of this map");
    insta::assert_snapshot!(refused("    unit: EUR", "    unit: GBP"), @"map.yaml: series `CSPX`: GBP times USD per EUR is not USD; correct a unit");
    insta::assert_snapshot!(refused(r#"{"2015": fx.csv, "2025": fx_2025.csv}"#, r#"{"2025": fx_2025.csv}"#), @"map.yaml: series `CSPX` multiplies by `EUR.USD`, which has no file in segment `2015`");
    insta::assert_snapshot!(refused("to: 2015-12-31", "to: 2025-06-30"), @"map.yaml: segments `2015` and `2025` overlap; a date belongs to one segment at most");
    insta::assert_snapshot!(refused(r#"{"2015": etf.csv}"#, r#"{"2015": ../etf.csv}"#), @"map.yaml: series `CSPX`: `../etf.csv` leaves the source directory; write a path below it");
    insta::assert_snapshot!(refused("  CSPX:", "  ../CSPX:"), @"map.yaml: series `../CSPX` is also a file name; use letters, digits, _ and .");
}

#[test]
fn a_map_that_does_not_suit_the_instruments_is_refused() {
    let suits = |from: &str, to: &str| {
        let map = SeriesMap::parse("map.yaml", &MAP.replace(from, to)).unwrap();
        let units = |series: &str| match series {
            "CSPX" => Some(vec!["USD".to_owned()]),
            "M6E" => Some(vec!["USD".to_owned(), "USD per EUR".to_owned()]),
            "SX5E" => Some(vec!["points".to_owned()]),
            _ => None,
        };
        map.suits("map.yaml", units).map_err(|error| error.to_string())
    };
    suits("", "").unwrap(); // EUR.USD is no instrument here, and the rate of one
    insta::assert_snapshot!(suits("  SX5E:", "  SX5EE:").unwrap_err(), @"map.yaml: series `SX5EE` is of no instrument, and no other series multiplies by it; correct the name, take it out of the map, or name with --config the configuration that has the instrument");
    insta::assert_snapshot!(suits("    convert: {multiply_by: EUR.USD, to: USD}", "").unwrap_err(), @"map.yaml: series `CSPX` counts EUR, and prices of `CSPX` count USD; correct `unit`, or add `convert`");
    insta::assert_snapshot!(suits("unit: points", "unit: USD").unwrap_err(), @"map.yaml: series `SX5E` counts USD, and prices of `SX5E` count points; correct `unit`, or add `convert`");
}

#[test]
fn a_changed_file_is_noticed() {
    let world = World::new();
    world.import().unwrap();
    let file = world.path("catalogue/2015/CSPX.parquet");
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();
    let catalogue = world.open();
    let told = |name: &str| {
        let error = catalogue.segment("2015").unwrap().bars(name).unwrap_err().to_string();
        error.replace(&world.dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(told("CSPX"), @"DIR/catalogue/2015/CSPX.parquet: it was changed after the import; import the catalogue again");
    fs::remove_file(world.path("catalogue/2015/SX5E.parquet")).unwrap();
    insta::assert_snapshot!(told("SX5E"), @"DIR/catalogue/2015/SX5E.parquet: No such file or directory (os error 2); import the catalogue again");
    fs::write(world.path("catalogue/catalogue.json"), "{").unwrap();
    let error = Catalogue::open(&world.path("catalogue")).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&world.dir.path().display().to_string(), "DIR"), @"DIR/catalogue/catalogue.json is damaged (EOF while parsing an object at line 1 column 1); import the catalogue again, into another directory");
    let error = Catalogue::open(Path::new("nowhere")).unwrap_err();
    insta::assert_snapshot!(error, @"no catalogue at nowhere: catalogue.json cannot be read (No such file or directory (os error 2)); make one with `abstractfinance data import`");
}

#[test]
fn a_parquet_source_obeys_the_rules_of_a_csv_source() {
    let world = World::new();
    world.import().unwrap();
    let as_csv = world.open().segment("2015").unwrap().bars("EUR.USD").unwrap();
    // The catalogue's own file has date, open, high, low, close, volume, and a name the map can use.
    fs::copy(world.path("catalogue/2015/EUR.USD.parquet"), world.path("fx.parquet")).unwrap();
    let map = MAP.replace("\"2015\": fx.csv", "\"2015\": fx.parquet").replace("{close: EURUSD}", "ohlcv");
    let map = map.replace("\"2025\": fx_2025.csv", "");
    world.import_with(&map).unwrap();
    assert_eq!(world.open().segment("2015").unwrap().bars("EUR.USD").unwrap(), as_csv);

    let refused = world.import_with(
        &map.replace("columns: ohlcv\n    unit: USD per EUR", "columns: {close: EURUSD}\n    unit: USD per EUR"),
    );
    insta::assert_snapshot!(refused.unwrap_err(), @"DIR/fx.parquet has no column `EURUSD`; it has date, open, high, low, close, volume; correct `columns` in the map");
    fs::write(world.path("fx.parquet"), "date,close\n").unwrap();
    insta::assert_snapshot!(world.import_with(&map).unwrap_err(), @"DIR/fx.parquet, line 1: no readable Parquet (Parquet error: Invalid Parquet file. Corrupt footer); write it with Snappy compression or none");
}

/// Rates at two moments, in a Parquet file whose column of dates is of this kind.
fn rates_at(path: &Path, kind: &str, moments: &[i64]) {
    let schema = format!("message rates {{ REQUIRED {kind}; REQUIRED DOUBLE EURUSD; }}");
    let schema = Arc::new(parse_message_type(&schema.replace("INT64", "INT64 date")).unwrap());
    let mut file = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut dates = group.next_column().unwrap().unwrap();
    dates.typed::<Int64Type>().write_batch(moments, None, None).unwrap();
    dates.close().unwrap();
    let mut closes = group.next_column().unwrap().unwrap();
    closes.typed::<DoubleType>().write_batch(&vec![1.1; moments.len()], None, None).unwrap();
    closes.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
}

#[test]
fn midnight_in_frankfurt_is_not_taken_for_the_day_before_in_greenwich() {
    let world = World::new();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    let imported = |kind: &str, per_second: i64, moment: &str| -> Result<String, String> {
        rates_at(&world.path("fx.parquet"), kind, &[at(moment) * per_second]);
        let map = MAP.replace("\"2015\": fx.csv, \"2025\": fx_2025.csv", "\"2015\": fx.parquet");
        world.import_with(&map.replace("    convert: {multiply_by: EUR.USD, to: USD}\n", ""))?;
        Ok(world.open().segment("2015").unwrap().bars("EUR.USD").unwrap()[0].date.to_string())
    };
    let frankfurt = "2015-08-24T00:00:00+02:00";
    for (kind, per_second) in [
        ("INT64 (TIMESTAMP(MILLIS,true))", 1_000),
        ("INT64 (TIMESTAMP(MICROS,true))", 1_000_000),
        ("INT64 (TIMESTAMP(NANOS,true))", 1_000_000_000),
        ("INT64 (TIMESTAMP_MILLIS)", 1_000),
    ] {
        let refused = imported(kind, per_second, frankfurt).unwrap_err();
        assert_eq!(
            refused,
            "DIR/fx.parquet, line 2: `2015-08-23T22:00:00Z` is an instant, and a bar has a date; give the date of its session",
            "{kind}"
        );
    }
    for (kind, per_second) in [
        ("INT64 (TIMESTAMP(MILLIS,false))", 1_000),
        ("INT64 (TIMESTAMP(MICROS,false))", 1_000_000),
        ("INT64 (TIMESTAMP(NANOS,false))", 1_000_000_000),
    ] {
        assert_eq!(imported(kind, per_second, "2015-08-24T00:00:00Z").unwrap(), "2015-08-24", "{kind}");
        assert_eq!(imported(kind, per_second, "2015-08-24T17:35:00Z").unwrap(), "2015-08-24", "{kind}");
    }

    let in_csv = |date: &str| {
        world.write("fx.csv", &format!("date,EURUSD\n{date},1.1\n"));
        world.import().map(|_| world.open().segment("2015").unwrap().bars("EUR.USD").unwrap()[0].date.to_string())
    };
    for instant in ["2015-08-23 22:00:00+00:00", "2015-08-23T22:00:00Z", "2015-08-24T00:00:00+02:00[Europe/Berlin]"] {
        assert_eq!(
            in_csv(instant).unwrap_err(),
            format!(
                "DIR/fx.csv, line 2: `{instant}` is an instant, and a bar has a date; give the date of its session"
            )
        );
    }
}

#[test]
fn a_price_beyond_all_measure_is_refused_with_its_line_whether_it_is_converted_or_not() {
    let world = World::new();
    world.write("etf.csv", "date,symbol,open,high,low,close,volume\n2015-08-24,SXR8.DE,1,7.0e28,1,1,1\n");
    let as_quoted = MAP.replace("    convert: {multiply_by: EUR.USD, to: USD}\n", "");
    assert_ne!(as_quoted, MAP);
    for map in [MAP, &as_quoted] {
        assert_eq!(
            world.import_with(map).unwrap_err(),
            "DIR/etf.csv, line 2: 70000000000000000000000000000 does not fit 8 digits after the point"
        );
    }
}
