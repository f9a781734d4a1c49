//! The policies on real quotes, beside an order without a limit.
//!
//! In: minute quotes of ../shared/data/intraday. Out: a table of slippage against arrival and mid, which the book shows.
//! Invariant: what is measured is the order manager itself, behind the gate; the market fills nobody at a price or in a
//! size it did not show.
#![allow(clippy::disallowed_methods, reason = "reads real series beside the checkout, when they are there")]

mod market_tape;

use domain::{AssetClass, Side};
use execution::Style;
use market_tape::{Evenings, Result, Tape, policy};
use std::path::Path;

/// A series, what is traded in it, and how much.
struct Case {
    name: &'static str,
    tape: Tape,
    quantity: i64,
}

fn cases(folder: &Path) -> Vec<Case> {
    let read =
        |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let spy = read("spy_quote_1m.csv");
    let es = read("es_quote_1m_20131218.csv");
    let eur = read("eurusd_quote_1m_20180403.csv");
    let prints = read("spy_trade_ticks_open_minute_2013-10-07.csv");
    vec![
        Case {
            name: "SPY, prints of its first minute, 7 October 2013",
            tape: Tape::of_prints(&prints, AssetClass::EquityEtf, "0.01"),
            quantity: 2_000,
        },
        Case {
            name: "SPY, 7 and 8 October 2013",
            tape: Tape::of(&spy, "", AssetClass::EquityEtf, "0.01", ("13:45", "19:50")),
            quantity: 2_000,
        },
        Case {
            name: "ES, the hour around the Fed, 18 December 2013",
            tape: Tape::of(&es, "201403", AssetClass::EquityIndexFuture, "0.25", ("18:30", "19:45")),
            quantity: 20,
        },
        Case {
            name: "ES, the same morning",
            tape: Tape::of(&es, "201403", AssetClass::EquityIndexFuture, "0.25", ("14:45", "17:30")),
            quantity: 20,
        },
        Case {
            name: "EURUSD, 3 April 2018",
            tape: Tape::of(&eur, "", AssetClass::FxFuture, "0.00005", ("07:00", "19:00")),
            quantity: 10,
        },
    ]
}

/// Evenings that end in a closing price, with the size of an order.
fn evenings(folder: &Path) -> Vec<(&'static str, Evenings, i64)> {
    let read =
        |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let spy = Evenings::of(&read("spy_trade_1m.csv"), AssetClass::EquityEtf, "0.01", |_| "20:00");
    // 24 December is a half day.
    let ends = |date: &str| if date == "2019-12-24" { "12:30" } else { "16:30" };
    let funds = Evenings::of(&read("ucits_etf_1m_2019-12.csv"), AssetClass::EquityEtf, "0.01", ends);
    vec![
        ("SPY, closes of 7 and 8 October 2013", spy, 2_000),
        ("UCITS funds of the strategy, closes of 17 to 24 December 2019", funds, 10),
    ]
}

fn row(name: &str, policy: &str, result: &Result) -> String {
    let bps = |value: f64| format!("{value:+.2}");
    format!(
        "| {name} | {policy} | {} | {:.0} % | {} | {} | {} |",
        result.orders,
        result.filled_share() * 100.0,
        bps(result.against_arrival()),
        bps(result.against_mid()),
        bps(result.completed())
    )
}

fn table(folder: &Path) -> String {
    let mut rows = vec![
        "| series | policy | orders | filled | against arrival | against mid | completed |".to_owned(),
        "|---|---|---:|---:|---:|---:|---:|".to_owned(),
    ];
    for case in cases(folder) {
        let run = |style: Option<Style>| {
            let both = [Side::Buy, Side::Sell].map(|side| case.tape.work(side, case.quantity, style, &policy()));
            both.into_iter().sum::<Result>()
        };
        rows.push(row(case.name, "market order", &run(None)));
        rows.push(row("", "marketable_limit", &run(Some(Style::MarketableLimit))));
        rows.push(row("", "passive_then_cross", &run(Some(Style::PassiveThenCross))));
    }
    for (name, evenings, quantity) in evenings(folder) {
        let run =
            |limited| [Side::Buy, Side::Sell].map(|side| evenings.work(side, quantity, limited)).into_iter().sum();
        rows.push(row(name, "market on close", &run(false)));
        rows.push(row("", "auction_close", &run(true)));
    }
    rows.join("\n")
}

#[test]
fn the_table_of_the_book_is_what_the_policies_do_on_real_quotes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("../shared/data/intraday");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let (page, table) = (root.join("docs/execution.md"), table(&folder));
    let text = std::fs::read_to_string(&page).expect("the page on execution");
    let begin = text.find("| series | policy |").expect("the page has the table");
    let length = text[begin..].find("\n\n").unwrap_or(text.len() - begin);
    let shown = &text[begin..begin + length];
    if shown.trim_end() != table && std::env::var_os("UPDATE_BOOK").is_some() {
        std::fs::write(&page, text.replace(shown, &table)).expect("the page can be written");
        return;
    }
    assert_eq!(shown.trim_end(), table, "UPDATE_BOOK=1 writes it into {}", page.display());
}
