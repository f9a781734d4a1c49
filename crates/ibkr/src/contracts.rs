//! Which of the broker's contracts is which of ours, and whether both sides mean the same thing.
//!
//! In: the instrument table and contract details. Out: one broker contract per contract of ours. Invariant: a
//! contract is used only after exactly one answer agreed in currency, unit, multiplier, tick, ISIN and expiry.

use crate::{convert, options};
use domain::{Band, ContractId, Currency, Instrument, InstrumentKind, Price, Universe};
use ibapi::contracts::{Contract, ContractDetails, SecurityIdType, SecurityType};
use ports::{BrokerError, Dispute};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The contracts resolved so far, as orders and data requests send them.
#[derive(Default)]
pub(crate) struct ContractBook {
    resolved: BTreeMap<ContractId, Contract>,
    by_con_id: BTreeMap<i32, ContractId>,
    /// What the broker says of a contract that is not what the table says.
    disputed: BTreeMap<ContractId, String>,
}

impl ContractBook {
    pub(crate) fn insert(&mut self, id: ContractId, contract: Contract) {
        if let Some(earlier) = self.resolved.insert(id, contract.clone()) {
            self.by_con_id.remove(&earlier.contract_id);
        }
        self.by_con_id.insert(contract.contract_id, id);
        self.disputed.remove(&id);
    }

    /// Knows a contract by its ids and nothing else: what the broker says of it contradicts the table, or is not about one
    /// contract. The id it had before still means it.
    pub(crate) fn dispute(&mut self, id: ContractId, con_ids: impl IntoIterator<Item = i32>, what: String) {
        self.resolved.remove(&id);
        self.by_con_id.extend(con_ids.into_iter().map(|con_id| (con_id, id)));
        self.disputed.insert(id, what);
    }

    /// Contracts that are not to be used, and why.
    pub(crate) fn disputes(&self) -> impl Iterator<Item = Dispute> + '_ {
        self.disputed.iter().map(|(&contract, what)| Dispute { contract, what: what.clone() })
    }

    pub(crate) fn is_disputed(&self, id: ContractId) -> bool {
        self.disputed.contains_key(&id)
    }

    /// The broker's contract, with its routing exchange.
    pub(crate) fn get(&self, id: ContractId) -> Option<&Contract> {
        self.resolved.get(&id)
    }

    /// The same, of a contract that has to be usable.
    ///
    /// # Errors
    /// [`BrokerError::Unusable`]: what is disputed about it, or that nobody has resolved it in this session.
    pub(crate) fn usable(&self, universe: &Universe, id: ContractId) -> Result<&Contract, BrokerError> {
        self.resolved.get(&id).ok_or_else(|| match self.disputed.get(&id) {
            Some(what) => BrokerError::Unusable(what.clone()),
            None => unusable(universe, id, "not resolved in this session: resolve it before it is quoted or traded"),
        })
    }

    /// Our key of a broker's contract id.
    pub(crate) fn find(&self, con_id: i32) -> Option<ContractId> {
        self.by_con_id.get(&con_id).copied()
    }
}

/// What to ask the broker for: its id when it is known, else the facts that name one contract.
pub(crate) fn query(universe: &Universe, id: ContractId, known: Option<i32>) -> Result<Contract, BrokerError> {
    let instrument = universe.instrument_of(id);
    let security_type = match instrument.kind {
        InstrumentKind::Stk | InstrumentKind::Etf => SecurityType::Stock,
        InstrumentKind::Fut => SecurityType::Future,
        InstrumentKind::Cash => SecurityType::ForexPair,
        InstrumentKind::Ind => SecurityType::Index,
        InstrumentKind::Opt => SecurityType::Option,
    };
    let mut query = Contract { security_type, exchange: instrument.exchange.as_str().into(), ..Contract::default() };
    if let Some(con_id) = known {
        query.contract_id = con_id;
        return Ok(query);
    }
    query.currency = instrument.currency.code().into();
    query.primary_exchange = instrument.primary_exchange.as_str().into();
    query.trading_class.clone_from(&instrument.trading_class);
    match &instrument.isin {
        Some(isin) => {
            query.security_id_type = Some(SecurityIdType::Isin);
            query.security_id.clone_from(isin);
        }
        None => query.symbol = instrument.symbol.as_str().into(),
    }
    if instrument.kind == InstrumentKind::Opt {
        let key = universe.option(id).ok_or_else(|| unusable(universe, id, "it is listed without strike and right"))?;
        return Ok(options::query(instrument, key.expiry, key.right, Some(key.strike)));
    }
    if let Some(expiry) = universe.contract(id).expiry {
        query.last_trade_date_or_contract_month = expiry.strftime("%Y%m%d").to_string();
    }
    Ok(query)
}

