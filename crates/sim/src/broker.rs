//! The broker: takes orders, works them at the exchange, keeps them and their executions, books the account.
//!
//! In: commands of clients, steps and changes of venues. Out: events. Invariant: an order is open or ended, never both;
//! its filled quantity is the sum of its executions; cash moves by exactly what executions, commissions and settlements
//! say.

use crate::account::{Account, Trade};
use crate::admission::{Refusal, admit};
use crate::board::{Board, whole_lots};
use crate::books::Books;
use crate::events::{DividendTerms, is_share};
use crate::matching::{Dents, Fills, PARTICIPATION, Queue, Slice, Want, crosses, whole};
use crate::random::Chance;
use crate::venue::Trading;
use crate::{
    AccountEvents, ExecutionView, Liquidity, OrderView, PriceList, SimConfig, SimEvent, SimEventKind, SimOrder,
};
use domain::{ContractId, OrderStatus, OrderType, Price, Quantity, TimeInForce, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Session;
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Share of a session's volume that trades in its closing auction.
const AUCTION_SHARE: f64 = 0.10;
const FIRST_PERM_ID: i64 = 1_700_000_001;
const CANCELLED: i32 = 202;

/// An open order with its place in the book.
#[derive(Clone, Debug)]
pub(crate) struct Working {
    pub(crate) view: OrderView,
    /// Set while it waits in the book; a taker has none.
    queue: Option<Queue>,
    /// Σ quantity × price of what is executed, of each leg.
    pub(crate) values: [Decimal; 2],
}

/// Orders, executions and account of a world.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) universe: Arc<Universe>,
    /// Contracts that can split and be borrowed, and those that pay dividends.
    pub(crate) shares: Vec<ContractId>,
    pub(crate) payers: Vec<(ContractId, DividendTerms)>,
    pub(crate) books: Books,
    pub(crate) events: AccountEvents,
    pub(crate) price_list: PriceList,
    pub(crate) chance: Chance,
    /// How many executions there were, those undone included.
    pub(crate) executed: u32,
    /// Loans of shares that were called back, with the first date on which they are bought.
    pub(crate) recalled: BTreeMap<ContractId, Date>,
    /// Shares there are to lend where somebody said how many.
    pub(crate) lent: BTreeMap<ContractId, Quantity>,
    pub(crate) fills: Fills,
    pub(crate) dents: Dents,
    pub(crate) open: Vec<Working>,
    completed: Vec<OrderView>,
    /// Every id a client ever used, with its place in `completed` once it ended.
    ids: BTreeMap<(i32, i32), Option<usize>>,
    pub(crate) executions: Vec<ExecutionView>,
    told: Vec<SimEvent>,
}

impl Broker {
    pub(crate) fn new(config: &SimConfig) -> Broker {
        let universe = config.universe.clone();
        let is_share = |contract: &ContractId| is_share(universe.instrument_of(*contract));
        let shares: Vec<ContractId> = universe.configured().filter(is_share).collect();
        let terms = |contract: &ContractId| config.events.dividends_of(universe.instrument_of(*contract)).copied();
        let payers = shares.iter().filter_map(|contract| Some((*contract, terms(contract)?))).collect();
        Broker {
            shares,
            payers,
            books: Books::new(Account::new(config.account.clone(), config.base, universe.clone(), config.deposit)),
            events: config.events.clone(),
            price_list: config.price_list,
            chance: Chance::new(config.seed),
            executed: 0,
            recalled: BTreeMap::new(),
            lent: BTreeMap::new(),
            fills: Fills::Book,
            dents: Dents::new(universe.contract_count()),
            open: Vec::new(),
            completed: Vec::new(),
            ids: BTreeMap::new(),
            executions: Vec::new(),
            told: Vec::new(),
            universe,
        }
    }

    /// Takes a universe in that has grown.
    pub(crate) fn list(&mut self, universe: Arc<Universe>) {
        (self.dents.len()..universe.contract_count()).for_each(|_| self.dents.push());
        self.books.account.list(Arc::clone(&universe));
        self.universe = universe;
    }

