//! From the rows of a snapshot to one account, or to the reason why there is none.
//!
//! In: complete answers. Out: orders, executions, positions with marks, cash, net liquidation value. Invariant:
//! nothing is filled in: a row that is missing, contradicts another or has an impossible value ends the snapshot.

use crate::contracts::{self, ContractBook};
use crate::requests::Answers;
use crate::{convert, orders};
use domain::{Currency, ExecutionId, Fill, Money, OrderRef, Price, Quantity, Side, Universe};
use ibapi::accounts::{AccountPortfolioValue, AccountSummary};
use ibapi::contracts::{Contract, SecurityType};
use ibapi::orders::{CommissionReport, ExecutionData, ExecutionSide, Executions, Order, Orders};
use ports::{AccountSnapshot, BrokerError, BrokerOrder, BrokerPosition, CashRow, Execution, ForeignPosition};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt::Display;

/// What rows are read against.
pub(crate) struct Reader<'a> {
    pub(crate) universe: &'a Universe,
    pub(crate) contracts: &'a ContractBook,
    pub(crate) account: &'a str,
}

/// Positions of contracts of ours, and of anything else.
type Positions = (Vec<BrokerPosition>, Vec<ForeignPosition>);

impl Reader<'_> {
    /// The account at the moment of the answers.
    pub(crate) fn snapshot(&self, answers: &Answers) -> Result<AccountSnapshot, BrokerError> {
        if answers.values.iter().any(|value| value.key == "AccountReady" && value.value == "false") {
            return Err(unusable("account updates", "the gateway is still loading the account: ask again"));
        }
        let (base, net_liquidation) = self.net_liquidation(&answers.summary)?;
        let (positions, foreign) = self.positions(answers)?;
        Ok(AccountSnapshot {
            at: answers.at,
            base,
            net_liquidation,
            cash: self.cash(&answers.summary, base)?,
            positions,
            foreign,
            open_orders: self.orders("open orders", &answers.open)?,
            completed_orders: self.orders("completed orders", &answers.completed)?,
            executions: self.executions(&answers.executions)?,
        })
    }

    fn net_liquidation(&self, summary: &[AccountSummary]) -> Result<(Currency, Decimal), BrokerError> {
        let what = "account summary";
        let mut rows = summary.iter().filter(|row| row.account == self.account && row.tag == "NetLiquidation");
        let (Some(row), None) = (rows.next(), rows.next()) else {
            return Err(unusable(what, "not exactly one NetLiquidation row for the account"));
        };
        let value = number(what, &row.tag, &row.value)?;
        if value <= Decimal::ZERO {
            return Err(unusable(what, format_args!("NetLiquidation is {value}, it must be above zero")));
        }
        Ok((contracts::currency(&row.currency)?, value))
    }

    fn cash(&self, summary: &[AccountSummary], base: Currency) -> Result<Vec<CashRow>, BrokerError> {
        let what = "account ledger";
        let mut ledger: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        // `BASE` is the sum of the others.
        let rows = summary.iter().filter(|row| row.account == self.account && row.currency != "BASE");
        for row in rows.filter(|row| matches!(row.tag.as_str(), "CashBalance" | "FuturesPNL" | "ExchangeRate")) {
            ledger.entry(&row.currency).or_default().insert(&row.tag, &row.value);
        }
        let mut cash = Vec::new();
        for (code, tags) in ledger {
            let field = |tag: &str| {
                let text = tags.get(tag).ok_or_else(|| unusable(what, format_args!("no {tag} for {code}")))?;
                number(what, tag, text)
            };
            let (balance, futures_pnl, exchange_rate) = (field("CashBalance")?, field("FuturesPNL")?, field("ExchangeRate")?);
            match code.parse() {
                Ok(currency) if exchange_rate > Decimal::ZERO => {
                    cash.push(CashRow { currency, cash: balance, futures_pnl, exchange_rate });
                }
                Ok(_) => return Err(unusable(what, format_args!("the exchange rate of {code} is {exchange_rate}"))),
                // A currency once touched stays in the ledger with nothing in it.
                Err(_) if balance.is_zero() && futures_pnl.is_zero() => {}
                Err(unknown) => return Err(unusable(what, format_args!("{balance} of an {unknown}"))),
            }
        }
        cash.sort_by_key(|row| row.currency);
        match cash.iter().find(|row| row.currency == base) {
            Some(row) if row.exchange_rate == Decimal::ONE => Ok(cash),
            Some(row) => Err(unusable(what, format_args!("the base currency {base} has the rate {}", row.exchange_rate))),
            None => Err(unusable(what, format_args!("no row for the base currency {base}"))),
        }
    }

    fn positions(&self, answers: &Answers) -> Result<Positions, BrokerError> {
        // A later row of the same contract replaces an earlier one: the stream goes on while it is read.
        let mut marks: BTreeMap<i32, &AccountPortfolioValue> = BTreeMap::new();
        for row in answers.portfolio.iter().filter(|row| row.account.as_deref().is_none_or(|name| name == self.account)) {
            marks.insert(row.contract.contract_id, row);
        }
        let mut held: BTreeMap<i32, (&Contract, f64)> = BTreeMap::new();
        for row in answers.positions.iter().filter(|row| row.account == self.account) {
            held.insert(row.contract.contract_id, (&row.contract, row.position));
        }
        // Currency pairs appear as positions of what has been converted; cash says it already.
        held.retain(|_, (contract, _)| contract.security_type != SecurityType::ForexPair);

        let (mut positions, mut foreign) = (Vec::new(), Vec::new());
        for (con_id, (contract, size)) in held {
            let quantity = Quantity::from_f64(size)
                .map_err(|bad| unusable("positions", format_args!("{}: {bad}", contract.local_symbol)))?;
            if quantity.is_zero() {
                continue;
            }
            let Some(id) = self.contracts.find(con_id) else {
                let symbol = contract.symbol.to_string();
                foreign.push(ForeignPosition { con_id: i64::from(con_id), symbol, quantity });
                continue;
            };
            let mark = marks.get(&con_id).ok_or_else(|| {
                contracts::unusable(self.universe, id, format_args!("{quantity} held but not marked in the portfolio"))
            })?;
            positions.push(BrokerPosition { contract: id, quantity, mark: self.mark(id, quantity, mark)? });
        }
        positions.sort_by_key(|position| position.contract);
        Ok((positions, foreign))
    }

    /// The portfolio's price, after its value has confirmed quantity, unit and multiplier.
    fn mark(&self, id: domain::ContractId, quantity: Quantity, row: &AccountPortfolioValue) -> Result<Price, BrokerError> {
        let unusable = |what: &dyn Display| contracts::unusable(self.universe, id, format_args!("portfolio: {what}"));
        if Quantity::from_f64(row.position) != Ok(quantity) {
            return Err(unusable(&format_args!(
                "{} held here, {quantity} in the positions: a fill came in between, ask again",
                row.position
            )));
        }
        let instrument = self.universe.instrument_of(id);
        let mark = convert::price(row.market_price, instrument.quote_unit)
            .map_err(|bad| unusable(&format_args!("market price: {bad}")))?;
        let expected = quantity.value_at(mark, instrument.multiplier);
        let stated = convert::decimal(row.market_value).unwrap_or_default();
        // A wrong unit or multiplier is off by a factor, rounding is not.
        let ratio = stated / expected;
        if ratio * Decimal::TWO < Decimal::ONE || ratio > Decimal::TWO {
            return Err(unusable(&format_args!(
                "value {stated} against {quantity} x {mark} x {} = {expected}: unit or multiplier is wrong",
                instrument.multiplier
            )));
        }
        Ok(mark)
    }

    fn orders(&self, what: &str, rows: &[Orders]) -> Result<Vec<BrokerOrder>, BrokerError> {
        // Both ids, because an order that has not reached the broker's server has no permanent one yet.
        let mut orders: BTreeMap<(i64, i32), BrokerOrder> = BTreeMap::new();
        for row in rows {
            match row {
                Orders::OrderData(data) if self.is_mine(&data.order) => {
                    let order = &data.order;
                    orders.insert(
                        (order.perm_id, data.order_id),
                        BrokerOrder {
                            order_ref: order.order_ref.parse().ok(),
                            perm_id: order.perm_id,
                            status: status(what, &data.order_state.status)?,
                            quantity: size(what, order.total_quantity)?,
                            filled: size(what, order.filled_quantity)?,
                        },
                    );
                }
                Orders::OrderData(_) => {}
                Orders::OrderStatus(hint) => {
                    if let Some(order) = orders.get_mut(&(hint.perm_id, hint.order_id)) {
                        order.status = status(what, &hint.status)?;
                        order.filled = size(what, hint.filled)?;
                    }
                }
            }
        }
        Ok(orders.into_values().collect())
    }

    fn is_mine(&self, order: &Order) -> bool {
        order.account.is_empty() || order.account == self.account
    }

    fn executions(&self, rows: &[Executions]) -> Result<Vec<Execution>, BrokerError> {
        let mut executions: BTreeMap<ExecutionId, Execution> = BTreeMap::new();
        for row in rows {
            if let Executions::ExecutionData(data) = row
                && let Some(fill) = self.fill(data)?
            {
                executions.insert(fill.execution.clone(), Execution { fill, commission: None });
            }
        }
        for row in rows {
            if let Executions::CommissionReport(report) = row
                && let Some(execution) = executions.get_mut(&ExecutionId(report.execution_id.clone()))
            {
                execution.commission = commission(report)?;
            }
        }
        let mut executions: Vec<_> = executions.into_values().collect();
        executions.sort_by(|a, b| (a.fill.at, &a.fill.execution).cmp(&(b.fill.at, &b.fill.execution)));
        Ok(executions)
    }

    /// An execution of the account in a contract of ours; `None` for any other.
    pub(crate) fn fill(&self, data: &ExecutionData) -> Result<Option<Fill>, BrokerError> {
        let execution = &data.execution;
        if execution.account_number != self.account {
            return Ok(None);
        }
        let Some(contract) = self.contracts.find(data.contract.contract_id) else {
            tracing::warn!(symbol = %data.contract.symbol, "an execution in a contract outside the universe");
            return Ok(None);
        };
        let what = format!("execution {} of {}", execution.execution_id, self.universe.contract(contract).name);
        let unusable = |reason: &dyn Display| unusable(&what, reason);
        let quantity = Quantity::from_f64(execution.shares).map_err(|bad| unusable(&bad))?;
        if execution.execution_id.is_empty() || quantity.signum() != 1 {
            return Err(unusable(&format_args!("{quantity} shares: an execution has an id and a quantity above zero")));
        }
        let unit = self.universe.instrument_of(contract).quote_unit;
        Ok(Some(Fill {
            execution: ExecutionId(execution.execution_id.clone()),
            order: execution.order_reference.parse::<OrderRef>().ok(),
            contract,
            side: match execution.side {
                ExecutionSide::Bought => Side::Buy,
                ExecutionSide::Sold => Side::Sell,
            },
            quantity,
            price: convert::price(execution.price, unit).map_err(|bad| unusable(&bad))?,
            at: convert::wire_time(&execution.time).ok_or_else(|| {
                unusable(&format_args!(
                    "time `{}` names no known zone: set the gateway to send times in UTC or the instrument's zone",
                    execution.time
                ))
            })?,
        }))
    }
}

/// The charge of an execution; `None` while the broker has not fixed it.
pub(crate) fn commission(report: &CommissionReport) -> Result<Option<Money>, BrokerError> {
    let Some(amount) = convert::decimal(report.commission) else { return Ok(None) };
    Ok(Some(Money::new(amount, contracts::currency(&report.currency)?)))
}

fn status(what: &str, word: &ibapi::orders::OrderStatusKind) -> Result<domain::OrderStatus, BrokerError> {
    orders::status(word).ok_or_else(|| unusable(what, format_args!("unknown order status `{word}`")))
}

fn size(what: &str, shares: f64) -> Result<Quantity, BrokerError> {
    Quantity::from_f64(shares).map_err(|bad| unusable(what, bad))
}

fn number(what: &str, tag: &str, text: &str) -> Result<Decimal, BrokerError> {
    convert::decimal_text(text).ok_or_else(|| unusable(what, format_args!("{tag} is `{text}`, which is no number")))
}

fn unusable(what: &str, reason: impl Display) -> BrokerError {
    BrokerError::Unusable(format!("{what}: {reason}"))
}
