//! The engine against the hand-written loop: the same trades and the same money, to the cent and beyond.

use backtest::workload::{Workload, hand_written};
use proptest::prelude::*;

/// A workload file with prices in cents that wander from day to day.
fn file(n: usize, t: usize, mut steps: impl FnMut() -> f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((n as u64).to_le_bytes());
    bytes.extend((t as u64).to_le_bytes());
    for i in 0..n {
        let sign = if i % 3 == 0 { -1.0 } else { 1.0 };
        bytes.extend((sign / n as f64).to_le_bytes());
    }
    let cents = |price: f64| (price * 100.0).round().max(1.0) / 100.0;
    let mut closes: Vec<f64> = (0..n).map(|i| 40.0 + 17.0 * (i % 13) as f64).collect();
    let (mut open_rows, mut close_rows) = (Vec::new(), Vec::new());
    for _ in 0..t {
        for close in &mut closes {
            let open = *close * (1.0 + 0.3 * steps());
            *close *= 1.0 + steps();
            open_rows.push(cents(open));
            close_rows.push(cents(*close));
        }
    }
    open_rows.into_iter().chain(close_rows).for_each(|price| bytes.extend(price.to_le_bytes()));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_engine_trades_exactly_as_the_hand_written_loop(
        n in 1_usize..40, t in 62_usize..200, steps in prop::collection::vec(-0.04_f64..0.042, 997),
    ) {
        let mut next = steps.iter().copied().cycle();
        let workload = Workload::parse(&file(n, t, || next.next().unwrap())).unwrap();
        let outcome = workload.run(&workload.setup());
        let (nav, trades) = hand_written(&workload);
        prop_assert_eq!(outcome.trades, trades);
        prop_assert!((outcome.nav.to_f64() - nav).abs() < 1e-4, "{} against {}", outcome.nav, nav);
    }
}

#[test]
fn the_agreed_answers() {
    for (name, nav, trades) in [("w_76x5040", "12800586.163155", 23_941), ("w_76x1260", "11545887.173555", 5_736)] {
        let path = format!("{}/../../../shared/bench/{name}.bin", env!("CARGO_MANIFEST_DIR"));
        #[expect(clippy::disallowed_methods, reason = "the shared workload is a file")]
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("skipped: {path} is absent");
            continue;
        };
        let workload = Workload::parse(&bytes).unwrap();
        let outcome = workload.run(&workload.setup());
        assert_eq!((format!("{:.6}", outcome.nav.amount()), outcome.trades), (nav.to_owned(), trades));
    }
}

#[test]
fn a_file_that_is_no_workload_is_refused() {
    let good = file(3, 70, || 0.01);
    for bad in [&good[..good.len() - 8], &[], &good[..15], &file(3, 60, || 0.01)] {
        assert!(Workload::parse(bad).is_err());
    }
    let mut zero = good.clone();
    let at = 16 + 3 * 8;
    zero[at..at + 8].copy_from_slice(&0.0_f64.to_le_bytes());
    assert!(Workload::parse(&zero).unwrap_err().to_string().contains("above zero"));
}
