//! The bot and the webhook against servers that answer as the real ones do.
//!
//! In: answers of the Bot API. Out: deliveries, updates. Invariant: the token appears in no error; no answer stops the rest.
#![allow(clippy::disallowed_methods, reason = "works in folders of its own")]

use feeds::telegram::{Said, Undelivered, Update, updates};
use feeds::{Secret, Telegram, Webhook};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "123456:CANARY-token_of_a_bot";

/// A secret as its owner reads it, when everything else is ready for it to be used.
fn secret(text: &str, read: impl Fn(&std::path::Path) -> Result<Secret, feeds::SecretError>) -> Secret {
    feeds::install_tls_provider();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), format!("{text}\n")).unwrap();
    read(&folder.path().join("secret")).unwrap_or_else(|error| panic!("{error}"))
}

fn bot(server: &MockServer) -> Telegram {
    Telegram::new(&server.uri(), secret(TOKEN, Secret::bot_token)).unwrap()
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

/// What the target `telegram_updates` (under `fuzz/`) starts from, and what it has found.
#[test]
fn the_corpus_of_updates_is_read_or_refused_and_so_is_what_is_cut_from_it() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/telegram_updates");
    let mut commands = Vec::new();
    for file in std::fs::read_dir(folder).expect("the seeds are there") {
        let path = file.expect("a file").path();
        let body = std::fs::read_to_string(&path).expect("a seed");
        let told = updates(&body).unwrap_or_default();
        for said in told.into_iter().filter_map(|update| update.said) {
            assert!(said.text.chars().count() <= 300, "{}", path.display());
            commands.push(said.text);
        }
        for (end, _) in body.char_indices() {
            for said in updates(&body[..end]).into_iter().flatten().filter_map(|update| update.said) {
                assert!(said.text.chars().count() <= 300, "{} cut at {end}", path.display());
            }
        }
    }
    commands.retain(|text| text.len() < 20);
    commands.sort();
    assert_eq!(commands, ["/kill sure", "/pause", "/status"], "only what a person wrote as a message is a command");
}

#[tokio::test]
async fn a_text_arrives() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/bot{TOKEN}/sendMessage")))
        .and(body_partial_json(json!({ "chat_id": -1001, "text": "NAV: $1" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "ok": true, "result": {} })))
        .expect(1)
        .mount(&server)
        .await;
    bot(&server).send(-1001, "NAV: $1").await.unwrap();
}

#[tokio::test]
async fn what_the_server_says_decides_what_happens_next() {
    let said = |code: u16, text: &str| json!({ "ok": false, "error_code": code, "description": text });
    let mut busy = said(429, "Too Many Requests: retry after 17");
    busy["parameters"] = json!({ "retry_after": 17 });
    let stories = [
        (429, busy, "later after 17s"),
        (400, said(400, "Bad Request: chat not found"), "never"),
        (403, said(403, "Forbidden: bot was blocked by the user"), "never"),
        (401, said(401, &format!("Unauthorized {TOKEN}")), "later after 300s"),
        (502, json!("<html>"), "later"),
    ];
    for (status, body, next) in stories {
        let server = answering(ResponseTemplate::new(status).set_body_json(body)).await;
        let refused = bot(&server).send(1, "x").await.unwrap_err();
        assert!(!refused.to_string().contains("CANARY"), "{refused}");
        let told = match refused {
            Undelivered::Never { .. } => "never".to_owned(),
            Undelivered::Later { after: Some(after), .. } => format!("later after {}s", after.as_secs()),
            Undelivered::Later { after: None, .. } => "later".to_owned(),
        };
        assert_eq!(told, next, "{status}");
    }
}

#[tokio::test]
async fn who_is_not_reached_is_asked_again_and_the_token_stays_hidden() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bot = Telegram::new(&format!("http://{closed}"), secret(TOKEN, Secret::bot_token)).unwrap();
    let lost = bot.updates(0, Duration::ZERO).await.unwrap_err();
    assert!(matches!(lost, Undelivered::Later { after: None, .. }), "{lost}");
    assert!(!format!("{lost} {lost:?}").contains("CANARY"));
}

#[test]
fn the_token_goes_nowhere_else() {
    for api in
        ["https://api.telegram.org.evil.example", "http://api.telegram.org", "https://10.0.0.1", "ftp://127.0.0.1"]
    {
        assert!(Telegram::new(api, secret(TOKEN, Secret::bot_token)).is_err(), "{api}");
    }
    for address in ["http://hooks.example.org/x", "nonsense"] {
        assert!(Webhook::new(&secret(address, Secret::address)).is_err(), "{address}");
    }
}

#[tokio::test]
async fn updates_are_asked_for_after_the_last_one() {
    let server = MockServer::start().await;
    let message = json!({ "from": { "id": 7 }, "chat": { "id": -5 }, "date": 1_700_000_000, "text": "/status" });
    let result =
        json!([{ "update_id": 42, "message": message }, { "update_id": 43, "edited_message": {} }, "nonsense"]);
    Mock::given(path(format!("/bot{TOKEN}/getUpdates")))
        .and(body_partial_json(json!({ "offset": 42, "timeout": 3 })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "ok": true, "result": result })))
        .mount(&server)
        .await;
    let said = Said { from: 7, chat: -5, at: 1_700_000_000, text: "/status".into() };
    let told = bot(&server).updates(41, Duration::from_secs(3)).await.unwrap();
    assert_eq!(told, [Update { id: 42, said: Some(said) }, Update { id: 43, said: None }]);
}

#[tokio::test]
async fn a_webhook_is_told_with_a_key() {
    let server = MockServer::start().await;
    Mock::given(path("/hook"))
        .and(header("Idempotency-Key", "daily:2026-03-02"))
        .and(body_partial_json(json!({ "key": "daily:2026-03-02", "text": "NAV" })))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let webhook = Webhook::new(&secret(&format!("{}/hook", server.uri()), Secret::address)).unwrap();
    webhook.send("daily:2026-03-02", "NAV").await.unwrap();
    let gone = webhook.send("other", "NAV").await.unwrap_err();
    assert!(matches!(gone, Undelivered::Never { .. }), "404: {gone}");
}

/// JSON that looks like updates, with anything in any place.
fn anything() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,40}".prop_map(Into::into),
    ];
    let names = prop_oneof![
        Just("result"),
        Just("update_id"),
        Just("message"),
        Just("from"),
        Just("chat"),
        Just("id"),
        Just("date"),
        Just("text")
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,400}") {
        let _ = updates(&text);
    }

    #[test]
    fn any_json_is_read_without_losing_a_number(rows in prop::collection::vec(anything(), 0..8)) {
        let told = updates(&json!({ "result": rows }).to_string()).unwrap();
        let numbered = rows.iter().filter(|row| row["update_id"].is_i64()).count();
        prop_assert_eq!(told.len(), numbered);
        prop_assert!(told.iter().filter_map(|update| update.said.as_ref()).all(|said| said.text.chars().count() <= 300));
    }
}
