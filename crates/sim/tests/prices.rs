//! What the simulated market looks like, seen through its quotes and bars.
#![allow(missing_docs, reason = "stories, not an interface")]

mod world;

use domain::{ContractId, Price};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use market::calendar::Session;
use market::{Bar, DataType};
use proptest::prelude::*;
use rust_decimal::dec;
use sim::{Intervention, Prices, Scenario, SimError, Simulation};
use world::*;

const SEEDS: std::ops::Range<u64> = 0..12;

fn closes(simulation: &Simulation, contract: ContractId, from: Date) -> Vec<f64> {
    let bars = simulation.bars(contract, date(2100, 1, 1), usize::MAX);
    bars.iter().filter(|bar| from <= bar.date).map(|bar| bar.close.to_f64()).collect()
}

fn after_days(scenario: Scenario, seed: u64, days: i64) -> Simulation {
    let mut simulation = simulated(scenario, seed);
    simulation.advance_to(simulation.now() + SignedDuration::from_hours(24 * days));
    simulation
}

fn last(simulation: &Simulation, contract: ContractId) -> f64 {
    simulation.quote(contract).last.expect("the contract has traded").to_f64()
}

fn session(of: ContractId, on: Date) -> Session {
    let mic = universe().instrument_of(of).venue;
    *calendars().get(mic).expect("a loaded venue").session(on).expect("covered").as_ref().expect("a trading day")
}

#[test]
fn names_of_scenarios_are_what_users_type() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.to_string().parse(), Ok(scenario));
        assert_eq!(serde_json::to_string(&scenario).expect("a string"), format!("\"{scenario}\""));
    }
    insta::assert_snapshot!(
        "Crash".parse::<Scenario>().expect_err("names are lower-case"),
        @"unknown scenario `Crash`; known are calm, decline, crash, spike"
    );
}

#[test]
fn history_comes_first_and_never_shows_the_future() {
    let mut simulation = calm();
    for contract in [CSPX, CS51, M6E, SPX, SX5E, VIX, EURUSD] {
        let bars = simulation.bars(contract, FIRST_DAY, usize::MAX);
        assert!(bars.len() >= 420, "{contract:?} has {} bars", bars.len());
        assert!(bars.is_sorted_by(|a, b| a.date < b.date));
        assert_eq!(simulation.bars(contract, date(2100, 1, 1), usize::MAX), bars, "today has not closed");
    }
    let level = |contract| last(&simulation, contract);
    assert!((6_600.0..7_000.0).contains(&level(SPX)) && (5_500.0..5_900.0).contains(&level(SX5E)));
    assert!((1.14..1.18).contains(&level(EURUSD)) && (11.0..21.0).contains(&level(VIX)));

    // London fixes its close in a five-minute auction after 16:30.
    simulation.advance_to(at("2025-11-03T16:34:59Z"));
    assert_eq!(simulation.bars(CSPX, date(2100, 1, 1), 1)[0].date, date(2025, 10, 31));
    simulation.advance_to(at("2025-11-03T16:35:00Z"));
    assert_eq!(simulation.bars(CSPX, date(2100, 1, 1), 1)[0].date, FIRST_DAY);
    assert_eq!(simulation.bars(CSPX, FIRST_DAY, 1)[0].date, date(2025, 10, 31), "dated before the day asked for");
}

#[test]
fn lines_on_the_same_thing_agree_at_every_instant() {
    let mut simulation = simulated(Scenario::Crash, 3);
    let mut instant = at("2025-11-03T14:45:00Z");
    let ratio = |simulation: &Simulation, a, b| last(simulation, a) / last(simulation, b);
    let mut fund_to_index = Vec::new();
    while instant < at("2025-11-28T00:00:00Z") {
        simulation.advance_to(instant);
        if [CSPX, SPX].iter().all(|of| simulation.quote(*of).data_type == DataType::Live) {
            fund_to_index.push(ratio(&simulation, CSPX, SPX));
        }
        let basis = ratio(&simulation, M6E_MARCH, EURUSD) - 1.0;
        assert!((0.005..0.0085).contains(&basis), "four months of carry at 1.9 % a year, got {basis} at {instant}");
        instant += SignedDuration::from_hours(24);
    }
    let spread = fund_to_index.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        / fund_to_index.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        fund_to_index.len() > 15 && spread < 1.003,
        "dividends apart, fund and index move together through a crash: {spread}"
    );
}

