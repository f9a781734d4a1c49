//! The broker's message codes where the adapter has to know one by name.
//!
//! In: a code and its text. Out: what a request or the link does next. Invariant: what a code calls for stands in
//! [`ports::code`], once for all.

use ports::code::{Severity, severity};

/// The client library's own codes, always negative.
pub(crate) mod client {
    /// A subscription's reader was too slow and events are gone.
    pub(crate) const SUBSCRIPTION_LAG: i32 = -6;
    /// The reader of connection notices was too slow.
    pub(crate) const NOTICE_LAG: i32 = -7;
}

/// The answer to a description that fits no contract.
pub(crate) const NO_SUCH_CONTRACT: i32 = 200;

/// Codes of the link between gateway and broker.
pub(crate) mod link {
    /// Connectivity lost.
    pub(crate) const LOST: i32 = 1100;
    /// Restored, market data subscriptions are gone.
    pub(crate) const RESTORED_DATA_LOST: i32 = 1101;
    /// Restored, market data kept.
    pub(crate) const RESTORED: i32 = 1102;
    /// The gateway's API port was reset.
    pub(crate) const PORT_RESET: i32 = 1300;
}

/// True for the answer to a history request that there is nothing; other messages of code 162 are trouble.
pub(crate) fn is_no_history(code: i32, message: &str) -> bool {
    code == 162 && message.contains("returned no data")
}

/// True for the answer to a history request after which the same request may be answered: too many of them, or a word
/// about the farm that ended the library's stream and not the bars.
pub(crate) fn asks_again(code: i32, message: &str) -> bool {
    (code == 162 && message.contains("pacing violation")) || severity(code) <= Severity::Warning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_can_pass_is_followed_by_the_same_question() {
        let refused = "Historical Market Data Service error message:";
        assert!(asks_again(162, &format!("{refused}pacing violation")) && asks_again(165, ""));
        assert!(!asks_again(162, &format!("{refused}No market data permissions")));
        assert!(is_no_history(162, &format!("{refused}HMDS query returned no data")));
    }
}
