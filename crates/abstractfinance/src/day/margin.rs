//! What the plan's orders would do to the margin.
//!
//! In: a stored plan, the broker's what-if. Out: an entry with a row per order. Invariant: a what-if places nothing; one that
//! is not answered leaves its row out and says why.

use super::{Decided, Run, World};
use crate::failure::Failure;
use cycle::Entry;
use cycle::entry::MarginChange;
use domain::rounding::limit_to_tick;
use domain::{OrderRef, OrderType, Side, TimeInForce};
use ports::{Broker, BrokerCommand, BrokerError, OrderRequest};

/// Asks for every order of the plan, at its mark.
///
/// # Errors
/// [`Failure::Broker`] when the link is lost.
pub(super) async fn ask<B: Broker, J, C>(
    decided: &Decided,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Entry, Failure> {
    let (mut orders, mut unanswered) = (Vec::new(), None);
    for planned in &decided.plan.orders {
        let (Some(side), Some(mark)) = (Side::of(planned.quantity), decided.inputs.marks[planned.contract]) else { continue };
        let order_ref =
            OrderRef { account: run.account, date: decided.plan.date, intent: planned.number, attempt: 0 };
        let command = BrokerCommand::Place(OrderRequest {
            order_ref,
            contract: planned.contract,
            side,
            quantity: planned.quantity.abs(),
            order_type: OrderType::Lmt,
            time_in_force: TimeInForce::Day,
            limit: limit_to_tick(mark, run.setup.universe.terms(planned.contract).tick, side),
        });
        match world.broker.what_if(&command).await {
            Ok(impact) => orders.push(MarginChange {
                number: planned.number,
                initial: impact.initial,
                maintenance: impact.maintenance,
                commission: impact.commission,
            }),
            Err(BrokerError::Unusable(reason)) => unanswered = Some(format!("order {}: {reason}", planned.number)),
            Err(lost) => return Err(lost.into()),
        }
    }
    Ok(Entry::Margin { orders, unanswered })
}
