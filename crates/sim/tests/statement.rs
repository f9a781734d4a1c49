//! What happens to the account outside of orders: it ties out, and what is done on purpose shows the right numbers.
#![allow(missing_docs, reason = "stories, not an interface")]

mod world;

use domain::{ContractId, Currency, Money, PerCurrency, Price, Quantity, Side};
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy, dec};
use sim::{
    AccountEvents, AccountView, CashKind, Intervention, Prices, Scenario, SimConfig, Simulation, StatementEntry,
    StatementItem,
};
use world::*;

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The small world with CS51 as a fund that splits, and every kind of event more often than in life.
fn eventful(seed: u64) -> Simulation {
    let prices = Prices::Simulated { scenario: Scenario::Crash, seed, first_day: FIRST_DAY };
    let events = AccountEvents { recalls_per_year: 12.0, splits_per_year: 2.0, ..AccountEvents::realistic() };
    Simulation::new(SimConfig { events, seed, ..config(prices) }).expect("a valid configuration")
}

fn cash(view: &AccountView, currency: Currency) -> Decimal {
    view.cash.iter().find(|row| row.currency == currency).map_or(Decimal::ZERO, |row| row.cash)
}

fn entries(simulation: &Simulation, contract: ContractId) -> Vec<&StatementItem> {
    let of = |entry: &&StatementEntry| entry.contract == Some(contract);
    simulation.statement().iter().filter(of).map(|entry| &entry.item).collect()
}

fn trade(contract: ContractId, side: Side, quantity: i64) -> Intervention {
    Intervention::Trade { contract, side, quantity: Quantity::whole(quantity), price: None }
}

fn do_it(simulation: &mut Simulation, intervention: &Intervention) {
    simulation.allows(intervention).expect("possible");
    simulation.intervene(intervention);
}

/// Cash by currency, from nothing but executions, settlements of futures and the statement.
struct Audit {
    cash: PerCurrency<Decimal>,
    /// Value of the open futures at their last settlement.
    settled: Decimal,
    futures: Quantity,
    executions: usize,
    lines: usize,
}

impl Audit {
    fn new() -> Audit {
        let mut cash = PerCurrency::default();
        cash[Currency::Usd] = dec!(10_000_000);
        Audit { cash, settled: Decimal::ZERO, futures: Quantity::ZERO, executions: 0, lines: 0 }
    }

    fn book(&mut self, simulation: &Simulation) {
        let universe = universe();
        for execution in &simulation.executions(Timestamp::MIN)[self.executions..] {
            let terms = universe.terms(execution.contract);
            let signed = Quantity::from_units(execution.quantity.units() * execution.side.sign());
            let value = signed.value_at(execution.price, terms.multiplier);
            if terms.settles_daily {
                self.settled += value;
                self.futures += signed;
            } else {
                self.cash[terms.currency] -= value;
            }
            self.cash[terms.currency] -= execution.commission.amount;
            self.executions += 1;
        }
        for entry in &simulation.statement()[self.lines..] {
            if let Some(amount) = entry.cash() {
                assert_eq!(amount, cents(amount), "whole cents");
                self.cash[entry.currency] += amount;
            }
            self.lines += 1;
        }
    }

    fn settle(&mut self, price: Price) {
        let value = self.futures.value_at(price, 12_500);
        self.cash[Currency::Usd] += value - self.settled;
        self.settled = value;
    }

    fn agrees(&self, view: &AccountView) {
        for row in &view.cash {
            assert_eq!(row.cash, self.cash[row.currency], "{} in {:?}", row.currency, view.cash);
        }
        let total: Decimal = view.cash.iter().map(|row| row.exchange_rate * row.total()).sum();
        assert_eq!(cents(total), view.net_liquidation);
    }
}

