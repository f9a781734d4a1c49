//! Orders in the text codec: the longest messages of the protocol, in both directions.
//!
//! In: the fields of a placed order; an order with its state. Out: the body protobuf gives; the fields of an open or
//! completed order. Invariant: blocks that other fields switch on (combinations, delta neutral, scale, hedge,
//! algorithms, conditions) are passed over as long as they are, so that what follows is read from the right place.

use super::line::{BadField, Blank, Eleven, Field, Fields, Line, OrUnset};
use super::request_text::skip_delta_neutral;
use super::{CompletedOrder, Contract, Empty, OpenOrder, Order, PlaceOrderRequest};

/// Versions from which an order carries more fields.
const DURATION: i32 = 158;
const POST_TO_ATS: i32 = 160;
const AUTO_CANCEL_PARENT: i32 = 162;
const PEG_OFFSETS: i32 = 170;

pub(super) fn read_order(fields: &mut Fields<'_>) -> Result<PlaceOrderRequest, BadField> {
    let (order_id, contract) = (fields.integer()?, fields.contract()?);
    let mut contract = Contract { sec_id_type: fields.text()?, sec_id: fields.text()?, ..contract };
    let mut order = Order { order_id, ..Order::default() };
    read_terms(fields, &mut order)?;
    if contract.sec_type.as_deref() == Some("BAG") {
        contract.combo_legs = fields.legs(8)?;
        fields.skip_list(1)?;
        fields.skip_list(2)?;
    }
    fields.skip(1)?;
    order.discretionary_amt = fields.double()?;
    order.good_after_time = fields.text()?;
    order.good_till_date = fields.text()?;
    read_attributes(fields, &mut order)?;
    read_strategies(fields, &mut order)?;
    order.algo_strategy = fields.text()?;
    if order.algo_strategy.is_some() {
        fields.skip_list(2)?;
    }
    fields.skip(1)?;
    order.what_if = fields.flag()?;
    // Miscellaneous options, solicited.
    fields.skip(2)?;
    order.randomize_size = fields.flag()?;
    order.randomize_price = fields.flag()?;
    if matches!(order.order_type.as_deref(), Some("PEG BENCH" | "PEGBENCH")) {
        fields.skip(5)?;
    }
    order.conditions = vec![Empty {}; fields.count()?];
    // Behind conditions, whose lengths are many, nothing is read.
    if order.conditions.is_empty() {
        // Adjusted orders (7), operator, soft dollars (2).
        fields.skip(10)?;
        order.cash_qty = fields.double()?;
        // MiFID (4) to price management; the oldest version ends here.
        fields.skip(8)?;
        order.duration = fields.integer().unwrap_or_default();
    }
    Ok(PlaceOrderRequest { order_id, contract: Some(contract), order: Some(order), attached_orders: None })
}

/// From the side of the order to `hidden`.
fn read_terms(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), BadField> {
    order.action = fields.text()?;
    order.total_quantity = fields.text()?;
    order.order_type = fields.text()?;
    order.lmt_price = fields.double()?;
    order.aux_price = fields.double()?;
    order.tif = fields.text()?;
    order.oca_group = fields.text()?;
    order.account = fields.text()?;
    fields.skip(2)?;
    order.order_ref = fields.text()?;
    order.transmit = fields.flag()?;
    order.parent_id = fields.integer()?;
    order.block_order = fields.flag()?;
    order.sweep_to_fill = fields.flag()?;
    order.display_size = fields.integer()?;
    // What triggers a stop.
    fields.skip(1)?;
    order.outside_rth = fields.flag()?;
    order.hidden = fields.flag()?;
    Ok(())
}

/// From the allocation among accounts to volatility.
fn read_attributes(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), BadField> {
    order.fa_group = fields.text()?;
    fields.skip(3)?;
    order.model_code = fields.text()?;
    order.short_sale_slot = fields.integer()?;
    // The rest of the short sale (2), OCA type, rule 80A, firm.
    fields.skip(5)?;
    order.all_or_none = fields.flag()?;
    order.min_qty = fields.integer()?;
    // Percent offset to auction strategy (5), prices (5), override, volatility (2).
    fields.skip(13)
}

/// Delta neutral, scale and hedge, whose length depends on whether they are used, up to the algorithm.
fn read_strategies(fields: &mut Fields<'_>, order: &mut Order) -> Result<(), BadField> {
    order.delta_neutral_order_type = fields.text()?;
    fields.skip(if order.delta_neutral_order_type.is_some() { 9 } else { 1 })?;
    fields.skip(6)?;
    order.scale_price_increment = fields.double()?.filter(|&step| step > 0.0);
    fields.skip(if order.scale_price_increment.is_some() { 10 } else { 3 })?;
    order.hedge_type = fields.text()?;
    fields.skip(if order.hedge_type.is_some() { 4 } else { 3 })?;
    order.not_held = fields.flag()?;
    skip_delta_neutral(fields)
}

