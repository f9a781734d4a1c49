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
            accrued: None,
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
        self.broker.quantities[contract] += Quantity::whole(quantity);
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
        auto_clear: false,
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
    ("a trade of the owner", external_trade, "quantity:ARCC", Cause::ExternalTrade, Mode::ReduceOnly),
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
    insta::assert_snapshot!(page.trim_end(), @r"
    ── a fill of ours that is not booked
     difference                              ours   the broker's       apart   tolerance   cause            asks for
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     execution:0001f4e8.67a1.01.01        missing             10          10           0   unsettled fill   WARN: the instrument is frozen
     quantity:CSPX                          1,000          1,010          10           0   unsettled fill   WARN: the instrument is frozen
     cash:USD                        9,097,500.00   9,091,498.50   −6,001.50    1,054.75   unsettled fill   WARN
                                                                                           fee

    execution:0001f4e8.67a1.01.01: CSPX 10 at 600, of our order, not booked, explains all of 10
    quantity:CSPX: execution 0001f4e8.67a1.01.01 of 10 at 600, not booked, explains all of 10
    cash:USD: execution 0001f4e8.67a1.01.01 of CSPX: 10 × 600 = −6,000.00 USD explains −6,000.00 of
        −6,001.50
    cash:USD: commission of execution 0001f4e8.67a1.01.01: −1.50 USD explains −1.50 of −6,001.50

    ── a trade of the owner
     difference                              ours   the broker's      apart   tolerance   cause            asks for
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     execution:0001f4e8.67a1.01.01        missing           −200       −200           0   external trade   WARN: the instrument is frozen, mode REDUCE_ONLY
     quantity:ARCC                        −10,000        −10,200       −200           0   external trade   WARN: the instrument is frozen, mode REDUCE_ONLY
     cash:USD                        9,097,500.00   9,101,498.50   3,998.50    1,054.75   external trade   WARN: mode REDUCE_ONLY
                                                                                          fee

    execution:0001f4e8.67a1.01.01: ARCC −200 at 20, without our reference (by hand, a buy-in after a
        recall, or a liquidation), explains all of −200
    quantity:ARCC: execution 0001f4e8.67a1.01.01 of −200 at 20, not booked, explains all of −200
    cash:USD: execution 0001f4e8.67a1.01.01 of ARCC: −200 × 20 = 4,000.00 USD explains 4,000.00 of
        3,998.50
    cash:USD: commission of execution 0001f4e8.67a1.01.01: −1.50 USD explains −1.50 of 3,998.50

    ── a split
     difference               ours    the broker's        apart   tolerance   cause              asks for
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     quantity:CSPX           1,000           2,000        1,000           0   corporate action   WARN: the instrument is frozen
     nav:account     10,247,500.00   10,547,500.00   300,000.00    2,109.50   corporate action   EMERGENCY: mode FROZEN
     mark:CSPX                 600             300         −300         1.5   corporate action   WARN: the price is quarantined, no new risk

    quantity:CSPX: split 2:1: quantity × 2.00, mark 600 → 300 × 0.5000; explains all of 1,000
    nav:account: quantity:CSPX carries 300,000.00: it explains all of 300,000.00
    mark:CSPX: split 2:1: mark 600 → 300 explains all of −300

    ── a dividend on a short
     difference             ours    the broker's       apart   tolerance   cause      asks for
    ───────────────────────────────────────────────────────────────────────────────────────────
     cash:USD       9,097,500.00    9,093,300.00   −4,200.00    1,054.33   dividend   WARN
     nav:account   10,547,500.00   10,543,300.00   −4,200.00    2,108.66   dividend   WARN

    cash:USD: −10,000 × 0.42 USD dividend on ARCC = −4,200.00 explains all of −4,200.00
    nav:account: cash:USD carries −4,200.00: it explains all of −4,200.00

    ── a settlement counted twice
     difference           ours   the broker's       apart   tolerance   cause                asks for
    ──────────────────────────────────────────────────────────────────────────────────────────────────
     cash:USD     9,097,500.00   9,095,000.00   −2,500.00    1,054.75   futures settlement   WARN

    cash:USD: unsettled profit of M6E_20260316, −2,500.00 USD, counted twice, explains all of −2,500.00

    ── cash swept into a fund
     difference           ours   the broker's         apart   tolerance   cause        asks for
    ────────────────────────────────────────────────────────────────────────────────────────────
     cash:USD     9,097,500.00   8,847,500.00   −250,000.00    1,054.75   sweep cash   WARN

    cash:USD: 250,000.00 USD in a sweep row, outside the cash row, explains all of −250,000.00

    ── a stale exchange rate
     difference             ours    the broker's       apart   tolerance   cause       asks for
    ────────────────────────────────────────────────────────────────────────────────────────────
     nav:account   10,547,500.00   10,541,500.00   −6,000.00    2,108.30   FX source   WARN

    nav:account: EUR 500,000.00 × (1.088 − 1.1) explains all of −6,000.00

    ── all cash under the base tag
     difference           ours   the broker's         apart   tolerance   cause          asks for
    ──────────────────────────────────────────────────────────────────────────────────────────────
     cash:USD     9,097,500.00   9,697,500.00    600,000.00    1,054.75   currency tag   WARN
     cash:EUR       500,000.00           0.00   −500,000.00      958.86   currency tag   WARN
     cash:GBP        40,000.00           0.00    −40,000.00      843.80   currency tag   WARN

    cash:USD: 9,697,500.00 USD is the cash of all currencies under one tag: it explains all of
        600,000.00
    cash:EUR: no row of its own, it is in the 9,697,500.00 under USD: it explains all of −500,000.00
    cash:GBP: no row of its own, it is in the 9,697,500.00 under USD: it explains all of −40,000.00

    ── net liquidation in another currency
     difference                 ours   the broker's         apart   tolerance   cause          asks for
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     account:account   10,547,500.00   9,588,636.36   −958,863.64        0.00   currency tag   EMERGENCY: mode FROZEN

    account:account: NLV is 9,588,636.36 EUR = 10,547,500.00 USD at our rate, not in USD: its tag
        explains all of −958,863.64

    ── pence for pounds
     difference   ours   the broker's   apart   tolerance   cause        asks for
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     mark:IUKD     7.2          722.5   715.3      3.6125   unit error   WARN: the price is quarantined, no new risk

    mark:IUKD: market price: 722.5 is near 7.2 × 100, another unit, explains all of 715.3

    ── an expired contract
     difference              ours   the broker's   apart   tolerance   cause              asks for
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     quantity:M6E_20251215      5              0      −5           0   expired contract   WARN: the instrument is frozen

    quantity:M6E_20251215: last traded on 2025-12-15, before 2025-12-17; its end explains all of −5

    ── a phantom position
     difference               ours    the broker's       apart   tolerance   cause              asks for
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     quantity:TSLA               0             300         300           0   phantom position   WARN: the instrument is frozen
     nav:account     10,547,500.00   10,622,500.00   75,000.00    2,124.50   unknown            HALT: mode CANCEL_ONLY

    quantity:TSLA: the broker holds 300 and no order, execution or statement line of ours made it; this
        explains all of 300
    nav:account: nothing we know of explains 75,000.00 of 75,000.00

    ── an empty list of positions
     difference                      ours   the broker's           apart   tolerance   cause              asks for
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     reply:positions         1,250,000.00           0.00   −1,250,000.00   10,547.50   incomplete reply   HALT: mode CANCEL_ONLY
     quantity:CSPX                  1,000              0          −1,000           0   incomplete reply   WARN: the instrument is frozen
     quantity:ARCC                −10,000              0          10,000           0   incomplete reply   WARN: the instrument is frozen
     quantity:IUKD                 50,000              0         −50,000           0   incomplete reply   WARN: the instrument is frozen
     quantity:M6E_20260316            −20              0              20           0   incomplete reply   WARN: the instrument is frozen

    reply:positions: no row for CSPX, ARCC, IUKD (|value| 1,250,000.00); positions of 1,250,000.00 are
        counted in the broker's own total: the gap explains all of −1,250,000.00
    quantity:CSPX: no row in a list of positions that is not whole; it explains all of −1,000
    quantity:ARCC: no row in a list of positions that is not whole; it explains all of 10,000
    quantity:IUKD: no row in a list of positions that is not whole; it explains all of −50,000
    quantity:M6E_20260316: no row in a list of positions that is not whole; it explains all of 20

    ── a list that was cut off
     difference                ours   the broker's         apart   tolerance   cause              asks for
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     reply:positions   1,250,000.00   1,050,000.00   −200,000.00   10,547.50   incomplete reply   HALT: mode CANCEL_ONLY
     quantity:ARCC          −10,000              0        10,000           0   incomplete reply   WARN: the instrument is frozen

    reply:positions: no row for ARCC (|value| 200,000.00); positions of 1,250,000.00 are counted in the
        broker's own total: the gap explains all of −200,000.00
    quantity:ARCC: no row in a list of positions that is not whole; it explains all of 10,000
    ");
}
