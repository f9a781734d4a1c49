//! How fast a client may be, as Interactive Brokers counts it.
//!
//! In: the instants of a client's messages and of its questions for bars, on the clock on the wall. Out: whether one is too
//! many. Invariant: only what was answered counts, so a client that waits is served; a gateway that is not asked to pace
//! refuses nothing for being fast.

use crate::wire::HistoricalDataRequest;
use domain::ContractId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Messages of one client within a second.
const MESSAGES_MAX: usize = 50;
const SECOND: Duration = Duration::from_secs(1);
/// Within it the same question for bars is asked once.
const SAME_QUESTION: Duration = Duration::from_secs(15);
/// Within it so many questions about one contract and one kind of price are one too many.
const SAME_CONTRACT: Duration = Duration::from_secs(2);
const SAME_CONTRACT_MAX: usize = 5;

/// What one client did in the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    messages: VecDeque<Instant>,
    questions: VecDeque<(Instant, ContractId, HistoricalDataRequest)>,
}

impl Pace {
    /// Whether one more message is too many. IB cuts the connection then.
    pub(crate) fn takes_message(&mut self, now: Instant) -> bool {
        while self.messages.front().is_some_and(|&at| at + SECOND <= now) {
            self.messages.pop_front();
        }
        self.messages.push_back(now);
        self.messages.len() <= MESSAGES_MAX
    }

    /// Whether a question for bars is answered. The sixty in ten minutes are of bars under a minute, which are not served.
    pub(crate) fn takes_question(
        &mut self,
        contract: ContractId,
        request: &HistoricalDataRequest,
        now: Instant,
    ) -> bool {
        while self.questions.front().is_some_and(|(at, ..)| *at + SAME_QUESTION <= now) {
            self.questions.pop_front();
        }
        let question = HistoricalDataRequest { req_id: None, ..request.clone() };
        let same = self.questions.iter().any(|(_, _, asked)| *asked == question);
        let of_contract = self.questions.iter().filter(|(at, known, asked)| {
            *at + SAME_CONTRACT > now && *known == contract && asked.what_to_show == question.what_to_show
        });
        let answered = !same && of_contract.count() < SAME_CONTRACT_MAX;
        if answered {
            self.questions.push_back((now, contract, question));
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(duration: &str) -> HistoricalDataRequest {
        HistoricalDataRequest { duration: Some(duration.to_owned()), ..HistoricalDataRequest::default() }
    }

    #[test]
    fn questions_that_are_too_close_are_refused_and_later_ones_are_not() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let mut asks = |contract: u32, duration: &str, after: f64| {
            let request = HistoricalDataRequest { req_id: Some((after * 10.0) as i32), ..question(duration) };
            pace.takes_question(ContractId(contract), &request, start + Duration::from_secs_f64(after))
        };
        assert!(asks(1, "1 D", 0.0));
        assert!(!asks(1, "1 D", 14.9), "the same within fifteen seconds, whatever its number");
        assert!(asks(1, "1 D", 15.0));
        assert!(["2 D", "3 D", "4 D", "5 D"].iter().all(|duration| asks(1, duration, 16.0)), "five within two seconds");
        assert!(!asks(1, "6 D", 16.9), "the sixth about one contract");
        assert!(asks(2, "7 D", 16.9), "another contract");
        assert!(asks(1, "6 D", 18.0));
    }

    #[test]
    fn fifty_messages_a_second_are_taken_and_no_more() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        assert!((0..50).all(|n| pace.takes_message(start + Duration::from_millis(n * 19))));
        assert!(!pace.takes_message(start + Duration::from_millis(990)));
        assert!(pace.takes_message(start + Duration::from_millis(1_020)), "the first two are over");
    }
}
