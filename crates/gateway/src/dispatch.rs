//! From a frame to the one who answers it.
//!
//! In: frames of started and not yet started connections. Out: answers, or the refusal a real gateway gives.
//! Invariant: every request is answered by exactly one arm of one table, and an unreadable one is answered too.

use crate::contracts::{Unresolved, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey, Then};
use crate::orders;
use crate::wire::{self, Request};
use crate::wire_fault::WireFaults;
use crate::wire_faults::TOO_FAST;
use domain::ContractId;
use std::collections::BTreeSet;
use std::time::Instant;
use tracing::warn;

/// Contracts a search by name gives at most, as many as IB gives.
const SAMPLES_MAX: usize = 16;

impl Desk {
    /// Answers one frame.
    pub(crate) fn handle(&mut self, key: SessionKey, frame: &[u8]) -> Then {
        if !self.sessions.contains_key(&key) {
            return Then::Close;
        }
        if self.wire.frozen.contains(&key) && !self.wire.frozen_carries_out {
            return Then::Continue;
        }
        if self.paced && !self.session_mut(key).pace.takes_message(Instant::now()) {
            self.error(key, NO_REQUEST, 100, TOO_FAST);
            return Then::Close;
        }
        match Request::decode(self.session(key).outbox.codec(), frame) {
            Ok(Request::StartApi(_)) if self.session(key).client_id.is_some() => {
                self.invalid(key, NO_REQUEST, "the API is started already, and the client id stays what it is")
            }
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
        if self.session_of(client_id).is_some() || WireFaults::take(&mut self.wire.ids_in_use) {
            let text = "Unable to connect as the client id is already in use. Retry with a unique client id.";
            self.error(key, NO_REQUEST, 326, text);
            return Then::Close;
        }
        self.session_mut(key).client_id = Some(client_id);
        self.send(key, &wire::ManagedAccounts { accounts_list: Some(self.account.clone()) });
        if !WireFaults::take(&mut self.wire.without_next_id) {
            self.send_next_id(key);
        }
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
            Request::LogLevel(_) | Request::CancelContractData(_) | Request::CancelHeadTimestamp(_) => {}

            Request::Positions(_) => self.positions(key),
            Request::CancelPositions(_) => self.session_mut(key).positions = false,
            Request::AccountData(request) => self.account_data(key, &request),
            Request::AccountSummary(request) => self.account_summary(key, &request),
            Request::CancelAccountSummary(wire::RequestKey { req_id }) => {
                self.session_mut(key).summaries.remove(&req_id.unwrap_or(NO_REQUEST));
            }

            Request::AccountUpdatesMulti(request) => self.account_updates_multi(key, &request),
            Request::CancelAccountUpdatesMulti(request) => {
                self.session_mut(key).models.remove(&request.req_id.unwrap_or(NO_REQUEST));
            }
            Request::PnL(request) => self.profit(key, &request),
            Request::PnLSingle(request) => self.profit_of_contract(key, &request),
            Request::CancelPnL(request) | Request::CancelPnLSingle(request) => {
                self.session_mut(key).profits.remove(&request.req_id.unwrap_or(NO_REQUEST));
            }

            Request::ContractData(request) => self.contract_data(key, &request),
            Request::MarketRule(request) => self.market_rule(key, request.market_rule_id.unwrap_or_default()),
            Request::MatchingSymbols(request) => self.symbol_samples(key, &request),
            Request::SecDefOptParams(request) => self.option_parameters(key, &request),
            Request::MarketDataType(request) => self.session_mut(key).data_type = request.market_data_type.unwrap_or(1),
            Request::MarketData(request) => self.market_data(key, &request),
            Request::CancelMarketData(request) => self.cancel_market_data(key, request.req_id.unwrap_or(NO_REQUEST)),
            Request::HistoricalData(request) => self.historical_data(key, &request),
            Request::HeadTimestamp(request) => self.head_timestamp(key, &request),
            Request::RealTimeBars(request) => self.real_time_bars(key, &request),
            Request::CancelHistoricalData(request) | Request::CancelRealTimeBars(request) => {
                self.session_mut(key).bars.remove(&request.req_id.unwrap_or(NO_REQUEST));
            }

            Request::PlaceOrder(request) => self.place_order(key, &request),
            Request::CancelOrder(request) => self.cancel_order(key, request.order_id.unwrap_or(NO_REQUEST)),
            Request::GlobalCancel(_) => self.global_cancel(key),
            Request::OpenOrders(_) => self.open_orders(key, orders::Whose::Own),
            Request::AutoOpenOrders(_) => self.auto_open_orders(key),
            Request::AllOpenOrders(_) => self.open_orders(key, orders::Whose::Everyone),
            Request::CompletedOrders(_) => self.completed_orders(key),
            Request::Executions(request) => self.executions(key, &request),

            Request::ScannerParameters(_) => {
                let xml = Some("<ScanParameterResponse/>".to_owned());
                self.send(key, &wire::ScannerParameters { xml });
            }
            Request::FamilyCodes(_) => self.send(key, &wire::FamilyCodes {}),
            Request::MarketDepthExchanges(_) => self.send(key, &wire::MarketDepthExchanges {}),
            Request::NewsProviders(_) => self.send(key, &wire::NewsProviders {}),
            Request::AdvisorData(_) => {
                self.invalid(key, NO_REQUEST, "FA data operations ignored for non FA customers.")
            }
            Request::Unserved(id, request) => {
                // Clients take 321 for a warning and would wait on.
                let text = format!(
                    "Error processing request.-'sim' : cause - the simulated gateway does not serve requests of type {id}"
                );
                self.error(key, request.req_id.unwrap_or(NO_REQUEST), 322, &text);
            }
            Request::Unknown(id) => warn!(id, "request of an unknown type ignored"),
        }
    }

