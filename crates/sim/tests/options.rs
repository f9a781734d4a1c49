//! Options of the simulated market: listed by rule, priced from one surface, ended as their root says.

mod world;

use domain::{
    AssetClass, Contract, ContractId, Currency, FutureRule, Instrument, InstrumentId, InstrumentKind, Mic, OptionEnd,
    OptionKey, OptionRight, OrderType, Price, Quantity, Side, TimeInForce, Universe,
};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Calendars;
use market::{DataType, Underlying};
use rust_decimal::Decimal;
use sim::{OptionView, Prices, Scenario, SimConfig, SimOrder, Simulation, StatementItem};
use std::sync::Arc;

const SPX: ContractId = ContractId(0);
const SPY: ContractId = ContractId(2);
const VX: ContractId = ContractId(3);
const SPX_OPT: InstrumentId = InstrumentId(4);
const SPY_OPT: InstrumentId = InstrumentId(5);
const VIX_OPT: InstrumentId = InstrumentId(6);

/// The Thursday before the third Friday of December 2025, and that Friday.
const THURSDAY: Date = date(2025, 12, 18);
const FRIDAY: Date = date(2025, 12, 19);

fn universe() -> Universe {
    use InstrumentKind::{Etf, Fut, Ind, Opt};
    let line = |name: &str, kind, venue| Instrument { venue, ..Instrument::plain(name, kind, Currency::Usd) };
    let root = |name: &str, on: &str, tick: &str| Instrument {
        symbol: on.to_owned(),
        trading_class: on.to_owned(),
        multiplier: 100,
        tick: world::price(tick),
        underlying: Some(on.to_owned()),
        ..line(name, Opt, Mic::Xcbo)
    };
    let instruments = vec![
        line("SPX", Ind, Mic::Xnys),
        line("VIX", Ind, Mic::Xcbo),
        line("SPY", Etf, Mic::Xnys),
        Instrument {
            asset_class: AssetClass::VolatilityFuture,
            multiplier: 1_000,
            tick: world::price("0.05"),
            future: Some(FutureRule::VolatilityMonthly),
            ..line("VX", Fut, Mic::Xcbf)
        },
        root("SPX_OPT", "SPX", "0.05"),
        root("SPY_OPT", "SPY", "0.01"),
        root("VIX_OPT", "VIX", "0.01"),
    ];
    let contract = |instrument: u16, name: &str, expiry| Contract {
        name: name.to_owned(),
        instrument: InstrumentId(instrument),
        expiry,
    };
    // VX settles on the Wednesday thirty days before the third Friday of January.
    let contracts = vec![
        contract(0, "SPX", None),
        contract(1, "VIX", None),
        contract(2, "SPY", None),
        contract(3, "VX_20251217", Some(date(2025, 12, 17))),
    ];
    Universe::new(instruments, contracts)
}

fn simulation(scenario: Scenario) -> Simulation {
    let tables = [
        (Mic::Xnys, include_str!("../../../config/calendars/XNYS.csv")),
        (Mic::Xcbo, include_str!("../../../config/calendars/XCBO.csv")),
        (Mic::Xcbf, include_str!("../../../config/calendars/XCBF.csv")),
    ];
    let calendars = Calendars::parse(tables, include_str!("../../../config/calendars/overrides.csv")).unwrap();
    let prices = Prices::Simulated { scenario, seed: 1, first_day: world::FIRST_DAY };
    let config = SimConfig { universe: Arc::new(universe()), calendars: Arc::new(calendars), ..world::config(prices) };
    Simulation::new(config).expect("a valid configuration")
}

fn at(date: Date, time: &str) -> Timestamp {
    world::at(&format!("{date}T{time}Z"))
}

fn key(expiry: Date, strike: f64, right: OptionRight) -> OptionKey {
    OptionKey { expiry, strike: Price::from_f64(strike).unwrap(), right }
}

/// The listed strike nearest to a price.
fn strike_near(sim: &Simulation, root: InstrumentId, price: f64) -> f64 {
    let listed = sim.option_listing(root).expect("a chain").strikes;
    let distance = |strike: &Price| ((strike.to_f64() - price).abs() * 1e6) as i64;
    listed.iter().min_by_key(|strike| distance(strike)).expect("strikes").to_f64()
}

fn view(sim: &mut Simulation, root: InstrumentId, key: OptionKey) -> OptionView {
    let contract = sim.list_option(root, key).expect("it is listed");
    sim.option_view(contract).expect("it is priced")
}

