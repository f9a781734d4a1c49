//! The broker's message codes by what they mean for an order, a request or the link.
//!
//! In: a code. Out: a severity. Invariant: no informational code ever reads as a cancel or a rejection, and
//! a code that is not in the table is `Unknown`: hold what it names and alert, never resend.

/// What a code calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing changed; the order or request goes on.
    Informational,
    /// Something works worse than asked for; the order or request goes on.
    Warning,
    /// The gateway refused an order, a change, a cancel or a data request. Whether an order lives is decided
    /// by its status or by a resync, not by the code.
    Rejection,
    /// The link to the broker changed, or events were dropped: resync.
    Connection,
    /// This session cannot work: stop and tell a person.
    Fatal,
    /// Not in the table.
    Unknown,
}

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

/// What a code of the gateway calls for.
pub fn severity(code: i32) -> Severity {
    match code {
        // Time in force set by a preset, locate pending, order held until the open, cancel confirmed.
        10349 | 404 | 399 | 202 => Severity::Informational,
        // Data farm broken (2103, 2105, 2157), gateway cut off from the server for a moment (2110).
        2103 | 2105 | 2110 | 2157 => Severity::Warning,
        2100..=2199 => Severity::Informational,
        // 0: close to the message limit. 165: history farm. 317: depth book reset. 100xx: delayed or partial data.
        0 | 100 | 165 | 317 | 10089 | 10090 | 10091 | 10167 => Severity::Warning,
        // Order parameters: id, size, price step, time in force, account.
        103..=116 | 129 | 131..=137 | 140 | 141 | 144..=148 | 151 | 152 | 154 | 156 | 157 | 161 | 163 => {
            Severity::Rejection
        }
        // No such contract, order rejected, security or order type not available, request not understood.
        200 | 201 | 203 | 320..=325 | 328 | 329 | 335 | 336 | 355 | 382 | 383 | 387 | 388 | 391 | 435 => {
            Severity::Rejection
        }
        // The order to be cancelled is unknown (10147) or past it (10148); fractions and sizes not allowed.
        10147 | 10148 | 10243 | 10268 | 10318 | 10329 => Severity::Rejection,
        // Data requests: history, unknown ticker, not subscribed, another session holds the data.
        162 | 300 | 309 | 310 | 316 | 354 | 366 | 10168 | 10186 | 10197 => Severity::Rejection,
        link::LOST | link::RESTORED_DATA_LOST | link::RESTORED | link::PORT_RESET | 504 => Severity::Connection,
        client::SUBSCRIPTION_LAG | client::NOTICE_LAG => Severity::Connection,
        // Client id taken, gateway too old, paper account's disclaimer not accepted.
        326 | 501 | 503 | 10141 => Severity::Fatal,
        _ => Severity::Unknown,
    }
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
    fn nothing_that_lets_an_order_live_reads_as_a_rejection() {
        let harmless = [10349, 404, 399, 2109, 2161, 10167, 10089, 10090, 165, 202];
        for code in harmless.into_iter().chain(2100..=2199) {
            assert!(severity(code) <= Severity::Warning, "{code}");
        }
        for code in [110, 103, 201, 200, 387, 10147, 10148, 321] {
            assert_eq!(severity(code), Severity::Rejection, "{code}");
        }
        assert_eq!(severity(1100), Severity::Connection);
        assert_eq!(severity(999_999), Severity::Unknown);
        assert!(
            asks_again(162, "Historical Market Data Service error message:pacing violation") && asks_again(165, "")
        );
        assert!(!asks_again(162, "Historical Market Data Service error message:No market data permissions"));
    }
}
