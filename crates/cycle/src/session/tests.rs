//! The act phase against a small desk that keeps its books when the engine dies.

use super::*;
use crate::fixture::{self, World};
use crate::{DayPlan, decide, store};
use domain::{Currency, ExecutionId, Fill, Money, OrderRef, OrderStatus, OrderType, Price, Quantity, Side};
use execution::Command;
use jiff::SignedDuration;
use market::{DataType, Quote};
use ports::{BrokerOrder, Connection, Execution, Record, StoredRecord};
use proptest::prelude::*;
use rust_decimal::dec;

mod auction;
mod company;
mod executions;
mod freeze;
mod histories;
mod margin;
mod pairs;
mod patience;
mod spreads;
mod true_up;
mod worse;

/// How often a law is tried: many times with `AF_LONG=1` in the environment.
#[expect(clippy::disallowed_methods, reason = "a campaign asks how long it may take")]
fn times(short: u32, long: u32) -> u32 {
    if std::env::var_os("AF_LONG").is_some() { long } else { short }
}

/// A broker that fills a share of what is marketable at every step.
pub(super) struct Desk {
    orders: Vec<DeskOrder>,
    executions: Vec<Execution>,
    /// Shares filled per visit, in hundredths of the order.
    pace: u32,
    /// Never confirms a cancel, and keeps the order.
    deaf: bool,
    /// Gives every order back as soon as it has it.
    hasty: bool,
    /// A contract whose orders fill at this pace instead, from some time on.
    slow: Option<(ContractId, u32, Timestamp)>,
    /// Everything else fills at the pace only from then on.
    wakes: Timestamp,
    /// When closing orders are filled, all at once.
    auction: Timestamp,
    /// It takes no combinations.
    plain: bool,
    /// A contract nobody quotes until then.
    silent: Option<(ContractId, Timestamp)>,
    /// What the account held before the day.
    held: Vec<(ContractId, Quantity)>,
}

/// What the later contract of a spread trades at when the earlier one trades at 5,000.
fn later(difference: rust_decimal::Decimal) -> Price {
    Price::from_decimal(dec!(5000) + difference).unwrap()
}

#[derive(Debug)]
struct DeskOrder {
    order_ref: OrderRef,
    contract: ContractId,
    /// The earlier contract of a spread.
    near: Option<ContractId>,
    side: Side,
    quantity: Quantity,
    filled: Quantity,
    order_type: OrderType,
    limit: Price,
    open: bool,
}

impl Desk {
    pub(super) fn new(pace: u32) -> Desk {
        Desk {
            orders: Vec::new(),
            executions: Vec::new(),
            pace,
            deaf: false,
            hasty: false,
            slow: None,
            wakes: Timestamp::MIN,
            auction: Timestamp::MAX,
            plain: false,
            silent: None,
            held: Vec::new(),
        }
    }

    pub(super) fn hasty() -> Desk {
        Desk { hasty: true, ..Desk::new(0) }
    }