fn buy(sim: &mut Simulation, order_id: i32, contract: ContractId, side: Side, contracts: i64) -> Decimal {
    let quote = sim.quote(contract);
    let limit = if side == Side::Buy { quote.ask } else { quote.bid }.expect("a two-sided market");
    sim.place(
        1,
        SimOrder {
            order_id,
            order_ref: String::new(),
            contract,
            against: None,
            side,
            quantity: Quantity::whole(contracts),
            order_type: OrderType::Lmt,
            limit: limit.to_decimal().normalize(),
            tif: TimeInForce::Ioc,
            transmit: true,
        },
    );
    let filled = sim.order(1, order_id).expect("an order").filled;
    assert_eq!(filled, Quantity::whole(contracts), "a few contracts are there at the touch");
    sim.executions(Timestamp::MIN).iter().filter(|execution| execution.order_id == order_id).map(|e| e.realized).sum()
}

fn cash(sim: &Simulation) -> Decimal {
    sim.account().cash.iter().map(|row| row.cash).sum()
}

#[test]
fn an_option_sold_short_is_asked_more_than_its_price_and_a_bought_one_its_price() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(THURSDAY, "15:00:00"));
    let expiry = sim.option_listing(SPX_OPT).expect("a chain").expiries[2];
    let spot = sim.quote(SPX).last.expect("a price").to_f64();
    let value = Decimal::from(1_000);
    for (share, right) in [(0.90, OptionRight::Put), (1.0, OptionRight::Put), (1.10, OptionRight::Call)] {
        let key = key(expiry, strike_near(&sim, SPX_OPT, spot * share), right);
        let told = view(&mut sim, SPX_OPT, key);
        let contract = sim.list_option(SPX_OPT, key).expect("it is listed");
        let (long, short) = (sim.margin(contract, Decimal::ONE, value), sim.margin(contract, -Decimal::ONE, value));
        assert_eq!(long, (value, value), "a bought option is paid");
        let strike = key.strike.to_f64();
        let (Underlying::Spot { price: spot, .. } | Underlying::Future { price: spot, .. }) = told.underlying;
        let (out, least) = match right {
            OptionRight::Put => ((spot - strike).max(0.0), 0.10 * strike),
            OptionRight::Call => ((strike - spot).max(0.0), 0.10 * spot),
        };
        let wanted = 1_000.0 * (1.0 + (0.15 * spot - out).max(least) / told.value.price);
        let asked: f64 = short.1.to_string().parse().expect("a number");
        assert!((asked / wanted - 1.0).abs() < 1e-6 && short.0 == short.1, "{right:?} {strike}: {asked} for {wanted}");
        assert!(asked > 1_500.0, "{right:?} {strike}: {asked}");
    }
}

#[test]
fn months_and_strikes_are_listed_by_rule() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(date(2025, 11, 3), "15:00:00"));
    let spx = sim.option_listing(SPX_OPT).expect("a chain");
    assert_eq!(spx.underlying, SPX);
    assert_eq!(&spx.expiries[..3], [date(2025, 11, 20), THURSDAY, date(2026, 1, 15)], "the day before third Fridays");
    let last = *spx.expiries.last().unwrap();
    assert!(last > date(2026, 12, 31) && last.month() % 6 == 0, "half-years reach further than months: {last}");
    let vix = sim.option_listing(VIX_OPT).expect("a chain");
    assert_eq!(&vix.expiries[..2], [date(2025, 11, 18), date(2025, 12, 16)], "the day before VX settles");
    let spy = sim.option_listing(SPY_OPT).expect("a chain").expiries;
    let fridays = [7, 14, 21, 28].map(|day| date(2025, 11, day)).into_iter().chain([date(2025, 12, 5), FRIDAY]);
    assert!(spy.iter().copied().take(6).eq(fridays), "options on funds end every Friday of the next weeks: {spy:?}");
    sim.advance_to(at(date(2026, 3, 31), "15:00:00"));
    let spy = sim.option_listing(SPY_OPT).expect("a chain").expiries;
    assert_eq!(spy[0], date(2026, 4, 2), "the Thursday before a Friday without a session");
    let spot = sim.quote(SPX).last.unwrap().to_f64();
    let (lowest, highest) = (spx.strikes[0].to_f64(), spx.strikes.last().unwrap().to_f64());
    assert!(lowest < 0.45 * spot && highest > 1.7 * spot, "{lowest} to {highest} around {spot}");
    assert_eq!(sim.option_listing(InstrumentId(0)), None, "an index is no root");
    assert_eq!(sim.list_option(SPX_OPT, key(THURSDAY, 12.5, OptionRight::Put)), None, "nobody lists that strike");
}

