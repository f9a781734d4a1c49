//! The broker port on Interactive Brokers' TWS API, through the `ibapi` crate.
//!
//! In: our contracts, orders and questions. Out: the account, quotes and events in our units. Invariant: this is the
//! only crate that names `ibapi`, it decides nothing, and one broker is one session: after [`BrokerError::Lost`] it
//! answers nothing until [`IbkrBroker::reconnect`], so that no answer of an old question can pass for a new one.

mod account;
mod borrow;
pub mod codes;
mod connect;
mod contracts;
mod convert;
mod events;
#[cfg(test)]
mod fixture;
mod history;
mod kill;
mod lines;
mod look;
mod options;
mod orders;
mod pacing;
mod quotes;
mod requests;
mod resolve;
mod send;
mod snapshot;
mod spreads;
mod trouble;
mod watch;

pub use kill::cancel_everything;

use connect::Session;
use contracts::ContractBook;
pub use contracts::Difference;
use domain::{ContractId, InstrumentId, OptionKey, Quantity, Universe};
use jiff::Timestamp;
use jiff::civil::Date;
use market::Bar;
use orders::OrderBook;
use pacing::Pacer;
use ports::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, ContractDetails, Glance, Identity, MarginImpact,
    OptionChain, OptionQuote,
};
use quotes::Feed;
use requests::{Answers, Questions};
use risk::Sendable;
use snapshot::Reader;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::{Duration, Instant};
use trouble::trouble;

/// Where the gateway is, who we are there, and how long things may take.
#[derive(Clone, Debug, PartialEq)]
pub struct IbkrConfig {
    /// Host and port, such as `127.0.0.1:4002`.
    pub address: String,
    /// API client id; the same in every run, because orders belong to it.
    pub client_id: i32,
    /// The account to trade; `None` takes the only one of the login and refuses several.
    pub account: Option<String>,
    /// How long connecting may take, with every retry; wall time.
    pub ready_timeout: Duration,
    /// How long one answer may take; wall time.
    pub request_timeout: Duration,
    /// How long the gateway may be silent after a heartbeat; wall time.
    pub heartbeat_timeout: Duration,
    /// True in front of a simulated gateway whose clock stands still: no message limit, quotes carry its time.
    pub virtual_time: bool,
    /// The highest order id any earlier run has used; 0 when there was none.
    pub order_id_high_water: i32,
    /// The broker's ids of contracts by our names, from earlier runs or from a person: another id for one is disputed.
    pub pins: BTreeMap<String, i64>,
}

/// One brokerage account behind an IB Gateway or TWS.
pub struct IbkrBroker {
    config: IbkrConfig,
    universe: Arc<Universe>,
    session: Session,
    account: String,
    contracts: ContractBook,
    orders: OrderBook,
    feeds: BTreeMap<ContractId, Feed>,
    charges: events::Charges,
    /// Price steps by market rule.
    steps: BTreeMap<i32, Vec<contracts::Step>>,
    pacer: Pacer,
    history_pacer: history::HistoryPacer,
    /// The gateway's time when it was last asked, and when that was.
    gateway_time: (Timestamp, Instant),
    /// Why the session is over.
    lost: Option<String>,
    lost_announced: bool,
}

impl IbkrBroker {
    /// Connects, and proves with the account list and the time that the gateway is ready.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] for a gateway below version 213, something that is no gateway, a client id in use or
    /// the wrong account; [`BrokerError::Lost`] when `ready_timeout` passes without a working session.
    pub async fn connect(config: IbkrConfig, universe: Arc<Universe>) -> Result<IbkrBroker, BrokerError> {
        let session = connect::open(&config).await?;
        let mut orders = OrderBook::new(config.order_id_high_water);
        orders.raise(session.first_order_id - 1);
        let mut broker = IbkrBroker {
            account: String::new(),
            pacer: Pacer::new(config.virtual_time),
            history_pacer: history::HistoryPacer::default(),
            contracts: ContractBook::default(),
            feeds: BTreeMap::new(),
            charges: events::Charges::default(),
            steps: BTreeMap::new(),
            gateway_time: (session.gateway_time, Instant::now()),
            lost: None,
            lost_announced: false,
            config,
            universe,
            session,
            orders,
        };
        broker.identify().await?;
        Ok(broker)
    }

