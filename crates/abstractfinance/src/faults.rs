//! The engine's doors with a point before and after everything that passes through them.
//!
//! In: broker, journal and clock of a simulated run, and a campaign's order to stop at one point. Out: the same doors.
//! Invariant: a stop is told on standard error and then nothing moves until the process is killed; whoever names no point
//! runs without this.

use crate::day::World;
use domain::{ContractId, InstrumentId, OptionKey, Quantity, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use market::Bar;
use ports::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, Clock, ContractDetails, Faults, Glance, Identity,
    Journal, JournalError, MarginImpact, Message, Moment, OptionChain, OptionQuote, Place, Point, Record, StoredRecord,
};
use risk::Sendable;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;

/// What a campaign wants of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Tell every point, and stop at none.
    Nowhere,
    /// Stop when this point is reached for the n-th time.
    At(Point, u32),
}

impl FromStr for Stop {
    type Err = String;

    fn from_str(text: &str) -> Result<Stop, String> {
        if text == "trace" {
            return Ok(Stop::Nowhere);
        }
        let (point, visit) = text.split_once('@').unwrap_or((text, "1"));
        let visit =
            visit.parse().map_err(|_| format!("`{visit}` counts nothing; `append plan before@2` is the second"))?;
        Ok(Stop::At(point.parse().map_err(|unknown: ports::faults::UnknownPoint| unknown.to_string())?, visit))
    }
}

/// Tells a campaign on standard error, a pipe, where the engine is.
#[derive(Debug)]
pub struct Armed {
    stop: Stop,
    visits: Cell<u32>,
}

impl Armed {
    pub fn new(stop: Stop) -> Armed {
        if stop == Stop::Nowhere {
            Point::all().for_each(|point| tell("listed", point));
        }
        Armed { stop, visits: Cell::new(0) }
    }
}

fn tell(what: &str, point: Point) {
    let _ = writeln!(std::io::stderr().lock(), "{what}: {point}");
}

impl Faults for Armed {
    fn reach(&self, point: Point) {
        match self.stop {
            Stop::Nowhere => tell("reached", point),
            Stop::At(at, visit) if at == point => {
                self.visits.set(self.visits.get() + 1);
                if self.visits.get() == visit {
                    tell("parked", point);
                    loop {
                        std::thread::park();
                    }
                }
            }
            Stop::At(..) => {}
        }
    }
}

/// A door with points.
pub struct Faulty<'a, T, F> {
    door: &'a mut T,
    faults: &'a F,
    /// What was heard and is not acted upon yet.
    heard: BTreeSet<&'static str>,
}

impl<'a, T, F: Faults> Faulty<'a, T, F> {
    fn new(door: &'a mut T, faults: &'a F) -> Self {
        Faulty { door, faults, heard: BTreeSet::new() }
    }

    fn reach(&self, place: Place, kind: &str, moment: Moment) {
        self.faults.reach(Point::new(place, kind, moment));
    }

    async fn around<R>(&mut self, place: Place, kinds: &[&str], call: impl AsyncFnOnce(&mut T) -> R) -> R {
        kinds.iter().for_each(|kind| self.reach(place, kind, Moment::Before));
        let done = call(self.door).await;
        kinds.iter().for_each(|kind| self.reach(place, kind, Moment::After));
        done
    }

    async fn asking<R>(&mut self, kind: &str, call: impl AsyncFnOnce(&mut T) -> R) -> R {
        self.around(Place::Ask, &[kind], call).await
    }
}

impl<B, J, C> World<B, J, C> {
    /// The same world through doors with points.
    pub fn with<'a, F: Faults>(
        &'a mut self,
        faults: &'a F,
    ) -> World<Faulty<'a, B, F>, Faulty<'a, J, F>, Faulty<'a, C, F>> {
        let World { broker, journal, statements, clock, closed, rates } = self;
        let (broker, journal) = (Faulty::new(broker, faults), Faulty::new(journal, faults));
        let clock = Faulty::new(clock, faults);
        World { broker, journal, statements: statements.take(), clock, closed: closed.take(), rates: rates.take() }
    }
}

