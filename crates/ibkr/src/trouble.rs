//! What an error of `ibapi` means for what happens next.
//!
//! In: the library's error and what was asked. Out: the port's error. Invariant: only a broken session is
//! `Lost`; an answer without its end is never half believed.

use ibapi::Error;
use ports::BrokerError;

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
