//! Options in the broker's words: ids, descriptions, chains.
//!
//! In: roots of the universe, what is listed on them, descriptions as clients write them. Out: the options that fit, as
//! the wire says them. Invariant: an option's id is made of its root's place, week, strike and right and can be read
//! back, so that every option that is listed has an id before anybody asked for it.

use crate::contracts::{Directory, Unresolved, compact_date, fits_instrument, text, trading_class, valid_exchanges};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::wire;
use domain::{ContractId, InstrumentId, InstrumentKind, OptionKey, OptionRight, Price, Universe};
use jiff::civil::{Date, date};
use sim::{Command, OptionListing};
use tracing::error;

/// Above the ids of everything else; so many roots, weeks and strikes have one.
const ID_FIRST: i32 = 400_000_000;
const ROOTS: i32 = 12;
const WEEKS: i32 = 1_400;
const STRIKES: i32 = 50_000;
/// Weeks are counted from this Monday, strikes in these. A root has at most one expiry in a week.
const FIRST_WEEK: Date = date(2003, 12, 29);
const STRIKE_UNIT: i64 = 50_000_000;

/// The roots of a universe, in its order.
pub(crate) fn roots(universe: &Universe) -> Vec<InstrumentId> {
    let is_root = |&id: &InstrumentId| universe.instrument(id).kind == InstrumentKind::Opt;
    universe.instruments().filter(is_root).collect()
}

fn week_of(expiry: Date) -> i32 {
    (expiry - FIRST_WEEK).get_days().div_euclid(7)
}

/// The id of an option; `None` beyond the numbers there are.
pub(crate) fn id_of(place: usize, key: &OptionKey) -> Option<i32> {
    let place = i32::try_from(place).ok().filter(|place| *place < ROOTS)?;
    let week = Some(week_of(key.expiry)).filter(|week| (0..WEEKS).contains(week))?;
    let strike = key.strike.mantissa();
    let strike = i32::try_from(strike / STRIKE_UNIT).ok().filter(|&n| n < STRIKES && strike % STRIKE_UNIT == 0)?;
    Some(ID_FIRST + ((place * WEEKS + week) * STRIKES + strike) * 2 + i32::from(key.right == OptionRight::Put))
}

/// The parts of an id: the root's place, week, strike, right.
fn parts_of(con_id: i32) -> Option<(usize, i32, Price, OptionRight)> {
    let number = con_id.checked_sub(ID_FIRST).filter(|number| *number >= 0)?;
    let right = if number % 2 == 1 { OptionRight::Put } else { OptionRight::Call };
    let (strike, rest) = (number / 2 % STRIKES, number / 2 / STRIKES);
    let strike = Price::from_mantissa(i64::from(strike) * STRIKE_UNIT).ok()?;
    Some((usize::try_from(rest / WEEKS).ok()?, rest % WEEKS, strike, right))
}

/// The option symbols of the OCC: class, date, right, and the strike in thousandths.
pub(crate) fn occ_symbol(class: &str, key: &OptionKey) -> String {
    let (day, right) = (key.expiry.strftime("%y%m%d"), key.right.letter());
    format!("{class:<6}{day}{right}{:08}", key.strike.mantissa() / 100_000)
}

impl Directory {
    /// What is listed today, and what was when somebody asked for it: an exchange adds strikes as the market moves, and
    /// takes none away before they expire.
    fn strikes(&self, root: InstrumentId, expiry: Date, listed: &[Price]) -> Vec<Price> {
        let universe = self.universe();
        let of_root = universe.contracts().filter(|&id| universe.contract(id).instrument == root);
        let kept = of_root.filter_map(|id| universe.option(id)).filter(|key| key.expiry == expiry);
        let mut strikes: Vec<Price> = listed.iter().copied().chain(kept.map(|key| key.strike)).collect();
        strikes.sort_unstable();
        strikes.dedup();
        strikes
    }

