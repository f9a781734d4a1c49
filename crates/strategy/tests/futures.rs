//! Chains of futures on the shipped calendars, held against an independent oracle.
//!
//! In: the calendars of the program, the golden file of last trading days. Out: last trading days, deadlines, the contract
//! to hold. Invariant: every product of the golden file is checked, and the table of products exists once.

use domain::{Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, Universe};
use jiff::civil::{Date, date};
use market::calendar::Calendars;
use market::chain::last_trading_days;
use strategy::rolls::{active_contract, roll_dates};
use strategy::{RollDates, RollPolicy};

macro_rules! shipped {
    ($($mic:ident = $file:literal),+ $(,)?) => {
        [$((Mic::$mic, include_str!(concat!("../../../config/calendars/", $file)))),+]
    };
}

fn calendars() -> Calendars {
    let tables = shipped! {
        Xnys = "XNYS.csv", Xeur = "XEUR.csv", Xcbf = "XCBF.csv", Xmon = "XMON.csv", Ifeu = "IFEU.csv",
    };
    Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv")).expect("the shipped tables")
}

/// Rules and venues by the names of the golden file's products.
const PRODUCTS: [(&str, FutureRule, Mic); 6] = [
    ("ES/MES/NQ/MNQ (CME index)", FutureRule::CmeIndexQuarterly, Mic::Cmes),
    ("FESX/FDAX/FESB (Eurex index)", FutureRule::IndexQuarterly, Mic::Xeur),
    ("FGBL/FOAT/FBTP (Eurex bond)", FutureRule::EurexBondQuarterly, Mic::Xeur),
    ("FVS (Eurex VSTOXX)", FutureRule::VolatilityMonthly, Mic::Xeur),
    ("M6E/6E/M6B/6B/MSF/6S (CME FX)", FutureRule::CmeFxQuarterly, Mic::Cmes),
    ("VX/VXM (CFE)", FutureRule::VolatilityMonthly, Mic::Xcbf),
];

/// A row of the golden file: product, last trading day, deadline.
struct Golden {
    product: String,
    last_trade: Date,
    deadline: Date,
}

/// The golden file; `None`, with a word to the reader, where the data folder is absent.
#[allow(clippy::disallowed_methods, reason = "the oracle lies outside the repository")]
fn golden() -> Option<Vec<Golden>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/golden/futures_last_trading_days.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: futures_last_trading_days.csv is not in the shared data folder");
        return None;
    };
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let date = |field: usize| fields[field].parse().expect("a date");
        Golden { product: fields[0].to_owned(), last_trade: date(2), deadline: date(5) }
    };
    let rows: Vec<Golden> = text.lines().skip(1).map(row).collect();
    assert_eq!(rows.len(), 80, "the file as it was handed over");
    Some(rows)
}

fn policy() -> RollPolicy {
    RollPolicy { deadline_sessions: 3, start_sessions: 5, broker_close_outs: Vec::new() }
}

fn chain(rule: FutureRule, venue: Mic, calendars: &Calendars, from: Date, to: Date) -> Universe {
    let plain = Instrument::plain("FUT", InstrumentKind::Fut, Currency::Eur);
    let days = last_trading_days(rule, venue, calendars, from, to).unwrap();
    let contract = |day: Date| Contract { name: format!("FUT_{day}"), instrument: InstrumentId(0), expiry: Some(day) };
    let instrument = Instrument { future: Some(rule), venue, ..plain };
    Universe::new(vec![instrument], days.into_iter().map(contract).collect())
}

#[test]
fn every_product_s_last_trading_days_equal_the_oracle() {
    let Some(rows) = golden() else { return };
    let calendars = calendars();
    let mut compared = 0;
    for (product, rule, venue) in PRODUCTS {
        let wanted: Vec<Date> = rows.iter().filter(|row| row.product == product).map(|row| row.last_trade).collect();
        let (first, last) = (wanted[0], wanted[wanted.len() - 1]);
        compared += wanted.len();
        assert_eq!(last_trading_days(rule, venue, &calendars, first, last), Ok(wanted), "{product}");
    }
    assert_eq!(compared, rows.len(), "the file has no product that is not checked");
}

