//! Somebody else trades what a day's orders are about.

use super::*;
use crate::{DayInputs, Directive};
use ports::BrokerPosition;
use risk::{Sighting, WatchdogPolicy};
use std::collections::BTreeMap;

const CSPX: ContractId = ContractId(0);

impl Desk {
    /// What the account holds now.
    pub(super) fn positions(&self) -> Vec<BrokerPosition> {
        let traded = self.executions.iter().map(|executed| (executed.fill.contract, executed.fill.change()));
        let mut held = BTreeMap::<ContractId, Quantity>::new();
        for (contract, change) in self.held.iter().copied().chain(traded) {
            let row = held.entry(contract).or_default();
            *row += change;
        }
        let row = |(contract, quantity)| BrokerPosition { contract, quantity, mark: None };
        held.into_iter().map(row).collect()
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}:00Z").parse().unwrap()
}

/// A day on which everything that is held is to be sold.
fn flattened() -> (World, DayPlan) {
    let mut world = World::first_day();
    world.fill_everything();
    let plan = decide(&DayInputs { mode: Mode::ReduceOnly, flatten: true, ..world.inputs() }, &world.setup);
    assert!(plan.orders.iter().any(|order| order.contract == CSPX && order.purpose == Purpose::Reduce));
    (world, plan)
}

/// An execution of the contract that no order of ours had.
fn theirs(id: &str, world: &World, contract: ContractId, quantity: Quantity) -> Fill {
    let (execution, price) = (ExecutionId(id.into()), world.marks[contract].unwrap());
    let side = Side::of(quantity).unwrap();
    Fill { execution, order: None, contract, side, quantity: quantity.abs(), price, at: at("14:40") }
}

/// What leaves of the contract after something was heard at 14:40, before the window opens at 14:45; with the mode at the end.
fn sent_after(world: &World, plan: &DayPlan, heard: impl FnOnce(&mut Session<'_>, &mut Desk)) -> (Vec<String>, Mode) {
    let (books, account) = (Books::new(world.ledger.clone()), "a1b2c3".parse().unwrap());
    let mut session = Session::start(plan, &world.windows, &world.conditions, books, account, &world.setup);
    let mut desk = Desk::new(100);
    desk.held = world.setup.universe.contracts().map(|contract| (contract, world.ledger.quantity(contract))).collect();
    let (mut now, mut sent) = (at("14:40"), Vec::new());
    settled(&mut session, now);
    heard(&mut session, &mut desk);
    for _ in 0..10_000 {
        match session.poll(now) {
            Effect::Record => session.handle(Event::Recorded),
            Effect::Resync => session.handle(Event::Resynced(Box::new(desk.snapshot(now)))),
            Effect::Send(sendable) => {
                let command = Command::from(&sendable);
                sent.extend(told(command, world).contains("CSPX").then(|| told(command, world)));
                desk.receive(command).into_iter().for_each(|event| session.handle(Event::Broker(event)));
            }
            Effect::Watch | Effect::Renew(_) => desk.quote(world, now, &mut session),
            Effect::Wait(deadline) => {
                let events = desk.trade(now);
                now = if events.is_empty() { deadline } else { now };
                events.into_iter().for_each(|event| session.handle(Event::Broker(event)));
                desk.quote(world, now, &mut session);
                session.handle(Event::Tick);
            }
            Effect::Done => return (sent, session.mode()),
            other => panic!("{other:?}"),
        }
    }
    panic!("the session does not end");
}

#[test]
fn what_the_owner_sold_by_hand_is_not_sold_again() {
    let (world, plan) = flattened();
    let held = world.ledger.quantity(CSPX);
    let (undisturbed, _) = sent_after(&world, &plan, |_, _| {});
    assert!(!undisturbed.is_empty());
    let told = |session: &mut Session<'_>, _: &mut Desk| {
        session.handle(Event::Broker(BrokerEvent::Execution(theirs("0000.01.01", &world, CSPX, -held))));
    };
    assert_eq!(sent_after(&world, &plan, told), (vec![], Mode::ReduceOnly), "the execution was told");
    let seen = |session: &mut Session<'_>, desk: &mut Desk| {
        desk.held.push((CSPX, -held));
        session.handle(Event::Broker(BrokerEvent::Connection(Connection::Restored)));
    };
    assert_eq!(sent_after(&world, &plan, seen), (vec![], Mode::ReduceOnly), "only the positions tell of it");
}

