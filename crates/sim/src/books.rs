//! The account with its statement: what is owed, what is paid, and the line that says so.
//!
//! In: amounts with the date they count for. Out: cash, accruals and entries that move together. Invariant: nothing
//! outside of trades and settlements changes the account without an entry, and amounts are whole cents.

use crate::account::{Account, cents};
use crate::statement::{CashKind, DividendAccrual, StatementEntry, StatementItem};
use domain::{ContractId, Currency, Money, PerCurrency, Quantity};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// When a line is booked and for which date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking {
    pub(crate) date: Date,
    pub(crate) at: Timestamp,
}

/// A dividend that was accrued and is not yet paid.
#[derive(Clone, Debug)]
pub(crate) struct Receivable {
    pub(crate) contract: ContractId,
    pub(crate) currency: Currency,
    pub(crate) accrual: DividendAccrual,
    /// As the lines call it.
    pub(crate) name: String,
}

/// Interest and borrow fees that were accrued and are not yet paid.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    interest: Decimal,
    borrow: Decimal,
}

/// One account and its statement.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    pub(crate) account: Account,
    pub(crate) statement: Vec<StatementEntry>,
    receivables: Vec<Receivable>,
    /// Of the running month.
    this_month: PerCurrency<Owed>,
    /// Of the months before.
    before: PerCurrency<Owed>,
}

impl Books {
    pub(crate) fn new(account: Account) -> Books {
        Books {
            account,
            statement: Vec::new(),
            receivables: Vec::new(),
            this_month: PerCurrency::default(),
            before: PerCurrency::default(),
        }
    }

    /// Whether something will be paid on a later day.
    pub(crate) fn owes(&self) -> bool {
        let owed = |column: &PerCurrency<Owed>| {
            column.iter().any(|(_, owed)| !owed.interest.is_zero() || !owed.borrow.is_zero())
        };
        !self.receivables.is_empty() || owed(&self.this_month) || owed(&self.before)
    }

    pub(crate) fn note(
        &mut self,
        Booking { date, at }: Booking,
        contract: Option<ContractId>,
        currency: Currency,
        item: StatementItem,
    ) {
        let id = self.statement.len() as u64 + 1;
        self.statement.push(StatementEntry { id, date, at, contract, currency, item });
    }

    /// Moves cash, with its line.
    pub(crate) fn pay(
        &mut self,
        booking: Booking,
        contract: Option<ContractId>,
        amount: Money,
        kind: CashKind,
        description: String,
    ) {
        if amount.amount.is_zero() {
            return;
        }
        self.account.credit(amount);
        let item = StatementItem::Cash { kind, amount: amount.amount, description };
        self.note(booking, contract, amount.currency, item);
    }

    /// A dividend becomes owed.
    pub(crate) fn accrue_dividend(&mut self, booking: Booking, receivable: Receivable) {
        let Receivable { contract, currency, accrual, .. } = &receivable;
        self.account.owe_dividend(Money::new(accrual.net(), *currency));
        self.note(booking, Some(*contract), *currency, StatementItem::DividendAccrual(accrual.clone()));
        self.receivables.push(receivable);
    }

    /// Pays every dividend that is due.
    pub(crate) fn pay_dividends(&mut self, booking: Booking) {
        let (due, later) = std::mem::take(&mut self.receivables)
            .into_iter()
            .partition(|receivable| receivable.accrual.pay_date <= booking.date);
        self.receivables = later;
        let due: Vec<Receivable> = due;
        for Receivable { contract, currency, accrual, name } in due {
            let money = |amount| Money::new(amount, currency);
            self.account.owe_dividend(money(-accrual.net()));
            let DividendAccrual { gross, tax, rate, .. } = accrual;
            let reversal = DividendAccrual { reversal: true, gross: -gross, tax: -tax, ..accrual };
            self.note(booking, Some(contract), currency, StatementItem::DividendAccrual(reversal));
            let (kind, words) = match gross.is_sign_negative() {
                true => (CashKind::PaymentInLieu, "PAYMENT IN LIEU OF DIVIDEND"),
                false => (CashKind::Dividend, "CASH DIVIDEND"),
            };
            let text = format!("{name} {words} {currency} {rate} PER SHARE");
            self.pay(booking, Some(contract), money(gross), kind, text.clone());
            self.pay(booking, Some(contract), money(-tax), CashKind::WithholdingTax, text + " - TAX");
        }
    }

    /// Interest of a day becomes owed.
    pub(crate) fn accrue_interest(&mut self, booking: Booking, exact: Money) {
        let amount = Money::new(cents(exact.amount), exact.currency);
        self.this_month[amount.currency].interest += amount.amount;
        self.accrue(booking, amount);
    }

    /// A day's borrow fee becomes owed by us.
    pub(crate) fn accrue_borrow_fee(
        &mut self,
        booking: Booking,
        contract: ContractId,
        currency: Currency,
        [price, rate, exact]: [Decimal; 3],
    ) {
        let fee = Money::new(-cents(exact), currency);
        if fee.amount.is_zero() {
            return;
        }
        let quantity: Quantity = self.account.quantity(contract);
        let item = StatementItem::BorrowFee { quantity, price, rate, fee: fee.amount };
        self.note(booking, Some(contract), currency, item);
        self.this_month[currency].borrow += fee.amount;
        self.accrue(booking, fee);
    }

    fn accrue(&mut self, booking: Booking, amount: Money) {
        if !amount.amount.is_zero() {
            self.account.owe_interest(amount);
            let item = StatementItem::InterestAccrual { amount: amount.amount, reversal: false };
            self.note(booking, None, amount.currency, item);
        }
    }

    /// A month begins: what is owed is of the months before.
    pub(crate) fn begin_month(&mut self) {
        for currency in Currency::ALL {
            let Owed { interest, borrow } = std::mem::take(&mut self.this_month[currency]);
            self.before[currency].interest += interest;
            self.before[currency].borrow += borrow;
        }
    }

    /// Pays interest and borrow fees of the months before.
    pub(crate) fn pay_interest(&mut self, booking: Booking, month: &str) {
        for currency in Currency::ALL {
            let Owed { interest, borrow } = std::mem::take(&mut self.before[currency]);
            let (kind, words) = match interest.is_sign_negative() {
                true => (CashKind::InterestPaid, "DEBIT INT"),
                false => (CashKind::InterestReceived, "CREDIT INT"),
            };
            self.settle_owed(booking, Money::new(interest, currency), kind, format!("{currency} {words} FOR {month}"));
            let text = format!("{currency} BORROW FEES FOR {month}");
            self.settle_owed(booking, Money::new(borrow, currency), CashKind::BorrowFee, text);
        }
    }

    fn settle_owed(&mut self, booking: Booking, amount: Money, kind: CashKind, text: String) {
        if amount.amount.is_zero() {
            return;
        }
        self.account.owe_interest(-amount);
        let item = StatementItem::InterestAccrual { amount: -amount.amount, reversal: true };
        self.note(booking, None, amount.currency, item);
        self.pay(booking, None, amount, kind, text);
    }
}
