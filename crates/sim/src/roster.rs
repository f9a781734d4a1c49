//! Which contracts of the table a venue trades, as the years pass.
//!
//! In: contracts with the dates they are listed from and end on, sessions in the order of time. Out: the contracts a session
//! may have. Invariant: what has ended, and what is listed years later, is not gone through again for every session.

use domain::{ContractId, Mic, PerContract, Universe};
use jiff::civil::Date;
use market::calendar::Session;
use std::collections::BTreeMap;

/// The contracts of each venue.
#[derive(Clone, Debug)]
pub(crate) struct Roster(BTreeMap<Mic, Chain>);

#[derive(Clone, Debug, Default)]
struct Chain {
    /// With the first date of each, latest first.
    later: Vec<(Date, ContractId)>,
    /// With the last date of each.
    listed: Vec<(Option<Date>, ContractId)>,
}

impl Roster {
    pub(crate) fn new(universe: &Universe, listed_from: &PerContract<Date>) -> Roster {
        let mut chains: BTreeMap<Mic, Chain> = BTreeMap::new();
        for contract in universe.configured() {
            let chain = chains.entry(universe.instrument_of(contract).venue).or_default();
            chain.later.push((listed_from[contract], contract));
        }
        chains.values_mut().for_each(|chain| chain.later.sort_by(|one, other| other.cmp(one)));
        Roster(chains)
    }

    /// Those listed by the date of a session that have not reached their last day before it.
    pub(crate) fn of(&mut self, session: &Session, universe: &Universe) -> Vec<ContractId> {
        let Some(Chain { later, listed }) = self.0.get_mut(&session.mic) else { return Vec::new() };
        while let Some((_, contract)) = later.pop_if(|(from, _)| *from <= session.date) {
            listed.push((universe.contract(contract).expiry, contract));
        }
        listed.retain(|(last, _)| last.is_none_or(|last| session.date <= last));
        listed.iter().map(|(_, contract)| *contract).collect()
    }
}
