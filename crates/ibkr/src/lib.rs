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
mod kill;
mod look;
mod options;
mod orders;
mod pacing;
mod quotes;
mod requests;
mod snapshot;
mod spreads;
mod trouble;

pub use kill::cancel_everything;

use connect::Session;
pub use contracts::Difference;
use contracts::{ContractBook, Step, unresolved, unusable};
use domain::{ContractId, InstrumentId, InstrumentKind, OptionKey, OrderRef, Quantity, Universe};
use ibapi::contracts::{Contract, ContractDetails as WireDetails};
use ibapi::market_data::TradingHours;
use ibapi::market_data::historical::{BarSize, WhatToShow};
use jiff::Timestamp;
use jiff::civil::Date;
use market::Bar;
use orders::OrderBook;
use pacing::Pacer;
use ports::{
    AccountSnapshot, Broker, BrokerCommand, BrokerError, BrokerEvent, ContractDetails, Glance, Identity, MarginImpact,
    OptionChain, OptionQuote, OrderRequest, SpreadRequest,
};
use quotes::Feed;
use requests::{Answers, Questions};
use risk::Sendable;
use snapshot::Reader;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::{Duration, Instant, timeout};
use trouble::{trouble, written_or_lost};

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
    steps: BTreeMap<i32, Vec<Step>>,
    pacer: Pacer,
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

    /// The highest order id used so far; what the next run passes as [`IbkrConfig::order_id_high_water`].
    pub fn order_id_high_water(&self) -> i32 {
        self.orders.high_water()
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

    fn reader(&self) -> Reader<'_> {
        Reader { universe: &self.universe, contracts: &self.contracts, account: &self.account }
    }

    /// The gateway's clock now: what it said last, plus what has passed since unless its clock stands still.
    fn gateway_now(&self) -> Timestamp {
        let (time, asked) = self.gateway_time;
        if self.config.virtual_time { time } else { convert::later(time, asked.elapsed()) }
    }

    /// Every description that fits a query; none is an answer too.
    async fn described(&mut self, name: &str, query: &Contract) -> Result<Vec<WireDetails>, BrokerError> {
        self.pacer.pass().await;
        let request = self.session.client.contract_details_stream(query).subscribe().await;
        let mut rows = request.map_err(|e| trouble(name, e))?;
        match rows.collect_to_end_within(self.config.request_timeout).await {
            Err(ibapi::Error::Notice(notice)) if notice.code == codes::NO_SUCH_CONTRACT => Ok(Vec::new()),
            answers => answers.map_err(|e| trouble(name, e)),
        }
    }

    /// The descriptions that fit our facts; when none does, the nearest of what goes by the symbol.
    async fn candidates(&mut self, id: ContractId) -> Result<Vec<WireDetails>, BrokerError> {
        let universe = self.universe.clone();
        let name = &universe.contract(id).name;
        let known = self.contracts.get(id).map(|contract| contract.contract_id);
        let exact = self.described(name, &contracts::query(&universe, id, known)?).await?;
        if !exact.is_empty() {
            return Ok(exact);
        }
        let wider = self.described(name, &contracts::wider_query(&universe, id)?).await?;
        Ok(contracts::nearest(&universe, id, &wider).cloned().into_iter().collect())
    }

    /// The price steps of a contract, asked for once per market rule; empty when the broker names no rule.
    async fn steps(&mut self, name: &str, details: &WireDetails) -> Result<Vec<Step>, BrokerError> {
        // Rules stand in the order of the exchanges: the one that matters is that of the exchange we route to.
        let routed = |exchange: &String| details.contract.exchange.to_string() == *exchange;
        let place = details.valid_exchanges.iter().position(routed).unwrap_or_default();
        let Some(rule) = details.market_rule_ids.get(place).and_then(|rule| rule.parse::<i32>().ok()) else {
            return Ok(Vec::new());
        };
        if !self.steps.contains_key(&rule) {
            self.pacer.pass().await;
            let answer = self.session.client.market_rule(rule);
            let answer = timeout(self.config.request_timeout, answer)
                .await
                .map_err(|_| BrokerError::Lost(format!("{name}: price steps: no answer in time")))?;
            let increments = answer.map_err(|e| trouble(name, e))?.price_increments;
            let steps = increments
                .iter()
                .filter_map(|step| Some((convert::decimal(step.low_edge)?, convert::decimal(step.increment)?)));
            let steps = steps.collect();
            self.steps.insert(rule, steps);
        }
        Ok(self.steps[&rule].clone())
    }

    async fn resolve_one(&mut self, id: ContractId) -> Result<Option<ContractDetails>, BrokerError> {
        let universe = self.universe.clone();
        let answers = self.candidates(id).await?;
        let details = contracts::only(&universe, id, &answers)?;
        let steps = self.steps(&universe.contract(id).name, details).await?;
        match contracts::agree(&universe, id, details, &steps) {
            Ok((contract, details)) => {
                self.contracts.insert(id, contract);
                Ok(Some(details))
            }
            Err(what) => {
                tracing::debug!(what, "a contract is disputed");
                self.contracts.dispute(id, details.contract.contract_id, what);
                Ok(None)
            }
        }
    }

    async fn watch_one(&mut self, id: ContractId) -> Result<(), BrokerError> {
        if self.contracts.is_disputed(id) || (self.feeds.contains_key(&id) && !self.ended(id)) {
            return Ok(());
        }
        let contract = self.contracts.get(id).ok_or_else(|| unresolved(&self.universe, id))?;
        if let Some(ended) = self.feeds.remove(&id) {
            self.pacer.pass().await;
            ended.ticks.cancel().await;
        }
        self.pacer.pass().await;
        let ticks = self.session.client.market_data(contract).subscribe().await;
        let ticks = ticks.map_err(|e| trouble(&self.universe.contract(id).name, e))?;
        self.feeds.insert(id, Feed::new(ticks));
        Ok(())
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

    async fn submit(&mut self, order_ref: OrderRef, command: &BrokerCommand, order_id: i32) -> Result<(), BrokerError> {
        let (contract, order) =
            self.worded(command).map_err(|reason| BrokerError::Lost(format!("{order_ref}: not sent: {reason}")))?;
        let written = self.session.client.submit_order(order_id, &contract, &order);
        written_or_lost(order_ref, self.config.request_timeout, written).await
    }

    async fn place(&mut self, command: &BrokerCommand) -> Result<(), BrokerError> {
        let order_ref = spreads::order_ref(command);
        let order_id = self.orders.open(order_ref);
        let outcome = self.submit(order_ref, command, order_id).await;
        if outcome.is_err() {
            self.orders.withdraw(order_ref);
        }
        outcome
    }

    async fn cancel(&mut self, order_ref: OrderRef, order_id: i32) -> Result<(), BrokerError> {
        let written = async { self.session.client.cancel_order(order_id, "").await.map(drop) };
        written_or_lost(order_ref, self.config.request_timeout, written).await
    }

    fn order_id(&self, order_ref: OrderRef) -> Result<i32, BrokerError> {
        self.orders.get(order_ref).map(|known| known.order_id).ok_or_else(|| {
            BrokerError::Lost(format!("{order_ref}: not sent: this session knows no such order; take a snapshot first"))
        })
    }
}

