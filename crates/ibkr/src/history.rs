//! Questions for bars, as slowly as the broker wants them.
//!
//! In: a contract, how many sessions, before which day. Out: daily bars. Invariant: a question is asked one at a time, the
//! same one never twice within fifteen seconds, and of one contract at most five within two seconds (Interactive Brokers,
//! "Historical Data Limitations"; its sixty questions in ten minutes are for bars under a minute, which nothing here asks
//! for); a gateway in virtual time is never waited for.

use crate::contracts::unusable;
use crate::trouble::trouble;
use crate::{IbkrBroker, codes, convert, quotes};
use domain::{ContractId, InstrumentKind};
use ibapi::market_data::TradingHours;
use ibapi::market_data::historical::{BarSize, WhatToShow};
use jiff::civil::Date;
use market::Bar;
use ports::BrokerError;
use std::collections::VecDeque;
use tokio::time::{Duration, Instant, sleep, timeout};

/// How often bars are asked for when the broker says that it was too fast, or only that it is busy.
const TRIES: u32 = 3;
/// Within it the same question is asked once.
const SAME_QUESTION: Duration = Duration::from_secs(15);
/// Within it a contract is asked about at most so often.
const SAME_CONTRACT: Duration = Duration::from_secs(2);
const SAME_CONTRACT_MAX: usize = 5;

/// What is asked: bars of a contract, how many, before which day.
type Question = (ContractId, u32, Date);

/// The questions of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct HistoryPacer {
    asked: VecDeque<(Instant, Question)>,
}

impl HistoryPacer {
    /// When a question may be asked, seen from `now`.
    fn due(&self, question: Question, now: Instant) -> Instant {
        let same = self.asked.iter().rev().find(|(_, asked)| *asked == question);
        let of_contract = self.asked.iter().rev().filter(|(_, asked)| asked.0 == question.0);
        let crowded = of_contract.map(|(at, _)| *at).nth(SAME_CONTRACT_MAX - 1);
        let waits = [same.map(|(at, _)| *at + SAME_QUESTION), crowded.map(|at| at + SAME_CONTRACT)];
        waits.into_iter().flatten().fold(now, Instant::max)
    }

    fn note(&mut self, question: Question, now: Instant) {
        while self.asked.front().is_some_and(|(at, _)| *at + SAME_QUESTION <= now) {
            self.asked.pop_front();
        }
        self.asked.push_back((now, question));
    }
}

impl IbkrBroker {
    pub(crate) async fn history(
        &mut self,
        contract: ContractId,
        sessions: u32,
        before: Date,
    ) -> Result<Vec<Bar>, BrokerError> {
        let known = self.contracts.usable(&self.universe, contract)?.clone();
        let shown = match self.universe.instrument_of(contract).kind {
            InstrumentKind::Cash => WhatToShow::MidPoint,
            _ => WhatToShow::Trades,
        };
        let mut asked = 0;
        let history = loop {
            asked += 1;
            self.await_turn((contract, sessions, before)).await;
            let fetch = self.session.client.historical_data(&known, BarSize::Day).what_to_show(shown);
            let fetch = fetch.trading_hours(TradingHours::Regular).ending(convert::utc_midnight(before));
            let fetch = fetch.duration(quotes::span(sessions)).fetch();
            let answer = timeout(self.config.request_timeout, fetch).await;
            // The broker counts from when a question reaches it, which was at the latest now.
            self.history_pacer.note((contract, sessions, before), Instant::now());
            match answer {
                Ok(Err(ibapi::Error::Notice(notice))) if codes::is_no_history(notice.code, &notice.message) => {
                    return Ok(Vec::new());
                }
                Ok(Err(ibapi::Error::Notice(notice)))
                    if asked < TRIES && codes::asks_again(notice.code, &notice.message) =>
                {
                    let name = &self.universe.contract(contract).name;
                    tracing::warn!(name, code = notice.code, text = %notice.message, "bars are asked for again");
                }
                Ok(history) => break history.map_err(|e| trouble(&self.universe.contract(contract).name, e))?,
                Err(_) => {
                    let late = "daily bars: the answer did not arrive in time";
                    return Err(unusable(&self.universe, contract, late));
                }
            }
        };
        quotes::daily_bars(&self.universe, contract, &history.bars, sessions, before)
    }

    async fn await_turn(&mut self, question: Question) {
        if !self.config.virtual_time {
            let now = Instant::now();
            sleep(self.history_pacer.due(question, now) - now).await;
        }
        self.pacer.pass().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn questions_keep_the_distances_the_broker_asks_for() {
        let (start, day) = (Instant::now(), date(2026, 3, 2));
        let mut pacer = HistoryPacer::default();
        let mut ask = |contract: u32, sessions: u32, at: Duration| {
            let question = (ContractId(contract), sessions, day);
            let due = pacer.due(question, start + at);
            pacer.note(question, due);
            (due - start).as_secs()
        };
        let second = Duration::from_secs;
        assert_eq!(ask(1, 400, second(0)), 0);
        assert_eq!(ask(1, 400, second(4)), 15, "the same question within fifteen seconds waits for them");
        assert_eq!([1, 2, 3, 4].map(|sessions| ask(2, sessions, second(20))), [20; 4]);
        assert_eq!(ask(2, 5, second(20)), 20);
        assert_eq!(ask(2, 6, second(20)), 22, "a sixth about one contract within two seconds waits");
        assert_eq!(ask(3, 1, second(20)), 20, "another contract does not");
    }
}
