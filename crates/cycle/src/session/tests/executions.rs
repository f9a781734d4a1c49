//! Executions told twice, corrected, late, or of an order that cannot have had them.

use super::*;

/// A session at its window with one order working, and what the broker says of it next.
fn after_an_execution(second: &str, shares: i64) -> (Mode, Quantity) {
    let world = World::first_day();
    let plan = decide(&world.inputs(), &world.setup);
    let now: Timestamp = "2026-01-05T14:45:00Z".parse().unwrap();
    let (mut session, command) = first_order(&world, &plan, now);
    let Command::Place { order_ref, contract, side, .. } = command else { panic!("a new order") };
    for (id, shares) in [("desk.7.01", 4_000), (second, shares)] {
        let (execution, quantity) = (ExecutionId(id.into()), Quantity::whole(shares));
        let price = world.marks[contract].unwrap();
        let fill = Fill { execution, order: Some(order_ref), contract, side, quantity, price, at: now };
        session.handle(Event::Broker(BrokerEvent::Execution(fill)));
    }
    (session.mode(), session.ledger().quantity(contract))
}

#[test]
fn an_execution_is_booked_once_in_its_last_version_and_an_impossible_one_stops_the_engine() {
    let sold = |shares: i64| Quantity::whole(-shares);
    assert_eq!(after_an_execution("desk.7.01", 4_000), (Mode::Normal, sold(4_000)), "the same again");
    assert_eq!(after_an_execution("desk.7.02", 3_900), (Mode::Normal, sold(3_900)), "a correction");
    assert_eq!(after_an_execution("desk.7.00", 3_900), (Mode::Normal, sold(4_000)), "an older version, late");
    assert_eq!(after_an_execution("desk.7.02", 4_001), (Mode::Frozen, sold(4_001)), "corrected beyond the order");
    assert_eq!(after_an_execution("desk.8.01", 1), (Mode::Frozen, sold(4_001)), "more than was ordered");
}

/// All that is sent until there is nothing left to do.
fn sent(session: &mut Session<'_>, world: &World, now: Timestamp) -> Vec<Command> {
    let mut sent = Vec::new();
    loop {
        match settled(session, now) {
            Effect::Send(sendable) => sent.push(Command::from(&sendable)),
            Effect::Watch | Effect::Renew(_) => Desk::new(0).quote(world, now, session),
            _ => return sent,
        }
    }
}

/// The orders of the first lines of a plan, of which each execution and each end is told by hand.
struct Line<'a> {
    session: Session<'a>,
    world: &'a World,
    now: Timestamp,
    lines: u16,
    story: Vec<String>,
    orders: Vec<Command>,
}

impl<'a> Line<'a> {
    fn begin(world: &'a World, plan: &'a DayPlan, opens: &str, lines: u16) -> Line<'a> {
        let (books, account) = (Books::new(world.ledger.clone()), "a1b2c3".parse().unwrap());
        let session = Session::start(plan, &world.windows, &world.conditions, books, account, &world.setup);
        let (now, story, orders) = (opens.parse().unwrap(), Vec::new(), Vec::new());
        let mut line = Line { session, world, now, lines, story, orders };
        line.goes_on();
        line
    }

    fn goes_on(&mut self) {
        let sent = sent(&mut self.session, self.world, self.now);
        for command in sent.into_iter().filter(|command| command.order_ref().intent <= self.lines) {
            self.story.push(told(command, self.world));
            if let Command::Place { order_ref, .. } | Command::PlaceSpread { order_ref, .. } = command {
                self.orders.push(command);
                self.session.handle(Event::Broker(BrokerEvent::Acknowledged { order_ref, perm_id: 1 }));
            }
        }
    }

    /// The broker says that an order is over, and knows of no execution.
    fn ends(&mut self, order: usize) {
        let order_ref = self.orders[order].order_ref();
        let (status, filled) = (OrderStatus::Cancelled, Quantity::ZERO);
        self.session.handle(Event::Broker(BrokerEvent::Status { order_ref, status, filled }));
    }

    /// The broker tells that so much of an order was executed.
    fn fills(&mut self, order: usize, shares: i64) {
        self.story.push(format!("-- {shares} of {} are told", self.orders[order].order_ref()));
        let (number, quantity, at) = (self.story.len(), Quantity::whole(shares), self.now);
        let mut fill = |order, contract: ContractId, side: Side, price| {
            let execution = ExecutionId(format!("desk.{number}{}.01", contract.0).into());
            let fill = Fill { execution, order: Some(order), contract, side, quantity, price, at };
            self.session.handle(Event::Broker(BrokerEvent::Execution(fill)));
        };
        match self.orders[order] {
            Command::Place { order_ref, contract, side, limit, .. } => fill(order_ref, contract, side, limit),
            Command::PlaceSpread { order_ref, near, far, side, .. } => {
                fill(order_ref, near, side.opposite(), later(dec!(0)));
                fill(order_ref, far, side, later(dec!(8)));
            }
            _ => unreachable!("only new orders are kept"),
        }
    }
}

/// A first day on which all of a line goes in one order.
fn in_one_order(mut world: World) -> World {
    world.setup.policy.gate.order_value_max = 1.0;
    world
}

