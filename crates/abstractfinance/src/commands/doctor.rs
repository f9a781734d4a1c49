//! `doctor`: what would stop tomorrow's day, told today.
//!
//! In: findings. Out: a line each, with its remedy. Invariant: exit code 5 when a finding is a failure, 0 otherwise; a
//! script reads the same from `--json`.

use super::show;
use crate::cli::{DoctorArgs, Global};
use crate::doctor::{Finding, Outcome, examine};
use crate::failure::Failure;

pub async fn doctor(global: &Global, args: &DoctorArgs) -> Result<(), Failure> {
    let (mut findings, mut shown) = (Vec::new(), Ok(()));
    let mut tell = |finding: Finding| {
        if !global.json && shown.is_ok() {
            shown = show(line(&finding));
        }
        findings.push(finding);
    };
    examine(global, args.gateway, &mut tell).await;
    shown?;
    let worst = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok);
    let document = || format!("{}\n", serde_json::json!({ "worst": worst, "checks": findings }));
    show(if global.json { document() } else { sum(&findings) })?;
    match count(&findings, Outcome::Failure) {
        0 => Ok(()),
        1 => Err(Failure::Halted("one check failed: a day would not run".into())),
        failed => Err(Failure::Halted(format!("{failed} checks failed: a day would not run"))),
    }
}

fn count(findings: &[Finding], outcome: Outcome) -> usize {
    findings.iter().filter(|finding| finding.outcome == outcome).count()
}

fn line(Finding { check, outcome, found, remedy }: &Finding) -> String {
    let word = match outcome {
        Outcome::Ok => "ok",
        Outcome::Warning => "warning",
        Outcome::Failure => "FAILURE",
    };
    let found = found.replace('\n', "\n                       ");
    let remedy = if remedy.is_empty() { String::new() } else { format!("                       do: {remedy}\n") };
    format!("{word:<8} {check:<13} {found}\n{remedy}")
}

fn sum(findings: &[Finding]) -> String {
    let [ok, warnings, failures] = [Outcome::Ok, Outcome::Warning, Outcome::Failure].map(|of| count(findings, of));
    format!("\n{ok} ok, {warnings} to look at, {failures} failed\n")
}
