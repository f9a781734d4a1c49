//! One way to ask: no redirect, a time cap, a size cap, and no address in an error.
//!
//! In: a prepared request. Out: status and body as text. Invariant: a body that is longer than the cap, or is cut off,
//! is an error and never a shorter text; what an address carries (a token) is never told.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use std::net::IpAddr;
use std::time::Duration;

/// How long one request may take, the body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Both services refuse a request that names no client.
const USER_AGENT: &str = concat!("AbstractFinance/", env!("CARGO_PKG_VERSION"));

/// Makes ring the cryptography of every TLS connection of this process. To be called once, before the first request; a
/// second call changes nothing.
pub fn install_tls_provider() {
    // The only error is that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client for one host: what it is told to ask, it asks there and nowhere else. Without TLS it needs no certificates, which
/// the smallest systems do not have.
pub(crate) fn client(host: &Url) -> Result<Client, String> {
    let builder = Client::builder();
    let builder = if host.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    builder
        .redirect(Policy::none())
        .timeout(REQUEST_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(USER_AGENT)
        .build()
        .map_err(|error| {
            let why = told(&error.without_url());
            format!("cannot prepare HTTPS ({why}); install the certificates of this system, on Debian ca-certificates")
        })
}

/// What a server said.
pub(crate) struct Answer {
    pub status: u16,
    /// Seconds the server asks to wait.
    pub retry_after: Option<u64>,
    pub body: String,
}

/// Why there is no answer.
pub(crate) enum Trouble {
    /// No connection, no answer in time, or a connection that broke.
    Unreachable(String),
    /// More bytes than the cap, or no text.
    Unusable(String),
}

/// Sends a request and reads at most `cap` bytes of the answer.
pub(crate) async fn ask(request: RequestBuilder, cap: usize) -> Result<Answer, Trouble> {
    let unreachable = |error: reqwest::Error| Trouble::Unreachable(told(&error.without_url()));
    let mut response = request.send().await.map_err(unreachable)?;
    let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > cap {
            return Err(Trouble::Unusable(format!("the answer is longer than {} MiB", cap >> 20)));
        }
        bytes.extend_from_slice(&chunk);
    }
    let body = String::from_utf8(bytes).map_err(|_| Trouble::Unusable("the answer is no UTF-8 text".to_owned()))?;
    Ok(Answer { status, retry_after, body })
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// The error with its causes, innermost last.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// Whether nobody on the way can read the request: https, or an address of this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_local(url))
}

/// Whether an address is on this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
