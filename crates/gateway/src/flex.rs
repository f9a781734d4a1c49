//! The account's statement in the XML of IB's activity Flex queries.
//!
//! In: statement entries and executions of a span of dates. Out: one document. Invariant: sections and attributes are
//! named as IB names them, amounts are exact and signed as they changed the account, and every entry is in one section.

use crate::contracts::{compact_date, listing, security_type};
use crate::desk::Desk;
use crate::statements::Declined;
use domain::{ContractId, Currency, ExecutionId, OptionEnd, Side};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use quick_xml::escape::escape;
use rust_decimal::Decimal;
use sim::{CashKind, DividendAccrual, ExecutionView, StatementEntry, StatementItem};
use std::collections::BTreeMap;

type Attributes = Vec<(&'static str, String)>;

/// The answer to an order for a statement.
pub(crate) fn reference(code: u64, url: &str, now: Timestamp) -> String {
    response(now, &format!("<Status>Success</Status>\n<ReferenceCode>{code}</ReferenceCode>\n<Url>{url}</Url>\n"))
}

/// The answer to what is not done.
pub(crate) fn error(declined: Declined, now: Timestamp) -> String {
    let (code, words, status) = declined.parts();
    let inner =
        format!("<Status>{status}</Status>\n<ErrorCode>{code}</ErrorCode>\n<ErrorMessage>{words}</ErrorMessage>\n");
    response(now, &inner)
}

fn response(now: Timestamp, inner: &str) -> String {
    let stamp = now.strftime("%d %B, %Y %I:%M %p UTC");
    format!("<FlexStatementResponse timestamp='{stamp}'>\n{inner}</FlexStatementResponse>\n")
}

/// The statements of a closed span of dates, one a day.
pub(crate) fn generated(desk: &Desk, (from, to): (Date, Date)) -> String {
    let days: Vec<String> = from.series(1.day()).take_while(|day| *day <= to).map(|day| of_day(desk, day)).collect();
    format!(
        "<FlexQueryResponse queryName=\"activity\" type=\"AF\">\n<FlexStatements count=\"{}\">\n{}\
         </FlexStatements>\n</FlexQueryResponse>\n",
        days.len(),
        days.concat()
    )
}

fn of_day(desk: &Desk, day: Date) -> String {
    let (from, to) = (day, day);
    let statement = Statement { desk, from, to };
    let account = element_open(
        "FlexStatement",
        &vec![
            ("accountId", desk.account.clone()),
            ("fromDate", compact_date(from)),
            ("toDate", compact_date(to)),
            ("period", String::new()),
            ("whenGenerated", stamp(desk.now())),
        ],
    );
    let sections: String = [
        section("Trades", statement.trades()),
        section("CashTransactions", statement.rows(|entry| statement.cash(entry))),
        section("ChangeInDividendAccruals", statement.rows(|entry| statement.dividend_accrual(entry))),
        section("InterestAccruals", statement.interest_accruals()),
        section("HardToBorrowDetails", statement.rows(|entry| statement.borrow_fee(entry))),
        section("SLBFees", String::new()),
        section("CorporateActions", statement.rows(|entry| statement.corporate_action(entry))),
        section("OptionEAE", statement.rows(|entry| statement.option_event(entry))),
        section("Transfers", String::new()),
    ]
    .concat();
    format!("{account}\n{sections}</FlexStatement>\n")
}

/// What a statement is made of.
struct Statement<'a> {
    desk: &'a Desk,
    from: Date,
    to: Date,
}

