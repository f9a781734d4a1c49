//! The book's own command lines, run.
//!
//! In: every `console` block under docs/ and in the README, and what stands under a `<!-- $ command -->`. Out: what the
//! program really prints there. Invariant: a page
//! is one story in one folder with nothing but `config` in it, from its first command to its last; `UPDATE_BOOK=1` writes
//! the outputs into it.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads the book")]

use ports::code::{OrderWord, Severity, of_order, severity};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const OPENING: &str = "```console";
const CLOSING: &str = "```";
/// A command whose output is part of the page, up to the end mark.
const PART: &str = "<!-- $ ";
const PART_END: &str = "<!-- end -->";

#[test]
fn every_command_in_the_book_prints_what_the_book_says() {
    let update = std::env::var_os("UPDATE_BOOK").is_some();
    let mut different = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let told = retold(&text);
        if told != text {
            if update {
                std::fs::write(&page, &told).unwrap();
            }
            different.push(format!("{}:\n{}", page.display(), difference(&text, &told)));
        }
    }
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

/// The page with every output replaced by what the program prints now.
fn retold(page: &str) -> String {
    let stage = TempDir::new().unwrap();
    std::os::unix::fs::symlink(root().join("config"), stage.path().join("config")).unwrap();
    let (mut told, mut inside, mut part) = (String::new(), false, false);
    for line in page.split_inclusive('\n') {
        match line.trim_end() {
            PART_END => part = false,
            _ if part => continue,
            command if command.starts_with(PART) => {
                part = true;
                told += line;
                told += &output(command.trim_start_matches(PART).trim_end_matches(" -->"), stage.path());
                continue;
            }
            OPENING => inside = true,
            CLOSING => inside = false,
            _ if !inside => {}
            command if command.starts_with("$ ") => {
                told += line;
                told += &output(command.trim_start_matches("$ "), stage.path());
                continue;
            }
            _ => continue,
        }
        told += line;
    }
    told
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
