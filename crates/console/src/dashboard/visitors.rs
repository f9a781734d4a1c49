//! Who is looking, kept in memory: a restart forgets everybody.
//!
//! In: cookies. Out: visitors with the token of their forms. Invariant: a key and a token are 256 random bits each; at
//! most [`VISITORS_MAX`] are kept; the one longest away goes first, and who has logged in after all who have not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More visitors than people.
const VISITORS_MAX: usize = 1_000;
/// A visitor is forgotten after so long without a request.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(8 * 3600);
const COOKIE: &str = "abstractfinance";

#[derive(Debug)]
struct Visitor {
    csrf: String,
    logged_in: bool,
    said: String,
    seen: Instant,
}

impl Visitor {
    fn new() -> Visitor {
        Visitor { csrf: random(), logged_in: false, said: String::new(), seen: Instant::now() }
    }
}

/// Everybody who looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Visitors(Arc<Mutex<BTreeMap<String, Visitor>>>);

/// The visitor of one request.
#[derive(Clone, Debug)]
pub(super) struct Session {
    key: String,
    visitors: Visitors,
}

impl Visitors {
    /// The visitor a request's `Cookie` names, or a new one.
    pub(super) fn of(&self, cookies: &str) -> Session {
        let mut known = self.known();
        known.retain(|_, visitor| visitor.seen.elapsed() < FORGOTTEN_AFTER);
        let named = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let named = named.filter(|(name, _)| *name == COOKIE).map(|(_, key)| key).find(|key| known.contains_key(*key));
        let key = named.map_or_else(random, str::to_owned);
        known.entry(key.clone()).or_insert_with(Visitor::new).seen = Instant::now();
        if known.len() > VISITORS_MAX {
            let first_to_go = known.iter().min_by_key(|(_, visitor)| (visitor.logged_in, visitor.seen));
            first_to_go.map(|(key, _)| key.clone()).and_then(|key| known.remove(&key));
        }
        drop(known);
        Session { key, visitors: self.clone() }
    }

    /// A panic elsewhere leaves the map as it was.
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Visitor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// The `Set-Cookie` that names this visitor; `secure` keeps it off unencrypted connections.
    pub(super) fn cookie(&self, secure: bool) -> String {
        let (key, age) = (&self.key, FORGOTTEN_AFTER.as_secs());
        let secure = if secure { "; Secure" } else { "" };
        format!("{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")
    }

    /// The token of this visitor's forms.
    pub(super) fn csrf(&self) -> String {
        self.with(|visitor| visitor.csrf.clone())
    }

    /// Whether a form carries it.
    pub(super) fn owns(&self, token: &str) -> bool {
        self.csrf() == token
    }

    pub(super) fn logged_in(&self) -> bool {
        self.with(|visitor| visitor.logged_in)
    }

    /// Keeps a sentence for the next page.
    pub(super) fn tell(&self, sentence: String) {
        self.with(|visitor| visitor.said = sentence);
    }

    /// The sentence that was kept.
    pub(super) fn told(&self) -> String {
        self.with(|visitor| std::mem::take(&mut visitor.said))
    }

    /// The same visitor, logged in, under another key: what was known before the login opens nothing after it.
    pub(super) fn log_in(&self) -> Session {
        let key = random();
        let mut known = self.visitors.known();
        known.remove(&self.key);
        known.insert(key.clone(), Visitor { logged_in: true, ..Visitor::new() });
        Session { key, visitors: self.visitors.clone() }
    }

    /// Forgets this visitor.
    pub(super) fn log_out(&self) {
        self.visitors.known().remove(&self.key);
    }

    fn with<T>(&self, read: impl FnOnce(&mut Visitor) -> T) -> T {
        read(self.visitors.known().entry(self.key.clone()).or_insert_with(Visitor::new))
    }
}

/// 256 random bits of the operating system, in hexadecimal digits.
///
/// # Panics
/// When the system has no randomness: a guessable key is worse than no page.
fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_strangers_puts_nobody_out_who_has_logged_in() {
        let visitors = Visitors::default();
        let operator = visitors.of("").log_in();
        let named = format!("{COOKIE}={}", operator.key);
        (0..2 * VISITORS_MAX).for_each(|_| drop(visitors.of("")));
        assert!(visitors.of(&named).logged_in());
        assert_eq!(visitors.known().len(), VISITORS_MAX);
    }
}
