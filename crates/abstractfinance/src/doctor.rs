//! `doctor`: is everything there that a trading day needs?
//!
//! In: the configuration, this machine, the broker. Out: a line per subject, each with what to do about it. Invariant:
//! nothing is changed, placed or taken over; a subject that could not be looked at is a warning, never a pass.

mod broker;
mod dates;
mod machine;

use crate::cli::Global;
use crate::settings::interlock::interlock;
use crate::settings::{self, Loaded};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How a subject stands, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to do.
    Ok,
    /// A day can run; a person should look.
    Warning,
    /// A day would stop, or must not start.
    Failure,
}

/// One line of the preflight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The subject.
    pub check: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// What was seen.
    pub found: String,
    /// What to do; empty when nothing is to be done.
    pub remedy: String,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding { check, outcome: Outcome::Ok, found: found.into(), remedy: String::new() }
    }

    fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { check, outcome: Outcome::Warning, found: found.into(), remedy: remedy.into() }
    }

    fn failure(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { check, outcome: Outcome::Failure, found: found.into(), remedy: remedy.into() }
    }
}

/// Looks at everything, in the order in which a day needs it, and tells each finding as it comes: a gateway that is down
/// takes half a minute to be given up.
pub async fn examine(global: &Global, gateway: Option<SocketAddr>, tell: &mut dyn FnMut(Finding)) {
    let state = global.state_dir.clone().unwrap_or_else(|| PathBuf::from("state"));
    let loaded = match settings::load(global.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            let remedy = "correct the file; nothing else was looked at, because it all depends on the configuration";
            return tell(Finding::failure("config", error.to_string(), remedy));
        }
    };
    let today = Timestamp::now().to_zoned(loaded.settings.schedule.zone()).date();
    tell(config(&loaded, today));
    tell(machine::secrets(&loaded.settings));
    tell(machine::disk(&state));
    tell(machine::folder(&state));
    tell(machine::database(&loaded.settings, &state).await);
    tell(dates::calendars(&loaded, today));
    tell(dates::schedule(&loaded.settings, today));
    broker::look(global, &loaded, gateway, today, tell).await;
}

/// The configuration was read; whether mode, account, port and a person's word agree depends on the day too.
fn config(loaded: &Loaded, today: Date) -> Finding {
    let (sources, settings) = (&loaded.sources, &loaded.settings);
    let found = format!("settings {}, instruments {}", sources.settings, sources.instruments);
    match interlock(settings.mode, &settings.broker, Some(today)) {
        Ok(()) => Finding::ok("config", found),
        Err((problem, remedy)) => Finding::failure("config", format!("{found}: `broker` {problem}"), remedy),
    }
}
