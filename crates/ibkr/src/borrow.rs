//! How many shares can be borrowed.
//!
//! In: resolved contracts. Out: shares by contract, as generic tick 236 tells them. Invariant: a contract the broker says
//! nothing about is left out, and no market data line outlives the question.

use crate::IbkrBroker;
use crate::lines::Listener;
use domain::{ContractId, Quantity};
use ibapi::contracts::tick_types::TickType;
use ibapi::market_data::realtime::{TickTypes, generic_tick};
use ports::BrokerError;

/// How many shares of a contract there are to borrow, once told.
struct Shares(ContractId, Option<Quantity>);

impl Listener for Shares {
    fn hear(&mut self, tick: &TickTypes) {
        if let TickTypes::Size(size) = tick
            && size.tick_type == TickType::ShortableShares
        {
            // A count below zero, or one that is no number, says nothing.
            self.1 = (size.size >= 0.0).then(|| Quantity::whole(size.size as i64));
        }
    }

    fn knows_enough(&self) -> bool {
        self.1.is_some()
    }
}

impl IbkrBroker {
    pub(crate) async fn shortable_of(
        &mut self,
        contracts: &[ContractId],
    ) -> Result<Vec<(ContractId, Quantity)>, BrokerError> {
        let question = |&id: &ContractId| Ok((self.contracts.usable(&self.universe, id)?.clone(), Shares(id, None)));
        let questions = contracts.iter().map(question).collect::<Result<_, BrokerError>>()?;
        let told = self.listen(questions, &[generic_tick::SHORTABLE]).await?;
        Ok(told.into_iter().filter_map(|Shares(id, shares)| Some((id, shares?))).collect())
    }
}
