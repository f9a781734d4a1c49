//! The section of `settings.yaml` that says who is told how the engine stands.
//!
//! In: YAML. Out: addresses, files with secrets, chats and persons.
//! Invariant: nothing here can change what is traded.

use super::instruments::Instruments;
use super::refusal::{VALUE, rule};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Who is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Monitoring {
    /// Address and port at which metrics are served; null serves none. Whoever reaches it reads NAV and exposure.
    #[garde(skip)]
    #[schemars(with = "Option<String>")]
    pub metrics: Option<SocketAddr>,
    /// Telegram; null tells nobody.
    #[garde(dive)]
    pub telegram: Option<Telegram>,
    /// A program that is told the same; null tells none.
    #[garde(dive)]
    pub webhook: Option<Webhook>,
}

/// A bot, whom it tells, and whom it obeys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Telegram {
    /// Address of the service: Telegram's, or one of this machine.
    #[garde(custom(telegrams))]
    pub api: String,
    /// File with the bot's token, and nothing else.
    #[garde(skip)]
    pub token_file: PathBuf,
    /// Chats that are told: a person's is positive, a group's negative.
    #[garde(length(min = 1, max = 20))]
    pub chats: Vec<i64>,
    /// Persons whose commands are heard, in these chats: they read, and they tighten. Empty: none.
    #[garde(length(max = 20))]
    pub commands_from: Vec<i64>,
}

/// An address that is posted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Webhook {
    /// File with the address, and nothing else: https, or one of this machine.
    #[garde(skip)]
    pub url_file: PathBuf,
}

/// The token goes nowhere else.
fn telegrams(api: &str, _: &Instruments) -> garde::Result {
    rule(
        feeds::telegram::is_its(api),
        format!("is {VALUE}, where no token of a bot belongs"),
        format!("use {}", feeds::telegram::API),
    )
}
