//! The broker's desk: one simulated account, the clients connected to it, and what each of them asked for.
//!
//! In: request frames and movements of time, one at a time. Out: answers in the outboxes of the right
//! clients, in order. Invariant: nothing changes the simulation except through [`Desk::apply`] and
//! [`Desk::inject`], which make it durable first.

use crate::accounts::{AccountUpdates, ModelStream, SummaryStream};
use crate::bars::BarStream;
use crate::contracts::Directory;
use crate::faults::{Faults, Script};
use crate::market_data::QuoteStream;
use crate::pacing::Pace;
use crate::profit::ProfitStream;
use crate::record::{Entry, RecordError, RecordedAccount, RecordedExecution, Recorder, RunIdentity};
use crate::session::Outbox;
use crate::wire::{Answer, ErrorMessage};
use crate::wire_fault::WireFaults;
use domain::ContractId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use market::calendar::Calendars;
use sim::{Command, ExecutionView, SimConfig, SimError, SimEvent, SimEventKind, Simulation};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use tracing::error;

/// The id of errors and notices that concern no request.
pub(crate) const NO_REQUEST: i32 = -1;

/// Identifies a connection for as long as the gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey(u64);

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request is read.
    Continue,
    /// The connection is closed once everything queued is written.
    Close,
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) outbox: Outbox,
    /// Known after StartApi.
    pub(crate) client_id: Option<i32>,
    /// The market data type the client asked for: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
    pub(crate) data_type: i32,
    pub(crate) quotes: BTreeMap<i32, QuoteStream>,
    pub(crate) positions: bool,
    pub(crate) summaries: BTreeMap<i32, SummaryStream>,
    pub(crate) account_updates: Option<AccountUpdates>,
    pub(crate) models: BTreeMap<i32, ModelStream>,
    pub(crate) profits: BTreeMap<i32, ProfitStream>,
    pub(crate) bars: BTreeMap<i32, BarStream>,
    pub(crate) pace: Pace,
}

/// Why a world could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    World(#[from] SimError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the script of faults names the contract {0}, which does not exist")]
    UnknownContract(String),
}

impl From<AdvanceError> for OpenError {
    fn from(error: AdvanceError) -> OpenError {
        match error {
            AdvanceError::Record(error) => OpenError::Record(error),
            AdvanceError::Backwards { .. } => unreachable!("a script does not move time"),
        }
    }
}

/// Why time was not moved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdvanceError {
    #[error("time cannot go back from {now} to {to}")]
    Backwards { now: Timestamp, to: Timestamp },
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The simulation and everything the TWS API adds to it.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) sim: Simulation,
    pub(crate) directory: Directory,
    pub(crate) calendars: Arc<Calendars>,
    pub(crate) account: String,
    pub(crate) faults: Faults,
    pub(crate) wire: WireFaults,
    pub(crate) script: Script,
    /// Clients that are too fast are refused.
    pub(crate) paced: bool,
    recorder: Option<Recorder>,
    pub(crate) sessions: BTreeMap<SessionKey, Session>,
    sessions_opened: u64,
}

impl Desk {
    /// A world at its start or, with a record, where the record left it.
    pub(crate) fn open(config: SimConfig, record: Option<&Path>, script: Script) -> Result<Desk, OpenError> {
        let identity = RunIdentity::of(&config);
        let mut desk = Desk {
            directory: Directory::new(Arc::clone(&config.universe)),
            calendars: Arc::clone(&config.calendars),
            account: config.account.clone(),
            sim: Simulation::new(config)?,
            faults: Faults::default(),
            wire: WireFaults::default(),
            script,
            paced: false,
            recorder: None,
            sessions: BTreeMap::new(),
            sessions_opened: 0,
        };
        if let Some(name) = desk.script.contracts().find(|name| desk.directory.find(name).is_none()) {
            return Err(OpenError::UnknownContract(name.to_owned()));
        }
        if let Some(path) = record {
            let (mut recorder, entries) = Recorder::open(path, &identity)?;
            desk.replay(&mut recorder, entries)?;
            desk.recorder = Some(recorder);
        }
        desk.run_script()?;
        Ok(desk)
    }

