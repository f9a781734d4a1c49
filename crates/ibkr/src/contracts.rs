//! Which of the broker's contracts is which of ours, and whether both sides mean the same thing.
//!
//! In: the instrument table and contract details. Out: one broker contract per contract of ours. Invariant: a
//! contract is used only after exactly one answer agreed in currency, unit, multiplier, tick, ISIN and expiry.

use crate::convert;
use domain::{ContractId, Currency, Instrument, InstrumentKind, Universe};
use ibapi::contracts::{Contract, ContractDetails, SecurityIdType, SecurityType};
use ports::BrokerError;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt::Display;

/// The contracts resolved so far, as orders and data requests send them.
#[derive(Default)]
pub(crate) struct ContractBook {
    resolved: BTreeMap<ContractId, Contract>,
    by_con_id: BTreeMap<i32, ContractId>,
}

impl ContractBook {
    pub(crate) fn insert(&mut self, id: ContractId, contract: Contract) {
        if let Some(earlier) = self.resolved.insert(id, contract.clone()) {
            self.by_con_id.remove(&earlier.contract_id);
        }
        self.by_con_id.insert(contract.contract_id, id);
    }

    /// The broker's contract, with its routing exchange.
    pub(crate) fn get(&self, id: ContractId) -> Option<&Contract> {
        self.resolved.get(&id)
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
        InstrumentKind::Opt => {
            return Err(unusable(universe, id, "an option needs strike and right, which no contract of ours carries"));
        }
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
    if let Some(expiry) = universe.contract(id).expiry {
        query.last_trade_date_or_contract_month = expiry.strftime("%Y%m%d").to_string();
    }
    Ok(query)
}

/// The one contract among the answers, after every fact both sides state has been compared.
pub(crate) fn agree(
    universe: &Universe,
    id: ContractId,
    answers: &[ContractDetails],
) -> Result<(Contract, ports::ContractDetails), BrokerError> {
    let instrument = universe.instrument_of(id);
    let details = only(universe, id, answers)?;
    let check = Comparison { universe, id };

    check.same("currency", details.contract.currency.as_str(), instrument.currency.code())?;
    if !instrument.primary_exchange.is_empty() && !details.contract.primary_exchange.is_empty() {
        check.same("primary_exchange", details.contract.primary_exchange.as_str(), &instrument.primary_exchange)?;
    }
    let magnifier = Decimal::from(details.price_magnifier.max(1));
    check.same("quote_unit (units per major unit)", magnifier, instrument.quote_unit.per_major())?;
    let multiplier = multiplier(&check, instrument, &details.contract.multiplier)?;
    check.same("multiplier", multiplier, Decimal::from(instrument.multiplier))?;
    let min_tick = min_tick(&check, instrument, details.min_tick)?;
    let last_trade = last_trade(details);
    if let Some(expiry) = universe.contract(id).expiry {
        let theirs = last_trade.map_or_else(|| "nothing".to_owned(), |day| day.to_string());
        check.same("last trading day", theirs, expiry.to_string())?;
    }
    if let (Some(isin), Some(theirs)) =
        (&instrument.isin, details.sec_id_list.iter().find(|id| id.tag.eq_ignore_ascii_case("ISIN")))
    {
        check.same("isin", theirs.value.as_str(), isin)?;
    }

    let ours = ports::ContractDetails {
        contract: id,
        con_id: i64::from(details.contract.contract_id),
        currency: instrument.currency,
        multiplier,
        min_tick,
        price_magnifier: details.price_magnifier.max(1),
        last_trade,
        long_name: details.long_name.clone(),
        order_types: details.order_types.clone(),
        liquid_hours: details.liquid_hours.join(";"),
        time_zone: details.time_zone_id.clone(),
    };
    let contract = Contract { exchange: instrument.exchange.as_str().into(), ..details.contract.clone() };
    Ok((contract, ours))
}

/// Exactly one answer; a root that exists with several multipliers is narrowed by ours.
fn only<'a>(
    universe: &Universe,
    id: ContractId,
    answers: &'a [ContractDetails],
) -> Result<&'a ContractDetails, BrokerError> {
    let instrument = universe.instrument_of(id);
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
        [_] => Err(unusable(universe, id, "the broker's answer carries no contract id")),
        [] => Err(unusable(
            universe,
            id,
            format_args!(
                "the broker knows no {} {} on {}: check symbol, ISIN, exchange and expiry in the instrument table",
                instrument.symbol, instrument.currency, instrument.exchange
            ),
        )),
        ref several => {
            let names: Vec<_> = several
                .iter()
                .map(|d| format!("{} {} {}", d.contract.contract_id, d.contract.local_symbol, d.contract.exchange))
                .collect();
            let text = format!(
                "the broker knows {} of it ({}): narrow it by ISIN, primary exchange or trading class",
                several.len(),
                names.join(", ")
            );
            Err(unusable(universe, id, text))
        }
    }
}

