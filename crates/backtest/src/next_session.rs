//! Fills at the next session's open.
//!
//! In: opens and closes, time-major. Out: NAV at the last close and the number of trades.
//! Invariant: a plan sees closes before its date; its orders are quoted and filled at that date's
//! open, for a commission in basis points and nothing else.

use cycle::{DayInputs, DayPlan, Doubts, Effect, Event, Room, Session, Setup, decide_into};
use domain::{
    AccountTag, BaseMoney, BasisPoints, Books, Exact, ExecutionId, Fill, FxRates, Ledger, LedgerEvent, Money,
    PerContract, PerInstrument, Price, Quantity,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use market::calendar::Window;
use market::{DataType, Panel, Quote};
use ports::BrokerEvent;
use risk::gate::Conditions;
use risk::{Mode, Sendable};

/// Prices of a next-session run; every instrument has one contract with the same key.
#[derive(Clone, Debug)]
pub struct Prices {
    /// Closes, which decide.
    pub closes: Panel,
    /// The closes as prices, which value the book, in the same layout.
    pub marks: Vec<Option<Price>>,
    /// Opens, which fill, in the layout of the closes.
    pub opens: Vec<f64>,
    /// The date of each row.
    pub dates: Vec<Date>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// NAV at the last close.
    pub nav: BaseMoney,
    /// Orders filled.
    pub trades: u64,
}

/// A next-session backtest over one setup.
#[derive(Debug)]
pub struct NextSession<'a> {
    setup: &'a Setup,
    account: AccountTag,
    commission: BasisPoints,
    fx: FxRates,
    active: PerInstrument<Option<domain::ContractId>>,
}

impl<'a> NextSession<'a> {
    /// A driver that charges `commission` of the traded value.
    pub fn new(setup: &'a Setup, commission: BasisPoints) -> Self {
        let active = PerInstrument::from_vec(
            setup.universe.instruments().map(|instrument| setup.universe.spot_contract(instrument)).collect(),
        );
        let account = "bktest".parse().expect("six letters");
        NextSession { setup, account, commission, fx: FxRates::new(setup.base), active }
    }

    /// Runs from the first decision row to the last close.
    ///
    /// # Panics
    /// When a price is not positive: the loader checks its file.
    pub fn run(&self, prices: &Prices, capital: Money, first_decision: usize) -> Outcome {
        let contracts = self.setup.universe.contract_count();
        let rows = prices.closes.len();
        let mut ledger = Ledger::new(&self.setup.universe);
        ledger.apply(&LedgerEvent::Flow { amount: capital }, &self.setup.universe).expect("a flow is always booked");
        let mut books = Books::new(ledger);
        // Two plans take turns: the memory of one is what the other is decided from.
        let (mut plan, mut before) = (&mut DayPlan::empty(self.setup), &mut DayPlan::empty(self.setup));
        before.memory.take_in(prices.closes.rows(0, first_decision), self.setup);
        let mut marks = PerContract::filled(None, contracts);
        let mut windows = PerContract::filled(None, contracts);
        let conditions = Conditions::ample(contracts);
        let (mut trades, mut identity) = (0, String::from("aaaaaaa"));
        let mut room = Room::without_entries();
        let mut placed = Vec::with_capacity(contracts);
        for row in first_decision..rows - 1 {
            let session_date = prices.dates[row + 1];
            let opens = midnight(session_date);
            mark(&mut marks, prices, row);
            windows.fill(Some(Window { opens, closes: opens + jiff::SignedDuration::from_hours(1) }));
            let inputs = DayInputs {
                date: session_date,
                decided_at: opens,
                ledger: books.ledger(),
                sleeves: None,
                memory: &before.memory,
                history: prices.closes.rows(row, row + 1),
                marks: &marks,
                fx: &self.fx,
                doubts: Doubts::NONE,
                broker: None,
                mode: Mode::Normal,
                before_halt: None,
                flatten: false,
                windows: &windows,
                conditions: &conditions,
                active: &self.active,
                borrowable: &[],
                flows: BaseMoney::ZERO,
                screens: &[],
                listings: &[],
                margins: &[],
            };
            decide_into(&inputs, self.setup, plan);
            let open_row = &prices.opens[(row + 1) * contracts..(row + 2) * contracts];
            let hours = (&windows, &conditions);
            let mut session = Session::start_in(room, plan, hours, books, self.account, self.setup);
            trades += self.trade(&mut session, opens, open_row, &mut identity, &mut placed);
            (books, room) = session.into_books_and_room();
            books.forget();
            std::mem::swap(&mut plan, &mut before);
        }
        mark(&mut marks, prices, rows - 1);
        let nav = books.ledger().nav(&marks, &self.fx, &self.setup.universe).expect("every contract has a close");
        Outcome { nav, trades }
    }

