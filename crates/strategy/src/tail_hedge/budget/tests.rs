//! A year of premium, and any sequence of orders, fills and restarts.

use super::*;
use HedgeType::{CreditPuts, EquityPuts, SovereignSpread, VixCalls};
use proptest::prelude::*;

fn money(text: &str) -> BaseMoney {
    BaseMoney::new(text.parse().unwrap())
}

fn policy() -> BudgetPolicy {
    crate::tail_hedge::fixture::policy().budget
}

fn order(intent: u16) -> OrderKey {
    OrderKey { date: Date::constant(2026, 3, 2), intent }
}

fn ledger_at(dates: &[(&str, bool)]) -> BudgetLedger {
    let mut ledger = BudgetLedger::default();
    for (date, stressed) in dates {
        ledger.advance(date.parse().unwrap(), money("12000000"), *stressed, &policy());
    }
    ledger
}

#[test]
fn a_month_accrues_a_twelfth_of_the_year_and_divides_it_by_type() {
    let ledger = ledger_at(&[("2026-03-02", false), ("2026-03-03", false), ("2026-03-31", false)]);
    let free = HedgeType::ALL.map(|hedge| format!("{hedge} {}", ledger.free(hedge)));
    insta::assert_snapshot!(free.join("\n"), @r"
    equity puts 10,000.00
    VIX calls 5,000.00
    credit puts 3,750.00
    OAT–Bund 3,750.00
    bank puts 2,500.00
    ");
}

#[test]
fn a_stressed_date_raises_its_month_by_half_once_and_for_the_whole_month() {
    let calm = ledger_at(&[("2026-03-02", false)]).free(EquityPuts);
    let stressed = [("2026-03-02", false), ("2026-03-09", true), ("2026-03-10", true), ("2026-03-20", false)];
    assert_eq!(calm, money("10000"));
    assert_eq!(ledger_at(&stressed).free(EquityPuts), money("15000"));
    let next = [&stressed[..], &[("2026-04-01", false)]].concat();
    assert_eq!(ledger_at(&next).free(EquityPuts), money("25000"), "April is calm again");
}

#[test]
fn unspent_premium_lapses_with_its_thirteenth_month() {
    let mut ledger = BudgetLedger::default();
    for month in 0..30 {
        let date = Date::constant(2026, 1, 5).saturating_add(jiff::Span::new().months(month));
        ledger.advance(date, money("12000000"), false, &policy());
        assert!(ledger.free(EquityPuts) <= money("120000"), "never more than a year's");
    }
    assert_eq!(ledger.free(EquityPuts), money("120000"));
}

#[test]
fn a_month_nobody_saw_and_a_month_without_nav_accrue_nothing() {
    let mut ledger = ledger_at(&[("2026-03-02", false), ("2026-06-01", false)]);
    assert_eq!(ledger.free(VixCalls), money("10000"));
    ledger.advance(Date::constant(2026, 7, 1), BaseMoney::ZERO, true, &policy());
    ledger.advance(Date::constant(2026, 5, 1), money("12000000"), true, &policy());
    assert_eq!(ledger.free(VixCalls), money("10000"));
}

#[test]
fn what_is_reserved_is_not_free_and_what_was_not_spent_comes_back() {
    let mut ledger = ledger_at(&[("2026-03-02", false)]);
    ledger.reserve(order(1), CreditPuts, money("3000")).unwrap();
    let refused = ledger.reserve(order(2), CreditPuts, money("1000")).unwrap_err();
    insta::assert_snapshot!(refused, @"credit puts would cost 1,000.00 and 750.00 of its premium budget is free; it waits for the next month's");
    assert!(matches!(ledger.reserve(order(1), VixCalls, money("1")), Err(BudgetRefusal::Repeated(_))));
    ledger.pay(order(1), CreditPuts, money("1200"));
    ledger.release(order(1));
    assert_eq!((ledger.free(CreditPuts), ledger.spent(CreditPuts)), (money("2550"), money("1200")));
}

#[test]
fn a_fill_beyond_its_reservation_is_booked_and_owed_by_the_next_months() {
    let mut ledger = ledger_at(&[("2026-03-02", false)]);
    ledger.reserve(order(1), SovereignSpread, money("3750")).unwrap();
    ledger.pay(order(1), SovereignSpread, money("5000"));
    ledger.release(order(1));
    assert_eq!(ledger.free(SovereignSpread), BaseMoney::ZERO);
    ledger.advance(Date::constant(2026, 4, 1), money("12000000"), false, &policy());
    assert_eq!(ledger.free(SovereignSpread), money("2500"));
}

#[test]
fn what_turns_out_not_to_be_paid_may_be_spent_again() {
    let mut ledger = ledger_at(&[("2026-03-02", false)]);
    ledger.pay(order(1), CreditPuts, money("5000"));
    assert_eq!(ledger.free(CreditPuts), BaseMoney::ZERO);
    ledger.refund(CreditPuts, money("5000"));
    assert_eq!((ledger.free(CreditPuts), ledger.spent(CreditPuts)), (money("3750"), BaseMoney::ZERO));
}

/// What may happen to the ledger, in any order.
#[derive(Clone, Debug)]
enum Step {
    Day { days: i32, nav: u32, stressed: bool },
    Buy { hedge: usize, cents: u64, filled: u64 },
    Finish,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..40_i32, 1_000_000..50_000_000_u32, any::<bool>()).prop_map(|(days, nav, stressed)| Step::Day {
            days,
            nav,
            stressed
        }),
        (0..5_usize, 1..5_000_000_u64, 0..=100_u64).prop_map(|(hedge, cents, filled)| Step::Buy {
            hedge,
            cents,
            filled
        }),
        Just(Step::Finish),
        Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn nothing_is_ever_overspent_whatever_happens_in_whatever_order(steps in prop::collection::vec(step(), 1..120)) {
        let policy = policy();
        let mut ledger = BudgetLedger::default();
        let mut date = Date::constant(2026, 1, 1);
        // The judge counts for itself: all that ever accrued, per month, at the stressed factor at most.
        let (mut accrued, mut month) = (Decimal::ZERO, None);
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Day { days, nav, stressed } => {
                    date = date.saturating_add(jiff::Span::new().days(days));
                    if month != Some(date.first_of_month()) {
                        month = Some(date.first_of_month());
                        accrued += Decimal::from(nav) * Decimal::new(25, 3) / Decimal::from(12) * Decimal::new(15, 1);
                    }
                    ledger.advance(date, BaseMoney::new(nav.into()), stressed, &policy);
                }
                Step::Buy { hedge, cents, filled } => {
                    let hedge = HedgeType::ALL[hedge];
                    let (order, amount) = (order(number as u16), BaseMoney::new(Decimal::new(cents as i64, 2)));
                    let free = ledger.free(hedge);
                    let reserved = ledger.reserve(order, hedge, amount);
                    prop_assert_eq!(reserved.is_ok(), amount <= free);
                    if reserved.is_ok() {
                        prop_assert_eq!(ledger.free(hedge), free - amount);
                        ledger.pay(order, hedge, BaseMoney::new(amount.amount() * Decimal::from(filled) / Decimal::ONE_HUNDRED));
                        prop_assert_eq!(ledger.free(hedge), free - amount, "a fill spends what was reserved");
                    }
                }
                Step::Finish => {
                    let orders: Vec<OrderKey> = ledger.reservations().iter().map(|r| r.order).collect();
                    orders.into_iter().for_each(|order| ledger.release(order));
                }
                Step::Restart => {
                    let text = serde_json::to_string(&ledger).unwrap();
                    let again: BudgetLedger = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(&again, &ledger);
                    ledger = again;
                }
            }
            let spent: BaseMoney = HedgeType::ALL.iter().map(|&hedge| ledger.spent(hedge)).sum();
            prop_assert!(spent.amount() <= accrued, "{spent} of {accrued}");
            for hedge in HedgeType::ALL {
                let share = policy.shares[&hedge];
                prop_assert!(ledger.spent(hedge).amount() <= accrued * share, "{hedge}");
                prop_assert!(ledger.left(hedge) >= BaseMoney::ZERO);
            }
        }
    }
}
