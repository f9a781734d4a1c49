//! The instruments the simulated market knows by name.
//!
//! In: a name. Out: price of early 2026 and loadings. Invariant: lines on the same thing are made from the same value, and
//! differ by price, currency, dividends and carry only.
//!
//! Volatilities and correlations that come out of these loadings are compared with real series in `docs/simulated-market.md`.

use crate::exposure::{EUROPE, Exposure, NOTHING, US};
use crate::levels::{Factor, PerFactor};
use crate::local::Local;
use Factor::{Credit, Divergence, Euro, Market, Rates, Sterling, Technology, Volatility};
use domain::Currency;

const US_DIVIDENDS: f64 = 0.012;
const EUROPE_DIVIDENDS: f64 = 0.027;
const BRITISH_DIVIDENDS: f64 = 0.033;
const DOLLAR_RATE: f64 = 0.040;
/// Dollar interest over that of the euro, sterling and the franc.
const DOLLAR_OVER_EURO: f64 = 0.019;
const DOLLAR_OVER_STERLING: f64 = 0.002;
const DOLLAR_OVER_FRANC: f64 = 0.038;
const EURO_RATE: f64 = DOLLAR_RATE - DOLLAR_OVER_EURO;
const STERLING_RATE: f64 = DOLLAR_RATE - DOLLAR_OVER_STERLING;
/// Financing of a ten-year bond over its yield, and of a five-year one.
const TEN_YEAR_CARRY: f64 = -0.006;
const FIVE_YEAR_CARRY: f64 = -0.002;

const SP500: Exposure = US;
const NASDAQ: Exposure = US.beta(1.10).to([(Technology, 1.0)]);
const RUSSELL: Exposure = US.beta(1.15).with(Local::SmallCompanies, 1.0);
const STOXX50: Exposure = EUROPE;
const STOXX600: Exposure = EUROPE.beta(0.90).with(Local::AllEurope, 1.0);
const DAX: Exposure = EUROPE.with(Local::Germany, 1.0);
const CAC: Exposure = EUROPE.with(Local::France, 1.0);
const FTSE: Exposure = NOTHING.to([(Market, 0.85), (Divergence, -0.5), (Sterling, -0.3)]).with(Local::Britain, 1.0);
const EURO_BANKS: Exposure = EUROPE.beta(1.30).with(Local::Banks, 1.0);
const EURO: Exposure = NOTHING.at(1.16).to([(Factor::Euro, 1.0)]);
const POUND: Exposure = NOTHING.at(1.34).to([(Euro, 0.6), (Sterling, 1.0)]);
const FRANC: Exposure = NOTHING.at(1.25).to([(Euro, 0.75)]).with(Local::Franc, 1.0);
const HIGH_YIELD: Exposure = NOTHING.to([(Market, 0.30), (Credit, 1.0), (Rates, 0.15)]);
const INVESTMENT_GRADE: Exposure =
    NOTHING.to([(Market, 0.08), (Credit, 0.55), (Rates, 0.78)]).with(Local::InvestmentGrade, 1.0);
const BUND: Exposure = NOTHING.to([(Rates, 1.05)]).own(0.015);
const MEGA_CAP: Exposure = US.beta(1.05).to([(Technology, 0.9)]);
const VIX: Exposure = NOTHING.at(1.0).to([(Volatility, 1.0)]);
/// European implied volatility is higher in calm markets, and about as high as VIX in wild ones.
const VSTOXX: Exposure = NOTHING.at(1.69).to([(Volatility, 0.88)]).with(Local::EuropeanVolatility, 1.0);

/// Prices of a distributing fund neither accrue its dividends nor show them.
const NO_ACCRUAL: f64 = 0.0;

/// Interest a year on a currency, as the carry of futures has it.
pub(crate) fn rate(currency: Currency) -> f64 {
    match currency {
        Currency::Usd => DOLLAR_RATE,
        Currency::Gbp => STERLING_RATE,
        Currency::Chf => DOLLAR_RATE - DOLLAR_OVER_FRANC,
        _ => EURO_RATE,
    }
}

