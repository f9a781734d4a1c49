//! Who tells people what happened: from the journal into the outbox, from there to Telegram and a webhook.
//!
//! In: a journal beside the engine, the settings. Out: messages, delivered in order. Invariant: takes no lease, is never in
//! the trading path, tells nothing twice that it knows it told, and begins with what happens after it was first started.

mod commands;
mod written;

use crate::cli::Global;
use crate::commands::records::Records;
use crate::dashboard::JournalDesk;
use crate::failure::Failure;
use crate::settings::{self, Loaded};
use feeds::telegram::Undelivered;
use feeds::{Secret, Telegram, Webhook};
use jiff::Timestamp;
use journal::{Delivery, Due};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long one message may be in somebody's hands.
const CLAIM_US: i64 = 90_000_000;
/// Pauses after the first, second and further failures; the last one goes on.
const PAUSES_S: [i64; 6] = [5, 15, 60, 300, 900, 3600];
/// A message that could not be delivered so often is old news.
const TRIES_MAX: i64 = 40;
/// How long a channel may take over what is said past the outbox.
const AT_ONCE_MAX: Duration = Duration::from_secs(30);
/// Telegram takes one message a second in a chat, twenty a minute in a group.
const PAUSE_CHAT: Duration = Duration::from_millis(1_100);
const PAUSE_GROUP: Duration = Duration::from_millis(3_200);

/// Somewhere messages go.
pub(crate) enum Channel {
    /// A chat of the bot.
    Telegram { bot: Arc<Telegram>, chat: i64 },
    /// A program.
    Webhook(Webhook),
}

impl Channel {
    /// Its name in the outbox.
    fn name(&self) -> String {
        match self {
            Channel::Telegram { chat, .. } => format!("telegram:{chat}"),
            Channel::Webhook(_) => "webhook".into(),
        }
    }

    /// The pause after each message.
    fn pause(&self) -> Duration {
        match self {
            Channel::Telegram { chat, .. } if *chat < 0 => PAUSE_GROUP,
            Channel::Telegram { .. } => PAUSE_CHAT,
            Channel::Webhook(_) => Duration::ZERO,
        }
    }

    async fn send(&self, key: &str, text: &str) -> Result<(), Undelivered> {
        match self {
            Channel::Telegram { bot, chat } => bot.send(*chat, text).await,
            Channel::Webhook(webhook) => webhook.send(key, text).await,
        }
    }
}

/// A courier and what it needs.
pub struct Courier {
    global: Global,
    loaded: Loaded,
    channels: Vec<Channel>,
    bot: Option<Arc<Telegram>>,
}

impl Courier {
    /// Reads the settings and the files with secrets; `None` when nobody is to be told.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file that cannot be read or an address that is none.
    pub fn configured(global: &Global) -> Result<Option<Courier>, Failure> {
        let loaded = settings::load(global.config.as_deref())?;
        let monitoring = &loaded.settings.monitoring;
        let wrong = |key: &str, why: &dyn std::fmt::Display| Failure::Usage(format!("`monitoring.{key}`: {why}"));
        let mut channels = Vec::new();
        let mut bot = None;
        if let Some(telegram) = &monitoring.telegram {
            let token = Secret::bot_token(&telegram.token_file).map_err(|error| wrong("telegram", &error))?;
            let own = Telegram::new(&telegram.api, token).map_err(|error| wrong("telegram", &error))?;
            let own = Arc::new(own);
            channels.extend(telegram.chats.iter().map(|&chat| Channel::Telegram { bot: own.clone(), chat }));
            bot = (!telegram.commands_from.is_empty()).then_some(own);
        }
        if let Some(webhook) = &monitoring.webhook {
            let address = Secret::address(&webhook.url_file).map_err(|error| wrong("webhook", &error))?;
            channels.push(Channel::Webhook(Webhook::new(&address).map_err(|error| wrong("webhook", &error))?));
        }
        Ok((!channels.is_empty()).then(|| Courier { global: global.clone(), loaded, channels, bot }))
    }

    /// Sends one text to every channel at once, past the outbox; what became of it, for each.
    pub async fn at_once(&self, key: &str, text: &str) -> Vec<(String, Result<(), Undelivered>)> {
        self.tell(|_| true, key, text).await
    }

    /// The same to some of them. One that hangs keeps no other waiting.
    async fn tell(
        &self,
        wanted: impl Fn(&str) -> bool,
        key: &str,
        text: &str,
    ) -> Vec<(String, Result<(), Undelivered>)> {
        let wanted = self.channels.iter().filter(|channel| wanted(&channel.name()));
        let told = wanted.map(async |channel| {
            let silent = |_| {
                let why = format!("no answer within {} seconds", AT_ONCE_MAX.as_secs());
                Err(Undelivered::Later { after: None, why })
            };
            (channel.name(), timeout(AT_ONCE_MAX, channel.send(key, text)).await.unwrap_or_else(silent))
        });
        futures::future::join_all(told).await
    }

