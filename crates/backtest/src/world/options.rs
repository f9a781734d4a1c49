//! Chains and quotes of options, and spreads, on a simulation without a wire.
//!
//! In: roots, options, spreads under our keys. Out: what the simulation lists and how it values it. Invariant: an answer
//! is what the same simulation gives over TCP; an option that was asked for keeps its place in both tables.

use super::SimBroker;
use super::broker::con_id;
use domain::{ContractId, InstrumentId, OptionKey, Quantity, Universe};
use market::options::DAYS_PER_YEAR;
use ports::{BrokerError, OptionChain, OptionClass, OptionModel, OptionQuote, SpreadRequest};
use rust_decimal::Decimal;
use sim::SimOrder;
use std::rc::Rc;
use std::sync::Arc;

impl SimBroker {
    /// The simulation's key of a root of ours.
    fn root(&self, root: InstrumentId) -> Result<InstrumentId, BrokerError> {
        let name = &self.world.ours.instrument(root).name;
        let listed = self.world.simulation.borrow().universe().find_instrument(name);
        listed.ok_or_else(|| BrokerError::Unusable(format!("{name}: the broker knows no such root")))
    }

    pub(super) fn chain(&self, root: InstrumentId) -> Result<OptionChain, BrokerError> {
        let ours = &self.world.ours;
        let instrument = ours.instrument(root);
        let nothing = || BrokerError::Unusable(format!("{}: the broker lists no options of it", instrument.name));
        let listed = self.root(root)?;
        let listing = self.world.simulation.borrow().option_listing(listed).ok_or_else(nothing)?;
        let underlying = ours.underlying(root).and_then(|id| ours.spot_contract(id)).ok_or_else(nothing)?;
        let class = OptionClass {
            trading_class: instrument.trading_class.clone(),
            multiplier: Decimal::from(instrument.multiplier),
            expiries: listing.expiries,
            strikes: listing.strikes,
        };
        Ok(OptionChain { root, underlying, classes: vec![class] })
    }

    pub(super) fn quotes(&self, root: InstrumentId, wanted: &[OptionKey]) -> Result<Vec<OptionQuote>, BrokerError> {
        let root = self.root(root)?;
        let mut simulation = self.world.simulation.borrow_mut();
        let listed = simulation.list_options(root, wanted);
        let quote = |(&key, listed): (&OptionKey, Option<ContractId>)| {
            let listed = listed?;
            let view = simulation.option_view(listed)?;
            let volume = simulation.last_volume(listed);
            let volume = volume.map(|volume| (volume.units() / Quantity::UNITS_PER_SHARE) as u64);
            let model = OptionModel {
                implied_volatility: view.volatility,
                delta: view.value.delta,
                gamma: Some(view.value.gamma),
                vega: Some(view.value.vega / 100.0),
                theta: Some(view.value.theta / DAYS_PER_YEAR),
                price: Some(view.value.price),
                underlying: Some(view.underlying.price()),
            };
            let (con_id, quote) = (con_id(listed), simulation.quote(listed));
            let (model, open_interest) = (Some(model), Some(view.open_interest));
            Some(OptionQuote { key, con_id, quote, model, open_interest, volume })
        };
        Ok(wanted.iter().zip(listed).filter_map(quote).collect())
    }

    /// More contracts at the end of ours: options, which the simulation lists too. It may have listed one long before, when
    /// it was only quoted.
    pub(super) fn grow(&mut self, universe: Arc<Universe>) {
        let mut simulation = self.world.simulation.borrow_mut();
        let (mut theirs, mut known_as) = ((*self.world.theirs).clone(), (*self.world.known_as).clone());
        for id in universe.contracts().skip(theirs.len()) {
            let root = universe.instrument_of(id);
            let root = simulation.universe().find_instrument(&root.name);
            let option = root.zip(universe.option(id).copied());
            let listed = option.and_then(|(root, key)| simulation.list_option(root, key));
            (known_as.len()..simulation.universe().contract_count()).for_each(|_| known_as.push(None));
            listed.into_iter().for_each(|listed| known_as[listed] = Some(id));
            theirs.push(listed);
            self.resolved.push(false);
        }
        drop(simulation);
        self.world.ours = universe;
        (self.world.theirs, self.world.known_as) = (Rc::new(theirs), Rc::new(known_as));
    }

    pub(super) fn spread(&self, request: &SpreadRequest, order_id: i32) -> Result<SimOrder, BrokerError> {
        let &SpreadRequest { near, far, side, quantity, limit, time_in_force: tif, .. } = request;
        let (contract, against): (ContractId, _) = (self.listed(far)?, Some(self.listed(near)?));
        let order_ref = request.order_ref.to_string();
        let order_type = domain::OrderType::Lmt;
        Ok(SimOrder { order_id, order_ref, contract, against, side, quantity, order_type, limit, tif, transmit: true })
    }
}