/// What to ask for when nothing fits the facts that name one contract: all that goes by the symbol. It finds what a wrong
/// currency, ISIN, exchange or class in the table hides.
pub(crate) fn wider_query(universe: &Universe, id: ContractId) -> Result<Contract, BrokerError> {
    let exact = query(universe, id, None)?;
    Ok(Contract {
        symbol: universe.instrument_of(id).symbol.as_str().into(),
        security_type: exact.security_type,
        exchange: exact.exchange,
        strike: exact.strike,
        right: exact.right,
        // Of a last trading day that differs, the month is right.
        last_trade_date_or_contract_month: exact.last_trade_date_or_contract_month.chars().take(6).collect(),
        ..Contract::default()
    })
}

/// The one contract among the answers, after every fact both sides state has been compared. `steps` are the price steps
/// the exchange allows, empty when they are not known.
///
/// # Errors
/// What they state differently, in words.
pub(crate) fn agree(
    universe: &Universe,
    id: ContractId,
    details: &ContractDetails,
    steps: &[Step],
) -> Result<(Contract, ports::ContractDetails), String> {
    let differences = differences(universe, id, details, steps);
    if !differences.is_empty() {
        let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
        let told = told.join("; ");
        let name = &universe.contract(id).name;
        return Err(format!("{name}: {told}: not traded until they agree; correct the table if the broker is right"));
    }
    let instrument = universe.instrument_of(id);
    let ours = ports::ContractDetails {
        contract: id,
        con_id: i64::from(details.contract.contract_id),
        bands: bands(instrument, steps, Decimal::from(details.price_magnifier.max(1))),
        last_trade: last_trade(details),
        takes_loc: details.order_types.iter().any(|kind| kind == "LOC"),
        liquid_hours: details.liquid_hours.join(";").into(),
        time_zone: details.time_zone_id.as_str().into(),
    };
    let contract = Contract { exchange: instrument.exchange.as_str().into(), ..details.contract.clone() };
    Ok((contract, ours))
}

/// A price from which on a step holds, and the step.
pub(crate) type Step = (Decimal, Decimal);

/// A fact of the instrument table that the broker states otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key in the instrument table.
    pub field: &'static str,
    /// What the table says.
    pub ours: String,
    /// What the broker says.
    pub theirs: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference { field, ours, theirs } = self;
        write!(f, "{field}: the broker says {theirs}, the instrument table says {ours}")
    }
}

