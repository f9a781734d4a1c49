//! Laws and stories of the books: whatever order the world tells them in, there is one ledger.

use super::*;
use crate::{Contract, Currency, Instrument, InstrumentId, InstrumentKind, OptionEnd, Price, Quantity, Side, Universe};
use jiff::SignedDuration;
use proptest::prelude::*;
use rust_decimal::Decimal;

const FUND: ContractId = ContractId(0);
const FUTURE: ContractId = ContractId(1);
const OPTION: ContractId = ContractId(2);
const SUCCESSOR: ContractId = ContractId(3);

fn universe() -> Universe {
    let line = |name, kind, multiplier| Instrument { multiplier, ..Instrument::plain(name, kind, Currency::Usd) };
    let instruments = vec![
        line("FUND", InstrumentKind::Etf, 1),
        line("M6E", InstrumentKind::Fut, 12_500),
        line("PUT", InstrumentKind::Opt, 100),
        line("FUND2", InstrumentKind::Etf, 1),
    ];
    let contract = |(i, line): (usize, &Instrument)| Contract {
        name: line.name.clone(),
        instrument: InstrumentId(i as u16),
        expiry: None,
    };
    let contracts = instruments.iter().enumerate().map(contract).collect();
    Universe::new(instruments, contracts)
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
}

fn usd(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), Currency::Usd)
}

fn cents(cents: i64) -> Price {
    Price::from_mantissa(cents * 1_000_000).unwrap()
}

fn fill(id: &str, contract: ContractId, shares: i64, price: Price, at: i64) -> Fill {
    let side = if shares < 0 { Side::Sell } else { Side::Buy };
    let (execution, quantity) = (ExecutionId(id.into()), Quantity::whole(shares.abs()));
    Fill { execution, order: None, contract, side, quantity, price, at: minute(at) }
}

/// Something a broker can tell.
#[derive(Clone, Debug)]
enum Told {
    Fill(Fill),
    Charge(ExecutionId, Money),
    Line(String, i64, LedgerEvent),
}

fn tell(books: &mut Books, told: &Told, universe: &Universe) -> Posted {
    match told {
        Told::Fill(fill) => books.post_fill(fill, universe).unwrap(),
        Told::Charge(execution, amount) => books.post_charge(execution, *amount),
        Told::Line(id, at, event) => books.post_line(id, minute(*at), event.clone(), universe).unwrap(),
    }
}

fn told_all<'a>(history: impl IntoIterator<Item = &'a Told>, universe: &Universe) -> Books {
    let mut books = Books::new(Ledger::new(universe));
    history.into_iter().for_each(|told| drop(tell(&mut books, told, universe)));
    books
}

fn execution(index: usize) -> impl Strategy<Value = Vec<Told>> {
    let version = (1_i64..400, prop::bool::ANY, 100_i64..90_000, 0_i64..600, prop::option::of(0_i64..500));
    let contract = prop_oneof![4 => Just(FUND), 3 => Just(FUTURE), 1 => Just(OPTION), 1 => Just(SUCCESSOR)];
    (contract, prop::collection::vec(version, 1..4)).prop_map(move |(contract, versions)| {
        let tell = |(n, (shares, sell, price, at, charge)): (usize, (i64, bool, i64, i64, Option<i64>))| {
            let id = format!("e.{index}.{:02}", n + 1);
            let shares = if sell { -shares } else { shares };
            let charge = charge.map(|amount| Told::Charge(ExecutionId(id.as_str().into()), usd(amount)));
            [Told::Fill(fill(&id, contract, shares, cents(price), at))].into_iter().chain(charge)
        };
        versions.into_iter().enumerate().flat_map(tell).collect()
    })
}

fn line(index: usize) -> impl Strategy<Value = Vec<Told>> {
    let cash = -50_000_i64..50_000;
    let event = prop_oneof![
        (100_i64..90_000).prop_map(|price| LedgerEvent::VariationMargin { contract: FUTURE, settlement: cents(price) }),
        cash.clone().prop_map(|amount| LedgerEvent::Flow { amount: usd(amount) }),
        cash.clone().prop_map(|amount| LedgerEvent::Dividend { contract: FUND, amount: usd(amount) }),
        cash.clone().prop_map(|amount| LedgerEvent::Accrual { contract: None, amount: usd(amount) }),
        (2_u32..5).prop_map(|n| LedgerEvent::Split { contract: FUND, numerator: n, denominator: 1 }),
        Just(LedgerEvent::Renamed { contract: FUND, successor: SUCCESSOR }),
        (-20_i64..20, cash.clone()).prop_map(|(contracts, cash)| LedgerEvent::OptionEnded {
            contract: OPTION,
            how: OptionEnd::Expired,
            quantity: Quantity::whole(contracts),
            cash: usd(cash),
            delivery: None,
        }),
        (-20_i64..20, cash).prop_map(|(shares, cash)| LedgerEvent::Adjustment {
            contract: Some(FUND),
            quantity: Quantity::whole(shares),
            amount: usd(cash),
            by: "k".into(),
            reason: "r".into(),
        }),
    ];
    (0_i64..600, event).prop_map(move |(at, event)| vec![Told::Line(format!("line {index}"), at, event)])
}

