//! The broker: does it answer, is it the right account, does it know, quote and let us trade what the strategy needs?
//!
//! In: the configuration and a gateway. Out: findings. Invariant: questions only; an order is described in a what-if, which
//! the broker never places.

use super::Finding;
use crate::cli::{Global, MarketArgs};
use crate::day::{self, Run};
use crate::failure::Failure;
use crate::settings::{Loaded, Mode};
use crate::world::{Ground, account_tag};
use domain::rounding::limit_to_tick;
use domain::{ContractId, InstrumentKind, OrderRef, OrderType, Price, Side, TimeInForce};
use gateway::{Gateway, GatewayConfig};
use ibkr::IbkrBroker;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use ports::{Broker, BrokerCommand, BrokerError, Identity, OrderRequest};
use std::net::{Ipv4Addr, SocketAddr};

/// Sessions of history that prove there is any.
const SESSIONS: u32 = 5;
/// A last close older than this is no market data.
const OLDEST_DAYS: i64 = 7;
/// Names in one sentence; the rest are counted.
const NAMED: usize = 4;

/// The subjects that need a broker.
const SUBJECTS: [&str; 4] = ["account", "clock", "permissions", "market data"];

/// A session that only asks.
struct Desk {
    broker: IbkrBroker,
    run: Run,
    /// The gateway makes its own time.
    simulated: bool,
    address: String,
    /// The built-in gateway, kept while it is asked.
    _gateway: Option<Gateway>,
}

pub(super) async fn look(
    global: &Global,
    loaded: &Loaded,
    gateway: Option<SocketAddr>,
    today: Date,
    tell: &mut dyn FnMut(Finding),
) {
    let mut desk = match connected(global, loaded, gateway, today).await {
        Ok(desk) => desk,
        Err(error) => return silent(error.to_string()).for_each(tell),
    };
    let identity = match desk.broker.identify().await {
        Ok(identity) => identity,
        Err(error) => return silent(error.to_string()).for_each(tell),
    };
    tell(Finding::ok("broker", format!("server version {} at {}", identity.server_version, desk.address)));
    tell(account(loaded, &identity));
    tell(clock(loaded, &identity, &desk));
    contracts(&mut desk, &identity).await.into_iter().for_each(tell);
    desk.broker.disconnect().await;
}

/// Nobody answered: what only a broker can say stays unknown.
fn silent(problem: String) -> impl Iterator<Item = Finding> {
    let remedy = "start IB Gateway, log in, allow this host under API settings, and compare broker.host and broker.port \
                  (the simulated one: `abstractfinance gateway`)";
    let unknown = |check| Finding::warning(check, "not looked at: no broker answered", "get `broker` right first");
    std::iter::once(Finding::failure("broker", problem, remedy)).chain(SUBJECTS.map(unknown))
}

async fn connected(
    global: &Global,
    loaded: &Loaded,
    gateway: Option<SocketAddr>,
    today: Date,
) -> Result<Desk, Failure> {
    let simulated = loaded.settings.mode == Mode::Simulated;
    let ground = Ground::new(global, (!simulated).then_some(today), 1)?;
    let run = ground.run(0, String::new(), None)?;
    let built_in = match gateway {
        None if simulated => Some(simulation(&ground).await?),
        _ => None,
    };
    let (configured, gateway) = (&loaded.settings.broker, gateway.map(|named| named.to_string()));
    let (address, told) = match (&built_in, gateway) {
        (Some(built_in), _) => (built_in.local_addr().to_string(), "the built-in gateway".to_owned()),
        (None, Some(named)) => (named.clone(), named),
        (None, None) => {
            let address = format!("{}:{}", configured.host, configured.port);
            (address.clone(), address)
        }
    };
    let broker = ground.inspector(address).await?;
    Ok(Desk { broker, run, simulated, address: told, _gateway: built_in })
}

async fn simulation(ground: &Ground) -> Result<Gateway, Failure> {
    let market = MarketArgs::quiet();
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(Gateway::bind(any_port, GatewayConfig::default(), ground.simulation(&market)?).await?)
}

/// The account of the login is the one of the settings, whose kind the interlock has checked.
fn account(loaded: &Loaded, identity: &Identity) -> Finding {
    let check = "account";
    let tag = account_tag(&identity.account);
    let meant = loaded.settings.broker.account.as_deref();
    match loaded.settings.mode {
        Mode::Simulated => Finding::ok(check, format!("simulated, tag {tag}")),
        _ if meant != Some(identity.account.as_str()) => {
            let remedy =
                "log the gateway in with the account that `broker.account` names, or correct `mode` and `account`";
            Finding::failure(check, format!("the gateway serves another account, tag {tag}"), remedy)
        }
        Mode::Paper => Finding::ok(check, format!("paper, tag {tag}")),
        Mode::Live => Finding::ok(check, format!("live, tag {tag}")),
    }
}

