//! Orders at the simulated exchange, as the client hears of them.
#![allow(missing_docs, reason = "stories, not an interface")]

mod world;

use domain::{ContractId, OrderStatus, OrderType, Price, Quantity, Side, TimeInForce};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sim::{AccountEvents, Command, Liquidity, Prices, Scenario, SimConfig, SimEventKind, SimOrder, Simulation};
use world::*;

/// A calm Monday at three in the afternoon, when everything trades.
fn afternoon() -> Simulation {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    simulation
}

fn ask(simulation: &Simulation, contract: ContractId) -> Price {
    simulation.quote(contract).ask.expect("two-sided")
}

fn bid(simulation: &Simulation, contract: ContractId) -> Price {
    simulation.quote(contract).bid.expect("two-sided")
}

fn ticks(price: Price, count: i64) -> Price {
    Price::from_mantissa(price.mantissa() + count * 1_000_000).expect("positive")
}

#[test]
fn a_marketable_order_takes_what_is_shown_and_then_a_share_of_the_volume() {
    let mut simulation = afternoon();
    let limit_price = ticks(ask(&simulation, CSPX), 6);
    simulation.place(CLIENT, limit(1, Side::Buy, 3_000, CSPX, limit_price));
    simulation.advance_to(at("2025-11-03T15:00:30Z"));
    simulation.cancel(CLIENT, 1);
    insta::assert_snapshot!(told(&mut simulation), @r"
    1 accepted: BUY 3000 at 734.01, Submitted
    1 executed 1047 at 733.95 (Removed) 0000e0d5.00000001.01.01 2025-11-03T15:00:00Z
    commission 384.22 for 0000e0d5.00000001.01.01, realized 0
    1 Submitted: filled 1047, remaining 1953, average 733.95
    1 executed 1047 at 734.01 (Removed) 0000e0d5.00000002.01.01 2025-11-03T15:00:00Z
    commission 384.26 for 0000e0d5.00000002.01.01, realized 0
    1 Submitted: filled 2094, remaining 906, average 733.98
    1 executed 85 at 733.99 (Removed) 0000e0d5.00000003.01.01 2025-11-03T15:00:15Z
    commission 31.19 for 0000e0d5.00000003.01.01, realized 0
    1 Submitted: filled 2179, remaining 821, average 733.98039009
    1 cancelled, 202: Order Canceled - reason: (filled 2179)
    ");
}

#[test]
fn replacing_an_order_finds_the_book_as_thin_as_it_left_it() {
    let mut simulation = afternoon();
    let (touch, shown) = (ask(&simulation, CSPX), simulation.quote(CSPX).ask_size);
    for id in 1..=5 {
        simulation.place(CLIENT, limit(id, Side::Buy, 10_000, CSPX, touch));
        simulation.cancel(CLIENT, id);
    }
    let taken: i64 = simulation.executions(Timestamp::MIN).iter().map(|execution| execution.quantity.units()).sum();
    assert_eq!(Quantity::from_units(taken), shown);
}

#[test]
fn a_passive_order_waits_its_turn_and_is_filled_at_its_own_price() {
    let mut simulation = afternoon();
    let own = bid(&simulation, CSPX);
    simulation.place(CLIENT, limit(1, Side::Buy, 300, CSPX, own));
    simulation.advance_to(at("2025-11-03T15:00:15Z"));
    assert!(simulation.executions(Timestamp::MIN).is_empty(), "others were there before");
    simulation.advance_to(at("2025-11-03T16:30:00Z"));
    let executions = simulation.executions(Timestamp::MIN);
    assert!(!executions.is_empty());
    assert!(executions.iter().all(|execution| (execution.price, execution.liquidity) == (own, Liquidity::Added)));
}

#[test]
fn an_order_placed_before_the_open_works_from_it_and_dies_at_the_close() {
    let mut simulation = calm();
    simulation.place(CLIENT, limit(1, Side::Buy, 100, CSPX, price("500")));
    assert_eq!(simulation.next_event(), at("2025-11-03T08:00:00Z"), "London opens");
    simulation.advance_to(at("2025-11-03T08:00:00Z"));
    assert_eq!(simulation.next_event(), at("2025-11-03T08:00:15Z"), "the order works");
    simulation.advance_to(at("2025-11-03T17:00:00Z"));
    assert!(simulation.open_orders().is_empty());
    insta::assert_snapshot!(told(&mut simulation), @r"
    1 accepted: BUY 100 at 500, PreSubmitted
    1 Submitted: filled 0, remaining 100, average 0
    1 cancelled, 202: Order Canceled - reason:the session has ended (filled 0)
    ");
}

#[test]
fn an_order_on_close_is_executed_at_the_official_close() {
    let mut simulation = afternoon();
    let on_close =
        |id, side, limit_price| SimOrder { order_type: OrderType::Loc, ..limit(id, side, 200, CSPX, limit_price) };
    simulation.place(CLIENT, on_close(1, Side::Buy, price("900")));
    simulation.place(CLIENT, on_close(2, Side::Sell, price("900")));
    assert_eq!(simulation.next_event(), at("2025-11-03T16:30:00Z"), "nothing happens before the close");
    simulation.advance_to(at("2025-11-03T16:32:00Z"));
    assert!(simulation.executions(Timestamp::MIN).is_empty(), "the auction is still on");
    assert!(simulation.quote(CSPX).two_sided().is_none());
    simulation.place(CLIENT, on_close(3, Side::Buy, price("900")));
    simulation.advance_to(at("2025-11-03T16:40:00Z"));
    let close = simulation.bars(CSPX, FIRST_DAY.tomorrow().expect("a day"), 1)[0].close;
    let status = |id| simulation.order(CLIENT, id).expect("placed").status;
    assert_eq!(
        (status(1), status(2), status(3)),
        (OrderStatus::Filled, OrderStatus::Cancelled, OrderStatus::PreSubmitted)
    );
    let executions = simulation.executions(Timestamp::MIN);
    assert_eq!(executions.len(), 1);
    assert_eq!((executions[0].price, executions[0].at), (close, at("2025-11-03T16:35:00Z")));
}

#[test]
fn a_modified_order_is_the_same_order() {
    let mut simulation = afternoon();
    let first = limit(1, Side::Buy, 100, CSPX, price("500"));
    simulation.place(CLIENT, first.clone());
    let perm_id = simulation.order(CLIENT, 1).expect("placed").perm_id;
    simulation.modify(CLIENT, SimOrder { side: Side::Sell, ..first.clone() });
    simulation.modify(CLIENT, SimOrder { limit: ask(&simulation, CSPX).to_decimal().normalize(), ..first.clone() });
    simulation.modify(CLIENT, first);
    let order = simulation.order(CLIENT, 1).expect("placed");
    assert_eq!((order.perm_id, order.filled), (perm_id, Quantity::whole(100)));
    insta::assert_snapshot!(told(&mut simulation), @r"
    1 accepted: BUY 100 at 500, Submitted
    1 rejected, 105: Order being modified does not match original order
    1 accepted: BUY 100 at 733.95, Submitted
    1 executed 100 at 733.95 (Removed) 0000e0d5.00000001.01.01 2025-11-03T15:00:00Z
    commission 36.70 for 0000e0d5.00000001.01.01, realized 0
    1 Filled: filled 100, remaining 0, average 733.95
    1 rejected, 104: Can't modify this order, state: Filled
    ");
}

#[test]
fn an_order_cannot_grow_beyond_what_the_account_can_bear() {
    let mut simulation = afternoon();
    let first = limit(1, Side::Buy, 10, CSPX, price("700"));
    simulation.place(CLIENT, first.clone());
    let grown = SimOrder { quantity: Quantity::whole(2_000_000), ..first.clone() };
    simulation.modify(CLIENT, grown.clone());
    assert_eq!(simulation.order(CLIENT, 1).expect("placed").order, first, "it stays as it was");
    simulation.place(CLIENT, SimOrder { order_id: 2, ..grown });
    simulation.modify(CLIENT, SimOrder { quantity: Quantity::whole(20), ..first });
    insta::assert_snapshot!(told(&mut simulation), @"
    1 accepted: BUY 10 at 700, Submitted
    1 rejected, 201: Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [10000000 USD] MUST EXCEED THE INITIAL MARGIN [440304000.00 USD]
    2 rejected, 201: Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [10000000 USD] MUST EXCEED THE INITIAL MARGIN [440306201.52 USD]
    1 accepted: BUY 20 at 700, Submitted
    ");
}

/// Each asks for two thirds of what the account has.
#[test]
fn orders_that_work_count_against_the_margin_of_the_next() {
    let mut simulation = afternoon();
    let order = |id, side, at| limit(id, side, 30_000, CSPX, price(at));
    simulation.place(CLIENT, order(1, Side::Buy, "700"));
    simulation.place(CLIENT, order(2, Side::Buy, "690"));
    simulation.place(CLIENT + 1, order(2, Side::Buy, "690"));
    simulation.place(CLIENT, order(3, Side::Sell, "900"));
    simulation.modify(CLIENT, order(1, Side::Buy, "710"));
    simulation.cancel(CLIENT, 1);
    simulation.place(CLIENT, order(4, Side::Buy, "690"));
    insta::assert_snapshot!(told(&mut simulation), @"
    1 accepted: BUY 30000 at 700, Submitted
    2 rejected, 201: Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [10000000 USD] MUST EXCEED THE INITIAL MARGIN [13209120.00 USD]
    2 rejected, 201: Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [10000000 USD] MUST EXCEED THE INITIAL MARGIN [13209120.00 USD]
    3 accepted: SELL 30000 at 900, Submitted
    1 accepted: BUY 30000 at 710, Submitted
    1 cancelled, 202: Order Canceled - reason: (filled 0)
    4 accepted: BUY 30000 at 690, Submitted
    ");
}

#[test]
fn what_is_not_transmitted_or_cannot_be_executed_at_once_does_not_rest() {
    let mut simulation = afternoon();
    let touch = ask(&simulation, CSPX);
    let held = SimOrder { transmit: false, ..limit(1, Side::Buy, 100, CSPX, touch) };
    simulation.place(CLIENT, held.clone());
    assert_eq!(simulation.order(CLIENT, 1).expect("placed").filled, Quantity::ZERO);
    simulation.modify(CLIENT, SimOrder { transmit: true, ..held });
    assert_eq!(simulation.order(CLIENT, 1).expect("placed").status, OrderStatus::Filled);
    simulation.place(CLIENT, SimOrder { tif: TimeInForce::Ioc, ..limit(2, Side::Sell, 100, CSPX, price("900")) });
    assert_eq!(simulation.order(CLIENT, 2).expect("placed").status, OrderStatus::Cancelled);
}

#[test]
fn the_broker_refuses_in_its_own_codes() {
    let mut simulation = afternoon();
    simulation.place(CLIENT, limit(1, Side::Buy, 10, CSPX, price("500")));
    simulation.place(CLIENT, limit(1, Side::Buy, 10, CSPX, price("500")));
    simulation.place(CLIENT, limit(2, Side::Buy, 10, CSPX, price("500.005")));
    simulation.place(CLIENT, limit(3, Side::Buy, 10, SPX, price("500")));
    simulation.place(CLIENT, limit(4, Side::Buy, 0, CSPX, price("500")));
    simulation.place(CLIENT, limit(5, Side::Buy, -10, CSPX, price("500")));
    simulation.place(CLIENT, limit(6, Side::Buy, 10, ContractId(99), price("500")));
    let on_close = SimOrder { order_type: OrderType::Loc, ..limit(6, Side::Buy, 10, CSPX, price("500")) };
    simulation.place(CLIENT, SimOrder { tif: TimeInForce::Ioc, ..on_close });
    simulation.modify(CLIENT, limit(7, Side::Buy, 10, CSPX, price("500")));
    simulation.cancel(CLIENT, 7);
    simulation.cancel(2, 1);
    simulation.global_cancel();
    simulation.cancel(CLIENT, 1);
    insta::assert_snapshot!(told(&mut simulation), @r"
    1 accepted: BUY 10 at 500, Submitted
    1 rejected, 103: Duplicate order id
    2 rejected, 110: The price does not conform to the minimum price variation for this contract.
    3 rejected, 201: Order rejected - reason:SPX is quoted for reference and cannot be traded
    4 rejected, 201: Order rejected - reason:the quantity must be a positive multiple of 1, got 0
    5 rejected, 201: Order rejected - reason:the quantity must be a positive multiple of 1, got -10
    6 rejected, 200: No security definition has been found for the request
    6 rejected, 113: The TIF should be DAY for MOC and LOC orders.
    7 rejected, 104: Can't modify this order, state: Unknown
    7 rejected, 10147: OrderId 7 that needs to be cancelled is not found.
    1 rejected, 10147: OrderId 1 that needs to be cancelled is not found.
    1 cancelled, 202: Order Canceled - reason: (filled 0)
    1 rejected, 10148: OrderId 1 that needs to be cancelled can not be cancelled, state: Cancelled.
    ");
    assert_eq!((simulation.next_order_id(CLIENT), simulation.next_order_id(2)), (2, 1), "a refused id is free again");
}

#[test]
fn a_subscriber_hears_of_every_stride_that_moved_the_quote() {
    let mut simulation = calm();
    simulation.subscribe(CLIENT, CSPX);
    assert_eq!(simulation.drain_events().len(), 1, "the quote at the subscription");
    simulation.advance_to(at("2025-11-03T07:00:00Z"));
    assert!(simulation.drain_events().is_empty(), "London is shut");
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let events = simulation.drain_events();
    assert!(
        matches!(events[..], [sim::SimEvent { client: CLIENT, kind: SimEventKind::Tick { contract: CSPX, quote } }]
        if quote == simulation.quote(CSPX))
    );
    simulation.unsubscribe(CLIENT, CSPX);
    simulation.advance_to(at("2025-11-03T16:00:00Z"));
    assert!(simulation.drain_events().is_empty());
}

#[test]
fn without_orders_only_venues_make_events() {
    let mut simulation = calm();
    let mut events = Vec::new();
    simulation.subscribe(CLIENT, CSPX);
    while simulation.next_event() < at("2025-11-04T06:00:00Z") {
        simulation.advance_to(simulation.next_event());
        events.push(simulation.now().to_string());
    }
    insta::assert_snapshot!(events.join("\n"), @r"
    2025-11-03T08:00:00Z
    2025-11-03T14:30:00Z
    2025-11-03T16:30:00Z
    2025-11-03T16:35:00Z
    2025-11-03T21:00:00Z
    2025-11-03T22:00:00Z
    2025-11-03T23:00:00Z
    ");
}

/// A client that trades around the touch, at odd moments.
fn commands() -> impl Strategy<Value = Vec<(i64, Command)>> {
    let order = (
        1..6_i32,
        prop::sample::select(vec![CSPX, CS51, M6E]),
        any::<bool>(),
        1..3_000_i64,
        -40..40_i64,
        any::<bool>(),
    );
    let command = prop_oneof![
        4 => order.clone().prop_map(|parts| Command::Place { client: CLIENT, order: order_of(parts) }),
        2 => order.prop_map(|parts| Command::Modify { client: CLIENT, order: order_of(parts) }),
        1 => (1..6_i32).prop_map(|order_id| Command::Cancel { client: CLIENT, order_id }),
    ];
    prop::collection::vec((0..5_000_i64, command), 1..25)
}

fn order_of((id, contract, buy, quantity, distance, on_close): (i32, ContractId, bool, i64, i64, bool)) -> SimOrder {
    let around = match contract {
        CSPX => price("733.5"),
        CS51 => price("206"),
        _ => price("1.16"),
    };
    let tick = universe().terms(contract).tick.mantissa();
    let limit_price = Price::from_mantissa(around.mantissa() + distance * tick).expect("positive");
    let side = if buy { Side::Buy } else { Side::Sell };
    let order_type = if on_close { OrderType::Loc } else { OrderType::Lmt };
    SimOrder { order_type, ..limit(id, side, quantity, contract, limit_price) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_commands_rebuild_the_same_world(seed in 0_u64..100, commands in commands(), stride in 1..2_000_i64) {
        let mut once = simulated(Scenario::Calm, seed);
        let mut again = simulated(Scenario::Calm, seed);
        let start = at("2025-11-03T14:00:00Z");
        let mut clock = start;
        for (seconds, command) in &commands {
            clock += SignedDuration::from_secs(*seconds);
            once.apply(&Command::AdvanceTo { at: clock });
            // The second world takes many small strides and is asked for its quotes on the way.
            while again.now() < clock {
                let next = (again.now() + SignedDuration::from_secs(stride)).min(clock);
                again.advance_to(next);
                again.quote(CSPX);
            }
            let recorded = serde_json::to_string(command).expect("a command is data");
            once.apply(command);
            again.apply(&serde_json::from_str(&recorded).expect("a command is data"));
        }
        let end = clock + SignedDuration::from_hours(24);
        once.advance_to(end);
        again.advance_to(end);
        prop_assert_eq!(once.drain_events(), again.drain_events());
        prop_assert_eq!(once.account(), again.account());
    }

    #[test]
    fn no_fill_breaks_its_order(seed in 0_u64..100, commands in commands()) {
        let mut simulation = simulated(Scenario::Calm, seed);
        let mut clock = at("2025-11-03T14:00:00Z");
        for (seconds, command) in &commands {
            clock += SignedDuration::from_secs(*seconds);
            simulation.advance_to(clock);
            simulation.apply(command);
            for order in simulation.open_orders().into_iter().chain(simulation.completed_orders()) {
                prop_assert!(order.filled <= order.order.quantity);
            }
        }
        let mut limits = std::collections::BTreeMap::new();
        for event in simulation.drain_events() {
            match event.kind {
                SimEventKind::Accepted(view) => drop(limits.insert(view.perm_id, view.order)),
                SimEventKind::Execution(execution) => {
                    let order = &limits[&execution.perm_id];
                    let price = execution.price.to_decimal();
                    let better = (order.limit - price) * rust_decimal::Decimal::from(order.side.sign());
                    prop_assert!(better >= rust_decimal::Decimal::ZERO, "{:?} at {}", order, execution.price);
                    prop_assert!(execution.quantity > Quantity::ZERO);
                }
                _ => {}
            }
        }
        for order in simulation.open_orders().into_iter().chain(simulation.completed_orders()) {
            let executed = simulation.executions(Timestamp::MIN).iter().filter(|e| e.perm_id == order.perm_id);
            prop_assert_eq!(order.filled.units(), executed.map(|e| e.quantity.units()).sum::<i64>());
        }
    }
}

#[test]
fn in_a_halt_nothing_is_quoted_and_nothing_executed_and_orders_stay() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let before = simulation.quote(ACME);
    let touch = before.ask.expect("two-sided");
    let buy = |id: i32| limit(id, Side::Buy, 10, ACME, ticks(touch, 100));
    let halt = sim::Intervention::Halt { contract: ACME, minutes: 5 };
    simulation.intervene(&halt);
    assert!(simulation.is_halted(ACME) && !simulation.is_halted(CSPX), "one line rests, the others go on");
    simulation.place(CLIENT, buy(1));
    simulation.advance_to(at("2025-11-03T15:04:59Z"));
    let halted = simulation.quote(ACME);
    assert_eq!((halted.bid, halted.ask, halted.last), (None, None, before.last), "the last price is the one before");
    assert_eq!(simulation.order(CLIENT, 1).expect("it waits").filled, Quantity::ZERO);
    assert!(simulation.allows(&halt).is_err(), "what rests cannot be halted");
    simulation.advance_to(at("2025-11-03T15:05:30Z"));
    assert!(!simulation.is_halted(ACME) && simulation.quote(ACME).bid.is_some());
    assert_eq!(simulation.order(CLIENT, 1).expect("it was there").filled, Quantity::whole(10));
}

#[test]
fn single_names_are_halted_by_themselves_as_often_as_they_are_said_to_be() {
    let events = AccountEvents { halts_per_year: 252.0, ..AccountEvents::none() };
    let prices = Prices::Simulated { scenario: Scenario::Calm, seed: 1, first_day: FIRST_DAY };
    let mut simulation = Simulation::new(SimConfig { events, ..config(prices) }).expect("a valid configuration");
    let (mut minutes, mut fund) = (0, 0);
    for day in [3, 4, 5, 6] {
        for minute in 0..390 {
            simulation.advance_to(at(&format!("2025-11-0{day}T14:30:00Z")) + SignedDuration::from_mins(minute));
            minutes += i32::from(simulation.is_halted(ACME));
            fund += i32::from(simulation.is_halted(CSPX));
        }
    }
    assert!((17..=20).contains(&minutes), "five minutes every day, cut by the close at most: {minutes}");
    assert_eq!(fund, 0, "funds are not");
}
