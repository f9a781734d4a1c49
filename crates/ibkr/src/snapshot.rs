//! From the rows of a snapshot to one account, or to the reason why there is none.
//!
//! In: complete answers. Out: orders, executions, positions with marks, cash, net liquidation value. Invariant:
//! nothing is filled in: a row that is missing, contradicts another or has an impossible value ends the snapshot.

use crate::contracts::{self, ContractBook};
use crate::requests::Answers;
use crate::{convert, orders};
use domain::{ExecutionId, Fill, Money, OrderRef, Quantity, Side, Universe};
use ibapi::orders::{CommissionReport, ExecutionData, ExecutionSide, Executions, Order, Orders};
use ports::{AccountSnapshot, BrokerError, BrokerOrder, Execution};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What rows are read against.
pub(crate) struct Reader<'a> {
    pub(crate) universe: &'a Universe,
    pub(crate) contracts: &'a ContractBook,
    pub(crate) account: &'a str,
}

impl Reader<'_> {
    /// The account at the moment of the answers.
    pub(crate) fn snapshot(&self, answers: &Answers) -> Result<AccountSnapshot, BrokerError> {
        if answers.values.iter().any(|value| value.key == "AccountReady" && value.value == "false") {
            return Err(unusable("account updates", "the gateway is still loading the account: ask again"));
        }
        let (base, net_liquidation) = self.net_liquidation(&answers.summary)?;
        let gross_position_value = self.base_amount(&answers.summary, "GrossPositionValue", base)?;
        let excess_liquidity = self.base_amount(&answers.summary, "ExcessLiquidity", base)?;
        let (positions, foreign, contradicted) = self.positions(answers)?;
        Ok(AccountSnapshot {
            at: answers.at,
            base,
            net_liquidation,
            gross_position_value,
            excess_liquidity,
            cash: self.cash(&answers.summary, base)?,
            positions,
            foreign,
            open_orders: self.orders("open orders", &answers.open)?,
            completed_orders: self.completed(&answers.completed)?,
            executions: self.executions(&answers.executions)?,
            disputes: self.contracts.disputes().chain(contradicted).collect(),
        })
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

    /// A completed order states what was left of it as its quantity.
    fn completed(&self, rows: &[Orders]) -> Result<Vec<BrokerOrder>, BrokerError> {
        let mut orders = self.orders("completed orders", rows)?;
        orders.iter_mut().for_each(|order| order.quantity += order.filled);
        Ok(orders)
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
                && let Some(execution) = executions.get_mut(&ExecutionId(report.execution_id.as_str().into()))
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
        // A combination is told as a whole and by its legs; only the legs are positions.
        if data.contract.security_type == ibapi::contracts::SecurityType::Spread {
            return Ok(None);
        }
        let Some(contract) = self.contracts.find(data.contract.contract_id) else {
            tracing::warn!(symbol = %data.contract.symbol, "an execution in a contract outside the universe");
            return Ok(None);
        };
        let what = format!("execution {} of {}", execution.execution_id, self.universe.contract(contract).name);
        let unusable = |reason: &dyn Display| unusable(&what, reason);
        let quantity = Quantity::from_f64(execution.shares).map_err(|bad| unusable(&bad))?;
        let id = ExecutionId(execution.execution_id.as_str().into());
        // Only a correction can be of nothing: it takes the execution back.
        let counts = quantity.signum() == 1 || (quantity.is_zero() && id.version() > 1);
        if id.0.is_empty() || !counts {
            return Err(unusable(&format_args!("{quantity} shares: an execution has an id and a quantity above zero")));
        }
        let unit = self.universe.instrument_of(contract).quote_unit;
        Ok(Some(Fill {
            execution: id,
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
    Ok(Some(Money::new(
        amount,
        contracts::currency(format_args!("charge of {}", report.execution_id), &report.currency)?,
    )))
}

fn status(what: &str, word: &ibapi::orders::OrderStatusKind) -> Result<domain::OrderStatus, BrokerError> {
    orders::status(word).ok_or_else(|| unusable(what, format_args!("unknown order status `{word}`")))
}

fn size(what: &str, shares: f64) -> Result<Quantity, BrokerError> {
    Quantity::from_f64(shares).map_err(|bad| unusable(what, bad))
}

pub(crate) fn unusable(what: &str, reason: impl Display) -> BrokerError {
    BrokerError::Unusable(format!("{what}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use domain::{Contract, Currency, Instrument, InstrumentId, InstrumentKind, Price};
    use ibapi::accounts::{AccountPortfolioValue, AccountSummary, AccountValue, Position};
    use ibapi::orders::{OrderData, OrderState, OrderStatus, OrderStatusKind};
    use rust_decimal::{Decimal, dec};

    const ACCOUNT: &str = "DU1";

    fn summary(tag: &str, value: &str, currency: &str) -> AccountSummary {
        AccountSummary { account: ACCOUNT.into(), tag: tag.into(), value: value.into(), currency: currency.into() }
    }

    fn known(con_id: i32) -> ibapi::contracts::Contract {
        ibapi::contracts::Contract {
            contract_id: con_id,
            local_symbol: format!("#{con_id}"),
            symbol: "XYZ".into(),
            ..Default::default()
        }
    }

    fn held(con_id: i32, shares: f64) -> Position {
        Position { account: ACCOUNT.into(), contract: known(con_id), position: shares, average_cost: 0.0 }
    }

    fn marked(con_id: i32, shares: f64, price: f64, value: f64) -> AccountPortfolioValue {
        AccountPortfolioValue {
            contract: known(con_id),
            position: shares,
            market_price: price,
            market_value: value,
            account: Some(ACCOUNT.into()),
            ..AccountPortfolioValue::default()
        }
    }

    fn execution(id: &str, con_id: i32, price: f64) -> Executions {
        let execution = ibapi::orders::Execution {
            execution_id: id.into(),
            account_number: ACCOUNT.into(),
            time: "20250707 09:45:10 US/Eastern".into(),
            side: ExecutionSide::Sold,
            shares: 100.0,
            price,
            order_reference: "AF-a1b2c3-20250707-001-01".into(),
            ..ibapi::orders::Execution::default()
        };
        Executions::ExecutionData(ExecutionData { request_id: 0, contract: known(con_id), execution })
    }

    /// An account with CSPX (id 1) long, ISF (id 2, in pence) short and something of somebody else (id 9).
    fn answers() -> Answers {
        let order = Order { perm_id: 77, total_quantity: 100.0, account: ACCOUNT.into(), ..Order::default() };
        let order_state = OrderState { status: OrderStatusKind::Submitted, ..OrderState::default() };
        let status = OrderStatus { order_id: 5, perm_id: 77, filled: 40.0, ..OrderStatus::default() };
        let charge = CommissionReport {
            execution_id: "e1.01".into(),
            commission: 1.25,
            currency: "GBP".into(),
            ..CommissionReport::default()
        };
        Answers {
            open: vec![
                Orders::OrderData(OrderData { order_id: 5, order, order_state, ..OrderData::default() }),
                Orders::OrderStatus(status),
            ],
            executions: vec![
                execution("e1.01", 2, 812.35),
                Executions::CommissionReport(charge),
                execution("e2.01", 9, 1.0),
            ],
            positions: vec![held(1, 10.0), held(2, -100.0), held(9, 3.0), held(4, 0.0)],
            portfolio: vec![marked(1, 10.0, 600.5, 6_005.0), marked(2, -100.0, 812.35, -812.35)],
            summary: vec![
                summary("NetLiquidation", "1006005.25", "USD"),
                summary("GrossPositionValue", "7039.01", "USD"),
                summary("CashBalance", "1000000.25", "USD"),
                summary("FuturesPNL", "0.00", "USD"),
                summary("ExchangeRate", "1.00", "USD"),
                summary("AccruedCash", "12.50", "USD"),
                summary("CashBalance", "-20.5", "GBP"),
                summary("FuturesPNL", "0", "GBP"),
                summary("ExchangeRate", "1.2725", "GBP"),
                summary("AccruedCash", "-3", "GBP"),
                summary("NetDividend", "-40.25", "GBP"),
                summary("CashBalance", "0", "HKD"),
                summary("FuturesPNL", "0", "HKD"),
                summary("ExchangeRate", "0.128", "HKD"),
                summary("AccruedCash", "0", "HKD"),
                summary("CashBalance", "999974.16", "BASE"),
            ],
            ..Answers::default()
        }
    }

    fn read(answers: &Answers) -> Result<AccountSnapshot, BrokerError> {
        let universe = fixture::universe();
        let mut contracts = ContractBook::default();
        contracts.insert(fixture::contract(&universe, "CSPX"), known(1));
        contracts.insert(fixture::contract(&universe, "ISF"), known(2));
        Reader { universe: &universe, contracts: &contracts, account: ACCOUNT }.snapshot(answers)
    }

    #[test]
    fn complete_answers_become_one_account() {
        let snapshot = read(&answers()).expect("an account");
        let cash: Vec<_> = snapshot
            .cash
            .iter()
            .map(|c| format!("{} {} {} {}", c.currency, c.cash, c.accrued, c.exchange_rate))
            .collect();
        let held: Vec<_> =
            snapshot.positions.iter().map(|p| format!("{} at {}", p.quantity, p.mark.expect("told"))).collect();
        let order = &snapshot.open_orders[0];
        let [charged] = &snapshot.executions[..] else { panic!("one execution is ours: {:?}", snapshot.executions) };
        insta::assert_snapshot!(
            format!(
                "{} {}\ncash {}\nheld {}\nforeign {}\norder {} {:?} {}/{} {:?}\nexecution {} {} at {} on {} for {}",
                snapshot.net_liquidation.expect("told"), snapshot.base, cash.join(", "), held.join(", "), snapshot.foreign[0].quantity,
                order.perm_id, order.status, order.filled, order.quantity, order.order_ref,
                charged.fill.side, charged.fill.quantity, charged.fill.price, charged.fill.at,
                charged.commission.expect("charged"),
            ),
            @r"
        1006005.25 USD
        cash USD 1000000.25 12.50 1.00, GBP -20.5 -43.25 1.2725
        held 10 at 600.5, -100 at 8.1235
        foreign 3
        order 77 Submitted 40/100 None
        execution SELL 100 at 8.1235 on 2025-07-07T13:45:10Z for 1.25 GBP
        "
        );
    }

    #[test]
    fn a_net_liquidation_value_is_handed_on_as_it_was_told() {
        let told = |change: &dyn Fn(&mut Answers)| {
            let mut changed = answers();
            change(&mut changed);
            let snapshot = read(&changed).expect("the reconciliation judges it");
            (snapshot.base, snapshot.net_liquidation)
        };
        let none = (Currency::Usd, None);
        assert_eq!(told(&|a| drop(a.summary.remove(0))), none);
        assert_eq!(told(&|a| a.summary[0].value = "NaN".into()), none);
        assert_eq!(told(&|a| a.summary[0].value = "1.7976931348623157E308".into()), none);
        assert_eq!(told(&|a| a.summary[0].value = "0.00".into()), (Currency::Usd, Some(Decimal::ZERO)));
        assert_eq!(told(&|a| a.summary[0].value = "-5".into()), (Currency::Usd, Some(Decimal::from(-5))));
    }

    #[test]
    fn a_value_in_another_unit_disputes_its_contract_and_leaves_the_rest() {
        let mut changed = answers();
        changed.portfolio[1].market_value = -81_235.0;
        let snapshot = read(&changed).expect("an account");
        let marks: Vec<_> =
            snapshot.positions.iter().map(|position| position.mark.map(|mark| mark.to_string())).collect();
        assert_eq!(marks, [Some("600.5".to_owned()), None]);
        insta::assert_snapshot!(snapshot.disputes[0].what, @"ISF: portfolio: value -81235 against -100 x 8.1235 x 1 = -812.35: unit or multiplier is wrong");
        assert_eq!(snapshot.disputes.len(), 1);
    }

    #[test]
    fn an_option_that_is_worth_nothing_is_marked_at_a_tick() {
        let tick = Price::from_decimal(dec!(0.01)).expect("a tick");
        let option = Instrument::plain("VIX_C40", InstrumentKind::Opt, Currency::Usd);
        let contract = Contract { name: "VIX_C40".into(), instrument: InstrumentId(0), expiry: None };
        let universe = Universe::new(vec![Instrument { multiplier: 100, tick, ..option }], vec![contract]);
        let mut contracts = ContractBook::default();
        contracts.insert(fixture::contract(&universe, "VIX_C40"), known(1));
        let marked_at = |price: f64, value: f64| {
            let answers =
                Answers { positions: vec![held(1, 3.0)], portfolio: vec![marked(1, 3.0, price, value)], ..answers() };
            let snapshot = Reader { universe: &universe, contracts: &contracts, account: ACCOUNT }.snapshot(&answers);
            let snapshot = snapshot.map_err(|error| error.to_string())?;
            Ok::<_, String>((snapshot.positions[0].mark.map(|mark| mark.to_string()), snapshot.disputes.len()))
        };
        assert_eq!(marked_at(0.0, 0.0), Ok((Some("0.01".to_owned()), 0)));
        assert_eq!(
            marked_at(0.00001, 0.0),
            Ok((Some("0.00001".to_owned()), 0)),
            "a value of less than a cent is rounded"
        );
        assert_eq!(marked_at(1.2, 3.6), Ok((None, 1)), "the multiplier is missing");
        assert!(marked_at(0.0, 36.0).is_err(), "a value needs a price");
    }

    #[test]
    fn whatever_is_missing_or_contradictory_ends_the_snapshot() {
        let refusal = |change: &dyn Fn(&mut Answers)| {
            let mut changed = answers();
            change(&mut changed);
            read(&changed).expect_err("a contradiction").to_string()
        };
        let not_ready =
            || AccountValue { key: "AccountReady".into(), value: "false".into(), ..AccountValue::default() };
        let refusals = [
            refusal(&|a| a.values.push(not_ready())),
            refusal(&|a| a.summary.clear()),
            refusal(&|a| a.summary.push(summary("NetLiquidation", "1", "USD"))),
            refusal(&|a| a.summary[1].value = "1.7976931348623157E308".into()),
            refusal(&|a| a.summary[1].currency = "EUR".into()),
            refusal(&|a| a.summary[0].currency = "XAU".into()),
            refusal(&|a| drop(a.summary.remove(4))),
            refusal(&|a| a.summary[4].value = "1.1".into()),
            refusal(&|a| a.summary[11].value = "5".into()),
            refusal(&|a| drop(a.portfolio.remove(0))),
            refusal(&|a| a.portfolio[0].position = 11.0),
            refusal(&|a| a.portfolio[0].market_price = 0.0),
            refusal(&|a| a.positions[0].position = f64::NAN),
            refusal(&|a| a.executions[0] = execution("e1.01", 2, f64::NAN)),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
        broker answer unusable: account updates: the gateway is still loading the account: ask again
        broker answer unusable: account ledger: no NetLiquidation row, and not exactly one currency with the rate 1
        broker answer unusable: account summary: more than one NetLiquidation row for the account
        broker answer unusable: account summary: GrossPositionValue is `1.7976931348623157E308`, which is no number
        broker answer unusable: account summary: GrossPositionValue is in EUR, not in USD
        broker answer unusable: account summary: unknown currency `XAU`; known are USD, EUR, GBP, CHF, JPY, SEK, NOK, DKK, PLN
        broker answer unusable: account ledger: no ExchangeRate for USD
        broker answer unusable: account ledger: the base currency USD has the rate 1.1
        broker answer unusable: account ledger: 5 of an unknown currency `HKD`; known are USD, EUR, GBP, CHF, JPY, SEK, NOK, DKK, PLN
        broker answer unusable: CSPX: 10 held but not marked in the portfolio
        broker answer unusable: CSPX: portfolio: 11 held here, 10 in the positions: a fill came in between, ask again
        broker answer unusable: CSPX: portfolio: market price: a price must be above zero, got 0
        broker answer unusable: positions: #1: NaN is not a finite number in range
        broker answer unusable: execution e1.01 of ISF: NaN is not a finite number in range
        ");
    }
}
