//! A small world for stories: one pair, one hedge, their references, ten million dollars.

use crate::setup::References;
use crate::{DayInputs, Doubts, Memory, Policy, Setup, decide};
use domain::rounding::LotRounding;
use domain::{
    AssetClass, BaseMoney, BasisPoints, Contract, ContractId, Currency, FutureRule, FxRates, Instrument, InstrumentId,
    InstrumentKind, Ledger, LedgerEvent, Mic, Money, PerContract, PerCurrency, PerInstrument, Price, Quantity, Side,
    Universe,
};
use execution::{ExecutionPolicy, PairPolicy, Style};
use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use market::Panel;
use market::calendar::Window;
use risk::gate::Conditions;
use risk::reconciliation::{BrokerCash, BrokerFacts, Evidence};
use risk::{
    Caps, CollarPolicy, GatePolicy, LossPolicy, Mode, MomentumPolicy, ReconciliationPolicy, Regime, RegimePolicy,
    VolatilityPolicy,
};
use rust_decimal::{Decimal, dec};
use strategy::{FxHedgePolicy, HedgeRule, RebalancePolicy, RollDates, RollPolicy, Sleeve, SleeveKind};

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    Price::from_decimal(decimal(text)).unwrap()
}

fn instrument(name: &str, kind: InstrumentKind, currency: Currency) -> Instrument {
    if name == "FESX" {
        let (asset_class, venue) = (AssetClass::EquityIndexFuture, Mic::Xeur);
        let (multiplier, future, tick) = (10, Some(FutureRule::IndexQuarterly), price("1"));
        let plain = Instrument::plain(name, kind, currency);
        return Instrument { asset_class, venue, multiplier, future, tick, calendar_spread: true, ..plain };
    }
    let plain = Instrument { tradable: kind != InstrumentKind::Cash, ..Instrument::plain(name, kind, currency) };
    match kind {
        InstrumentKind::Fut => Instrument {
            risk_currency: Currency::Eur,
            multiplier: 12_500,
            future: Some(FutureRule::CmeFxQuarterly),
            ..plain
        },
        InstrumentKind::Ind => Instrument { tradable: false, ..plain },
        _ => Instrument { symbol: name.split('.').next().unwrap().into(), ..plain },
    }
}

/// CSPX, CS51, M6E, SPX, SX5E, VIX, EUR.USD, FESX, in this order; the two futures with a second contract at the end.
pub(crate) fn universe() -> Universe {
    use InstrumentKind::{Cash, Etf, Fut, Ind};
    let rows = [
        ("CSPX", Etf, Currency::Usd),
        ("CS51", Etf, Currency::Eur),
        ("M6E", Fut, Currency::Usd),
        ("SPX", Ind, Currency::Usd),
        ("SX5E", Ind, Currency::Eur),
        ("VIX", Ind, Currency::Usd),
        ("EUR.USD", Cash, Currency::Usd),
        ("FESX", Fut, Currency::Eur),
    ];
    let instruments = rows.iter().map(|(name, kind, currency)| instrument(name, *kind, *currency)).collect();
    let future = |name: &str, instrument: u16, expiry: Date| Contract {
        name: format!("{name}_{}", expiry.strftime("%Y%m%d")),
        instrument: InstrumentId(instrument),
        expiry: Some(expiry),
    };
    let first = |(i, (name, ..)): (usize, &(&str, InstrumentKind, Currency))| match *name {
        "M6E" => future("M6E", 2, date(2026, 3, 16)),
        "FESX" => future("FESX", 7, date(2026, 3, 20)),
        name => Contract { name: name.into(), instrument: InstrumentId(i as u16), expiry: None },
    };
    let mut contracts: Vec<Contract> = rows.iter().enumerate().map(first).collect();
    contracts.extend([future("M6E", 2, date(2026, 6, 15)), future("FESX", 7, date(2026, 6, 19))]);
    Universe::new(instruments, contracts)
}

/// Three sessions before the last trading day, and five more; every weekday is one.
pub(crate) fn rolls(universe: &Universe) -> PerContract<Option<RollDates>> {
    let before = |date: Date, sessions: usize| {
        let days =
            date.series(-1.day()).skip(1).filter(|d| !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday));
        days.take(sessions).last().unwrap()
    };
    let dates = |contract| {
        universe.contract(contract).expiry.map(|last_trade| {
            let deadline = before(last_trade, 3);
            RollDates { last_trade, first_notice: None, starts: before(deadline, 5), deadline }
        })
    };
    PerContract::from_vec(universe.contracts().map(dates).collect())
}

