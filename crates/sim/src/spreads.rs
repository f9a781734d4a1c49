//! Calendar spreads: one order, two legs at the exchange.
//!
//! In: a working spread, the books of its legs. Out: executions of both legs, of the same quantity, at once. Invariant:
//! a leg is never executed without the other; the difference of the prices is never worse than the limit.

use crate::account::Trade;
use crate::board::{Board, Book};
use crate::broker::{Broker, Working};
use crate::matching::Want;
use crate::{ExecutionView, SimEventKind, SimOrder, SpreadFill};
use domain::{ContractId, ExecutionId, OrderStatus, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

/// One leg of an execution.
#[derive(Clone, Copy)]
struct Leg {
    contract: ContractId,
    side: Side,
    price: Price,
}

impl Broker {
    /// Executes as much of a spread as the touch of both legs carries, when their difference is within its limit.
    pub(crate) fn work_spread(&mut self, index: usize, against: ContractId, board: &Board, now: Timestamp) {
        let view = &self.open[index].view;
        let SimOrder { contract, side, .. } = view.order;
        let (limit, wanted) = (view.order.limit_mantissa(), view.remaining());
        let (Some(book), Some(other_book)) = (board.book(contract, now), board.book(against, now)) else { return };
        let leg = |contract, side, book: &Book| Leg { contract, side, price: book.opposite(side).0 };
        let legs = [leg(contract, side, &book), leg(against, side.opposite(), &other_book)];
        let price = legs[0].price.mantissa() - legs[1].price.mantissa();
        if (limit - price) * side.sign() < 0 {
            return;
        }
        let lot = self.universe.terms(contract).lot;
        let want = |leg: &Leg, quantity| {
            let Leg { contract, side, price } = *leg;
            Want { contract, side, limit: price.mantissa(), quantity }
        };
        let books = [book, other_book];
        let there = |dents: &crate::matching::Dents, quantity: Quantity| {
            legs.iter().zip(&books).fold(quantity, |least, (leg, book)| {
                let (slices, _) = dents.look(want(leg, least), book, lot, now);
                slices.iter().fold(Quantity::ZERO, |sum, slice| sum + slice.quantity)
            })
        };
        let quantity = there(&self.dents, wanted);
        if quantity.is_zero() {
            return;
        }
        for (leg, book) in legs.iter().zip(&books) {
            self.dents.take(want(leg, quantity), book, lot, now);
        }
        self.execute_spread(index, legs, quantity, now);
    }

    fn execute_spread(&mut self, index: usize, legs: [Leg; 2], quantity: Quantity, now: Timestamp) {
        self.executed += 1;
        let number = self.executed;
        let id = |part: u32| ExecutionId(format!("0000e0d5.{number:08x}.{part:02}.01").into());
        let Working { view, values, .. } = &mut self.open[index];
        let before = view.filled;
        view.filled += quantity;
        for (value, leg) in values.iter_mut().zip(legs) {
            *value += quantity.to_decimal() * leg.price.to_decimal();
        }
        let filled = view.filled.to_decimal();
        let mean = |value: Decimal| (value / filled).round_dp_with_strategy(8, RoundingStrategy::MidpointAwayFromZero);
        let price = legs[0].price.to_decimal() - legs[1].price.to_decimal();
        let (means, average_price) = (values.map(mean), mean(values[0] - values[1]));
        view.average_price = average_price;
        view.last_fill_price = Some(price);
        let view = view.clone();
        let whole = SpreadFill { id: id(1), against: legs[1].contract, price, average_price };

        let mut charges = Vec::new();
        for (place, (leg, average_price)) in legs.into_iter().zip(means).enumerate() {
            // A contract of a future costs the same at every price.
            let whole_charge = |filled: Quantity| self.charge(leg.contract, filled, Decimal::ZERO, now);
            let charge = whole_charge(view.filled) - whole_charge(before);
            let Leg { contract, side, price } = leg;
            let trade = Trade { contract, side, quantity, price, commission: charge };
            let execution = ExecutionView {
                cumulative: view.filled,
                average_price,
                spread: (place == 0).then(|| whole.clone()),
                ..self.trade(view.owner(), id(place as u32 + 2), trade, now)
            };
            charges.push((execution.id.clone(), execution.commission, execution.realized));
            self.executions.push(execution.clone());
            self.tell(view.client, SimEventKind::Execution(execution));
        }
        for (execution, amount, realized) in charges {
            self.tell(view.client, SimEventKind::Commission { execution, amount, realized });
        }
        let done = view.remaining().is_zero();
        let client = view.client;
        let told = if done { self.end(index, OrderStatus::Filled, "", now) } else { view };
        self.tell(client, SimEventKind::Status(told));
    }
}