    /// The options a description fits, by root, expiry and strike, calls first. The security type has to be said.
    pub(crate) fn options(
        &self,
        wanted: &wire::Contract,
        listing: impl Fn(InstrumentId) -> Option<OptionListing>,
    ) -> Vec<(InstrumentId, OptionKey)> {
        let roots = roots(self.universe());
        if let Some(con_id) = wanted.con_id.filter(|&con_id| con_id != 0) {
            let option = || {
                let (place, week, strike, right) = parts_of(con_id)?;
                let root = *roots.get(place)?;
                let listed = listing(root).filter(|listed| listed.strikes.contains(&strike))?;
                let expiry = *listed.expiries.iter().find(|expiry| week_of(**expiry) == week)?;
                Some((root, OptionKey { expiry, strike, right }))
            };
            return option().into_iter().collect();
        }
        if text(&wanted.sec_type) != "OPT" {
            return Vec::new();
        }
        let rights: &[OptionRight] = match text(&wanted.right) {
            "C" | "CALL" => &[OptionRight::Call],
            "P" | "PUT" => &[OptionRight::Put],
            "" | "0" | "?" => &[OptionRight::Call, OptionRight::Put],
            _ => &[],
        };
        let mut found = Vec::new();
        for root in roots {
            let instrument = self.universe().instrument(root);
            if !fits_instrument(wanted, instrument, &instrument.symbol) {
                continue;
            }
            let Some(listed) = listing(root) else { continue };
            let ends = |expiry: &Date| {
                let day = compact_date(*expiry);
                day.starts_with(text(&wanted.last_trade_date_or_contract_month))
                    && day.starts_with(text(&wanted.last_trade_date))
            };
            let is_struck =
                |strike: &Price| wanted.strike.is_none_or(|wanted| wanted == 0.0 || wanted == strike.to_f64());
            let named = |key: &OptionKey| {
                let local = text(&wanted.local_symbol);
                local.is_empty() || local == occ_symbol(trading_class(instrument), key)
            };
            for expiry in listed.expiries.into_iter().filter(ends) {
                for strike in self.strikes(root, expiry, &listed.strikes).into_iter().filter(is_struck) {
                    let keys = rights.iter().map(|&right| OptionKey { expiry, strike, right });
                    found.extend(keys.filter(named).map(|key| (root, key)));
                }
            }
        }
        found
    }

    /// The fields of a contract that only an option has.
    pub(crate) fn described_as(&self, contract: wire::Contract, root: InstrumentId, key: &OptionKey) -> wire::Contract {
        let instrument = self.universe().instrument(root);
        let place = roots(self.universe()).iter().position(|known| *known == root);
        let expiry = Some(compact_date(key.expiry));
        wire::Contract {
            con_id: place.and_then(|place| id_of(place, key)),
            last_trade_date_or_contract_month: expiry.clone(),
            last_trade_date: expiry,
            strike: Some(key.strike.to_f64()),
            right: Some(key.right.letter().to_string()),
            local_symbol: Some(occ_symbol(trading_class(instrument), key)),
            ..contract
        }
    }
}

impl Desk {
    /// The one contract a description means. An option that nobody has asked for before gets a place in the world.
    pub(crate) fn resolve(&mut self, wanted: &Option<wire::Contract>) -> Result<ContractId, Unresolved> {
        let wanted = wanted.clone().unwrap_or_default();
        let options = match self.directory.resolve(&wanted, self.today()) {
            Err(Unresolved::NoMatch) => self.directory.options(&wanted, |root| self.sim.option_listing(root)),
            found => return found,
        };
        match options[..] {
            [] => Err(Unresolved::NoMatch),
            [(root, key)] => self.list(root, key).ok_or(Unresolved::NoMatch),
            _ => Err(Unresolved::Ambiguous(text(&wanted.symbol).to_owned())),
        }
    }

