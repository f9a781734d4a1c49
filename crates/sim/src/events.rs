//! What happens to a brokerage account outside of orders, and at which rates.
//!
//! In: nothing, or rates of your own. Out: the terms of dividends, taxes, interest, borrow fees, fees, recalls and splits.
//! Invariant: a table without a row for a class, country or currency means that nothing of it happens there.
//!
//! The realistic rates are of the size that Interactive Brokers and the markets had in 2025; they are a plausible
//! account, not a price list.

use domain::{AssetClass, Currency, Instrument, InstrumentKind, Money};
use rust_decimal::{Decimal, dec};

/// Dividends of a class of shares and funds that distribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DividendTerms {
    /// The class.
    pub class: AssetClass,
    /// Share of the price that is paid in a year.
    pub annual_yield: Decimal,
    /// Payments a year: 1, 2, 4 or 12.
    pub payments: u8,
    /// Calendar days from the ex-date to the payment.
    pub pay_days: u8,
}

/// Tax that a country keeps back from dividends of a foreign holder.
#[derive(Clone, Debug, PartialEq)]
pub struct WithholdingTax {
    /// ISO 3166 code, as an ISIN begins.
    pub country: &'static str,
    /// Share of the gross dividend.
    pub rate: Decimal,
}

/// Interest on the cash of a currency, as annual rates.
#[derive(Clone, Debug, PartialEq)]
pub struct InterestTerms {
    /// The currency.
    pub currency: Currency,
    /// The benchmark.
    pub benchmark: Decimal,
    /// Days of a year by the currency's convention.
    pub year: u16,
}

/// What borrowed shares of a class cost a year, as a share of their value.
#[derive(Clone, Debug, PartialEq)]
pub struct BorrowTerms {
    /// The class.
    pub class: AssetClass,
    /// The annual rate.
    pub rate: Decimal,
}

/// Everything that happens to an account by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountEvents {
    /// Dividends by class.
    pub dividends: Vec<DividendTerms>,
    /// Withholding tax by country.
    pub withholding: Vec<WithholdingTax>,
    /// Interest by currency.
    pub interest: Vec<InterestTerms>,
    /// Borrow fees by class.
    pub borrow: Vec<BorrowTerms>,
    /// Market data, once a month.
    pub monthly_fee: Option<Money>,
    /// How often a short position is called back, a year.
    pub recalls_per_year: f64,
    /// How often a share or fund splits, a year.
    pub splits_per_year: f64,
    /// How often a share is halted for five minutes, a year.
    pub halts_per_year: f64,
}

/// Credit balances up to this earn nothing.
const INTEREST_FREE: Decimal = dec!(10_000);
/// The benchmark minus this is paid on credit balances.
const CREDIT_SPREAD: Decimal = dec!(0.005);
/// The benchmark plus this is charged on debit balances, for the part up to each bound.
const DEBIT_TIERS: [(Decimal, Decimal); 3] =
    [(dec!(100_000), dec!(0.015)), (dec!(1_000_000), dec!(0.010)), (Decimal::MAX, dec!(0.0075))];

impl InterestTerms {
    /// Interest of one day on a balance before rounding; negative on a debit balance.
    pub(crate) fn daily(&self, balance: Decimal) -> Decimal {
        let year = Decimal::from(self.year);
        if balance >= Decimal::ZERO {
            let rate = (self.benchmark - CREDIT_SPREAD).max(Decimal::ZERO);
            return (balance - INTEREST_FREE).max(Decimal::ZERO) * rate / year;
        }
        let (mut below, mut charge) = (Decimal::ZERO, Decimal::ZERO);
        for (bound, spread) in DEBIT_TIERS {
            let part = (balance.abs().min(bound) - below).max(Decimal::ZERO);
            charge += part * (self.benchmark + spread) / year;
            below = bound;
        }
        -charge
    }
}

impl AccountEvents {
    /// Nothing happens by itself.
    pub fn none() -> AccountEvents {
        AccountEvents::default()
    }

