//! The broker's own books: cash, positions, settlement, net liquidation.
//!
//! In: executions, settlements, statement entries, marks and rates. Out: account views. Invariant: cash of a currency
//! changes only by trades, commissions, settlements and statement entries in that currency; these books share no code
//! with the engine's ledger, so that each checks the other.

use crate::{AccountView, CashRow, PositionView};
use domain::{ContractId, Currency, InstrumentKind, Money, PerCurrency, Price, Quantity, Side, Terms, Universe};
use rust_decimal::{Decimal, RoundingStrategy};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

const COST_DIGITS: u32 = 8;
/// Of a quantity and a price together, which are integers: everything held is valued fifty times a date.
const WORTH_DIGITS: u32 = 4 + 8;

/// What is held of one contract.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    quantity: Quantity,
    /// Signed cost of the open quantity, commissions included, and of one unit of it.
    cost: Decimal,
    average_cost: Decimal,
    /// Profit of what was closed, after commissions.
    realized: Decimal,
    /// Futures: value of the open quantity at the prices up to which profit is in cash.
    settled: Decimal,
}

/// One execution as the books need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade {
    pub(crate) contract: ContractId,
    pub(crate) side: Side,
    pub(crate) quantity: Quantity,
    pub(crate) price: Price,
    pub(crate) commission: Decimal,
}

/// Books of one account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: String,
    base: Currency,
    universe: Arc<Universe>,
    cash: PerCurrency<Decimal>,
    /// Cash that lies in the commodity segment, part of `cash`.
    swept: PerCurrency<Decimal>,
    interest_owed: PerCurrency<Decimal>,
    dividends_owed: PerCurrency<Decimal>,
    /// What is held, and what was closed and not settled yet.
    holdings: BTreeMap<ContractId, Holding>,
    /// What was held once: years of it, which nobody goes through.
    over: BTreeMap<ContractId, Holding>,
}

impl Account {
    pub(crate) fn new(id: String, base: Currency, universe: Arc<Universe>, deposit: Money) -> Account {
        let mut cash = PerCurrency::default();
        cash[deposit.currency] = deposit.amount;
        let (holdings, over) = Default::default();
        let (swept, interest_owed, dividends_owed) = Default::default();
        Account { id, base, universe, cash, swept, interest_owed, dividends_owed, holdings, over }
    }

