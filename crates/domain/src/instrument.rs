//! What can be held or referenced: instruments, their contracts, and dense columns over both.
//!
//! In: the configured instrument table. Out: small keys and facts by index. Invariant: `M6E` is an
//! instrument, `M6E_20251215` a contract; positions, quotes and orders belong to contracts.

use crate::{Currency, Mic, Price, Quantity, QuoteUnit};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

macro_rules! dense_key {
    ($(#[$doc:meta])* $key:ident($index:ty), $(#[$column_doc:meta])* $column:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $key(pub $index);

        impl $key {
            /// The position in a dense column.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        $(#[$column_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $column<T>(Vec<T>);

        impl<T> $column<T> {
            /// `count` copies of a value.
            pub fn filled(value: T, count: usize) -> Self
            where
                T: Clone,
            {
                $column(vec![value; count])
            }

            /// Builds the column from values in key order.
            pub fn from_vec(values: Vec<T>) -> Self {
                $column(values)
            }

            /// The values in key order.
            #[inline]
            pub fn as_slice(&self) -> &[T] {
                &self.0
            }

            /// The values in key order, to be overwritten.
            #[inline]
            pub fn as_mut_slice(&mut self) -> &mut [T] {
                &mut self.0
            }

            /// Keys with their values, in order.
            #[inline]
            pub fn iter(&self) -> impl Iterator<Item = ($key, &T)> {
                self.0.iter().enumerate().map(|(i, value)| ($key(i as $index), value))
            }

            /// How many keys there are.
            #[inline]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// True when there is no key.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Adds the value of one more key.
            pub fn push(&mut self, value: T) {
                self.0.push(value);
            }

            /// Overwrites every value.
            pub fn fill(&mut self, value: T)
            where
                T: Clone,
            {
                self.0.fill(value);
            }
        }

        impl<T> Index<$key> for $column<T> {
            type Output = T;
            #[inline]
            fn index(&self, key: $key) -> &T {
                &self.0[key.index()]
            }
        }

        impl<T> IndexMut<$key> for $column<T> {
            #[inline]
            fn index_mut(&mut self, key: $key) -> &mut T {
                &mut self.0[key.index()]
            }
        }
    };
}

dense_key!(
    /// Index of an instrument in the universe; its name is text and lives there.
    InstrumentId(u16),
    /// One value per instrument of the universe.
    PerInstrument
);
dense_key!(
    /// Index of a tradable or referenced contract in the universe.
    ContractId(u32),
    /// One value per contract of the universe.
    PerContract
);

/// What kind of thing an instrument is, in the broker's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InstrumentKind {
    /// Common stock.
    Stk,
    /// Exchange-traded fund (the broker's type is STK).
    Etf,
    /// Future; has a chain of contracts.
    Fut,
    /// Option.
    Opt,
    /// Spot currency pair.
    Cash,
    /// Index: quoted, never traded.
    Ind,
}

/// Groups that share collars, tolerances and cost assumptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AssetClass {
    EquityEtf,
    BondEtf,
    Stock,
    EquityIndexFuture,
    BondFuture,
    VolatilityFuture,
    FxFuture,
    Fx,
    Index,
    VolatilityIndex,
    Option,
}

/// How the last trading days of a future's contracts are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FutureRule {
    /// CME currency futures: second business day before the third Wednesday of March, June, September, December.
    CmeFxQuarterly,
    /// CME index futures: third Friday of March, June, September, December on which New York's shares trade, else the
    /// business day before.
    CmeIndexQuarterly,
    /// Index futures in Europe: third Friday of March, June, September, December, else the business day before.
    IndexQuarterly,
    /// Index futures with a contract every month: third Friday, else the business day before.
    IndexMonthly,
    /// Eurex bond futures: two exchange days before the delivery day, the 10th of March, June, September, December or
    /// the exchange day after.
    EurexBondQuarterly,
    /// Volatility futures: 30 days before the third Friday of the next month (or the exchange day before that Friday),
    /// else the exchange day before.
    VolatilityMonthly,
}

impl FutureRule {
    /// Every rule.
    pub const ALL: [FutureRule; 6] = [
        FutureRule::CmeFxQuarterly,
        FutureRule::CmeIndexQuarterly,
        FutureRule::IndexQuarterly,
        FutureRule::IndexMonthly,
        FutureRule::EurexBondQuarterly,
        FutureRule::VolatilityMonthly,
    ];

