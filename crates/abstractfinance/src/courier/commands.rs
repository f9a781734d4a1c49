//! What a person may say by telephone: look, and tighten.
//!
//! In: updates of the bot. Out: answers in the outbox, instructions in the inbox. Invariant: only listed persons in listed
//! chats are heard, nobody else is answered; nothing here loosens; a command that lay too long is not obeyed.

use super::LOOK_EVERY;
use crate::commands::account::read_status;
use crate::commands::records::Records;
use crate::dashboard::JournalDesk;
use crate::failure::Failure;
use crate::settings;
use console::dashboard::{Desk, Unanswered, Wish};
use console::messages;
use feeds::Telegram;
use feeds::telegram::{Said, Undelivered};
use jiff::Timestamp;
use journal::Post;
use std::time::Duration;
use tokio::time::sleep;

/// How long one question for updates waits for something.
const WAIT: Duration = Duration::from_secs(25);
/// Pause after a question that failed and named none.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);
/// A command that lay longer was meant for another situation.
const OLD_AFTER_S: i64 = 900;

const HELP: &str = "I know /status, /positions, /pnl, /orders, /why NAME; /pause (nothing but cancels, until a person resumes \
                    at the desk) and /kill KILL (cancels every order at the gateway, then nothing at all). Nothing said here \
                    loosens anything.";

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Status,
    Positions,
    Profit,
    Orders,
    Why(String),
    Pause,
    Kill { confirmed: bool },
    Help,
}

/// The command in a text; `None` for what is no command. `/status@bot` is the same as `/status`.
pub(crate) fn asked(text: &str) -> Option<Asked> {
    let mut words = text.split_whitespace();
    let command = words.next()?.strip_prefix('/')?;
    let name = command.split('@').next().unwrap_or_default().to_ascii_lowercase();
    Some(match name.as_str() {
        "status" => Asked::Status,
        "positions" => Asked::Positions,
        "pnl" => Asked::Profit,
        "orders" => Asked::Orders,
        "why" => words.next().map_or(Asked::Help, |name| Asked::Why(name.to_owned())),
        "pause" => Asked::Pause,
        "kill" => Asked::Kill { confirmed: words.next() == Some("KILL") },
        _ => Asked::Help,
    })
}

/// Listens until it is dropped.
pub(super) async fn listen(bot: &Telegram, telegram: &settings::Telegram, records: &Records, desk: &JournalDesk) {
    let mut after = 0;
    loop {
        match bot.updates(after, WAIT).await {
            Ok(updates) => {
                for update in updates {
                    let Some(said) = &update.said else {
                        after = after.max(update.id);
                        continue;
                    };
                    match hear(update.id, said, telegram, records, desk).await {
                        Ok(()) => after = after.max(update.id),
                        Err(failure) => {
                            // It is asked for again: what was told may not be lost.
                            tracing::error!(%failure, "a command was not answered");
                            sleep(AFTER_TROUBLE).await;
                            break;
                        }
                    }
                }
                sleep(LOOK_EVERY / 4).await;
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "commands cannot be heard");
                let asked = if let Undelivered::Later { after, .. } = trouble { after } else { None };
                sleep(asked.unwrap_or(AFTER_TROUBLE)).await;
            }
        }
    }
}

/// Answers one text, once, whenever it is told again.
async fn hear(
    update: i64,
    said: &Said,
    telegram: &settings::Telegram,
    records: &Records,
    desk: &JournalDesk,
) -> Result<(), Failure> {
    if !telegram.chats.contains(&said.chat) || !telegram.commands_from.contains(&said.from) {
        tracing::warn!(from = said.from, chat = said.chat, "somebody who is not listed wrote to the bot");
        return Ok(());
    }
    let Some(asked) = asked(&said.text) else { return Ok(()) };
    let (channel, key) = (format!("telegram:{}", said.chat), format!("answer:{update:020}"));
    let Records { journal, account, .. } = records;
    if journal.is_posted(account, &channel, &key).await? {
        return Ok(());
    }
    let old = Timestamp::now().as_second() - said.at > OLD_AFTER_S;
    let body = match old {
        true => "This was written too long ago to be meant for now; write it again.\n".to_owned(),
        false => answer(&asked, said.from, records, desk).await?,
    };
    let seq = journal.head(account).await?.map_or(0, |head| head.seq);
    // The answers' place among the messages is now; what was put together up to where stays as it is.
    let told = journal.told_up_to(account).await?.unwrap_or(seq);
    journal.post(account, told, &[Post { channel, key, seq, body }]).await?;
    Ok(())
}

async fn answer(asked: &Asked, from: i64, records: &Records, desk: &JournalDesk) -> Result<String, Failure> {
    let by = format!("telegram {from}");
    let say = async |wish| {
        let said = desk.say(wish, String::new(), by, "said by telephone".into()).await;
        said.map_or_else(|Unanswered(why)| format!("NOT done: {why}\n"), |done| format!("{done}\n"))
    };
    Ok(match asked {
        Asked::Status => messages::status(&read_status(records).await?),
        Asked::Pause => say(Wish::Halt).await,
        Asked::Kill { confirmed: true } => say(Wish::Kill).await,
        Asked::Kill { confirmed: false } => {
            "Write /kill KILL to cancel every order at the gateway and freeze the engine.\n".to_owned()
        }
        Asked::Help => format!("{HELP}\n"),
        Asked::Positions | Asked::Profit | Asked::Orders | Asked::Why(_) => match records.last_day().await? {
            None => "No day is finished yet.\n".to_owned(),
            Some((_, day)) => match asked {
                Asked::Positions => messages::positions(&day),
                Asked::Profit => messages::profit(&day),
                Asked::Orders => messages::orders(&day),
                Asked::Why(name) => messages::why(&day, name),
                _ => unreachable!("the arms above"),
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_what_a_person_types() {
        let told = |text: &str| asked(text);
        assert_eq!(told("/status@AbstractBot  "), Some(Asked::Status));
        assert_eq!(told("/why CSPX please"), Some(Asked::Why("CSPX".into())));
        assert_eq!(told("/why"), Some(Asked::Help));
        assert_eq!(told("/kill"), Some(Asked::Kill { confirmed: false }));
        assert_eq!(told("/kill kill"), Some(Asked::Kill { confirmed: false }));
        assert_eq!(told("/KILL KILL"), Some(Asked::Kill { confirmed: true }));
        assert_eq!(told("/resume"), Some(Asked::Help), "nothing loosens");
        assert_eq!(told("pause"), None, "talk is no command");
        assert_eq!(told(""), None);
    }

    proptest! {
        /// Whatever is typed, nothing but the whole word kills.
        #[test]
        fn only_the_whole_word_kills(text in ".{0,300}") {
            if asked(&text) == Some(Asked::Kill { confirmed: true }) {
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                prop_assert!(words[0].to_ascii_lowercase().starts_with("/kill"));
                prop_assert_eq!(words[1], "KILL");
            }
        }
    }
}