    /// Carries messages on a thread of its own for as long as the process lives: the trading path never waits for it.
    ///
    /// # Errors
    /// The operating system has no thread left.
    pub fn carry_aside(self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::Usage(format!("messages cannot be carried: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let thread = std::thread::Builder::new().name("courier".into());
        thread.spawn(move || runtime.block_on(self.carry())).map(drop).map_err(failed)
    }

    /// Carries messages until it is dropped. What fails is logged and tried again.
    pub async fn carry(self) {
        let mut fresh = false;
        let records = loop {
            match Records::open(&self.global).await {
                Ok(records) => break records,
                Err(_) => {
                    fresh = true;
                    sleep(LOOK_EVERY).await;
                }
            }
        };
        while let Err(failure) = written::begin(&records, fresh).await {
            tracing::error!(%failure, "the outbox cannot be opened");
            sleep(LOOK_EVERY * 10).await;
        }
        tracing::info!("messages are told from here on");
        let desk = JournalDesk::new(self.global.clone(), None);
        let writing = written::write(&records, &self.loaded, &self.channels);
        let delivering = futures::future::join_all(self.channels.iter().map(|channel| deliver(channel, &records)));
        let listening = async {
            if let (Some(bot), Some(telegram)) = (&self.bot, &self.loaded.settings.monitoring.telegram) {
                commands::listen(bot, telegram, &records, &desk).await;
            }
        };
        tokio::join!(writing, delivering, listening);
    }
}

/// What an engine that stopped says past its journal, which has no record of it. A series of the same failure says it once on
/// each channel; what did not arrive is said again with the next try.
pub struct Alarms {
    /// Made at the start: settings that can no longer be read are a reason to speak.
    courier: Option<Courier>,
    /// Matters and channels that have had them.
    raised: BTreeSet<(String, String)>,
}

impl Alarms {
    /// Alarms to whom the settings name.
    ///
    /// # Errors
    /// As [`Courier::configured`].
    pub fn configured(global: &Global) -> Result<Alarms, Failure> {
        Ok(Alarms { courier: Courier::configured(global)?, raised: BTreeSet::new() })
    }

    /// Ends the series: what comes next is said again.
    pub fn over(&mut self) {
        self.raised.clear();
    }

    /// Says so to every channel that has not had it in this series.
    pub async fn raise(&mut self, failure: &Failure) {
        let Some(courier) = &self.courier else { return };
        let (kind, text) = alarm(failure);
        let key = format!("{kind}:{}", Timestamp::now().as_second());
        let text = console::messages::alert(&text);
        let told = courier.tell(|channel| self.is_new(failure, channel), &key, &text).await;
        for (channel, outcome) in told {
            if let Err(undelivered) = &outcome {
                tracing::error!(channel, %undelivered, "nobody was told that the engine has stopped");
            }
            if !matches!(outcome, Err(Undelivered::Later { .. })) {
                self.raised.insert((matter(failure), channel));
            }
        }
    }

    fn is_new(&self, failure: &Failure, channel: &str) -> bool {
        !self.raised.contains(&(matter(failure), channel.to_owned()))
    }
}

/// What makes two failures the same: the words of a broker that is away differ from try to try, those of a rule only with the
/// matter.
fn matter(failure: &Failure) -> String {
    if let Failure::Halted(why) = failure { why.clone() } else { alarm(failure).0.to_owned() }
}

/// Kind and words of a failure that a person has to know of.
fn alarm(failure: &Failure) -> (&'static str, String) {
    match failure {
        Failure::Usage(why) => (
            "usage",
            format!(
                "The engine has ended: {why}. Nothing is planned or sent until that is corrected and `abstractfinance run` is \
                 started again"
            ),
        ),
        Failure::Journal(why) => (
            "journal",
            format!(
                "The engine has stopped: {why}. Orders at the broker may still be executed. Run `abstractfinance doctor`, \
                 remove what it names, then `abstractfinance run`: it finishes the same day"
            ),
        ),
        Failure::Broker(why) => (
            "broker",
            format!(
                "The engine has no broker: {why}. Nothing is planned or sent without one; orders at the broker may still be \
                 executed. See that the gateway runs and is logged in (`abstractfinance doctor`); `abstractfinance run` \
                 tries again by itself, and this is not said again meanwhile"
            ),
        ),
        Failure::Halted(why) => (
            "halted",
            format!(
                "The day does not go on: {why}. Nothing is sent until a person has acted on it; `abstractfinance run` looks \
                 again by itself, and this is not said again meanwhile"
            ),
        ),
    }
}

/// Carries a channel's messages one after the other.
async fn deliver(channel: &Channel, records: &Records) {
    loop {
        let taken = Instant::now();
        match carry_one(channel, records).await {
            Ok(true) => sleep(channel.pause().saturating_sub(taken.elapsed())).await,
            Ok(false) => sleep(LOOK_EVERY).await,
            Err(failure) => {
                tracing::error!(channel = channel.name(), %failure, "the outbox cannot be read");
                sleep(LOOK_EVERY * 10).await;
            }
        }
    }
}

/// The next message of a channel, when there is one whose time has come.
async fn carry_one(channel: &Channel, records: &Records) -> Result<bool, Failure> {
    let Records { journal, account, .. } = records;
    let now = Timestamp::now().as_microsecond();
    let Some(Due { post, tries }) = journal.next_post(account, &channel.name(), now, now + CLAIM_US).await? else {
        return Ok(false);
    };
    let sent = channel.send(&post.key, &post.body).await;
    let now = Timestamp::now().as_microsecond();
    let delivery = outcome(sent, tries, now);
    if let Delivery::Again { trouble, .. } | Delivery::GivenUp { trouble } = &delivery {
        tracing::warn!(channel = post.channel, key = post.key, tries, trouble, "a message was not delivered");
    }
    journal.settle_post(account, &post, now, &delivery).await?;
    Ok(true)
}

/// What follows from an attempt.
fn outcome(sent: Result<(), Undelivered>, tries: i64, now_us: i64) -> Delivery {
    match sent {
        Ok(()) => Delivery::Done,
        Err(Undelivered::Never { why }) => Delivery::GivenUp { trouble: why },
        Err(Undelivered::Later { why, .. }) if tries + 1 >= TRIES_MAX => {
            Delivery::GivenUp { trouble: format!("{why}, {TRIES_MAX} times") }
        }
        Err(Undelivered::Later { after, why }) => {
            let own = PAUSES_S[usize::try_from(tries).unwrap_or(usize::MAX).min(PAUSES_S.len() - 1)];
            let asked = after.map_or(0, |after| i64::try_from(after.as_secs()).unwrap_or(3600).min(3600));
            let pause_s = if after.is_some() { asked.max(1) } else { own };
            Delivery::Again { next_us: now_us + pause_s * 1_000_000, trouble: why }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    #[test]
    fn a_series_is_of_one_matter() {
        let same = |one: Failure, other: Failure| matter(&one) == matter(&other);
        let broker = |why: &str| Failure::Broker(why.into());
        let halted = |why: &str| Failure::Halted(why.into());
        assert!(same(broker("refused"), broker("no answer within 30 s")), "it is away all the same");
        assert!(same(halted("plan a waits for a person"), halted("plan a waits for a person")));
        assert!(!same(halted("plan a waits for a person"), halted("positions have changed")));
        assert!(!same(broker("refused"), Failure::Journal("disk full".into())));
    }

    #[tokio::test]
    async fn what_did_not_arrive_is_said_again_and_what_did_is_not() {
        feeds::install_tls_provider();
        let server = MockServer::start().await;
        let answers = |status| Mock::given(method("POST")).respond_with(ResponseTemplate::new(status));
        answers(503).up_to_n_times(1).mount(&server).await;
        answers(200).mount(&server).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("webhook");
        std::fs::write(&file, format!("{}/alarm\n", server.uri())).unwrap();
        let settings = include_str!("../../../../config/settings.yaml");
        let told = format!("webhook: {{url_file: \"{}\"}}", file.display());
        std::fs::write(folder.path().join("settings.yaml"), settings.replacen("webhook: null", &told, 1)).unwrap();
        let global = Global { config: Some(folder.path().to_owned()), state_dir: None, mode: None, json: false };
        let mut alarms = Alarms::configured(&global).unwrap();
        for (failure, so_far) in [("refused", 1), ("no answer", 2), ("refused", 2)] {
            alarms.raise(&Failure::Broker(failure.into())).await;
            assert_eq!(server.received_requests().await.unwrap().len(), so_far, "{failure}");
        }
    }

    #[test]
    fn pauses_grow_and_a_server_may_name_its_own() {
        let later = |after| Err(Undelivered::Later { after, why: "busy".into() });
        let pause = |tries, after| match outcome(later(after), tries, 0) {
            Delivery::Again { next_us, .. } => next_us / 1_000_000,
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2, 3, 9].map(|tries| pause(tries, None)), [5, 15, 60, 300, 3600]);
        assert_eq!(pause(0, Some(Duration::from_secs(17))), 17);
        assert_eq!(pause(0, Some(Duration::from_secs(1 << 40))), 3600);
        assert!(matches!(outcome(later(None), TRIES_MAX - 1, 0), Delivery::GivenUp { .. }));
    }
}
