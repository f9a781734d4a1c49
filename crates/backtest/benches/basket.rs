//! A basket of 500 orders through netting, gate and pricing, and what the broker says of them through the order manager.

use backtest::workload::{FIRST_DECISION, Workload};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cycle::{DayInputs, DayPlan, Doubts, Effect, Event, Memory, Session, Setup, decide_into};
use domain::{
    AccountTag, BaseMoney, Books, Currency, ExecutionId, Fill, FxRates, Ledger, LedgerEvent, Money, OrderStatus,
    PerContract, PerInstrument, Price, Quantity,
};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Window;
use market::{DataType, Quote};
use ports::BrokerEvent;
use risk::gate::Conditions;
use risk::{Mode, Sendable};
use std::hint::black_box;

const ORDERS: usize = 500;

/// 500 shares over 70 days, held by two sleeves that want opposite halves of the same names.
struct Day {
    setup: Setup,
    workload: Workload,
    ledger: Ledger,
    memory: Memory,
    marks: PerContract<Option<Price>>,
    windows: PerContract<Option<Window>>,
    conditions: Conditions,
    fx: FxRates,
    opens: Timestamp,
}

impl Day {
    fn new() -> Day {
        let (n, t) = (ORDERS, 70);
        let mut bytes = Vec::new();
        bytes.extend((n as u64).to_le_bytes());
        bytes.extend((t as u64).to_le_bytes());
        (0..n).for_each(|i| bytes.extend((if i % 3 == 0 { -1.0 } else { 1.0 } / n as f64).to_le_bytes()));
        let price = |row: usize, i: usize| ((row * 7919 + i * 104_729) % 2000 + 4000) as f64 / 100.0;
        for block in 0..2 {
            (0..t * n).for_each(|k| bytes.extend(price(k / n + block, k % n).to_le_bytes()));
        }
        let workload = Workload::parse(&bytes).expect("a well-formed workload");
        let one = workload.setup();
        let mut policy = one.policy.clone();
        let mut second = policy.sleeves[0].clone();
        (second.name, second.budget) = ("second".into(), 0.5);
        policy.sleeves.push(second);
        let setup = Setup::new(one.universe.clone(), policy, one.references.clone(), one.base);
        let mut ledger = Ledger::new(&setup.universe);
        let capital = Money::new(10_000_000.into(), Currency::Usd);
        ledger.apply(&LedgerEvent::Flow { amount: capital }, &setup.universe).expect("a flow is always booked");
        let mut memory = Memory::new(&setup);
        memory.take_in(workload.prices.closes.rows(0, FIRST_DECISION), &setup);
        let view = workload.prices.closes.rows(FIRST_DECISION, FIRST_DECISION + 1);
        let (_, closes) = view.iter().next().expect("one row");
        let marks = closes.raw().iter().map(|close| Price::from_f64(*close).ok()).collect();
        let opens: Timestamp = "2004-04-05T14:30:00Z".parse().expect("an instant");
        let window = Window { opens, closes: opens + SignedDuration::from_hours(1) };
        Day {
            ledger,
            memory,
            marks: PerContract::from_vec(marks),
            windows: PerContract::filled(Some(window), n),
            conditions: Conditions::ample(n),
            fx: FxRates::new(Currency::Usd),
            opens,
            setup,
            workload,
        }
    }

    fn decide(&self, plan: &mut DayPlan) {
        let active = PerInstrument::filled(None, ORDERS);
        let inputs = DayInputs {
            date: self.workload.prices.dates[FIRST_DECISION + 1],
            decided_at: self.opens,
            ledger: &self.ledger,
            sleeves: None,
            memory: &self.memory,
            history: self.workload.prices.closes.rows(FIRST_DECISION, FIRST_DECISION + 1),
            marks: &self.marks,
            fx: &self.fx,
            doubts: Doubts::NONE,
            broker: None,
            mode: Mode::Normal,
            before_halt: None,
            flatten: false,
            windows: &self.windows,
            conditions: &self.conditions,
            active: &active,
            flows: BaseMoney::ZERO,
            screens: &[],
            borrowable: &[],
            listings: &[],
            margins: &[],
        };
        decide_into(&inputs, &self.setup, plan);
    }

