//! The world and its clock: the one door to everything simulated.
//!
//! In: commands, and instants to advance to. Out: events, quotes, bars, orders, the account. Invariant: orders and
//! account are the same whether time is advanced in one stride or in many; only ticks tell of where the strides ended.

use crate::board::{Board, STEP_SECONDS};
use crate::broker::Broker;
use crate::factor_days::{FactorDay, FactorDays};
use crate::overnight::{is_closing, next_closing};
use crate::venue::{Change, Trading};
use crate::{
    AccountView, Command, ExecutionView, Fills, Impossible, Intervention, OptionListing, OptionView, OrderView,
    Requirement, SimConfig, SimError, SimEvent, SimEventKind, SimOrder, StatementEntry,
};
use domain::{ContractId, Currency, InstrumentId, OptionKey, PerCurrency, Quantity, Universe};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use market::calendar::Calendars;
use market::{Bar, DataType, Quote};
use rust_decimal::{Decimal, RoundingStrategy};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

const RATE_DIGITS: u32 = 6;

/// The contract that quotes a currency against the base.
#[derive(Clone, Copy, Debug)]
struct RatePair {
    contract: ContractId,
    /// True for base.currency, whose price is the other way round.
    inverse: bool,
}

/// A simulated world at an instant of virtual time.
///
/// Contract ids come from the universe of its configuration. Only those in orders are checked; a foreign one elsewhere
/// is a bug of the caller and panics.
#[derive(Clone, Debug)]
pub struct Simulation {
    now: Timestamp,
    /// When a venue changes next.
    next_change: Timestamp,
    base: Currency,
    calendars: Arc<Calendars>,
    pub(crate) board: Board,
    broker: Broker,
    rates: BTreeMap<Currency, RatePair>,
    /// The last quote each subscriber was sent.
    subscriptions: BTreeMap<(ContractId, i32), Quote>,
    /// Something has happened since the last ticks that may move the price of what does not trade.
    stirred: bool,
    /// What the account must keep, with the moment it was asked for last; forgotten with every intervention.
    required: Cell<Option<(Moment, Requirement)>>,
}

/// An instant, the state of the prices, and the number of executions.
type Moment = (Timestamp, u64, u32);

impl Simulation {
    /// The world at the start of its configuration.
    ///
    /// # Errors
    /// [`SimError`] when a calendar is missing or too short, a currency cannot be valued, or a replayed series is
    /// malformed.
    pub fn new(config: SimConfig) -> Result<Simulation, SimError> {
        Simulation::with(config, Fills::Book, false)
    }

    /// The same world for research, whose exchange meets orders in one way or the other. High and low of simulated bars are
    /// those of their open and close: nothing is decided by them, and to find them takes longer than a day of trading.
    ///
    /// # Errors
    /// As for [`Simulation::new`].
    pub fn filling(config: SimConfig, fills: Fills) -> Result<Simulation, SimError> {
        Simulation::with(config, fills, true)
    }

    fn with(config: SimConfig, fills: Fills, ends_only: bool) -> Result<Simulation, SimError> {
        let board = Board::new(&config, ends_only)?;
        let rates = rate_pairs(&config, &board)?;
        let mut broker = Broker::new(&config);
        broker.fills = fills;
        let SimConfig { start: now, base, calendars, .. } = config;
        let next_change = board.tape.venues().next_change(now).unwrap_or(Timestamp::MAX);
        let subscriptions = BTreeMap::new();
        Ok(Simulation {
            now,
            next_change,
            base,
            calendars,
            board,
            broker,
            rates,
            subscriptions,
            stirred: true,
            required: Cell::default(),
        })
    }

    /// How its exchange meets orders.
    pub fn fills(&self) -> Fills {
        self.broker.fills
    }

    /// When its venues trade.
    pub fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// Virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something will happen next, always after now: the next 15-second step while an order works in an open
    /// session, else the next open, close or fixing of official closes, or the closing of the account's books when
    /// something is due in them. [`Timestamp::MAX`] when the calendars know of none.
    pub fn next_event(&self) -> Timestamp {
        let change = self.next_change;
        let change = if self.broker.closes_books() { change.min(next_closing(self.now)) } else { change };
        if self.broker.is_working(&self.board, self.now) { change.min(next_step(self.now)) } else { change }
    }

    /// Lets everything happen up to an instant, that instant included, in order of time. Time never runs back: an
    /// instant that is not after now does nothing.
    pub fn advance_to(&mut self, at: Timestamp) {
        if at <= self.now {
            return;
        }
        while self.now < at {
            self.now = self.next_event().min(at);
            self.board.tape.extend_to(self.now);
            self.change_venues();
            if is_step(self.now) {
                self.broker.step(&self.board, self.now);
            }
            if is_closing(self.now) && self.broker.closes_books() {
                self.stirred = true;
                self.broker.close_books(&mut self.board, self.now);
            }
        }
        self.send_ticks();
    }

