//! What can be made to happen to the account on purpose.
//!
//! In: an intervention. Out: the same bookings that happen by themselves, now. Invariant: an intervention is data that
//! can be recorded and applied again; what is impossible is said before anything has changed.

use crate::account::Trade;
use crate::board::Board;
use crate::books::Booking;
use crate::broker::Broker;
use crate::events::is_share;
use crate::overnight::{utc_date, weekday_from};
use crate::statement::{CashKind, StatementItem};
use crate::venue::Trading;
use crate::view::Owner;
use crate::{ExecutionView, Liquidity};
use domain::{ContractId, Currency, ExecutionId, InstrumentKind, Money, OptionEnd, Price, Quantity, Side};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use market::calendar::Session;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The client number of executions that no client ordered.
const NOBODY: i32 = 0;
/// Broker's numbers of orders that no client placed.
const FIRST_FOREIGN_PERM_ID: i64 = 1_900_000_001;
/// Shares of a company or fund that are to be lent when nobody says otherwise: more than any simulated account needs.
const SHARES_LENT: i64 = 5_000_000;
/// A dividend on purpose is paid after so many days.
const PAY_DAYS: i64 = 7;

/// Something that happens although no client ordered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum Intervention {
    /// A person trades by hand, at a price or at the mark.
    Trade { contract: ContractId, side: Side, quantity: Quantity, price: Option<Price> },
    /// An order of a client is executed at its limit, as far as it is open; also one that was cancelled.
    Fill { client: i32, order_id: i32, quantity: Option<Quantity> },
    /// An execution turns out to have been of another quantity or price, or of none (a bust): it is told again with the
    /// next suffix.
    Correct { execution: ExecutionId, quantity: Option<Quantity>, price: Option<Price> },
    /// An execution is undone and listed no more.
    Withdraw { execution: ExecutionId },
    /// `numerator` new shares for `denominator` old ones.
    Split { contract: ContractId, numerator: u32, denominator: u32 },
    /// The contract goes ex now, for so much a share; it is paid a week later.
    Dividend { contract: ContractId, rate: Decimal },
    /// The contract goes on under another symbol.
    Rename { contract: ContractId, symbol: String },
    /// Futures are settled now, at the marks.
    SettleFutures,
    /// Cash moves to the commodity segment; back when negative.
    Sweep { amount: Money },
    /// The owner puts money in, or takes it out when negative.
    Flow { amount: Money },
    /// The broker exchanges currencies; `sold` and `bought` are positive.
    Convert { sold: Money, bought: Money },
    /// A fee, or a refund when positive.
    Fee { amount: Money, refund: bool },
    /// The lender wants the shares back; they are bought at the next official close.
    Recall { contract: ContractId },
    /// So many shares are to be lent in all, those lent already included.
    Lend { contract: ContractId, shares: Quantity },
    /// The broker buys what is short, now.
    BuyIn { contract: ContractId },
    /// The broker closes the position, because the account has too little margin.
    Liquidate { contract: ContractId },
    /// Every market moves at once and for good, by a share of world equity and of the volatility index.
    Shock { equity: Decimal, volatility: Decimal },
    /// The exchange stops trading in the contract for so many minutes.
    Halt { contract: ContractId, minutes: u32 },
    /// The contract ends now: a future at its mark, an option worth nothing; in silence without a line.
    Expire { contract: ContractId, silent: bool },
}

/// What cannot happen, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot happen now: {0}")]
pub struct Impossible(pub String);