    /// Applies recorded commands and demands the recorded executions. A process that died between a command
    /// and its executions left them out; they are added.
    fn replay(&mut self, recorder: &mut Recorder, entries: Vec<Entry>) -> Result<(), RecordError> {
        let mut due: VecDeque<RecordedExecution> = VecDeque::new();
        let mut scripted_until = 0;
        for (place, entry) in entries.into_iter().enumerate() {
            let replayed = match &entry {
                Entry::Injection { at, scripted, inject } if due.is_empty() && *at == self.sim.now() => {
                    if let Ok(effect) = inject.effect(&self.directory, &self.sim) {
                        let events = self.carry_out(&effect);
                        due.extend(executions(&events).map(|execution| self.recorded(execution)));
                        self.withhold(events);
                        scripted_until = scripted.unwrap_or(scripted_until);
                        continue;
                    }
                    None
                }
                Entry::Command { at, command, .. } if due.is_empty() && *at == self.sim.now() => {
                    self.sim.apply(command);
                    self.directory.extend(self.sim.universe());
                    let events = self.sim.drain_events();
                    due.extend(executions(&events).map(|execution| self.recorded(execution)));
                    self.withhold(events);
                    continue;
                }
                Entry::Execution(_) => due.pop_front().map(Entry::Execution),
                Entry::Account(_) if due.is_empty() => Some(Entry::Account(self.account_now())),
                _ => due.front().cloned().map(Entry::Execution),
            };
            if replayed.as_ref() != Some(&entry) {
                let replayed =
                    replayed.map_or_else(|| format!("nothing at {}", self.sim.now()), |entry| format!("{entry:?}"));
                return Err(recorder.diverged(place, format!("{entry:?}"), replayed));
            }
        }
        self.script.resume(scripted_until, self.sim.now());
        due.into_iter().try_for_each(|execution| recorder.append(&Entry::Execution(execution)))
    }

