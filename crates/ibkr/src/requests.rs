//! Questions that have an end, asked one after the other.
//!
//! In: a session. Out: every row of every answer of a snapshot. Invariant: rows without their end marker, or
//! with a gap, are an error; no two questions that share a channel are ever open at once.

use crate::convert;
use crate::pacing::Pacer;
use crate::trouble::trouble;
use futures::{Stream, StreamExt};
use ibapi::accounts::types::{AccountGroup, AccountId};
use ibapi::accounts::{
    AccountPortfolioValue, AccountSummary, AccountSummaryResult, AccountSummaryTags, AccountUpdate, AccountValue,
    Position, PositionUpdate,
};
use ibapi::orders::{ExecutionFilter, Executions, Orders};
use ibapi::subscriptions::SubscriptionItem;
use ibapi::{Client, Error, Notice};
use jiff::Timestamp;
use ports::BrokerError;
use rust_decimal::Decimal;
use tokio::time::{Duration, timeout};

/// How far back executions are asked for: the broker keeps a week, and a gap can span a long weekend.
const EXECUTION_DAYS: i32 = 7;

/// The rows of one snapshot, as the broker sent them.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) open: Vec<Orders>,
    pub(crate) completed: Vec<Orders>,
    pub(crate) executions: Vec<Executions>,
    pub(crate) positions: Vec<Position>,
    pub(crate) portfolio: Vec<AccountPortfolioValue>,
    pub(crate) values: Vec<AccountValue>,
    pub(crate) summary: Vec<AccountSummary>,
    /// The gateway's time after the last answer.
    pub(crate) at: Timestamp,
}

/// A session and how long one answer may take.
pub(crate) struct Questions<'a> {
    pub(crate) client: &'a Client,
    pub(crate) pacer: &'a mut Pacer,
    pub(crate) limit: Duration,
}

impl Questions<'_> {
    /// Asks everything a snapshot needs. Orders come first and money last, so that a fill in between shows as a
    /// position that disagrees, never as an order that was overlooked.
    pub(crate) async fn snapshot(&mut self, account: &str) -> Result<Answers, BrokerError> {
        Ok(Answers {
            open: self.open_orders().await?,
            completed: self.completed_orders().await?,
            executions: self.executions(account).await?,
            positions: self.positions().await?,
            ..self.account(account).await?
        })
    }

    async fn open_orders(&mut self) -> Result<Vec<Orders>, BrokerError> {
        self.pacer.pass().await;
        let what = "open orders";
        let mut rows = self.client.all_open_orders().await.map_err(|e| trouble(what, e))?;
        rows.collect_to_end_within(self.limit).await.map_err(|e| trouble(what, e))
    }

    async fn completed_orders(&mut self) -> Result<Vec<Orders>, BrokerError> {
        self.pacer.pass().await;
        let what = "completed orders";
        let mut rows = self.client.completed_orders(false).await.map_err(|e| trouble(what, e))?;
        rows.collect_to_end_within(self.limit).await.map_err(|e| trouble(what, e))
    }

    async fn executions(&mut self, account: &str) -> Result<Vec<Executions>, BrokerError> {
        self.pacer.pass().await;
        let what = "executions";
        let filter = ExecutionFilter {
            account_code: account.to_owned(),
            last_n_days: EXECUTION_DAYS,
            ..ExecutionFilter::default()
        };
        let mut rows = self.client.executions(filter).await.map_err(|e| trouble(what, e))?;
        rows.collect_to_end_within(self.limit).await.map_err(|e| trouble(what, e))
    }

    async fn positions(&mut self) -> Result<Vec<Position>, BrokerError> {
        self.pacer.pass().await;
        let what = "positions";
        let mut updates = self.client.positions().await.map_err(|e| trouble(what, e))?;
        let rows = until_end(what, self.limit, &mut updates, |row| matches!(row, PositionUpdate::PositionEnd)).await?;
        self.pacer.pass().await;
        updates.cancel().await;
        let position = |row| match row {
            PositionUpdate::Position(position) => Some(position),
            PositionUpdate::PositionEnd => None,
        };
        Ok(rows.into_iter().filter_map(position).collect())
    }

    /// Net liquidation and what of it lies above the maintenance margin, each when a number was told.
    pub(crate) async fn worth(&mut self, account: &str) -> Result<(Option<Decimal>, Option<Decimal>), BrokerError> {
        self.pacer.pass().await;
        let what = "account summary";
        let everyone = AccountGroup("All".to_owned());
        let tags = [AccountSummaryTags::NET_LIQUIDATION, AccountSummaryTags::EXCESS_LIQUIDITY];
        let mut updates = self.client.account_summary(&everyone, &tags).await.map_err(|e| trouble(what, e))?;
        let rows = until_end(what, self.limit, &mut updates, |row| matches!(row, AccountSummaryResult::End)).await?;
        self.pacer.pass().await;
        updates.cancel().await;
        let told = |tag: &str| {
            rows.iter().find_map(|row| match row {
                AccountSummaryResult::Summary(row) if row.account == account && row.tag == tag => {
                    convert::decimal_text(&row.value)
                }
                _ => None,
            })
        };
        Ok((told(AccountSummaryTags::NET_LIQUIDATION), told(AccountSummaryTags::EXCESS_LIQUIDITY)))
    }

    /// Marks, readiness, cash and net liquidation value.
    async fn account(&mut self, account: &str) -> Result<Answers, BrokerError> {
        let mut answers = Answers::default();

        self.pacer.pass().await;
        let what = "account updates";
        let account = AccountId(account.to_owned());
        let mut updates = self.client.account_updates(&account).await.map_err(|e| trouble(what, e))?;
        let rows = until_end(what, self.limit, &mut updates, |row| matches!(row, AccountUpdate::End)).await?;
        self.pacer.pass().await;
        updates.cancel().await;
        for row in rows {
            match row {
                AccountUpdate::PortfolioValue(value) => answers.portfolio.push(value),
                AccountUpdate::AccountValue(value) => answers.values.push(value),
                AccountUpdate::UpdateTime(_) | AccountUpdate::End => {}
            }
        }

        self.pacer.pass().await;
        let what = "account summary";
        let everyone = AccountGroup("All".to_owned());
        let tags = [
            AccountSummaryTags::NET_LIQUIDATION,
            AccountSummaryTags::GROSS_POSITION_VALUE,
            AccountSummaryTags::EXCESS_LIQUIDITY,
            AccountSummaryTags::LEDGER_ALL,
        ];
        let mut updates = self.client.account_summary(&everyone, &tags).await.map_err(|e| trouble(what, e))?;
        let rows = until_end(what, self.limit, &mut updates, |row| matches!(row, AccountSummaryResult::End)).await?;
        self.pacer.pass().await;
        updates.cancel().await;
        for row in rows {
            if let AccountSummaryResult::Summary(summary) = row {
                answers.summary.push(summary);
            }
        }

        self.pacer.pass().await;
        answers.at = server_time(self.client, self.limit).await?;
        Ok(answers)
    }
}

