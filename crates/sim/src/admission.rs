//! What the broker takes and what it refuses.
//!
//! In: an order as worded. Out: nothing, or the broker's code and words. Invariant: an order that is admitted has a
//! contract that trades, a positive number of lots and a limit on the tick grid.

use crate::SimOrder;
use crate::board::Board;
use domain::{ContractId, InstrumentKind, Mic, OrderType, Quantity, TimeInForce, Universe};
use jiff::Timestamp;

/// Why a command is refused, in the broker's code and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(code: i32, text: impl Into<String>) -> Refusal {
        Refusal { code, text: text.into() }
    }

    /// Code 201 with a reason of the broker's own.
    pub(crate) fn rejected(reason: &str) -> Refusal {
        Refusal::new(201, format!("Order rejected - reason:{reason}"))
    }
}

/// Whether the broker takes an order in this form.
pub(crate) fn admit(order: &SimOrder, universe: &Universe, board: &Board, now: Timestamp) -> Result<(), Refusal> {
    let known = order.contract.index() < universe.contract_count();
    if !known || board.tape.expired(order.contract, now) {
        return Err(Refusal::new(200, "No security definition has been found for the request"));
    }
    let instrument = universe.instrument_of(order.contract);
    if !instrument.tradable {
        return Err(Refusal::rejected(&format!("{} is quoted for reference and cannot be traded", instrument.name)));
    }
    if order.quantity <= Quantity::ZERO || order.quantity.units() % instrument.lot.units() != 0 {
        let (quantity, lot) = (order.quantity, instrument.lot);
        return Err(Refusal::rejected(&format!("the quantity must be a positive multiple of {lot}, got {quantity}")));
    }
    let limit = order.limit_mantissa();
    if order.against.is_none() && limit <= 0 {
        return Err(Refusal::rejected("the limit price must be a number above zero"));
    }
    if let Some(against) = order.against {
        admit_spread(order, against, universe, board, now)?;
    }
    if limit % instrument.tick.mantissa() != 0 {
        return Err(Refusal::new(110, "The price does not conform to the minimum price variation for this contract."));
    }
    if order.order_type == OrderType::Loc && order.tif != TimeInForce::Day {
        return Err(Refusal::new(113, "The TIF should be DAY for MOC and LOC orders."));
    }
    Ok(())
}

/// Venues whose exchange trades calendar spreads as one order.
const WITH_SPREADS: [Mic; 3] = [Mic::Cmes, Mic::Xcbf, Mic::Xeur];

fn admit_spread(
    order: &SimOrder,
    against: ContractId,
    universe: &Universe,
    board: &Board,
    now: Timestamp,
) -> Result<(), Refusal> {
    if against.index() >= universe.contract_count() || board.tape.expired(against, now) {
        return Err(Refusal::new(200, "No security definition has been found for the request"));
    }
    let [one, other] = [order.contract, against].map(|id| universe.contract(id));
    let instrument = universe.instrument(one.instrument);
    if instrument.kind != InstrumentKind::Fut || one.instrument != other.instrument || one.expiry == other.expiry {
        return Err(Refusal::rejected("a combination here is two contracts of one future"));
    }
    if !WITH_SPREADS.contains(&instrument.venue) {
        let reason = format!("{} trades no combinations of {}", instrument.exchange, instrument.name);
        return Err(Refusal::rejected(&reason));
    }
    if order.order_type != OrderType::Lmt {
        return Err(Refusal::new(387, "Unsupported order type for this exchange and security type"));
    }
    Ok(())
}
