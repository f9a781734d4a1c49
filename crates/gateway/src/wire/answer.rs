//! What the gateway says: message ids and bodies, gateway to client.
//!
//! In: one answer value. Out: its frame. Invariant: the id is a constant of the type, so an answer cannot
//! leave under another's id.

use super::answer_text::TextForm;
use super::nested::{Contract, ContractDetails, Execution, HistoricalDataBar, Order, OrderState, PriceIncrement};
use super::reference::*;
use super::{Codec, ID_BYTES, PROTOBUF, with_length};
use prost::Message;

/// Something the gateway says, as frames of the codec a client speaks.
pub trait Answer {
    /// The complete frame with its length, or several; nothing where the codec has no such message.
    fn frames(&self, codec: Codec) -> Vec<u8>;
}

/// Length, id with its offset, body.
fn protobuf_frame(id: i32, message: &impl Message) -> Vec<u8> {
    let mut body = Vec::with_capacity(ID_BYTES + message.encoded_len());
    body.extend_from_slice(&(id + PROTOBUF).to_be_bytes());
    message.encode(&mut body).expect("a Vec grows as needed");
    with_length(&body)
}

macro_rules! answers {
    (both: $($id:literal => $message:ty),+; protobuf: $($only:literal => $of_protobuf:ty),+ $(,)?) => {
        /// The ids of every message to a client.
        pub const ANSWER_IDS: &[i32] = &[$($id,)+ $($only),+];

        $(impl Answer for $message {
            fn frames(&self, codec: Codec) -> Vec<u8> {
                match codec {
                    Codec::Protobuf(_) => protobuf_frame($id, self),
                    Codec::Text(version) => self.text($id, version).into_frame(),
                }
            }
        })+

        $(impl Answer for $of_protobuf {
            fn frames(&self, codec: Codec) -> Vec<u8> {
                match codec {
                    Codec::Protobuf(_) => protobuf_frame($only, self),
                    Codec::Text(_) => Vec::new(),
                }
            }
        })+
    };
}

answers! {
    both:
    1 => TickPrice,
    2 => TickSize,
    3 => OrderStatus,
    4 => ErrorMessage,
    5 => OpenOrder,
    6 => AccountValue,
    7 => PortfolioValue,
    8 => AccountUpdateTime,
    9 => NextValidId,
    10 => ContractData,
    11 => ExecutionDetails,
    15 => ManagedAccounts,
    19 => ScannerParameters,
    21 => TickOptionComputation,
    45 => TickGeneric,
    46 => TickString,
    49 => CurrentTime,
    50 => RealTimeBar,
    52 => ContractDataEnd,
    53 => OpenOrdersEnd,
    54 => AccountDataEnd,
    55 => ExecutionDetailsEnd,
    57 => TickSnapshotEnd,
    58 => MarketDataType,
    59 => CommissionAndFeesReport,
    61 => Position,
    62 => PositionEnd,
    63 => AccountSummary,
    64 => AccountSummaryEnd,
    73 => AccountUpdateMulti,
    74 => AccountUpdateMultiEnd,
    75 => SecDefOptParameter,
    76 => SecDefOptParameterEnd,
    78 => FamilyCodes,
    79 => SymbolSamples,
    80 => MarketDepthExchanges,
    81 => TickReqParams,
    85 => NewsProviders,
    88 => HeadTimestamp,
    90 => HistoricalDataUpdate,
    93 => MarketRule,
    94 => PnL,
    95 => PnLSingle,
    101 => CompletedOrder,
    102 => CompletedOrdersEnd;
    protobuf:
    17 => HistoricalData,
    108 => HistoricalDataEnd,
    109 => CurrentTimeInMillis,
}

/// Bars with the span they cover: two messages in protobuf, one in text.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub data: HistoricalData,
    pub end: HistoricalDataEnd,
}

impl Answer for Bars {
    fn frames(&self, codec: Codec) -> Vec<u8> {
        match codec {
            Codec::Protobuf(_) => [self.data.frames(codec), self.end.frames(codec)].concat(),
            Codec::Text(_) => super::answer_text::bars(self).into_frame(),
        }
    }
}

/// A price of a quote, in the quote unit, with the size shown there.
#[derive(Clone, PartialEq, Message)]
pub struct TickPrice {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    #[prost(double, optional, tag = "3")]
    pub price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    pub size: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub attr_mask: Option<i32>,
}

/// A size of a quote, in shares or contracts.
#[derive(Clone, PartialEq, Message)]
pub struct TickSize {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub tick_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub size: Option<String>,
}

/// Where an order stands. A hint: executions are the truth.
#[derive(Clone, PartialEq, Message)]
pub struct OrderStatus {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub filled: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub remaining: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub avg_fill_price: Option<f64>,
    #[prost(int64, optional, tag = "6")]
    pub perm_id: Option<i64>,
    #[prost(int32, optional, tag = "7")]
    pub parent_id: Option<i32>,
    #[prost(double, optional, tag = "8")]
    pub last_fill_price: Option<f64>,
    #[prost(int32, optional, tag = "9")]
    pub client_id: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub why_held: Option<String>,
    #[prost(double, optional, tag = "11")]
    pub mkt_cap_price: Option<f64>,
}

