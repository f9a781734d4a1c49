//! Random baskets against a checker that shares nothing with the gate.
//!
//! In: random books, orders, fills and cancels. Out: nothing that a limit forbids. Invariant: the checker tries every subset of
//! the orders that may still be executed, in integers, and knows neither `Holding` nor `Exposure`.

use super::*;
use domain::{Instrument, InstrumentKind};

const CONTRACTS: usize = 3;
const NAV: i64 = 1_000_000;
/// Price of one unit of each contract, in base currency.
const PRICES: [i64; CONTRACTS] = [10, 25, 100];
const OPEN_MAX: usize = 8;

/// A small generator, so that a failure names its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % n
    }
}

/// What the world holds: positions, and orders that may still be executed.
#[derive(Clone, Default, Debug)]
struct World {
    held: [i64; CONTRACTS],
    open: Vec<(usize, i64)>,
    let_out: i64,
}

impl World {
    /// Largest gross, net and single position over every subset of open orders, by trying them all.
    fn worst(&self) -> (i64, i64, i64) {
        (0..1_u32 << self.open.len()).fold((0, 0, 0), |(gross, net, single), filled| {
            let mut book = self.held;
            for (bit, (contract, quantity)) in self.open.iter().enumerate() {
                if filled & (1 << bit) != 0 {
                    book[*contract] += quantity;
                }
            }
            let values: Vec<i64> = book.iter().zip(PRICES).map(|(quantity, price)| quantity * price).collect();
            let total: i64 = values.iter().map(|value| value.abs()).sum();
            let largest = values.iter().map(|value| value.abs()).max().unwrap_or(0);
            (gross.max(total), net.max(values.iter().sum::<i64>().abs()), single.max(largest))
        })
    }

    fn holding(&self, contract: usize) -> Holding {
        let own = self.open.iter().filter(|(of, _)| *of == contract);
        let start = Holding { held: Quantity::whole(self.held[contract]), ..Holding::default() };
        own.fold(start, |holding, (_, quantity)| holding.with(Quantity::whole(*quantity)))
    }

    fn activity(&self, contract: usize, increase: i64) -> Activity {
        let mut exposure = Exposure::default();
        (0..CONTRACTS).for_each(|other| exposure.add(self.holding(other), PRICES[other] as f64));
        Activity {
            unit_value: PRICES[contract] as f64,
            holding: self.holding(contract),
            exposure: Some(exposure),
            turnover: self.let_out as f64,
            increase: increase as f64,
            ..Activity::default()
        }
    }
}

fn shares() -> Universe {
    let names = ["A", "B", "C"];
    let instruments = names.map(|name| Instrument::plain(name, InstrumentKind::Stk, Currency::Usd));
    let contract =
        |(i, name): (usize, &str)| Contract { name: name.into(), instrument: InstrumentId(i as u16), expiry: None };
    Universe::new(instruments.to_vec(), names.into_iter().enumerate().map(contract).collect())
}

fn tight() -> GatePolicy {
    let collars = vec![(AssetClass::Stock, CollarPolicy { width: BasisPoints(10), ticks_min: 2 })];
    GatePolicy { position_max: 0.5, gross_max: 1.2, net_max: 0.6, turnover_max: 2.0, collars, ..policy() }
}

/// One random basket: orders ask, some are filled, cancelled or lost; returns how many were let out and refused.
fn basket(seed: u64, universe: &Universe, policy: &GatePolicy) -> (u32, u32) {
    let mut chance = Chance(seed);
    let held = std::array::from_fn(|contract| chance.below(400_000) / PRICES[contract] - 200_000 / PRICES[contract]);
    let mut world = World { held, ..World::default() };
    let (mut let_out, mut refused) = (0, 0);
    for _ in 0..16 {
        if chance.below(4) == 0 && !world.open.is_empty() {
            let (contract, quantity) = world.open.remove(chance.below(world.open.len() as i64) as usize);
            // Filled, filled in part and the rest cancelled, or cancelled; what is UNKNOWN stays open.
            world.held[contract] += quantity * chance.below(3) / 2;
            continue;
        }
        let contract = chance.below(CONTRACTS as i64) as usize;
        let quantity = chance.below(2 * 400_000 / PRICES[contract]) - 400_000 / PRICES[contract];
        let reduces = chance.below(3) == 0;
        if quantity == 0 || world.open.len() == OPEN_MAX {
            continue;
        }
        let before = world.worst();
        if admits(&world, contract, quantity, reduces, universe, policy) {
            let_out += 1;
            world.open.push((contract, quantity));
            world.let_out += if reduces { 0 } else { (quantity * PRICES[contract]).abs() };
            let (gross, net, single) = world.worst();
            let within = gross <= 1_200_000 && net <= 600_000 && single <= 500_000 && world.let_out <= 2_000_000;
            let no_worse = reduces && gross <= before.0 && single <= before.2;
            assert!(within || no_worse, "seed {seed}: {gross} {net} {single} after {world:?}");
        } else {
            refused += 1;
        }
    }
    (let_out, refused)
}

fn admits(
    world: &World,
    contract: usize,
    quantity: i64,
    reduces: bool,
    universe: &Universe,
    policy: &GatePolicy,
) -> bool {
    let now = window().opens;
    let price = Price::from_decimal(PRICES[contract].into()).unwrap();
    let quote = Quote { bid: Some(price), ask: Some(price), at: now, ..quote("1", "1", "2025-12-15T14:45:00Z") };
    let mut rates = PerCurrency::default();
    rates[Currency::Usd] = Some(1.0);
    let day = DayFacts { nav: NAV as f64, rates, frozen: vec![], no_increase: vec![], price_max: vec![] };
    let proposal = Proposal {
        contract: ContractId(contract as u32),
        quantity: Quantity::whole(quantity),
        purpose: if reduces { Purpose::Reduce } else { Purpose::Increase },
        order_type: OrderType::Lmt,
        collar: None,
    };
    let facts = Facts {
        day: &day,
        conditions: &Conditions::ample(CONTRACTS),
        mode: Mode::Normal,
        market: MarketFacts { now, quote: Some(&quote), window: Some(window()) },
        activity: &world.activity(contract, if reduces { 0 } else { (quantity * PRICES[contract]).abs() }),
    };
    match Gate::new(policy, universe).admit(proposal, &facts) {
        Ok(permit) => {
            let value = permit.order_quantity_max().to_f64() * PRICES[contract] as f64;
            assert!(value <= 0.10 * NAV as f64, "an order of {value}");
            true
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            false
        }
    }
}

/// 10,000 baskets; a million with `AF_LONG=1`.
#[test]
fn no_random_basket_breaks_a_limit() {
    #[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside")]
    let baskets = if std::env::var_os("AF_LONG").is_some() { 1_000_000 } else { 10_000 };
    let (universe, policy) = (shares(), tight());
    let (let_out, refused) = (0..baskets).fold((0_u64, 0_u64), |(out, back), seed| {
        let (let_out, refused) = basket(seed, &universe, &policy);
        (out + u64::from(let_out), back + u64::from(refused))
    });
    eprintln!("{baskets} baskets: {let_out} orders let out, {refused} refused");
    assert!(let_out > baskets && refused > baskets, "{let_out} let out, {refused} refused: both sides are tried");
}
