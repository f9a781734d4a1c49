//! One sample of every answer, with all of its fields.

use gateway::wire::*;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn contract() -> Option<Contract> {
    Some(Contract {
        con_id: Some(495_512_557),
        symbol: some("ES"),
        sec_type: some("FUT"),
        last_trade_date_or_contract_month: some("20251219"),
        multiplier: Some(50.0),
        exchange: some("CME"),
        currency: some("USD"),
        local_symbol: some("ESZ5"),
        trading_class: some("ES"),
        last_trade_date: some("20251219"),
        ..Contract::default()
    })
}

fn share() -> Option<Contract> {
    Some(Contract {
        con_id: Some(265_598),
        symbol: some("ISF"),
        sec_type: some("STK"),
        exchange: some("SMART"),
        primary_exch: some("LSEETF"),
        currency: some("GBP"),
        local_symbol: some("ISF"),
        trading_class: some("ISF"),
        description: some("iShares Core FTSE 100 (café)"),
        ..Contract::default()
    })
}

fn option() -> Option<Contract> {
    Some(Contract {
        con_id: Some(812_345_678),
        symbol: some("SPX"),
        sec_type: some("OPT"),
        last_trade_date_or_contract_month: some("20260416"),
        strike: Some(6_200.0),
        right: some("P"),
        multiplier: Some(100.0),
        exchange: some("SMART"),
        currency: some("USD"),
        local_symbol: some("SPX   260417P06200000"),
        trading_class: some("SPX"),
        last_trade_date: some("20260416"),
        ..Contract::default()
    })
}

/// A roll: the near contract is sold, the far one bought.
fn spread() -> Option<Contract> {
    let leg = |con_id, action| ComboLeg {
        con_id: Some(con_id),
        ratio: Some(1),
        action: some(action),
        exchange: some("CME"),
        ..ComboLeg::default()
    };
    Some(Contract {
        con_id: Some(28_812_380),
        symbol: some("ES"),
        sec_type: some("BAG"),
        exchange: some("CME"),
        currency: some("USD"),
        local_symbol: some("28812380"),
        trading_class: some("COMB"),
        combo_legs: vec![leg(495_512_557, "SELL"), leg(515_416_632, "BUY")],
        ..Contract::default()
    })
}

fn details() -> Option<ContractDetails> {
    Some(ContractDetails {
        market_name: some("ISF"),
        min_tick: some("0.0005"),
        order_types: some("DAY,IOC,LIMIT,LMT,LOC,WHATIF"),
        valid_exchanges: some("SMART,LSEETF"),
        price_magnifier: Some(100),
        long_name: some("iShares Core FTSE 100 (café)"),
        time_zone_id: some("Europe/London"),
        trading_hours: some("20250707:0800-20250707:1630"),
        liquid_hours: some("20250707:0800-20250707:1630"),
        sec_id_list: [("ISIN".to_owned(), "IE0005042456".to_owned())].into(),
        agg_group: Some(1),
        market_rule_ids: some("3,3"),
        stock_type: some("ETF"),
        min_size: some("1"),
        size_increment: some("1"),
        suggested_size_increment: some("1"),
        ..ContractDetails::default()
    })
}

fn order() -> Order {
    Order {
        client_id: Some(7),
        order_id: Some(12),
        perm_id: Some(1_800_000_012),
        parent_id: Some(0),
        action: some("BUY"),
        total_quantity: some("3"),
        order_type: some("LMT"),
        lmt_price: Some(5_012.25),
        tif: some("DAY"),
        account: some("DU1234567"),
        order_ref: some("intent-0001"),
        transmit: Some(true),
        ..Order::default()
    }
}

fn what_if() -> OrderState {
    OrderState {
        status: some("PreSubmitted"),
        init_margin_before: Some(0.0),
        maint_margin_before: Some(0.0),
        equity_with_loan_before: Some(1_000_000.0),
        init_margin_change: Some(20_049.0),
        maint_margin_change: Some(17_542.88),
        equity_with_loan_change: Some(0.0),
        init_margin_after: Some(20_049.0),
        maint_margin_after: Some(17_542.88),
        equity_with_loan_after: Some(1_000_000.0),
        margin_currency: some("USD"),
        ..OrderState::default()
    }
}

