//! The act phase as a machine.
//!
//! In: broker events, recorded acknowledgements, the time. Out: effects, one at a time. Invariant: a
//! command becomes an effect only after the entry of its intent was recorded; every order passes the
//! gate with a fresh quote; after a restart nothing is sent before a resync has told what became of
//! everything in flight.

mod act;
mod board;
mod freeze;
mod hear;
mod hours;
mod log;
mod margin;
mod pace;
mod pairs;
mod rest;
mod resume;
mod room;
mod spreads;
mod true_up;
mod watch;

use crate::entry::Entry;
use crate::operator::{Instruction, Latch, Standing};
use crate::{DayPlan, Setup};
use board::Board;
use domain::{AccountTag, Books, ContractId, Ledger, PerContract, PerCurrency, Quantity};
use execution::{Order, Pair, Parent, ParentState, PlannedOrder};
use hours::{Hours, Timetable};
use jiff::{SignedDuration, Timestamp};
use log::Log;
use margin::{Margin, Takes};
use market::calendar::Window;
use pace::Totals;
use ports::{AccountSnapshot, BrokerCommand, BrokerEvent, MarginImpact};
use rest::Rests;
use risk::gate::{Conditions, Exposure, Refusal};
use risk::{Mode, Purpose, Sendable, Sighting};
pub use room::Room;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use strategy::sizing::Change;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The broker said something.
    Broker(BrokerEvent),
    /// Everything [`Session::entries`] held is durable.
    Recorded,
    /// How long that took, by the clock of the run.
    Stored(SignedDuration),
    /// A person said something; its answer is durable already.
    Operator(Instruction),
    /// A complete picture of the account.
    Resynced(Box<AccountSnapshot>),
    /// The account was asked for and gave no answer that can be used: why.
    Unreadable(String),
    /// A look at account, index and clocks.
    Watched(Sighting),
    /// What the order of that number would do to the margin; `None` when the broker gave no answer that can be used.
    Margin {
        /// Its number in the day.
        number: u16,
        /// The answer.
        impact: Option<MarginImpact>,
    },
    /// Time has passed.
    Tick,
}

/// Something to be done before the next poll.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Make [`Session::entries`] durable, then report [`Event::Recorded`].
    Record,
    /// Subscribe the quotes of [`Session::contracts`].
    Watch,
    /// Ask anew for these quotes: each is too old to price its order, and may only not have changed.
    Renew(Vec<ContractId>),
    /// Take a snapshot, then report [`Event::Resynced`].
    Resync,
    /// Look at account, index and clocks, then report [`Event::Watched`]; nothing when they cannot be seen.
    Look,
    /// Ask what this would do to the margin, then report [`Event::Margin`] with the number.
    WhatIf {
        /// Number of the order in the day.
        number: u16,
        /// What is asked about.
        command: BrokerCommand,
    },
    /// Send this.
    Send(Sendable),
    /// Nothing before this time, unless an event arrives.
    Wait(Timestamp),
    /// The day's orders are over.
    Done,
}

/// One order with what the session knows around it.
#[derive(Debug)]
struct Slot {
    parent: Parent,
    hours: Hours,
    margin: Margin,
    takes: Takes,
    ask_again: Timestamp,
    /// When the gate was first asked.
    asked: Option<Timestamp>,
    refusals: Vec<Refusal>,
    /// It waits for the other leg of its pair, and for nothing else.
    alone: bool,
    /// What it adds to the day's increases, in base currency.
    increase: f64,
    /// Place of the order before it on the same contract.
    earlier: Option<u16>,
    /// No pair, spread, deadline or happening hurries it.
    stands_alone: bool,
}

impl Slot {
    fn new(parent: Parent, hours: Hours, earlier: Option<u16>) -> Slot {
        Slot {
            parent,
            hours,
            margin: Margin::Unasked,
            takes: Takes::default(),
            ask_again: Timestamp::MIN,
            asked: None,
            refusals: Vec::new(),
            alone: false,
            increase: 0.0,
            earlier,
            stands_alone: false,
        }
    }
}

/// An order that was not in the plan: what happened called for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consequence {
    /// Its number, after the plan's.
    pub order: PlannedOrder,
    /// The sleeve it trades for.
    pub sleeve: String,
    /// Why.
    pub reason: String,
    /// The pair of the plan that it answers, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<u16>,
}

