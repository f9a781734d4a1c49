//! The book's own command lines, run.
//!
//! In: every `console` block under docs/ and in the README, and what stands under a `<!-- $ command -->`. Out: what the
//! program really prints there. Invariant: a page
//! is one story in one folder with nothing but `config` in it, from its first command to its last; `UPDATE_BOOK=1` writes
//! the outputs into it.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads the book")]

use ports::code::{OrderWord, Severity, of_order, severity};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

const OPENING: &str = "```console";
const CLOSING: &str = "```";
/// A command whose output is part of the page, up to the end mark.
const PART: &str = "<!-- $ ";
const PART_END: &str = "<!-- end -->";
/// Pages that are run at the same time.
const AT_ONCE: usize = 3;
/// The folder of real series in a command line.
const SERIES: &str = "SOURCE";

#[test]
fn every_command_in_the_book_prints_what_the_book_says() {
    let update = std::env::var_os("UPDATE_BOOK").is_some();
    let (pages, different) = (Mutex::new(pages().into_iter()), Mutex::new(Vec::new()));
    let next = || pages.lock().unwrap().next();
    let work = || {
        while let Some(page) = next() {
            let text = std::fs::read_to_string(&page).unwrap();
            let told = retold(&text);
            if told != text {
                if update {
                    std::fs::write(&page, &told).unwrap();
                }
                different.lock().unwrap().push(format!("{}:\n{}", page.display(), difference(&text, &told)));
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let different = different.into_inner().unwrap();
    assert!(
        update || different.is_empty(),
        "the program prints something else than the book; `UPDATE_BOOK=1 cargo test --release -p abstractfinance \
         --test book` writes it in, then read it:\n{}",
        different.join("\n")
    );
}

/// The codes of the broker's page are read by the engine as the page says, in the order of its rows.
#[test]
fn the_broker_s_codes_are_read_as_its_page_says() {
    let page = std::fs::read_to_string(root().join("docs/broker.md")).unwrap();
    let table = page.split("## Codes about orders and questions").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let kinds = [
        (Severity::Informational, OrderWord::Lives),
        (Severity::Warning, OrderWord::Lives),
        (Severity::Rejection, OrderWord::Refused),
        (Severity::Rejection, OrderWord::Lives),
        (Severity::Rejection, OrderWord::Refused),
        (Severity::Unknown, OrderWord::Unknown),
    ];
    assert_eq!(rows.len(), kinds.len());
    let mut named = BTreeMap::new();
    for (row, kind) in rows.iter().zip(kinds) {
        for part in row.split('|').nth(1).unwrap().trim().split(", ") {
            let ends: Vec<i32> = part.split(" to ").map_while(|code| code.parse().ok()).collect();
            let codes = ends.first().zip(ends.last()).map(|(&first, &last)| first..=last);
            named.extend(codes.into_iter().flatten().map(|code| (code, kind)));
        }
    }
    // A cancel's refusals stand in a row of their own, after the row of all refusals.
    for code in (0..20_000).filter(|code| severity(*code) != Severity::Connection && !(2100..2200).contains(code)) {
        let read = (severity(code), of_order(code));
        let said = named.get(&code).copied().unwrap_or((Severity::Unknown, OrderWord::Unknown));
        assert!(read == said || read.0 == Severity::Fatal, "{code}: the page says {said:?}, the engine reads {read:?}");
    }
}

/// The page with every output replaced by what the program prints now. What a run makes up anew (hashes, sizes) stays as it is
/// where nothing else differs. A page that replays real series is left alone where there are none, which is said.
fn retold(page: &str) -> String {
    let stage = TempDir::new().unwrap();
    std::os::unix::fs::symlink(root().join("config"), stage.path().join("config")).unwrap();
    if page.lines().any(|line| line.starts_with("$ ") && line.contains(SERIES)) {
        let Ok(series) = root().join("../shared/data").canonicalize() else {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: a page of the book that replays real series (there is no ../shared/data)"
            );
            return page.to_owned();
        };
        std::os::unix::fs::symlink(series, stage.path().join(SERIES)).unwrap();
    }
    let (mut told, mut inside) = (String::new(), false);
    let mut lines = page.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        told += line;
        let marked = line.trim_end();
        inside = if inside { marked != CLOSING } else { marked == OPENING };
        let part = marked.strip_prefix(PART).map(|rest| rest.trim_end_matches(" -->"));
        let Some(command) = part.or(marked.strip_prefix("$ ").filter(|_| inside)) else { continue };
        let ends = |line: &str| match part {
            Some(_) => line.trim_end() == PART_END,
            None => line.trim_end() == CLOSING || line.starts_with("$ "),
        };
        let before: String = std::iter::from_fn(|| lines.next_if(|line| !ends(line))).collect();
        let now = if is_there(command) { output(command, stage.path()) } else { before.clone() };
        told += if lasting(&now) == lasting(&before) { &before } else { &now };
    }
    told
}

/// Whether the reader's tool of a command is there; what is not, is said.
fn is_there(command: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there =
        !command.starts_with("sqlite3 ") || std::env::split_paths(&paths).any(|dir| dir.join("sqlite3").exists());
    if !there {
        let _ = writeln!(std::io::stderr(), "skipped: a query of the book (install sqlite3)");
    }
    there
}

/// A text without what every run makes up anew.
fn lasting(text: &str) -> String {
    let word = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let masked = words.map(|part| match part.get(..64) {
        Some(hash) if word(hash) => format!("#{}", &part[64..]),
        _ => part.to_owned(),
    });
    let masked: String = masked.collect();
    let sizes = masked.lines().map(|line| match line.strip_suffix(" bytes").and_then(|line| line.rsplit_once(' ')) {
        Some((before, size)) if size.parse::<u64>().is_ok() => format!("{before} # bytes"),
        _ => line.to_owned(),
    });
    sizes.collect::<Vec<_>>().join("\n")
}

/// Runs one line as a reader would type it, both streams together.
fn output(line: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_abstractfinance"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(folder).stdin(Stdio::null());
    command.env_clear().env("PATH", path).env("TMPDIR", folder).env("USER", "ada");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    text.iter().map(|line| format!("{line}\n")).collect()
}

/// The first line in which two texts part.
fn difference(before: &str, after: &str) -> String {
    let mut lines = before.lines().zip(after.lines()).enumerate();
    let first = lines.find(|(_, (a, b))| a != b);
    first.map_or_else(
        || "  one of the two ends earlier".into(),
        |(at, (book, program))| format!("  line {}\n  book    {book}\n  program {program}", at + 1),
    )
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages() -> Vec<PathBuf> {
    let root = root();
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}