    /// A new session for the same account. Contracts and order numbers are kept; quotes must be watched again and
    /// a snapshot taken.
    ///
    /// # Errors
    /// As for [`IbkrBroker::connect`].
    pub async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        self.feeds.clear();
        self.session.updates = None;
        self.session.client.disconnect().await;
        self.session = connect::open(&self.config).await?;
        self.orders.raise(self.session.first_order_id - 1);
        (self.lost, self.lost_announced) = (None, false);
        self.identify().await
    }

    /// Ends the session in order.
    pub async fn disconnect(self) {
        self.session.client.disconnect().await;
    }

    fn alive(&self) -> Result<(), BrokerError> {
        match &self.lost {
            None => Ok(()),
            Some(reason) => Err(BrokerError::Lost(reason.clone())),
        }
    }

    fn lose(&mut self, reason: &str) {
        if self.lost.is_none() {
            tracing::error!(reason, "broker session lost");
            self.lost = Some(reason.to_owned());
        }
    }

    /// Remembers that a session is over when an error says so.
    fn noted<T>(&mut self, outcome: Result<T, BrokerError>) -> Result<T, BrokerError> {
        if let Err(BrokerError::Lost(reason)) = &outcome {
            self.lose(reason);
        }
        outcome
    }

    /// The account to trade: the configured one, or the only one the login serves.
    async fn named_account(&self) -> Result<String, BrokerError> {
        let served = self.session.client.managed_accounts().await.map_err(|error| match error {
            ibapi::Error::Timeout => BrokerError::Lost("account list: no answer in time".to_owned()),
            error => trouble("account list", error),
        })?;
        match (&self.config.account, &served[..]) {
            (Some(wanted), served) if served.contains(wanted) => Ok(wanted.clone()),
            (None, [only]) => Ok(only.clone()),
            (Some(_), served) => Err(BrokerError::Refused(format!(
                "the configured account is none of the {} this login serves; modes paper and live trade `broker.account`, \
                 mode simulated the account of a gateway started without one",
                served.len()
            ))),
            (None, served) => Err(BrokerError::Refused(format!(
                "this login serves {} accounts: name the one to trade in the settings",
                served.len()
            ))),
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader { universe: &self.universe, contracts: &self.contracts, account: &self.account }
    }

    /// The gateway's clock now: what it said last, plus what has passed since unless its clock stands still.
    fn gateway_now(&self) -> Timestamp {
        let (time, asked) = self.gateway_time;
        if self.config.virtual_time { time } else { convert::later(time, asked.elapsed()) }
    }

    /// Rows of a snapshot. A question without its whole answer ends the session: the rest of the answer could
    /// arrive later and pass for the answer to the next question.
    async fn answers(&mut self) -> Result<Answers, BrokerError> {
        let mut questions =
            Questions { client: &self.session.client, pacer: &mut self.pacer, limit: self.config.request_timeout };
        let answers = questions.snapshot(&self.account).await;
        if let Err(error) = &answers {
            self.lose(&format!("a snapshot was not answered whole ({error})"));
        }
        answers
    }
}

impl Broker for IbkrBroker {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        self.alive()?;
        self.pacer.pass().await;
        let account = self.named_account().await;
        let account = self.noted(account)?;
        if !self.account.is_empty() && self.account != account {
            return Err(BrokerError::Refused("the gateway now serves another account than before".to_owned()));
        }
        self.account = account;
        let server_time = self.fence().await?;
        let server_version = self.session.client.server_version();
        Ok(Identity { account: self.account.clone(), server_version, server_time })
    }

    /// What the next run passes as [`IbkrConfig::order_id_high_water`].
    fn order_id_high_water(&self) -> i32 {
        self.orders.high_water()
    }

    async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        IbkrBroker::reconnect(self).await
    }

    async fn resolve(&mut self, contracts: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError> {
        self.alive()?;
        let mut resolved = Vec::with_capacity(contracts.len());
        for &id in contracts {
            let details = self.resolve_one(id).await;
            resolved.extend(self.noted(details)?);
        }
        Ok(resolved)
    }

    /// Contracts must have been resolved in this session; a position in any other is a foreign one.
    fn contract_of(&self, con_id: i64) -> Option<ContractId> {
        i32::try_from(con_id).ok().and_then(|con_id| self.contracts.find(con_id))
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError> {
        self.alive()?;
        let answers = self.answers().await?;
        self.gateway_time = (answers.at, Instant::now());
        for order in &answers.open {
            if let ibapi::orders::Orders::OrderData(data) = order {
                self.orders.learn(data, self.config.client_id);
            }
        }
        let snapshot = self.reader().snapshot(&answers)?;
        self.charges.snapshot(&snapshot.executions);
        Ok(snapshot)
    }

    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        self.look(quote).await
    }

    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError> {
        self.alive()?;
        let history = self.history(contract, sessions, before).await;
        self.noted(history)
    }

    async fn option_chain(&mut self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        self.alive()?;
        let chain = self.chain_of(root).await;
        self.noted(chain)
    }

    async fn shortable(&mut self, contracts: &[ContractId]) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        self.alive()?;
        let told = self.shortable_of(contracts).await;
        self.noted(told)
    }

    async fn option_quotes(
        &mut self,
        root: InstrumentId,
        wanted: &[OptionKey],
    ) -> Result<Vec<OptionQuote>, BrokerError> {
        self.alive()?;
        let quotes = self.quotes_of(root, wanted).await;
        self.noted(quotes)
    }

    fn extend(&mut self, universe: Arc<Universe>) {
        let keeps = universe.contract_count() >= self.universe.contract_count()
            && self.universe.contracts().all(|id| universe.contract(id) == self.universe.contract(id));
        assert!(keeps, "a universe only grows at its end while a session lasts");
        self.universe = universe;
    }

    async fn watch(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.alive()?;
        let watched = self.watch_all(contracts).await;
        self.noted(watched)
    }

    async fn renew(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        self.alive()?;
        let renewed = self.renew_all(contracts).await;
        self.noted(renewed)
    }

    async fn send(&mut self, sendable: &Sendable) -> Result<(), BrokerError> {
        self.alive()?;
        self.tell_broker(&BrokerCommand::from(sendable)).await
    }

    async fn what_if(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        self.alive()?;
        self.pacer.pass().await;
        let impact = self.margin_impact(command).await;
        self.noted(impact)
    }

    async fn drain(&mut self, events: &mut Vec<BrokerEvent>) {
        // Tokio's fairness budget would make a channel look empty after a hundred items.
        tokio::task::unconstrained(self.drain_all(events)).await;
    }

    /// A fence that fails ends the session: its answer could still come and pass for the next one.
    async fn fence(&mut self) -> Result<Timestamp, BrokerError> {
        self.alive()?;
        self.pacer.pass().await;
        match requests::server_time(&self.session.client, self.config.heartbeat_timeout).await {
            Ok(time) => {
                self.gateway_time = (time, Instant::now());
                Ok(time)
            }
            Err(error) => {
                self.lose(&format!("heartbeat: {error}"));
                Err(BrokerError::Lost(format!("heartbeat: {error}")))
            }
        }
    }
}
