//! What observing tells: sentences, and the events that were booked.
//!
//! In: events and what became of them in the books. Out: news. Invariant: what was known already is no news; what
//! changed the books comes with its event, which is made durable with the plan.

use super::Run;
use crate::failure::Failure;
use domain::{LedgerEvent, Posted, Unbookable};

/// Something worth telling, and the event when it was booked.
pub(super) struct News {
    pub(super) sentence: String,
    pub(super) event: Option<LedgerEvent>,
    /// Worth a person's look today.
    pub(super) alarming: bool,
}

impl News {
    /// Something that changed nothing.
    pub(super) fn note(sentence: String) -> News {
        News { sentence, event: None, alarming: false }
    }

    /// The account gave no answer that can be used.
    pub(super) fn missing(reason: &str) -> News {
        let sentence = format!(
            "the account could not be read ({reason}): nothing is known of it, so nothing is sent; mode CANCEL_ONLY until \
             a person resumes"
        );
        News { sentence, event: None, alarming: true }
    }

    /// Raises it to an alert, in these words.
    pub(super) fn alarm(&mut self, sentence: String) {
        (self.sentence, self.alarming) = (sentence, true);
    }
}

/// What was new to the books, in words and as an event.
pub(super) fn news(posted: Posted, event: LedgerEvent, run: &Run) -> Option<News> {
    let told = |sentence: String, event| Some(News { sentence, event: Some(event), alarming: false });
    match posted {
        Posted::New | Posted::Charged(..) => told(sentence(&event, run), event),
        Posted::Replaced(_) => told(format!("corrected by the broker: {}", event.sentence(&run.setup.universe)), event),
        Posted::Again | Posted::Waiting => None,
    }
}

pub(super) fn unbookable(reason: Unbookable) -> Failure {
    Failure::Halted(reason.to_string())
}

/// A booking in words.
pub(super) fn sentence(event: &LedgerEvent, run: &Run) -> String {
    match event {
        LedgerEvent::Flow { amount } => format!("deposit or withdrawal of {amount}"),
        LedgerEvent::VariationMargin { contract, settlement } => {
            format!("{} settled at {settlement}", run.setup.universe.contract(*contract).name)
        }
        LedgerEvent::Fill(fill) => {
            let name = &run.setup.universe.contract(fill.contract).name;
            match fill.order {
                Some(_) => format!("late execution of {name} booked"),
                None => format!("{} {} {name} at {} booked, no order of ours", fill.side, fill.quantity, fill.price),
            }
        }
        LedgerEvent::Recall { contract, quantity } => {
            let name = &run.setup.universe.contract(*contract).name;
            format!("{quantity} {name} called back by the lender: the broker bought them")
        }
        LedgerEvent::Commission { amount, .. } => format!("late commission of {amount} booked"),
        other => other.sentence(&run.setup.universe),
    }
}
