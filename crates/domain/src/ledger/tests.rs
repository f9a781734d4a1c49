//! Stories and laws of the books.

use super::*;
use crate::{BaseMoney, Contract, FxError, FxRates, Instrument, InstrumentId, InstrumentKind};
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

    /// However a position is built, flipped and closed, cash plus value equals realised plus unrealised.
    #[test]
    fn realised_plus_unrealised_is_all_the_profit(
        trades in prop::collection::vec((prop::bool::ANY, 1_i64..1000, 1_i64..100_000), 1..30),
        mark in 1_i64..100_000,
    ) {
        let universe = universe();
        let mut ledger = Ledger::new(&universe);
        for (buy, shares, cents) in trades {
            let side = if buy { Side::Buy } else { Side::Sell };
            ledger.fill(FUND, side, Quantity::whole(shares), price(&format!("{cents}e-2")), &universe);
        }
        let mark = price(&format!("{mark}e-2"));
        let position = ledger.position(FUND);
        let unrealised = position.quantity.value_at(mark, 1) - position.basis;
        let profit = ledger.cash(Currency::Eur) + position.quantity.value_at(mark, 1);
        prop_assert_eq!(position.realised + unrealised, profit);
    }
}