    fn receive(&mut self, command: Command) -> Vec<BrokerEvent> {
        match command {
            Command::Place { order_ref, contract, side, quantity, order_type, limit, .. } => {
                assert!(self.orders.iter().all(|order| order.order_ref != order_ref), "{order_ref} was sent twice");
                let (filled, near) = (Quantity::ZERO, None);
                let order =
                    DeskOrder { order_ref, contract, near, side, quantity, filled, order_type, limit, open: true };
                self.orders.push(order);
                let mut said = vec![BrokerEvent::Acknowledged { order_ref, perm_id: self.orders.len() as i64 }];
                if self.hasty {
                    said.extend(self.receive(Command::Cancel { order_ref }));
                }
                said
            }
            Command::Replace { order_ref, limit, .. } => {
                self.order(order_ref).limit = limit;
                vec![]
            }
            Command::PlaceSpread { order_ref, .. } if self.plain => {
                vec![BrokerEvent::Notice { order_ref: Some(order_ref), code: 201, text: "no such combination".into() }]
            }
            Command::PlaceSpread { order_ref, near, far, side, quantity, limit } => {
                assert!(self.orders.iter().all(|order| order.order_ref != order_ref), "{order_ref} was sent twice");
                let (contract, near, filled, limit) = (far, Some(near), Quantity::ZERO, later(limit));
                let order_type = OrderType::Lmt;
                let order =
                    DeskOrder { order_ref, contract, near, side, quantity, filled, order_type, limit, open: true };
                self.orders.push(order);
                vec![BrokerEvent::Acknowledged { order_ref, perm_id: self.orders.len() as i64 }]
            }
            Command::ReplaceSpread { order_ref, limit, .. } => {
                self.order(order_ref).limit = later(limit);
                vec![]
            }
            Command::Cancel { .. } if self.deaf => vec![],
            Command::Cancel { order_ref } if self.orders.iter().all(|order| order.order_ref != order_ref) => {
                vec![BrokerEvent::Notice { order_ref: Some(order_ref), code: 10147, text: "not found".into() }]
            }
            Command::Cancel { order_ref } => {
                let order = self.order(order_ref);
                let was_open = std::mem::replace(&mut order.open, false);
                let filled = order.filled;
                let cancelled = BrokerEvent::Status { order_ref, status: OrderStatus::Cancelled, filled };
                was_open.then_some(cancelled).into_iter().collect()
            }
        }
    }

    fn order(&mut self, order_ref: OrderRef) -> &mut DeskOrder {
        self.orders.iter_mut().find(|order| order.order_ref == order_ref).expect("the desk knows the order")
    }

    /// Fills a share of every open order at its limit.
    fn trade(&mut self, now: Timestamp) -> Vec<BrokerEvent> {
        let mut events = Vec::new();
        for order in self.orders.iter_mut().filter(|order| order.open) {
            let slow = self.slow.filter(|(contract, _, until)| *contract == order.contract && now < *until);
            let pace = if now < self.wakes { 0 } else { slow.map_or(self.pace, |(_, pace, _)| pace) };
            let pace = match order.order_type {
                OrderType::Lmt => pace,
                OrderType::Loc if now >= self.auction => 100,
                OrderType::Loc => 0,
            };
            let share = order.quantity.units() * i64::from(pace) / 100 / Quantity::UNITS_PER_SHARE;
            let share = if pace > 0 { share.max(1) } else { 0 };
            let quantity = Quantity::whole(share).min(order.quantity - order.filled);
            if quantity.is_zero() {
                continue;
            }
            order.filled += quantity;
            order.open = order.filled < order.quantity;
            let near = order.near.map(|near| (near, order.side.opposite(), later(dec!(0))));
            for (contract, side, price) in [(order.contract, order.side, order.limit)].into_iter().chain(near) {
                let execution = ExecutionId(format!("desk.{}.01", self.executions.len()).into());
                let (id, order, at) = (execution.clone(), Some(order.order_ref), now);
                let fill = Fill { execution: id, order, contract, side, quantity, price, at };
                let amount = Money::new(dec!(1.5), Currency::Usd);
                self.executions.push(Execution { fill: fill.clone(), commission: Some(amount) });
                events.extend([BrokerEvent::Execution(fill), BrokerEvent::Commission { execution, amount }]);
            }
        }
        events
    }

    pub(super) fn snapshot(&self, at: Timestamp) -> AccountSnapshot {
        let open = self.orders.iter().filter(|order| order.open);
        let open_orders = open.map(|order| BrokerOrder {
            order_ref: Some(order.order_ref),
            perm_id: 1,
            status: OrderStatus::Submitted,
            quantity: order.quantity,
            filled: order.filled,
        });
        AccountSnapshot {
            at,
            base: Currency::Usd,
            net_liquidation: Some(dec!(1)),
            gross_position_value: None,
            excess_liquidity: None,
            cash: vec![],
            positions: self.positions(),
            foreign: vec![],
            open_orders: open_orders.collect(),
            completed_orders: vec![],
            executions: self.executions.clone(),
            disputes: vec![],
        }
    }