#[test]
fn calls_puts_and_futures_agree() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(date(2025, 11, 10), "16:00:00"));
    let strike = strike_near(&sim, SPX_OPT, 6_500.0);
    let [call, put] =
        [OptionRight::Call, OptionRight::Put].map(|right| view(&mut sim, SPX_OPT, key(THURSDAY, strike, right)));
    let Underlying::Spot { price, rate, dividend_yield } = call.underlying else { panic!("an index is owned") };
    let years = call.terms.years;
    let parity = price * libm::exp(-dividend_yield * years) - strike * libm::exp(-rate * years);
    assert!((call.value.price - put.value.price - parity).abs() < 1e-6 * price);

    let [call, put] = [OptionRight::Call, OptionRight::Put]
        .map(|right| view(&mut sim, VIX_OPT, key(date(2025, 12, 16), 20.0, right)));
    let forward = (call.value.price - put.value.price) * libm::exp(0.04 * call.terms.years) + 20.0;
    let future = sim.quote(VX).last.unwrap().to_f64();
    assert!((forward - future).abs() <= 0.05, "options on VIX are on its future: {forward} against {future}");
}

#[test]
fn no_butterfly_and_no_calendar_spread_is_free() {
    let mut sim = simulation(Scenario::Crash);
    for day in [date(2025, 11, 3), date(2025, 11, 14)] {
        sim.advance_to(at(day, "16:00:00"));
        for root in [SPX_OPT, VIX_OPT] {
            let listing = sim.option_listing(root).unwrap();
            let mut before: Vec<f64> = Vec::new();
            for &expiry in listing.expiries.iter().filter(|expiry| **expiry > day).take(8) {
                let strikes: Vec<Price> = listing.strikes.iter().copied().step_by(4).collect();
                let price = |strike: Price, sim: &mut Simulation| {
                    view(sim, root, OptionKey { expiry, strike, right: OptionRight::Call }).value.price
                };
                let prices: Vec<f64> = strikes.iter().map(|strike| price(*strike, &mut sim)).collect();
                for (i, window) in prices.windows(3).enumerate() {
                    let [low, middle, high] = [0, 1, 2].map(|n| strikes[i + n].to_f64());
                    let share = (high - middle) / (high - low);
                    let above = share * window[0] + (1.0 - share) * window[2];
                    assert!(window[1] <= above + 1e-7, "butterfly at {middle} of {expiry} on {day}");
                    assert!(window[1] <= window[0] + 1e-9, "a higher strike is never dearer");
                }
                // Total variance at the money never falls with time.
                if root == SPX_OPT {
                    let strike =
                        Price::from_f64(strike_near(&sim, root, sim.quote(SPX).last.unwrap().to_f64())).unwrap();
                    let v = view(&mut sim, root, OptionKey { expiry, strike, right: OptionRight::Call });
                    before.push(v.volatility * v.volatility * v.terms.years);
                }
            }
            assert!(before.windows(2).all(|pair| pair[0] < pair[1] + 1e-9), "{before:?}");
        }
    }
}

#[test]
fn the_smile_leans_on_puts_and_answers_vix() {
    let at_the_money = |day: Date| {
        let mut sim = simulation(Scenario::Spike);
        sim.advance_to(at(day, "20:30:00"));
        let spot = sim.quote(SPX).last.unwrap().to_f64();
        let volatility = |sim: &mut Simulation, moneyness: f64| {
            let strike = strike_near(sim, SPX_OPT, spot * moneyness);
            view(sim, SPX_OPT, key(THURSDAY, strike, OptionRight::Put)).volatility
        };
        [0.9, 1.0, 1.05].map(|moneyness| volatility(&mut sim, moneyness))
    };
    let [calm, shocked] = [date(2025, 11, 3), date(2025, 11, 4)].map(at_the_money);
    for [low, middle, high] in [calm, shocked] {
        assert!(low > middle && middle > high, "low strikes are dear: {low} {middle} {high}");
    }
    assert!((0.09..0.18).contains(&calm[1]), "a calm month: {}", calm[1]);
    assert!(shocked[1] > 1.25 * calm[1], "VIX jumped: {} after {}", shocked[1], calm[1]);
}

