//! The account in the broker's words: positions, summary, account updates.
//!
//! In: the account of the simulation. Out: rows of tag, value and currency, and position messages.
//! Invariant: values are exact decimal text, in the major unit; what was already told to a subscriber is
//! told again only when it changed.

use crate::contracts::{quoted, text};
use crate::desk::{Desk, NO_REQUEST, SessionKey};
use crate::injection::ShownNlv;
use crate::wire;
use domain::{ContractId, Currency, Quantity};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, dec};
use sim::{AccountView, CashRow, PositionView};
use std::collections::{BTreeMap, BTreeSet};

/// How often subscribers are told of changed values, as IB does.
const REFRESH: SignedDuration = SignedDuration::from_mins(3);
/// The currency column of sums over all currencies.
const BASE: &str = "BASE";

/// What a row is about: tags of the whole account are asked for by name, the ledger as `$LEDGER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Account,
    Ledger,
}

/// One value of the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    section: Section,
    tag: &'static str,
    value: String,
    currency: &'static str,
}

/// An account summary that is kept up to date.
#[derive(Debug)]
pub(crate) struct SummaryStream {
    tags: String,
    told: BTreeSet<Row>,
    at: Timestamp,
}

/// Account values by model that are kept up to date. There is one model here, the account without a name.
#[derive(Debug)]
pub(crate) struct ModelStream {
    /// The ledger and the net liquidation alone.
    ledger_only: bool,
    told: BTreeSet<Row>,
    at: Timestamp,
}

/// Account updates that are kept up to date.
#[derive(Debug)]
pub(crate) struct AccountUpdates {
    told: BTreeSet<Row>,
    at: Timestamp,
}

impl Desk {
    pub(crate) fn positions(&mut self, key: SessionKey) {
        self.session_mut(key).positions = true;
        let (shown, ends) = self.faults.positions_shown();
        for position in self.account_view().positions.iter().take(shown) {
            self.send_position(key, position.contract, Some(position));
        }
        if ends {
            self.send(key, &wire::PositionEnd {});
        }
    }

    /// What clients are told to be held.
    pub(crate) fn holdings(&self) -> BTreeMap<ContractId, Quantity> {
        self.account_view().positions.iter().map(|position| (position.contract, position.quantity)).collect()
    }

    /// Tells subscribers what is held otherwise than before.
    pub(crate) fn send_changes_since(&self, before: &BTreeMap<ContractId, Quantity>) {
        let after = self.holdings();
        let changed = before.keys().chain(after.keys()).filter(|contract| before.get(contract) != after.get(contract));
        self.send_changed_positions(&changed.copied().collect());
    }

    /// A position that is gone is told once more, as zero.
    fn send_position(&self, key: SessionKey, contract: ContractId, position: Option<&PositionView>) {
        let message = wire::Position {
            account: Some(self.account.clone()),
            contract: Some(self.directory.describe(contract, None)),
            position: Some(position.map_or_else(|| "0".to_owned(), |position| position.quantity.to_string())),
            avg_cost: position.map_or(Some(0.0), |position| position.average_cost.to_f64()),
        };
        self.send(key, &message);
    }

    /// Tells subscribers of positions and account updates what trades have changed.
    pub(crate) fn send_changed_positions(&self, traded: &BTreeSet<ContractId>) {
        let keys = self.session_keys();
        let listens = |&key: &SessionKey| self.session(key).positions || self.session(key).account_updates.is_some();
        if traded.is_empty() || !keys.iter().any(listens) {
            return;
        }
        let account = self.account_view();
        let (shown, _) = self.faults.positions_shown();
        for key in keys {
            for &contract in traded.iter().take(shown) {
                let position = account.positions.iter().find(|position| position.contract == contract);
                if self.session(key).positions {
                    self.send_position(key, contract, position);
                }
                if let (Some(position), Some(_)) = (position, &self.session(key).account_updates) {
                    self.send_portfolio_value(key, position);
                }
            }
        }
    }

    pub(crate) fn account_data(&mut self, key: SessionKey, request: &wire::AccountDataRequest) {
        let account = text(&request.acct_code);
        if !account.is_empty() && account != self.account {
            return self.invalid(key, NO_REQUEST, &format!("Invalid account code '{account}'"));
        }
        if request.subscribe != Some(true) {
            self.session_mut(key).account_updates = None;
            return;
        }
        self.session_mut(key).account_updates = Some(AccountUpdates { told: BTreeSet::new(), at: self.now() });
        self.send_account_updates(key);
        if self.faults.positions_shown().1 {
            self.send(key, &wire::AccountDataEnd { account_name: Some(self.account.clone()) });
        }
    }

