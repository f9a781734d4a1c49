//! Combinations in the broker's words: two legs in, one contract and its executions out.
//!
//! In: contracts of type BAG as clients send them, spreads of the simulation. Out: the legs, descriptions, the execution
//! of the whole. Invariant: legs are one for one and of opposite sides; what is said of the whole is in the client's own
//! terms, its first leg being the one that is bought when the order buys.

use crate::contracts::{Unresolved, text};
use crate::desk::{Desk, SessionKey};
use crate::executions::wire_execution;
use crate::wire::{self, ComboLeg};
use domain::ContractId;
use sim::{ExecutionView, SpreadFill};

/// The id IB gives every combination.
const CON_ID: i32 = 28_812_380;
/// IB's word for the type of one.
pub(crate) const COMBINATION: &str = "BAG";

/// Why the legs of a combination are none that is served.
#[derive(Debug)]
pub(crate) enum BadLegs {
    /// A leg is no contract.
    Unresolved(Unresolved),
    /// Not two legs, one for one, of opposite sides.
    Unserved,
}

impl Desk {
    /// The leg that is bought when the order buys, and the one that is sold.
    pub(crate) fn legs(&mut self, wanted: &wire::Contract) -> Result<[ContractId; 2], BadLegs> {
        let [one, other] = &wanted.combo_legs[..] else { return Err(BadLegs::Unserved) };
        let is_single = |leg: &ComboLeg| leg.ratio.is_none_or(|ratio| ratio == 1);
        let (bought, sold) = match (text(&one.action), text(&other.action)) {
            ("BUY", "SELL") => (one, other),
            ("SELL", "BUY") => (other, one),
            _ => return Err(BadLegs::Unserved),
        };
        if !is_single(one) || !is_single(other) {
            return Err(BadLegs::Unserved);
        }
        let by_id = |leg: &ComboLeg| Some(wire::Contract { con_id: leg.con_id, ..wire::Contract::default() });
        let mut resolve = |leg| self.resolve(&by_id(leg)).map_err(BadLegs::Unresolved);
        Ok([resolve(bought)?, resolve(sold)?])
    }

    /// The contract of a spread, with its legs.
    pub(crate) fn combination(&self, [bought, sold]: [ContractId; 2]) -> wire::Contract {
        let instrument = self.directory.instrument(bought);
        let leg = |id, action: &str| ComboLeg {
            con_id: Some(self.directory.con_id(id)),
            ratio: Some(1),
            action: Some(action.to_owned()),
            exchange: Some(instrument.exchange.clone()),
            ..ComboLeg::default()
        };
        let words = format!("{}|1,{}|-1", self.directory.con_id(bought), self.directory.con_id(sold));
        let symbol = self.directory.symbol(bought).to_owned();
        wire::Contract {
            con_id: Some(CON_ID),
            symbol: Some(symbol.clone()),
            sec_type: Some(COMBINATION.to_owned()),
            exchange: Some(instrument.exchange.clone()),
            currency: Some(instrument.currency.code().to_owned()),
            local_symbol: Some(symbol),
            trading_class: Some("COMB".to_owned()),
            combo_legs_descrip: Some(words),
            combo_legs: vec![leg(bought, "BUY"), leg(sold, "SELL")],
            ..wire::Contract::default()
        }
    }

    /// The execution of the whole, before those of its legs. It has no charge of its own.
    pub(crate) fn send_whole(
        &self,
        key: SessionKey,
        req_id: Option<i32>,
        first: &ExecutionView,
        SpreadFill { id, against, price, average_price }: &SpreadFill,
    ) {
        let instrument = self.directory.instrument(first.contract);
        let unit = self.directory.unit(first.contract);
        let execution = wire_execution(first, &self.account, &instrument.exchange, id, (*price, *average_price), unit);
        let contract = Some(self.combination([first.contract, *against]));
        self.send(key, &wire::ExecutionDetails { req_id, contract, execution: Some(execution) });
    }
}