fn multiplier(check: &Comparison<'_>, instrument: &Instrument, theirs: &str) -> Result<Decimal, BrokerError> {
    match (theirs.is_empty(), instrument.kind) {
        (false, _) => convert::decimal_text(theirs).ok_or_else(|| {
            unusable(
                check.universe,
                check.id,
                format_args!("multiplier: the broker says `{theirs}`, which is no number"),
            )
        }),
        // Shares, currency pairs and indices have none.
        (true, InstrumentKind::Stk | InstrumentKind::Etf | InstrumentKind::Cash | InstrumentKind::Ind) => {
            Ok(Decimal::ONE)
        }
        (true, _) => Err(unusable(check.universe, check.id, "multiplier: the broker states none")),
    }
}

/// The broker states the smallest step at any price in the major unit; ours must lie on its grid.
fn min_tick(check: &Comparison<'_>, instrument: &Instrument, theirs: f64) -> Result<Decimal, BrokerError> {
    let min_tick = convert::decimal(theirs).unwrap_or_default();
    let ours = instrument.tick.to_decimal();
    if instrument.tradable && (min_tick <= Decimal::ZERO || !(ours % min_tick).is_zero()) {
        check.same("tick", min_tick, ours.normalize())?;
    }
    Ok(min_tick)
}

fn last_trade(details: &ContractDetails) -> Option<jiff::civil::Date> {
    let contract = &details.contract;
    (contract.last_trade_date.and_then(convert::date))
        .or_else(|| convert::wire_date(&details.real_expiration_date))
        .or_else(|| convert::wire_date(&contract.last_trade_date_or_contract_month))
}

struct Comparison<'a> {
    universe: &'a Universe,
    id: ContractId,
}

impl Comparison<'_> {
    fn same<T: Display + PartialEq<U>, U: Display>(&self, field: &str, theirs: T, ours: U) -> Result<(), BrokerError> {
        if theirs == ours {
            return Ok(());
        }
        Err(unusable(
            self.universe,
            self.id,
            format_args!(
                "{field}: the broker says {theirs}, the instrument table says {ours}: not traded until they agree; \
                 correct the table if the broker is right"
            ),
        ))
    }
}

/// The contract a request is about has not been resolved in this session.
pub(crate) fn unresolved(universe: &Universe, id: ContractId) -> BrokerError {
    unusable(universe, id, "not resolved in this session: resolve it before it is quoted or traded")
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
        contract.contract_id = 100_000 + i32::from(id.0);
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
            let (contract, details) = agree(&universe, id, &[answer(&universe, id)]).expect("agreement");
            assert_eq!(i64::from(contract.contract_id), details.con_id);
        }

        let refusal = |name: &str, change: &dyn Fn(&mut ContractDetails)| {
            let id = fixture::contract(&universe, name);
            let mut changed = answer(&universe, id);
            change(&mut changed);
            agree(&universe, id, &[changed]).expect_err("a contradiction").to_string()
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
        broker answer unusable: CSPX: currency: the broker says GBP, the instrument table says USD: not traded until they agree; correct the table if the broker is right
        broker answer unusable: CSPX: quote_unit (units per major unit): the broker says 100, the instrument table says 1: not traded until they agree; correct the table if the broker is right
        broker answer unusable: CSPX: tick: the broker says 0.05, the instrument table says 0.01: not traded until they agree; correct the table if the broker is right
        broker answer unusable: CSPX: isin: the broker says IE00B53SZB19, the instrument table says IE00B5BMR087: not traded until they agree; correct the table if the broker is right
        broker answer unusable: M6E_20251215: multiplier: the broker says 125000, the instrument table says 12500: not traded until they agree; correct the table if the broker is right
        broker answer unusable: M6E_20251215: last trading day: the broker says 2025-12-16, the instrument table says 2025-12-15: not traded until they agree; correct the table if the broker is right
        ");
    }

    #[test]
    fn none_and_several_are_not_one() {
        let universe = fixture::universe();
        let m6e = fixture::contract(&universe, "M6E_20251215");
        let right = answer(&universe, m6e);
        let mut larger = right.clone();
        larger.contract.multiplier = "125000".into();
        larger.contract.contract_id += 1;

        let (contract, _) = agree(&universe, m6e, &[larger.clone(), right.clone()]).expect("one has our multiplier");
        assert_eq!(contract.contract_id, right.contract.contract_id);
        let none = agree(&universe, m6e, &[]).expect_err("none").to_string();
        let several = agree(&universe, m6e, &[right.clone(), right]).expect_err("several").to_string();
        insta::assert_snapshot!(format!("{none}\n{several}"), @r"
        broker answer unusable: M6E_20251215: the broker knows no M6E USD on CME: check symbol, ISIN, exchange and expiry in the instrument table
        broker answer unusable: M6E_20251215: the broker knows 2 of it (100004 M6E CME, 100004 M6E CME): narrow it by ISIN, primary exchange or trading class
        ");
    }
}
