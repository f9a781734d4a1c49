//! A judge who trusts neither side: what the broker was told and did, against what the engine wrote down.
//!
//! In: the gateway's record, the engine's journal, the reports. Out: a panic that names the first
//! contradiction. Invariant: it reads files and computes; it runs none of the engine's decisions.

use console::DayReport;
use domain::{OrderRef, Side};
use gateway::{Entry, RecordedExecution, read_record};
use journal::{Journal, Place, StoredEvent};
use rust_decimal::Decimal;
use serde_json::Value;
use sim::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One line of one day's plan.
type Intent = (jiff::civil::Date, u16);

fn intent(order_ref: OrderRef) -> Intent {
    (order_ref.date, order_ref.intent)
}

/// An order at the broker, for one line of a plan, or as a calendar spread for two.
struct Placed {
    order_ref: OrderRef,
    lines: Vec<Intent>,
    quantity: Decimal,
    /// By contract.
    executed: BTreeMap<String, Decimal>,
    cancelled: bool,
}

impl Placed {
    fn executed(&self, contract: &str) -> Decimal {
        self.executed.get(contract).copied().unwrap_or_default()
    }

    /// What it has bought or sold of a contract, and what it still can.
    fn reach(&self, contract: &str) -> Decimal {
        if self.cancelled { self.executed(contract) } else { self.quantity }
    }
}

/// What a line of a plan is about.
struct Line {
    contract: String,
    quantity: Decimal,
}

/// The broker's side, rebuilt from its record alone.
#[derive(Default)]
struct Broker {
    orders: BTreeMap<i32, Placed>,
    executions: BTreeMap<String, RecordedExecution>,
}

