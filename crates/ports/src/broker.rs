//! The broker as the engine sees it: identity, facts, quotes, orders.
//!
//! In: commands with our references. Out: events and all-or-nothing snapshots. Invariant: fills come
//! from executions only, a status is a hint, and an empty or partial answer is an error, never "flat".

use crate::{OptionChain, OptionQuote};
use domain::{
    Band, ContractId, Currency, ExecutionId, Fill, InstrumentId, Money, OptionKey, OrderRef, OrderStatus, OrderType,
    Price, Quantity, Side, TimeInForce, Universe,
};
use jiff::Timestamp;
use jiff::civil::Date;
use market::{Bar, Quote};
use risk::{Sendable, SendableOrder, SendableSpread};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Account id in full; never printed.
    pub account: String,
    /// Protocol version the gateway announced.
    pub server_version: i32,
    /// The gateway's time.
    pub server_time: Timestamp,
}

/// A contract as the broker describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractDetails {
    /// Our key.
    pub contract: ContractId,
    /// The broker's key.
    pub con_id: i64,
    /// Its price steps by price level, by rising price and in the major unit; empty where the broker names none.
    pub bands: Vec<Band>,
    /// Last trading day of a future.
    pub last_trade: Option<Date>,
    /// Whether the routing exchange takes limit orders for its closing auction.
    pub takes_loc: bool,
    /// Liquid hours as the broker writes them; contracts of a venue may share them.
    pub liquid_hours: Arc<str>,
    /// Zone of those hours.
    pub time_zone: Arc<str>,
}

/// Cash of one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CashRow {
    /// The currency.
    pub currency: Currency,
    /// Cash, futures profit since the last settlement not included.
    pub cash: Decimal,
    /// Futures profit since the last settlement.
    pub futures_pnl: Decimal,
    /// Cash the broker keeps in money-market funds, beside `cash`.
    pub swept: Decimal,
    /// Interest, borrow fees and dividends after tax that are owed to us and not yet paid; negative when owed by us.
    pub accrued: Decimal,
    /// Units of base currency for one unit.
    pub exchange_rate: Decimal,
}

/// A position of a contract we know, with the broker's mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerPosition {
    /// What is held.
    pub contract: ContractId,
    /// Signed quantity.
    pub quantity: Quantity,
    /// The price the broker values it at, in the major unit; `None` when what it says contradicts itself.
    pub mark: Option<Price>,
}

/// A contract of which the broker and the instrument table, or two answers of the broker, do not mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Which.
    pub contract: ContractId,
    /// The field and both sides, in words.
    pub what: String,
}

/// A position of a contract that is not in our universe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignPosition {
    /// The broker's key.
    pub con_id: i64,
    /// The broker's symbol.
    pub symbol: String,
    /// Signed quantity.
    pub quantity: Quantity,
}

/// An order the broker knows of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerOrder {
    /// Our reference, when it is ours.
    pub order_ref: Option<OrderRef>,
    /// The broker's permanent id.
    pub perm_id: i64,
    /// Last status.
    pub status: OrderStatus,
    /// Ordered quantity.
    pub quantity: Quantity,
    /// Executed quantity, a hint.
    pub filled: Quantity,
}

/// An execution with its charge, when the broker has reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The execution.
    pub fill: Fill,
    /// What it cost.
    pub commission: Option<Money>,
}

/// Everything the broker knows of the account at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSnapshot {
    /// The gateway's time when the answer was complete.
    pub at: Timestamp,
    /// Base currency of the account.
    pub base: Currency,
    /// Net liquidation value in the base currency, as it was told, be it absurd; `None` when no number was.
    pub net_liquidation: Option<Decimal>,
    /// Σ |market value| of its securities in the base currency, futures apart; `None` when the broker states none.
    pub gross_position_value: Option<Decimal>,
    /// What the account may lose before the broker liquidates, in the base currency; `None` when the broker states none.
    pub excess_liquidity: Option<Decimal>,
    /// Cash per currency.
    pub cash: Vec<CashRow>,
    /// Positions of our contracts.
    pub positions: Vec<BrokerPosition>,
    /// Positions of anything else.
    pub foreign: Vec<ForeignPosition>,
    /// Working orders of the account.
    pub open_orders: Vec<BrokerOrder>,
    /// Orders that ended.
    pub completed_orders: Vec<BrokerOrder>,
    /// Executions the broker still lists.
    pub executions: Vec<Execution>,
    /// Contracts whose prices mean nothing until a person has looked.
    pub disputes: Vec<Dispute>,
}

