//! Stories and laws of the books.

use super::*;
use crate::{BaseMoney, Contract, Delivery, FxError, FxRates, Instrument, InstrumentId, InstrumentKind, OptionEnd};
use proptest::prelude::*;

fn instrument(name: &str, kind: InstrumentKind, currency: Currency, multiplier: u32) -> Instrument {
    Instrument { multiplier, ..Instrument::plain(name, kind, currency) }
}

const FUND: ContractId = ContractId(0);
const FUTURE: ContractId = ContractId(1);

fn universe() -> Universe {
    let instruments = vec![
        instrument("CS51", InstrumentKind::Etf, Currency::Eur, 1),
        instrument("M6E", InstrumentKind::Fut, Currency::Usd, 12_500),
    ];
    let contracts = (0..2)
        .map(|i| Contract { name: instruments[i as usize].name.clone(), instrument: InstrumentId(i), expiry: None })
        .collect();
    Universe::new(instruments, contracts)
}

fn price(text: &str) -> Price {
    Price::from_decimal(text.parse().unwrap()).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn marks(fund: &str, future: &str) -> PerContract<Option<Price>> {
    PerContract::from_vec(vec![Some(price(fund)), Some(price(future))])
}

fn eurusd(rate: &str) -> FxRates {
    let mut fx = FxRates::new(Currency::Usd);
    fx.set(Currency::Eur, decimal(rate)).unwrap();
    fx
}

#[test]
fn a_short_sale_leaves_its_euros_in_the_account() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    ledger.fill(FUND, Side::Sell, Quantity::whole(1000), price("160"), &universe);
    assert_eq!(ledger.cash(Currency::Eur), decimal("160000"));
    assert_eq!(ledger.nav(&marks("160", "1.1"), &eurusd("1.25"), &universe).unwrap(), BaseMoney::ZERO);
    let after_fall = ledger.nav(&marks("150", "1.1"), &eurusd("1.25"), &universe).unwrap();
    assert_eq!(after_fall.amount(), decimal("12500"), "10 EUR on 1,000 shares at 1.25");
}

#[test]
fn a_flip_through_zero_realises_the_old_side_and_opens_the_new_one_at_the_trade_price() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    ledger.fill(FUND, Side::Buy, Quantity::whole(10), price("100"), &universe);
    ledger.fill(FUND, Side::Sell, Quantity::whole(25), price("103"), &universe);
    let position = ledger.position(FUND);
    assert_eq!(position.quantity, Quantity::whole(-15));
    assert_eq!(position.realised, decimal("30"));
    assert_eq!(position.basis, decimal("-1545"));
}

