//! Everything this program is made of, held against deny.toml.
//!
//! In: the packages of Cargo.lock for this machine, without network. Out: every package under another licence, of
//! another source, or banned. Invariant: deny.toml is the one list; cargo-deny reads the same.
#![allow(clippy::disallowed_methods, reason = "reads the repository and asks the compiler for its target")]

use cargo_metadata::{MetadataCommand, Package};
use std::process::Command;
use std::sync::LazyLock;
use tests::{repository, text};

static DENY: LazyLock<String> = LazyLock::new(|| text("deny.toml"));
static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(packages);

#[test]
fn every_package_is_under_a_licence_we_allow() {
    let allowed = quoted(list("allow = ["));
    let mut faults = Vec::new();
    for package in PACKAGES.iter() {
        let licence = package.license.as_deref().or(clarified(&package.name)).unwrap_or("no licence field");
        if !satisfied(licence, &allowed) {
            faults.push(format!("{} {}: {licence}", package.name, package.version));
        }
    }
    assert!(faults.is_empty(), "not allowed by [licenses] in deny.toml:\n  {}", faults.join("\n  "));
}

#[test]
fn no_package_is_banned() {
    let banned: Vec<&str> = list("deny = [").lines().filter_map(|line| quoted(line).first().copied()).collect();
    let found: Vec<&str> =
        PACKAGES.iter().map(|package| package.name.as_str()).filter(|name| banned.contains(name)).collect();
    assert!(!banned.is_empty() && found.is_empty(), "banned by [bans] in deny.toml: {}", found.join(", "));
}

#[test]
fn every_package_comes_from_crates_io_or_this_repository() {
    let foreign = |package: &&Package| package.source.as_ref().is_some_and(|source| !source.is_crates_io());
    let found: Vec<String> = PACKAGES.iter().filter(foreign).map(|package| package.id.to_string()).collect();
    assert!(found.is_empty(), "not from crates.io:\n  {}", found.join("\n  "));
}

#[test]
fn a_licence_expression_is_read_as_spdx_says() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
    for expression in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
    ] {
        assert!(satisfied(expression, &allowed), "{expression}");
    }
    for expression in
        ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND (GPL-3.0 OR ISC)", "Apache-2.0 WITH LLVM-exception", ""]
    {
        assert!(!satisfied(expression, &allowed), "{expression}");
    }
}

/// The packages a build for this machine is made of: those are on the disk, the others need not be.
fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(cargo).arg("-vV").output().expect("cargo runs, it started this test").stdout;
    let version = String::from_utf8(version).expect("cargo speaks UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let mut command = MetadataCommand::new();
    command.manifest_path(repository().join("Cargo.toml"));
    command.other_options(["--offline", "--locked", "--filter-platform", host].map(str::to_owned));
    command.exec().expect("what was just built can be listed without network").packages
}

/// What deny.toml says of a package that names no licence.
fn clarified(name: &str) -> Option<&'static str> {
    let clauses = DENY.split("[[licenses.clarify]]").skip(1);
    let mut clauses = clauses.map(|clause| quoted(clause.split("\n\n").next().unwrap_or_default()));
    clauses.find(|clause| clause.first() == Some(&name)).and_then(|clause| clause.get(1).copied())
}

/// The text of one array of deny.toml.
fn list(opening: &str) -> &'static str {
    let from = DENY.find(&format!("\n{opening}\n")).unwrap_or_else(|| panic!("deny.toml has no `{opening}`"));
    let body = &DENY[from + opening.len() + 2..];
    &body[..body.find("\n]").expect("an array ends")]
}

/// What stands in double quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// Whether one way to read an SPDX expression needs allowed licences only. `OR` binds weakest, then `AND`; some
/// packages still write `/` for `OR`.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut satisfied = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        satisfied |= all(words, allowed);
    }
    satisfied
}

fn all(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut satisfied = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        satisfied &= one(words, allowed);
    }
    satisfied
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next() {
        Some("(") => {
            let satisfied = any(words, allowed);
            words.next_if_eq(&")").is_some() && satisfied
        }
        Some(licence) => match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
            Some(exception) => allowed.contains(&format!("{licence} WITH {exception}").as_str()),
            None => allowed.contains(&licence),
        },
        None => false,
    }
}
