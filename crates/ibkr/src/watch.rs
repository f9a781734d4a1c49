//! Which quotes are subscribed.
//!
//! In: the contracts to watch. Out: a subscription for each and for no other. Invariant: one that lives is left alone; one
//! that the broker ended, or that says nothing, is asked for again, and one whose quote has grown old on demand.

use crate::IbkrBroker;
use crate::quotes::Feed;
use crate::trouble::trouble;
use domain::ContractId;
use ports::BrokerError;

impl IbkrBroker {
    pub(crate) async fn watch_all(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        // A login has about a hundred lines: what is no longer looked at gives its own back.
        let idle: Vec<ContractId> = self.feeds.keys().filter(|id| !contracts.contains(id)).copied().collect();
        for feed in idle.iter().filter_map(|id| self.feeds.remove(id)).collect::<Vec<_>>() {
            self.pacer.pass().await;
            feed.ticks.cancel().await;
        }
        for &id in contracts {
            self.watch_one(id).await?;
        }
        Ok(())
    }

    async fn watch_one(&mut self, id: ContractId) -> Result<(), BrokerError> {
        if self.contracts.is_disputed(id) || (self.feeds.contains_key(&id) && !self.is_mute(id)) {
            return Ok(());
        }
        self.subscribe(id).await
    }

    /// Subscribes these anew: a new subscription begins with the whole quote, also of one that has not changed for long.
    pub(crate) async fn renew_all(&mut self, contracts: &[ContractId]) -> Result<(), BrokerError> {
        for id in contracts.iter().filter(|id| self.feeds.contains_key(id)).copied().collect::<Vec<_>>() {
            self.subscribe(id).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, id: ContractId) -> Result<(), BrokerError> {
        let contract = self.contracts.usable(&self.universe, id)?;
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
}
