//! Stories of a foreign hand in the database: whatever it changes, `verify` names the first record that is not as it
//! was written.
#![allow(clippy::disallowed_methods, reason = "works on real databases")]

mod support;

use journal::{AccountJournal, Damage, Head, Journal, JournalError, StateLock, Takeover};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::*;

on_both_databases!(
    every_changed_column_is_found_and_its_record_named,
    any_flipped_bit_is_found,
    a_cut_tail_is_found_with_the_head_that_was_reported,
    what_changes_while_a_standby_waits_is_found_when_it_takes_over,
    a_changed_blob_is_found,
    a_journal_without_one_of_its_tables_is_refused,
    a_journal_of_a_newer_program_is_refused,
    nobody_created_a_journal_here,
);

async fn five_records(store: &Store) -> (Journal, Head) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let mut entries = vec![entry("plan", r#"{"nav":"1000000.00"}"#)];
    entries.extend((1..5).map(|number| order("fill", &format!("AF-{number}"), r#"{"quantity":"3"}"#)));
    journal.append(&lease, MONDAY, "run-1", &entries).await.unwrap();
    let head = journal.head(ACCOUNT).await.unwrap().unwrap();
    store.tamper("CREATE TABLE kept AS SELECT * FROM event").await;
    (journal, head)
}

async fn put_back(store: &Store) {
    store.tamper("DELETE FROM event").await;
    store.tamper("INSERT INTO event SELECT * FROM kept").await;
}

async fn found(journal: &Journal, reported: Option<&Head>) -> Damage {
    match journal.verify(ACCOUNT, reported).await {
        Err(JournalError::Damaged { damage, .. }) => *damage,
        other => panic!("damage expected, got {other:?}"),
    }
}

async fn every_changed_column_is_found_and_its_record_named(store: Store) {
    let (journal, _) = five_records(&store).await;
    for seq in [1, 3, 5] {
        for (column, change) in [
            ("seq", "seq + 10"),
            ("trade_date", "'2015-08-25'"),
            ("run", "run || ' '"),
            ("fence", "fence + 1"),
            ("at_us", "at_us + 1"),
            ("kind", "upper(kind)"),
            ("version", "2"),
            ("version", "70000"),
            ("order_ref", "CASE WHEN order_ref IS NULL THEN '' ELSE NULL END"),
            ("body", "replace(body, '\"', '''')"),
            ("prev", "upper(prev) || 'a'"),
            ("hash", "upper(hash) || 'a'"),
        ] {
            let statement = format!("UPDATE event SET {column} = {change} WHERE seq = {seq}");
            store.tamper(&statement).await;
            let damage = found(&journal, None).await;
            assert_eq!(damage.seq(), Some(seq), "{statement}: {damage}");
            put_back(&store).await;
        }
    }
    store.tamper("DELETE FROM event WHERE seq = 3").await;
    assert_eq!(found(&journal, None).await.seq(), Some(3));
    put_back(&store).await;
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, 5, "as it was");

    store.tamper("UPDATE event SET body = '{}' WHERE seq = 3").await;
    journal.close().await;
    let refused = Journal::open_existing(&store.place).await.unwrap_err();
    let told = store.told(&refused).replace("Keep the database", "Keep the file");
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"the journal [journal] is damaged: event 3 of account DU1 was changed after it was written (hash: expected 5886dd119876146ed6df10b646fdc2c8ccefd363bac540caff7fbbf44bccef16, found e60a759c0c7595d26740f564409cf84a562ed4402c8520caae393e16e7244351). Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading") };
}

/// Text and numbers alike; a flip that the database would not store as text is left out.
async fn any_flipped_bit_is_found(store: Store) {
    let (journal, _) = five_records(&store).await;
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    let mut runner = TestRunner::deterministic();
    let flips = if std::env::var_os("AF_LONG").is_some() { 2_000 } else { 60 };
    for _ in 0..flips {
        let (seq, column, place, bit) =
            (1_usize..=5, 0_usize..9, any::<usize>(), 0_u32..7).new_tree(&mut runner).unwrap().current();
        let event = &events[seq - 1];
        let texts = [
            ("trade_date", &event.trade_date),
            ("run", &event.run),
            ("kind", &event.kind),
            ("body", &event.body),
            ("prev", &event.prev),
            ("hash", &event.hash),
        ];
        let numbers = [("fence", event.fence), ("at_us", event.at_us), ("version", i64::from(event.version))];
        let statement = match texts.get(column) {
            Some((name, text)) => {
                let mut bytes = text.as_bytes().to_vec();
                let place = place % bytes.len();
                bytes[place] ^= 1 << bit;
                if bytes[place] == 0 {
                    continue;
                }
                let flipped = String::from_utf8(bytes).unwrap().replace('\'', "''");
                format!("UPDATE event SET {name} = '{flipped}' WHERE seq = {seq}")
            }
            None => {
                let (name, number) = numbers[column - texts.len()];
                format!("UPDATE event SET {name} = {} WHERE seq = {seq}", number ^ (1 << bit))
            }
        };
        store.tamper(&statement).await;
        let damage = found(&journal, None).await;
        assert_eq!(damage.seq(), Some(seq as i64), "{statement}: {damage}");
        put_back(&store).await;
    }
}

async fn a_cut_tail_is_found_with_the_head_that_was_reported(store: Store) {
    let (journal, head) = five_records(&store).await;
    let reported: Head = head.to_string().parse().unwrap();
    assert_eq!(reported, head, "a head survives being printed in a report");
    assert_eq!(journal.verify(ACCOUNT, Some(&reported)).await.unwrap().events, 5);
    store.tamper("DELETE FROM event WHERE seq = 5").await;
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, 4, "a chain cannot know that it was longer");
    let cut = found(&journal, Some(&reported)).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(cut, @"the chain of account DU1 ends at event 4, but event 5 was reported")
    };

    let lease = journal.acquire_lease(ACCOUNT, "forger", NOW + 60 * SECOND, SECOND, None).await.unwrap();
    journal.append(&lease, MONDAY, "run-1", &[entry("fill", "{}"), entry("fill", "{}")]).await.unwrap();
    assert_eq!(found(&journal, Some(&reported)).await.seq(), Some(5), "a tail written anew is found");
}