#[test]
fn a_future_meets_its_underlying_at_expiry() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-12-15T23:00:00Z"));
    let future = simulation.bars(M6E, date(2100, 1, 1), 1)[0];
    assert_eq!(future.date, date(2025, 12, 15));
    assert!((future.close.to_f64() - last(&simulation, EURUSD)).abs() < 0.0005, "an hour lies between the two closes");
    simulation.advance_to(at("2025-12-17T12:00:00Z"));
    let quote = simulation.quote(M6E);
    assert_eq!((quote.bid, quote.ask, quote.last), (None, None, Some(future.close)), "it is not quoted any more");
}

#[test]
fn a_calm_market_stays_calm() {
    for seed in SEEDS {
        let vix = closes(&after_days(Scenario::Calm, seed, 120), VIX, FIRST_DAY);
        assert!(vix.iter().all(|vix| (10.0..25.0).contains(vix)), "seed {seed}: {vix:?}");
        let usual = vix.iter().filter(|vix| (12.5..18.5).contains(*vix)).count();
        assert!(usual * 4 > vix.len() * 3, "seed {seed}: VIX is mostly between 13 and 18: {vix:?}");
    }
}

#[test]
fn in_a_decline_the_us_rises_and_europe_falls() {
    let year = |seed| {
        let simulation = after_days(Scenario::Decline, seed, 365);
        let growth = |contract| {
            let closes = closes(&simulation, contract, FIRST_DAY);
            closes[closes.len() - 1] / closes[0] - 1.0
        };
        (growth(SPX), growth(SX5E))
    };
    let years: Vec<(f64, f64)> = SEEDS.map(year).collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let us = mean(years.iter().map(|(us, _)| *us).collect());
    let europe = mean(years.iter().map(|(_, europe)| *europe).collect());
    assert!((0.03..0.22).contains(&us) && (-0.25..-0.06).contains(&europe), "US {us}, Europe {europe}");
    assert!(years.iter().all(|(us, europe)| us > europe), "{years:?}");
}

#[test]
fn a_crash_takes_vix_beyond_forty_and_equity_down() {
    for seed in SEEDS {
        let simulation = after_days(Scenario::Crash, seed, 30);
        let vix = closes(&simulation, VIX, FIRST_DAY).into_iter().fold(0.0, f64::max);
        assert!((40.0..=84.0).contains(&vix), "seed {seed}: VIX peaks at {vix}");
        let spx = closes(&simulation, SPX, FIRST_DAY);
        let trough = spx.iter().copied().fold(f64::INFINITY, f64::min) / spx[0] - 1.0;
        assert!(trough < -0.08, "seed {seed}: SPX falls by {trough}");
    }
}

#[test]
fn a_spike_doubles_vix_in_one_day() {
    for seed in SEEDS {
        let vix = closes(&after_days(Scenario::Spike, seed, 40), VIX, FIRST_DAY);
        let rise = vix[1] / vix[0];
        assert!((1.9..3.0).contains(&rise), "seed {seed}: {vix:?}");
        assert!(vix[vix.len() - 1] < 0.8 * vix[1], "seed {seed}: it calms down: {vix:?}");
    }
}

