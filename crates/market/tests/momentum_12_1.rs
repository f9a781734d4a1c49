//! 12−1 momentum against the golden files.
//!
//! In: real adjusted closes and the values pandas computed from them. Out: agreement to 1e-9. Invariant: skipped
//! visibly when the data folder is absent.
#![allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]

use market::statistics::momentum_12_1;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Names of the columns, and dates with one optional number per column.
struct Table {
    names: Vec<String>,
    rows: Vec<(String, Vec<Option<f64>>)>,
}

fn table(path: &str) -> Option<Table> {
    let mut reader = csv::Reader::from_path(format!("{DATA}/{path}")).ok()?;
    let names = reader.headers().unwrap().iter().skip(1).map(str::to_owned).collect();
    let row = |row: csv::StringRecord| (row[0].to_owned(), row.iter().skip(1).map(|cell| cell.parse().ok()).collect());
    Some(Table { names, rows: reader.records().map(|record| row(record.unwrap())).collect() })
}

/// Closes of one column from its first print up to a date, blanks filled with the close before.
fn closes(prices: &Table, name: &str, date: &str) -> Vec<f64> {
    let column = prices.names.iter().position(|other| other == name).unwrap();
    let upto = prices.rows.iter().take_while(|(day, _)| day.as_str() <= date);
    let filled = upto.scan(None, |last, (_, row)| {
        *last = row[column].or(*last);
        Some(*last)
    });
    filled.flatten().collect()
}

#[test]
fn equals_pandas_on_real_stocks_at_every_end_of_month() {
    for file in ["stocks_us20", "stocks_eu"] {
        let golden = table(&format!("golden/momentum_12_1_{file}_2010_2018.csv"));
        let prices = table(&format!("daily/{file}_adj_close_2010_2018.csv"));
        let (Some(golden), Some(prices)) = (golden, prices) else {
            eprintln!("skipped: {DATA} is absent");
            return;
        };
        let mut compared = 0;
        for (date, row) in &golden.rows {
            for (name, expected) in golden.names.iter().zip(row) {
                let ours = momentum_12_1(&closes(&prices, name, date));
                let Some((ours, expected)) = ours.zip(*expected) else {
                    assert_eq!((ours, *expected), (None, None), "{file} {name} {date}");
                    continue;
                };
                assert!((ours - expected).abs() <= 1e-9 * expected.abs().max(1e-2), "{file} {name} {date}: {ours}");
                compared += 1;
            }
        }
        assert!(compared > 1_000, "{file}: only {compared} values");
    }
}
