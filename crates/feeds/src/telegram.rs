//! Client of Telegram's Bot API: two methods, `sendMessage` and `getUpdates`.
//!
//! In: a token from a file, chats, texts. Out: whether a text arrived; what people wrote. Invariant: the token stands in the
//! address of every question and in no error and no log; whatever an update looks like, reading it never fails the rest.

use crate::http::{self, Answer, Trouble};
use crate::secret::Secret;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Value, json};
use std::time::Duration;

/// The only other host than this machine that is told anything.
pub const API: &str = "https://api.telegram.org";
/// Longest answer that is read, in bytes: a hundred updates are a tenth of it.
const BODY_MAX: usize = 4 << 20;
/// Updates of one question.
const UPDATES_MAX: u8 = 50;
/// Longest text of a person that is looked at.
const TEXT_MAX: usize = 300;
/// A token that is refused is mended by a person.
const AFTER_REFUSED_TOKEN: Duration = Duration::from_secs(300);

/// Why a text did not arrive, by what happens next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It is tried again, after a time that the server may name.
    #[error("{why}")]
    Later {
        /// The time it named.
        after: Option<Duration>,
        /// What happened.
        why: String,
    },
    /// It will never arrive: a chat that is none, a bot that was thrown out.
    #[error("{why}")]
    Never {
        /// What the server said.
        why: String,
    },
}

/// A text from a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who wrote it.
    pub from: i64,
    /// The chat it was written in.
    pub chat: i64,
    /// When, seconds since 1970 UTC.
    pub at: i64,
    /// The text, cut to what a command can be.
    pub text: String,
}

/// One update; it may be about something a bot of ours does not care for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its number; the next question starts after it.
    pub id: i64,
    /// What was written.
    pub said: Option<Said>,
}

/// Whether a bot's token may go to an address: Telegram's, or one of this machine.
pub fn is_its(api: &str) -> bool {
    api == API || Url::parse(api).is_ok_and(|url| url.scheme() == "http" && http::is_local(&url))
}

/// A bot.
pub struct Telegram {
    http: Client,
    base: Url,
    token: Secret,
}

impl Telegram {
    /// Checks the address; nothing is asked yet.
    ///
    /// # Errors
    /// A sentence for an address that is neither Telegram's nor one of this machine.
    pub fn new(api: &str, token: Secret) -> Result<Telegram, String> {
        let base = Url::parse(api).map_err(|error| format!("{api} is no address: {error}"))?;
        if !is_its(api) {
            return Err(format!("{api} is neither {API} nor an address of this machine; the token goes nowhere else"));
        }
        Ok(Telegram { http: http::client(&base)?, base, token })
    }

    /// Sends a text to a chat.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, chat: i64, text: &str) -> Result<(), Undelivered> {
        let body = json!({ "chat_id": chat, "text": text, "disable_web_page_preview": true });
        self.ask(self.method("sendMessage").json(&body)).await.map(drop)
    }

    /// What was written since an update, waiting for something for a while.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn updates(&self, after: i64, wait: Duration) -> Result<Vec<Update>, Undelivered> {
        let question = json!({
            "offset": after.saturating_add(1), "timeout": wait.as_secs(), "limit": UPDATES_MAX,
            "allowed_updates": ["message"],
        });
        let body = self.ask(self.method("getUpdates").json(&question)).await?;
        updates(&body).map_err(|why| Undelivered::Later { after: None, why })
    }

    fn method(&self, name: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("/bot{}/{name}", self.token.expose()));
        self.http.post(url)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<String, Undelivered> {
        match http::ask(request, BODY_MAX).await {
            Ok(Answer { status: 200, body, .. }) => Ok(body),
            Ok(answer) => Err(refused(&answer, &self.token)),
            Err(Trouble::Unreachable(why) | Trouble::Unusable(why)) => {
                Err(Undelivered::Later { after: None, why: self.token.redact(&why) })
            }
        }
    }
}

/// What an answer other than 200 means.
fn refused(answer: &Answer, token: &Secret) -> Undelivered {
    let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let description = said["description"].as_str().unwrap_or("without a reason");
    let why = token.redact(&format!("Telegram answered {}: {description}", answer.status));
    let asked = said["parameters"]["retry_after"].as_u64().or(answer.retry_after).map(Duration::from_secs);
    match answer.status {
        // The chat, the text or the bot's place in the chat: trying again changes nothing.
        400 | 403 => Undelivered::Never { why },
        401 | 404 => {
            Undelivered::Later { after: Some(AFTER_REFUSED_TOKEN), why: format!("{why}; look at the token file") }
        }
        _ => Undelivered::Later { after: asked, why },
    }
}

/// The updates in an answer. One that cannot be understood keeps its number, so that it is not sent again.
///
/// # Errors
/// A sentence when it is no answer at all.
pub fn updates(body: &str) -> Result<Vec<Update>, String> {
    let answer: Value = serde_json::from_str(body).map_err(|error| format!("the updates are no JSON: {error}"))?;
    let rows = answer["result"].as_array().ok_or("the answer has no updates")?;
    let update = |row: &Value| Some(Update { id: row["update_id"].as_i64()?, said: said(&row["message"]) });
    Ok(rows.iter().filter_map(update).collect())
}

fn said(message: &Value) -> Option<Said> {
    let text = message["text"].as_str()?;
    Some(Said {
        from: message["from"]["id"].as_i64()?,
        chat: message["chat"]["id"].as_i64()?,
        at: message["date"].as_i64()?,
        text: text.chars().take(TEXT_MAX).collect(),
    })
}