#[test]
fn a_held_contract_without_a_mark_makes_nav_unknown() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    ledger.fill(FUND, Side::Buy, Quantity::whole(1), price("100"), &universe);
    let blank = PerContract::filled(None, 2);
    assert_eq!(ledger.nav(&blank, &eurusd("1.1"), &universe), Err(Unvalued::NoMark("CS51".into())));
    assert!(matches!(
        ledger.nav(&marks("100", "1.1"), &FxRates::new(Currency::Usd), &universe),
        Err(Unvalued::Fx(FxError::Unknown { .. }))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Settling a future any number of times along the way moves profit from the position into
    /// cash and nothing else.
    #[test]
    fn nav_does_not_see_when_variation_is_paid(
        trades in prop::collection::vec((prop::bool::ANY, 1_i64..50, 10_000_i64..20_000), 1..20),
        settle_after in prop::collection::vec(prop::bool::ANY, 20),
    ) {
        let universe = universe();
        let (mut paid, mut unpaid) = (Ledger::new(&universe), Ledger::new(&universe));
        for (i, (buy, contracts, ticks)) in trades.iter().enumerate() {
            let side = if *buy { Side::Buy } else { Side::Sell };
            let at = price(&format!("{}e-4", ticks));
            for ledger in [&mut paid, &mut unpaid] {
                ledger.fill(FUTURE, side, Quantity::whole(*contracts), at, &universe);
            }
            if settle_after[i] {
                paid.apply(&LedgerEvent::VariationMargin { contract: FUTURE, settlement: at }, &universe).unwrap();
            }
        }
        let marks = marks("1", "1.2345");
        let fx = eurusd("1.1");
        prop_assert_eq!(paid.nav(&marks, &fx, &universe).unwrap(), unpaid.nav(&marks, &fx, &universe).unwrap());
    }

    /// However a position is built, flipped, settled and closed, cash plus value equals realised plus unrealised.
    #[test]
    fn realised_plus_unrealised_is_all_the_profit(
        trades in prop::collection::vec((prop::bool::ANY, prop::bool::ANY, 1_i64..1000, 1_i64..100_000), 1..30),
        settle in prop::collection::vec(prop::option::of(1_i64..100_000), 30),
        mark in 1_i64..100_000,
    ) {
        let universe = universe();
        let mut ledger = Ledger::new(&universe);
        let cents = |cents: i64| price(&format!("{cents}e-2"));
        for ((future, buy, shares, at), settle) in trades.into_iter().zip(settle) {
            let side = if buy { Side::Buy } else { Side::Sell };
            let contract = if future { FUTURE } else { FUND };
            ledger.fill(contract, side, Quantity::whole(shares), cents(at), &universe);
            if let Some(settlement) = settle {
                let event = LedgerEvent::VariationMargin { contract: FUTURE, settlement: cents(settlement) };
                ledger.apply(&event, &universe).unwrap();
            }
        }
        for contract in [FUND, FUTURE] {
            let (position, terms) = (ledger.position(contract), universe.terms(contract));
            let unrealised = position.quantity.value_at(cents(mark), terms.multiplier) - position.basis;
            let profit = ledger.cash(terms.currency) + ledger.nav_value(contract, cents(mark), &universe);
            prop_assert_eq!(position.realised + unrealised, profit);
        }
    }

    /// What is owed counts as much as what is paid: NAV does not see when a dividend moves from one to the other.
    #[test]
    fn nav_does_not_see_when_an_accrual_is_paid(cents in -1_000_000_i64..1_000_000, rate in 1_i64..30_000) {
        let universe = universe();
        let (owed, paid) = (Money::new(Decimal::new(cents, 2), Currency::Eur), eurusd(&format!("{rate}e-4")));
        let nav = |events: &[LedgerEvent]| {
            let mut ledger = Ledger::new(&universe);
            events.iter().for_each(|event| ledger.apply(event, &universe).unwrap());
            ledger.nav(&marks("1", "1"), &paid, &universe).unwrap()
        };
        let accrued = LedgerEvent::Accrual { contract: Some(FUND), amount: owed };
        let settled = [accrued.clone(), LedgerEvent::Accrual { contract: Some(FUND), amount: -owed },
            LedgerEvent::Dividend { contract: FUND, amount: owed }];
        prop_assert_eq!(nav(&[accrued]), nav(&settled));
    }
}

fn ended(how: OptionEnd, contracts: i64, cash: &str, delivery: Option<Delivery>) -> LedgerEvent {
    let cash = Money::new(decimal(cash), Currency::Eur);
    LedgerEvent::OptionEnded { contract: FUND, how, quantity: Quantity::whole(contracts), cash, delivery }
}

#[test]
fn an_option_that_ends_realises_its_premium_and_delivers_at_the_strike() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    ledger.fill(FUND, Side::Buy, Quantity::whole(10), price("3"), &universe);
    ledger.apply(&ended(OptionEnd::Expired, -4, "10", None), &universe).unwrap();
    let position = ledger.position(FUND);
    assert_eq!((position.quantity, position.basis), (Quantity::whole(6), decimal("18")));
    assert_eq!(position.realised, decimal("-2"), "ten received for what cost twelve");
    let delivery = Delivery { contract: FUTURE, side: Side::Buy, quantity: Quantity::whole(2), price: price("1.1") };
    ledger.apply(&ended(OptionEnd::Exercised, -6, "0", Some(delivery)), &universe).unwrap();
    assert_eq!(ledger.position(FUND).realised, decimal("-20"));
    assert_eq!(ledger.quantity(FUTURE), Quantity::whole(2));
    assert_eq!(ledger.cash(Currency::Eur), decimal("-20"));
}