/// A history of executions with corrections and charges, and of everything else.
fn history() -> impl Strategy<Value = Vec<Told>> {
    let executions: Vec<_> = (0..7).map(|i| execution(i).boxed()).collect();
    let lines: Vec<_> = (0..5).map(|i| line(i).boxed()).collect();
    (executions, lines).prop_map(|(executions, lines)| executions.into_iter().chain(lines).flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_and_repetition_of_a_history_gives_the_same_books(
        (history, told) in history().prop_flat_map(|history| {
            let twice: Vec<Told> = history.iter().chain(&history).cloned().collect();
            (Just(history), Just(twice).prop_shuffle())
        }),
    ) {
        let universe = universe();
        prop_assert_eq!(told_all(&told, &universe), told_all(&history, &universe));
    }

    /// Only the last version of each execution and of each charge counts, as if nothing else had been told.
    #[test]
    fn a_correction_replaces(history in history()) {
        let universe = universe();
        let last = |told: &&Told| {
            let later = |id: &ExecutionId| history.iter().any(|other| match (told, other) {
                (Told::Fill(_), Told::Fill(Fill { execution: other, .. }))
                | (Told::Charge(..), Told::Charge(other, _)) => other.versus(id) == Some(Ordering::Greater),
                _ => false,
            });
            !matches!(told, Told::Fill(Fill { execution, .. }) | Told::Charge(execution, _) if later(execution))
        };
        let corrected = told_all(&history, &universe);
        let only_last = told_all(history.iter().filter(last), &universe);
        prop_assert_eq!(corrected.ledger(), only_last.ledger());
    }

    /// Where a period ends makes no difference to cash, quantities and value, wherever corrections come.
    #[test]
    fn a_correction_of_a_closed_period_takes_back_and_books_anew(
        executions in (0..6_usize).map(|i| execution(i).boxed()).collect::<Vec<_>>(), ends in prop::collection::vec(0_usize..20, 0..4),
    ) {
        let universe = universe();
        let history: Vec<Told> = executions.into_iter().flatten().collect();
        let mut books = Books::new(Ledger::new(&universe));
        let today: Date = "2026-01-05".parse().unwrap();
        for (i, told) in history.iter().enumerate() {
            tell(&mut books, told, &universe);
            if ends.contains(&i) {
                books.close(today);
                prop_assert_eq!(books.open().len(), 0);
            }
        }
        for told in &history {
            prop_assert_eq!(tell(&mut books, told, &universe), Posted::Again);
        }
        let plain = told_all(&history, &universe);
        for contract in universe.contracts() {
            let (ours, theirs) = (books.ledger().position(contract), plain.ledger().position(contract));
            prop_assert_eq!(ours.quantity, theirs.quantity);
            prop_assert_eq!(ours.settled_value, theirs.settled_value);
            prop_assert_eq!(ours.realised - ours.basis, theirs.realised - theirs.basis, "all profit but the market's");
        }
        prop_assert_eq!(books.ledger().cash(Currency::Usd), plain.ledger().cash(Currency::Usd));
        prop_assert_eq!(books.ledger().commissions(Currency::Usd), plain.ledger().commissions(Currency::Usd));
    }

    #[test]
    fn books_read_back_as_they_were_stored(history in history()) {
        let books = told_all(&history, &universe());
        let text = serde_json::to_string(&books).unwrap();
        prop_assert_eq!(serde_json::from_str::<Books>(&text).unwrap(), books);
    }
}

#[test]
fn a_charge_waits_for_its_execution_and_follows_its_correction() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let id = |text: &str| ExecutionId(text.into());
    assert_eq!(books.post_charge(&id("a.1.01"), usd(150)), Posted::Waiting);
    assert_eq!(books.ledger().commissions(Currency::Usd), Decimal::ZERO);
    let posted = books.post_fill(&fill("a.1.01", FUND, 10, cents(100), 1), &universe);
    assert_eq!(posted, Ok(Posted::Charged(id("a.1.01"), usd(150))));
    assert_eq!(books.post_charge(&id("a.1.01"), usd(150)), Posted::Again);
    assert!(matches!(books.post_fill(&fill("a.1.02", FUND, 9, cents(100), 1), &universe), Ok(Posted::Replaced(_))));
    assert_eq!(books.ledger().commissions(Currency::Usd), Decimal::new(150, 2), "until the correction has its own");
    assert!(matches!(books.post_charge(&id("a.1.02"), usd(140)), Posted::Replaced(_)));
    assert_eq!(books.post_charge(&id("a.1.01"), usd(150)), Posted::Again);
    assert_eq!(books.ledger().cash(Currency::Usd), Decimal::new(-900 - 140, 2));
    assert_eq!(books.charges().map(|(of, amount)| (of.0.as_str(), amount)).collect::<Vec<_>>(), [("a.1.02", usd(140))]);
}

