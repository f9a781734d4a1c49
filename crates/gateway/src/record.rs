//! The gateway's own durable log: what it was told, and what was executed because of it.
//!
//! In: commands, before they are applied, and executions, after. Out: lines of JSON that survive the
//! process, and their replay. Invariant: replaying a log on a fresh simulation of the same identity gives
//! the same executions with the same ids; a log that disagrees is refused.

use crate::checksum::{OFFSET, checksum};
use crate::injection::Injection;
use domain::{Currency, Money, Price, Quantity, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sim::{Command, PriceList, Prices, SimConfig};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Version of the line format.
const FORMAT: u32 = 1;

/// What makes two runs the same simulated world; checked against the first line of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// Seed of sizes, volumes and paths within a day.
    pub seed: u64,
    /// Where prices come from: the scenario with its seed and first day, or the checksum of the replayed bars.
    pub prices: String,
    /// Virtual time at the beginning.
    pub start: Timestamp,
    /// Account number and first deposit.
    pub account: String,
    /// What happens to the account by itself: `none`, or the checksum of its terms.
    #[serde(default = "nothing")]
    pub events: String,
    /// What orders cost, when it is not by the fixed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_of_orders: Option<String>,
    /// Names of the contracts, in the order of their numbers in the commands.
    pub contracts: Vec<String>,
}

impl RunIdentity {
    /// The identity of the world a configuration makes.
    pub fn of(config: &SimConfig) -> RunIdentity {
        let universe = &config.universe;
        RunIdentity {
            seed: config.seed,
            prices: match &config.prices {
                Prices::Simulated { scenario, seed, first_day } => {
                    format!("{scenario} of seed {seed} from {first_day}")
                }
                Prices::Replay { series } => {
                    let bars = series.iter().flat_map(|(_, bars)| bars);
                    let text = bars.flat_map(|bar| format!("{bar:?}").into_bytes());
                    format!("replay of bars with checksum {:016x}", checksum(OFFSET, text))
                }
            },
            start: config.start,
            account: format!("{} with {}", config.account, config.deposit),
            events: match config.events.is_none() {
                true => nothing(),
                false => format!("{:016x}", checksum(OFFSET, format!("{:?}", config.events).into_bytes())),
            },
            prices_of_orders: (config.price_list == PriceList::Tiered).then(|| "tiered".to_owned()),
            contracts: universe.contracts().map(|id| universe.contract(id).name.clone()).collect(),
        }
    }
}

fn nothing() -> String {
    "none".to_owned()
}

impl std::fmt::Display for RunIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RunIdentity { seed, prices, start, account, events, prices_of_orders, contracts } = self;
        let count = contracts.len();
        write!(f, "a run of seed {seed}, {prices}, starting {start}, account {account}, {count} contracts")?;
        if *events != nothing() {
            write!(f, ", account events {events}")?;
        }
        prices_of_orders.iter().try_for_each(|list| write!(f, ", {list} prices of orders"))
    }
}

/// One execution, as the oracle of a crash campaign reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedExecution {
    /// The broker's id of the execution.
    pub execution: String,
    /// The broker's id of the order.
    pub perm_id: i64,
    /// Who placed the order.
    pub client_id: i32,
    /// The client's number for it.
    pub order_id: i32,
    /// The client's reference.
    pub order_ref: String,
    /// The contract by the engine's name.
    pub contract: String,
    /// Buy or sell.
    pub side: Side,
    /// Executed quantity, positive.
    pub quantity: Quantity,
    /// Price, in the major unit.
    pub price: Price,
    /// Charge.
    pub commission: Money,
    /// When.
    pub at: Timestamp,
}

/// The account at one moment, as the oracle of a crash campaign compares it with the engine's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAccount {
    /// When.
    pub at: Timestamp,
    /// Cash by currency, futures profit since the last settlement not included.
    pub cash: BTreeMap<Currency, Decimal>,
    /// Signed quantity by the engine's name of the contract.
    pub positions: BTreeMap<String, Quantity>,
    /// Net liquidation value in the base currency.
    pub net_liquidation: Decimal,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// First line: which world this is.
    Opened {
        /// Version of the line format.
        format: u32,
        /// The world.
        #[serde(flatten)]
        identity: RunIdentity,
    },
    /// A command, written before it was applied.
    Command {
        /// Virtual time when it arrived.
        at: Timestamp,
        /// The client that gave it; absent for the control, which moves time.
        by: Option<i32>,
        /// The command.
        command: Command,
    },
    /// Something that was made to go wrong, written before it acted.
    Injection {
        /// Virtual time when it came.
        at: Timestamp,
        /// The number of its line in the order of the script; absent for the control.
        scripted: Option<u32>,
        /// What.
        inject: Injection,
    },
    /// An execution, a consequence of the commands and injections above it.
    Execution(RecordedExecution),
    /// The account, because the control asked for it to be written down.
    Account(RecordedAccount),
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read, written or locked.
    #[error("record {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another gateway writes it.
    #[error("record {0} is in use by another gateway; stop that one or name another file")]
    InUse(PathBuf),
    /// The record is of another world.
    #[error(
        "record {path} belongs to {recorded}, but {requested} was asked for; \
         ask for the recorded run, or name a new file"
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What the record says.
        recorded: Box<RunIdentity>,
        /// What was asked for.
        requested: Box<RunIdentity>,
    },
    /// A line was changed, lost or never ours.
    #[error("record {path}, line {line}: {problem}; the file is damaged: restore it from a copy or name a new file")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The replay did not reproduce what was recorded.
    #[error(
        "record {path}, line {line}: replaying gives {replayed} where {recorded} was recorded; \
         the record was written by another version of the simulator: use that version or name a new file"
    )]
    Diverged {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What the record says.
        recorded: String,
        /// What the simulation does.
        replayed: String,
    },
}

