//! The watchdog of the act phase: looks on time, and what they change.
//!
//! In: looks, the time. Out: requests for a look, tighter modes, increases taken back, orders of a worse regime. Invariant:
//! it only tightens; the same sign is told once; before the first order of a window there was a look in it; what it
//! changed is an entry and comes back after a restart.

use super::{Entry, Session, Slot};
use crate::DayPlan;
use domain::PerContract;
use execution::PlannedOrder;
use jiff::{SignedDuration, Timestamp};
use market::calendar::Window;
use risk::{Mode, Morning, Purpose, Regime, Sighting, Sign, WatchdogPolicy, watchdog};

/// What the watchdog remembers of the day.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    windows: PerContract<Option<Window>>,
    /// When a look was last asked for, and when the account was last seen.
    asked: Option<Timestamp>,
    seen: Option<Timestamp>,
    told: Vec<(String, Mode)>,
    worse: Option<Regime>,
    /// What the day would do in the worst regime, decided with the plan.
    contingency: Option<&'a DayPlan>,
    /// Orders that went in the place of increases.
    replanned: Option<Vec<PlannedOrder>>,
}

impl Guard<'_> {
    pub(super) fn new(windows: &PerContract<Option<Window>>) -> Self {
        Guard {
            windows: windows.clone(),
            asked: None,
            seen: None,
            told: Vec::new(),
            worse: None,
            contingency: None,
            replanned: None,
        }
    }
}

impl<'a> Session<'a> {
    /// Takes over what the day would do if the worst regime began before its orders are over.
    #[must_use]
    pub fn with_contingency(mut self, plan: Option<&'a DayPlan>) -> Self {
        self.guard.contingency = plan;
        self
    }

    /// The regime that began since the plan, if one did.
    pub fn worse_regime(&self) -> Option<Regime> {
        self.guard.worse
    }

    /// Orders that went in the place of the plan's increases.
    pub fn replanned(&self) -> &[PlannedOrder] {
        self.guard.replanned.as_deref().unwrap_or_default()
    }

    fn policy(&self) -> Option<&'a WatchdogPolicy> {
        self.setup.policy.watchdog.as_ref()
    }

    /// Whether it is time for a look; at the latest when a window opens.
    pub(super) fn looks(&mut self, now: Timestamp) -> bool {
        let Some(policy) = self.policy() else { return false };
        let busy = self.recording || !self.entries.is_empty() || self.link_down || self.needs_resync;
        if busy || self.slots.iter().all(|slot| slot.parent.is_over()) {
            return false;
        }
        let due = self.guard.asked.is_none_or(|asked| {
            let opened = |slot: &Slot| slot.window.is_some_and(|window| asked < window.opens && window.opens <= now);
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
        if seen.net_liquidation.is_some() {
            self.guard.seen = Some(seen.at);
        }
        let (risk, nav) = (&self.plan.risk, self.plan.facts.nav);
        let regime = self.guard.worse.unwrap_or(risk.regime);
        let morning = Morning { nav, drawdown: risk.drawdown, regime };
        let tables = (&self.setup.policy.loss, &self.setup.policy.regime);
        watchdog::signs(seen, &morning, tables, policy).iter().for_each(|sign| self.heed(sign));
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
        self.standing.mode = self.standing.mode.tightened_to(mode);
        self.guard.worse = self.guard.worse.max(regime);
        self.guard.told.push((code.to_owned(), mode));
    }

    /// Whether a worse regime has taken an order of the plan back. With orders to go in their place everything but
    /// mandatory close-outs is; else the increases are.
    pub(super) fn is_taken_back(&self, index: usize) -> bool {
        if self.guard.worse.is_none() || index >= self.plan.orders.len() {
            return false;
        }
        let purpose = self.slots[index].parent.planned().purpose;
        let replaced = self.guard.contingency.is_some() || self.guard.replanned.is_some();
        purpose == Purpose::Increase || (replaced && purpose != Purpose::CloseOut)
    }

    /// Puts the worst regime's orders in the place of the plan's, once nothing of these is at the broker any more: from
    /// what is held then to what that regime wants, and never to more.
    pub(super) fn replan(&mut self) {
        let Some(plan) = self.guard.contingency.filter(|_| self.guard.worse == Some(Regime::Crisis)) else { return };
        let taken_back = |index: usize| self.is_taken_back(index);
        let ended = |index: usize| self.slots[index].parent.is_over() && !self.slots[index].parent.has_live_child();
        let waits = (0..self.plan.orders.len()).any(|index| taken_back(index) && !ended(index));
        if waits || self.guard.replanned.is_some() || self.link_down || self.needs_resync {
            return;
        }
        let ledger = self.books.ledger();
        let mut orders = Vec::new();
        for planned in plan.orders.iter().filter(|order| matches!(order.purpose, Purpose::Reduce | Purpose::FxHedge)) {
            let (contract, purpose) = (planned.contract, planned.purpose);
            let quantity = plan.table.wanted[contract] - ledger.quantity(contract);
            let same_way = quantity.signum() == planned.quantity.signum();
            let lowers = purpose == Purpose::FxHedge || plan.table.wanted[contract].abs() <= ledger.quantity(contract).abs();
            if !quantity.is_zero() && same_way && lowers {
                let number = u16::try_from(self.slots.len() + orders.len() + 1).expect("a day has few orders");
                orders.push(PlannedOrder { number, contract, quantity, purpose });
            }
        }
        self.entries.push(Entry::Replanned { orders: orders.clone() });
        self.take_up(&orders);
    }

    /// Takes orders up, now or after a restart.
    pub(super) fn take_up(&mut self, orders: &[PlannedOrder]) {
        let windows = &self.guard.windows;
        self.slots.extend(orders.iter().map(|&planned| Slot::new(planned, windows[planned.contract])));
        self.guard.replanned = Some(orders.to_vec());
        self.watching = false;
    }
}
