//! The last resort: cancel everything the account works, whoever sent it.
//!
//! In: where the gateway is. Out: the gateway has been told. Invariant: needs neither the engine nor its journal, and
//! uses a client id of its own, so that it works while the engine hangs.

use crate::{IbkrConfig, connect, requests, trouble::trouble};
use ports::BrokerError;

/// Sends a global cancel and waits until the gateway has read it.
///
/// # Errors
/// [`BrokerError`] when the gateway cannot be reached or does not answer after it was told.
pub async fn cancel_everything(config: &IbkrConfig) -> Result<(), BrokerError> {
    let session = connect::open(config).await?;
    session.client.global_cancel().await.map_err(|error| trouble("global cancel", error))?;
    // Messages of a connection are read in order: an answer to a later question proves the cancel was read.
    requests::server_time(&session.client, config.request_timeout).await.map(drop)
}