/// The terms of an order. To send it takes a [`Sendable`] of the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our identity of it.
    pub order_ref: OrderRef,
    /// What.
    pub contract: ContractId,
    /// Which way.
    pub side: Side,
    /// How much, positive.
    pub quantity: Quantity,
    /// Limit or limit on close.
    pub order_type: OrderType,
    /// Worst price, in the major unit, on the tick grid.
    pub limit: Price,
    /// Lifetime at the venue.
    pub time_in_force: TimeInForce,
}

impl From<&SendableOrder> for OrderRequest {
    fn from(order: &SendableOrder) -> Self {
        OrderRequest {
            order_ref: order.order_ref(),
            contract: order.contract(),
            side: order.side(),
            quantity: order.quantity(),
            order_type: order.order_type(),
            limit: order.limit(),
            time_in_force: TimeInForce::Day,
        }
    }
}

/// A calendar spread of two contracts of one future, one of each, as one order: buying it buys `far` and sells `near`.
/// Its executions are those of the two contracts, each with this reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpreadRequest {
    /// Our identity of it.
    pub order_ref: OrderRef,
    /// The contract that ends first.
    pub near: ContractId,
    /// The contract that ends later.
    pub far: ContractId,
    /// Which way.
    pub side: Side,
    /// How many spreads, positive.
    pub quantity: Quantity,
    /// Worst price of `far` less that of `near`, in the major unit and on the tick grid; zero and below are prices too.
    pub limit: Decimal,
    /// Lifetime at the venue.
    pub time_in_force: TimeInForce,
}

impl From<&SendableSpread> for SpreadRequest {
    fn from(spread: &SendableSpread) -> Self {
        let (near, far) = spread.legs();
        SpreadRequest {
            order_ref: spread.order_ref(),
            near,
            far,
            side: spread.side(),
            quantity: spread.quantity(),
            limit: spread.limit(),
            time_in_force: TimeInForce::Day,
        }
    }
}

/// What an order would do to the account's margin, in the base currency; what the broker does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MarginImpact {
    /// Change of the initial margin.
    pub initial: Option<Decimal>,
    /// Change of the maintenance margin.
    pub maintenance: Option<Decimal>,
    /// Initial margin with the order.
    pub initial_after: Option<Decimal>,
    /// Maintenance margin with the order.
    pub maintenance_after: Option<Decimal>,
    /// Equity with loan value with the order.
    pub equity_after: Option<Decimal>,
    /// What the order would cost at most.
    pub commission: Option<Money>,
}

/// What a broker is told, in words: an adapter writes it, and a what-if asks about it. To send it takes a [`Sendable`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum BrokerCommand {
    /// A new order.
    Place(OrderRequest),
    /// A new limit for a working order.
    Replace(OrderRequest),
    /// A new calendar spread.
    PlaceSpread(SpreadRequest),
    /// A new limit for a working calendar spread.
    ReplaceSpread(SpreadRequest),
    /// Cancel a working order.
    Cancel {
        /// Which.
        order_ref: OrderRef,
    },
}

impl From<&Sendable> for BrokerCommand {
    fn from(sendable: &Sendable) -> Self {
        match sendable {
            Sendable::Place(order) => BrokerCommand::Place(order.into()),
            Sendable::Replace(order) => BrokerCommand::Replace(order.into()),
            Sendable::PlaceSpread(spread) => BrokerCommand::PlaceSpread(spread.into()),
            Sendable::ReplaceSpread(spread) => BrokerCommand::ReplaceSpread(spread.into()),
            Sendable::Cancel { order_ref } => BrokerCommand::Cancel { order_ref: *order_ref },
        }
    }
}

/// State of the link between gateway and broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Connectivity lost; order events may still arrive.
    Lost,
    /// Restored, data subscriptions dead.
    RestoredDataLost,
    /// Restored, data kept.
    Restored,
}

/// What the broker tells the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BrokerEvent {
    /// The broker knows the order.
    Acknowledged {
        /// Which.
        order_ref: OrderRef,
        /// The broker's permanent id.
        perm_id: i64,
    },
    /// A status, a hint.
    Status {
        /// Which.
        order_ref: OrderRef,
        /// What the broker says.
        status: OrderStatus,
        /// Executed so far, a hint.
        filled: Quantity,
    },
    /// An execution.
    Execution(Fill),
    /// The charge of an execution.
    Commission {
        /// Which.
        execution: ExecutionId,
        /// How much was paid.
        amount: Money,
    },
    /// A new top of book.
    Quote {
        /// Of what.
        contract: ContractId,
        /// The quote.
        quote: Quote,
    },
    /// A code with text, advisory by itself.
    Notice {
        /// The order it names, when it does.
        order_ref: Option<OrderRef>,
        /// The broker's code.
        code: i32,
        /// The broker's words.
        text: String,
    },
    /// The link changed.
    Connection(Connection),
}