/// The kinds in a batch, each once, in order; a command by what it tells the broker.
fn kinds(records: &[Record]) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for record in records {
        let body = || serde_json::from_str::<serde_json::Value>(&record.body).unwrap_or_default();
        let kind = match record.kind {
            "command" => body()["command"].as_str().unwrap_or_default().to_owned(),
            kind => kind.to_owned(),
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

impl<J: Journal, F: Faults> Journal for Faulty<'_, J, F> {
    fn keeps(&self, kind: &str) -> bool {
        self.door.keeps(kind)
    }

    async fn append(&mut self, trade_date: Date, records: &[Record]) -> Result<i64, JournalError> {
        let kinds = kinds(records);
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        self.around(Place::Append, &kinds, async |journal| journal.append(trade_date, records).await).await
    }

    async fn messages(&mut self) -> Result<Vec<Message>, JournalError> {
        self.door.messages().await
    }

    async fn answer(&mut self, trade_date: Date, message: &Message, answer: &Record) -> Result<(), JournalError> {
        self.around(Place::Answer, &["message"], async |journal| journal.answer(trade_date, message, answer).await)
            .await
    }

    async fn since(&mut self, kind: &str, seq: i64) -> Result<Vec<StoredRecord>, JournalError> {
        self.door.since(kind, seq).await
    }

    async fn records(&mut self, trade_date: Date) -> Result<Vec<StoredRecord>, JournalError> {
        self.door.records(trade_date).await
    }

    async fn latest(&mut self, kind: &str) -> Result<Option<StoredRecord>, JournalError> {
        self.door.latest(kind).await
    }

    async fn head_at(&mut self, seq: i64) -> Result<String, JournalError> {
        self.door.head_at(seq).await
    }
}

impl<C: Clock, F: Faults> Clock for Faulty<'_, C, F> {
    fn now(&self) -> Timestamp {
        self.door.now()
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        self.around(Place::Wait, &["time"], async |clock| clock.wait(deadline).await).await
    }
}

fn told(sendable: &Sendable) -> &'static str {
    match sendable {
        Sendable::Place(_) => "place",
        Sendable::Replace(_) => "replace",
        Sendable::PlaceSpread(_) => "place_spread",
        Sendable::ReplaceSpread(_) => "replace_spread",
        Sendable::Cancel { .. } => "cancel",
    }
}

fn heard(event: &BrokerEvent) -> &'static str {
    match event {
        BrokerEvent::Acknowledged { .. } => "acknowledged",
        BrokerEvent::Status { .. } => "order_status",
        BrokerEvent::Execution(_) => "execution",
        BrokerEvent::Commission { .. } => "commission",
        BrokerEvent::Quote { .. } => "quote",
        BrokerEvent::Notice { .. } => "notice",
        BrokerEvent::Connection(_) => "connection",
    }
}

impl<B: Broker, F: Faults> Broker for Faulty<'_, B, F> {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        self.asking("identify", async |broker| broker.identify().await).await
    }

    fn order_id_high_water(&self) -> i32 {
        self.door.order_id_high_water()
    }

    async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        self.asking("reconnect", async |broker| broker.reconnect().await).await
    }

    async fn resolve(&mut self, contracts: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError> {
        self.asking("resolve", async |broker| broker.resolve(contracts).await).await
    }

    fn contract_of(&self, con_id: i64) -> Option<ContractId> {
        self.door.contract_of(con_id)
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError> {
        self.asking("snapshot", async |broker| broker.snapshot().await).await
    }

    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        self.asking("glance", async |broker| broker.glance(quote).await).await
    }

    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError> {
        self.asking("bars", async |broker| broker.daily_bars(contract, sessions, before).await).await
    }

    async fn option_chain(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        self.asking("chain", async |broker| broker.option_chain(root).await).await
    }

    async fn option_quotes(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError> {
        self.asking("option_quotes", async |broker| broker.option_quotes(root, wanted).await).await
    }

    async fn shortable(&mut self, contracts: &[ContractId]) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        self.asking("shortable", async |broker| broker.shortable(contracts).await).await
    }

    fn extend(&mut self, universe: Arc<Universe>) {
        self.door.extend(universe);
    }

    async fn watch(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.asking("watch", async |broker| broker.watch(contracts).await).await
    }

    async fn renew(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.asking("watch", async |broker| broker.renew(contracts).await).await
    }

    async fn send(&mut self, sendable: &Sendable) -> Result<(), BrokerError> {
        self.around(Place::Send, &[told(sendable)], async |broker| broker.send(sendable).await).await
    }

    async fn what_if(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        self.asking("what_if", async |broker| broker.what_if(command).await).await
    }

    async fn drain(&mut self, events: &mut Vec<BrokerEvent>) {
        let known = events.len();
        self.door.drain(events).await;
        self.heard.extend(events[known..].iter().map(heard));
        self.heard.iter().for_each(|kind| self.reach(Place::Hear, kind, Moment::Before));
    }

    /// Whoever asks for more has acted on what was heard.
    async fn fence(&mut self) -> Result<Timestamp, BrokerError> {
        std::mem::take(&mut self.heard).into_iter().for_each(|kind| self.reach(Place::Hear, kind, Moment::After));
        self.door.fence().await
    }
}