impl Statement<'_> {
    fn covers(&self, date: Date) -> bool {
        (self.from..=self.to).contains(&date)
    }

    fn rows(&self, row: impl Fn(&StatementEntry) -> String) -> String {
        self.desk.sim.statement().iter().filter(|entry| self.covers(entry.date)).map(row).collect()
    }

    /// The attributes every row begins with.
    fn head(&self, contract: Option<ContractId>, currency: Currency) -> Attributes {
        let mut head = vec![("accountId", self.desk.account.clone()), ("currency", currency.code().to_owned())];
        if let Some(id) = contract {
            let instrument = self.desk.directory.instrument(id);
            head.extend([
                ("assetCategory", security_type(instrument.kind).to_owned()),
                ("symbol", self.desk.directory.symbol(id).to_owned()),
                ("conid", self.desk.directory.con_id(id).to_string()),
                ("isin", instrument.isin.clone().unwrap_or_default()),
                ("listingExchange", listing(instrument).to_owned()),
                ("multiplier", instrument.multiplier.to_string()),
            ]);
        } else {
            head.extend([("assetCategory", String::new()), ("symbol", String::new()), ("conid", String::new())]);
        }
        head
    }

    fn cash(&self, entry: &StatementEntry) -> String {
        let StatementItem::Cash { kind, amount, description } = &entry.item else { return String::new() };
        let mut row = self.head(entry.contract, entry.currency);
        row.extend([
            ("description", description.clone()),
            ("dateTime", stamp(entry.at)),
            ("settleDate", compact_date(entry.date)),
            ("amount", plain(*amount)),
            ("type", kind_word(*kind).to_owned()),
            ("transactionID", entry.id.to_string()),
            ("reportDate", compact_date(entry.date)),
        ]);
        element("CashTransaction", &row)
    }

    fn dividend_accrual(&self, entry: &StatementEntry) -> String {
        let StatementItem::DividendAccrual(accrual) = &entry.item else { return String::new() };
        let DividendAccrual { reversal, ex_date, pay_date, quantity, rate, gross, tax } = accrual;
        let mut row = self.head(entry.contract, entry.currency);
        row.extend([
            ("date", compact_date(entry.date)),
            ("reportDate", compact_date(entry.date)),
            ("exDate", compact_date(*ex_date)),
            ("payDate", compact_date(*pay_date)),
            ("quantity", quantity.to_string()),
            ("tax", plain(*tax)),
            ("fee", "0".to_owned()),
            ("grossRate", plain(*rate)),
            ("grossAmount", plain(*gross)),
            ("netAmount", plain(accrual.net())),
            ("code", if *reversal { "Re" } else { "Po" }.to_owned()),
            ("actionID", entry.id.to_string()),
        ]);
        element("ChangeInDividendAccrual", &row)
    }

    /// One row per currency that ever accrued anything.
    fn interest_accruals(&self) -> String {
        let sum = |currency: Currency, counts: &dyn Fn(Date, bool) -> bool| -> Option<Decimal> {
            let entries = self.desk.sim.statement().iter().filter(|entry| entry.currency == currency);
            let amounts = entries.filter_map(|entry| match entry.item {
                StatementItem::InterestAccrual { amount, reversal } if counts(entry.date, reversal) => Some(amount),
                _ => None,
            });
            amounts.reduce(|sum, amount| sum + amount)
        };
        let row = |currency: Currency| {
            sum(currency, &|date, _| date <= self.to)?;
            let nothing = Option::unwrap_or_default;
            let starting = nothing(sum(currency, &|date, _| date < self.from));
            let accrued = nothing(sum(currency, &|date, reversal| self.covers(date) && !reversal));
            let reversed = nothing(sum(currency, &|date, reversal| self.covers(date) && reversal));
            let row = vec![
                ("accountId", self.desk.account.clone()),
                ("currency", currency.code().to_owned()),
                ("fromDate", compact_date(self.from)),
                ("toDate", compact_date(self.to)),
                ("startingAccrualBalance", plain(starting)),
                ("interestAccrued", plain(accrued)),
                ("accrualReversal", plain(reversed)),
                ("fxTranslation", "0".to_owned()),
                ("endingAccrualBalance", plain(starting + accrued + reversed)),
            ];
            Some(element("InterestAccrualsCurrency", &row))
        };
        Currency::ALL.into_iter().filter_map(row).collect()
    }

    fn borrow_fee(&self, entry: &StatementEntry) -> String {
        let StatementItem::BorrowFee { quantity, price, rate, fee } = entry.item else { return String::new() };
        let mut row = self.head(entry.contract, entry.currency);
        row.extend([
            ("valueDate", compact_date(entry.date)),
            ("quantity", quantity.to_string()),
            ("price", plain(price)),
            ("value", plain(quantity.to_decimal() * price)),
            ("borrowFeeRate", plain(rate * Decimal::ONE_HUNDRED)),
            ("borrowFee", plain(fee)),
        ]);
        element("HardToBorrowDetail", &row)
    }

    fn corporate_action(&self, entry: &StatementEntry) -> String {
        let Some(contract) = entry.contract else { return String::new() };
        let row = |kind: &str, quantity: String, action: &str| {
            let mut row = self.head(Some(contract), entry.currency);
            row.extend([
                ("type", kind.to_owned()),
                ("actionDescription", action.to_owned()),
                ("dateTime", stamp(entry.at)),
                ("reportDate", compact_date(entry.date)),
                ("quantity", quantity),
                ("amount", "0".to_owned()),
                ("proceeds", "0".to_owned()),
                ("transactionID", entry.id.to_string()),
            ]);
            row
        };
        let instrument = self.desk.directory.instrument(contract);
        let symbol = &instrument.symbol;
        let isin = instrument.isin.as_deref().unwrap_or_default();
        match &entry.item {
            StatementItem::Split { numerator, denominator, quantity } => {
                let kind = if numerator >= denominator { "FS" } else { "RS" };
                let action = format!("{symbol}({isin}) SPLIT {numerator} FOR {denominator} ({symbol}, {isin})");
                element("CorporateAction", &row(kind, quantity.to_string(), &action))
            }
            StatementItem::SymbolChange { symbol: new, quantity } => {
                let action = format!("{symbol}({isin}) CUSIP/ISIN CHANGE TO ({new}) ({new}, {isin})");
                let mut gone = row("IC", (-*quantity).to_string(), &action);
                let old = self.desk.directory.con_id_of_name(contract).to_string();
                for (name, value) in &mut gone {
                    match *name {
                        "symbol" => *value = symbol.clone(),
                        "conid" => *value = old.clone(),
                        _ => {}
                    }
                }
                element("CorporateAction", &gone)
                    + &element("CorporateAction", &row("IC", quantity.to_string(), &action))
            }
            _ => String::new(),
        }
    }

    fn option_event(&self, entry: &StatementEntry) -> String {
        let StatementItem::OptionEnded { how, quantity, cash } = entry.item else { return String::new() };
        let kind = match how {
            OptionEnd::Exercised => "Exercise",
            OptionEnd::Assigned => "Assignment",
            OptionEnd::Expired => "Expiration",
        };
        let mut row = self.head(entry.contract, entry.currency);
        row.extend([
            ("date", compact_date(entry.date)),
            ("transactionType", kind.to_owned()),
            ("quantity", quantity.to_string()),
            ("tradePrice", "0".to_owned()),
            ("proceeds", plain(cash)),
            ("tradeID", entry.id.to_string()),
        ]);
        element("OptionEAE", &row)
    }

    /// Executions in their last version, and exchanges of currencies as trades of the pair.
    fn trades(&self) -> String {
        let all = self.desk.sim.executions(Timestamp::MIN);
        let last: BTreeMap<&str, &ExecutionId> =
            all.iter().map(|execution| (execution.id.stem(), &execution.id)).collect();
        let is_last = |execution: &&ExecutionView| last.get(execution.id.stem()) == Some(&&execution.id);
        let within = all.iter().filter(|execution| self.covers(date_of(execution.at)) && !execution.quantity.is_zero());
        let executed: String = within.filter(is_last).map(|execution| self.trade(execution)).collect();
        let conversions: Vec<(&StatementEntry, Decimal)> = self
            .desk
            .sim
            .statement()
            .iter()
            .filter(|entry| self.covers(entry.date))
            .filter_map(|entry| match entry.item {
                StatementItem::Conversion { amount } => Some((entry, amount)),
                _ => None,
            })
            .collect();
        executed + &conversions.chunks_exact(2).map(|pair| self.conversion(pair[0], pair[1])).collect::<String>()
    }

    fn trade(&self, execution: &ExecutionView) -> String {
        let instrument = self.desk.directory.instrument(execution.contract);
        let value = execution.quantity.value_at(execution.price, instrument.multiplier);
        let proceeds = -Decimal::from(execution.side.sign()) * value;
        let sell = if execution.side == Side::Sell { "-" } else { "" };
        let is_buy_in = |entry: &StatementEntry| match &entry.item {
            StatementItem::BuyIn { execution: bought } => bought.stem() == execution.id.stem(),
            _ => false,
        };
        let bought_in = self.desk.sim.statement().iter().any(is_buy_in);
        let mut row = self.head(Some(execution.contract), instrument.currency);
        row.extend([
            ("tradeID", execution.perm_id.to_string()),
            ("dateTime", stamp(execution.at)),
            ("tradeDate", compact_date(date_of(execution.at))),
            ("reportDate", compact_date(date_of(execution.at))),
            ("exchange", listing(instrument).to_owned()),
            ("buySell", execution.side.to_string()),
            ("quantity", format!("{sell}{}", execution.quantity)),
            ("tradePrice", execution.price.to_string()),
            ("proceeds", plain(proceeds)),
            ("ibCommission", plain(-execution.commission.amount)),
            ("ibCommissionCurrency", execution.commission.currency.code().to_owned()),
            ("netCash", plain(proceeds - execution.commission.amount)),
            ("ibOrderID", execution.perm_id.to_string()),
            ("ibExecID", execution.id.to_string()),
            ("orderReference", execution.order_ref.clone()),
            ("notes", if bought_in { "B" } else { "" }.to_owned()),
            ("transactionID", execution.perm_id.to_string()),
            ("levelOfDetail", "EXECUTION".to_owned()),
        ]);
        element("Trade", &row)
    }

    /// Quantity is of the first currency of the pair, proceeds of the second; both signed as cash changed.
    fn conversion(
        &self,
        (sold, out): (&StatementEntry, Decimal),
        (bought, came): (&StatementEntry, Decimal),
    ) -> String {
        let row = vec![
            ("accountId", self.desk.account.clone()),
            ("currency", sold.currency.code().to_owned()),
            ("assetCategory", "CASH".to_owned()),
            ("symbol", format!("{}.{}", bought.currency, sold.currency)),
            ("conid", String::new()),
            ("tradeID", bought.id.to_string()),
            ("transactionID", bought.id.to_string()),
            ("dateTime", stamp(bought.at)),
            ("tradeDate", compact_date(bought.date)),
            ("reportDate", compact_date(bought.date)),
            ("exchange", "IDEALFX".to_owned()),
            ("buySell", "BUY".to_owned()),
            ("quantity", plain(came)),
            ("tradePrice", plain((-out).checked_div(came).unwrap_or_default().round_dp(8))),
            ("proceeds", plain(out)),
            ("ibCommission", "0".to_owned()),
            ("ibCommissionCurrency", sold.currency.code().to_owned()),
            ("ibExecID", String::new()),
            ("orderReference", String::new()),
            ("notes", "AFx".to_owned()),
            ("levelOfDetail", "EXECUTION".to_owned()),
        ];
        element("Trade", &row)
    }
}