#[test]
fn every_deadline_is_three_sessions_before_the_oracle_s_last_trading_day() {
    let Some(rows) = golden() else { return };
    let calendars = calendars();
    for Golden { product, last_trade, deadline } in rows {
        let (_, rule, venue) = PRODUCTS.into_iter().find(|(name, ..)| *name == product).unwrap();
        let calendar = calendars.get(rule.calendar(venue)).unwrap();
        let dates = RollDates::of(rule, last_trade, None, &policy(), calendar).unwrap();
        assert_eq!(dates.deadline, deadline, "{product} {last_trade}");
        assert_eq!(calendar.add_sessions(dates.starts, 5).unwrap(), deadline, "{product} {last_trade}");
        assert_eq!(dates.first_notice, rule.delivers().then_some(last_trade));
    }
}

#[test]
fn holidays_move_the_last_day() {
    let days = |rule, venue, from, to| last_trading_days(rule, venue, &calendars(), from, to).unwrap();
    let june = (date(2026, 6, 1), date(2026, 6, 30));
    let new_york = days(FutureRule::CmeIndexQuarterly, Mic::Cmes, june.0, june.1);
    let frankfurt = days(FutureRule::IndexQuarterly, Mic::Xeur, june.0, june.1);
    assert_eq!((new_york, frankfurt), (vec![date(2026, 6, 18)], vec![date(2026, 6, 19)]), "Juneteenth");
    let april = (date(2025, 4, 1), date(2025, 4, 30));
    let paris = days(FutureRule::IndexMonthly, Mic::Xmon, april.0, april.1);
    assert_eq!(paris, [date(2025, 4, 17)], "Good Friday");
    assert!(days(FutureRule::IndexQuarterly, Mic::Ifeu, april.0, april.1).is_empty(), "no contract in April");
}

#[test]
fn the_broker_s_own_date_comes_first_and_moves_one_contract_only() {
    let calendars = calendars();
    let (from, to) = (date(2026, 1, 1), date(2026, 12, 31));
    let universe = chain(FutureRule::EurexBondQuarterly, Mic::Xeur, &calendars, from, to);
    let dates = |close_outs: &[Date]| -> Vec<Date> {
        let broker_close_outs = close_outs.iter().map(|&date| (InstrumentId(0), date)).collect();
        let dates = roll_dates(&universe, &RollPolicy { broker_close_outs, ..policy() }, &calendars).unwrap();
        dates.as_slice().iter().map(|dates| dates.unwrap().deadline).collect()
    };
    let usual = dates(&[]);
    assert_eq!(usual, [date(2026, 3, 3), date(2026, 6, 3), date(2026, 9, 3), date(2026, 12, 3)]);
    assert_eq!(dates(&[date(2026, 5, 29)]), [usual[0], date(2026, 5, 29), usual[2], usual[3]]);
    assert_eq!(dates(&[date(2026, 6, 5)]), usual, "a later date changes nothing");
}

#[test]
fn on_every_day_of_two_years_the_contract_to_hold_is_before_its_deadline_and_only_moves_forward() {
    let calendars = calendars();
    for (product, rule, venue) in PRODUCTS {
        let universe = chain(rule, venue, &calendars, date(2024, 1, 1), date(2026, 6, 30));
        let rolls = roll_dates(&universe, &policy(), &calendars).unwrap();
        let days = date(2024, 1, 2).series(jiff::ToSpan::days(1)).take_while(|day| *day < date(2026, 1, 1));
        let mut last = ContractId(0);
        for day in days {
            let active = active_contract(&universe, &rolls, InstrumentId(0), day).unwrap();
            let dates = rolls[active].unwrap();
            assert!(dates.starts > day && dates.starts < dates.deadline && active >= last, "{product} on {day}");
            last = active;
        }
        assert!(last.index() >= 8, "{product}: {last:?}");
    }
}
