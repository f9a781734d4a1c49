//! Where the stories over the whole program find what they tell of; the stories are in the files beside this crate.
//!
//! In: nothing but where this crate was built. Out: the repository's root and its text files.
//! Invariant: a story runs from any working directory and changes nothing in the repository.
#![allow(clippy::disallowed_methods, reason = "the stories run the program and read the repository")]

pub mod crash;
pub mod soak;

use std::path::{Path, PathBuf};

/// The root of the checkout these tests were built in.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the repository")
}

/// A text file of the repository.
///
/// # Panics
/// When it is not there or not UTF-8: the checkout is incomplete.
pub fn text(path: impl AsRef<Path>) -> String {
    let path: PathBuf = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
