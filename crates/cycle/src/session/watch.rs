//! The watchdog of the act phase: looks on time, and what they change.
//!
//! In: looks, the time. Out: requests for a look, tighter modes, increases taken back, orders of a worse regime. Invariant:
//! it only tightens; the same sign is told once; before the first order of a window there was a look in it; what it
//! changed is an entry and comes back after a restart.

use super::{Consequence, Entry, Session, Slot};
use crate::DayPlan;
use crate::decide::Shift;
use crate::plan::PairPlan;
use domain::{ContractId, Quantity};
use execution::PlannedOrder;
use jiff::{SignedDuration, Timestamp};
use risk::{Mode, Morning, Purpose, Regime, Sighting, Sign, WatchdogPolicy, watchdog};

/// Why the orders of a worse regime's plan go.
fn began(regime: Regime) -> String {
    format!("{} began after the plan was made", regime.name())
}

/// What the watchdog remembers of the day.
#[derive(Debug, Default)]
pub(super) struct Guard<'a> {
    /// When a look was last asked for, and when the account was last seen.
    asked: Option<Timestamp>,
    seen: Option<Timestamp>,
    told: Vec<(String, Mode)>,
    /// The last look said that the account is worth nothing.
    worthless: bool,
    worse: Option<Regime>,
    /// What the day would do in each worse regime that is entered at once, decided with the plan.
    contingencies: &'a [(Regime, DayPlan)],
    /// The end of the last window in which one of those plans could reduce something.
    until: Option<Timestamp>,
}

/// What a plan of a worse regime takes off a position.
struct Reduction {
    contract: ContractId,
    change: Quantity,
    sleeve: String,
    /// Its venue is open, what is to go is in this contract, and no order of its future works.
    can_go: bool,
}

impl<'a> Session<'a> {
    /// Takes over what the day would do if a worse regime began before it is over.
    #[must_use]
    pub fn with_contingencies(mut self, plans: &'a [(Regime, DayPlan)]) -> Self {
        self.guard.contingencies = plans;
        let answers = plans.iter().flat_map(|(_, plan)| &plan.orders).filter(|planned| self.may_reduce(planned));
        self.guard.until = answers.filter_map(|planned| Some(self.windows[planned.contract]?.closes)).max();
        self
    }

    /// The plan of the worse regime that has begun.
    fn contingency(&self) -> Option<(Regime, &'a DayPlan)> {
        let plans = self.guard.contingencies;
        plans.iter().find(|(regime, _)| Some(*regime) == self.guard.worse).map(|(regime, plan)| (*regime, plan))
    }

    /// Whether the day still has something to answer a worse regime with, whatever became of its own orders: it is watched until
    /// the last window in which that could be done.
    pub(super) fn stands_guard(&self, now: Timestamp) -> bool {
        self.policy().is_some() && self.guard.until.is_some_and(|until| now < until)
    }

    pub(super) fn guarded_until(&self) -> Option<Timestamp> {
        self.guard.until
    }

    /// Whether a plan of a worse regime may reduce what that order is about. What is bought to protect stays.
    fn may_reduce(&self, planned: &PlannedOrder) -> bool {
        match planned.purpose {
            Purpose::Reduce | Purpose::Roll => true,
            Purpose::Increase => self.setup.option(planned.contract).is_none(),
            _ => false,
        }
    }

    /// The regime that began since the plan, if one did.
    pub fn worse_regime(&self) -> Option<Regime> {
        self.guard.worse
    }