    fn send_account_updates(&mut self, key: SessionKey) {
        let account = self.account_view();
        let rows = self.account_rows(&account);
        let now = self.now();
        let Some(updates) = &mut self.session_mut(key).account_updates else { return };
        let told = std::mem::replace(updates, AccountUpdates { told: rows.iter().cloned().collect(), at: now }).told;
        for row in rows.iter().filter(|row| !told.contains(row)) {
            let message = wire::AccountValue {
                key: Some(row.tag.to_owned()),
                value: Some(row.value.clone()),
                currency: Some(row.currency.to_owned()),
                account_name: Some(self.account.clone()),
            };
            self.send(key, &message);
        }
        let (shown, _) = self.faults.positions_shown();
        for position in account.positions.iter().take(shown) {
            self.send_portfolio_value(key, position);
        }
        let time_stamp = Some(now.strftime("%H:%M").to_string());
        self.send(key, &wire::AccountUpdateTime { time_stamp });
    }

    fn send_portfolio_value(&self, key: SessionKey, position: &PositionView) {
        let unit = self.directory.unit(position.contract);
        let message = wire::PortfolioValue {
            contract: Some(self.directory.describe(position.contract, None)),
            position: Some(position.quantity.to_string()),
            market_price: Some(quoted(position.mark, unit)),
            market_value: position.market_value.to_f64(),
            average_cost: position.average_cost.to_f64(),
            unrealized_pnl: position.unrealized.to_f64(),
            realized_pnl: position.realized.to_f64(),
            account_name: Some(self.account.clone()),
        };
        self.send(key, &message);
    }

    pub(crate) fn account_summary(&mut self, key: SessionKey, request: &wire::AccountSummaryRequest) {
        let req_id = request.req_id.unwrap_or(NO_REQUEST);
        let tags = text(&request.tags).to_owned();
        let stream = SummaryStream { tags, told: BTreeSet::new(), at: self.now() };
        self.session_mut(key).summaries.insert(req_id, stream);
        self.send_summary(key, req_id);
        self.send(key, &wire::AccountSummaryEnd { req_id: Some(req_id) });
    }

    pub(crate) fn account_updates_multi(&mut self, key: SessionKey, request: &wire::AccountUpdatesMultiRequest) {
        let (req_id, account) = (request.req_id.unwrap_or(NO_REQUEST), text(&request.account));
        if !account.is_empty() && account != self.account {
            return self.invalid(key, req_id, &format!("Invalid account code '{account}'"));
        }
        if !text(&request.model_code).is_empty() {
            return self.invalid(key, req_id, &format!("there is no model '{}'", text(&request.model_code)));
        }
        let ledger_only = request.ledger_and_nlv == Some(true);
        let stream = ModelStream { ledger_only, told: BTreeSet::new(), at: self.now() };
        self.session_mut(key).models.insert(req_id, stream);
        self.send_model(key, req_id);
        self.send(key, &wire::AccountUpdateMultiEnd { req_id: Some(req_id) });
    }

    fn send_model(&mut self, key: SessionKey, req_id: i32) {
        let account = self.account_view();
        let (rows, now) = (self.account_rows(&account), self.now());
        let Some(stream) = self.session_mut(key).models.get_mut(&req_id) else { return };
        let in_ledger = |row: &Row| row.section == Section::Ledger || row.tag == "NetLiquidation";
        let wanted: Vec<Row> = rows.into_iter().filter(|row| !stream.ledger_only || in_ledger(row)).collect();
        stream.at = now;
        let told = std::mem::replace(&mut stream.told, wanted.iter().cloned().collect());
        for row in wanted.into_iter().filter(|row| !told.contains(row)) {
            let message = wire::AccountUpdateMulti {
                req_id: Some(req_id),
                account: Some(self.account.clone()),
                model_code: None,
                key: Some(row.tag.to_owned()),
                value: Some(row.value),
                currency: Some(row.currency.to_owned()),
            };
            self.send(key, &message);
        }
    }

    fn send_summary(&mut self, key: SessionKey, req_id: i32) {
        let account = self.account_view();
        let (rows, now, base) = (self.account_rows(&account), self.now(), account.base);
        let Some(stream) = self.session_mut(key).summaries.get_mut(&req_id) else { return };
        let wanted: Vec<Row> = rows.into_iter().filter(|row| is_wanted(&stream.tags, row, base)).collect();
        stream.at = now;
        let told = std::mem::replace(&mut stream.told, wanted.iter().cloned().collect());
        for row in wanted.into_iter().filter(|row| !told.contains(row)) {
            let message = wire::AccountSummary {
                req_id: Some(req_id),
                account: Some(self.account.clone()),
                tag: Some(row.tag.to_owned()),
                value: Some(row.value),
                currency: Some(row.currency.to_owned()),
            };
            self.send(key, &message);
        }
    }