/// Judges a finished run; every entry in the order in which it happened.
pub fn judge(record: &Path, journal: impl Into<Place>, days: &[DayReport]) {
    let planned = planned(days);
    let written = Written::read(journal.into());
    let mut broker = Broker::default();
    for entry in read_record(record).expect("the record is whole") {
        match entry {
            Entry::Command { at, command: Command::Place { order, .. }, .. } => {
                let order_ref = order.order_ref.parse().expect("an order of the engine");
                let quantity = order.quantity.to_decimal();
                let rolled = written.assert_holds_place(order_ref, quantity, at);
                assert_eq!(rolled.is_some(), order.against.is_some(), "{order_ref}: one order for two contracts");
                let other = rolled.map(|contract| line_of(&planned, order_ref.date, &contract));
                let lines: Vec<Intent> = std::iter::once(intent(order_ref)).chain(other).collect();
                let first = broker.orders.values().all(|placed| placed.order_ref != order_ref);
                assert!(first, "{order_ref} was placed twice");
                broker.place(order.order_id, order_ref, lines.clone(), quantity);
                lines.into_iter().for_each(|line| broker.assert_within(&planned, line));
            }
            Entry::Command { command: Command::Modify { order, .. }, .. } => {
                let placed = broker.orders.get_mut(&order.order_id).expect("an order that was placed");
                placed.quantity = order.quantity.to_decimal();
                let changed = placed.lines.clone();
                changed.into_iter().for_each(|line| broker.assert_within(&planned, line));
            }
            Entry::Command { command: Command::Cancel { order_id, .. }, .. } => {
                broker.orders.get_mut(&order_id).expect("an order that was placed").cancelled = true;
            }
            Entry::Execution(execution) => broker.execute(execution),
            _ => {}
        }
    }
    broker.assert_filled_as_reported(days);
    broker.assert_positions(days.last().expect("a run of at least a day"));
    let executed: BTreeSet<String> = broker.executions.into_keys().collect();
    assert_eq!(written.executions, executed, "what happened is what is booked");
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn planned(days: &[DayReport]) -> BTreeMap<Intent, Line> {
    let line = |order: &console::report::Order| Line {
        contract: order.instrument.clone(),
        quantity: decimal(&order.quantity),
    };
    let orders = days.iter().flat_map(|day| &day.orders);
    orders.map(|order| (intent(order.order_ref.parse().unwrap()), line(order))).collect()
}

/// The line of a date's plan that trades a contract.
fn line_of(planned: &BTreeMap<Intent, Line>, date: jiff::civil::Date, contract: &str) -> Intent {
    let found = planned.iter().find(|((of, _), line)| *of == date && line.contract == contract);
    *found.unwrap_or_else(|| panic!("{contract} is in a spread and in no plan of {date}")).0
}

impl Broker {
    fn place(&mut self, order_id: i32, order_ref: OrderRef, lines: Vec<Intent>, quantity: Decimal) {
        let placed = Placed { order_ref, lines, quantity, executed: BTreeMap::new(), cancelled: false };
        assert!(self.orders.insert(order_id, placed).is_none(), "order id {order_id} was used twice");
    }

    fn execute(&mut self, execution: RecordedExecution) {
        let placed = self.orders.get_mut(&execution.order_id).expect("an order that was placed");
        *placed.executed.entry(execution.contract.clone()).or_default() += execution.quantity.to_decimal();
        let id = execution.execution.clone();
        assert!(self.executions.insert(id.clone(), execution).is_none(), "execution {id} happened twice");
    }

    fn of(&self, of: Intent) -> impl Iterator<Item = &Placed> {
        self.orders.values().filter(move |placed| placed.lines.contains(&of))
    }

    /// Even if everything that works were filled at once, no line of a plan would be exceeded.
    fn assert_within(&self, planned: &BTreeMap<Intent, Line>, of: Intent) {
        let Line { contract, quantity } = &planned[&of];
        let reach = self.of(of).fold(Decimal::ZERO, |sum, placed| sum + placed.reach(contract));
        assert!(reach <= *quantity, "{of:?}: orders over {reach} for a plan of {quantity}");
    }

    fn assert_filled_as_reported(&self, days: &[DayReport]) {
        for order in days.iter().flat_map(|day| &day.orders) {
            let of = intent(order.order_ref.parse().unwrap());
            let executed = self.of(of).fold(Decimal::ZERO, |sum, placed| sum + placed.executed(&order.instrument));
            assert_eq!(executed, decimal(&order.filled), "{}", order.order_ref);
        }
    }

    fn assert_positions(&self, last: &DayReport) {
        let mut positions: BTreeMap<&str, Decimal> = BTreeMap::new();
        for RecordedExecution { contract, side, quantity, .. } in self.executions.values() {
            let quantity = quantity.to_decimal();
            let signed = if *side == Side::Buy { quantity } else { -quantity };
            *positions.entry(contract).or_default() += signed;
        }
        positions.retain(|_, quantity| !quantity.is_zero());
        let reported: BTreeMap<&str, Decimal> =
            last.positions.iter().map(|row| (row.instrument.as_str(), decimal(&row.broker))).collect();
        assert_eq!(positions, reported, "the executions add up to the positions of {}", last.date);
    }
}

/// The engine's side: what its journal holds.
struct Written {
    commands: Vec<StoredEvent>,
    executions: BTreeSet<String>,
}

impl Written {
    fn read(place: Place) -> Written {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = Journal::open_existing(place).await.expect("the journal is whole");
            let account = journal.accounts().await.unwrap().pop().expect("one account");
            let of_kind = async |kind| journal.events_of_kind(&account, kind).await.unwrap();
            let booked = of_kind("execution").await;
            let executions: BTreeSet<String> = booked.iter().map(|event| text(event, "execution")).collect();
            assert_eq!(executions.len(), booked.len(), "an execution was booked twice");
            let plans: Vec<String> = of_kind("plan").await.into_iter().map(|event| event.trade_date).collect();
            let dates: BTreeSet<&String> = plans.iter().collect();
            assert_eq!(dates.len(), plans.len(), "a date was planned twice");
            Written { commands: of_kind("command").await, executions }
        })
    }

    /// The order was in the journal, as it was sent, when it was sent. Names the second contract of a spread.
    fn assert_holds_place(&self, order_ref: OrderRef, quantity: Decimal, sent: jiff::Timestamp) -> Option<String> {
        let reference = order_ref.to_string();
        let places = |event: &StoredEvent| ["place", "place_spread"].contains(&text(event, "command").as_str());
        let place = |event: &&StoredEvent| event.order_ref.as_ref() == Some(&reference) && places(event);
        let event = self.commands.iter().find(place);
        let event = event.unwrap_or_else(|| panic!("{order_ref} was sent and is not in the journal"));
        assert!(event.at_us <= sent.as_microsecond(), "{order_ref} was written down after it was sent");
        assert_eq!(decimal(&text(event, "quantity")), quantity, "{order_ref}");
        (text(event, "command") == "place_spread").then(|| text(event, "far_contract"))
    }
}

fn text(event: &StoredEvent, key: &str) -> String {
    let body: Value = serde_json::from_str(&event.body).unwrap();
    body[key].as_str().unwrap_or_else(|| panic!("{} has no {key}", event.body)).to_owned()
}
