//! Failures of the program, each with its exit code.
//!
//! In: errors of every part. Out: one sentence and a code a script can branch on. Invariant: a code
//! never changes its meaning; `--help` lists them.

use gateway::GatewayError;
use ports::{BrokerError, JournalError};

/// Why the program ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something in the command line or its files is wrong (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// The gateway cannot listen or be reached, refuses, or answers nonsense (exit code 3).
    #[error("{0}")]
    Broker(String),
    /// The journal is held by another engine, damaged, or cannot be written (exit code 4).
    #[error("{0}")]
    Journal(String),
    /// The day was stopped by the engine's own rules (exit code 5).
    #[error("{0}")]
    Halted(String),
}

impl Failure {
    /// The process exit code.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Broker(_) => 3,
            Failure::Journal(_) => 4,
            Failure::Halted(_) => 5,
        }
    }
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Failure::Broker(error.to_string())
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Failure::Journal(error.to_string())
    }
}

impl From<journal::JournalError> for Failure {
    fn from(error: journal::JournalError) -> Self {
        Failure::Journal(error.to_string())
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Listen { .. } => Failure::Broker(error.to_string()),
            other => Failure::Usage(other.to_string()),
        }
    }
}

impl From<crate::settings::ConfigError> for Failure {
    fn from(error: crate::settings::ConfigError) -> Self {
        Failure::Usage(error.to_string())
    }
}
