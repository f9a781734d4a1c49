//! Putting a finished catalogue in its place.
//!
//! In: a directory being filled. Out: the catalogue at its path. Invariant: at every moment the path holds the old
//! catalogue, the new one, or nothing; never a part of one. Anything else at the path is left alone.

use crate::manifest::{MANIFEST_FILE, Manifest};
use std::io;
use std::path::{Path, PathBuf};

/// Why a catalogue cannot be written at its path.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Something else is there.
    #[error("{} exists and is no whole catalogue, so it is left as it is; name another directory", .0.display())]
    Occupied(PathBuf),
    /// The operating system refused.
    #[error("cannot write {}: {source}; nothing was changed", path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A directory beside the destination that disappears unless it is published.
pub(crate) struct Staging {
    path: PathBuf,
    destination: PathBuf,
}

impl Staging {
    pub fn beside(destination: &Path) -> Result<Staging, PublishError> {
        if !replaceable(destination) {
            return Err(PublishError::Occupied(destination.to_owned()));
        }
        let path = sibling(destination, "importing");
        let refused = |source| PublishError::Refused { path: path.clone(), source };
        remove(&path).map_err(refused)?;
        std::fs::create_dir_all(&path).map_err(refused)?;
        Ok(Staging { path, destination: destination.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one file below the staging directory and waits until it is on the disk.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
            let mut file = std::fs::File::create(path)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()
        };
        write().map_err(|source| PublishError::Refused { path: path.to_owned(), source })
    }

    /// Takes a file that is on the disk already: by a second name where the file system can, as a copy where it cannot.
    pub fn keep(&self, from: &Path, to: &Path) -> Result<(), PublishError> {
        let refused = |source| PublishError::Refused { path: from.to_owned(), source };
        std::fs::create_dir_all(to.parent().unwrap_or(&self.path)).map_err(refused)?;
        if std::fs::hard_link(from, to).is_ok() {
            return Ok(());
        }
        self.write(to, &std::fs::read(from).map_err(refused)?)
    }

    /// Moves the directory to its place; a catalogue that was there goes away last.
    pub fn publish(self) -> Result<(), PublishError> {
        let old = sibling(&self.destination, "replaced");
        let publish = || {
            remove(&old)?;
            let replaces = self.destination.exists();
            if replaces {
                std::fs::rename(&self.destination, &old)?;
            }
            if let Err(error) = std::fs::rename(&self.path, &self.destination) {
                if replaces {
                    std::fs::rename(&old, &self.destination)?;
                }
                return Err(error);
            }
            remove(&old)
        };
        publish().map_err(|source| PublishError::Refused { path: self.destination.clone(), source })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After a publication the directory is gone already; after a failure the next import removes what is left.
        let _ = remove(&self.path);
    }
}

/// Nothing, an empty directory, or a catalogue.
fn replaceable(path: &Path) -> bool {
    let is_catalogue =
        || std::fs::read_to_string(path.join(MANIFEST_FILE)).is_ok_and(|text| Manifest::parse(&text).is_ok());
    let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    !path.exists() || is_empty() || is_catalogue()
}

fn sibling(path: &Path, purpose: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{purpose}"))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
