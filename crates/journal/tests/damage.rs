//! Stories of damage: whatever happens to the file, it is found, named and never a panic.
#![allow(clippy::disallowed_methods, reason = "damages files on purpose")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use journal::{Damage, Head, Journal, JournalError, StoredEvent};
use proptest::prelude::*;
use support::*;
use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;

/// A journal of five events, closed, and what was in it.
struct Sound {
    _folder: TempDir,
    path: PathBuf,
    events: Vec<StoredEvent>,
    head: Head,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    // On a thread of its own, for the first test to need it has a runtime already.
    std::thread::spawn(|| runtime().block_on(write_sound())).join().unwrap()
});

async fn write_sound() -> Sound {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path).await.unwrap();
    let lease = lease(&journal).await;
    let mut entries = vec![entry("plan", r#"{"nav":"1000000.00"}"#)];
    for number in 1..5 {
        entries.push(order("fill", &format!("AF-{number}"), r#"{"quantity":"3"}"#));
    }
    journal.append(&lease, MONDAY, "run-1", &entries).await.unwrap();
    let events = journal.events(ACCOUNT, MONDAY).await.unwrap();
    let head = journal.head(ACCOUNT).await.unwrap().unwrap();
    journal.close().await;
    Sound { _folder: folder, path, events, head }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Opens a copy of the sound journal after something was done to it.
async fn open_after<F>(harm: impl FnOnce(PathBuf) -> F) -> (Result<Journal, JournalError>, TempDir)
where
    F: Future<Output = ()>,
{
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal.db");
    fs::copy(&SOUND.path, &path).unwrap();
    harm(path.clone()).await;
    (Journal::open(&path).await, folder)
}

async fn open_after_statement(statement: &str) -> (Result<Journal, JournalError>, TempDir) {
    open_after(async |path| tamper(&path, statement).await).await
}

async fn open_after_bytes(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Result<Journal, JournalError>, TempDir) {
    open_after(async |path| {
        let bytes = change(fs::read(&path).unwrap());
        fs::write(&path, bytes).unwrap();
    })
    .await
}

fn damage_of(opened: Result<Journal, JournalError>) -> Damage {
    match opened {
        Err(JournalError::Damaged { damage, .. }) => *damage,
        other => panic!("damage expected, got {other:?}"),
    }
}

#[tokio::test]
async fn a_changed_column_is_found_and_its_event_named() {
    for seq in 1..=5 {
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
            ("body", "x'ff'"),
            ("body", "CAST(x'ff' AS TEXT)"),
            ("at_us", "'noon'"),
            ("prev", "upper(prev) || 'a'"),
            ("hash", "upper(hash) || 'a'"),
        ] {
            let statement = format!("UPDATE event SET {column} = {change} WHERE seq = {seq}");
            let damage = damage_of(open_after_statement(&statement).await.0);
            assert_eq!(damage.seq(), Some(seq), "{statement}: {damage}");
        }
        let moved = format!("UPDATE event SET account = 'DU2' WHERE seq = {seq}");
        damage_of(open_after_statement(&moved).await.0);
        let deleted = format!("DELETE FROM event WHERE seq = {seq}");
        if seq < 5 {
            assert_eq!(damage_of(open_after_statement(&deleted).await.0).seq(), Some(seq));
        }
    }
}

#[tokio::test]
async fn the_refusal_says_where_and_what_to_do() {
    let (opened, folder) = open_after_statement("UPDATE event SET body = '{\"quantity\":\"4\"}' WHERE seq = 3").await;
    insta::assert_snapshot!(told(&opened.unwrap_err(), folder.path()), @"the journal journal.db is damaged: event 3 of account DU1 was changed after it was written (hash: expected da90d2d338d717e750e48e914c7971b670b3acbefcb7f01e756bdb9ffeee746b, found e60a759c0c7595d26740f564409cf84a562ed4402c8520caae393e16e7244351). Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading");
}

#[tokio::test]
async fn a_cut_tail_is_found_with_the_reported_head() {
    let (opened, folder) = open_after_statement("DELETE FROM event WHERE seq > 3").await;
    let journal = opened.expect("a chain cannot know that it was longer");
    let cut = journal.verify(ACCOUNT, Some(&SOUND.head)).await.unwrap_err();
    insta::assert_snapshot!(told(&cut, folder.path()), @"the journal journal.db is damaged: the chain of account DU1 ends at event 3, but event 5 was reported. Nothing was changed. Keep the file for inquiry, put back the last good copy and reconcile with the broker before trading");

    let (journal, _folder) = open_after(async |_| ()).await;
    let journal = journal.unwrap();
    assert_eq!(journal.verify(ACCOUNT, Some(&SOUND.head)).await.unwrap().events, 5);
    let earlier = Head { seq: 2, hash: SOUND.events[1].hash.clone() };
    assert_eq!(journal.verify(ACCOUNT, Some(&earlier)).await.unwrap().events, 5);
    let other = Head { seq: 2, hash: SOUND.events[2].hash.clone() };
    let damage = damage_of(journal.verify(ACCOUNT, Some(&other)).await.map(|_| journal.clone()));
    assert_eq!(damage.seq(), Some(2), "a chain written anew is found");
}

#[tokio::test]
async fn damage_that_happens_later_is_found_by_reading() {
    let (journal, _folder) = open_after(async |_| ()).await;
    let journal = journal.unwrap();
    let hash = journal.put_blob(b"history").await.unwrap();
    tamper(journal.place().file().unwrap(), "UPDATE event SET body = '{}' WHERE seq = 2").await;
    tamper(journal.place().file().unwrap(), "UPDATE blob SET body = x'00'").await;
    let events = journal.events(ACCOUNT, MONDAY).await.map(|_| journal.clone());
    assert_eq!(damage_of(events).seq(), Some(2));
    let blob = journal.blob(&hash).await.map(|_| journal.clone());
    assert!(matches!(damage_of(blob), Damage::Blob { .. }));
}

#[tokio::test]
async fn what_is_no_journal_is_refused_in_one_sentence() {
    let mut refusals = Vec::new();
    let mut refuse = |(opened, folder): (Result<Journal, JournalError>, TempDir)| {
        let error = opened.expect_err("no journal");
        assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
        let told = told(&error, folder.path());
        refusals.push(told.replace(
            ". Nothing was changed. Keep the file for inquiry, put back the last good copy and \
             reconcile with the broker before trading",
            " ...",
        ));
    };
    refuse(open_after_bytes(|_| b"Dear diary, today I bought three shares of CSPX.".repeat(200)).await);
    refuse(open_after_bytes(|_| Vec::new()).await);
    refuse(open_after_bytes(|bytes| bytes[..50].to_vec()).await);
    refuse(open_after_bytes(|bytes| bytes[..bytes.len() / 2].to_vec()).await);
    refuse(open_after_bytes(|bytes| [vec![0; 4096], bytes[4096..].to_vec()].concat()).await);
    refuse(open_after_bytes(|bytes| [bytes[..4096].to_vec(), vec![0; bytes.len() - 4096]].concat()).await);
    refuse(open_after_statement("DROP TABLE event").await);
    refuse(open_after_statement("DROP TABLE lease").await);
    refuse(open_after_statement("ALTER TABLE event RENAME COLUMN body TO text").await);
    refuse(open_after_statement("UPDATE _sqlx_migrations SET checksum = x'00'").await);
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the journal journal.db is damaged: it is not an SQLite file ...
    the journal journal.db is damaged: the file is empty, and a journal never is ...
    the journal journal.db is damaged: SQLite finds it broken: database disk image is malformed ...
    the journal journal.db is damaged: SQLite finds it broken: database disk image is malformed ...
    the journal journal.db is damaged: it is not an SQLite file ...
    the journal journal.db is damaged: SQLite finds it broken: database disk image is malformed ...
    the journal journal.db is damaged: it has no table event, so it is no whole journal ...
    the journal journal.db is damaged: it has no table lease, so it is no whole journal ...
    the journal journal.db is damaged: its tables are not those of a journal: no such column: body ...
    the journal journal.db is damaged: the record of its schema 1 is not what this program wrote ...
    ");
}

#[tokio::test]
async fn a_missing_or_newer_journal_is_not_damage() {
    let folder = tempdir().unwrap();
    let missing = Journal::open_existing(&folder.path().join("journal.db")).await.unwrap_err();
    assert!(matches!(missing, JournalError::NotFound { .. }));
    insta::assert_snapshot!(told(&missing, folder.path()), @"there is no journal at journal.db: nothing ran with this state folder yet, or --state-dir names another");

    let (opened, folder) =
        open_after_statement("INSERT INTO _sqlx_migrations VALUES (9, 'later', 0, TRUE, x'00', 0)").await;
    insta::assert_snapshot!(told(&opened.unwrap_err(), folder.path()), @"the journal journal.db was written by a newer version of this program (schema 9, this program knows up to 4). Start the newer version; going back needs a backup from before the update");

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let blocked = Journal::open(&file.join("journal.db")).await.unwrap_err();
    assert!(matches!(blocked, JournalError::Unavailable { .. }));
    insta::assert_snapshot!(told(&blocked, folder.path()), @"cannot open file: it is a file, not a folder. Nothing of this counts as written; send no orders until the storage works (free space, permissions, other programs on the file)");
}

#[tokio::test]
async fn an_interrupted_creation_is_started_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal.db");
    fs::write(folder.path().join("journal.db.new"), "half a").unwrap();
    fs::write(folder.path().join("journal.db.new-wal"), "journal").unwrap();
    let journal = Journal::open(&path).await.unwrap();
    assert_eq!(journal.head(ACCOUNT).await.unwrap(), None);
    journal.close().await;
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["journal.db"]);
}

/// Flips one bit of the file: it is refused, or every event still reads as it was written.
async fn survives_flip(offset: usize, bit: u8) {
    let (opened, _folder) = open_after_bytes(|mut bytes| {
        let offset = offset % bytes.len();
        bytes[offset] ^= 1 << bit;
        bytes
    })
    .await;
    match opened {
        Ok(journal) => match journal.verify(ACCOUNT, Some(&SOUND.head)).await {
            Ok(_) => assert_eq!(journal.events(ACCOUNT, MONDAY).await.unwrap(), SOUND.events),
            Err(error) => assert_told(&error),
        },
        Err(error) => assert_told(&error),
    }
}

fn assert_told(error: &JournalError) {
    let crashed = error.to_string().contains("worker");
    assert!(!crashed, "the driver crashed instead of refusing: {error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_of_the_file_is_refused_or_harmless(offset: usize, bit in 0_u8..8) {
        runtime().block_on(survives_flip(offset, bit));
    }

    #[test]
    fn any_flipped_bit_of_a_text_is_found(
        seq in 1_usize..=5,
        column in 0_usize..6,
        place: usize,
        bit in 0_u8..8,
    ) {
        let event = &SOUND.events[seq - 1];
        let (name, text) = [
            ("trade_date", &event.trade_date),
            ("run", &event.run),
            ("kind", &event.kind),
            ("body", &event.body),
            ("prev", &event.prev),
            ("hash", &event.hash),
        ][column];
        let mut bytes = text.as_bytes().to_vec();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        let literal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let statement =
            format!("UPDATE event SET {name} = CAST(x'{literal}' AS TEXT) WHERE seq = {seq}");
        let damage = damage_of(runtime().block_on(open_after_statement(&statement)).0);
        prop_assert_eq!(damage.seq(), Some(seq as i64), "{}: {}", statement, damage);
    }
}

/// Bytes of the file between two flips in the short form; a prime, so that no column is always missed.
const SHORT_STRIDE: usize = 1_009;

/// One bit of every byte of the file with `AF_LONG=1` in the environment, which takes minutes; else of some.
#[test]
fn the_bytes_of_the_file_are_guarded() {
    let stride = if std::env::var_os("AF_LONG").is_some() { 1 } else { SHORT_STRIDE };
    let length = fs::metadata(Path::new(&SOUND.path)).unwrap().len() as usize;
    let runtime = runtime();
    for offset in (0..length).step_by(stride) {
        runtime.block_on(survives_flip(offset, (offset % 8) as u8));
    }
}