/// Dividends a year of an index in a currency, as the carry of its futures has them.
pub(crate) fn dividends(currency: Currency) -> f64 {
    match currency {
        Currency::Usd => US_DIVIDENDS,
        Currency::Gbp => BRITISH_DIVIDENDS,
        _ => EUROPE_DIVIDENDS,
    }
}

/// What is known of an instrument.
pub(crate) fn exposure(name: &str) -> Option<Exposure> {
    index(name).or_else(|| currency(name)).or_else(|| sector(name)).or_else(|| share(name)).or_else(|| other(name))
}

fn index(name: &str) -> Option<Exposure> {
    let us = DOLLAR_RATE - US_DIVIDENDS;
    let europe = EURO_RATE - EUROPE_DIVIDENDS;
    Some(match name {
        "SPX" => SP500.at(6_800.0),
        "CSPX" => SP500.at(730.0).accruing(US_DIVIDENDS),
        "SXR8" => SP500.at(629.0).to([(Euro, -1.0)]).accruing(US_DIVIDENDS),
        "SPY" => SP500.at(679.0),
        "ES" | "MES" => SP500.at(6_800.0).carrying(us),
        "NQ" | "MNQ" => NASDAQ.at(25_000.0).carrying(us),
        "RTY" | "M2K" => RUSSELL.at(2_550.0).carrying(us),
        "SX5E" => STOXX50.at(5_700.0),
        "CS51" => STOXX50.at(205.0).accruing(EUROPE_DIVIDENDS),
        "EXW1" => STOXX50.at(58.0).accruing(NO_ACCRUAL),
        "FESX" => STOXX50.at(5_700.0).carrying(europe),
        "EXSA" => STOXX600.at(57.0).accruing(NO_ACCRUAL),
        "FDAX" | "FDXM" => DAX.at(24_300.0).carrying(EURO_RATE),
        "FCE" => CAC.at(8_150.0).carrying(europe),
        "ISF" => FTSE.at(9.60).accruing(NO_ACCRUAL),
        // In pence, as the broker counts: 99.00 major units are 9,900 points.
        "Z" => FTSE.at(99.0).carrying(STERLING_RATE - BRITISH_DIVIDENDS),
        "FESB" => EURO_BANKS.at(245.0).carrying(EURO_RATE - 0.05),
        _ => return None,
    })
}

fn currency(name: &str) -> Option<Exposure> {
    Some(match name {
        "EUR.USD" => EURO,
        "M6E" | "6E" => EURO.carrying(DOLLAR_OVER_EURO),
        "GBP.USD" => POUND,
        "M6B" | "6B" => POUND.carrying(DOLLAR_OVER_STERLING),
        "MSF" | "6S" => FRANC.carrying(DOLLAR_OVER_FRANC),
        "USD.CHF" => NOTHING.at(1.0 / FRANC.anchor).to([(Euro, -0.75)]).with(Local::Franc, -1.0),
        "EUR.GBP" => NOTHING.at(EURO.anchor / POUND.anchor).to([(Euro, 0.4), (Sterling, -1.0)]),
        _ => return None,
    })
}

fn sector(name: &str) -> Option<Exposure> {
    Some(match name {
        "CNDX" => NASDAQ.at(1_430.0).accruing(0.007),
        "IUIT" => US.beta(1.15).to([(Technology, 1.5)]).at(41.0).accruing(0.006),
        "SEMI" => US.beta(1.35).to([(Technology, 1.8)]).with(Local::Semiconductors, 1.0).at(62.0).accruing(0.005),
        "IUHC" => US.beta(0.75).with(Local::HealthCare, 1.0).at(12.3).accruing(0.015),
        "IUQA" => US.with(Local::Quality, 1.0).at(16.5).accruing(0.010),
        "IUMO" => US.beta(1.05).to([(Technology, 0.3)]).with(Local::Momentum, 1.0).at(17.5).accruing(0.008),
        "IUCD" => US.beta(1.10).to([(Technology, 0.4)]).with(Local::Discretionary, 1.0).at(16.8).accruing(0.008),
        "EXV1" => EUROPE.beta(1.15).with(Local::Banks, 0.9).at(32.0),
        "EXX1" => EURO_BANKS.at(25.0),
        "EXS1" => DAX.at(200.0).accruing(EUROPE_DIVIDENDS),
        "IUKD" => FTSE.at(9.50).with(Local::BritishDividends, 1.0),
        "EXV5" => EUROPE.beta(1.20).with(Local::Cars, 1.0).at(55.0),
        "EXH1" => EUROPE.beta(0.80).with(Local::Energy, 1.0).at(38.0),
        _ => return None,
    })
}

