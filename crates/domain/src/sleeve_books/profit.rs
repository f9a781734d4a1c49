//! What each sleeve earned, day by day.
//!
//! In: marks and rates at the end of a day. Out: today's and cumulative profit of each sleeve, in base currency.
//! Invariant: the profits of all sleeves sum to NAV − NAV of the day before − flows, exactly.

use super::account::Account;
use super::{SleeveBooks, SleeveId};
use crate::{BaseMoney, Currency, FxRates, Money, PerContract, PerCurrency, Price, Universe, Unvalued};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Profit of one sleeve in base currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleeveProfit {
    /// The sleeve's name.
    pub sleeve: String,
    /// Between the last two closes.
    pub today: BaseMoney,
    /// Since the sub-accounts were opened.
    pub cumulative: BaseMoney,
}

/// What an account's profit is reckoned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Value by currency at the last close.
    value: PerCurrency<Decimal>,
    today: BaseMoney,
    cumulative: BaseMoney,
}

impl SleeveBooks {
    /// Values the money that came in or went out: what its currency does from now on is profit. Money in a currency without
    /// a rate waits for one.
    pub fn value_flows(&mut self, fx: &FxRates) {
        for currency in Currency::ALL {
            if let Ok(value) = fx.to_base(Money::new(self.flows[currency], currency)) {
                self.put_in += value;
                self.flows[currency] = Decimal::ZERO;
            }
        }
    }

    /// Closes a day: the profit of a sleeve is Σ fx_now × (V_now − V_before) over currencies, with V its cash, accruals
    /// and positions in each currency. Treasury has the rest: its own, without flows, and the translation
    /// Σ (fx_now − fx_before) × V_before of the whole account.
    ///
    /// # Errors
    /// [`Unvalued`] when something held has no mark or a used currency no rate: nothing is closed, and the next close
    /// is over both days.
    pub fn close_day(
        &mut self,
        marks: &PerContract<Option<Price>>,
        fx: &FxRates,
        universe: &Universe,
    ) -> Result<Vec<SleeveProfit>, Unvalued> {
        let values: Vec<PerCurrency<Decimal>> =
            self.accounts.iter().map(|account| account.value(marks, universe)).collect::<Result<_, _>>()?;
        let total = |currency: Currency| values.iter().map(|value| value[currency]).sum::<Decimal>();
        let nav = in_base(&PerCurrency::from_fn(total), fx)?;
        let flows = self.put_in + in_base(&self.flows, fx)?;
        let earned = |(account, value): (&Account, &PerCurrency<Decimal>)| {
            let change = PerCurrency::from_fn(|currency| value[currency] - account.profit.value[currency]);
            in_base(&change, fx)
        };
        let mut today: Vec<BaseMoney> = self.accounts.iter().zip(&values).map(earned).collect::<Result<_, _>>()?;
        let treasury = SleeveId::TREASURY.index();
        today[treasury] = BaseMoney::ZERO;
        today[treasury] = nav - self.nav - flows - today.iter().copied().sum::<BaseMoney>();
        for ((account, value), today) in self.accounts.iter_mut().zip(values).zip(today) {
            account.profit = Record { value, today, cumulative: account.profit.cumulative + today };
        }
        (self.nav, self.flows, self.put_in) = (nav, PerCurrency::default(), BaseMoney::ZERO);
        Ok(self.profits())
    }

    /// Profit of every sleeve as of the last close, pseudo-sleeves first.
    pub fn profits(&self) -> Vec<SleeveProfit> {
        let profit = |account: &Account| {
            let Record { today, cumulative, .. } = account.profit;
            SleeveProfit { sleeve: account.name.clone(), today, cumulative }
        };
        self.accounts.iter().map(profit).collect()
    }

    /// NAV as of the last close, the sum of all sleeves.
    pub fn nav(&self) -> BaseMoney {
        self.nav
    }
}

impl Account {
    /// Cash, accruals and positions by currency.
    fn value(&self, marks: &PerContract<Option<Price>>, universe: &Universe) -> Result<PerCurrency<Decimal>, Unvalued> {
        let mut value = PerCurrency::from_fn(|currency| self.cash[currency] + self.accruals[currency]);
        for held in &self.holdings {
            let terms = universe.terms(held.contract);
            value[terms.currency] -= held.settled_value;
            if !held.quantity.is_zero() {
                let unmarked = || Unvalued::NoMark(universe.contract(held.contract).name.clone());
                let mark = marks[held.contract].ok_or_else(unmarked)?;
                value[terms.currency] += held.quantity.value_at(mark, terms.multiplier);
            }
        }
        Ok(value)
    }
}

/// A column in base currency, each currency converted and rounded once, as NAV is.
fn in_base(amounts: &PerCurrency<Decimal>, fx: &FxRates) -> Result<BaseMoney, Unvalued> {
    let used = amounts.iter().filter(|(_, amount)| !amount.is_zero());
    used.map(|(currency, &amount)| Ok(fx.to_base(Money::new(amount, currency))?)).sum()
}