    /// A new order; `lack` is why the account cannot afford it, if it cannot.
    pub(crate) fn place(&mut self, client: i32, order: SimOrder, lack: Option<Refusal>, board: &Board, now: Timestamp) {
        let key = (client, order.order_id);
        if self.ids.contains_key(&key) {
            return self.refuse(client, order.order_id, Refusal::new(103, "Duplicate order id"));
        }
        let admitted = admit(&order, &self.universe, board, now);
        if let Some(refusal) = admitted.err().or(lack) {
            return self.refuse(client, order.order_id, refusal);
        }
        let view = OrderView {
            client,
            perm_id: FIRST_PERM_ID + self.ids.len() as i64,
            status: status_of(&order, board, now),
            order,
            filled: Quantity::ZERO,
            average_price: Decimal::ZERO,
            last_fill_price: None,
            placed_at: now,
            ended_at: None,
            reason: String::new(),
        };
        self.ids.insert(key, None);
        self.open.push(Working { view, queue: None, values: [Decimal::ZERO; 2] });
        self.accept(self.open.len() - 1, board, now);
    }

    /// An order in its new form; `lack` is why the account cannot afford what is still to be executed of it, if it cannot.
    pub(crate) fn modify(
        &mut self,
        client: i32,
        order: SimOrder,
        lack: Option<Refusal>,
        board: &Board,
        now: Timestamp,
    ) {
        let Some(index) = self.find_open(client, order.order_id) else {
            let state = self.state(client, order.order_id);
            let refusal = Refusal::new(104, format!("Can't modify this order, state: {state}"));
            return self.refuse(client, order.order_id, refusal);
        };
        let view = &self.open[index].view;
        let same = |order: &SimOrder| (order.contract, order.against, order.side);
        let refusal = if same(&view.order) != same(&order) {
            Some(Refusal::new(105, "Order being modified does not match original order"))
        } else if order.quantity <= view.filled {
            Some(Refusal::rejected("the new quantity must exceed what is already filled"))
        } else {
            admit(&order, &self.universe, board, now).err().or(lack)
        };
        if let Some(refusal) = refusal {
            return self.refuse(client, order.order_id, refusal);
        }
        let working = &mut self.open[index];
        let before = &working.view.order;
        // The exchange keeps an order's place only when nothing but less quantity is asked for.
        let keeps_place =
            SimOrder { quantity: before.quantity, ..order.clone() } == *before && order.quantity <= before.quantity;
        working.queue = working.queue.filter(|_| keeps_place);
        working.view.status = status_of(&order, board, now);
        working.view.order = order;
        self.accept(index, board, now);
    }

    pub(crate) fn cancel(&mut self, client: i32, order_id: i32, now: Timestamp) {
        if let Some(index) = self.find_open(client, order_id) {
            return self.end_cancelled(index, "", now);
        }
        let asked = format!("OrderId {order_id} that needs to be cancelled");
        let refusal = match self.order(client, order_id) {
            Some(_) => {
                let state = self.state(client, order_id);
                Refusal::new(10148, format!("{asked} can not be cancelled, state: {state}."))
            }
            None => Refusal::new(10147, format!("{asked} is not found.")),
        };
        self.refuse(client, order_id, refusal);
    }

    pub(crate) fn cancel_all(&mut self, now: Timestamp) {
        while !self.open.is_empty() {
            self.end_cancelled(0, "", now);
        }
    }

    /// One step of every order that stands at an exchange.
    pub(crate) fn step(&mut self, board: &Board, now: Timestamp) {
        for perm_id in self.perm_ids_where(|_| true) {
            if let Some(index) = self.position_of(perm_id) {
                self.work(index, board, now);
            }
        }
    }

    /// Whether any order can be executed in the next step.
    pub(crate) fn is_working(&self, board: &Board, now: Timestamp) -> bool {
        self.open.iter().any(|working| {
            stands_at_exchange(&working.view.order)
                && matches!(
                    board.tape.trading(working.view.order.contract, now),
                    Trading::Open(_) | Trading::Halted(..)
                )
        })
    }

