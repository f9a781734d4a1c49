//! Orders at the gate: what leaves, what stays, and every reason why.

use super::*;
use crate::Mode;
use domain::{BasisPoints, Contract, Currency, Instrument, InstrumentId, InstrumentKind, Mic, PerCurrency};

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
    basket.add(0.0, 900_000.0);
    basket.add(0.0, -900_000.0);
    basket.add_increase(900_000.0);
    basket.add_increase(900_000.0);
    let broken: Vec<_> = basket.cap_refusals(850_000.0, &policy()).map(|r| r.check.code()).collect();
    assert_eq!(broken, ["GROSS", "NET"], "if only one leg fills, net is 1.06 × NAV");
    let (share, refusal) = basket.turnover_share(1_800_000.0, &policy());
    assert_eq!(share, 0.5);
    assert_eq!(
        refusal.unwrap().sentence(&universe()),
        "the basket: increases of 100.0 % of NAV are wanted, 50.0 % fit under today's turnover limit; the rest carries over"
    );
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
