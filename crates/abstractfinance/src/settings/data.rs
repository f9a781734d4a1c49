//! The sections of `settings.yaml` that say where facts besides the broker's session come from.
//!
//! In: YAML. Out: plain values. Invariant: a token is named by its file and never written here; prices come from hosts
//! on a list, at a pace.

use super::instruments::Instruments;
use super::refusal::{VALUE, rule};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Charts of Yahoo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Yahoo {
    /// The host; one of Yahoo's two, or an address of this machine.
    #[garde(length(min = 1))]
    pub host: String,
    /// Milliseconds between two questions.
    #[garde(range(min = 100, max = 60_000))]
    pub pause_ms: u32,
}

/// The broker's activity statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(context(Instruments))]
pub struct Statements {
    /// Address of the Flex Web Service, without the method.
    #[garde(custom(private))]
    pub url: String,
    /// Id of the Activity Flex Query.
    #[garde(custom(digits))]
    pub query_id: String,
    /// File that holds the token and nothing else.
    #[garde(custom(named))]
    pub token_file: PathBuf,
}

fn private(url: &str, _: &Instruments) -> garde::Result {
    let on_this_machine = ["http://127.0.0.1:", "http://localhost:"].iter().any(|local| url.starts_with(local));
    let remedy = "use https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService";
    let problem = format!("is {VALUE}, which would send the token for everybody to read");
    rule(url.starts_with("https://") || on_this_machine, problem, remedy)
}

fn digits(id: &str, _: &Instruments) -> garde::Result {
    let fits = !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit());
    rule(fits, format!("is {VALUE}, which is no query id"), "copy the digits beside the query in the Client Portal")
}

fn named(file: &Path, _: &Instruments) -> garde::Result {
    let remedy = "name a file that only this user can read";
    rule(!file.as_os_str().is_empty(), "is empty, and the token has to come from somewhere", remedy)
}
