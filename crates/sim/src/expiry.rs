//! Options that end: paid in cash, delivered, or worthless.
//!
//! In: a session that opened or was fixed, the price of the underlying. Out: cash, executions at the strike, statement
//! lines. Invariant: an option is held for as long as it trades and until it is settled, never after; what it pays is
//! what it is in the money, to the tick of the underlying.

use crate::board::Board;
use crate::books::Booking;
use crate::broker::Broker;
use crate::statement::StatementItem;
use domain::{ContractId, OptionEnd, OptionRight, Price, Quantity, Side};
use jiff::Timestamp;
use market::calendar::Session;
use rust_decimal::Decimal;

impl Broker {
    /// Ends every held option of a venue that is due: one that settles by the close when its last session was fixed, one
    /// that settles by the opening when the session after it opens.
    pub(crate) fn end_options(&mut self, session: &Session, board: &Board, now: Timestamp) {
        let is_due = |contract: &ContractId| {
            let Some((root, key)) = board.tape.option(*contract) else { return false };
            let opens = now == session.open;
            let over = if opens { key.expiry < session.date } else { key.expiry <= session.date && !root.opening };
            over && self.universe.instrument_of(*contract).venue == session.mic
        };
        let due: Vec<ContractId> = self.books.account.held().filter(is_due).collect();
        // Of one that settles by the close, the price is that of the close, not of the end of an auction.
        let priced_at = now.min(session.close);
        for contract in due {
            if let Some(price) = board.tape.settlement(contract, priced_at) {
                self.end_option(Booking { date: session.date, at: now }, contract, price, board);
            }
        }
    }

    fn end_option(&mut self, booking: Booking, contract: ContractId, underlying: Price, board: &Board) {
        let (root, key) = board.tape.option(contract).expect("only options end here");
        let quantity = self.books.account.quantity(contract);
        let above = underlying.to_decimal() - key.strike.to_decimal();
        let inside = if key.right == OptionRight::Call { above } else { -above };
        let pays = Price::from_decimal(inside).ok();
        let instrument = self.universe.instrument_of(contract);
        let (currency, multiplier) = (instrument.currency, instrument.multiplier);
        let how = match (pays, quantity.signum() > 0) {
            (None, _) => OptionEnd::Expired,
            (Some(_), true) => OptionEnd::Exercised,
            (Some(_), false) => OptionEnd::Assigned,
        };
        let paid = pays.filter(|_| !root.physical);
        let cash = paid.map_or(Decimal::ZERO, |price| quantity.value_at(price, multiplier));
        self.books.account.end(contract, paid);
        self.books.note(
            booking,
            Some(contract),
            currency,
            StatementItem::OptionEnded { how, quantity: -quantity, cash },
        );
        if root.physical && pays.is_some() {
            let (strike, delivered) = (key.strike, root.underlying);
            let buys = (key.right == OptionRight::Call) == (quantity.signum() > 0);
            let side = if buys { Side::Buy } else { Side::Sell };
            let shares = Quantity::from_units(quantity.abs().units() * i64::from(multiplier));
            self.execute_at(delivered, side, shares, strike, Decimal::ZERO, booking.at);
        }
    }
}