/// The day's orders from window to window.
#[derive(Debug)]
pub struct Session<'a> {
    setup: &'a Setup,
    plan: &'a DayPlan,
    conditions: &'a Conditions,
    account: AccountTag,
    books: Books,
    windows: &'a PerContract<Option<Window>>,
    /// The plan's orders, then the consequences.
    slots: Vec<Slot>,
    /// Room for the children of orders to come.
    children: Vec<Vec<Order>>,
    rests: Rests,
    consequences: Vec<Consequence>,
    /// The plan's pairs, as far as their protection has come.
    pairs: Vec<Pair>,
    board: Board,
    entries: Log,
    /// What is to be sent, the oldest first: `released` of it, because its entry was recorded.
    ready: VecDeque<Sendable>,
    released: usize,
    recording: bool,
    watching: bool,
    needs_resync: bool,
    /// The last resync brought nothing, and when the next is tried.
    unreadable: bool,
    resync_at: Timestamp,
    link_down: bool,
    /// When an engine that resumed the day first had an answer: what is unknown then is asked about from there on.
    answered_from: Option<Timestamp>,
    /// Codes of the broker that no table knows and that a person was told of.
    unknown_codes: BTreeSet<i32>,
    /// When quotes that cannot price an order are asked for again.
    watch_again: Timestamp,
    /// Contracts whose old quotes are to be asked for anew.
    renewals: Vec<ContractId>,
    /// Executions of ours that the broker corrected since the plan.
    corrections: usize,
    /// Contracts of which the account holds something else than the books say.
    frozen: Vec<ContractId>,
    /// An event or the passing of time may have given an order something to do.
    stale: bool,
    /// Mode of the plan, tightened by what happens and changed by what a person says.
    standing: Standing,
    guard: watch::Guard<'a>,
    /// What all orders come to; drawn anew after every event.
    totals: Option<Totals>,
    /// What the book without orders comes to; drawn anew after every execution.
    held: Option<Exposure>,
    /// What the book is exposed to in each currency, if that can be said; drawn anew after everything that is booked.
    filled: Option<Option<PerCurrency<f64>>>,
    /// When the messages of the last second were sent.
    messages: VecDeque<Timestamp>,
}

/// How long quotes that cannot price an order are put up with before they are asked for again.
const WATCH_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// Most times that what one order does at an instant may give another one something to do, apart from ten of each order.
const ROUNDS_MAX: usize = 1_000;

/// How long after its hours an order may stay unanswered before the day ends without it.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_mins(30);

impl<'a> Session<'a> {
    /// Starts a stored plan. `windows` and `conditions` are the plan's own; the books come with what they already hold.
    pub fn start(
        plan: &'a DayPlan,
        windows: &'a PerContract<Option<Window>>,
        conditions: &'a Conditions,
        books: Books,
        account: AccountTag,
        setup: &'a Setup,
    ) -> Self {
        Session::start_in(Room::default(), plan, (windows, conditions), books, account, setup)
    }

    /// The same in the room that another day's session left.
    pub fn start_in(
        room: Room,
        plan: &'a DayPlan,
        (windows, conditions): (&'a PerContract<Option<Window>>, &'a Conditions),
        mut books: Books,
        account: AccountTag,
        setup: &'a Setup,
    ) -> Self {
        let Room { mut slots, mut children, mut board, mut rests, entries, ready, messages } = room;
        let timetable = Timetable { windows, conditions, plan, setup };
        board.open(windows.len());
        let slot = |(place, &planned): (usize, &PlannedOrder)| {
            let held = books.ledger().quantity(planned.contract);
            let added = match planned.purpose {
                Purpose::Increase => {
                    Change::between(held, held + planned.quantity).increase - plan.table.rolled[planned.contract]
                }
                // Hedges and rolls are no part of the day's turnover.
                _ => Quantity::ZERO,
            };
            let increase = added.to_f64().abs() * plan.table.unit_price[planned.contract];
            let earlier = board.enter(planned.contract, place);
            let stands_alone = planned.purpose != Purpose::CloseOut;
            let parent = Parent::new_in(planned, children.pop().unwrap_or_default());
            Slot { increase, stands_alone, ..Slot::new(parent, timetable.hours(&planned), earlier) }
        };
        slots.extend(plan.orders.iter().enumerate().map(slot));
        for number in plan.company() {
            slots[usize::from(number) - 1].stands_alone = false;
        }
        let latched = conditions.latched.iter().map(|latch| Latch::named(latch, &setup.universe)).collect();
        books.reserve(plan.orders.len());
        rests.begin(slots.len());
        let stand_ins = plan.pairs.iter().flat_map(|pair| &pair.legs).filter_map(|leg| leg.hedge);
        for hedge in stand_ins {
            board.watch(hedge.contract);
        }
        Session {
            setup,
            plan,
            conditions,
            account,
            books,
            windows,
            rests,
            slots,
            children,
            consequences: Vec::new(),
            pairs: vec![Pair::EVEN; plan.pairs.len()],
            board,
            entries,
            ready,
            released: 0,
            recording: false,
            watching: false,
            needs_resync: false,
            unreadable: false,
            resync_at: Timestamp::MIN,
            link_down: false,
            answered_from: None,
            unknown_codes: BTreeSet::new(),
            watch_again: Timestamp::MIN,
            renewals: Vec::new(),
            corrections: 0,
            frozen: Vec::new(),
            stale: true,
            standing: Standing {
                mode: plan.mode,
                before_halt: plan.before_halt,
                flatten: plan.flatten,
                latched,
                ..Standing::default()
            },
            totals: None,
            held: None,
            filled: None,
            messages,
            guard: watch::Guard::default(),
        }
    }

