//! Options through the adapter: a chain, quotes with the broker's model, an order.

use crate::world::{self, at, config, events, order_line, price};
use domain::{
    Contract, ContractId, Currency, Instrument, InstrumentId, InstrumentKind, Mic, Money, OptionKey, OptionRight,
    Price, Quantity, Side, Universe,
};
use gateway::{Control, Gateway, GatewayConfig};
use ibkr::IbkrBroker;
use jiff::civil::{Date, date};
use market::DataType;
use market::calendar::Calendars;
use ports::{Broker, BrokerError, BrokerEvent, OPTION_QUOTES_MAX, OptionQuote};
use rust_decimal::dec;
use sim::{AccountEvents, PriceList, Prices, Scenario, SimConfig};
use std::net::SocketAddr;
use std::sync::Arc;

const SPX_OPT: InstrumentId = InstrumentId(2);
const SPX: ContractId = ContractId(0);

fn universe() -> Arc<Universe> {
    use InstrumentKind::{Ind, Opt};
    let line = |name: &str, kind, exchange: &str, venue| Instrument {
        exchange: exchange.to_owned(),
        venue,
        ..Instrument::plain(name, kind, Currency::Usd)
    };
    let instruments = vec![
        line("SPX", Ind, "CBOE", Mic::Xnys),
        line("VIX", Ind, "CBOE", Mic::Xcbo),
        Instrument {
            symbol: "SPX".to_owned(),
            primary_exchange: "CBOE".to_owned(),
            trading_class: "SPX".to_owned(),
            multiplier: 100,
            tick: price(dec!(0.05)),
            underlying: Some("SPX".to_owned()),
            ..line("SPX_OPT", Opt, "SMART", Mic::Xcbo)
        },
    ];
    let index =
        |name: &str, instrument| Contract { name: name.to_owned(), instrument: InstrumentId(instrument), expiry: None };
    Arc::new(Universe::new(instruments, vec![index("SPX", 0), index("VIX", 1)]))
}

async fn gateway(now: &str) -> Gateway {
    let tables = [
        (Mic::Xnys, include_str!("../../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../../config/calendars/XCBO.csv")),
    ];
    let calendars = Calendars::parse(tables, include_str!("../../../../config/calendars/overrides.csv"));
    let world = SimConfig {
        universe: universe(),
        calendars: Arc::new(calendars.expect("the shipped calendars are sound")),
        prices: Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day: date(2025, 12, 8) },
        seed: 7,
        start: at("2025-12-08T06:00:00Z"),
        base: Currency::Usd,
        account: "DU1234567".to_owned(),
        deposit: Money::new(dec!(10_000_000), Currency::Usd),
        events: AccountEvents::none(),
        price_list: PriceList::Fixed,
    };
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let gateway = Gateway::bind(loopback, GatewayConfig::default(), world).await.expect("a gateway");
    gateway.control().advance_to(at(now)).await.expect("time moves");
    gateway
}

async fn puts(broker: &mut IbkrBroker, expiry: Date, lowest: f64, highest: f64) -> Vec<OptionQuote> {
    let chain = broker.option_chain(SPX_OPT).await.expect("a chain");
    assert_eq!(chain.underlying, SPX);
    let [class] = &chain.classes[..] else { panic!("one class on one exchange: {:?}", chain.classes) };
    assert_eq!((class.trading_class.as_str(), class.multiplier), ("SPX", dec!(100)));
    assert!(class.expiries.contains(&expiry), "{:?}", class.expiries);
    let within = |strike: &&Price| (lowest..=highest).contains(&strike.to_f64());
    let put = |&strike: &Price| OptionKey { expiry, strike, right: OptionRight::Put };
    let mut wanted: Vec<OptionKey> = class.strikes.iter().filter(within).map(put).collect();
    // Nobody lists this one.
    wanted.push(OptionKey { expiry, strike: price(dec!(12.34)), right: OptionRight::Put });
    let quotes = broker.option_quotes(SPX_OPT, &wanted).await.expect("quotes");
    assert_eq!(quotes.len(), wanted.len() - 1);
    quotes
}

