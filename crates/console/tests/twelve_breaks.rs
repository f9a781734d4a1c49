//! Twelve ways in which books and broker come apart, each with its cause as a person reads it.
//!
//! In: books that agree with the broker, one thing changed. Out: the printed table. Invariant: none of them is read as
//! agreement or as "flat", and none is traded through.

use console::reconciliation::{Difference, explained};
use domain::{
    AssetClass, BasisPoints, Contract, ContractId, Currency, ExecutionId, FxRates, Instrument, InstrumentId,
    InstrumentKind, Ledger, LedgerEvent, Money, PerContract, Price, Quantity, Side, Universe,
};
use jiff::civil::{Date, date};
use risk::Mode;
use risk::reconciliation::{
    BrokerCash, BrokerFacts, Cause, Evidence, ForeignHolding, ListedExecution, Origin, Ours, Reconciliation,
    ReconciliationPolicy, StatementEntry, explain, reconcile,
};
use rust_decimal::{Decimal, dec};

use Currency::{Eur, Gbp, Usd};

const CSPX: ContractId = ContractId(0);
const ARCC: ContractId = ContractId(1);
const IUKD: ContractId = ContractId(2);
const OLD: ContractId = ContractId(3);
const M6E: ContractId = ContractId(4);

/// Books, broker and a day, all agreeing until a story changes one of them.
struct Stage {
    universe: Universe,
    ledger: Ledger,
    marks: PerContract<Option<Price>>,
    fx: FxRates,
    broker: BrokerFacts,
}

fn price(decimal: Decimal) -> Price {
    Price::from_decimal(decimal).unwrap()
}

fn universe() -> Universe {
    let plain = Instrument::plain("M6E", InstrumentKind::Fut, Usd);
    let instruments = vec![
        Instrument::plain("CSPX", InstrumentKind::Etf, Usd),
        Instrument::plain("ARCC", InstrumentKind::Stk, Usd),
        Instrument::plain("IUKD", InstrumentKind::Etf, Gbp),
        Instrument { multiplier: 12_500, risk_currency: Eur, ..plain },
    ];
    let contract = |name: &str, instrument, expiry: Option<Date>| Contract {
        name: name.into(),
        instrument: InstrumentId(instrument),
        expiry,
    };
    let contracts = vec![
        contract("CSPX", 0, None),
        contract("ARCC", 1, None),
        contract("IUKD", 2, None),
        contract("M6E_20251215", 3, Some(date(2025, 12, 15))),
        contract("M6E_20260316", 3, Some(date(2026, 3, 16))),
    ];
    Universe::new(instruments, contracts)
}

impl Stage {
    fn new() -> Stage {
        let universe = universe();
        let mut ledger = Ledger::new(&universe);
        for amount in [Money::new(dec!(9_500_000), Usd), Money::new(dec!(500_000), Eur), Money::new(dec!(400_000), Gbp)]
        {
            ledger.apply(&LedgerEvent::Flow { amount }, &universe).expect("a flow is always booked");
        }
        let trades = [
            (CSPX, Side::Buy, 1_000, dec!(600)),
            (ARCC, Side::Sell, 10_000, dec!(20)),
            (IUKD, Side::Buy, 50_000, dec!(7.20)),
            (M6E, Side::Sell, 20, dec!(1.10)),
        ];
        for (contract, side, quantity, at) in trades {
            ledger.fill(contract, side, Quantity::whole(quantity), price(at), &universe);
        }
        let marks = [dec!(600), dec!(20), dec!(7.20), dec!(1.10), dec!(1.11)].map(|mark| Some(price(mark)));
        let mut fx = FxRates::new(Usd);
        fx.set(Eur, dec!(1.10)).unwrap();
        fx.set(Gbp, dec!(1.25)).unwrap();
        let broker = BrokerFacts {
            base: Usd,
            net_liquidation: None,
            cash: vec![],
            quantities: PerContract::filled(Quantity::ZERO, 5),
            marks: PerContract::filled(None, 5),
            foreign: vec![],
            gross_position_value: None,
            evidence: Evidence::default(),
        };
        let mut stage = Stage { universe, ledger, marks: PerContract::from_vec(marks.to_vec()), fx, broker };
        stage.agree();
        stage
    }