async fn what_changes_while_a_standby_waits_is_found_when_it_takes_over(store: Store) {
    let (journal, _) = five_records(&store).await;
    let takes_over = async |statements: &[&str]| {
        let waiting = Journal::open_walking(&store.place).await.unwrap().over().await.unwrap();
        for statement in statements {
            store.tamper(statement).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let lock = StateLock::acquire(folder.path()).unwrap();
        let taken = AccountJournal::open(waiting, ACCOUNT, "standby".into(), lock, Takeover::Standby).await;
        put_back(&store).await;
        match taken {
            Ok(engine) => engine.close().await.map(|()| None).unwrap(),
            Err(JournalError::Damaged { damage, .. }) => damage.seq(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(takes_over(&[]).await, None);
    store.tamper("DELETE FROM lease").await;
    assert_eq!(takes_over(&["DELETE FROM event WHERE seq > 3"]).await, Some(4));
    store.tamper("DELETE FROM lease").await;
    assert_eq!(takes_over(&["UPDATE event SET hash = prev WHERE seq = 5"]).await, Some(5));
    store.tamper("DELETE FROM lease").await;
    let forged = "INSERT INTO event SELECT account, 6, trade_date, run, fence, at_us, kind, version, order_ref, body, hash, \
                  hash FROM event WHERE seq = 5";
    assert_eq!(takes_over(&[forged]).await, Some(6));
    journal.verify(ACCOUNT, None).await.unwrap();
}

async fn a_changed_blob_is_found(store: Store) {
    let journal = store.open().await;
    let hash = journal.put_blob(b"history").await.unwrap();
    assert_eq!(journal.verify_blobs().await.unwrap(), 1);
    let other = journal.put_blob(b"another").await.unwrap();
    store
        .tamper(&format!("UPDATE blob SET body = (SELECT body FROM blob WHERE hash = '{other}') WHERE hash = '{hash}'"))
        .await;
    let Err(JournalError::Damaged { damage, .. }) = journal.verify_blobs().await else { panic!("found") };
    assert_eq!(*damage, Damage::Blob { hash, found: other });
}

async fn a_journal_without_one_of_its_tables_is_refused(store: Store) {
    let (journal, _) = five_records(&store).await;
    journal.close().await;
    store.tamper("DROP TABLE inbox").await;
    let refused = Journal::open(&store.place).await.unwrap_err();
    assert!(matches!(refused, JournalError::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("it has no table inbox, so it is no whole journal"), "{refused}");
}

async fn a_journal_of_a_newer_program_is_refused(store: Store) {
    store.open().await.close().await;
    store.tamper("UPDATE _sqlx_migrations SET version = 9 WHERE version = 4").await;
    let refused = Journal::open(&store.place).await.unwrap_err();
    assert!(matches!(refused, JournalError::WrittenByNewer { schema: 9, known: 4, .. }), "{refused}");
}

async fn nobody_created_a_journal_here(store: Store) {
    let missing = Journal::open_existing(&store.place).await.unwrap_err();
    insta::allow_duplicates! {
        insta::assert_snapshot!(store.told(&missing), @"there is no journal at [journal]: nothing ran with this state folder yet, or --state-dir names another")
    };
}