#[tokio::test]
async fn a_put_is_chosen_by_delta_before_the_open_and_bought_after_it() {
    let gateway = gateway("2025-12-09T06:00:00Z").await;
    let mut broker = IbkrBroker::connect(config(gateway.local_addr()), universe()).await.expect("a session");
    let expiry = date(2026, 3, 19);
    let quotes = puts(&mut broker, expiry, 5_000.0, 7_000.0).await;
    for quote in &quotes {
        assert_eq!(quote.quote.data_type, DataType::Frozen, "the venue is closed");
        let (bid, ask) = quote.quote.two_sided().expect("what it closed with");
        let model = quote.model.expect("a model");
        let value = model.price.expect("a value");
        assert!(bid.to_f64() <= value && value <= ask.to_f64(), "{bid} {value} {ask}");
        assert!((0.05..0.6).contains(&model.implied_volatility), "{}", model.implied_volatility);
        assert!(quote.open_interest.is_some_and(|contracts| contracts > 0) && quote.volume.is_some());
    }
    let deltas: Vec<f64> = quotes.iter().map(|quote| quote.model.unwrap().delta).collect();
    assert!(deltas.windows(2).all(|pair| pair[0] > pair[1]), "a higher strike is nearer to exercise");
    let vols: Vec<f64> = quotes.iter().map(|quote| quote.model.unwrap().implied_volatility).collect();
    assert!(vols.windows(2).all(|pair| pair[0] > pair[1]), "low strikes are dear");
    let chosen = quotes.iter().min_by_key(|quote| ((quote.model.unwrap().delta + 0.15).abs() * 1e6) as i64).unwrap();
    assert!((-0.2..-0.1).contains(&chosen.model.unwrap().delta), "a put of about 15 delta is among them");

    let mut grown = Universe::clone(&universe());
    let put = grown.list_option(SPX_OPT, chosen.key);
    broker.extend(Arc::new(grown));
    let resolved = broker.resolve(&[put]).await.expect("both sides mean the same option");
    assert_eq!((resolved[0].con_id, resolved[0].last_trade), (chosen.con_id, Some(expiry)));

    gateway.control().advance_to(at("2025-12-09T15:30:00Z")).await.expect("time moves");
    broker.watch(&[put]).await.expect("quotes");
    let open = world::quote(&events(&mut broker).await, put);
    assert_eq!(open.data_type, DataType::Live);
    let (_, ask) = open.two_sided().expect("the venue is open");
    let order = world::order(1, put, Side::Buy, 2, ask);
    broker.send(&world::place(&order)).await.expect("written");
    let told = events(&mut broker).await;
    let lines: Vec<String> = told.iter().filter_map(order_line).collect();
    assert_eq!(
        lines,
        ["1 acknowledged", "1 Submitted, 0 filled", "1 execution BUY 2", "  charged in USD", "1 Filled, 2 filled"]
    );
    let after = broker.snapshot().await.expect("a snapshot");
    assert_eq!((after.positions[0].contract, after.positions[0].quantity), (put, Quantity::whole(2)));
    let fill = told.iter().find_map(|event| match event {
        BrokerEvent::Execution(fill) => Some(fill.clone()),
        _ => None,
    });
    let paid = fill.expect("a fill").price.to_decimal() * dec!(200);
    let charge = after.executions[0].commission.expect("told").amount;
    assert_eq!(after.cash[0].cash, dec!(10_000_000) - paid - charge, "premium times a hundred times two");

    // A market that doubled lists other strikes; this one stays until it expires.
    let doubled = gateway::Injection::MarketShock { equity: dec!(1.5), volatility: dec!(0) };
    gateway.control().inject(doubled).await.expect("a shock");
    gateway.control().advance_to(at("2025-12-11T06:00:00Z")).await.expect("time moves");

    // The next morning's engine knows the option by the name in its books.
    let mut again = Universe::clone(&universe());
    let name = again.list_option(SPX_OPT, chosen.key);
    assert_eq!(again.contract(name).name, format!("SPX_OPT_20260319_P{}", chosen.key.strike));
    broker.disconnect().await;
    let mut next = IbkrBroker::connect(config(gateway.local_addr()), Arc::new(again)).await.expect("a session");
    assert_eq!(next.snapshot().await.expect("a snapshot").foreign.len(), 1, "foreign until it is resolved");
    let chain = next.option_chain(SPX_OPT).await.expect("a chain");
    let listed = chain.classes.iter().any(|class| class.strikes.contains(&chosen.key.strike));
    assert!(!listed, "or this would not tell that it stays");
    next.resolve(&[name]).await.expect("it is listed still");
    assert_eq!(next.snapshot().await.expect("a snapshot").positions[0].contract, name);
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused_by_name() {
    let gateway = gateway("2025-12-08T15:30:00Z").await;
    let mut broker = IbkrBroker::connect(config(gateway.local_addr()), universe()).await.expect("a session");
    let no_root = broker.option_chain(InstrumentId(0)).await.expect_err("an index has no options of its own");
    assert!(matches!(&no_root, BrokerError::Unusable(text) if text.contains("no option root")), "{no_root}");
    let key = OptionKey { expiry: date(2026, 3, 19), strike: price(dec!(6000)), right: OptionRight::Call };
    let many = broker.option_quotes(SPX_OPT, &vec![key; OPTION_QUOTES_MAX + 1]).await.expect_err("too many");
    assert!(matches!(&many, BrokerError::Unusable(text) if text.contains("at most 400")), "{many}");
    let live = broker.option_quotes(SPX_OPT, &[key]).await.expect("a quote");
    assert_eq!(live[0].quote.data_type, DataType::Live, "the venue is open");
}