    /// Makes the broker say what the books say.
    fn agree(&mut self) {
        let nav = self.ledger.nav(&self.marks, &self.fx, &self.universe).unwrap();
        let unsettled = self.ledger.unsettled(&self.marks, &self.universe);
        self.broker.net_liquidation = Some(nav.amount());
        self.broker.quantities = self.ledger.quantities().clone();
        self.broker.marks = self.marks.clone();
        let row = |currency| BrokerCash {
            currency,
            with_unsettled: self.ledger.cash(currency) + unsettled[currency],
            unsettled: unsettled[currency],
            rate: self.fx.rate(currency, Usd).ok(),
        };
        self.broker.cash = [Usd, Eur, Gbp].map(row).to_vec();
        self.broker.gross_position_value = Some(dec!(600_000) + dec!(200_000) + dec!(360_000) * dec!(1.25));
    }

    fn cash(&mut self, currency: Currency, change: Decimal) {
        let row = self.broker.cash.iter_mut().find(|row| row.currency == currency).unwrap();
        row.with_unsettled += change;
    }

    fn worth(&mut self, change: Decimal) {
        self.broker.net_liquidation = self.broker.net_liquidation.map(|nlv| nlv + change);
    }

    fn traded(&mut self, contract: ContractId, quantity: i64, at: Decimal, origin: Origin) {
        self.broker.quantities[contract] = self.broker.quantities[contract] + Quantity::whole(quantity);
        self.cash(Usd, -Decimal::from(quantity) * at - dec!(1.50));
        self.worth(dec!(-1.50));
        self.broker.evidence.executions.push(ListedExecution {
            id: ExecutionId("0001f4e8.67a1.01.01".into()),
            contract: Some(contract),
            symbol: self.universe.contract(contract).name.clone(),
            origin,
            quantity: Quantity::whole(quantity),
            price: price(at),
            commission: Some(Money::new(dec!(1.50), Usd)),
        });
    }

    fn reconciled(&self) -> (Reconciliation, String) {
        let (policy, date) = (policy(), date(2025, 12, 17));
        let ours = Ours { date, ledger: &self.ledger, marks: &self.marks, fx: &self.fx, universe: &self.universe };
        let result = reconcile(&ours, &self.broker, &policy);
        let row = |row: risk::reconciliation::Row| Difference {
            id: row.id,
            layer: row.layer,
            item: row.item,
            ours: row.ours,
            theirs: row.theirs,
            difference: row.difference,
            tolerance: row.tolerance,
            cause: row.cause,
            evidence: row.evidence,
            consequence: row.consequence,
        };
        let rows: Vec<Difference> = explain(&result, &self.universe, &policy).into_iter().map(row).collect();
        (result, explained(&rows))
    }
}

fn policy() -> ReconciliationPolicy {
    ReconciliationPolicy {
        warn: 0.0002,
        halt: 0.0025,
        emergency: 0.01,
        cash_absolute: dec!(1),
        cash_fraction: 0.0001,
        marks: vec![
            (AssetClass::EquityEtf, BasisPoints(50)),
            (AssetClass::Stock, BasisPoints(100)),
            (AssetClass::FxFuture, BasisPoints(15)),
        ],
    }
}

/// What happens, how, the difference it is found by, its cause, and the mode it leads to.
type Story = (&'static str, fn(&mut Stage), &'static str, Cause, Mode);

const STORIES: [Story; 14] = [
    ("a fill of ours that is not booked", missing_fill, "quantity:CSPX", Cause::UnsettledFill, Mode::Normal),
    ("a trade of the owner", external_trade, "quantity:ARCC", Cause::ExternalTrade, Mode::Normal),
    ("a split", split, "quantity:CSPX", Cause::CorporateAction, Mode::Frozen),
    ("a dividend on a short", dividend, "cash:USD", Cause::Dividend, Mode::Normal),
    ("a settlement counted twice", settlement, "cash:USD", Cause::FuturesSettlement, Mode::Normal),
    ("cash swept into a fund", sweep, "cash:USD", Cause::SweepCash, Mode::Normal),
    ("a stale exchange rate", stale_rate, "nav:account", Cause::FxSource, Mode::Normal),
    ("all cash under the base tag", base_tag, "cash:EUR", Cause::CurrencyTag, Mode::Normal),
    ("net liquidation in another currency", other_base, "account:account", Cause::CurrencyTag, Mode::Frozen),
    ("pence for pounds", pence, "mark:IUKD", Cause::UnitError, Mode::Normal),
    ("an expired contract", expired, "quantity:M6E_20251215", Cause::ExpiredContract, Mode::Normal),
    ("a phantom position", phantom, "quantity:TSLA", Cause::PhantomPosition, Mode::CancelOnly),
    ("an empty list of positions", empty, "reply:positions", Cause::IncompleteReply, Mode::CancelOnly),
    ("a list that was cut off", truncated, "reply:positions", Cause::IncompleteReply, Mode::CancelOnly),
];

