//! The names behind the keys of a universe.
//!
//! In: a universe, or what a journal holds. Out: a name for each key. Invariant: nobody changes them, so that what is handed from
//! day to day shares them.

use domain::{ContractId, Universe};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::{Deref, Index};
use std::sync::Arc;

/// Names of contracts by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Arc<Vec<String>>);

impl Names {
    /// Those of a universe.
    pub fn of(universe: &Universe) -> Names {
        universe.contracts().map(|contract| universe.contract(contract).name.clone()).collect()
    }

    /// Whether both are the very same, which is known without reading them.
    pub fn is(&self, other: &Names) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Names {
        Names(Arc::new(names.into_iter().collect()))
    }
}

impl Deref for Names {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Index<ContractId> for Names {
    type Output = String;

    fn index(&self, contract: ContractId) -> &String {
        &self.0[contract.index()]
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Names, D::Error> {
        Vec::deserialize(from).map(|names| Names(Arc::new(names)))
    }
}
