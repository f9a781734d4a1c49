//! A session rebuilt from its entries.
//!
//! In: the stored plan and entries of a day that was cut off. Out: the same session, with everything
//! in flight UNKNOWN. Invariant: recovery is the ordinary start; what was booked is booked once.

use super::{Entry, Session};
use crate::{DayPlan, Setup};
use domain::{AccountTag, Books, PerContract};
use execution::Command;
use jiff::Timestamp;
use market::calendar::Window;
use risk::Collar;
use risk::gate::Conditions;

impl<'a> Session<'a> {
    /// Folds the recorded entries (with the times they were recorded at) over a fresh session. The
    /// first effect of the result is a resync.
    pub fn resume<'e>(
        plan: &'a DayPlan,
        windows: &'a PerContract<Option<Window>>,
        conditions: &'a Conditions,
        books: Books,
        account: AccountTag,
        setup: &'a Setup,
        entries: impl Iterator<Item = (Timestamp, &'e Entry)>,
    ) -> Self {
        let mut session = Session::start(plan, windows, conditions, books, account, setup);
        for (at, entry) in entries {
            session.replay(at, entry);
        }
        for slot in &mut session.slots {
            slot.parent.restart();
        }
        session.entries.clear();
        session.needs_resync = true;
        session
    }

    fn replay(&mut self, at: Timestamp, entry: &Entry) {
        match entry {
            Entry::Admitted { number, arrival, worst, half_spread } => {
                if let Some(slot) = usize::from(*number).checked_sub(1).and_then(|i| self.slots.get_mut(i)) {
                    slot.parent.replay_admission(Collar { reference: *arrival, worst: *worst }, *half_spread);
                }
            }
            Entry::Consequence(consequence) => self.take_on(consequence.clone()),
            Entry::Pair { pair, protection } => {
                if let Some(known) = self.pairs.get_mut(usize::from(*pair)) {
                    *known = *protection;
                }
            }
            Entry::Command(command) => {
                let (order_ref, policy) = (command.order_ref(), &self.setup.policy.execution);
                let alone = matches!(command, Command::Place { .. } | Command::Replace { .. });
                let other = self.other_leg(order_ref).filter(|_| !alone);
                for number in [order_ref.intent].into_iter().chain(other) {
                    if let Some(slot) = usize::from(number).checked_sub(1).and_then(|i| self.slots.get_mut(i)) {
                        slot.parent.replay_command(*command, at, policy);
                    }
                }
            }
            Entry::Acknowledged { order_ref, perm_id } => {
                self.broker(ports::BrokerEvent::Acknowledged { order_ref: *order_ref, perm_id: *perm_id });
            }
            Entry::Status { order_ref, status, filled } => {
                self.broker(ports::BrokerEvent::Status { order_ref: *order_ref, status: *status, filled: *filled })
            }
            Entry::Execution(fill) => self.execution(fill.clone()),
            Entry::Commission { execution, amount } => self.commission(execution.clone(), *amount),
            Entry::Notice { order_ref, code, text } => {
                self.broker(ports::BrokerEvent::Notice { order_ref: *order_ref, code: *code, text: text.clone() })
            }
            Entry::Mode { mode, .. } => self.standing.tighten(*mode),
            &Entry::Latched { contract, side } => self.latch(contract, side),
            Entry::Operator(instruction) => self.standing.obey(instruction),
            Entry::Watchdog { code, mode, regime, .. } => self.recall(code, *mode, *regime),
            _ => {}
        }
    }
}
