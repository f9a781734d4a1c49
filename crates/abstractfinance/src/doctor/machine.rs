//! This machine: room, a folder that can be written, the journal, files with secrets.
//!
//! In: the state folder and the settings. Out: findings. Invariant: what is written to try the folder is removed again,
//! and no content of a secret is read.

use super::Finding;
use crate::settings::Settings;
use journal::{Journal, JournalError, Place};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Free bytes below which a journal may not fit the next days, and below which a person should look.
const ROOM: (u64, u64) = (1 << 30, 5 << 30);
/// A write that takes longer to be durable slows every order down.
const DURABLE_WITHIN: Duration = Duration::from_millis(100);
/// Rights of others than the owner.
const OTHERS: u32 = 0o077;

/// The folder, or the nearest one above it that exists.
fn existing(state: &Path) -> PathBuf {
    let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
    state.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

pub(super) fn disk(state: &Path) -> Finding {
    let folder = existing(state);
    let room = match rustix::fs::statvfs(&folder) {
        Ok(volume) => volume.f_bavail.saturating_mul(volume.f_frsize),
        Err(error) => {
            let remedy = "look at the disk with df, and start again";
            return Finding::warning("disk", format!("the room at {} is unknown: {error}", folder.display()), remedy);
        }
    };
    let found = format!("{:.1} GiB free at {}", room as f64 / (1u64 << 30) as f64, folder.display());
    let remedy = "make room, or name a folder on another disk with --state-dir: a full disk stops the day";
    match room {
        room if room < ROOM.0 => Finding::failure("disk", found, remedy),
        room if room < ROOM.1 => Finding::warning("disk", found, remedy),
        _ => Finding::ok("disk", found),
    }
}

pub(super) fn folder(state: &Path) -> Finding {
    let folder = existing(state);
    let remedy = "give this user the right to write there, or name another folder with --state-dir";
    let (exists, mode) = (state.is_dir(), fs::metadata(&folder).map(|metadata| metadata.permissions().mode()));
    let begun = Instant::now();
    if let Err(error) = try_write(&folder) {
        return Finding::failure("state folder", format!("{} cannot be written: {error}", folder.display()), remedy);
    }
    let took = begun.elapsed();
    let found = match exists {
        true => format!("{}: a durable write takes {:.1} ms", folder.display(), took.as_secs_f64() * 1e3),
        false => format!("{} does not exist yet; the first day creates it", state.display()),
    };
    if took > DURABLE_WITHIN {
        return Finding::warning("state folder", found, "use a local disk: each order waits for a durable write");
    }
    match mode {
        Ok(mode) if exists && mode & 0o022 != 0 => {
            let remedy = format!("chmod go-w {}: whoever can write there can change the books", folder.display());
            Finding::warning("state folder", format!("{} can be written by other users", folder.display()), remedy)
        }
        _ => Finding::ok("state folder", found),
    }
}

fn try_write(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let written = File::create_new(&path).and_then(|mut file| file.write_all(b"doctor").and_then(|()| file.sync_all()));
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Opening a journal checks every chain in it from its first record.
pub(super) async fn database(settings: &Settings, state: &Path) -> Finding {
    let check = "database";
    let place = match settings.journal.place(state) {
        Ok(place) => place,
        Err(problem) => return Finding::failure(check, problem, "correct `journal` in settings.yaml"),
    };
    if place.file().is_some_and(|file| file.try_exists().is_ok_and(|there| !there)) {
        return Finding::ok(check, format!("no journal at {place} yet; the first day creates it"));
    }
    let told = place.to_string();
    match open(place).await {
        Ok(accounts) if accounts.is_empty() => Finding::ok(check, format!("{told}: nothing is recorded yet")),
        Ok(accounts) => Finding::ok(check, format!("{told}: accounts {}, every chain is whole", accounts.join(", "))),
        Err(error @ JournalError::Forbidden { .. }) => {
            Finding::failure(check, error.to_string(), "run `doctor` as the user the engine runs as")
        }
        Err(error) => {
            let remedy = "do not trade on it: see `journal verify`, and restore the last backup with `journal restore`; \
                          when a server does not answer, start it";
            Finding::failure(check, format!("{told}: {error}"), remedy)
        }
    }
}

async fn open(place: Place) -> Result<Vec<String>, JournalError> {
    let journal = Journal::open_existing(place).await?;
    journal.accounts().await
}

/// Files that hold a token or a password are readable by their owner alone.
pub(super) fn secrets(settings: &Settings) -> Finding {
    let check = "secrets";
    let token = settings.broker.statements.as_ref().map(|statements| statements.token_file.as_path());
    let bot = settings.monitoring.telegram.as_ref().map(|telegram| telegram.token_file.as_path());
    let webhook = settings.monitoring.webhook.as_ref().map(|webhook| webhook.url_file.as_path());
    let password = settings.journal.password_file.as_deref();
    let files: Vec<&Path> = [token, bot, webhook, password].into_iter().flatten().collect();
    let (mut missing, mut open) = (Vec::new(), Vec::new());
    for file in &files {
        match fs::metadata(file) {
            Err(error) => missing.push(format!("{}: {error}", file.display())),
            Ok(metadata) if metadata.permissions().mode() & OTHERS != 0 => {
                open.push(format!("{} (mode {:o})", file.display(), metadata.permissions().mode() & 0o777));
            }
            Ok(_) => {}
        }
    }
    if !missing.is_empty() {
        return Finding::failure(check, missing.join("; "), "put the secret there, and nothing else");
    }
    if !open.is_empty() {
        let remedy = "chmod 600 each of them, and replace what others may have read";
        return Finding::failure(check, format!("readable by others: {}", open.join(", ")), remedy);
    }
    match files.len() {
        0 => Finding::ok(check, "the settings name no file with a secret"),
        1 => Finding::ok(check, "one file, for its owner alone"),
        count => Finding::ok(check, format!("{count} files, each for its owner alone")),
    }
}