#[test]
fn venues_show_what_they_are_doing() {
    let mut simulation = calm();
    let frozen = simulation.quote(CSPX);
    assert_eq!((frozen.bid, frozen.ask, frozen.data_type), (None, None, DataType::Frozen), "London is shut at six");
    assert_eq!((frozen.last, frozen.at), (frozen.close, at("2025-10-31T16:30:00Z")));
    assert!(simulation.quote(EURUSD).two_sided().is_some(), "currencies trade round the clock");

    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let continuous = simulation.quote(CSPX);
    let spread = continuous.spread_mantissa().expect("two-sided") as f64 / 1e8 / last(&simulation, CSPX);
    assert!((2e-4..6e-4).contains(&spread), "a fund's spread is a few basis points: {spread}");
    assert_eq!(simulation.quote(M6E).spread_mantissa(), Some(10_000), "a currency future's spread is one tick");
    let index = simulation.quote(SPX);
    assert_eq!((index.bid, index.ask, index.data_type), (None, None, DataType::Live), "an index has no book");

    let mut opening = calm();
    opening.advance_to(at("2025-11-03T08:00:15Z"));
    assert!(opening.quote(CSPX).spread_mantissa() > continuous.spread_mantissa(), "wider in the first minutes");
    let mut panic = simulated(Scenario::Crash, 1);
    panic.advance_to(at("2025-11-14T15:00:00Z"));
    assert!(panic.quote(CSPX).spread_mantissa() > continuous.spread_mantissa(), "wider when VIX is high");

    simulation.advance_to(at("2025-11-08T12:00:00Z"));
    assert!(simulation.quote(EURUSD).two_sided().is_none(), "not at the weekend");
}

/// Every quarter of a minute of a session touches the bar's extremes and nothing beyond them.
fn touches_its_bar(simulation: &mut Simulation, contract: ContractId, hours: &Session) {
    let mut seen: Vec<Price> = Vec::new();
    let mut instant = hours.open;
    while instant < hours.close {
        simulation.advance_to(instant);
        seen.push(simulation.quote(contract).last.expect("trading"));
        instant += SignedDuration::from_secs(15);
    }
    simulation.advance_to(hours.close + SignedDuration::from_mins(5));
    let bar = simulation.bars(contract, date(2100, 1, 1), 1)[0];
    assert_eq!(bar.date, hours.date);
    seen.push(simulation.quote(contract).last.expect("closed"));
    assert_eq!((seen[0], seen[seen.len() - 1]), (bar.open, bar.close));
    assert_eq!((seen.iter().min(), seen.iter().max()), (Some(&bar.low), Some(&bar.high)));
}

#[test]
fn a_simulated_session_walks_through_its_bar() {
    for contract in [CSPX, SPX, VIX, ACME] {
        touches_its_bar(&mut simulated(Scenario::Spike, 5), contract, &session(contract, date(2025, 11, 4)));
    }
}

fn one_day(on: Date, prices: [&str; 4]) -> Bar {
    Bar::new(on, prices.map(price), domain::Quantity::ZERO)
}

/// Friday and the first Monday for every contract; the Monday of CSPX as given.
fn monday(cspx: Option<Bar>) -> Vec<Vec<Bar>> {
    let flat = |on, close| Bar::flat(on, close).expect("a price");
    let friday = date(2025, 10, 31);
    let closes = [730.0, 205.0, 1.16, 1.165, 6_800.0, 5_700.0, 16.0, 1.158, 150.0];
    let mut series: Vec<Vec<Bar>> =
        closes.iter().map(|close| vec![flat(friday, *close), flat(FIRST_DAY, close * 1.01)]).collect();
    series[0] = [Some(flat(friday, 730.0)), cspx].into_iter().flatten().collect();
    series
}

#[test]
fn a_replayed_close_is_walked_to_from_the_close_before() {
    let mut simulation = replay(monday(Some(one_day(FIRST_DAY, ["745", "745", "745", "745"]))));
    simulation.advance_to(at("2025-11-03T08:00:00Z"));
    assert_eq!(last(&simulation, CSPX), 730.0);
    simulation.advance_to(at("2025-11-03T12:15:00Z"));
    assert!((730.0..=745.0).contains(&last(&simulation, CSPX)));
    simulation.advance_to(at("2025-11-03T16:30:00Z"));
    assert_eq!(last(&simulation, CSPX), 745.0);
    assert!((16.0..16.16).contains(&last(&simulation, VIX)), "New York is still on its way");
    simulation.advance_to(at("2025-11-03T22:30:00Z"));
    assert_eq!(
        simulation.bars(VIX, date(2025, 11, 4), 2).iter().map(|bar| bar.close).collect::<Vec<_>>(),
        [price("16"), price("16.16")]
    );
}

