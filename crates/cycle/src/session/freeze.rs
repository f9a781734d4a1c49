//! Contracts that somebody else traded: nothing more of them is sent on what our books say.
//!
//! In: executions without our reference, the positions and open orders of a resync. Out: contracts that are left alone, a tighter mode.
//! Invariant: what an order of ours may have executed unheard is no difference; the next plan's reconciliation alone lifts
//! it.

use super::{Entry, Session};
use domain::{ContractId, Fill, InstrumentKind, OrderRef, PerContract, Quantity, Side};
use ports::AccountSnapshot;
use risk::Mode;
use std::collections::BTreeMap;

impl Session<'_> {
    /// Whether the books do not tell what the account holds of a contract.
    #[inline]
    pub(super) fn is_frozen(&self, contract: ContractId) -> bool {
        self.frozen.contains(&contract)
    }

    /// Hears of an execution that no order of ours had.
    pub(super) fn traded_by_others(&mut self, fill: &Fill) {
        let held = self.books.ledger().quantity(fill.contract);
        let borrowed =
            matches!(self.setup.universe.instrument_of(fill.contract).kind, InstrumentKind::Stk | InstrumentKind::Etf);
        // The statement of its day may call it a buy-in, which is no stranger's trade.
        let may_be_buy_in = borrowed && fill.side == Side::Buy && (held + fill.change()).signum() <= 0;
        let name = &self.setup.universe.contract(fill.contract).name;
        let sentence = format!(
            "{name}: {} {} at {} without our reference: nothing more of it is sent today, because our books do not tell \
             what is held; see `abstractfinance reconcile`",
            fill.side, fill.quantity, fill.price
        );
        self.freeze(fill.contract, sentence, if may_be_buy_in { Mode::Normal } else { Mode::ReduceOnly });
    }

    /// Compares what the broker holds with the books, as far as it still trades today.
    pub(super) fn compare(&mut self, snapshot: &AccountSnapshot) {
        let mut theirs = PerContract::filled(Quantity::ZERO, self.setup.universe.contract_count());
        snapshot.positions.iter().for_each(|position| theirs[position.contract] = position.quantity);
        for contract in self.setup.universe.contracts() {
            let ours = self.books.ledger().quantity(contract);
            let trades = self.windows[contract].is_some_and(|window| snapshot.at < window.closes);
            if !trades || self.may_have_executed(contract, theirs[contract] - ours) {
                continue;
            }
            let name = &self.setup.universe.contract(contract).name;
            let sentence = format!(
                "{name}: the broker holds {} and our books {ours}, which no order of ours explains: nothing more of it is \
                 sent today; see `abstractfinance reconcile`",
                theirs[contract]
            );
            self.freeze(contract, sentence, Mode::ReduceOnly);
        }
    }

    /// Looks for two live orders under one reference of ours: a change that met a broken link can have made a second one. Both
    /// could be executed in full, so what we know of is taken back.
    pub(super) fn look_for_twins(&mut self, snapshot: &AccountSnapshot) {
        let mut seen: BTreeMap<OrderRef, i64> = BTreeMap::new();
        // An order that has not reached the broker's server has no permanent id yet.
        let live = snapshot.open_orders.iter().filter(|order| order.perm_id != 0);
        for (order_ref, perm_id) in live.filter_map(|order| Some((order.order_ref?, order.perm_id))) {
            if *seen.entry(order_ref).or_insert(perm_id) == perm_id {
                continue;
            }
            for place in self.senders(order_ref) {
                let contract = self.slots[place].parent.planned().contract;
                let sentence = format!(
                    "{}: two orders with the reference {order_ref} are open at the broker, and we sent one: it is taken back \
                     and nothing more of it is sent today; see in TWS that both are gone",
                    self.setup.universe.contract(contract).name
                );
                self.freeze(contract, sentence, Mode::ReduceOnly);
            }
        }
    }

    /// Whether orders of ours that may still be executed can have done that without our hearing of it.
    fn may_have_executed(&self, contract: ContractId, change: Quantity) -> bool {
        let unheard = |side: Side| {
            let orders = self.orders_of(contract).map(|slot| &slot.parent).filter(|parent| parent.side() == side);
            orders.map(|parent| parent.working().units()).sum::<i64>() * side.sign()
        };
        (unheard(Side::Sell)..=unheard(Side::Buy)).contains(&change.units())
    }

    fn freeze(&mut self, contract: ContractId, sentence: String, mode: Mode) {
        // What was frozen in the morning has been told, and trades nothing.
        if self.is_frozen(contract) || self.plan.facts.frozen.contains(&contract) {
            return;
        }
        self.frozen.push(contract);
        self.rests.wake_all();
        self.tighten(mode, &sentence);
        self.entries.push(Entry::Alert { sentence });
    }
}
