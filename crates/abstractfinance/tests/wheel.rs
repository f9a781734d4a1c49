//! The Python package as its users have it: a wheel that maturin built, in an environment of its own, beside the program.
//!
//! In: the package, its pinned tools, a Python. Out: what its tests and its page in the book said, when one fails.
//! Invariant: they run in a network namespace, where Ray finds nobody but itself; without Python, the tools or bubblewrap
//! this says that it is skipped; with AF_NEED_WHEEL it fails instead.
#![allow(clippy::disallowed_methods, reason = "runs the program, maturin and Python")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_wheel_does_what_the_program_does() {
    let python = match environment().and_then(|python| sandbox().map(|()| python)) {
        Ok(python) => python,
        Err(reason) if std::env::var_os("AF_NEED_WHEEL").is_some() => panic!("{reason}"),
        Err(reason) => {
            // Past the capture of the test runner, which hides what a passing test prints.
            let _ = writeln!(std::io::stderr(), "skipped: the Python package as a wheel ({reason})");
            return;
        }
    };
    let wheels = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    // The cargo of the PATH, as a person's maturin would find it, and not this test's surroundings.
    let mut build = Command::new(python.with_file_name("maturin"));
    build.args(["build", "--release", "--locked", "--quiet", "--features", "as-in-tests", "--out"]).arg(wheels.path());
    build.arg("--manifest-path").arg(package().join("Cargo.toml")).env_remove("CARGO");
    succeed(&mut build).unwrap();
    let built: Vec<PathBuf> = std::fs::read_dir(wheels.path()).unwrap().map(|wheel| wheel.unwrap().path()).collect();
    let [wheel] = built.as_slice() else { panic!("one wheel for every Python there is, and not {built:?}") };
    let name = wheel.file_name().unwrap().to_string_lossy();
    assert!(name.starts_with("abstractfinance-0.1.0-cp311-abi3-"), "{name}");
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall"];
    succeed(Command::new(&python).args(install).arg(wheel)).unwrap();

    let mut tests = Command::new("bwrap");
    tests.args(NAMESPACES).args(["--die-with-parent", "--chdir"]).arg(home.path()).arg(&python);
    tests.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "--durations", "5"]).arg(package().join("tests"));
    tests.env("ABSTRACTFINANCE", env!("CARGO_BIN_EXE_abstractfinance")).env("HOME", home.path());
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("RAY_TMPDIR", home.path());
    // Ray asks nobody home, wants no password of itself, and does not wait behind this machine's other tests.
    tests.envs([("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_AUTH_MODE", "disabled"), ("RAY_worker_niceness", "0")]);
    let output = tests.output().unwrap();
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaints}");
    println!("{said}");
}

/// A network of its own with nothing but loopback, and processes of its own, which end with the test.
const NAMESPACES: [&str; 7] = ["--dev-bind", "/", "/", "--unshare-net", "--unshare-pid", "--proc", "/proc"];

fn sandbox() -> Result<(), String> {
    let made = succeed(Command::new("bwrap").args(NAMESPACES).arg("true"));
    made.map_err(|reason| format!("bubblewrap and user namespaces are needed: {reason}"))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders down")
}

fn package() -> PathBuf {
    repository().join("python")
}

/// The Python of a virtual environment that has the pinned tools, made once.
fn environment() -> Result<PathBuf, String> {
    let list = package().join("tests/requirements.txt");
    let pins = std::fs::read_to_string(&list).expect("the pins are part of the repository");
    let folder = repository().join("target/wheel-python");
    let (python, installed) = (folder.join("bin/python"), folder.join("installed-requirements.txt"));
    if std::fs::read_to_string(&installed).is_ok_and(|done| done == pins) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .map_err(|reason| format!("Python 3.11 or newer with its venv module is needed: {reason}"))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    succeed(Command::new(&python).args(pip).arg(list))?;
    std::fs::write(&installed, pins).map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(20).collect();
    Err(format!("{command:?} ended with {}: {}", output.status, last.into_iter().rev().collect::<Vec<_>>().join("\n")))
}