fn share(name: &str) -> Option<Exposure> {
    let bank = |beta: f64, price: f64, own: f64| EUROPE.beta(beta).with(Local::Banks, 1.0).at(price).own(own);
    Some(match name {
        "AAPL" => MEGA_CAP.at(262.0).own(0.18),
        "MSFT" => MEGA_CAP.at(480.0).own(0.15),
        "GOOGL" => MEGA_CAP.at(310.0).own(0.20),
        "NVDA" => US.beta(1.45).to([(Technology, 2.0)]).with(Local::Semiconductors, 0.8).at(185.0).own(0.30),
        "AMZN" => MEGA_CAP.at(225.0).own(0.20),
        "META" => MEGA_CAP.at(660.0).own(0.24),
        "LLY" => US.beta(0.60).with(Local::HealthCare, 1.0).at(1_000.0).own(0.27),
        "JNJ" => US.beta(0.50).with(Local::HealthCare, 0.9).at(215.0).own(0.12),
        "BNP" => bank(1.25, 85.0, 0.14),
        "GLE" => bank(1.35, 68.0, 0.18),
        "ACA" => bank(1.15, 17.0, 0.14),
        "DBK" => bank(1.30, 31.0, 0.19),
        "UCG" => bank(1.35, 70.0, 0.18).with(Local::Italy, 0.8),
        "SAN" => bank(1.25, 9.5, 0.15),
        "VOW3" => EUROPE.beta(1.15).with(Local::Cars, 1.0).at(102.0).own(0.17),
        "ARCC" => US.beta(0.75).to([(Credit, 0.8)]).with(Local::Lenders, 1.0).at(20.5).own(0.08),
        "MAIN" => US.beta(0.75).to([(Credit, 0.8)]).with(Local::Lenders, 1.0).at(58.0).own(0.12),
        _ => return None,
    })
}

fn other(name: &str) -> Option<Exposure> {
    Some(match name {
        "LQDE" => INVESTMENT_GRADE.at(104.0),
        "IHYU" => HIGH_YIELD.at(96.0),
        "FLOT" => Exposure { factors: PerFactor::of([(Market, 0.015), (Credit, 0.08)]), ..NOTHING }.at(5.1),
        "HYG" => HIGH_YIELD.at(80.5),
        "JNK" => HIGH_YIELD.at(97.5),
        "VIX" => VIX,
        "VX" | "VXM" => Exposure { reverts_to: Some(19.5), ..VIX },
        "V2TX" => VSTOXX,
        "FVS" => Exposure { reverts_to: Some(22.0), ..VSTOXX },
        "FGBL" => BUND.at(127.5).carrying(TEN_YEAR_CARRY),
        "FGBM" => NOTHING.to([(Rates, 0.46)]).with(Local::FiveYears, 1.0).at(116.5).carrying(FIVE_YEAR_CARRY),
        "FOAT" => {
            let french = NOTHING.to([(Rates, 0.80)]).with(Local::FrenchBonds, 1.0).with(Local::Italy, 0.12);
            french.at(121.5).carrying(TEN_YEAR_CARRY)
        }
        "FBTP" => EUROPE.beta(0.17).to([(Rates, 0.5)]).with(Local::Italy, 1.0).at(120.5).carrying(TEN_YEAR_CARRY),
        _ => return None,
    })
}
