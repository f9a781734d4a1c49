//! The act phase as a machine.
//!
//! In: broker events, recorded acknowledgements, the time. Out: effects, one at a time. Invariant: a
//! command becomes an effect only after the entry of its intent was recorded; every order passes the
//! gate with a fresh quote; after a restart nothing is sent before a resync has told what became of
//! everything in flight.

mod resume;

use crate::entry::Entry;
use crate::{DayPlan, Setup};
use domain::{AccountTag, Booked, ContractId, ExecutionId, Fill, Ledger, Listed, Money, OrderRef, OrderStatus};
use execution::{Command, OrderSignal, Parent, ParentState};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use market::calendar::Window;
use ports::{AccountSnapshot, BrokerEvent, Connection};
use risk::gate::{MarketFacts, Proposal, Refusal};
use risk::{Gate, Mode};
use std::collections::{BTreeSet, VecDeque};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The broker said something.
    Broker(BrokerEvent),
    /// Everything [`Session::entries`] held is durable.
    Recorded,
    /// A complete picture of the account.
    Resynced(Box<AccountSnapshot>),
    /// Time has passed.
    Tick,
}

/// Something to be done before the next poll.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Make [`Session::entries`] durable, then report [`Event::Recorded`].
    Record,
    /// Subscribe the quotes of [`Session::contracts`].
    Watch,
    /// Take a snapshot, then report [`Event::Resynced`].
    Resync,
    /// Send this.
    Send(Command),
    /// Nothing before this time, unless an event arrives.
    Wait(Timestamp),
    /// The day's orders are over.
    Done,
}

/// One planned order with what the session knows around it.
#[derive(Debug)]
struct Slot {
    parent: Parent,
    window: Option<Window>,
    quote: Option<Quote>,
    ask_again: Timestamp,
    refusals: Vec<Refusal>,
}

/// The day's orders from window to window.
#[derive(Debug)]
pub struct Session<'a> {
    setup: &'a Setup,
    plan: &'a DayPlan,
    account: AccountTag,
    ledger: Ledger,
    slots: Vec<Slot>,
    booked: Booked,
    entries: Vec<Entry>,
    staged: Vec<Command>,
    ready: VecDeque<Command>,
    recording: bool,
    watching: bool,
    needs_resync: bool,
    link_down: bool,
    /// An event or the passing of time may have given an order something to do.
    stale: bool,
    /// Operating mode: the plan's, tightened by what happens.
    mode: Mode,
}

/// How long after its window an order may stay unanswered before the day ends without it.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_mins(30);

impl<'a> Session<'a> {
    /// Starts a stored plan. `windows` are the plan's own, by contract; the books come with what they
    /// already hold.
    pub fn start(
        plan: &'a DayPlan,
        windows: &domain::PerContract<Option<Window>>,
        (ledger, booked): (Ledger, Booked),
        account: AccountTag,
        setup: &'a Setup,
    ) -> Self {
        let slot = |&planned| Slot {
            parent: Parent::new(planned),
            window: windows[planned.contract],
            quote: None,
            ask_again: Timestamp::MIN,
            refusals: Vec::new(),
        };
        Session {
            setup,
            plan,
            account,
            ledger,
            slots: plan.orders.iter().map(slot).collect(),
            booked,
            entries: Vec::new(),
            staged: Vec::new(),
            ready: VecDeque::new(),
            recording: false,
            watching: false,
            needs_resync: false,
            link_down: false,
            stale: true,
            mode: plan.mode,
        }
    }

    /// Takes an event.
    ///
    /// # Panics
    /// When an event arrives between [`Effect::Record`] and [`Event::Recorded`]: the driver must not
    /// let the world move while an intent is being written.
    pub fn handle(&mut self, event: Event) {
        if let Event::Recorded = event {
            assert!(self.recording, "recorded what was never handed out");
            self.recording = false;
            self.entries.clear();
            self.ready.extend(self.staged.drain(..));
            return;
        }
        assert!(!self.recording, "an event while entries are being recorded");
        match event {
            Event::Broker(event) => self.broker(event),
            Event::Resynced(snapshot) => self.resynced(&snapshot),
            Event::Recorded | Event::Tick => {}
        }
        self.stale = true;
    }

