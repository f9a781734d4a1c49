//! Stories of storage that fails: down, full, slow, hanging, killed; and of two engines on one account.
#![allow(clippy::disallowed_methods, reason = "kills servers and measures waits")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use journal::{AccountJournal, Journal, JournalError, Lease, StateLock, Takeover};
use ports::{Journal as _, Record};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::postgres::PostgresServer;
use support::*;
use tempfile::tempdir;

on_both_databases!(
    another_writer_that_does_not_let_go_is_not_waited_for_forever,
    whatever_the_pauses_only_the_newest_engine_writes,
    engines_that_race_write_one_chain,
    a_dead_engine_s_lease_is_waited_for_and_a_living_one_is_refused,
    a_standby_waits_for_as_long_as_the_engine_lives,
);

fn campaign(short: u32, long: u32) -> u32 {
    if std::env::var_os("AF_LONG").is_some() { long } else { short }
}

fn record() -> Record {
    let at = jiff::Timestamp::from_microsecond(NOW).unwrap();
    Record { kind: "command", version: 1, order_ref: None, at, body: "{}".into() }
}

async fn another_writer_that_does_not_let_go_is_not_waited_for_forever(store: Store) {
    let journal = store.open().await;
    let lease = lease(&journal).await;
    let lock = store.locked().await;
    let started = Instant::now();
    let slow = journal.append(&lease, MONDAY, "run-1", &[entry("command", "{}")]).await;
    assert!(matches!(slow, Err(JournalError::Unavailable { .. })), "{slow:?}");
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&started.elapsed()), "{:?}", started.elapsed());
    drop(lock);
    assert_eq!(journal.append(&lease, MONDAY, "run-1", &[entry("command", "{}")]).await.unwrap(), [1]);
}

/// One engine of the model: what it believes to hold.
struct Engine {
    journal: Journal,
    lease: Option<Lease>,
}

/// Two engines, a clock that jumps over pauses, and any order of steps: an append is accepted from the newest fence only.
async fn whatever_the_pauses_only_the_newest_engine_writes(store: Store) {
    let first = store.open().await;
    let second = Journal::open_existing(&store.place).await.unwrap();
    let mut engines = [first, second].map(|journal| Engine { journal, lease: None });
    let mut runner = TestRunner::deterministic();
    let (mut now, mut newest, mut accepted) = (NOW, 0, Vec::new());
    for step in 0..campaign(300, 20_000) {
        let (who, pause, action) = (0_usize..2, 0_i64..9, 0_u8..6).new_tree(&mut runner).unwrap().current();
        now += pause * SECOND;
        let holder = ["one", "two"][who];
        let Engine { journal, lease } = &mut engines[who];
        match (action, lease.as_mut()) {
            (0, _) | (_, None) => {
                let taken = journal.acquire_lease(ACCOUNT, holder, now, 10 * SECOND, None).await;
                match taken {
                    Ok(taken) => {
                        assert!(taken.fence() >= newest, "step {step}: the number never falls");
                        newest = taken.fence();
                        *lease = Some(taken);
                    }
                    Err(error) => assert!(matches!(error, JournalError::LeaseHeld { .. }), "step {step}: {error}"),
                }
            }
            (1, Some(held)) => {
                let renewed = journal.renew(held, now, 10 * SECOND).await;
                assert_eq!(renewed.is_ok(), held.fence() == newest, "step {step}: {renewed:?}");
            }
            (_, Some(held)) => {
                let written = journal.append(held, MONDAY, holder, &[entry("command", "{}")]).await;
                match written {
                    Ok(seqs) => {
                        assert_eq!(held.fence(), newest, "step {step}: an engine that was taken over wrote");
                        accepted.extend(seqs.into_iter().map(|seq| (seq, held.fence())));
                    }
                    Err(error) => {
                        assert!(matches!(error, JournalError::LeaseLost { .. }), "step {step}: {error}");
                        assert!(held.fence() < newest, "step {step}: the newest engine was refused");
                        *lease = None;
                    }
                }
            }
        }
    }
    let journal = &engines[0].journal;
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    assert_eq!(events.iter().map(|event| (event.seq, event.fence)).collect::<Vec<_>>(), accepted);
    assert!(newest > 3 && accepted.len() > 20, "the engines did take over from each other: {newest}");
    journal.verify(ACCOUNT, None).await.unwrap();
}

