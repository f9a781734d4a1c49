//! The currency hedge, measured against what was really filled.
//!
//! In: the books once every order of the day is over. Out: at most one order a currency, for what the plan's hedge has too
//! much or too little. Invariant: the plan's own rule, rate and band decide; what was planned and filled in full asks for
//! nothing.

use super::{Consequence, Session, Slot};
use crate::decide::{carries, currency_exposure};
use domain::{ContractId, OrderType, PerCurrency, Quantity};
use execution::PlannedOrder;
use jiff::Timestamp;
use risk::Purpose;
use strategy::fx_hedge::hedge;

/// The sleeve of currency hedges.
const FX_HEDGE: &str = "fx_hedge";

impl Session<'_> {
    /// Orders the difference between the hedge that is held and the one the filled book needs.
    pub(super) fn true_up(&mut self, now: Timestamp) {
        if self.plan.hedges.is_empty() {
            return;
        }
        // What waits for its closing auction in the base currency changes no currency's exposure.
        let settled = |slot: &Slot| {
            let contract = slot.parent.planned().contract;
            let waits = slot.hours.auction.is_some() && slot.hours.order_type(now) == OrderType::Loc;
            slot.parent.is_over() || (waits && self.setup.universe.terms(contract).currency == self.setup.base)
        };
        let over = self.rests.unfinished().all(|place| settled(&self.slots[place]));
        if !over || self.slots.is_empty() || !self.standing.mode.permits(Purpose::FxHedge) {
            return;
        }
        for index in 0..self.plan.hedges.len() {
            if let Some((contract, quantity, residual)) = self.untrue(index, now) {
                let name = &self.setup.universe.contract(contract).name;
                let reason = format!(
                    "the day's fills leave {residual:.0} of the base currency unhedged, beyond the band: {name}"
                );
                let number = self.next_number();
                let order = PlannedOrder { number, contract, quantity, purpose: Purpose::FxHedge };
                self.order(Consequence { order, sleeve: FX_HEDGE.to_owned(), reason, pair: None });
            }
        }
    }

    /// The contract, the contracts and the residual of a hedge that is not true; `None` when it is, when it was trued up
    /// already, or when nothing can be done about it today.
    fn untrue(&mut self, index: usize, now: Timestamp) -> Option<(ContractId, Quantity, f64)> {
        let (planned, facts) = (&self.plan.hedges[index], &self.plan.facts);
        let contract = planned.contract?;
        // A person who flattens within the day wants nothing from the next plan on: until then what is held is hedged.
        let flattens = self.plan.flatten && self.standing.flatten;
        let is_known = planned.known && !self.frozen.iter().any(|&c| carries(c, planned.currency, self.setup));
        if !is_known && !flattens {
            return None;
        }
        let done = self.consequences.iter().any(|own| own.sleeve == FX_HEDGE && own.order.contract == contract);
        let open = self.windows[contract].is_some_and(|window| window.contains(now));
        if done || !open {
            return None;
        }
        let rule = self.setup.policy.fx_hedge.rules.iter().find(|rule| rule.currency == planned.currency)?;
        let exposure = self.filled_exposure()?[planned.currency];
        let ledger = self.books.ledger();
        let chain = self.setup.universe.contracts_of(rule.future);
        let all = chain.fold(Quantity::ZERO, |sum, contract| sum + ledger.quantity(contract));
        let (held, outside) = (all.to_f64() as i64 - planned.outside, planned.outside);
        let exposure = exposure + outside as f64 * f64::from(rule.size);
        let rate = facts.rates[planned.currency]?;
        let now = hedge(rule, exposure, held, rate, facts.nav, &self.setup.policy.fx_hedge);
        let wanted = if flattens { 0 } else { now.wanted };
        let (own, more) = (self.books.ledger().quantity(contract), Quantity::whole(wanted - held));
        // What the plan may not add to is not added to later.
        let may_trade = (own + more).abs() <= own.abs() || facts.no_increase(contract).is_none();
        (wanted != held && may_trade).then(|| (contract, more, now.residual.abs()))
    }

    /// What is exposed to each currency now; drawn anew after everything that is booked.
    fn filled_exposure(&mut self) -> Option<PerCurrency<f64>> {
        if let Some(known) = self.filled {
            return known;
        }
        let (facts, ledger) = (&self.plan.facts, self.books.ledger());
        let mark = |contract: ContractId| {
            let terms = self.setup.universe.terms(contract);
            let rate = facts.rates[terms.currency].filter(|rate| *rate > 0.0)?;
            let unit_price = self.plan.table.unit_price[contract];
            (unit_price > 0.0).then(|| unit_price / rate / f64::from(terms.multiplier))
        };
        let book = |contract| (ledger.quantity(contract), Quantity::ZERO);
        let exposure = currency_exposure(ledger, book, mark, &facts.rates, self.setup);
        self.filled = Some(exposure);
        exposure
    }
}