/// Every fact that both sides state and that is not the same.
pub(crate) fn differences(
    universe: &Universe,
    id: ContractId,
    details: &ContractDetails,
    steps: &[Step],
) -> Vec<Difference> {
    let instrument = universe.instrument_of(id);
    let contract = &details.contract;
    let mut found = Vec::new();
    let mut compare = |field, ours: String, theirs: String| {
        if ours != theirs {
            found.push(Difference { field, ours, theirs });
        }
    };
    // An ISIN with one wrong choice of line leads to another fund that agrees in everything but its name.
    if instrument.isin.is_some() && !contract.symbol.to_string().is_empty() {
        compare("symbol", instrument.symbol.clone(), contract.symbol.to_string());
    }
    compare("currency", instrument.currency.code().to_owned(), contract.currency.to_string());
    if !instrument.primary_exchange.is_empty() && !contract.primary_exchange.is_empty() {
        compare("primary_exchange", instrument.primary_exchange.clone(), contract.primary_exchange.to_string());
    }
    if !instrument.trading_class.is_empty() && !contract.trading_class.is_empty() {
        compare("trading_class", instrument.trading_class.clone(), contract.trading_class.clone());
    }
    let magnifier = Decimal::from(details.price_magnifier.max(1));
    let per_major = |units: Decimal| format!("{units} quoted for one {}", instrument.currency);
    compare("quote_unit", per_major(instrument.quote_unit.per_major()), per_major(magnifier));
    compare("multiplier", instrument.multiplier.to_string(), multiplier(instrument, &contract.multiplier));
    if let Some(theirs) = other_tick(instrument, details.min_tick, steps, magnifier) {
        compare("tick", instrument.tick.to_decimal().normalize().to_string(), theirs);
    }
    let takes_limits = details.order_types.is_empty() || details.order_types.iter().any(|kind| kind == "LMT");
    if instrument.tradable && !takes_limits {
        compare("tradable", "limit orders".to_owned(), format!("only {}", details.order_types.join(", ")));
    }
    if let Some(key) = universe.option(id) {
        let right = contract.right.map_or("neither".to_owned(), |right| right.to_string());
        compare("strike", key.strike.to_string(), contract.strike.to_string());
        compare("right", key.right.letter().to_string(), right);
    }
    if let Some(expiry) = universe.contract(id).expiry {
        let theirs = last_trade(details).map_or_else(|| "nothing".to_owned(), |day| day.to_string());
        compare("last trading day", expiry.to_string(), theirs);
    }
    let isin = details.sec_id_list.iter().find(|id| id.tag.eq_ignore_ascii_case("ISIN"));
    if let (Some(ours), Some(theirs)) = (&instrument.isin, isin) {
        compare("isin", ours.clone(), theirs.value.clone());
    }
    found
}

/// The answer that contradicts the table least.
pub(crate) fn nearest<'a>(
    universe: &Universe,
    id: ContractId,
    answers: &'a [ContractDetails],
) -> Option<&'a ContractDetails> {
    answers.iter().min_by_key(|details| differences(universe, id, details, &[]).len())
}

/// Exactly one answer; a root that exists with several multipliers is narrowed by ours.
///
/// # Errors
/// In words, with what to do: there is none, or there are several.
pub(crate) fn only<'a>(
    universe: &Universe,
    id: ContractId,
    answers: &'a [ContractDetails],
) -> Result<&'a ContractDetails, String> {
    let instrument = universe.instrument_of(id);
    let name = &universe.contract(id).name;
    let ours = Decimal::from(instrument.multiplier);
    let of_our_size = |answer: &&ContractDetails| {
        convert::decimal_text(&answer.contract.multiplier).is_none_or(|theirs| theirs == ours)
    };
    let candidates: Vec<_> = match answers {
        [_] => answers.iter().collect(),
        _ => answers.iter().filter(of_our_size).collect(),
    };
    match candidates[..] {
        [one] if one.contract.contract_id > 0 => Ok(one),
        [_] => Err(format!("{name}: the broker's answer carries no contract id")),
        [] => Err(format!(
            "{name}: the broker knows no {} {} on {}: check symbol, ISIN, exchange and expiry in the instrument table",
            instrument.symbol, instrument.currency, instrument.exchange
        )),
        ref several => {
            let names: Vec<_> = several
                .iter()
                .map(|d| format!("{} {} {}", d.contract.contract_id, d.contract.local_symbol, d.contract.exchange))
                .collect();
            Err(format!(
                "{name}: the broker knows {} of it ({}): narrow it by ISIN, primary exchange or trading class",
                several.len(),
                names.join(", ")
            ))
        }
    }
}

fn multiplier(instrument: &Instrument, theirs: &str) -> String {
    let has_none = matches!(
        instrument.kind,
        InstrumentKind::Stk | InstrumentKind::Etf | InstrumentKind::Cash | InstrumentKind::Ind
    );
    match convert::decimal_text(theirs) {
        Some(number) => number.normalize().to_string(),
        None if theirs.is_empty() && has_none => "1".to_owned(),
        None if theirs.is_empty() => "nothing".to_owned(),
        None => format!("`{theirs}`, which is no number"),
    }
}

/// The broker's price steps, when ours is none of them. Without a list ours must lie on the grid of the smallest one.
/// A step can be stated in quoted or in major units.
fn other_tick(instrument: &Instrument, min_tick: f64, steps: &[Step], magnifier: Decimal) -> Option<String> {
    let ours = instrument.tick.to_decimal();
    let smallest = convert::decimal(min_tick).unwrap_or_default();
    let fits = match steps {
        [] => smallest > Decimal::ZERO && (ours % smallest).is_zero(),
        _ => steps.iter().any(|&(_, step)| step == ours || step / magnifier == ours),
    };
    if fits || !instrument.tradable {
        return None;
    }
    let listed: Vec<String> = steps.iter().map(|(_, step)| step.normalize().to_string()).collect();
    Some(if listed.is_empty() { smallest.normalize().to_string() } else { listed.join(" or ") })
}