    /// The name in the instrument table.
    pub fn name(self) -> &'static str {
        match self {
            FutureRule::CmeFxQuarterly => "cme_fx_quarterly",
            FutureRule::CmeIndexQuarterly => "cme_index_quarterly",
            FutureRule::IndexQuarterly => "index_quarterly",
            FutureRule::IndexMonthly => "index_monthly",
            FutureRule::EurexBondQuarterly => "eurex_bond_quarterly",
            FutureRule::VolatilityMonthly => "volatility_monthly",
        }
    }

    /// The calendar that decides what is a business day for the rule: the venue's own, unless the contract settles to
    /// what another venue does. CME trades on some days on which neither shares nor banks in New York do.
    pub fn calendar(self, venue: Mic) -> Mic {
        match self {
            FutureRule::CmeFxQuarterly | FutureRule::CmeIndexQuarterly => Mic::Xnys,
            _ => venue,
        }
    }

    /// True when a contract has to be delivered by whoever still holds it; the others end in cash.
    pub fn delivers(self) -> bool {
        matches!(self, FutureRule::CmeFxQuarterly | FutureRule::EurexBondQuarterly)
    }
}

/// The facts of one line of the instrument table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    /// The engine's name, such as `CSPX`.
    pub name: String,
    /// Words for people.
    pub description: String,
    /// Its kind.
    pub kind: InstrumentKind,
    /// Broker symbol.
    pub symbol: String,
    /// Broker routing exchange, such as `SMART` or `CME`.
    pub exchange: String,
    /// Broker primary exchange, empty when there is none.
    pub primary_exchange: String,
    /// Broker trading class, empty when there is none.
    pub trading_class: String,
    /// Currency of prices, cash flows and P&L.
    pub currency: Currency,
    /// Currency of the risk that is hedged; differs for a fund that holds something else than it trades in.
    pub risk_currency: Currency,
    /// Unit of quotes and order prices.
    pub quote_unit: QuoteUnit,
    /// Major currency units per price point and contract; 1 for shares.
    pub multiplier: u32,
    /// Smallest price step, in the major unit.
    pub tick: Price,
    /// Smallest quantity step.
    pub lot: Quantity,
    /// ISIN where the instrument has one.
    pub isin: Option<String>,
    /// Venue whose calendar rules its sessions.
    pub venue: Mic,
    /// Group for collars and tolerances.
    pub asset_class: AssetClass,
    /// Rule of the chain; only futures have one.
    pub future: Option<FutureRule>,
    /// True when the venue trades two contracts of the chain as one calendar spread.
    pub calendar_spread: bool,
    /// Name of the instrument that options are written on; only option roots have one.
    pub underlying: Option<String>,
    /// False for reference instruments that are quoted and never traded.
    pub tradable: bool,
}

impl Instrument {
    /// The plainest line of a kind, for tables that are made in code: quoted in the major unit to the cent
    /// (a currency future to the ten-thousandth), one share a lot, routed by `SMART`, and traded unless it
    /// is an index. What differs is said by the caller.
    pub fn plain(name: &str, kind: InstrumentKind, currency: Currency) -> Instrument {
        let (asset_class, venue, tick) = match kind {
            InstrumentKind::Stk => (AssetClass::Stock, Mic::Xnys, 1_000_000),
            InstrumentKind::Etf => (AssetClass::EquityEtf, Mic::Xlon, 1_000_000),
            InstrumentKind::Fut => (AssetClass::FxFuture, Mic::Cmes, 10_000),
            InstrumentKind::Opt => (AssetClass::Option, Mic::Xcbo, 1_000_000),
            InstrumentKind::Cash => (AssetClass::Fx, Mic::Fx, 5_000),
            InstrumentKind::Ind => (AssetClass::Index, Mic::Xnys, 1_000_000),
        };
        Instrument {
            name: name.to_owned(),
            description: String::new(),
            kind,
            symbol: name.to_owned(),
            exchange: "SMART".to_owned(),
            primary_exchange: String::new(),
            trading_class: String::new(),
            currency,
            risk_currency: currency,
            quote_unit: QuoteUnit::Major,
            multiplier: 1,
            tick: Price::from_mantissa(tick).expect("a positive tick"),
            lot: Quantity::whole(1),
            isin: None,
            venue,
            asset_class,
            future: None,
            calendar_spread: false,
            underlying: None,
            tradable: kind != InstrumentKind::Ind,
        }
    }
}

/// One thing the broker can quote or trade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// The engine's name: the instrument's, with the last trading day for a future.
    pub name: String,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Last trading day; `None` when it does not expire.
    pub expiry: Option<Date>,
}

/// The few facts of a contract that valuation and order pricing read for every row of every day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Currency of prices and cash flows.
    pub currency: Currency,
    /// Currency of the hedged risk.
    pub risk_currency: Currency,
    /// Major currency units per price point.
    pub multiplier: u32,
    /// True for futures: profit is paid into cash every day.
    pub settles_daily: bool,
    /// Group for collars and tolerances.
    pub asset_class: AssetClass,
    /// False for reference instruments that are quoted and never traded.
    pub tradable: bool,
    /// Smallest price step.
    pub tick: Price,
    /// Smallest quantity step.
    pub lot: Quantity,
}
