//! What a client can ask without trading: account, contracts, quotes, bars, time.

use crate::support::*;
use futures::{FutureExt, StreamExt};
use gateway::{Control, ControlError, RemoteControl};
use ibapi::accounts::types::{AccountGroup, AccountId};
use ibapi::accounts::{AccountSummaryResult, AccountUpdate, PositionUpdate};
use ibapi::contracts::{Contract, ContractDetails, SecurityIdType, SecurityType};
use ibapi::market_data::TradingHours;
use ibapi::market_data::historical::{BarSize, HistoricalBarUpdate, ToDuration, WhatToShow};
use ibapi::market_data::realtime::{Quote, TickTypes};
use ibapi::subscriptions::SubscriptionItem;
use tokio::task::unconstrained;

#[tokio::test]
async fn a_new_account_holds_cash_and_nothing_else() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    assert_eq!(client.handshake_managed_accounts(), [ACCOUNT]);
    assert_eq!((client.next_order_id(), client.next_valid_order_id().await.expect("an id")), (1, 1));
    assert_eq!(client.managed_accounts().await.expect("accounts"), [ACCOUNT]);

    let mut positions = client.positions().await.expect("positions");
    let first = positions.next().await.expect("an answer").expect("readable");
    assert!(matches!(first, SubscriptionItem::Data(PositionUpdate::PositionEnd)), "{first:?}");

    let tags = ["NetLiquidation", "ExcessLiquidity", "$LEDGER:ALL"];
    let mut summary = client.account_summary(&AccountGroup("All".into()), &tags).await.expect("a summary");
    let mut lines = Vec::new();
    while let Some(Ok(SubscriptionItem::Data(AccountSummaryResult::Summary(row)))) = summary.next().await {
        lines.push(format!("{} {} {}", row.tag, row.value, row.currency));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    NetLiquidation 1000000.00 USD
    ExcessLiquidity 1000000.00 USD
    Currency USD USD
    CashBalance 1000000.00 USD
    TotalCashBalance 1000000.00 USD
    AccruedCash 0.00 USD
    NetDividend 0.00 USD
    FuturesPNL 0.00 USD
    StockMarketValue 0.00 USD
    OptionMarketValue 0.00 USD
    FundValue 0.00 USD
    MoneyMarketFundValue 0.00 USD
    NetLiquidationByCurrency 1000000.00 USD
    UnrealizedPnL 0.00 USD
    RealizedPnL 0.00 USD
    RealCurrency USD USD
    ExchangeRate 1.00 USD
    Currency BASE BASE
    CashBalance 1000000.00 BASE
    TotalCashBalance 1000000.00 BASE
    AccruedCash 0.00 BASE
    NetDividend 0.00 BASE
    FuturesPNL 0.00 BASE
    StockMarketValue 0.00 BASE
    OptionMarketValue 0.00 BASE
    FundValue 0.00 BASE
    MoneyMarketFundValue 0.00 BASE
    NetLiquidationByCurrency 1000000.00 BASE
    UnrealizedPnL 0.00 BASE
    RealizedPnL 0.00 BASE
    RealCurrency BASE BASE
    ExchangeRate 1.00 BASE
    ");

    let mut updates = client.account_updates(&AccountId(ACCOUNT.into())).await.expect("updates");
    let (mut ready, mut ended) = (None, false);
    while let Some(Ok(SubscriptionItem::Data(update))) = updates.next().await {
        match update {
            AccountUpdate::AccountValue(value) if value.key == "AccountReady" => ready = Some(value.value),
            AccountUpdate::End => {
                ended = true;
                break;
            }
            _ => {}
        }
    }
    assert_eq!((ready.as_deref(), ended), (Some("true"), true));
}

fn line(details: &ContractDetails) -> String {
    let contract = &details.contract;
    format!(
        "{} {} {} {} {} x{} tick {} magnifier {} at {} rules {} | {}",
        contract.local_symbol,
        contract.security_type,
        contract.currency,
        contract.primary_exchange,
        contract.last_trade_date_or_contract_month,
        contract.multiplier,
        details.min_tick,
        details.price_magnifier,
        details.valid_exchanges.join(","),
        details.market_rule_ids.join(","),
        details.liquid_hours.first().map_or("", String::as_str),
    )
}

