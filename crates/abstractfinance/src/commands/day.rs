//! `report`, `orders`: one trade date as the journal knows it.
//!
//! In: a state folder, a trade date. Out: pages, JSON. Invariant: a finished day shows what its end recorded; the day in
//! progress shows what happened so far.

use super::records::Records;
use super::show;
use crate::cli::{DateArgs, Global};
use crate::dashboard::live;
use crate::failure::Failure;
use console::{DayReport, account, page};
use serde_json::json;

pub async fn report(global: &Global, args: &DateArgs) -> Result<(), Failure> {
    let day = finished(&Records::open(global).await?, args).await?;
    show(match global.json {
        true => format!("{}\n", serde_json::to_string(&day).expect("plain data")),
        false => page(&day),
    })
}

pub async fn orders(global: &Global, args: &DateArgs) -> Result<(), Failure> {
    let records = Records::open(global).await?;
    let open = in_progress(&records).await?.filter(|open| args.date.is_none_or(|date| date.to_string() == *open));
    if let Some(open) = open {
        let day = live::day(&records, &open).await?;
        return show(match global.json {
            true => format!("{}\n", json!({ "date": day.date, "finished": false, "orders": day.orders })),
            false => account::live_orders(&day),
        });
    }
    let day = finished(&records, args).await?;
    show(match global.json {
        true => format!("{}\n", json!({ "date": day.date, "finished": true, "orders": day.orders })),
        false => page::day_orders(&day),
    })
}

/// The trade date that was planned and is not finished.
async fn in_progress(records: &Records) -> Result<Option<String>, Failure> {
    Ok(super::account::read_status(records).await?.open_day.map(|day| day.date))
}

/// The date asked for, or the last finished one, with the chain head its report was printed with.
async fn finished(records: &Records, args: &DateArgs) -> Result<DayReport, Failure> {
    let found = match args.date {
        None => records.last_day().await?,
        Some(date) => records.day_closed(date).await?,
    };
    let (seq, day) = found.ok_or_else(|| match args.date {
        None => Failure::Usage("no day is finished yet: `abstractfinance status` shows where the engine is".into()),
        Some(date) => {
            Failure::Usage(format!("{date} is no finished trading day; `abstractfinance nav` lists those that are"))
        }
    })?;
    let head = records.journal.head_at(&records.account, seq).await?;
    Ok(DayReport { journal_head: Some(head.to_string()), ..day })
}
