//! Step 13: the driver between the session and the world. It decides nothing.
//!
//! In: effects. Out: events, in the order of the lockstep: drain, feed, record, send, fence, and only
//! when all is quiet, time. Invariant: entries are durable before the session sees the next event.

use super::observe::snapshot;
use super::operator::Ears;
use super::{Run, World, order_ids, records};
use crate::failure::Failure;
use cycle::{Effect, Entry, Event, Session};
use domain::{ContractId, Price};
use jiff::{SignedDuration, Timestamp};
use ports::{Broker, BrokerError, BrokerEvent, Clock, Connection, Glance, Journal};
use risk::Sighting;

/// Seconds between attempts to reach a broker that was lost; the last one goes on.
const PAUSES_S: [i64; 4] = [30, 60, 90, 120];

/// Why a step could not be taken, by what happens next.
enum Trouble {
    /// The broker is gone: connect again.
    Lost(String),
    /// The day stops here.
    Stop(Failure),
}

impl From<BrokerError> for Trouble {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Lost(reason) => Trouble::Lost(reason),
            other => Trouble::Stop(other.into()),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Stop(failure)
    }
}

/// Drives a session until the day's orders are over.
pub(super) async fn drive<B: Broker, J: Journal, C: Clock>(
    session: &mut Session<'_>,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    let mut events = Vec::new();
    let mut ears = Ears::default();
    let mut unread = false;
    let mut absence = Absence::default();
    loop {
        ears.listen(session, run, world).await?;
        match step(session, &mut events, &mut unread, run, world).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Trouble::Lost(reason)) => reconnect(session, &mut events, reason, &mut absence, run, world).await?,
            Err(Trouble::Stop(failure)) => return Err(failure),
        }
    }
}

