//! The outbox: what is to be told is told in order, and not twice, whoever asks and whoever dies.
//!
//! In: posts. Out: what is due. Invariant: the same on both databases.
#![allow(clippy::disallowed_methods, reason = "works in folders of its own")]

mod support;

use journal::{Delivery, Journal, Post, Standing};
use support::{ACCOUNT, NOW, SECOND, Store};

const CHANNEL: &str = "telegram:1";

fn post(key: &str, seq: i64) -> Post {
    Post { channel: CHANNEL.into(), key: key.into(), seq, body: format!("about {key}") }
}

async fn next(journal: &Journal, now_us: i64) -> Option<String> {
    let due = journal.next_post(ACCOUNT, CHANNEL, now_us, now_us + 60 * SECOND).await.unwrap();
    due.map(|due| format!("{} try {}", due.post.key, due.tries))
}

async fn messages_are_told_in_order_and_once(store: Store) {
    let journal = store.open().await;
    assert_eq!(journal.told_up_to(ACCOUNT).await.unwrap(), None);
    journal.post(ACCOUNT, 7, &[post("b", 7), post("a", 5)]).await.unwrap();
    journal.post(ACCOUNT, 6, &[post("a", 6)]).await.unwrap();
    assert_eq!(journal.told_up_to(ACCOUNT).await.unwrap(), Some(7), "it never goes back");
    assert!(journal.is_posted(ACCOUNT, CHANNEL, "a").await.unwrap());
    assert!(!journal.is_posted(ACCOUNT, "webhook", "a").await.unwrap());

    assert_eq!(next(&journal, NOW).await.as_deref(), Some("a try 0"));
    assert_eq!(next(&journal, NOW + 59 * SECOND).await, None, "somebody is about it, and the next waits its turn");
    assert_eq!(next(&journal, NOW + 60 * SECOND).await.as_deref(), Some("a try 1"), "whoever was about it has died");
    let again = Delivery::Again { next_us: NOW + 300 * SECOND, trouble: "429".into() };
    journal.settle_post(ACCOUNT, &post("a", 5), NOW, &again).await.unwrap();
    assert_eq!(next(&journal, NOW + 299 * SECOND).await, None);
    assert_eq!(next(&journal, NOW + 300 * SECOND).await.as_deref(), Some("a try 2"));
    journal.settle_post(ACCOUNT, &post("a", 5), NOW, &Delivery::Done).await.unwrap();
    assert_eq!(next(&journal, NOW).await.as_deref(), Some("b try 0"));
    journal.settle_post(ACCOUNT, &post("b", 7), NOW, &Delivery::GivenUp { trouble: "403".into() }).await.unwrap();
    assert_eq!(next(&journal, NOW + 3600 * SECOND).await, None);
    let standing = journal.outbox(ACCOUNT).await.unwrap();
    assert_eq!(standing, Standing { waiting: 0, delivered: 1, given_up: 1 });
}

async fn two_couriers_never_hold_the_same_message(store: Store) {
    let journal = store.open().await;
    let posts: Vec<Post> = (0..20).map(|seq| post(&format!("{seq:02}"), seq)).collect();
    journal.post(ACCOUNT, 20, &posts).await.unwrap();
    let courier = |journal: Journal| async move {
        let mut told = Vec::new();
        while journal.outbox(ACCOUNT).await.unwrap().waiting > 0 {
            if let Some(due) = journal.next_post(ACCOUNT, CHANNEL, NOW, NOW + SECOND).await.unwrap() {
                journal.settle_post(ACCOUNT, &due.post, NOW, &Delivery::Done).await.unwrap();
                told.push(due.post.key);
            }
        }
        told
    };
    let both = [tokio::spawn(courier(journal.clone())), tokio::spawn(courier(journal.clone()))];
    let mut told = Vec::new();
    for one in both {
        told.extend(one.await.unwrap());
    }
    told.sort();
    assert_eq!(told, posts.iter().map(|post| post.key.clone()).collect::<Vec<_>>());
}

on_both_databases!(messages_are_told_in_order_and_once, two_couriers_never_hold_the_same_message);
