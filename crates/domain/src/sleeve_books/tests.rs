//! Laws of the sub-accounts: they sum to the account, and say what each sleeve earned.

use super::share::{apportioned, shared};
use super::*;
use crate::{
    Contract, Delivery, ExecutionId, Fill, FxRates, Instrument, InstrumentId, InstrumentKind, Ledger, LedgerEvent,
    Money, OptionEnd, OrderRef, PerContract, Side,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::dec;

const FUND: ContractId = ContractId(0);
const FUTURE: ContractId = ContractId(1);
const OPTION: ContractId = ContractId(2);
const SUCCESSOR: ContractId = ContractId(3);
const SLEEVES: [&str; 3] = ["core", "credit", "tail"];
const CURRENCIES: [Currency; 2] = [Currency::Usd, Currency::Eur];

fn universe() -> Universe {
    let line = |name, kind, currency, multiplier| Instrument { multiplier, ..Instrument::plain(name, kind, currency) };
    let instruments = vec![
        line("FUND", InstrumentKind::Etf, Currency::Eur, 1),
        line("M6E", InstrumentKind::Fut, Currency::Usd, 12_500),
        line("PUT", InstrumentKind::Opt, Currency::Eur, 100),
        line("FUND2", InstrumentKind::Etf, Currency::Eur, 1),
    ];
    let contract = |(i, line): (usize, &Instrument)| Contract {
        name: line.name.clone(),
        instrument: InstrumentId(i as u16),
        expiry: None,
    };
    let contracts = instruments.iter().enumerate().map(contract).collect();
    Universe::new(instruments, contracts)
}

fn day() -> Date {
    "2026-01-05".parse().unwrap()
}

fn key(intent: u16) -> OrderKey {
    OrderKey { date: day(), intent }
}

fn whole(shares: i64) -> Quantity {
    Quantity::whole(shares)
}

fn cents(cents: i64) -> Price {
    Price::from_mantissa(cents * 1_000_000).unwrap()
}

fn money(amount: i64, currency: Currency) -> Money {
    Money::new(Decimal::new(amount, 2), currency)
}

fn fill(intent: u16, number: usize, version: usize, contract: ContractId, shares: i64, price: i64) -> Fill {
    Fill {
        execution: ExecutionId(format!("e{intent}.{number}.{version:02}").into()),
        order: Some(OrderRef { account: "a1b2c3".parse().unwrap(), date: day(), intent, attempt: 1 }),
        contract,
        side: if shares < 0 { Side::Sell } else { Side::Buy },
        quantity: whole(shares.abs()),
        price: cents(price),
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number as i64),
    }
}

/// Asserts that the sleeves are the account, to the last digit.
fn assert_sums(sleeves: &SleeveBooks, ledger: &Ledger, universe: &Universe) {
    for currency in Currency::ALL {
        let cash: Decimal = sleeves.sleeves().map(|sleeve| sleeves.cash(sleeve, currency)).sum();
        assert_eq!(cash, ledger.cash(currency), "cash in {currency}");
        let accruals: Decimal = sleeves.sleeves().map(|sleeve| sleeves.accruals(sleeve, currency)).sum();
        assert_eq!(accruals, ledger.accruals(currency), "accruals in {currency}");
    }
    for contract in universe.contracts() {
        let held = sleeves.sleeves().flat_map(|sleeve| sleeves.holdings(sleeve).to_vec());
        let (mut quantity, mut settled) = (Quantity::ZERO, Decimal::ZERO);
        for holding in held.filter(|holding| holding.contract == contract) {
            quantity += holding.quantity;
            settled += holding.settled_value;
        }
        let position = ledger.position(contract);
        assert_eq!((quantity, settled), (position.quantity, position.settled_value), "{contract:?}");
    }
}

/// What can happen on a day, before it is put in the books.
#[derive(Clone, Debug)]
enum Happening {
    Fill(Fill),
    Charge(ExecutionId, Money),
    Line(LedgerEvent),
    Cross(ContractId, i64, i64),
    Close(i64, i64, i64),
}

