//! Step 13: the driver between the session and the world. It decides nothing.
//!
//! In: effects. Out: events, in the order of the lockstep: drain, feed, record, send, fence, and only
//! when all is quiet, time. Invariant: entries are durable before the session sees the next event.

use super::observe::snapshot;
use super::{Run, World, append};
use crate::failure::Failure;
use cycle::{Effect, Event, Session};
use domain::{OrderType, TimeInForce};
use execution::Command;
use ports::{Broker, BrokerCommand, BrokerEvent, Clock, Journal, OrderRequest};

/// Drives a session until the day's orders are over.
pub(super) async fn drive<B: Broker, J: Journal, C: Clock>(
    session: &mut Session<'_>,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    let date = session.date();
    let mut events = Vec::new();
    loop {
        let now = world.clock.now();
        match session.poll(now) {
            Effect::Record => {
                append(date, session.entries(), run, world).await?;
                session.handle(Event::Recorded);
            }
            Effect::Send(command) => world.broker.send(&broker_command(command)).await?,
            Effect::Watch => {
                let mut contracts: Vec<_> = session.contracts().collect();
                contracts.sort_unstable();
                contracts.dedup();
                world.broker.watch(&contracts).await?;
                feed(session, &mut events, world).await?;
            }
            Effect::Resync => {
                let snapshot = snapshot(world).await?;
                session.handle(Event::Resynced(Box::new(snapshot)));
            }
            Effect::Wait(deadline) => {
                if !feed(session, &mut events, world).await? {
                    world.clock.wait(deadline).await?;
                    session.handle(Event::Tick);
                }
            }
            Effect::Done => return Ok(()),
        }
    }
}

/// Hands everything the gateway had sent before now to the session; true when there was anything.
///
/// The fence comes first: a batch then holds whole bursts, whatever the scheduling of the two
/// processes, and the same day runs the same way every time.
async fn feed<B: Broker, J, C: Clock>(
    session: &mut Session<'_>,
    events: &mut Vec<BrokerEvent>,
    world: &mut World<B, J, C>,
) -> Result<bool, Failure> {
    world.broker.fence().await?;
    world.broker.drain(events).await;
    let any = !events.is_empty();
    for event in events.drain(..) {
        session.handle(Event::Broker(event));
    }
    Ok(any)
}

fn broker_command(command: Command) -> BrokerCommand {
    let request = |order_ref, contract, side, quantity, limit| OrderRequest {
        order_ref,
        contract,
        side,
        quantity,
        order_type: OrderType::Lmt,
        limit,
        time_in_force: TimeInForce::Day,
    };
    match command {
        Command::Place { order_ref, contract, side, quantity, limit } => {
            BrokerCommand::Place(request(order_ref, contract, side, quantity, limit))
        }
        Command::Replace { order_ref, contract, side, quantity, limit } => {
            BrokerCommand::Replace(request(order_ref, contract, side, quantity, limit))
        }
        Command::Cancel { order_ref } => BrokerCommand::Cancel { order_ref },
    }
}
