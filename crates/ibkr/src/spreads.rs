//! Orders as the wire words them: of one contract, and of a calendar spread; and what they would do to the margin.
//!
//! In: commands. Out: contracts and orders of the library; margin before it is used. Invariant: a spread buys one of its
//! far contract for one of its near contract sold; lifetime, account and reference are always stated.

use crate::trouble::trouble;
use crate::{IbkrBroker, convert, orders};
use domain::{ContractId, Money, OrderRef};
use futures::StreamExt;
use ibapi::contracts::{ComboLeg, Contract, LegAction, SecurityType};
use ibapi::orders::{Order, OrderState, PlaceOrder};
use ibapi::subscriptions::SubscriptionItemStreamExt;
use ports::{BrokerCommand, BrokerError, MarginImpact, SpreadRequest};
use tokio::time::timeout;

/// Whose order a command is about.
pub(crate) fn order_ref(command: &BrokerCommand) -> OrderRef {
    match command {
        BrokerCommand::Place(request) | BrokerCommand::Replace(request) => request.order_ref,
        BrokerCommand::PlaceSpread(request) | BrokerCommand::ReplaceSpread(request) => request.order_ref,
        BrokerCommand::Cancel { order_ref } => *order_ref,
    }
}

impl IbkrBroker {
    /// Contract and order of a command that has both.
    pub(crate) fn worded(&self, command: &BrokerCommand) -> Result<(Contract, Order), BrokerError> {
        match command {
            BrokerCommand::Place(request) | BrokerCommand::Replace(request) => {
                let contract = self.known(request.contract)?.clone();
                let instrument = self.universe.instrument_of(request.contract);
                Ok((contract, orders::wire_order(request, instrument, &self.account)))
            }
            BrokerCommand::PlaceSpread(request) | BrokerCommand::ReplaceSpread(request) => self.worded_spread(request),
            BrokerCommand::Cancel { order_ref } => {
                Err(BrokerError::Unusable(format!("{order_ref}: a cancel places nothing")))
            }
        }
    }

    fn known(&self, id: ContractId) -> Result<&Contract, BrokerError> {
        self.contracts.usable(&self.universe, id)
    }

    /// A combination names its legs by their ids, what it is on by symbol, currency and exchange.
    fn worded_spread(&self, request: &SpreadRequest) -> Result<(Contract, Order), BrokerError> {
        let (near, far) = (self.known(request.near)?, self.known(request.far)?);
        let leg = |contract: &Contract, action| ComboLeg {
            contract_id: contract.contract_id,
            ratio: 1,
            action,
            exchange: contract.exchange.to_string(),
            ..ComboLeg::default()
        };
        let contract = Contract {
            symbol: far.symbol.clone(),
            security_type: SecurityType::Spread,
            currency: far.currency.clone(),
            exchange: far.exchange.clone(),
            combo_legs: vec![leg(far, LegAction::Buy), leg(near, LegAction::Sell)],
            ..Contract::default()
        };
        let instrument = self.universe.instrument_of(request.far);
        let order = orders::wire_spread(request, instrument.quote_unit, &self.account);
        Ok((contract, order))
    }

    /// Asks with an order that is only looked at. It takes an order number, and never works.
    pub(crate) async fn margin_impact(&mut self, command: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        let (contract, order) = self.worded(command)?;
        // Without the reference: it belongs to the order that may follow.
        let order = Order { what_if: true, order_ref: String::new(), ..order };
        let order_id = self.orders.number();
        let what = format!("margin of {}", order_ref(command));
        let asked = async {
            let answers = self.session.client.place_order(order_id, &contract, &order).await?;
            let mut answers = answers.filter_data();
            while let Some(answer) = answers.next().await {
                if let PlaceOrder::OpenOrder(data) = answer?
                    && data.order_id == order_id
                {
                    return Ok(data.order_state);
                }
            }
            Err(ibapi::Error::UnexpectedEndOfStream)
        };
        let answered = timeout(self.config.request_timeout, asked).await;
        let state = answered.unwrap_or(Err(ibapi::Error::Timeout)).map_err(|error| trouble(&what, error))?;
        impact(&what, &state)
    }
}

fn impact(what: &str, state: &OrderState) -> Result<MarginImpact, BrokerError> {
    let amount = |value: Option<f64>| value.and_then(convert::decimal);
    let commission = amount(state.commission.or(state.maximum_commission))
        .map(|charge| {
            Ok::<_, BrokerError>(Money::new(charge, crate::contracts::currency(what, &state.commission_currency)?))
        })
        .transpose()?;
    Ok(MarginImpact {
        initial: amount(state.initial_margin_change),
        maintenance: amount(state.maintenance_margin_change),
        initial_after: amount(state.initial_margin_after),
        maintenance_after: amount(state.maintenance_margin_after),
        equity_after: amount(state.equity_with_loan_after),
        commission,
    })
}
