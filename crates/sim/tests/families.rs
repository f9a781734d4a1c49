//! Instruments on the same thing, seen side by side.
//!
//! In: funds, futures, currencies and volatility in one world, through a crash. Out: ratios and term structures. Invariant:
//! lines on the same thing differ by dividends, currency and carry only; a future ends where its index is.
#![allow(missing_docs, reason = "stories, not an interface")]

use domain::{
    AssetClass, Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, Mic, Money, QuoteUnit,
    Universe,
};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use market::DataType;
use market::calendar::Calendars;
use rust_decimal::Decimal;
use sim::{AccountEvents, PriceList, Prices, Scenario, SimConfig, Simulation};
use std::sync::Arc;

const FIRST_DAY: Date = date(2025, 11, 3);

/// Name, kind, class, currency, venue and last trading day.
type Row = (&'static str, InstrumentKind, AssetClass, Currency, Mic, Option<Date>);

const ROWS: [Row; 13] = [
    ("SPX", InstrumentKind::Ind, AssetClass::Index, Currency::Usd, Mic::Xnys, None),
    ("CSPX", InstrumentKind::Etf, AssetClass::EquityEtf, Currency::Usd, Mic::Xlon, None),
    ("SXR8", InstrumentKind::Etf, AssetClass::EquityEtf, Currency::Eur, Mic::Xetr, None),
    ("MES", InstrumentKind::Fut, AssetClass::EquityIndexFuture, Currency::Usd, Mic::Cmes, Some(date(2025, 12, 19))),
    ("EUR.USD", InstrumentKind::Cash, AssetClass::Fx, Currency::Usd, Mic::Fx, None),
    ("GBP.USD", InstrumentKind::Cash, AssetClass::Fx, Currency::Usd, Mic::Fx, None),
    ("USD.CHF", InstrumentKind::Cash, AssetClass::Fx, Currency::Chf, Mic::Fx, None),
    ("MSF", InstrumentKind::Fut, AssetClass::FxFuture, Currency::Usd, Mic::Cmes, Some(date(2025, 12, 15))),
    ("ISF", InstrumentKind::Etf, AssetClass::EquityEtf, Currency::Gbp, Mic::Xlon, None),
    ("VIX", InstrumentKind::Ind, AssetClass::Index, Currency::Usd, Mic::Xcbo, None),
    ("VX", InstrumentKind::Fut, AssetClass::VolatilityFuture, Currency::Usd, Mic::Xcbf, Some(date(2025, 11, 19))),
    ("VXM", InstrumentKind::Fut, AssetClass::VolatilityFuture, Currency::Usd, Mic::Xcbf, Some(date(2026, 5, 19))),
    ("V2TX", InstrumentKind::Ind, AssetClass::Index, Currency::Eur, Mic::Xetr, None),
];

fn world(scenario: Scenario) -> Simulation {
    let tables = [
        (Mic::Xlon, include_str!("../../../config/calendars/XLON.csv")),
        (Mic::Xetr, include_str!("../../../config/calendars/XETR.csv")),
        (Mic::Cmes, include_str!("../../../config/calendars/CMES.csv")),
        (Mic::Xnys, include_str!("../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../config/calendars/XCBO.csv")),
        (Mic::Xcbf, include_str!("../../../config/calendars/XCBF.csv")),
        (Mic::Fx, include_str!("../../../config/calendars/FX.csv")),
    ];
    let calendars = Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv"));
    let row = |(name, kind, asset_class, currency, venue, _): Row| {
        let quote_unit = if name == "ISF" { QuoteUnit::Hundredth } else { QuoteUnit::Major };
        let tick = domain::Price::from_mantissa(10_000).expect("a price");
        Instrument { asset_class, venue, tick, quote_unit, ..Instrument::plain(name, kind, currency) }
    };
    let contract = |(place, (name, .., expiry)): (usize, Row)| Contract {
        name: name.to_owned(),
        instrument: InstrumentId(place as u16),
        expiry,
    };
    Simulation::new(SimConfig {
        universe: Arc::new(Universe::new(
            ROWS.into_iter().map(row).collect(),
            ROWS.into_iter().enumerate().map(contract).collect(),
        )),
        calendars: Arc::new(calendars.expect("well-formed tables")),
        prices: Prices::Simulated { scenario, seed: 3, first_day: FIRST_DAY },
        seed: 3,
        start: at("2025-11-03T06:00:00Z"),
        base: Currency::Usd,
        account: "DU0000001".to_owned(),
        deposit: Money::new(Decimal::from(1_000_000), Currency::Usd),
        events: AccountEvents::none(),
        price_list: PriceList::Fixed,
    })
    .expect("a valid configuration")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time stamp")
}

fn of(name: &str) -> ContractId {
    ContractId(ROWS.iter().position(|row| row.0 == name).expect("in the world") as u32)
}

fn last(world: &Simulation, name: &str) -> f64 {
    world.quote(of(name)).last.expect("it has traded").to_f64()
}

/// How far apart the largest and the smallest of some ratios are.
fn spread(ratios: &[f64]) -> f64 {
    let largest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest / ratios.iter().copied().fold(f64::INFINITY, f64::min) - 1.0
}

#[test]
fn lines_on_the_same_shares_and_currencies_agree_through_a_crash() {
    let mut world = world(Scenario::Crash);
    let (mut fund, mut line, mut future, mut franc) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut now = at("2025-11-03T15:00:00Z");
    while now < at("2025-12-12T00:00:00Z") {
        world.advance_to(now);
        let live = |name| world.quote(of(name)).data_type == DataType::Live;
        if ["SPX", "CSPX", "SXR8", "MES"].into_iter().all(live) {
            fund.push(last(&world, "CSPX") / last(&world, "SPX"));
            line.push(last(&world, "SXR8") * last(&world, "EUR.USD") / last(&world, "CSPX"));
            future.push(last(&world, "MES") / last(&world, "SPX"));
            franc.push(last(&world, "MSF") * last(&world, "USD.CHF"));
        }
        now += SignedDuration::from_hours(24);
    }
    assert!(fund.len() > 20, "{} days on which all trade", fund.len());
    assert!(spread(&fund) < 0.002, "six weeks of dividends: {fund:?}");
    assert!(spread(&line) < 0.0005, "one fund in two currencies: {line:?}");
    assert!(future.iter().all(|basis| (1.0..1.004).contains(basis)) && spread(&future) < 0.004, "{future:?}");
    assert!(franc.iter().all(|basis| (1.0..1.005).contains(basis)), "the franc both ways round: {franc:?}");
}

#[test]
fn volatility_futures_have_a_term_structure_and_end_at_their_index() {
    let mut quiet = world(Scenario::Calm);
    quiet.advance_to(at("2025-11-04T16:00:00Z"));
    let levels = |world: &Simulation| ["VIX", "VX", "VXM"].map(|name| last(world, name));
    let [index, near, far] = levels(&quiet);
    assert!(index < near && near < far && far < 20.0, "contango in a calm market: {index} {near} {far}");
    assert!((1.0..1.5).contains(&(last(&quiet, "V2TX") / index)), "Europe's is a little higher");

    quiet.advance_to(at("2025-11-19T21:30:00Z"));
    let [index, near] = ["VIX", "VX"].map(|name| {
        let bar = quiet.bars(of(name), date(2025, 11, 20), 1)[0];
        assert_eq!(bar.date, date(2025, 11, 19));
        bar.close.to_f64()
    });
    assert!((near / index - 1.0).abs() < 0.01, "it ends at its index: {near} {index}");

    let mut panic = world(Scenario::Crash);
    panic.advance_to(at("2025-11-14T16:00:00Z"));
    let [index, near, far] = levels(&panic);
    assert!(index > near && near > far && far > 19.5, "backwardation in a panic: {index} {near} {far}");
}

#[test]
fn a_line_in_pence_is_held_in_pounds() {
    let world = world(Scenario::Calm);
    assert!((8.0..11.5).contains(&last(&world, "ISF")), "some 960 pence");
}
