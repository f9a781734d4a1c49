//! Stories of records that travel: a backup and its restore, a day for another machine, a file that was damaged.
#![allow(clippy::disallowed_methods, reason = "writes and damages files on purpose")]

mod support;

use std::fs;

use journal::{Attachment, Journal, JournalError, Scope};
use support::*;

on_both_databases!(
    a_restored_journal_goes_on_where_the_lost_one_stopped,
    a_backup_of_a_running_engine_is_whole,
    a_day_travels_as_one_file_and_is_not_traded_on,
    a_damaged_file_is_refused_and_leaves_nothing,
    nothing_is_written_over,
);

/// Two days as an engine leaves them, with a blob and an open message.
async fn two_days(journal: &Journal) -> String {
    let lease = lease(journal).await;
    let history = journal.put_blob(b"rows of monday").await.unwrap();
    journal.put_blob(b"rows of tuesday").await.unwrap();
    for (day, rows) in [(MONDAY, history.as_str()), (TUESDAY, "none")] {
        let entries = [
            entry("inputs", &format!(r#"{{"rows":"{rows}"}}"#)),
            order("command", "AF-1", r#"{"command":"place","quantity":"3"}"#),
            entry("day_closed", "{}"),
        ];
        journal.append(&lease, day, "run-1", &entries).await.unwrap();
    }
    journal.send_to_inbox(ACCOUNT, NOW, "ann", r#"{"halt":"?"}"#).await.unwrap();
    history
}

async fn a_restored_journal_goes_on_where_the_lost_one_stopped(store: Store) {
    let journal = store.open().await;
    let history = two_days(&journal).await;
    let backup = store.path("backup.gz");
    let written = journal.export(Scope::All, Vec::new(), &backup).await.unwrap();
    let head = journal.head(ACCOUNT).await.unwrap().unwrap();
    assert_eq!((written.events, written.heads), (6, vec![(ACCOUNT.to_owned(), head.clone())]));
    assert_eq!(written.bytes, fs::metadata(&backup).unwrap().len());
    let monday = journal.events(ACCOUNT, MONDAY).await.unwrap();
    journal.close().await;

    // The disk is gone; the next one may be of the other kind.
    let mut others = vec![store.another().await, Store::sqlite()];
    others.extend(Store::postgresql().await);
    for other in others {
        let journal = other.open().await;
        let restored = journal.restore(&backup, false).await.unwrap();
        assert_eq!(restored.chains[0].1.head, Some(head.clone()));
        assert_eq!(journal.verify(ACCOUNT, Some(&head)).await.unwrap().events, 6);
        assert_eq!(journal.events(ACCOUNT, MONDAY).await.unwrap(), monday);
        assert_eq!(journal.blob(&history).await.unwrap(), b"rows of monday");
        assert_eq!(journal.open_inbox(ACCOUNT).await.unwrap().len(), 1);
        let lease = journal.acquire_lease(ACCOUNT, "second", NOW, SECOND, None).await.unwrap();
        assert_eq!(lease.fence(), 2, "above every number that was ever written with");
        assert_eq!(journal.append(&lease, TUESDAY, "run-2", &[entry("plan", "{}")]).await.unwrap(), [7]);
        journal.close().await;
        let journal = Journal::open_existing(&other.place).await.unwrap();
        assert_eq!(journal.verify(ACCOUNT, Some(&head)).await.unwrap().events, 7);
    }
}

async fn a_backup_of_a_running_engine_is_whole(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let reader = Journal::open_existing(&store.place).await.unwrap();
    let engine = tokio::spawn(async move {
        for _ in 0..200 {
            let body = "x".repeat(2_000);
            journal.append(&lease, MONDAY, "run-1", &[entry("a", &body), entry("b", "{}")]).await.unwrap();
        }
    });
    let mut sizes = Vec::new();
    for number in 0..3 {
        let file = store.path(&format!("backup-{number}.gz"));
        let written = reader.export(Scope::All, Vec::new(), &file).await.unwrap();
        let other = Store::sqlite();
        let restored = other.open().await.restore(&file, false).await.unwrap();
        let events = restored.chains.first().map_or(0, |(_, verified)| verified.events);
        assert_eq!(events as u64, written.events);
        assert_eq!(events % 2, 0, "whole transactions only");
        sizes.push(events);
    }
    engine.await.unwrap();
    assert!(sizes.is_sorted(), "{sizes:?}");
}

async fn a_day_travels_as_one_file_and_is_not_traded_on(store: Store) {
    let journal = store.open().await;
    two_days(&journal).await;
    let file = store.path("tuesday.gz");
    let settings = Attachment { name: "settings.yaml".into(), text: "mode: simulated\n".into() };
    let date = Scope::Date(TUESDAY);
    journal.export(date, vec![settings.clone()], &file).await.unwrap();

    let other = store.another().await;
    let excerpt = other.open().await;
    let restored = excerpt.restore(&file, true).await.unwrap();
    assert_eq!((restored.scope, restored.attachments), (date, vec![settings]));
    assert_eq!(excerpt.events(ACCOUNT, TUESDAY).await.unwrap(), journal.events(ACCOUNT, TUESDAY).await.unwrap());
    assert_eq!(excerpt.verify_blobs().await.unwrap(), 0, "no blob that its records do not name");
    excerpt.close().await;
    let excerpt = Journal::open(&other.place).await.unwrap();
    let verified = excerpt.verify(ACCOUNT, journal.head(ACCOUNT).await.unwrap().as_ref()).await.unwrap();
    assert_eq!((verified.events, verified.origin.map(|head| head.seq)), (3, Some(3)));
    let refused = excerpt.acquire_lease(ACCOUNT, "engine", NOW, SECOND, None).await.unwrap_err();
    insta::allow_duplicates! {
        insta::assert_snapshot!(other.told(&refused), @"[journal] holds only a part of account DU1, from record 4 on: it can be read and not traded on. Use the whole journal, or restore a backup of it")
    };
    other.tamper("UPDATE event SET body = '[]' WHERE seq = 5").await;
    assert!(matches!(excerpt.verify(ACCOUNT, None).await, Err(JournalError::Damaged { .. })));

    let monday = store.path("monday.gz");
    journal.export(Scope::Date(MONDAY), Vec::new(), &monday).await.unwrap();
    let other = store.another().await;
    let part = other.open().await;
    part.restore(&monday, true).await.unwrap();
    assert_eq!(part.verify_blobs().await.unwrap(), 1, "the blob that monday's inputs name");

    let none = journal.export(Scope::Date(jiff::civil::date(2015, 8, 26)), Vec::new(), &store.path("none.gz")).await;
    assert!(matches!(none, Err(JournalError::NotFound { .. })), "{none:?}");
    assert!(!store.path("none.gz").exists() && !store.path("none.gz.new").exists());
}

async fn a_damaged_file_is_refused_and_leaves_nothing(store: Store) {
    let journal = store.open().await;
    two_days(&journal).await;
    let backup = store.path("backup.gz");
    journal.export(Scope::All, Vec::new(), &backup).await.unwrap();
    let good = fs::read(&backup).unwrap();
    let other = store.another().await;
    let empty = other.open().await;
    let damaged = store.path("damaged.gz");
    let refuse = async |bytes: &[u8], what: &str| {
        fs::write(&damaged, bytes).unwrap();
        let refused = empty.restore(&damaged, false).await;
        assert!(matches!(refused, Err(JournalError::Archive { .. })), "{what}: {refused:?}");
        assert!(empty.accounts().await.unwrap().is_empty(), "{what}");
    };
    // The first bytes after the magic are a time stamp and flags that mean nothing to the content.
    for offset in (10..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[offset] ^= 0x10;
        refuse(&bytes, &format!("byte {offset}")).await;
    }
    for length in [0, 5, good.len() / 2, good.len() - 1] {
        refuse(&good[..length], &format!("cut to {length}")).await;
    }
    refuse(b"Dear diary", "no archive").await;
    empty.restore(&backup, false).await.unwrap();
}

async fn nothing_is_written_over(store: Store) {
    let journal = store.open().await;
    two_days(&journal).await;
    let backup = store.path("backup.gz");
    journal.export(Scope::All, Vec::new(), &backup).await.unwrap();
    let again = journal.export(Scope::All, Vec::new(), &backup).await.unwrap_err();
    insta::allow_duplicates! { insta::assert_snapshot!(store.told(&again), @"backup.gz: it exists already, and nothing is written over; name another file. Nothing was changed") };
    let over = journal.restore(&backup, false).await.unwrap_err();
    insta::allow_duplicates! { insta::assert_snapshot!(store.told(&over), @"[journal] holds records already, and nothing is ever written over: choose an empty state folder or database") };
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, 6);
}
