//! Orders: from the wire to the simulated exchange, and back.
//!
//! In: place, modify, cancel and the questions about them; events of the simulation. Out: commands, and
//! messages to the client that owns the order. Invariant: a request that asks for something the exchange
//! does not do is refused with its code, never half understood.

use crate::contracts::{Unresolved, from_quoted, listing, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::moment::{midnight, wire_time};
use crate::spreads::{BadLegs, COMBINATION};
use crate::wire;
use domain::{OrderStatus, OrderType, Quantity, QuoteUnit, Side, TimeInForce};
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, dec};
use sim::{Command, OrderView, SimEvent, SimEventKind, SimOrder};

/// More than any order of this world; keeps hostile sizes away from exact arithmetic.
const QUANTITY_MAX: i64 = 1_000_000_000;

/// More than any price, and digits enough for every tick.
const LIMIT_MAX: Decimal = dec!(1_000_000_000);
const LIMIT_DIGITS: u32 = 8;

/// Which clients' orders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The asking client's.
    Own,
    /// All of the account.
    Everyone,
}

/// An order request that reaches no exchange.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: i32,
    text: String,
}

impl Refusal {
    fn new(code: i32, text: impl Into<String>) -> Refusal {
        Refusal { code, text: text.into() }
    }

    fn rejected(reason: &str) -> Refusal {
        Refusal::new(201, format!("Order rejected - reason:{reason}"))
    }
}

impl From<Unresolved> for Refusal {
    fn from(unresolved: Unresolved) -> Refusal {
        Refusal::new(200, unresolved.to_string())
    }
}

impl From<BadLegs> for Refusal {
    fn from(bad: BadLegs) -> Refusal {
        match bad {
            BadLegs::Unresolved(unresolved) => unresolved.into(),
            BadLegs::Unserved => unserved("combinations other than one contract for one of opposite sides"),
        }
    }
}

impl Desk {
    pub(crate) fn place_order(&mut self, key: SessionKey, request: &wire::PlaceOrderRequest) {
        let client = self.client_id(key);
        let order = match self.read_order(request) {
            Ok(order) => order,
            Err(refusal) => {
                return self.error(key, request.order_id.unwrap_or(NO_REQUEST), refusal.code, &refusal.text);
            }
        };
        if request.order.as_ref().is_some_and(|order| order.what_if == Some(true)) {
            return self.answer_what_if(key, order);
        }
        let order_id = order.order_id;
        // An id that was used means the order it was used for; only a cancelled order's id counts as a duplicate.
        let known = self.sim.order(client, order_id).is_some_and(|known| known.status != OrderStatus::Cancelled);
        if known {
            self.note_change(client, order_id);
        } else if let Some(next) = self.wire.next_orders.pop_front() {
            return self.meet_order(key, order, next);
        }
        self.command(
            key,
            order_id,
            if known { Command::Modify { client, order } } else { Command::Place { client, order } },
        );
    }

    pub(crate) fn cancel_order(&mut self, key: SessionKey, order_id: i32) {
        let client = self.client_id(key);
        if let Some((race, quantity)) = self.wire.next_cancels.pop_front() {
            return self.meet_cancel(key, order_id, race, quantity);
        }
        self.command(key, order_id, Command::Cancel { client, order_id });
    }

    pub(crate) fn global_cancel(&mut self, key: SessionKey) {
        self.command(key, NO_REQUEST, Command::GlobalCancel);
    }

    /// A command that cannot be made durable is not carried out, and its client is told so.
    pub(crate) fn command(&mut self, key: SessionKey, order_id: i32, command: Command) {
        let client = self.client_id(key);
        if let Err(error) = self.apply(Some(client), command) {
            tracing::error!(%error, "command refused");
            let refusal = Refusal::rejected(&error.to_string());
            self.error(key, order_id, refusal.code, &refusal.text);
        }
    }