    fn contract_data(&mut self, key: SessionKey, request: &wire::ContractDataRequest) {
        let req_id = request.req_id;
        let wanted = request.contract.clone().unwrap_or_default();
        let mut found = self.directory.matching(&wanted, self.today());
        found.retain(|id| self.wire.unlisted != Some(*id));
        let options = if found.is_empty() { self.option_data(&wanted) } else { Vec::new() };
        if found.is_empty() && options.is_empty() {
            let text = Unresolved::NoMatch.to_string();
            return self.error(key, req_id.unwrap_or(NO_REQUEST), 200, &text);
        }
        for id in found {
            let exchange = wanted.exchange.clone().filter(|exchange| !exchange.is_empty());
            let contract =
                self.directory.describe(id, exchange.or_else(|| Some(self.directory.instrument(id).exchange.clone())));
            let details = self.directory.details(id, &self.calendars, self.now());
            if self.wire.ambiguous == Some(id) {
                let other = wire::Contract { con_id: contract.con_id.map(|con_id| con_id + 1), ..contract.clone() };
                let details = Some(details.clone());
                self.send(key, &wire::ContractData { req_id, contract: Some(other), contract_details: details });
            }
            self.send(key, &wire::ContractData { req_id, contract: Some(contract), contract_details: Some(details) });
        }
        for (contract, details) in options {
            self.send(key, &wire::ContractData { req_id, contract: Some(contract), contract_details: Some(details) });
        }
        self.send(key, &wire::ContractDataEnd { req_id });
    }

    /// Contracts whose symbol or name begins with a text, whatever its case.
    fn symbol_samples(&mut self, key: SessionKey, request: &wire::MatchingSymbolsRequest) {
        let pattern = text(&request.pattern).to_lowercase();
        let begins = |name: &str| !pattern.is_empty() && name.to_lowercase().starts_with(&pattern);
        let named =
            |&id: &ContractId| begins(self.directory.symbol(id)) || begins(&self.directory.instrument(id).description);
        let mut seen = BTreeSet::new();
        let first_of_instrument = |id: &ContractId| seen.insert(self.directory.instrument(*id).name.clone());
        let found = self.directory.contracts().filter(named).filter(first_of_instrument).take(SAMPLES_MAX);
        let describe = |id: ContractId| wire::ContractDescription {
            contract: Some(wire::Contract {
                description: Some(self.directory.instrument(id).description.clone()),
                ..self.directory.describe(id, None)
            }),
            derivative_sec_types: Vec::new(),
        };
        let contract_descriptions = found.map(describe).collect();
        self.send(key, &wire::SymbolSamples { req_id: request.req_id, contract_descriptions });
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
        let order_id = if self.wire.ids_rolled_back { 1 } else { self.sim.next_order_id(self.client_id(key)) };
        self.send(key, &wire::NextValidId { order_id: Some(order_id) });
    }
}