#[tokio::test]
async fn contracts_are_found_the_ways_clients_describe_them() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let find = async |contract: &Contract| client.contract_details(contract).await;
    let future = |expiry: &str| Contract {
        symbol: "M6E".into(),
        security_type: SecurityType::Future,
        exchange: "CME".into(),
        last_trade_date_or_contract_month: expiry.to_owned(),
        ..Contract::default()
    };

    let mut found = find(&fund("CSPX", "USD")).await.expect("CSPX");
    found.extend(find(&fund("ISF", "GBP")).await.expect("ISF"));
    found.extend(find(&future("")).await.expect("a chain"));
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
    CSPX STK USD LSEETF  x tick 0.01 magnifier 1 at SMART,LSEETF rules 4,4 | 20250707:0800-20250707:1630
    ISF STK GBP LSEETF  x tick 0.0005 magnifier 100 at SMART,LSEETF rules 3,3 | 20250707:0800-20250707:1630
    M6EU5 FUT USD  20250915 x12500 tick 0.0001 magnifier 1 at CME rules 2 | 20250706:1700-20250707:1700
    M6EZ5 FUT USD  20251215 x12500 tick 0.0001 magnifier 1 at CME rules 2 | 20250706:1700-20250707:1700
    ");

    let by_isin = |currency: &str| Contract {
        security_type: SecurityType::Stock,
        security_id_type: Some(SecurityIdType::Isin),
        security_id: "IE00B5BMR087".to_owned(),
        exchange: "SMART".into(),
        currency: currency.into(),
        ..Contract::default()
    };
    assert_eq!(find(&by_isin("")).await.expect("both lines").len(), 2, "one fund, two lines");
    let xetra = find(&by_isin("EUR")).await.expect("one line");
    assert_eq!((xetra.len(), xetra[0].contract.symbol.as_str()), (1, "SXR8"));

    let id = Contract { contract_id: found[0].contract.contract_id, ..Contract::default() };
    assert_eq!(find(&id).await.expect("by id")[0].contract.symbol.as_str(), "CSPX");
    assert_eq!(find(&future("202512")).await.expect("by month")[0].contract.local_symbol, "M6EZ5");
    let missing = find(&fund("CSPX", "GBP")).await.expect_err("no such line").to_string();
    assert!(missing.contains("200") && missing.contains("No security definition"), "{missing}");

    let again = gateway_at(START).await;
    let other = crate::support::client(&again, 1).await;
    let same = other.contract_details(&fund("CSPX", "USD")).await.expect("CSPX");
    assert_eq!(same[0].contract.contract_id, found[0].contract.contract_id, "ids are the same in every run");

    let rule: i32 = found[0].market_rule_ids[0].parse().expect("a number");
    let rule = client.market_rule(rule).await.expect("a rule");
    assert_eq!((rule.price_increments[0].low_edge, rule.price_increments[0].increment), (0.0, 0.01));
}

#[tokio::test]
async fn quotes_follow_the_market_and_only_when_it_is_open() {
    let gateway = gateway_at(START).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let mut ticks = client.market_data(&cspx).subscribe().await.expect("a stream");
    let mut quote = Quote::default();
    let mut count = 0;
    let mut fold = async |until: &str| {
        gateway.control().advance_to(at(until)).await.expect("time moves");
        client.server_time_millis().await.expect("the fence");
        let drain = async {
            while let Some(Some(item)) = ticks.next().now_or_never() {
                if let SubscriptionItem::Data(tick) = item.expect("a readable tick") {
                    assert!(!matches!(tick, TickTypes::SnapshotEnd));
                    quote.apply(&tick);
                    count += 1;
                }
            }
        };
        unconstrained(drain).await;
        (quote.bid, quote.ask, quote.close, std::mem::take(&mut count))
    };

    let (bid, ask, close, _) = fold("2025-07-07T06:30:00Z").await;
    assert_eq!((bid, ask), (None, None), "London is closed");
    assert!(close.is_some());
    let (bid, ask, ..) = fold(MORNING).await;
    let (bid, ask) = (bid.expect("a bid"), ask.expect("an ask"));
    assert!(bid < ask && ask < bid * 1.01, "{bid} {ask}");
    assert!(fold("2025-07-07T09:00:00Z").await.3 > 0, "the market moved");
    assert_eq!(fold("2025-07-07T09:00:00Z").await.3, 0, "time did not, so nothing is sent");
    let (bid, ask, ..) = fold("2025-07-07T20:00:00Z").await;
    assert_eq!((bid, ask), (Some(-1.0), Some(-1.0)), "closed again");

    let pence = client.market_data(&fund("ISF", "GBP")).snapshot_once(PATIENCE).await.expect("a snapshot");
    let last = Quote::from_ticks(&pence).last.expect("a last price");
    let pounds = gateway_price_of_isf(&gateway).await;
    assert_eq!(last, pounds * 100.0, "quoted in pence");
}

