//! What the gateway shows otherwise than it is, and the door through which everything is injected.
//!
//! In: injections, of a control or a script. Out: a changed world or a changed view of it. Invariant: an injection is
//! durable before it acts, like a command; the simulation never knows of what is only shown.

use crate::desk::{AdvanceError, Desk};
use crate::injection::{Effect, Fault, Injection, NotInjected, Shown, ShownNlv};
use crate::record::{Entry, RecordError};
use domain::{ContractId, Currency, ExecutionId, InstrumentKind, Price, Quantity};
use jiff::Timestamp;
use market::Quote;
use rust_decimal::{Decimal, RoundingStrategy};
use sim::{AccountView, CashRow, Command, ExecutionView, Intervention, PositionView, SimEvent, SimEventKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tracing::warn;

const RATE_DIGITS: u32 = 6;

/// Why something was not injected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    #[error(transparent)]
    NotInjected(#[from] NotInjected),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Exchange rates and quotes of currency pairs that stand still.
#[derive(Clone, Debug, Default)]
struct StaleFx {
    rates: BTreeMap<Currency, Decimal>,
    quotes: BTreeMap<ContractId, Quote>,
}

/// Everything that is shown otherwise than it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    hide_next: u32,
    hidden: BTreeSet<ExecutionId>,
    stale_fx: Option<StaleFx>,
    base: Option<Currency>,
    phantoms: BTreeMap<ContractId, Quantity>,
    /// How many positions are shown before the list breaks off; the empty list ends as if complete.
    positions: Option<Option<usize>>,
    pub(crate) net_liquidation: Option<ShownNlv>,
    pub(crate) not_ready: bool,
}

impl Faults {
    /// How many positions are shown, and whether the end of the list is told.
    pub(crate) fn positions_shown(&self) -> (usize, bool) {
        match self.positions {
            None => (usize::MAX, true),
            Some(None) => (0, true),
            Some(Some(after)) => (after, false),
        }
    }

    /// Whether an execution is kept from clients.
    pub(crate) fn hides(&self, execution: &ExecutionId) -> bool {
        self.hidden.contains(execution)
    }
}

/// What is still to be injected by itself.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<(u32, Fault)>);

impl Script {
    pub(crate) fn new(faults: Vec<Fault>) -> Script {
        Script((1..).zip(faults).collect())
    }

    /// Passes over what an earlier process of the same record has done.
    pub(crate) fn resume(&mut self, done: u32, now: Timestamp) {
        self.0.retain(|(number, fault)| *number > done && fault.at >= now);
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.0.front().map(|(_, fault)| fault.at)
    }

    /// Names of contracts that must exist.
    pub(crate) fn contracts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(_, fault)| fault.inject.contract())
    }
}

impl Desk {
    /// Makes something go wrong.
    pub(crate) fn inject(&mut self, injection: &Injection, scripted: Option<u32>) -> Result<(), InjectError> {
        let effect = injection.effect(&self.directory, &self.sim)?;
        let entry = Entry::Injection { at: self.now(), scripted, inject: injection.clone() };
        self.append(&entry)?;
        let before = self.holdings();
        let events = self.carry_out(&effect);
        self.settle_events(events);
        if !matches!(effect, Effect::Unheard(_)) {
            self.send_changes_since(&before);
        }
        self.refresh_quotes();
        Ok(())
    }

    /// Injects everything of the script that is due.
    pub(crate) fn run_script(&mut self) -> Result<(), AdvanceError> {
        while self.script.next_at().is_some_and(|at| at <= self.now()) {
            let (number, fault) = self.script.0.pop_front().expect("it has a next line");
            match self.inject(&fault.inject, Some(number)) {
                Ok(()) => {}
                Err(InjectError::Record(error)) => return Err(error.into()),
                Err(InjectError::NotInjected(reason)) => warn!(%reason, "a line of the script is passed over"),
            }
        }
        Ok(())
    }

    /// Changes the world or what is shown of it; the executions among what follows are still to be recorded.
    pub(crate) fn carry_out(&mut self, effect: &Effect) -> Vec<SimEvent> {
        match effect {
            Effect::Shown(shown) => {
                self.show(shown);
                Vec::new()
            }
            Effect::Wire(fault) => {
                self.break_wire(fault);
                Vec::new()
            }
            Effect::World(intervention) | Effect::Unheard(intervention) => {
                if let Intervention::Rename { contract, symbol } = intervention {
                    self.directory.rename(*contract, symbol);
                }
                self.sim.apply(&Command::Intervene { intervention: intervention.clone() });
                let mut events = self.sim.drain_events();
                if matches!(effect, Effect::Unheard(_)) {
                    events.clear();
                }
                events
            }
        }
    }

    fn show(&mut self, shown: &Shown) {
        match shown {
            Shown::HideNext(count) => self.faults.hide_next = *count,
            Shown::Reveal => self.faults.hidden.clear(),
            Shown::StaleFx(shift) => self.faults.stale_fx = Some(self.stale_fx(*shift)),
            Shown::Base(currency) => self.faults.base = Some(*currency),
            Shown::Pence { contract, magnifier } => self.directory.flip_unit(*contract, *magnifier),
            Shown::Phantom { contract, quantity } => drop(self.faults.phantoms.insert(*contract, *quantity)),
            Shown::Positions(positions) => self.faults.positions = Some(*positions),
            Shown::NetLiquidation(shown) => self.faults.net_liquidation = Some(shown.clone()),
            Shown::NotReady => self.faults.not_ready = true,
            Shown::Disconnect => self.cut_all(),
            Shown::Heal => {
                self.faults = Faults::default();
                self.heal_wire();
                self.directory.unflip_units();
            }
        }
    }