impl Intervention {
    /// Whether it can happen now.
    pub(crate) fn check(&self, broker: &Broker, board: &Board, now: Timestamp) -> Result<(), Impossible> {
        let no = |reason: &str| Err(Impossible(reason.to_owned()));
        if let Some(contract) = self.contract() {
            if contract.index() >= broker.universe.contract_count() {
                return no("there is no such contract");
            }
            if board.mark(contract, now).is_none() || board.tape.expired(contract, now) {
                return no(&format!("{} has no price or has ended", broker.universe.contract(contract).name));
            }
        }
        let is_short = |contract: ContractId| broker.books.account.quantity(contract).signum() < 0;
        let is_company = |contract: ContractId| is_share(broker.universe.instrument_of(contract));
        match self {
            Intervention::Fill { client, order_id, .. } => match broker.order(*client, *order_id) {
                None => no("there is no such order"),
                Some(view) if view.remaining().is_zero() => no("the order is filled"),
                Some(view) if view.order.against.is_some() => no("a spread is not executed by halves"),
                Some(_) => Ok(()),
            },
            Intervention::Trade { quantity, .. } if quantity.signum() <= 0 => no("the quantity must be above zero"),
            Intervention::Correct { quantity: Some(quantity), .. } if quantity.signum() < 0 => {
                no("the corrected quantity must not be negative")
            }
            Intervention::Correct { execution, .. } | Intervention::Withdraw { execution }
                if broker.find_execution(execution).is_none() =>
            {
                no(&format!("there is no execution {execution}"))
            }
            Intervention::Split { contract, numerator, denominator }
                if !is_company(*contract) || *numerator == 0 || *denominator == 0 =>
            {
                no("only shares and funds split, into whole parts")
            }
            Intervention::Dividend { contract, rate } if !is_company(*contract) || *rate <= Decimal::ZERO => {
                no("only shares and funds pay dividends, above zero")
            }
            Intervention::Shock { equity, volatility } if *equity <= -Decimal::ONE || *volatility <= -Decimal::ONE => {
                no("nothing falls by all of itself")
            }
            Intervention::Shock { .. } if !board.tape.is_simulated() => no("replayed prices are what they were"),
            Intervention::Halt { contract, .. } if !matches!(board.tape.trading(*contract, now), Trading::Open(_)) => {
                no("it is not traded now")
            }
            Intervention::Recall { contract } | Intervention::BuyIn { contract } if !is_short(*contract) => {
                no("nothing of it is sold short")
            }
            Intervention::Liquidate { contract } if broker.books.account.quantity(*contract).is_zero() => {
                no("nothing of it is held")
            }
            Intervention::Lend { contract, shares } if !is_company(*contract) || shares.signum() < 0 => {
                no("only shares and funds are lent, and none or more of them")
            }
            _ => Ok(()),
        }
    }

    fn contract(&self) -> Option<ContractId> {
        match self {
            Intervention::Trade { contract, .. }
            | Intervention::Split { contract, .. }
            | Intervention::Dividend { contract, .. }
            | Intervention::Rename { contract, .. }
            | Intervention::Recall { contract }
            | Intervention::Lend { contract, .. }
            | Intervention::BuyIn { contract }
            | Intervention::Liquidate { contract }
            | Intervention::Halt { contract, .. }
            | Intervention::Expire { contract, .. } => Some(*contract),
            _ => None,
        }
    }
}

impl Broker {
    /// Whether the books have to be closed: something happens by itself, or something is still to be paid.
    pub(crate) fn closes_books(&self) -> bool {
        !self.events.is_none() || self.books.owes()
    }

    /// Makes it happen; it was checked.
    pub(crate) fn intervene(&mut self, intervention: &Intervention, board: &mut Board, now: Timestamp) {
        let booking = Booking { date: utc_date(now), at: now };
        let mark = |contract, board: &Board| board.mark(contract, now).expect("it was checked to have a price");
        match intervention.clone() {
            Intervention::Trade { contract, side, quantity, price } => {
                let price = price.unwrap_or_else(|| mark(contract, board));
                let _ = self.execute_for_nobody(contract, side, quantity, price, now);
            }
            Intervention::Correct { execution, quantity, price } => self.correct(&execution, quantity, price, now),
            Intervention::Withdraw { execution } => {
                let index = self.find_execution(&execution).expect("it was checked to exist");
                let withdrawn = self.executions[index].clone();
                self.undo(&withdrawn);
                self.executions.retain(|known| known.id.stem() != withdrawn.id.stem());
            }
            Intervention::Split { contract, numerator, denominator } => {
                self.split(booking, contract, (numerator, denominator), board);
            }
            Intervention::Dividend { contract, rate } => {
                let pay_date = weekday_from(booking.date.saturating_add(PAY_DAYS.days()));
                self.go_ex(booking, contract, rate, (booking.date, pay_date), board);
            }
            Intervention::Rename { contract, symbol } => {
                let (quantity, currency) = (self.books.account.quantity(contract), self.currency(contract));
                self.books.note(booking, Some(contract), currency, StatementItem::SymbolChange { symbol, quantity });
            }
            Intervention::SettleFutures => {
                for contract in self.universe.clone().contracts() {
                    let held = !self.books.account.quantity(contract).is_zero();
                    if held && self.universe.terms(contract).settles_daily {
                        self.books.account.settle(contract, mark(contract, board));
                    }
                }
            }
            Intervention::Sweep { amount } => self.books.account.sweep(amount),
            Intervention::Flow { amount } => {
                let text = if amount.amount.is_sign_negative() { "DISBURSEMENT" } else { "CASH RECEIPTS" };
                self.books.pay(booking, None, amount, CashKind::DepositOrWithdrawal, text.to_owned());
            }
            Intervention::Convert { sold, bought } => {
                for side in [-sold, bought] {
                    self.books.account.credit(side);
                    let item = StatementItem::Conversion { amount: side.amount };
                    self.books.note(booking, None, side.currency, item);
                }
            }
            Intervention::Fee { amount, refund } => {
                let (kind, text) = match refund {
                    true => (CashKind::CommissionAdjustment, "COMMISSION ADJUSTMENT"),
                    false => (CashKind::OtherFee, "FEE"),
                };
                let amount = if refund { amount } else { -amount };
                self.books.pay(booking, None, amount, kind, text.to_owned());
            }
            Intervention::Shock { equity, volatility } => board.tape.shock(equity, volatility, now),
            Intervention::Fill { client, order_id, quantity } => self.fill_anyway((client, order_id), quantity, now),
            Intervention::Recall { contract } => self.recall(booking, contract, booking.date),
            Intervention::Lend { contract, shares } => {
                self.lent.insert(contract, shares);
            }
            Intervention::BuyIn { contract } => self.cover(booking, contract, mark(contract, board)),
            Intervention::Liquidate { contract } => self.liquidate(contract, mark(contract, board), now),
            Intervention::Halt { contract, minutes } => {
                board.tape.halt(contract, now, SignedDuration::from_mins(i64::from(minutes)));
            }
            Intervention::Expire { contract, silent } => self.expire_now(booking, contract, silent, board),
        }
    }

