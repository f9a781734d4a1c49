//! The program.
//!
//! In: arguments, settings, files. Out: pages or JSON, and an exit code. Invariant: everything it does is in the library
//! beside it, which the Python module calls too.

fn main() -> std::process::ExitCode {
    abstractfinance::main()
}
