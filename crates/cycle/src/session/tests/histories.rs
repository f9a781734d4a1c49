//! Random histories: a broker that answers late, twice, out of order or not at all, and a link that breaks.

use super::*;
use execution::OrderState;
use std::collections::BTreeMap;

/// Chance as a function of a seed, so that a failing history can be run again.
struct Dice(u64);

impl Dice {
    /// A number below `sides` (xorshift, Marsaglia 2003).
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// A desk that keeps its books and tells of them as badly as a broker may.
struct Rogue {
    orders: Vec<DeskOrder>,
    executions: Vec<Execution>,
    /// What it will say, in no order.
    unsaid: Vec<BrokerEvent>,
    cut: bool,
    /// It confirms cancels of orders that another venue still executes.
    hasty: bool,
    /// Such orders, by place.
    crossed: Vec<usize>,
    /// What was executed of them after their end, by intent.
    late: BTreeMap<u16, Quantity>,
    dice: Dice,
}

impl Rogue {
    fn receive(&mut self, command: Command) {
        match command {
            Command::Place { order_ref, contract, side, quantity, order_type, limit, .. } => {
                assert!(self.orders.iter().all(|order| order.order_ref != order_ref), "{order_ref} was sent twice");
                let alive = |order: &&DeskOrder| order.open && order.order_ref.intent == order_ref.intent;
                assert!(
                    self.orders.iter().find(alive).is_none(),
                    "{order_ref} beside another living order of its intent"
                );
                if self.dice.one_in(12) {
                    return; // it never arrived, and nobody says so
                }
                let filled = Quantity::ZERO;
                self.orders.push(DeskOrder {
                    order_ref,
                    contract,
                    near: None,
                    side,
                    quantity,
                    filled,
                    order_type,
                    limit,
                    open: true,
                });
                if !self.dice.one_in(4) {
                    let perm_id = self.orders.len() as i64;
                    self.say(BrokerEvent::Acknowledged { order_ref, perm_id });
                }
                if self.dice.one_in(3) {
                    self.fill(self.orders.len() - 1, Timestamp::UNIX_EPOCH);
                }
            }
            Command::Replace { order_ref, limit, .. } => {
                let refused = self.dice.one_in(6);
                if let Some(order) = self.orders.iter_mut().find(|order| order.order_ref == order_ref && order.open) {
                    order.limit = if refused { order.limit } else { limit };
                }
                if refused {
                    self.say(BrokerEvent::Notice { order_ref: Some(order_ref), code: 201, text: "no".to_owned() });
                }
            }
            Command::PlaceSpread { .. } | Command::ReplaceSpread { .. } => {
                unreachable!("nothing rolls on the first day")
            }
            Command::Cancel { order_ref } => {
                let Some(index) = self.orders.iter().position(|order| order.order_ref == order_ref) else { return };
                if self.hasty && self.dice.one_in(2) {
                    self.crossed.push(index);
                } else if self.dice.one_in(3) {
                    self.fill(index, Timestamp::UNIX_EPOCH); // it crossed our cancel
                }
                self.orders[index].open = false;
                if !self.dice.one_in(5) {
                    self.status(index, OrderStatus::Cancelled);
                }
            }
        }
    }

    fn status(&mut self, index: usize, status: OrderStatus) {
        let (order_ref, filled) = (self.orders[index].order_ref, self.orders[index].filled);
        self.say(BrokerEvent::Status { order_ref, status, filled });
    }

    /// Says it, perhaps twice.
    fn say(&mut self, event: BrokerEvent) {
        self.unsaid.push(event.clone());
        if self.dice.one_in(5) {
            self.unsaid.push(event);
        }
    }

    fn fill(&mut self, index: usize, now: Timestamp) {
        let order = &mut self.orders[index];
        let left = (order.quantity - order.filled).units() / Quantity::UNITS_PER_SHARE;
        if left <= 0 || !order.open {
            return;
        }
        let shares = if self.dice.one_in(2) { left } else { 1 + self.dice.roll(left as u64) as i64 };
        let quantity = Quantity::whole(shares);
        order.filled += quantity;
        order.open = order.filled < order.quantity;
        let execution = ExecutionId(format!("rogue.{}.01", self.executions.len()).into());
        let (order_ref, contract, side, price) = (order.order_ref, order.contract, order.side, order.limit);
        let fill =
            Fill { execution: execution.clone(), order: Some(order_ref), contract, side, quantity, price, at: now };
        let amount = Money::new(dec!(1.5), Currency::Usd);
        self.executions.push(Execution { fill: fill.clone(), commission: Some(amount) });
        self.say(BrokerEvent::Execution(fill));
        self.say(BrokerEvent::Commission { execution, amount });
        if !self.orders[index].open {
            self.status(index, OrderStatus::Filled);
        }
    }

