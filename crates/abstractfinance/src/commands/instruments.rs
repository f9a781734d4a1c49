//! `instruments check`: the instrument table against a broker.
//!
//! In: the table and a gateway. Out: a line per contract, with every fact the broker states otherwise. Invariant: every
//! line of the table is asked about; one that differs does not hide the next, and makes the exit code 5.

use super::show;
use crate::cli::{Global, MarketArgs};
use crate::failure::Failure;
use crate::world::Ground;
use domain::{ContractId, InstrumentKind};
use gateway::{Gateway, GatewayConfig};
use ibkr::{Difference, IbkrBroker};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ports::{Broker, BrokerError};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};

/// Contracts of a future that are asked about: brokers list those far ahead late.
const CONTRACTS_OF_A_CHAIN: usize = 3;

/// What the broker said of one contract.
struct Answer {
    instrument: String,
    contract: String,
    con_id: Option<i64>,
    differences: Vec<Difference>,
    /// Why there is nothing to compare with.
    trouble: Option<String>,
}

impl Answer {
    fn agrees(&self) -> bool {
        self.differences.is_empty() && self.trouble.is_none()
    }

    fn told(&self) -> Vec<String> {
        let found = self.differences.iter().map(Difference::to_string).chain(self.trouble.clone());
        if self.agrees() { vec!["agrees".to_owned()] } else { found.collect() }
    }

    fn json(&self) -> Value {
        let difference =
            |found: &Difference| json!({ "field": found.field, "ours": found.ours, "broker": found.theirs });
        json!({
            "instrument": self.instrument,
            "contract": self.contract,
            "con_id": self.con_id,
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
            "trouble": self.trouble,
        })
    }
}

pub async fn check(global: &Global, address: Option<SocketAddr>) -> Result<(), Failure> {
    let ground = Ground::new(global, None, 1)?;
    let answers = match address {
        Some(address) => ask(&ground, &mut ground.inspector(address).await?).await?,
        None => {
            let market = MarketArgs::quiet();
            let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let gateway = Gateway::bind(any_port, GatewayConfig::default(), ground.simulation(&market)?).await?;
            ask(&ground, &mut ground.inspector(gateway.local_addr()).await?).await?
        }
    };
    let roots = ground.universe.instruments().filter(|&id| ground.universe.instrument(id).kind == InstrumentKind::Opt);
    show(if global.json { as_json(&answers) } else { as_page(&answers, roots.count()) })?;
    match answers.iter().filter(|answer| !answer.agrees()).count() {
        0 => Ok(()),
        differing => Err(Failure::Halted(format!(
            "{differing} of {} contracts differ from the broker's and would stop a run that needs them: correct \
             instruments.yaml where the broker is right",
            answers.len()
        ))),
    }
}

async fn ask(ground: &Ground, broker: &mut IbkrBroker) -> Result<Vec<Answer>, Failure> {
    let today = broker.identify().await?.server_time.to_zoned(TimeZone::UTC).date();
    let mut answers = Vec::new();
    for contract in contracts(ground, today) {
        let (con_id, differences, trouble) = match broker.inspect(contract).await {
            Ok((con_id, differences)) => (Some(con_id), differences, None),
            Err(BrokerError::Unusable(reason)) => (None, Vec::new(), Some(reason)),
            Err(other) => return Err(other.into()),
        };
        let row = ground.universe.contract(contract);
        let instrument = ground.universe.instrument(row.instrument).name.clone();
        answers.push(Answer { instrument, contract: row.name.clone(), con_id, differences, trouble });
    }
    Ok(answers)
}

/// What does not expire, and the next contracts of each future.
fn contracts(ground: &Ground, today: Date) -> impl Iterator<Item = ContractId> {
    let universe = &ground.universe;
    universe.instruments().flat_map(move |id| {
        let current = universe.contracts_of(id).filter(move |&contract| {
            let expiry = universe.contract(contract).expiry;
            expiry.is_none_or(|expiry| expiry >= today)
        });
        current.take(CONTRACTS_OF_A_CHAIN)
    })
}

fn as_page(answers: &[Answer], roots: usize) -> String {
    let mut page = format!("{:<10} {:<15} {:>12}  what the broker says\n", "instrument", "contract", "its id");
    for answer in answers {
        let id = answer.con_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        for told in answer.told() {
            writeln!(page, "{:<10} {:<15} {id:>12}  {told}", answer.instrument, answer.contract).expect("text");
        }
    }
    let agreeing = answers.iter().filter(|answer| answer.agrees()).count();
    let asked = answers.len();
    writeln!(page, "\n{agreeing} of {asked} contracts agree. {roots} option roots were not asked about.")
        .expect("text");
    page
}

fn as_json(answers: &[Answer]) -> String {
    format!("{}\n", json!({ "contracts": answers.iter().map(Answer::json).collect::<Vec<_>>() }))
}