    /// The order a request words, in the major unit.
    fn read_order(&mut self, request: &wire::PlaceOrderRequest) -> Result<SimOrder, Refusal> {
        let order_id = request.order_id.unwrap_or_default();
        if order_id < 1 {
            return Err(Refusal::new(10149, format!("Invalid order id: {order_id}")));
        }
        let wanted = request.contract.clone().unwrap_or_default();
        let is_spread = text(&wanted.sec_type) == COMBINATION;
        let (contract, against) = match is_spread {
            true => self.legs(&wanted).map(|[bought, sold]| (bought, Some(sold)))?,
            false => (self.resolve(&request.contract)?, None),
        };
        let unit = self.directory.unit(contract);
        let order = request.order.clone().unwrap_or_default();
        let attached =
            request.attached_orders.is_some_and(|orders| orders.sl_order_id.or(orders.pt_order_id).is_some());
        if attached {
            return Err(unserved("attached orders"));
        }
        self.refuse_unserved(&order)?;
        Ok(SimOrder {
            order_id,
            order_ref: text(&order.order_ref).to_owned(),
            contract,
            against,
            side: match text(&order.action) {
                "BUY" => Side::Buy,
                "SELL" => Side::Sell,
                other => return Err(unserved(&format!("action `{other}`; BUY and SELL are served"))),
            },
            quantity: read_quantity(text(&order.total_quantity))?,
            order_type: match text(&order.order_type) {
                "LMT" => OrderType::Lmt,
                "LOC" => OrderType::Loc,
                _ => return Err(Refusal::new(387, "Unsupported order type for this exchange and security type.")),
            },
            limit: read_limit(order.lmt_price, is_spread, unit)?,
            tif: match text(&order.tif) {
                "" | "DAY" => TimeInForce::Day,
                "IOC" => TimeInForce::Ioc,
                other => return Err(Refusal::new(10052, format!("Invalid time in force:{other}"))),
            },
            transmit: order.transmit == Some(true),
        })
    }

    /// What would change the meaning of an order here must not be passed over.
    fn refuse_unserved(&self, order: &wire::Order) -> Result<(), Refusal> {
        let account = text(&order.account);
        if !account.is_empty() && account != self.account {
            return Err(Refusal::rejected(&format!("Invalid account code '{account}'.")));
        }
        for (asked, name) in [
            (order.parent_id.is_some_and(|id| id != 0), "parent orders"),
            (order.scale_price_increment.is_some_and(|step| step > 0.0), "scale orders"),
            (!order.conditions.is_empty(), "conditions"),
            (order.all_or_none == Some(true), "allOrNone"),
            (order.not_held == Some(true), "notHeld"),
            (order.hidden == Some(true), "hidden"),
            (order.block_order == Some(true), "blockOrder"),
            (order.sweep_to_fill == Some(true), "sweepToFill"),
            (order.randomize_size == Some(true), "randomizeSize"),
            (order.randomize_price == Some(true), "randomizePrice"),
            (order.imbalance_only == Some(true), "imbalanceOnly"),
            (order.post_only == Some(true), "postOnly"),
            (order.deactivate == Some(true), "deactivate"),
            (order.display_size.is_some_and(|shown| shown > 0), "displaySize"),
            (order.duration.is_some_and(|seconds| seconds > 0), "duration"),
            (order.min_qty.is_some_and(|least| least > 0), "minQty"),
            (order.short_sale_slot.is_some_and(|slot| slot > 0), "shortSaleSlot"),
            (order.discretionary_amt.is_some_and(|amount| amount != 0.0), "discretionaryAmt"),
            (order.cash_qty.is_some_and(|cash| cash != 0.0), "cashQty"),
        ] {
            if asked {
                return Err(unserved(name));
            }
        }
        for (field, name) in [
            (&order.fa_group, "faGroup"),
            (&order.model_code, "modelCode"),
            (&order.auto_cancel_date, "autoCancelDate"),
            (&order.oca_group, "OCA groups"),
            (&order.algo_strategy, "algorithms"),
            (&order.delta_neutral_order_type, "delta-neutral orders"),
            (&order.hedge_type, "hedging orders"),
            (&order.good_after_time, "goodAfterTime"),
            (&order.good_till_date, "goodTillDate"),
        ] {
            if !text(field).is_empty() {
                return Err(unserved(name));
            }
        }
        Ok(())
    }

    /// Margin and cost of an order that is not placed.
    fn answer_what_if(&mut self, key: SessionKey, order: SimOrder) {
        let impact = match self.sim.margin_impact(&order) {
            Ok(impact) => impact,
            Err(missing) => return self.error(key, order.order_id, 201, &Refusal::rejected(&missing.to_string()).text),
        };
        let state = wire::OrderState {
            status: Some("PreSubmitted".to_owned()),
            init_margin_before: number(impact.before.initial),
            maint_margin_before: number(impact.before.maintenance),
            equity_with_loan_before: number(impact.before.equity),
            init_margin_change: number(impact.after.initial - impact.before.initial),
            maint_margin_change: number(impact.after.maintenance - impact.before.maintenance),
            equity_with_loan_change: number(impact.after.equity - impact.before.equity),
            init_margin_after: number(impact.after.initial),
            maint_margin_after: number(impact.after.maintenance),
            equity_with_loan_after: number(impact.after.equity),
            commission_and_fees: number(impact.commission.amount),
            commission_and_fees_currency: Some(impact.commission.currency.code().to_owned()),
            margin_currency: Some(impact.currency.code().to_owned()),
            ..wire::OrderState::default()
        };
        let mut wire_order = self.wire_order(self.client_id(key), &order);
        wire_order.what_if = Some(true);
        let answer = wire::OpenOrder {
            order_id: Some(order.order_id),
            contract: Some(self.routed(&order)),
            order: Some(wire_order),
            order_state: Some(state),
        };
        self.send(key, &answer);
    }

