//! The program.
//!
//! In: arguments, settings, files. Out: pages or JSON, and an exit code. Invariant: everything it does is in the library
//! beside it, which the Python module calls too.

/// A trading day asks for memory some thousand times and gives nearly all of it back.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    abstractfinance::main()
}
