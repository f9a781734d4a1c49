//! The legs of a pair, watched while they fill.
//!
//! In: what the legs of the plan's pairs have filled. Out: a pace for each leg, and orders that were not in the plan: a
//! temporary hedge, what is taken back of the leg that is ahead, and the hedge's own removal. Invariant: every step of a
//! protection and every order of it is an entry before it is a command, so a restart goes on where it was.

use super::{Consequence, Entry, Session};
use crate::plan::PairLeg;
use domain::rounding::{LotRounding, to_lot};
use domain::{ContractId, Quantity};
use execution::pair::{Pace, Progress, excess};
use execution::{PairState, PlannedOrder, Urgency};
use jiff::Timestamp;
use risk::gate::Refusal;
use risk::{Check, Purpose};

impl Session<'_> {
    /// Looks at every pair until nothing more follows from what is known.
    pub(super) fn protect(&mut self, now: Timestamp) {
        for index in 0..self.pairs.len() {
            let before = self.pairs[index];
            let after = before.look(&self.progress(index), now, &self.setup.policy.execution.pairs);
            self.pairs[index] = after;
            if after != before && after.state != PairState::Even {
                self.stale = true; // another pace, perhaps another step at once
                self.entries.push(Entry::Pair { pair: index as u16, protection: after });
            }
            match after.state {
                PairState::Broken if before.state != PairState::Broken => self.hedge_pair(index),
                PairState::Settled => self.settle_pair(index, now),
                _ => {}
            }
        }
    }

    /// What an order has to do: a leg for its pair, a temporary hedge while its pair needs it; everything else works.
    pub(super) fn pace(&self, index: usize) -> Pace {
        let number = index as u16 + 1;
        let policy = &self.setup.policy.execution.pairs;
        if self.has_to_go(index) {
            return Pace::Work(Urgency::High);
        }
        let protects = matches!(self.slots[index].parent.planned().purpose, Purpose::PairHedge | Purpose::Unwind);
        let mut pace = Pace::Work(if protects { Urgency::High } else { Urgency::Normal });
        if self.slots[index].stands_alone {
            return pace;
        }
        for (position, pair) in self.plan.pairs.iter().enumerate() {
            if let Some(leg) = pair.legs.iter().position(|leg| leg.order == number) {
                // An order that rolls and grows is a leg of two pairs: the stricter word holds.
                pace = pace.max(self.pairs[position].pace(leg, &self.progress(position), policy));
            }
            if self.hedges_of(position).any(|hedge| hedge.order.number == number) && self.is_settled_evenly(position) {
                return Pace::Stop;
            }
        }
        pace
    }

    /// Whether an order that the gate has nothing against may leave: a leg leaves only when the other one is out or could
    /// leave with it, so that what the gate refuses one leg it refuses the pair. What others wait for in their turn counts as
    /// well: it may be a leg of two sleeves, of which one cannot open.
    pub(super) fn has_company(&mut self, index: usize, now: Timestamp) -> bool {
        if self.slots[index].stands_alone {
            return true;
        }
        let needed = self.needs(index);
        // Mostly one of those that are needed needs nobody else in its turn; then the rest need not be looked at.
        if needed.iter().all(|any| any.iter().any(|&other| self.needs_only(other, index) && self.may_leave(other, now)))
        {
            return true;
        }
        let mut company = vec![index];
        let mut looked_at = 0;
        while let Some(&order) = company.get(looked_at) {
            let needed = self.needs(order).concat();
            for other in needed {
                if !company.contains(&other) {
                    company.push(other);
                }
            }
            looked_at += 1;
        }
        let mut leaving = company;
        leaving.retain(|&order| order == index || self.may_leave(order, now));
        // The largest part in which each has what it needs: who has not takes others along.
        loop {
            let has =
                |order: &usize| self.needs(*order).iter().all(|any| any.iter().any(|other| leaving.contains(other)));
            match leaving.iter().position(|order| !has(order)) {
                Some(0) => return false,
                Some(lacking) => leaving.remove(lacking),
                None => return true,
            };
        }
    }

    /// What an order may not leave without: of each group one at least. What is out or only reduces waits for nobody.
    fn needs(&self, index: usize) -> Vec<Vec<usize>> {
        let slot = &self.slots[index];
        if slot.stands_alone
            || slot.parent.planned().purpose == Purpose::Reduce
            || self.is_out(index)
            || self.has_to_go(index)
        {
            return Vec::new();
        }
        let number = index as u16 + 1;
        let legs = (0..self.pairs.len()).filter_map(|pair| self.other_in(pair, index)).map(|other| vec![other]);
        let starts = self.plan.starts.iter().filter(|start| start.orders.contains(&number));
        legs.chain(starts.map(|start| start.with.iter().map(|&other| usize::from(other) - 1).collect())).collect()
    }

    fn needs_only(&self, other: usize, index: usize) -> bool {
        self.needs(other).iter().all(|any| any.contains(&index))
    }

    /// Lets orders ask at once that waited for this one and for nobody else.
    pub(super) fn call_company(&mut self, index: usize, now: Timestamp) {
        let (number, plan) = (index as u16 + 1, self.plan);
        for pair in 0..self.pairs.len() {
            self.other_in(pair, index).into_iter().for_each(|other| self.call(other, now));
        }
        for start in plan.starts.iter().filter(|start| start.with.contains(&number)) {
            start.orders.iter().for_each(|&other| self.call(usize::from(other) - 1, now));
        }
    }

    fn call(&mut self, index: usize, now: Timestamp) {
        if self.slots[index].alone && self.has_company(index, now) {
            self.slots[index].alone = false;
            self.slots[index].ask_again = now;
            self.stale = true;
        }
    }

    /// Something of an order is executed or may be, or the gate would let it out; the broker's last word on its margin counts.
    fn may_leave(&mut self, index: usize, now: Timestamp) -> bool {
        let slot = &self.slots[index];
        let refused = slot.parent.is_over() || slot.refusals.iter().any(|refusal| refusal.check == Check::Margin);
        let admits = |session: &mut Self| {
            let (proposal, activity) = (session.proposal(index, now), session.activity(index, None));
            session.judge(index, &proposal, &activity, now).is_ok()
        };
        self.is_out(index) || !refused && admits(self)
    }

    fn is_out(&self, index: usize) -> bool {
        let parent = &self.slots[index].parent;
        !(parent.filled().is_zero() && parent.executable().is_zero())
    }

    /// Notes that a leg waits, once it is known what for.
    pub(super) fn wait_for_company(&mut self, index: usize) {
        let others = (0..self.pairs.len()).filter_map(|pair| self.other_in(pair, index));
        let number = index as u16 + 1;
        let starts = self.plan.starts.iter().filter(|start| start.orders.contains(&number));
        let opening = starts.flat_map(|start| &start.with).map(|&other| usize::from(other) - 1);
        if others.chain(opening).any(|other| !self.slots[other].refusals.is_empty()) {
            let contract = Some(self.slots[index].parent.planned().contract);
            self.refuse(index, vec![Refusal { check: Check::PairLeg, contract, limit: 0.0, value: 0.0 }]);
        }
    }

    /// The other leg of a pair that is even, if an order is one of its legs.
    fn other_in(&self, pair: usize, index: usize) -> Option<usize> {
        let legs = self.plan.pairs[pair].legs.each_ref().map(|leg| usize::from(leg.order) - 1);
        let leg = legs.iter().position(|&place| place == index)?;
        (self.pairs[pair].state == PairState::Even).then_some(legs[1 - leg])
    }

    /// On its deadline a contract is closed whether or not another one takes its place: it waits for no pair.
    fn has_to_go(&self, index: usize) -> bool {
        let planned = self.slots[index].parent.planned();
        let due = self.setup.rolls[planned.contract].is_some_and(|dates| dates.deadline <= self.plan.date);
        planned.purpose == Purpose::CloseOut && due
    }

    /// A leg counts as filled by what its order keeps: what was taken back of it is not there.
    fn progress(&self, index: usize) -> Progress {
        let legs = &self.plan.pairs[index].legs;
        let slots = legs.each_ref().map(|leg| &self.slots[usize::from(leg.order) - 1]);
        let share = |leg: &PairLeg| {
            let back = self.taken_back(index, self.planned(leg.order).contract);
            let back = back.map_or(Quantity::ZERO, |back| self.filled(back.order.number));
            let [from, to] = leg.part.unwrap_or([Quantity::ZERO, self.planned(leg.order).quantity.abs()]);
            (self.filled_of(leg) - back).to_f64() / (to - from).to_f64()
        };
        Progress {
            filled: legs.each_ref().map(share),
            over: slots.iter().all(|slot| slot.parent.is_over()),
            opening: slots.map(|slot| slot.parent.planned().purpose.opens()),
        }
    }

    /// What is executed of the part of its order that a pair is about.
    fn filled_of(&self, leg: &PairLeg) -> Quantity {
        let filled = self.filled(leg.order);
        leg.part.map_or(filled, |[from, to]| filled.clamp(from, to) - from)
    }

    /// The legs are over and about as far as each other.
    fn is_settled_evenly(&self, index: usize) -> bool {
        let pair = self.pairs[index];
        let trigger = self.setup.policy.execution.pairs.trigger;
        pair.state == PairState::Settled && pair.lead(&self.progress(index)) <= trigger
    }

    /// Sends the future that stands in for the lagging leg, worth what the other has filled.
    fn hedge_pair(&mut self, index: usize) {
        let (plan, leader) = (&self.plan.pairs[index], self.pairs[index].leader);
        let (ahead, lagging) = (plan.legs[leader], plan.legs[1 - leader]);
        let Some(hedge) = lagging.hedge else { return };
        let value = self.filled_of(&ahead).to_f64() * ahead.unit_price;
        let lot = self.setup.universe.terms(hedge.contract).lot;
        let contracts = to_lot(value / hedge.unit_price, lot, LotRounding::HalfAwayFromZero).min(hedge.quantity_max);
        let signed = Quantity::from_units(contracts.units() * self.planned(lagging.order).quantity.signum());
        let reason = format!(
            "{:.0} % of {} and nothing of {instead} is filled: it stands in for {instead}",
            self.progress(index).filled[leader] * 100.0,
            self.name_of(ahead.order),
            instead = self.name_of(lagging.order)
        );
        self.follow(index, hedge.contract, signed, Purpose::PairHedge, reason);
    }

    /// The legs are over. What only one of them opened is closed again while its venue is open; the hedge goes as soon as
    /// there is nothing left that it stands in for. Else it stays, and the next plan closes it with what it answers.
    fn settle_pair(&mut self, index: usize, now: Timestamp) {
        let (plan, pair) = (&self.plan.pairs[index], self.pairs[index]);
        if self.is_settled_evenly(index) {
            return self.remove_hedges(index);
        }
        let progress = self.progress(index);
        let leader = plan.legs[pair.leader];
        let slot = &self.slots[usize::from(leader.order) - 1];
        let planned = *slot.parent.planned();
        let open = slot.hours.window.is_some_and(|window| now < window.closes);
        let permitted = open && progress.opening[pair.leader] && self.standing.mode.permits(Purpose::Unwind);
        if permitted && self.taken_back(index, planned.contract).is_none() {
            let lot = self.setup.universe.terms(planned.contract).lot;
            let back = excess(self.filled_of(&leader), &progress, pair.leader, lot);
            let signed = Quantity::from_units(-back.units() * planned.quantity.signum());
            let reason = "the other leg did not follow: what was opened is closed again".to_owned();
            self.follow(index, planned.contract, signed, Purpose::Unwind, reason);
        }
    }

    /// Closes what the temporary hedges of a pair hold, once none of them works any more.
    fn remove_hedges(&mut self, index: usize) {
        let hedges: Vec<PlannedOrder> = self.hedges_of(index).map(|hedge| hedge.order).collect();
        for hedge in hedges {
            let over = self.slots[usize::from(hedge.number) - 1].parent.is_over();
            if over && self.taken_back(index, hedge.contract).is_none() {
                let held = Quantity::from_units(self.filled(hedge.number).units() * hedge.quantity.signum());
                let reason = "the pair needs its temporary hedge no longer".to_owned();
                self.follow(index, hedge.contract, -held, Purpose::Unwind, reason);
            }
        }
    }

    /// The orders that answer what happened to a pair.
    fn answers(&self, index: usize) -> impl Iterator<Item = &Consequence> {
        self.consequences.iter().filter(move |own| own.pair == Some(index as u16))
    }

    fn hedges_of(&self, index: usize) -> impl Iterator<Item = &Consequence> {
        self.answers(index).filter(|own| own.order.purpose == Purpose::PairHedge)
    }

    /// The order that takes back what a pair has of a contract.
    fn taken_back(&self, index: usize, contract: ContractId) -> Option<&Consequence> {
        let mut own = self.answers(index).filter(|own| own.order.contract == contract);
        own.find(|own| own.order.purpose == Purpose::Unwind)
    }

    /// Orders a quantity, if it is one, for a pair's sleeve.
    fn follow(&mut self, index: usize, contract: ContractId, quantity: Quantity, purpose: Purpose, reason: String) {
        if !quantity.is_zero() {
            let order = PlannedOrder { number: self.next_number(), contract, quantity, purpose };
            let (sleeve, pair) = (self.plan.pairs[index].sleeve.clone(), Some(index as u16));
            self.order(Consequence { order, sleeve, reason, pair });
        }
    }

    fn planned(&self, order: u16) -> &PlannedOrder {
        self.slots[usize::from(order) - 1].parent.planned()
    }

    fn filled(&self, order: u16) -> Quantity {
        self.slots[usize::from(order) - 1].parent.filled()
    }

    fn name_of(&self, order: u16) -> &str {
        &self.setup.universe.contract(self.planned(order).contract).name
    }
}
