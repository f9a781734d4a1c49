//! What the Flex Web Service's error codes mean for us.
//!
//! In: a code. Out: what happens next, in a sentence. Invariant: one row per code the service documents (Flex Web
//! Service version 3, error codes); a code that is not here is not understood, and said so.

use ports::StatementError;

/// What the service's refusal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is being written: ask for the same statement again.
    Wait,
    /// Not now: come back later.
    Later,
    /// A person has to change something.
    Person,
    /// The two sides do not understand each other.
    Unusable,
}

/// Code, what happens next, and what to tell.
const CODES: &[(u32, Next, &str)] = &[
    (1001, Next::Later, "it could not be generated at this time; it is asked for again later"),
    (1003, Next::Later, "it does not exist yet; the broker writes a day's statement after the day has ended"),
    (1004, Next::Later, "it is incomplete at this time; it is asked for again later"),
    (1005, Next::Later, "settlement data are not ready; it is asked for again later"),
    (1006, Next::Later, "profit and loss by lots is not ready; it is asked for again later"),
    (1007, Next::Later, "profit and loss by marks is not ready; it is asked for again later"),
    (1008, Next::Later, "profit and loss is not ready; it is asked for again later"),
    (1009, Next::Later, "the service is under heavy load; it is asked for again later"),
    (1010, Next::Person, "the query is of a kind no longer served; make a new Activity Flex Query and set its id"),
    (1011, Next::Person, "the Flex Web Service is switched off for this account; switch it on in the Client Portal"),
    (1012, Next::Person, "the token has expired; make a new one in the Client Portal and write it into the token file"),
    (1013, Next::Person, "the token is not valid from this address; remove its restriction to other addresses"),
    (1014, Next::Person, "the query id is not one of this account's; correct `broker.statements.query_id`"),
    (
        1015,
        Next::Person,
        "the token is not valid; make a new one in the Client Portal and write it into the token file",
    ),
    (1016, Next::Person, "the account is not valid for this query; choose the account in the query"),
    (1017, Next::Unusable, "the reference it gave is not known to it; it is asked for again from the beginning"),
    (1018, Next::Later, "this token has asked too often; it is asked for again later"),
    (1019, Next::Wait, "it is being generated"),
    (1020, Next::Unusable, "the request could not be validated; compare token, query id and dates"),
    (1021, Next::Later, "it could not be retrieved at this time; it is asked for again later"),
    (1025, Next::Person, "too many failed attempts have locked the service; correct the token, then wait a day"),
];

/// What a code leads to; `words` is the service's own text, used when the code is not known.
pub(crate) fn next(code: Option<u32>, words: &str) -> (Next, String) {
    let row = code.and_then(|code| CODES.iter().find(|(known, _, _)| *known == code));
    match (row, code) {
        (Some((code, next, told)), _) => (*next, format!("{told} (code {code})")),
        (None, Some(code)) => (Next::Unusable, format!("code {code}, which is not known here: {words}")),
        (None, None) => (Next::Unusable, format!("a failure without a code: {words}")),
    }
}

/// The error of a refusal that is not waited for.
pub(crate) fn error(next: Next, told: String) -> StatementError {
    match next {
        Next::Wait | Next::Later => StatementError::Unavailable(told),
        Next::Person => StatementError::Refused(told),
        Next::Unusable => StatementError::Unusable(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_code_once_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(next(Some(1042), "New thing.").0, Next::Unusable);
        insta::assert_snapshot!(next(Some(1042), "New thing.").1, @"code 1042, which is not known here: New thing.");
    }
}
