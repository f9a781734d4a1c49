//! Thresholds, partial causes and answers that are none.

use super::*;
use domain::{
    BasisPoints, Contract, Currency, Instrument, InstrumentId, InstrumentKind, LedgerEvent, Money, Quantity, Side,
};
use jiff::civil::date;
use rust_decimal::{Decimal, dec};

const FUND: ContractId = ContractId(0);

fn universe() -> Universe {
    let fund = Instrument::plain("CSPX", InstrumentKind::Etf, Currency::Usd);
    Universe::new(vec![fund], vec![Contract { name: "CSPX".into(), instrument: InstrumentId(0), expiry: None }])
}

fn policy() -> ReconciliationPolicy {
    ReconciliationPolicy {
        warn: 0.0002,
        halt: 0.0025,
        emergency: 0.01,
        cash_absolute: dec!(1),
        cash_fraction: 0.0001,
        auto_clear: false,
        marks: vec![(domain::AssetClass::EquityEtf, BasisPoints(50))],
    }
}

/// A million dollars, half of it in a thousand shares at 500, compared with what `change` makes of the broker's side.
fn compared(change: impl Fn(&mut BrokerFacts)) -> Reconciliation {
    let universe = universe();
    let mut ledger = Ledger::new(&universe);
    ledger
        .apply(&LedgerEvent::Flow { amount: Money::new(dec!(1_000_000), Currency::Usd) }, &universe)
        .expect("a flow is always booked");
    let mark = Price::from_decimal(dec!(500)).unwrap();
    ledger.fill(FUND, Side::Buy, Quantity::whole(1_000), mark, &universe);
    let marks = PerContract::filled(Some(mark), 1);
    let fx = FxRates::new(Currency::Usd);
    let cash = BrokerCash {
        currency: Currency::Usd,
        with_unsettled: dec!(500_000),
        unsettled: Decimal::ZERO,
        accrued: None,
        rate: None,
    };
    let mut broker = BrokerFacts {
        base: Currency::Usd,
        net_liquidation: Some(dec!(1_000_000)),
        cash: vec![cash],
        quantities: ledger.quantities().clone(),
        marks: marks.clone(),
        foreign: vec![],
        gross_position_value: Some(dec!(500_000)),
        evidence: Evidence::default(),
    };
    change(&mut broker);
    let ours = Ours { date: date(2026, 1, 5), ledger: &ledger, marks: &marks, fx: &fx, universe: &universe };
    reconcile(&ours, &broker, &policy())
}

#[test]
fn nav_against_nlv_warns_halts_and_stops_by_its_size() {
    let status = |nlv: Decimal| compared(|broker| broker.net_liquidation = Some(nlv)).status;
    let rows = [
        (dec!(1_000_000), Status::Pass),
        (dec!(1_000_200), Status::Pass),
        (dec!(1_000_201), Status::Warn),
        (dec!(1_002_500), Status::Warn),
        (dec!(1_002_510), Status::Halt),
        (dec!(1_010_100), Status::Halt),
        (dec!(1_010_102), Status::Emergency),
        (dec!(989_000), Status::Emergency),
    ];
    for (nlv, expected) in rows {
        assert_eq!(status(nlv), expected, "{nlv}");
    }
}

#[test]
fn an_nlv_that_is_none_is_an_emergency_and_never_agreement() {
    for unusable in [None, Some(Decimal::ZERO), Some(dec!(-1_000_000))] {
        let result = compared(|broker| broker.net_liquidation = unusable);
        assert_eq!((result.status, result.mode(), result.difference_bp), (Status::Emergency, Mode::Frozen, None));
    }
    let result = compared(|broker| broker.base = Currency::Eur);
    assert_eq!(result.finding("account:account").unwrap().cause(), Cause::CurrencyTag);
    assert_eq!(result.mode(), Mode::Frozen);
}

#[test]
fn what_a_cause_leaves_over_is_unknown_and_halts() {
    let fee = Money::new(dec!(-300), Currency::Usd);
    let partly = |open: Decimal| {
        compared(|broker| {
            broker.cash[0].with_unsettled += fee.amount + open;
            broker.net_liquidation = Some(dec!(1_000_000) + fee.amount + open);
            broker.evidence.statement = vec![StatementEntry::cash("9", Cause::Fee, None, "", fee)];
        })
    };
    let whole = partly(Decimal::ZERO);
    let cash = whole.finding("cash:USD").unwrap();
    assert_eq!((cash.cause(), whole.status), (Cause::Fee, Status::Warn));
    assert_eq!(cash.explanations[0].sentence, "fee in statement line 9: −300.00 USD explains all of −300.00");
    let part = partly(dec!(-500));
    let told: Vec<&str> = part.finding("cash:USD").unwrap().explanations.iter().map(|e| e.sentence.as_str()).collect();
    assert_eq!(
        told,
        [
            "fee in statement line 9: −300.00 USD explains −300.00 of −800.00",
            "nothing we know of explains −500.00 of −800.00"
        ]
    );
    assert_eq!((part.finding("cash:USD").unwrap().cause(), part.status), (Cause::Unknown, Status::Halt));
}

#[test]
fn a_mark_in_another_unit_is_quarantined_and_shocks_no_nav() {
    let pence = Price::from_decimal(dec!(50_200)).unwrap();
    let result = compared(|broker| broker.marks[FUND] = Some(pence));
    assert_eq!((result.status, result.difference_bp), (Status::Warn, Some(0.0)));
    assert_eq!(result.quarantined().collect::<Vec<_>>(), [FUND]);
    let carried = compared(|broker| {
        broker.marks[FUND] = Some(pence);
        broker.net_liquidation = Some(dec!(500_000) + dec!(50_200_000));
    });
    assert_eq!(carried.quarantined().count(), 1, "a valuation that carries the shock too does not make it true");
}

#[test]
fn a_reconciliation_is_stored_and_read_back() {
    let result = compared(|broker| {
        broker.quantities[FUND] = Quantity::whole(900);
        broker.cash[0].with_unsettled = dec!(499_000);
    });
    let text = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<Reconciliation>(&text).unwrap(), result);
    assert_eq!(result.frozen().collect::<Vec<_>>(), [FUND]);
}
