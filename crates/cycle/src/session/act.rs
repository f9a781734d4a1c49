//! What the session does when time has passed or something was heard.
//!
//! In: now, quotes, permits. Out: commands with their entries, requests for a resync. Invariant: nothing
//! moves while the link is down or an order's fate is being asked; a stopped session only takes back.

use super::hours::Timetable;
use super::{Consequence, Entry, GIVE_UP_AFTER, Session, Slot};
use domain::{ContractId, Price, Quantity};
use execution::pair::Pace;
use execution::{Command, OrderSignal, Parent, Urgency};
use jiff::{SignedDuration, Timestamp};
use market::Quote;
use risk::gate::{Activity, Facts, MarketFacts, Proposal, Refusal};
use risk::{Check, Gate, Mode, Permission, Permit, Sendable};

impl Slot {
    /// Its hours have begun and the gate was not asked a moment ago.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.hours.opens().is_some_and(|opens| now >= opens) && now >= self.ask_again
    }

    /// No more can leave.
    fn is_closed(&self, now: Timestamp) -> bool {
        self.hours.closes().is_none_or(|closes| now >= closes)
    }

    /// What is not known by now is not waited for.
    fn is_late(&self, now: Timestamp) -> bool {
        self.hours.closes().is_none_or(|closes| now >= closes + GIVE_UP_AFTER)
    }

    /// Nothing has been asked or waited for.
    fn is_first_look(&self) -> bool {
        self.ask_again == Timestamp::MIN
    }
}