/// Trades through a span of days, long and short, and checks the books every evening.
fn live(simulation: &mut Simulation, days: i64) -> Audit {
    let mut audit = Audit::new();
    let calendars = calendars();
    let chicago = calendars.get(domain::Mic::Cmes).expect("loaded");
    for day in 0..days {
        let morning = at("2025-11-03T15:00:00Z") + SignedDuration::from_hours(24 * day);
        simulation.advance_to(morning);
        audit.book(simulation);
        for (contract, every, quantity) in [(ACME, 3, -150_i64), (CS51, 5, -40), (CSPX, 7, 30), (ACME, 11, 500)] {
            if day % every == 0 {
                let side = if quantity < 0 { Side::Sell } else { Side::Buy };
                do_it(simulation, &trade(contract, side, quantity.abs()));
            }
        }
        if day % 9 == 0 && day < 100 {
            do_it(simulation, &trade(M6E_MARCH, if day % 2 == 0 { Side::Sell } else { Side::Buy }, 7));
        }
        audit.book(simulation);
        audit.agrees(&simulation.account());
        let date = date(2025, 11, 3).saturating_add(jiff::Span::new().days(day));
        if let Ok(Some(session)) = chicago.session(date)
            && date <= jiff::civil::date(2026, 3, 16)
        {
            simulation.advance_to(session.close);
            audit.book(simulation);
            audit.settle(simulation.bars(M6E_MARCH, jiff::civil::date(2100, 1, 1), 1)[0].close);
            if date == jiff::civil::date(2026, 3, 16) {
                (audit.futures, audit.settled) = (Quantity::ZERO, Decimal::ZERO);
            }
        }
        audit.agrees(&simulation.account());
    }
    audit
}

#[test]
fn a_year_of_everything_that_happens_ties_out_to_the_cent() {
    let mut simulation = eventful(3);
    live(&mut simulation, 365);
    let count = |kind: fn(&StatementItem) -> bool| simulation.statement().iter().filter(|e| kind(&e.item)).count();
    let of_kind = |wanted: CashKind| {
        let of = |entry: &&StatementEntry| matches!(entry.item, StatementItem::Cash { kind, .. } if kind == wanted);
        simulation.statement().iter().filter(of).count()
    };
    insta::assert_snapshot!(
        format!(
            "dividends {}, in lieu {}, tax {}, interest {} and {}, borrow fees {}, other fees {}\n\
             accruals {} and {}, borrow days {}, splits {}, recalls {}, executions {}",
            of_kind(CashKind::Dividend), of_kind(CashKind::PaymentInLieu), of_kind(CashKind::WithholdingTax),
            of_kind(CashKind::InterestReceived), of_kind(CashKind::InterestPaid), of_kind(CashKind::BorrowFee),
            of_kind(CashKind::OtherFee),
            count(|item| matches!(item, StatementItem::DividendAccrual(_))),
            count(|item| matches!(item, StatementItem::InterestAccrual { .. })),
            count(|item| matches!(item, StatementItem::BorrowFee { .. })),
            count(|item| matches!(item, StatementItem::Split { .. })),
            count(|item| matches!(item, StatementItem::Recall { .. })),
            simulation.executions(Timestamp::MIN).len(),
        ),
        @"
    dividends 3, in lieu 1, tax 3, interest 13 and 6, borrow fees 22, other fees 12
    accruals 8 and 1090, borrow days 476, splits 4, recalls 17, executions 310
    "
    );
}

#[test]
fn what_is_accrued_is_what_is_paid() {
    let mut simulation = eventful(5);
    live(&mut simulation, 200);
    let view = simulation.account();
    let mut interest: PerCurrency<Decimal> = PerCurrency::default();
    let mut dividends: PerCurrency<Decimal> = PerCurrency::default();
    for entry in simulation.statement() {
        match &entry.item {
            StatementItem::InterestAccrual { amount, .. } => interest[entry.currency] += amount,
            StatementItem::DividendAccrual(accrual) => dividends[entry.currency] += accrual.net(),
            _ => {}
        }
    }
    for row in &view.cash {
        assert_eq!((row.accrued_interest, row.accrued_dividends), (interest[row.currency], dividends[row.currency]));
    }
    assert!(view.cash.iter().any(|row| !row.accrued_interest.is_zero()), "something is always owed: {view:?}");
}

