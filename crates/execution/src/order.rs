//! One order and the table of everything that can happen to it.
//!
//! In: signals from us and from the broker. Out: the next state. Invariant: the table is total; an
//! execution counts in every state; nothing but the broker's own word ends an order.

use domain::{OrderRef, OrderType, Price, Quantity};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Written to the journal and handed over; no answer yet.
    Sent,
    /// The broker knows it.
    Working,
    /// We asked for its cancellation.
    Cancelling,
    /// Nobody can say: the link or the engine was down. Nothing is re-sent until a resync tells.
    Unknown,
    /// Nothing is left of it.
    Filled,
    /// Ended with a rest.
    Cancelled,
    /// Refused by the broker.
    Rejected,
}

impl OrderState {
    /// True while an execution may still be expected.
    pub fn is_live(self) -> bool {
        matches!(self, OrderState::Sent | OrderState::Working | OrderState::Cancelling | OrderState::Unknown)
    }
}

/// Something that happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSignal {
    /// The broker acknowledged it or reports it working.
    Acknowledged,
    /// Executions now add up to its whole quantity.
    FullyExecuted,
    /// We sent a cancel.
    CancelSent,
    /// The broker says it is cancelled.
    CancelConfirmed,
    /// The broker refused it.
    Refused,
    /// The broker said something about it that nobody understands.
    Doubted,
    /// The answer to something we sent may be lost.
    LinkLost,
    /// A resync found it among the open orders.
    FoundOpen,
    /// A resync found it ended, or nowhere at all: it is not at the broker.
    FoundEnded,
}

/// The table: every state, every signal.
pub fn next(state: OrderState, signal: OrderSignal) -> OrderState {
    use OrderSignal as On;
    use OrderState::{Cancelled, Cancelling, Filled, Rejected, Sent, Unknown, Working};
    match (state, signal) {
        (_, On::FullyExecuted) => Filled, // also after Cancelled: the fill crossed our cancel
        (Filled | Cancelled | Rejected, _) => state,
        (_, On::CancelConfirmed) => Cancelled,
        (Sent, On::Refused) => Rejected,
        (Working, On::Refused) => Unknown, // perhaps only a replace was refused: ask what became of it
        (Cancelling | Unknown, On::Refused) => state,
        (Sent, On::Acknowledged) => Working,
        (Working | Cancelling | Unknown, On::Acknowledged) => state, // an old word from before the cut
        (Sent | Working | Cancelling | Unknown, On::LinkLost | On::Doubted) => Unknown,
        (Sent | Working | Unknown, On::CancelSent) => Cancelling,
        (Cancelling, On::CancelSent) => Cancelling,
        (Sent | Working | Cancelling | Unknown, On::FoundOpen) => Working,
        (Sent | Working | Cancelling | Unknown, On::FoundEnded) => Cancelled,
    }
}

/// One child order of a parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Our identity of it.
    pub order_ref: OrderRef,
    /// Limit in continuous trading, or limit on close.
    pub order_type: OrderType,
    /// Where it is.
    pub state: OrderState,
    /// Ordered.
    pub quantity: Quantity,
    /// Executed.
    pub filled: Quantity,
    /// Current limit; of a leg of a spread the worst its collar allows.
    pub limit: Price,
    /// Current limit of the calendar spread it is a leg of, in price of the later contract less that of the earlier one;
    /// `None` for an order of its own.
    pub spread: Option<Decimal>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it is looked at again: its price while it works, the broker's silence while it is cancelled.
    pub look_at: Timestamp,
    /// Replaces so far.
    pub replaces: u32,
    /// The broker refused it or a change of it.
    pub refused: bool,
    /// When the broker first listed it nowhere.
    pub missing_since: Option<Timestamp>,
}

impl Order {
    /// Handed over and not answered yet.
    pub fn sent(
        order_ref: OrderRef,
        (order_type, quantity, limit): (OrderType, Quantity, Price),
        at: Timestamp,
        look_at: Timestamp,
    ) -> Order {
        Order {
            order_ref,
            order_type,
            state: OrderState::Sent,
            quantity,
            filled: Quantity::ZERO,
            limit,
            spread: None,
            sent_at: at,
            look_at,
            replaces: 0,
            refused: false,
            missing_since: None,
        }
    }

    /// Applies a signal. An order that was refused or doubted and has ended is a rejected one: nothing is sent in its place.
    pub fn signal(&mut self, signal: OrderSignal) {
        self.refused |= matches!(signal, OrderSignal::Refused | OrderSignal::Doubted);
        let ended_refused = signal == OrderSignal::FoundEnded && self.refused && self.state.is_live();
        self.state = if ended_refused { OrderState::Rejected } else { next(self.state, signal) };
    }

    /// Counts an execution; the caller has seen to it that it arrives once.
    pub fn execute(&mut self, quantity: Quantity) {
        self.filled += quantity;
        if self.filled >= self.quantity {
            self.signal(OrderSignal::FullyExecuted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [OrderState; 7] = [
        OrderState::Sent,
        OrderState::Working,
        OrderState::Cancelling,
        OrderState::Unknown,
        OrderState::Filled,
        OrderState::Cancelled,
        OrderState::Rejected,
    ];
    const SIGNALS: [OrderSignal; 9] = [
        OrderSignal::Acknowledged,
        OrderSignal::FullyExecuted,
        OrderSignal::CancelSent,
        OrderSignal::CancelConfirmed,
        OrderSignal::Refused,
        OrderSignal::Doubted,
        OrderSignal::LinkLost,
        OrderSignal::FoundOpen,
        OrderSignal::FoundEnded,
    ];

    #[test]
    fn the_table_as_a_person_reads_it() {
        let mut table = format!("{:<12}", "");
        SIGNALS.iter().for_each(|s| table += &format!("{:<16}", format!("{s:?}")));
        for state in STATES {
            table += &format!("\n{:<12}", format!("{state:?}"));
            SIGNALS.iter().for_each(|&s| table += &format!("{:<16}", format!("{:?}", next(state, s))));
        }
        let table = table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(table, @r"
                    Acknowledged    FullyExecuted   CancelSent      CancelConfirmed Refused         Doubted         LinkLost        FoundOpen       FoundEnded
        Sent        Working         Filled          Cancelling      Cancelled       Rejected        Unknown         Unknown         Working         Cancelled
        Working     Working         Filled          Cancelling      Cancelled       Unknown         Unknown         Unknown         Working         Cancelled
        Cancelling  Cancelling      Filled          Cancelling      Cancelled       Cancelling      Unknown         Unknown         Working         Cancelled
        Unknown     Unknown         Filled          Cancelling      Cancelled       Unknown         Unknown         Unknown         Working         Cancelled
        Filled      Filled          Filled          Filled          Filled          Filled          Filled          Filled          Filled          Filled
        Cancelled   Cancelled       Filled          Cancelled       Cancelled       Cancelled       Cancelled       Cancelled       Cancelled       Cancelled
        Rejected    Rejected        Filled          Rejected        Rejected        Rejected        Rejected        Rejected        Rejected        Rejected
        ");
    }
}
