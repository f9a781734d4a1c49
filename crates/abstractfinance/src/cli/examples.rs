//! What follows the options in `--help`: commands to start from, and what a reader has to know of them.
//!
//! In: the bare command line. Out: the same with examples. Invariant: every example is understood by the command line it
//! stands under, which a test holds.

use clap::Command;

/// By command: examples, a command and what it is for in each line, and a paragraph under them.
type Lesson = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const LESSONS: &[Lesson] = &[
    (
        "init",
        &[
            ("init --config mine", "write a complete configuration to mine/, in mode simulated"),
            ("init --config mine --to paper --account DU1234567", "the next step, once the simulator was run"),
            ("init --config mine --to live --account U1234567 --confirm U1234567", "real money"),
        ],
        "Each step names what is still missing before it is taken, and changes nothing until all of it is there.",
    ),
    (
        "demo",
        &[
            ("demo", "one trading day, with its page"),
            ("demo --days 20 --scenario crash --seed 7", "a month with a crash in it"),
            ("demo --days 5 --faults 3", "with failures of connections, orders and quotes"),
            ("demo --serve", "and then on, with the dashboard at http://127.0.0.1:8080"),
        ],
        "",
    ),
    (
        "run",
        &[
            ("run --config mine --state-dir state", "day after day"),
            ("run --once --date 2026-03-02 --state-dir state", "one date, against `abstractfinance gateway`"),
            ("run --standby --config mine", "wait on another host until the first engine is gone"),
        ],
        "A day that was cut off is taken up again by the same command: it resumes, and sends nothing twice.",
    ),
    (
        "backtest",
        &[
            ("backtest --from 2024-01-02 --out result", "a simulated year, with its tear sheet in result/"),
            ("backtest --catalogue data --from 2010-01-04 --to 2018-12-31", "the history of a catalogue"),
            ("backtest --depth order-level --scenario crash", "orders at the simulated exchange"),
            ("backtest --check-lookahead", "does any plan know its future?"),
        ],
        "",
    ),
    (
        "sweep",
        &[
            ("sweep search.yaml --out sweep", "every combination of search.yaml, on all cores"),
            ("sweep search.yaml --only 1-8", "the first eight runs of it"),
            ("sweep search.yaml --list", "what each run would set"),
        ],
        "A sweep that was cut off goes on where it was: what has a result in --out is not run again.",
    ),
    (
        "stress",
        &[
            ("stress --state-dir state", "every named shock on the book"),
            ("stress --plan --shock 2008 --state-dir state", "one on what the last plan wanted"),
        ],
        "",
    ),
    (
        "gateway",
        &[
            ("gateway", "127.0.0.1:4000; its clock is moved by the control on port 4001"),
            ("gateway --speed 60 --at 2026-03-02T13:00:00Z", "a minute a second, from an instant on"),
            ("gateway --faults 7 --record account.jsonl", "with failures; the account survives the process"),
        ],
        "Any client of the TWS API can trade against it.",
    ),
    (
        "dashboard",
        &[
            ("dashboard --state-dir state", "http://127.0.0.1:8080"),
            ("dashboard --new-password password.hash", "read a password, write its hash"),
            ("dashboard --listen 0.0.0.0:8080 --password-file password.hash --host fund.example", "for other hosts"),
        ],
        "",
    ),
    (
        "metrics",
        &[
            ("metrics --state-dir state", "print them once"),
            ("metrics --serve --listen 127.0.0.1:8000 --state-dir state", "for Prometheus"),
        ],
        "",
    ),
    (
        "notify",
        &[
            ("notify --test --config mine", "does every chat and the webhook hear us?"),
            ("notify --config mine --state-dir state", "until Ctrl-C; `run` does the same by itself"),
        ],
        "",
    ),
    (
        "reconcile",
        &[
            ("reconcile --explain --state-dir state", "the last comparison, with each cause's arithmetic"),
            ("reconcile adopt execution:0000e0d5.1.01.01 --reason 'by hand' --state-dir state", "take a finding over"),
        ],
        "A quantity or cash that a listed execution explains is adopted by that execution, which books both at its price.",
    ),
    (
        "costs",
        &[("costs --from 2026-03-02 --to 2026-03-31 --state-dir state", "a month")],
        "Shortfall against the price at the decision is delay, spread, impact, legging and fees; they add up to it.",
    ),
    (
        "resume",
        &[
            ("resume --reason 'broker confirmed the fills' --state-dir state", "in mode NORMAL"),
            ("resume --to reduce-only --reason 'until Monday' --state-dir state", "only what lowers risk"),
        ],
        "",
    ),
    (
        "kill",
        &[("kill --reason 'wrong prices' --state-dir state", "cancel everything, freeze the engine")],
        "It works beside a running engine and without one. Positions stay; `flatten` closes them.",
    ),
    (
        "data",
        &[
            ("data pull SPX VIX --from 2020-01-01 --catalogue data", "from Yahoo"),
            ("data import prices --map map.yaml --out data", "from files of your own"),
            ("data check --catalogue data", "gaps, repeats, jumps, splits"),
        ],
        "",
    ),
    (
        "state",
        &[
            ("state export --state-dir state", "the account as portfolio_state.json"),
            ("state import portfolio_state.json --state-dir new", "accepted, or refused with every reason"),
        ],
        "",
    ),
    (
        "journal",
        &[
            ("journal verify --state-dir state", "walk the hash chain"),
            ("journal backup --out journal.backup --state-dir state", "while an engine runs"),
            ("journal restore --from journal.backup --state-dir new", "and verify it"),
            ("journal export --date 2026-03-02 --out day.json --state-dir state", "one day for another machine"),
        ],
        "",
    ),
    (
        "calendar",
        &[
            ("calendar XLON --from 2026-12-01 --to 2026-12-31 --csv", "sessions in UTC"),
            ("calendar obligations --days 30 --state-dir state", "what comes due"),
        ],
        "",
    ),
    ("screen", &[("screen --side long --state-dir state", "ranks and scores of the last list")], ""),
    (
        "risk",
        &[("risk replay --returns returns.csv --vix vix.csv --csv", "volatility, drawdown and regime by date")],
        "",
    ),
    (
        "status",
        &[
            ("status --state-dir state", "how the engine stands"),
            ("status --watch --state-dir state", "again whenever something happens, with the orders of the day"),
        ],
        "",
    ),
    (
        "report",
        &[
            ("report --state-dir state", "the page of the last finished day"),
            ("report --date 2026-03-02 --json --state-dir state", "the same of another day, for a program"),
        ],
        "",
    ),
    (
        "orders",
        &[
            ("orders --state-dir state", "of the day in progress, or else of the last finished one"),
            ("orders --date 2026-03-02 --state-dir state", "of another day"),
        ],
        "`explain ORDER` shows why an order is what it is, `costs` what it cost.",
    ),
    (
        "close-out",
        &[("close-out --confirm M6E_20260316 --reason 'expires today' --state-dir state", "whatever the mode")],
        "",
    ),
    (
        "config",
        &[
            ("config check --config mine", "can it be run with?"),
            ("config show --config mine", "every value in force"),
            ("config schema", "JSON Schema of settings.yaml, for an editor"),
            ("config reference", "every key: what it is, what it may be"),
        ],
        "",
    ),
    (
        "instruments",
        &[
            ("instruments check", "against the built-in gateway"),
            ("instruments check --gateway 127.0.0.1:4002 --config mine", "what does the broker say otherwise?"),
        ],
        "",
    ),
    (
        "doctor",
        &[
            ("doctor", "against the built-in gateway"),
            ("doctor --config mine --gateway 127.0.0.1:4002 --state-dir state", "before the first paper day"),
        ],
        "",
    ),
    (
        "plan",
        &[
            ("gateway", "in another terminal: something to plan against"),
            ("plan --date 2026-03-02 --state-dir state", "decide the day, store the plan, show it"),
            ("approve 3f0c2a91 --by ada --state-dir state", "let it be executed, by its hash"),
            ("run --once --date 2026-03-02 --state-dir state", "execute exactly that plan"),
        ],
        "`plan` sends no order. It asks the broker what each order would do to the margin, which places nothing. A date that \
         is planned already is shown from the journal, without a gateway; --again makes a new plan in its place while nothing \
         of the old one was sent. Whether a plan waits for `approve` is in `approval:` of the settings.",
    ),
    (
        "approve",
        &[
            ("approve 3f0c2a915b7e --by ada --state-dir state", "let it be executed"),
            ("approve 3f0c2a915b7e --reject 'after the central bank' --state-dir state", "send nothing of it"),
        ],
        "The hash is on the plan's page; its first eight digits are enough. It names the content: a plan that would do \
         anything else has another one. Refused with a code: NO_PLAN, PLAN_OTHER (that is not the plan in force), \
         PLAN_UNDER_WAY, PLAN_FINISHED. The engine refuses to execute an approved plan with PLAN_SETTINGS, PLAN_POSITIONS, \
         PLAN_EXPIRED or PLAN_REJECTED, and holds back new risk whose price left the plan's collar with PLAN_PRICE.",
    ),
    (
        "replay",
        &[
            ("replay --date 2026-03-04 --state-dir state", "decide one day again"),
            ("replay --all --state-dir state", "every day; a line for each that differs"),
            ("replay --all --under other-config", "what another configuration would have changed first"),
        ],
        "A day is decided again from its recorded inputs, under its recorded configuration, and compared with the recorded \
         plan to the last bit. To replay a day on another machine: `journal export --date DATE --out FILE` here, `journal \
         import --from FILE --state-dir NEW` there. A day that differs ends the command with exit code 5.",
    ),
    (
        "explain",
        &[
            ("explain CSPX --state-dir state", "the last day's chain of CSPX"),
            ("explain CSPX --date 2026-03-02 --state-dir state", "another day's"),
            ("explain --date 2026-03-02 --state-dir state", "every order of a day"),
            ("explain AF-f4f616-20260302-1-1 --state-dir state", "one order, by its reference"),
        ],
        "Every number is either recorded, with where it comes from, or made of numbers above it by the formula beside it. In \
         a formula: trunc cuts toward zero, nearest rounds ties away from zero, toward_zero(held, wanted) is the part of the \
         way that lowers a position, tick_down and tick_up put a price on the grid.",
    ),
    (
        "why-not",
        &[
            ("why-not CSPX --state-dir state", "the last day"),
            ("why-not M6E --date 2026-03-02 --state-dir state", "another one"),
        ],
        "The first reason is the one in the way. Codes are those of `gate explain`, and: NO_SLEEVE (nothing wants it), \
         AT_TARGET (what is wanted is held), INSIDE_DRIFT (too near its target to trade), HEDGED (inside the hedge's band), \
         NOT_DUE (a tail hedge that is kept), NO_CONTRACT (nothing of it to trade), SENT (it went out), CARRIED_OVER (not all \
         of it was executed).",
    ),
    (
        "diff",
        &[("diff 2026-03-02 2026-03-03 --state-dir state", "two days")],
        "What differs between two plans: the account, the risk decision, each contract from weight to what is wanted, the \
         orders, and every setting that was changed in between.",
    ),
];