    /// What to do next.
    pub fn poll(&mut self, now: Timestamp) -> Effect {
        assert!(!self.recording, "poll before the entries were recorded");
        if self.stale {
            self.advance(now);
            self.stale = false;
        }
        if !self.entries.is_empty() {
            self.recording = true;
            return Effect::Record;
        }
        if let Some(command) = self.ready.pop_front() {
            return Effect::Send(command);
        }
        if self.needs_resync && !self.link_down {
            return Effect::Resync;
        }
        if !self.watching && self.any_window_open(now) {
            self.watching = true;
            self.stale = true;
            return Effect::Watch;
        }
        if self.slots.iter().all(|slot| slot.parent.is_over()) {
            return Effect::Done;
        }
        Effect::Wait(self.next_deadline(now))
    }

    /// The trade date.
    pub fn date(&self) -> jiff::civil::Date {
        self.plan.date
    }

    /// Entries to be made durable on [`Effect::Record`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The contracts of the day's orders.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.slots.iter().map(|slot| slot.parent.planned().contract)
    }

    /// The day's orders with all that happened to them.
    pub fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.slots.iter().map(|slot| &slot.parent)
    }

    /// Why each order was not let out when it last asked, in plan order.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.slots.iter().flat_map(|slot| &slot.refusals)
    }

    /// The books as they are now.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Operating mode now.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the books hold.
    pub fn booked(&self) -> &Booked {
        &self.booked
    }

    /// Ends the session and hands back the books.
    pub fn into_books(self) -> (Ledger, Booked) {
        (self.ledger, self.booked)
    }

    fn broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Quote { contract, quote } => {
                for slot in self.slots.iter_mut().filter(|slot| slot.parent.planned().contract == contract) {
                    slot.quote = Some(quote);
                }
            }
            BrokerEvent::Acknowledged { order_ref, perm_id } => {
                self.signal(order_ref, OrderSignal::Acknowledged);
                self.entries.push(Entry::Acknowledged { order_ref, perm_id });
            }
            BrokerEvent::Status { order_ref, status, filled } => {
                match status {
                    OrderStatus::Submitted | OrderStatus::PreSubmitted => {
                        self.signal(order_ref, OrderSignal::Acknowledged)
                    }
                    OrderStatus::Cancelled => self.signal(order_ref, OrderSignal::CancelConfirmed),
                    OrderStatus::PendingSubmit
                    | OrderStatus::PendingCancel
                    | OrderStatus::Filled
                    | OrderStatus::Inactive => {}
                }
                self.entries.push(Entry::Status { order_ref, status, filled });
            }
            BrokerEvent::Execution(fill) => self.execution(fill),
            BrokerEvent::Commission { execution, amount } => self.commission(execution, amount),
            BrokerEvent::Notice { order_ref, code, text } => {
                if let Some(order_ref) = order_ref.filter(|_| REJECTION_CODES.contains(&code)) {
                    self.signal(order_ref, OrderSignal::Refused);
                }
                self.entries.push(Entry::Notice { order_ref, code, text });
            }
            BrokerEvent::Connection(connection) => {
                self.link_down = connection == Connection::Lost;
                self.needs_resync = true;
                self.watching &= connection != Connection::RestoredDataLost;
                self.entries.push(Entry::Connection { connection });
            }
        }
    }

    fn execution(&mut self, fill: Fill) {
        match self.booked.execution(&fill.execution, self.plan.date) {
            Listed::Again => return,
            Listed::Corrected => {
                self.entries.push(Entry::Notice { order_ref: fill.order, code: 0, text: format!("{fill:?}") });
                return self.tighten(Mode::CancelOnly, "the broker corrected an execution that is booked");
            }
            Listed::New => {}
        }
        // An execution without our reference is somebody else's: the next reconciliation finds it.
        let Some(order_ref) = fill.order.filter(|order_ref| order_ref.account == self.account) else {
            self.entries.push(Entry::Execution(fill));
            return;
        };
        if order_ref.date == self.plan.date {
            let sent = self.slot_mut(order_ref).map(|slot| slot.parent.execute(order_ref, fill.quantity, fill.price));
            if sent != Some(Ok(())) {
                self.tighten(Mode::Frozen, "an execution that no order of ours can have had");
            }
        }
        self.ledger.fill(fill.contract, fill.side, fill.quantity, fill.price, &self.setup.universe);
        self.entries.push(Entry::Execution(fill));
    }

    fn commission(&mut self, execution: ExecutionId, amount: Money) {
        if self.booked.charge(&execution, self.plan.date) {
            self.ledger.charge(amount);
            self.entries.push(Entry::Commission { execution, amount });
        }
    }

    fn resynced(&mut self, snapshot: &AccountSnapshot) {
        for execution in &snapshot.executions {
            self.execution(execution.fill.clone());
            if let Some(amount) = execution.commission {
                self.commission(execution.fill.execution.clone(), amount);
            }
        }
        let open: BTreeSet<OrderRef> = snapshot.open_orders.iter().filter_map(|order| order.order_ref).collect();
        for slot in &mut self.slots {
            let live: Vec<OrderRef> =
                slot.parent.children().iter().filter(|c| c.state.is_live()).map(|c| c.order_ref).collect();
            for order_ref in live {
                let found = if open.contains(&order_ref) { OrderSignal::FoundOpen } else { OrderSignal::FoundEnded };
                slot.parent.signal(order_ref, found);
            }
        }
        self.needs_resync = false;
        self.entries.push(Entry::Resynced { open_orders: open.len(), executions: snapshot.executions.len() });
    }

    fn signal(&mut self, order_ref: OrderRef, signal: OrderSignal) {
        if let Some(slot) = self.slot_mut(order_ref) {
            slot.parent.signal(order_ref, signal);
        }
    }

    /// The slot of an order of this account and day that this plan sent; anything else is foreign.
    fn slot_mut(&mut self, order_ref: OrderRef) -> Option<&mut Slot> {
        if order_ref.account != self.account || order_ref.date != self.plan.date {
            return None;
        }
        let slot = self.slots.get_mut(usize::from(order_ref.intent).checked_sub(1)?)?;
        slot.parent.knows(order_ref).then_some(slot)
    }

    fn tighten(&mut self, mode: Mode, reason: &str) {
        let tightened = self.mode.tightened_to(mode);
        if tightened != self.mode {
            self.mode = tightened;
            self.entries.push(Entry::Mode { mode, reason: reason.to_owned() });
        }
    }

    /// Moves every order as far as time, quotes and permits allow.
    fn advance(&mut self, now: Timestamp) {
        if self.needs_resync || self.link_down {
            return;
        }
        let stopped = self.mode >= Mode::CancelOnly;
        for index in 0..self.slots.len() {
            self.expire(index, now);
            self.chase(index, now);
            if stopped {
                self.withdraw(index, now);
                continue;
            }
            if self.slots[index].parent.wants_permit() {
                self.ask_gate(index, now);
            }
            let slot = &mut self.slots[index];
            let tick = self.setup.universe.terms(slot.parent.planned().contract).tick;
            let identity = (self.account, self.plan.date);
            let quote = slot.quote.as_ref();
            if let Some(command) = slot.parent.step(now, quote, tick, identity, &self.setup.policy.execution) {
                self.entries.push(Entry::Command(command));
                self.staged.push(command);
            }
        }
    }

    fn expire(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if slot.window.is_none_or(|window| now >= window.closes) {
            slot.parent.expire();
        }
    }

    /// Takes back what works when the mode allows nothing else.
    fn withdraw(&mut self, index: usize, now: Timestamp) {
        let parent = &mut self.slots[index].parent;
        parent.expire();
        if let Some(command) = parent.withdraw(now) {
            self.entries.push(Entry::Command(command));
            self.staged.push(command);
        }
    }

    /// Asks what became of an order whose cancel nobody confirms, and in the end goes on without it.
    fn chase(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if !slot.parent.is_unanswered(now) {
            return;
        }
        let late = slot.window.is_none_or(|window| now >= window.closes + GIVE_UP_AFTER);
        slot.parent.lose_sight();
        if late {
            slot.parent.give_up();
            self.tighten(Mode::CancelOnly, "an order whose fate the broker does not tell");
        } else {
            self.needs_resync = true;
        }
    }

    fn ask_gate(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        let due = slot.window.is_some_and(|window| now >= window.opens) && now >= slot.ask_again;
        if !due || !self.watching || slot.quote.is_none() && slot.ask_again == Timestamp::MIN {
            return;
        }
        let planned = slot.parent.planned();
        let side = slot.parent.side();
        let remaining = slot.parent.remaining();
        let signed = domain::Quantity::from_units(remaining.units() * side.sign());
        let proposal = Proposal { contract: planned.contract, quantity: signed, purpose: planned.purpose };
        let market = MarketFacts { now, quote: slot.quote.as_ref(), window: slot.window };
        let gate = Gate::new(&self.setup.policy.gate, &self.setup.universe);
        match gate.admit(proposal, &self.plan.facts, self.mode, market) {
            Ok(permit) => {
                let collar = permit.collar();
                let (number, arrival, worst) = (planned.number, collar.reference, collar.worst);
                slot.parent.admit(permit);
                slot.refusals.clear();
                self.entries.push(Entry::Admitted { number, arrival, worst });
            }
            Err(refusals) => {
                slot.ask_again = now + SignedDuration::from_secs(self.setup.policy.execution.replace_interval_s);
                if slot.refusals != refusals {
                    self.entries.push(Entry::Refused { number: planned.number, refusals: refusals.clone() });
                    slot.refusals = refusals;
                }
            }
        }
    }

    fn any_window_open(&self, now: Timestamp) -> bool {
        self.slots.iter().any(|slot| !slot.parent.is_over() && slot.window.is_some_and(|window| window.contains(now)))
    }

    fn next_deadline(&self, now: Timestamp) -> Timestamp {
        let policy = &self.setup.policy.execution;
        let of_slot = |slot: &Slot| {
            let window = slot.window.filter(|_| !slot.parent.is_over());
            let opens = window.map(|w| w.opens).filter(|&opens| opens > now);
            let closes = window.map(|w| w.closes).filter(|&closes| closes > now);
            let asks = Some(slot.ask_again).filter(|&ask| slot.parent.wants_permit() && ask > now);
            [opens, closes, asks, slot.parent.next_deadline(policy)].into_iter().flatten().min()
        };
        // An order whose window is over waits for the broker's word on its cancel; look again soon.
        let soon = now + SignedDuration::from_secs(policy.replace_interval_s);
        self.slots.iter().filter_map(of_slot).min().map_or(soon, |deadline| deadline.max(now))
    }
}

/// Codes that end an order: price off grid, no contract, rejected, duplicate id.
const REJECTION_CODES: [i32; 5] = [103, 110, 200, 201, 203];

/// Whether a parent got what it wanted, for reports.
pub fn outcome(parent: &Parent) -> &'static str {
    match (parent.state(), parent.filled().is_zero()) {
        (ParentState::Filled, _) => "filled",
        (ParentState::Rejected, _) => "rejected",
        (ParentState::CarriedOver, true) => "carried over",
        (ParentState::CarriedOver, false) => "partly filled",
        (ParentState::Unknown, _) => "unknown",
        (ParentState::Waiting, _) => "waiting",
        (ParentState::Working, _) => "working",
    }
}

#[cfg(test)]
mod tests;
