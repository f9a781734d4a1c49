//! What a client asks: message ids and bodies, client to gateway.
//!
//! In: a frame body. Out: one [`Request`]. Invariant: a body that does not decode is an error for that
//! frame only, and an id this gateway does not serve is named, never guessed at.

use super::line::{BadField, Fields};
use super::nested::{Contract, ExecutionFilter, Order};
use super::reference::*;
use super::request_text::FromText;
use super::{Codec, ID_BYTES, PROTOBUF};
use prost::Message;

macro_rules! requests {
    ($($(#[$doc:meta])* $id:literal => $variant:ident($body:ty)),+ $(,)?) => {
        /// One decoded request.
        #[expect(clippy::large_enum_variant, reason = "one lives at a time, and only until it is answered")]
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $variant($body),)+
            /// A request this gateway knows of and does not serve, with the request id it may carry.
            Unserved(i32, RequestKey),
            /// An id that is none of ours.
            Unknown(i32),
        }

        /// The ids of every request that is served.
        pub const REQUEST_IDS: &[i32] = &[$($id),+];

        fn decode_protobuf(frame: &[u8]) -> Result<Request, BadRequest> {
            let (id, body) = frame.split_first_chunk::<ID_BYTES>().ok_or(BadRequest::TooShort(frame.len()))?;
            let id = i32::from_be_bytes(*id).checked_sub(PROTOBUF).filter(|id| IDS.contains(id)).ok_or(BadRequest::NotProtobuf)?;
            let undecodable = |error| BadRequest::Undecodable { id, error };
            Ok(match id {
                $($id => Request::$variant(<$body>::decode(body).map_err(undecodable)?),)+
                id if UNSERVED.contains(&id) => Request::Unserved(id, RequestKey::decode(body).map_err(undecodable)?),
                id => Request::Unknown(id),
            })
        }

        fn decode_text(frame: &[u8]) -> Result<Request, BadRequest> {
            let mut fields = Fields::new(frame).map_err(|error| BadRequest::Unreadable { id: 0, error })?;
            let id = fields.integer().ok().flatten().filter(|id| IDS.contains(id)).ok_or(BadRequest::NotText)?;
            let unreadable = |error| BadRequest::Unreadable { id, error };
            Ok(match id {
                $($id => Request::$variant(read(id, &mut fields).map_err(unreadable)?),)+
                id if UNSERVED.contains(&id) => Request::Unserved(id, read(id, &mut fields).map_err(unreadable)?),
                id => Request::Unknown(id),
            })
        }
    };
}

impl Request {
    /// Reads a frame body.
    ///
    /// # Errors
    /// [`BadRequest`] for a body that is too short, of the other codec, or not of its type.
    pub fn decode(codec: Codec, frame: &[u8]) -> Result<Request, BadRequest> {
        match codec {
            Codec::Protobuf(_) => decode_protobuf(frame),
            Codec::Text(_) => decode_text(frame),
        }
    }
}

fn read<Body: FromText>(id: i32, fields: &mut Fields<'_>) -> Result<Body, BadField> {
    Body::from_text(id, fields)
}

requests! {
    /// Streaming or snapshot quotes.
    1 => MarketData(MarketDataRequest),
    /// Ends a quote stream.
    2 => CancelMarketData(RequestKey),
    /// A new order, or new terms for a live one.
    3 => PlaceOrder(PlaceOrderRequest),
    /// Cancels an order of this client.
    4 => CancelOrder(CancelOrderRequest),
    /// Live orders of this client.
    5 => OpenOrders(Empty),
    /// Starts or stops account updates.
    6 => AccountData(AccountDataRequest),
    /// Executions, filtered.
    7 => Executions(ExecutionRequest),
    /// The next order id.
    8 => Ids(Empty),
    /// Details of every contract that fits a description.
    9 => ContractData(ContractDataRequest),
    /// How much the gateway should log; nothing to answer.
    14 => LogLevel(Empty),
    /// Live orders, with binding of manual orders; there are none here.
    15 => AutoOpenOrders(Empty),
    /// Live orders of every client.
    16 => AllOpenOrders(Empty),
    /// The accounts of this login.
    17 => ManagedAccounts(Empty),
    /// Groups and aliases of an advisor, which this login is not.
    18 => AdvisorData(Empty),
    /// Bars.
    20 => HistoricalData(HistoricalDataRequest),
    /// What a market scanner can be asked.
    24 => ScannerParameters(Empty),
    /// Ends a bar request; bars are answered at once, so there is nothing to end.
    25 => CancelHistoricalData(RequestKey),
    /// Server time, seconds.
    49 => CurrentTime(Empty),
    /// Bars of five seconds, as they end.
    50 => RealTimeBars(RealTimeBarsRequest),
    /// Ends bars of five seconds.
    51 => CancelRealTimeBars(RequestKey),
    /// Cancels every live order of every client.
    58 => GlobalCancel(Empty),
    /// Live, frozen or delayed quotes.
    59 => MarketDataType(MarketDataTypeRequest),
    /// Positions, and their changes from then on.
    61 => Positions(Empty),
    /// Ends position changes.
    64 => CancelPositions(Empty),
    /// Account values by tag, and their changes from then on.
    62 => AccountSummary(AccountSummaryRequest),
    /// Ends an account summary.
    63 => CancelAccountSummary(RequestKey),
    /// First message after the handshake: who connects.
    71 => StartApi(StartApiRequest),
    /// Account values of a model, and their changes from then on.
    76 => AccountUpdatesMulti(AccountUpdatesMultiRequest),
    /// Ends account values of a model.
    77 => CancelAccountUpdatesMulti(RequestKey),
    /// The option chains of an underlying.
    78 => SecDefOptParams(SecDefOptParamsRequest),
    /// The families of accounts of this login.
    80 => FamilyCodes(Empty),
    /// Contracts whose symbol or name begins so.
    81 => MatchingSymbols(MatchingSymbolsRequest),
    /// Exchanges whose depth can be shown.
    82 => MarketDepthExchanges(Empty),
    /// Who sends news.
    85 => NewsProviders(Empty),
    /// How far back bars go.
    87 => HeadTimestamp(HeadTimestampRequest),
    /// Ends a head timestamp; it is answered at once, so there is nothing to end.
    90 => CancelHeadTimestamp(RequestKey),
    /// Price increments by number.
    91 => MarketRule(MarketRuleRequest),
    /// Profit and loss of the account.
    92 => PnL(PnLRequest),
    /// Ends the profit and loss of the account.
    93 => CancelPnL(RequestKey),
    /// Profit and loss of one contract.
    94 => PnLSingle(PnLSingleRequest),
    /// Ends the profit and loss of one contract.
    95 => CancelPnLSingle(RequestKey),
    /// Orders that ended.
    99 => CompletedOrders(CompletedOrdersRequest),
    /// Server time, milliseconds; the fence of lockstep runs.
    105 => CurrentTimeInMillis(Empty),
    /// Ends a contract request; contracts are answered at once, so there is nothing to end.
    106 => CancelContractData(RequestKey),
}