/// Reads a record without writing it: every entry, the first line included. Half a last line is passed over.
///
/// # Errors
/// [`RecordError::Io`] when there is no such file, [`RecordError::Damaged`] for a line that is not as written.
pub fn read_record(path: &Path) -> Result<Vec<Entry>, RecordError> {
    let bytes = std::fs::read(path).map_err(|error| RecordError::Io { path: path.to_owned(), error })?;
    Chain::default().read(path, whole_lines(&bytes))
}

/// One line: its number, its content, and a checksum over content and all lines before it.
#[derive(Serialize, Deserialize)]
struct Line {
    seq: u64,
    check: String,
    entry: Entry,
}

/// Where the lines of a record stand.
#[derive(Clone, Copy, Debug)]
struct Chain {
    lines: u64,
    hash: u64,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { lines: 0, hash: OFFSET }
    }
}

impl Chain {
    /// The chain with one more entry.
    fn after(self, entry: &Entry) -> Chain {
        let content = serde_json::to_vec(entry).expect("plain data has a JSON form");
        Chain { lines: self.lines + 1, hash: checksum(self.hash, content) }
    }

    fn check(self) -> String {
        format!("{:016x}", self.hash)
    }

    /// Reads and checks lines that follow this point.
    fn read(&mut self, path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, RecordError> {
        let entry = |text| {
            let line = self.lines as usize + 1;
            self.read_line(text).map_err(|problem| RecordError::Damaged { path: path.to_owned(), line, problem })
        };
        bytes.split_inclusive(|&byte| byte == b'\n').map(entry).collect()
    }

    fn read_line(&mut self, text: &[u8]) -> Result<Entry, String> {
        let line: Line = serde_json::from_slice(text).map_err(|error| format!("it cannot be read ({error})"))?;
        let next = self.after(&line.entry);
        if line.seq != next.lines {
            return Err(format!("it is numbered {} where {} was expected", line.seq, next.lines));
        }
        if line.check != next.check() {
            return Err("its checksum does not fit its content and the lines before it".to_owned());
        }
        *self = next;
        Ok(line.entry)
    }
}

/// Appends to a record. Each line is handed to the system in one write before the caller goes on.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    path: PathBuf,
    chain: Chain,
    broken: bool,
}

impl Recorder {
    /// Opens or creates a record and returns what it already holds, without its first line. Half a last line
    /// is what a dying process leaves, and is cut off.
    pub(crate) fn open(path: &Path, requested: &RunIdentity) -> Result<(Recorder, Vec<Entry>), RecordError> {
        let failed = |error| RecordError::Io { path: path.to_owned(), error };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => RecordError::InUse(path.to_owned()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = whole_lines(&bytes);
        let mut chain = Chain::default();
        let mut entries = chain.read(path, whole)?.into_iter();
        if whole.len() < bytes.len() {
            file.set_len(whole.len() as u64).map_err(failed)?;
        }
        let mut recorder = Recorder { file, path: path.to_owned(), chain, broken: false };
        match entries.next() {
            None => recorder.append(&Entry::Opened { format: FORMAT, identity: requested.clone() })?,
            Some(Entry::Opened { format: FORMAT, identity }) if identity == *requested => {}
            Some(Entry::Opened { format: FORMAT, identity }) => {
                let (recorded, requested) = (Box::new(identity), Box::new(requested.clone()));
                return Err(RecordError::OtherRun { path: recorder.path, recorded, requested });
            }
            Some(_) => {
                let problem = format!("it is not the header of a record of format {FORMAT}");
                return Err(RecordError::Damaged { path: recorder.path, line: 1, problem });
            }
        }
        Ok((recorder, entries.collect()))
    }

    /// Makes an entry survive the process.
    ///
    /// After a failure the file may end in half a line, so every later append fails too.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), RecordError> {
        let next = self.chain.after(entry);
        let line = Line { seq: next.lines, check: next.check(), entry: entry.clone() };
        let mut text = serde_json::to_vec(&line).expect("plain data has a JSON form");
        text.push(b'\n');
        let written =
            if self.broken { Err(io::Error::other("an earlier write failed")) } else { self.file.write_all(&text) };
        written.map_err(|error| {
            self.broken = true;
            RecordError::Io { path: self.path.clone(), error }
        })?;
        self.chain = next;
        Ok(())
    }

    /// The replay gave something else than the record holds at an entry, counted from 0 after the header.
    pub(crate) fn diverged(&self, entry: usize, recorded: String, replayed: String) -> RecordError {
        RecordError::Diverged { path: self.path.clone(), line: entry + 2, recorded, replayed }
    }
}

/// Everything up to and including the last line end.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)]
}