    /// A venue opened: its waiting orders are sent.
    pub(crate) fn venue_opened(&mut self, session: &Session, board: &Board, now: Timestamp) {
        self.end_options(session, board, now);
        for index in 0..self.open.len() {
            let view = &mut self.open[index].view;
            if stands_at_exchange(&view.order) && trades_in(&self.universe, board, view.order.contract, session) {
                view.status = OrderStatus::Submitted;
                let told = view.clone();
                self.tell(told.client, SimEventKind::Status(told));
            }
        }
    }

    /// A venue's continuous trading ended: limit orders of the day die.
    pub(crate) fn venue_closed(&mut self, session: &Session, board: &Board, now: Timestamp) {
        let ends = |view: &OrderView| {
            view.order.order_type == OrderType::Lmt && trades_in(&self.universe, board, view.order.contract, session)
        };
        for perm_id in self.perm_ids_where(ends) {
            self.end_by_perm_id(perm_id, "the session has ended", now);
        }
    }

    /// Official closes are fixed: closing orders are executed at them or die, and futures are settled.
    pub(crate) fn venue_fixed(&mut self, session: &Session, board: &Board, now: Timestamp) {
        let closing = |view: &OrderView| {
            view.order.order_type == OrderType::Loc
                && view.placed_at < session.close
                && trades_in(&self.universe, board, view.order.contract, session)
        };
        for perm_id in self.perm_ids_where(closing) {
            self.auction(perm_id, session, board, now);
            self.end_by_perm_id(perm_id, "the closing auction has ended", now);
        }
        self.settle(session, board, now);
        self.end_options(session, board, now);
        self.buy_in(session, board, now);
    }

    fn settle(&mut self, session: &Session, board: &Board, now: Timestamp) {
        for contract in self.books.account.unsettled() {
            let (venue, terms) = (self.universe.instrument_of(contract).venue, self.universe.terms(contract));
            if venue != session.mic || !terms.settles_daily {
                continue;
            }
            let Some((_, settlement)) = board.tape.last_official(contract, now) else { continue };
            if board.tape.expired(contract, now) {
                self.books.account.expire(contract, settlement);
            } else if board.tape.has_session(contract, session) {
                self.books.account.settle(contract, settlement);
            }
        }
    }

    /// Executes a closing order at the official close, as far as the auction's volume carries.
    fn auction(&mut self, perm_id: i64, session: &Session, board: &Board, now: Timestamp) {
        let Some(index) = self.position_of(perm_id) else { return };
        let view = &self.open[index].view;
        let SimOrder { contract, side, transmit, .. } = view.order;
        let limit = view.order.limit_mantissa();
        let price = board.tape.official_close(contract, session);
        if !transmit || !crosses(side, limit, price) {
            return;
        }
        let volume = PARTICIPATION * AUCTION_SHARE * board.session_volume(contract, price);
        let quantity = whole_lots(volume, self.universe.terms(contract).lot).min(view.remaining());
        if quantity > Quantity::ZERO {
            self.execute(index, Slice { price, quantity }, Liquidity::Auction, now);
        }
    }

    /// Tells the client of an order in its new form and works it at once.
    fn accept(&mut self, index: usize, board: &Board, now: Timestamp) {
        let view = self.open[index].view.clone();
        let (client, perm_id, tif, transmit) = (view.client, view.perm_id, view.order.tif, view.order.transmit);
        self.tell(client, SimEventKind::Accepted(view));
        self.work(index, board, now);
        if tif == TimeInForce::Ioc && transmit {
            self.end_by_perm_id(perm_id, "what could not be executed at once was given up", now);
        }
    }