    pub(crate) fn open_orders(&mut self, key: SessionKey, whose: Whose) {
        let client = self.client_id(key);
        let wanted =
            self.sim.open_orders().into_iter().filter(|order| whose == Whose::Everyone || order.client == client);
        for order in wanted {
            self.send_order(key, order);
        }
        self.send(key, &wire::OpenOrdersEnd {});
    }

    /// There are no manual orders to bind here; client 0 gets its own orders, others the refusal IB gives.
    pub(crate) fn auto_open_orders(&mut self, key: SessionKey) {
        if self.client_id(key) == 0 {
            return self.open_orders(key, Whose::Own);
        }
        self.error(
            key,
            NO_REQUEST,
            327,
            "Only API connections with clientId set to 0 can set the auto bind TWS orders property.",
        );
    }

    /// Orders that ended today, as IB keeps them.
    pub(crate) fn completed_orders(&mut self, key: SessionKey) {
        let midnight = midnight(self.today());
        for view in self.sim.completed_orders().iter().filter(|order| order.ended_at.is_some_and(|at| at >= midnight)) {
            let mut order = self.wire_order(view.client, &view.order);
            order.order_id = None;
            order.perm_id = Some(view.perm_id);
            order.total_quantity = Some(view.remaining().to_string());
            order.filled_quantity = Some(view.filled.to_string());
            let completed_status = match view.status {
                OrderStatus::Filled => format!("Filled Size: {}", view.filled),
                _ if view.reason.is_empty() => "Cancelled by Trader".to_owned(),
                _ => view.reason.clone(),
            };
            let state = wire::OrderState {
                status: Some(status_word(view.status).to_owned()),
                completed_time: view.ended_at.map(wire_time),
                completed_status: Some(completed_status),
                ..wire::OrderState::default()
            };
            let contract = Some(self.routed(&view.order));
            self.send(key, &wire::CompletedOrder { contract, order: Some(order), order_state: Some(state) });
        }
        self.send(key, &wire::CompletedOrdersEnd {});
    }

    /// Tells the owner of an order what happened to it; nobody when the owner is not connected.
    pub(crate) fn deliver(&self, event: &SimEvent) {
        let Some(key) = self.session_of(event.client) else { return };
        match &event.kind {
            SimEventKind::Accepted(order) => {
                self.send_order(key, order);
                self.warn_of_closed_venue(key, order);
            }
            SimEventKind::Status(order) => self.send_order(key, order),
            SimEventKind::Execution(execution) => self.send_execution(key, Some(NO_REQUEST), execution),
            SimEventKind::Commission { execution, amount, realized } => {
                self.send_commission(key, execution, *amount, *realized)
            }
            SimEventKind::Rejected { order_id, code, text } => self.error(key, *order_id, *code, text),
            SimEventKind::Cancelled { order, code, text } => {
                self.error(key, order.order.order_id, *code, text);
                self.send_order(key, order);
            }
            // Quotes are compared and sent after time has moved, see `refresh_quotes`.
            SimEventKind::Tick { .. } => {}
        }
    }

    /// An order that comes while its venue is closed waits at the broker, which says until when.
    fn warn_of_closed_venue(&self, key: SessionKey, view: &OrderView) {
        let SimOrder { order_id, contract, side, quantity, order_type, transmit, .. } = &view.order;
        let waits = view.status == OrderStatus::PreSubmitted && *order_type == OrderType::Lmt && *transmit;
        let instrument = self.directory.instrument(*contract);
        let Some(calendar) = self.calendars.get(instrument.venue).ok().filter(|_| waits) else { return };
        let today = calendar.zone().to_datetime(self.now()).date();
        let of_today = calendar.session(today).ok().flatten().filter(|session| session.open > self.now());
        let Some(next) = of_today.or_else(|| calendar.next_session(today).ok()) else { return };
        let text = format!(
            "Order Message:\n{side} {quantity} {} {}\nWarning: Your order will not be placed at the exchange until {}",
            self.directory.symbol(*contract),
            listing(instrument),
            calendar.zone().to_datetime(next.open).strftime("%Y-%m-%d %H:%M:%S"),
        );
        self.error(key, *order_id, 399, &format!("{text} {}.", calendar.zone().iana_name().unwrap_or("UTC")));
    }

