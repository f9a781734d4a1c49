//! A text that must not be seen.
//!
//! In: a file with one line. Out: its content, for the one call that needs it. Invariant: it has no `Debug`, `Display`
//! or `Serialize`, and no error about it holds any of it.

use std::path::{Path, PathBuf};

/// A token of letters, digits, `-` and `_`. It cannot be printed, compared or copied.
pub struct Secret(String);

/// Why there is no token. Never holds what the file says.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is missing or cannot be read.
    #[error("cannot read the token file {}: {source}; write the token into it, and nothing else", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file holds no token.
    #[error("the file {} does not hold one line with a token or an address; write it there, and nothing else", .0.display())]
    NotAToken(PathBuf),
}

impl Secret {
    /// Reads a file that holds a token and nothing else; white space around it is dropped.
    ///
    /// # Errors
    /// [`SecretError`]; the content appears in none of them.
    pub fn from_file(path: &Path) -> Result<Secret, SecretError> {
        let text = read(path)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        Secret::line(path, &text, 256, fits)
    }

    /// Reads a file that holds the token of a bot, which has a colon in it.
    ///
    /// # Errors
    /// [`SecretError`]; the content appears in none of them.
    pub fn bot_token(path: &Path) -> Result<Secret, SecretError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == ':';
        Secret::line(path, &read(path)?, 256, fits)
    }

    /// Reads a file that holds an address that only its owner may know.
    ///
    /// # Errors
    /// [`SecretError`]; the content appears in none of them.
    pub fn address(path: &Path) -> Result<Secret, SecretError> {
        Secret::line(path, &read(path)?, 2048, |c| c.is_ascii_graphic())
    }

    fn line(path: &Path, text: &str, length_max: usize, fits: impl Fn(char) -> bool) -> Result<Secret, SecretError> {
        let line = text.trim();
        if line.is_empty() || line.len() > length_max || !line.chars().all(fits) {
            return Err(SecretError::NotAToken(path.to_owned()));
        }
        Ok(Secret(line.to_owned()))
    }

    /// The token of a service in this process, which guards nothing.
    pub fn embedded(token: &str) -> Secret {
        Secret(token.to_owned())
    }

    /// The token itself, for the request that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Somebody else's text without the token in it.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

fn read(path: &Path) -> Result<String, SecretError> {
    std::fs::read_to_string(path).map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })
}
