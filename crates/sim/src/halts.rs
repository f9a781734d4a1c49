//! Halts: an exchange stops trading in one line for a while.
//!
//! In: the opening of a venue and chance, or somebody's word. Out: what trades not, from when until when. Invariant: in a halt
//! nothing is quoted and nothing executed, orders stay, the last price is the one before it; the official close is fixed as
//! always.

use crate::factor_days::day_number;
use crate::random::Stream;
use crate::tape::Tape;
use domain::{ContractId, InstrumentKind};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Session;

/// How long a share that moved too fast rests.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);
const SESSIONS_PER_YEAR: f64 = 252.0;

/// From when until when a contract is not traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halt {
    from: Timestamp,
    until: Timestamp,
}

impl Tape {
    /// When the halt began that a contract is in.
    pub(crate) fn halted_since(&self, contract: ContractId, now: Timestamp) -> Option<Timestamp> {
        let halt = self.halts.get(&contract).filter(|halt| halt.from <= now && now < halt.until);
        halt.map(|halt| halt.from)
    }

    /// The exchange stops trading in a contract.
    pub(crate) fn halt(&mut self, contract: ContractId, from: Timestamp, length: SignedDuration) {
        self.change();
        let until = from.checked_add(length).unwrap_or(Timestamp::MAX);
        self.halts.insert(contract, Halt { from, until });
    }

    /// A session begins: single names that will rest in it, so many a year.
    pub(crate) fn draw_halts(&mut self, session: &Session, per_year: f64) {
        if per_year <= 0.0 {
            return;
        }
        let universe = self.universe.clone();
        let here = |contract: &ContractId| {
            let instrument = universe.instrument_of(*contract);
            instrument.venue == session.mic && instrument.kind == InstrumentKind::Stk
        };
        for contract in universe.configured().filter(here) {
            let stream = Stream::new("halt", &universe.contract(contract).name);
            let mut chance = self.chance.at(stream, day_number(session.date));
            if chance.uniform() < per_year / SESSIONS_PER_YEAR {
                let length = session.close.duration_since(session.open).as_secs_f64() * chance.uniform();
                self.halt(contract, session.open + SignedDuration::from_secs(length as i64), PAUSE);
            }
        }
    }
}
