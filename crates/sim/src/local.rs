//! What moves some instruments and not others: sectors, countries, spreads.
//!
//! In: a normal number a day. Out: the logarithm of each at the beginning of a day. Invariant: a walk is a function of seed, name
//! and history; it is zero at the beginning of the first day, and a walk that reverts returns there.

use crate::random::Stream;

const TRADING_DAYS_PER_YEAR: f64 = 252.0;

macro_rules! locals {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $volatility:literal, $pull:literal;)+) => {
        /// A surrounding that several instruments share.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Local {
            $($(#[$doc])* $variant),+
        }

        impl Local {
            /// Every surrounding.
            pub(crate) const ALL: &'static [Local] = &[$(Local::$variant),+];

            /// The name of its stream of chance, its annual volatility, and the share of the way back to zero that it
            /// goes in a day.
            fn walk(self) -> (&'static str, f64, f64) {
                match self { $(Local::$variant => ($name, $volatility, $pull)),+ }
            }
        }
    };
}

impl Local {
    /// Annual volatility.
    pub(crate) fn volatility(self) -> f64 {
        let (_, volatility, _) = self.walk();
        volatility
    }
}

locals! {
    /// Small US companies over large ones.
    SmallCompanies = "small companies", 0.09, 0.0;
    /// Semiconductors over US technology.
    Semiconductors = "semiconductors", 0.16, 0.0;
    /// US health care over US equity.
    HealthCare = "health care", 0.10, 0.0;
    /// Quality over US equity.
    Quality = "quality", 0.025, 0.0;
    /// Momentum over US equity.
    Momentum = "momentum", 0.07, 0.0;
    /// US consumer discretionary over US equity.
    Discretionary = "discretionary", 0.07, 0.0;
    /// Germany over the euro area.
    Germany = "germany", 0.055, 0.0;
    /// France over the euro area.
    France = "france", 0.05, 0.0;
    /// British over European equity.
    Britain = "britain", 0.09, 0.0;
    /// British dividend payers over British equity.
    BritishDividends = "british dividends", 0.06, 0.0;
    /// All of Europe over the euro area.
    AllEurope = "all europe", 0.04, 0.0;
    /// European banks over European equity.
    Banks = "banks", 0.19, 0.0;
    /// European car makers over European equity.
    Cars = "cars", 0.17, 0.0;
    /// European oil and gas over European equity.
    Energy = "energy", 0.18, 0.0;
    /// The Swiss franc against the dollar, apart from what the euro does to it.
    Franc = "franc", 0.06, 0.0;
    /// Prices of Italian against German bonds.
    Italy = "italy", 0.084, 0.004;
    /// Prices of French against German bonds.
    FrenchBonds = "french bonds", 0.018, 0.004;
    /// Five-year against ten-year German bonds.
    FiveYears = "five years", 0.011, 0.004;
    /// Bonds of good rating, apart from rates and credit.
    InvestmentGrade = "investment grade", 0.015, 0.0;
    /// European against US implied volatility.
    EuropeanVolatility = "european volatility", 0.55, 0.10;
    /// Lenders to mid-sized companies.
    Lenders = "lenders", 0.09, 0.0;
}

/// The logarithm of something at the beginning of each calendar day of history and after.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    stream: Stream,
    deviation: f64,
    pull: f64,
    levels: Vec<f64>,
}

impl Walk {
    /// The walk of a surrounding.
    pub(crate) fn local(local: Local) -> Walk {
        let (name, volatility, pull) = local.walk();
        Walk::new(Stream::new("local", name), volatility, pull)
    }

    /// The walk of what is an instrument's own.
    pub(crate) fn own(instrument: &str, volatility: f64) -> Walk {
        Walk::new(Stream::new("own", instrument), volatility, 0.0)
    }

    fn new(stream: Stream, volatility: f64, pull: f64) -> Walk {
        Walk { stream, deviation: volatility / libm::sqrt(TRADING_DAYS_PER_YEAR), pull, levels: vec![0.0] }
    }

    /// Its stream of chance.
    pub(crate) fn stream(&self) -> Stream {
        self.stream
    }

    /// Rests until a day after the beginning, and walks through it with a standard normal number.
    pub(crate) fn walk_through(&mut self, day: usize, normal: f64) {
        let last = *self.levels.last().expect("a walk begins somewhere");
        self.levels.resize(day + 1, last);
        self.levels.push(last + (self.deviation * normal - self.pull * last));
    }

    /// Makes a day begin at zero.
    pub(crate) fn rebase(&mut self, day: usize) {
        let origin = self.levels[day];
        self.levels.iter_mut().for_each(|level| *level -= origin);
    }

    /// The level when a share of a day has passed.
    pub(crate) fn at(&self, day: usize, share: f64) -> f64 {
        self.levels[day] + (self.levels[day + 1] - self.levels[day]) * share
    }
}