pub(crate) fn setup() -> Setup {
    let universe = universe();
    let references = References {
        vix: universe.find_instrument("VIX"),
        ratio: universe.find_instrument("SPX").zip(universe.find_instrument("SX5E")),
        ratio_in_base: false,
        rates: PerCurrency::from_fn(|c| (c == Currency::Eur).then_some(InstrumentId(6))),
    };
    let rolls = rolls(&universe);
    Setup::new(universe, policy(), references, Currency::Usd).with_rolls(rolls)
}

fn policy() -> Policy {
    let pair = SleeveKind::Pair { long: ContractId(0), short: ContractId(1) };
    Policy {
        sleeves: vec![Sleeve { name: "core_index_rv".into(), budget: 0.35, follows_momentum: true, kind: pair }],
        volatility: VolatilityPolicy {
            target: 0.12,
            floor: 0.08,
            ewma_span: 20,
            rolling_window: 60,
            ewma_weight: 0.7,
            scale_max: 2.0,
            observations_min: 60,
            degraded_scale_max: 0.5,
            source: risk::ReturnsOf::UnitStrategy,
        },
        watchdog: None,
        loss: LossPolicy { day_alert: 1.0, day_reduce_only: 1.0, day_cancel_only: 1.0, hard_stop_drawdown: None },
        report_days: 250,
        regime: RegimePolicy {
            vix_enter_elevated: 25.0,
            vix_exit_elevated: 20.0,
            vix_enter_crisis: 40.0,
            vix_exit_crisis: 35.0,
            drawdown_enter_elevated: 0.05,
            drawdown_enter_crisis: 0.10,
            drawdown_exit_crisis: 0.07,
            drawdown_exit_elevated: 0.03,
            persistence_days: 3,
            escalate_immediately: vec![Regime::Crisis],
            factors: [1.0, 1.0, 0.7, 0.3],
        },
        caps: Caps { gross_max: 2.0, net_max: 1.0 },
        momentum: MomentumPolicy {
            short_window: 50,
            long_window: 200,
            slope_rows: 20,
            reduce_factor: 0.5,
            moderate_factor: 0.75,
            unknown_factor: 0.5,
        },
        rebalance: RebalancePolicy {
            drift_of_target: 0.02,
            drift_of_nav: 0.001,
            rounding: LotRounding::HalfAwayFromZero,
            trade_min: 2_500.0,
        },
        fx_hedge: FxHedgePolicy {
            ratio: 1.0,
            band_of_nav: 0.01,
            unhedged_of_nav_max: 0.005,
            rules: vec![HedgeRule { currency: Currency::Eur, future: InstrumentId(2), size: 12_500 }],
        },
        short_proxies: vec![(InstrumentId(1), InstrumentId(7))],
        history_proxies: vec![(InstrumentId(0), InstrumentId(3))],
        rolls: RollPolicy { deadline_sessions: 3, start_sessions: 5, broker_close_outs: Vec::new() },
        gate: GatePolicy {
            plan_move_max: 0.05,
            order_value_max: 0.10,
            turnover_max: 0.50,
            gross_max: 2.0,
            net_max: 1.0,
            position_max: 2.0,
            adv_max: 0.1,
            adv_slice: 0.1,
            excess_liquidity_min: 0.15,
            what_if: false,
            orders_per_side_max: 1_000,
            messages_per_second_max: 40,
            restricted: vec![],
            quote_age_max_s: 60,
            collars: vec![
                (AssetClass::EquityEtf, CollarPolicy { width: BasisPoints(10), ticks_min: 2 }),
                (AssetClass::FxFuture, CollarPolicy { width: BasisPoints(2), ticks_min: 2 }),
                (AssetClass::EquityIndexFuture, CollarPolicy { width: BasisPoints(3), ticks_min: 2 }),
            ],
        },
        execution: ExecutionPolicy {
            style: Style::MarketableLimit,
            styles: vec![],
            passive_s: 60,
            rest_to_close: false,
            auction_lead_s: 600,
            participation_max: 0.10,
            spread_buffer: 0.25,
            ttl_s: 120,
            replace_interval_s: 15,
            replaces_max: 6,
            pairs: PairPolicy {
                hedges: vec![(InstrumentId(1), InstrumentId(7))],
                trigger: 0.30,
                patience_s: 5,
                legging_s: 60,
            },
        },
        reconciliation: ReconciliationPolicy {
            warn: 0.0002,
            halt: 0.0025,
            emergency: 0.01,
            cash_absolute: dec!(1),
            cash_fraction: 0.0001,
            auto_clear: false,
            marks: vec![(AssetClass::EquityEtf, BasisPoints(50)), (AssetClass::FxFuture, BasisPoints(15))],
        },
    }
}