    fn list(&mut self, root: InstrumentId, key: OptionKey) -> Option<ContractId> {
        if let Some(known) = self.sim.universe().find_option(root, &key) {
            return Some(known);
        }
        if let Err(error) = self.apply(None, Command::List { root, key }) {
            error!(%error, "an option is not listed");
        }
        self.sim.universe().find_option(root, &key)
    }

    /// Every option of a description, with the details of its root.
    pub(crate) fn option_data(&self, wanted: &wire::Contract) -> Vec<(wire::Contract, wire::ContractDetails)> {
        let found = self.directory.options(wanted, |root| self.sim.option_listing(root));
        let data = |(root, key): (InstrumentId, OptionKey)| {
            let instrument = self.sim.universe().instrument(root);
            let exchange = wanted.exchange.clone().filter(|exchange| !exchange.is_empty());
            let exchange = exchange.unwrap_or_else(|| instrument.exchange.clone());
            let contract = self.directory.described_as(self.directory.outline(instrument, Some(exchange)), root, &key);
            let details = self.directory.outline_details(instrument, Some(key.expiry), &self.calendars, self.now());
            (contract, wire::ContractDetails { under_con_id: self.underlying_id(root), ..details })
        };
        found.into_iter().map(data).collect()
    }

    fn underlying_id(&self, root: InstrumentId) -> Option<i32> {
        let universe = self.sim.universe();
        let underlying = universe.underlying(root).and_then(|id| universe.spot_contract(id))?;
        Some(self.directory.con_id(underlying))
    }

    /// Expiries and strikes of every root on an underlying, once per exchange. An underlying without options has none.
    pub(crate) fn option_parameters(&mut self, key: SessionKey, request: &wire::SecDefOptParamsRequest) {
        let asked = request.underlying_con_id.unwrap_or(NO_REQUEST);
        let universe = self.sim.universe().clone();
        for root in roots(&universe) {
            if self.underlying_id(root) != Some(asked) {
                continue;
            }
            let Some(listed) = self.sim.option_listing(root) else { continue };
            let instrument = universe.instrument(root);
            let wanted = text(&request.fut_fop_exchange);
            let exchanges = valid_exchanges(instrument);
            for exchange in exchanges.into_iter().filter(|exchange| wanted.is_empty() || wanted == *exchange) {
                let answer = wire::SecDefOptParameter {
                    req_id: request.req_id,
                    exchange: Some(exchange.to_owned()),
                    underlying_con_id: Some(asked),
                    trading_class: Some(trading_class(instrument).to_owned()),
                    multiplier: Some(instrument.multiplier.to_string()),
                    expirations: listed.expiries.iter().map(|expiry| compact_date(*expiry)).collect(),
                    strikes: listed.strikes.iter().map(|strike| strike.to_f64()).collect(),
                };
                self.send(key, &answer);
            }
        }
        self.send(key, &wire::SecDefOptParameterEnd { req_id: request.req_id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_s_id_can_be_read_back() {
        for (place, expiry, strike, right) in [
            (0, date(2026, 12, 17), 5200.0, OptionRight::Put),
            (11, date(2030, 10, 18), 24_999.5, OptionRight::Call),
            (3, date(2025, 1, 14), 0.5, OptionRight::Put),
        ] {
            let key = OptionKey { expiry, strike: Price::from_f64(strike).unwrap(), right };
            let id = id_of(place, &key).expect("a number");
            assert_eq!(parts_of(id), Some((place, week_of(expiry), key.strike, right)));
        }
        let odd =
            OptionKey { expiry: date(2026, 12, 17), strike: Price::from_f64(52.3).unwrap(), right: OptionRight::Call };
        assert_eq!(id_of(0, &odd), None);
        assert_eq!(parts_of(ID_FIRST - 1), None);
    }

    #[test]
    fn an_option_goes_by_the_symbol_of_the_clearing_house() {
        let key =
            OptionKey { expiry: date(2026, 12, 17), strike: Price::from_f64(67.5).unwrap(), right: OptionRight::Put };
        assert_eq!(occ_symbol("GLE", &key), "GLE   261217P00067500");
    }
}