    /// The days of the market's factors that are not made yet, for who wants to make them ahead of time; none of replayed
    /// prices.
    pub fn days_to_come(&self) -> Option<FactorDays> {
        self.board.tape.days_to_come()
    }

    /// Takes the days of [`Simulation::days_to_come`] from somebody who makes them ahead of time, in their order.
    pub fn take_days(&mut self, ahead: impl Iterator<Item = FactorDay> + Send + 'static) {
        self.board.tape.take_days(Box::new(ahead));
    }

    /// Takes what clients are to be told since the last call, in the order it happened.
    pub fn drain_events(&mut self) -> Vec<SimEvent> {
        self.broker.take_events()
    }

    /// Applies a recorded command.
    pub fn apply(&mut self, command: &Command) {
        match command {
            Command::Place { client, order } => self.place(*client, order.clone()),
            Command::Modify { client, order } => self.modify(*client, order.clone()),
            Command::Cancel { client, order_id } => self.cancel(*client, *order_id),
            Command::GlobalCancel => self.global_cancel(),
            Command::Subscribe { client, contract } => self.subscribe(*client, *contract),
            Command::Unsubscribe { client, contract } => self.unsubscribe(*client, *contract),
            Command::List { root, key } => drop(self.list_option(*root, *key)),
            Command::AdvanceTo { at } => self.advance_to(*at),
            Command::Intervene { intervention } => self.intervene(intervention),
        }
    }

    /// The quote of a contract now. Outside a session of its venue: no bid and ask, the last price, data type frozen,
    /// stamped with the end of the last session. An index never has bid and ask.
    pub fn quote(&self, contract: ContractId) -> Quote {
        self.board.quote(contract, self.now)
    }

    /// The daily bars of the last `count` sessions dated before `before` whose official close is known by now, oldest
    /// first; fewer when there are fewer.
    pub fn bars(&self, contract: ContractId, before: Date, count: usize) -> Vec<Bar> {
        if self.universe().option(contract).is_some() {
            return self.board.tape.option_bars(contract, before, count, self.now);
        }
        self.board.tape.bars(contract, before, count, self.now)
    }

    /// What was traded in the last session whose official close is known.
    pub fn last_volume(&self, contract: ContractId) -> Option<Quantity> {
        let (date, close) = self.board.tape.last_official(contract, self.now)?;
        Some(self.board.tape.volume(contract, date, close))
    }

    /// What an order of the account costs that executes a quantity for a value.
    pub(crate) fn charge(&self, contract: ContractId, quantity: Quantity, value: Decimal) -> Decimal {
        self.broker.charge(contract, quantity, value, self.now)
    }

    /// Whether the exchange has stopped trading in a contract for a while.
    pub fn is_halted(&self, contract: ContractId) -> bool {
        matches!(self.board.tape.trading(contract, self.now), Trading::Halted(..))
    }

    /// What is listed of a root of options; `None` for anything else, or without a price of the underlying.
    pub fn option_listing(&self, root: InstrumentId) -> Option<OptionListing> {
        self.board.tape.listing(root, self.now)
    }

    /// Gives an option a contract of the universe, so that it can be quoted and traded; the one it has when it has one.
    /// `None` when it is not listed, or the table of contracts is full.
    pub fn list_option(&mut self, root: InstrumentId, key: OptionKey) -> Option<ContractId> {
        self.list_options(root, &[key]).pop().flatten()
    }

    /// The same for several options of a root, in their order.
    pub fn list_options(&mut self, root: InstrumentId, keys: &[OptionKey]) -> Vec<Option<ContractId>> {
        if keys.iter().any(|key| self.broker.universe.find_option(root, key).is_none()) {
            let listing = self.option_listing(root);
            let lists = |key: &OptionKey| {
                let lists = |of: &OptionListing| of.expiries.contains(&key.expiry) && of.strikes.contains(&key.strike);
                listing.as_ref().is_some_and(lists)
            };
            // Everybody lets the table go, so that it grows where it is instead of being copied.
            let mut universe = std::mem::take(&mut self.broker.universe);
            self.broker.list(Arc::default());
            self.board.list(Arc::default());
            let table = Arc::make_mut(&mut universe);
            for &key in keys.iter().filter(|key| lists(key)) {
                if !is_full(table) {
                    table.list_option(root, key);
                }
            }
            self.broker.list(Arc::clone(&universe));
            self.board.list(universe);
        }
        keys.iter().map(|key| self.broker.universe.find_option(root, key)).collect()
    }

    /// An option as the model sees it now, or as it saw it when its venue closed; `None` for anything else.
    pub fn option_view(&self, contract: ContractId) -> Option<OptionView> {
        let at = self.quote(contract).at;
        self.board.tape.option_view(contract, at)
    }

