//! `reconcile`, `reconcile adopt`: our books against the broker's, and what a person takes over.
//!
//! In: the last comparison in the journal. Out: its findings with their causes; an instruction to the engine. Invariant:
//! shows what the engine compared; nothing is booked here.

use super::operate::say;
use super::records::Records;
use super::show;
use crate::cli::{Global, ReconcileArgs, ReconcileCommand};
use crate::failure::Failure;
use console::DayReport;
use console::reconciliation::{causes, explained};
use cycle::{Directive, Instruction};

pub async fn reconcile(global: &Global, args: &ReconcileArgs) -> Result<(), Failure> {
    if let Some(ReconcileCommand::Adopt { finding, sleeve, say: why }) = &args.command {
        let directive = Directive::Adopt { finding: finding.clone(), sleeve: sleeve.clone(), given: None };
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
