//! Orders as the whole house speaks of them: side, type, status, and the identity that survives restarts.
//!
//! In: an account, a date, an intent. Out: `AF-<tag>-<date>-<intent>-<attempt>`. Invariant: the same
//! intent of the same day has the same reference after a restart, and no account number is in it.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    /// +1 for a buy, −1 for a sell.
    #[inline]
    pub fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// The other side.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// The side that moves a position by a signed quantity; `None` for zero.
    #[inline]
    pub fn of(quantity: crate::Quantity) -> Option<Side> {
        match quantity.units() {
            0 => None,
            units => Some(if units > 0 { Side::Buy } else { Side::Sell }),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        })
    }
}

/// Order types the engine sends. There is no market order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderType {
    /// Limit.
    Lmt,
    /// Limit on close.
    Loc,
}

/// How long an order lives at the venue; the engine's own time to live is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeInForce {
    /// Until the session ends.
    Day,
    /// Fill at once or cancel the rest.
    Ioc,
}

/// What the broker last said of an order. A hint: quantities come from executions only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Sent, not yet acknowledged by the venue.
    PendingSubmit,
    /// Accepted by the broker and held.
    PreSubmitted,
    /// Working at the venue.
    Submitted,
    /// Cancel requested; still live.
    PendingCancel,
    /// Cancelled by the broker or the venue.
    Cancelled,
    /// Completely filled.
    Filled,
    /// Rejected or held for shares; may still fill.
    Inactive,
}

/// A short stable tag in place of the account number: the first six hex digits of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountTag([u8; 6]);

/// Identity of one order: which day, which intent of the plan, which attempt at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderRef {
    /// Account tag.
    pub account: AccountTag,
    /// Trade date of the plan.
    pub date: Date,
    /// Number of the intent in the plan, from 1.
    pub intent: u16,
    /// Number of the child order of that intent, from 1.
    pub attempt: u16,
}

/// The text is not a reference this engine writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an order reference of the form AF-<tag>-<yyyymmdd>-<intent>-<attempt>")]
pub struct ForeignOrderRef(pub String);

impl FromStr for AccountTag {
    type Err = ForeignOrderRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let foreign = || ForeignOrderRef(text.to_owned());
        let bytes: [u8; 6] = text.as_bytes().try_into().map_err(|_| foreign())?;
        if bytes.iter().all(u8::is_ascii_alphanumeric) { Ok(AccountTag(bytes)) } else { Err(foreign()) }
    }
}

impl fmt::Display for AccountTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&byte| write!(f, "{}", char::from(byte)))
    }
}

impl fmt::Display for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date.strftime("%Y%m%d");
        write!(f, "AF-{}-{date}-{:03}-{:02}", self.account, self.intent, self.attempt)
    }
}

impl FromStr for OrderRef {
    type Err = ForeignOrderRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let foreign = || ForeignOrderRef(text.to_owned());
        let mut rest = text.split('-');
        let parts: [&str; 5] = std::array::from_fn(|_| rest.next().unwrap_or_default());
        let (["AF", account, date, intent, attempt], None) = (parts, rest.next()) else { return Err(foreign()) };
        Ok(OrderRef {
            account: account.parse()?,
            date: yyyymmdd(date).ok_or_else(foreign)?,
            intent: intent.parse().map_err(|_| foreign())?,
            attempt: attempt.parse().map_err(|_| foreign())?,
        })
    }
}

/// A date of eight digits. References are read by the hundred every day, which a pattern of `jiff` would be slow for.
fn yyyymmdd(text: &str) -> Option<Date> {
    let digits = Some(text).filter(|text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let number: i32 = digits?.parse().ok()?;
    Date::new((number / 10_000) as i16, (number / 100 % 100) as i8, (number % 100) as i8).ok()
}

macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

serde_as_text!(OrderRef, AccountTag);

/// The broker's identity of one execution, such as `0000e0d5.5f3c.01.01`; the last part counts corrections. Up to 23
/// bytes, which is what a broker's have, lie in the value itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(pub SmolStr);

impl ExecutionId {
    /// How this version of an execution stands to another: `Greater` when it corrects it, `None` when they are
    /// different executions.
    pub fn versus(&self, other: &ExecutionId) -> Option<Ordering> {
        (self.stem() == other.stem()).then(|| self.version().cmp(&other.version()))
    }

    /// The part all corrections of one execution share.
    #[inline]
    pub fn stem(&self) -> &str {
        &self.0[..self.stem_length()]
    }

    /// Which version of an execution it is; the first or only one is the lowest.
    pub fn version(&self) -> u64 {
        let digits = self.0[self.stem_length()..].bytes().skip(1);
        digits.fold(0, |version, digit| version.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    }

    /// Only a number after the last point counts versions; anything else is part of the identity.
    #[inline]
    fn stem_length(&self) -> usize {
        let text = self.0.as_bytes();
        let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let versioned = digits > 0 && digits < text.len() && text[text.len() - digits - 1] == b'.';
        if versioned { text.len() - digits - 1 } else { text.len() }
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
