//! Every instrument of the table against what is known of it: how far it moves, and how much of that is with the S&P 500.
//!
//! In: real values from July 2012 to December 2018, or the span of like instruments where there is no series. Out: the second
//! table of the book. Invariant: every instrument of the configuration that is no reference and no root of options has a row.

use super::{Measure, Row, WORLD, held};
use domain::Currency::{self, Chf, Eur, Gbp, Usd};
use domain::{AssetClass, InstrumentKind, Mic};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What is known of an instrument, and what is allowed.
pub struct Line {
    name: &'static str,
    currency: Currency,
    /// Volatility a year in per cent, and correlation of weekly returns with the S&P 500.
    real: Option<(f64, f64)>,
    source: &'static str,
    volatility: (f64, f64),
    with_us: (f64, f64),
}

const fn line(
    name: &'static str,
    currency: Currency,
    real: Option<(f64, f64)>,
    source: &'static str,
    volatility: (f64, f64),
    with_us: (f64, f64),
) -> Line {
    Line { name, currency, real, source, volatility, with_us }
}

/// In the order of the configuration. Returns of futures are changes of the back-adjusted price over the price held, or over
/// 120 (BTP) and 130 (Bobl) where only the adjusted one is known. A real value allows three quarters to 1.3 times the
/// volatility, and 0.2 of correlation to both sides, unless it says otherwise.
#[rustfmt::skip]
pub const LINES: [Line; 70] = [
    line("CSPX", Usd, Some((12.8, 1.00)), "S&P 500", (9.6, 16.7), (0.8, 1.0)),
    line("SXR8", Eur, Some((15.1, 0.72)), "SXR8 in Xetra", (11.3, 19.6), (0.52, 0.92)),
    line("CS51", Eur, Some((17.8, 0.70)), "the fund of CS51 in Xetra", (13.3, 23.1), (0.5, 0.9)),
    line("EXW1", Eur, Some((18.0, 0.69)), "EURO STOXX 50", (13.5, 23.3), (0.49, 0.89)),
    line("EXSA", Eur, Some((15.4, 0.73)), "STOXX Europe 600 future", (11.6, 20.0), (0.53, 0.93)),
    line("ISF", Gbp, Some((13.8, 0.66)), "FTSE 100 future", (10.4, 17.9), (0.46, 0.86)),
    line("ES", Usd, Some((12.8, 1.00)), "S&P 500", (9.6, 16.7), (0.8, 1.0)),
    line("MES", Usd, Some((12.8, 1.00)), "S&P 500", (9.6, 16.7), (0.8, 1.0)),
    line("NQ", Usd, Some((16.0, 0.91)), "Nasdaq-100", (12.0, 20.8), (0.71, 1.0)),
    line("MNQ", Usd, Some((16.0, 0.91)), "Nasdaq-100", (12.0, 20.8), (0.71, 1.0)),
    line("RTY", Usd, None, "none; S&P 500, and more", (13.0, 22.0), (0.75, 0.98)),
    line("M2K", Usd, None, "none; S&P 500, and more", (13.0, 22.0), (0.75, 0.98)),
    line("FESX", Eur, Some((18.0, 0.69)), "EURO STOXX 50", (13.5, 23.3), (0.49, 0.89)),
    line("FDAX", Eur, Some((17.4, 0.71)), "DAX", (13.1, 22.7), (0.51, 0.91)),
    line("FDXM", Eur, Some((17.4, 0.71)), "DAX", (13.1, 22.7), (0.51, 0.91)),
    line("FCE", Eur, None, "none; EURO STOXX 50", (15.0, 22.0), (0.5, 0.85)),
    line("Z", Gbp, Some((13.8, 0.66)), "FTSE 100 future", (10.4, 17.9), (0.46, 0.86)),
    line("FESB", Eur, Some((28.2, 0.50)), "EURO STOXX Banks future", (21.1, 36.7), (0.30, 0.70)),
    line("M6E", Usd, Some((8.2, 0.04)), "ECB fixing", (6.2, 10.7), (-0.16, 0.24)),
    line("6E", Usd, Some((8.2, 0.04)), "ECB fixing", (6.2, 10.7), (-0.16, 0.24)),
    line("M6B", Usd, Some((8.9, 0.18)), "ECB fixings, cross", (6.7, 11.5), (-0.02, 0.38)),
    line("6B", Usd, Some((8.9, 0.18)), "ECB fixings, cross", (6.7, 11.5), (-0.02, 0.38)),
    line("MSF", Usd, Some((10.1, -0.01)), "ECB fixings, cross", (7.6, 13.1), (-0.21, 0.19)),
    line("6S", Usd, Some((10.1, -0.01)), "ECB fixings, cross", (7.6, 13.1), (-0.21, 0.19)),
    line("EUR.USD", Usd, Some((8.2, 0.04)), "ECB fixing", (6.2, 10.7), (-0.16, 0.24)),
    line("GBP.USD", Usd, Some((8.9, 0.18)), "ECB fixings, cross", (6.7, 11.5), (-0.02, 0.38)),
    line("USD.CHF", Chf, Some((10.1, 0.01)), "ECB fixings, cross", (7.6, 13.1), (-0.19, 0.21)),
    line("EUR.GBP", Gbp, Some((8.1, -0.16)), "ECB fixing", (6.0, 10.5), (-0.36, 0.04)),
    line("IUIT", Usd, None, "none; Nasdaq-100", (14.0, 24.0), (0.75, 0.97)),
    line("CNDX", Usd, Some((16.0, 0.91)), "Nasdaq-100", (12.0, 20.8), (0.71, 1.0)),
    line("SEMI", Usd, None, "none; Nasdaq-100, and more", (18.0, 32.0), (0.6, 0.9)),
    line("IUHC", Usd, None, "none; S&P 500", (9.0, 17.0), (0.6, 0.92)),
    line("IUQA", Usd, None, "none; S&P 500", (10.0, 17.0), (0.85, 1.0)),
    line("IUMO", Usd, None, "none; S&P 500", (11.0, 19.0), (0.8, 1.0)),
    line("IUCD", Usd, None, "none; S&P 500", (12.0, 20.0), (0.8, 1.0)),
    line("EXV1", Eur, Some((28.2, 0.50)), "EURO STOXX Banks future", (21.1, 36.7), (0.30, 0.70)),
    line("EXS1", Eur, Some((17.4, 0.72)), "EXS1 in Xetra", (13.0, 22.6), (0.52, 0.92)),
    line("IUKD", Gbp, None, "none; FTSE 100", (11.0, 19.0), (0.45, 0.8)),
    line("EXV5", Eur, None, "none; EURO STOXX 50, and more", (18.0, 32.0), (0.35, 0.75)),
    line("EXH1", Eur, None, "none; STOXX 600, and more", (14.0, 27.0), (0.35, 0.75)),
    line("EXX1", Eur, Some((28.2, 0.50)), "EURO STOXX Banks future", (21.1, 36.7), (0.30, 0.70)),
    line("AAPL", Usd, Some((25.2, 0.51)), "AAPL, adjusted", (18.9, 32.7), (0.31, 0.71)),
    line("MSFT", Usd, Some((23.2, 0.62)), "MSFT, adjusted", (17.4, 30.1), (0.42, 0.82)),
    line("GOOGL", Usd, None, "none; AAPL and MSFT", (18.0, 34.0), (0.4, 0.85)),
    line("NVDA", Usd, None, "none; AAPL and MSFT, and more", (28.0, 50.0), (0.35, 0.8)),
    line("AMZN", Usd, None, "none; AAPL and MSFT", (18.0, 38.0), (0.4, 0.85)),
    line("META", Usd, None, "none; AAPL and MSFT", (20.0, 40.0), (0.35, 0.85)),
    line("LLY", Usd, Some((21.0, 0.43)), "LLY, adjusted", (15.7, 30.0), (0.23, 0.63)),
    line("JNJ", Usd, Some((15.1, 0.59)), "JNJ, adjusted", (11.4, 19.7), (0.35, 0.79)),
    line("BNP", Eur, Some((27.8, 0.48)), "BNP, adjusted", (20.9, 36.2), (0.28, 0.68)),
    line("GLE", Eur, Some((32.8, 0.49)), "GLE, adjusted", (24.6, 42.6), (0.29, 0.69)),
    line("ACA", Eur, Some((29.7, 0.51)), "ACA, 2015 to 2018", (22.2, 38.5), (0.31, 0.71)),
    line("DBK", Eur, Some((29.4, 0.51)), "DBK, 2012 to 2015", (22.0, 38.2), (0.31, 0.71)),
    line("UCG", Eur, Some((36.4, 0.40)), "UCG, 2012 to 2015", (27.3, 47.4), (0.2, 0.6)),
    line("SAN", Eur, Some((28.8, 0.53)), "SAN, 2012 to 2015", (21.6, 37.5), (0.33, 0.73)),
    line("VOW3", Eur, Some((31.8, 0.42)), "VOW3, 2012 to 2015", (23.8, 41.3), (0.22, 0.62)),
    line("LQDE", Usd, Some((4.9, 0.09)), "LQD, adjusted", (3.7, 6.4), (-0.11, 0.29)),
    line("IHYU", Usd, Some((6.0, 0.66)), "HYG, adjusted", (4.5, 7.8), (0.46, 0.86)),
    line("FLOT", Usd, None, "none; LQD, less", (0.2, 1.5), (0.2, 0.8)),
    line("ARCC", Usd, None, "none; HYG and S&P 500", (12.0, 22.0), (0.4, 0.9)),
    line("MAIN", Usd, None, "none; HYG and S&P 500", (12.0, 24.0), (0.4, 0.9)),
    line("VX", Usd, Some((44.0, -0.74)), "VX future, second month", (33.0, 57.2), (-0.94, -0.54)),
    line("VXM", Usd, Some((44.0, -0.74)), "VX future, second month", (33.0, 57.2), (-0.94, -0.54)),
    line("FVS", Eur, Some((38.2, -0.70)), "VSTOXX future, second month", (28.7, 49.7), (-0.90, -0.50)),
    line("VIX", Usd, Some((124.8, -0.81)), "VIX", (93.6, 162.2), (-1.0, -0.61)),
    line("V2TX", Eur, None, "none; VIX", (80.0, 130.0), (-0.85, -0.45)),
    line("FGBL", Eur, Some((5.4, -0.13)), "Bund future, 2013 to 2016", (4.1, 7.0), (-0.33, 0.07)),
    line("FOAT", Eur, Some((4.6, 0.02)), "OAT future", (3.4, 6.0), (-0.18, 0.22)),
    line("FBTP", Eur, Some((8.8, 0.22)), "BTP future", (6.6, 11.4), (0.02, 0.42)),
    line("FGBM", Eur, Some((2.2, -0.13)), "Bobl future", (1.7, 2.9), (-0.33, 0.07)),
];

