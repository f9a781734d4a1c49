//! Stories of writing: one writer at a time, whole batches, answered messages, a restart.
#![allow(clippy::disallowed_methods, reason = "looks at the folder and the process a journal belongs to")]

mod support;

use journal::{Entry, Journal, JournalError, StateLock};
use support::*;
use tempfile::tempdir;

on_both_databases!(
    a_day_is_written_and_read_back_after_a_restart,
    the_hash_covers_the_columns_in_the_documented_layout,
    a_living_engine_is_not_pushed_aside_and_an_ended_lease_is,
    a_fenced_out_engine_writes_nothing,
    a_message_is_answered_once_and_together_with_its_event,
    messages_from_another_program_do_not_disturb_the_writer,
    blobs_are_kept_once_and_come_back_as_they_were,
    any_text_in_any_column_comes_back_as_it_was,
);

async fn a_day_is_written_and_read_back_after_a_restart(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let plan = entry("plan", r#"{"nav":"1000000.00"}"#);
    let send = order("command", "AF-1", r#"{"send":"BUY 3 CSPX"}"#);
    let fill = order("fill", "AF-1", r#"{"quantity":"3"}"#);
    assert_eq!(journal.append(&lease, MONDAY, "run-1", &[plan.clone(), send]).await.unwrap(), [1, 2]);
    assert_eq!(journal.append(&lease, TUESDAY, "run-2", &[fill, plan]).await.unwrap(), [3, 4]);
    assert!(journal.append(&lease, TUESDAY, "run-2", &[]).await.unwrap().is_empty());
    // Dropped without a farewell, as by kill -9.
    drop(journal);

    let journal = store.open().await;
    assert_eq!(journal.days(ACCOUNT).await.unwrap(), ["2015-08-24", "2015-08-25"]);
    let tuesday = journal.events(ACCOUNT, TUESDAY).await.unwrap();
    assert_eq!(tuesday.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(tuesday[0].order_ref.as_deref(), Some("AF-1"));
    let plans = journal.events_of_kind(ACCOUNT, "plan").await.unwrap();
    assert_eq!(plans.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(journal.last_of_kind(ACCOUNT, "plan").await.unwrap(), Some(plans[1].clone()));
    assert_eq!(journal.last_of_kind(ACCOUNT, "report").await.unwrap(), None);
    let verified = journal.verify(ACCOUNT, None).await.unwrap();
    assert_eq!(verified.events, 4);
    assert_eq!(verified.head, journal.head(ACCOUNT).await.unwrap());
    assert_eq!(journal.head("DU2").await.unwrap(), None);
}

/// The layout of the hashed bytes is kept for ever: these hashes were computed by another program.
async fn the_hash_covers_the_columns_in_the_documented_layout(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let entries = [entry("plan", "{}"), order("fill", "AF-1", r#"{"q":"3"}"#)];
    journal.append(&lease, MONDAY, "run-1", &entries).await.unwrap();
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    let hashes: Vec<_> = events.iter().map(|event| event.hash.as_str()).collect();
    assert_eq!(
        hashes,
        [
            "1a6c310ad417a8b293d7e4fbfe65233ebf6030a6b65c3c55b572e47b3823e6b5",
            "06dbc360942774d1501cec96ba91ccdab729ea4a6ca4af1ed5ce459d5740d5ca",
        ]
    );
}

async fn a_living_engine_is_not_pushed_aside_and_an_ended_lease_is(store: Store) {
    let journal = store.open().await;
    let mut first = lease(&journal).await;
    assert_eq!(first.fence(), 1);

    let refused = journal.acquire_lease(ACCOUNT, "second", NOW, 60 * SECOND, None).await;
    insta::allow_duplicates! { insta::assert_snapshot!(refused.unwrap_err(), @"account DU1: another engine (first) holds the lease until 2015-08-24T06:01:00Z. Stop that engine, or wait until its lease ends, and start again") };
    let other = journal.acquire_lease("DU2", "second", NOW, 60 * SECOND, None).await.unwrap();
    assert_eq!(other.fence(), 1, "every account has its own lease");

    journal.renew(&mut first, NOW + 50 * SECOND, 60 * SECOND).await.unwrap();
    assert_eq!(first.until_us(), NOW + 110 * SECOND);
    let again = journal.acquire_lease(ACCOUNT, "first", NOW, 60 * SECOND, None).await.unwrap();
    assert_eq!(again.fence(), 1, "the holder's own lease keeps its number");

    let later = NOW + 60 * SECOND;
    let second = journal.acquire_lease(ACCOUNT, "second", later, 60 * SECOND, None).await.unwrap();
    assert_eq!(second.fence(), 2);
    let lost = journal.renew(&mut first, later, 60 * SECOND).await.unwrap_err();
    assert!(matches!(lost, JournalError::LeaseLost { .. }), "{lost}");

    journal.release(second).await.unwrap();
    let third = journal.acquire_lease(ACCOUNT, "third", NOW, 60 * SECOND, None).await.unwrap();
    assert_eq!(third.fence(), 3, "a released lease is free at once");
}

async fn a_fenced_out_engine_writes_nothing(store: Store) {
    let journal = store.open().await;
    let first = lease(&journal).await;
    journal.append(&first, MONDAY, "run-1", &[entry("plan", "{}")]).await.unwrap();

    let elsewhere = Journal::open_existing(&store.place).await.unwrap();
    let later = NOW + 60 * SECOND;
    let second = elsewhere.acquire_lease(ACCOUNT, "second", later, 60 * SECOND, None).await.unwrap();
    let lost = journal.append(&first, MONDAY, "run-1", &[entry("command", "{}")]).await;
    insta::allow_duplicates! { insta::assert_snapshot!(lost.unwrap_err(), @"account DU1: this engine (first, fence 1) no longer holds the lease: second holds it with fence 2. Nothing of this was written; send no more orders and end this process") };
    assert_eq!(elsewhere.append(&second, MONDAY, "run-1", &[entry("command", "{}")]).await.unwrap(), [2]);
    assert_eq!(journal.events(ACCOUNT, MONDAY).await.unwrap()[1].fence, 2);

    elsewhere.release(second).await.unwrap();
    let lost = journal.append(&first, MONDAY, "run-1", &[entry("command", "{}")]).await;
    assert!(matches!(lost, Err(JournalError::LeaseLost { .. })));
}

#[tokio::test]
async fn the_lock_of_the_state_folder_proves_that_the_earlier_engine_is_dead() {
    let folder = tempdir().unwrap();
    let state = folder.path().join("state");
    let lock = StateLock::acquire(&state).unwrap();
    let refused = StateLock::acquire(&state).unwrap_err();
    let refused = told(&refused, &state).replace(&std::process::id().to_string(), "<pid>");
    insta::allow_duplicates! { insta::assert_snapshot!(refused, @"engine.lock is locked by process <pid>: one engine per state folder. Stop that process, or choose another folder with --state-dir") };

    let journal = Journal::open(&state.join("journal.db")).await.unwrap();
    let killed = journal.acquire_lease(ACCOUNT, "first", NOW, 60 * SECOND, None).await.unwrap();
    drop(lock);
    let lock = StateLock::acquire(&state).unwrap();
    let next = journal.acquire_lease(ACCOUNT, "second", NOW, 60 * SECOND, Some(&lock)).await.unwrap();
    assert_eq!(next.fence(), killed.fence() + 1);
}

#[tokio::test]
#[should_panic(expected = "the lock of another folder proves nothing")]
async fn the_lock_of_another_folder_proves_nothing() {
    let folder = tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db")).await.unwrap();
    let lock = StateLock::acquire(&folder.path().join("elsewhere")).unwrap();
    let _ = journal.acquire_lease(ACCOUNT, "second", NOW, SECOND, Some(&lock)).await;
}

async fn a_message_is_answered_once_and_together_with_its_event(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let operator = Journal::open_existing(&store.place).await.unwrap();
    let halt = operator.send_to_inbox(ACCOUNT, NOW, "ann", r#"{"halt":"?"}"#).await.unwrap();
    let kill = operator.send_to_inbox(ACCOUNT, NOW, "ann", r#"{"kill":""}"#).await.unwrap();
    operator.send_to_inbox("DU2", NOW, "ann", "{}").await.unwrap();
    let open: Vec<_> = journal.open_inbox(ACCOUNT).await.unwrap().into_iter().map(|m| (m.id, m.body)).collect();
    assert_eq!(open, [(halt, r#"{"halt":"?"}"#.to_owned()), (kill, r#"{"kill":""}"#.to_owned())]);

    let acted = [entry("mode", r#"{"to":"CANCEL_ONLY"}"#)];
    journal.append_answer(&lease, MONDAY, "run-1", &acted, halt).await.unwrap();
    let twice = journal.append_answer(&lease, MONDAY, "run-1", &acted, halt).await.unwrap_err();
    insta::allow_duplicates! { insta::assert_snapshot!(store.told(&twice), @"there is no open message 1 in the inbox of [journal]: it was answered before, or never sent") };
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, 1, "no second mode change");

    journal.mark_done(kill, 1).await.unwrap();
    assert!(matches!(journal.mark_done(kill, 1).await, Err(JournalError::NotFound { .. })));
    assert!(journal.open_inbox(ACCOUNT).await.unwrap().is_empty());
}

async fn messages_from_another_program_do_not_disturb_the_writer(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let operator = Journal::open_existing(&store.place).await.unwrap();
    let sender = tokio::spawn(async move {
        for _ in 0..50 {
            operator.send_to_inbox(ACCOUNT, NOW, "ann", "{}").await.unwrap();
        }
    });
    for _ in 0..50 {
        journal.append(&lease, MONDAY, "run-1", &[entry("event", "{}")]).await.unwrap();
    }
    sender.await.unwrap();
    assert_eq!(journal.open_inbox(ACCOUNT).await.unwrap().len(), 50);
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, 50);
}

async fn blobs_are_kept_once_and_come_back_as_they_were(store: Store) {
    let journal = store.open().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let hash = journal.put_blob(&bytes).await.unwrap();
    assert_eq!(journal.put_blob(&bytes).await.unwrap(), hash);
    assert_eq!(journal.blob(&hash).await.unwrap(), bytes);
    let empty = journal.put_blob(b"").await.unwrap();
    assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(journal.blob(&empty).await.unwrap().is_empty());
    assert!(matches!(journal.blob("no such").await, Err(JournalError::NotFound { .. })));
}

async fn any_text_in_any_column_comes_back_as_it_was(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let odd = Entry {
        at_us: i64::MIN,
        kind: "'; DROP TABLE event; --".into(),
        version: u16::MAX,
        order_ref: Some(String::new()),
        body: "{\"name\":\"Zürich 株式 🦀\"}\n".into(),
    };
    let number_like = Entry { kind: "007".into(), body: "1.50".into(), ..odd.clone() };
    journal.append(&lease, MONDAY, "1e5", &[odd.clone(), number_like.clone()]).await.unwrap();
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    for (event, entry) in events.into_iter().zip([odd, number_like]) {
        assert_eq!(event.run, "1e5");
        assert_eq!(
            Entry {
                at_us: event.at_us,
                kind: event.kind,
                version: event.version,
                order_ref: event.order_ref,
                body: event.body,
            },
            entry
        );
    }
}
