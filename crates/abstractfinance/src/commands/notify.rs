//! `notify`: the courier in a process of its own, beside a running engine.
//!
//! In: settings, a state folder. Out: messages until Ctrl-C; or a test of every channel. Invariant: no token and no
//! address is printed.

use super::dashboard::until_told;
use super::show;
use crate::cli::{Global, NotifyArgs};
use crate::courier::Courier;
use crate::failure::Failure;

pub async fn notify(global: &Global, args: &NotifyArgs) -> Result<(), Failure> {
    let courier = Courier::configured(global)?.ok_or_else(|| {
        Failure::Usage(
            "nobody is to be told: fill `monitoring.telegram` or `monitoring.webhook` in settings.yaml".into(),
        )
    })?;
    if !args.test {
        show("telling what happens from now on (Ctrl-C ends it)\n")?;
        tokio::select! {
            told = until_told() => return told,
            () = courier.carry() => return Ok(()),
        }
    }
    let tried = courier.at_once("test", "AbstractFinance: a test. If you read this, messages arrive.\n").await;
    let mut failed = 0;
    for (channel, outcome) in &tried {
        failed += usize::from(outcome.is_err());
        let said = outcome.as_ref().map_or_else(ToString::to_string, |()| "arrived".to_owned());
        show(format!("{channel}: {said}\n"))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Usage(format!("{failed} of {} messages did not arrive", tried.len()))),
    }
}
