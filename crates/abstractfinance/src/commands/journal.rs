//! `journal verify`.
//!
//! In: a state folder. Out: the head of every chain, or the first damage. Invariant: reads only; what it
//! calls unchanged is what was written.

use super::show;
use crate::cli::Global;
use crate::failure::Failure;
use std::path::PathBuf;

pub async fn verify(global: &Global) -> Result<(), Failure> {
    let dir = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let journal = journal::Journal::open_existing(&dir.join("journal.db")).await?;
    for account in journal.accounts().await? {
        let verified = journal.verify(&account, None).await?;
        let head = verified.head.map_or_else(|| "empty".into(), |head| format!("{} {}", head.seq, head.hash));
        if global.json {
            let line = serde_json::json!({ "account": account, "events": verified.events, "head": head });
            show(format!("{line}\n"))?;
        } else {
            show(format!("account {account}: {} records, unchanged; head {head}\n", verified.events))?;
        }
    }
    Ok(())
}