/// The broker's steps by price level in the major unit; they are stated in the unit in which ours is among them.
fn bands(instrument: &Instrument, steps: &[Step], magnifier: Decimal) -> Vec<Band> {
    let is_major = steps.iter().any(|&(_, step)| step == instrument.tick.to_decimal());
    let unit = if is_major { Decimal::ONE } else { magnifier };
    let band = |&(from, step): &Step| {
        let from = (from / unit * Decimal::from(100_000_000)).to_i64()?;
        Some(Band { from, step: Price::from_decimal(step / unit).ok()? })
    };
    let mut bands: Vec<Band> = steps.iter().filter_map(band).collect();
    bands.sort_unstable();
    bands
}

fn last_trade(details: &ContractDetails) -> Option<jiff::civil::Date> {
    let contract = &details.contract;
    (contract.last_trade_date.and_then(convert::date))
        .or_else(|| convert::wire_date(&details.real_expiration_date))
        .or_else(|| convert::wire_date(&contract.last_trade_date_or_contract_month))
}

pub(crate) fn unusable(universe: &Universe, id: ContractId, what: impl Display) -> BrokerError {
    BrokerError::Unusable(format!("{}: {what}", universe.contract(id).name))
}

/// A currency code of the wire; `what` says where it stood.
pub(crate) fn currency(what: impl Display, code: &str) -> Result<Currency, BrokerError> {
    code.parse().map_err(|unknown| BrokerError::Unusable(format!("{what}: {unknown}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use ibapi::contracts::TagValue;

    /// What a broker that means the same thing answers.
    fn answer(universe: &Universe, id: ContractId) -> ContractDetails {
        let instrument = universe.instrument_of(id);
        let mut contract = query(universe, id, None).expect("a query");
        contract.contract_id = 100_000 + id.0 as i32;
        contract.local_symbol.clone_from(&instrument.symbol);
        if instrument.multiplier != 1 {
            contract.multiplier = instrument.multiplier.to_string();
        }
        let isin = instrument.isin.iter().map(|isin| TagValue { tag: "ISIN".into(), value: isin.clone() });
        ContractDetails {
            sec_id_list: isin.collect(),
            contract,
            price_magnifier: i32::try_from(instrument.quote_unit.per_major()).expect("1 or 100"),
            min_tick: instrument.tick.to_f64(),
            ..ContractDetails::default()
        }
    }

    #[test]
    fn every_kind_is_asked_for_in_its_own_way() {
        let universe = fixture::universe();
        let asked: Vec<String> = universe
            .contracts()
            .map(|id| {
                let q = query(&universe, id, None).expect("a query");
                format!(
                    "{} {} {} {} {} {} {}",
                    q.security_type,
                    q.symbol,
                    q.security_id,
                    q.currency,
                    q.exchange,
                    q.primary_exchange,
                    q.last_trade_date_or_contract_month
                )
            })
            .collect();
        insta::assert_snapshot!(asked.join("\n"), @r"
        STK  IE00B5BMR087 USD SMART LSEETF 
        STK ISF  GBP SMART  
        CASH EUR  USD IDEALPRO  
        IND SPX  USD CBOE  
        FUT M6E  USD CME  20251215
        ");
    }

    #[test]
    fn a_contract_is_used_only_when_both_sides_mean_the_same() {
        let universe = fixture::universe();
        for id in universe.contracts() {
            let (contract, details) = agree(&universe, id, &answer(&universe, id), &[]).expect("agreement");
            assert_eq!(i64::from(contract.contract_id), details.con_id);
        }

        let refusal = |name: &str, change: &dyn Fn(&mut ContractDetails)| {
            let id = fixture::contract(&universe, name);
            let mut changed = answer(&universe, id);
            change(&mut changed);
            agree(&universe, id, &changed, &[]).expect_err("a contradiction")
        };
        let refusals = [
            refusal("CSPX", &|d| d.contract.currency = "GBP".into()),
            refusal("CSPX", &|d| d.price_magnifier = 100),
            refusal("CSPX", &|d| d.min_tick = 0.05),
            refusal("CSPX", &|d| d.sec_id_list[0].value = "IE00B53SZB19".into()),
            refusal("M6E_20251215", &|d| d.contract.multiplier = "125000".into()),
            refusal("M6E_20251215", &|d| d.contract.last_trade_date_or_contract_month = "20251216".into()),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
        CSPX: currency: the broker says GBP, the instrument table says USD: not traded until they agree; correct the table if the broker is right
        CSPX: quote_unit: the broker says 100 quoted for one USD, the instrument table says 1 quoted for one USD: not traded until they agree; correct the table if the broker is right
        CSPX: tick: the broker says 0.05, the instrument table says 0.01: not traded until they agree; correct the table if the broker is right
        CSPX: isin: the broker says IE00B53SZB19, the instrument table says IE00B5BMR087: not traded until they agree; correct the table if the broker is right
        M6E_20251215: multiplier: the broker says 125000, the instrument table says 12500: not traded until they agree; correct the table if the broker is right
        M6E_20251215: last trading day: the broker says 2025-12-16, the instrument table says 2025-12-15: not traded until they agree; correct the table if the broker is right
        ");
    }

    #[test]
    fn a_tick_is_one_of_the_steps_the_exchange_allows() {
        let universe = fixture::universe();
        let isf = fixture::contract(&universe, "ISF");
        let details = answer(&universe, isf);
        let tick = universe.instrument_of(isf).tick.to_decimal();
        let told = |steps: &[Decimal]| {
            let steps: Vec<Step> = steps.iter().map(|&step| (Decimal::ZERO, step)).collect();
            differences(&universe, isf, &details, &steps)
        };
        assert_eq!(told(&[]), [], "on the grid of the smallest step");
        assert_eq!(told(&[tick, tick + tick]), []);
        assert_eq!(told(&[tick * Decimal::ONE_HUNDRED]), [], "pence");
        assert_eq!(told(&[tick + tick])[0].field, "tick", "a finer step than any the exchange allows");
        assert_eq!(told(&[tick / Decimal::TWO])[0].field, "tick", "a coarser one than any it allows");
    }

    #[test]
    fn bands_are_in_the_major_unit_in_whichever_unit_the_broker_states_them() {
        let universe = fixture::universe();
        let isf = fixture::contract(&universe, "ISF");
        let instrument = universe.instrument_of(isf);
        let tick = instrument.tick.to_decimal();
        let hundred = Decimal::ONE_HUNDRED;
        let told = |unit: Decimal| {
            let steps = [(hundred * unit, tick * Decimal::TWO * unit), (Decimal::ZERO, tick * unit)];
            let bands = bands(instrument, &steps, hundred);
            bands.iter().map(|band| (band.from, band.step)).collect::<Vec<_>>()
        };
        let step = |factor| Price::from_decimal(tick * factor).unwrap();
        let expected = vec![(0, step(Decimal::ONE)), (10_000_000_000, step(Decimal::TWO))];
        assert_eq!((told(Decimal::ONE), told(hundred)), (expected.clone(), expected), "pounds, pence");
    }

    #[test]
    fn none_and_several_are_not_one() {
        let universe = fixture::universe();
        let m6e = fixture::contract(&universe, "M6E_20251215");
        let right = answer(&universe, m6e);
        let mut larger = right.clone();
        larger.contract.multiplier = "125000".into();
        larger.contract.contract_id += 1;

        let found = [larger.clone(), right.clone()];
        let one = only(&universe, m6e, &found).expect("one has our multiplier");
        assert_eq!(one.contract.contract_id, right.contract.contract_id);
        let none = only(&universe, m6e, &[]).expect_err("none");
        let several = only(&universe, m6e, &[right.clone(), right]).expect_err("several");
        insta::assert_snapshot!(format!("{none}\n{several}"), @r"
        M6E_20251215: the broker knows no M6E USD on CME: check symbol, ISIN, exchange and expiry in the instrument table
        M6E_20251215: the broker knows 2 of it (100004 M6E CME, 100004 M6E CME): narrow it by ISIN, primary exchange or trading class
        ");
    }
}
