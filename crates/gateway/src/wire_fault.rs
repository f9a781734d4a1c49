//! What can go wrong between a gateway and its clients, one line of JSON each.
//!
//! In: counts, codes, texts. Out: how the next connections, orders, cancels and data requests are met, and how what
//! happens is told. Invariant: an execution a client is not told of, or told of twice, happened once in the books.

use crate::desk::SessionKey;
use domain::{ContractId, Quantity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sim::SimEvent;
use std::collections::{BTreeSet, VecDeque};

/// Something that goes wrong on the wire. `count` is how often; texts are the broker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum WireFault {
    /// A message of a code to every client, about its last order or about nothing.
    Notice {
        code: i32,
        #[serde(default)]
        text: String,
        #[serde(default)]
        about_last_order: bool,
    },
    /// Gateway and broker lose each other (1100): quotes stop, executions are still told.
    LinkLost {},
    /// They find each other: 1102, or 1101 when every data subscription is gone.
    LinkRestored {
        #[serde(default)]
        data_lost: bool,
    },
    /// Connections that are open are never answered again; what they ask is carried out, or it is not. So many new ones are
    /// accepted and not answered either.
    Freeze {
        #[serde(default)]
        carried_out: bool,
        #[serde(default)]
        connections: u32,
    },
    /// Every connection is cut and so many new ones after it.
    Restart {
        #[serde(default = "one")]
        count: u32,
    },
    /// The next connections find their client id in use (326).
    ClientIdInUse {
        #[serde(default = "one")]
        count: u32,
    },
    /// The next connections are started and get no order id.
    NoNextId {
        #[serde(default = "one")]
        count: u32,
    },
    /// From now on the next order id is told as 1.
    RollBackIds {},
    /// More than fifty messages a second, it says (100), and cuts every connection.
    TooFast {},
    /// The next new orders are refused with a code, and with the status Inactive if it says so.
    RejectNext {
        code: i32,
        text: String,
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        inactive: bool,
    },
    /// The next new orders get a message of a code and live.
    WarnNext {
        code: i32,
        #[serde(default)]
        text: String,
        #[serde(default = "one")]
        count: u32,
    },
    /// Nothing is said of the next new orders; they work, or they never arrived.
    IgnoreNext {
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        working: bool,
    },
    /// The next cancel crosses an execution.
    RaceCancel {
        race: Race,
        #[serde(default)]
        quantity: Option<Decimal>,
    },
    /// How order events are told until healed.
    Tell { how: Telling },
    /// Data requests are answered with a code: alone, or before the data.
    Data {
        code: i32,
        #[serde(default)]
        text: String,
        #[serde(default)]
        goes_on: bool,
    },
    /// Quotes are fifteen minutes old, it says.
    Delayed {},
    /// Quotes have no bid and no ask.
    NoSides {},
    /// Quotes are the last close and nothing else.
    StaleClose {},
    /// The next question for bars is answered with a code: alone, or before the bars.
    History {
        code: i32,
        text: String,
        #[serde(default)]
        goes_on: bool,
    },
    /// A description of one contract fits two.
    Ambiguous { contract: String },
    /// A description of one contract fits none.
    Unlisted { contract: String },
}

fn one() -> u32 {
    1
}

/// What happens around a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Race {
    /// Executed before the cancel arrives; what is left is cancelled.
    FilledBefore,
    /// Cancelled, and then an execution that had happened is told.
    FilledAfter,
    /// Pending, and then filled completely.
    PendingThenFilled,
    /// Cancelled before the broker acknowledged the order.
    ApiCancelled,
    /// Nothing is said and nothing is cancelled.
    Ignored,
}

/// A way of telling order events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// Executions come before the order they belong to is acknowledged.
    ExecutionsFirst,
    /// Charges come before their executions.
    CommissionsFirst,
    /// Charges come when all is healed.
    CommissionsLate,
    /// Charges come in two: a part, and then the whole.
    CommissionsSplit,
    /// Status messages come twice.
    StatusTwice,
    /// No status messages.
    NoStatus,
    /// Executions come twice.
    ExecutionsTwice,
    /// A changed order gets another permanent id.
    SecondPermId,
}

/// What happens to a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextOrder {
    Reject { code: i32, text: String, inactive: bool },
    Warn { code: i32, text: String },
    Ignore { working: bool },
}

/// What quotes are shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownQuotes {
    Delayed,
    NoSides,
    StaleClose,
}

/// An answer with a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodedAnswer {
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) goes_on: bool,
}

/// Everything that goes wrong on the wire now and next.
#[derive(Debug, Default)]
pub(crate) struct WireFaults {
    /// Connections that are never answered again, and whether what they ask is carried out.
    pub(crate) frozen: BTreeSet<SessionKey>,
    pub(crate) frozen_carries_out: bool,
    pub(crate) refused_connections: u32,
    pub(crate) mute_connections: u32,
    pub(crate) ids_in_use: u32,
    pub(crate) without_next_id: u32,
    pub(crate) ids_rolled_back: bool,
    pub(crate) link_lost: bool,
    pub(crate) next_orders: VecDeque<NextOrder>,
    pub(crate) next_cancels: VecDeque<(Race, Option<Quantity>)>,
    /// Orders nobody hears of, by client and number.
    pub(crate) unheard: BTreeSet<(i32, i32)>,
    /// Orders whose cancellation is told as one before they were acknowledged, and those with a second permanent id.
    pub(crate) api_cancelled: BTreeSet<(i32, i32)>,
    pub(crate) changed: BTreeSet<(i32, i32)>,
    pub(crate) telling: BTreeSet<Telling>,
    /// Charges that are told when all is healed.
    pub(crate) withheld: Vec<SimEvent>,
    pub(crate) quotes: Option<ShownQuotes>,
    pub(crate) data: Option<CodedAnswer>,
    pub(crate) history: Option<CodedAnswer>,
    pub(crate) ambiguous: Option<ContractId>,
    pub(crate) unlisted: Option<ContractId>,
}

impl WireFaults {
    /// Takes one of a counted fault.
    pub(crate) fn take(count: &mut u32) -> bool {
        let some = *count > 0;
        *count = count.saturating_sub(1);
        some
    }

    pub(crate) fn tells(&self, how: Telling) -> bool {
        self.telling.contains(&how)
    }
}
