//! What people said, heard and answered.
//!
//! In: messages of the journal's inbox. Out: instructions that stand. Invariant: an instruction counts once,
//! from the moment its answer is durable; one that cannot be read is answered and changes nothing.

use super::{Run, World};
use crate::book::{Book, DAY_CLOSED};
use crate::failure::Failure;
use cycle::{Directive, Entry, Event, Instruction, Session, store};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ports::{Clock, Journal, Message};
use std::time::{Duration, Instant};

/// The inbox is read at least this often while orders work.
const EVERY: Duration = Duration::from_secs(1);

/// When the inbox was last read, by the wall: a person waits in real time.
#[derive(Debug, Default)]
pub(super) struct Ears {
    last: Option<Instant>,
}

impl Ears {
    /// Hands what was said since to the session.
    pub(super) async fn listen<B, J: Journal, C: Clock>(
        &mut self,
        session: &mut Session<'_>,
        run: &Run,
        world: &mut World<B, J, C>,
    ) -> Result<(), Failure> {
        if self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        for instruction in answered(session.date(), run, world).await? {
            session.handle(Event::Operator(instruction));
        }
        Ok(())
    }
}

/// Before a decision: answers what is open, and applies everything said since the books were closed.
pub(super) async fn attend<B, J: Journal, C: Clock>(
    date: Date,
    book: &mut Book,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    answered(date, run, world).await?;
    let closed = world.journal.latest(DAY_CLOSED).await?.map_or(0, |record| record.seq);
    for record in world.journal.since("operator", closed).await? {
        let entry = store::entry(&record, &run.setup.universe).map_err(|error| Failure::Journal(error.to_string()))?;
        if let Some(Entry::Operator(instruction)) = entry {
            book.standing.obey(&instruction);
        }
    }
    if std::mem::take(&mut book.standing.new_high_water_mark) {
        book.memory.performance = book.memory.performance.with_new_high_water_mark();
    }
    Ok(())
}

/// Before a plan goes on: answers what is open, so that what was said of it counts.
pub(super) async fn answer<B, J: Journal, C: Clock>(
    date: Date,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    answered(date, run, world).await.map(|_| ())
}

async fn answered<B, J: Journal, C: Clock>(
    date: Date,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<Vec<Instruction>, Failure> {
    let mut instructions = Vec::new();
    // A message bears the time of the wall, which in a simulation is not the day's.
    let begun = world.journal.records(date).await?.iter().any(|record| record.kind == "plan");
    let simulated = if begun { date } else { date.saturating_sub(1.day()) };
    for message in world.journal.messages().await? {
        let (entry, instruction) = match serde_json::from_str::<Instruction>(&message.body) {
            Ok(mut instruction) => {
                if let Directive::Adopt { given, .. } = &mut instruction.directive {
                    let said = Some(message.at).filter(|at| *at <= world.clock.now());
                    *given = Some(said.map_or(simulated, |at| at.to_zoned(TimeZone::UTC).date()));
                }
                (Entry::Operator(instruction.clone()), Some(instruction))
            }
            Err(error) => (unreadable(&message, &error), None),
        };
        let answer = store::record(&entry, world.clock.now(), &run.setup.universe);
        world.journal.answer(date, &message, &answer).await?;
        instructions.extend(instruction);
    }
    Ok(instructions)
}

fn unreadable(message: &Message, error: &serde_json::Error) -> Entry {
    let text = format!("message {} from {} says nothing this version understands: {error}", message.id, message.who);
    Entry::Notice { order_ref: None, code: 0, text }
}
