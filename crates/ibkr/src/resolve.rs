//! Asking which of the broker's contracts is which of ours.
//!
//! In: our contracts. Out: one contract of the broker each, or a dispute. Invariant: a contract is asked for by the id it has
//! always had, and every fact is compared again in every session; another id for the same facts is a dispute, and so are no
//! answer and several: what cannot be told for certain is not used, and stops nothing else.

use crate::contracts::Step;
use crate::trouble::trouble;
use crate::{IbkrBroker, codes, contracts, convert};
use domain::ContractId;
use ibapi::contracts::{Contract, ContractDetails as WireDetails};
use ports::{BrokerError, ContractDetails};
use tokio::time::timeout;

impl IbkrBroker {
    /// Every description that fits a query; none is an answer too.
    pub(crate) async fn described(&mut self, name: &str, query: &Contract) -> Result<Vec<WireDetails>, BrokerError> {
        self.pacer.pass().await;
        let request = self.session.client.contract_details_stream(query).subscribe().await;
        let mut rows = request.map_err(|e| trouble(name, e))?;
        match rows.collect_to_end_within(self.config.request_timeout).await {
            Err(ibapi::Error::Notice(notice)) if notice.code == codes::NO_SUCH_CONTRACT => Ok(Vec::new()),
            answers => answers.map_err(|e| trouble(name, e)),
        }
    }

    /// The description of the id that is known, else those that fit our facts; when none does, the nearest of what goes by the symbol.
    pub(crate) async fn candidates(&mut self, id: ContractId) -> Result<Vec<WireDetails>, BrokerError> {
        let universe = self.universe.clone();
        let name = &universe.contract(id).name;
        let resolved = self.contracts.get(id).map(|contract| contract.contract_id);
        let known = resolved.or_else(|| i32::try_from(self.pin(id)?).ok());
        // An id that is gone leaves the facts: what they find has another one, and a person has to look.
        for known in known.map(Some).into_iter().chain([None]) {
            let exact = self.described(name, &contracts::query(&universe, id, known)?).await?;
            if !exact.is_empty() {
                return Ok(exact);
            }
        }
        let wider = self.described(name, &contracts::wider_query(&universe, id)?).await?;
        Ok(contracts::nearest(&universe, id, &wider).cloned().into_iter().collect())
    }

    /// The price steps of a contract, asked for once per market rule; empty when the broker names no rule.
    pub(crate) async fn steps(&mut self, name: &str, details: &WireDetails) -> Result<Vec<Step>, BrokerError> {
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

    pub(crate) async fn resolve_one(&mut self, id: ContractId) -> Result<Option<ContractDetails>, BrokerError> {
        let universe = self.universe.clone();
        let answers = self.candidates(id).await?;
        let details = match contracts::only(&universe, id, &answers) {
            Ok(details) => details,
            Err(what) => return Ok(self.dispute(id, None, what)),
        };
        let steps = self.steps(&universe.contract(id).name, details).await?;
        let agreed = contracts::agree(&universe, id, details, &steps);
        match agreed.and_then(|agreed| self.as_pinned(id, details).map(|()| agreed)) {
            Ok((contract, details)) => {
                self.contracts.insert(id, contract);
                Ok(Some(details))
            }
            Err(what) => Ok(self.dispute(id, Some(details.contract.contract_id), what)),
        }
    }

    /// A contract that is not to be used. What is held of it still goes by the ids it is known by.
    fn dispute(&mut self, id: ContractId, told: Option<i32>, what: String) -> Option<ContractDetails> {
        tracing::debug!(what, "a contract is disputed");
        let pinned = self.pin(id).and_then(|con_id| i32::try_from(con_id).ok());
        self.contracts.dispute(id, told.into_iter().chain(pinned), what);
        None
    }

    /// The broker's id of a contract, as earlier sessions or a person know it.
    fn pin(&self, id: ContractId) -> Option<i64> {
        self.config.pins.get(&self.universe.contract(id).name).copied()
    }

    /// Whether an answer has the id the contract has always had.
    ///
    /// # Errors
    /// Both ids and what to do, in words.
    fn as_pinned(&self, id: ContractId, details: &WireDetails) -> Result<(), String> {
        let told = i64::from(details.contract.contract_id);
        match self.pin(id).filter(|&pinned| pinned != told) {
            None => Ok(()),
            Some(pinned) => Err(format!(
                "{}: con_id: the broker says {told}, and it has been {pinned} until now: another contract answers to the \
                 same facts; not traded until a person has looked: if it is the right one, write `con_id: {told}` into its \
                 row of the instrument table",
                self.universe.contract(id).name
            )),
        }
    }
}
