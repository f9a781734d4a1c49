//! The night's work of the broker: it closes the books of a day.
//!
//! In: the day that ended, closes, chance. Out: accruals, payments, fees, splits and recalls in the books. Invariant:
//! every date is closed once, at half past midnight UTC of the next, and everything done then counts for the date that
//! ended; what happens depends on seed, contract and date alone.

use crate::account::cents;
use crate::board::Board;
use crate::books::{Booking, Receivable};
use crate::broker::Broker;
use crate::events::is_share;
use crate::factor_days::day_number;
use crate::random::Stream;
use crate::statement::{CashKind, DividendAccrual};
use domain::{ContractId, Currency, Instrument, Money, Quantity};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::{Decimal, RoundingStrategy};

/// When the books of a date are closed, after its midnight UTC.
const CLOSING: SignedDuration = SignedDuration::from_mins(30);
/// Interest of a month is paid on this weekday of the next.
const INTEREST_WEEKDAY: usize = 3;
/// Weekdays between a recall and the purchase that ends the loan.
const RECALL_DAYS: usize = 2;
const RATE_DIGITS: u32 = 4;
const DAYS_PER_YEAR: f64 = 365.25;
/// Splits with the share of all splits up to each.
const SPLITS: [(f64, (u32, u32)); 3] = [(0.5, (2, 1)), (0.7, (3, 1)), (1.0, (1, 10))];

/// The first closing of books after an instant.
pub(crate) fn next_closing(now: Timestamp) -> Timestamp {
    let today = closing_of(utc_date(now));
    if now < today { today } else { closing_of(utc_date(now).saturating_add(1.day())) }
}

/// Whether the books of the day before are closed at exactly this instant.
pub(crate) fn is_closing(now: Timestamp) -> bool {
    now == closing_of(utc_date(now))
}

/// The date an instant belongs to.
pub(crate) fn utc_date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn closing_of(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).expect("every midnight exists in UTC") + CLOSING
}

impl Broker {
    /// Closes the books of the day before this instant.
    pub(crate) fn close_books(&mut self, board: &mut Board, now: Timestamp) {
        let today = utc_date(now);
        let booking = Booking { date: today.saturating_sub(1.day()), at: now };
        if booking.date.day() == 1 {
            self.books.begin_month();
        }
        self.books.pay_dividends(booking);
        let shorts = self.shorts(board, now);
        self.accrue_interest(booking, &shorts);
        self.accrue_borrow_fees(booking, &shorts);
        if is_weekday_of_month(booking.date, INTEREST_WEEKDAY) {
            let month = booking.date.first_of_month().saturating_sub(1.day());
            self.books.pay_interest(booking, &month_name(month));
        }
        self.charge_fee(booking);
        self.accrue_dividends(booking, today, board);
        self.split_by_chance(booking, today, board);
        self.recall_by_chance(booking, &shorts);
    }

    fn accrue_interest(&mut self, booking: Booking, shorts: &[Short]) {
        for terms in &self.events.interest {
            let secures = shorts.iter().filter(|short| short.currency == terms.currency).map(|short| short.value);
            // The proceeds of a short sale secure the loan of the shares and earn nothing.
            let balance = self.books.account.cash(terms.currency) - secures.sum::<Decimal>();
            let amount = Money::new(terms.daily(balance), terms.currency);
            self.books.accrue_interest(booking, amount);
        }
    }

    /// Shares and funds sold short, at their last official close.
    fn shorts(&self, board: &Board, now: Timestamp) -> Vec<Short> {
        let short = |contract: ContractId| {
            let quantity = self.books.account.quantity(contract);
            let instrument = self.universe.instrument_of(contract);
            if quantity.signum() >= 0 || !is_share(instrument) {
                return None;
            }
            let close = board.tape.last_official(contract, now)?.1.to_decimal();
            let value = quantity.to_decimal().abs() * close;
            Some(Short { contract, currency: instrument.currency, close, value })
        };
        self.books.account.held().filter_map(short).collect()
    }

    fn accrue_borrow_fees(&mut self, booking: Booking, shorts: &[Short]) {
        for &Short { contract, currency, close, value } in shorts {
            let rate = self.events.borrow_of(self.universe.instrument_of(contract));
            let fee = value * rate / Decimal::from(360);
            self.books.accrue_borrow_fee(booking, contract, currency, [close, rate, fee]);
        }
    }

    fn charge_fee(&mut self, booking: Booking) {
        if let Some(fee) = self.events.monthly_fee.filter(|_| is_weekday_of_month(booking.date, 1)) {
            let text = format!("MARKET DATA FOR {}", month_name(booking.date));
            self.books.pay(booking, None, -fee, CashKind::OtherFee, text);
        }
    }

    /// What goes ex today was earned by whoever held it when yesterday ended.
    fn accrue_dividends(&mut self, booking: Booking, today: Date, board: &mut Board) {
        if !board.tape.is_simulated() {
            return;
        }
        for (contract, terms) in self.payers.clone() {
            let instrument = self.universe.instrument_of(contract);
            if !is_ex_date(instrument, terms.payments, today, contract, board) {
                continue;
            }
            let Some(close) = board.tape.last_official(contract, booking.at).map(|(_, close)| close.to_decimal())
            else {
                continue;
            };
            let rate = round_rate(close * terms.annual_yield / Decimal::from(terms.payments));
            let pay_date = weekday_from(today.saturating_add(i64::from(terms.pay_days).days()));
            self.go_ex(booking, contract, rate, (today, pay_date), board);
        }
    }