/// The close of ISF in pounds, from its daily bar in pence.
async fn gateway_price_of_isf(gateway: &gateway::Gateway) -> f64 {
    let client = client(gateway, 2).await;
    let bars =
        client.historical_data(&fund("ISF", "GBP"), BarSize::Day).duration(1.days()).fetch().await.expect("a bar");
    bars.bars[0].close / 100.0
}

#[tokio::test]
async fn daily_bars_end_with_the_last_session_that_has_closed() {
    let gateway = gateway_at(MORNING).await;
    let client = client(&gateway, 1).await;
    let cspx = fund("CSPX", "USD");
    let fetch = async |end: Option<time::OffsetDateTime>| {
        let request = client.historical_data(&cspx, BarSize::Day).duration(3.days()).what_to_show(WhatToShow::Trades);
        let request = if let Some(end) = end { request.ending(end) } else { request };
        let data = request.fetch().await.expect("bars");
        data.bars.iter().map(|bar| bar.date.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(fetch(None).await, ["20250702", "20250703", "20250704"], "today's session is not over");
    let friday_noon =
        time::OffsetDateTime::from_unix_timestamp(at("2025-07-04T12:00:00Z").as_second()).expect("a time");
    assert_eq!(fetch(Some(friday_noon)).await, ["20250701", "20250702", "20250703"]);

    let weeks = client.historical_data(&cspx, BarSize::Week).duration(1.days()).fetch().await;
    assert!(weeks.expect_err("not served").to_string().contains("serves `1 min` to `4 hours` and `1 day`"));
    let head = client.head_timestamp(&cspx, WhatToShow::Trades, TradingHours::Regular).await;
    assert!(head.expect("the first bar").unix_timestamp() < friday_noon.unix_timestamp());
    let histogram = client.histogram_data(&cspx, TradingHours::Regular, BarSize::Day).await;
    assert!(histogram.expect_err("not served").to_string().contains("does not serve"), "refused, not left waiting");
}

#[tokio::test]
async fn bars_within_a_session_add_up_to_its_day_and_end_with_the_last_that_is_over() {
    let gateway = gateway_at("2025-07-08T08:07:30Z").await;
    let client = client(&gateway, 1).await;
    let isf = fund("ISF", "GBP");
    let bars = async |size: BarSize, days: i32| {
        let request = client.historical_data(&isf, size).duration(days.days()).what_to_show(WhatToShow::Trades);
        request.fetch().await.expect("bars").bars
    };
    let day = bars(BarSize::Day, 1).await[0];
    let minutes = bars(BarSize::Min, 2).await;
    let begins = |bar: &ibapi::market_data::historical::Bar| bar.date.to_string();
    // London trades 510 minutes; of today an hour and seven minutes are over.
    assert_eq!(minutes.len(), 510 + 67, "{} to {}", begins(&minutes[0]), begins(&minutes[minutes.len() - 1]));
    let (yesterday, today) = minutes.split_at(510);
    let (high, low) =
        yesterday.iter().fold((0.0_f64, f64::MAX), |(high, low), bar| (high.max(bar.high), low.min(bar.low)));
    assert_eq!((yesterday[0].open, yesterday[509].close), (day.open, day.close));
    assert!(
        high <= day.high && low >= day.low && high > day.high * 0.999 && low < day.low * 1.001,
        "{high} {low} {day:?}"
    );
    assert!(minutes.windows(2).all(|pair| begins(&pair[0]) < begins(&pair[1])));
    let volume: f64 = yesterday.iter().map(|bar| bar.volume).sum();
    assert!((volume / day.volume - 1.0).abs() < 0.01, "{volume} of {}", day.volume);
    assert!(yesterday[0].volume > 1.5 * yesterday[255].volume, "more is traded at the open than at noon");
    assert!(yesterday.iter().chain([&day]).all(|bar| bar.low <= bar.wap && bar.wap <= bar.high), "what was paid");
    assert!(today.iter().all(|bar| bar.low <= bar.close && bar.close <= bar.high && bar.low > 100.0), "in pence");
    assert_eq!(bars(BarSize::Hour, 1).await.len(), 1, "one hour of today is over");
    let old = jiff::Timestamp::from_second(at("2025-06-02T16:00:00Z").as_second()).expect("a time");
    let old = time::OffsetDateTime::from_unix_timestamp(old.as_second()).expect("a time");
    let forgotten = client.historical_data(&isf, BarSize::Min).duration(1.days()).ending(old).fetch().await;
    assert!(forgotten.expect_err("older than a week").to_string().contains("returned no data"));
}

#[tokio::test]
async fn bars_that_are_kept_up_to_date_go_on_with_the_one_under_way() {
    let gateway = gateway_at("2025-07-08T08:07:30Z").await;
    let client = client(&gateway, 1).await;
    let isf = fund("ISF", "GBP");
    let request = client.historical_data(&isf, BarSize::Min).duration(1.days()).what_to_show(WhatToShow::MidPoint);
    let mut stream = request.stream().await.expect("a stream");
    let mut updates = async || {
        client.server_time_millis().await.expect("the fence");
        let drain = async {
            let mut bars = Vec::new();
            while let Some(Some(Ok(SubscriptionItem::Data(told)))) = stream.next().now_or_never() {
                match told {
                    HistoricalBarUpdate::Update(bar) => bars.push(bar),
                    HistoricalBarUpdate::Historical(data) => assert_eq!(data.bars.len(), 67, "what has ended"),
                    HistoricalBarUpdate::End { .. } => {}
                }
            }
            bars
        };
        unconstrained(drain).await
    };
    let first = updates().await;
    assert_eq!((first.len(), format!("{:?}", first[0].date).contains("8:07:00")), (1, true), "{first:?}");
    for second in 31..90 {
        let to = at("2025-07-08T08:07:00Z") + jiff::SignedDuration::from_secs(second);
        gateway.control().advance_to(to).await.expect("time moves");
    }
    let bars = updates().await;
    assert!(bars.len() >= 3, "prices moved: {bars:?}");
    assert!(bars.windows(2).all(|pair| pair[0].date <= pair[1].date && pair[0] != pair[1]), "told when it changes");
    let minute = |text: &str| bars.iter().rfind(|bar| format!("{:?}", bar.date).contains(text)).cloned();
    let (ended, next) = (minute("8:07:00").expect("the one under way"), minute("8:08:00").expect("the next"));
    assert_eq!(ended.open, first[0].open);
    assert!(ended.low <= ended.open.min(ended.close) && ended.high >= ended.open.max(ended.close), "{ended:?}");
    assert!(next.low > 100.0, "in pence: {next:?}");

    stream.cancel().await;
    client.server_time_millis().await.expect("the fence");
    gateway.control().advance_to(at("2025-07-08T09:00:00Z")).await.expect("time moves");
}

#[tokio::test]
async fn time_is_virtual_and_moves_forward_only() {
    let mut gateway = gateway_at(START).await;
    let address = gateway.serve_control(loopback()).await.expect("a control");
    let mut remote = RemoteControl::connect(address).await.expect("a control");
    let client = client(&gateway, 1).await;

    assert_eq!(remote.now().await.expect("the time"), at(START));
    let opens = remote.next_event().await.expect("an event").expect("London opens");
    assert!(opens > at(START) && opens <= at("2025-07-07T07:00:00Z"), "{opens}");
    remote.advance_to(opens).await.expect("time moves");
    assert_eq!(gateway.control().now().await.expect("the time"), opens);
    assert_eq!(client.server_time_millis().await.expect("the time").unix_timestamp(), opens.as_second());
    assert_eq!(client.server_time().await.expect("the time").unix_timestamp(), opens.as_second());

    remote.advance_to(opens).await.expect("standing still is fine");
    let back = remote.advance_to(at(START)).await.expect_err("time does not go back");
    assert!(matches!(&back, ControlError::Declined(text) if text.contains("cannot go back")), "{back}");
}