    fn stale_fx(&self, shift: Decimal) -> StaleFx {
        let base = self.sim.account().base;
        let rates = Currency::ALL.into_iter().filter(|&currency| currency != base);
        let rates =
            rates.filter_map(|currency| Some((currency, round_rate(self.sim.exchange_rate(currency)? * shift))));
        let pairs = self.directory.contracts().filter(|&id| self.directory.instrument(id).kind == InstrumentKind::Cash);
        let quote = |id: ContractId| {
            let tick = self.directory.instrument(id).tick;
            let quote = self.sim.quote(id);
            let moved = |price: Option<Price>| price.and_then(|price| shifted(price, shift, tick));
            let (bid, ask, last, close) = (moved(quote.bid), moved(quote.ask), moved(quote.last), moved(quote.close));
            (id, Quote { bid, ask, last, close, ..quote })
        };
        StaleFx { rates: rates.collect(), quotes: pairs.map(quote).collect() }
    }

    /// Hides the executions that are to be hidden; returns what clients are told.
    pub(crate) fn withhold(&mut self, events: Vec<SimEvent>) -> Vec<SimEvent> {
        for event in &events {
            if let (SimEventKind::Execution(execution), 1..) = (&event.kind, self.faults.hide_next) {
                self.faults.hide_next -= 1;
                self.faults.hidden.insert(execution.id.clone());
            }
        }
        let hidden = &self.faults.hidden;
        let is_hidden = |event: &SimEvent| match &event.kind {
            SimEventKind::Execution(ExecutionView { id, .. }) => hidden.contains(id),
            SimEventKind::Commission { execution, .. } => hidden.contains(execution),
            _ => false,
        };
        events.into_iter().filter(|event| !is_hidden(event)).collect()
    }

    /// The quote as clients see it.
    pub(crate) fn quote(&self, contract: ContractId) -> Quote {
        let stale = self.faults.stale_fx.as_ref().and_then(|stale| stale.quotes.get(&contract));
        stale.copied().unwrap_or_else(|| self.sim.quote(contract))
    }

    /// The account as clients see it. What is held and what it is worth in all is not touched by what is shown wrongly
    /// of its parts.
    pub(crate) fn account_view(&self) -> AccountView {
        let mut view = self.sim.account();
        if let Some(stale) = &self.faults.stale_fx {
            for row in &mut view.cash {
                row.exchange_rate = stale.rates.get(&row.currency).copied().unwrap_or(row.exchange_rate);
            }
        }
        for (&contract, &quantity) in &self.faults.phantoms {
            self.add_phantom(&mut view, contract, quantity);
        }
        if let Some(rate) = self.faults.base.and_then(|base| self.sim.exchange_rate(base)) {
            view.base = self.faults.base.unwrap_or(view.base);
            if !view.cash.iter().any(|row| row.currency == view.base) {
                view.cash.push(CashRow::empty(view.base, rate));
            }
            view.net_liquidation = (view.net_liquidation / rate).round_dp(2);
            for row in &mut view.cash {
                let same = row.currency == view.base;
                row.exchange_rate = if same { Decimal::ONE } else { round_rate(row.exchange_rate / rate) };
            }
        }
        view
    }

    fn add_phantom(&self, view: &mut AccountView, contract: ContractId, quantity: Quantity) {
        let quote = self.sim.quote(contract);
        let instrument = self.directory.instrument(contract);
        let (Some(mark), Some(rate)) = (quote.mid().or(quote.last), self.sim.exchange_rate(instrument.currency)) else {
            return;
        };
        if !view.cash.iter().any(|row| row.currency == instrument.currency) {
            view.cash.push(CashRow::empty(instrument.currency, rate));
        }
        let multiplier = instrument.multiplier;
        let value = quantity.value_at(mark, multiplier);
        let positions = &mut view.positions;
        match positions.iter_mut().find(|position| position.contract == contract) {
            Some(held) => {
                held.quantity += quantity;
                held.market_value += value;
            }
            None => positions.push(PositionView {
                contract,
                quantity,
                mark,
                average_cost: mark.to_decimal() * Decimal::from(multiplier),
                market_value: value,
                unrealized: Decimal::ZERO,
                realized: Decimal::ZERO,
            }),
        }
        positions.retain(|position| !position.quantity.is_zero());
        positions.sort_by_key(|position| position.contract);
    }
}

fn shifted(price: Price, shift: Decimal, tick: Price) -> Option<Price> {
    let ticks = (price.to_decimal() * shift / tick.to_decimal()).round();
    Price::from_decimal(ticks * tick.to_decimal()).ok()
}

fn round_rate(rate: Decimal) -> Decimal {
    rate.round_dp_with_strategy(RATE_DIGITS, RoundingStrategy::MidpointAwayFromZero)
}