    /// Tells subscribers what has changed since they were last told, at most every three minutes.
    pub(crate) fn refresh_accounts(&mut self) {
        let now = self.now();
        let is_due = |at: Timestamp| now.duration_since(at) >= REFRESH;
        for key in self.session_keys() {
            let session = self.session(key);
            let due: Vec<i32> =
                session.summaries.iter().filter(|(_, stream)| is_due(stream.at)).map(|(&id, _)| id).collect();
            let models: Vec<i32> =
                session.models.iter().filter(|(_, stream)| is_due(stream.at)).map(|(&id, _)| id).collect();
            if session.account_updates.as_ref().is_some_and(|updates| is_due(updates.at)) {
                self.send_account_updates(key);
            }
            for req_id in due {
                self.send_summary(key, req_id);
            }
            for req_id in models {
                self.send_model(key, req_id);
            }
        }
    }

    /// Every value of the account: those of the whole, then those of each currency.
    fn account_rows(&self, account: &AccountView) -> Vec<Row> {
        let mut rows = whole_account(account, self.sim.requirement(account));
        rows.extend(segments(account));
        self.misstate(&mut rows);
        for row in &account.cash {
            let is_in =
                |position: &&PositionView| self.directory.instrument(position.contract).currency == row.currency;
            let held = || account.positions.iter().filter(is_in);
            let unrealized = held().map(|position| position.unrealized).sum();
            let realized = held().map(|position| position.realized).sum();
            rows.extend(ledger(row.currency.code(), row, unrealized, realized));
        }
        rows.extend(self.base_ledger(account));
        rows
    }

    /// What is told wrongly on purpose.
    fn misstate(&self, rows: &mut Vec<Row>) {
        if self.faults.not_ready {
            rows.iter_mut().filter(|row| row.tag == "AccountReady").for_each(|row| row.value = "false".to_owned());
        }
        let Some(shown) = &self.faults.net_liquidation else { return };
        let of = |row: &Row| row.tag == "NetLiquidation";
        match shown {
            ShownNlv::Missing => rows.retain(|row| !of(row)),
            ShownNlv::Text(text) => rows.iter_mut().filter(|row| of(row)).for_each(|row| row.value = text.clone()),
            ShownNlv::Off(by) => {
                let off = |value: Decimal| (value * (Decimal::ONE + by)).round_dp(2).to_string();
                for row in rows.iter_mut().filter(|row| of(row)) {
                    row.value = row.value.parse().map_or_else(|_| row.value.clone(), off);
                }
            }
        }
    }

    /// The ledger summed in the base currency.
    fn base_ledger(&self, account: &AccountView) -> Vec<Row> {
        let sum =
            |part: &dyn Fn(&CashRow) -> Decimal| account.cash.iter().map(|row| row.exchange_rate * part(row)).sum();
        let total = CashRow {
            currency: account.base,
            cash: sum(&|row| row.cash),
            futures_pnl: sum(&|row| row.futures_pnl),
            stock_market_value: sum(&|row| row.stock_market_value),
            option_market_value: sum(&|row| row.option_market_value),
            accrued_interest: sum(&|row| row.accrued_interest),
            accrued_dividends: sum(&|row| row.accrued_dividends),
            exchange_rate: Decimal::ONE,
        };
        let rate = |position: &PositionView| rate(account, self.directory.instrument(position.contract).currency);
        let unrealized = account.positions.iter().map(|position| rate(position) * position.unrealized).sum();
        let realized = account.positions.iter().map(|position| rate(position) * position.realized).sum();
        ledger(BASE, &total, unrealized, realized)
    }
}

/// Units of base currency for one unit of a currency of the account.
pub(crate) fn rate(account: &AccountView, currency: Currency) -> Decimal {
    let row = account.cash.iter().find(|row| row.currency == currency);
    row.expect("the account has a row for every currency in use").exchange_rate
}

