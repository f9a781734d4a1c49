//! The calendar tables the binary carries.
//!
//! In: the reviewed tables under `config/calendars`. Out: parsed calendars. Invariant: the tables are
//! part of the program; a table that does not parse fails the tests, not a trading day.

use domain::Mic;
use market::calendar::Calendars;

const OVERRIDES: &str = include_str!("../../../config/calendars/overrides.csv");

const AUCTIONS: &str = include_str!("../../../config/calendars/auctions.csv");

macro_rules! tables {
    ($($mic:ident = $file:literal),+ $(,)?) => {
        const TABLES: &[(Mic, &str)] =
            &[$((Mic::$mic, include_str!(concat!("../../../config/calendars/", $file, ".csv")))),+];
    };
}

tables! {
    Xnys = "XNYS", Xnas = "XNAS", Xlon = "XLON", Xetr = "XETR", Xpar = "XPAR", Xmil = "XMIL",
    Xams = "XAMS", Xmad = "XMAD", Xswx = "XSWX", Xeur = "XEUR", Cmes = "CMES", Xcbf = "XCBF",
    Xcbo = "XCBO", Ifeu = "IFEU", Xmon = "XMON", Fx = "FX",
}

/// The built-in calendars of the named venues, or of all of them.
pub fn built_in(venues: impl Fn(Mic) -> bool) -> Calendars {
    let wanted = TABLES.iter().copied().filter(|(mic, _)| venues(*mic));
    let calendars = Calendars::parse(wanted, OVERRIDES).and_then(|calendars| calendars.with_auctions(AUCTIONS));
    calendars.expect("the built-in tables are checked by the tests")
}
