//! A first look that would stop the day, and the second one that decides.
//!
//! In: an account that says something else each time it is asked. Out: the inputs and the note of the report.
//! Invariant: nothing waits when the first look agrees, and what is still so later stands.

use super::*;
use crate::{calendars, policy, settings};
use cycle::Directive;
use domain::{Currency, ExecutionId, InstrumentId, Mic, OptionKey, Price, Quantity, Universe};
use ports::{
    BrokerCommand, BrokerEvent, BrokerPosition, CashRow, ContractDetails, JournalError, MarginImpact, Message,
    OptionChain, OptionQuote, Record, StoredRecord,
};
use rust_decimal::{Decimal, dec};
use std::path::Path;
use std::sync::Arc;

/// Says one net liquidation value after another, and the last one for ever.
struct Account {
    says: Vec<Decimal>,
    asked: usize,
}

impl Broker for Account {
    async fn identify(&mut self) -> Result<Identity, BrokerError> {
        Ok(Identity { account: "DU1".into(), server_version: 222, server_time: Timestamp::UNIX_EPOCH })
    }

    async fn reconnect(&mut self) -> Result<Identity, BrokerError> {
        self.identify().await
    }

    async fn resolve(&mut self, _: &[ContractId]) -> Result<Vec<ContractDetails>, BrokerError> {
        Ok(Vec::new())
    }

    fn contract_of(&self, _: i64) -> Option<ContractId> {
        None
    }

    async fn snapshot(&mut self) -> Result<AccountSnapshot, BrokerError> {
        let net_liquidation = self.says[self.asked.min(self.says.len() - 1)];
        self.asked += 1;
        let row = CashRow {
            currency: Currency::Usd,
            cash: dec!(10_000_000),
            futures_pnl: Decimal::ZERO,
            exchange_rate: Decimal::ONE,
            swept: Decimal::ZERO,
            accrued: Decimal::ZERO,
        };
        Ok(AccountSnapshot {
            at: Timestamp::UNIX_EPOCH,
            base: Currency::Usd,
            net_liquidation: Some(net_liquidation),
            gross_position_value: None,
            excess_liquidity: None,
            cash: vec![row],
            positions: vec![],
            foreign: vec![],
            open_orders: vec![],
            completed_orders: vec![],
            executions: vec![],
            disputes: vec![],
        })
    }

    async fn glance(&mut self, _: Option<ContractId>) -> Result<ports::Glance, BrokerError> {
        unreachable!("nothing is watched before the day is decided")
    }

    async fn daily_bars(&mut self, _: ContractId, _: u32, _: Date) -> Result<Vec<Bar>, BrokerError> {
        Ok(Vec::new())
    }

    async fn option_chain(&mut self, _: InstrumentId) -> Result<OptionChain, BrokerError> {
        unreachable!("this universe has no options")
    }

    async fn option_quotes(&mut self, _: InstrumentId, _: &[OptionKey]) -> Result<Vec<OptionQuote>, BrokerError> {
        unreachable!("this universe has no options")
    }

    fn extend(&mut self, _: Arc<Universe>) {}

    async fn watch(&mut self, _: &[ContractId]) -> Result<(), BrokerError> {
        unreachable!("nothing is watched before the day is decided")
    }

    async fn renew(&mut self, _: &[ContractId]) -> Result<(), BrokerError> {
        unreachable!("nothing is watched before the day is decided")
    }

    async fn send(&mut self, _: &risk::Sendable) -> Result<(), BrokerError> {
        unreachable!("nothing is sent before the day is decided")
    }

    async fn what_if(&mut self, _: &BrokerCommand) -> Result<MarginImpact, BrokerError> {
        unreachable!("nothing is weighed before the day is decided")
    }

    async fn drain(&mut self, _: &mut Vec<BrokerEvent>) {}

    async fn fence(&mut self) -> Result<Timestamp, BrokerError> {
        Ok(Timestamp::UNIX_EPOCH)
    }
}

/// A journal before the first day.
struct Blank;

impl Journal for Blank {
    async fn append(&mut self, _: Date, _: &[Record]) -> Result<i64, JournalError> {
        unreachable!("observing writes nothing")
    }

    async fn records(&mut self, _: Date) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn latest(&mut self, _: &str) -> Result<Option<StoredRecord>, JournalError> {
        Ok(None)
    }

    async fn messages(&mut self) -> Result<Vec<Message>, JournalError> {
        Ok(Vec::new())
    }

    async fn answer(&mut self, _: Date, _: &Message, _: &Record) -> Result<(), JournalError> {
        unreachable!("nobody said anything")
    }

    async fn since(&mut self, _: &str, _: i64) -> Result<Vec<StoredRecord>, JournalError> {
        Ok(Vec::new())
    }

    async fn head_at(&mut self, _: i64) -> Result<String, JournalError> {
        unreachable!("observing writes nothing")
    }
}