    /// Shares that can be borrowed beside those that are; `None` for what is not lent.
    pub fn shortable(&self, contract: ContractId) -> Option<Quantity> {
        self.broker.shortable(contract)
    }

    /// Everything that can be quoted, held and traded by now.
    pub fn universe(&self) -> &Arc<Universe> {
        &self.broker.universe
    }

    /// Whether something can be made to happen now.
    ///
    /// # Errors
    /// [`Impossible`] with the reason.
    pub fn allows(&self, intervention: &Intervention) -> Result<(), Impossible> {
        intervention.check(&self.broker, &self.board, self.now)
    }

    /// Makes something happen that no client ordered. What is impossible does not happen; ask
    /// [`Simulation::allows`] first to know.
    pub fn intervene(&mut self, intervention: &Intervention) {
        if self.allows(intervention).is_ok() {
            self.stirred = true;
            self.required.take();
            self.broker.intervene(intervention, &mut self.board, self.now);
        }
    }

    /// The account's statement: every line so far, oldest first.
    pub fn statement(&self) -> &[StatementEntry] {
        &self.broker.books.statement
    }

    /// Places a new order. The answer comes as events: accepted and perhaps executed at once, or rejected.
    pub fn place(&mut self, client: i32, order: SimOrder) {
        let lack = self.lack_of_margin(client, &order);
        self.broker.place(client, order, lack, &self.board, self.now);
    }

    /// Replaces a working order by its new form: limit, quantity, order type, time in force, reference and transmit may
    /// differ. The answer comes as events, like that to a new order; one that is refused stays as it was.
    pub fn modify(&mut self, client: i32, order: SimOrder) {
        let filled = self.order(client, order.order_id).map_or(Quantity::ZERO, |known| known.filled);
        // What is executed of it is in the account already.
        let lack = self.lack_of_margin(client, &SimOrder { quantity: order.quantity - filled, ..order.clone() });
        self.broker.modify(client, order, lack, &self.board, self.now);
    }

    /// Cancels a working order of the client. The answer is an event: cancelled, or rejected when there is no such
    /// order or it has ended.
    pub fn cancel(&mut self, client: i32, order_id: i32) {
        self.broker.cancel(client, order_id, self.now);
    }

    /// Cancels every working order of every client.
    pub fn global_cancel(&mut self) {
        self.broker.cancel_all(self.now);
    }

    /// Sends the client a tick now, and another whenever time has moved and changed the quote. A second subscription of
    /// the same client to the same contract starts the first anew.
    pub fn subscribe(&mut self, client: i32, contract: ContractId) {
        let quote = self.quote(contract);
        self.subscriptions.insert((contract, client), quote);
        self.broker.tell(client, SimEventKind::Tick { contract, quote });
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&mut self, client: i32, contract: ContractId) {
        self.subscriptions.remove(&(contract, client));
    }

    /// The lowest order id the client may use next: above every id it ever used, at least 1.
    pub fn next_order_id(&self, client: i32) -> i32 {
        self.broker.next_order_id(client)
    }

    /// The client's order of that id, open or ended.
    pub fn order(&self, client: i32, order_id: i32) -> Option<&OrderView> {
        self.broker.order(client, order_id)
    }

    /// Orders that can still be executed, of every client, oldest first.
    pub fn open_orders(&self) -> Vec<&OrderView> {
        self.broker.open_orders()
    }

    /// Orders that were filled or cancelled, in the order they ended.
    pub fn completed_orders(&self) -> &[OrderView] {
        self.broker.completed_orders()
    }

    /// Executions at or after an instant, oldest first.
    pub fn executions(&self, since: Timestamp) -> &[ExecutionView] {
        self.broker.executions(since)
    }

    /// Its account's number.
    pub fn account_id(&self) -> &str {
        self.broker.account().id()
    }

    /// The account, valued now.
    pub fn account(&self) -> AccountView {
        self.broker.account().view(|contract| self.board.mark(contract, self.now), |currency| self.rate(currency))
    }

    /// What the account holds of a contract.
    pub(crate) fn quantity(&self, contract: ContractId) -> Quantity {
        self.broker.account().quantity(contract)
    }

    /// The currency of the account.
    pub(crate) fn base(&self) -> Currency {
        self.base
    }

    /// Net liquidation of the account now.
    pub fn net_liquidation(&self) -> Decimal {
        let mark = |contract| self.board.mark(contract, self.now);
        self.broker.account().net_liquidation(mark, |currency| self.rate(currency))
    }

