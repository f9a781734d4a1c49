//! The broker port on a simulation, without a wire between them.
//!
//! In: questions and commands of the engine. Out: the account, bars, quotes and order events of the simulation, in our
//! units and under our keys. Invariant: it tells what the gateway tells and when it tells it; an amount has the digits it
//! would have on the wire, so that books kept here and books kept over TCP are the same to the last digit.

use super::SimWorld;
use domain::{
    ContractId, ExecutionId, Fill, InstrumentId, Mic, Money, OptionKey, OrderRef, OrderStatus, PerContract, Quantity,
    Universe,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use market::calendar::Calendar;
use market::{Bar, DataType, Quote};
use ports::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, BrokerOrder, BrokerPosition, CashRow,
    ContractDetails, Execution, ForeignPosition, Glance, Identity, MarginImpact, OptionChain, OptionQuote,
    OrderRequest,
};
use risk::Sendable;
use rust_decimal::Decimal;
use sim::{ExecutionView, Impact, OrderView, SimEventKind, SimOrder, trading_hours};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The one client of the simulation.
const CLIENT: i32 = 1;
/// How far back a broker lists executions.
const EXECUTION_DAYS: i64 = 7;

/// What was handed over of an order.
#[derive(Clone, Copy, Debug)]
struct Told {
    order_ref: OrderRef,
    perm_id: i64,
    status: Option<(OrderStatus, Quantity)>,
}

/// Days of trading hours that are told: a gateway tells a week, the engine asks again every day.
const HOURS_DAYS: i32 = 3;

/// Trading hours of the venues with their zones, written once for all their contracts.
#[derive(Default)]
struct Hours(BTreeMap<Mic, (Arc<str>, Arc<str>)>);

impl Hours {
    fn of(&mut self, calendar: &Calendar, now: Timestamp) -> (Arc<str>, Arc<str>) {
        let hours = || trading_hours(calendar, now, HOURS_DAYS).into();
        let written = || (hours(), calendar.zone().iana_name().unwrap_or_default().into());
        self.0.entry(calendar.mic()).or_insert_with(written).clone()
    }
}

/// A simulated account as the engine's broker.
#[derive(Debug)]
pub struct SimBroker {
    pub(super) world: SimWorld,
    /// Contracts that were asked for by name; a position in any other is a foreign one.
    pub(super) resolved: PerContract<bool>,
    watched: BTreeSet<ContractId>,
    orders: BTreeMap<i32, Told>,
    last_order_id: i32,
}

impl SimBroker {
    pub(super) fn new(world: SimWorld) -> SimBroker {
        let resolved = PerContract::filled(false, world.ours.contract_count());
        SimBroker { world, resolved, watched: BTreeSet::new(), orders: BTreeMap::new(), last_order_id: 0 }
    }

    /// Goes on between two days for an engine with another universe: what is watched is asked for anew, what was identified
    /// stays so, numbers of orders go on.
    pub fn over(&mut self, ours: Arc<Universe>) {
        for idle in std::mem::take(&mut self.watched) {
            let listed = self.world.theirs[idle].expect("what was watched is listed");
            self.world.simulation.borrow_mut().unsubscribe(CLIENT, listed);
        }
        let world = self.world.over(ours);
        let before = std::mem::replace(&mut self.world, world);
        let was_resolved = |contract: ContractId| {
            let known = before.ours.find_contract(self.name(contract));
            known.is_some_and(|known| self.resolved[known])
        };
        let resolved = self.world.ours.contracts().map(was_resolved).collect();
        self.resolved = PerContract::from_vec(resolved);
    }

    /// The world it is the broker of.
    pub fn world(&self) -> &SimWorld {
        &self.world
    }

    fn identity(&self) -> Identity {
        let simulation = self.world.simulation.borrow();
        Identity { account: simulation.account_id().to_owned(), server_version: 0, server_time: simulation.now() }
    }

    /// The simulation's key of a contract that was resolved.
    pub(super) fn listed(&self, contract: ContractId) -> Result<ContractId, BrokerError> {
        let listed = self.world.theirs[contract].filter(|_| self.resolved[contract]);
        listed.ok_or_else(|| BrokerError::Unusable(format!("{}: not resolved", self.name(contract))))
    }

    fn name(&self, contract: ContractId) -> &str {
        &self.world.ours.contract(contract).name
    }