fn completed() -> CompletedOrder {
    let order = Order { order_id: None, total_quantity: some("2"), filled_quantity: some("1"), ..order() };
    let order_state = OrderState {
        status: some("Cancelled"),
        completed_time: some("20250707 08:00:00 Etc/UTC"),
        completed_status: some("Cancelled by Trader"),
        ..OrderState::default()
    };
    CompletedOrder { contract: contract(), order: Some(order), order_state: Some(order_state) }
}

fn execution() -> Execution {
    Execution {
        order_id: Some(12),
        exec_id: some("0000e0d5.00000001.01.01"),
        time: some("20250707 08:00:00 Etc/UTC"),
        acct_number: some("DU1234567"),
        exchange: some("CME"),
        side: some("BOT"),
        shares: some("1"),
        price: Some(5_012.25),
        perm_id: Some(1_800_000_012),
        client_id: Some(7),
        is_liquidation: Some(false),
        cum_qty: some("1"),
        avg_price: Some(5_012.25),
        order_ref: some("intent-0001"),
        last_liquidity: Some(2),
    }
}

fn bars() -> HistoricalData {
    let bar = HistoricalDataBar {
        date: some("20250704"),
        open: Some(5_000.0),
        high: Some(5_020.5),
        low: Some(4_990.25),
        close: Some(5_010.0),
        volume: some("120345"),
        wap: None,
        bar_count: Some(-1),
    };
    HistoricalData {
        req_id: Some(9),
        historical_data_bars: vec![bar.clone(), HistoricalDataBar { volume: some("-1"), ..bar }],
    }
}

fn span() -> HistoricalDataEnd {
    let (start, end) = ("20250704 00:00:00 Etc/UTC", "20250707 08:00:00 Etc/UTC");
    HistoricalDataEnd { req_id: Some(9), start_date_str: some(start), end_date_str: some(end) }
}

/// Id, name and sample of every message to a client.
pub fn answers() -> Vec<(i32, &'static str, Box<dyn Answer>)> {
    let mut all = market();
    all.extend(orders());
    all.extend(account());
    all.extend(contracts());
    all
}

macro_rules! rows {
    ($($id:literal $name:literal $answer:expr;)+) => {
        vec![$(($id, $name, Box::new($answer) as Box<dyn Answer>)),+]
    };
}

fn market() -> Vec<(i32, &'static str, Box<dyn Answer>)> {
    let req_id = Some(9);
    rows! {
        1 "TickPrice" TickPrice { req_id, tick_type: Some(1), price: Some(5_012.25), size: some("31"), attr_mask: Some(0) };
        1 "TickPrice without a price" TickPrice { req_id, tick_type: Some(2), price: Some(-1.0), size: some("0"), attr_mask: Some(0) };
        2 "TickSize" TickSize { req_id, tick_type: Some(0), size: some("31") };
        17 "HistoricalData" bars();
        17 "HistoricalData with its end" Bars { data: bars(), end: span() };
        108 "HistoricalDataEnd" span();
        21 "TickOptionComputation" TickOptionComputation {
            req_id, tick_type: Some(13), tick_attrib: Some(1), implied_vol: Some(0.185), delta: Some(-0.25),
            opt_price: Some(12.5), gamma: Some(0.0031), vega: Some(4.2), theta: Some(-0.9), und_price: Some(5_012.25),
            pv_dividend: None,
        };
        21 "TickOptionComputation of nothing" TickOptionComputation { req_id, tick_type: Some(10), ..Default::default() };
        45 "TickGeneric" TickGeneric { req_id, tick_type: Some(49), value: Some(1.0) };
        46 "TickString" TickString { req_id, tick_type: Some(45), value: some("1751875200") };
        50 "RealTimeBar" RealTimeBar {
            req_id, time: Some(1_751_875_200), open: Some(1.0), high: Some(1.5), low: Some(0.5), close: Some(1.25),
            volume: some("-1"), wap: some("1.25"), count: Some(-1),
        };
        57 "TickSnapshotEnd" TickSnapshotEnd { req_id };
        58 "MarketDataType" MarketDataType { req_id, market_data_type: Some(3) };
        81 "TickReqParams" TickReqParams { req_id, min_tick: some("0.25"), bbo_exchange: some(""), snapshot_permissions: Some(0) };
        90 "HistoricalDataUpdate" HistoricalDataUpdate { req_id, historical_data_bar: bars().historical_data_bars.pop() };
        88 "HeadTimestamp" HeadTimestamp { req_id, head_timestamp: some("20000103-00:00:00") };
    }
}