    fn currency(&self, contract: ContractId) -> Currency {
        self.universe.instrument_of(contract).currency
    }

    /// Shares that can be borrowed beside those that are; nothing of what cannot be sold short by lending, such as a future.
    pub(crate) fn shortable(&self, contract: ContractId) -> Option<Quantity> {
        if !is_share(self.universe.instrument_of(contract)) {
            return None;
        }
        let lent = self.lent.get(&contract).copied().unwrap_or(Quantity::whole(SHARES_LENT));
        let borrowed = self.books.account.quantity(contract).min(Quantity::ZERO);
        let called_back = self.recalled.contains_key(&contract);
        Some(if called_back { Quantity::ZERO } else { (lent + borrowed).max(Quantity::ZERO) })
    }

    /// The lender's call; the purchase follows at an official close from a date on.
    pub(crate) fn recall(&mut self, booking: Booking, contract: ContractId, from: Date) {
        let quantity = self.books.account.quantity(contract).abs();
        self.books.note(booking, Some(contract), self.currency(contract), StatementItem::Recall { quantity });
        self.recalled.entry(contract).or_insert(from);
    }

    /// Buys called-back shares at the official close of a session.
    pub(crate) fn buy_in(&mut self, session: &Session, board: &Board, now: Timestamp) {
        let due = |(&contract, &from): (&ContractId, &Date)| {
            let here = self.universe.instrument_of(contract).venue == session.mic;
            (here && from <= session.date && board.tape.has_session(contract, session)).then_some(contract)
        };
        let due: Vec<ContractId> = self.recalled.iter().filter_map(due).collect();
        for contract in due {
            self.recalled.remove(&contract);
            if self.books.account.quantity(contract).signum() < 0 {
                let booking = Booking { date: utc_date(now), at: now };
                self.cover(booking, contract, board.tape.official_close(contract, session));
            }
        }
    }

    fn cover(&mut self, booking: Booking, contract: ContractId, price: Price) {
        let quantity = self.books.account.quantity(contract).abs();
        let execution = self.execute_for_nobody(contract, Side::Buy, quantity, price, booking.at);
        self.books.note(booking, Some(contract), self.currency(contract), StatementItem::BuyIn { execution });
    }

    /// An execution without a client's order.
    fn execute_for_nobody(
        &mut self,
        contract: ContractId,
        side: Side,
        quantity: Quantity,
        price: Price,
        now: Timestamp,
    ) -> ExecutionId {
        let instrument = self.universe.instrument_of(contract);
        let value = quantity.value_at(price, instrument.multiplier);
        let charge = self.charge(contract, quantity, value, now);
        self.execute_at(contract, side, quantity, price, charge, now)
    }

    /// The same for a charge.
    pub(crate) fn execute_at(
        &mut self,
        contract: ContractId,
        side: Side,
        quantity: Quantity,
        price: Price,
        charge: Decimal,
        now: Timestamp,
    ) -> ExecutionId {
        let execution = self.trade_for_nobody(Trade { contract, side, quantity, price, commission: charge }, now);
        let id = execution.id.clone();
        self.tell_executed(execution);
        id
    }