    fn ours(&self, listed: ContractId) -> Option<ContractId> {
        self.world.known(listed).filter(|&contract| self.resolved[contract])
    }

    fn describe(&self, contract: ContractId, hours: &mut Hours) -> Result<ContractDetails, BrokerError> {
        let listed = self.world.theirs[contract].ok_or_else(|| {
            BrokerError::Unusable(format!("{}: the broker lists no such contract", self.name(contract)))
        })?;
        let instrument = self.world.ours.instrument_of(contract);
        let simulation = self.world.simulation.borrow();
        let calendar = simulation.calendars().get(instrument.venue).ok();
        let (liquid_hours, time_zone) =
            calendar.map_or_else(|| ("".into(), "".into()), |calendar| hours.of(calendar, simulation.now()));
        Ok(ContractDetails {
            contract,
            con_id: con_id(listed),
            bands: Vec::new(),
            last_trade: self.world.ours.contract(contract).expiry,
            takes_loc: true,
            liquid_hours,
            time_zone,
        })
    }

    fn order(&self, view: &OrderView) -> BrokerOrder {
        BrokerOrder {
            order_ref: view.order.order_ref.parse().ok(),
            perm_id: view.perm_id,
            status: view.status,
            quantity: view.order.quantity,
            filled: view.filled,
        }
    }

    fn fill(&self, view: &ExecutionView) -> Option<Fill> {
        Some(Fill {
            execution: view.id.clone(),
            order: view.order_ref.parse().ok(),
            contract: self.ours(view.contract)?,
            side: view.side,
            quantity: view.quantity,
            price: view.price,
            at: view.at,
        })
    }

    fn number(&mut self, order_ref: OrderRef) -> i32 {
        self.last_order_id += 1;
        self.orders.insert(self.last_order_id, Told { order_ref, perm_id: 0, status: None });
        self.last_order_id
    }

    fn sim_order(&self, request: &OrderRequest, order_id: i32) -> Result<SimOrder, BrokerError> {
        let &OrderRequest { contract, side, quantity, order_type, limit, time_in_force: tif, .. } = request;
        let (order_ref, contract) = (request.order_ref.to_string(), self.listed(contract)?);
        let limit = limit.to_decimal().normalize();
        let against = None;
        Ok(SimOrder { order_id, order_ref, contract, against, side, quantity, order_type, limit, tif, transmit: true })
    }

    fn order_id(&self, order_ref: OrderRef) -> Result<i32, BrokerError> {
        let known = self.orders.iter().rev().find(|(_, told)| told.order_ref == order_ref);
        known.map(|(id, _)| *id).ok_or_else(|| BrokerError::Lost(format!("{order_ref}: no such order was placed")))
    }

    /// What the engine has not been told of an order yet.
    fn news(&mut self, view: &OrderView, events: &mut Vec<BrokerEvent>) {
        let Some(told) = self.orders.get_mut(&view.order.order_id) else { return };
        let order_ref = told.order_ref;
        if told.perm_id != view.perm_id {
            told.perm_id = view.perm_id;
            events.push(BrokerEvent::Acknowledged { order_ref, perm_id: view.perm_id });
        }
        let (status, filled) = (view.status, view.filled);
        if told.status.replace((status, filled)) != Some((status, filled)) {
            events.push(BrokerEvent::Status { order_ref, status, filled });
        }
    }

    fn notice(&self, order_id: i32, code: i32, text: String) -> BrokerEvent {
        BrokerEvent::Notice { order_ref: self.orders.get(&order_id).map(|told| told.order_ref), code, text }
    }
}

