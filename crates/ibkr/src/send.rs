//! Commands on their way out.
//!
//! In: commands the gate let out. Out: messages written, in the order of their permits and cancels first. Invariant: a command
//! that was not written says so; what was written may still have been lost.

use crate::trouble::written_or_lost;
use crate::{IbkrBroker, spreads};
use domain::OrderRef;
use ports::{BrokerCommand, BrokerError, OrderRequest, SpreadRequest};

impl IbkrBroker {
    pub(crate) async fn tell_broker(&mut self, command: &BrokerCommand) -> Result<(), BrokerError> {
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
