//! A webhook: the same messages for a program.
//!
//! In: an address from a file, messages with a key. Out: whether they arrived. Invariant: the address, which may carry a
//! secret, stands in no error and no log; it is asked over TLS or on this machine.

use crate::http::{self, Answer, Trouble};
use crate::secret::Secret;
use crate::telegram::Undelivered;
use reqwest::{Client, Url};
use serde_json::json;
use std::time::Duration;

/// Longest answer that is read, in bytes; nothing in it is used.
const BODY_MAX: usize = 64 << 10;

/// Who is told over HTTP.
pub struct Webhook {
    http: Client,
    url: Url,
}

impl Webhook {
    /// Checks the address; nothing is asked yet.
    ///
    /// # Errors
    /// A sentence for an address that is none, or that others on the way could read.
    pub fn new(address: &Secret) -> Result<Webhook, String> {
        let url = Url::parse(address.expose()).map_err(|_| "the file does not hold an address".to_owned())?;
        if !http::is_private(&url) {
            return Err("the address must begin with https://, or be one of this machine".into());
        }
        Ok(Webhook { http: http::client(&url)?, url })
    }

    /// Posts `{"key", "text"}`; the key repeats when a message is sent again.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, key: &str, text: &str) -> Result<(), Undelivered> {
        let request = self.http.post(self.url.clone()).json(&json!({ "key": key, "text": text }));
        match http::ask(request.header("Idempotency-Key", key), BODY_MAX).await {
            Ok(Answer { status: 200..=299, .. }) => Ok(()),
            Ok(Answer { status, retry_after, .. }) => {
                let why = format!("the webhook answered {status}");
                match status {
                    408 | 429 | 500.. => Err(Undelivered::Later { after: retry_after.map(Duration::from_secs), why }),
                    _ => Err(Undelivered::Never { why }),
                }
            }
            Err(Trouble::Unreachable(why) | Trouble::Unusable(why)) => Err(Undelivered::Later { after: None, why }),
        }
    }
}