    /// Takes what a universe has grown by in.
    pub(crate) fn list(&mut self, universe: Arc<Universe>) {
        self.universe = universe;
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn quantity(&self, contract: ContractId) -> Quantity {
        self.holdings.get(&contract).map_or(Quantity::ZERO, |holding| holding.quantity)
    }

    /// What is held, in contract order.
    pub(crate) fn held(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.holdings.iter().filter(|(_, holding)| !holding.quantity.is_zero()).map(|(contract, _)| *contract)
    }

    /// The same, with what was closed and not settled yet.
    pub(crate) fn unsettled(&self) -> Vec<ContractId> {
        self.holdings.keys().copied().collect()
    }

    fn holding(&mut self, contract: ContractId) -> &mut Holding {
        let before = || self.over.remove(&contract).unwrap_or_default();
        self.holdings.entry(contract).or_insert_with(before)
    }

    /// Puts away what is over.
    fn put_away(&mut self, contract: ContractId) {
        if self.holdings.get(&contract).is_some_and(Holding::is_over) {
            self.over.extend(self.holdings.remove_entry(&contract));
        }
    }

    pub(crate) fn cash(&self, currency: Currency) -> Decimal {
        self.cash[currency]
    }

    /// Cash that comes or goes outside of trades.
    pub(crate) fn credit(&mut self, amount: Money) {
        self.cash[amount.currency] += amount.amount;
    }

    /// A change of what interest and borrow fees are owed to us.
    pub(crate) fn owe_interest(&mut self, amount: Money) {
        self.interest_owed[amount.currency] += amount.amount;
    }

    /// A change of what dividends are owed to us.
    pub(crate) fn owe_dividend(&mut self, amount: Money) {
        self.dividends_owed[amount.currency] += amount.amount;
    }

    /// Moves cash into the commodity segment, or out of it when negative; the total stays.
    pub(crate) fn sweep(&mut self, amount: Money) {
        self.swept[amount.currency] += amount.amount;
    }

    /// Gives new shares for old ones; the cost of the whole stays. Returns the change of the quantity, and the fraction of a
    /// share that cash has to be paid for.
    pub(crate) fn split(&mut self, contract: ContractId, numerator: u32, denominator: u32) -> (Quantity, Quantity) {
        let holding = self.holding(contract);
        let exact = holding.quantity.units() * i64::from(numerator) / i64::from(denominator);
        let fraction = exact % Quantity::UNITS_PER_SHARE;
        let units = exact - fraction;
        let change = Quantity::from_units(units) - holding.quantity;
        holding.quantity = Quantity::from_units(units);
        holding.average();
        self.put_away(contract);
        (change, Quantity::from_units(fraction))
    }

    /// Ends a position at a price, paid in cash.
    pub(crate) fn end(&mut self, contract: ContractId, price: Option<Price>) {
        let terms = *self.universe.terms(contract);
        if let (true, Some(price)) = (terms.settles_daily, price) {
            return self.expire(contract, price);
        }
        let holding = self.holding(contract);
        let closing = -holding.quantity;
        let value = price.map_or(Decimal::ZERO, |price| worth(closing, price, &terms));
        holding.book(closing, value);
        holding.settled = Decimal::ZERO;
        self.cash[terms.currency] -= value;
        self.put_away(contract);
    }

    /// Books a trade; returns the profit it realised after commissions.
    pub(crate) fn trade(&mut self, trade: Trade) -> Decimal {
        let terms = *self.universe.terms(trade.contract);
        let sign = Decimal::from(trade.side.sign());
        let value = sign * worth(trade.quantity, trade.price, &terms);
        let paid = if terms.settles_daily { Decimal::ZERO } else { value };
        self.cash[terms.currency] -= paid + trade.commission;

        let holding = self.holding(trade.contract);
        if terms.settles_daily {
            holding.settled += value;
        }
        let signed = Quantity::from_units(trade.quantity.units() * trade.side.sign());
        let realized = holding.book(signed, value + trade.commission);
        self.put_away(trade.contract);
        realized
    }

    /// Pays the profit of a future since its last settlement into cash.
    pub(crate) fn settle(&mut self, contract: ContractId, settlement: Price) {
        let terms = *self.universe.terms(contract);
        let Some(holding) = self.holdings.get_mut(&contract) else { return };
        let value = worth(holding.quantity, settlement, &terms);
        self.cash[terms.currency] += value - holding.settled;
        holding.settled = value;
        self.put_away(contract);
    }

    /// Ends a future at its final settlement: the last profit is paid and nothing is held any more.
    pub(crate) fn expire(&mut self, contract: ContractId, settlement: Price) {
        self.settle(contract, settlement);
        let terms = *self.universe.terms(contract);
        let Some(holding) = self.holdings.get_mut(&contract) else { return };
        let closing = -holding.quantity;
        holding.book(closing, worth(closing, settlement, &terms));
        holding.settled = Decimal::ZERO;
        self.put_away(contract);
    }

    /// What is held, how much of it, and what that is worth in its currency, in contract order.
    ///
    /// # Panics
    /// As for a view.
    pub(crate) fn worths(
        &self,
        mark: impl Fn(ContractId) -> Option<Price>,
    ) -> impl Iterator<Item = (ContractId, Quantity, Decimal)> {
        let held = self.holdings.iter().filter(|(_, holding)| !holding.quantity.is_zero());
        held.map(move |(&contract, &Holding { quantity, .. })| {
            let mark = mark(contract).expect("what is held has traded");
            (contract, quantity, worth(quantity, mark, self.universe.terms(contract)))
        })
    }

    /// What [`Account::view`] says as net liquidation, without the rows it is made of.
    ///
    /// # Panics
    /// As for a view.
    pub(crate) fn net_liquidation(
        &self,
        mark: impl Fn(ContractId) -> Option<Price>,
        rate: impl Fn(Currency) -> Option<Decimal>,
    ) -> Decimal {
        let mut total = PerCurrency::from_fn(|currency| {
            self.cash[currency] + self.interest_owed[currency] + self.dividends_owed[currency]
        });
        // Whole cents and integer products: their sums are exact in whatever order.
        let mut worths = PerCurrency::<i128>::default();
        for (&contract, holding) in &self.holdings {
            let terms = self.universe.terms(contract);
            if !holding.settled.is_zero() {
                total[terms.currency] -= holding.settled;
            }
            if !holding.quantity.is_zero() {
                let mark = mark(contract).expect("what is held has traded");
                worths[terms.currency] += product(holding.quantity, mark, terms);
            }
        }
        for (currency, &worth) in worths.iter().filter(|(_, worth)| **worth != 0) {
            total[currency] += Decimal::from_i128_with_scale(worth, WORTH_DIGITS);
        }
        let in_use = Currency::ALL.into_iter().filter(|&currency| !total[currency].is_zero());
        let in_base = |currency| {
            let rate = rate(currency).expect("every currency in use was checked to have a rate");
            rate * total[currency].normalize()
        };
        cents(in_use.map(in_base).sum())
    }

    /// The account at these marks and rates to the base.
    ///
    /// # Panics
    /// When something held has no mark or a currency in use no rate: both are checked before it can be traded.
    pub(crate) fn view(
        &self,
        mark: impl Fn(ContractId) -> Option<Price>,
        rate: impl Fn(Currency) -> Option<Decimal>,
    ) -> AccountView {
        let [mut stock, mut options, mut futures] = [PerCurrency::<Decimal>::default(); 3];
        let mut used = PerCurrency::from_fn(|currency| {
            let parts = [&self.cash, &self.swept, &self.interest_owed, &self.dividends_owed];
            currency == self.base || parts.iter().any(|part| !part[currency].is_zero())
        });
        let mut positions = Vec::new();
        for (&contract, holding) in &self.holdings {
            let terms = self.universe.terms(contract);
            // A closed future's profit waits for the settlement of the day.
            futures[terms.currency] -= holding.settled;
            used[terms.currency] = true;
            if holding.quantity.is_zero() {
                continue;
            }
            let position = holding.view(contract, mark(contract).expect("what is held has traded"), terms);
            let kind = self.universe.instrument_of(contract).kind;
            let part = match kind {
                InstrumentKind::Fut => &mut futures,
                InstrumentKind::Opt => &mut options,
                _ => &mut stock,
            };
            part[terms.currency] += position.market_value;
            positions.push(position);
        }
        let row = |currency| CashRow {
            currency,
            cash: (self.cash[currency] - self.swept[currency]).normalize(),
            futures_pnl: (futures[currency] + self.swept[currency]).normalize(),
            stock_market_value: stock[currency].normalize(),
            option_market_value: options[currency].normalize(),
            accrued_interest: self.interest_owed[currency].normalize(),
            accrued_dividends: self.dividends_owed[currency].normalize(),
            exchange_rate: rate(currency).expect("every currency in use was checked to have a rate"),
        };
        let cash: Vec<CashRow> = Currency::ALL.into_iter().filter(|&currency| used[currency]).map(row).collect();
        let net_liquidation = cash.iter().map(|row| row.exchange_rate * row.total()).sum();
        let net_liquidation = cents(net_liquidation);
        AccountView { id: self.id.clone(), base: self.base, cash, positions, net_liquidation }
    }
}

impl Holding {
    fn is_over(&self) -> bool {
        self.quantity.is_zero() && self.settled.is_zero()
    }