    /// Virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        self.sim.now()
    }

    /// The day of virtual time in UTC, the day the gateway counts orders and executions by.
    pub(crate) fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.now()).date()
    }

    /// When something can next happen by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let next = self.script.next_at().map_or(Timestamp::MAX, |at| at.max(self.now()));
        Some(self.sim.next_event().min(next)).filter(|&at| at < Timestamp::MAX)
    }

    /// Moves time and tells every client what came of it.
    pub(crate) fn advance_to(&mut self, to: Timestamp) -> Result<(), AdvanceError> {
        let now = self.now();
        if to < now {
            return Err(AdvanceError::Backwards { now, to });
        }
        while self.now() < to {
            let at = self.script.next_at().map_or(to, |due| due.clamp(self.now(), to));
            if at > self.now() {
                self.apply(None, Command::AdvanceTo { at })?;
            }
            self.run_script()?;
        }
        if to > now {
            self.refresh_quotes();
            self.refresh_bars();
            self.refresh_accounts();
            self.refresh_profits();
        }
        Ok(())
    }

    /// The only way the simulation changes: durable first, then applied, then told.
    pub(crate) fn apply(&mut self, by: Option<i32>, command: Command) -> Result<(), RecordError> {
        self.append(&Entry::Command { at: self.sim.now(), by, command: command.clone() })?;
        self.sim.apply(&command);
        if matches!(command, Command::List { .. }) {
            self.directory.extend(self.sim.universe());
        }
        let events = self.sim.drain_events();
        self.settle_events(events);
        Ok(())
    }

    /// Writes down what the account is, whatever clients are shown of it.
    pub(crate) fn note_account(&mut self) -> Result<(), RecordError> {
        self.append(&Entry::Account(self.account_now()))
    }

    fn account_now(&self) -> RecordedAccount {
        let view = self.sim.account();
        let held = view.positions.iter();
        RecordedAccount {
            at: self.now(),
            cash: view.cash.iter().map(|row| (row.currency, row.cash)).collect(),
            positions: held.map(|held| (self.directory.name(held.contract).to_owned(), held.quantity)).collect(),
            net_liquidation: view.net_liquidation,
        }
    }

    /// Makes an entry durable, when there is a record.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), RecordError> {
        self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.append(entry))
    }

    /// Records the executions among events, and tells clients of everything.
    pub(crate) fn settle_events(&mut self, events: Vec<SimEvent>) {
        self.record_executions(&events);
        let traded: BTreeSet<ContractId> = executions(&events).map(|execution| execution.contract).collect();
        let events = self.withhold(events);
        for event in self.retold(events) {
            self.deliver(&event);
        }
        self.send_changed_positions(&traded);
    }

    /// Ends every connection; what was queued for it is still written.
    pub(crate) fn cut_all(&mut self) {
        self.sessions.clear();
    }

    /// A failure here loses nothing: the replay of the command gives the execution again.
    fn record_executions(&mut self, events: &[SimEvent]) {
        let entries: Vec<Entry> =
            executions(events).map(|execution| Entry::Execution(self.recorded(execution))).collect();
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = entries.iter().try_for_each(|entry| recorder.append(entry))
        {
            error!(%error, "executions are not recorded; no further command will be accepted");
        }
    }

    fn recorded(&self, execution: &ExecutionView) -> RecordedExecution {
        RecordedExecution {
            execution: execution.id.to_string(),
            perm_id: execution.perm_id,
            client_id: execution.client,
            order_id: execution.order_id,
            order_ref: execution.order_ref.clone(),
            contract: self.directory.name(execution.contract).to_owned(),
            side: execution.side,
            quantity: execution.quantity,
            price: execution.price,
            commission: execution.commission,
            at: execution.at,
        }
    }

    /// A new connection takes its place.
    pub(crate) fn open_session(&mut self, outbox: Outbox) -> SessionKey {
        self.sessions_opened += 1;
        let key = SessionKey(self.sessions_opened);
        let session = Session {
            outbox,
            client_id: None,
            data_type: 1,
            quotes: BTreeMap::new(),
            positions: false,
            summaries: BTreeMap::new(),
            account_updates: None,
            models: BTreeMap::new(),
            profits: BTreeMap::new(),
            bars: BTreeMap::new(),
            pace: Pace::default(),
        };
        self.sessions.insert(key, session);
        key
    }

    /// A connection is gone; its orders stay, its client id is free.
    pub(crate) fn close_session(&mut self, key: SessionKey) {
        self.sessions.remove(&key);
    }

    /// The connected client of that id.
    pub(crate) fn session_of(&self, client_id: i32) -> Option<SessionKey> {
        self.sessions.iter().find(|(_, session)| session.client_id == Some(client_id)).map(|(&key, _)| key)
    }

    /// Every connection, for messages that go to all who asked for them.
    pub(crate) fn session_keys(&self) -> Vec<SessionKey> {
        self.sessions.keys().copied().collect()
    }

    pub(crate) fn session(&self, key: SessionKey) -> &Session {
        self.sessions.get(&key).expect("a connection is served while it is registered")
    }

    pub(crate) fn session_mut(&mut self, key: SessionKey) -> &mut Session {
        self.sessions.get_mut(&key).expect("a connection is served while it is registered")
    }

    /// The client behind a connection that has started.
    pub(crate) fn client_id(&self, key: SessionKey) -> i32 {
        self.session(key).client_id.expect("requests are answered after StartApi")
    }

    pub(crate) fn send(&self, key: SessionKey, answer: &impl Answer) {
        if self.wire.frozen.contains(&key) {
            return;
        }
        self.session(key).outbox.send(answer);
    }

    /// An error, a warning or a notice, with virtual time.
    pub(crate) fn error(&self, key: SessionKey, id: i32, code: i32, text: &str) {
        let message = ErrorMessage {
            id: Some(id),
            error_time: Some(self.now().as_millisecond()),
            error_code: Some(code),
            error_msg: Some(text.to_owned()),
        };
        self.send(key, &message);
    }

    /// The request cannot be served as it is worded.
    pub(crate) fn invalid(&self, key: SessionKey, id: i32, cause: &str) {
        self.error(key, id, 321, &format!("Error validating request.-'sim' : cause - {cause}"));
    }
}

/// The executions among events.
fn executions(events: &[SimEvent]) -> impl Iterator<Item = &ExecutionView> {
    events.iter().filter_map(|event| match &event.kind {
        SimEventKind::Execution(execution) => Some(execution),
        _ => None,
    })
}
