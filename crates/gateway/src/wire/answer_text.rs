//! Answers in the text codec, field by field, server versions 157 to 176.
//!
//! In: the bodies protobuf sends. Out: the same as fields. Invariant: one line of the table per message, in the order
//! IB's own clients read it; what a version does not know is left out, never sent empty.

use super::line::{Ascii, Blank, Eleven, Line, OrNone, OrUnset};
use super::order_text::{completed_order, open_order};
use super::*;

/// An answer that the text codec has.
pub(super) trait TextForm {
    /// The fields, the id first.
    fn text(&self, id: i32, version: i32) -> Line;
}

/// The version that dropped the version field of contract details, and added their sizes.
const SIZE_RULES: i32 = 164;
const REJECT_JSON: i32 = 166;
const BOND_ISSUER: i32 = 176;

macro_rules! fields {
    ($($field:expr),* $(,)?) => {{
        let mut line = Line::default();
        $(line.put(&$field);)*
        line
    }};
}

macro_rules! text_forms {
    ($($message:ident($m:ident, $id:pat, $version:pat) => $line:expr;)+) => {
        $(impl TextForm for $message {
            fn text(&self, $id: i32, $version: i32) -> Line {
                let $m = self;
                $line
            }
        })+
    };
}

text_forms! {
    TickPrice(m, id, _) => fields![id, 6, m.req_id, m.tick_type, m.price, m.size, m.attr_mask];
    TickSize(m, id, _) => fields![id, 6, m.req_id, m.tick_type, m.size];
    TickGeneric(m, id, _) => fields![id, 6, m.req_id, m.tick_type, m.value];
    TickString(m, id, _) => fields![id, 6, m.req_id, m.tick_type, m.value];
    TickOptionComputation(m, id, _) => fields![
        id, m.req_id, m.tick_type, m.tick_attrib.unwrap_or_default(), greek(m.implied_vol, -1.0), greek(m.delta, -2.0),
        greek(m.opt_price, -1.0), greek(m.pv_dividend, -1.0), greek(m.gamma, -2.0), greek(m.vega, -2.0),
        greek(m.theta, -2.0), greek(m.und_price, -1.0),
    ];
    TickReqParams(m, id, _) => fields![id, m.req_id, m.min_tick, m.bbo_exchange, m.snapshot_permissions];
    TickSnapshotEnd(m, id, _) => fields![id, 1, m.req_id];
    MarketDataType(m, id, _) => fields![id, 1, m.req_id, m.market_data_type];
    RealTimeBar(m, id, _) => fields![
        id, 3, m.req_id, m.time, m.open, m.high, m.low, m.close, OrNone(&m.volume), OrNone(&m.wap), m.count,
    ];
    HeadTimestamp(m, id, _) => fields![id, m.req_id, m.head_timestamp];
    HistoricalDataUpdate(m, id, _) => {
        let bar = m.historical_data_bar.clone().unwrap_or_default();
        fields![
            id, m.req_id, bar.bar_count, bar.date, bar.open, bar.close, bar.high, bar.low, OrNone(&bar.wap),
            OrNone(&bar.volume),
        ]
    };

    OrderStatus(m, id, _) => fields![
        id, m.order_id, m.status, m.filled, m.remaining, m.avg_fill_price, m.perm_id, m.parent_id, m.last_fill_price,
        m.client_id, m.why_held, m.mkt_cap_price,
    ];
    OpenOrder(m, _, version) => open_order(m, version);
    OpenOrdersEnd(_m, id, _) => fields![id, 1];
    CompletedOrder(m, _, version) => completed_order(m, version);
    CompletedOrdersEnd(_m, id, _) => fields![id];
    ExecutionDetails(m, id, _) => execution(m, id);
    ExecutionDetailsEnd(m, id, _) => fields![id, 1, m.req_id];
    CommissionAndFeesReport(m, id, _) => fields![
        id, 1, m.exec_id, m.commission_and_fees, m.currency, OrUnset(m.realized_pnl), OrUnset(None), Blank(1),
    ];

    ErrorMessage(m, id, version) => {
        let mut line = fields![id, 2, m.id, m.error_code, Ascii(&m.error_msg)];
        if version >= REJECT_JSON {
            line.put("");
        }
        line
    };
    NextValidId(m, id, _) => fields![id, 1, m.order_id];
    ManagedAccounts(m, id, _) => fields![id, 1, m.accounts_list];
    CurrentTime(m, id, _) => fields![id, 1, m.current_time];

    AccountValue(m, id, _) => fields![id, 2, m.key, m.value, m.currency, m.account_name];
    PortfolioValue(m, id, _) => portfolio_value(m, id);
    AccountUpdateTime(m, id, _) => fields![id, 1, m.time_stamp];
    AccountDataEnd(m, id, _) => fields![id, 1, m.account_name];
    AccountSummary(m, id, _) => fields![id, 1, m.req_id, m.account, m.tag, m.value, m.currency];
    AccountSummaryEnd(m, id, _) => fields![id, 1, m.req_id];
    AccountUpdateMulti(m, id, _) => fields![id, 1, m.req_id, m.account, m.model_code, m.key, m.value, m.currency];
    AccountUpdateMultiEnd(m, id, _) => fields![id, 1, m.req_id];
    Position(m, id, _) => fields![id, 3, m.account, Eleven(&m.contract), m.position, m.avg_cost];
    PositionEnd(_m, id, _) => fields![id, 1];
    PnL(m, id, _) => fields![id, m.req_id, OrUnset(m.daily_pnl), OrUnset(m.unrealized_pnl), OrUnset(m.realized_pnl)];
    PnLSingle(m, id, _) => fields![
        id, m.req_id, m.position, OrUnset(m.daily_pnl), OrUnset(m.unrealized_pnl), OrUnset(m.realized_pnl), OrUnset(m.value),
    ];

    ContractData(m, id, version) => contract_data(m, id, version);
    ContractDataEnd(m, id, _) => fields![id, 1, m.req_id];
    MarketRule(m, id, _) => {
        let mut line = fields![id, m.market_rule_id, m.price_increments.len()];
        for step in &m.price_increments {
            line.put(&step.low_edge);
            line.put(&step.increment);
        }
        line
    };
    SecDefOptParameter(m, id, _) => fields![
        id, m.req_id, m.exchange, m.underlying_con_id, m.trading_class, m.multiplier,
        m.expirations.len(), m.expirations[..], m.strikes.len(), m.strikes[..],
    ];
    SecDefOptParameterEnd(m, id, _) => fields![id, m.req_id];
    ScannerParameters(m, id, _) => fields![id, 1, m.xml];
    FamilyCodes(_m, id, _) => fields![id, 0];
    MarketDepthExchanges(_m, id, _) => fields![id, 0];
    NewsProviders(_m, id, _) => fields![id, 0];
    SymbolSamples(m, id, version) => symbol_samples(m, id, version);
}