fn orders() -> Vec<(i32, &'static str, Box<dyn Answer>)> {
    let (req_id, order_id) = (Some(9), Some(12));
    let submitted = Some(OrderState { status: some("Submitted"), ..OrderState::default() });
    let asked = Order { what_if: Some(true), ..order() };
    rows! {
        3 "OrderStatus" OrderStatus {
            order_id, status: some("Submitted"), filled: some("1"), remaining: some("2"), avg_fill_price: Some(5_012.25),
            perm_id: Some(1_800_000_012), parent_id: Some(0), last_fill_price: Some(5_012.25), client_id: Some(7),
            why_held: None, mkt_cap_price: Some(0.0),
        };
        4 "ErrorMessage" ErrorMessage {
            id: order_id, error_time: Some(1_751_875_200_000), error_code: Some(201), error_msg: some("Order rejected - reason:façade"),
        };
        5 "OpenOrder" OpenOrder { order_id, contract: contract(), order: Some(order()), order_state: submitted };
        5 "OpenOrder of a what-if" OpenOrder { order_id, contract: contract(), order: Some(asked), order_state: Some(what_if()) };
        5 "OpenOrder of a spread" OpenOrder {
            order_id, contract: spread(), order: Some(Order { lmt_price: Some(-1.25), ..order() }), order_state: Some(what_if()),
        };
        5 "OpenOrder of an option" OpenOrder { order_id, contract: option(), order: Some(order()), order_state: Some(what_if()) };
        53 "OpenOrdersEnd" OpenOrdersEnd {};
        101 "CompletedOrder" completed();
        102 "CompletedOrdersEnd" CompletedOrdersEnd {};
        11 "ExecutionDetails" ExecutionDetails { req_id: Some(-1), contract: contract(), execution: Some(execution()) };
        11 "ExecutionDetails of a spread" ExecutionDetails { req_id: Some(-1), contract: spread(), execution: Some(execution()) };
        11 "ExecutionDetails of an option" ExecutionDetails { req_id: Some(-1), contract: option(), execution: Some(execution()) };
        55 "ExecutionDetailsEnd" ExecutionDetailsEnd { req_id };
        59 "CommissionAndFeesReport" CommissionAndFeesReport {
            exec_id: some("0000e0d5.00000001.01.01"), commission_and_fees: Some(2.25), currency: some("USD"), realized_pnl: Some(0.0),
        };
    }
}

