//! Options on the tape: priced from their underlying, listed when somebody asks for them.
//!
//! In: a universe that grew by an option, contracts, instants. Out: model values, bars, settlement prices. Invariant: an
//! option has no price of its own; what it is worth depends on underlying, index of volatility and time alone.

use crate::exposure::Exposure;
use crate::model::volatility_forward;
use crate::options::{Root, years_until};
use crate::overnight::utc_date;
use crate::tape::{Source, Tape, end_of_day, to_tick};
use crate::{OptionListing, OptionView};
use domain::{ContractId, InstrumentId, OptionKey, Price, Universe};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use market::Bar;
use market::calendar::Session;
use std::cell::RefCell;
use std::sync::Arc;

/// Instants at which an option is looked at for the bar of a session.
const LOOKS: i32 = 26;
/// How long prices that have passed can still be asked for.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(6 * 24);

impl Tape {
    /// Takes what a universe has grown by in: options that were listed.
    pub(crate) fn list(&mut self, universe: Arc<Universe>) {
        self.turn();
        let listed = self.histories.len()..universe.contract_count();
        self.universe = universe;
        for place in listed {
            self.add_streams(ContractId(place as u32));
            self.histories.push(RefCell::default());
            self.ended.push(None);
        }
    }

    /// The sessions of an option that have been fixed and whose prices can still be asked for, oldest first.
    pub(crate) fn option_sessions(
        &self,
        contract: ContractId,
        now: Timestamp,
    ) -> impl DoubleEndedIterator<Item = &Session> {
        let fixed = self.venue(contract).fixed_from(utc_date(now - REMEMBERED), now);
        fixed.iter().filter(move |session| self.has_session(contract, session))
    }

    /// The bars of the last `count` of them dated before a day.
    pub(crate) fn option_bars(&self, contract: ContractId, before: Date, count: usize, now: Timestamp) -> Vec<Bar> {
        let sessions = self.option_sessions(contract, now).filter(|session| session.date < before);
        let mut written = self.option_bars.borrow_mut();
        let remembered = utc_date(now - REMEMBERED);
        while written.first_key_value().is_some_and(|((date, _), _)| *date < remembered) {
            written.pop_first();
        }
        let bar = |session: &Session| {
            *written.entry((session.date, contract)).or_insert_with(|| self.option_bar(contract, session))
        };
        let mut bars: Vec<Bar> = sessions.rev().take(count).map(bar).collect();
        bars.reverse();
        bars
    }

    /// An option with the root it belongs to; `None` for anything else.
    pub(crate) fn option(&self, contract: ContractId) -> Option<(&Root, &OptionKey)> {
        let key = self.universe.option(contract)?;
        Some((self.roots[self.universe.contract(contract).instrument].as_ref()?, key))
    }

    /// What is listed of a root.
    pub(crate) fn listing(&self, root: InstrumentId, now: Timestamp) -> Option<OptionListing> {
        let venue = self.venues().get(self.universe.instrument(root).venue);
        let root = self.roots[root].as_ref()?;
        let (_, close) = self.last_official(root.underlying, now)?;
        Some(root.listing(close.to_f64(), utc_date(now), venue))
    }

    /// Whether something is the underlying of options.
    pub(crate) fn has_options(&self, contract: ContractId) -> bool {
        self.roots.as_slice().iter().flatten().any(|root| root.underlying == contract)
    }

    /// An option's model at an instant that has a price of its underlying.
    pub(crate) fn option_view(&self, contract: ContractId, at: Timestamp) -> Option<OptionView> {
        let (root, key, [price, level, years]) = self.option_facts(contract, at)?;
        Some(root.view(key, price, level, years))
    }

    /// The price of that model, made once an instant: an account holds options of venues that are closed all day.
    pub(crate) fn option_price(&self, contract: ContractId, at: Timestamp) -> Option<f64> {
        let known = self.option_prices.borrow().get(contract);
        if let Some((_, price)) = known.filter(|(of, _)| *of == at) {
            return Some(price);
        }
        let (root, key, [price, level, years]) = self.option_facts(contract, at)?;
        let price = root.price(key, price, level, years);
        self.option_prices.borrow_mut().keep(contract, (at, price));
        Some(price)
    }

    /// What an option's model is asked with: price of the underlying or its forward, level of volatility, years.
    fn option_facts(&self, contract: ContractId, at: Timestamp) -> Option<(&Root, &OptionKey, [f64; 3])> {
        let (root, key) = self.option(contract)?;
        let end = self.ends(contract)?;
        let spot = self.spot(root.underlying, at)?;
        let level = root.level(root.index.and_then(|index| self.spot(index, at)));
        let price = if root.on_volatility {
            let exposure = Exposure::of(self.universe.instrument_of(root.underlying));
            volatility_forward(spot, exposure.long_run(), utc_date(at), utc_date(end))
        } else {
            spot
        };
        Some((root, key, [price, level, years_until(end, at)]))
    }

    /// The price of the underlying that an option ends at, when it ends now.
    pub(crate) fn settlement(&self, contract: ContractId, at: Timestamp) -> Option<Price> {
        let (root, _) = self.option(contract)?;
        Some(to_tick(self.spot(root.underlying, at)?, self.universe.terms(root.underlying).tick))
    }

    fn ends(&self, contract: ContractId) -> Option<Timestamp> {
        let (root, key) = self.option(contract)?;
        Some(root.ends(key.expiry, self.venue(contract)).unwrap_or_else(|| end_of_day(key.expiry)))
    }

    /// A price between sessions too: options trade while the shares of an index do not. Made once an instant: all options of a
    /// root ask for the same.
    fn spot(&self, contract: ContractId, at: Timestamp) -> Option<f64> {
        let known = self.spots.borrow().get(contract);
        if let Some((_, price)) = known.filter(|(of, _)| *of == at) {
            return Some(price);
        }
        let price = match &self.source {
            Source::Model(model) => model.price(contract, utc_date(at), at),
            Source::Replay(_) => self.last(contract, at)?.to_f64(),
        };
        self.spots.borrow_mut().keep(contract, (at, price));
        Some(price)
    }

    /// Looked at in even steps; the true extremes lie between them.
    pub(crate) fn option_bar(&self, contract: ContractId, session: &Session) -> Bar {
        let looks = if self.ends_only { 1 } else { LOOKS };
        let step = session.close.duration_since(session.open) / looks;
        let tick = self.universe.terms(contract).tick;
        let look = |n: i32| to_tick(self.middle(contract, session, session.open + step * n), tick);
        let mut prices = [look(0); 4];
        for price in (1..looks).map(look).chain([self.official_close(contract, session)]) {
            let [open, high, low, _] = prices;
            prices = [open, high.max(price), low.min(price), price];
        }
        Bar::new(session.date, prices, self.volume(contract, session.date, prices[3]))
    }
}
