//! Everything that has arrived, as the engine's events.
//!
//! In: the order stream, the notice stream, the market data streams, in this order. Out: broker events. Invariant:
//! nothing waits, fills come from live executions only, and whatever cannot be understood or was dropped becomes
//! a lost and restored link, because only a resync can tell what it was.

use crate::codes::{client, link};
use crate::{IbkrBroker, orders, snapshot};
use domain::{ContractId, ExecutionId, Money, OrderRef, Quantity};
use futures::{FutureExt, StreamExt};
use ibapi::orders::{CommissionReport, ExecutionData, OrderData, OrderStatus, OrderStatusKind, OrderUpdate};
use ibapi::subscriptions::SubscriptionItem;
use ibapi::{Error, Notice};
use ports::code::{Severity, severity};
use ports::{BrokerError, BrokerEvent, Connection, Execution};
use std::collections::BTreeMap;

/// Ids from here on belong to requests, below to orders.
const FIRST_REQUEST_ID: i32 = 1_500_000_000;

/// Which executions have been handed over, and the charge of each that was told last.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    /// Executed in this session.
    live: BTreeMap<ExecutionId, Option<Money>>,
    /// Executed earlier, charged in a snapshot or late.
    earlier: BTreeMap<ExecutionId, Option<Money>>,
}

impl Charges {
    fn executed(&mut self, execution: ExecutionId) {
        self.live.entry(execution).or_insert(None);
    }

    /// Notes the charges a snapshot has reported.
    pub(crate) fn snapshot(&mut self, executions: &[Execution]) {
        let charged = executions.iter().filter(|execution| execution.commission.is_some());
        self.earlier.extend(charged.map(|execution| (execution.fill.execution.clone(), execution.commission)));
    }

    /// True when the charge is news: the first, or another amount than the last, as when a charge comes in parts. The
    /// answer to a snapshot repeats old charges on the order stream.
    fn charged(&mut self, execution: &ExecutionId, amount: Money) -> bool {
        let told = match self.live.get_mut(execution) {
            Some(told) => told,
            None => self.earlier.entry(execution.clone()).or_insert(None),
        };
        told.replace(amount) != Some(amount)
    }
}

impl IbkrBroker {
    /// Moves what has arrived into `events` without waiting.
    pub(crate) async fn drain_all(&mut self, events: &mut Vec<BrokerEvent>) {
        self.drain_updates(events).await;
        self.drain_notices(events);
        self.drain_quotes(events);
        if self.lost.is_some() && !self.lost_announced {
            self.lost_announced = true;
            events.push(BrokerEvent::Connection(Connection::Lost));
        }
    }

    async fn drain_updates(&mut self, events: &mut Vec<BrokerEvent>) {
        while let Some(updates) = &mut self.session.updates {
            let outcome = match updates.next().now_or_never() {
                None => return,
                Some(Some(Ok(SubscriptionItem::Data(update)))) => self.order_update(update, events),
                Some(Some(Ok(SubscriptionItem::Notice(notice)))) => {
                    self.order_notice(notice, events);
                    Ok(())
                }
                Some(Some(Err(error))) if ends_session(&error) => return self.lose(&format!("order stream: {error}")),
                Some(None) => return self.lose("order stream: closed"),
                // The library ends the stream at a frame it cannot read.
                Some(Some(Err(error))) => return self.reopen_updates(&error, events).await,
            };
            if let Err(error) = outcome {
                gap(&format!("order stream: {error}"), Connection::Restored, events);
            }
        }
    }

    async fn reopen_updates(&mut self, error: &Error, events: &mut Vec<BrokerEvent>) {
        self.session.updates = None;
        match self.session.client.order_update_stream().await {
            Ok(updates) => {
                self.session.updates = Some(updates);
                gap(&format!("order stream: {error}"), Connection::Restored, events);
            }
            Err(again) => self.lose(&format!("order stream: {error}, then {again}")),
        }
    }

    fn order_update(&mut self, update: OrderUpdate, events: &mut Vec<BrokerEvent>) -> Result<(), BrokerError> {
        match update {
            OrderUpdate::OpenOrder(data) => self.open_order(&data, events),
            OrderUpdate::OrderStatus(status) => self.order_status(&status, events),
            OrderUpdate::ExecutionData(data) => self.execution(&data, events),
            OrderUpdate::CommissionReport(report) => self.commission(&report, events),
            OrderUpdate::OrderBound(_) => Ok(()),
        }
    }

