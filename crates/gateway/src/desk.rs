//! The broker's desk: one simulated account, the clients connected to it, and what each of them asked for.
//!
//! In: request frames and movements of time, one at a time. Out: answers in the outboxes of the right
//! clients, in order. Invariant: nothing changes the simulation except through [`Desk::apply`] and
//! [`Desk::inject`], which make it durable first.

use crate::accounts::{AccountUpdates, SummaryStream};
use crate::contracts::Directory;
use crate::faults::{Faults, Script};
use crate::market_data::QuoteStream;
use crate::orders;
use crate::record::{Entry, RecordError, RecordedExecution, Recorder, RunIdentity};
use crate::session::Outbox;
use crate::wire::{self, Answer, ErrorMessage, Request};
use domain::ContractId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use market::calendar::Calendars;
use sim::{Command, ExecutionView, SimConfig, SimError, SimEvent, SimEventKind, Simulation};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use tracing::{error, warn};

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
    pub(crate) script: Script,
    recorder: Option<Recorder>,
    sessions: BTreeMap<SessionKey, Session>,
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
            script,
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
                    let events = self.sim.drain_events();
                    due.extend(executions(&events).map(|execution| self.recorded(execution)));
                    self.withhold(events);
                    continue;
                }
                Entry::Execution(_) => due.pop_front().map(Entry::Execution),
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
            self.refresh_accounts();
        }
        Ok(())
    }

    /// The only way the simulation changes: durable first, then applied, then told.
    pub(crate) fn apply(&mut self, by: Option<i32>, command: Command) -> Result<(), RecordError> {
        self.append(&Entry::Command { at: self.sim.now(), by, command: command.clone() })?;
        self.sim.apply(&command);
        let events = self.sim.drain_events();
        self.settle_events(events);
        Ok(())
    }

    /// Makes an entry durable, when there is a record.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), RecordError> {
        self.recorder.as_mut().map_or(Ok(()), |recorder| recorder.append(entry))
    }

    /// Records the executions among events, and tells clients of everything.
    pub(crate) fn settle_events(&mut self, events: Vec<SimEvent>) {
        self.record_executions(&events);
        let traded: BTreeSet<ContractId> = executions(&events).map(|execution| execution.contract).collect();
        for event in self.withhold(events) {
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
        };
        self.sessions.insert(key, session);
        key
    }

    /// A connection is gone; its orders stay, its client id is free.
    pub(crate) fn close_session(&mut self, key: SessionKey) {
        self.sessions.remove(&key);
    }

    /// Answers one frame.
    pub(crate) fn handle(&mut self, key: SessionKey, frame: &[u8]) -> Then {
        if !self.sessions.contains_key(&key) {
            return Then::Close;
        }
        match Request::decode(frame) {
            Ok(Request::StartApi(request)) => return self.start(key, request.client_id.unwrap_or_default()),
            Ok(_) if self.session(key).client_id.is_none() => {
                self.error(key, NO_REQUEST, 504, "Not connected: StartApi comes first")
            }
            Ok(request) => self.answer(key, request),
            Err(error) => {
                warn!(%error, "unreadable frame");
                self.error(key, NO_REQUEST, 320, &format!("Error reading request: {error}"));
            }
        }
        Then::Continue
    }

    fn start(&mut self, key: SessionKey, client_id: i32) -> Then {
        if self.session_of(client_id).is_some() {
            let text = "Unable to connect as the client id is already in use. Retry with a unique client id.";
            self.error(key, NO_REQUEST, 326, text);
            return Then::Close;
        }
        self.session_mut(key).client_id = Some(client_id);
        self.send(key, &wire::ManagedAccounts { accounts_list: Some(self.account.clone()) });
        self.send_next_id(key);
        for (code, text) in [
            (2104, "Market data farm connection is OK:sim"),
            (2106, "HMDS data farm connection is OK:sim"),
            (2158, "Sec-def data farm connection is OK:sim"),
        ] {
            self.error(key, NO_REQUEST, code, text);
        }
        Then::Continue
    }

    fn answer(&mut self, key: SessionKey, request: Request) {
        match request {
            Request::StartApi(_) => unreachable!("handled before any other request"),
            Request::CurrentTime(_) => {
                self.send(key, &wire::CurrentTime { current_time: Some(self.now().as_second()) })
            }
            Request::CurrentTimeInMillis(_) => {
                let millis = Some(self.now().as_millisecond());
                self.send(key, &wire::CurrentTimeInMillis { current_time_in_millis: millis });
            }
            Request::Ids(_) => self.send_next_id(key),
            Request::ManagedAccounts(_) => {
                self.send(key, &wire::ManagedAccounts { accounts_list: Some(self.account.clone()) });
            }
            Request::LogLevel(_) | Request::CancelHistoricalData(_) | Request::CancelContractData(_) => {}

            Request::Positions(_) => self.positions(key),
            Request::CancelPositions(_) => self.session_mut(key).positions = false,
            Request::AccountData(request) => self.account_data(key, &request),
            Request::AccountSummary(request) => self.account_summary(key, &request),
            Request::CancelAccountSummary(wire::RequestKey { req_id }) => {
                self.session_mut(key).summaries.remove(&req_id.unwrap_or(NO_REQUEST));
            }

            Request::ContractData(request) => self.contract_data(key, &request),
            Request::MarketRule(request) => self.market_rule(key, request.market_rule_id.unwrap_or_default()),
            Request::MarketDataType(request) => self.session_mut(key).data_type = request.market_data_type.unwrap_or(1),
            Request::MarketData(request) => self.market_data(key, &request),
            Request::CancelMarketData(request) => self.cancel_market_data(key, request.req_id.unwrap_or(NO_REQUEST)),
            Request::HistoricalData(request) => self.historical_data(key, &request),

            Request::PlaceOrder(request) => self.place_order(key, &request),
            Request::CancelOrder(request) => self.cancel_order(key, request.order_id.unwrap_or(NO_REQUEST)),
            Request::GlobalCancel(_) => self.global_cancel(key),
            Request::OpenOrders(_) => self.open_orders(key, orders::Whose::Own),
            Request::AutoOpenOrders(_) => self.auto_open_orders(key),
            Request::AllOpenOrders(_) => self.open_orders(key, orders::Whose::Everyone),
            Request::CompletedOrders(_) => self.completed_orders(key),
            Request::Executions(request) => self.executions(key, &request),

            Request::Unserved(id, request) => {
                let cause = format!("the simulated gateway does not serve requests of type {id}");
                self.invalid(key, request.req_id.unwrap_or(NO_REQUEST), &cause);
            }
            Request::Unknown(id) => warn!(id, "request of an unknown type ignored"),
        }
    }

    fn contract_data(&mut self, key: SessionKey, request: &wire::ContractDataRequest) {
        let req_id = request.req_id;
        let wanted = request.contract.clone().unwrap_or_default();
        let found = self.directory.matching(&wanted, self.today());
        if found.is_empty() {
            let text = crate::contracts::Unresolved::NoMatch.to_string();
            return self.error(key, req_id.unwrap_or(NO_REQUEST), 200, &text);
        }
        for id in found {
            let exchange = wanted.exchange.clone().filter(|exchange| !exchange.is_empty());
            let contract =
                self.directory.describe(id, exchange.or_else(|| Some(self.directory.instrument(id).exchange.clone())));
            let details = self.directory.details(id, &self.calendars, self.now());
            self.send(key, &wire::ContractData { req_id, contract: Some(contract), contract_details: Some(details) });
        }
        self.send(key, &wire::ContractDataEnd { req_id });
    }

    fn market_rule(&mut self, key: SessionKey, rule: i32) {
        match self.directory.market_rule(rule) {
            Some(increment) => {
                self.send(key, &wire::MarketRule { market_rule_id: Some(rule), price_increments: vec![increment] });
            }
            None => self.invalid(key, NO_REQUEST, &format!("there is no market rule {rule}")),
        }
    }

    fn send_next_id(&mut self, key: SessionKey) {
        let order_id = self.sim.next_order_id(self.client_id(key));
        self.send(key, &wire::NextValidId { order_id: Some(order_id) });
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
