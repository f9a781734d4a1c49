//! What Telegram says of people's messages, on any bytes.
//!
//! In: the body of an answer. Out: nothing. Invariant: it is updates or a refusal, and never a panic; no text is longer than a
//! command can be.
#![no_main]

use feeds::telegram::updates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(text) = std::str::from_utf8(body) else { return };
    for said in updates(text).into_iter().flatten().filter_map(|update| update.said) {
        assert!(said.text.chars().count() <= 300);
    }
});
