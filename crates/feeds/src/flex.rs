//! Client of Interactive Brokers' Flex Web Service, version 3: one activity statement per call.
//!
//! In: a token from a file, the id of an Activity Flex Query, dates. Out: statement lines. Invariant: what cannot be
//! read whole is an error, never fewer lines; the only waiting is for a statement being written, in growing pauses
//! whose sum is bounded; no clock is read and the token appears in no error and no log.

mod actions;
mod cash;
mod codes;
mod row;
mod statement;
mod xml;

use crate::http::{self, Trouble};
use crate::secret::Secret;
use codes::Next;
use jiff::civil::Date;
use ports::{StatementError, StatementLine, Statements};
use reqwest::{Client, Url};
use std::time::Duration;
use xml::Element;

/// Longest statement that is read, in bytes; a busy year is a tenth of it.
const BODY_MAX: usize = 32 << 20;
/// Longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Longest span the service takes, in days.
const SPAN_MAX: i64 = 365;

/// Where statements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlexConfig {
    /// Address of the service, without the method: `https://…/AccountManagement/FlexWebService`.
    pub url: String,
    /// Id of the Activity Flex Query.
    pub query_id: String,
    /// The account the statement must be of.
    pub account: String,
    /// How long the pauses may be in sum while the statement is being written.
    pub ready_timeout: Duration,
    /// The first pause; each further one is half as long again.
    pub first_pause: Duration,
}

/// Activity statements of one account over HTTPS.
pub struct FlexStatements {
    http: Client,
    base: Url,
    config: FlexConfig,
    token: Secret,
}

impl FlexStatements {
    /// Checks the address; nothing is asked yet.
    ///
    /// # Errors
    /// [`StatementError::Refused`] when the address is none, or would carry the token in clear text to another machine.
    pub fn new(config: FlexConfig, token: Secret) -> Result<FlexStatements, StatementError> {
        let refused = |why: String| StatementError::Refused(format!("{why}; correct `broker.statements.url`"));
        let mut base = Url::parse(&config.url).map_err(|error| refused(format!("the address is none: {error}")))?;
        if !http::is_private(&base) {
            return Err(refused("the address is neither https nor on this machine".to_owned()));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = http::client(&base).map_err(StatementError::Unavailable)?;
        Ok(FlexStatements { http, base, config, token })
    }

    async fn statement(&self, from: Date, to: Date) -> Result<Vec<StatementLine>, StatementError> {
        let reference = self.order(from, to).await?;
        let document = self.fetch(&reference).await?;
        statement::read(&document, &self.config.account, from, to)
    }

    /// Somebody else's words are in these sentences, and could be ours given back.
    fn without_token(&self, error: StatementError) -> StatementError {
        match error {
            StatementError::Unavailable(told) => StatementError::Unavailable(self.token.redact(&told)),
            StatementError::Refused(told) => StatementError::Refused(self.token.redact(&told)),
            StatementError::Unusable(told) => StatementError::Unusable(self.token.redact(&told)),
        }
    }

    /// Orders the statement; gives its reference.
    async fn order(&self, from: Date, to: Date) -> Result<String, StatementError> {
        let day = |date: Date| date.strftime("%Y%m%d").to_string();
        let span = [("fd", day(from)), ("td", day(to))];
        match self.ask("SendRequest", &self.config.query_id, &span).await? {
            Reply::Reference(reference) => Ok(reference),
            Reply::Statement(_) => Err(unusable("a statement came before it was asked for")),
            Reply::Failed(next, told) => Err(codes::error(next, told)),
        }
    }

    /// Asks for an ordered statement until it is there.
    async fn fetch(&self, reference: &str) -> Result<Element, StatementError> {
        let (mut pause, mut waited) = (self.config.first_pause, Duration::ZERO);
        loop {
            let told = match self.ask("GetStatement", reference, &[]).await? {
                Reply::Statement(document) => return Ok(document),
                Reply::Reference(_) => return Err(unusable("a reference came instead of the statement")),
                Reply::Failed(Next::Wait, told) => told,
                Reply::Failed(next, told) => return Err(codes::error(next, told)),
            };
            if waited + pause > self.config.ready_timeout {
                let after = format!("{told}, and was not ready after {} seconds", waited.as_secs());
                return Err(StatementError::Unavailable(after));
            }
            tracing::debug!(waited_s = waited.as_secs(), "the activity statement is being generated");
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause + pause / 2).min(PAUSE_MAX);
        }
    }

    async fn ask(&self, method: &str, id: &str, more: &[(&str, String)]) -> Result<Reply, StatementError> {
        let url = self.base.join(method).map_err(|error| unusable(&error.to_string()))?;
        let request = self.http.get(url).query(&[("t", self.token.expose()), ("q", id), ("v", "3")]).query(more);
        let answer = http::ask(request, BODY_MAX).await.map_err(|trouble| match trouble {
            Trouble::Unreachable(why) => StatementError::Unavailable(why),
            Trouble::Unusable(why) => unusable(&why),
        })?;
        match answer.status {
            200 => self.reply(&answer.body),
            status @ (401 | 403 | 404) => Err(StatementError::Refused(format!(
                "the service answered with status {status}; compare `broker.statements.url` with the Client Portal"
            ))),
            status => Err(StatementError::Unavailable(format!("the service answered with status {status}"))),
        }
    }

    fn reply(&self, body: &str) -> Result<Reply, StatementError> {
        let document = xml::parse(body).map_err(|problem| unusable(&problem))?;
        if document.name != "FlexStatementResponse" {
            return Ok(Reply::Statement(document));
        }
        if document.text_of("Status") == Some("Success") {
            let reference = document.text_of("ReferenceCode").ok_or_else(|| unusable("no reference in the answer"))?;
            return Ok(Reply::Reference(reference.to_owned()));
        }
        let code = document.text_of("ErrorCode").and_then(|code| code.parse().ok());
        let words: String = document.text_of("ErrorMessage").unwrap_or("no message").chars().take(200).collect();
        let (next, told) = codes::next(code, &words);
        Ok(Reply::Failed(next, told))
    }
}

/// What the service can answer.
enum Reply {
    Reference(String),
    Statement(Element),
    Failed(Next, String),
}

impl Statements for FlexStatements {
    async fn activity(&mut self, from: Date, to: Date) -> Result<Vec<StatementLine>, StatementError> {
        assert!(from <= to, "a span of dates ends where it begins, or later");
        let days = to.duration_since(from).as_hours() / 24 + 1;
        if days > SPAN_MAX {
            let told = format!("{days} days were asked for and the service gives {SPAN_MAX} at once; ask for less");
            return Err(StatementError::Refused(told));
        }
        self.statement(from, to).await.map_err(|error| self.without_token(error))
    }
}

fn unusable(problem: &str) -> StatementError {
    StatementError::Unusable(problem.to_owned())
}