impl Broker for SimBroker {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        Ok(self.identity())
    }

    async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        Ok(self.identity())
    }

    async fn resolve(&mut self, contracts: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError> {
        let mut hours = Hours::default();
        let details = contracts.iter().map(|&contract| self.describe(contract, &mut hours));
        let details = details.collect::<Result<_, _>>()?;
        contracts.iter().for_each(|&contract| self.resolved[contract] = true);
        Ok(details)
    }

    fn contract_of(&self, con_id: i64) -> Option<ContractId> {
        let listed = u32::try_from(con_id - 1).ok().map(ContractId)?;
        (listed.index() < self.world.known_as.len()).then(|| self.ours(listed))?
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError> {
        let simulation = self.world.simulation.borrow();
        let (now, account) = (simulation.now(), simulation.account());
        let cash = account.cash.iter().map(|row| CashRow {
            currency: row.currency,
            cash: as_told(row.cash),
            futures_pnl: as_told(row.futures_pnl),
            swept: Decimal::ZERO,
            accrued: as_told(row.accrued_interest) + as_told(row.accrued_dividends),
            exchange_rate: as_told(row.exchange_rate),
        });
        let mut cash: Vec<CashRow> = cash.collect();
        cash.sort_by_key(|row| row.currency);
        let (mut positions, mut foreign) = (Vec::new(), Vec::new());
        let sim::Requirement { maintenance, gross_position_value, .. } = simulation.required();
        for held in &account.positions {
            let instrument = self.world.ours.instrument_of(self.world.known(held.contract).unwrap_or(held.contract));
            match self.ours(held.contract) {
                Some(contract) => {
                    positions.push(BrokerPosition { contract, quantity: held.quantity, mark: Some(held.mark) });
                }
                None => foreign.push(ForeignPosition {
                    con_id: con_id(held.contract),
                    symbol: instrument.symbol.clone(),
                    quantity: held.quantity,
                }),
            }
        }
        positions.sort_by_key(|position| position.contract);
        let midnight = midnight(today(now));
        let ended = simulation.completed_orders().iter().rev();
        let ended = ended.take_while(|view| view.ended_at.is_none_or(|at| at >= midnight));
        let mut completed_orders: Vec<BrokerOrder> = ended.map(|view| self.order(view)).collect();
        completed_orders.sort_by_key(|order| order.perm_id);
        let since = midnight.saturating_sub((EXECUTION_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        let executions = simulation.executions(since).iter().filter_map(|view| {
            let commission = Some(Money::new(view.commission.amount.normalize(), view.commission.currency));
            Some(Execution { fill: self.fill(view)?, commission })
        });
        let mut executions: Vec<Execution> = executions.collect();
        executions.sort_by(|a, b| (a.fill.at, &a.fill.execution).cmp(&(b.fill.at, &b.fill.execution)));
        Ok(AccountSnapshot {
            at: now,
            base: account.base,
            net_liquidation: Some(as_told(account.net_liquidation)),
            gross_position_value: Some(as_told(gross_position_value)),
            excess_liquidity: Some(as_told(account.net_liquidation - maintenance)),
            cash,
            positions,
            foreign,
            open_orders: simulation.open_orders().into_iter().map(|view| self.order(view)).collect(),
            completed_orders,
            executions,
            disputes: Vec::new(),
        })
    }

    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        let listed = quote.map(|contract| self.listed(contract)).transpose()?;
        let simulation = self.world.simulation.borrow();
        let net_liquidation = Some(as_told(simulation.net_liquidation()));
        let quote = listed.map(|contract| simulation.quote(contract));
        Ok(Glance { at: simulation.now(), net_liquidation, excess_liquidity: None, quote })
    }

    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError> {
        Ok(self.world.simulation.borrow().bars(self.listed(contract)?, before, sessions as usize))
    }

    async fn option_chain(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        self.chain(root)
    }

    async fn option_quotes(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError> {
        self.quotes(root, wanted)
    }

    fn extend(&mut self, universe: Arc<Universe>) {
        self.grow(universe);
    }

    async fn what_if(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        let order = match command {
            BrokerCommand::Place(request) | BrokerCommand::Replace(request) => self.sim_order(request, 0)?,
            BrokerCommand::PlaceSpread(request) | BrokerCommand::ReplaceSpread(request) => self.spread(request, 0)?,
            BrokerCommand::Cancel { order_ref } => {
                return Err(BrokerError::Unusable(format!("{order_ref}: a cancel places nothing")));
            }
        };
        let impact = self.world.simulation.borrow().margin_impact(&order);
        let Impact { before, after, .. } = impact.map_err(|error| BrokerError::Unusable(error.to_string()))?;
        Ok(MarginImpact {
            initial: Some(as_told(after.initial - before.initial)),
            maintenance: Some(as_told(after.maintenance - before.maintenance)),
            initial_after: Some(as_told(after.initial)),
            maintenance_after: Some(as_told(after.maintenance)),
            equity_after: Some(as_told(after.equity)),
            commission: None,
        })
    }

    /// A feed that is there already goes on as it was: it tells what changes. What is no longer looked at is told no more.
    async fn watch(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        let wanted: BTreeSet<ContractId> = contracts.iter().copied().collect();
        for idle in self.watched.extract_if(.., |contract| !wanted.contains(contract)) {
            let listed = self.world.theirs[idle].expect("what was watched is listed");
            self.world.simulation.borrow_mut().unsubscribe(CLIENT, listed);
        }
        for &contract in contracts {
            if self.watched.insert(contract) {
                let listed = self.listed(contract)?;
                self.world.simulation.borrow_mut().subscribe(CLIENT, listed);
            }
        }
        Ok(())
    }

    async fn renew(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        for &contract in contracts {
            let listed = self.listed(contract)?;
            self.world.simulation.borrow_mut().subscribe(CLIENT, listed);
        }
        Ok(())
    }

    async fn send(&mut self, sendable: &Sendable) -> Result<(), BrokerError> {
        match &BrokerCommand::from(sendable) {
            BrokerCommand::Place(request) => {
                let order_id = self.number(request.order_ref);
                let order = self.sim_order(request, order_id)?;
                self.world.simulation.borrow_mut().place(CLIENT, order);
            }
            BrokerCommand::PlaceSpread(request) => {
                let order_id = self.number(request.order_ref);
                let order = self.spread(request, order_id)?;
                self.world.simulation.borrow_mut().place(CLIENT, order);
            }
            BrokerCommand::ReplaceSpread(request) => {
                let order = self.spread(request, self.order_id(request.order_ref)?)?;
                self.world.simulation.borrow_mut().modify(CLIENT, order);
            }
            BrokerCommand::Replace(request) => {
                let order = self.sim_order(request, self.order_id(request.order_ref)?)?;
                self.world.simulation.borrow_mut().modify(CLIENT, order);
            }
            &BrokerCommand::Cancel { order_ref } => {
                let order_id = self.order_id(order_ref)?;
                self.world.simulation.borrow_mut().cancel(CLIENT, order_id);
            }
        }
        Ok(())
    }

    /// Orders first, then what is left of quotes: the last one of each contract.
    async fn drain(&mut self, events: &mut Vec<BrokerEvent>) {
        let told = self.world.simulation.borrow_mut().drain_events();
        let mut quotes: BTreeMap<ContractId, Quote> = BTreeMap::new();
        for event in told {
            match event.kind {
                SimEventKind::Accepted(view) | SimEventKind::Status(view) => self.news(&view, events),
                SimEventKind::Execution(view) => {
                    events.extend(self.fill(&view).map(BrokerEvent::Execution));
                }
                SimEventKind::Commission { execution, amount, .. } => events.push(commission(execution, amount)),
                SimEventKind::Rejected { order_id, code, text } => events.push(self.notice(order_id, code, text)),
                SimEventKind::Cancelled { order, code, text } => {
                    self.news(&order, events);
                    events.push(self.notice(order.order.order_id, code, text));
                }
                SimEventKind::Tick { contract, quote } => {
                    quotes.extend(self.ours(contract).map(|contract| (contract, quote)));
                }
            }
        }
        let at = self.world.simulation.borrow().now();
        // A client that does not ask for frozen data sees the sides of a closed venue go.
        let seen = |quote: Quote| Quote { at, data_type: DataType::Live, ..quote };
        events.extend(quotes.into_iter().map(|(contract, quote)| BrokerEvent::Quote { contract, quote: seen(quote) }));
    }

    async fn fence(&mut self) -> Result<Timestamp, BrokerError> {
        Ok(self.world.simulation.borrow().now())
    }
}

fn commission(execution: ExecutionId, amount: Money) -> BrokerEvent {
    BrokerEvent::Commission { execution, amount: Money::new(amount.amount.normalize(), amount.currency) }
}

/// The simulated broker's number of a contract.
pub(super) fn con_id(listed: ContractId) -> i64 {
    i64::from(listed.0) + 1
}

/// An amount with the digits the broker writes: at least two, and no zeros behind the last that counts.
fn as_told(amount: Decimal) -> Decimal {
    let mut told = amount.normalize();
    if told.scale() < 2 {
        told.rescale(2);
    }
    told
}

fn today(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

fn midnight(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.into()).expect("every midnight exists in UTC")
}
