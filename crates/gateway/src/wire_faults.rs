//! How connections, orders and data are met while something is wrong on the wire.
//!
//! In: faults, orders, cancels, what happened. Out: what a client hears. Invariant: the world is changed by commands and
//! interventions alone, which are recorded; only the telling is wrong.

use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::orders::status_word;
use crate::wire_fault::{CodedAnswer, NextOrder, Race, ShownQuotes, Telling, WireFault, WireFaults};
use domain::{Money, OrderStatus, Quantity};
use rust_decimal::Decimal;
use sim::{Command, Intervention, OrderView, SimEvent, SimEventKind, SimOrder};

const LOST: &str = "Connectivity between IBKR and Trader Workstation has been lost.";
const RESTORED: &str = "Connectivity between IBKR and Trader Workstation has been restored - data maintained.";
const RESTORED_DATA_LOST: &str = "Connectivity between IBKR and Trader Workstation has been restored - data lost.";
pub(crate) const TOO_FAST: &str = "Max rate of messages per second has been exceeded.";
/// What a second permanent id is above the first.
const SECOND: i64 = 100_000_000;

impl Desk {
    pub(crate) fn break_wire(&mut self, fault: &WireFault) {
        let wire = &mut self.wire;
        match fault.clone() {
            WireFault::Notice { code, text, about_last_order } => self.notify(code, &text, about_last_order),
            WireFault::LinkLost {} => {
                wire.link_lost = true;
                self.notify(1100, LOST, false);
            }
            WireFault::LinkRestored { data_lost } => self.restore_link(data_lost),
            WireFault::Freeze { carried_out, connections } => {
                wire.mute_connections = connections;
                (wire.frozen, wire.frozen_carries_out) = (self.sessions.keys().copied().collect(), carried_out);
            }
            WireFault::Restart { count } => {
                wire.refused_connections = count;
                self.cut_all();
            }
            WireFault::ClientIdInUse { count } => wire.ids_in_use = count,
            WireFault::NoNextId { count } => wire.without_next_id = count,
            WireFault::RollBackIds {} => wire.ids_rolled_back = true,
            WireFault::TooFast {} => {
                self.notify(100, TOO_FAST, false);
                self.cut_all();
            }
            WireFault::RejectNext { code, text, count, inactive } => {
                let next = NextOrder::Reject { code, text, inactive };
                wire.next_orders.extend((0..count).map(|_| next.clone()));
            }
            WireFault::WarnNext { code, text, count } => {
                let next = NextOrder::Warn { code, text };
                wire.next_orders.extend((0..count).map(|_| next.clone()));
            }
            WireFault::IgnoreNext { count, working } => {
                wire.next_orders.extend((0..count).map(|_| NextOrder::Ignore { working }));
            }
            WireFault::RaceCancel { race, quantity } => wire.next_cancels.push_back((race, quantity.and_then(whole))),
            WireFault::Tell { how } => drop(wire.telling.insert(how)),
            WireFault::Data { code, text, goes_on } => wire.data = Some(CodedAnswer { code, text, goes_on }),
            WireFault::Delayed {} => wire.quotes = Some(ShownQuotes::Delayed),
            WireFault::NoSides {} => wire.quotes = Some(ShownQuotes::NoSides),
            WireFault::StaleClose {} => wire.quotes = Some(ShownQuotes::StaleClose),
            WireFault::History { code, text, goes_on } => wire.history = Some(CodedAnswer { code, text, goes_on }),
            WireFault::Ambiguous { contract } => wire.ambiguous = self.directory.find(&contract),
            WireFault::Unlisted { contract } => wire.unlisted = self.directory.find(&contract),
        }
    }

    /// Nothing is wrong any more, and what was held back is told.
    pub(crate) fn heal_wire(&mut self) {
        let healed = std::mem::take(&mut self.wire);
        if healed.link_lost {
            self.notify(1102, RESTORED, false);
        }
        healed.withheld.iter().for_each(|event| self.deliver(event));
    }

    fn restore_link(&mut self, data_lost: bool) {
        self.wire.link_lost = false;
        if data_lost {
            self.sessions.values_mut().for_each(|session| session.quotes.clear());
        }
        let (code, text) = if data_lost { (1101, RESTORED_DATA_LOST) } else { (1102, RESTORED) };
        self.notify(code, text, false);
    }

    fn notify(&self, code: i32, text: &str, about_last_order: bool) {
        for key in self.session_keys() {
            let last_order = || self.session(key).client_id.map(|client| self.sim.next_order_id(client) - 1);
            let id = if about_last_order { last_order().unwrap_or(NO_REQUEST) } else { NO_REQUEST };
            self.error(key, id, code, text);
        }
    }

    /// A new order that something happens to.
    pub(crate) fn meet_order(&mut self, key: SessionKey, order: SimOrder, next: NextOrder) {
        let (client, order_id) = (self.client_id(key), order.order_id);
        match next {
            NextOrder::Reject { code, text, inactive } => {
                self.error(key, order_id, code, &text);
                if inactive {
                    self.send_order(key, &inactive_view(client, order, self.now()));
                }
            }
            NextOrder::Warn { code, text } => {
                self.command(key, order_id, Command::Place { client, order });
                self.error(key, order_id, code, &text);
            }
            NextOrder::Ignore { working: false } => {}
            NextOrder::Ignore { working: true } => {
                self.wire.unheard.insert((client, order_id));
                self.command(key, order_id, Command::Place { client, order });
            }
        }
    }