#[test]
fn a_dividend_leaves_the_price_and_reaches_the_account() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T16:00:00Z"));
    do_it(&mut simulation, &trade(ACME, Side::Sell, 1_000));
    let mid = |simulation: &Simulation| simulation.quote(ACME).mid().expect("open").to_decimal();
    let (before, price) = (simulation.account(), mid(&simulation));
    do_it(&mut simulation, &Intervention::Dividend { contract: ACME, rate: dec!(1.5) });
    let (after, ex_price) = (simulation.account(), mid(&simulation));
    assert!((price - ex_price - dec!(1.5)).abs() <= dec!(0.02), "{price} to {ex_price}");
    let usd = &after.cash[0];
    assert_eq!(
        (usd.accrued_dividends, usd.cash),
        (dec!(-1500), before.cash[0].cash),
        "owed by the short, not yet paid"
    );
    assert!((after.net_liquidation - before.net_liquidation).abs() <= dec!(20), "nothing is lost but a tick");

    simulation.advance_to(at("2025-11-11T06:00:00Z"));
    let after = simulation.account();
    assert_eq!((after.cash[0].accrued_dividends, after.cash[0].cash), (dec!(0), before.cash[0].cash - dec!(1500)));
    let [
        StatementItem::DividendAccrual(_),
        StatementItem::DividendAccrual(paid),
        StatementItem::Cash { description, .. },
    ] = entries(&simulation, ACME)[..]
    else {
        panic!("accrued, reversed, paid: {:?}", simulation.statement())
    };
    assert_eq!((paid.pay_date, paid.net()), (date(2025, 11, 10), dec!(1500)));
    assert_eq!(description, "ACME PAYMENT IN LIEU OF DIVIDEND USD 1.5 PER SHARE");
}

#[test]
fn ordinary_dividends_are_continuous_in_total_return_and_taxed_where_they_come_from() {
    let mut simulation = eventful(2);
    simulation.advance_to(at("2025-11-03T16:00:00Z"));
    do_it(&mut simulation, &trade(ACME, Side::Buy, 1_000));
    let mut seen = 0;
    for day in 1..200_i64 {
        let night = at("2025-11-04T00:29:00Z") + SignedDuration::from_hours(24 * day);
        simulation.advance_to(night);
        let (lines, before) = (simulation.statement().len(), simulation.account());
        simulation.advance_to(night + SignedDuration::from_mins(2));
        let fresh = &simulation.statement()[lines..];
        let accrued = fresh.iter().find_map(|entry| match &entry.item {
            StatementItem::DividendAccrual(accrual) if !accrual.reversal => Some(accrual),
            _ => None,
        });
        let split = fresh.iter().any(|entry| matches!(entry.item, StatementItem::Split { .. }));
        let Some(accrual) = accrued.filter(|_| !split) else { continue };
        assert_eq!(accrual.tax, cents(accrual.gross * dec!(0.15)), "a share of New York");
        let change = |pick: fn(&sim::CashRow) -> Decimal| pick(&simulation.account().cash[0]) - pick(&before.cash[0]);
        let lost = change(|row| row.stock_market_value) + accrual.gross;
        assert!(lost.abs() <= accrual.quantity.to_decimal() * dec!(0.01), "half a tick a share: {lost}");
        assert_eq!(fresh[0].date, before_date(&simulation), "it counts for the day that ended");
        seen += 1;
    }
    assert!(seen >= 2, "a share pays every quarter, {seen} seen");
}

fn before_date(simulation: &Simulation) -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(simulation.now()).date().yesterday().expect("inside the calendar")
}

#[test]
fn a_split_changes_numbers_and_nothing_else() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-04T16:00:00Z"));
    do_it(&mut simulation, &trade(ACME, Side::Sell, 300));
    let before = simulation.account();
    let close = simulation.bars(ACME, date(2025, 11, 4), 1)[0];
    do_it(&mut simulation, &Intervention::Split { contract: ACME, numerator: 3, denominator: 1 });
    let after = simulation.account();
    let [old, new] = [&before, &after].map(|view| &view.positions[0]);
    assert_eq!(new.quantity, Quantity::whole(-900));
    assert!((new.average_cost * dec!(3) - old.average_cost).abs() < dec!(0.000001));
    assert!((new.market_value - old.market_value).abs() <= dec!(900) * dec!(0.02), "{old:?} {new:?}");
    assert_eq!(before.cash[0].cash, after.cash[0].cash);
    let third = simulation.bars(ACME, date(2025, 11, 4), 1)[0];
    assert!((third.close.to_decimal() * dec!(3) - close.close.to_decimal()).abs() <= dec!(0.02), "history follows");
}

