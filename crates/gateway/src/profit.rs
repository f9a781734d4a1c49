//! Profit and loss, of the account and of one contract, kept up to date.
//!
//! In: positions, today's executions, the last official closes. Out: profit of the day, unrealised and realised.
//! Invariant: the profit of a day is what is held now at its mark, less what was held before at the last close, less
//! what today's trades paid and cost; a contract without a close counts from its mark.

use crate::contracts::text;
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::moment::midnight;
use crate::orders::number;
use crate::wire;
use domain::{ContractId, Quantity};
use rust_decimal::Decimal;
use sim::AccountView;
use std::collections::BTreeSet;

/// A subscription: of the account, or of one contract.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProfitStream {
    contract: Option<ContractId>,
    told: Option<Profit>,
}

/// In one currency: the contract's, or the base.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Profit {
    position: Quantity,
    daily: Decimal,
    unrealized: Decimal,
    realized: Decimal,
    value: Decimal,
}

impl Desk {
    pub(crate) fn profit(&mut self, key: SessionKey, request: &wire::PnLRequest) {
        self.subscribe_profit(key, request.req_id, text(&request.account), None);
    }

    pub(crate) fn profit_of_contract(&mut self, key: SessionKey, request: &wire::PnLSingleRequest) {
        let wanted = wire::Contract { con_id: Some(request.con_id.unwrap_or(NO_REQUEST)), ..wire::Contract::default() };
        match self.resolve(&Some(wanted)) {
            Ok(contract) => self.subscribe_profit(key, request.req_id, text(&request.account), Some(contract)),
            Err(unresolved) => self.error(key, request.req_id.unwrap_or(NO_REQUEST), 200, &unresolved.to_string()),
        }
    }

    fn subscribe_profit(&mut self, key: SessionKey, req_id: Option<i32>, account: &str, contract: Option<ContractId>) {
        let req_id = req_id.unwrap_or(NO_REQUEST);
        if !account.is_empty() && account != self.account {
            return self.invalid(key, req_id, &format!("Invalid account code '{account}'"));
        }
        self.session_mut(key).profits.insert(req_id, ProfitStream { contract, told: None });
        self.send_profit(key, req_id, &self.account_view());
    }

    /// Tells subscribers what has changed.
    pub(crate) fn refresh_profits(&mut self) {
        let listens = |&key: &SessionKey| !self.session(key).profits.is_empty();
        let keys: Vec<SessionKey> = self.session_keys().into_iter().filter(listens).collect();
        if keys.is_empty() {
            return;
        }
        let account = self.account_view();
        for key in keys {
            let ids: Vec<i32> = self.session(key).profits.keys().copied().collect();
            for req_id in ids {
                self.send_profit(key, req_id, &account);
            }
        }
    }

    fn send_profit(&mut self, key: SessionKey, req_id: i32, account: &AccountView) {
        let Some(&ProfitStream { contract, told }) = self.session(key).profits.get(&req_id) else { return };
        let profit = match contract {
            Some(contract) => self.contract_profit(account, contract),
            None => self.account_profit(account),
        };
        if told == Some(profit) {
            return;
        }
        self.session_mut(key).profits.insert(req_id, ProfitStream { contract, told: Some(profit) });
        let (req_id, daily_pnl) = (Some(req_id), number(profit.daily));
        let (unrealized_pnl, realized_pnl) = (number(profit.unrealized), number(profit.realized));
        match contract {
            None => self.send(key, &wire::PnL { req_id, daily_pnl, unrealized_pnl, realized_pnl }),
            Some(_) => {
                let (position, value) = (Some(profit.position.to_string()), number(profit.value));
                self.send(key, &wire::PnLSingle { req_id, position, daily_pnl, unrealized_pnl, realized_pnl, value });
            }
        }
    }

    /// Everything held or traded today, in the base currency.
    fn account_profit(&self, account: &AccountView) -> Profit {
        let held = account.positions.iter().map(|position| position.contract);
        let traded = self.sim.executions(midnight(self.today())).iter().map(|execution| execution.contract);
        let contracts: BTreeSet<ContractId> = held.chain(traded).collect();
        contracts.into_iter().fold(Profit::default(), |sum, contract| {
            let part = self.contract_profit(account, contract);
            let rate = self.sim.exchange_rate(self.directory.instrument(contract).currency).unwrap_or(Decimal::ONE);
            Profit {
                position: Quantity::ZERO,
                daily: sum.daily + (rate * part.daily).round_dp(2),
                unrealized: sum.unrealized + (rate * part.unrealized).round_dp(2),
                realized: sum.realized + (rate * part.realized).round_dp(2),
                value: sum.value + (rate * part.value).round_dp(2),
            }
        })
    }

    fn contract_profit(&self, account: &AccountView, contract: ContractId) -> Profit {
        let multiplier = Decimal::from(self.directory.instrument(contract).multiplier);
        let position = account.positions.iter().find(|position| position.contract == contract);
        let (quantity, mark, unrealized) = position.map_or((Quantity::ZERO, None, Decimal::ZERO), |position| {
            (position.quantity, Some(position.mark.to_decimal()), position.unrealized)
        });
        let executions = self.sim.executions(midnight(self.today())).iter();
        let mut profit = Profit { position: quantity, unrealized, ..Profit::default() };
        let mut before = quantity.to_decimal();
        for execution in executions.filter(|execution| execution.contract == contract) {
            let signed = Decimal::from(execution.side.sign()) * execution.quantity.to_decimal();
            before -= signed;
            profit.daily -= multiplier * signed * execution.price.to_decimal() + execution.commission.amount;
            profit.realized += execution.realized;
        }
        profit.value = multiplier * quantity.to_decimal() * mark.unwrap_or_default();
        let close = self.quote(contract).close.map(|close| close.to_decimal()).or(mark).unwrap_or_default();
        profit.daily = (profit.daily + profit.value - multiplier * before * close).round_dp(2);
        profit
    }
}
