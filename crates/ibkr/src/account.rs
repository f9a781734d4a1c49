//! The money side of a snapshot: net liquidation value, cash per currency, positions with the broker's marks.
//!
//! In: account summary, ledger, positions and portfolio rows. Out: amounts in their currencies, positions in our units.
//! Invariant: the portfolio's value confirms unit and multiplier of every mark, and the base currency converts at 1.

use crate::requests::Answers;
use crate::snapshot::{Reader, unusable};
use crate::{contracts, convert};
use domain::{ContractId, Currency, InstrumentKind, Price, Quantity};
use ibapi::accounts::{AccountPortfolioValue, AccountSummary};
use ibapi::contracts::{Contract, SecurityType};
use ports::{BrokerError, BrokerPosition, CashRow, Dispute, ForeignPosition};
use rust_decimal::{Decimal, dec};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What is read of a currency's ledger. A gateway that lists no dividends owes none, and no fund holds none.
const LEDGER_TAGS: [&str; 6] =
    ["CashBalance", "FuturesPNL", "AccruedCash", "NetDividend", "MoneyMarketFundValue", "ExchangeRate"];

/// What a value is rounded to.
const CENT: Decimal = dec!(0.01);

/// Positions of contracts of ours, of anything else, and which of ours the broker values in a way that cannot be.
type Positions = (Vec<BrokerPosition>, Vec<ForeignPosition>, Vec<Dispute>);

