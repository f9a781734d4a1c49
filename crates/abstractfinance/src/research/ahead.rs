//! The market of a study, made ahead of it.
//!
//! In: a simulation. Out: the same one, whose next days another thread makes while this one is lived through. Invariant:
//! who makes a day, and when, changes nothing about it; the thread ends with the simulation.

use sim::Simulation;
use std::iter::repeat_with;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Days of the market that are handed over together: to wake a thread for each would take as long as to make part of it.
const DAYS: usize = 8;
/// Lots of them that are made before they are lived through.
const LOTS: usize = 2;

/// Lets another thread make the next days of the market while this one lives through them; it ends with the simulation.
pub(crate) fn made_ahead(mut simulation: Simulation) -> Simulation {
    if let Some(mut days) = simulation.days_to_come() {
        let (made, taken) = sync_channel(LOTS);
        let lots = repeat_with(move || days.by_ref().take(DAYS).collect::<Vec<_>>());
        thread::spawn(move || lots.map(|lot| made.send(lot)).take_while(Result::is_ok).for_each(drop));
        simulation.take_days(taken.into_iter().flatten());
    }
    simulation
}