    fn session<'a>(&'a self, plan: &'a DayPlan) -> Session<'a> {
        let account: AccountTag = "a1b2c3".parse().expect("a tag");
        let books = Books::new(self.ledger.clone());
        Session::start(plan, &self.windows, &self.conditions, books, account, &self.setup)
    }

    /// Asks the gate for every order and prices it; returns what left.
    fn work(&self, session: &mut Session<'_>) -> Vec<Sendable> {
        let mut sent = Vec::with_capacity(ORDERS);
        loop {
            match session.poll(self.opens) {
                Effect::Record => session.handle(Event::Recorded),
                Effect::Watch | Effect::Renew(_) => {
                    for contract in session.contracts().collect::<Vec<_>>() {
                        let price = self.marks[contract];
                        let size = Quantity::whole(100);
                        let quote = Quote {
                            bid: price,
                            ask: price,
                            bid_size: size,
                            ask_size: size,
                            last: price,
                            close: None,
                            volume: None,
                            at: self.opens,
                            data_type: DataType::Live,
                        };
                        session.handle(Event::Broker(BrokerEvent::Quote { contract, quote }));
                    }
                }
                Effect::Send(sendable) => sent.push(sendable),
                _ => return sent,
            }
        }
    }

    /// What a broker says of orders it fills at once, in four messages each.
    fn said(&self, sent: &[Sendable]) -> Vec<BrokerEvent> {
        let events = sent.iter().enumerate().flat_map(|(i, sendable)| {
            let Sendable::Place(order) = sendable else { unreachable!("new orders alone") };
            let (order_ref, contract, quantity) = (order.order_ref(), order.contract(), order.quantity());
            let execution = ExecutionId(format!("bench.{i}.01").into());
            let price = self.marks[contract].expect("every share has a mark");
            let (order, side, at) = (Some(order_ref), order.side(), self.opens);
            let fill = Fill { execution: execution.clone(), order, contract, side, quantity, price, at };
            [
                BrokerEvent::Acknowledged { order_ref, perm_id: i as i64 },
                BrokerEvent::Status { order_ref, status: OrderStatus::Submitted, filled: Quantity::ZERO },
                BrokerEvent::Execution(fill),
                BrokerEvent::Commission { execution, amount: Money::new(1.into(), Currency::Usd) },
            ]
        });
        events.collect()
    }
}

fn basket(c: &mut Criterion) {
    let day = Day::new();
    let mut plan = DayPlan::empty(&day.setup);
    day.decide(&mut plan);
    assert_eq!(plan.orders.len(), ORDERS);
    c.bench_function("netting, sizing, basket limits: 500 instruments, two sleeves", |b| {
        b.iter(|| day.decide(black_box(&mut plan)));
    });
    c.bench_function("gate and pricing: 500 orders", |b| {
        b.iter_batched_ref(|| day.session(&plan), |session| black_box(day.work(session)), BatchSize::LargeInput);
    });
    let mut probe = day.session(&plan);
    let said = day.said(&day.work(&mut probe));
    let mut group = c.benchmark_group("order manager");
    group.throughput(Throughput::Elements(said.len() as u64));
    group.bench_function("events of 500 orders, each recorded", |b| {
        let fresh = || {
            let mut session = day.session(&plan);
            day.work(&mut session);
            (session, said.clone())
        };
        b.iter_batched(
            fresh,
            |(mut session, said)| {
                for event in said {
                    session.handle(Event::Broker(event));
                    if session.poll(day.opens) == Effect::Record {
                        session.handle(Event::Recorded);
                    }
                }
                session
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, basket);
criterion_main!(benches);
