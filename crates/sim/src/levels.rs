//! The factors of the simulated market, and their levels.
//!
//! In: nothing. Out: names, places in a column, levels between two instants. Invariant: all but volatility are
//! logarithms relative to the first day; volatility is the logarithm of VIX itself.

/// How many factors there are.
pub(crate) const FACTORS: usize = 8;

/// What moves more than one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    /// World equity.
    Market,
    /// US over European equity.
    Divergence,
    /// US technology over the rest of US equity.
    Technology,
    /// Corporate bonds of low rating, apart from what equity does to them.
    Credit,
    /// Prices of ten-year government bonds.
    Rates,
    /// The euro against the dollar.
    Euro,
    /// Sterling against the dollar, apart from what the euro does to it.
    Sterling,
    /// VIX.
    Volatility,
}

impl Factor {
    /// Every factor, in the order of a column.
    pub(crate) const ALL: [Factor; FACTORS] = [
        Factor::Market,
        Factor::Divergence,
        Factor::Technology,
        Factor::Credit,
        Factor::Rates,
        Factor::Euro,
        Factor::Sterling,
        Factor::Volatility,
    ];

    /// The name of its stream of chance.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Factor::Market => "market",
            Factor::Divergence => "divergence",
            Factor::Technology => "technology",
            Factor::Credit => "credit",
            Factor::Rates => "rates",
            Factor::Euro => "euro",
            Factor::Sterling => "sterling",
            Factor::Volatility => "volatility",
        }
    }
}

/// One number per factor: levels at an instant, or loadings of an instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PerFactor([f64; FACTORS]);

impl PerFactor {
    /// Zero but for the factors named.
    pub(crate) const fn of<const N: usize>(pairs: [(Factor, f64); N]) -> PerFactor {
        PerFactor([0.0; FACTORS]).and(pairs)
    }

    /// The same numbers with those of some factors replaced.
    pub(crate) const fn and<const N: usize>(self, pairs: [(Factor, f64); N]) -> PerFactor {
        let mut column = self.0;
        let mut i = 0;
        while i < N {
            column[pairs[i].0 as usize] = pairs[i].1;
            i += 1;
        }
        PerFactor(column)
    }

    /// Every number multiplied.
    pub(crate) const fn times(self, by: f64) -> PerFactor {
        let mut column = self.0;
        let mut i = 0;
        while i < FACTORS {
            column[i] *= by;
            i += 1;
        }
        PerFactor(column)
    }

    /// The number of a factor.
    #[inline]
    pub(crate) fn get(&self, factor: Factor) -> f64 {
        self.0[factor as usize]
    }

    /// The number of a factor, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, factor: Factor) -> &mut f64 {
        &mut self.0[factor as usize]
    }

    /// Sum of products, in the order of the factors.
    #[inline]
    pub(crate) fn dot(&self, other: &PerFactor) -> f64 {
        let mut sum = 0.0;
        for i in 0..FACTORS {
            sum += self.0[i] * other.0[i];
        }
        sum
    }

    /// A point on the straight line to another one.
    pub(crate) fn between(&self, next: &PerFactor, share: f64) -> PerFactor {
        let mut column = self.0;
        for (level, then) in column.iter_mut().zip(&next.0) {
            *level += (then - *level) * share;
        }
        PerFactor(column)
    }
}
