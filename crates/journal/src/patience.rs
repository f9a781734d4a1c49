//! How long anybody waits for the storage.
//! In: a call to it. Out: what it gave, or that it was silent.
//! Invariant: a storage that hangs ends the wait; whoever waits longer cannot know what was written, and must not send.

use std::time::Duration;

use tokio::time::timeout;

/// Longest wait for an answer; a server that works gives up a statement earlier by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// The storage neither answers nor refuses.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} seconds", PATIENCE.as_secs())]
pub(crate) struct Silent;

/// What a call gives, or the error that a silent storage is for the caller.
pub(crate) async fn answered<T, E>(
    call: impl Future<Output = Result<T, E>>,
    silent: impl FnOnce(Silent) -> E,
) -> Result<T, E> {
    timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(silent(Silent)))
}

/// The same for a call of the driver.
pub(crate) async fn driver_answered<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    answered(call, |silent| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, silent))).await
}