struct Hands(Timestamp);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn wait(&mut self, deadline: Timestamp) -> Result<(), BrokerError> {
        self.0 = deadline;
        Ok(())
    }
}

const DAY: Date = jiff::civil::date(2026, 3, 2);

fn run() -> Run {
    let core_pair = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples/core-pair");
    let loaded = settings::load(Some(&core_pair)).unwrap();
    let calendars = calendars::built_in(|_| true);
    let universe = settings::universe(&loaded.instruments, &calendars, DAY, DAY).unwrap();
    assert!(calendars.get(Mic::Fx).is_ok());
    Run {
        setup: policy::dated_setup(&loaded, universe, &calendars).unwrap(),
        calendars: Arc::new(calendars),
        settings: loaded.settings,
        screens: Default::default(),
        account: "aaaaaa".parse().unwrap(),
        fence: 1,
        configuration: String::new(),
        adopter: None,
        loosening: None,
        is_research: false,
        id: String::new(),
        journal: String::new(),
    }
}

/// What observing an account comes to: when it was decided, how often it was asked, the mode it leads to, the notes.
fn observed(says: &[Decimal]) -> (String, usize, risk::Mode, Vec<String>) {
    let mut run = run();
    let mut world = World {
        broker: Account { says: says.to_vec(), asked: 0 },
        journal: Blank,
        statements: None,
        rates: None,
        clock: Hands("2026-03-02T05:00:00Z".parse().unwrap()),
        closed: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let Observed { inputs, notes, .. } = runtime.block_on(observe(DAY, &mut run, &mut world)).unwrap();
    let panel = inputs.panel(&run.setup).unwrap();
    let mode = cycle::decide(&inputs.view(&panel), &run.setup).mode;
    let told = notes.booked.into_iter().filter(|note| note.starts_with("read")).collect();
    (inputs.decided_at.to_string(), world.broker.asked, mode, told)
}

#[test]
fn an_account_that_agrees_is_read_once() {
    let told = observed(&[dec!(10_000_000)]);
    assert_eq!(told, ("2026-03-02T06:00:00Z".to_owned(), 1, risk::Mode::Normal, vec![]));
}

#[test]
fn a_valuation_that_was_late_stops_nothing() {
    let (at, asked, mode, notes) = observed(&[dec!(10_040_000), dec!(10_000_000)]);
    assert_eq!((at.as_str(), asked, mode), ("2026-03-02T06:03:00Z", 2, risk::Mode::Normal));
    insta::assert_snapshot!(notes.join("\n"), @"read a second time at 2026-03-02T06:03:00Z: first HALT for nav:account, then it agrees");
}

#[test]
fn what_is_still_so_three_minutes_later_stops_the_day() {
    let (_, asked, mode, notes) = observed(&[dec!(10_040_000), dec!(10_200_000)]);
    assert_eq!((asked, mode), (2, risk::Mode::Frozen));
    insta::assert_snapshot!(notes.join("\n"), @"read a second time at 2026-03-02T06:03:00Z: first HALT for nav:account, then EMERGENCY for nav:account");
}

/// Every day of a year in which a clock changes somewhere: a paper account's day begins when the resets are over.
#[tokio::test]
async fn a_day_begins_when_the_broker_is_back_in_both_seasons() {
    let mut run = run();
    run.settings.mode = settings::Mode::Paper;
    let mut begins = std::collections::BTreeMap::new();
    for day in 0..364 {
        let date = jiff::civil::date(2026, 1, 5) + jiff::ToSpan::days(day);
        let mut world = World {
            broker: Account { says: vec![Decimal::ZERO], asked: 0 },
            journal: Blank,
            statements: None,
            rates: None,
            clock: Hands(at(date, run.settings.schedule.run_at, &run).unwrap()),
            closed: None,
        };
        venues::outwait_maintenance(date, &run, &mut world).await.unwrap();
        *begins.entry(world.clock.now().strftime("%H:%M").to_string()).or_insert(0) += 1;
    }
    insta::assert_snapshot!(format!("{begins:?}"), @r#"
    {"06:00": 180, "06:55": 132, "07:10": 34, "08:10": 18}
    "#);
}

#[tokio::test]
async fn a_line_that_cannot_be_booked_is_told_and_changes_nothing() {
    let (run, now) = (run(), "2026-03-02T05:00:00Z".parse().unwrap());
    let snapshot = Account { says: vec![dec!(10_000_000)], asked: 0 }.snapshot().await.unwrap();
    let (mut book, _) = Book::open(&snapshot, now, &run).unwrap();
    let before = book.books.clone();
    let universe = &run.setup.universe;
    let contract = universe.contracts().find(|&contract| universe.terms(contract).settles_daily).unwrap();
    let split = LedgerEvent::Split { contract, numerator: 2, denominator: 1 };
    let told = super::super::statement::post_line("605", now, split, &mut book, &run).unwrap();
    assert!(told.alarming && told.event.is_none());
    assert!(told.sentence.starts_with("line 605 of the broker's statement is not booked: "), "{}", told.sentence);
    assert_eq!((book.books.ledger(), book.books.open()), (before.ledger(), before.open()));
}

/// An account whose books were opened, and which has changed since; what is booked of it when a person adopts.
async fn adopted(change: impl Fn(&mut AccountSnapshot, &Run), adopts: &[(&str, bool)]) -> (Book, Vec<News>) {
    let (run, opened) = (run(), "2026-03-02T05:00:00Z".parse().unwrap());
    let mut snapshot = Account { says: vec![dec!(10_000_000)], asked: 0 }.snapshot().await.unwrap();
    let (mut book, _) = Book::open(&snapshot, opened, &run).unwrap();
    change(&mut snapshot, &run);
    for &(finding, flow) in adopts {
        let directive = Directive::Adopt { finding: finding.into(), sleeve: "external".into(), flow, given: None };
        book.standing.adopt.push(Instruction { directive, by: "ada".into(), reason: "known".into() });
    }
    let (now, bars) =
        (opened + SignedDuration::from_hours(24), Bars::filled(None, run.setup.universe.contract_count()));
    let before = (std::mem::take(&mut book.believed), &[][..]);
    let belief = believe(&snapshot, (&bars, &[]), before, book.books.ledger(), now, &run);
    let told = adopt(&mut book, &snapshot, &belief, (DAY, now), &run).unwrap();
    (book, told)
}

#[tokio::test]
async fn adopted_cash_is_a_return_or_none_as_a_person_says() {
    let more = |snapshot: &mut AccountSnapshot, _: &Run| snapshot.cash[0].cash += dec!(1_500_000);
    for (flow, put_in) in [(true, dec!(1_500_000)), (false, Decimal::ZERO)] {
        let (book, told) = adopted(more, &[("cash:USD", flow)]).await;
        assert_eq!(book.books.ledger().cash(Currency::Usd), dec!(11_500_000));
        let counted = flows(&told, &mut Vec::new(), &FxRates::new(Currency::Usd));
        assert_eq!(counted, BaseMoney::new(put_in));
    }
}

#[tokio::test]
async fn what_an_execution_did_is_adopted_as_that_execution_and_once() {
    let by_hand = |snapshot: &mut AccountSnapshot, run: &Run| {
        let contract = run.setup.universe.find_contract("CSPX").unwrap();
        let [price, quantity] = [dec!(700), dec!(25)];
        let (price, quantity) = (Price::from_decimal(price).unwrap(), Quantity::from_decimal(quantity).unwrap());
        let fill = Fill {
            execution: ExecutionId("0000e0d5.1.01.01".into()),
            order: None,
            contract,
            side: Side::Buy,
            quantity,
            price,
            at: "2026-03-02T15:00:00Z".parse().unwrap(),
        };
        snapshot.positions.push(BrokerPosition { contract, quantity, mark: Some(price) });
        snapshot.executions.push(Execution { fill, commission: None });
        snapshot.cash[0].cash -= dec!(17_500);
    };
    let everything = [("quantity:CSPX", false), ("cash:USD", false), ("execution:0000e0d5.1.01.01", false)];
    let (book, told) = adopted(by_hand, &everything).await;
    let told: Vec<&str> = told.iter().map(|news| news.sentence.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    quantity:CSPX is not adopted: it is what execution:0000e0d5.1.01.01 did, which is adopted in its place and brings its quantity, price and charge; both would count twice
    cash:USD is not adopted: it is what execution:0000e0d5.1.01.01 did, which is adopted in its place and brings its quantity, price and charge; both would count twice
    BUY 25 CSPX at 700 booked, no order of ours
    ");
    let ledger = book.books.ledger();
    assert_eq!(ledger.held().map(|held| ledger.quantity(held)).collect::<Vec<_>>(), [Quantity::whole(25)]);
    assert_eq!(ledger.cash(Currency::Usd), dec!(9_982_500));
}

#[test]
fn money_in_a_currency_without_a_rate_waits_for_one() {
    let deposit = |amount, currency| {
        let event = Some(LedgerEvent::Flow { amount: Money::new(amount, currency) });
        News { event, ..News::note(String::new()) }
    };
    let mut fx = FxRates::new(Currency::Usd);
    let (mut waits, booked) = (Vec::new(), [deposit(dec!(100), Currency::Usd), deposit(dec!(1_000), Currency::Nok)]);
    assert_eq!(flows(&booked, &mut waits, &fx), BaseMoney::new(dec!(100)));
    assert_eq!(flows(&[], &mut waits, &fx), BaseMoney::ZERO, "still none");
    assert!(waits_for_a_rate(&waits[0]).alarming);
    fx.set(Currency::Nok, dec!(0.1)).unwrap();
    assert_eq!(flows(&[], &mut waits, &fx), BaseMoney::new(dec!(100)));
    assert_eq!(flows(&[], &mut waits, &fx), BaseMoney::ZERO, "once");
}
