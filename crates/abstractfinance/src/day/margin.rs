//! Steps 9 and 10 under the broker's margin: what an increase would need is asked before it is chosen.
//!
//! In: the day's inputs. Out: the plan, and in the inputs what the broker said. Invariant: every increase of the plan was
//! asked about with an order that is only looked at; what the broker would refuse is not increased, nor is the other leg
//! of its pair.

use super::observe::Notes;
use super::{Run, World};
use crate::failure::Failure;
use cycle::{DayPlan, Margin, RecordedInputs, decide, margin_needed};
use domain::{OrderRef, OrderType, Side, TimeInForce};
use execution::PlannedOrder;
use ports::{Broker, BrokerCommand, BrokerError, OrderRequest};
use risk::{Collar, Purpose};
use rust_decimal::prelude::ToPrimitive;

/// Decides the day, and again when what the broker says of its increases leaves less than they want.
pub(super) async fn decide_within<B: Broker, J, C>(
    inputs: &mut RecordedInputs,
    notes: &mut Notes,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<DayPlan, Failure> {
    let panel = inputs.panel(&run.setup).expect("just made over this universe");
    let plan = decide(&inputs.view(&panel), &run.setup);
    let grows = |order: &&PlannedOrder| order.purpose == Purpose::Increase;
    for order in plan.orders.iter().filter(grows) {
        let Some(request) = request(order, inputs, run) else { continue };
        let per_unit = match world.broker.what_if(&BrokerCommand::Place(request)).await {
            Ok(impact) => match impact.maintenance.and_then(|more| more.to_f64()) {
                Some(more) => Some((more / order.quantity.to_f64().abs()).max(0.0)),
                None => continue,
            },
            Err(BrokerError::Unusable(words)) => {
                let name = &run.setup.universe.contract(order.contract).name;
                notes.booked.push(format!("{name}: an order that adds to it would be refused: {words}"));
                None
            }
            Err(other) => return Err(other.into()),
        };
        inputs.margins.push(Margin { contract: order.contract, per_unit });
    }
    let view = inputs.view(&panel);
    let excess = inputs.conditions.excess_liquidity.unwrap_or(0.0);
    let free = run.setup.policy.gate.margin_for_increases(excess, plan.facts.nav);
    let refused = inputs.margins.iter().any(|margin| margin.per_unit.is_none());
    Ok(if refused || margin_needed(&view, &plan) > free { decide(&view, &run.setup) } else { plan })
}

/// The order in words, at the worst price its collar would allow around the mark.
fn request(order: &PlannedOrder, inputs: &RecordedInputs, run: &Run) -> Option<OrderRequest> {
    let (universe, contract) = (&run.setup.universe, order.contract);
    let side = Side::of(order.quantity)?;
    let collar = run.setup.policy.gate.collar(universe.instrument_of(contract).asset_class)?;
    let grid = inputs.conditions.grid(contract, universe.terms(contract).tick);
    let collar = Collar::around(inputs.marks[contract]?, side, grid, collar);
    Some(OrderRequest {
        order_ref: OrderRef { account: run.account, date: inputs.date, intent: order.number, attempt: 1 },
        contract,
        side,
        quantity: order.quantity.abs(),
        order_type: OrderType::Lmt,
        limit: collar.worst,
        time_in_force: TimeInForce::Day,
    })
}
