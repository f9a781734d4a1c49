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
    #[error("the token file {} does not hold one line of letters and digits; write the token into it, and nothing else", .0.display())]
    NotAToken(PathBuf),
}

impl Secret {
    /// Reads a file that holds a token and nothing else; white space around it is dropped.
    ///
    /// # Errors
    /// [`SecretError`]; the content appears in none of them.
    pub fn from_file(path: &Path) -> Result<Secret, SecretError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
        let token = text.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if token.is_empty() || token.len() > 256 || !token.chars().all(fits) {
            return Err(SecretError::NotAToken(path.to_owned()));
        }
        Ok(Secret(token.to_owned()))
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
