//! What can be broken on purpose, one line of JSON each.
//!
//! In: names of contracts, numbers as text. Out: what happens to the world, or to what the gateway shows of it.
//! Invariant: an injection is read completely or refused; its meaning depends on the world it meets and on nothing
//! else, so that a record of injections rebuilds the same world.

use crate::contracts::Directory;
use crate::wire_fault::WireFault;
use domain::{ContractId, Currency, ExecutionId, Money, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sim::{Intervention, Simulation};

/// Something that goes wrong, or happens that nobody ordered. Contracts by the engine's names, amounts as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the field names are the trade's words; each variant is described")]
pub enum Injection {
    /// A person trades by hand, at a price in the major unit or at the mark.
    ExternalTrade {
        contract: String,
        side: Side,
        quantity: Decimal,
        #[serde(default)]
        price: Option<Decimal>,
    },
    /// The next executions happen and are neither told nor listed.
    HideExecution {
        #[serde(default = "one")]
        count: u32,
    },
    /// Everything hidden is listed again.
    RevealExecutions {},
    /// An execution, the last when none is named, is undone and listed no more.
    WithdrawExecution {
        #[serde(default)]
        execution: Option<String>,
    },
    /// An execution, the last when none is named, is told again with another quantity or price and the next suffix.
    CorrectExecution {
        #[serde(default)]
        execution: Option<String>,
        #[serde(default)]
        quantity: Option<Decimal>,
        #[serde(default)]
        price: Option<Decimal>,
    },
    /// `numerator` new shares for `denominator` old ones.
    SplitNow { contract: String, numerator: u32, denominator: u32 },
    /// The contract goes ex, for so much a share; short positions owe it.
    DividendNow { contract: String, amount: Decimal },
    /// The contract goes on under another symbol and another contract id.
    SymbolChange { contract: String, symbol: String },
    /// Futures profit is paid into cash in the middle of the day.
    SettleFuturesNow {},
    /// Cash moves from the cash row to the row of futures, or back; the total stays.
    SweepCash { currency: Currency, amount: Decimal },
    /// Money comes in.
    Deposit { currency: Currency, amount: Decimal },
    /// Money goes out.
    Withdraw { currency: Currency, amount: Decimal },
    /// The broker exchanges currencies.
    ConvertCash { sold: Money, bought: Money },
    /// A fee.
    Fee { currency: Currency, amount: Decimal },
    /// A part of commissions is given back.
    CommissionAdjustment { currency: Currency, amount: Decimal },
    /// Borrowed shares are called back, and bought at the next official close.
    Recall { contract: String },
    /// So many shares are to be lent in all, those lent already included.
    Lend { contract: String, shares: Decimal },
    /// The broker buys what is short, now.
    BuyIn { contract: String },
    /// The broker closes the position for want of margin.
    Liquidate { contract: String },
    /// The exchange stops trading in the contract for some minutes.
    Halt {
        contract: String,
        #[serde(default = "five")]
        minutes: u32,
    },
    /// Every market moves now and stays there, by a share of world equity and of the volatility index: -0.06 and 1.5 are a
    /// fall of 6 % and a VIX two and a half times as high.
    MarketShock { equity: Decimal, volatility: Decimal },
    /// The contract ends now; a future is settled at its mark.
    ExpireNow { contract: String },
    /// The same, and no client is told.
    ExpireSilently { contract: String },
    /// Exchange rates and quotes of currency pairs stand still, multiplied by `shift`.
    StaleFx {
        #[serde(default)]
        shift: Option<Decimal>,
    },
    /// Account values are told in another base currency.
    BaseCurrencyTags { currency: Currency },
    /// Prices of a contract change from pounds to pence or back; with `magnifier` false its details do not say so.
    PenceFlip {
        contract: String,
        #[serde(default = "yes")]
        magnifier: bool,
    },
    /// A position is shown that was never traded, on top of what is held.
    PhantomPosition { contract: String, quantity: Decimal },
    /// No position is shown.
    EmptyPositions {},
    /// Only so many positions are shown and the list never ends.
    TruncatedPositions { after: usize },
    /// There is no net liquidation value.
    MissingNlv {},
    /// The net liquidation value is this text.
    Nlv { value: String },
    /// The net liquidation value is off by this share: 0.005 is half a percent too much.
    NlvOff { by: Decimal },
    /// The account is still loading.
    AccountNotReady {},
    /// Every connection is cut.
    Disconnect {},
    /// Everything that was only shown wrongly is shown right again.
    Heal {},
    /// Something goes wrong on the wire.
    #[serde(skip)]
    Wire(WireFault),
}

impl Serialize for Injection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Injection::Wire(fault) => fault.serialize(serializer),
            other => Injection::serialize(other, serializer),
        }
    }
}

