//! The gateway's own durable log: what it was told, and what was executed because of it.
//!
//! In: commands, before they are applied, and executions, after. Out: lines of JSON that survive the
//! process, and their replay. Invariant: replaying a log on a fresh simulation of the same identity gives
//! the same executions with the same ids; a log that disagrees is refused.

use domain::{Money, Price, Quantity, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sim::{Command, Prices, SimConfig};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
                Prices::Simulated { scenario, seed, first_day } => format!("{scenario} of seed {seed} from {first_day}"),
                Prices::Replay { series } => {
                    let bars = series.iter().flat_map(|(_, bars)| bars);
                    let text = bars.flat_map(|bar| format!("{bar:?}").into_bytes());
                    format!("replay of bars with checksum {:016x}", text.fold(FNV_OFFSET, fnv_step))
                }
            },
            start: config.start,
            account: format!("{} with {}", config.account, config.deposit),
            contracts: universe.contracts().map(|id| universe.contract(id).name.clone()).collect(),
        }
    }
}

impl std::fmt::Display for RunIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RunIdentity { seed, prices, start, account, contracts } = self;
        write!(f, "a run of seed {seed}, {prices}, starting {start}, account {account}, {} contracts", contracts.len())
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
    /// An execution, a consequence of the commands above it.
    Execution(RecordedExecution),
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

/// One line: its number, its content, and a checksum over content and all lines before it.
#[derive(Serialize, Deserialize)]
struct Line {
    seq: u64,
    check: String,
    entry: Entry,
}

/// Appends to a record. Each line is handed to the system in one write before the caller goes on.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    path: PathBuf,
    lines: u64,
    chain: u64,
    broken: bool,
}

impl Recorder {
    /// Opens or creates a record and returns what it already holds, without its first line.
    pub(crate) fn open(path: &Path, requested: &RunIdentity) -> Result<(Recorder, Vec<Entry>), RecordError> {
        let failed = |error| RecordError::Io { path: path.to_owned(), error };
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => RecordError::InUse(path.to_owned()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut recorder = Recorder { file, path: path.to_owned(), lines: 0, chain: FNV_OFFSET, broken: false };
        let mut entries = recorder.read_all()?.into_iter();
        match entries.next() {
            None => recorder.append(&Entry::Opened { format: FORMAT, identity: requested.clone() })?,
            Some(Entry::Opened { format: FORMAT, identity }) if identity == *requested => {}
            Some(Entry::Opened { format: FORMAT, identity }) => {
                let (recorded, requested) = (Box::new(identity), Box::new(requested.clone()));
                return Err(RecordError::OtherRun { path: recorder.path, recorded, requested });
            }
            Some(_) => return Err(recorder.damaged(1, format!("it is not the header of a record of format {FORMAT}"))),
        }
        Ok((recorder, entries.collect()))
    }

    /// Makes an entry survive the process.
    ///
    /// After a failure the file may end in half a line, so every later append fails too.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), RecordError> {
        let failed = |path: &Path, error| RecordError::Io { path: path.to_owned(), error };
        if self.broken {
            return Err(failed(&self.path, io::Error::other("an earlier write failed")));
        }
        let (seq, check) = self.next_check(entry);
        let line = Line { seq, check: format!("{check:016x}"), entry: entry.clone() };
        let mut text = serde_json::to_vec(&line).expect("plain data has a JSON form");
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| {
            self.broken = true;
            failed(&self.path, error)
        })?;
        (self.lines, self.chain) = (seq, check);
        Ok(())
    }

    /// Reads and checks every line; half a last line is what a dying process leaves, and is cut off.
    fn read_all(&mut self) -> Result<Vec<Entry>, RecordError> {
        let failed = |error| RecordError::Io { path: self.path.clone(), error };
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        if whole < bytes.len() {
            self.file.set_len(whole as u64).map_err(failed)?;
        }
        bytes[..whole].split_inclusive(|&byte| byte == b'\n').map(|line| self.check_line(line)).collect()
    }

    fn check_line(&mut self, text: &[u8]) -> Result<Entry, RecordError> {
        let number = self.lines as usize + 1;
        let line: Line = serde_json::from_slice(text).map_err(|error| self.damaged(number, error.to_string()))?;
        let (seq, check) = self.next_check(&line.entry);
        if line.seq != seq {
            return Err(self.damaged(number, format!("it is numbered {} where {seq} was expected", line.seq)));
        }
        if line.check != format!("{check:016x}") {
            return Err(self.damaged(number, "its checksum does not fit its content and the lines before it".to_owned()));
        }
        (self.lines, self.chain) = (seq, check);
        Ok(line.entry)
    }

    fn next_check(&self, entry: &Entry) -> (u64, u64) {
        let content = serde_json::to_vec(entry).expect("plain data has a JSON form");
        (self.lines + 1, content.into_iter().fold(self.chain, fnv_step))
    }

    fn damaged(&self, line: usize, problem: String) -> RecordError {
        RecordError::Damaged { path: self.path.clone(), line, problem }
    }

    /// The replay gave something else than the record holds at an entry, counted from 0 after the header.
    pub(crate) fn diverged(&self, entry: usize, recorded: String, replayed: String) -> RecordError {
        RecordError::Diverged { path: self.path.clone(), line: entry + 2, recorded, replayed }
    }
}

/// FNV-1a, 64 bit: enough against accidents, not against people.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv_step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}
