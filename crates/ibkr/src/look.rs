//! Questions that change nothing: a look at the account's worth and one quote, a line of the table compared.
//!
//! In: contracts. Out: a glance, differences. Invariant: nothing is kept of the answers but what the session noted of its
//! own end.

use crate::IbkrBroker;
use crate::contracts::{self, Difference};
use crate::lines::Listener;
use crate::quotes::Book;
use crate::requests::Questions;
use domain::ContractId;
use ibapi::market_data::realtime::TickTypes;
use ports::{Broker, BrokerError, Glance};

/// What is wanted of one quote: a price that was paid, or both sides.
#[derive(Default)]
struct Top(Book);

impl Listener for Top {
    fn hear(&mut self, tick: &TickTypes) {
        self.0.fold(tick);
    }

    fn knows_enough(&self) -> bool {
        self.0.has_last() || self.0.has_sides()
    }
}

impl IbkrBroker {
    /// Net liquidation, excess liquidity and a quote.
    pub(crate) async fn look(&mut self, quote: Option<ContractId>) -> Result<Glance, BrokerError> {
        self.alive()?;
        let mut questions =
            Questions { client: &self.session.client, pacer: &mut self.pacer, limit: self.config.request_timeout };
        let worth = questions.worth(&self.account).await;
        let (net_liquidation, excess_liquidity) = self.noted(worth)?;
        let quote = match quote.and_then(|id| Some((id, self.contracts.get(id)?))) {
            None => None,
            Some((id, contract)) => {
                let unit = self.universe.instrument_of(id).quote_unit;
                let told = self.listen(vec![(contract.clone(), Top::default())], &[]).await;
                // No price is an ordinary answer of a closed venue.
                self.noted(told)?.pop().map(|top| top.0.quote(unit, self.gateway_time.0))
            }
        };
        let at = self.fence().await?;
        Ok(Glance { at, net_liquidation, excess_liquidity, quote })
    }

    /// Compares a line of the instrument table with the broker, without using the contract: its id there, when the broker
    /// knows one contract that fits, and everything both state differently.
    ///
    /// # Errors
    /// [`BrokerError::Lost`] when the session ended; [`BrokerError::Unusable`] when the broker knows no such contract, or
    /// several.
    pub async fn inspect(&mut self, id: ContractId) -> Result<(i64, Vec<Difference>), BrokerError> {
        self.alive()?;
        let universe = self.universe.clone();
        let answers = self.candidates(id).await;
        let answers = self.noted(answers)?;
        let details = contracts::only(&universe, id, &answers).map_err(BrokerError::Unusable)?;
        let steps = self.steps(&universe.contract(id).name, details).await;
        let differences = contracts::differences(&universe, id, details, &self.noted(steps)?);
        Ok((i64::from(details.contract.contract_id), differences))
    }
}
