//! The watchdog of the act phase: looks on time, and what they change.
//!
//! In: looks, the time. Out: requests for a look, tighter modes, increases taken back, orders of a worse regime. Invariant:
//! it only tightens; the same sign is told once; before the first order of a window there was a look in it; what it
//! changed is an entry and comes back after a restart.

use super::{Consequence, Entry, Session, Slot};
use crate::DayPlan;
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
    /// The worst regime whose orders have been taken on.
    replanned: Option<Regime>,
    /// The end of the last window in which one of those plans could reduce something.
    until: Option<Timestamp>,
}

impl<'a> Session<'a> {
    /// Takes over what the day would do if a worse regime began before it is over.
    #[must_use]
    pub fn with_contingencies(mut self, plans: &'a [(Regime, DayPlan)]) -> Self {
        self.guard.contingencies = plans;
        let taken_on = |regime: &Regime| self.consequences.iter().any(|own| own.reason == began(*regime));
        self.guard.replanned = plans.iter().map(|(regime, _)| *regime).filter(taken_on).max();
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
            Purpose::Reduce => true,
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
        if let Some(own) = index.checked_sub(self.plan.orders.len()).map(|own| &self.consequences[own]) {
            // What a milder regime called for gives way to the plan of the worse one.
            let milder = self.guard.contingencies.iter().filter(|(regime, _)| *regime < worse);
            return self.contingency().is_some() && milder.into_iter().any(|(regime, _)| own.reason == began(*regime));
        }
        match self.slots[index].parent.planned().purpose {
            Purpose::Increase => true,
            Purpose::Reduce => self.contingency().is_some(),
            _ => false,
        }
    }

    /// Takes the reductions of the worse regime's plan on, once no order for a position works any more: from what is held then to what
    /// that plan wants, never to more, and both sides of a sleeve or none.
    pub(super) fn replan(&mut self, now: Timestamp) {
        let Some((regime, plan)) = self.contingency().filter(|(regime, _)| Some(*regime) > self.guard.replanned) else {
            return;
        };
        let positions = self
            .slots
            .iter()
            .filter(|slot| !matches!(slot.parent.planned().purpose, Purpose::CloseOut | Purpose::FxHedge));
        let working = positions.into_iter().any(|slot| !slot.parent.is_over() || slot.parent.has_live_child());
        if working || self.link_down || self.needs_resync {
            return;
        }
        self.guard.replanned = Some(regime);
        let reductions = plan.orders.iter().filter_map(|planned| self.reduction(planned, plan));
        let changes: Vec<_> = reductions.map(|(contract, change)| (contract, change, self.owner(contract))).collect();
        let has_shut = |contract: ContractId| self.windows[contract].is_none_or(|window| now >= window.closes);
        // The other side of its sleeve cannot be reduced any more: one alone would leave the other naked.
        let is_left_alone = |(contract, change, sleeve): &(ContractId, Quantity, String)| {
            let other_side = |(other, opposite, of): &(ContractId, Quantity, String)| {
                of == sleeve && opposite.signum() != change.signum() && has_shut(*other)
            };
            !has_shut(*contract) && changes.iter().any(other_side)
        };
        let together: Vec<_> = changes.iter().filter(|row| !is_left_alone(row)).cloned().collect();
        for (contract, quantity, sleeve) in together {
            let order = PlannedOrder { number: self.next_number(), contract, quantity, purpose: Purpose::Reduce };
            self.order(Consequence { order, sleeve, reason: began(regime), pair: None });
        }
    }

    /// What leads from what is held now to less of it, as that plan wants it.
    fn reduction(&self, planned: &PlannedOrder, plan: &DayPlan) -> Option<(ContractId, Quantity)> {
        let contract = planned.contract;
        let (held, wanted) = (self.ledger().quantity(contract), plan.table.wanted[contract]);
        let change = wanted - held;
        let is_less = change.signum() * held.signum() < 0 && wanted.signum() * held.signum() >= 0;
        (is_less && self.may_reduce(planned)).then_some((contract, change))
    }

    /// The first sleeve that trades a contract; hedges are nobody's.
    pub(crate) fn owner(&self, contract: ContractId) -> String {
        let setup = self.setup;
        let mut sleeves = setup.policy.sleeves.iter().zip(&self.plan.memory.lists);
        let owner = match setup.tail_hedge() {
            Some((hedges, _)) if setup.option(contract).is_some() || setup.is_spread(contract) => sleeves.nth(hedges),
            _ => sleeves.find(|(sleeve, list)| sleeve.contracts(list).contains(&contract)),
        };
        owner.map_or_else(|| "fx_hedge".to_owned(), |(sleeve, _)| sleeve.name.clone())
    }
}