/// A pair of a fund and an index future.
pub(crate) fn future_pair(budget: f64) -> Vec<Sleeve> {
    let kind = SleeveKind::Pair { long: ContractId(0), short: ContractId(7) };
    vec![Sleeve { name: "core_index_rv".into(), budget, follows_momentum: true, kind }]
}

/// That pair, funded, on a date; history is up to date.
pub(crate) fn held_until(day: Date) -> World {
    let mut world = World::first_day().with_sleeves(future_pair(0.30));
    world.fill_everything();
    world.fill_everything();
    while world.date < day {
        world.next_day(15.0);
    }
    world
}

/// A day's inputs, owned and adjustable.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) date: Date,
    pub(crate) ledger: Ledger,
    pub(crate) memory: Memory,
    pub(crate) panel: Panel,
    pub(crate) marks: PerContract<Option<Price>>,
    pub(crate) fx: FxRates,
    pub(crate) doubts: Doubts,
    pub(crate) broker: BrokerFacts,
    pub(crate) windows: PerContract<Option<Window>>,
    pub(crate) conditions: Conditions,
    pub(crate) active: PerInstrument<Option<ContractId>>,
    pub(crate) borrowable: Vec<crate::Borrowable>,
    pub(crate) screens: Vec<strategy::Observed>,
    pub(crate) listings: Vec<strategy::Listings>,
    pub(crate) margins: Vec<crate::Margin>,
}

impl World {
    /// 5 January 2026 with 250 quiet days before it: the US rises faster than Europe, VIX at 15.
    pub(crate) fn first_day() -> World {
        let setup = setup();
        let mut ledger = Ledger::new(&setup.universe);
        let deposit = Money::new(dec!(10_000_000), Currency::Usd);
        ledger.apply(&LedgerEvent::Flow { amount: deposit }, &setup.universe).unwrap();
        let mut fx = FxRates::new(Currency::Usd);
        fx.set(Currency::Eur, dec!(1.25)).unwrap();
        let marks = ["600", "200", "1.25", "6000", "5000", "15", "1.25", "5000", "1.26", "5010"];
        let marks = marks.map(|mark| Some(price(mark)));
        let date = date(2026, 1, 5);
        let active = (0..8).map(|i| Some(ContractId(i))).collect();
        let mut world = World {
            date,
            ledger,
            memory: Memory::new(&setup),
            panel: quiet_year(date),
            marks: PerContract::from_vec(marks.to_vec()),
            fx,
            doubts: Doubts::default(),
            broker: BrokerFacts {
                base: Currency::Usd,
                net_liquidation: Some(dec!(10_000_000)),
                cash: vec![],
                quantities: PerContract::filled(Quantity::ZERO, 10),
                marks: PerContract::filled(None, 10),
                foreign: vec![],
                gross_position_value: None,
                evidence: Evidence::default(),
            },
            windows: PerContract::filled(None, 10),
            conditions: Conditions::ample(10),
            active: PerInstrument::from_vec(active),
            borrowable: Vec::new(),
            screens: Vec::new(),
            listings: Vec::new(),
            margins: Vec::new(),
            setup,
        };
        world.open_windows();
        world.agree_with_broker();
        world
    }

    fn open_windows(&mut self) {
        let at = |time: &str| -> Timestamp { format!("{}T{time}:00Z", self.date).parse().unwrap() };
        let window = Window { opens: at("14:45"), closes: at("16:00") };
        self.windows.fill(Some(window));
    }

    pub(crate) fn decided_at(&self) -> Timestamp {
        format!("{}T06:00:00Z", self.date).parse().unwrap()
    }

