//! The room that the sessions of a run take one after the other.
//!
//! In: a session that is over. Out: its vectors, without contents. Invariant: what is in a room changes nothing but where
//! the next session keeps its own.

use super::board::Board;
use super::log::Log;
use super::rest::Rests;
use super::{Session, Slot};
use domain::Books;
use execution::Order;
use jiff::Timestamp;
use risk::Sendable;
use std::collections::VecDeque;

/// What a session leaves for the next.
#[derive(Debug, Default)]
pub struct Room {
    pub(super) slots: Vec<Slot>,
    pub(super) children: Vec<Vec<Order>>,
    pub(super) board: Board,
    pub(super) rests: Rests,
    pub(super) entries: Log,
    pub(super) ready: VecDeque<Sendable>,
    pub(super) messages: VecDeque<Timestamp>,
}

impl Room {
    /// Room for sessions that keep no entries, because nobody stores them: research that asks for no journal. An intent still
    /// waits for [`Event::Recorded`](super::Event::Recorded).
    pub fn without_entries() -> Room {
        Room { entries: Log::for_nobody(), ..Room::default() }
    }
}

impl Session<'_> {
    /// Ends the session and hands back the books.
    pub fn into_books(self) -> Books {
        self.books
    }

    /// The same with the room it took, for the next one.
    pub fn into_books_and_room(self) -> (Books, Room) {
        let Session { books, mut slots, mut children, mut board, rests, mut entries, mut ready, mut messages, .. } =
            self;
        children.extend(slots.iter_mut().map(|slot| slot.parent.take_children()));
        slots.clear();
        board.clear();
        entries.clear();
        ready.clear();
        messages.clear();
        (books, Room { slots, children, board, rests, entries, ready, messages })
    }
}
