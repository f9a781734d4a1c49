//! What the core asks of the world, in the core's words.
//!
//! In: the words of `domain` and `market`. Out: traits that adapters implement and the values that
//! cross them. Invariant: no adapter's type appears here, and no trait decides anything.

pub mod broker;
pub mod clock;
pub mod code;
pub mod faults;
pub mod option;
pub mod record;
pub mod statement;

pub use broker::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, BrokerOrder, BrokerPosition, CashRow, Connection,
    ContractDetails, Dispute, Execution, ForeignPosition, Glance, Identity, MarginImpact, OrderRequest, SpreadRequest,
};
pub use clock::Clock;
pub use faults::{Faults, Moment, Place, Point};
pub use option::{OPTION_QUOTES_MAX, OptionChain, OptionClass, OptionModel, OptionQuote};
pub use record::{Journal, JournalError, Message, Record, StoredRecord};
pub use statement::{Activity, OptionEnd, StatementError, StatementLine, Statements};
