//! One engine per state folder, held by the operating system.
//! In: the state folder. Out: a lock that lives as long as the value, or who holds it.
//! Invariant: the system drops the lock when its process dies, however it dies, so holding it
//! proves that no earlier engine on this folder is alive.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::Place;
use crate::error::JournalError;
use crate::open::create_folder_durably;

/// Name of the lock file in the state folder.
const FILE_NAME: &str = "engine.lock";

/// The exclusive right to run an engine on one state folder; ends when dropped.
#[derive(Debug)]
pub struct StateLock {
    folder: PathBuf,
    // Held for its lock only; closing it releases the lock.
    _file: File,
}

impl StateLock {
    /// Takes the lock of `folder`, creating the folder when it is missing.
    ///
    /// Does not wait: a lock held by another process is `JournalError::StateInUse` with its
    /// process id. The file stays behind when the lock ends; its presence means nothing.
    pub fn acquire(folder: &Path) -> Result<StateLock, JournalError> {
        let path = folder.join(FILE_NAME);
        let failed = |error: io::Error| JournalError::unavailable(path.as_path(), "lock", error);
        create_folder_durably(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::StateInUse { owner: owner(&mut file), path });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_owner(&mut file).map_err(failed)?;
        Ok(StateLock { folder, _file: file })
    }

    /// Whether a journal lies in the folder that this lock guards; one on a server lies in no folder.
    pub(crate) fn guards(&self, place: &Place) -> bool {
        place.file().and_then(Path::parent) == Some(self.folder.as_path())
    }
}

fn write_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

/// Who holds the lock; the process id is a courtesy that may be unreadable on some systems.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text).map(|_| text.trim().parse::<u32>()) {
        Ok(Ok(id)) => format!("process {id}"),
        _ => "another process".to_owned(),
    }
}
