//! `journal verify|backup|restore|export|import`.
//!
//! In: a state folder or the database of the settings, and files. Out: the head of every chain, or the first damage;
//! files of records. Invariant: nothing that exists is written over; what it calls unchanged is what was written.

use super::show;
use crate::cli::{Global, JournalCommand};
use crate::failure::Failure;
use crate::settings::{self, Loaded};
use crate::world::StateFolder;
use ::journal::{Attachment, Head, Journal, Restored, Scope, Verified};
use std::path::{Path, PathBuf};

pub async fn journal(global: &Global, command: &JournalCommand) -> Result<(), Failure> {
    match command {
        JournalCommand::Verify { head, account } => verify(global, head.as_ref(), account.as_deref()).await,
        JournalCommand::Backup { out } => write(global, Scope::All, Vec::new(), out).await,
        JournalCommand::Export { date, out, .. } => {
            let loaded = settings::load(global.config.as_deref())?;
            write(global, date.map_or(Scope::All, Scope::Date), configuration(&loaded), out).await
        }
        JournalCommand::Restore { from } => restore(global, from, false).await,
        JournalCommand::Import { from } => restore(global, from, true).await,
    }
}

fn state_dir(global: &Global) -> PathBuf {
    global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"))
}

async fn existing(global: &Global) -> Result<Journal, Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let place = loaded.settings.journal.place(&state_dir(global)).map_err(Failure::Usage)?;
    Ok(Journal::open_existing(place).await?)
}

async fn verify(global: &Global, reported: Option<&Head>, of: Option<&str>) -> Result<(), Failure> {
    let journal = existing(global).await?;
    let accounts = journal.accounts().await?;
    if let Some(name) = of.filter(|name| !accounts.iter().any(|account| account == name)) {
        return Err(Failure::Usage(format!(
            "there is no account {name} in the journal; it has {}",
            accounts.join(", ")
        )));
    }
    if accounts.is_empty() && reported.is_none() {
        return show(match global.json {
            true => format!("{}\n", serde_json::json!({ "account": null, "events": 0, "head": "empty" })),
            false => "nothing is recorded yet, so there is no chain to walk\n".to_owned(),
        });
    }
    if reported.is_some() && of.is_none() && accounts.len() != 1 {
        let problem = format!("--head belongs to one of {} accounts; name it with --account", accounts.len());
        return Err(Failure::Usage(problem));
    }
    for account in accounts {
        let reported = reported.filter(|_| of.is_none_or(|name| name == account));
        let verified = journal.verify(&account, reported).await?;
        show(told(&account, &verified, global.json))?;
    }
    journal.verify_blobs().await?;
    Ok(())
}

fn told(account: &str, verified: &Verified, json: bool) -> String {
    let head = verified.head.as_ref().map_or_else(|| "empty".into(), Head::to_string);
    if json {
        let line = serde_json::json!({ "account": account, "events": verified.events, "head": head });
        return format!("{line}\n");
    }
    let part = verified.origin.as_ref().map(|before| format!(", from record {} on", before.seq + 1));
    format!("account {account}: {} records{}, unchanged; head {head}\n", verified.events, part.unwrap_or_default())
}

async fn write(global: &Global, scope: Scope, attachments: Vec<Attachment>, out: &Path) -> Result<(), Failure> {
    let written = existing(global).await?.export(scope, attachments, out).await?;
    let file = out.display().to_string();
    if global.json {
        let heads: Vec<String> = written.heads.iter().map(|(account, head)| format!("{account} {head}")).collect();
        let line =
            serde_json::json!({ "file": file, "bytes": written.bytes, "events": written.events, "heads": heads });
        return show(format!("{line}\n"));
    }
    let heads = written.heads.iter().map(|(account, head)| format!("account {account}: head {head}\n"));
    show(format!("{file}: {} records, {} bytes\n{}", written.events, written.bytes, heads.collect::<String>()))
}

/// The configuration in force, as files that another machine reads with `--config`; JSON is YAML too.
fn configuration(loaded: &Loaded) -> Vec<Attachment> {
    let pretty = |value| serde_json::to_string_pretty(&value).expect("plain data") + "\n";
    let mut settings = serde_json::to_value(&loaded.settings).expect("plain data");
    // Where this machine keeps its journal is nothing to another one.
    settings["journal"] = serde_json::json!({ "database_url": null, "password_file": null });
    let instruments = serde_json::to_value(&loaded.instruments).expect("plain data");
    [("settings.yaml", settings), ("instruments.yaml", instruments)]
        .map(|(name, value)| Attachment { name: name.into(), text: pretty(value) })
        .into()
}

async fn restore(global: &Global, from: &Path, parts: bool) -> Result<(), Failure> {
    let loaded = settings::load(global.config.as_deref())?;
    let dir = state_dir(global);
    let configured = dir.join("config");
    if parts && configured.exists() {
        return Err(Failure::Usage(format!("{} exists already; name an empty --state-dir", configured.display())));
    }
    let folder = StateFolder::open(&dir, &loaded.settings).await?;
    let restored = folder.restore(from, parts).await?;
    let mut said: String = restored.chains.iter().map(|(name, verified)| told(name, verified, global.json)).collect();
    if parts && !restored.attachments.is_empty() {
        keep(&restored, &configured)?;
        if !global.json {
            said += &format!("configuration: {}\n", configured.display());
        }
    }
    show(said)
}

fn keep(restored: &Restored, folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot write {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    for name in ["settings.yaml", "instruments.yaml"] {
        if let Some(file) = restored.attachments.iter().find(|attachment| attachment.name == name) {
            std::fs::write(folder.join(name), &file.text).map_err(failed)?;
        }
    }
    Ok(())
}