type Opened = (u16, ContractId, Vec<(SleeveId, Quantity)>);

/// Orders with wants of several sleeves, some of them opposite, and their contracts.
fn orders() -> Vec<Opened> {
    let [core, credit, tail] = [SleeveId(3), SleeveId(4), SleeveId(5)];
    vec![
        (1, FUND, vec![(core, whole(100)), (credit, whole(33))]),
        (2, FUND, vec![(core, whole(-70)), (credit, whole(25)), (tail, whole(-1))]),
        (3, FUTURE, vec![(SleeveId::FX_HEDGE, whole(9)), (core, whole(-4))]),
        (4, OPTION, vec![(tail, whole(7)), (credit, whole(7)), (core, whole(7))]),
        (5, FUND, vec![]),
    ]
}

fn happening(number: usize) -> impl Strategy<Value = Vec<Happening>> {
    let amount = -90_000_i64..90_000;
    let currency = prop::sample::select(CURRENCIES.to_vec());
    let cash = (amount, currency).prop_map(|(amount, currency)| money(amount, currency));
    let held = prop::sample::select(vec![FUND, FUTURE, OPTION, SUCCESSOR]);
    let stock = prop::sample::select(vec![FUND, SUCCESSOR]);
    let execution =
        (0_usize..5, prop::bool::ANY, prop::collection::vec((1_i64..60, 100_i64..90_000, 0_i64..900), 1..3));
    let execution = execution.prop_map(move |(order, against, versions)| {
        let (intent, contract, wants) = &orders()[order];
        let wanted: i64 = wants.iter().map(|(_, want)| want.units()).sum();
        let sign = if (wanted < 0) != against { -1 } else { 1 };
        let tell = |(version, (shares, price, charge)): (usize, (i64, i64, i64))| {
            let fill = fill(*intent, number % 9, version + 1, *contract, sign * shares, price);
            let charge = Happening::Charge(fill.execution.clone(), money(charge, Currency::Eur));
            [Happening::Fill(fill), charge]
        };
        versions.into_iter().enumerate().flat_map(tell).collect::<Vec<_>>()
    });
    let line = prop_oneof![
        cash.clone().prop_map(|amount| LedgerEvent::Flow { amount }),
        cash.clone().prop_map(|amount| LedgerEvent::Interest { amount }),
        cash.clone().prop_map(|amount| LedgerEvent::Fee { amount }),
        (held.clone(), cash.clone()).prop_map(|(contract, amount)| LedgerEvent::Dividend { contract, amount }),
        (prop::option::of(held.clone()), cash.clone())
            .prop_map(|(contract, amount)| LedgerEvent::Tax { contract, amount }),
        (prop::option::of(held.clone()), cash.clone())
            .prop_map(|(contract, amount)| LedgerEvent::BorrowFee { contract, amount }),
        (prop::option::of(held), cash.clone()).prop_map(|(contract, amount)| LedgerEvent::Accrual { contract, amount }),
        (cash.clone(), cash.clone()).prop_map(|(sold, bought)| LedgerEvent::Conversion { sold, bought }),
        (stock.clone(), 1_u32..4, 1_u32..3).prop_map(|(contract, numerator, denominator)| LedgerEvent::Split {
            contract,
            numerator,
            denominator
        }),
        Just(LedgerEvent::Renamed { contract: FUND, successor: SUCCESSOR }),
        Just(LedgerEvent::Recall { contract: FUND, quantity: whole(5) }),
        (1_000_i64..20_000)
            .prop_map(|price| LedgerEvent::VariationMargin { contract: FUTURE, settlement: cents(price) }),
        (-9_i64..9, cash.clone(), prop::option::of(1_i64..900)).prop_map(|(quantity, cash, delivered)| {
            let deliver =
                |shares| Delivery { contract: FUND, side: Side::Sell, quantity: whole(shares), price: cents(5) };
            let delivery = delivered.map(deliver);
            LedgerEvent::OptionEnded {
                contract: OPTION,
                how: OptionEnd::Assigned,
                quantity: whole(quantity),
                cash,
                delivery,
            }
        }),
        (prop::option::of(prop::sample::select(vec![FUND, FUTURE])), -5_i64..5, cash).prop_map(
            |(contract, shares, amount)| {
                let quantity = whole(shares);
                LedgerEvent::Adjustment { contract, quantity, amount, by: "k".into(), reason: "r".into() }
            }
        ),
    ];
    prop_oneof![
        4 => execution,
        4 => line.prop_map(|event| vec![Happening::Line(event)]),
        1 => (stock, -40_i64..40, 100_i64..9_000).prop_map(|(c, shares, price)| vec![Happening::Cross(c, shares, price)]),
        1 => (1_i64..90_000, 1_i64..90_000, 5_000_i64..20_000).prop_map(|(fund, future, eur)| vec![Happening::Close(fund, future, eur)]),
    ]
}

