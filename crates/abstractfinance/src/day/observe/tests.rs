//! A first look that would stop the day, and the second one that decides.
//!
//! In: an account that says something else each time it is asked. Out: the inputs and the note of the report.
//! Invariant: nothing waits when the first look agrees, and what is still so later stands.

use super::*;
use crate::{calendars, policy, settings};
use domain::{Currency, InstrumentId, Mic, OptionKey, Universe};
use ports::{
    BrokerCommand, BrokerEvent, CashRow, ContractDetails, JournalError, MarginImpact, Message, OptionChain,
    OptionQuote, Record, StoredRecord,
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
