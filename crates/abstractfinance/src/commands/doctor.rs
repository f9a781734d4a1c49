//! `doctor`: what would stop tomorrow's day, told today.
//!
//! In: findings. Out: a line each, with its remedy. Invariant: exit code 5 when a finding is a failure, 0 otherwise; a
//! script reads the same from `--json`.

use super::show;
use crate::cli::{DoctorArgs, Global};
use crate::doctor::{Finding, Outcome, examine};
use crate::failure::Failure;
use std::fmt::Write;

pub async fn doctor(global: &Global, args: &DoctorArgs) -> Result<(), Failure> {
    let findings = examine(global, args.gateway).await;
    let worst = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok);
    let document = || format!("{}\n", serde_json::json!({ "worst": worst, "checks": findings }));
    show(if global.json { document() } else { page(&findings) })?;
    match count(&findings, Outcome::Failure) {
        0 => Ok(()),
        1 => Err(Failure::Halted("one check failed: a day would not run".into())),
        failed => Err(Failure::Halted(format!("{failed} checks failed: a day would not run"))),
    }
}

fn count(findings: &[Finding], outcome: Outcome) -> usize {
    findings.iter().filter(|finding| finding.outcome == outcome).count()
}

fn page(findings: &[Finding]) -> String {
    let mut page = String::new();
    for Finding { check, outcome, found, remedy } in findings {
        let word = match outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failure => "FAILURE",
        };
        writeln!(page, "{word:<8} {check:<13} {}", found.replace('\n', "\n                       ")).expect("text");
        if !remedy.is_empty() {
            writeln!(page, "                       do: {remedy}").expect("text");
        }
    }
    let [ok, warnings, failures] = [Outcome::Ok, Outcome::Warning, Outcome::Failure].map(|of| count(findings, of));
    writeln!(page, "\n{ok} ok, {warnings} to look at, {failures} failed").expect("text");
    page
}