const OPENS: &str = "2026-01-05T14:45:00Z";

#[test]
fn an_execution_told_after_its_order_ended_takes_the_next_order_back() {
    let world = in_one_order(World::first_day());
    let plan = decide(&world.inputs(), &world.setup);
    let mut line = Line::begin(&world, &plan, OPENS, 1);
    line.ends(0);
    line.goes_on();
    line.fills(0, 4_000);
    line.goes_on();
    line.ends(1);
    line.goes_on();
    line.fills(2, 6_000);
    line.goes_on();
    insta::assert_snapshot!(line.story.join("\n"), @"
    SELL 10000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    SELL 10000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    -- 4000 of AF-a1b2c3-20260105-001-01 are told
    cancel AF-a1b2c3-20260105-001-02
    SELL 6000 CS51 at 199.99, AF-a1b2c3-20260105-001-03
    -- 6000 of AF-a1b2c3-20260105-001-03 are told
    ");
    assert_eq!(
        (line.session.mode(), line.session.ledger().quantity(ContractId(1))),
        (Mode::Normal, Quantity::whole(-10_000))
    );
}

#[test]
fn what_crosses_two_cancels_is_booked_and_stops_the_day() {
    let world = in_one_order(World::first_day());
    let plan = decide(&world.inputs(), &world.setup);
    let mut line = Line::begin(&world, &plan, OPENS, 1);
    line.ends(0);
    line.goes_on();
    line.fills(0, 10_000);
    line.goes_on();
    assert_eq!(line.session.mode(), Mode::Normal, "all of it was executed, and nothing beyond");
    line.fills(1, 10_000);
    line.goes_on();
    insta::assert_snapshot!(line.story.join("\n"), @"
    SELL 10000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    SELL 10000 CS51 at 199.99, AF-a1b2c3-20260105-001-02
    -- 10000 of AF-a1b2c3-20260105-001-01 are told
    cancel AF-a1b2c3-20260105-001-02
    -- 10000 of AF-a1b2c3-20260105-001-02 are told
    ");
    assert_eq!(
        (line.session.mode(), line.session.ledger().quantity(ContractId(1))),
        (Mode::Frozen, Quantity::whole(-20_000))
    );
}

#[test]
fn a_next_order_that_was_recorded_and_not_sent_stays() {
    let world = in_one_order(World::first_day());
    let plan = decide(&world.inputs(), &world.setup);
    let mut line = Line::begin(&world, &plan, OPENS, 1);
    line.ends(0);
    assert_eq!(line.session.poll(line.now), Effect::Record);
    line.session.handle(Event::Recorded);
    line.fills(0, 4_000);
    line.goes_on();
    insta::assert_snapshot!(line.story.join("\n"), @"
    SELL 10000 CS51 at 199.99, AF-a1b2c3-20260105-001-01
    -- 4000 of AF-a1b2c3-20260105-001-01 are told
    cancel AF-a1b2c3-20260105-001-02
    SELL 6000 CS51 at 199.99, AF-a1b2c3-20260105-001-03
    ");
}

#[test]
fn an_order_for_the_close_is_taken_back_for_it_too() {
    let world = in_one_order(auction::with_an_auction(execution::Style::AuctionClose, false));
    let plan = decide(&world.inputs(), &world.setup);
    let mut line = Line::begin(&world, &plan, "2026-01-05T16:20:00Z", 1);
    line.ends(0);
    line.goes_on();
    line.fills(0, 4_000);
    line.goes_on();
    insta::assert_snapshot!(line.story.join("\n"), @"
    SELL 10000 CS51 at 199.8 on close, AF-a1b2c3-20260105-001-01
    SELL 10000 CS51 at 199.8 on close, AF-a1b2c3-20260105-001-02
    -- 4000 of AF-a1b2c3-20260105-001-01 are told
    cancel AF-a1b2c3-20260105-001-02
    ");
}

#[test]
fn a_leg_told_late_takes_the_spread_back() {
    let world = spreads::roll_day();
    let plan = decide(&world.inputs(), &world.setup);
    let mut line = Line::begin(&world, &plan, "2026-03-10T14:45:00Z", 2);
    line.ends(0);
    line.goes_on();
    line.fills(0, 15);
    line.fills(1, 10);
    line.fills(2, 10);
    line.goes_on();
    line.ends(1);
    line.ends(2);
    line.goes_on();
    line.fills(1, 4);
    line.goes_on();
    insta::assert_snapshot!(line.story.join("\n"), @"
    SELL 15 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-01
    BUY 16 FESX_20260320 at 5001, AF-a1b2c3-20260310-001-02
    SELL 15 FESX_20260619 at 5009, AF-a1b2c3-20260310-002-02
    -- 15 of AF-a1b2c3-20260310-001-01 are told
    -- 10 of AF-a1b2c3-20260310-001-02 are told
    -- 10 of AF-a1b2c3-20260310-002-02 are told
    SELL 11 FESX_20260619 less FESX_20260320 at 8, AF-a1b2c3-20260310-001-03
    -- 4 of AF-a1b2c3-20260310-001-02 are told
    cancel AF-a1b2c3-20260310-001-03
    ");
}