    fn open_order(&mut self, data: &OrderData, events: &mut Vec<BrokerEvent>) -> Result<(), BrokerError> {
        let Some(order_ref) = self.orders.learn(data, self.config.client_id) else { return Ok(()) };
        self.acknowledge(order_ref, data.order.perm_id, events);
        // It carries no filled quantity; the status message that follows does.
        let filled = match data.order_state.status {
            OrderStatusKind::Filled => quantity(order_ref, data.order.total_quantity)?,
            _ => self.orders.get(order_ref).and_then(|known| known.told).map_or(Quantity::ZERO, |(_, filled)| filled),
        };
        self.tell(order_ref, &data.order_state.status, filled, events)
    }

    fn order_status(&mut self, status: &OrderStatus, events: &mut Vec<BrokerEvent>) -> Result<(), BrokerError> {
        let Some(order_ref) = self.orders.by_order_id(status.order_id) else { return Ok(()) };
        self.acknowledge(order_ref, status.perm_id, events);
        self.tell(order_ref, &status.status, quantity(order_ref, status.filled)?, events)
    }

    fn acknowledge(&mut self, order_ref: OrderRef, perm_id: i64, events: &mut Vec<BrokerEvent>) {
        if self.orders.acknowledge(order_ref, perm_id) {
            events.push(BrokerEvent::Acknowledged { order_ref, perm_id });
        }
    }

    fn tell(
        &mut self,
        order_ref: OrderRef,
        word: &OrderStatusKind,
        filled: Quantity,
        events: &mut Vec<BrokerEvent>,
    ) -> Result<(), BrokerError> {
        let status = orders::status(word)
            .ok_or_else(|| BrokerError::Unusable(format!("status of {order_ref}: unknown word `{word}`")))?;
        if self.orders.tell(order_ref, status, filled) {
            events.push(BrokerEvent::Status { order_ref, status, filled });
        }
        Ok(())
    }

    fn execution(&mut self, data: &ExecutionData, events: &mut Vec<BrokerEvent>) -> Result<(), BrokerError> {
        // The answer to a snapshot is copied to the order stream; the snapshot has it.
        if data.request_id >= FIRST_REQUEST_ID {
            return Ok(());
        }
        if let Some(mut fill) = self.reader().fill(data)? {
            fill.order = fill.order.or_else(|| self.orders.by_order_id(data.execution.order_id));
            self.charges.executed(fill.execution.clone());
            events.push(BrokerEvent::Execution(fill));
        }
        Ok(())
    }

    fn commission(&mut self, report: &CommissionReport, events: &mut Vec<BrokerEvent>) -> Result<(), BrokerError> {
        let execution = ExecutionId(report.execution_id.as_str().into());
        if let Some(amount) = snapshot::commission(report)?
            && self.charges.charged(&execution, amount)
        {
            events.push(BrokerEvent::Commission { execution, amount });
        }
        Ok(())
    }

    fn order_notice(&mut self, notice: Notice, events: &mut Vec<BrokerEvent>) {
        if notice.code == client::SUBSCRIPTION_LAG {
            return gap(&notice.message, Connection::Restored, events);
        }
        let order_ref = notice.request_id.and_then(|order_id| self.orders.by_order_id(order_id));
        log(&notice, order_ref);
        events.push(BrokerEvent::Notice { order_ref, code: notice.code, text: notice.message });
    }

    fn drain_notices(&mut self, events: &mut Vec<BrokerEvent>) {
        while let Some(next) = self.session.notices.next().now_or_never() {
            let Some(notice) = next else { return self.lose("notice stream: closed") };
            log(&notice, None);
            match notice.code {
                link::LOST => events.push(BrokerEvent::Connection(Connection::Lost)),
                // The gateway listens anew and drops this connection: only a new session will do.
                link::PORT_RESET => return self.lose(&format!("the gateway's port was reset: {}", notice.message)),
                link::RESTORED => events.push(BrokerEvent::Connection(Connection::Restored)),
                link::RESTORED_DATA_LOST => {
                    self.end_feeds();
                    events.push(BrokerEvent::Connection(Connection::RestoredDataLost));
                }
                // One of the dropped notices may have said that the subscriptions are gone.
                client::NOTICE_LAG => {
                    self.end_feeds();
                    gap(&notice.message, Connection::RestoredDataLost, events);
                }
                code => events.push(BrokerEvent::Notice { order_ref: None, code, text: notice.message }),
            }
        }
    }

