//! Rolls that go as one calendar spread.

use super::*;
use crate::fixture::held_until;
use jiff::civil::date;

/// The first day of the future's roll: 36 contracts are short.
pub(super) fn roll_day() -> World {
    held_until(date(2026, 3, 10))
}

fn executed(desk: &Desk, world: &World) -> [i64; 2] {
    ["FESX_20260320", "FESX_20260619"].map(|name| {
        let contract = world.setup.universe.find_contract(name).unwrap();
        desk.executed(contract).units() / Quantity::UNITS_PER_SHARE
    })
}

#[test]
fn a_roll_is_one_order_for_both_contracts() {
    let world = roll_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk::new(100);
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 15 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-01
    14:45:05 SELL 15 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-02
    14:45:10 SELL 6 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-03
    ");
    assert_eq!(executed(&desk, &world), [36, -36]);
}

#[test]
fn a_broker_that_takes_no_spread_gets_the_legs_as_a_pair() {
    let world = roll_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { plain: true, ..Desk::new(100) };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 15 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-01
    14:45:00 BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-02
    14:45:00 SELL 15 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-02
    14:45:05 BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-03
    14:45:05 SELL 15 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-03
    14:45:10 BUY 4 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-04
    14:45:10 SELL 6 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-04
    ");
    assert_eq!(executed(&desk, &world), [36, -36]);
}

#[test]
fn a_spread_that_does_not_fill_is_taken_back_and_the_legs_go_alone() {
    let world = roll_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk { wakes: "2026-03-10T14:47:30Z".parse().unwrap(), ..Desk::new(100) };
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 15 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-01
    14:47:00 cancel AF-a1b2c3-20260310-001-01
    14:47:00 BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-02
    14:47:00 SELL 15 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-02
    14:47:35 BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-03
    14:47:35 SELL 15 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-03
    14:47:40 BUY 4 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-04
    14:47:40 SELL 6 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-04
    ");
    assert_eq!(executed(&desk, &world), [36, -36]);
}

#[test]
fn on_a_crisis_day_only_what_is_still_wanted_is_rolled_and_the_rest_is_closed_alone() {
    let mut world = held_until(date(2026, 3, 9));
    world.next_day(45.0);
    let plan = decide(&world.inputs(), &world.setup);
    let mut desk = Desk::new(100);
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 11 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-01
    14:45:00 SELL 1666 CSPX at 599.99, AF-a1b2c3-20260310-003-01
    14:45:05 BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-02
    14:45:05 SELL 959 CSPX at 599.99, AF-a1b2c3-20260310-003-02
    14:45:10 BUY 9 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-03
    ");
    assert_eq!(executed(&desk, &world), [36, -11]);
}

/// A day on which one contract shows no quote, so that the gate does not let it out.
fn without_a_quote_of(contract: &str, day: jiff::civil::Date) -> (Vec<String>, [i64; 2]) {
    let mut world = held_until(day);
    let silent = world.setup.universe.find_contract(contract).unwrap();
    let plan = decide(&world.inputs(), &world.setup);
    assert!(plan.orders.iter().any(|order| order.contract == silent), "it is traded");
    world.marks[silent] = None;
    let mut desk = Desk::new(100);
    let story = run_day(&world, &plan, &mut desk, &[]).story;
    (story, executed(&desk, &world))
}

#[test]
fn without_a_quote_of_one_leg_the_spread_waits_no_longer_than_an_order_lives() {
    let (story, executed) = without_a_quote_of("FESX_20260619", date(2026, 3, 10));
    assert_eq!((story, executed), (Vec::<String>::new(), [0, 0]), "no leg goes alone: there are days left");
}

/// Nothing is bought that would be taken back: on the deadline and the days after it too.
#[test]
fn without_a_quote_of_the_old_contract_nothing_is_opened_in_its_place() {
    for day in [date(2026, 3, 10), date(2026, 3, 17), date(2026, 3, 18)] {
        let (story, executed) = without_a_quote_of("FESX_20260320", day);
        assert_eq!((story, executed), (Vec::<String>::new(), [0, 0]), "{day}");
    }
}

#[test]
fn on_its_deadline_the_old_contract_waits_for_nothing() {
    let (story, executed) = without_a_quote_of("FESX_20260619", date(2026, 3, 17));
    assert_eq!(executed, [36, 0], "flat is better than delivered: {story:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(times(200, 5_000)))]

    /// However fast spreads fill and wherever the engine dies: each execution is counted once in the order of its contract,
    /// the legs are even, and no more is opened than was closed. An engine that does not die rolls all; one that dies so
    /// often that the pair counts as broken may take the day's part back, for the days that are left.
    #[test]
    fn no_crash_rolls_twice_or_forgets_a_leg(
        pace in 5_u32..120, sleeps in 0_i64..200, plain in any::<bool>(),
        crashes in prop::collection::vec(1_usize..80, 0..6),
    ) {
        let world = roll_day();
        let plan = decide(&world.inputs(), &world.setup);
        let opens: Timestamp = "2026-03-10T14:45:00Z".parse().unwrap();
        let mut desk = Desk { wakes: opens + SignedDuration::from_secs(sleeps), plain, ..Desk::new(pace) };
        let mut crashes = crashes;
        crashes.sort_unstable();
        let outcome = run_day(&world, &plan, &mut desk, &crashes);
        let [closed, opened] = executed(&desk, &world);
        prop_assert_eq!(closed, -opened, "{}", outcome.story.join("\n"));
        prop_assert!(closed == 36 || (0..36).contains(&closed) && !crashes.is_empty(), "{}", outcome.story.join("\n"));
        for contract in world.setup.universe.contracts() {
            let held = world.ledger.quantity(contract) + desk.executed(contract);
            prop_assert_eq!(outcome.ledger.quantity(contract), held);
        }
    }
}

#[test]
fn what_an_order_rolls_uses_no_turnover_and_no_exposure() {
    let mut world = roll_day().with_sleeves(crate::fixture::future_pair(0.90));
    world.setup.policy.gate.position_max = 3.0;
    let plan = decide(&world.inputs(), &world.setup);
    let later = world.setup.universe.find_contract("FESX_20260619").unwrap();
    let order = plan.orders.iter().find(|order| order.contract == later).unwrap();
    assert!(order.purpose == Purpose::Increase && !plan.table.rolled[later].is_zero(), "it rolls and grows: {order:?}");
    let mut desk = Desk::new(100);
    let outcome = run_day(&world, &plan, &mut desk, &[]);
    for order in &plan.orders {
        assert_eq!(
            desk.executed(order.contract),
            order.quantity,
            "{}: {:?}",
            world.name(order.contract),
            outcome.story
        );
    }
}