/// Puts the lessons under the options of their commands.
pub fn taught(command: Command) -> Command {
    LESSONS.iter().fold(command, |command, lesson| command.mut_subcommand(lesson.0, |sub| sub.after_help(text(lesson))))
}

fn text((_, examples, paragraph): &Lesson) -> String {
    let widest = examples.iter().map(|(command, _)| command.len()).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let line = |(command, purpose): &(&str, &str)| {
        let beside = format!("  abstractfinance {command:widest$}  {purpose}");
        let fits = command.len() <= widest && beside.chars().count() <= COLUMNS;
        if fits { beside } else { format!("  abstractfinance {command}\n      {purpose}") }
    };
    let title = if examples.len() == 1 { "Example:" } else { "Examples:" };
    let lines: Vec<String> = examples.iter().map(line).collect();
    let lesson = format!("{title}\n{}\n\n{paragraph}", lines.join("\n"));
    lesson.trim_end().to_owned()
}

/// Columns of a page of help, and the longest example whose purpose stands beside it.
const COLUMNS: usize = 100;
const WIDEST: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_example_is_understood_and_fits_a_terminal() {
        for lesson @ (_, examples, _) in LESSONS {
            for (command, _) in *examples {
                let words = shell_words(&format!("abstractfinance {command}"));
                let read = taught(Cli::command()).try_get_matches_from(&words);
                assert!(read.is_ok(), "{command}: {}", read.unwrap_err());
            }
            let examples = text(lesson);
            let long = examples.lines().take_while(|line| !line.is_empty()).find(|line| line.chars().count() > COLUMNS);
            assert_eq!(long, None, "wider than a page of help");
        }
    }

    #[test]
    fn what_needs_no_example_is_known() {
        let taught: Vec<&str> = LESSONS.iter().map(|(name, ..)| *name).collect();
        let bare: Vec<String> = Cli::command()
            .get_subcommands()
            .filter(|sub| !taught.contains(&sub.get_name()))
            .map(|sub| sub.get_name().to_owned())
            .collect();
        insta::assert_snapshot!(bare.join(" "), @"healthy positions nav sleeves halt reduce-only flatten gate hedges");
    }

    /// Words as a shell parts them, with single quotes.
    fn shell_words(line: &str) -> Vec<String> {
        let parts = line.split('\'').enumerate();
        parts
            .flat_map(|(n, part)| match n % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }
}