    fn executed(&self, contract: ContractId) -> Quantity {
        let of_contract = self.executions.iter().filter(|e| e.fill.contract == contract);
        of_contract.fold(Quantity::ZERO, |sum, e| sum + e.fill.change())
    }
}

pub(super) fn quote(contract: ContractId, world: &World, at: Timestamp) -> BrokerEvent {
    let tick = world.setup.universe.terms(contract).tick.mantissa();
    let side = |ticks: i64| Price::from_mantissa(world.marks[contract]?.mantissa() + ticks * tick).ok();
    let size = Quantity::whole(100);
    let quote = Quote {
        bid: side(-1),
        ask: side(1),
        bid_size: size,
        ask_size: size,
        last: None,
        close: None,
        volume: None,
        at,
        data_type: DataType::Live,
    };
    BrokerEvent::Quote { contract, quote }
}

/// Everything a run leaves: the journal and the session's own books.
pub(super) struct Outcome {
    pub(super) journal: Vec<StoredRecord>,
    ledger: Ledger,
    pub(super) story: Vec<String>,
}

/// Drives a day; `crash_after` lists how many records may be written before the engine dies, once each.
pub(super) fn run_day(world: &World, plan: &DayPlan, desk: &mut Desk, crash_after: &[usize]) -> Outcome {
    let mut journal: Vec<StoredRecord> = Vec::new();
    let mut crashes = crash_after.iter().copied().collect::<VecDeque<_>>();
    let mut story = Vec::new();
    let held = |contract| (contract, world.ledger.quantity(contract));
    desk.held = world.setup.universe.contracts().map(held).collect();
    loop {
        let died = run_until(world, plan, desk, &mut journal, crashes.pop_front(), &mut story);
        if let Some(ledger) = died {
            return Outcome { journal, ledger, story };
        }
        story.push("-- engine killed, started again --".into());
    }
}

fn run_until(
    world: &World,
    plan: &DayPlan,
    desk: &mut Desk,
    journal: &mut Vec<StoredRecord>,
    crash_after: Option<usize>,
    story: &mut Vec<String>,
) -> Option<Ledger> {
    let universe = &world.setup.universe;
    let account = "a1b2c3".parse().unwrap();
    let folded: Vec<(Timestamp, Entry)> =
        journal.iter().filter_map(|r| store::entry(r, universe).unwrap().map(|entry| (r.at, entry))).collect();
    let entries = folded.iter().map(|(at, entry)| (*at, entry));
    let books = Books::new(world.ledger.clone());
    let mut session = if journal.is_empty() {
        Session::start(plan, &world.windows, &world.conditions, books, account, &world.setup)
    } else {
        Session::resume(plan, &world.windows, &world.conditions, books, account, &world.setup, entries)
    };
    let mut now = journal.last().map_or(world.decided_at(), |record| record.at);
    for _ in 0..100_000 {
        match session.poll(now) {
            Effect::Record => {
                for entry in session.entries() {
                    let record: Record = store::record(entry, now, universe);
                    journal.push(StoredRecord {
                        seq: journal.len() as i64 + 1,
                        trade_date: plan.date,
                        kind: record.kind.into(),
                        version: record.version,
                        at: now,
                        body: record.body,
                    });
                }
                if crash_after.is_some_and(|limit| journal.len() >= limit) {
                    return None;
                }
                session.handle(Event::Recorded);
            }
            Effect::Send(sendable) => {
                let command = Command::from(&sendable);
                story.push(format!("{} {}", now.strftime("%H:%M:%S"), told(command, world)));
                desk.receive(command).into_iter().for_each(|event| session.handle(Event::Broker(event)));
            }
            Effect::Watch | Effect::Renew(_) => desk.quote(world, now, &mut session),
            Effect::Resync => session.handle(Event::Resynced(Box::new(desk.snapshot(now)))),
            Effect::Look => unreachable!("this world has no watchdog"),
            Effect::WhatIf { .. } => unreachable!("this world asks about no margin"),
            Effect::Wait(deadline) => {
                let events = desk.trade(now);
                if events.is_empty() {
                    assert!(deadline > now, "waiting for {deadline} at {now}");
                    now = deadline;
                    desk.quote(world, now, &mut session);
                } else {
                    events.into_iter().for_each(|event| session.handle(Event::Broker(event)));
                    now += SignedDuration::from_secs(5);
                    desk.quote(world, now, &mut session);
                }
                session.handle(Event::Tick);
            }
            Effect::Done => return Some(session.into_books().into_ledger()),
        }
    }
    panic!("the session does not end");
}