    /// Executes one of the orders whose end it has told.
    fn fill_late(&mut self, now: Timestamp) {
        let index = self.crossed.swap_remove(0);
        let (order_ref, before) = (self.orders[index].order_ref, self.orders[index].filled);
        self.orders[index].open = true;
        self.fill(index, now);
        self.orders[index].open = false;
        *self.late.entry(order_ref.intent).or_insert(Quantity::ZERO) += self.orders[index].filled - before;
    }

    /// Whatever of the unsaid comes now, in whatever order.
    fn speak(&mut self, now: Timestamp) -> Vec<BrokerEvent> {
        let mut said = Vec::new();
        for _ in 0..self.dice.roll(6) {
            if self.unsaid.is_empty() {
                break;
            }
            let which = self.dice.roll(self.unsaid.len() as u64) as usize;
            said.push(self.unsaid.swap_remove(which));
        }
        if self.cut || self.dice.one_in(25) {
            self.cut = !self.cut;
            said.push(BrokerEvent::Connection(if self.cut { Connection::Lost } else { Connection::Restored }));
        }
        if !self.crossed.is_empty() && self.dice.one_in(3) {
            self.fill_late(now);
        }
        if !self.orders.is_empty() && self.dice.one_in(2) {
            let index = self.dice.roll(self.orders.len() as u64) as usize;
            self.fill(index, now);
        }
        said
    }

    fn snapshot(&self, at: Timestamp) -> AccountSnapshot {
        let told = |order: &DeskOrder| BrokerOrder {
            order_ref: Some(order.order_ref),
            perm_id: 1,
            status: OrderStatus::Submitted,
            quantity: order.quantity,
            filled: order.filled,
        };
        AccountSnapshot {
            open_orders: self.orders.iter().filter(|order| order.open).map(told).collect(),
            completed_orders: self.orders.iter().filter(|order| !order.open).map(told).collect(),
            ..Desk { executions: self.executions.clone(), ..Desk::new(0) }.snapshot(at)
        }
    }
}

/// A day of one seed: what the desk executed and what the session ends with.
fn history(seed: u64, hasty: bool, world: &World, plan: &DayPlan) -> (Rogue, Ledger, Mode, usize) {
    lived(seed, hasty, world, plan, |_| {})
}

/// What works is no more than what is left, as soon as that can be known and a cancel sent; what was executed beyond a plan is
/// no more than what was executed of orders that had ended.
fn assert_bounded(session: &Session<'_>, desk: &Rogue, seed: u64) {
    for parent in session.parents() {
        let asked = session.link_down || session.needs_resync;
        let works = parent.children().last().is_some_and(|c| matches!(c.state, OrderState::Sent | OrderState::Working));
        assert!(asked || !works || !parent.exceeds(), "seed {seed}: {parent:?}");
        let late = desk.late.get(&parent.planned().number).copied().unwrap_or(Quantity::ZERO);
        assert!(parent.filled() <= parent.planned().quantity.abs() + late, "seed {seed}: {parent:?}, {late} late");
    }
    let beyond = session.parents().any(|parent| parent.remaining() < Quantity::ZERO);
    assert_eq!(session.mode() == Mode::Frozen, beyond, "seed {seed}: what is beyond a plan stops the day");
}

fn lived(
    seed: u64,
    hasty: bool,
    world: &World,
    plan: &DayPlan,
    before_each_look: impl Fn(&mut Session<'_>),
) -> (Rogue, Ledger, Mode, usize) {
    let mut dice = Dice(seed | 1);
    (0..8).for_each(|_| _ = dice.roll(2));
    let (cut, crossed, late) = (false, vec![], BTreeMap::new());
    let mut desk = Rogue { orders: vec![], executions: vec![], unsaid: vec![], cut, hasty, crossed, late, dice };
    let books = Books::new(world.ledger.clone());
    let account = "a1b2c3".parse().unwrap();
    let mut session = Session::start(plan, &world.windows, &world.conditions, books, account, &world.setup);
    let mut now = world.decided_at();
    for events in 0..20_000 {
        before_each_look(&mut session);
        match session.poll(now) {
            Effect::Record => session.handle(Event::Recorded),
            Effect::Send(sendable) => {
                let command = Command::from(&sendable);
                let new = matches!(command, Command::Place { .. });
                let mut senders = session.parents().filter(|parent| parent.knows(command.order_ref()));
                assert!(!new || senders.all(|parent| !parent.exceeds()), "seed {seed}: {command:?}");
                desk.receive(command);
            }
            Effect::Watch | Effect::Renew(_) => quotes(&mut session, world, now),
            Effect::Look => unreachable!("this world has no watchdog"),
            Effect::WhatIf { .. } => unreachable!("this world asks about no margin"),
            Effect::Resync => session.handle(Event::Resynced(Box::new(desk.snapshot(now)))),
            Effect::Wait(deadline) => {
                assert_bounded(&session, &desk, seed);
                let step = now + SignedDuration::from_secs(1 + desk.dice.roll(40) as i64);
                now = if session.parents().any(Parent::has_live_child) { step.min(deadline) } else { deadline };
                desk.speak(now).into_iter().for_each(|event| session.handle(Event::Broker(event)));
                quotes(&mut session, world, now);
                session.handle(Event::Tick);
            }
            Effect::Done => {
                // What the broker still has to say comes after the day's last order, as it does at the end of a day.
                session.handle(Event::Resynced(Box::new(desk.snapshot(now))));
                assert_bounded(&session, &desk, seed);
                let mode = session.mode();
                return (desk, session.into_books().into_ledger(), mode, events);
            }
        }
    }
    panic!("seed {seed}: the session does not end");
}

fn quotes(session: &mut Session<'_>, world: &World, now: Timestamp) {
    let contracts: Vec<ContractId> = session.contracts().collect();
    contracts.into_iter().for_each(|contract| session.handle(Event::Broker(quote(contract, world, now))));
}

#[test]
fn no_history_executes_more_than_was_planned_or_loses_an_execution() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let (histories, mut events, mut halted) = (u64::from(times(500, 100_000)), 0, 0);
    for seed in 0..histories {
        let (desk, ledger, mode, heard) = history(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), false, &world, &plan);
        (events, halted) = (events + heard, halted + usize::from(mode != Mode::Normal));
        for contract in [ContractId(0), ContractId(1)] {
            let of_contract = desk.executions.iter().filter(|execution| execution.fill.contract == contract);
            let executed = of_contract.fold(Quantity::ZERO, |sum, execution| {
                sum + Quantity::from_units(execution.fill.quantity.units() * execution.fill.side.sign())
            });
            let planned = plan.table.scheduled[contract];
            assert_eq!(ledger.quantity(contract), executed, "seed {seed}: our books are the desk's");
            let inside = executed.abs() <= planned.abs() && executed.signum() * planned.signum() >= 0;
            assert!(inside, "seed {seed}: {executed} of {planned}");
        }
        assert_ne!(mode, Mode::Frozen, "seed {seed}: nothing impossible was executed");
    }
    assert!(events > 50 * histories as usize && halted < histories as usize / 2, "{events} events, {halted} halts");
}