fn history(length: usize) -> impl Strategy<Value = Vec<Happening>> {
    let happenings: Vec<_> = (0..length).map(|number| happening(number).boxed()).collect();
    happenings.prop_map(|happenings| happenings.into_iter().flatten().collect())
}

fn opened(universe: &Universe) -> SleeveBooks {
    let mut sleeves = SleeveBooks::new(SLEEVES);
    orders().iter().for_each(|(intent, contract, wants)| sleeves.open_order(key(*intent), *contract, wants, universe));
    sleeves
}

fn marks(fund: i64, future: i64) -> PerContract<Option<Price>> {
    PerContract::from_vec(vec![Some(cents(fund)), Some(cents(future)), Some(cents(300)), Some(cents(fund))])
}

fn eurusd(rate: i64) -> FxRates {
    let mut fx = FxRates::new(Currency::Usd);
    fx.set(Currency::Eur, Decimal::new(rate, 4)).unwrap();
    fx
}

#[test]
fn what_a_deposits_currency_does_after_it_came_is_profit() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let euros = Money::new(Decimal::from(100), Currency::Eur);
    books.post_line("deposit", Timestamp::UNIX_EPOCH, LedgerEvent::Flow { amount: euros }, &universe).unwrap();
    let mut sleeves = opened(&universe).with_period(&books, &universe);
    sleeves.value_flows(&eurusd(11_000));
    let profits = sleeves.close_day(&marks(1, 1), &eurusd(12_000), &universe).unwrap();
    let earned: BaseMoney = profits.iter().map(|profit| profit.today).sum();
    assert_eq!(earned, BaseMoney::new(Decimal::from(10)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever happens, in whatever order and with corrections, the sleeves are the account, and their profits are its.
    #[test]
    fn sleeves_sum_to_the_account_and_their_profits_to_its_profit(history in history(30)) {
        let universe = universe();
        let (mut books, mut opening) = (Books::new(Ledger::new(&universe)), opened(&universe));
        let (mut nav, mut flows, mut cumulative) = (BaseMoney::ZERO, PerCurrency::<Decimal>::default(), BaseMoney::ZERO);
        for (number, happening) in history.into_iter().enumerate() {
            match happening {
                Happening::Fill(fill) => drop(books.post_fill(&fill, &universe)),
                Happening::Charge(execution, amount) => drop(books.post_charge(&execution, amount)),
                Happening::Line(event) => {
                    let at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number as i64);
                    let posted = books.post_line(&format!("l{number}"), at, event.clone(), &universe);
                    if let (LedgerEvent::Flow { amount }, Ok(_)) = (event, posted) {
                        flows[amount.currency] += amount.amount;
                    }
                }
                Happening::Cross(contract, shares, price) => {
                    let wants = [(SleeveId(3), whole(shares)), (SleeveId(5), whole(-shares))];
                    opening.cross(contract, &wants, cents(price), &universe);
                }
                Happening::Close(fund, future, eur) => {
                    let (marks, fx) = (marks(fund, future), eurusd(eur));
                    opening = opening.with_period(&books, &universe);
                    books.close(day());
                    let profits = opening.close_day(&marks, &fx, &universe).unwrap();
                    let now = books.ledger().nav(&marks, &fx, &universe).unwrap();
                    let put_in = CURRENCIES.map(|currency| fx.to_base(Money::new(flows[currency], currency)).unwrap());
                    let earned = now - nav - put_in.into_iter().sum::<BaseMoney>();
                    prop_assert_eq!(profits.iter().map(|profit| profit.today).sum::<BaseMoney>(), earned);
                    cumulative += earned;
                    prop_assert_eq!(profits.iter().map(|profit| profit.cumulative).sum::<BaseMoney>(), cumulative);
                    (nav, flows) = (now, PerCurrency::default());
                }
            }
            assert_sums(&opening.clone().with_period(&books, &universe), books.ledger(), &universe);
        }
        let text = serde_json::to_string(&opening).unwrap();
        prop_assert_eq!(serde_json::from_str::<SleeveBooks>(&text).unwrap(), opening);
    }

    /// The fills of an order in any order, each as often as told and in its last version, give each sleeve the same.
    #[test]
    fn who_gets_what_does_not_depend_on_the_order_of_executions(
        (told, shuffled) in history(8).prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
    ) {
        let universe = universe();
        let booked = |told: &[Happening]| {
            let mut books = Books::new(Ledger::new(&universe));
            for happening in told {
                match happening {
                    Happening::Fill(fill) => drop(books.post_fill(fill, &universe)),
                    Happening::Charge(execution, amount) => drop(books.post_charge(execution, *amount)),
                    _ => {}
                }
            }
            opened(&universe).with_period(&books, &universe)
        };
        prop_assert_eq!(booked(&told), booked(&shuffled));
    }

    #[test]
    fn shares_lose_nothing(total in -900_000_i64..900_000, weights in prop::collection::vec(-500_i64..500, 1..6), lot in 1_i64..4) {
        prop_assume!(weights.iter().sum::<i64>() != 0);
        prop_assert_eq!(apportioned(total, &weights, lot).iter().sum::<i64>(), total);
        let money = Decimal::new(total, 3);
        prop_assert_eq!(shared(money, &weights).iter().sum::<Decimal>(), money);
    }
}