impl Line {
    /// How it is simulated. Loadings go by name; volatility futures have a chain, bonds a constant distance from delivery.
    pub fn row(&self) -> Row {
        let venue = match self.currency {
            Usd => Mic::Xnys,
            Gbp => Mic::Xlon,
            _ => Mic::Xetr,
        };
        let (kind, class, venue) = match self.name {
            "VX" | "VXM" => (InstrumentKind::Fut, AssetClass::VolatilityFuture, Mic::Xcbf),
            "FVS" => (InstrumentKind::Fut, AssetClass::VolatilityFuture, Mic::Xetr),
            "VIX" | "V2TX" => (InstrumentKind::Ind, AssetClass::Index, venue),
            pair if pair.contains('.') => (InstrumentKind::Cash, AssetClass::Fx, Mic::Fx),
            "FGBL" | "FGBM" | "FOAT" | "FBTP" => (InstrumentKind::Etf, AssetClass::BondFuture, venue),
            "LQDE" | "IHYU" | "FLOT" => (InstrumentKind::Etf, AssetClass::BondEtf, venue),
            _ => (InstrumentKind::Etf, AssetClass::EquityEtf, venue),
        };
        (self.name, kind, class, self.currency, venue)
    }
}

#[test]
fn every_instrument_moves_as_far_and_as_much_with_the_market_as_it_should() {
    let (mut table, mut outside) = (String::new(), Vec::new());
    let head =
        "| | volatility a year, %: real | simulated | allowed | with SPX: real | simulated | allowed | real series |";
    writeln!(table, "{head}\n|---|---:|---:|---|---:|---:|---|---|").expect("text");
    for Line { name, real, source, volatility: (low, high), with_us: (least, most), .. } in &LINES {
        let moves = WORLD.measured(Measure::Volatility(name));
        let with_us = WORLD.measured(Measure::Correlation(name, "SPX"));
        let told = real.map(|(volatility, with_us)| (format!("{volatility:.1}"), format!("{with_us:.2}")));
        let (real_moves, real_with_us) = told.unwrap_or_default();
        let row = format!(
            "| {name} | {real_moves} | {moves:.1} | {low:.1} to {high:.1} | {real_with_us} | {with_us:.2} | {least:.2} to {most:.2} | {source} |"
        );
        if !(*low..=*high).contains(&moves) || !(*least..=*most).contains(&with_us) {
            outside.push(row.clone());
        }
        writeln!(table, "{row}").expect("text");
    }
    println!("{table}");
    held(&table, &outside);
}

#[test]
fn no_instrument_of_the_configuration_is_left_out() {
    let text = include_str!("../../../../config/instruments.yaml");
    let (mut name, mut configured, mut roots) = ("", BTreeSet::new(), 0);
    for row in text.lines() {
        match row.strip_suffix(':').filter(|key| !key.starts_with([' ', '#'])) {
            Some(key) => name = key,
            None if row.starts_with("  category: ") && row != "  category: reference" => drop(configured.insert(name)),
            // Options are valued from their underlyings; `tests/options.rs` holds their surface.
            None if row == "  kind: OPT" => roots += usize::from(configured.remove(name)),
            None => {}
        }
    }
    assert_eq!((configured.len(), roots), (70, 6), "the 76 of the specification");
    assert_eq!(configured, LINES.iter().map(|line| line.name).collect());
}
