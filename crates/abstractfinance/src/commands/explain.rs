//! `explain` and `why-not`: the recorded plan, questioned.
//!
//! In: a journal, an order reference or an instrument, a date. Out: chains of numbers, or reasons. Invariant: formats what
//! was recorded; what is printed as made of other numbers can be recomputed from them.

use super::recorded::RecordedDay;
use super::records::Records;
use super::show;
use crate::cli::{ExplainArgs, Global, WhyNotArgs};
use crate::failure::Failure;
use console::decisions::{self, Number};
use cycle::explain::{self, Chain, Day, Reason};
use domain::{ContractId, OrderRef};
use serde::Serialize;

/// One chain with what it is about.
#[derive(Serialize)]
struct Explained {
    contract: String,
    /// Number in the plan, when there is an order.
    order: Option<u16>,
    /// Signed quantity of the order.
    quantity: Option<f64>,
    purpose: Option<String>,
    /// Why an order that is not in the plan was made.
    because: Option<String>,
    chain: Chain,
}

pub async fn explain(global: &Global, args: &ExplainArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let subject = args.subject.as_deref().unwrap_or_default();
    let reference = subject.parse::<OrderRef>().ok();
    if let (Some(own), Some(date)) =
        (reference, args.date.filter(|&date| reference.is_some_and(|own| own.date != date)))
    {
        return Err(Failure::Usage(format!("{subject} is of {}, not of {date}; leave --date away", own.date)));
    }
    let day = records.day(args.date.or(reference.map(|own| own.date))).await?;
    let (entries, panel) = (day.entries()?, day.panel());
    let seen = Day { inputs: day.view(&panel), plan: &day.plan, setup: &day.setup, entries: &entries };
    let found = match reference {
        Some(reference) => vec![of_reference(&seen, reference, &records.account, subject)?],
        None if subject.is_empty() => seen.orders().iter().map(|order| ordered(&seen, order.number, None)).collect(),
        None => of_instrument(&seen, subject, &day)?,
    };
    if global.json {
        let hash = day.hash();
        return show(format!("{}\n", serde_json::json!({ "date": day.date, "plan_hash": hash, "explained": found })));
    }
    if found.is_empty() {
        return show(format!("{} · plan {}: no order\n", day.date, &day.hash()[..12]));
    }
    let pages: Vec<String> = found.iter().map(|each| page(each, &day)).collect();
    show(pages.join("\n"))
}

fn of_reference(day: &Day<'_>, own: OrderRef, account: &str, subject: &str) -> Result<Explained, Failure> {
    if own.account.to_string() != account {
        return Err(Failure::Usage(format!("{subject} is an order of another account; this journal is of {account}")));
    }
    let planned = day.planned(own.intent).ok_or_else(|| {
        let last = day.orders().len();
        Failure::Usage(format!("{subject}: {0} has {last} orders; `explain --date {0}` shows them", own.date))
    })?;
    Ok(ordered(day, planned.number, Some(own.attempt)))
}

fn ordered(day: &Day<'_>, number: u16, attempt: Option<u16>) -> Explained {
    let planned = day.planned(number).expect("a number of the day");
    Explained {
        contract: day.setup.universe.contract(planned.contract).name.clone(),
        order: Some(number),
        quantity: Some(planned.quantity.to_f64()),
        purpose: Some(planned.purpose.to_string()),
        because: day.reason(number).map(str::to_owned),
        chain: explain::order(day, number, attempt).expect("a number of the day"),
    }
}