#[test]
fn a_day_without_a_bar_has_no_trading() {
    let mut simulation = replay(monday(None));
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let quote = simulation.quote(CSPX);
    assert_eq!((quote.bid, quote.ask, quote.last), (None, None, Some(price("730"))));
    assert!(simulation.quote(CS51).two_sided().is_some());
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let refusal = |prices| Simulation::new(config(prices)).expect_err("refused").to_string();
    let mut unsorted = monday(None);
    unsorted[4].reverse();
    let mut without_euro = monday(None);
    without_euro[7].clear();
    let text = [
        refusal(Prices::Simulated { scenario: Scenario::Calm, seed: 1, first_day: date(2005, 1, 3) }),
        refusal(Prices::Replay { series: domain::PerContract::from_vec(vec![Vec::new()]) }),
        refusal(Prices::Replay { series: domain::PerContract::from_vec(unsorted) }),
        refusal(Prices::Replay { series: domain::PerContract::from_vec(without_euro) }),
    ];
    insta::assert_snapshot!(text.join("\n"), @r"
    the calendar of XLON begins on 2004-01-01, but history before 2005-01-03 is simulated from 2003-04-28; choose a later first day
    1 replayed series were given for 9 contracts; give one per contract, empty where there is none
    the replayed series of SPX has a bar of 2025-10-31 that is not after the one before it; sort it and keep one bar a day
    EUR.USD has no price by 2025-11-03T06:00:00Z, so its currency cannot be valued; start later or give it earlier bars
    ");
    let mut francs = config(Prices::Simulated { scenario: Scenario::Calm, seed: 1, first_day: FIRST_DAY });
    francs.deposit.currency = domain::Currency::Chf;
    assert!(matches!(Simulation::new(francs), Err(SimError::NoRate { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn asking_never_changes_the_answer(
        seed in 0_u64..1_000,
        minutes in prop::collection::btree_set(0_i64..3 * 24 * 60, 1..12),
        order in prop::collection::vec((0_u32..9, 0_u8..3), 0..40),
    ) {
        let asked_often = &mut simulated(Scenario::Spike, seed);
        let asked_once = &mut simulated(Scenario::Spike, seed);
        let start = asked_once.now();
        for minute in &minutes {
            let now: Timestamp = start + minute.minutes();
            asked_often.advance_to(now);
            for (contract, what) in &order {
                match what {
                    0 => drop(asked_often.bars(ContractId(*contract), FIRST_DAY, 30)),
                    1 => drop(asked_often.account()),
                    _ => drop(asked_often.quote(ContractId(*contract))),
                }
            }
        }
        asked_once.advance_to(asked_often.now());
        for contract in universe().contracts() {
            prop_assert_eq!(asked_often.quote(contract), asked_once.quote(contract));
            let all = |simulation: &Simulation| simulation.bars(contract, date(2100, 1, 1), usize::MAX);
            prop_assert_eq!(all(asked_often), all(asked_once));
        }
    }

    #[test]
    fn a_replayed_session_walks_through_its_bar(
        seed in 0_u64..1_000,
        mut prices in prop::array::uniform4(70_000_i64..76_000),
        open_first in any::<bool>(),
    ) {
        prices.sort_unstable();
        let [low, a, b, high] = prices.map(|cents| Price::from_mantissa(cents * 1_000_000).expect("positive"));
        let (open, close) = if open_first { (a, b) } else { (b, a) };
        prop_assume!(low < high);
        let bar = Bar::new(FIRST_DAY, [open, high, low, close], domain::Quantity::ZERO);
        let mut config = config(Prices::Replay { series: domain::PerContract::from_vec(monday(Some(bar))) });
        config.seed = seed;
        let mut simulation = Simulation::new(config).expect("valid");
        touches_its_bar(&mut simulation, CSPX, &session(CSPX, FIRST_DAY));
    }
}

#[test]
fn a_daily_bar_is_the_widest_of_what_was_quoted_in_its_session() {
    for (scenario, seed) in [(Scenario::Crash, 1), (Scenario::Calm, 2)] {
        // Crashes happen inside a day, dividends are paid within the fortnight, futures trade through the night.
        let mut simulation = simulated(scenario, seed);
        for day in 0..12_i64 {
            simulation.advance_to(simulation.now() + SignedDuration::from_hours(24));
            for contract in [CSPX, CS51, M6E, SPX, VIX, EURUSD] {
                let before = FIRST_DAY.saturating_add((day + 1).days());
                let Some(bar) = simulation.bars(contract, before, 1).pop().filter(|bar| bar.date >= FIRST_DAY) else {
                    continue;
                };
                let session = session(contract, bar.date);
                let whole = session.close.duration_since(session.open);
                let quoted = simulation.intraday(contract, &session, whole, session.close)[0];
                let told = [bar.open, bar.high, bar.low, bar.close];
                assert_eq!(told, [quoted.open, quoted.high, quoted.low, quoted.close], "{contract:?} on {}", bar.date);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Research writes a bar when somebody asks for it, the gateway's market every evening. Companies pay, split and end,
    /// markets are shocked, and nobody asks on most days.
    #[test]
    fn a_bar_is_the_same_whenever_it_is_written(
        seed in 0_u64..100,
        days in prop::collection::vec((0_u8..8, prop::sample::select(vec![CSPX, CS51, M6E, M6E_MARCH, VIX, ACME]), 0_usize..40), 10..40),
    ) {
        let config = || config(Prices::Simulated { scenario: Scenario::Crash, seed, first_day: FIRST_DAY });
        let mut written = Simulation::new(config()).expect("valid");
        let mut asked = Simulation::filling(config(), sim::Fills::Whole).expect("valid");
        let ends = |bar: &Bar| (bar.date, bar.open, bar.close, bar.volume);
        for (what, contract, count) in days {
            for simulation in [&mut written, &mut asked] {
                simulation.advance_to(simulation.now() + SignedDuration::from_hours(17));
                simulation.intervene(&match what {
                    0 => Intervention::Split { contract: ACME, numerator: 3, denominator: 1 },
                    1 => Intervention::Dividend { contract: CSPX, rate: dec!(3.21) },
                    2 => Intervention::Shock { equity: dec!(-0.03), volatility: dec!(0.2) },
                    3 => Intervention::Expire { contract: ACME, silent: false },
                    _ => continue,
                });
            }
            let before = FIRST_DAY.saturating_add((count as i64).days());
            for (before, count) in [(date(2100, 1, 1), count), (before, count), (before, 1)] {
                let [one, other] = [&written, &asked].map(|world| world.bars(contract, before, count));
                prop_assert_eq!(one.iter().map(ends).collect::<Vec<_>>(), other.iter().map(ends).collect::<Vec<_>>());
            }
        }
        for contract in [CSPX, CS51, M6E, M6E_MARCH, SPX, SX5E, VIX, EURUSD, ACME] {
            let [one, other] = [&written, &asked].map(|world| world.bars(contract, Date::MAX, usize::MAX));
            prop_assert_eq!(one.iter().map(ends).collect::<Vec<_>>(), other.iter().map(ends).collect::<Vec<_>>());
        }
    }

    /// Whoever makes them, and whenever he stops.
    #[test]
    fn days_made_ahead_are_the_days_of_the_market(seed in 0_u64..100, made in 0_usize..30) {
        let mut alone = simulated(Scenario::Spike, seed);
        let mut helped = alone.clone();
        let days: Vec<_> = helped.days_to_come().expect("a simulated market").take(made).collect();
        helped.take_days(days.into_iter());
        for _ in 0..25 {
            for simulation in [&mut alone, &mut helped] {
                simulation.advance_to(simulation.now() + SignedDuration::from_hours(23));
            }
            for contract in [CSPX, M6E, VIX, EURUSD] {
                prop_assert_eq!(alone.quote(contract), helped.quote(contract));
            }
        }
    }
}