/// What is cheap to ask between windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// The gateway's time.
    pub at: Timestamp,
    /// Net liquidation value in the account's base currency; `None` when no number was told.
    pub net_liquidation: Option<Decimal>,
    /// Net liquidation above the maintenance margin, in the base currency.
    pub excess_liquidity: Option<Decimal>,
    /// The top of book that was asked for.
    pub quote: Option<Quote>,
}

/// Why the broker did not answer, by what happens next.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection or no answer in time: reconnect, then resync.
    #[error("broker lost: {0}")]
    Lost(String),
    /// Connected to the wrong thing: refuse to trade.
    #[error("broker refused: {0}")]
    Refused(String),
    /// An answer that cannot be trusted (partial, contradictory, absurd): resync, then halt.
    #[error("broker answer unusable: {0}")]
    Unusable(String),
}

/// One brokerage account behind a gateway.
#[expect(async_fn_in_trait, reason = "one generic engine drives it; no dyn, no Send bound")]
pub trait Broker {
    /// A successful request proves the gateway is ready; says who it is.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn identify(&mut self) -> Result<Identity, BrokerError>;

    /// The highest number an order of ours may have at the broker; 0 where orders have no numbers. What is placed next is
    /// numbered above it.
    fn order_id_high_water(&self) -> i32 {
        0
    }

    /// A new session after [`BrokerError::Lost`]. Resolved contracts are kept; quotes must be watched
    /// again and a snapshot taken before anything is sent.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn reconnect(&mut self) -> Result<Identity, BrokerError>;

    /// Resolves contracts; demands exactly one answer each and remembers the broker's key. One that has none or several, or
    /// contradicts the instrument table, is not among the results: it can be held, is neither quoted nor traded, and every
    /// snapshot disputes it.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn resolve(&mut self, contracts: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError>;

    /// Which of the resolved contracts the broker's key means.
    fn contract_of(&self, con_id: i64) -> Option<ContractId>;

    /// Orders, executions, positions, marks and cash of one moment: all or nothing.
    ///
    /// # Errors
    /// [`BrokerError`]; a missing end marker is `Unusable`.
    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError>;

    /// A look at the account's worth and at one quote, without the books.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError>;

    /// Daily bars of the last `sessions` sessions that closed before `before`, oldest first; empty when
    /// the broker has no history of the contract.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError>;

    /// What is listed on the underlying of a root of options, an instrument of kind OPT.
    ///
    /// # Errors
    /// [`BrokerError`]; `Unusable` when the broker knows no such underlying.
    async fn option_chain(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError>;

    /// Quotes of options of a root, in the order asked; what the broker does not list is left out. It takes the broker's
    /// market data lines for the time of the question.
    ///
    /// # Errors
    /// [`BrokerError`]; `Unusable` for more than [`OPTION_QUOTES_MAX`](crate::OPTION_QUOTES_MAX).
    async fn option_quotes(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError>;

    /// How many shares of each contract can be borrowed beside those that are. What the broker says nothing about is left
    /// out, and a broker that says nothing at all leaves out everything.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn shortable(&mut self, contracts: &[ContractId]) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        let _ = contracts;
        Ok(Vec::new())
    }

    /// The universe with more contracts at its end: options that were chosen, so that they can be resolved, quoted and
    /// traded like anything else.
    fn extend(&mut self, universe: Arc<Universe>);

    /// Subscribes quotes of these contracts and of no others, until asked again; they arrive as events.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn watch(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError>;

    /// Asks anew for quotes that are watched: they arrive whole, as of now, because a feed tells changes and nothing of a
    /// price that stays as it is.
    ///
    /// # Errors
    /// [`BrokerError`].
    async fn renew(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError>;

    /// Hands what the gate let out, or a cancel, to the gateway. `Ok` means written, nothing more.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] when it certainly was not written.
    async fn send(&mut self, sendable: &Sendable) -> Result<(), BrokerError>;

    /// What a new order or spread would do to the margin; nothing is placed.
    ///
    /// # Errors
    /// [`BrokerError`]; `Unusable` with the broker's words when it would refuse the order.
    async fn what_if(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError>;

    /// Moves every event that has arrived into `events`, in order of arrival, without waiting.
    async fn drain(&mut self, events: &mut Vec<BrokerEvent>);

    /// When this returns, everything the gateway sent before it answered can be drained.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] when the heartbeat is not answered.
    async fn fence(&mut self) -> Result<Timestamp, BrokerError>;
}