impl Session<'_> {
    /// Moves every order as far as time, quotes and permits allow.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.mind(now);
        if self.link_down || self.unreadable || self.resync_at > now {
            return self.outwait(now);
        }
        if self.needs_resync {
            return;
        }
        self.totals = None;
        self.forget_messages(now);
        let mut next = self.rests.next_awake(0, now);
        while let Some(index) = next {
            if self.slots[index].parent.is_finished() {
                self.rests.lay_down_for_good(index);
            } else if !self.waits_for_quotes(index, now) {
                self.look_after(index, now);
                self.lay_down(index, now);
            }
            next = self.rests.next_awake(index + 1, now);
        }
        self.rests.settle(now);
        self.protect(now);
        self.replan(now);
        self.true_up(now);
    }

    /// All an order could do now is to ask the gate, which looks at no order without a quote.
    fn waits_for_quotes(&self, index: usize, now: Timestamp) -> bool {
        let slot = &self.slots[index];
        let waits = !self.watching && slot.stands_alone && slot.parent.wants_permit();
        waits && slot.is_due(now) && !slot.is_closed(now) && self.permission(index) == Permission::Yes
    }

    fn look_after(&mut self, index: usize, now: Timestamp) {
        self.expire(index, now);
        self.chase(index, now);
        match (self.pace(index), self.permission(index)) {
            (Pace::Work(urgency), Permission::Yes) => self.work(index, urgency, now),
            (Pace::Wait, Permission::Yes) | (Pace::Work(_) | Pace::Wait, Permission::AfterConfirmation) => {
                self.take_back(index, now);
            }
            (Pace::Stop, _) | (_, Permission::No) => {
                self.slots[index].parent.expire();
                self.take_back(index, now);
            }
        }
    }

    /// What the mode says to an order; a mandatory close-out that a person has confirmed may go out in every mode. Of what is
    /// held otherwise than the books say nothing goes out.
    pub(super) fn permission(&self, index: usize) -> Permission {
        let planned = self.slots[index].parent.planned();
        if self.is_frozen(planned.contract) || self.is_taken_back(index) {
            return Permission::No;
        }
        match self.standing.mode.permission(planned.purpose) {
            Permission::AfterConfirmation if self.is_confirmed(planned.contract) => Permission::Yes,
            permission => permission,
        }
    }

    fn is_confirmed(&self, contract: ContractId) -> bool {
        self.standing.confirmed.contains(&self.setup.universe.contract(contract).name)
    }

    /// Moves one order as far as its permit and the market allow.
    fn work(&mut self, index: usize, urgency: Urgency, now: Timestamp) {
        if let Some(spread) = self.spread_of(index, now) {
            return self.work_spread(&spread, index, now);
        }
        self.slots[index].parent.lapse(now);
        if self.slots[index].parent.wants_permit() {
            if !self.watching {
                return; // without quotes the gate is not asked, and without its leave nothing moves
            }
            self.ask_gate(index, now);
        }
        let contract = self.slots[index].parent.planned().contract;
        let may_price = self.may_price(contract, now);
        let quote = self.board.quote(contract).filter(|_| may_price);
        let moment = self.moment(index, quote, urgency, now);
        let (touch, volume_left) = (quote.and_then(Quote::two_sided), moment.volume_left);
        let identity = (self.account, self.plan.date);
        let sendable = self.slots[index].parent.step(&moment, identity, &self.setup.policy.execution);
        self.stage_made_of(sendable, touch, volume_left);
    }

    /// What is to be sent is written down first.
    pub(super) fn stage(&mut self, sendable: Option<Sendable>) {
        self.stage_made_of(sendable, None, None);
    }

    /// The same with the quote its limit was made of.
    fn stage_made_of(
        &mut self,
        sendable: Option<Sendable>,
        touch: Option<(Price, Price)>,
        volume_left: Option<Quantity>,
    ) {
        if let Some(sendable) = sendable {
            self.entries.note(|| Entry::Command(Command::from(&sendable).made_of(touch, volume_left)));
            self.ready.push_back(sendable);
        }
    }

    /// The last quote of a contract.
    pub fn quote(&self, contract: ContractId) -> Option<Quote> {
        self.board.quote(contract).copied()
    }

    /// Adds an order that what happened calls for, to be worked like the plan's.
    pub(super) fn order(&mut self, consequence: Consequence) {
        self.entries.push(Entry::Consequence(consequence.clone()));
        self.take_on(consequence);
    }

    pub(super) fn take_on(&mut self, consequence: Consequence) {
        let contract = consequence.order.contract;
        assert_eq!(usize::from(consequence.order.number), self.slots.len() + 1, "orders are numbered without gaps");
        self.stale = true;
        self.watching &= !self.board.watch(contract);
        let earlier = self.board.enter(contract, self.slots.len());
        let hours = self.timetable().hours(&consequence.order);
        let parent = Parent::new_in(consequence.order, self.children.pop().unwrap_or_default());
        self.slots.push(Slot::new(parent, hours, earlier));
        self.rests.enter();
        self.consequences.push(consequence);
    }

    fn timetable(&self) -> Timetable<'_> {
        Timetable { windows: self.windows, conditions: self.conditions, plan: self.plan, setup: self.setup }
    }

    /// The number of the next order that is not in the plan.
    pub(super) fn next_number(&self) -> u16 {
        u16::try_from(self.slots.len() + 1).expect("a day has fewer than 65,535 orders")
    }

    /// What was recorded may have been overtaken by what was heard since.
    pub(super) fn may_send(&self, sendable: &Sendable, now: Timestamp) -> bool {
        let permitted = match sendable {
            Sendable::Cancel { .. } => true,
            order => {
                let may =
                    |place: usize| self.permission(place) == Permission::Yes && !self.slots[place].parent.exceeds();
                self.senders(order.order_ref()).all(may) && order.expires().is_none_or(|expires| now < expires)
            }
        };
        !self.link_down && permitted
    }

    /// A new order that is not handed over after all has ended; anything else is asked about later.
    pub(super) fn withhold(&mut self, sendable: &Sendable) {
        if let Sendable::Place(_) | Sendable::PlaceSpread(_) = sendable {
            self.signal(sendable.order_ref(), OrderSignal::CancelConfirmed);
        }
        self.stale = true;
    }

    /// While the link is down nothing is sent; what it does not tell in time ends the day.
    pub(super) fn outwait(&mut self, now: Timestamp) {
        for index in 0..self.slots.len() {
            self.expire(index, now);
            let slot = &mut self.slots[index];
            if slot.is_late(now) && !slot.parent.is_over() {
                slot.parent.give_up();
                self.tighten(
                    Mode::CancelOnly,
                    "what became of an order was not told in time: the broker was lost, or could not be read",
                );
            }
        }
    }

    pub(super) fn expire(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if slot.is_closed(now) {
            slot.parent.expire();
        }
    }

    /// Takes back what works; a spread is taken back from both its orders at once.
    fn take_back(&mut self, index: usize, now: Timestamp) {
        let Some(cancel) = self.slots[index].parent.withdraw(now) else { return };
        for place in self.senders(cancel.order_ref()) {
            self.slots[place].parent.withdraw(now);
        }
        self.stage(Some(cancel));
    }

    /// Asks what became of an order whose cancel nobody confirms, and in the end goes on without it.
    pub(super) fn chase(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if !slot.parent.is_unanswered(now) {
            return;
        }
        // An engine that comes back after the window asks for as long as one that was there.
        let from = self.answered_from.unwrap_or(Timestamp::MIN);
        let late = slot.hours.closes().is_none_or(|closes| now >= closes.max(from) + GIVE_UP_AFTER);
        slot.parent.lose_sight();
        if late {
            slot.parent.give_up();
            self.tighten(Mode::CancelOnly, "an order whose fate the broker does not tell");
        } else {
            self.needs_resync = true;
        }
    }

    pub(super) fn ask_gate(&mut self, index: usize, now: Timestamp) {
        let slot = &mut self.slots[index];
        if !slot.is_due(now) || !self.watching {
            return;
        }
        let patience = SignedDuration::from_secs(self.setup.policy.execution.replace_interval_s);
        let contract = slot.parent.planned().contract;
        if slot.is_first_look() && self.board.quote(contract).is_none() {
            // The subscription has just been made: its first quote gets a moment.
            slot.ask_again = now + patience;
            return;
        }
        if self.renew(contract, now) {
            return; // it is asked again with the answer
        }
        let slot = &mut self.slots[index];
        slot.asked.get_or_insert(now);
        let excess_after = self.excess_after(index);
        let (proposal, activity) = (self.proposal(index, now), self.activity(index, excess_after));
        let verdict = self.judge(index, &proposal, &activity, now);
        let asks = self.gate().asks_margin(&proposal, &activity);
        let accompanied = verdict.is_ok() && (self.slots[index].stands_alone || self.has_company(index, now));
        let alone = verdict.is_ok() && !accompanied;
        if accompanied && !self.slots[index].stands_alone {
            self.call_company(index, now);
        }
        let slot = &mut self.slots[index];
        let number = slot.parent.planned().number;
        slot.alone = alone;
        match verdict {
            Ok(_) if alone => {
                slot.ask_again = now + patience;
                self.wait_for_company(index);
            }
            // Nothing else is in the way: the broker's own word on the margin decides.
            Ok(permit) if asks => self.want_margin(index, &permit),
            Ok(permit) => {
                let collar = permit.collar();
                let quote = self.board.quote(contract);
                let half_spread = quote.and_then(|quote| Price::if_positive(quote.spread_mantissa()? / 2));
                let (arrival, worst) = (collar.reference, collar.worst);
                let reference = Some(permit.reference());
                slot.parent.admit(permit, half_spread);
                slot.refusals.clear();
                self.entries.note(|| Entry::Admitted { number, arrival, worst, half_spread, reference });
                self.let_out(&activity, proposal.quantity);
            }
            Err(refusals) => {
                slot.ask_again = now + patience;
                let throttled = refusals.iter().any(|refusal| refusal.check == Check::Throttle);
                let side = slot.parent.side();
                self.refuse(index, refusals);
                if throttled {
                    self.latch(contract, side);
                }
            }
        }
    }

    pub(super) fn gate(&self) -> Gate<'_> {
        Gate::new(&self.setup.policy.gate, &self.setup.universe)
    }

    /// What an order asks the gate for.
    pub(super) fn proposal(&self, index: usize, now: Timestamp) -> Proposal {
        let Slot { parent, hours, .. } = &self.slots[index];
        let planned = parent.planned();
        Proposal {
            contract: planned.contract,
            quantity: Quantity::from_units(parent.remaining().units() * parent.side().sign()),
            purpose: planned.purpose,
            order_type: hours.order_type(now),
            collar: parent.collar(),
        }
    }

    /// What the gate says to it.
    pub(super) fn judge(
        &self,
        index: usize,
        proposal: &Proposal,
        activity: &Activity,
        now: Timestamp,
    ) -> Result<Permit, Vec<Refusal>> {
        let mode = match self.standing.mode.permission(proposal.purpose) {
            // The one order a person has looked at is judged as on a day that only reduces.
            Permission::AfterConfirmation => self.standing.mode.min(Mode::ReduceOnly),
            _ => self.standing.mode,
        };
        let (quote, window) = (self.board.quote(proposal.contract), self.slots[index].hours.window);
        let facts = Facts {
            day: &self.plan.facts,
            conditions: self.conditions,
            mode,
            market: MarketFacts { now, quote, window },
            activity,
        };
        self.gate().admit(*proposal, &facts)
    }

    /// Notes why an order does not leave, when it is another reason than before; a price that only grows older is the same one.
    pub(super) fn refuse(&mut self, index: usize, refusals: Vec<Refusal>) {
        let slot = &mut self.slots[index];
        let reason = |refusal: &Refusal| (refusal.check, refusal.contract);
        if slot.refusals.iter().map(reason).ne(refusals.iter().map(reason)) {
            let number = slot.parent.planned().number;
            self.entries.push(Entry::Refused { number, refusals: refusals.clone() });
            slot.refusals = refusals;
        }
    }

    pub(super) fn any_window_open(&self, now: Timestamp) -> bool {
        self.slots.iter().any(|slot| !slot.parent.is_over() && slot.hours.contain(now))
    }

    pub(super) fn next_deadline(&self, now: Timestamp) -> Timestamp {
        let policy = &self.setup.policy.execution;
        let soon = now + SignedDuration::from_secs(policy.replace_interval_s);
        if self.link_down || self.needs_resync {
            return soon;
        }
        if let Some(next_second) = self.next_second() {
            return next_second;
        }
        let mut next: Option<Timestamp> = None;
        let mut by = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
        for place in self.rests.awake(now) {
            self.first_deadline(place, now).into_iter().chain(self.spread_deadline(place, now)).for_each(&mut by);
        }
        self.rests.first_end(now).into_iter().for_each(&mut by);
        self.pairs.iter().filter_map(|pair| pair.next_deadline(&policy.pairs)).for_each(&mut by);
        let guarded = self.guarded_until().filter(|&until| until > now);
        self.next_look().into_iter().chain(guarded).for_each(&mut by);
        // An order whose window is over waits for the broker's word on its cancel; look again soon.
        next.map_or(soon, |deadline| deadline.max(now))
    }
}