#[test]
fn a_split_scales_every_sleeve_to_whole_shares_that_sum_to_the_account() {
    let universe = universe();
    let [core, credit, tail] = [SleeveId(3), SleeveId(4), SleeveId(5)];
    let after = |wants: &[(SleeveId, i64)]| {
        let mut sleeves = SleeveBooks::new(SLEEVES);
        for &(sleeve, shares) in wants {
            sleeves.trade(sleeve, FUND, whole(shares), Decimal::ZERO, &universe);
        }
        sleeves.apply(&LedgerEvent::Split { contract: FUND, numerator: 1, denominator: 2 }, &universe);
        [core, credit, tail].map(|sleeve| sleeves.quantity(sleeve, FUND))
    };
    assert_eq!(after(&[(core, 3), (credit, 3), (tail, 1)]), [whole(2), whole(1), whole(0)], "seven become three");
    assert_eq!(after(&[(core, 1_000), (credit, -999)]), [whole(500), whole(-500), whole(0)], "one becomes none");
    assert_eq!(after(&[(core, 3), (tail, -3)]), [whole(2), whole(0), whole(-2)], "what cancels goes on cancelling");
}

#[test]
fn opposite_wants_cross_inside_at_the_average_price_of_the_order() {
    let universe = universe();
    let [core, credit] = [SleeveId(3), SleeveId(4)];
    let mut sleeves = SleeveBooks::new(SLEEVES);
    sleeves.open_order(key(1), FUND, &[(core, whole(100)), (credit, whole(-60))], &universe);
    sleeves.apply(&LedgerEvent::Fill(fill(1, 1, 1, FUND, 10, 1_000)), &universe);
    assert_eq!((sleeves.quantity(core, FUND), sleeves.quantity(credit, FUND)), (whole(25), whole(-15)));
    sleeves.apply(&LedgerEvent::Fill(fill(1, 2, 1, FUND, 30, 1_200)), &universe);
    assert_eq!((sleeves.quantity(core, FUND), sleeves.quantity(credit, FUND)), (whole(100), whole(-60)));
    assert_eq!(sleeves.cash(core, Currency::Eur), dec!(-1150), "40 shares at 11.50 on average, and 60 from the other");
    assert_eq!(sleeves.cash(credit, Currency::Eur), dec!(690));
    let charge =
        LedgerEvent::Commission { execution: ExecutionId("e1.2.01".into()), amount: money(160, Currency::Eur) };
    sleeves.apply(&charge, &universe);
    assert_eq!(sleeves.cash(core, Currency::Eur), dec!(-1151), "100 of the 160 shares that changed hands");
}