    /// Drives one session: quotes at the open, every order filled there, everything recorded at once. Says how many.
    fn trade(
        &self,
        session: &mut Session<'_>,
        opened: Timestamp,
        opens: &[f64],
        identity: &mut String,
        placed: &mut Vec<Sendable>,
    ) -> u64 {
        let (mut now, mut trades) = (opened, 0);
        loop {
            match session.poll(now) {
                Effect::Record => session.handle(Event::Recorded),
                Effect::Watch | Effect::Renew(_) => {
                    let contracts: Vec<_> = session.contracts().collect();
                    for contract in contracts {
                        let quote = open_quote(opens[contract.index()], now);
                        session.handle(Event::Broker(BrokerEvent::Quote { contract, quote }));
                    }
                }
                Effect::Send(sendable) => placed.push(sendable),
                Effect::Wait(deadline) if placed.is_empty() => {
                    now = deadline;
                    session.handle(Event::Tick);
                }
                Effect::Wait(_) => {
                    for sendable in placed.drain(..) {
                        trades += 1;
                        advance(identity);
                        self.fill(&sendable, now, opens, ExecutionId(identity.as_str().into()), session);
                    }
                }
                Effect::Resync => unreachable!("nothing was ever cut off"),
                Effect::Look => unreachable!("nothing is watched where nothing happens between an open and the next"),
                Effect::WhatIf { .. } => unreachable!("margin is never short where nothing is asked about it"),
                Effect::Done => return trades,
            }
        }
    }

    fn fill(
        &self,
        sendable: &Sendable,
        now: Timestamp,
        opens: &[f64],
        execution: ExecutionId,
        session: &mut Session<'_>,
    ) {
        let Sendable::Place(placed) = sendable else {
            unreachable!("an order that fills in full at once is neither replaced nor cancelled")
        };
        let (contract, side, quantity) = (placed.contract(), placed.side(), placed.quantity());
        let price = Price::from_f64(opens[contract.index()]).expect("the loader checked the opens");
        let amount = self.charge(quantity, price, contract);
        let order = Some(placed.order_ref());
        let fill = Fill { execution: execution.clone(), order, contract, side, quantity, price, at: now };
        session.handle(Event::Broker(BrokerEvent::Execution(fill)));
        session.handle(Event::Broker(BrokerEvent::Commission { execution, amount }));
    }

    fn charge(&self, quantity: Quantity, price: Price, contract: domain::ContractId) -> Money {
        let terms = self.setup.universe.terms(contract);
        let value = Exact::value(quantity, price, terms.multiplier);
        Money { amount: value.money_share(i64::from(self.commission.0), 10_000), currency: terms.currency }
    }
}

/// The next identity of an execution: letters, because a number at the end would be a version, and what is executed here is
/// never corrected. Later ones are greater.
fn advance(identity: &mut String) {
    match identity.pop().expect("there are more letters than trades") {
        'z' => {
            advance(identity);
            identity.push('a');
        }
        letter => identity.push(char::from(letter as u8 + 1)),
    }
}

fn mark(marks: &mut PerContract<Option<Price>>, prices: &Prices, row: usize) {
    let contracts = marks.len();
    marks.as_mut_slice().copy_from_slice(&prices.marks[row * contracts..(row + 1) * contracts]);
}

/// The open as a locked market: bid and ask are the same price.
fn open_quote(open: f64, at: Timestamp) -> Quote {
    let price = Price::from_f64(open).ok();
    Quote {
        bid: price,
        ask: price,
        bid_size: Quantity::ZERO,
        ask_size: Quantity::ZERO,
        last: price,
        close: None,
        volume: None,
        at,
        data_type: DataType::Live,
    }
}

fn midnight(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.into()).expect("dates of a backtest are within the time line")
}
