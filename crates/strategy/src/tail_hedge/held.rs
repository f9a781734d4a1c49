//! What happens to an option that is held: kept, replaced, or closed before exercise.
//!
//! In: a held option, today, the price of what it is written on. Out: what is due, and whether it is in the
//! money. Invariant: an option that settles physically is gone before its close-out date ends.

use super::HedgeType;
use domain::{ContractId, OptionKey};
use jiff::ToSpan;
use jiff::civil::Date;
use market::{OptionTerms, options};
use serde::{Deserialize, Serialize};

/// An option of the hedge book, always bought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOption {
    /// Its contract.
    pub contract: ContractId,
    /// Which hedge it is.
    pub hedge: HedgeType,
    /// Expiry, strike, right.
    pub key: OptionKey,
    /// Units of the underlying per contract.
    pub multiplier: u32,
    /// True when exercise delivers the underlying, as with options on funds and shares.
    pub physical: bool,
    /// Contracts held.
    pub contracts: i64,
}

/// When an option is replaced or has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollPolicy {
    /// Days to expiry at which it is replaced.
    pub days: i32,
    /// Days before expiry at which a physically settled one has to be gone, replaced or not.
    pub close_out_days: i32,
}

impl RollPolicy {
    /// The last date on which an option of an expiry may be held overnight; a cash-settled one may expire.
    pub fn close_out_date(&self, expiry: Date, physical: bool) -> Date {
        let days = if physical { self.close_out_days } else { 0 };
        expiry.saturating_sub(days.days())
    }
}

/// What is due for a held option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Nothing.
    Hold,
    /// Sell it; what replaces it is bought out of the budget like any other.
    Roll,
    /// Sell it whatever it brings: it would be exercised or delivered.
    CloseOut,
}

impl HeldOption {
    /// The last date on which it may be held overnight; a cash-settled option may expire.
    pub fn close_out_date(&self, policy: &RollPolicy) -> Date {
        policy.close_out_date(self.key.expiry, self.physical)
    }

    /// What is due today.
    pub fn due(&self, today: Date, policy: &RollPolicy) -> Due {
        let days = (self.key.expiry - today).get_days();
        if self.physical && today >= self.close_out_date(policy) {
            Due::CloseOut
        } else if days <= policy.days {
            Due::Roll
        } else {
            Due::Hold
        }
    }

    /// True when exercise would pay at this price of the underlying.
    pub fn in_the_money(&self, underlying: f64) -> bool {
        self.key.right.sign() * (underlying - self.key.strike.to_f64()) > 0.0
    }

    /// Its terms for the model.
    pub fn terms(&self, today: Date) -> OptionTerms {
        terms_of(&self.key, today)
    }
}

/// The terms of an option for the model.
pub fn terms_of(key: &OptionKey, today: Date) -> OptionTerms {
    OptionTerms { right: key.right, strike: key.strike.to_f64(), years: options::years_between(today, key.expiry) }
}