/// A computation that was not made has its own number: -1 where nothing is negative, -2 where -1 is a value.
fn greek(value: Option<f64>, missing: f64) -> f64 {
    value.unwrap_or(missing)
}

fn execution(m: &ExecutionDetails, id: i32) -> Line {
    let execution = m.execution.clone().unwrap_or_default();
    fields![
        id,
        m.req_id,
        execution.order_id,
        Eleven(&m.contract),
        execution.exec_id,
        execution.time,
        execution.acct_number,
        execution.exchange,
        execution.side,
        execution.shares,
        execution.price,
        execution.perm_id,
        execution.client_id,
        execution.is_liquidation,
        execution.cum_qty,
        execution.avg_price,
        execution.order_ref,
        Blank(3),
        execution.last_liquidity,
    ]
}

fn portfolio_value(m: &PortfolioValue, id: i32) -> Line {
    let contract = m.contract.clone().unwrap_or_default();
    fields![
        id,
        8,
        contract.con_id,
        contract.symbol,
        contract.sec_type,
        contract.last_trade_date_or_contract_month,
        contract.strike.unwrap_or_default(),
        contract.right,
        contract.multiplier,
        contract.primary_exch,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,
        m.position,
        m.market_price,
        m.market_value,
        m.average_cost,
        m.unrealized_pnl,
        m.realized_pnl,
        m.account_name,
    ]
}