    /// What the account must keep now, worked out once an instant: orders are asked about one after the other.
    ///
    /// # Panics
    /// As for a view of the account.
    pub fn required(&self) -> Requirement {
        let moment = (self.now, self.board.tape.changes(), self.broker.executed);
        if let Some((_, requirement)) = self.required.get().filter(|(of, _)| *of == moment) {
            return requirement;
        }
        let mark = |contract| self.board.mark(contract, self.now);
        let rates = PerCurrency::from_fn(|currency| self.rate(currency));
        let worths = self.broker.account().worths(mark).map(|(contract, quantity, worth)| {
            let rate = rates[self.universe().terms(contract).currency];
            (contract, quantity, rate.expect("every currency in use was checked to have a rate") * worth)
        });
        let equity = self.broker.account().net_liquidation(mark, |currency| rates[currency]);
        let requirement = self.requirement_of(equity, worths);
        self.required.set(Some((moment, requirement)));
        requirement
    }

    /// Units of base currency for one unit, six digits after the point; `None` when nothing quotes the currency.
    pub fn exchange_rate(&self, currency: Currency) -> Option<Decimal> {
        self.rate(currency)
    }

    fn rate(&self, currency: Currency) -> Option<Decimal> {
        if currency == self.base {
            return Some(Decimal::ONE);
        }
        let pair = self.rates.get(&currency)?;
        let price = self.board.mark(pair.contract, self.now)?.to_decimal();
        let rate = if pair.inverse { Decimal::ONE / price } else { price };
        Some(rate.round_dp_with_strategy(RATE_DIGITS, RoundingStrategy::MidpointAwayFromZero))
    }

    fn change_venues(&mut self) {
        if self.now < self.next_change {
            return;
        }
        self.next_change = self.board.tape.venues().next_change(self.now).unwrap_or(Timestamp::MAX);
        self.board.tape.turn();
        for change in self.board.tape.venues().changes(self.now) {
            self.stirred = true;
            match change {
                Change::Close(session) => self.broker.venue_closed(&session, &self.board, self.now),
                Change::Fixing(session) => {
                    self.board.tape.fix(&session);
                    self.broker.venue_fixed(&session, &self.board, self.now);
                }
                Change::Open(session) => {
                    self.board.tape.draw_halts(&session, self.broker.events.halts_per_year);
                    self.broker.venue_opened(&session, &self.board, self.now);
                }
            }
        }
    }

    fn send_ticks(&mut self) {
        let stirred = std::mem::take(&mut self.stirred);
        for ((contract, client), sent) in &mut self.subscriptions {
            if !stirred && sent.data_type == DataType::Frozen {
                continue; // it did not trade then, it does not now, and nothing happened to it
            }
            let quote = self.board.quote(*contract, self.now);
            let unchanged = Quote { at: sent.at, ..quote } == *sent;
            if !unchanged {
                *sent = quote;
                self.broker.tell(*client, SimEventKind::Tick { contract: *contract, quote });
            }
        }
    }
}

fn is_full(table: &Universe) -> bool {
    table.contract_count() >= Universe::CONTRACTS_MAX
}

/// Steps are whole multiples of their length since 1970, so that they do not depend on when the world began.
fn is_step(at: Timestamp) -> bool {
    at.subsec_nanosecond() == 0 && at.as_second() % STEP_SECONDS == 0
}

fn next_step(now: Timestamp) -> Timestamp {
    let second = now.as_second().div_euclid(STEP_SECONDS) * STEP_SECONDS;
    Timestamp::from_second(second).map_or(Timestamp::MAX, |step| step + SignedDuration::from_secs(STEP_SECONDS))
}

/// Finds what values every currency the account can come to hold.
fn rate_pairs(config: &SimConfig, board: &Board) -> Result<BTreeMap<Currency, RatePair>, SimError> {
    let SimConfig { universe, base, .. } = config;
    let base = *base;
    let quoted = |from: Currency, to: Currency| universe.find_contract(&format!("{from}.{to}"));
    let mut pairs = BTreeMap::new();
    for currency in Currency::ALL {
        let direct = quoted(currency, base).map(|contract| RatePair { contract, inverse: false });
        if let Some(pair) =
            direct.or_else(|| quoted(base, currency).map(|contract| RatePair { contract, inverse: true }))
        {
            pairs.insert(currency, pair);
        }
    }
    let priced = universe.contracts().filter(|&contract| board.tape.is_priced(contract));
    let traded = priced.map(|contract| universe.instrument_of(contract)).filter(|instrument| instrument.tradable);
    for currency in traded.map(|instrument| instrument.currency).chain([config.deposit.currency]) {
        if currency == base {
            continue;
        }
        let Some(pair) = pairs.get(&currency) else { return Err(SimError::NoRate { currency, base }) };
        if board.mark(pair.contract, config.start).is_none() {
            let contract = universe.contract(pair.contract).name.clone();
            return Err(SimError::NoPrice { contract, start: config.start });
        }
    }
    Ok(pairs)
}
