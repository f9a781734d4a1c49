//! A simulated world in this process, behind the engine's own doors: broker, statements, journal, clock.
//!
//! In: a simulation and the engine's universe. Out: what a trading day asks of the world. Invariant: whatever is asked,
//! the answer is what the same simulation gives over TCP; nothing is decided here.

mod broker;
mod journal;
mod options;
mod statements;

pub use broker::SimBroker;
pub use journal::ResearchJournal;
pub use statements::SimStatements;

use domain::{ContractId, PerContract, Universe};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use ports::{BrokerError, Clock};
use sim::{Fills, Simulation};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// One simulation with everything that looks at it.
#[derive(Clone, Debug)]
pub struct SimWorld {
    simulation: Rc<RefCell<Simulation>>,
    /// The engine's universe.
    ours: Arc<Universe>,
    /// What the simulated broker calls each contract of ours, when it lists it.
    theirs: Rc<PerContract<Option<ContractId>>>,
    /// What we call each of its contracts.
    known_as: Rc<PerContract<Option<ContractId>>>,
}

impl SimWorld {
    /// A world whose broker lists `listed`; both universes name contracts alike.
    pub fn new(simulation: Simulation, ours: Arc<Universe>, listed: &Universe) -> SimWorld {
        let found = |of: &Universe, among: &Universe| {
            PerContract::from_vec(of.contracts().map(|id| among.find_contract(&of.contract(id).name)).collect())
        };
        let (theirs, known_as) = (Rc::new(found(&ours, listed)), Rc::new(found(listed, &ours)));
        SimWorld { simulation: Rc::new(RefCell::new(simulation)), ours, theirs, known_as }
    }

    /// The same world for an engine with another universe.
    pub fn over(&self, ours: Arc<Universe>) -> SimWorld {
        let simulation = self.simulation.borrow();
        let listed = simulation.universe();
        let theirs = ours.contracts().map(|id| listed.find_contract(&ours.contract(id).name)).collect();
        let mut known_as = PerContract::filled(None, listed.contract_count());
        let theirs: PerContract<Option<ContractId>> = PerContract::from_vec(theirs);
        theirs.iter().for_each(|(id, listed)| listed.iter().for_each(|&listed| known_as[listed] = Some(id)));
        let (theirs, known_as) = (Rc::new(theirs), Rc::new(known_as));
        SimWorld { simulation: Rc::clone(&self.simulation), ours, theirs, known_as }
    }

    /// What we call a contract of the broker's.
    fn known(&self, listed: ContractId) -> Option<ContractId> {
        self.known_as.as_slice().get(listed.index()).copied().flatten()
    }

    /// Its broker.
    pub fn broker(&self) -> SimBroker {
        SimBroker::new(self.clone())
    }

    /// Its activity statements.
    pub fn statements(&self) -> SimStatements {
        SimStatements::new(self.clone())
    }

    /// The simulation as it stands, for whoever only looks.
    pub fn look<T>(&self, at: impl FnOnce(&Simulation) -> T) -> T {
        at(&self.simulation.borrow())
    }

    /// Its time.
    pub fn clock(&self) -> SimClock {
        SimClock { simulation: self.simulation.clone() }
    }
}

/// Minutes between the looks at a market that meets orders whole: nothing is gained by asking it more often.
const LOOK_MIN: i64 = 5;

/// Time that moves to the next thing that can happen, and never past it. Where orders are met whole, what waits for less than
/// five minutes waits for the next full five.
#[derive(Clone, Debug)]
pub struct SimClock {
    simulation: Rc<RefCell<Simulation>>,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.simulation.borrow().now()
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        let mut simulation = self.simulation.borrow_mut();
        let deadline = match simulation.fills() {
            Fills::Book => deadline,
            Fills::Whole => next_look(deadline),
        };
        let until = simulation.next_event().min(deadline).max(simulation.now());
        simulation.advance_to(until);
        Ok(())
    }
}

/// The first full look at or after a time.
fn next_look(at: Timestamp) -> Timestamp {
    let grid = TimestampRound::new().smallest(Unit::Minute).increment(LOOK_MIN).mode(RoundMode::Ceil);
    at.round(grid).unwrap_or(at)
}