/// One effect; true when it was the last. `unread` says that the account could not be read when it was asked for last.
async fn step<B: Broker, J: Journal, C: Clock>(
    session: &mut Session<'_>,
    events: &mut Vec<BrokerEvent>,
    unread: &mut bool,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<bool, Trouble> {
    match session.poll(world.clock.now()) {
        Effect::Record => {
            let mut records = records(session.entries(), run, world);
            records.extend(order_ids::reserved(session.entries(), world.clock.now(), world));
            let begun = world.clock.now();
            world.journal.append(session.date(), &records).await.map_err(Failure::from)?;
            session.handle(Event::Recorded);
            // A simulated market waits for the storage.
            let took = world.clock.now().duration_since(begun);
            if took > SignedDuration::ZERO {
                session.handle(Event::Stored(took));
            }
        }
        Effect::Send(sendable) => world.broker.send(&sendable).await?,
        Effect::Watch => {
            let mut contracts: Vec<_> = session.contracts().collect();
            contracts.sort_unstable();
            contracts.dedup();
            world.broker.watch(&contracts).await?;
            feed(session, events, world).await?;
        }
        Effect::Renew(contracts) => {
            world.broker.renew(&contracts).await?;
            feed(session, events, world).await?;
        }
        Effect::Resync => {
            match snapshot(run, world).await {
                Ok(snapshot) => {
                    *unread = false;
                    session.handle(Event::Resynced(Box::new(snapshot)));
                }
                // The first time the question may have been cut off with its session: it is asked in a new one.
                Err(BrokerError::Unusable(reason)) if std::mem::replace(unread, true) => {
                    session.handle(Event::Unreadable(reason));
                }
                Err(BrokerError::Unusable(reason)) => return Err(Trouble::Lost(reason)),
                Err(other) => return Err(other.into()),
            }
        }
        Effect::Look => match world.broker.glance(index(run)).await {
            Ok(glance) => session.handle(Event::Watched(sighting(&glance, world.clock.now()))),
            Err(BrokerError::Unusable(reason)) => tracing::warn!(reason, "the account was not seen"),
            Err(other) => return Err(other.into()),
        },
        Effect::WhatIf { number, command } => {
            let impact = match world.broker.what_if(&command).await {
                Ok(impact) => Some(impact),
                Err(BrokerError::Unusable(reason)) => {
                    tracing::warn!(reason, "the margin of an order was not told");
                    None
                }
                Err(other) => return Err(other.into()),
            };
            session.handle(Event::Margin { number, impact });
        }
        Effect::Wait(deadline) => {
            if !feed(session, events, world).await? {
                world.clock.wait(deadline).await.map_err(Failure::from)?;
                session.handle(Event::Tick);
            }
        }
        Effect::Done => return Ok(true),
    }
    Ok(false)
}

/// The volatility index, when one is configured.
fn index(run: &Run) -> Option<ContractId> {
    run.setup.universe.spot_contract(run.setup.references.vix?)
}

fn sighting(glance: &Glance, now: Timestamp) -> Sighting {
    let &Glance { at, net_liquidation, excess_liquidity, ref quote } = glance;
    let vix = quote.as_ref().and_then(|quote| quote.last.or(quote.mid())).map(Price::to_f64);
    Sighting { at: now, gateway: at, net_liquidation, excess_liquidity, vix }
}

/// How a broker that was lost is looked for.
#[derive(Debug, Default)]
struct Absence {
    /// Attempts since it was lost.
    attempts: usize,
    /// When the next one is due.
    next: Timestamp,
}

impl Absence {
    /// Notes an attempt that failed.
    fn failed(&mut self, now: Timestamp) {
        let pause = PAUSES_S[(self.attempts - 1).min(PAUSES_S.len() - 1)];
        self.next = now + SignedDuration::from_secs(pause);
    }
}

/// Tries to make a new session. What the old one still holds is heard first; after a success everything in flight is asked
/// about, after a failure there is a pause, and the next step comes here again. It ends with the day's last window: the
/// session then gives up what it cannot ask about.
async fn reconnect<B: Broker, J: Journal, C: Clock>(
    session: &mut Session<'_>,
    events: &mut Vec<BrokerEvent>,
    reason: String,
    absence: &mut Absence,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    if absence.attempts == 0 {
        world.broker.drain(events).await;
        events.drain(..).for_each(|event| session.handle(Event::Broker(event)));
        session.handle(Event::Broker(BrokerEvent::Connection(Connection::Lost)));
        alert(session, format!("the broker was lost ({reason}): nothing is sent until it is back"), run, world).await?;
    }
    if absence.attempts > 0 && world.clock.now() < absence.next {
        world.clock.wait(absence.next).await?;
        session.handle(Event::Tick);
        return Ok(());
    }
    absence.attempts += 1;
    // The adapter itself tries for as long as it may take to become ready.
    match world.broker.reconnect().await {
        Ok(_) => {
            let attempts = std::mem::take(&mut absence.attempts);
            session.handle(Event::Broker(BrokerEvent::Connection(Connection::RestoredDataLost)));
            let sentence = format!("the broker is back at attempt {attempts}: everything in flight is asked about");
            alert(session, sentence, run, world).await
        }
        Err(BrokerError::Lost(again)) => {
            tracing::warn!(attempt = absence.attempts, reason = again, "the broker was not reached");
            absence.failed(world.clock.now());
            Ok(())
        }
        Err(error) => Err(Failure::Broker(format!(
            "{reason}, and it was not reached again: {error}; start the day again, it resumes"
        ))),
    }
}

/// Tells a person, now and in the day's report.
async fn alert<B: Broker, J: Journal, C: Clock>(
    session: &Session<'_>,
    sentence: String,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    super::append(session.date(), &[Entry::Alert { sentence }], run, world).await.map(drop)
}

/// Hands everything the gateway had sent before now to the session; true when there was anything.
///
/// The fence comes first: a batch then holds whole bursts, whatever the scheduling of the two
/// processes, and the same day runs the same way every time.
async fn feed<B: Broker, J, C: Clock>(
    session: &mut Session<'_>,
    events: &mut Vec<BrokerEvent>,
    world: &mut World<B, J, C>,
) -> Result<bool, BrokerError> {
    world.broker.fence().await?;
    world.broker.drain(events).await;
    let any = !events.is_empty();
    for event in events.drain(..) {
        session.handle(Event::Broker(event));
    }
    Ok(any)
}