/// One list of names, so that a misspelt field is told by its own name.
impl<'de> Deserialize<'de> for Injection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Injection, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match WireFault::deserialize(&value) {
            Ok(fault) => Ok(Injection::Wire(fault)),
            Err(error) if error.to_string().starts_with("unknown variant") => Injection::deserialize(value),
            Err(error) => Err(error),
        }
        .map_err(D::Error::custom)
    }
}

fn one() -> u32 {
    1
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

/// One line of a script of faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Virtual time at which it happens.
    pub at: Timestamp,
    /// What.
    pub inject: Injection,
}

/// A line of a script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the script of faults: {problem}; a line reads like \
     {{\"at\": \"2026-03-04T15:00:00Z\", \"inject\": {{\"missing_nlv\": {{}}}}}}"
)]
pub struct BadFault {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads a script: a fault a line, in order of time after reading; empty lines are passed over.
///
/// # Errors
/// [`BadFault`] for the first line that is not a fault.
pub fn read_faults(text: &str) -> Result<Vec<Fault>, BadFault> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| BadFault { line: index + 1, problem: error.to_string() })
    };
    let mut faults: Vec<Fault> = lines.map(read).collect::<Result<_, _>>()?;
    faults.sort_by_key(|fault| fault.at);
    Ok(faults)
}

/// Why something was not injected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot inject {injection}: {reason}")]
pub(crate) struct NotInjected {
    pub(crate) injection: String,
    pub(crate) reason: String,
}

/// Where an injection acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// On the world, and every client hears what a broker would tell.
    World(Intervention),
    /// On the world, and nobody hears of it.
    Unheard(Intervention),
    /// On what is shown.
    Shown(Shown),
    /// On the wire.
    Wire(WireFault),
}

/// What is shown otherwise than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    HideNext(u32),
    Reveal,
    StaleFx(Decimal),
    Base(Currency),
    Pence { contract: ContractId, magnifier: bool },
    Phantom { contract: ContractId, quantity: Quantity },
    Positions(Option<usize>),
    NetLiquidation(ShownNlv),
    NotReady,
    Disconnect,
    Heal,
}

/// What the net liquidation value is told as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShownNlv {
    Missing,
    Text(String),
    Off(Decimal),
}

/// Contracts and numbers of an injection, read against a world.
struct Terms<'a> {
    directory: &'a Directory,
    sim: &'a Simulation,
}

impl Terms<'_> {
    fn contract(&self, name: &str) -> Result<ContractId, String> {
        self.directory.find(name).ok_or_else(|| format!("there is no contract {name}"))
    }

    fn execution(&self, id: Option<&String>) -> Result<ExecutionId, String> {
        match id {
            Some(id) => Ok(ExecutionId(id.as_str().into())),
            None => {
                let last = self.sim.executions(Timestamp::MIN).last().map(|execution| execution.id.clone());
                last.ok_or_else(|| "nothing was executed yet".to_owned())
            }
        }
    }
}

fn quantity(amount: Decimal) -> Result<Quantity, String> {
    Quantity::from_decimal(amount).map_err(|bad| bad.to_string())
}

fn price(amount: Decimal) -> Result<Price, String> {
    Price::from_decimal(amount).map_err(|bad| bad.to_string())
}

impl Injection {
    /// The contract it names.
    pub(crate) fn contract(&self) -> Option<&str> {
        match self {
            Injection::ExternalTrade { contract, .. }
            | Injection::SplitNow { contract, .. }
            | Injection::DividendNow { contract, .. }
            | Injection::SymbolChange { contract, .. }
            | Injection::Recall { contract }
            | Injection::Lend { contract, .. }
            | Injection::BuyIn { contract }
            | Injection::Liquidate { contract }
            | Injection::Halt { contract, .. }
            | Injection::ExpireNow { contract }
            | Injection::ExpireSilently { contract }
            | Injection::PenceFlip { contract, .. }
            | Injection::PhantomPosition { contract, .. }
            | Injection::Wire(WireFault::Ambiguous { contract } | WireFault::Unlisted { contract }) => Some(contract),
            _ => None,
        }
    }

    /// What it does in a world as it stands.
    pub(crate) fn effect(&self, directory: &Directory, sim: &Simulation) -> Result<Effect, NotInjected> {
        let terms = Terms { directory, sim };
        let allowed = self.read(&terms).and_then(|effect| match &effect {
            Effect::World(intervention) | Effect::Unheard(intervention) => {
                sim.allows(intervention).map_err(|impossible| impossible.0)?;
                Ok(effect)
            }
            Effect::Shown(_) | Effect::Wire(_) => Ok(effect),
        });
        allowed.map_err(|reason| {
            let injection = serde_json::to_string(self).expect("plain data has a JSON form");
            NotInjected { injection, reason }
        })
    }

    fn read(&self, terms: &Terms<'_>) -> Result<Effect, String> {
        if let Some(shown) = self.shown(terms)? {
            return Ok(Effect::Shown(shown));
        }
        if let Injection::Wire(fault) = self {
            if let WireFault::Ambiguous { contract } | WireFault::Unlisted { contract } = fault {
                terms.contract(contract)?;
            }
            return Ok(Effect::Wire(fault.clone()));
        }
        let intervention = self.intervention(terms)?;
        Ok(match self {
            Injection::ExpireSilently { .. } => Effect::Unheard(intervention),
            _ => Effect::World(intervention),
        })
    }