fn kind_word(kind: CashKind) -> &'static str {
    match kind {
        CashKind::Dividend => "Dividends",
        CashKind::PaymentInLieu => "Payment In Lieu Of Dividends",
        CashKind::WithholdingTax => "Withholding Tax",
        CashKind::InterestPaid | CashKind::BorrowFee => "Broker Interest Paid",
        CashKind::InterestReceived => "Broker Interest Received",
        CashKind::OtherFee => "Other Fees",
        CashKind::DepositOrWithdrawal => "Deposits/Withdrawals",
        CashKind::CommissionAdjustment => "Commission Adjustments",
    }
}

fn section(name: &str, rows: String) -> String {
    if rows.is_empty() { format!("<{name} />\n") } else { format!("<{name}>\n{rows}</{name}>\n") }
}

fn element(name: &str, attributes: &Attributes) -> String {
    let open = element_open(name, attributes);
    format!("{} />\n", open.trim_end_matches('>'))
}

fn element_open(name: &str, attributes: &Attributes) -> String {
    let written = attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escape(value.as_str())));
    format!("<{name}{}>", written.collect::<String>())
}

fn plain(amount: Decimal) -> String {
    amount.normalize().to_string()
}

fn date_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// `20260304;150000`.
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%d;%H%M%S").to_string()
}
