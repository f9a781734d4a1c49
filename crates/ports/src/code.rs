//! The broker's message codes by what they call for.
//!
//! In: a code. Out: a severity, and what it means for the order it names. Invariant: no code of an order that lives reads as
//! its end, and a code that is not in the table is unknown: what it names is held and a person is told; nothing is resent.

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

/// What a code says of the order it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderWord {
    /// The order lives or its status tells.
    Lives,
    /// The order, or a change of it, was refused.
    Refused,
    /// Nobody knows: the order is asked about, and nothing is sent in its place.
    Unknown,
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
        // The link to the broker; not connected; the client library dropped events.
        1100 | 1101 | 1102 | 1300 | 504 | -6 | -7 => Severity::Connection,
        // Client id taken, gateway too old, paper account's disclaimer not accepted.
        326 | 501 | 503 | 10141 => Severity::Fatal,
        _ => Severity::Unknown,
    }
}

/// What a code says of the order it names.
pub fn of_order(code: i32) -> OrderWord {
    match (code, severity(code)) {
        // Of a cancel: the order is unknown, or past it. Nothing is known of the order itself.
        (135 | 136 | 161 | 10147 | 10148, _) => OrderWord::Lives,
        (_, Severity::Rejection) => OrderWord::Refused,
        (_, Severity::Unknown) => OrderWord::Unknown,
        (_, Severity::Informational | Severity::Warning | Severity::Connection | Severity::Fatal) => OrderWord::Lives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_lets_an_order_live_reads_as_a_rejection() {
        let harmless = [10349, 404, 399, 2109, 2161, 10167, 10089, 10090, 165, 202];
        for code in harmless.into_iter().chain(2100..=2199) {
            assert!(severity(code) <= Severity::Warning, "{code}");
            assert_eq!(of_order(code), OrderWord::Lives, "{code}");
        }
        for code in [110, 103, 104, 105, 201, 200, 387, 321] {
            assert_eq!((severity(code), of_order(code)), (Severity::Rejection, OrderWord::Refused), "{code}");
        }
        for code in [10147, 10148, 161] {
            assert_eq!((severity(code), of_order(code)), (Severity::Rejection, OrderWord::Lives), "{code}");
        }
        assert_eq!(severity(1100), Severity::Connection);
        assert_eq!((severity(999_999), of_order(999_999)), (Severity::Unknown, OrderWord::Unknown));
    }
}