fn missing_fill(stage: &mut Stage) {
    stage.traded(CSPX, 10, dec!(600), Origin::OurOrder);
}

fn external_trade(stage: &mut Stage) {
    stage.traded(ARCC, -200, dec!(20), Origin::External);
}

fn split(stage: &mut Stage) {
    stage.broker.quantities[CSPX] = Quantity::whole(2_000);
    stage.broker.marks[CSPX] = Some(price(dec!(300)));
}

fn dividend(stage: &mut Stage) {
    let paid = Money::new(dec!(-4_200), Usd);
    stage.cash(Usd, paid.amount);
    stage.worth(paid.amount);
    stage.broker.evidence.statement = vec![StatementEntry::cash("7710", Cause::Dividend, Some(ARCC), "ARCC", paid)];
}

fn settlement(stage: &mut Stage) {
    stage.cash(Usd, dec!(-2_500));
}

fn sweep(stage: &mut Stage) {
    stage.cash(Usd, dec!(-250_000));
    stage.broker.evidence.sweeps = vec![Money::new(dec!(250_000), Usd)];
}

fn stale_rate(stage: &mut Stage) {
    stage.broker.cash[1].rate = Some(dec!(1.088));
    stage.worth(dec!(-6_000));
}

fn base_tag(stage: &mut Stage) {
    let total = stage.broker.cash.iter().map(|row| row.with_unsettled * row.rate.unwrap()).sum();
    stage.broker.cash.truncate(1);
    stage.broker.cash[0].with_unsettled = total;
}

fn other_base(stage: &mut Stage) {
    stage.broker.base = Eur;
    stage.broker.net_liquidation = stage.broker.net_liquidation.map(|nlv| nlv / dec!(1.10));
}

fn pence(stage: &mut Stage) {
    stage.broker.marks[IUKD] = Some(price(dec!(722.5)));
}

fn expired(stage: &mut Stage) {
    stage.ledger.fill(OLD, Side::Buy, Quantity::whole(5), price(dec!(1.10)), &stage.universe);
    stage.agree();
    stage.broker.quantities[OLD] = Quantity::ZERO;
    stage.broker.marks[OLD] = None;
}

fn phantom(stage: &mut Stage) {
    stage.broker.foreign = vec![ForeignHolding { symbol: "TSLA".into(), quantity: Quantity::whole(300) }];
    stage.worth(dec!(75_000));
}

fn empty(stage: &mut Stage) {
    stage.broker.quantities.fill(Quantity::ZERO);
    stage.broker.marks.fill(None);
}

fn truncated(stage: &mut Stage) {
    stage.broker.quantities[ARCC] = Quantity::ZERO;
    stage.broker.marks[ARCC] = None;
}

#[test]
fn books_that_agree_say_so() {
    let (result, told) = Stage::new().reconciled();
    assert_eq!((result.status.to_string(), result.difference_bp), ("PASS".to_owned(), Some(0.0)));
    assert_eq!(told, "Books and broker agree within tolerance on every layer.");
}

#[test]
fn every_break_has_its_cause_and_none_is_traded_through() {
    for (what, happens, id, cause, mode) in STORIES {
        let mut stage = Stage::new();
        happens(&mut stage);
        let (result, told) = stage.reconciled();
        let finding = result.finding(id).unwrap_or_else(|| panic!("{what}: no {id} in\n{told}"));
        assert_eq!(finding.cause(), cause, "{what}\n{told}");
        assert_eq!(result.mode(), mode, "{what}\n{told}");
        let kept: Vec<ContractId> = result.frozen().chain(result.quarantined()).collect();
        let own = finding.difference.item.contract();
        assert!(own.is_none_or(|contract| kept.contains(&contract)), "{what}: {id} stays tradable");
        let parts: Decimal = finding.explanations.iter().map(|part| part.amount).sum();
        let apart = (parts - finding.difference.difference()).abs();
        assert!(apart <= finding.difference.tolerance, "{what}: the parts add up");
    }
}

#[test]
fn without_a_stated_total_an_empty_list_is_still_not_flat() {
    let mut stage = Stage::new();
    empty(&mut stage);
    stage.broker.gross_position_value = None;
    assert_eq!(stage.reconciled().0.finding("reply:positions").map(|f| f.cause()), Some(Cause::IncompleteReply));
}

#[test]
fn the_twelve_breaks_as_they_are_printed() {
    let mut page = String::new();
    for (what, happens, ..) in STORIES {
        let mut stage = Stage::new();
        happens(&mut stage);
        page.push_str(&format!("── {what}\n{}\n\n", stage.reconciled().1));
    }
    insta::assert_snapshot!(page.trim_end(), @"");
}
