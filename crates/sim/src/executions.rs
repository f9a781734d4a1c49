//! Executions: booked in the account, listed, told.
//!
//! In: trades of orders and of nobody. Out: views of executions with an identity each. Invariant: what is listed is in the
//! account, with what it cost, and both are told once.

use crate::account::Trade;
use crate::broker::Broker;
use crate::view::Owner;
use crate::{ExecutionView, Liquidity, SimEventKind};
use domain::{ExecutionId, Money};
use jiff::Timestamp;

impl Broker {
    /// A trade in the account, as the first execution of its order that took what was there.
    pub(crate) fn trade(&mut self, owner: Owner, id: ExecutionId, trade: Trade, at: Timestamp) -> ExecutionView {
        let Owner { client, order_id, perm_id, order_ref } = owner;
        let Trade { contract, side, quantity, price, commission } = trade;
        let currency = self.universe.terms(contract).currency;
        ExecutionView {
            id,
            client,
            order_id,
            perm_id,
            order_ref,
            contract,
            side,
            quantity,
            price,
            at,
            cumulative: quantity,
            average_price: price.to_decimal(),
            liquidity: Liquidity::Removed,
            commission: Money::new(commission, currency),
            realized: self.books.account.trade(trade),
            spread: None,
            is_liquidation: false,
        }
    }

    pub(crate) fn tell_executed(&mut self, execution: ExecutionView) {
        let ExecutionView { client, id, commission, realized, .. } = execution.clone();
        self.executions.push(execution.clone());
        self.tell(client, SimEventKind::Execution(execution));
        self.tell(client, SimEventKind::Commission { execution: id, amount: commission, realized });
    }

    pub(crate) fn next_execution_id(&mut self) -> ExecutionId {
        self.executed += 1;
        ExecutionId(format!("0000e0d5.{:08x}.01.01", self.executed).into())
    }
}