    fn work(&mut self, index: usize, board: &Board, now: Timestamp) {
        let Working { view, queue, .. } = &mut self.open[index];
        let SimOrder { contract, side, .. } = view.order;
        if !stands_at_exchange(&view.order) {
            return;
        }
        if let Some(against) = view.order.against {
            return self.work_spread(index, against, board, now);
        }
        let limit = view.order.limit_mantissa();
        let at_limit = Price::from_mantissa(limit).expect("only spreads have limits of zero and below");
        let Some(book) = board.book(contract, now) else { return };
        let lot = self.universe.terms(contract).lot;
        let quantity = view.remaining();
        let (opposite, _) = book.opposite(side);
        match queue {
            _ if crosses(side, limit, opposite) && self.fills == Fills::Whole => {
                let slice = whole(Want { contract, side, limit, quantity }, &book);
                self.execute(index, slice, Liquidity::Removed, now);
            }
            _ if crosses(side, limit, opposite) => {
                let waited = queue.is_some();
                let taken = self.dents.take(Want { contract, side, limit, quantity }, &book, lot, now);
                for slice in taken {
                    match waited {
                        true => self.execute(index, Slice { price: at_limit, ..slice }, Liquidity::Added, now),
                        false => self.execute(index, slice, Liquidity::Removed, now),
                    }
                }
            }
            Some(queue) => {
                let quantity = queue.pass(side, limit, &book, lot, now).min(quantity);
                if quantity > Quantity::ZERO {
                    queue.spend(quantity);
                    self.execute(index, Slice { price: at_limit, quantity }, Liquidity::Added, now);
                }
            }
            None => *queue = Some(Queue::join(side, limit, &book, now)),
        }
    }

    /// Books one execution; the order ends when it was the last.
    fn execute(&mut self, index: usize, slice: Slice, liquidity: Liquidity, now: Timestamp) {
        let Working { view, values: [value, _], .. } = &self.open[index];
        let (mut view, mut value) = (view.clone(), *value);
        let execution = self.booked(&mut view, &mut value, slice, liquidity, now);
        let client = view.client;
        let done = view.remaining().is_zero();
        let working = &mut self.open[index];
        (working.view, working.values[0]) = (view, value);
        self.tell_executed(execution);
        let told = if done { self.end(index, OrderStatus::Filled, "", now) } else { self.open[index].view.clone() };
        self.tell(client, SimEventKind::Status(told));
    }

    /// Executes an order at its limit whatever the market is; one that was cancelled stays cancelled.
    pub(crate) fn fill_anyway(&mut self, key: (i32, i32), quantity: Option<Quantity>, now: Timestamp) {
        let Some(view) = self.order(key.0, key.1) else { return };
        let price = Price::from_mantissa(view.order.limit_mantissa()).expect("it is no spread");
        let quantity = quantity.unwrap_or(view.remaining()).min(view.remaining());
        let slice = Slice { price, quantity };
        match self.ids[&key] {
            None => {
                let index = self.find_open(key.0, key.1).expect("an order that has not ended is open");
                self.execute(index, slice, Liquidity::Added, now);
            }
            Some(place) => {
                let mut view = self.completed[place].clone();
                let mut value = view.average_price * view.filled.to_decimal();
                let execution = self.booked(&mut view, &mut value, slice, Liquidity::Added, now);
                self.completed[place] = view;
                self.tell_executed(execution);
            }
        }
    }

