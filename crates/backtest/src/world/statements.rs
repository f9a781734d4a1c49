//! The account's activity, line by line, as the broker's statement service would tell it.
//!
//! In: entries of the simulated statement. Out: statement lines. Invariant: an entry is one line, or part of the one line
//! of its day; what a statement has no section for is not told.

use super::SimWorld;
use super::broker::con_id;
use domain::{Currency, Money, Quantity};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{Activity, OptionEnd, StatementError, StatementLine, Statements};
use rust_decimal::Decimal;
use sim::{CashKind, Simulation, StatementEntry, StatementItem};
use std::collections::BTreeMap;

/// Statements of a simulated account.
#[derive(Debug)]
pub struct SimStatements {
    world: SimWorld,
}

impl SimStatements {
    pub(super) fn new(world: SimWorld) -> SimStatements {
        SimStatements { world }
    }

    fn line(&self, entry: &StatementEntry, id: String, activity: Activity) -> StatementLine {
        let symbol = entry.contract.and_then(|listed| self.world.known(listed));
        let symbol = symbol.map(|contract| self.world.ours.instrument_of(contract).symbol.clone());
        StatementLine { id, date: entry.date, con_id: entry.contract.map(con_id), symbol, activity }
    }
}

impl Statements for SimStatements {
    async fn activity(&mut self, from: Date, to: Date) -> Result<Vec<StatementLine>, StatementError> {
        let simulation = self.world.simulation.borrow();
        let entries = simulation.statement();
        // Entries are in order of time, and one counts for the day it was made or the day before.
        let first = entries.partition_point(|entry| entry.date < from);
        let entries = &entries[first..];
        let within = || entries.iter().filter(|entry| (from..=to).contains(&entry.date));
        let mut lines: Vec<StatementLine> = within()
            .filter_map(|entry| activity(entry, &simulation).map(|(id, activity)| self.line(entry, id, activity)))
            .collect();
        let mut interest: BTreeMap<(Date, Currency), Decimal> = BTreeMap::new();
        for entry in within() {
            if let StatementItem::InterestAccrual { amount, .. } = entry.item {
                *interest.entry((entry.date, entry.currency)).or_default() += amount;
            }
        }
        let accrued = interest.into_iter().filter(|(_, amount)| !amount.is_zero());
        lines.extend(accrued.map(|((date, currency), amount)| StatementLine {
            id: format!("interest-accrual/{date}/{currency}"),
            date,
            con_id: None,
            symbol: None,
            activity: Activity::Accrual { amount: Money::new(amount.normalize(), currency) },
        }));
        lines.sort_by(|one, other| (one.date, &one.id).cmp(&(other.date, &other.id)));
        Ok(lines)
    }
}

/// An entry's line; `None` for what is told in the sum of its day, or in no section.
fn activity(entry: &StatementEntry, simulation: &Simulation) -> Option<(String, Activity)> {
    let money = |amount: Decimal| Money::new(amount.normalize(), entry.currency);
    let id = entry.id.to_string();
    Some(match &entry.item {
        StatementItem::Cash { kind, amount, description } => (id, cash(*kind, money(*amount), description)),
        StatementItem::DividendAccrual(accrual) => {
            (format!("dividend-accrual/{id}"), Activity::Accrual { amount: money(accrual.net()) })
        }
        &StatementItem::Split { numerator, denominator, .. } => {
            (format!("action/{id}"), Activity::Split { numerator, denominator })
        }
        &StatementItem::OptionEnded { how, quantity, cash } => {
            let how = match how {
                domain::OptionEnd::Exercised => OptionEnd::Exercised,
                domain::OptionEnd::Assigned => OptionEnd::Assigned,
                domain::OptionEnd::Expired => OptionEnd::Expired,
            };
            (format!("option/{id}"), Activity::OptionEnded { how, quantity, cash: money(cash) })
        }
        StatementItem::BuyIn { execution } => {
            let executed = simulation.executions(Timestamp::MIN);
            let bought = executed.iter().rev().find(|known| known.id.stem() == execution.stem())?;
            let quantity = Quantity::from_units(bought.quantity.units() * bought.side.sign());
            let charge = Money::new(bought.commission.amount.normalize(), bought.commission.currency);
            (format!("trade/{id}"), Activity::BuyIn { execution: bought.id.clone(), quantity, price: bought.price, charge })
        }
        StatementItem::InterestAccrual { .. }
        | StatementItem::BorrowFee { .. }
        | StatementItem::Recall { .. }
        // Conversions and symbol changes happen by injection only, and nobody injects here.
        | StatementItem::Conversion { .. }
        | StatementItem::SymbolChange { .. } => return None,
    })
}

fn cash(kind: CashKind, amount: Money, description: &str) -> Activity {
    match kind {
        CashKind::BorrowFee => Activity::BorrowFee { amount },
        _ if description.to_uppercase().contains("BORROW FEE") => Activity::BorrowFee { amount },
        CashKind::Dividend | CashKind::PaymentInLieu => Activity::Dividend { amount },
        CashKind::WithholdingTax => Activity::Tax { amount },
        CashKind::InterestPaid | CashKind::InterestReceived => Activity::Interest { amount },
        CashKind::OtherFee | CashKind::CommissionAdjustment => Activity::Fee { amount },
        CashKind::DepositOrWithdrawal => Activity::Flow { amount },
    }
}
