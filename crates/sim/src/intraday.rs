//! Bars within a session.
//!
//! In: a contract, a session, the length of a bar, an instant. Out: bars that had ended by then. Invariant: a bar is made of
//! the middle prices that were quoted every fifteen seconds within it, on the tick grid; nothing after now is shown, and of
//! a simulated market nothing that it has forgotten.

use crate::board::traded_by;
use crate::simulation::Simulation;
use crate::tape::to_tick;
use domain::{ContractId, Price, Quantity};
use jiff::{SignedDuration, Timestamp};
use market::calendar::Session;

/// Orders and quotes move this often.
const STEP: SignedDuration = SignedDuration::from_secs(15);

/// A bar by the instant it begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntradayBar {
    /// First instant.
    pub begins: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded: the session's volume, as its hours share it.
    pub volume: Quantity,
}

impl Simulation {
    /// Bars of a session that ended by `until` and by now, oldest first; none of options, and none of a session older than
    /// a week in a simulated market.
    ///
    /// # Panics
    /// When `length` is not positive.
    pub fn intraday(
        &self,
        contract: ContractId,
        session: &Session,
        length: SignedDuration,
        until: Timestamp,
    ) -> Vec<IntradayBar> {
        assert!(length.is_positive(), "a bar has a length");
        if !self.has_prices_within(contract, session) {
            return Vec::new();
        }
        let until = until.min(self.now()).min(session.close);
        let mut bars = Vec::new();
        let mut begins = session.open;
        while begins < session.close {
            // The last bar of a session is as long as the session lets it be.
            let ends = (begins + length).min(session.close);
            if ends > until {
                break;
            }
            bars.push(self.bar_between(contract, session, begins, ends));
            begins = ends;
        }
        bars
    }

    /// The bar of a session that began at an instant and has not ended, as far as it has come by now; `None` where
    /// [`Simulation::intraday`] has none, and at an instant the session or time has not come to.
    pub fn bar_under_way(&self, contract: ContractId, session: &Session, begins: Timestamp) -> Option<IntradayBar> {
        let ends = self.now().min(session.close);
        let has_begun = session.open <= begins && begins <= ends;
        (has_begun && self.has_prices_within(contract, session))
            .then(|| self.bar_between(contract, session, begins, ends))
    }

    fn has_prices_within(&self, contract: ContractId, session: &Session) -> bool {
        let tape = &self.board.tape;
        let is_option = tape.universe.option(contract).is_some();
        !is_option && tape.has_session(contract, session) && tape.remembers(session.open)
    }

    fn bar_between(&self, contract: ContractId, session: &Session, begins: Timestamp, ends: Timestamp) -> IntradayBar {
        let tape = &self.board.tape;
        let tick = tape.universe.terms(contract).tick;
        let price = |at: Timestamp| to_tick(tape.middle(contract, session, at), tick);
        let (open, close) = (price(begins), price(ends));
        let (mut high, mut low) = (open.max(close), open.min(close));
        let mut at = begins + STEP;
        while at < ends {
            let seen = price(at);
            (high, low) = (high.max(seen), low.min(seen));
            at += STEP;
        }
        let share = traded_by(session, ends) - traded_by(session, begins);
        let traded = (tape.volume(contract, session.date, close).to_f64() * share).max(0.0);
        IntradayBar { begins, open, high, low, close, volume: Quantity::whole(traded as i64) }
    }
}
