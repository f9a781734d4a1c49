//! Momentum against pandas, on real shares of two continents.

use super::*;

#[allow(clippy::disallowed_methods, reason = "the golden values lie outside the repository")]
fn rows(file: &str) -> Option<Vec<csv::StringRecord>> {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/{}"), file);
    let Ok(mut reader) = csv::ReaderBuilder::new().has_headers(false).from_path(&path) else {
        eprintln!("skipped: {path} is absent");
        return None;
    };
    Some(reader.records().map(Result::unwrap).collect())
}

#[test]
fn equals_pandas_at_every_month_end_of_every_share() {
    for (universe, shares) in [("stocks_us20", 20), ("stocks_eu", 32)] {
        let Some(prices) = rows(&format!("daily/{universe}_adj_close_2010_2018.csv")) else { return };
        let Some(golden) = rows(&format!("golden/momentum_12_1_{universe}_2010_2018.csv")) else { return };
        assert_eq!(prices[0].len(), shares + 1);
        let (mut compared, mut undefined) = (0, 0);
        for (column, name) in golden[0].iter().enumerate().skip(1) {
            let place = prices[0].iter().position(|other| other == name).expect(name);
            let closes: Vec<Option<f64>> = prices[1..].iter().map(|row| row[place].parse().ok()).collect();
            for row in &golden[1..] {
                let last = prices[1..].iter().position(|price| price[0] == row[0]).expect("a month ends on a row");
                let ours = momentum(&closes[..=last], 252, 21);
                match (ours, row[column].parse::<f64>()) {
                    (Some(ours), Ok(theirs)) => {
                        assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3), "{name} {}: {ours}", &row[0]);
                        compared += 1;
                    }
                    (None, Err(_)) => undefined += 1,
                    (ours, theirs) => panic!("{name} {}: {ours:?} against {theirs:?}", &row[0]),
                }
            }
        }
        eprintln!("{universe}: {compared} momenta equal, {undefined} undefined on both sides");
        assert!(compared > 1_900, "{universe}: {compared}");
    }
}

#[test]
fn a_day_without_a_print_counts_as_the_last_one_and_one_before_the_first_as_nothing() {
    let closes = [Some(100.0), None, Some(120.0), None, None];
    assert_eq!(
        momentum(&closes, 3, 1),
        Some(120.0 / 100.0 - 1.0),
        "120 over the 100 that is carried to the second row"
    );
    assert_eq!(momentum(&closes, 4, 0), Some(120.0 / 100.0 - 1.0));
    assert_eq!(momentum(&closes, 5, 0), None, "before the history");
    assert_eq!(momentum(&[None, Some(1.0)], 1, 0), None, "nothing to carry");
}