#[test]
fn more_than_was_ordered_is_nobodys() {
    let universe = universe();
    let mut sleeves = SleeveBooks::new(SLEEVES);
    sleeves.open_order(key(1), FUND, &[(SleeveId(3), whole(10))], &universe);
    sleeves.apply(&LedgerEvent::Fill(fill(1, 1, 1, FUND, 12, 1_000)), &universe);
    assert_eq!(sleeves.quantity(SleeveId(3), FUND), whole(10));
    assert_eq!(sleeves.quantity(SleeveId::EXTERNAL, FUND), whole(2));
}

#[test]
fn a_position_nobody_opened_is_externals_until_it_is_adopted() {
    let universe = universe();
    let mut sleeves = SleeveBooks::new(SLEEVES);
    let unknown = Fill { order: None, ..fill(1, 1, 1, FUND, 10, 1_000) };
    sleeves.apply(&LedgerEvent::Fill(unknown), &universe);
    assert_eq!(sleeves.quantity(SleeveId::EXTERNAL, FUND), whole(10));
    sleeves.adopt(FUND, whole(10), SleeveId(4), cents(1_100), &universe);
    assert!(sleeves.holdings(SleeveId::EXTERNAL).is_empty());
    assert_eq!(sleeves.cash(SleeveId::EXTERNAL, Currency::Eur), dec!(10), "it earned one euro a share");
    let dividend = LedgerEvent::Dividend { contract: FUND, amount: money(500, Currency::Eur) };
    sleeves.apply(&dividend, &universe);
    assert_eq!(sleeves.cash(SleeveId(4), Currency::Eur), dec!(-105));
}

#[test]
fn a_sleeve_that_is_no_longer_configured_keeps_what_is_its() {
    let universe = universe();
    let mut sleeves = SleeveBooks::new(["core", "credit"]);
    sleeves.open_order(key(1), FUND, &[(SleeveId(4), whole(10))], &universe);
    sleeves.apply(&LedgerEvent::Fill(fill(1, 1, 1, FUND, 10, 1_000)), &universe);
    let sleeves = sleeves.with_sleeves(["tail", "core"]);
    assert_eq!(sleeves.id("tail"), Some(SleeveId(5)));
    assert_eq!((sleeves.name(SleeveId(4)), sleeves.quantity(SleeveId(4), FUND)), ("credit", whole(10)));
    let moved = sleeves.rekeyed(|contract| (contract == FUND).then_some(SUCCESSOR)).unwrap();
    assert_eq!(moved.quantity(SleeveId(4), SUCCESSOR), whole(10));
    assert_eq!(moved.rekeyed(|_| None), Err(SUCCESSOR));
}