#[test]
fn a_short_position_pays_the_dividend_and_borrowing_costs() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    let euros = |text: &str| Money::new(decimal(text), Currency::Eur);
    ledger.fill(FUND, Side::Sell, Quantity::whole(100), price("10"), &universe);
    for event in [
        LedgerEvent::Dividend { contract: FUND, amount: euros("-50") },
        LedgerEvent::Tax { contract: Some(FUND), amount: euros("7.50") },
        LedgerEvent::BorrowFee { contract: Some(FUND), amount: euros("-1.25") },
        LedgerEvent::Recall { contract: FUND, quantity: Quantity::whole(100) },
        LedgerEvent::Conversion { sold: euros("-100"), bought: Money::new(decimal("110"), Currency::Usd) },
    ] {
        ledger.apply(&event, &universe).unwrap();
    }
    assert_eq!(ledger.cash(Currency::Eur), decimal("856.25"));
    assert_eq!(ledger.cash(Currency::Usd), decimal("110"));
    assert_eq!(ledger.quantity(FUND), Quantity::whole(-100), "a recall is a warning, not a trade");
}

#[test]
fn a_future_leaves_by_adjustment_at_its_settlement_and_never_enters_by_one() {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    let adjust = |contracts: i64| LedgerEvent::Adjustment {
        contract: Some(FUTURE),
        quantity: Quantity::whole(contracts),
        amount: Money::zero(Currency::Usd),
        by: "k".into(),
        reason: "expired".into(),
    };
    assert_eq!(ledger.apply(&adjust(1), &universe), Err(Unbookable::FutureOpened("M6E".into())));
    ledger.fill(FUTURE, Side::Buy, Quantity::whole(3), price("1.10"), &universe);
    ledger.apply(&LedgerEvent::VariationMargin { contract: FUTURE, settlement: price("1.12") }, &universe).unwrap();
    assert_eq!(ledger.apply(&adjust(-4), &universe), Err(Unbookable::FutureOpened("M6E".into())));
    ledger.apply(&adjust(-3), &universe).unwrap();
    assert_eq!(ledger.cash(Currency::Usd), decimal("750"), "three times 0.02 on 12,500");
    let position = ledger.position(FUTURE);
    assert_eq!(
        (position.realised, position.basis, position.settled_value),
        (decimal("750"), decimal("0"), decimal("0"))
    );
    assert_eq!(
        ledger.apply(&LedgerEvent::Split { contract: FUTURE, numerator: 2, denominator: 1 }, &universe),
        Err(Unbookable::FutureSplit("M6E".into()))
    );
    let renamed = LedgerEvent::Renamed { contract: FUTURE, successor: FUND };
    assert!(matches!(ledger.apply(&renamed, &universe), Err(Unbookable::OtherTerms { .. })));
}

#[test]
fn an_event_is_stored_under_its_kind_and_reads_back() {
    let event = ended(OptionEnd::Assigned, 1, "0", None);
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(
        text,
        r#"{"event":"option_ended","contract":0,"how":"assigned","quantity":"1","cash":{"amount":"0","currency":"EUR"},"delivery":null}"#
    );
    assert_eq!(serde_json::from_str::<LedgerEvent>(&text).unwrap(), event);
    let flow: LedgerEvent =
        serde_json::from_str(r#"{"event":"flow","amount":{"amount":"5","currency":"USD"}}"#).unwrap();
    assert_eq!(flow, LedgerEvent::Flow { amount: Money::new(decimal("5"), Currency::Usd) });
}