    /// An account as one lives with: all kinds of events at usual rates.
    pub fn realistic() -> AccountEvents {
        use AssetClass::{BondEtf, EquityEtf, Stock};
        let dividend =
            |class, annual_yield, payments, pay_days| DividendTerms { class, annual_yield, payments, pay_days };
        let tax = |country, rate| WithholdingTax { country, rate };
        let interest = |currency, benchmark, year| InterestTerms { currency, benchmark, year };
        let borrow = |class, rate| BorrowTerms { class, rate };
        AccountEvents {
            dividends: vec![
                dividend(EquityEtf, dec!(0.014), 4, 14),
                dividend(Stock, dec!(0.018), 4, 21),
                dividend(BondEtf, dec!(0.036), 12, 7),
            ],
            withholding: vec![
                tax("US", dec!(0.15)),
                tax("CH", dec!(0.35)),
                tax("DE", dec!(0.26375)),
                tax("FR", dec!(0.25)),
                tax("JP", dec!(0.15315)),
                tax("SE", dec!(0.30)),
                tax("NO", dec!(0.25)),
                tax("DK", dec!(0.27)),
                tax("PL", dec!(0.19)),
            ],
            interest: vec![
                interest(Currency::Usd, dec!(0.0383), 360),
                interest(Currency::Eur, dec!(0.0193), 360),
                interest(Currency::Gbp, dec!(0.0397), 365),
                interest(Currency::Chf, dec!(0), 360),
                interest(Currency::Jpy, dec!(0.0048), 365),
                interest(Currency::Sek, dec!(0.0175), 360),
                interest(Currency::Nok, dec!(0.0402), 365),
                interest(Currency::Dkk, dec!(0.0160), 360),
                interest(Currency::Pln, dec!(0.0425), 365),
            ],
            borrow: vec![borrow(EquityEtf, dec!(0.009)), borrow(Stock, dec!(0.004)), borrow(BondEtf, dec!(0.012))],
            monthly_fee: Some(Money::new(dec!(14.50), Currency::Usd)),
            recalls_per_year: 0.5,
            splits_per_year: 0.03,
            halts_per_year: 0.1,
        }
    }

    /// Whether nothing happens by itself.
    pub fn is_none(&self) -> bool {
        *self == AccountEvents::none()
    }

    /// The dividends of a share or fund. One that accumulates, as its prices say, pays none.
    pub(crate) fn dividends_of(&self, instrument: &Instrument) -> Option<&DividendTerms> {
        let distributes = is_share(instrument) && crate::exposure::Exposure::of(instrument).accrual == 0.0;
        self.dividends.iter().find(|terms| distributes && terms.class == instrument.asset_class)
    }

    /// Share of a dividend its country keeps back.
    pub(crate) fn withholding_of(&self, instrument: &Instrument) -> Decimal {
        let country = country(instrument);
        self.withholding.iter().find(|tax| tax.country == country).map_or(Decimal::ZERO, |tax| tax.rate)
    }

    /// Annual rate of what a borrowed instrument costs.
    pub(crate) fn borrow_of(&self, instrument: &Instrument) -> Decimal {
        let terms = self.borrow.iter().find(|terms| is_share(instrument) && terms.class == instrument.asset_class);
        terms.map_or(Decimal::ZERO, |terms| terms.rate)
    }
}

/// Whether an instrument can pay dividends, split and be borrowed.
pub(crate) fn is_share(instrument: &Instrument) -> bool {
    matches!(instrument.kind, InstrumentKind::Stk | InstrumentKind::Etf)
}

/// Where an instrument is taxed: as its ISIN begins, or where its currency comes from.
fn country(instrument: &Instrument) -> &str {
    let of_currency = match instrument.currency {
        Currency::Usd => "US",
        Currency::Eur => "DE",
        Currency::Gbp => "GB",
        Currency::Chf => "CH",
        Currency::Jpy => "JP",
        Currency::Sek => "SE",
        Currency::Nok => "NO",
        Currency::Dkk => "DK",
        Currency::Pln => "PL",
    };
    instrument.isin.as_deref().and_then(|isin| isin.get(..2)).unwrap_or(of_currency)
}
