//! The file in which records travel: gzip over lines of JSON.
//! In: lines to write, or a file to read. Out: a finished file, or its lines.
//! Invariant: a file that was cut, changed or never finished is told apart from a whole one, and an existing file is
//! never written over.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::JournalError;
use crate::event::{Head, StoredEvent, hex};
use crate::open::{folder_of, sync_folder, with_suffix};

/// Shape of the lines; another one gets another number.
const LAYOUT: u32 = 1;

/// Which records a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything: all accounts, blobs, fencing numbers and messages.
    All,
    /// The records of one trade date, and the blobs they name.
    Date(Date),
}

/// A text that travels with the records, such as the settings in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name without a folder.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first line.
    Journal { layout: u32, scope: Scope, attachments: Vec<Attachment> },
    /// The event before the first of an account, where the file holds only a part of its chain.
    Origin { account: String, head: Head },
    /// An event, in the order of its chain.
    Event(StoredEvent),
    /// A blob; its bytes in hexadecimal.
    Blob { hash: String, body: String },
    /// An account's fencing number.
    Fence { account: String, fence: i64 },
    /// A message to an engine.
    Message { id: i64, account: String, at_us: i64, who: String, body: String, done_seq: Option<i64> },
    /// The last line: SHA-256 over all lines before it, each with its line end.
    End { sha256: String },
}

/// Writes a file under a working name; it gets its own name when it is whole and on the disk.
pub(crate) struct Writer {
    path: PathBuf,
    building: PathBuf,
    gzip: GzEncoder<File>,
    hasher: Sha256,
}

impl Writer {
    pub(crate) fn create(path: &Path, scope: Scope, attachments: Vec<Attachment>) -> Result<Writer, JournalError> {
        if path.exists() {
            let problem = "it exists already, and nothing is written over; name another file".to_owned();
            return Err(JournalError::Archive { path: path.to_owned(), problem });
        }
        let building = with_suffix(path, ".new");
        let file = File::create(&building).map_err(|error| failed(path, &error))?;
        let gzip = GzEncoder::new(file, Compression::default());
        let mut writer = Writer { path: path.to_owned(), building, gzip, hasher: Sha256::new() };
        writer.line(&Line::Journal { layout: LAYOUT, scope, attachments })?;
        Ok(writer)
    }

    pub(crate) fn line(&mut self, line: &Line) -> Result<(), JournalError> {
        let mut text = serde_json::to_string(line).expect("text and numbers");
        text.push('\n');
        self.hasher.update(text.as_bytes());
        self.gzip.write_all(text.as_bytes()).map_err(|error| failed(&self.path, &error))
    }

    /// Size of the finished file in bytes.
    pub(crate) fn finish(mut self) -> Result<u64, JournalError> {
        let sha256 = hex(&self.hasher.clone().finalize());
        self.line(&Line::End { sha256 })?;
        let Writer { path, building, gzip, .. } = self;
        let finished = || -> io::Result<u64> {
            let file = gzip.finish()?;
            file.sync_all()?;
            fs::rename(&building, &path)?;
            sync_folder(folder_of(&path))?;
            Ok(file.metadata()?.len())
        };
        finished().map_err(|error| failed(&path, &error))
    }

    /// Removes what was written of a file that cannot be finished.
    pub(crate) fn abandon(self) {
        // What stays behind has the working name and is taken for nothing.
        let _ = fs::remove_file(&self.building);
    }
}

/// Reads a file line by line; the last line proves that all of them were read as they were written.
pub(crate) struct Reader {
    path: PathBuf,
    lines: BufReader<GzDecoder<File>>,
    hasher: Sha256,
    number: u64,
}

impl Reader {
    /// Opens a file and reads its first line.
    pub(crate) fn open(path: &Path) -> Result<(Reader, Scope, Vec<Attachment>), JournalError> {
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        let lines = BufReader::new(GzDecoder::new(file));
        let mut reader = Reader { path: path.to_owned(), lines, hasher: Sha256::new(), number: 0 };
        match reader.next()? {
            Some(Line::Journal { layout: LAYOUT, scope, attachments }) => Ok((reader, scope, attachments)),
            Some(Line::Journal { layout, .. }) => {
                Err(reader.bad(&format!("layout {layout} is newer than this program")))
            }
            _ => Err(reader.bad("it is no file of records")),
        }
    }

    /// The next line; `None` after the last, once that was found to fit.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, JournalError> {
        let mut text = String::new();
        self.number += 1;
        match self.lines.read_line(&mut text) {
            Ok(0) => return Err(self.bad("it ends too early")),
            Ok(_) => {}
            Err(error) => return Err(self.bad(&format!("it cannot be read: {error}"))),
        }
        let line =
            serde_json::from_str(&text).map_err(|error| self.bad(&format!("it cannot be understood: {error}")))?;
        if let Line::End { sha256 } = &line {
            let whole = *sha256 == hex(&self.hasher.clone().finalize());
            let rest = self.lines.fill_buf().map_or(1, <[u8]>::len);
            return if whole && rest == 0 {
                Ok(None)
            } else {
                Err(self.bad("its lines are not those that were written"))
            };
        }
        self.hasher.update(text.as_bytes());
        Ok(Some(line))
    }

    /// What is wrong with the line read last.
    pub(crate) fn bad(&self, problem: &str) -> JournalError {
        JournalError::Archive {
            path: self.path.clone(),
            problem: format!("line {}: {problem}; take another copy of the file", self.number),
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> JournalError {
    JournalError::Archive { path: path.to_owned(), problem: error.to_string() }
}
