//! Orders at the gate: what leaves, what stays, and every reason why.

use super::*;
use crate::Mode;
use domain::{BasisPoints, Contract, Currency, Instrument, InstrumentId, InstrumentKind, Mic, PerCurrency};
use proptest::prelude::*;

const FUND: ContractId = ContractId(0);

fn universe() -> Universe {
    let fund = Instrument { venue: Mic::Xetr, ..Instrument::plain("CS51", InstrumentKind::Etf, Currency::Eur) };
    Universe::new(vec![fund], vec![Contract { name: "CS51".into(), instrument: InstrumentId(0), expiry: None }])
}

fn policy() -> GatePolicy {
    GatePolicy {
        order_value_max: 0.10,
        turnover_max: 0.50,
        gross_max: 2.0,
        net_max: 1.0,
        quote_age_max_s: 60,
        collars: vec![(AssetClass::EquityEtf, CollarPolicy { width: BasisPoints(10), ticks_min: 2 })],
    }
}

fn day() -> DayFacts {
    let mut rates = PerCurrency::default();
    rates[Currency::Eur] = Some(1.25);
    DayFacts { nav: 10_000_000.0, rates, frozen: vec![], no_increase: vec![], price_max: vec![] }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn quote(bid: &str, ask: &str, when: &str) -> Quote {
    let price = |text: &str| text.parse().ok().map(|d| Price::from_decimal(d).unwrap());
    Quote {
        bid: price(bid),
        ask: price(ask),
        bid_size: Quantity::whole(500),
        ask_size: Quantity::whole(500),
        last: None,
        close: None,
        at: at(when),
        data_type: market::DataType::Live,
    }
}

fn window() -> Window {
    Window { opens: at("2025-12-15T14:45:00Z"), closes: at("2025-12-15T16:00:00Z") }
}

fn codes(mode: Mode, purpose: Purpose, quote: Option<&Quote>, now: &str) -> Vec<&'static str> {
    let (policy, universe) = (policy(), universe());
    let proposal = Proposal { contract: FUND, quantity: Quantity::whole(-10_000), purpose, collar: None };
    let market = MarketFacts { now: at(now), quote, window: Some(window()) };
    match Gate::new(&policy, &universe).admit(proposal, &day(), mode, market) {
        Ok(_) => vec![],
        Err(refusals) => refusals.iter().map(|r| r.check.code()).collect(),
    }
}

#[test]
fn a_permit_bounds_quantity_order_size_price_and_time() {
    let (policy, universe) = (policy(), universe());
    let proposal =
        Proposal { contract: FUND, quantity: Quantity::whole(-10_000), purpose: Purpose::Increase, collar: None };
    let quote = quote("199.98", "200.02", "2025-12-15T14:44:30Z");
    let market = MarketFacts { now: window().opens, quote: Some(&quote), window: Some(window()) };
    let permit = Gate::new(&policy, &universe).admit(proposal, &day(), Mode::Normal, market).unwrap();
    assert_eq!((permit.side(), permit.quantity_max()), (Side::Sell, Quantity::whole(10_000)));
    assert_eq!(permit.order_quantity_max(), Quantity::whole(4_000), "10 % of 10 m USD at 200 EUR × 1.25");
    assert_eq!(permit.collar().worst.to_string(), "199.8", "10 bp under the mid of 200");
    assert_eq!(permit.expires(), window().closes);
}

#[test]
fn every_reason_is_reported_at_once() {
    let stale = quote("200.02", "", "2025-12-15T14:40:00Z");
    assert_eq!(
        codes(Mode::CancelOnly, Purpose::Reduce, Some(&stale), "2025-12-15T16:00:00Z"),
        ["MODE", "WINDOW", "QUOTE_STALE", "QUOTE_ONE_SIDED"]
    );
    assert_eq!(codes(Mode::Normal, Purpose::Increase, None, "2025-12-15T14:45:00Z"), ["QUOTE_MISSING"]);
}

#[test]
fn sixty_seconds_are_fresh_and_sixty_one_are_not() {
    let quote = quote("199.98", "200.02", "2025-12-15T14:45:00Z");
    assert!(codes(Mode::Normal, Purpose::Increase, Some(&quote), "2025-12-15T14:46:00Z").is_empty());
    assert_eq!(codes(Mode::Normal, Purpose::Increase, Some(&quote), "2025-12-15T14:46:01Z"), ["QUOTE_STALE"]);
}

#[test]
fn reduce_only_lets_reductions_out() {
    let quote = quote("199.98", "200.02", "2025-12-15T14:45:00Z");
    let now = "2025-12-15T14:45:00Z";
    assert!(codes(Mode::ReduceOnly, Purpose::Reduce, Some(&quote), now).is_empty());
    assert_eq!(codes(Mode::ReduceOnly, Purpose::Increase, Some(&quote), now), ["MODE"]);
}

