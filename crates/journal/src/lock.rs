//! One engine per state folder, held by the operating system.
//! In: the state folder. Out: a lock that lives as long as the value, or who holds it.
//! Invariant: the system drops the lock when its process dies, however it dies, so holding it
//! proves that no earlier engine on this folder is alive; the file remembers under which name that one held a lease.

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
    // Its lock ends when it is closed.
    file: File,
    /// The name of the last engine that worked here, which is dead.
    before: Option<String>,
}

impl StateLock {
    /// Takes the lock of `folder`, creating the folder when it is missing.
    ///
    /// Does not wait: a lock held by another process is `JournalError::StateInUse` with its
    /// process id. The file stays behind when the lock ends; its presence means nothing.
    pub fn acquire(folder: &Path) -> Result<StateLock, JournalError> {
        let path = folder.join(FILE_NAME);
        let failed = |error: io::Error| JournalError::from_system(&path, "lock", error);
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
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let before = text.lines().nth(1).map(str::to_owned);
        let mut lock = StateLock { folder, file, before };
        let known = lock.before.clone();
        lock.write(known.as_deref()).map_err(failed)?;
        Ok(lock)
    }

    /// Remembers the name under which this process is about to hold a lease, on the disk when this returns; gives the name
    /// of the engine before, whose lease nobody holds any more.
    pub(crate) fn name(&mut self, holder: &str) -> Result<Option<String>, JournalError> {
        let path = self.folder.join(FILE_NAME);
        self.write(Some(holder)).map_err(|error| JournalError::unavailable(path.as_path(), "write", error))?;
        Ok(self.before.clone())
    }

    /// The process on the first line, for people; the name of its lease on the second.
    fn write(&mut self, holder: Option<&str>) -> io::Result<()> {
        let text = format!("{}\n{}", std::process::id(), holder.unwrap_or_default());
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.trim_end().as_bytes())?;
        self.file.sync_all()
    }

    /// Whether a journal lies in the folder that this lock guards; one on a server lies in no folder.
    pub(crate) fn guards(&self, place: &Place) -> bool {
        place.file().and_then(Path::parent) == Some(self.folder.as_path())
    }
}

/// Who holds the lock; the process id is a courtesy that may be unreadable on some systems.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text).map(|_| text.lines().next().unwrap_or_default().trim().parse::<u32>()) {
        Ok(Ok(id)) => format!("process {id}"),
        _ => "another process".to_owned(),
    }
}