/// Requests with a request id first that wait for an answer: a client deserves a refusal, not silence.
/// Depth, exercise of options, scanner, fundamentals, calculations of options, display groups, positions by model, soft
/// dollars, components of the smart route, news, histogram, ticks, events of companies, the user, settings of the
/// gateway.
const UNSERVED: [i32; 21] = [10, 21, 22, 52, 54, 55, 67, 68, 74, 79, 83, 84, 86, 88, 96, 97, 100, 102, 104, 108, 109];

/// Ids are counted up from 1, far from this end; a body of the text codec reads as an id beyond it.
const IDS: std::ops::Range<i32> = 1..1000;

/// Why one frame cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BadRequest {
    /// No room for a message id.
    #[error("a frame of {0} bytes holds no message id")]
    TooShort(usize),
    /// The id is one of the text codec, or garbage.
    #[error("the message id is not a protobuf one, although a protobuf protocol version was announced")]
    NotProtobuf,
    /// The body is not the message its id says.
    #[error("message {id} cannot be decoded: {error}")]
    Undecodable {
        /// Message id without the protobuf offset.
        id: i32,
        /// What the decoder says.
        error: prost::DecodeError,
    },
    /// The id is a protobuf one, or garbage.
    #[error("the frame does not begin with the number of a message, although a text protocol version was announced")]
    NotText,
    /// A field is not what its place says.
    #[error("message {id} cannot be read: {error}")]
    Unreadable {
        /// Message id.
        id: i32,
        /// Which field, and why.
        error: BadField,
    },
}

/// A request without fields, or whose fields change nothing here.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Empty {}

/// A request id alone.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct RequestKey {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct StartApiRequest {
    #[prost(int32, optional, tag = "1")]
    pub client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub optional_capabilities: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct MarketDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub generic_tick_list: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub snapshot: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub regulatory_snapshot: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct MarketDataTypeRequest {
    #[prost(int32, optional, tag = "1")]
    pub market_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PlaceOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub order: Option<Order>,
    /// In protobuf alone.
    #[prost(message, optional, tag = "4")]
    pub attached_orders: Option<AttachedOrders>,
}

/// Stop loss and profit taker that follow an order, by their numbers.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct AttachedOrders {
    #[prost(int32, optional, tag = "1")]
    pub sl_order_id: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub pt_order_id: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct CancelOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub order_id: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AccountDataRequest {
    #[prost(bool, optional, tag = "1")]
    pub subscribe: Option<bool>,
    #[prost(string, optional, tag = "2")]
    pub acct_code: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AccountSummaryRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub group: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub tags: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ContractDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct MarketRuleRequest {
    #[prost(int32, optional, tag = "1")]
    pub market_rule_id: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HistoricalDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub end_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub bar_size_setting: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub duration: Option<String>,
    #[prost(bool, optional, tag = "6")]
    pub use_rth: Option<bool>,
    #[prost(string, optional, tag = "7")]
    pub what_to_show: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub format_date: Option<i32>,
    #[prost(bool, optional, tag = "9")]
    pub keep_up_to_date: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutionRequest {
    #[prost(int32, optional, tag = "1")]
    pub req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub filter: Option<ExecutionFilter>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct CompletedOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub api_only: Option<bool>,
}