#[test]
fn a_day_that_only_the_books_know_goes_on_after_a_reconnection() {
    let (world, plan) = flattened();
    let (undisturbed, mode) = sent_after(&world, &plan, |_, _| {});
    let again = |session: &mut Session<'_>, _: &mut Desk| {
        session.handle(Event::Broker(BrokerEvent::Connection(Connection::Restored)));
    };
    assert_eq!(sent_after(&world, &plan, again), (undisturbed, mode));
}

#[test]
fn a_change_that_made_a_second_order_is_taken_back() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let (now, mut desk) = (at("14:45"), Desk::new(0));
    let (mut session, command) = first_order(&world, &plan, now);
    let Command::Place { order_ref, contract, .. } = command else { panic!("a new order") };
    desk.receive(command);
    let mut snapshot = desk.snapshot(now);
    session.handle(Event::Resynced(Box::new(snapshot.clone())));
    assert!(!session.is_frozen(contract), "one order is what we sent");
    let arriving = ports::BrokerOrder { perm_id: 0, ..snapshot.open_orders[0].clone() };
    snapshot.open_orders.push(arriving.clone());
    session.handle(Event::Resynced(Box::new(snapshot.clone())));
    assert!(!session.is_frozen(contract), "the same order before it had a permanent id");
    snapshot.open_orders.push(ports::BrokerOrder { perm_id: 2, ..arriving });
    session.handle(Event::Resynced(Box::new(snapshot)));
    assert!(session.is_frozen(contract));
    assert_eq!(session.mode(), Mode::ReduceOnly);
    let Effect::Send(sendable) = settled(&mut session, now) else { panic!("a cancel") };
    assert!(matches!(Command::from(&sendable), Command::Cancel { order_ref: cancelled } if cancelled == order_ref));
}

#[test]
fn a_cover_of_our_short_may_be_a_buy_in_and_leaves_the_mode() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut short = world.ledger.clone();
    let sold = theirs("0.0.01", &world, CSPX, Quantity::whole(-100));
    short.apply(&domain::LedgerEvent::Fill(sold), &world.setup.universe).unwrap();
    let mode_after = |bought: i64| {
        let (books, account) = (Books::new(short.clone()), "a1b2c3".parse().unwrap());
        let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
        let cover = theirs("0000.02.01", &world, CSPX, Quantity::whole(bought));
        session.handle(Event::Broker(BrokerEvent::Execution(cover)));
        assert!(session.is_frozen(CSPX));
        session.mode()
    };
    assert_eq!((mode_after(100), mode_after(101)), (Mode::Normal, Mode::ReduceOnly));
}

/// A sign that has ended and comes back after a person resumed is news; one that goes on is what the person knew.
#[test]
fn a_sign_that_comes_again_after_a_person_resumed_counts_again() {
    let mut world = World::first_day();
    world.setup.policy.watchdog = Some(WatchdogPolicy {
        every_s: 600,
        cushion_min: 0.15,
        blind_max_s: 1_200,
        skew_max_s: 30,
        storage_slow_ms: 2_000,
    });
    let plan = decide(&world.inputs(), &world.setup);
    let (books, account) = (Books::new(world.ledger.clone()), "a1b2c3".parse().unwrap());
    let mut session = Session::start(&plan, &world.windows, &world.conditions, books, account, &world.setup);
    let look = |session: &mut Session<'_>, skew: i64, worth: rust_decimal::Decimal| {
        settled(session, at("14:00"));
        session.handle(Event::Watched(Sighting {
            at: at("14:00"),
            gateway: at("14:00") + SignedDuration::from_secs(skew),
            net_liquidation: Some(worth),
            excess_liquidity: Some(dec!(8_000_000)),
            vix: Some(15.0),
        }));
        session.mode()
    };
    let resumed = |session: &mut Session<'_>| {
        let directive = Directive::Resume { mode: Mode::Normal, new_high_water_mark: false };
        let (by, reason) = ("ada".to_owned(), "the clocks were set".to_owned());
        settled(session, at("14:00"));
        session.handle(Event::Operator(Instruction { directive, by, reason }));
    };
    let well = world.broker.net_liquidation.unwrap();
    assert_eq!(look(&mut session, 31, well), Mode::CancelOnly);
    resumed(&mut session);
    assert_eq!(look(&mut session, 31, well), Mode::Normal, "it goes on, and the person knew");
    assert_eq!(look(&mut session, 0, well), Mode::Normal);
    assert_eq!(look(&mut session, 3_000, well), Mode::CancelOnly, "it is back");
    resumed(&mut session);
    assert_eq!(look(&mut session, 0, dec!(-5)), Mode::Normal, "a gateway that loads says anything once");
    assert_eq!(look(&mut session, 0, dec!(-5)), Mode::Frozen);
}
