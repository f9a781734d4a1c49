//! Who may look, and who may speak.
//!
//! In: requests. Out: the same, or a refusal. Invariant: on loopback nobody logs in; off loopback nothing is shown to who
//! has not. Nothing is changed without this visitor's own token, from this address, in this window.

use super::model::Login;
use super::visitors::{Session, Visitors};
use argon2::password_hash::PasswordVerifier;
use argon2::{Argon2, PasswordHash};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A wrong password costs everybody who tries this much.
const WRONG_PASSWORD: Duration = Duration::from_secs(1);

/// What stands in the head of every answer. Scripts and styles come from this address alone, nothing is framed, and no
/// page is kept by a cache.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Paths that are served to everybody: they say nothing about the account.
fn is_public(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/login") || path.starts_with("/assets/")
}

/// What the guard knows.
#[derive(Clone, Debug)]
pub struct Access {
    password: Option<Arc<str>>,
    hosts: Arc<[String]>,
    tries: Arc<Mutex<()>>,
    visitors: Visitors,
    loopback: bool,
}

/// Why a dashboard may not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unguarded {
    /// It would be open to the network.
    #[error(
        "{0} can be reached from other hosts, and there is no password: write one with `abstractfinance dashboard \
         --new-password FILE`, and name that file with --password-file; or listen on 127.0.0.1"
    )]
    NoPassword(SocketAddr),
    /// The file holds something else.
    #[error("the password file holds no Argon2 hash: write it with `abstractfinance dashboard --new-password FILE`")]
    NoHash,
}

impl Access {
    /// Access at an address. `hash` is a password's Argon2 hash; `hosts` are the names besides loopback that a browser
    /// may call this by.
    ///
    /// # Errors
    /// [`Unguarded`].
    pub fn new(listen: SocketAddr, hash: Option<String>, hosts: &[String]) -> Result<Access, Unguarded> {
        let loopback = listen.ip().is_loopback();
        match &hash {
            None if !loopback => return Err(Unguarded::NoPassword(listen)),
            Some(hash) if PasswordHash::new(hash.trim()).is_err() => return Err(Unguarded::NoHash),
            _ => {}
        }
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Ok(Access {
            password: hash.map(|hash| hash.trim().into()),
            hosts: own.into_iter().chain(hosts.iter().map(|host| host.to_lowercase())).collect(),
            tries: Arc::default(),
            visitors: Visitors::default(),
            loopback,
        })
    }

    /// Whether one has to log in.
    pub(super) fn has_login(&self) -> bool {
        self.password.is_some()
    }

    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let host = text(headers, header::HOST).to_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host.as_str(),
        };
        self.hosts.iter().any(|known| known == name)
    }
}

/// Refuses foreign names, other origins and who is not logged in; knows the visitor; sets the heads.
pub(super) async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let session = access.visitors.of(text(request.headers(), header::COOKIE));
    let mut response = match admitted(&access, &session, &request) {
        Ok(()) => {
            request.extensions_mut().insert(session.clone());
            next.run(request).await
        }
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let cookie = HeaderValue::from_str(&session.cookie(!access.loopback)).expect("hexadecimal digits");
    headers.entry(header::SET_COOKIE).or_insert(cookie);
    response
}

fn admitted(access: &Access, session: &Session, request: &Request) -> Result<(), Refusal> {
    if !access.knows_host(request.headers()) {
        let why = "this host name is not one of the dashboard's; name it with --host if it is";
        return Err(Refusal::Said(StatusCode::MISDIRECTED_REQUEST, why));
    }
    let foreign = request.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if request.method() == Method::POST && foreign {
        return Err(Refusal::Said(StatusCode::FORBIDDEN, "this came from another page"));
    }
    if !access.has_login() || session.logged_in() || is_public(request.uri().path()) {
        return Ok(());
    }
    Err(match *request.method() {
        Method::GET => Refusal::LogIn,
        _ => Refusal::Said(StatusCode::UNAUTHORIZED, "log in first"),
    })
}

/// A header's text; empty when it is missing or no text.
fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Why a request goes no further.
#[derive(Debug)]
pub(super) enum Refusal {
    /// With a status and a sentence.
    Said(StatusCode, &'static str),
    /// Log in first.
    LogIn,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Said(status, why) => (status, why).into_response(),
            Refusal::LogIn => Redirect::to("/login").into_response(),
        }
    }
}

/// Whether a form carries the token of this visitor.
///
/// # Errors
/// The refusal to send.
pub(super) fn own_form(session: &Session, token: &str) -> Result<(), Refusal> {
    let why = "this form is not of this session; load the page again and repeat";
    session.owns(token).then_some(()).ok_or(Refusal::Said(StatusCode::FORBIDDEN, why))
}

/// What the form of the login posts.
#[derive(Deserialize)]
pub(super) struct Password {
    csrf: String,
    password: String,
}

pub(super) async fn login_page(Extension(session): Extension<Session>) -> Html<String> {
    login_document(&session, "")
}

fn login_document(session: &Session, trouble: &str) -> Html<String> {
    let csrf = session.csrf();
    Html(Login { csrf: &csrf, trouble }.render().expect("a template without conditions that fail"))
}

pub(super) async fn login(
    State(access): State<Access>,
    Extension(session): Extension<Session>,
    Form(given): Form<Password>,
) -> Result<Response, Refusal> {
    own_form(&session, &given.csrf)?;
    let Some(hash) = access.password.clone() else { return Ok(Redirect::to("/").into_response()) };
    // One try at a time: guessing is as slow as one guesser.
    let _one_at_a_time = access.tries.lock().await;
    let verified = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).expect("read when the dashboard was opened");
        Argon2::default().verify_password(given.password.as_bytes(), &hash).is_ok()
    });
    if !verified.await.unwrap_or(false) {
        tokio::time::sleep(WRONG_PASSWORD).await;
        return Ok((StatusCode::UNAUTHORIZED, login_document(&session, "That is not the password.")).into_response());
    }
    let cookie = session.log_in().cookie(!access.loopback);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// What the form of leaving posts.
#[derive(Deserialize)]
pub(super) struct Leaving {
    csrf: String,
}

pub(super) async fn logout(
    Extension(session): Extension<Session>,
    Form(given): Form<Leaving>,
) -> Result<Redirect, Refusal> {
    own_form(&session, &given.csrf)?;
    session.log_out();
    Ok(Redirect::to("/login"))
}
