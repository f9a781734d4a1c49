//! `halt`, `reduce-only`, `resume`, `kill`, `flatten`: what a person says to the engine.
//!
//! In: a state folder, who and why. Out: a message in the journal's inbox, and for `kill` a global cancel at the
//! gateway. Invariant: every instruction carries a name; one that loosens or closes carries a reason; `kill` does what
//! it can even when the journal cannot be written.

use super::records::Records;
use super::show;
use crate::cli::{CloseOutArgs, Global, KillArgs, ReasonArgs, ResumeArgs, SayArgs};
use crate::failure::Failure;
use crate::settings;
use cycle::{Directive, Instruction};
use ibkr::IbkrConfig;
use jiff::Timestamp;
use risk::Mode;
use std::net::SocketAddr;
use std::time::Duration;

/// How far the client id of a kill lies from the engine's: both are connected at once.
const KILL_CLIENT_OFFSET: i32 = 900;
/// A kill that waits longer than this for the gateway is no kill.
const KILL_PATIENCE: Duration = Duration::from_secs(15);

pub async fn tighten(global: &Global, args: &SayArgs, mode: Mode) -> Result<(), Failure> {
    let reason = args.reason.clone().unwrap_or_else(|| "no reason given".into());
    say(global, Instruction { directive: Directive::Tighten { mode }, by: args.by()?, reason }).await
}

pub async fn flatten(global: &Global, args: &ReasonArgs) -> Result<(), Failure> {
    say(global, Instruction { directive: Directive::Flatten, by: args.by()?, reason: args.reason.clone() }).await
}

pub async fn close_out(global: &Global, args: &CloseOutArgs) -> Result<(), Failure> {
    let day = Records::open(global).await?.finished().await?;
    let held: Vec<&str> =
        day.positions.iter().filter(|row| row.ours != "0").map(|row| row.instrument.as_str()).collect();
    if !held.contains(&args.confirm.as_str()) {
        return Err(Failure::Usage(format!(
            "{} is not held, so there is nothing to close out; held after {}: {}",
            args.confirm,
            day.date,
            held.join(", ")
        )));
    }
    let directive = Directive::CloseOut { name: args.confirm.clone() };
    say(global, Instruction { directive, by: args.say.by()?, reason: args.say.reason.clone() }).await
}

pub async fn resume(global: &Global, args: &ResumeArgs) -> Result<(), Failure> {
    let directive = Directive::Resume { mode: args.to.0, new_high_water_mark: args.new_high_water_mark };
    let instruction = Instruction { directive, by: args.say.by()?, reason: args.say.reason.clone() };
    say(global, instruction).await
}

pub async fn kill(global: &Global, args: &KillArgs) -> Result<(), Failure> {
    // Both ways at once: neither may wait for the other when something hangs.
    let cancelling = async { show(format!("{}\n", cancel(global, args.gateway).await?)) };
    let (cancelled, told) = tokio::join!(cancelling, tighten(global, &args.say, Mode::Frozen));
    match (cancelled, told) {
        (Err(cancelled), Err(told)) => {
            Err(Failure::Broker(format!("{cancelled}; and nothing was told to freeze: {told}")))
        }
        (cancelled, told) => cancelled.and(told),
    }
}

/// Cancels every order of the account at the gateway; answers with a sentence.
pub async fn cancel(global: &Global, gateway: Option<SocketAddr>) -> Result<String, Failure> {
    let broker = settings::load(global.config.as_deref())?.settings.broker;
    let address = gateway.map_or_else(|| format!("{}:{}", broker.host, broker.port), |given| given.to_string());
    let client_id = i32::try_from(broker.client_id).unwrap_or(i32::MAX - KILL_CLIENT_OFFSET) + KILL_CLIENT_OFFSET;
    let config = IbkrConfig {
        address: address.clone(),
        client_id,
        account: None,
        ready_timeout: KILL_PATIENCE,
        request_timeout: KILL_PATIENCE,
        heartbeat_timeout: KILL_PATIENCE,
        virtual_time: false,
        order_id_high_water: 0,
        pins: std::collections::BTreeMap::new(),
    };
    ibkr::cancel_everything(&config).await.map_err(|error| {
        Failure::Broker(format!(
            "orders at {address} could NOT be cancelled: cancel them in TWS or by telephone now ({error})"
        ))
    })?;
    Ok(format!("every open order at {address} was told to cancel"))
}

/// An instruction that lies in the inbox.
pub struct Left {
    message: i64,
    account: String,
    running: bool,
    told: String,
}

impl Left {
    /// What was left, and when it counts.
    pub fn sentence(&self) -> String {
        let when = match self.running {
            true => "the running engine reads it within a second",
            false => "no engine is running: it counts from the next start",
        };
        format!("message {} to account {}: {}; {when}", self.message, self.account, self.told)
    }
}

/// Leaves an instruction for the engine.
pub async fn leave(global: &Global, instruction: &Instruction) -> Result<Left, Failure> {
    let Records { journal, account } = Records::open(global).await?;
    let body = serde_json::to_string(instruction).expect("plain data");
    let now = Timestamp::now().as_microsecond();
    let message = journal.send_to_inbox(&account, now, &instruction.by, &body).await?;
    let running = journal.holder(&account).await?.is_some_and(|(_, until)| until > now);
    Ok(Left { message, account, running, told: instruction.sentence() })
}

/// Leaves the instruction for the engine and says when it counts.
pub(super) async fn say(global: &Global, instruction: Instruction) -> Result<(), Failure> {
    let left = leave(global, &instruction).await?;
    if global.json {
        let Left { message, account, running, .. } = left;
        let told = serde_json::json!({
            "message": message, "account": account, "engine_running": running, "instruction": instruction,
        });
        return show(format!("{told}\n"));
    }
    show(format!("{}\n", left.sentence()))
}
