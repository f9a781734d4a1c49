//! Bars of the sessions that closed.
//!
//! In: sessions whose official close was fixed. Out: bars, oldest first. Invariant: a bar is the same whenever it is
//! written. Research wants the two ends of a session and reads few of the contracts listed: it keeps the ends a venue's
//! contracts share, and writes the bars that somebody asks for.

use crate::model::{Knot, Model};
use crate::tape::{Source, Tape, to_tick};
use domain::{ContractId, Mic};
use jiff::Timestamp;
use jiff::civil::Date;
use market::Bar;
use market::calendar::Session;
use std::cell::Ref;
use std::ops::Range;

/// The bars of a contract and when each of them is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) bars: Vec<Bar>,
    known_from: Vec<Timestamp>,
    /// Of the sessions that were fixed at its venue and are written when asked for: those that are written.
    written: Option<Range<usize>>,
}

impl History {
    pub(crate) fn push(&mut self, bar: Bar, known_from: Timestamp) {
        self.bars.push(bar);
        self.known_from.push(known_from);
    }

    /// Bars of the model are all of the past, however many there are.
    fn known(&self, now: Timestamp) -> &[Bar] {
        match self.known_from.last() {
            Some(last) if now < *last => &self.bars[..self.known_from.partition_point(|from| *from <= now)],
            _ => &self.bars,
        }
    }

    pub(crate) fn of_date(&self, date: Date) -> Option<usize> {
        self.bars.binary_search_by_key(&date, |bar| bar.date).ok()
    }
}

/// Sessions that were fixed, by venue, with the market at both their ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unwritten(Vec<Vec<Ends>>);

/// A session with the market at its open and at its close.
#[derive(Clone, Copy, Debug)]
struct Ends {
    session: Session,
    known_from: Timestamp,
    knots: [Knot; 2],
}

impl Unwritten {
    fn push(&mut self, ends: Ends) {
        self.0.resize_with(Mic::ALL.len(), Vec::new);
        self.0[ends.session.mic as usize].push(ends);
    }

    fn of(&self, mic: Mic) -> &[Ends] {
        self.0.get(mic as usize).map_or(&[], Vec::as_slice)
    }
}

impl Tape {
    /// Takes note of a session whose official close has just been fixed.
    pub(crate) fn fix(&mut self, session: &Session) {
        self.turn();
        let Source::Model(model) = &self.source else { return };
        let known_from = self.venues.get(session.mic).fixing(session);
        if self.ends_only {
            let knots = model.ends(session);
            return self.unwritten.push(Ends { session: *session, known_from, knots });
        }
        let (way, mut moves) = (model.way(session), Vec::new());
        // An option's bars are made when somebody asks for them.
        for contract in self.roster.of(session, &self.universe) {
            if self.has_session(contract, session) {
                let prices = model.session_prices(contract, session.date, &way, &mut moves);
                let bar = self.simulated_bar(contract, session.date, prices);
                self.histories[contract].borrow_mut().push(bar, known_from);
            }
        }
    }

    /// The last bars, at most `count`, of sessions dated before a day whose official close is known, oldest first; none of an
    /// option.
    pub(crate) fn bars(&self, contract: ContractId, before: Date, count: usize, now: Timestamp) -> Vec<Bar> {
        let mut sessions = count;
        loop {
            let history = self.history(contract, sessions);
            let known = history.known(now);
            let later = known.iter().rev().take_while(|bar| bar.date >= before).count();
            let dated = &known[..known.len() - later];
            // Not every session is one of the contract's, nor asked for.
            let earlier = |written: &&Range<usize>| self.first_unwritten(contract) < written.start;
            match history.written.as_ref().filter(earlier) {
                Some(written) if dated.len() < count => sessions = 2 * written.len() + count,
                _ => return dated[dated.len().saturating_sub(count)..].to_vec(),
            }
        }
    }

    /// The last bar whose official close is known, and since when it is; none of an option.
    pub(crate) fn last_bar(&self, contract: ContractId, now: Timestamp) -> Option<(Bar, Timestamp)> {
        let last = |history: &History| {
            let place = history.known(now).len().checked_sub(1)?;
            Some((history.bars[place], history.known_from[place]))
        };
        last(&self.history(contract, 1)).or_else(|| last(&self.history(contract, usize::MAX)))
    }

    /// Writes the bar of a contract's last session before something changes its prices from now on.
    pub(crate) fn write_last(&self, contract: ContractId) {
        drop(self.history(contract, 1));
    }

    /// Writes every bar of a contract before something changes its prices of all times.
    pub(crate) fn write_all(&self, contract: ContractId) {
        drop(self.history(contract, usize::MAX));
    }

    /// A contract's past up to the last session fixed at its venue, written from so many sessions before it on at least.
    fn history(&self, contract: ContractId, sessions: usize) -> Ref<'_, History> {
        let history = &self.histories[contract];
        let Source::Model(model) = &self.source else { return history.borrow() };
        let fixed = self.unwritten.of(self.universe.instrument_of(contract).venue);
        let wanted = fixed.len().saturating_sub(sessions);
        let written = history.borrow().written.clone().unwrap_or(fixed.len()..fixed.len());
        let lacks = wanted < written.start && self.first_unwritten(contract) < written.start;
        if lacks || written.end < fixed.len() {
            let history = &mut *history.borrow_mut();
            let begins = wanted.max(self.first_unwritten(contract)).min(written.start);
            let had = |ends: &&Ends| self.has_session(contract, &ends.session);
            // What is written stays as it was written.
            if begins < written.start {
                let mut earlier = History::default();
                for ends in fixed[begins..written.start].iter().filter(had) {
                    earlier.push(self.bar_between(contract, ends, model), ends.known_from);
                }
                history.bars.splice(..0, earlier.bars);
                history.known_from.splice(..0, earlier.known_from);
            }
            for ends in fixed[written.end..].iter().filter(had) {
                history.push(self.bar_between(contract, ends, model), ends.known_from);
            }
            history.written = Some(begins..fixed.len());
        }
        history.borrow()
    }

    /// The bar of a session of which its two ends are known.
    fn bar_between(&self, contract: ContractId, Ends { session, knots, .. }: &Ends, model: &Model) -> Bar {
        let [open, close] = knots.each_ref().map(|knot| model.price_at(contract, session.date, knot));
        self.simulated_bar(contract, session.date, [open, open.max(close), open.min(close), close])
    }

    /// The place of the first session that was fixed when a contract was listed already.
    fn first_unwritten(&self, contract: ContractId) -> usize {
        let fixed = self.unwritten.of(self.universe.instrument_of(contract).venue);
        match self.listed_from[contract] {
            Date::MIN => 0,
            listed => fixed.partition_point(|ends| ends.session.date < listed),
        }
    }

    fn simulated_bar(&self, contract: ContractId, date: Date, prices: [f64; 4]) -> Bar {
        let prices = prices.map(|price| to_tick(price, self.universe.terms(contract).tick));
        Bar::new(date, prices, self.volume(contract, date, prices[3]))
    }
}