#[test]
fn an_index_option_ends_in_cash_at_the_opening_after_its_last_day() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(date(2025, 12, 15), "16:00:00"));
    let strike = strike_near(&sim, SPX_OPT, sim.quote(SPX).last.unwrap().to_f64() + 100.0);
    let put = sim.list_option(SPX_OPT, key(THURSDAY, strike, OptionRight::Put)).unwrap();
    let before = cash(&sim);
    buy(&mut sim, 1, put, Side::Buy, 3);
    let paid = before - cash(&sim);
    let position = sim.account().positions[0].clone();
    assert_eq!((position.contract, position.quantity), (put, Quantity::whole(3)));
    assert!(paid > position.market_value, "half of the spread and commissions are gone");
    assert_eq!(sim.account().cash[0].option_market_value, position.market_value);

    sim.advance_to(at(FRIDAY, "14:29:59"));
    assert_eq!(sim.account().positions.len(), 1, "held over the night");
    sim.place(1, order_for(2, put));
    assert!(world::told(&mut sim).contains("2 rejected, 200"), "it trades no more");
    sim.advance_to(at(FRIDAY, "14:30:00"));
    let opening = sim.quote(SPX).last.unwrap().to_decimal();
    let inside = (Decimal::try_from(strike).unwrap() - opening).max(Decimal::ZERO);
    assert!(sim.account().positions.is_empty());
    assert_eq!(cash(&sim) - before, inside * Decimal::from(300) - paid, "strike less the opening, times 100, times 3");
    let line = sim.statement().last().expect("a line");
    assert_eq!((line.contract, line.date), (Some(put), FRIDAY));
    let how = if inside.is_zero() { OptionEnd::Expired } else { OptionEnd::Exercised };
    let cash = inside * Decimal::from(300);
    assert_eq!(line.item, StatementItem::OptionEnded { how, quantity: Quantity::whole(-3), cash });
}

fn order_for(order_id: i32, contract: ContractId) -> SimOrder {
    world::limit(order_id, Side::Sell, 1, contract, world::price("1"))
}

#[test]
fn an_option_on_a_fund_delivers_it_at_the_strike() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(date(2025, 12, 17), "16:00:00"));
    let spot = sim.quote(SPY).last.unwrap().to_f64();
    let [bought, sold, hopeless] =
        [spot + 40.0, spot - 40.0, spot - 100.0].map(|price| strike_near(&sim, SPY_OPT, price));
    let put = sim.list_option(SPY_OPT, key(FRIDAY, bought, OptionRight::Put)).unwrap();
    let call = sim.list_option(SPY_OPT, key(FRIDAY, sold, OptionRight::Call)).unwrap();
    let far = sim.list_option(SPY_OPT, key(FRIDAY, hopeless, OptionRight::Put)).unwrap();
    buy(&mut sim, 1, put, Side::Buy, 2);
    buy(&mut sim, 2, call, Side::Sell, 1);
    buy(&mut sim, 3, far, Side::Buy, 1);
    let before = cash(&sim);
    sim.advance_to(at(FRIDAY, "22:00:00"));
    let positions = sim.account().positions;
    assert_eq!(positions.len(), 1, "{positions:?}");
    assert_eq!((positions[0].contract, positions[0].quantity), (SPY, Quantity::whole(-300)));
    let strikes =
        Decimal::try_from(bought).unwrap() * Decimal::from(200) + Decimal::try_from(sold).unwrap() * Decimal::from(100);
    assert_eq!(cash(&sim) - before, strikes, "200 sold at one strike, 100 at the other");
    let how: Vec<OptionEnd> = sim
        .statement()
        .iter()
        .filter_map(|line| match line.item {
            StatementItem::OptionEnded { how, .. } => Some(how),
            _ => None,
        })
        .collect();
    assert_eq!(how, [OptionEnd::Exercised, OptionEnd::Assigned, OptionEnd::Expired]);
}

#[test]
fn a_closed_market_shows_what_it_closed_with() {
    let mut sim = simulation(Scenario::Calm);
    sim.advance_to(at(date(2025, 11, 11), "06:00:00"));
    let strike = strike_near(&sim, SPX_OPT, 6_000.0);
    let put = sim.list_option(SPX_OPT, key(THURSDAY, strike, OptionRight::Put)).unwrap();
    let quote = sim.quote(put);
    assert_eq!((quote.data_type, quote.at), (DataType::Frozen, at(date(2025, 11, 10), "21:00:00")));
    let (bid, ask) = quote.two_sided().expect("a frozen market has two sides");
    let model = sim.option_view(put).expect("a model").value;
    assert!(bid.to_f64() <= model.price && model.price <= ask.to_f64(), "{bid} {ask} around {}", model.price);
    assert!(model.delta < 0.0 && model.delta > -0.5);
    let later = sim.now() + SignedDuration::from_hours(1);
    sim.advance_to(later);
    assert_eq!(sim.quote(put), quote, "nothing moves at night");
}