    /// Takes over which close-outs a person had confirmed before the day began.
    #[must_use]
    pub fn with_confirmed(mut self, contracts: &[String]) -> Self {
        self.standing.confirmed.extend_from_slice(contracts);
        self
    }

    /// Gives every order up before anything was sent: the plan is not to be executed.
    #[must_use]
    pub fn withdrawn(mut self) -> Self {
        self.slots.iter_mut().for_each(|slot| slot.parent.expire());
        self.rests.wake_all();
        self
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
            self.released = self.ready.len();
            return;
        }
        assert!(!self.recording, "an event while entries are being recorded");
        if matches!(event, Event::Operator(_) | Event::Resynced(_) | Event::Unreadable(_) | Event::Watched(_)) {
            self.rests.wake_all();
        }
        match event {
            Event::Broker(event) => self.broker(event),
            Event::Operator(instruction) => self.standing.obey(&instruction),
            Event::Resynced(snapshot) => self.resynced(&snapshot),
            Event::Unreadable(reason) => self.unread(&reason),
            Event::Watched(seen) => self.watched(&seen),
            Event::Stored(took) => self.stored(took),
            Event::Margin { number, impact } => self.margin_told(number, impact.as_ref()),
            Event::Recorded | Event::Tick => {}
        }
        self.stale = true;
    }

    /// What to do next.
    pub fn poll(&mut self, now: Timestamp) -> Effect {
        assert!(!self.recording, "poll before the entries were recorded");
        if self.looks(now) {
            return Effect::Look;
        }
        let mut rounds = 0;
        while std::mem::take(&mut self.stale) {
            self.advance(now);
            rounds += 1;
            assert!(rounds < ROUNDS_MAX + 10 * self.slots.len(), "orders that wake each other for ever");
        }
        if !self.entries.is_empty() {
            self.recording = true;
            return Effect::Record;
        }
        while let Some(sendable) = self.next_ready(now) {
            if self.may_send(&sendable, now) {
                self.messages.push_back(now);
                return Effect::Send(sendable);
            }
            self.withhold(&sendable);
        }
        if self.needs_resync && !self.link_down {
            return self.resync(now);
        }
        if let Some((number, command)) = self.next_question(now).filter(|_| !self.link_down) {
            return Effect::WhatIf { number, command };
        }
        if !self.watching && self.any_window_open(now) {
            self.watching = true;
            self.rests.wake_all();
            self.watch_again = now + WATCH_AGAIN;
            self.stale = true;
            return Effect::Watch;
        }
        if !self.renewals.is_empty() && !self.link_down {
            return Effect::Renew(std::mem::take(&mut self.renewals));
        }
        if self.is_over(now) {
            return Effect::Done;
        }
        if self.watching && !self.link_down && self.is_worked_off() {
            self.watching = false; // who stands guard needs no quotes
            return Effect::Watch;
        }
        Effect::Wait(self.next_deadline(now))
    }

    /// No order is left, and nothing that a worse regime could call for.
    fn is_over(&self, now: Timestamp) -> bool {
        self.is_worked_off() && !self.stands_guard(now)
    }

    fn is_worked_off(&self) -> bool {
        self.rests.unfinished().all(|place| self.slots[place].parent.is_over())
    }

    /// The trade date.
    pub fn date(&self) -> jiff::civil::Date {
        self.plan.date
    }

    /// Entries to be made durable on [`Effect::Record`].
    pub fn entries(&self) -> &[Entry] {
        self.entries.as_slice()
    }

    /// The contracts of the day's orders, and those that may stand in for them; none once the orders are over.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.board.contracts().take(if self.is_worked_off() { 0 } else { usize::MAX })
    }

    /// The orders that were not in the plan, in the order of their numbers.
    pub fn consequences(&self) -> &[Consequence] {
        &self.consequences
    }

    /// How far the protection of each of the plan's pairs has come.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The day's orders, the plan's first, with all that happened to them.
    pub fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.slots.iter().map(|slot| &slot.parent)
    }

    /// Why each order was not let out when it last asked, in plan order.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.slots.iter().flat_map(|slot| &slot.refusals)
    }

    /// The ledger as it is now.
    pub fn ledger(&self) -> &Ledger {
        self.books.ledger()
    }

    /// Operating mode now.
    pub fn mode(&self) -> Mode {
        self.standing.mode
    }

    /// What stands of everything a person said, for the next date.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The books with what they remember.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// How many executions the broker corrected since the plan.
    pub fn corrections(&self) -> usize {
        self.corrections
    }
}

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
mod gate_tests;
#[cfg(test)]
mod tests;
