//! The workspace held against ARCHITECTURE.md.
//!
//! In: the tables of ARCHITECTURE.md, the manifests, the root files of the crates. Out: every difference, in a sentence.
//! Invariant: the document is the law; whoever adds an arrow or a library edits it first.
#![allow(clippy::disallowed_methods, reason = "reads the repository")]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tests::{repository, text};

const LAW: &str = "ARCHITECTURE.md";
/// The one crate with lints of its own.
const PYTHON: &str = "python";

#[test]
fn every_arrow_between_crates_is_in_the_table() {
    let allowed = arrows();
    let workspace = workspace();
    let crates: BTreeSet<&str> = workspace.packages.iter().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in &workspace.packages {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            faults.push(format!("crate `{}` has no row: say what it may depend on", package.name));
            continue;
        };
        for dependency in libraries(package).filter(|name| crates.contains(name) && !allowed.contains(*name)) {
            faults.push(format!("`{}` depends on `{dependency}`, which its row does not allow", package.name));
        }
    }
    let gone = allowed.keys().filter(|name| !crates.contains(name.as_str()));
    faults.extend(gone.map(|name| format!("`{name}` has a row and is no crate: remove the row")));
    report(&faults);
}

#[test]
fn pure_crates_use_only_the_libraries_that_are_named() {
    let pure = words_after("Pure:");
    let named = words_after("Their libraries:");
    let workspace = workspace();
    let internal: BTreeSet<String> = workspace.packages.iter().map(|package| package.name.to_string()).collect();
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for package in workspace.packages.iter().filter(|package| pure.contains(package.name.as_str())) {
        for library in libraries(package).filter(|name| !internal.contains(*name)) {
            used.insert(library.to_owned());
            if !named.contains(library) {
                faults.push(format!("pure crate `{}` depends on `{library}`, which is not named", package.name));
            }
        }
    }
    faults.extend(pure.difference(&internal).map(|name| format!("`{name}` is called pure and is no crate")));
    faults.extend(named.difference(&used).map(|name| format!("no pure crate uses `{name}`: remove its name")));
    report(&faults);
}

#[test]
fn no_pure_crate_excuses_itself_from_the_bans() {
    let mut faults = Vec::new();
    for name in words_after("Pure:") {
        for path in rust_files(&repository().join("crates").join(&name).join("src")) {
            let source = text(&path);
            if source.contains("#![allow(clippy::disallowed_") || source.contains("#![expect(clippy::disallowed_") {
                faults.push(format!("{} opts out of clippy.toml; pass it the value instead", path.display()));
            }
        }
    }
    report(&faults);
}

#[test]
fn every_crate_is_bound_by_the_workspace_lints_and_they_forbid_unsafe_code() {
    let lints = section(&text("Cargo.toml"), "[workspace.lints.rust]");
    assert!(lints.contains(&"unsafe_code = \"forbid\"".to_owned()), "Cargo.toml no longer forbids unsafe code");
    let bound =
        |package: &&Package| section(&text(&package.manifest_path), "[lints]").contains(&"workspace = true".to_owned());
    let workspace = workspace();
    let unbound = workspace.packages.iter().filter(|package| package.name.as_str() != PYTHON && !bound(package));
    report(
        &unbound
            .map(|package| format!("{}: add `[lints]` with `workspace = true`", package.manifest_path))
            .collect::<Vec<_>>(),
    );
}

/// PyO3's macros expand to unsafe code, which says that it may be there; a lint that forbids does not listen.
#[test]
fn the_python_module_has_the_same_lints_but_for_what_macros_expand_to_and_no_unsafe_code_of_ours() {
    let (law, manifest) = (text("Cargo.toml"), text("python/Cargo.toml"));
    for part in ["rust", "clippy"] {
        let expected = section(&law, &format!("[workspace.lints.{part}]")).join("\n").replace("forbid", "deny");
        assert_eq!(section(&manifest, &format!("[lints.{part}]")).join("\n"), expected, "python/Cargo.toml");
    }
    for file in rust_files(&repository().join("python/src")) {
        assert!(!text(&file).contains("unsafe"), "{} speaks of unsafe code", file.display());
    }
}

#[test]
fn an_integer_that_overflows_panics_in_the_profile_people_run() {
    let release = section(&text("Cargo.toml"), "[profile.release]");
    assert!(release.contains(&"overflow-checks = true".to_owned()), "releases must check for overflow");
    let sum = std::panic::catch_unwind(|| std::hint::black_box(i64::MAX) + std::hint::black_box(1));
    assert!(sum.is_err(), "an overflow went unnoticed: {sum:?}");
}

fn workspace() -> Metadata {
    let manifest = repository().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo reads the manifests of the workspace")
}

/// Names of everything a crate links, workspace members included.
fn libraries(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal).map(|d| d.name.as_str())
}

/// The table: crate by crate, what it may depend on.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let law = text(LAW);
    let rows = law.lines().filter(|line| line.starts_with("| `"));
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let (name, allowed) = row.trim_matches('|').split_once('|').expect("a row has two cells");
        let allowed = match allowed.trim() {
            "everything above" => arrows.keys().cloned().collect(),
            list => words(list),
        };
        arrows.extend(words(name).into_iter().map(|name| (name, allowed.clone())));
    }
    assert!(!arrows.is_empty(), "{LAW} has no table of arrows");
    arrows
}

fn words_after(label: &str) -> BTreeSet<String> {
    let law = text(LAW);
    let line = law.lines().find(|line| line.starts_with(label));
    words(line.unwrap_or_else(|| panic!("{LAW} has no line that starts with `{label}`")))
}

/// What stands in backticks.
fn words(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The lines of one section of a TOML file, without comments.
fn section(toml: &str, header: &str) -> Vec<String> {
    let lines = toml.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#');
    lines.take_while(|line| !line.starts_with('[')).filter(says).map(str::to_owned).collect()
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let expand = |path: std::path::PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    paths.flat_map(expand).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "{LAW} and the workspace differ:\n  {}", faults.join("\n  "));
}
