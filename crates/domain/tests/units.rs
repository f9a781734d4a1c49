//! Units at the doors: what a venue quotes becomes the major unit by declaration, and goes back as it came.
//!
//! In: quotes in pence, pounds, cents, yen; a broker's cost of a contract. Out: prices and quotes.
//! Invariant: no size of a number ever decides its unit.

use domain::{Price, Quantity, QuoteUnit, per_unit_cost};
use proptest::prelude::*;
use rust_decimal::{Decimal, dec};

/// Quoted as `quoted`, worth `major`, and quoted again as it was.
fn round_trips(quoted: Decimal, unit: QuoteUnit, major: Decimal) -> Result<(), TestCaseError> {
    let price = Price::from_quote(quoted, unit).unwrap();
    prop_assert_eq!(price.to_decimal(), major);
    prop_assert_eq!(price.to_quote(unit), quoted);
    prop_assert_eq!(Quantity::whole(1_000).value_at(price, 1), major * dec!(1000));
    let stored = serde_json::to_string(&price).unwrap();
    prop_assert_eq!(serde_json::from_str::<Price>(&stored).unwrap(), price);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Half a penny to five hundred pounds, in hundredths of a penny.
    #[test]
    fn pence_become_pounds_and_pence_again(hundredths in 50_i64..=5_000_000) {
        let pence = Decimal::new(hundredths, 2);
        round_trips(pence, QuoteUnit::Hundredth, pence / Decimal::ONE_HUNDRED)?;
    }

    /// A line in pounds stays in pounds, however much it looks like pence.
    #[test]
    fn pounds_above_a_hundred_stay_pounds(pence in 10_000_i64..=100_000_000) {
        let pounds = Decimal::new(pence, 2);
        round_trips(pounds, QuoteUnit::Major, pounds)?;
    }

    #[test]
    fn cents_become_dollars_and_cents_again(tenths in 1_i64..=10_000_000) {
        let cents = Decimal::new(tenths, 1);
        round_trips(cents, QuoteUnit::Hundredth, cents / Decimal::ONE_HUNDRED)?;
    }

    #[test]
    fn yen_have_no_hundredths_to_lose(tenths in 1_i64..=1_000_000_000) {
        let yen = Decimal::new(tenths, 1);
        round_trips(yen, QuoteUnit::Major, yen)?;
    }

    /// The broker's average cost of a micro euro contract is price × 12,500, with the commission on top of a purchase
    /// and off a sale.
    #[test]
    fn the_cost_of_a_contract_comes_down_to_a_price(ticks in 8_000_i64..=16_000, commission in 0_i64..=500, buy: bool) {
        let (price, commission) = (Decimal::new(ticks, 4), Decimal::new(commission, 2));
        let signed = if buy { commission } else { -commission };
        let average_cost = price * dec!(12500) + signed;
        let cost = per_unit_cost(average_cost, 12_500);
        prop_assert_eq!(cost - signed / dec!(12500), price);
        prop_assert!((cost - price).abs() <= dec!(0.0004), "five dollars are four ticks of a ten-thousandth");
        prop_assert_eq!(per_unit_cost(price, 1), price, "a share is one unit");
    }
}
