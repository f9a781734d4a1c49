//! What an error of `ibapi` means for what happens next.
//!
//! In: the library's error and what was asked. Out: the port's error. Invariant: only a broken session is
//! `Lost`; an answer without its end is never half believed.

use domain::OrderRef;
use ibapi::Error;
use ports::BrokerError;
use tokio::time::{Duration, timeout};

/// What an error of the client library means for the session.
pub(crate) fn trouble(what: &str, error: Error) -> BrokerError {
    match error {
        Error::Io(_)
        | Error::ConnectionReset
        | Error::ConnectionFailed
        | Error::ConnectionRejected(_)
        | Error::InvalidFrame(_)
        | Error::Cancelled
        | Error::Shutdown => BrokerError::Lost(format!("{what}: {error}")),
        Error::ServerVersion(..) | Error::ClientIdInUse { .. } => BrokerError::Refused(format!("{what}: {error}")),
        Error::Timeout | Error::UnexpectedEndOfStream => {
            BrokerError::Unusable(format!("{what}: the answer has no end; a partial answer is no answer"))
        }
        Error::Notice(notice) => {
            BrokerError::Unusable(format!("{what}: the gateway answered code {}: {}", notice.code, notice.message))
        }
        other => BrokerError::Unusable(format!("{what}: {other}")),
    }
}

/// A write that fails or is given up has left at most part of a frame, which the gateway cannot act on.
pub(crate) async fn written_or_lost(
    order_ref: OrderRef,
    limit: Duration,
    write: impl Future<Output = Result<(), ibapi::Error>>,
) -> Result<(), BrokerError> {
    let not_sent = |reason: &dyn std::fmt::Display| BrokerError::Lost(format!("{order_ref}: not sent: {reason}"));
    match timeout(limit, write).await {
        Ok(outcome) => outcome.map_err(|error| not_sent(&error)),
        Err(_) => Err(not_sent(&format_args!("the gateway took no data for {limit:.1?}"))),
    }
}