/// Real concurrency: engines that pause inside and outside of their leases while the others go on.
async fn engines_that_race_write_one_chain(store: Store) {
    let mut engines = Vec::new();
    for holder in ["one", "two", "three"] {
        let journal = store.open().await;
        engines.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for turn in 0..campaign(4, 60) {
                let lease = journal.await_lease(ACCOUNT, &format!("{holder}-{turn}"), 60_000, true).await.unwrap();
                for number in 0..8_u64 {
                    let pause = (number * 7 + u64::from(turn) * 13 + holder.len() as u64 * 5) % 23;
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    match journal.append(&lease, MONDAY, holder, &[entry("command", "{}")]).await {
                        Ok(seqs) => acknowledged.extend(seqs),
                        Err(JournalError::LeaseLost { .. }) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            acknowledged
        }));
    }
    let mut acknowledged = Vec::new();
    for engine in engines {
        acknowledged.extend(engine.await.unwrap());
    }
    let journal = store.open().await;
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    acknowledged.sort_unstable();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), acknowledged, "each once, none lost");
    assert!(events.is_sorted_by_key(|event| event.fence), "nothing of an earlier engine after a later one's");
    assert_eq!(journal.verify(ACCOUNT, None).await.unwrap().events, events.len() as i64);
}

async fn a_dead_engine_s_lease_is_waited_for_and_a_living_one_is_refused(store: Store) {
    let journal = store.open().await;
    let killed = journal.await_lease(ACCOUNT, "killed", SECOND, false).await.unwrap();
    let started = Instant::now();
    let next = journal.await_lease(ACCOUNT, "next", SECOND, false).await.unwrap();
    assert_eq!(next.fence(), killed.fence() + 1);
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());

    let lives = Arc::new(AtomicBool::new(true));
    let (engine, alive, mut held) = (journal.clone(), lives.clone(), next);
    let renewing = tokio::spawn(async move {
        while alive.load(Ordering::Relaxed) {
            let now = engine.now_us().await.unwrap();
            engine.renew(&mut held, now, SECOND).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let refused = journal.await_lease(ACCOUNT, "third", SECOND, false).await.unwrap_err();
    assert!(matches!(&refused, JournalError::LeaseHeld { holder, .. } if holder == "next"), "{refused}");
    lives.store(false, Ordering::Relaxed);
    renewing.await.unwrap();
}

async fn a_standby_waits_for_as_long_as_the_engine_lives(store: Store) {
    let journal = store.open().await;
    let mut first = journal.await_lease(ACCOUNT, "first", SECOND, false).await.unwrap();
    journal.append(&first, MONDAY, "run-1", &[entry("plan", "{}")]).await.unwrap();
    let standby = Journal::open_existing(&store.place).await.unwrap();
    let waiting = tokio::spawn(async move {
        let lease = standby.await_lease(ACCOUNT, "standby", 60 * SECOND, true).await.unwrap();
        (standby.append(&lease, MONDAY, "run-2", &[entry("command", "{}")]).await.unwrap(), Instant::now())
    });
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = journal.now_us().await.unwrap();
        journal.renew(&mut first, now, SECOND).await.unwrap();
        assert!(!waiting.is_finished(), "the engine lives");
    }
    let died = Instant::now();
    let (seqs, at) = waiting.await.unwrap();
    assert_eq!(seqs, [2]);
    assert!(at - died < Duration::from_secs(3), "{:?}", at - died);
    let late = journal.append(&first, MONDAY, "run-1", &[entry("command", "{}")]).await;
    assert!(matches!(late, Err(JournalError::LeaseLost { .. })), "{late:?}");
}

/// A server of the story's own, and an engine's journal on it.
async fn own_server() -> Option<(PostgresServer, Store)> {
    let server = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap()?;
    let store = Store::on(&server).await;
    Some((server, store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_the_engine_loses_nothing_that_was_acknowledged() {
    let Some((mut server, store)) = own_server().await else { return };
    const BATCH: usize = 5;
    let mut runner = TestRunner::deterministic();
    let mut known = 0_i64;
    for round in 0..campaign(3, 60) {
        let journal = store.open().await;
        // Each start comes after the end of the lease before it.
        let now = NOW + i64::from(round) * 60 * SECOND;
        let lease = journal.acquire_lease(ACCOUNT, &format!("run-{round}"), now, SECOND, None).await.unwrap();
        let acknowledged = Arc::new(AtomicI64::new(known));
        let confirmed = acknowledged.clone();
        let engine = tokio::spawn(async move {
            loop {
                let batch = vec![entry("command", &"x".repeat(500)); BATCH];
                match journal.append(&lease, MONDAY, "run", &batch).await {
                    Ok(seqs) => confirmed.store(seqs[BATCH - 1], Ordering::SeqCst),
                    Err(error) => return error,
                }
            }
        });
        let life = (20_u64..200).new_tree(&mut runner).unwrap().current();
        while acknowledged.load(Ordering::SeqCst) == known {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(life)).await;
        server.kill();
        let ended = engine.await.unwrap();
        assert!(matches!(ended, JournalError::Unavailable { .. }), "{ended}");

        server = tokio::task::spawn_blocking(move || {
            server.run();
            server
        })
        .await
        .unwrap();
        let journal = store.open().await;
        let there = journal.verify(ACCOUNT, None).await.unwrap().events;
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let in_flight = there - acknowledged;
        assert!([0, BATCH as i64].contains(&in_flight), "round {round}: {acknowledged} acknowledged, {there} there");
        known = there;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_or_hangs_stops_the_engine_and_an_ordinary_start_goes_on() {
    let Some((mut server, store)) = own_server().await else { return };
    let start = async |run: &str, folder: &std::path::Path| {
        let lock = StateLock::acquire(folder).unwrap();
        let walking = Journal::open_walking(&store.place).await.unwrap();
        AccountJournal::open(walking, ACCOUNT, run.to_owned(), lock, Takeover::OfTheDead).await.unwrap()
    };
    let folder = tempdir().unwrap();
    let mut engine = start("run-1", folder.path()).await;
    assert_eq!(engine.append(MONDAY, &[record()]).await.unwrap(), 1);
    server.hang(true);
    let started = Instant::now();
    let hanging = engine.append(MONDAY, &[record()]).await.unwrap_err();
    assert!(matches!(hanging, ports::JournalError::Down(_)), "{hanging}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    server.hang(false);
    // What hung may hold the lease's row for a while: then the lease is not given back, and the folder's lock has to tell.
    let given_back = engine.close().await;
    assert!(matches!(given_back, Ok(()) | Err(JournalError::Unavailable { .. })), "{given_back:?}");

    let mut engine = start("run-2", folder.path()).await;
    server.kill();
    let down = engine.append(MONDAY, &[record()]).await.unwrap_err();
    assert!(matches!(down, ports::JournalError::Down(_)), "{down}");
    drop(engine);
    let refused = Journal::open(&store.place).await.unwrap_err();
    assert!(matches!(refused, JournalError::Unavailable { .. }), "{refused}");
    server = tokio::task::spawn_blocking(move || {
        server.run();
        server
    })
    .await
    .unwrap();
    let mut engine = start("run-3", folder.path()).await;
    let seq = engine.append(MONDAY, &[record()]).await.unwrap();
    assert!([2, 3].contains(&seq), "the append that hung is there as a whole or not at all: {seq}");
    engine.close().await.unwrap();
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_space_leaves_nothing_of_a_batch() {
    let Some(store) = Store::postgresql().await else { return };
    let journal = store.open().await;
    let lease = lease(&journal).await;
    // The server's own answer when a disk is full, in the middle of a batch.
    store
        .tamper(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        )
        .await;
    store
        .tamper(
            "CREATE TRIGGER full_disk BEFORE INSERT ON event FOR EACH ROW WHEN (length(NEW.body) > 1000) \
             EXECUTE FUNCTION full_disk()",
        )
        .await;
    let batch = [entry("plan", "{}"), entry("command", &"x".repeat(2_000))];
    let refused = journal.append(&lease, MONDAY, "run-1", &batch).await.unwrap_err();
    assert!(refused.to_string().contains("could not extend file: No space left on device"), "{refused}");
    assert_eq!(journal.head(ACCOUNT).await.unwrap(), None);
    store.tamper("DROP TRIGGER full_disk ON event").await;
    assert_eq!(journal.append(&lease, MONDAY, "run-1", &batch).await.unwrap(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgets_commits_is_refused() {
    let Some((server, store)) = own_server().await else { return };
    store.tamper("ALTER SYSTEM SET fsync = off").await;
    store.tamper("SELECT pg_reload_conf()").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = Journal::open(&store.place).await.unwrap_err();
    insta::assert_snapshot!(store.told(&refused), @"cannot open [journal]: error with configuration: PostgreSQL works with fsync = off instead of on, so a commit would not be durable here; set it in postgresql.conf, or use another server. Nothing of this counts as written; send no orders until the storage works (the server, the network to it, its free space, locks of other programs)");
    drop(server);
}

/// The lock of a state folder proves that the engine which last worked in it is dead, wherever its journal is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_the_same_host_does_not_wait_for_the_lease_of_the_dead() {
    let Some(store) = Store::postgresql().await else { return };
    let start = async |run: &str, folder: &std::path::Path| {
        let walking = Journal::open_walking(&store.place).await.unwrap();
        let lock = StateLock::acquire(folder).unwrap();
        AccountJournal::open(walking, ACCOUNT, run.to_owned(), lock, Takeover::OfTheDead).await.unwrap()
    };
    let (here, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
    let mut first = start("first", here.path()).await;
    first.append(MONDAY, &[record()]).await.unwrap();
    drop(first); // as after kill -9: nothing is given back
    let started = Instant::now();
    let mut second = start("second", here.path()).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!((second.fence(), second.append(MONDAY, &[record()]).await.unwrap()), (2, 2));
    drop(second);
    // Another folder proves nothing: the lease has to end by itself.
    let started = Instant::now();
    let third = start("third", elsewhere.path()).await;
    assert!(started.elapsed() > Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(third.fence(), 3);
}