    fn policy(&self) -> Option<&'a WatchdogPolicy> {
        self.setup.policy.watchdog.as_ref()
    }

    /// Whether it is time for a look; at the latest when a window opens.
    pub(super) fn looks(&mut self, now: Timestamp) -> bool {
        let Some(policy) = self.policy() else { return false };
        let busy = !self.entries.is_empty() || self.link_down || self.needs_resync;
        if busy || self.is_over(now) {
            return false;
        }
        let due = self.guard.asked.is_none_or(|asked| {
            let opened = |slot: &Slot| slot.hours.open_between(asked, now);
            now >= asked + SignedDuration::from_secs(policy.every_s) || self.slots.iter().any(opened)
        });
        if due {
            self.guard.asked = Some(now);
            self.stale = true;
        }
        due
    }

    /// When the next look is due.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let every = SignedDuration::from_secs(self.policy()?.every_s);
        self.guard.asked.map(|asked| asked + every)
    }

    /// What was seen, against the morning.
    pub(super) fn watched(&mut self, seen: &Sighting) {
        let Some(policy) = self.policy() else { return };
        let worthless = watchdog::worthless(seen);
        if seen.net_liquidation.is_some() && worthless.is_none() {
            self.guard.seen = Some(seen.at);
        }
        // A gateway that is loading an account says zero for a moment.
        worthless.filter(|_| self.guard.worthless).iter().for_each(|sign| self.heed(sign));
        self.guard.worthless = worthless.is_some();
        let (risk, nav) = (&self.plan.risk, self.plan.facts.nav);
        let regime = self.guard.worse.unwrap_or(risk.regime);
        let morning = Morning { nav, drawdown: risk.drawdown, regime };
        let tables = (&self.setup.policy.loss, &self.setup.policy.regime);
        let signs = watchdog::signs(seen, &morning, tables, policy);
        self.forget(|code| watchdog::is_over(code, &signs, seen));
        signs.iter().for_each(|sign| self.heed(sign));
    }

    /// Forgets what is over and no longer holds, because a person has resumed: when it comes again it is news. What goes on is
    /// what the person knew.
    fn forget(&mut self, is_over: impl Fn(&str) -> bool) {
        let mode = self.standing.mode;
        self.guard.told.retain(|(code, asked)| *asked <= mode || !is_over(code));
    }

    /// What a slow storage means: no intent leaves before it is durable, so every price is older than it looks.
    pub(super) fn stored(&mut self, took: SignedDuration) {
        match self.policy().and_then(|policy| watchdog::slow(took, policy)) {
            Some(sign) => self.heed(&sign),
            None => self.forget(|code| code == watchdog::STORAGE_SLOW),
        }
    }

    /// What the passing of time means: an account nobody sees.
    pub(super) fn mind(&mut self, now: Timestamp) {
        let Some(policy) = self.policy() else { return };
        let last = *self.guard.seen.get_or_insert(now);
        if let Some(sign) = watchdog::blind(last, now, policy) {
            self.heed(&sign);
        }
    }

    fn heed(&mut self, sign: &Sign) {
        let (code, mode, regime) = (sign.code(), sign.mode(), sign.regime());
        if self.guard.told.iter().any(|(told, at)| told == code && *at >= mode) && regime <= self.guard.worse {
            return;
        }
        self.recall(code, mode, regime);
        self.entries.push(Entry::Watchdog { code: code.to_owned(), mode, regime, sentence: sign.sentence() });
    }

    /// Applies a sign, now or after a restart.
    pub(super) fn recall(&mut self, code: &str, mode: Mode, regime: Option<Regime>) {
        self.rests.wake_all();
        self.standing.tighten(mode);
        self.guard.worse = self.guard.worse.max(regime);
        self.guard.told.push((code.to_owned(), mode));
    }

    /// Whether a worse regime has taken an order back: the plan's increases, and with a plan of that regime in their place
    /// reductions too. Hedges go on and are trued up on what is really filled.
    pub(super) fn is_taken_back(&self, index: usize) -> bool {
        let Some(worse) = self.guard.worse else { return false };
        if let Some(reason) = self.reason_of(index) {
            // What a milder regime called for gives way to the plan of the worse one.
            let milder = self.guard.contingencies.iter().filter(|(regime, _)| *regime < worse);
            return self.contingency().is_some() && milder.into_iter().any(|(regime, _)| *reason == began(*regime));
        }
        match self.slots[index].parent.planned().purpose {
            Purpose::Increase => true,
            Purpose::Reduce => self.contingency().is_some(),
            _ => false,
        }
    }

    /// Takes the reductions of the worse regime's plan on: from what is held then to what that plan wants, never to more, of a sleeve
    /// once nothing works for it any more that ends now, and both of its sides or none. A roll goes on, and its future waits for it.
    pub(super) fn replan(&mut self, now: Timestamp) {
        let Some((regime, plan)) = self.contingency().filter(|_| !self.link_down && !self.needs_resync) else { return };
        let reason = began(regime);
        let is_new = |planned: &&PlannedOrder| {
            let answers = |own: &Consequence| own.reason == reason && own.order.contract == planned.contract;
            !self.consequences.iter().any(answers)
        };
        let busy = self.busy_sleeves(&reason);
        let new = plan.orders.iter().filter(is_new);
        let reductions: Vec<Reduction> = new.filter_map(|planned| self.reduction(planned, plan, now)).collect();
        let can_go = |own: &Reduction| own.can_go && !busy.contains(&own.sleeve);
        // Of a sleeve with two sides all goes or nothing: what is left of one would be a bet that nobody made.
        let is_left_alone = |own: &Reduction| {
            let of_sleeve = || reductions.iter().filter(|other| other.sleeve == own.sleeve);
            let has_two_sides = of_sleeve().any(|other| other.change.signum() != own.change.signum());
            has_two_sides && !of_sleeve().all(can_go)
        };
        for own in reductions.iter().filter(|own| can_go(own) && !is_left_alone(own)) {
            let Reduction { contract, change: quantity, ref sleeve, .. } = *own;
            let order = PlannedOrder { number: self.next_number(), contract, quantity, purpose: Purpose::Reduce };
            self.order(Consequence { order, sleeve: sleeve.clone(), reason: reason.clone(), pair: None });
        }
    }

    /// The sleeves whose positions may still change: by an order that is being taken back, or by one that protects a pair.
    fn busy_sleeves(&self, reason: &String) -> Vec<String> {
        let mut busy = Vec::new();
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.parent.is_finished()) {
            let planned = slot.parent.planned();
            let goes_on = matches!(planned.purpose, Purpose::CloseOut | Purpose::Roll | Purpose::FxHedge);
            if goes_on || self.reason_of(index) == Some(reason) {
                continue;
            }
            let is_leg = |pair: &&PairPlan| pair.legs.iter().any(|leg| leg.order == planned.number);
            busy.extend(self.plan.pairs.iter().filter(is_leg).map(|pair| pair.sleeve.clone()));
            busy.extend(self.sleeves_of(planned.contract).map(str::to_owned));
            busy.extend(self.consequence(index).map(|own| own.sleeve.clone()));
        }
        busy
    }

    /// The order in a place that is not in the plan.
    fn consequence(&self, index: usize) -> Option<&Consequence> {
        index.checked_sub(self.plan.orders.len()).map(|own| &self.consequences[own])
    }

    fn reason_of(&self, index: usize) -> Option<&String> {
        self.consequence(index).map(|own| &own.reason)
    }

    /// What leads from what is held now to less of it, as that plan wants it; of a future, in all its contracts.
    fn reduction(&self, planned: &PlannedOrder, plan: &DayPlan, now: Timestamp) -> Option<Reduction> {
        let (contract, universe) = (planned.contract, &self.setup.universe);
        let chain: Vec<ContractId> = match universe.terms(contract).settles_daily {
            true => universe.contracts_of(universe.contract(contract).instrument).collect(),
            false => vec![contract],
        };
        let sum = |of: &dyn Fn(ContractId) -> Quantity| chain.iter().fold(Quantity::ZERO, |sum, &own| sum + of(own));
        let held = sum(&|contract| self.ledger().quantity(contract));
        let wanted = sum(&|contract| plan.table.wanted[contract]);
        let change = wanted - held;
        let is_less = change.signum() * held.signum() < 0 && wanted.signum() * held.signum() >= 0;
        if !is_less || !self.may_reduce(planned) {
            return None;
        }
        let is_open = self.windows[contract].is_some_and(|window| now < window.closes);
        let holds = self.ledger().quantity(contract);
        let holds_enough = holds.signum() == held.signum() && change.abs() <= holds.abs();
        let rests = chain.iter().all(|&of| self.orders_of(of).all(|slot| slot.parent.is_finished()));
        let sleeve = self.owner(contract);
        Some(Reduction { contract, change, sleeve, can_go: is_open && holds_enough && rests })
    }

    /// The first sleeve that trades a contract; hedges are nobody's.
    pub(crate) fn owner(&self, contract: ContractId) -> String {
        self.sleeves_of(contract).next().unwrap_or("fx_hedge").to_owned()
    }

    /// The sleeves that trade a contract, whichever of its future's it is, or for which it stands in.
    fn sleeves_of(&self, contract: ContractId) -> impl Iterator<Item = &str> {
        let (setup, plan) = (self.setup, self.plan);
        let hedges = setup.option(contract).is_some() || setup.is_spread(contract);
        let instrument = |contract: ContractId| setup.universe.contract(contract).instrument;
        let lists = setup.policy.sleeves.iter().zip(&plan.memory.lists).enumerate();
        let trading = lists.filter(move |(position, (sleeve, list))| {
            let trades = || sleeve.contracts(list).into_iter().any(|own| instrument(own) == instrument(contract));
            let shifted = |shift: &Shift| shift.sleeve == *position && shift.successor == Some(contract);
            if hedges { sleeve.tail_hedge().is_some() } else { trades() || plan.shifts.iter().any(shifted) }
        });
        trading.map(|(_, (sleeve, _))| sleeve.name.as_str())
    }
}
