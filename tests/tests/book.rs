//! The book and the other documents, held together.
//!
//! In: every Markdown file of the repository. Out: links and places that lead nowhere, pages nobody links to.
//! Invariant: a page that exists can be found from the table of contents.
#![allow(clippy::disallowed_methods, reason = "reads the repository")]

use std::path::{Path, PathBuf};
use tests::{repository, text};

#[test]
fn every_link_leads_to_a_file_and_a_place_in_it() {
    let mut dead = Vec::new();
    for page in documents() {
        let folder = page.parent().expect("a file is in a folder");
        for target in links(&text(&page)) {
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { folder.join(file) };
            if !file.exists() || !(place.is_empty() || places(&text(&file)).any(|there| there == place)) {
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

/// What the engine does about each fault, and what stands against each threat: every row names a test, and it exists.
#[test]
fn every_test_that_a_table_names_exists() {
    let sources: Vec<(String, String)> =
        ["crates", "tests", "fuzz"].iter().flat_map(|folder| sources(&repository().join(folder))).collect();
    for (page, table, least) in
        [("docs/gateway.md", Some("## What the engine does about each"), 15), ("docs/security.md", None, 15)]
    {
        let text = text(page);
        let from = table.map_or(Some(text.as_str()), |title| text.split(title).nth(1)).expect("a section");
        let table = from.lines().skip_while(|line| !line.starts_with("| ")).take_while(|line| line.starts_with('|'));
        let rows: Vec<&str> = table.skip(2).collect();
        assert!(rows.len() >= least, "{page}: {} rows", rows.len());
        for row in rows.iter().filter(|row| !row.contains("| the same")) {
            let last = row.trim_end_matches(" |").rsplit("| ").next().expect("a last cell");
            let named = last.split('`').skip(1).step_by(2).filter(|name| !name.contains(' '));
            let named: Vec<&str> = named.filter(|name| name.contains('_') || name.ends_with(".rs")).collect();
            assert!(!named.is_empty(), "{page}: no test in {row}");
            for name in named {
                let (fuzzed, function) = (format!("{name}.rs"), format!("fn {name}("));
                let is = |(file, code): &(String, String)| file == name || *file == fuzzed || code.contains(&function);
                let exists = sources.iter().any(is);
                assert!(exists, "{page}: {name} does not exist: {row}");
            }
        }
    }
}

/// Names and texts of the source files under a folder.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a readable folder").path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let own = own.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), text(&path)));
    own.collect::<Vec<_>>().into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
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

/// What a heading is linked by.
fn places(markdown: &str) -> impl Iterator<Item = String> {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let slug = move |title: &str| title.trim().to_lowercase().replace(' ', "-").chars().filter(kept).collect();
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    headings.map(move |line| slug(line.trim_start_matches('#')))
}

/// Targets of links in the repository.
fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}