fn clock(loaded: &Loaded, identity: &Identity, desk: &Desk) -> Finding {
    let check = "clock";
    if desk.simulated {
        return Finding::ok(check, format!("the simulated gateway makes its own time, {}", identity.server_time));
    }
    let skew = Timestamp::now().duration_since(identity.server_time).abs();
    let limit = loaded.settings.watchdog.clock_skew_max;
    let found = format!("{skew:#} apart from the gateway's, at most {limit:#}");
    match skew > limit {
        true => Finding::failure(check, found, "let this host and the gateway's keep time by NTP (timedatectl)"),
        false => Finding::ok(check, found),
    }
}

/// What the strategy needs, contract by contract: known, tradable, with history.
async fn contracts(desk: &mut Desk, identity: &Identity) -> [Finding; 2] {
    let today = identity.server_time.to_zoned(TimeZone::UTC).date();
    let wanted = day::wanted(&desk.run, today);
    let universe = desk.run.setup.universe.clone();
    let (mut barred, mut without) = (Vec::new(), Vec::new());
    let mut asked = 0;
    for &contract in &wanted {
        let name = &universe.contract(contract).name;
        match desk.broker.resolve(&[contract]).await {
            Ok(known) if known.is_empty() => {
                barred.push(format!("{name}: the broker knows none, several or another, see `instruments check`"));
                continue;
            }
            Ok(_) => {}
            Err(error) => {
                barred.push(format!("{name}: {error}"));
                continue;
            }
        }
        let last = match desk.broker.daily_bars(contract, SESSIONS, today).await {
            Ok(bars) => bars.last().map(|bar| (bar.date, bar.close)),
            Err(error) => {
                without.push(format!("{name}: {error}"));
                continue;
            }
        };
        match last {
            None => without.push(format!("{name}: no history")),
            Some((date, _)) if date < today.saturating_sub(OLDEST_DAYS.days()) => {
                without.push(format!("{name}: nothing since {date}"));
            }
            Some((_, close)) if is_traded(contract, desk) => {
                asked += 1;
                barred.extend(refused(desk, contract, close, today).await.map(|words| format!("{name}: {words}")));
            }
            Some(_) => {}
        }
    }
    [permissions(&barred, asked), market_data(&without, wanted.len())]
}

fn is_traded(contract: ContractId, desk: &Desk) -> bool {
    let instrument = desk.run.setup.universe.instrument_of(contract);
    instrument.tradable && !matches!(instrument.kind, InstrumentKind::Cash | InstrumentKind::Ind | InstrumentKind::Opt)
}

/// The broker's words against a purchase of one lot, asked as a what-if.
async fn refused(desk: &mut Desk, contract: ContractId, close: Price, today: Date) -> Option<String> {
    let terms = *desk.run.setup.universe.terms(contract);
    let order = OrderRequest {
        order_ref: OrderRef { account: desk.run.account, date: today, intent: 1, attempt: 1 },
        contract,
        side: Side::Buy,
        quantity: terms.lot,
        order_type: OrderType::Lmt,
        limit: limit_to_tick(close, terms.tick, Side::Buy),
        time_in_force: TimeInForce::Day,
    };
    match desk.broker.what_if(&BrokerCommand::Place(order)).await {
        Ok(_) => None,
        Err(BrokerError::Unusable(words)) => Some(words),
        Err(error) => Some(error.to_string()),
    }
}

fn permissions(barred: &[String], asked: usize) -> Finding {
    let remedy = "ask for the permission in the Client Portal (Settings, Trading Permissions), or take the instrument out of \
                  the sleeves";
    match barred.is_empty() {
        true => Finding::ok("permissions", format!("the broker would take an order of each of {asked} contracts")),
        false => Finding::failure("permissions", named(barred), remedy),
    }
}

fn market_data(without: &[String], wanted: usize) -> Finding {
    let remedy =
        "subscribe to the venue's data in the Client Portal (Settings, Market Data), or pull its history: `data pull`";
    match without.is_empty() {
        true => Finding::ok("market data", format!("recent closes of all {wanted} contracts the strategy looks at")),
        false => Finding::failure("market data", named(without), remedy),
    }
}

fn named(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let shown = all[..all.len() - more].join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}
