//! What the simulated broker shows of orders, executions and the account.
//!
//! In: the state of exchange and account. Out: plain values in the words a broker uses. Invariant: a view is a copy of
//! one instant; holding one never changes the world.

use crate::SimOrder;
use domain::{ContractId, Currency, ExecutionId, Money, OrderStatus, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// An order with what has become of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderView {
    /// The client that placed it.
    pub client: i32,
    /// The broker's number, unique in the account for ever.
    pub perm_id: i64,
    /// As last placed or modified.
    pub order: SimOrder,
    /// Where it stands.
    pub status: OrderStatus,
    /// Executed so far.
    pub filled: Quantity,
    /// Mean price of what is executed, in the major unit; zero before the first execution.
    pub average_price: Decimal,
    /// Price of the last execution; of a spread the difference of its legs.
    pub last_fill_price: Option<Decimal>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it ended; `None` while it is open.
    pub ended_at: Option<Timestamp>,
    /// Why it ended without being filled; empty otherwise.
    pub reason: String,
}

/// Whose order something was executed of, in the broker's numbers.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) client: i32,
    pub(crate) order_id: i32,
    pub(crate) perm_id: i64,
    pub(crate) order_ref: String,
}

impl OrderView {
    pub(crate) fn owner(&self) -> Owner {
        let SimOrder { order_id, order_ref, .. } = &self.order;
        Owner { client: self.client, order_id: *order_id, perm_id: self.perm_id, order_ref: order_ref.clone() }
    }

    /// Ordered and not executed; of a cancelled order, what was given up.
    pub fn remaining(&self) -> Quantity {
        self.order.quantity - self.filled
    }

    /// Whether it can still be executed.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

/// Whether an execution took prices from the book or stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liquidity {
    /// It waited in the book.
    Added,
    /// It crossed the spread.
    Removed,
    /// It took part in the closing auction.
    Auction,
}

/// One execution.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionView {
    /// The broker's identity of it, such as `0000e0d5.00000001.01.01`.
    pub id: ExecutionId,
    /// The client that owns the order.
    pub client: i32,
    /// The client's number of the order.
    pub order_id: i32,
    /// The broker's number of the order.
    pub perm_id: i64,
    /// The client's own text on the order.
    pub order_ref: String,
    /// What was traded.
    pub contract: ContractId,
    /// Which way.
    pub side: Side,
    /// How much, positive.
    pub quantity: Quantity,
    /// At which price, in the major unit.
    pub price: Price,
    /// When.
    pub at: Timestamp,
    /// Executed of the order so far, this execution included.
    pub cumulative: Quantity,
    /// Mean price of the order so far, this execution included.
    pub average_price: Decimal,
    /// How it met the book.
    pub liquidity: Liquidity,
    /// What it cost.
    pub commission: Money,
    /// Profit or loss it realised after commissions, in the contract's currency; zero when it only opened.
    pub realized: Decimal,
    /// The execution of a spread that this one is the first leg of.
    pub spread: Option<SpreadFill>,
    /// The broker closed the position for want of margin.
    pub is_liquidation: bool,
}

/// One execution of a spread as a whole; what it did to the account is in the executions of its legs.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadFill {
    /// The broker's identity of it.
    pub id: ExecutionId,
    /// The leg on the other side.
    pub against: ContractId,
    /// The first leg's price less the other's, in the major unit.
    pub price: Decimal,
    /// Mean price of the order so far.
    pub average_price: Decimal,
}

/// Cash and what is held in one currency.
#[derive(Clone, Debug, PartialEq)]
pub struct CashRow {
    /// The currency.
    pub currency: Currency,
    /// Cash; profit of futures since their last settlement and what was swept to them is not in it.
    pub cash: Decimal,
    /// Profit of futures since their last settlement, and cash swept to the commodity segment.
    pub futures_pnl: Decimal,
    /// Market value of everything held that is neither future nor option.
    pub stock_market_value: Decimal,
    /// Market value of options.
    pub option_market_value: Decimal,
    /// Interest and borrow fees owed to us and not yet paid; negative when owed by us.
    pub accrued_interest: Decimal,
    /// Dividends after tax owed to us and not yet paid; negative on short positions.
    pub accrued_dividends: Decimal,
    /// Units of base currency for one unit, six digits after the point; 1 for the base itself.
    pub exchange_rate: Decimal,
}

impl CashRow {
    /// A row with nothing in it.
    pub fn empty(currency: Currency, exchange_rate: Decimal) -> CashRow {
        CashRow {
            currency,
            cash: Decimal::ZERO,
            futures_pnl: Decimal::ZERO,
            stock_market_value: Decimal::ZERO,
            option_market_value: Decimal::ZERO,
            accrued_interest: Decimal::ZERO,
            accrued_dividends: Decimal::ZERO,
            exchange_rate,
        }
    }

    /// Everything of the row, in its currency.
    pub fn total(&self) -> Decimal {
        self.cash
            + self.futures_pnl
            + self.stock_market_value
            + self.option_market_value
            + self.accrued_interest
            + self.accrued_dividends
    }
}

/// One position at its mark.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionView {
    /// What is held.
    pub contract: ContractId,
    /// Signed quantity, never zero.
    pub quantity: Quantity,
    /// Middle of a two-sided quote, else the last price of the venue, in the major unit.
    pub mark: Price,
    /// Cost of one share, or of one contract at its multiplier, commissions included, as the broker shows it.
    pub average_cost: Decimal,
    /// Quantity × mark × multiplier.
    pub market_value: Decimal,
    /// Market value minus cost.
    pub unrealized: Decimal,
    /// Profit of what was closed, after commissions.
    pub realized: Decimal,
}

/// The account at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// Account number.
    pub id: String,
    /// Base currency.
    pub base: Currency,
    /// One row per currency in use, the base always among them.
    pub cash: Vec<CashRow>,
    /// What is held, in contract order.
    pub positions: Vec<PositionView>,
    /// Σ exchange rate × total of the row, rounded to cents.
    pub net_liquidation: Decimal,
}
