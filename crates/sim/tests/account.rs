//! The simulated broker's books, checked against the engine's own ledger, which shares no code with them.
#![allow(missing_docs, reason = "stories, not an interface")]

mod world;

use domain::{Currency, FxRates, Ledger, LedgerEvent, Money, PerContract, Price, Quantity, Side};
use domain::{Fill, OrderRef};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy, dec};
use sim::{AccountView, PriceList, Prices, Scenario, SimConfig, Simulation};
use world::*;

/// Half away from zero, as the broker rounds.
fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn cash(view: &AccountView, currency: Currency) -> Decimal {
    view.cash.iter().find(|row| row.currency == currency).map_or(Decimal::ZERO, |row| row.cash)
}

fn at_market(
    simulation: &Simulation,
    id: i32,
    side: Side,
    quantity: i64,
    contract: domain::ContractId,
) -> sim::SimOrder {
    let quote = simulation.quote(contract);
    let (touch, away) = match side {
        Side::Buy => (quote.ask, 1),
        Side::Sell => (quote.bid, -1),
    };
    let touch = touch.expect("two-sided").mantissa();
    let tick = universe().terms(contract).tick.mantissa();
    limit(id, side, quantity, contract, Price::from_mantissa(touch + away * 40 * tick).expect("positive"))
}

#[test]
fn a_trade_settles_in_its_own_currency() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let before = simulation.account();
    assert_eq!((before.net_liquidation, before.cash.len()), (dec!(10_000_000), 1));

    simulation.place(CLIENT, at_market(&simulation, 1, Side::Sell, 100, CS51));
    let [execution] = simulation.executions(Timestamp::MIN) else { panic!("one fill") };
    let view = simulation.account();
    assert_eq!(execution.commission.amount, dec!(10.27), "0.05 % of {}", execution.price);
    assert_eq!(cash(&view, Currency::Eur), dec!(100) * execution.price.to_decimal() - dec!(10.27));
    assert_eq!(cash(&view, Currency::Usd), dec!(10_000_000), "nothing is converted unasked");
    let [position] = &view.positions[..] else { panic!("one position") };
    assert_eq!(
        position.average_cost,
        execution.price.to_decimal() - dec!(0.1027),
        "proceeds of a short net of commission"
    );
    let euro = view.cash[1].exchange_rate;
    let spread_and_fee = position.unrealized;
    assert_eq!(view.net_liquidation, cents(dec!(10_000_000) + euro * spread_and_fee));
}

#[test]
fn by_the_tiered_list_the_broker_s_part_falls_and_exchanges_come_on_top() {
    let prices = Prices::Simulated { scenario: Scenario::Calm, seed: 7, first_day: FIRST_DAY };
    let mut simulation =
        Simulation::new(SimConfig { price_list: PriceList::Tiered, ..config(prices) }).expect("a world");
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let fee = |simulation: &Simulation, id: i32| -> Decimal {
        let of_order = simulation.executions(Timestamp::MIN).iter().filter(|e| e.order_id == id);
        of_order.map(|execution| execution.commission.amount).sum()
    };
    simulation.place(CLIENT, at_market(&simulation, 1, Side::Buy, 100, ACME));
    simulation.place(CLIENT, at_market(&simulation, 2, Side::Buy, 1, CSPX));
    simulation.place(CLIENT, at_market(&simulation, 3, Side::Buy, 10, M6E));
    // 0.35 and 0.0735 % of it, 0.32 for the exchange and clearing; 1.70 + 0.10 + 0.06; 0.41 a contract.
    assert_eq!([1, 2, 3].map(|id| fee(&simulation, id)), [dec!(0.67), dec!(1.86), dec!(4.10)]);

    // A thousand contracts later in the month they are cheaper, from the day after.
    simulation.place(CLIENT, at_market(&simulation, 4, Side::Buy, 990, M6E));
    simulation.advance_to(at("2025-11-03T20:00:00Z"));
    assert_eq!(simulation.order(CLIENT, 4).expect("placed").filled, Quantity::whole(990));
    assert_eq!(fee(&simulation, 4), dec!(405.90));
    for (instant, id, cost) in [("2025-11-04T15:00:00Z", 5, dec!(3.80)), ("2025-12-01T15:00:00Z", 6, dec!(4.10))] {
        simulation.advance_to(at(instant));
        simulation.place(CLIENT, at_market(&simulation, id, Side::Buy, 10, M6E));
        assert_eq!(fee(&simulation, id), cost, "{instant}");
    }
}

