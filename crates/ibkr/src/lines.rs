//! Market data lines that are held only as long as a question lasts.
//!
//! In: contracts, each with who listens to its ticks. Out: the listeners. Invariant: no line outlives the question, and one
//! that the broker refuses is not waited for.

use crate::IbkrBroker;
use crate::trouble::trouble;
use futures::{FutureExt, StreamExt};
use ibapi::contracts::Contract;
use ibapi::market_data::realtime::TickTypes;
use ibapi::subscriptions::{Subscription, SubscriptionItem};
use ports::code::{Severity, severity};
use ports::{Broker, BrokerError};
use tokio::time::{Duration, Instant, sleep, timeout};

/// Market data lines used at once; a login has about a hundred.
const LINES: usize = 50;
/// How long the broker's model and the slower ticks of a line are waited for.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(50);

/// Who waits for what a contract's ticks say.
pub(crate) trait Listener {
    /// Takes a tick in.
    fn hear(&mut self, tick: &TickTypes);
    /// Nothing more is waited for.
    fn knows_enough(&self) -> bool;
}

struct Line<L> {
    ticks: Subscription<TickTypes>,
    listener: L,
    /// The broker will send nothing more on it.
    ended: bool,
}

impl IbkrBroker {
    /// Holds a line for each until it has said what is wanted, or for as long as it is worth waiting.
    pub(crate) async fn listen<L: Listener>(
        &mut self,
        questions: Vec<(Contract, L)>,
        generic: &[&str],
    ) -> Result<Vec<L>, BrokerError> {
        let mut told = Vec::with_capacity(questions.len());
        let mut questions = questions.into_iter();
        while questions.len() > 0 {
            let mut lines = Vec::with_capacity(questions.len().min(LINES));
            for (contract, listener) in questions.by_ref().take(LINES) {
                self.pacer.pass().await;
                let ticks = self.session.client.market_data(&contract).generic_ticks(generic).subscribe().await;
                let ticks = ticks.map_err(|e| trouble(&contract.symbol.to_string(), e))?;
                lines.push(Line { ticks, listener, ended: false });
            }
            self.hear_out(&mut lines).await?;
            for line in lines {
                self.pacer.pass().await;
                let _ = timeout(self.config.request_timeout, line.ticks.cancel()).await;
                told.push(line.listener);
            }
        }
        Ok(told)
    }

    async fn hear_out<L: Listener>(&mut self, lines: &mut [Line<L>]) -> Result<(), BrokerError> {
        let until = Instant::now() + PATIENCE;
        loop {
            self.fence().await?;
            lines.iter_mut().for_each(Line::drain);
            let over = lines.iter().all(|line| line.ended || line.listener.knows_enough());
            // Where time stands still, everything there is to say was said before the clock answered.
            if self.config.virtual_time || over || Instant::now() >= until {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }
}

impl<L: Listener> Line<L> {
    fn drain(&mut self) {
        while let Some(Some(item)) = tokio::task::unconstrained(self.ticks.next()).now_or_never() {
            match item {
                Ok(SubscriptionItem::Data(tick)) => self.listener.hear(&tick),
                Ok(SubscriptionItem::Notice(notice)) => {
                    tracing::debug!(code = notice.code, text = %notice.message, "notice on a line");
                    self.ended |= severity(notice.code) == Severity::Rejection;
                }
                Err(error) => {
                    tracing::warn!(%error, "a line ended");
                    self.ended = true;
                    return;
                }
            }
        }
    }
}
