//! Client of Yahoo's chart endpoint: daily bars, dividends and splits of one symbol, or its last price.
//!
//! In: a symbol and dates. Out: a chart with its currency, unit, zone and time, or a price with them. Invariant: only hosts on the list are
//! asked, one question at a time with a pause between; prices are in the major unit the answer declares, never in one
//! guessed from their size; a day without a price is missing.

mod chart;
mod parse;

pub use chart::{Chart, ChartBar, Dividend, LastPrice, QuotedIn, Split};

use crate::http::{self, Answer, Trouble};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::{Client, Url};
use std::time::Duration;

/// Hosts that serve charts.
const HOSTS: [&str; 2] = ["query1.finance.yahoo.com", "query2.finance.yahoo.com"];
/// Longest chart that is read, in bytes; sixty years of days are a tenth of it.
const BODY_MAX: usize = 16 << 20;
/// Questions for one chart while the server asks for patience.
const ATTEMPTS_MAX: u32 = 5;
/// Longest pause that is granted.
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// Where charts come from, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartsConfig {
    /// The host; one of Yahoo's two, or an address of this machine.
    pub host: String,
    /// Pause before every question but the first, and the first pause after a refusal for haste.
    pub pause: Duration,
}

/// Why there is no chart, by what happens next.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// Not reached, or too hasty: try again later.
    #[error("no chart of {symbol}: {problem}; what was pulled is kept, so pull again later")]
    Unavailable {
        /// The symbol.
        symbol: String,
        /// What happened.
        problem: String,
    },
    /// The host, the symbol or the request is wrong: a person has to act.
    #[error("no chart of {symbol}: {problem}")]
    Refused {
        /// The symbol.
        symbol: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// It came and cannot be trusted.
    #[error("the chart of {symbol} is unusable: {problem}")]
    Unusable {
        /// The symbol.
        symbol: String,
        /// What is wrong.
        problem: String,
    },
}

/// Charts over HTTPS, one after the other.
#[derive(Debug)]
pub struct Charts {
    http: Client,
    base: Url,
    pause: Duration,
    asked_before: bool,
}

impl Charts {
    /// Checks the host; nothing is asked yet.
    ///
    /// # Errors
    /// [`ChartError::Refused`] for a host that is not on the list.
    pub fn new(config: &ChartsConfig) -> Result<Charts, ChartError> {
        let refused = |problem: String| ChartError::Refused { symbol: "anything".to_owned(), problem };
        let scheme = if HOSTS.contains(&config.host.as_str()) { "https" } else { "http" };
        let base = Url::parse(&format!("{scheme}://{}/v8/finance/chart/", config.host))
            .map_err(|error| refused(format!("`{}` is no host: {error}", config.host)))?;
        if scheme == "http" && !http::is_local(&base) {
            let known = HOSTS.join(" or ");
            return Err(refused(format!("`{}` is no host of charts; set `data.yahoo.host` to {known}", config.host)));
        }
        let http = http::client(&base).map_err(refused)?;
        Ok(Charts { http, base, pause: config.pause, asked_before: false })
    }

    /// Daily bars dated `from` to `to`, both included, in the exchange's zone. A session that has not closed must not be
    /// asked for: its bar would be the last price so far.
    ///
    /// # Errors
    /// [`ChartError`].
    pub async fn daily(&mut self, symbol: &str, from: Date, to: Date) -> Result<Chart, ChartError> {
        let wrong = |error: jiff::Error| ChartError::Refused { symbol: symbol.to_owned(), problem: error.to_string() };
        // A day on either side, because the exchange's zone is in the answer; dates are compared when it is known.
        let second = |date: Date| date.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp().as_second());
        let first = from.checked_sub(1.day()).and_then(second).map_err(wrong)?;
        let last = to.checked_add(2.days()).and_then(second).map_err(wrong)?;
        let query = [
            ("period1", first.to_string()),
            ("period2", last.to_string()),
            ("interval", "1d".to_owned()),
            ("events", "div,split".to_owned()),
        ];
        let answer = self.patiently(symbol, &query).await?;
        Charts::read(symbol, &answer, |body| parse::chart(symbol, from, to, body))
    }

    /// The last price of a symbol, with the time at which it was one.
    ///
    /// # Errors
    /// [`ChartError`].
    pub async fn last(&mut self, symbol: &str) -> Result<LastPrice, ChartError> {
        let query = [("range", "1d".to_owned()), ("interval", "1d".to_owned())];
        let answer = self.patiently(symbol, &query).await?;
        Charts::read(symbol, &answer, |body| parse::last(symbol, body))
    }

    /// Asks, and asks again while the server wants patience.
    async fn patiently(&mut self, symbol: &str, query: &[(&str, String)]) -> Result<Answer, ChartError> {
        let mut pause = self.pause;
        for attempt in 1.. {
            if self.asked_before {
                tokio::time::sleep(pause).await;
            }
            self.asked_before = true;
            let answer = self.ask(symbol, query).await?;
            let hasty = answer.status == 429 || answer.status >= 500;
            if !hasty || attempt == ATTEMPTS_MAX {
                return Ok(answer);
            }
            let asked_for = answer.retry_after.map_or(Duration::ZERO, Duration::from_secs);
            if asked_for > PAUSE_MAX {
                let problem = format!("the server asks for {} seconds of patience", asked_for.as_secs());
                return Err(ChartError::Unavailable { symbol: symbol.to_owned(), problem });
            }
            pause = (pause * 2).max(asked_for).min(PAUSE_MAX);
            tracing::debug!(symbol, status = answer.status, pause_ms = pause.as_millis() as u64, "asking again");
        }
        unreachable!("the last attempt returns")
    }

    async fn ask(&self, symbol: &str, query: &[(&str, String)]) -> Result<Answer, ChartError> {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an https address has a path").pop_if_empty().push(symbol);
        http::ask(self.http.get(url).query(query), BODY_MAX).await.map_err(|trouble| match trouble {
            Trouble::Unreachable(problem) => ChartError::Unavailable { symbol: symbol.to_owned(), problem },
            Trouble::Unusable(problem) => ChartError::Unusable { symbol: symbol.to_owned(), problem },
        })
    }

    fn read<T>(symbol: &str, answer: &Answer, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, ChartError> {
        let symbol = symbol.to_owned();
        match answer.status {
            200 => parse(&answer.body).map_err(|problem| ChartError::Unusable { symbol, problem }),
            400 | 404 | 422 => {
                let words = parse::refusal(&answer.body).unwrap_or_else(|| format!("status {}", answer.status));
                let problem = format!("{words}; correct `yahoo_symbol` in instruments.yaml, or the dates");
                Err(ChartError::Refused { symbol, problem })
            }
            status @ (401 | 403) => {
                let problem = format!("the server refuses this machine with status {status}; do not ask again today");
                Err(ChartError::Refused { symbol, problem })
            }
            status => {
                Err(ChartError::Unavailable { symbol, problem: format!("the server answered with status {status}") })
            }
        }
    }
}