macro_rules! put {
    ($line:ident, $($field:expr),+ $(,)?) => {
        $($line.put(&$field);)+
    };
}

/// An open order, or the answer to a what-if.
pub(super) fn open_order(message: &OpenOrder, version: i32) -> Line {
    let order = message.order.clone().unwrap_or_default();
    let mut line = Line::default();
    put!(line, 5, message.order_id, Eleven(&message.contract));
    put_terms(&mut line, &order);
    put!(
        line,
        order.client_id,
        order.perm_id,
        order.outside_rth.unwrap_or_default(),
        false,
        0.0,
        order.good_after_time
    );
    // The group of an advisor and the model.
    put!(line, Blank(6), order.good_till_date);
    // From rule 80A to the delta-neutral price.
    put!(line, Blank(2), "", 0, "", -1, 0, Blank(5), Blank(1), false, false, false, Blank(1), 0);
    put!(line, false, false, Blank(1), order.parent_id.unwrap_or_default(), 0, Blank(1), 0, "", Blank(1));
    // Continuous update to routing of combinations.
    put!(line, false, 0, Blank(2), Blank(2), Legs(&message.contract), 0, 0);
    // Scale, hedge, clearing, delta neutral, algorithm.
    put!(line, Blank(3), "", false, "", "IB", false, false, order.algo_strategy);
    if order.algo_strategy.is_some() {
        put!(line, 0);
    }
    put!(line, false, order.what_if.unwrap_or_default());
    put_state(&mut line, message);
    put!(line, false, false, 0);
    // From the adjusted order type to price management.
    put!(line, "None", Blank(6), 0, "", "", "", Blank(1), false, false, false, 0);
    for (since, field) in [(DURATION, ""), (POST_TO_ATS, ""), (AUTO_CANCEL_PARENT, "0")] {
        if version >= since {
            line.put(field);
        }
    }
    if version >= PEG_OFFSETS {
        line.put(&Blank(5));
    }
    line
}

/// An order that ended.
pub(super) fn completed_order(message: &CompletedOrder, version: i32) -> Line {
    let (order, state) = (message.order.clone().unwrap_or_default(), message.order_state.clone().unwrap_or_default());
    let mut line = Line::default();
    put!(line, 101, Eleven(&message.contract));
    put_terms(&mut line, &order);
    put!(line, order.perm_id, order.outside_rth.unwrap_or_default(), false, 0.0, order.good_after_time);
    put!(line, Blank(5), order.good_till_date);
    // From rule 80A to the delta-neutral price.
    put!(line, Blank(2), "", 0, "", -1, Blank(5), Blank(1), false, false, Blank(1), 0, 0, Blank(1), 0, "", Blank(1));
    put!(line, false, 0, Blank(2), Legs(&message.contract), 0, 0);
    put!(line, Blank(3), "", "", "IB", false, false, order.algo_strategy);
    if order.algo_strategy.is_some() {
        put!(line, 0);
    }
    put!(line, false, state.status, false, false, 0);
    put!(line, Blank(3), false, false, "", order.filled_quantity, Blank(1), false, "", false, false, 0);
    put!(line, state.completed_time, state.completed_status);
    if version >= PEG_OFFSETS {
        line.put(&Blank(5));
    }
    line
}

/// What a combination is made of: words, a count, and eight fields a leg.
struct Legs<'a>(&'a Option<Contract>);

impl Field for Legs<'_> {
    fn put(&self, line: &mut Line) {
        let none = Contract::default();
        let contract = self.0.as_ref().unwrap_or(&none);
        line.put(&contract.combo_legs_descrip);
        line.put(&contract.combo_legs.len());
        for leg in &contract.combo_legs {
            put!(line, leg.con_id, leg.ratio, leg.action, leg.exchange, 0, 0, "", -1);
        }
    }
}

/// From the side to the client's reference.
fn put_terms(line: &mut Line, order: &Order) {
    put!(
        line,
        order.action,
        order.total_quantity,
        order.order_type,
        order.lmt_price,
        order.aux_price.unwrap_or_default()
    );
    put!(line, order.tif, order.oca_group, order.account, "", 0, order.order_ref);
}

/// Status, margin before, of and after the order, its cost, and a warning.
fn put_state(line: &mut Line, message: &OpenOrder) {
    let state = message.order_state.clone().unwrap_or_default();
    line.put(&state.status);
    for margin in [
        state.init_margin_before,
        state.maint_margin_before,
        state.equity_with_loan_before,
        state.init_margin_change,
        state.maint_margin_change,
        state.equity_with_loan_change,
        state.init_margin_after,
        state.maint_margin_after,
        state.equity_with_loan_after,
    ] {
        line.put(&OrUnset(margin));
    }
    put!(line, state.commission_and_fees, Blank(2), state.commission_and_fees_currency, state.warning_text);
}