    fn trade_for_nobody(&mut self, trade: Trade, now: Timestamp) -> ExecutionView {
        let id = self.next_execution_id();
        let perm_id = FIRST_FOREIGN_PERM_ID + i64::from(self.executed);
        let owner = Owner { client: NOBODY, order_id: 0, perm_id, order_ref: String::new() };
        ExecutionView { liquidity: Liquidity::Auction, ..self.trade(owner, id, trade, now) }
    }

    /// Closes a position, as the broker does when the account has too little margin.
    fn liquidate(&mut self, contract: ContractId, price: Price, now: Timestamp) {
        let held = self.books.account.quantity(contract);
        let (side, quantity) = (if held.signum() > 0 { Side::Sell } else { Side::Buy }, held.abs());
        let instrument = self.universe.instrument_of(contract);
        let commission = self.charge(contract, quantity, quantity.value_at(price, instrument.multiplier), now);
        let trade = Trade { contract, side, quantity, price, commission };
        let execution = ExecutionView { is_liquidation: true, ..self.trade_for_nobody(trade, now) };
        self.tell_executed(execution);
    }

    /// The corrected execution replaces the one before in the books; the broker lists both.
    fn correct(&mut self, id: &ExecutionId, quantity: Option<Quantity>, price: Option<Price>, now: Timestamp) {
        let index = self.find_execution(id).expect("it was checked to exist");
        let before = self.executions[index].clone();
        self.undo(&before);
        let (quantity, price) = (quantity.unwrap_or(before.quantity), price.unwrap_or(before.price));
        let ExecutionView { contract, side, mut commission, .. } = before;
        // Nobody is charged for what did not happen.
        let busted = quantity.is_zero();
        commission.amount = if busted { Decimal::ZERO } else { commission.amount };
        let trade = Trade { contract, side, quantity, price, commission: commission.amount };
        let realized = if busted { before.realized } else { self.books.account.trade(trade) };
        let versions = self.executions.iter().filter(|known| known.id.stem() == before.id.stem()).count();
        let id = ExecutionId(format!("{}.{:02}", before.id.stem(), versions + 1).into());
        let told = ExecutionView { id, quantity, price, at: now, realized, commission, spread: None, ..before };
        self.tell_executed(told);
    }

    /// The last version of an execution that is in the books.
    pub(crate) fn find_execution(&self, id: &ExecutionId) -> Option<usize> {
        self.executions.iter().rposition(|known| known.id.stem() == id.stem())
    }

    fn undo(&mut self, ExecutionView { contract, side, quantity, price, commission, .. }: &ExecutionView) {
        let side = if *side == Side::Buy { Side::Sell } else { Side::Buy };
        let commission = -commission.amount;
        self.books.account.trade(Trade { contract: *contract, side, quantity: *quantity, price: *price, commission });
    }

    /// Orders in old shares mean nothing any more.
    pub(crate) fn split(
        &mut self,
        booking: Booking,
        contract: ContractId,
        (numerator, denominator): (u32, u32),
        board: &mut Board,
    ) {
        self.cancel_in(contract, "a split", booking.at);
        board.tape.split(contract, numerator, denominator);
        let (quantity, fraction) = self.books.account.split(contract, numerator, denominator);
        let item = StatementItem::Split { numerator, denominator, quantity };
        let currency = self.currency(contract);
        self.books.note(booking, Some(contract), currency, item);
        if let Some(mark) = board.mark(contract, booking.at).filter(|_| !fraction.is_zero()) {
            let value = fraction.value_at(mark, self.universe.terms(contract).multiplier).round_dp(2);
            let text = "CASH IN LIEU OF FRACTIONAL SHARES".to_owned();
            self.books.pay(booking, Some(contract), Money::new(value, currency), CashKind::PaymentInLieu, text);
        }
    }

    fn expire_now(&mut self, booking: Booking, contract: ContractId, silent: bool, board: &mut Board) {
        let mark = board.mark(contract, booking.at);
        self.cancel_in(contract, "the contract has ended", booking.at);
        let is_option = self.universe.instrument_of(contract).kind == InstrumentKind::Opt;
        let quantity = -self.books.account.quantity(contract);
        self.books.account.end(contract, mark.filter(|_| !is_option));
        board.tape.end(contract, booking.at);
        if is_option && !silent && !quantity.is_zero() {
            let item = StatementItem::OptionEnded { how: OptionEnd::Expired, quantity, cash: Decimal::ZERO };
            self.books.note(booking, Some(contract), self.currency(contract), item);
        }
    }
}