#[test]
fn a_called_back_loan_is_bought_at_the_close_by_nobody_in_particular() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T16:00:00Z"));
    do_it(&mut simulation, &trade(ACME, Side::Sell, 500));
    do_it(&mut simulation, &Intervention::Recall { contract: ACME });
    simulation.advance_to(at("2025-11-04T06:00:00Z"));
    let [_, bought] = simulation.executions(Timestamp::MIN) else { panic!("a sale and a purchase") };
    let close = simulation.bars(ACME, date(2025, 11, 4), 1)[0].close;
    assert_eq!((bought.quantity, bought.price, bought.order_ref.as_str()), (Quantity::whole(500), close, ""));
    assert!(simulation.account().positions.is_empty());
    let again = Intervention::BuyIn { contract: ACME };
    insta::assert_snapshot!(simulation.allows(&again).expect_err("flat"), @"this cannot happen now: nothing of it is sold short");
}

#[test]
fn a_correction_replaces_and_a_withdrawal_undoes() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T16:00:00Z"));
    let untouched = cash(&simulation.account(), Currency::Usd);
    do_it(&mut simulation, &trade(ACME, Side::Buy, 100));
    let first = simulation.executions(Timestamp::MIN)[0].clone();
    let price = Price::from_mantissa(first.price.mantissa() - 5_000_000).expect("above zero");
    let execution = first.id.clone();
    do_it(&mut simulation, &Intervention::Correct { execution: execution.clone(), quantity: None, price: Some(price) });
    let [_, corrected] = simulation.executions(Timestamp::MIN) else { panic!("both are listed") };
    assert_eq!(corrected.id.to_string(), "0000e0d5.00000001.01.02");
    let paid = untouched - cash(&simulation.account(), Currency::Usd);
    assert_eq!(paid, dec!(100) * price.to_decimal() + first.commission.amount, "the last version is in the books");
    do_it(&mut simulation, &Intervention::Withdraw { execution });
    let view = simulation.account();
    assert_eq!((cash(&view, Currency::Usd), view.positions.len()), (untouched, 0));
    assert!(simulation.executions(Timestamp::MIN).is_empty());
}

#[test]
fn money_moves_by_command_and_a_sweep_changes_no_total() {
    let mut simulation = calm();
    let usd = |amount: Decimal| Money::new(amount, Currency::Usd);
    do_it(&mut simulation, &Intervention::Flow { amount: usd(dec!(250_000)) });
    let before = simulation.account();
    do_it(&mut simulation, &Intervention::Sweep { amount: usd(dec!(40_000)) });
    let after = simulation.account();
    assert_eq!(before.net_liquidation, dec!(10_250_000));
    assert_eq!(after.net_liquidation, before.net_liquidation);
    assert_eq!((after.cash[0].cash, after.cash[0].futures_pnl), (dec!(10_210_000), dec!(40_000)));
    let bought = Money::new(dec!(8_600), Currency::Eur);
    do_it(&mut simulation, &Intervention::Convert { sold: usd(dec!(10_000)), bought });
    assert_eq!(cash(&simulation.account(), Currency::Eur), dec!(8_600));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_books_are_the_same_in_one_stride_or_in_many(seed in 0_u64..50, hours in prop::collection::vec(1..90_i64, 4..12)) {
        let run = |strides: &[i64]| {
            let mut simulation = eventful(seed);
            simulation.advance_to(at("2025-11-03T16:00:00Z"));
            for (contract, side) in [(ACME, Side::Sell), (CS51, Side::Sell), (CSPX, Side::Buy)] {
                do_it(&mut simulation, &trade(contract, side, 500));
            }
            for hours in strides {
                simulation.advance_to(simulation.now() + SignedDuration::from_hours(*hours));
            }
            (simulation.statement().to_vec(), simulation.account())
        };
        prop_assert_eq!(run(&hours), run(&[hours.iter().sum()]));
    }
}

#[test]
fn an_account_without_events_has_no_statement() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-12-30T12:00:00Z"));
    assert!(simulation.statement().is_empty());
}