impl Reader<'_> {
    /// Base currency and net liquidation value. What is missing or no number is `None`, and what no account can be worth
    /// is told as it was: to judge them is the reconciliation's.
    pub(crate) fn net_liquidation(
        &self,
        summary: &[AccountSummary],
    ) -> Result<(Currency, Option<Decimal>), BrokerError> {
        let what = "account summary";
        match self.rows(summary, "NetLiquidation")[..] {
            [] => Ok((self.base_of_ledger(summary)?, None)),
            [row] => Ok((contracts::currency(what, &row.currency)?, convert::decimal_text(&row.value))),
            _ => Err(unusable(what, "more than one NetLiquidation row for the account")),
        }
    }

    /// An amount of the summary in the base currency. One that is told and cannot be read is no answer; none may be told.
    pub(crate) fn base_amount(
        &self,
        summary: &[AccountSummary],
        tag: &str,
        base: Currency,
    ) -> Result<Option<Decimal>, BrokerError> {
        let what = "account summary";
        match self.rows(summary, tag)[..] {
            [] => Ok(None),
            [row] if row.currency == base.code() => number(what, &row.tag, &row.value).map(Some),
            [row] => Err(unusable(what, format_args!("{tag} is in {}, not in {base}", row.currency))),
            _ => Err(unusable(what, format_args!("more than one {tag} row for the account"))),
        }
    }

    fn rows<'a>(&self, summary: &'a [AccountSummary], tag: &str) -> Vec<&'a AccountSummary> {
        summary.iter().filter(|row| row.account == self.account && row.tag == tag).collect()
    }

    /// The currency the ledger converts into: the one whose rate is 1.
    fn base_of_ledger(&self, summary: &[AccountSummary]) -> Result<Currency, BrokerError> {
        let what = "account ledger";
        let rates = self.rows(summary, "ExchangeRate").into_iter().filter(|row| row.currency != "BASE");
        let ones: Vec<&AccountSummary> =
            rates.filter(|row| convert::decimal_text(&row.value) == Some(Decimal::ONE)).collect();
        match ones[..] {
            [row] => contracts::currency(what, &row.currency),
            _ => Err(unusable(what, "no NetLiquidation row, and not exactly one currency with the rate 1")),
        }
    }

    pub(crate) fn cash(&self, summary: &[AccountSummary], base: Currency) -> Result<Vec<CashRow>, BrokerError> {
        let what = "account ledger";
        let mut ledger: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        // `BASE` is the sum of the others.
        let rows = summary.iter().filter(|row| row.account == self.account && row.currency != "BASE");
        for row in rows.filter(|row| LEDGER_TAGS.contains(&row.tag.as_str())) {
            ledger.entry(&row.currency).or_default().insert(&row.tag, &row.value);
        }
        let mut cash = Vec::new();
        for (code, tags) in ledger {
            let field = |tag: &str| {
                let text = tags.get(tag).ok_or_else(|| unusable(what, format_args!("no {tag} for {code}")))?;
                number(what, tag, text)
            };
            let (balance, futures_pnl, exchange_rate) =
                (field("CashBalance")?, field("FuturesPNL")?, field("ExchangeRate")?);
            let if_told = |tag: &str| if tags.contains_key(tag) { field(tag) } else { Ok(Decimal::ZERO) };
            let (dividends, swept) = (if_told("NetDividend")?, if_told("MoneyMarketFundValue")?);
            let accrued = field("AccruedCash")? + dividends;
            match code.parse() {
                Ok(currency) if exchange_rate > Decimal::ZERO => {
                    cash.push(CashRow { currency, cash: balance, futures_pnl, swept, accrued, exchange_rate });
                }
                Ok(_) => return Err(unusable(what, format_args!("the exchange rate of {code} is {exchange_rate}"))),
                // A currency once touched stays in the ledger with nothing in it.
                Err(_) if [balance, futures_pnl, swept, accrued].iter().all(Decimal::is_zero) => {}
                Err(unknown) => return Err(unusable(what, format_args!("{balance} of an {unknown}"))),
            }
        }
        cash.sort_by_key(|row| row.currency);
        match cash.iter().find(|row| row.currency == base) {
            Some(row) if row.exchange_rate == Decimal::ONE => Ok(cash),
            Some(row) => {
                Err(unusable(what, format_args!("the base currency {base} has the rate {}", row.exchange_rate)))
            }
            None => Err(unusable(what, format_args!("no row for the base currency {base}"))),
        }
    }

    pub(crate) fn positions(&self, answers: &Answers) -> Result<Positions, BrokerError> {
        // A later row of the same contract replaces an earlier one: the stream goes on while it is read.
        let mut marks: BTreeMap<i32, &AccountPortfolioValue> = BTreeMap::new();
        for row in answers.portfolio.iter().filter(|row| row.account.as_deref().is_none_or(|name| name == self.account))
        {
            marks.insert(row.contract.contract_id, row);
        }
        let mut held: BTreeMap<i32, (&Contract, f64)> = BTreeMap::new();
        for row in answers.positions.iter().filter(|row| row.account == self.account) {
            held.insert(row.contract.contract_id, (&row.contract, row.position));
        }
        // Currency pairs appear as positions of what has been converted; cash says it already.
        held.retain(|_, (contract, _)| contract.security_type != SecurityType::ForexPair);

        let (mut positions, mut foreign, mut disputes) = (Vec::new(), Vec::new(), Vec::new());
        for (con_id, (contract, size)) in held {
            let quantity = Quantity::from_f64(size)
                .map_err(|bad| unusable("positions", format_args!("{}: {bad}", contract.local_symbol)))?;
            if quantity.is_zero() {
                continue;
            }
            let Some(id) = self.contracts.find(con_id) else {
                let symbol = contract.symbol.to_string();
                foreign.push(ForeignPosition { con_id: i64::from(con_id), symbol, quantity });
                continue;
            };
            let mark = marks.get(&con_id).ok_or_else(|| {
                contracts::unusable(self.universe, id, format_args!("{quantity} held but not marked in the portfolio"))
            })?;
            let mark = match self.mark(id, quantity, mark)? {
                _ if self.contracts.is_disputed(id) => None,
                Ok(mark) => Some(mark),
                Err(what) => {
                    disputes.push(Dispute { contract: id, what });
                    None
                }
            };
            positions.push(BrokerPosition { contract: id, quantity, mark });
        }
        positions.sort_by_key(|position| position.contract);
        Ok((positions, foreign, disputes))
    }

    /// The portfolio's price, after its value has confirmed unit and multiplier; else how they contradict each other. An
    /// option that is worth nothing to the broker is marked at a tick, the least that a price can be.
    fn mark(
        &self,
        id: ContractId,
        quantity: Quantity,
        row: &AccountPortfolioValue,
    ) -> Result<Result<Price, String>, BrokerError> {
        let unusable = |what: &dyn Display| contracts::unusable(self.universe, id, format_args!("portfolio: {what}"));
        if Quantity::from_f64(row.position) != Ok(quantity) {
            return Err(unusable(&format_args!(
                "{} held here, {quantity} in the positions: a fill came in between, ask again",
                row.position
            )));
        }
        let instrument = self.universe.instrument_of(id);
        let is_nothing = |told: f64| convert::decimal(told).is_some_and(|told| told.is_zero());
        if instrument.kind == InstrumentKind::Opt && is_nothing(row.market_price) && is_nothing(row.market_value) {
            return Ok(Ok(instrument.tick));
        }
        let mark = convert::price(row.market_price, instrument.quote_unit)
            .map_err(|bad| unusable(&format_args!("market price: {bad}")))?;
        let expected = quantity.value_at(mark, instrument.multiplier);
        let stated = convert::decimal(row.market_value).unwrap_or_default();
        // A wrong unit or multiplier is off by a factor. Rounding is not, but of a value of less than a cent.
        let ratio = stated / expected;
        let is_rounded = (stated - expected).abs() <= CENT;
        if !is_rounded && (ratio * Decimal::TWO < Decimal::ONE || ratio > Decimal::TWO) {
            return Ok(Err(format!(
                "{}: portfolio: value {stated} against {quantity} x {mark} x {} = {}: unit or multiplier is wrong",
                self.universe.contract(id).name,
                instrument.multiplier,
                expected.normalize()
            )));
        }
        Ok(Ok(mark))
    }
}

fn number(what: &str, tag: &str, text: &str) -> Result<Decimal, BrokerError> {
    convert::decimal_text(text).ok_or_else(|| unusable(what, format_args!("{tag} is `{text}`, which is no number")))
}