    /// A cancel that crosses something.
    pub(crate) fn meet_cancel(&mut self, key: SessionKey, order_id: i32, race: Race, quantity: Option<Quantity>) {
        let client = self.client_id(key);
        let cancel = Command::Cancel { client, order_id };
        let filled = |quantity| Command::Intervene { intervention: Intervention::Fill { client, order_id, quantity } };
        match race {
            Race::FilledBefore => {
                self.command(key, order_id, filled(quantity));
                self.command(key, order_id, cancel);
            }
            Race::FilledAfter => {
                self.command(key, order_id, cancel);
                self.command(key, order_id, filled(quantity));
            }
            Race::PendingThenFilled => {
                if let Some(view) = self.sim.order(client, order_id) {
                    self.send_order(key, &OrderView { status: OrderStatus::PendingCancel, ..view.clone() });
                }
                self.command(key, order_id, filled(None));
            }
            Race::ApiCancelled => {
                self.wire.api_cancelled.insert((client, order_id));
                self.command(key, order_id, cancel);
            }
            Race::Ignored => {}
        }
    }

    /// An order was changed.
    pub(crate) fn note_change(&mut self, client: i32, order_id: i32) {
        if self.wire.tells(Telling::SecondPermId) {
            self.wire.changed.insert((client, order_id));
        }
    }

    pub(crate) fn perm_id_told(&self, view: &OrderView) -> i64 {
        let changed = self.wire.changed.contains(&(view.client, view.order.order_id));
        if changed { view.perm_id + SECOND } else { view.perm_id }
    }

    pub(crate) fn status_told(&self, view: &OrderView) -> &'static str {
        let early = self.wire.api_cancelled.contains(&(view.client, view.order.order_id));
        if early && view.status == OrderStatus::Cancelled { "ApiCancelled" } else { status_word(view.status) }
    }

    /// What clients hear of what happened, in the order they hear it.
    pub(crate) fn retold(&mut self, mut events: Vec<SimEvent>) -> Vec<SimEvent> {
        let WireFaults { unheard, telling, withheld, .. } = &mut self.wire;
        if unheard.is_empty() && telling.is_empty() {
            return events;
        }
        events.retain(|event| !order_of(event).is_some_and(|order| unheard.contains(&order)));
        if telling.contains(&Telling::NoStatus) {
            events.retain(|event| !matches!(event.kind, SimEventKind::Status(_)));
        }
        if telling.contains(&Telling::CommissionsLate) {
            withheld.extend(events.extract_if(.., |event| matches!(event.kind, SimEventKind::Commission { .. })));
        }
        if telling.contains(&Telling::ExecutionsFirst) {
            events.sort_by_key(|event| {
                !matches!(event.kind, SimEventKind::Execution(_) | SimEventKind::Commission { .. })
            });
        }
        if telling.contains(&Telling::CommissionsFirst) {
            events.sort_by_key(|event| !matches!(event.kind, SimEventKind::Commission { .. }));
        }
        let twice = |event: &SimEvent| match event.kind {
            SimEventKind::Status(_) => telling.contains(&Telling::StatusTwice),
            SimEventKind::Execution(_) => telling.contains(&Telling::ExecutionsTwice),
            _ => false,
        };
        let split = telling.contains(&Telling::CommissionsSplit);
        let told = |event: SimEvent| match part(&event).filter(|_| split) {
            Some(part) => vec![part, event],
            None if twice(&event) => vec![event.clone(), event],
            None => vec![event],
        };
        events.into_iter().flat_map(told).collect()
    }
}

/// The order an event tells of, by client and number.
fn order_of(event: &SimEvent) -> Option<(i32, i32)> {
    let order_id = match &event.kind {
        SimEventKind::Accepted(view) | SimEventKind::Status(view) | SimEventKind::Cancelled { order: view, .. } => {
            view.order.order_id
        }
        SimEventKind::Execution(execution) => execution.order_id,
        SimEventKind::Rejected { order_id, .. } => *order_id,
        SimEventKind::Commission { .. } | SimEventKind::Tick { .. } => return None,
    };
    Some((event.client, order_id))
}

/// A charge before it is whole.
fn part(event: &SimEvent) -> Option<SimEvent> {
    let SimEventKind::Commission { execution, amount, realized } = &event.kind else { return None };
    let amount = Money::new((amount.amount / Decimal::TWO).round_dp(2), amount.currency);
    let kind = SimEventKind::Commission { execution: execution.clone(), amount, realized: *realized };
    Some(SimEvent { kind, ..event.clone() })
}

fn whole(quantity: Decimal) -> Option<Quantity> {
    Quantity::from_decimal(quantity).ok()
}

/// An order that was refused, as a gateway shows it.
fn inactive_view(client: i32, order: SimOrder, now: jiff::Timestamp) -> OrderView {
    OrderView {
        client,
        perm_id: 0,
        order,
        status: OrderStatus::Inactive,
        filled: Quantity::ZERO,
        average_price: Decimal::ZERO,
        last_fill_price: None,
        placed_at: now,
        ended_at: Some(now),
        reason: String::new(),
    }
}
