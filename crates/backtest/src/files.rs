//! A run as files.
//!
//! In: a result, a folder. Out: `summary.json`. Invariant: each file is written
//! whole or not at all.
#![allow(clippy::disallowed_methods, reason = "this is where a run becomes files")]

use crate::result::Result;
use std::io;
use std::path::Path;

/// Writes everything; the folder is made when it is missing.
///
/// # Errors
/// What the file system says.
pub fn write(result: &Result, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let put = |name: &str, bytes: &[u8]| {
        let part = dir.join(format!("{name}.part"));
        std::fs::write(&part, bytes)?;
        std::fs::rename(part, dir.join(name))
    };
    let summary = serde_json::to_vec_pretty(&result.summary()).expect("plain data");
    put("summary.json", &summary)?;
    Ok(())
}