    fn shown(&self, terms: &Terms<'_>) -> Result<Option<Shown>, String> {
        Ok(Some(match self {
            Injection::HideExecution { count } => Shown::HideNext(*count),
            Injection::RevealExecutions {} => Shown::Reveal,
            Injection::StaleFx { shift } => Shown::StaleFx(shift.unwrap_or(Decimal::ONE)),
            Injection::BaseCurrencyTags { currency } => {
                terms.sim.exchange_rate(*currency).ok_or_else(|| format!("nothing quotes {currency}"))?;
                Shown::Base(*currency)
            }
            Injection::PenceFlip { contract, magnifier } => {
                Shown::Pence { contract: terms.contract(contract)?, magnifier: *magnifier }
            }
            Injection::PhantomPosition { contract, quantity: held } => {
                Shown::Phantom { contract: terms.contract(contract)?, quantity: quantity(*held)? }
            }
            Injection::EmptyPositions {} => Shown::Positions(None),
            Injection::TruncatedPositions { after } => Shown::Positions(Some(*after)),
            Injection::MissingNlv {} => Shown::NetLiquidation(ShownNlv::Missing),
            Injection::Nlv { value } => Shown::NetLiquidation(ShownNlv::Text(value.clone())),
            Injection::NlvOff { by } => Shown::NetLiquidation(ShownNlv::Off(*by)),
            Injection::AccountNotReady {} => Shown::NotReady,
            Injection::Disconnect {} => Shown::Disconnect,
            Injection::Heal {} => Shown::Heal,
            _ => return Ok(None),
        }))
    }

    fn intervention(&self, terms: &Terms<'_>) -> Result<Intervention, String> {
        let money = |amount: Decimal, currency: Currency| Money::new(amount, currency);
        Ok(match self {
            Injection::ExternalTrade { contract, side, quantity: size, price: at } => Intervention::Trade {
                contract: terms.contract(contract)?,
                side: *side,
                quantity: quantity(*size)?,
                price: at.map(price).transpose()?,
            },
            Injection::WithdrawExecution { execution } => {
                Intervention::Withdraw { execution: terms.execution(execution.as_ref())? }
            }
            Injection::CorrectExecution { execution, quantity: size, price: at } => Intervention::Correct {
                execution: terms.execution(execution.as_ref())?,
                quantity: size.map(quantity).transpose()?,
                price: at.map(price).transpose()?,
            },
            Injection::SplitNow { contract, numerator, denominator } => Intervention::Split {
                contract: terms.contract(contract)?,
                numerator: *numerator,
                denominator: *denominator,
            },
            Injection::DividendNow { contract, amount } => {
                Intervention::Dividend { contract: terms.contract(contract)?, rate: *amount }
            }
            Injection::SymbolChange { contract, symbol } => {
                Intervention::Rename { contract: terms.contract(contract)?, symbol: symbol.clone() }
            }
            Injection::SettleFuturesNow {} => Intervention::SettleFutures,
            Injection::SweepCash { currency, amount } => Intervention::Sweep { amount: money(*amount, *currency) },
            Injection::Deposit { currency, amount } => Intervention::Flow { amount: money(*amount, *currency) },
            Injection::Withdraw { currency, amount } => Intervention::Flow { amount: money(-*amount, *currency) },
            Injection::ConvertCash { sold, bought } => Intervention::Convert { sold: *sold, bought: *bought },
            Injection::Fee { currency, amount } => {
                Intervention::Fee { amount: money(*amount, *currency), refund: false }
            }
            Injection::CommissionAdjustment { currency, amount } => {
                Intervention::Fee { amount: money(*amount, *currency), refund: true }
            }
            Injection::Recall { contract } => Intervention::Recall { contract: terms.contract(contract)? },
            Injection::Lend { contract, shares } => {
                Intervention::Lend { contract: terms.contract(contract)?, shares: quantity(*shares)? }
            }
            Injection::BuyIn { contract } => Intervention::BuyIn { contract: terms.contract(contract)? },
            Injection::Liquidate { contract } => Intervention::Liquidate { contract: terms.contract(contract)? },
            Injection::Halt { contract, minutes } => {
                Intervention::Halt { contract: terms.contract(contract)?, minutes: *minutes }
            }
            &Injection::MarketShock { equity, volatility } => Intervention::Shock { equity, volatility },
            Injection::ExpireNow { contract } => {
                Intervention::Expire { contract: terms.contract(contract)?, silent: false }
            }
            Injection::ExpireSilently { contract } => {
                Intervention::Expire { contract: terms.contract(contract)?, silent: true }
            }
            shown => unreachable!("{shown:?} acts on what is shown"),
        })
    }
}