    pub(crate) fn send_order(&self, key: SessionKey, view: &OrderView) {
        let mut order = self.wire_order(view.client, &view.order);
        let perm_id = self.perm_id_told(view);
        order.perm_id = Some(perm_id);
        let status = self.status_told(view).to_owned();
        let state = wire::OrderState { status: Some(status.clone()), ..wire::OrderState::default() };
        let unit = self.directory.unit(view.order.contract);
        let open = wire::OpenOrder {
            order_id: Some(view.order.order_id),
            contract: Some(self.routed(&view.order)),
            order: Some(order),
            order_state: Some(state),
        };
        self.send(key, &open);
        let status = wire::OrderStatus {
            order_id: Some(view.order.order_id),
            status: Some(status),
            filled: Some(view.filled.to_string()),
            remaining: Some(view.remaining().to_string()),
            avg_fill_price: mean_quoted(view.average_price, unit),
            perm_id: Some(perm_id),
            parent_id: Some(0),
            last_fill_price: mean_quoted(view.last_fill_price.unwrap_or_default(), unit),
            client_id: Some(view.client),
            why_held: None,
            mkt_cap_price: Some(0.0),
        };
        self.send(key, &status);
    }

    fn wire_order(&self, client: i32, order: &SimOrder) -> wire::Order {
        let unit = self.directory.unit(order.contract);
        wire::Order {
            client_id: Some(client),
            order_id: Some(order.order_id),
            parent_id: Some(0),
            action: Some(order.side.to_string()),
            total_quantity: Some(order.quantity.to_string()),
            order_type: Some(match order.order_type {
                OrderType::Lmt => "LMT".to_owned(),
                OrderType::Loc => "LOC".to_owned(),
            }),
            lmt_price: mean_quoted(order.limit, unit),
            tif: Some(match order.tif {
                TimeInForce::Day => "DAY".to_owned(),
                TimeInForce::Ioc => "IOC".to_owned(),
            }),
            account: Some(self.account.clone()),
            order_ref: Some(order.order_ref.clone()),
            transmit: Some(order.transmit),
            ..wire::Order::default()
        }
    }

    /// The contract of an order, with the exchange it is routed to.
    fn routed(&self, order: &SimOrder) -> wire::Contract {
        let contract = order.contract;
        match order.against {
            Some(against) => self.combination([contract, against]),
            None => self.directory.describe(contract, Some(self.directory.instrument(contract).exchange.clone())),
        }
    }
}

fn unserved(what: &str) -> Refusal {
    Refusal::rejected(&format!("the simulated gateway does not serve {what}"))
}

/// Everything but a spread has a limit above zero.
fn read_limit(quoted: Option<f64>, is_spread: bool, unit: QuoteUnit) -> Result<Decimal, Refusal> {
    let price = quoted.and_then(|price| match is_spread {
        true => Decimal::from_f64(price).map(|price| (price / unit.per_major()).round_dp(LIMIT_DIGITS).normalize()),
        false => from_quoted(price, unit).map(|price| price.to_decimal().normalize()),
    });
    price.filter(|price| price.abs() < LIMIT_MAX).ok_or_else(|| match is_spread {
        true => Refusal::rejected("the limit price of a spread must be a number"),
        false => Refusal::rejected("the limit price must be a number above zero"),
    })
}

fn read_quantity(text: &str) -> Result<Quantity, Refusal> {
    // Clients leave a size of zero out.
    let text = if text.is_empty() { "0" } else { text };
    let quantity = text.parse::<Decimal>().ok().and_then(|decimal| Quantity::from_decimal(decimal).ok());
    match quantity {
        Some(quantity) if quantity.signum() == 1 && quantity <= Quantity::whole(QUANTITY_MAX) => Ok(quantity),
        Some(quantity) if quantity.is_zero() => Err(Refusal::new(434, "The order size cannot be zero.")),
        _ => {
            Err(Refusal::rejected(&format!("`{text}` is no order size; it must be above 0 and at most {QUANTITY_MAX}")))
        }
    }
}

/// IB's word for a status.
pub(crate) fn status_word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingSubmit => "PendingSubmit",
        OrderStatus::PreSubmitted => "PreSubmitted",
        OrderStatus::Submitted => "Submitted",
        OrderStatus::PendingCancel => "PendingCancel",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::Filled => "Filled",
        OrderStatus::Inactive => "Inactive",
    }
}

/// A mean price of the major unit in the quote unit.
pub(crate) fn mean_quoted(mean: Decimal, unit: QuoteUnit) -> Option<f64> {
    number(mean * unit.per_major())
}

pub(crate) fn number(value: Decimal) -> Option<f64> {
    value.to_f64()
}