    /// An execution in the account and in its order.
    fn booked(
        &mut self,
        view: &mut OrderView,
        value: &mut Decimal,
        slice: Slice,
        liquidity: Liquidity,
        now: Timestamp,
    ) -> ExecutionView {
        let Slice { price, quantity } = slice;
        let id = self.next_execution_id();
        let SimOrder { contract, side, .. } = view.order;
        let multiplier = Decimal::from(self.universe.instrument_of(contract).multiplier);
        let charged_before = self.charge(contract, view.filled, *value * multiplier, now);
        *value += quantity.to_decimal() * price.to_decimal();
        view.filled += quantity;
        view.average_price =
            (*value / view.filled.to_decimal()).round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero);
        view.last_fill_price = Some(price.to_decimal());
        let charge = self.charge(contract, view.filled, *value * multiplier, now) - charged_before;
        let trade = Trade { contract, side, quantity, price, commission: charge };
        let (cumulative, average_price) = (view.filled, view.average_price);
        ExecutionView { cumulative, average_price, liquidity, ..self.trade(view.owner(), id, trade, now) }
    }

    /// Ends every order in a contract.
    pub(crate) fn cancel_in(&mut self, contract: ContractId, reason: &str, now: Timestamp) {
        for perm_id in self.perm_ids_where(|view| view.order.contract == contract) {
            self.end_by_perm_id(perm_id, reason, now);
        }
    }

    fn end_by_perm_id(&mut self, perm_id: i64, reason: &str, now: Timestamp) {
        if let Some(index) = self.position_of(perm_id) {
            self.end_cancelled(index, reason, now);
        }
    }

    fn end_cancelled(&mut self, index: usize, reason: &str, now: Timestamp) {
        let order = self.end(index, OrderStatus::Cancelled, reason, now);
        let text = format!("Order Canceled - reason:{reason}");
        self.tell(order.client, SimEventKind::Cancelled { order, code: CANCELLED, text });
    }

    pub(crate) fn end(&mut self, index: usize, status: OrderStatus, reason: &str, now: Timestamp) -> OrderView {
        let mut view = self.open.remove(index).view;
        view.status = status;
        view.ended_at = Some(now);
        view.reason = reason.to_owned();
        self.ids.insert((view.client, view.order.order_id), Some(self.completed.len()));
        self.completed.push(view.clone());
        view
    }

    fn refuse(&mut self, client: i32, order_id: i32, Refusal { code, text }: Refusal) {
        self.tell(client, SimEventKind::Rejected { order_id, code, text });
    }

    pub(crate) fn tell(&mut self, client: i32, kind: SimEventKind) {
        self.told.push(SimEvent { client, kind });
    }

    pub(crate) fn take_events(&mut self) -> Vec<SimEvent> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn next_order_id(&self, client: i32) -> i32 {
        self.ids
            .range((client, i32::MIN)..=(client, i32::MAX))
            .next_back()
            .map_or(1, |((_, id), _)| id.saturating_add(1).max(1))
    }

    pub(crate) fn order(&self, client: i32, order_id: i32) -> Option<&OrderView> {
        match self.ids.get(&(client, order_id))? {
            Some(ended) => Some(&self.completed[*ended]),
            None => self.find_open(client, order_id).map(|index| &self.open[index].view),
        }
    }

    pub(crate) fn open_orders(&self) -> Vec<&OrderView> {
        self.open.iter().map(|working| &working.view).collect()
    }

    pub(crate) fn completed_orders(&self) -> &[OrderView] {
        &self.completed
    }

    pub(crate) fn executions(&self, since: Timestamp) -> &[ExecutionView] {
        &self.executions[self.executions.partition_point(|execution| execution.at < since)..]
    }

    pub(crate) fn account(&self) -> &Account {
        &self.books.account
    }

    /// The broker's word for where an order stands.
    fn state(&self, client: i32, order_id: i32) -> String {
        self.order(client, order_id).map_or("Unknown".to_owned(), |view| format!("{:?}", view.status))
    }

    /// Orders by a number that stays theirs while executions and cancels move the others.
    fn perm_ids_where(&self, holds: impl Fn(&OrderView) -> bool) -> Vec<i64> {
        self.open.iter().map(|working| &working.view).filter(|view| holds(view)).map(|view| view.perm_id).collect()
    }

    fn position_of(&self, perm_id: i64) -> Option<usize> {
        self.open.iter().position(|working| working.view.perm_id == perm_id)
    }

    fn find_open(&self, client: i32, order_id: i32) -> Option<usize> {
        self.open.iter().position(|working| (working.view.client, working.view.order.order_id) == (client, order_id))
    }
}

fn trades_in(universe: &Universe, board: &Board, contract: ContractId, session: &Session) -> bool {
    universe.instrument_of(contract).venue == session.mic && board.tape.has_session(contract, session)
}

/// Limit orders stand at the exchange while it is open; closing orders wait at the broker for the auction.
fn stands_at_exchange(order: &SimOrder) -> bool {
    order.transmit && order.order_type == OrderType::Lmt
}

fn status_of(order: &SimOrder, board: &Board, now: Timestamp) -> OrderStatus {
    let open = matches!(board.tape.trading(order.contract, now), Trading::Open(_) | Trading::Halted(..));
    if open && stands_at_exchange(order) { OrderStatus::Submitted } else { OrderStatus::PreSubmitted }
}
