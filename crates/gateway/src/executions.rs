//! Executions and their charges, as they happen and when a client asks.
//!
//! In: executions of the simulation, filters of clients. Out: execution and commission messages. Invariant: a
//! price is in the quote unit, an execution is followed by its charge, and both keep their id for ever.

use crate::contracts::{listing, security_type, text};
use crate::desk::{Desk, SessionKey};
use crate::moment::{compact_day, midnight, parse_wire_time, wire_time};
use crate::orders::{mean_quoted, number};
use crate::wire;
use domain::{ExecutionId, Money, QuoteUnit, Side};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use sim::{ExecutionView, Liquidity};

/// Days of executions a client may ask for, as IB keeps them.
const DAYS_MAX: i32 = 7;

/// What clients write that do not care whose executions they get.
const ANY_CLIENT: i32 = 0;

impl Desk {
    pub(crate) fn executions(&mut self, key: SessionKey, request: &wire::ExecutionRequest) {
        let filter = request.filter.clone().unwrap_or_default();
        let since = since(&filter, self.today());
        for execution in self.sim.executions(since).iter().filter(|execution| self.passes(&filter, execution)) {
            self.send_execution(key, request.req_id, execution);
            self.send_commission(key, &execution.id, execution.commission, execution.realized);
        }
        self.send(key, &wire::ExecutionDetailsEnd { req_id: request.req_id });
    }

    fn passes(&self, filter: &wire::ExecutionFilter, execution: &ExecutionView) -> bool {
        let instrument = self.directory.instrument(execution.contract);
        let is = |field: &Option<String>, value: &str| text(field).is_empty() || text(field) == value;
        let day = compact_day(execution.at);
        !self.faults.hides(&execution.id)
            && filter.client_id.is_none_or(|client| client == ANY_CLIENT || client == execution.client)
            && is(&filter.acct_code, &self.account)
            && is(&filter.symbol, self.directory.symbol(execution.contract))
            && is(&filter.sec_type, security_type(instrument.kind))
            && is(&filter.exchange, listing(instrument))
            && is(&filter.side, if execution.side == Side::Buy { "BUY" } else { "SELL" })
            && (filter.specific_dates.is_empty() || filter.specific_dates.contains(&day))
    }

    pub(crate) fn send_execution(&self, key: SessionKey, req_id: Option<i32>, execution: &ExecutionView) {
        if let Some(whole) = &execution.spread {
            self.send_whole(key, req_id, execution, whole);
        }
        let instrument = self.directory.instrument(execution.contract);
        let (unit, exchange) = (self.directory.unit(execution.contract), listing(instrument).to_owned());
        let prices = (execution.price.to_decimal(), execution.average_price);
        let message = wire_execution(execution, &self.account, &exchange, &execution.id, prices, unit);
        let contract = Some(self.directory.describe(execution.contract, Some(exchange)));
        self.send(key, &wire::ExecutionDetails { req_id, contract, execution: Some(message) });
    }

    pub(crate) fn send_commission(&self, key: SessionKey, execution: &ExecutionId, amount: Money, realized: Decimal) {
        let report = wire::CommissionAndFeesReport {
            exec_id: Some(execution.to_string()),
            commission_and_fees: number(amount.amount),
            currency: Some(amount.currency.code().to_owned()),
            realized_pnl: number(realized),
        };
        self.send(key, &report);
    }
}

/// An execution under an id and at prices of the major unit: its own, or those of the spread it is the first leg of.
pub(crate) fn wire_execution(
    execution: &ExecutionView,
    account: &str,
    exchange: &str,
    id: &ExecutionId,
    (price, average_price): (Decimal, Decimal),
    unit: QuoteUnit,
) -> wire::Execution {
    wire::Execution {
        order_id: Some(execution.order_id),
        exec_id: Some(id.to_string()),
        time: Some(wire_time(execution.at)),
        acct_number: Some(account.to_owned()),
        exchange: Some(exchange.to_owned()),
        side: Some(if execution.side == Side::Buy { "BOT" } else { "SLD" }.to_owned()),
        shares: Some(execution.quantity.to_string()),
        price: mean_quoted(price, unit),
        perm_id: Some(execution.perm_id),
        client_id: Some(execution.client),
        is_liquidation: Some(execution.is_liquidation),
        cum_qty: Some(execution.cumulative.to_string()),
        avg_price: mean_quoted(average_price, unit),
        order_ref: Some(execution.order_ref.clone()),
        last_liquidity: Some(match execution.liquidity {
            Liquidity::Added => 1,
            Liquidity::Removed => 2,
            Liquidity::Auction => 0,
        }),
    }
}

/// From when on executions are asked for: today's, or those of more days, or from an instant of the client.
fn since(filter: &wire::ExecutionFilter, today: Date) -> Timestamp {
    if !filter.specific_dates.is_empty() {
        return Timestamp::MIN;
    }
    let days_back = filter.last_n_days.unwrap_or_default().clamp(0, DAYS_MAX);
    parse_wire_time(text(&filter.time)).unwrap_or_else(|| midnight(today.saturating_sub(days_back.days())))
}
