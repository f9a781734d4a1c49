//! The book and the other documents, held together.
//!
//! In: every Markdown file of the repository. Out: links that lead nowhere, pages nobody links to.
//! Invariant: a page that exists can be found from the table of contents.
#![allow(clippy::disallowed_methods, reason = "reads the repository")]

use std::path::{Path, PathBuf};
use tests::{repository, text};

#[test]
fn every_link_leads_to_a_file() {
    let mut dead = Vec::new();
    for page in documents() {
        let folder = page.parent().expect("a file is in a folder");
        for target in links(&text(&page)) {
            let file = target.split('#').next().expect("a split has a first part");
            if !folder.join(file).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n  {}", dead.join("\n  "));
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let book = repository().join("docs");
    let contents = text("docs/SUMMARY.md");
    let listed: Vec<PathBuf> = links(&contents).map(|target| book.join(target)).collect();
    let pages = documents().into_iter().filter(|page| page.starts_with(&book) && !page.ends_with("SUMMARY.md"));
    let unlisted: Vec<String> =
        pages.filter(|page| !listed.contains(page)).map(|page| page.display().to_string()).collect();
    assert!(unlisted.is_empty(), "add to docs/SUMMARY.md:\n  {}", unlisted.join("\n  "));
}

/// The table of what the engine does about each fault names a test in every row, and they exist.
#[test]
fn every_test_that_the_table_of_faults_names_exists() {
    let page = text("docs/gateway.md");
    let table = page.split("## What the engine does about each").nth(1).and_then(|rest| rest.split("## Time").next());
    let rows: Vec<&str> = table.expect("a section").lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    let stories: String = ["abstractfinance/tests", "ibkr/tests/story", "ibkr/src"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(repository().join("crates").join(folder)).expect("a folder"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(text)
        .collect();
    for row in rows.iter().filter(|row| !row.ends_with("| the same |")) {
        let last = row.trim_end_matches(" |").rsplit("| ").next().expect("a last cell");
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).filter(|name| name.contains("_")).collect();
        assert!(!named.is_empty(), "no test in {row}");
        for name in named {
            assert!(stories.contains(&format!("fn {name}(")), "{name} does not exist: {row}");
        }
    }
}

/// Markdown of the root and of the book.
fn documents() -> Vec<PathBuf> {
    ["", "docs", "docs/decisions"].iter().flat_map(|folder| markdown(&repository().join(folder))).collect()
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// Targets of links to files; other addresses and places on the same page are left out.
fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}
