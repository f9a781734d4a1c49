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