fn told(command: Command, world: &World) -> String {
    match command {
        Command::Place { order_ref, contract, side, quantity, order_type, limit, .. } => {
            let close = if order_type == OrderType::Loc { " on close" } else { "" };
            format!("{side} {quantity} {} at {limit}{close}, {order_ref}", world.name(contract))
        }
        Command::PlaceSpread { order_ref, near, far, side, quantity, limit } => {
            format!("{side} {quantity} {} less {} at {limit}, {order_ref}", world.name(far), world.name(near))
        }
        Command::ReplaceSpread { order_ref, limit, .. } => format!("replace {order_ref} at {limit}"),
        Command::Replace { order_ref, limit, .. } => format!("replace {order_ref} at {limit}"),
        Command::Cancel { order_ref } => format!("cancel {order_ref}"),
    }
}

#[test]
fn large_orders_go_in_slices_one_after_the_other_inside_the_window() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(100), &[]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    14:45:00 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    14:45:00 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-01
    14:45:05 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    14:45:05 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    14:45:10 SELL 2000 CS51 at 199.99, AF-a1b2c3-20260105-001-03
    14:45:10 BUY 834 CSPX at 600.01, AF-a1b2c3-20260105-002-03
    ");
}

#[test]
fn every_command_is_in_the_journal_before_it_is_sent() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(40), &[]);
    let recorded = outcome.journal.iter().filter(|record| record.kind == "command").count();
    assert_eq!(recorded, outcome.story.len());
}

#[test]
fn killed_after_its_first_intent_the_engine_asks_before_it_sends_again() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let outcome = run_day(&world, &plan, &mut Desk::new(100), &[2]);
    insta::assert_snapshot!(outcome.story.join("\n"), @r"
    -- engine killed, started again --
    14:45:30 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    14:45:30 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-02
    14:45:35 SELL 4000 CS51 at 199.99, AF-a1b2c3-20260105-001-03
    14:45:35 BUY 1666 CSPX at 600.01, AF-a1b2c3-20260105-002-03
    14:45:40 SELL 2000 CS51 at 199.99, AF-a1b2c3-20260105-001-04
    14:45:40 BUY 834 CSPX at 600.01, AF-a1b2c3-20260105-002-04
    ");
}

#[test]
fn orders_of_a_closed_mode_never_leave() {
    let mut world = World::first_day();
    world.broker_mut().net_liquidation = Some(fixture::decimal("9970000"));
    let plan = decide(&world.inputs(), &world.setup);
    assert!(run_day(&world, &plan, &mut Desk::new(100), &[]).story.is_empty());
}

/// A session at its window whose first orders are recorded and not sent yet.
pub(super) fn about_to_send<'a>(world: &'a World, plan: &'a DayPlan, now: Timestamp) -> Session<'a> {
    let books = Books::new(world.ledger.clone());
    let mut session =
        Session::start(plan, &world.windows, &world.conditions, books, "a1b2c3".parse().unwrap(), &world.setup);
    while session.poll(now) != Effect::Watch {}
    session
        .contracts()
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|c| session.handle(Event::Broker(quote(c, world, now))));
    assert_eq!(session.poll(now), Effect::Record);
    session.handle(Event::Recorded);
    session
}

/// A session at its window with its first order just sent, and that order.
fn first_order<'a>(world: &'a World, plan: &'a DayPlan, now: Timestamp) -> (Session<'a>, Command) {
    let mut session = about_to_send(world, plan, now);
    let Effect::Send(sendable) = session.poll(now) else { panic!("an order") };
    assert!(matches!(session.poll(now), Effect::Send(_)), "the other leg");
    (session, Command::from(&sendable))
}