    /// The price loses the dividend and the holder is owed it.
    pub(crate) fn go_ex(
        &mut self,
        booking: Booking,
        contract: ContractId,
        rate: Decimal,
        (ex_date, pay_date): (Date, Date),
        board: &mut Board,
    ) {
        board.tape.pay_out(contract, rate, booking.at);
        let instrument = self.universe.instrument_of(contract);
        let quantity = self.books.account.quantity(contract);
        if quantity.is_zero() {
            return;
        }
        let gross = cents(rate * quantity.to_decimal());
        let withheld = if quantity.signum() > 0 { self.events.withholding_of(instrument) } else { Decimal::ZERO };
        let accrual =
            DividendAccrual { reversal: false, ex_date, pay_date, quantity, rate, gross, tax: cents(gross * withheld) };
        let name = match &instrument.isin {
            Some(isin) => format!("{}({isin})", instrument.symbol),
            None => instrument.symbol.clone(),
        };
        let currency = instrument.currency;
        self.books.accrue_dividend(booking, Receivable { contract, currency, accrual, name });
    }

    fn split_by_chance(&mut self, booking: Booking, today: Date, board: &mut Board) {
        let yearly = self.events.splits_per_year;
        if yearly == 0.0 || !board.tape.is_simulated() {
            return;
        }
        for contract in self.shares.clone() {
            let instrument = self.universe.instrument_of(contract);
            if board.tape.venue(contract).session(today).is_none() {
                continue;
            }
            let mut draws = self.chance.at(Stream::new("split", &instrument.name), day_number(today));
            // Strikes and contracts of options would have to follow.
            if draws.uniform() < yearly / DAYS_PER_YEAR && !board.tape.has_options(contract) {
                let kind = draws.uniform();
                let (_, ratio) = SPLITS.into_iter().find(|(share, _)| kind < *share).expect("shares end at one");
                let held = self.books.account.quantity(contract).units() * i64::from(ratio.0);
                // Chance pays no cash for fractions of a share: such a split happens on purpose only.
                if held % (i64::from(ratio.1) * Quantity::UNITS_PER_SHARE) == 0 {
                    self.split(booking, contract, ratio, board);
                }
            }
        }
    }

    fn recall_by_chance(&mut self, booking: Booking, shorts: &[Short]) {
        if self.events.recalls_per_year == 0.0 {
            return;
        }
        for &Short { contract, .. } in shorts {
            let stream = Stream::new("recall", &self.universe.instrument_of(contract).name);
            let chance = self.chance.at(stream, day_number(booking.date)).uniform();
            if chance < self.events.recalls_per_year / DAYS_PER_YEAR {
                self.recall(booking, contract, weekdays_after(booking.date, RECALL_DAYS));
            }
        }
    }
}

/// A position sold short.
#[derive(Clone, Copy, Debug)]
struct Short {
    contract: ContractId,
    currency: Currency,
    close: Decimal,
    /// Positive.
    value: Decimal,
}

/// Payments are spread evenly over the year; the ex-date is the first session from a day of the month on that is the
/// instrument's own.
fn is_ex_date(instrument: &Instrument, payments: u8, date: Date, contract: ContractId, board: &Board) -> bool {
    let own = Stream::new("dividend", &instrument.name).hash();
    let every = 12 / i64::from(payments.clamp(1, 12));
    let day = 3 + (own / 12 % 20) as i8;
    if (i64::from(date.month()) - (own % 12) as i64).rem_euclid(every) != 0 || date.day() < day {
        return false;
    }
    let venue = board.tape.venue(contract);
    let is_session = |day: Date| venue.session(day).is_some();
    let first = date.with().day(day).build().expect("every month has 22 days");
    is_session(date) && !(0..i64::from(date.day() - day)).any(|ahead| is_session(first.saturating_add(ahead.days())))
}

fn round_rate(rate: Decimal) -> Decimal {
    rate.round_dp_with_strategy(RATE_DIGITS, RoundingStrategy::MidpointAwayFromZero)
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The date itself, or the Monday after a weekend.
pub(crate) fn weekday_from(date: Date) -> Date {
    if is_weekend(date) { weekday_from(date.saturating_add(1.day())) } else { date }
}

fn weekdays_after(date: Date, count: usize) -> Date {
    (0..count).fold(date, |day, _| weekday_from(day.saturating_add(1.day())))
}

/// Whether a date is the n-th weekday of its month, from 1.
fn is_weekday_of_month(date: Date, n: usize) -> bool {
    let days = (0..i64::from(date.day())).map(|ahead| date.first_of_month().saturating_add(ahead.days()));
    !is_weekend(date) && days.filter(|day| !is_weekend(*day)).count() == n
}

/// `MAR-2026`.
fn month_name(date: Date) -> String {
    date.strftime("%b-%Y").to_string().to_uppercase()
}