#[test]
fn minimum_fees_are_paid_once_per_order() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    let fee = |simulation: &Simulation, id| -> Decimal {
        simulation.executions(Timestamp::MIN).iter().filter(|e| e.order_id == id).map(|e| e.commission.amount).sum()
    };
    simulation.place(CLIENT, at_market(&simulation, 1, Side::Buy, 1, CSPX));
    simulation.place(CLIENT, at_market(&simulation, 2, Side::Buy, 10, M6E));
    simulation.place(CLIENT, at_market(&simulation, 3, Side::Buy, 100, ACME));
    assert_eq!([1, 2, 3].map(|id| fee(&simulation, id)), [dec!(4), dec!(4.10), dec!(1)]);
    simulation.place(CLIENT, at_market(&simulation, 4, Side::Buy, 5_000, CSPX));
    simulation.advance_to(at("2025-11-03T15:10:00Z"));
    let order = simulation.order(CLIENT, 4).expect("placed").clone();
    assert!(simulation.executions(Timestamp::MIN).iter().filter(|e| e.order_id == 4).count() > 3);
    let value = order.average_price * order.filled.to_decimal();
    assert_eq!(fee(&simulation, 4), cents(value * dec!(0.0005)), "the parts are the whole, to the cent");
}

#[test]
fn a_future_pays_its_profit_into_cash_every_day_and_ends_flat() {
    let mut simulation = calm();
    simulation.advance_to(at("2025-11-03T15:00:00Z"));
    simulation.place(CLIENT, at_market(&simulation, 1, Side::Sell, 20, M6E));
    let [execution] = simulation.executions(Timestamp::MIN) else { panic!("one fill") };
    let (sold_at, fee) = (execution.price.to_decimal(), execution.commission.amount);
    let size = dec!(-20) * dec!(12_500);

    let view = simulation.account();
    let position = &view.positions[0];
    assert_eq!(cash(&view, Currency::Usd), dec!(10_000_000) - fee, "only the fee leaves the account");
    assert_eq!(position.average_cost, (sold_at * dec!(12_500)) - fee / dec!(20));
    assert_eq!(view.cash[0].futures_pnl, size * (position.mark.to_decimal() - sold_at));
    assert_eq!(view.net_liquidation, cents(cash(&view, Currency::Usd) + view.cash[0].futures_pnl));

    simulation.advance_to(at("2025-11-03T23:00:00Z"));
    let settlement = simulation.bars(M6E, date(2025, 11, 4), 1)[0].close.to_decimal();
    let view = simulation.account();
    assert_eq!(cash(&view, Currency::Usd), dec!(10_000_000) - fee + size * (settlement - sold_at));
    let mark = view.positions[0].mark.to_decimal();
    assert_eq!(view.cash[0].futures_pnl, size * (mark - settlement), "profit starts anew from the settlement");

    simulation.advance_to(at("2025-12-16T12:00:00Z"));
    let last = simulation.bars(M6E, date(2026, 1, 1), 1)[0];
    assert_eq!(last.date, date(2025, 12, 15));
    let view = simulation.account();
    assert!(view.positions.is_empty());
    assert_eq!(cash(&view, Currency::Usd), dec!(10_000_000) - fee + size * (last.close.to_decimal() - sold_at));
    assert_eq!(view.net_liquidation, cents(cash(&view, Currency::Usd)));
    simulation.drain_events();
    simulation.place(CLIENT, limit(2, Side::Buy, 1, M6E, price("1.16")));
    assert_eq!(told(&mut simulation), "2 rejected, 200: No security definition has been found for the request");
}

/// The engine's ledger, told what the broker reported.
struct Mirror {
    ledger: Ledger,
    booked: usize,
    settled_until: Timestamp,
}

impl Mirror {
    fn new(simulation: &Simulation) -> Mirror {
        let mut ledger = Ledger::new(&universe());
        ledger.apply(&LedgerEvent::Flow { amount: Money::new(dec!(10_000_000), Currency::Usd) }, &universe()).unwrap();
        Mirror { ledger, booked: 0, settled_until: simulation.now() }
    }

    fn book_executions(&mut self, simulation: &Simulation) {
        let universe = universe();
        for execution in &simulation.executions(Timestamp::MIN)[self.booked..] {
            let order: Option<OrderRef> = execution.order_ref.parse().ok();
            let fill = Fill {
                execution: execution.id.clone(),
                order,
                contract: execution.contract,
                side: execution.side,
                quantity: execution.quantity,
                price: execution.price,
                at: execution.at,
            };
            self.ledger.apply(&LedgerEvent::Fill(fill), &universe).unwrap();
            let charge = LedgerEvent::Commission { execution: execution.id.clone(), amount: execution.commission };
            self.ledger.apply(&charge, &universe).unwrap();
            self.booked += 1;
        }
    }

