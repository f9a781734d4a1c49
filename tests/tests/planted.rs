//! Planted bugs still apply.
//!
//! In: the patches, and the files they change. Out: the first that no longer fits. Invariant: all go into one copy, one after
//! the other, as `cargo xtask crash --planted` does it; whether each is caught is asked there.
#![allow(clippy::disallowed_methods, reason = "reads the repository and runs git")]

use std::path::Path;
use std::process::Command;
use tests::repository;

#[test]
fn every_planted_bug_applies() {
    let mut patches: Vec<_> = std::fs::read_dir(repository().join("tests/planted"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect();
    patches.sort();
    assert!(patches.len() >= 20, "{} planted bugs", patches.len());
    let copy = tempfile::tempdir().unwrap();
    for patch in patches {
        let text = std::fs::read_to_string(&patch).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("+++ b/")).for_each(|file| bring(file, copy.path()));
        let apply = Command::new("git").args(["apply", "--recount"]).arg(&patch).current_dir(copy.path()).output();
        let apply = apply.expect("git is installed");
        let (name, why) = (patch.display(), String::from_utf8_lossy(&apply.stderr));
        assert!(apply.status.success(), "{name} no longer applies; fit it to what it changes\n{why}");
    }
}

/// Copies a file of the repository, once.
fn bring(file: &str, copy: &Path) {
    let to = copy.join(file);
    if !to.exists() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(repository().join(file), to).unwrap();
    }
}