/// A chain for every order of the instrument, or for what is held and wanted of it.
fn of_instrument(day: &Day<'_>, subject: &str, recorded: &RecordedDay) -> Result<Vec<Explained>, Failure> {
    let contracts = contracts(recorded, subject)?;
    let orders = day.orders();
    let own = orders.iter().filter(|order| contracts.contains(&order.contract));
    let found: Vec<Explained> = own.map(|order| ordered(day, order.number, None)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let universe = &day.setup.universe;
    Ok(relevant(day, &contracts)
        .into_iter()
        .map(|contract| Explained {
            contract: universe.contract(contract).name.clone(),
            order: None,
            quantity: None,
            purpose: None,
            because: None,
            chain: explain::contract(day, contract),
        })
        .collect())
}

/// The contracts of an instrument, or the one that was named.
fn contracts(day: &RecordedDay, subject: &str) -> Result<Vec<ContractId>, Failure> {
    let universe = &day.setup.universe;
    if let Some(contract) = universe.find_contract(subject) {
        return Ok(vec![contract]);
    }
    let Some(instrument) = universe.find_instrument(subject) else {
        return Err(Failure::Usage(format!(
            "`{subject}` is no instrument, contract or order reference of {}; `config show` lists the instruments",
            day.date
        )));
    };
    Ok(universe.contracts_of(instrument).collect())
}

/// Of several contracts those that are held or to be held; of none the first.
fn relevant(day: &Day<'_>, contracts: &[ContractId]) -> Vec<ContractId> {
    let active = |contract: ContractId| {
        day.inputs.active[day.setup.universe.contract(contract).instrument] == Some(contract)
            || !day.inputs.ledger.quantity(contract).is_zero()
    };
    let some: Vec<ContractId> = contracts.iter().copied().filter(|&contract| active(contract)).collect();
    if some.is_empty() { contracts.iter().copied().take(1).collect() } else { some }
}

fn page(explained: &Explained, day: &RecordedDay) -> String {
    let Explained { contract, order, quantity, purpose, because, chain } = explained;
    let what = match (order, quantity, purpose) {
        (Some(number), Some(quantity), Some(purpose)) => {
            let side = if *quantity < 0.0 { "sell" } else { "buy" };
            format!("order {number}: {side} {} {contract} ({purpose})", quantity.abs())
        }
        _ => format!("{contract}: no order"),
    };
    let because = because.as_ref().map_or_else(String::new, |because| format!("Not in the plan: {because}\n"));
    let rows: Vec<Number> = chain
        .links
        .iter()
        .map(|link| Number {
            step: link.step.to_owned(),
            name: link.name.clone(),
            value: link.value,
            unit: link.unit.to_owned(),
            from: link.formula.as_ref().map_or_else(|| link.note.clone(), |formula| format!("= {formula}")),
        })
        .collect();
    let table: String = decisions::chain(&rows).lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!("{} · plan {} · {what}\n{because}{table}", day.date, &day.hash()[..12])
}

/// Reasons with the contract they are about.
#[derive(Serialize)]
struct WhyNot {
    contract: String,
    reasons: Vec<Reason>,
}

pub async fn why_not(global: &Global, args: &WhyNotArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let day = records.day(args.date).await?;
    let (entries, panel) = (day.entries()?, day.panel());
    let seen = Day { inputs: day.view(&panel), plan: &day.plan, setup: &day.setup, entries: &entries };
    let contracts = contracts(&day, &args.instrument)?;
    let found: Vec<WhyNot> = match contracts.is_empty() {
        true => {
            let sentence = format!("{}: nothing of it can be traded on {}", args.instrument, day.date);
            let reasons = vec![Reason { code: "NO_CONTRACT".into(), sentence, blocks: true }];
            vec![WhyNot { contract: args.instrument.clone(), reasons }]
        }
        false => {
            let each = |contract: ContractId| WhyNot {
                contract: day.setup.universe.contract(contract).name.clone(),
                reasons: explain::why_not(&seen, contract),
            };
            relevant(&seen, &contracts).into_iter().map(each).collect()
        }
    };
    if global.json {
        return show(format!("{}\n", serde_json::json!({ "date": day.date, "why_not": found })));
    }
    let mut page = String::new();
    for WhyNot { contract, reasons } in &found {
        page += &format!("{} · {contract}\n", day.date);
        for Reason { code, sentence, .. } in reasons {
            page += &format!("  {code:<18} {sentence}\n");
        }
    }
    show(page)
}