    /// Moves both to an instant, stopping at each settlement of the currency future on the way.
    fn advance(&mut self, simulation: &mut Simulation, to: Timestamp) {
        let calendars = calendars();
        let chicago = calendars.get(domain::Mic::Cmes).expect("loaded");
        let since = self.settled_until;
        let sessions = chicago.sessions(FIRST_DAY, date(2025, 12, 31)).expect("covered");
        for session in sessions.iter().filter(|s| since < s.close && s.close <= to) {
            simulation.advance_to(session.close);
            self.book_executions(simulation);
            let settlement = simulation.bars(M6E_MARCH, date(2100, 1, 1), 1)[0].close;
            self.ledger.apply(&LedgerEvent::VariationMargin { contract: M6E_MARCH, settlement }, &universe()).unwrap();
        }
        simulation.advance_to(to);
        self.book_executions(simulation);
        self.settled_until = to;
    }

    fn agree(&self, simulation: &Simulation) {
        let view = simulation.account();
        let mut fx = FxRates::new(Currency::Usd);
        for row in view.cash.iter().filter(|row| row.currency != Currency::Usd) {
            fx.set(row.currency, row.exchange_rate).expect("positive");
        }
        let mut marks = PerContract::filled(None, universe().contract_count());
        for position in &view.positions {
            marks[position.contract] = Some(position.mark);
        }
        let nav = self.ledger.nav(&marks, &fx, &universe()).expect("everything held is marked");
        assert!((nav.amount() - view.net_liquidation).abs() < dec!(0.01), "{nav} against {}", view.net_liquidation);
        for row in &view.cash {
            assert_eq!(row.cash, self.ledger.cash(row.currency), "{}", row.currency);
        }
        let held: Vec<(domain::ContractId, Quantity)> =
            self.ledger.held().map(|c| (c, self.ledger.quantity(c))).collect();
        assert_eq!(view.positions.iter().map(|p| (p.contract, p.quantity)).collect::<Vec<_>>(), held);
        let from_rows: Decimal =
            view.cash.iter().map(|row| row.exchange_rate * (row.cash + row.futures_pnl + row.stock_market_value)).sum();
        assert_eq!(cents(from_rows), view.net_liquidation);
        assert_eq!(simulation.net_liquidation(), view.net_liquidation, "the short way comes to the same");
        assert_eq!(simulation.required(), simulation.requirement(&view), "and so does the margin");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn two_independent_books_agree_to_the_cent(
        seed in 0_u64..100,
        trades in prop::collection::vec((prop::sample::select(vec![CSPX, CS51, M6E_MARCH]), any::<bool>(), 1..400_i64, 0..40_i64), 1..20),
    ) {
        let mut simulation = simulated(sim::Scenario::Crash, seed);
        let mut mirror = Mirror::new(&simulation);
        for (id, (contract, buy, quantity, hours)) in (1..).zip(trades) {
            let to = simulation.now() + SignedDuration::from_hours(hours) + SignedDuration::from_secs(7);
            mirror.advance(&mut simulation, to);
            mirror.agree(&simulation);
            if simulation.quote(contract).two_sided().is_some() {
                let side = if buy { Side::Buy } else { Side::Sell };
                simulation.place(CLIENT, at_market(&simulation, id, side, quantity, contract));
                mirror.book_executions(&simulation);
                mirror.agree(&simulation);
            }
        }
        let to = simulation.now() + SignedDuration::from_hours(30);
        mirror.advance(&mut simulation, to);
        mirror.agree(&simulation);
    }

    #[test]
    fn realised_and_unrealised_add_up_to_what_was_earned(
        sizes in prop::collection::vec((any::<bool>(), 1..200_i64), 1..15),
    ) {
        let mut simulation = simulated(sim::Scenario::Crash, 5);
        simulation.advance_to(at("2025-11-05T15:00:00Z"));
        for (id, (buy, quantity)) in (1..).zip(sizes) {
            let side = if buy { Side::Buy } else { Side::Sell };
            simulation.place(CLIENT, at_market(&simulation, id, side, quantity, CSPX));
            simulation.advance_to(simulation.now() + SignedDuration::from_secs(61));
            let view = simulation.account();
            if let [position] = &view.positions[..] {
                let earned = cash(&view, Currency::Usd) + position.market_value - dec!(10_000_000);
                prop_assert_eq!(position.realized + position.unrealized, earned);
            }
        }
    }
}
