//! Where a journal is kept: a file of SQLite or a database on a PostgreSQL server.
//! In: a path, or a database URL and a password apart from it. Out: the address for the driver and the
//! name for people.
//! Invariant: a password is in the driver's address and nowhere else; no name, error or debug text has it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::JournalError;

/// Where a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One SQLite file.
    File(PathBuf),
    /// One database on a PostgreSQL server, shared by engines on several hosts.
    Server(Server),
}

/// A database on a PostgreSQL server, with what is needed to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    address: String,
    name: String,
}

impl Place {
    /// A database from its URL, `postgres://user@host:port/database?sslmode=...`, and its password.
    ///
    /// # Errors
    /// [`JournalError::Address`] for another kind of URL, one that does not parse, and one that contains the password.
    pub fn server(url: &str, password: Option<&str>) -> Result<Place, JournalError> {
        let refused = |problem: &'static str| JournalError::Address { problem };
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(refused("it does not begin with postgres://"));
        }
        let (authority, options) = rest.split_once('?').unwrap_or((rest, ""));
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        if user.contains(':') || options.split('&').any(|option| option.starts_with("password=")) {
            return Err(refused("it contains a password"));
        }
        let parsed = PgConnectOptions::from_str(url).map_err(|_| refused("it cannot be read as a URL"))?;
        let Some(database) = parsed.get_database() else {
            return Err(refused("it names no database"));
        };
        let (user, host, port) = (parsed.get_username(), parsed.get_host(), parsed.get_port());
        let name = format!("postgres://{user}@{host}:{port}/{database}");
        let separator = if options.is_empty() { '?' } else { '&' };
        let address = match password {
            None => url.to_owned(),
            Some(password) => format!("{}{separator}password={}", url.trim_end_matches('?'), escaped(password, "")),
        };
        Ok(Place::Server(Server { address, name }))
    }

    /// The file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }
}

impl Server {
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Every byte that could mean something in an address, but those of `kept`, written as `%XX`.
pub(crate) fn escaped(text: &str, kept: &str) -> String {
    let mut address = String::new();
    for byte in text.bytes() {
        let character = char::from(byte);
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' => address.push(character),
            _ if kept.contains(character) => address.push(character),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => path.display().fmt(f),
            Place::Server(server) => f.write_str(&server.name),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Place::File(path.to_owned())
    }
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Self {
        Place::File(path.clone())
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_reaches_the_driver_and_no_text() {
        let place =
            Place::server("postgres://engine@db.lan:5433/fund?sslmode=require", Some("p&ss w?rd")).expect("good");
        let Place::Server(server) = &place else { panic!("a server") };
        assert_eq!(server.address(), "postgres://engine@db.lan:5433/fund?sslmode=require&password=p%26ss%20w%3Frd");
        assert_eq!(format!("{place} {place:?}").matches("ss w").count(), 0);
        assert_eq!(place.to_string(), "postgres://engine@db.lan:5433/fund");
    }

    #[test]
    fn an_address_that_tells_a_password_is_refused() {
        let refusal = |url| Place::server(url, None).expect_err(url).to_string();
        for url in ["postgres://engine:secret@db/fund", "postgres://db/fund?user=engine&password=secret"] {
            assert!(!refusal(url).contains("secret"));
            assert!(refusal(url).contains("contains a password"), "{}", refusal(url));
        }
        assert!(refusal("mysql://db/fund").contains("postgres://"));
        assert!(refusal("postgres://engine@db").contains("names no database"));
    }
}
