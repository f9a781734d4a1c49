//! What the gate is told besides prices: the day's circumstances, and our own orders at the moment of asking.
//!
//! In: facts of broker, venues and books. Out: values the checks compare with limits. Invariant: facts only; what is
//! unknown is absent and never made up.

use domain::{Band, ContractId, Grid, PerContract, Price, Quantity, Side};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Window;
use serde::{Deserialize, Serialize};

/// A contract and side that sends nothing more until a person resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    /// Which.
    pub contract: ContractId,
    /// Which way.
    pub side: Side,
}

/// A contract whose price steps differ by price level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banded {
    /// Which.
    pub contract: ContractId,
    /// Its bands by rising price.
    pub bands: Vec<Band>,
}

/// Circumstances that hold for every order of a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Average daily volume of each contract, in its units; `None` where it is not known.
    pub adv: PerContract<Option<f64>>,
    /// Until when each contract takes orders for its closing auction today; `None` where it takes none.
    pub auction_until: PerContract<Option<Timestamp>>,
    /// Contracts and sides of which too many orders were sent on an earlier day, and nobody has resumed.
    pub latched: Vec<Latch>,
    /// Contracts whose trading hours at the broker contradict our calendar.
    pub contradicted: Vec<ContractId>,
    /// Contracts whose market rule has steps by price level; every other one has the step of the instrument table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub banded: Vec<Banded>,
    /// Spans in which broker or gateway are away, in order.
    pub guards: Vec<Window>,
    /// What the account may lose before the broker liquidates, in base currency; `None` when the broker did not say.
    pub excess_liquidity: Option<f64>,
    /// The account at the other end is not the one this mode trades.
    pub foreign_account: bool,
    /// The oldest date on which history may end and still be a basis for new risk; `None` where no calendar was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_from: Option<Date>,
}

impl Conditions {
    /// The grid of a contract's limits; `step` is the one of the instrument table.
    #[inline]
    pub fn grid(&self, contract: ContractId, step: Price) -> Grid<'_> {
        let banded = self.banded.iter().find(|banded| banded.contract == contract);
        Grid::new(step, banded.map_or(&[], |banded| &banded.bands))
    }

    /// A world in which volume and margin are never short, as research assumes that does not model them.
    pub fn ample(contracts: usize) -> Conditions {
        Conditions {
            adv: PerContract::filled(Some(f64::MAX), contracts),
            auction_until: PerContract::filled(None, contracts),
            excess_liquidity: Some(f64::MAX),
            ..Conditions::default()
        }
    }
}

/// Exposure if of all orders only the ones that hurt are filled, in base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Σ of the larger side of every contract.
    pub gross: f64,
    /// Net when everything that buys is filled and nothing that sells.
    pub long: f64,
    /// The opposite, turned positive.
    pub short: f64,
}

/// One contract's position with what may still be executed of its orders.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Holding {
    /// Signed position.
    pub held: Quantity,
    /// May still be bought.
    pub buys: Quantity,
    /// May still be sold.
    pub sells: Quantity,
}

impl Holding {
    /// The same with one order more.
    #[inline]
    pub fn with(self, order: Quantity) -> Holding {
        match order.signum() {
            -1 => Holding { sells: self.sells - order, ..self },
            _ => Holding { buys: self.buys + order, ..self },
        }
    }

    /// The larger position it can become, either way.
    #[inline]
    pub fn worst(self) -> Quantity {
        (self.held + self.buys).abs().max((self.held - self.sells).abs())
    }

    /// True when the order, after everything on its side is filled, still only lowers the position.
    #[inline]
    pub fn lowers(self, order: Quantity) -> bool {
        let left = match order.signum() {
            -1 => self.held - self.sells,
            _ => self.held + self.buys,
        };
        left.signum() == -order.signum() && order.abs() <= left.abs()
    }
}

impl Exposure {
    /// Adds a contract at the price of one unit in base currency.
    pub fn add(&mut self, holding: Holding, unit_value: f64) {
        self.gross += holding.worst().to_f64() * unit_value;
        self.long += (holding.held + holding.buys).to_f64() * unit_value;
        self.short -= (holding.held - holding.sells).to_f64() * unit_value;
    }

    /// A book without orders: what is held of each contract and the price of one unit in base currency, without the
    /// contracts that are `apart`.
    #[inline]
    pub fn held(quantities: &[Quantity], unit_values: &[f64], apart: &[bool]) -> Exposure {
        let (mut gross, mut long) = (0.0, 0.0);
        for ((quantity, unit_value), apart) in quantities.iter().zip(unit_values).zip(apart) {
            let value = if *apart { 0.0 } else { quantity.units() as f64 * unit_value };
            gross += value.abs();
            long += value;
        }
        // All of them in whole units at once: a division takes longer than all the rest.
        let [gross, long] = [gross, long].map(|sum| sum / Quantity::UNITS_PER_SHARE as f64);
        Exposure { gross, long, short: 0.0 - long }
    }

    /// The same with one order more.
    #[inline]
    pub fn with(self, holding: Holding, order: Quantity, unit_value: f64) -> Exposure {
        let after = holding.with(order);
        let more = |after: Quantity, before: Quantity| (after - before).to_f64() * unit_value;
        Exposure {
            gross: self.gross + more(after.worst(), holding.worst()),
            long: self.long + more(after.buys, holding.buys),
            short: self.short + more(after.sells, holding.sells),
        }
    }

    /// The larger net, either way.
    #[inline]
    pub fn net(self) -> f64 {
        self.long.max(self.short)
    }
}

/// Our own doing at the moment an order asks to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity {
    /// Price of one unit in base currency, as NAV was valued.
    pub unit_value: f64,
    /// The contract's position and its other orders.
    pub holding: Holding,
    /// The signed part of the order that takes the place of another contract: no cap on exposure or volume counts it.
    pub rolls: Quantity,
    /// The whole book with every other order; `None` for what counts outside the caps, as a currency hedge does.
    pub exposure: Option<Exposure>,
    /// Increases let out today, this order apart, in base currency.
    pub turnover: f64,
    /// What this order adds to them.
    pub increase: f64,
    /// Orders sent today for this contract and side.
    pub orders_sent: u32,
    /// Too many were, and nobody has allowed more.
    pub latched: bool,
    /// Messages sent in the last second.
    pub messages: u32,
    /// Excess liquidity after this order, by the broker's own what-if.
    pub excess_after: Option<f64>,
}