fn contract_data(m: &ContractData, id: i32, version: i32) -> Line {
    let (contract, details) = (m.contract.clone().unwrap_or_default(), m.contract_details.clone().unwrap_or_default());
    let mut line = fields![id];
    if version < SIZE_RULES {
        line.put(&8);
    }
    for field in [&m.req_id.map(|id| id.to_string()), &contract.symbol, &contract.sec_type] {
        line.put(field);
    }
    line.put(&contract.last_trade_date_or_contract_month);
    line.put(&contract.strike.unwrap_or_default());
    for field in [&contract.right, &contract.exchange, &contract.currency, &contract.local_symbol, &details.market_name]
    {
        line.put(field);
    }
    line.put(&contract.trading_class);
    line.put(&contract.con_id);
    line.put(&details.min_tick);
    if version < SIZE_RULES {
        line.put(&1);
    }
    line.put(&contract.multiplier);
    put_details(&mut line, &details, &contract.primary_exch);
    if version == SIZE_RULES - 1 {
        line.put(&details.suggested_size_increment);
    }
    if version >= SIZE_RULES {
        for size in [&details.min_size, &details.size_increment, &details.suggested_size_increment] {
            line.put(size);
        }
    }
    line
}

fn put_details(line: &mut Line, details: &ContractDetails, primary_exchange: &Option<String>) {
    line.put(&details.order_types);
    line.put(&details.valid_exchanges);
    line.put(&details.price_magnifier);
    line.put(&details.under_con_id.unwrap_or_default());
    line.put(&Ascii(&details.long_name));
    line.put(primary_exchange);
    line.put(&details.contract_month);
    line.put(&Blank(3));
    for field in [&details.time_zone_id, &details.trading_hours, &details.liquid_hours] {
        line.put(field);
    }
    line.put("");
    line.put(&0);
    line.put(&details.sec_id_list.len());
    for (tag, value) in &details.sec_id_list {
        line.put(tag);
        line.put(value);
    }
    line.put(&details.agg_group);
    for field in [
        &details.under_symbol,
        &details.under_sec_type,
        &details.market_rule_ids,
        &details.real_expiration_date,
        &details.stock_type,
    ] {
        line.put(field);
    }
}

fn symbol_samples(m: &SymbolSamples, id: i32, version: i32) -> Line {
    let mut line = fields![id, m.req_id, m.contract_descriptions.len()];
    for found in &m.contract_descriptions {
        let contract = found.contract.clone().unwrap_or_default();
        line.put(&contract.con_id);
        for field in [&contract.symbol, &contract.sec_type, &contract.primary_exch, &contract.currency] {
            line.put(field);
        }
        line.put(&found.derivative_sec_types.len());
        line.put(&found.derivative_sec_types[..]);
        if version >= BOND_ISSUER {
            line.put(&Ascii(&contract.description));
            line.put("");
        }
    }
    line
}

/// Bars, whose span is part of the message here and whose end is implied.
pub(super) fn bars(m: &Bars) -> Line {
    let bars = &m.data.historical_data_bars;
    let mut line = fields![17, m.data.req_id, m.end.start_date_str, m.end.end_date_str, bars.len()];
    for bar in bars {
        for field in [&bar.date, &bar.open.map(|price| price.to_string())] {
            line.put(field);
        }
        for price in [bar.high, bar.low, bar.close] {
            line.put(&price);
        }
        line.put(&OrNone(&bar.volume));
        line.put(&OrNone(&bar.wap));
        line.put(&bar.bar_count);
    }
    line
}
