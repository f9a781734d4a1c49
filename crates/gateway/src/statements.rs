//! Activity statements over HTTP, in the two steps of IB's Flex Web Service, version 3.
//!
//! In: a token and a query, then the reference code that was given for them. Out: a statement of closed days, or the
//! service's error. Invariant: a reference code stands for one span of dates; a day is in a statement only after its
//! books were closed, half an hour after its midnight UTC.

use crate::desk::Desk;
use crate::flex::{error, generated, reference};
use crate::session::lock;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::debug;

const PATH: &str = "/AccountManagement/FlexWebService";
/// After its midnight a day's books are closed within this.
const CLOSING: SignedDuration = SignedDuration::from_mins(30);
/// The longest span IB gives in one statement.
const SPAN_MAX_DAYS: i32 = 365;

/// Who may fetch statements, and how fast they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementAccess {
    /// The token that is accepted.
    pub token: String,
    /// The number of the query that exists.
    pub query: String,
    /// How many times a statement is still in progress when it is asked for.
    pub in_progress: u32,
}

impl Default for StatementAccess {
    fn default() -> StatementAccess {
        StatementAccess { token: "simulated".to_owned(), query: "1".to_owned(), in_progress: 1 }
    }
}

/// A statement that was ordered.
#[derive(Clone, Copy, Debug)]
struct Ordered {
    span: (Date, Date),
    in_progress: u32,
}

#[derive(Debug)]
struct Service {
    desk: Arc<Mutex<Desk>>,
    access: StatementAccess,
    address: SocketAddr,
    /// By reference code, counted up.
    ordered: Mutex<BTreeMap<u64, Ordered>>,
}

/// The service's numbers and words for what it does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declined {
    NotAvailable,
    InvalidQuery,
    InvalidToken,
    InvalidReference,
    InProgress,
    InvalidRequest,
}

impl Declined {
    /// Code, words and whether asking again can help.
    pub(crate) fn parts(self) -> (u32, &'static str, &'static str) {
        match self {
            Declined::NotAvailable => (1003, "Statement is not available.", "Fail"),
            Declined::InvalidQuery => (1014, "Query is invalid.", "Fail"),
            Declined::InvalidToken => (1015, "Token is invalid.", "Fail"),
            Declined::InvalidReference => (1017, "Reference code is invalid.", "Fail"),
            Declined::InProgress => (1019, "Statement generation in progress. Please try again shortly.", "Warn"),
            Declined::InvalidRequest => (1020, "Invalid request or unable to validate request.", "Fail"),
        }
    }
}

/// What a request says; everything is checked here, so everything is optional.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    t: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    v: String,
    fd: Option<String>,
    td: Option<String>,
}

pub(crate) fn router(desk: Arc<Mutex<Desk>>, access: StatementAccess, address: SocketAddr) -> Router {
    let service = Arc::new(Service { desk, access, address, ordered: Mutex::new(BTreeMap::new()) });
    Router::new()
        .route(&format!("{PATH}/SendRequest"), get(send_request))
        .route(&format!("{PATH}/GetStatement"), get(get_statement))
        .with_state(service)
}

/// Serves until the gateway ends.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut until: watch::Receiver<()>) {
    let ended = async move {
        let _ = until.changed().await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
        debug!(%error, "statements are no longer served");
    }
}

async fn send_request(State(service): State<Arc<Service>>, Query(asked): Query<Asked>) -> impl IntoResponse {
    xml(&service, service.order(&asked))
}

async fn get_statement(State(service): State<Arc<Service>>, Query(asked): Query<Asked>) -> impl IntoResponse {
    xml(&service, service.deliver(&asked))
}

/// IB answers 200 whatever it has to say.
fn xml(service: &Service, answer: Result<String, Declined>) -> impl IntoResponse + use<> {
    let body = answer.unwrap_or_else(|declined| error(declined, lock(&service.desk).now()));
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], body)
}

impl Service {
    fn admit(&self, asked: &Asked) -> Result<(), Declined> {
        match () {
            () if asked.v != "3" => Err(Declined::InvalidRequest),
            () if asked.t != self.access.token => Err(Declined::InvalidToken),
            () => Ok(()),
        }
    }

    /// First step: a reference code for a span of dates, the last closed day when none are given.
    fn order(&self, asked: &Asked) -> Result<String, Declined> {
        self.admit(asked)?;
        if asked.q != self.access.query {
            return Err(Declined::InvalidQuery);
        }
        let now = lock(&self.desk).now();
        let closed = TimeZone::UTC.to_datetime(now - CLOSING).date().saturating_sub(1.day());
        let read = |text: &Option<String>| text.as_deref().map(read_date).transpose();
        let to = read(&asked.td)?.unwrap_or(closed).min(closed);
        let from = read(&asked.fd)?.unwrap_or(to);
        if from > to {
            return Err(Declined::NotAvailable);
        }
        if to.duration_since(from) > SignedDuration::from_hours(24 * i64::from(SPAN_MAX_DAYS)) {
            return Err(Declined::InvalidRequest);
        }
        let mut ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let code = 1_000_000_001 + ordered.len() as u64;
        ordered.insert(code, Ordered { span: (from, to), in_progress: self.access.in_progress });
        Ok(reference(code, &format!("http://{}{PATH}/GetStatement", self.address), now))
    }

    /// Second step: the statement, after it was in progress for a while.
    fn deliver(&self, asked: &Asked) -> Result<String, Declined> {
        self.admit(asked)?;
        let mut ordered = self.ordered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = asked.q.parse().ok().and_then(|code: u64| ordered.get_mut(&code));
        let wanted = found.ok_or(Declined::InvalidReference)?;
        if wanted.in_progress > 0 {
            wanted.in_progress -= 1;
            return Err(Declined::InProgress);
        }
        Ok(generated(&lock(&self.desk), wanted.span))
    }
}

fn read_date(text: &str) -> Result<Date, Declined> {
    Date::strptime("%Y%m%d", text).map_err(|_| Declined::InvalidRequest)
}
