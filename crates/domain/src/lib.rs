//! The words of the trade: money, prices, quantities, instruments, orders, the ledger.
//!
//! In: declared units and facts. Out: exact values other crates compute with.
//! Invariant: no decision, no I/O, no clock; an amount never leaves its currency without a rate,
//! and a value that is not finite, positive or in range where it must be cannot be constructed.

pub mod books;
pub mod costs;
pub mod currency;
pub mod event;
mod exact;
pub mod fx;
pub mod grid;
pub mod instrument;
pub mod ledger;
pub mod money;
pub mod option;
pub mod order;
pub mod price;
pub mod rounding;
pub mod sleeve_books;
pub mod statistic;
pub mod universe;
pub mod venue;

pub use books::{Books, Posted, Posting};
pub use costs::Costs;
pub use currency::{Currency, PerCurrency};
pub use event::{Delivery, Fill, LedgerEvent, OptionEnd, Unbookable};
pub use exact::Exact;
pub use fx::{FxError, FxRates};
pub use grid::{Band, Grid};
pub use instrument::{
    AssetClass, Contract, ContractId, FutureRule, Instrument, InstrumentId, InstrumentKind, PerContract, PerInstrument,
    Terms,
};
pub use ledger::{Exposure, Ledger, Position, Unvalued};
pub use money::{BaseMoney, Money, Notional};
pub use option::{OptionKey, OptionRight};
pub use order::{AccountTag, ExecutionId, OrderRef, OrderStatus, OrderType, Side, TimeInForce};
pub use price::{BadNumber, Price, Quantity, QuoteUnit, per_unit_cost};
pub use sleeve_books::{Holding, OrderKey, SleeveBooks, SleeveId, SleeveProfit};
pub use statistic::{BasisPoints, Ratio, Volatility, Weight};
pub use universe::{Stretch, Universe};
pub use venue::Mic;