impl Broker for IbkrBroker {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        self.alive()?;
        self.pacer.pass().await;
        let accounts = self.session.client.managed_accounts().await.map_err(|error| match error {
            ibapi::Error::Timeout => BrokerError::Lost("account list: no answer in time".to_owned()),
            error => trouble("account list", error),
        });
        let accounts = self.noted(accounts)?;
        let account = match (&self.config.account, &accounts[..]) {
            (Some(wanted), served) if served.contains(wanted) => wanted.clone(),
            (Some(_), served) => {
                let text = format!("the configured account is none of the {} this login serves", served.len());
                return Err(BrokerError::Refused(text));
            }
            (None, [only]) => only.clone(),
            (None, served) => {
                let text =
                    format!("this login serves {} accounts: name the one to trade in the settings", served.len());
                return Err(BrokerError::Refused(text));
            }
        };
        if !self.account.is_empty() && self.account != account {
            return Err(BrokerError::Refused("the gateway now serves another account than before".to_owned()));
        }
        self.account = account;
        let server_time = self.fence().await?;
        let server_version = self.session.client.server_version();
        Ok(Identity { account: self.account.clone(), server_version, server_time })
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
        self.charges.snapshot(&answers.executions);
        Ok(snapshot)
    }

    async fn glance(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        self.look(quote).await
    }

    async fn daily_bars(&mut self, contract: ContractId, sessions: u32, before: Date) -> Result<Vec<Bar>, BrokerError> {
        self.alive()?;
        let known = self.contracts.get(contract).ok_or_else(|| unresolved(&self.universe, contract))?;
        let shown = match self.universe.instrument_of(contract).kind {
            InstrumentKind::Cash => WhatToShow::MidPoint,
            _ => WhatToShow::Trades,
        };
        let known = known.clone();
        let mut asked = 0;
        let history = loop {
            asked += 1;
            self.pacer.pass().await;
            let fetch = self.session.client.historical_data(&known, BarSize::Day).what_to_show(shown);
            let fetch = fetch.trading_hours(TradingHours::Regular).ending(convert::utc_midnight(before));
            let fetch = fetch.duration(quotes::span(sessions)).fetch();
            match timeout(self.config.request_timeout, fetch).await {
                Ok(Err(ibapi::Error::Notice(notice))) if codes::is_no_history(notice.code, &notice.message) => {
                    return Ok(Vec::new());
                }
                Ok(Err(ibapi::Error::Notice(notice)))
                    if asked < quotes::HISTORY_TRIES && codes::asks_again(notice.code, &notice.message) =>
                {
                    let name = &self.universe.contract(contract).name;
                    tracing::warn!(name, code = notice.code, text = %notice.message, "bars are asked for again");
                    self.pacer.rest(quotes::HISTORY_PAUSE).await;
                }
                Ok(history) => break history.map_err(|e| trouble(&self.universe.contract(contract).name, e)),
                Err(_) => {
                    let late = "daily bars: the answer did not arrive in time";
                    break Err(unusable(&self.universe, contract, late));
                }
            }
        };
        let history = self.noted(history)?;
        quotes::daily_bars(&self.universe, contract, &history.bars, sessions, before)
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
        // A login has about a hundred lines: what is no longer looked at gives its own back.
        let idle: Vec<ContractId> = self.feeds.keys().filter(|id| !contracts.contains(id)).copied().collect();
        for feed in idle.iter().filter_map(|id| self.feeds.remove(id)).collect::<Vec<_>>() {
            self.pacer.pass().await;
            feed.ticks.cancel().await;
        }
        for &id in contracts {
            let watched = self.watch_one(id).await;
            self.noted(watched)?;
        }
        Ok(())
    }

    async fn send(&mut self, sendable: &Sendable) -> Result<(), BrokerError> {
        self.alive()?;
        let command = &BrokerCommand::from(sendable);
        match command {
            BrokerCommand::Cancel { .. } => self.pacer.pass_first(),
            _ => self.pacer.pass().await,
        }
        match command {
            BrokerCommand::Place(_) | BrokerCommand::PlaceSpread(_) => self.place(command).await,
            BrokerCommand::Replace(OrderRequest { order_ref, .. })
            | BrokerCommand::ReplaceSpread(SpreadRequest { order_ref, .. }) => {
                self.submit(*order_ref, command, self.order_id(*order_ref)?).await
            }
            BrokerCommand::Cancel { order_ref } => self.cancel(*order_ref, self.order_id(*order_ref)?).await,
        }
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