/// An error, a warning or a notice; id -1 concerns the connection.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorMessage {
    #[prost(int32, optional, tag = "1")]
    pub id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub error_time: Option<i64>,
    #[prost(int32, optional, tag = "3")]
    pub error_code: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub error_msg: Option<String>,
}

/// A live order, or the answer to a what-if.
#[derive(Clone, PartialEq, Message)]
pub struct OpenOrder {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub order_state: Option<OrderState>,
}

/// One value of the account.
#[derive(Clone, PartialEq, Message)]
pub struct AccountValue {
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub currency: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub account_name: Option<String>,
}

/// One position with its valuation; the price is in the quote unit.
#[derive(Clone, PartialEq, Message)]
pub struct PortfolioValue {
    #[prost(message, optional, tag = "1")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "2")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub market_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub market_value: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub average_cost: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub realized_pnl: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub account_name: Option<String>,
}

/// When account values were computed, `hh:mm`.
#[derive(Clone, PartialEq, Message)]
pub struct AccountUpdateTime {
    #[prost(string, optional, tag = "1")]
    pub time_stamp: Option<String>,
}

/// All account values and positions have been sent once.
#[derive(Clone, PartialEq, Message)]
pub struct AccountDataEnd {
    #[prost(string, optional, tag = "1")]
    pub account_name: Option<String>,
}

/// The first order id this client may use.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct NextValidId {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
}

/// One contract that fits a description.
#[derive(Clone, PartialEq, Message)]
pub struct ContractData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub contract_details: Option<ContractDetails>,
}

/// All contracts that fit have been sent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ContractDataEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

/// One execution; request id -1 when nobody asked.
#[derive(Clone, PartialEq, Message)]
pub struct ExecutionDetails {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub execution: Option<Execution>,
}

/// All executions asked for have been sent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ExecutionDetailsEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

/// What an execution cost.
#[derive(Clone, PartialEq, Message)]
pub struct CommissionAndFeesReport {
    #[prost(string, optional, tag = "1")]
    pub exec_id: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub commission_and_fees: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub currency: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub realized_pnl: Option<f64>,
}

/// The accounts of this login, separated by commas.
#[derive(Clone, PartialEq, Message)]
pub struct ManagedAccounts {
    #[prost(string, optional, tag = "1")]
    pub accounts_list: Option<String>,
}

/// Bars, oldest first.
#[derive(Clone, PartialEq, Message)]
pub struct HistoricalData {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub historical_data_bars: Vec<HistoricalDataBar>,
}

/// The span the bars cover.
#[derive(Clone, PartialEq, Message)]
pub struct HistoricalDataEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub start_date_str: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub end_date_str: Option<String>,
}

/// The bar under way of bars that are kept up to date.
#[derive(Clone, PartialEq, Message)]
pub struct HistoricalDataUpdate {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub historical_data_bar: Option<HistoricalDataBar>,
}

/// Server time, seconds since 1970.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct CurrentTime {
    #[prost(int64, optional, tag = "1")]
    pub current_time: Option<i64>,
}

/// Server time, milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct CurrentTimeInMillis {
    #[prost(int64, optional, tag = "1")]
    pub current_time_in_millis: Option<i64>,
}

/// All live orders have been sent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct OpenOrdersEnd {}

/// A quote snapshot is complete.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct TickSnapshotEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

/// The kind of data that follows for a request.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct MarketDataType {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub market_data_type: Option<i32>,
}

/// One position.
#[derive(Clone, PartialEq, Message)]
pub struct Position {
    #[prost(string, optional, tag = "1")]
    pub account: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub position: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub avg_cost: Option<f64>,
}

/// All positions have been sent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct PositionEnd {}

/// One value of an account summary.
#[derive(Clone, PartialEq, Message)]
pub struct AccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub tag: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub value: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub currency: Option<String>,
}

/// All values of a summary have been sent once.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct AccountSummaryEnd {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

/// Facts of a quote stream.
#[derive(Clone, PartialEq, Message)]
pub struct TickReqParams {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub min_tick: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub bbo_exchange: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub snapshot_permissions: Option<i32>,
}

/// Price increments by price level.
#[derive(Clone, PartialEq, Message)]
pub struct MarketRule {
    #[prost(int32, optional, tag = "1")]
    pub market_rule_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub price_increments: Vec<PriceIncrement>,
}

/// An order that ended. Its quantity is what was left unfilled, as IB reports it.
#[derive(Clone, PartialEq, Message)]
pub struct CompletedOrder {
    #[prost(message, optional, tag = "1")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "2")]
    pub order: Option<Order>,
    #[prost(message, optional, tag = "3")]
    pub order_state: Option<OrderState>,
}

/// All completed orders have been sent.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct CompletedOrdersEnd {}
