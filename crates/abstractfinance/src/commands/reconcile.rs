//! `reconcile`, `reconcile adopt`: our books against the broker's, and what a person takes over.
//!
//! In: the last comparison in the journal. Out: its findings with their causes; an instruction to the engine. Invariant:
//! shows what the engine compared; nothing is booked here, and nothing is left for the engine that it could not book.

use super::account::read_status;
use super::operate::say;
use super::records::Records;
use super::show;
use crate::cli::{CashIs, Global, ReconcileArgs, ReconcileCommand};
use crate::failure::Failure;
use console::DayReport;
use console::account::Status;
use console::reconciliation::{causes, explained};
use cycle::{Directive, Instruction};
use domain::SleeveBooks;
use risk::reconciliation::{Cause, Layer};

pub async fn reconcile(global: &Global, args: &ReconcileArgs) -> Result<(), Failure> {
    if let Some(ReconcileCommand::Adopt { finding, sleeve, counts_as, say: why }) = &args.command {
        let explained = adoptable(finding, sleeve, &Records::open(global).await?).await?;
        let flow = is_flow(finding, explained, *counts_as)?;
        let directive = Directive::Adopt { finding: finding.clone(), sleeve: sleeve.clone(), flow, given: None };
        let instruction = Instruction { directive, by: why.by()?, reason: why.reason.clone() };
        return say(global, instruction).await;
    }
    let records = Records::open(global).await?;
    let day = match args.date {
        None => records.finished().await?,
        Some(date) => on(date, records.days().await?)?,
    };
    if global.json {
        let told = serde_json::json!({
            "date": day.date, "mode": day.mode, "nav": day.nav, "nlv": day.nlv, "base": day.base,
            "difference_bp": day.difference_bp, "findings": day.differences,
        });
        return show(format!("{told}\n"));
    }
    let table = if args.explain { explained(&day.differences) } else { causes(&day.differences) };
    show(format!("{}{table}\n", heading(&day)))
}

/// Whether the engine could do it: a slip of the keys would otherwise be told a day later, when the finding still stands. True
/// when the last finished day has named its cause.
async fn adoptable(finding: &str, sleeve: &str, records: &Records) -> Result<bool, Failure> {
    let sleeves = SleeveBooks::new(records.loaded.settings.sleeves.keys().map(String::as_str));
    if sleeves.id(sleeve).is_none() {
        let known: Vec<&str> = sleeves.sleeves().map(|sleeve| sleeves.name(sleeve)).collect();
        return Err(Failure::Usage(format!(
            "`{sleeve}` is no sleeve of these settings, so nobody would own {finding}; --sleeve takes {}",
            known.join(", ")
        )));
    }
    let Status { open_day, last_day, .. } = read_status(records).await?;
    let Some(day) = last_day else {
        eprintln!(
            "abstractfinance: no day is finished yet, so whether there is a finding {finding} is told by the next"
        );
        return Ok(false);
    };
    let mut listed: Vec<&str> =
        day.differences.iter().map(|row| row.id.as_str()).filter(|id| is_bookable(id)).collect();
    listed.dedup();
    let rows = || day.differences.iter().filter(|row| row.id == finding);
    let is = |cause: Cause| rows().any(|row| row.cause == cause.to_string());
    let execution = |id: &&str| id.starts_with(Layer::Executions.name());
    if !execution(&finding) && (is(Cause::ExternalTrade) || is(Cause::BuyIn)) {
        let executions: Vec<&str> = listed.iter().copied().filter(execution).collect();
        return Err(Failure::Usage(format!(
            "{finding} is what an execution did, and adopting both would count it twice: adopt {}, which brings its quantity, \
             price and charge; what is left then is a finding of the next day",
            executions.join(", ")
        )));
    }
    if listed.contains(&finding) {
        return Ok(!is(Cause::Unknown));
    }
    if let Some(open) = open_day.filter(|_| is_bookable(finding)) {
        eprintln!(
            "abstractfinance: {finding} is no finding of {}; {} is not finished, and whether it is one of its findings \
             is told by its report",
            day.date, open.date
        );
        return Ok(false);
    }
    let there_are = match listed.is_empty() {
        true => "there is nothing to adopt".to_owned(),
        false => format!("to adopt there is {}", listed.join(", ")),
    };
    Err(Failure::Usage(format!(
        "{finding} is no position, cash or execution on which books and broker differed after {}: {there_are}; \
         `abstractfinance reconcile --explain` shows the comparison",
        day.date
    )))
}

/// Whether a finding is money put in or taken out. Where no cause is named nobody guesses: a return that was none cannot be taken back.
fn is_flow(finding: &str, explained: bool, counts_as: Option<CashIs>) -> Result<bool, Failure> {
    match (finding.starts_with("cash:"), counts_as) {
        (true, Some(what)) => Ok(what == CashIs::Flow),
        (false, None) => Ok(false),
        (true, None) if explained => Ok(false),
        (true, None) => Err(Failure::Usage(format!(
            "only its owner knows what {finding} is: say --as flow for money put in or taken out, which is no return, or \
             --as result for profit or loss"
        ))),
        (false, Some(_)) => Err(Failure::Usage(format!("--as is for cash, and {finding} is none"))),
    }
}

/// Findings of other layers follow from these.
fn is_bookable(finding: &str) -> bool {
    let layers = [Layer::Executions, Layer::Quantity, Layer::Cash];
    finding.split_once(':').is_some_and(|(layer, _)| layers.map(Layer::name).contains(&layer))
}

fn on(date: jiff::civil::Date, days: Vec<DayReport>) -> Result<DayReport, Failure> {
    let date = date.to_string();
    days.into_iter().find(|day| day.date == date).ok_or_else(|| {
        Failure::Usage(format!("{date} is not among the finished days; `abstractfinance nav` lists them"))
    })
}

fn heading(day: &DayReport) -> String {
    let difference = day.difference_bp.map_or_else(|| "unknown".into(), |bp| format!("{bp:+.4} bp"));
    format!("Books and broker after {} · NAV − NLV {difference} · mode {}\n", day.date, day.mode)
}