#[test]
fn a_price_nobody_believes_lets_reductions_out_and_nothing_in() {
    let (policy, universe) = (policy(), universe());
    let day = DayFacts { no_increase: vec![Withheld { contract: FUND, check: Check::Quarantine }], ..day() };
    let quote = quote("199.98", "200.02", "2025-12-15T14:45:00Z");
    let admitted = |purpose| {
        let proposal = Proposal { contract: FUND, quantity: Quantity::whole(-10), purpose, collar: None };
        let market = MarketFacts { now: window().opens, quote: Some(&quote), window: Some(window()) };
        Gate::new(&policy, &universe).admit(proposal, &day, Mode::Normal, market)
    };
    assert!(admitted(Purpose::Reduce).is_ok() && admitted(Purpose::CloseOut).is_ok());
    let refused = admitted(Purpose::Increase).unwrap_err();
    insta::assert_snapshot!(refused[0].sentence(&universe), @"CS51: its price is not believed, so it takes no new risk; it is valued at the last good mark until the price is confirmed");
}

#[test]
fn the_basket_counts_orders_at_their_worst() {
    let mut basket = Basket::default();
    basket.add(0.0, 0.0, 900_000.0);
    basket.add(0.0, 0.0, -900_000.0);
    let told = |nav| {
        let fit = basket.fit(nav, &policy());
        let told: Vec<_> = fit.refusals.iter().map(|refusal| refusal.sentence(&universe())).collect();
        format!("{:.4} by {:?}\n{}", fit.share, fit.bound, told.join("\n"))
    };
    insta::assert_snapshot!(told(850_000.0), @r"
    0.2361 by Some(Turnover)
    the basket: increases of 211.8 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 5 days at this rate
    the basket: worst-case gross 2.118 × NAV would pass the cap of 2.000; increases are cut to fit
    the basket: worst-case net 1.059 × NAV would pass the cap of 1.000; increases are cut to fit
    ");
    insta::assert_snapshot!(told(1_800_000.0), @r"
    0.5000 by Some(Turnover)
    the basket: increases of 100.0 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over: 2 days at this rate
    ");
    assert_eq!(basket.fit(3_600_000.0, &policy()).share, 1.0);
    assert_eq!(basket.fit(0.0, &policy()).share, 0.0, "nothing is increased against a NAV nobody knows");
}

/// A contract's value and its order: most are lots of a book, some flip.
fn rows() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((-5e5_f64..5e5, -5e5_f64..5e5), 1..12)
}

fn side_of(change: f64) -> Option<Side> {
    (change != 0.0).then_some(if change > 0.0 { Side::Buy } else { Side::Sell })
}

/// The reducing and the increasing part of the way from held to wanted.
fn parts(held: f64, wanted: f64) -> (f64, f64) {
    match () {
        () if held * wanted < 0.0 => (-held, wanted),
        () if wanted.abs() < held.abs() => (wanted - held, 0.0),
        () => (0.0, wanted - held),
    }
}

proptest! {
    #[test]
    fn whichever_orders_fill_no_increase_carries_the_book_beyond_its_caps(
        rows in rows(), filled in prop::collection::vec(0.0_f64..=1.0, 12), nav in 1e5_f64..1e7,
    ) {
        let policy = policy();
        let mut basket = Basket::default();
        rows.iter().for_each(|&(held, wanted)| { let (r, i) = parts(held, wanted); basket.add(held, r, i); });
        let fit = basket.fit(nav, &policy);
        let after = rows.iter().zip(&filled).map(|(&(held, wanted), part)| {
            let (reduce, increase) = parts(held, wanted);
            held + (reduce + increase * fit.share_of(side_of(increase))) * part
        });
        let after: Vec<f64> = after.collect();
        // Without increases the worst is what is held, or what the reductions of one side leave.
        let held: f64 = rows.iter().map(|row| row.0.abs()).sum();
        let gross: f64 = after.iter().map(|value| value.abs()).sum();
        prop_assert!(gross <= (policy.gross_max * nav).max(held) + 1e-6, "gross {gross}");
        let side = |sign: f64| -> f64 {
            rows.iter().map(|&(held, wanted)| sign * held + (sign * parts(held, wanted).0).max(0.0)).sum()
        };
        let net: f64 = after.iter().sum();
        prop_assert!(net <= (policy.net_max * nav).max(side(1.0)) + 1e-6, "net {net}");
        prop_assert!(-net <= (policy.net_max * nav).max(side(-1.0)) + 1e-6, "net {net}");
        prop_assert_eq!(fit.share < 1.0 || fit.over.is_some(), fit.bound.is_some());
    }
}

#[test]
#[should_panic(expected = "exceed the parent")]
fn a_child_beyond_the_permit_stops_the_engine() {
    let (policy, universe) = (policy(), universe());
    let proposal =
        Proposal { contract: FUND, quantity: Quantity::whole(100), purpose: Purpose::Increase, collar: None };
    let quote = quote("199.98", "200.02", "2025-12-15T14:45:00Z");
    let market = MarketFacts { now: window().opens, quote: Some(&quote), window: Some(window()) };
    let permit = Gate::new(&policy, &universe).admit(proposal, &day(), Mode::Normal, market).unwrap();
    permit.assert_covers(Quantity::whole(60), Quantity::whole(41), permit.collar().worst, window().opens);
}
