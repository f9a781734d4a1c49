//! `costs`: what trading cost.
//!
//! In: a state folder, a span of dates. Out: the execution summary and tables, or JSON. Invariant: shows what finished
//! days recorded; computes no cost anew.

use super::account::days_of;
use super::show;
use crate::cli::{Global, SpanArgs};
use crate::failure::Failure;
use console::DayReport;
use console::costs::page;

pub async fn costs(global: &Global, args: &SpanArgs) -> Result<(), Failure> {
    let days = days_of(global, args).await?;
    let asked = if args.is_open() { days.len().saturating_sub(1) } else { 0 };
    let shown: Vec<&DayReport> = days.iter().skip(asked).collect();
    if global.json {
        let rows: Vec<_> = shown
            .iter()
            .map(|day| serde_json::json!({ "date": day.date, "base": day.base, "costs": day.costs }))
            .collect();
        return show(format!("{}\n", serde_json::json!({ "days": rows })));
    }
    show(page(&shown))
}