fn whole_account(account: &AccountView, margin: sim::Requirement) -> Vec<Row> {
    let base = account.base.code();
    let sum = |part: &dyn Fn(&CashRow) -> Decimal| {
        account.cash.iter().map(|row| row.exchange_rate * part(row)).sum::<Decimal>()
    };
    let total_cash = sum(&|row| row.cash + row.futures_pnl);
    let available = margin.equity - margin.initial;
    let excess = margin.equity - margin.maintenance;
    let section = Section::Account;
    let money = |tag, value| Row { section, tag, value: money_text(value), currency: base };
    let plain = |tag, value: String| Row { section, tag, value, currency: "" };
    let share = |part: Decimal| part.checked_div(account.net_liquidation).unwrap_or_default().round_dp(4);
    let ratio = |part: Decimal| share(part).to_string();
    vec![
        plain("AccountCode", account.id.clone()),
        plain("AccountReady", "true".to_owned()),
        plain("AccountType", "INDIVIDUAL".to_owned()),
        money("NetLiquidation", account.net_liquidation),
        money("TotalCashValue", total_cash),
        money("SettledCash", sum(&|row| row.cash)),
        money("AccruedCash", sum(&|row| row.accrued_interest)),
        money("AccruedDividend", sum(&|row| row.accrued_dividends)),
        money("EquityWithLoanValue", margin.equity),
        money("GrossPositionValue", margin.gross_position_value),
        money("InitMarginReq", margin.initial),
        money("MaintMarginReq", margin.maintenance),
        money("FullInitMarginReq", margin.initial),
        money("FullMaintMarginReq", margin.maintenance),
        money("AvailableFunds", available),
        money("ExcessLiquidity", excess),
        money("FullAvailableFunds", available),
        money("FullExcessLiquidity", excess),
        money("LookAheadInitMarginReq", margin.initial),
        money("LookAheadMaintMarginReq", margin.maintenance),
        money("LookAheadAvailableFunds", available),
        money("LookAheadExcessLiquidity", excess),
        plain("LookAheadNextChange", "0".to_owned()),
        money("BuyingPower", available.max(Decimal::ZERO) * Decimal::from(4)),
        plain("Cushion", ratio(excess)),
        plain("HighestSeverity", severity(share(excess)).to_string()),
        plain("DayTradesRemaining", "-1".to_owned()),
        plain("Leverage", ratio(margin.gross_position_value)),
    ]
}

/// How close the account is to liquidation, by its cushion: 0 not at all, 1 from 10 %, 2 from 5 % down, 3 at none.
fn severity(cushion: Decimal) -> u8 {
    [dec!(0.10), dec!(0.05), Decimal::ZERO].iter().map(|limit| u8::from(cushion <= *limit)).sum()
}

/// The parts of the account: futures and the cash swept to them lie in the commodity segment, all else in securities.
fn segments(account: &AccountView) -> Vec<Row> {
    let currency = account.base.code();
    let sum = |part: &dyn Fn(&CashRow) -> Decimal| {
        account.cash.iter().map(|row| row.exchange_rate * part(row)).sum::<Decimal>()
    };
    let commodities = sum(&|row| row.futures_pnl);
    let accrued = [sum(&|row| row.accrued_interest), sum(&|row| row.accrued_dividends)];
    let value = |tag, value| Row { section: Section::Account, tag, value: money_text(value), currency };
    vec![
        value("NetLiquidation-C", commodities),
        value("NetLiquidation-S", account.net_liquidation - commodities),
        value("TotalCashValue-C", commodities),
        value("TotalCashValue-S", sum(&|row| row.cash)),
        value("AccruedCash-C", Decimal::ZERO),
        value("AccruedCash-S", accrued[0]),
        value("AccruedDividend-C", Decimal::ZERO),
        value("AccruedDividend-S", accrued[1]),
    ]
}

/// The ledger rows of one currency, or of their sum.
fn ledger(currency: &'static str, row: &CashRow, unrealized: Decimal, realized: Decimal) -> Vec<Row> {
    let total_cash = row.cash + row.futures_pnl;
    let name = |tag| Row { section: Section::Ledger, tag, value: currency.to_owned(), currency };
    let money = |tag, value| Row { value: money_text(value), ..name(tag) };
    vec![
        name("Currency"),
        money("CashBalance", row.cash),
        money("TotalCashBalance", total_cash),
        money("AccruedCash", row.accrued_interest),
        money("NetDividend", row.accrued_dividends),
        money("FuturesPNL", row.futures_pnl),
        money("StockMarketValue", row.stock_market_value),
        money("OptionMarketValue", row.option_market_value),
        money("FundValue", Decimal::ZERO),
        money("MoneyMarketFundValue", Decimal::ZERO),
        money("NetLiquidationByCurrency", row.total()),
        money("UnrealizedPnL", unrealized),
        money("RealizedPnL", realized),
        name("RealCurrency"),
        money("ExchangeRate", row.exchange_rate),
    ]
}

/// Whether a comma list of tags asks for a row. `$LEDGER` means the base currency, `$LEDGER:ALL` every
/// currency and their sum, `$LEDGER:EUR` one.
fn is_wanted(tags: &str, row: &Row, base: Currency) -> bool {
    tags.split(',').map(str::trim).any(|tag| match (row.section, tag.strip_prefix("$LEDGER")) {
        (Section::Account, ledger) => ledger.is_none() && tag == row.tag,
        (Section::Ledger, Some("")) => row.currency == base.code(),
        (Section::Ledger, Some(":ALL")) => true,
        (Section::Ledger, Some(one)) => one.strip_prefix(':') == Some(row.currency),
        (Section::Ledger, None) => false,
    })
}

/// Decimal text with at least the two digits of cents; never an exponent, nothing rounded away.
fn money_text(amount: Decimal) -> String {
    let exact = amount.normalize();
    if exact.scale() < 2 { format!("{exact:.2}") } else { exact.to_string() }
}