/// The gateway's clock, to the millisecond.
pub(crate) async fn server_time(client: &Client, limit: Duration) -> Result<Timestamp, BrokerError> {
    let what = "gateway time";
    let answer = timeout(limit, client.server_time_millis()).await;
    let time = answer.map_err(|_| BrokerError::Lost(format!("{what}: no answer within {limit:.1?}")))?;
    let time = time.map_err(|e| trouble(what, e))?;
    // The library reads a missing value as the first second of 1970.
    convert::timestamp(time)
        .filter(|time| time.as_second() > 0)
        .ok_or_else(|| BrokerError::Unusable(format!("{what}: the answer carries no time")))
}

/// Reads rows up to the marker that says the first dump is complete.
async fn until_end<T>(
    what: &str,
    limit: Duration,
    updates: &mut (impl Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin),
    is_end: impl Fn(&T) -> bool,
) -> Result<Vec<T>, BrokerError> {
    let read = async {
        let mut rows = Vec::new();
        loop {
            match updates.next().await.ok_or(Error::UnexpectedEndOfStream).flatten() {
                Ok(SubscriptionItem::Data(row)) if is_end(&row) => return Ok(rows),
                Ok(SubscriptionItem::Data(row)) => rows.push(row),
                Ok(SubscriptionItem::Notice(notice)) => passed_over(what, notice)?,
                Err(error) => return Err(trouble(what, error)),
            }
        }
    };
    timeout(limit, read).await.unwrap_or_else(|_| Err(trouble(what, Error::Timeout)))
}

/// A notice inside an answer: a gap makes the answer useless, anything else is logged.
fn passed_over(what: &str, notice: Notice) -> Result<(), BrokerError> {
    if notice.code == crate::codes::client::SUBSCRIPTION_LAG {
        return Err(trouble(what, Error::Notice(notice)));
    }
    tracing::warn!(what, code = notice.code, text = %notice.message, "notice inside an answer");
    Ok(())
}