    fn end_feeds(&mut self) {
        self.feeds.values_mut().for_each(|feed| feed.ended = true);
    }

    fn drain_quotes(&mut self, events: &mut Vec<BrokerEvent>) {
        let at = self.gateway_now();
        for (&contract, feed) in self.feeds.iter_mut().filter(|(_, feed)| !feed.ended) {
            let name = &self.universe.contract(contract).name;
            let mut touched = false;
            while let Some(next) = feed.ticks.next().now_or_never() {
                match next {
                    Some(Ok(SubscriptionItem::Data(tick))) => touched |= feed.fold(&tick),
                    Some(Ok(SubscriptionItem::Notice(notice))) if notice.code == client::SUBSCRIPTION_LAG => {
                        feed.ended = true;
                        gap(&format!("{name}: {}", notice.message), Connection::RestoredDataLost, events);
                        break;
                    }
                    Some(Ok(SubscriptionItem::Notice(notice))) => {
                        feed.doubted = true;
                        data_notice(name, notice, events);
                    }
                    Some(Err(Error::Notice(notice))) => {
                        feed.ended = true;
                        data_notice(name, notice, events);
                        break;
                    }
                    Some(Err(error)) => {
                        feed.ended = true;
                        tracing::warn!(contract = %name, %error, "market data ended");
                        break;
                    }
                    None => {
                        feed.ended = true;
                        break;
                    }
                }
            }
            if touched {
                let unit = self.universe.instrument_of(contract).quote_unit;
                events.push(BrokerEvent::Quote { contract, quote: feed.quote(unit, at) });
            }
        }
    }

    /// Whether a contract's market data has to be asked for again: the broker has ended or dropped it, or it said a word
    /// about it and then nothing. The library keeps such a subscription open, and nothing would ever come of it.
    pub(crate) fn is_mute(&self, contract: ContractId) -> bool {
        self.feeds.get(&contract).is_some_and(|feed| feed.ended || feed.doubted)
    }
}

fn quantity(order_ref: OrderRef, shares: f64) -> Result<Quantity, BrokerError> {
    Quantity::from_f64(shares).map_err(|bad| BrokerError::Unusable(format!("status of {order_ref}: quantity: {bad}")))
}

/// Errors after which nothing arrives any more.
fn ends_session(error: &Error) -> bool {
    matches!(
        error,
        Error::ConnectionReset | Error::ConnectionFailed | Error::Shutdown | Error::Io(_) | Error::InvalidFrame(_)
    )
}

/// Events are missing: the link counts as lost and back, which makes the engine resynchronise.
fn gap(reason: &str, back: Connection, events: &mut Vec<BrokerEvent>) {
    tracing::error!(reason, "broker events are missing, a resync is needed");
    events.push(BrokerEvent::Connection(Connection::Lost));
    events.push(BrokerEvent::Connection(back));
}

fn data_notice(name: &str, notice: Notice, events: &mut Vec<BrokerEvent>) {
    log(&notice, None);
    events.push(BrokerEvent::Notice {
        order_ref: None,
        code: notice.code,
        text: format!("{name}: {}", notice.message),
    });
}

fn log(notice: &Notice, order_ref: Option<OrderRef>) {
    let (code, text, order) = (notice.code, &notice.message, order_ref.map(|order_ref| order_ref.to_string()));
    match severity(code) {
        Severity::Informational => tracing::debug!(code, %text, order, "broker notice"),
        Severity::Warning => tracing::warn!(code, %text, order, "broker warning"),
        Severity::Rejection => tracing::warn!(code, %text, order, "broker refused"),
        Severity::Connection => tracing::warn!(code, %text, order, "broker link"),
        Severity::Fatal => tracing::error!(code, %text, order, "broker session cannot work"),
        Severity::Unknown => tracing::error!(code, %text, order, "unknown broker code: hold and look it up"),
    }
}
