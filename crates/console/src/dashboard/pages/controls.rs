//! What a person can do, and what comes due.
//!
//! In: how the engine stands. Out: pages.
//! Invariant: what does more than stop asks for a word to be typed.

use super::super::desk::{View, Wish};
use super::super::model::{Fact, Form, Page, Section, Table, Tone};
use super::dash;

pub(in super::super) fn modes(view: &View) -> Page {
    let form = |wish: &'static str, button, means: &str, tone| Form {
        wish,
        button,
        means: means.to_owned(),
        about: String::new(),
        confirm: Wish::named(wish).map_or("", Wish::confirmation),
        tone,
    };
    let status = &view.status;
    let engine = status.engine.as_ref().map_or_else(
        || ("none".into(), "what is said counts from its next start".into()),
        |engine| (engine.run.clone(), format!("lease until {}", engine.lease_until)),
    );
    let mut page = Page {
        title: "Modes",
        lead:
            "Modes tighten by themselves. Only a person loosens them, with a name and a reason that the journal keeps."
                .into(),
        facts: vec![
            Fact::new("Mode", status.mode.clone(), if status.flatten { "closing every position" } else { "" })
                .toned(Tone::of_mode(&status.mode)),
            Fact::new("Engine", engine.0, engine.1),
        ],
        sections: vec![
            Section::Forms {
                title: "Tighten",
                forms: vec![
                    form("reduce-only", "Reduce only", "Lets out only orders that lower risk.", Tone::Warn),
                    form("halt", "Halt", "Sends nothing but cancels.", Tone::Bad),
                    form(
                        "kill",
                        "Kill",
                        "Cancels every order of the account at the gateway, then freezes the engine.",
                        Tone::Bad,
                    ),
                ],
            },
            Section::Forms {
                title: "Act",
                forms: vec![
                    form(
                        "flatten",
                        "Flatten",
                        "Adds nothing, and closes every position with the next plan, in its windows and inside its limits.",
                        Tone::Bad,
                    ),
                    form(
                        "resume",
                        "Resume",
                        "Goes back to NORMAL. Find out first why the engine tightened: the page Books and the last report say so.",
                        Tone::Plain,
                    ),
                ],
            },
        ],
    };
    if !status.unanswered.is_empty() {
        page.sections.insert(0, Section::Text { title: "Said and not heard yet", lines: status.unanswered.clone() });
    }
    page
}

pub(in super::super) fn calendar(view: &View) -> Page {
    let mut table = Table::new("Next 30 days", &["date", "kind", "subject", "what", "#held"], "Nothing comes due.");
    for row in view.obligations.iter().flat_map(|rows| rows.iter()) {
        table.row([
            row.date.clone().into(),
            row.kind.clone().into(),
            row.subject.clone().into(),
            row.what.clone().into(),
            row.held.clone().unwrap_or_else(dash).into(),
        ]);
    }
    Page {
        title: "Calendar",
        lead: match &view.obligations {
            Ok(_) => "What comes due whatever the market does: rolls, notices, ends of contracts, holidays.".into(),
            Err(why) => format!("What comes due is not known: {why}"),
        },
        facts: Vec::new(),
        sections: vec![Section::Table(table)],
    }
}
