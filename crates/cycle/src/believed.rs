//! The last good marks and rates, from one look at them to the next.
//!
//! In: what a look found good. Out: the same, for the next look. Invariant: stored by name, so that it can be read over any universe;
//! what a universe does not have is forgotten.

use crate::Names;
use domain::{ContractId, PerContract, PerCurrency};
use market::fx::LastRate;
use market::marks::LastMark;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The last good marks and rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Believed {
    /// What the keys mean.
    names: Names,
    /// The last good mark of each contract.
    pub marks: PerContract<Option<LastMark>>,
    /// Implied volatility of held options at their last good marks.
    pub volatilities: PerContract<Option<f64>>,
    /// Units of base for one unit of each currency.
    pub rates: PerCurrency<Option<LastRate>>,
}

impl Believed {
    /// The same over other keys.
    pub fn over(self, names: &Names) -> Believed {
        if self.names.is(names) {
            return self;
        }
        // Mostly the table has grown at its end.
        let before = |(place, name): (usize, &String)| match self.names.get(place) {
            Some(same) if same == name => Some(place),
            _ => self.names.iter().position(|before| before == name),
        };
        let places: Vec<Option<usize>> = names.iter().enumerate().map(before).collect();
        let (marks, volatilities) = (self.marks.as_slice(), self.volatilities.as_slice());
        Believed {
            marks: PerContract::from_vec(places.iter().map(|place| marks[(*place)?]).collect()),
            volatilities: PerContract::from_vec(places.iter().map(|place| volatilities[(*place)?]).collect()),
            rates: self.rates,
            names: names.clone(),
        }
    }
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    marks: BTreeMap<String, LastMark>,
    #[serde(default)]
    volatilities: BTreeMap<String, f64>,
    rates: PerCurrency<Option<LastRate>>,
}

impl From<Believed> for Stored {
    fn from(believed: Believed) -> Stored {
        fn named<T: Copy>(column: &PerContract<Option<T>>, names: &Names) -> BTreeMap<String, T> {
            let named = |(contract, value): (ContractId, &Option<T>)| Some((names[contract].clone(), (*value)?));
            column.iter().filter_map(named).collect()
        }
        let Believed { names, marks, volatilities, rates } = believed;
        Stored { marks: named(&marks, &names), volatilities: named(&volatilities, &names), rates }
    }
}

impl From<Stored> for Believed {
    fn from(Stored { mut marks, mut volatilities, rates }: Stored) -> Believed {
        let names: BTreeSet<String> = marks.keys().chain(volatilities.keys()).cloned().collect();
        Believed {
            marks: PerContract::from_vec(names.iter().map(|name| marks.remove(name)).collect()),
            volatilities: PerContract::from_vec(names.iter().map(|name| volatilities.remove(name)).collect()),
            names: names.into_iter().collect(),
            rates,
        }
    }
}
