//! `metrics`: the account in numbers.
//!
//! In: a state folder. Out: Prometheus' text, printed once or served until Ctrl-C. Invariant: takes no lease and no lock,
//! and asks no broker.

use super::dashboard::until_told;
use super::records::Records;
use super::show;
use crate::cli::{Global, MetricsArgs};
use crate::dashboard::{JournalDesk, open_metrics};
use crate::failure::Failure;
use crate::settings;
use std::net::SocketAddr;

pub async fn metrics(global: &Global, args: &MetricsArgs) -> Result<(), Failure> {
    if !args.serve {
        // Without a journal there is nothing to print; what is served waits for one.
        Records::open(global).await?;
        return show(JournalDesk::new(global.clone(), None).metrics().await?);
    }
    let configured = settings::load(global.config.as_deref())?.settings.monitoring.metrics;
    let listen = args.listen.or(configured).ok_or_else(|| {
        Failure::Usage("`monitoring.metrics` is null in the settings: name an address with --listen".into())
    })?;
    let address = serve(global, listen).await?;
    show(format!("metrics: http://{address}/metrics (Ctrl-C ends it)\n"))?;
    until_told().await
}

/// Serves the metrics of a state folder beside whatever else this process does.
pub(super) async fn serve(global: &Global, listen: SocketAddr) -> Result<SocketAddr, Failure> {
    open_metrics(JournalDesk::new(global.clone(), None), listen).await
}