/// A broker may confirm a cancel and then tell of an execution that crossed it, when the next order is out already.
#[test]
fn what_is_executed_after_an_order_ended_costs_at_most_what_worked_beside_it() {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let (mut late, mut beyond) = (0, 0);
    for seed in 0..u64::from(times(500, 100_000)) {
        let (desk, ledger, mode, _) = history(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), true, &world, &plan);
        (late, beyond) = (late + desk.late.len(), beyond + usize::from(mode == Mode::Frozen));
        for contract in [ContractId(0), ContractId(1)] {
            let of_contract = desk.executions.iter().filter(|execution| execution.fill.contract == contract);
            let executed = of_contract.fold(Quantity::ZERO, |sum, execution| sum + execution.fill.change());
            assert_eq!(ledger.quantity(contract), executed, "seed {seed}: our books are the desk's");
        }
    }
    assert!(beyond > 0 && beyond < late / 2, "{late} orders late, {beyond} days beyond their plan");
}

#[test]
fn an_order_at_rest_misses_nothing() {
    let world = World::first_day();
    let mut plan = decide(&world.inputs(), &world.setup);
    plan.pairs.clear(); // legs of a pair never rest
    for seed in 0..u64::from(times(500, 20_000)) {
        let hasty = seed % 2 == 1;
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let told = |(desk, ledger, mode, events): (Rogue, Ledger, Mode, usize)| {
            format!("{:#?}\n{:#?}\n{ledger:?}\n{mode:?} after {events}", desk.orders, desk.executions)
        };
        let resting = told(history(seed, hasty, &world, &plan));
        let sleepless = told(lived(seed, hasty, &world, &plan, |session| session.rests.wake_all()));
        assert_eq!(resting, sleepless, "seed {seed}");
    }
}