fn account() -> Vec<(i32, &'static str, Box<dyn Answer>)> {
    let (req_id, account) = (Some(9), some("DU1234567"));
    let nlv = || (some("NetLiquidation"), some("1000000.00"), some("USD"));
    rows! {
        6 "AccountValue" AccountValue { key: nlv().0, value: nlv().1, currency: nlv().2, account_name: account.clone() };
        7 "PortfolioValue" PortfolioValue {
            contract: share(), position: some("100"), market_price: Some(885.5), market_value: Some(885.5),
            average_cost: Some(8.84), unrealized_pnl: Some(1.5), realized_pnl: Some(0.0), account_name: account.clone(),
        };
        8 "AccountUpdateTime" AccountUpdateTime { time_stamp: some("08:00") };
        54 "AccountDataEnd" AccountDataEnd { account_name: account.clone() };
        61 "Position" Position { account: account.clone(), contract: contract(), position: some("-3"), avg_cost: Some(250_614.75) };
        61 "Position in an option" Position { account: account.clone(), contract: option(), position: some("3"), avg_cost: Some(1_241.85) };
        62 "PositionEnd" PositionEnd {};
        63 "AccountSummary" AccountSummary { req_id, account: account.clone(), tag: nlv().0, value: nlv().1, currency: nlv().2 };
        64 "AccountSummaryEnd" AccountSummaryEnd { req_id };
        73 "AccountUpdateMulti" AccountUpdateMulti {
            req_id, account: account.clone(), model_code: None, key: nlv().0, value: nlv().1, currency: nlv().2,
        };
        74 "AccountUpdateMultiEnd" AccountUpdateMultiEnd { req_id };
        94 "PnL" PnL { req_id, daily_pnl: Some(-12.5), unrealized_pnl: Some(1.5), realized_pnl: Some(0.0) };
        94 "PnL that is not known" PnL { req_id, ..PnL::default() };
        95 "PnLSingle" PnLSingle {
            req_id, position: some("100"), daily_pnl: Some(-12.5), unrealized_pnl: Some(1.5), realized_pnl: Some(0.0), value: Some(885.5),
        };
    }
}

fn contracts() -> Vec<(i32, &'static str, Box<dyn Answer>)> {
    let req_id = Some(9);
    rows! {
        9 "NextValidId" NextValidId { order_id: Some(1) };
        15 "ManagedAccounts" ManagedAccounts { accounts_list: some("DU1234567") };
        49 "CurrentTime" CurrentTime { current_time: Some(1_751_875_200) };
        109 "CurrentTimeInMillis" CurrentTimeInMillis { current_time_in_millis: Some(1_751_875_200_000) };
        10 "ContractData" ContractData { req_id, contract: share(), contract_details: details() };
        10 "ContractData of a future" ContractData { req_id, contract: contract(), contract_details: Some(ContractDetails {
            under_symbol: some("ES"), under_sec_type: some("IND"), contract_month: some("202512"), real_expiration_date: some("20251219"),
            ..details().expect("details")
        }) };
        10 "ContractData of an option" ContractData { req_id, contract: option(), contract_details: Some(ContractDetails {
            under_con_id: Some(416_904), under_symbol: some("SPX"), under_sec_type: some("IND"), contract_month: some("202604"),
            real_expiration_date: some("20260416"), ..details().expect("details")
        }) };
        52 "ContractDataEnd" ContractDataEnd { req_id };
        75 "SecDefOptParameter" SecDefOptParameter {
            req_id, exchange: some("SMART"), underlying_con_id: Some(265_598), trading_class: some("SPY"), multiplier: some("100"),
            expirations: vec!["20250718".to_owned(), "20250815".to_owned()], strikes: vec![550.0, 552.5],
        };
        76 "SecDefOptParameterEnd" SecDefOptParameterEnd { req_id };
        79 "SymbolSamples" SymbolSamples { req_id, contract_descriptions: vec![
            ContractDescription { contract: share(), derivative_sec_types: vec!["OPT".to_owned()] },
            ContractDescription { contract: share(), derivative_sec_types: vec![] },
        ] };
        19 "ScannerParameters" ScannerParameters { xml: some("<ScanParameterResponse/>") };
        78 "FamilyCodes" FamilyCodes {};
        80 "MarketDepthExchanges" MarketDepthExchanges {};
        85 "NewsProviders" NewsProviders {};
        93 "MarketRule" MarketRule { market_rule_id: Some(3), price_increments: vec![
            PriceIncrement { low_edge: Some(0.0), increment: Some(0.0005) },
            PriceIncrement { low_edge: Some(10.0), increment: Some(0.001) },
        ] };
    }
}
