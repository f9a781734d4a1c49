//! How many shares can be borrowed.
//!
//! In: resolved contracts. Out: shares by contract, as generic tick 236 tells them. Invariant: a contract the broker says
//! nothing about is left out, and no market data line outlives the question.

use crate::trouble::trouble;
use crate::{IbkrBroker, requests};
use domain::{ContractId, Quantity};
use futures::{FutureExt, StreamExt};
use ibapi::contracts::tick_types::TickType;
use ibapi::market_data::realtime::{TickTypes, generic_tick};
use ibapi::subscriptions::{Subscription, SubscriptionItem};
use ports::BrokerError;
use tokio::time::{Duration, Instant, sleep, timeout};

/// Market data lines used at once; a login has about a hundred.
const LINES: usize = 50;
/// How long the slower ticks of a line are waited for.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(50);

/// What the ticks of one contract have said.
struct Line {
    contract: ContractId,
    ticks: Subscription<TickTypes>,
    shares: Option<Quantity>,
    ended: bool,
}

impl IbkrBroker {
    pub(crate) async fn shortable_of(
        &mut self,
        contracts: &[ContractId],
    ) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        let mut told = Vec::with_capacity(contracts.len());
        for chunk in contracts.chunks(LINES) {
            told.extend(self.borrow_lines(chunk).await?);
        }
        Ok(told)
    }

    async fn borrow_lines(&mut self, contracts: &[ContractId]) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        let mut lines = Vec::with_capacity(contracts.len());
        for &contract in contracts {
            let known = self.contracts.usable(&self.universe, contract)?;
            self.pacer.pass().await;
            let ticks = self.session.client.market_data(known).generic_ticks(&[generic_tick::SHORTABLE]);
            let ticks = ticks.subscribe().await.map_err(|e| trouble(&self.universe.contract(contract).name, e))?;
            lines.push(Line { contract, ticks, shares: None, ended: false });
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let before = Instant::now();
            let asked = requests::server_time(&self.session.client, self.config.heartbeat_timeout).await?;
            self.gateway_time = (asked, before);
            lines.iter_mut().for_each(Line::drain);
            let over = lines.iter().all(|line| line.ended || line.shares.is_some());
            // Where time stands still, everything there is to say was said before the clock answered.
            if self.config.virtual_time || over || Instant::now() >= until {
                break;
            }
            self.pacer.pass().await;
            sleep(PAUSE).await;
        }
        let told = lines.iter().filter_map(|line| line.shares.map(|shares| (line.contract, shares))).collect();
        for line in lines {
            self.pacer.pass().await;
            let _ = timeout(self.config.request_timeout, line.ticks.cancel()).await;
        }
        Ok(told)
    }
}

impl Line {
    fn drain(&mut self) {
        while let Some(Some(item)) = tokio::task::unconstrained(self.ticks.next()).now_or_never() {
            match item {
                Ok(SubscriptionItem::Data(TickTypes::Size(size))) if size.tick_type == TickType::ShortableShares => {
                    // A count below zero, or one that is no number, says nothing.
                    self.shares = (size.size >= 0.0).then(|| Quantity::whole(size.size as i64));
                }
                Ok(SubscriptionItem::Data(_)) => {}
                Ok(SubscriptionItem::Notice(notice)) => {
                    tracing::debug!(code = notice.code, text = %notice.message, "notice on a question for shares to borrow");
                }
                Err(error) => {
                    tracing::warn!(%error, "a question for shares to borrow ended");
                    self.ended = true;
                    return;
                }
            }
        }
    }
}
