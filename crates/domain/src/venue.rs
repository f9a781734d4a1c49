//! Venues by their ISO 10383 market identifier code (MIC).
//!
//! In: four letters. Out: a small `Copy` key for calendars, windows and instruments.
//! Invariant: a venue the engine has no calendar for cannot be named.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! venues {
    ($($variant:ident = $code:literal),+ $(,)?) => {
        /// A trading venue; `Fx` stands for the interbank currency week (Sunday 17:00 to Friday 17:00 New York).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Mic {
            $(#[doc = $code] #[serde(rename = $code)] $variant),+
        }

        impl Mic {
            /// Every venue, in a fixed order.
            pub const ALL: &'static [Mic] = &[$(Mic::$variant),+];

            /// The code as calendars and instruments spell it.
            pub fn code(self) -> &'static str {
                match self { $(Mic::$variant => $code),+ }
            }
        }
    };
}

venues! {
    Xnys = "XNYS", Xnas = "XNAS", Xlon = "XLON", Xetr = "XETR", Xpar = "XPAR", Xmil = "XMIL",
    Xams = "XAMS", Xmad = "XMAD", Xswx = "XSWX", Xeur = "XEUR", Cmes = "CMES", Xcbf = "XCBF",
    Xcbo = "XCBO", Ifeu = "IFEU", Xmon = "XMON", Fx = "FX",
}

impl fmt::Display for Mic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text names no venue of this engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue `{0}`; known are {list}", list = Mic::ALL.iter().map(|m| m.code()).collect::<Vec<_>>().join(", "))]
pub struct UnknownVenue(pub String);

impl FromStr for Mic {
    type Err = UnknownVenue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Mic::ALL.iter().copied().find(|m| m.code() == text).ok_or_else(|| UnknownVenue(text.to_owned()))
    }
}