    pub(crate) fn inputs(&self) -> DayInputs<'_> {
        DayInputs {
            date: self.date,
            decided_at: self.decided_at(),
            ledger: &self.ledger,
            sleeves: None,
            memory: &self.memory,
            history: self.panel.between(self.memory.last_row, self.date),
            marks: &self.marks,
            fx: &self.fx,
            doubts: &self.doubts,
            broker: Some(&self.broker),
            mode: Mode::Normal,
            before_halt: None,
            flatten: false,
            windows: &self.windows,
            conditions: &self.conditions,
            active: &self.active,
            borrowable: &self.borrowable,
            flows: BaseMoney::ZERO,
            screens: &self.screens,
            listings: &self.listings,
            margins: &self.margins,
        }
    }

    pub(crate) fn name(&self, contract: ContractId) -> &str {
        &self.setup.universe.contract(contract).name
    }

    fn contract(&self, name: &str) -> ContractId {
        self.setup.universe.find_contract(name).unwrap()
    }

    pub(crate) fn set_mark(&mut self, name: &str, mark: &str) {
        let contract = self.contract(name);
        self.marks[contract] = Some(price(mark));
    }

    pub(crate) fn clear_mark(&mut self, name: &str) {
        let contract = self.contract(name);
        self.marks[contract] = None;
    }

    pub(crate) fn close_venue(&mut self, name: &str) {
        let contract = self.contract(name);
        self.windows[contract] = None;
    }

    pub(crate) fn broker_mut(&mut self) -> &mut BrokerFacts {
        &mut self.broker
    }

    pub(crate) fn broker_holds(&mut self, name: &str, shares: i64) {
        let contract = self.contract(name);
        self.broker.quantities[contract] = Quantity::whole(shares);
    }

    /// Makes the broker's facts equal to our books.
    pub(crate) fn agree_with_broker(&mut self) {
        let nav = self.ledger.nav(&self.marks, &self.fx, &self.setup.universe).unwrap();
        self.broker.net_liquidation = Some(nav.amount());
        self.broker.quantities = self.ledger.quantities().clone();
        let cash = Currency::ALL.into_iter().map(|c| BrokerCash {
            currency: c,
            with_unsettled: self.ledger.cash(c),
            unsettled: Decimal::ZERO,
            accrued: None,
            rate: None,
        });
        self.broker.cash = cash.collect();
    }

    /// Decides, fills every order at its mark, and keeps the day's books.
    pub(crate) fn fill_everything(&mut self) {
        let plan = decide(&self.inputs(), &self.setup);
        for order in &plan.orders {
            let side = Side::of(order.quantity).unwrap();
            let mark = self.marks[order.contract].unwrap();
            self.ledger.fill(order.contract, side, order.quantity.abs(), mark, &self.setup.universe);
        }
        self.memory = plan.memory;
        self.agree_with_broker();
    }

    /// Closes the day with this VIX and turns to the next one.
    pub(crate) fn next_day(&mut self, vix: f64) {
        let last = self.panel.rows(self.panel.len() - 1, self.panel.len());
        let (_, row) = last.iter().next().unwrap();
        let mut closes: Vec<Option<f64>> = (0..8).map(|i| row.close(InstrumentId(i))).collect();
        closes[5] = Some(vix);
        self.panel.push(self.date, &PerInstrument::from_vec(closes));
        self.turn_to(self.date.tomorrow().unwrap());
    }

    /// Goes to a date without any history in between.
    pub(crate) fn turn_to(&mut self, date: Date) {
        self.date = date;
        self.open_windows();
        let universe = &self.setup.universe;
        let active = |id| strategy::rolls::active_contract(universe, &self.setup.rolls, id, date);
        self.active = PerInstrument::from_vec(universe.instruments().map(active).collect());
    }

    /// The same world with other sleeves.
    pub(crate) fn with_sleeves(mut self, sleeves: Vec<Sleeve>) -> World {
        let policy = Policy { sleeves, ..self.setup.policy };
        let rolls = rolls(&self.setup.universe);
        self.setup = Setup::new(self.setup.universe, policy, self.setup.references, self.setup.base).with_rolls(rolls);
        self.memory = Memory::new(&self.setup);
        self
    }
}

fn quiet_year(before: Date) -> Panel {
    let first = before.saturating_sub(350.days());
    let weekdays = first
        .series(1.day())
        .take_while(|d| *d < before)
        .filter(|d| !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday));
    let mut panel = Panel::new(8);
    for (i, day) in weekdays.enumerate() {
        let (t, wobble) = (i as f64, if i % 2 == 0 { 1.0 } else { -1.0 });
        let us = 500.0 + 0.4 * t + 3.0 * wobble;
        let europe = 190.0 + 0.04 * t - 0.5 * wobble;
        let row = [us, europe, 1.25, us * 10.0, europe * 25.0, 15.0, 1.25, europe * 25.0].map(Some);
        panel.push(day, &PerInstrument::from_vec(row.to_vec()));
    }
    panel
}
