//! A fixed book on real prices, day by day, against an independent calculation.
//!
//! In: the shared data, when it is there. Out: NAV, exposures, drawdown. Invariant: equal to 1e-9 relative on every day;
//! the future pays no variation, so that its settled price stays its entry.
#![allow(clippy::disallowed_methods, reason = "the real series lie outside the repository")]

use domain::{
    Contract, ContractId, Currency, ExecutionId, Fill, FxRates, Instrument, InstrumentId, InstrumentKind, Ledger,
    LedgerEvent, Money, PerContract, Price, Quantity, Side, Universe,
};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
/// Name, kind, currency, multiplier, signed quantity.
const BOOK: [(&str, InstrumentKind, Currency, u32, i64); 4] = [
    ("SPY", InstrumentKind::Etf, Currency::Usd, 1, 1_000),
    ("HYG", InstrumentKind::Etf, Currency::Usd, 1, 2_000),
    ("EXS1.DE", InstrumentKind::Etf, Currency::Eur, 1, -5_000),
    ("M6E_201712", InstrumentKind::Fut, Currency::Usd, 12_500, -40),
];
const CASH: [(Currency, Decimal); 3] =
    [(Currency::Usd, dec!(1_000_000)), (Currency::Eur, dec!(300_000)), (Currency::Gbp, dec!(-50_000))];

type Column = BTreeMap<String, Decimal>;

fn universe() -> Universe {
    let line =
        |(name, kind, currency, multiplier, _)| Instrument { multiplier, ..Instrument::plain(name, kind, currency) };
    let contract = |i: usize| Contract { name: BOOK[i].0.into(), instrument: InstrumentId(i as u16), expiry: None };
    Universe::new(BOOK.map(line).into(), (0..BOOK.len()).map(contract).collect())
}

/// The rows of a file as its header names them.
fn rows(file: &str) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(Path::new(DATA).join(file)).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let row =
        |line: &str| header.iter().zip(line.split(',')).map(|(name, cell)| (name.to_string(), cell.into())).collect();
    text.lines().skip(1).map(row).collect()
}

/// One column by date, of the rows whose `field` is `is`; blank cells are left out.
fn column(rows: &[BTreeMap<String, String>], name: &str, (field, is): (&str, &str)) -> Column {
    let wanted = rows.iter().filter(|row| row[field] == is && !row[name].is_empty());
    wanted.map(|row| (row["date"].clone(), row[name].parse().unwrap())).collect()
}

fn price(of: Decimal) -> Price {
    Price::from_decimal(of).unwrap()
}

/// The book as it stands on the first row: cash as given, positions on top of it.
fn ledger(first: &[Decimal; 4], universe: &Universe) -> Ledger {
    let mut ledger = Ledger::new(universe);
    let mut apply = |event: LedgerEvent| ledger.apply(&event, universe).unwrap();
    CASH.iter().for_each(|&(currency, amount)| apply(LedgerEvent::Flow { amount: Money::new(amount, currency) }));
    for (i, &(name, kind, currency, _, quantity)) in BOOK.iter().enumerate() {
        if kind != InstrumentKind::Fut {
            let amount = Money::new(first[i] * Decimal::from(quantity), currency);
            apply(LedgerEvent::Flow { amount });
        }
        apply(LedgerEvent::Fill(Fill {
            execution: ExecutionId(name.into()),
            order: None,
            contract: ContractId(i as u32),
            side: if quantity < 0 { Side::Sell } else { Side::Buy },
            quantity: Quantity::whole(quantity.abs()),
            price: price(first[i]),
            at: "2017-09-15T20:00:00Z".parse().unwrap(),
        }));
    }
    ledger
}

fn assert_close(what: &str, date: &str, ours: f64, golden: &str) {
    let golden: f64 = golden.parse().unwrap();
    assert!((ours - golden).abs() <= 1e-9 * golden.abs().max(1e-3), "{date} {what}: {ours} against {golden}");
}

#[test]
fn a_book_of_2017_is_worth_what_it_was() {
    if !Path::new(DATA).exists() {
        eprintln!("skipped: the research data is not beside the repository, as shared/data");
        return;
    }
    let (us, eu) = (rows("daily/etf_us_ohlcv_2010_2018.csv"), rows("daily/etf_ucits_adj_ohlcv_2010_2018.csv"));
    let (euro, ecb) = (rows("futures/EUR_2010_2018.csv"), rows("fx/ecb_reference_rates_2010_2018.csv"));
    let prices = [
        column(&us, "close", ("symbol", "SPY")),
        column(&us, "close", ("symbol", "HYG")),
        column(&eu, "close", ("symbol", "EXS1.DE")),
        column(&euro, "price", ("price_contract", "201712")),
    ];
    let rate = |name: &str, date: &str| -> Decimal {
        let known = ecb.iter().filter(|row| row["date"].as_str() <= date && !row[name].is_empty());
        known.map(|row| row[name].parse().unwrap()).next_back().unwrap()
    };
    let universe = universe();
    let mut book: Option<Ledger> = None;
    let mut peak = f64::MIN;
    let golden = rows("golden/nav_replay_2010_2018.csv");
    for row in &golden {
        let date = row["date"].as_str();
        let today = prices.each_ref().map(|column| column[date]);
        assert_close("m6e_price", date, today[3].to_f64().unwrap(), &row["m6e_price"]);
        let ledger = book.get_or_insert_with(|| ledger(&today, &universe));
        let mut fx = FxRates::new(Currency::Usd);
        fx.set(Currency::Eur, rate("EURUSD", date)).unwrap();
        fx.set(Currency::Gbp, rate("EURUSD", date) / rate("EURGBP", date)).unwrap();
        let marks = PerContract::from_vec(today.map(|close| Some(price(close))).into());
        let nav = ledger.nav(&marks, &fx, &universe).unwrap().to_f64();
        let exposure = ledger.exposure(&marks, &fx, &universe).unwrap();
        let cash: f64 = CASH
            .iter()
            .map(|&(currency, _)| fx.to_base(Money::new(ledger.cash(currency), currency)).unwrap().to_f64())
            .sum();
        let euros = ledger.cash(Currency::Eur) + ledger.nav_value(ContractId(2), price(today[2]), &universe);
        peak = peak.max(nav);
        for (name, ours) in [
            ("nav_usd", nav),
            ("cash_usd_value", cash),
            ("long_exposure_usd", exposure.long.to_f64()),
            ("short_exposure_usd", exposure.short.to_f64()),
            ("gross_usd", exposure.gross().to_f64()),
            ("net_usd", exposure.net().to_f64()),
            ("eur_exposure_positions_and_cash", euros.to_f64().unwrap()),
            ("drawdown", (nav - peak) / peak),
        ] {
            assert_close(name, date, ours, &row[name]);
        }
    }
    assert_eq!(golden.len(), 64);
}