/// Records whatever is waiting to be recorded and returns the effect after it.
pub(super) fn settled(session: &mut Session<'_>, now: Timestamp) -> Effect {
    loop {
        match session.poll(now) {
            Effect::Record => session.handle(Event::Recorded),
            effect => return effect,
        }
    }
}

#[test]
fn a_cancel_that_overtakes_its_executions_is_not_believed_before_they_arrive() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let (mut session, command) = first_order(&world, &plan, now);
    let Command::Place { order_ref, .. } = command else { panic!("a new order") };
    let (status, filled) = (OrderStatus::Cancelled, Quantity::whole(3_000));
    session.handle(Event::Broker(BrokerEvent::Status { order_ref, status, filled }));
    assert_eq!(settled(&mut session, now), Effect::Resync, "nothing is sent again from a rest nobody knows");
}

#[test]
fn a_refused_change_of_a_working_order_does_not_end_it() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let (mut session, command) = first_order(&world, &plan, now);
    let Command::Place { order_ref, contract, side, quantity, order_type, limit, touch, volume_left } = command else {
        panic!("a new order")
    };
    session.handle(Event::Broker(BrokerEvent::Acknowledged { order_ref, perm_id: 1 }));
    let text = "price off the grid".to_owned();
    session.handle(Event::Broker(BrokerEvent::Notice { order_ref: Some(order_ref), code: 110, text }));
    assert_eq!(settled(&mut session, now), Effect::Resync);
    let mut desk = Desk::new(0);
    desk.receive(Command::Place { order_ref, contract, side, quantity, order_type, limit, touch, volume_left });
    session.handle(Event::Resynced(Box::new(desk.snapshot(now))));
    settled(&mut session, now);
    assert!(session.parents().any(|parent| parent.has_live_child()), "it still works and is still looked after");
}

#[test]
fn what_was_recorded_but_not_sent_stays_when_the_link_or_the_mode_is_gone() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let mut session = about_to_send(&world, &plan, now);
    session.handle(Event::Broker(BrokerEvent::Connection(Connection::Lost)));
    assert!(matches!(settled(&mut session, now), Effect::Wait(_)), "two orders were ready");
    assert!(session.parents().all(|parent| !parent.has_live_child()), "and neither counts as sent");
}

#[test]
fn a_lost_link_waits_and_in_the_end_stops_the_day() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let (mut session, _) = first_order(&world, &plan, now);
    session.handle(Event::Broker(BrokerEvent::Connection(Connection::Lost)));
    while let Effect::Wait(deadline) = settled(&mut session, now) {
        assert!(deadline > now);
        now = deadline;
        session.handle(Event::Tick);
    }
    assert_eq!(now.to_string(), "2026-01-05T16:30:00Z", "half an hour after the window");
    assert_eq!(session.mode(), Mode::CancelOnly);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However slowly the desk fills and wherever the engine dies, each intent is executed once, never
    /// beyond its plan, and our books are the desk's.
    #[test]
    fn no_crash_doubles_or_loses_an_execution(pace in 1_u32..101, crashes in prop::collection::vec(1_usize..120, 0..6)) {
        let world = World::first_day();
        let plan = decide(&world.inputs(), &world.setup);
        let mut desk = Desk::new(pace);
        let mut crashes = crashes;
        crashes.sort_unstable();
        let outcome = run_day(&world, &plan, &mut desk, &crashes);
        for order in &plan.orders {
            let executed = desk.executed(order.contract);
            prop_assert!(executed.abs() <= order.quantity.abs(), "{} executed of {}", executed, order.quantity);
            prop_assert_eq!(outcome.ledger.quantity(order.contract), executed);
        }
        let charges = rust_decimal::Decimal::from(desk.executions.len()) * dec!(1.5);
        prop_assert_eq!(outcome.ledger.commissions(Currency::Usd), charges);
    }
}
