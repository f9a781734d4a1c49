//! The metrics of a desk: what its pages show, in numbers.
//!
//! In: the journal of a state folder, the wall clock. Out: Prometheus' text, printed or served. Invariant: printed and
//! served metrics are one function of one reading; a record is counted once.

use super::JournalDesk;
use crate::commands::records::Records;
use crate::failure::Failure;
use crate::schedule;
use console::dashboard::Unanswered;
use console::metrics::{Activity, Facts, Heard, KINDS, Outbox, exposition, serve};
use jiff::Timestamp;
use journal::Standing;
use std::net::SocketAddr;
use tokio::net::TcpListener;

impl JournalDesk {
    /// The metrics now.
    ///
    /// # Errors
    /// The configuration or the journal cannot be read.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let view = self.read().await?;
        let (activity, outbox) = match self.records().await {
            Some(records) => (self.counted(&records).await?, Some(outbox(&records).await?)),
            None => (Activity::default(), None),
        };
        let now = Timestamp::now();
        let schedule = schedule::around(&self.global, now)?;
        Ok(exposition(&Facts { now, view: &view, activity: &activity, outbox, schedule }))
    }

    /// Counts what was recorded since the last time.
    async fn counted(&self, records: &Records) -> Result<Activity, Failure> {
        let mut known = self.known.lock().await;
        loop {
            let events = records.journal.events_after(&records.account, known.activity.head, &KINDS).await?;
            if events.is_empty() {
                return Ok(known.activity.clone());
            }
            for event in &events {
                let heard = Heard {
                    seq: event.seq,
                    date: &event.trade_date,
                    at_us: event.at_us,
                    kind: &event.kind,
                    order_ref: event.order_ref.as_deref(),
                    body: &event.body,
                };
                known.activity.hear(heard).map_err(|error| {
                    Failure::Journal(format!("record {} ({}) cannot be read: {error}", event.seq, event.kind))
                })?;
            }
        }
    }
}

async fn outbox(records: &Records) -> Result<Outbox, Failure> {
    let Standing { waiting, delivered, given_up } = records.journal.outbox(&records.account).await?;
    let [waiting, delivered, given_up] = [waiting, delivered, given_up].map(i64::unsigned_abs);
    Ok(Outbox { waiting, delivered, given_up })
}

/// Serves the metrics beside whatever else this process does. Returns the address it got.
///
/// # Errors
/// [`Failure::Usage`] when the address is taken.
pub async fn open_metrics(desk: JournalDesk, listen: SocketAddr) -> Result<SocketAddr, Failure> {
    let taken = |error| {
        Failure::Usage(format!(
            "the metrics cannot be served on {listen}: {error}; change `monitoring.metrics` in settings.yaml, or name \
             another address with --metrics"
        ))
    };
    let listener = TcpListener::bind(listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    tokio::spawn(async move {
        let metrics = move || {
            let desk = desk.clone();
            async move { desk.aside(async |desk: JournalDesk| desk.metrics().await).await }
        };
        if let Err(error) = serve(listener, metrics).await {
            tracing::error!(%error, "the metrics ended");
        }
    });
    Ok(address)
}

/// A sentence for who asked.
impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Unanswered {
        Unanswered(failure.to_string())
    }
}