    /// Books a signed quantity at its signed cost; returns the profit it realised.
    fn book(&mut self, signed: Quantity, cost: Decimal) -> Decimal {
        let before = self.quantity;
        self.quantity = before + signed;
        if before.signum() * signed.signum() >= 0 {
            self.cost += cost;
            self.average();
            return Decimal::ZERO;
        }
        let (released, spent) = match signed.abs().cmp(&before.abs()) {
            Ordering::Less => (round_cost(self.cost * signed.to_decimal() / -before.to_decimal()), cost),
            Ordering::Equal => (self.cost, cost),
            Ordering::Greater => (self.cost, round_cost(cost * before.to_decimal() / -signed.to_decimal())),
        };
        let realized = -(released + spent);
        self.cost += cost + realized;
        self.realized += realized;
        self.average();
        realized
    }

    /// Works out what a unit has cost; asked for far more often than it changes.
    fn average(&mut self) {
        let quantity = self.quantity.to_decimal();
        self.average_cost = if quantity.is_zero() { Decimal::ZERO } else { round_cost(self.cost / quantity) };
    }

    fn view(&self, contract: ContractId, mark: Price, terms: &Terms) -> PositionView {
        let market_value = worth(self.quantity, mark, terms).normalize();
        PositionView {
            contract,
            quantity: self.quantity,
            mark,
            average_cost: self.average_cost,
            market_value,
            unrealized: market_value - self.cost,
            realized: self.realized,
        }
    }
}

fn worth(quantity: Quantity, price: Price, terms: &Terms) -> Decimal {
    Decimal::from_i128_with_scale(product(quantity, price, terms), WORTH_DIGITS)
}

/// What a quantity is worth, as an integer of [`WORTH_DIGITS`].
fn product(quantity: Quantity, price: Price, terms: &Terms) -> i128 {
    i128::from(quantity.units()) * i128::from(price.mantissa()) * i128::from(terms.multiplier)
}

/// Half away from zero, as the broker rounds what it pays and charges.
pub(crate) fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn round_cost(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(COST_DIGITS, RoundingStrategy::MidpointAwayFromZero)
}
