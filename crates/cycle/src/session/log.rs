//! What a session writes down before it goes on.
//!
//! In: entries as they happen. Out: those that are to be made durable. Invariant: that there is something to be recorded is
//! known whether or not anybody keeps it.

use crate::entry::Entry;

#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
    /// Something happened since the last record.
    is_due: bool,
    /// Nobody reads them.
    is_for_nobody: bool,
}

impl Log {
    /// One that keeps nothing.
    pub(super) fn for_nobody() -> Log {
        Log { is_for_nobody: true, ..Log::default() }
    }

    /// Notes an entry.
    pub(super) fn push(&mut self, entry: Entry) {
        self.note(|| entry);
    }

    /// The same for what happens to every order: it is only made when it is kept.
    #[inline]
    pub(super) fn note(&mut self, entry: impl FnOnce() -> Entry) {
        self.is_due = true;
        if !self.is_for_nobody {
            self.entries.push(entry());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_due
    }

    pub(super) fn clear(&mut self) {
        self.is_due = false;
        self.entries.clear();
    }

    pub(super) fn as_slice(&self) -> &[Entry] {
        &self.entries
    }
}