#[test]
fn a_charge_that_comes_in_parts_is_in_the_end_the_last_that_was_told() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let id = ExecutionId("c.1.01".into());
    assert_eq!(books.post_charge(&id, usd(40)), Posted::Waiting);
    assert_eq!(books.post_charge(&id, usd(60)), Posted::Waiting);
    let posted = books.post_fill(&fill("c.1.01", FUND, 10, cents(100), 1), &universe);
    assert_eq!(posted, Ok(Posted::Charged(id.clone(), usd(60))));
    assert_eq!(books.ledger().commissions(Currency::Usd), Decimal::new(60, 2));
    assert!(matches!(books.post_charge(&id, usd(150)), Posted::Replaced(_)));
    assert_eq!(books.post_charge(&id, usd(150)), Posted::Again);
    assert_eq!(books.ledger().commissions(Currency::Usd), Decimal::new(150, 2));
    assert_eq!(books.ledger().cash(Currency::Usd), Decimal::new(-1_000 - 150, 2));
}

#[test]
fn an_execution_that_is_not_ours_is_never_booked_nor_its_charge() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let (id, today) = (ExecutionId("b.1.01".into()), "2026-01-05".parse().unwrap());
    assert_eq!(books.post_charge(&id, usd(150)), Posted::Waiting);
    assert!(books.disown(&id, today));
    assert!(!books.disown(&id, today));
    assert_eq!(books.post_fill(&fill("b.1.02", FUND, 10, cents(100), 1), &universe), Ok(Posted::Again));
    assert_eq!(books.post_charge(&id, usd(150)), Posted::Again);
    assert_eq!(books.ledger(), &Ledger::new(&universe));
}

#[test]
fn what_cannot_be_booked_changes_nothing_and_says_what_to_do() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let split = |numerator, denominator| LedgerEvent::Split { contract: FUND, numerator, denominator };
    books.post_fill(&fill("c.1.01", FUND, 5, cents(100), 1), &universe).unwrap();
    let before = books.clone();
    let refused = books.post_line("s", minute(2), split(0, 2), &universe).unwrap_err();
    assert_eq!(refused.to_string(), "a split of FUND of 0 for 2 is no ratio: correct the line");
    assert_eq!(books, before);
    let held = fill("c.2.01", FUND, 900_000_000_000, cents(100), 2);
    books.post_fill(&held, &universe).unwrap();
    let refused = books.post_line("s", minute(3), split(u32::MAX, 1), &universe).unwrap_err();
    assert!(matches!(refused, Unbookable::TooMany { .. }), "{refused}");
    books.post_fill(&fill("c.2.02", FUND, 0, cents(100), 2), &universe).unwrap();
    assert_eq!(books.ledger(), before.ledger());
}

#[test]
fn a_split_leaves_whole_shares_toward_zero_at_the_whole_cost() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let split = |numerator, denominator| LedgerEvent::Split { contract: FUND, numerator, denominator };
    books.post_fill(&fill("c.1.01", FUND, -5, cents(100), 1), &universe).unwrap();
    books.post_line("s", minute(2), split(1, 2), &universe).unwrap();
    assert_eq!(books.ledger().quantity(FUND), Quantity::whole(-2));
    assert_eq!(
        books.ledger().position(FUND).basis,
        Decimal::new(-500, 2),
        "what is left off is sold when its cash comes"
    );
    books.post_fill(&fill("c.2.01", FUND, -2, cents(100), 0), &universe).unwrap();
    assert_eq!(books.ledger().quantity(FUND), Quantity::whole(-3), "as if it had been told in time");
}

#[test]
fn memory_ends_where_the_brokers_does() {
    let universe = universe();
    let mut books = Books::new(Ledger::new(&universe));
    let day = |text: &str| -> Date { text.parse().unwrap() };
    books.post_fill(&fill("d.1.01", FUND, 5, cents(100), 1), &universe).unwrap();
    books.close(day("2026-01-05"));
    books.forget_before(day("2026-01-05"));
    assert_eq!(books.post_fill(&fill("d.1.01", FUND, 5, cents(100), 1), &universe), Ok(Posted::Again));
    books.forget_before(day("2026-01-06"));
    assert_eq!(books.post_fill(&fill("d.1.01", FUND, 5, cents(100), 1), &universe), Ok(Posted::New));
}
