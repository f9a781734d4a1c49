//! The simulated gateway as other people's clients see it: IB's own Python API and ib_async trade a day against it.
//!
//! In: the scripts and pinned packages of tests/compat, a Python. Out: their transcripts, when one of them fails.
//! Invariant: without Python or the packages this says that it is skipped; with AF_NEED_CLIENTS it fails instead.
#![allow(clippy::disallowed_methods, reason = "runs the program and Python")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Monday morning: London, Xetra and Chicago are open.
const MORNING: &str = "2026-03-02T09:00:00Z";
/// A minute in a second: quotes move while a client looks at them, and the closing auction is far away.
const SPEED: &str = "60";

#[test]
fn ibs_own_python_api_trades_a_day_in_protobuf() {
    run("flow_ibapi.py");
}

#[test]
fn ib_async_trades_a_day_in_text() {
    run("flow_ib_async.py");
}

fn run(script: &str) {
    let Some(python) = environment() else { return };
    let gateway = Gateway::start();
    let output = Command::new(python)
        .arg(compat().join(script))
        .arg(gateway.port.to_string())
        .output()
        .expect("the Python of the environment starts");
    let transcript = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed\n{transcript}\n{complaints}");
    assert!(transcript.ends_with("ok\n"), "{script} did not come to its end\n{transcript}\n{complaints}");
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders down")
}

fn compat() -> PathBuf {
    repository().join("tests/compat")
}

/// The built program as a gateway whose time runs, on free ports.
struct Gateway {
    process: Child,
    port: u16,
}

impl Gateway {
    fn start() -> Gateway {
        let mut process = Command::new(env!("CARGO_BIN_EXE_abstractfinance"))
            .args(["gateway", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--at", MORNING, "--speed", SPEED])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the gateway says where it listens");
        let address = line.split("Gateway on ").nth(1).and_then(|rest| rest.split(',').next());
        let port = address.and_then(|address| address.rsplit(':').next()?.parse().ok());
        Gateway { process, port: port.unwrap_or_else(|| panic!("no address in `{line}`")) }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python of a virtual environment that has the pinned packages, made once; none when it cannot be made.
fn environment() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| match install() {
        Ok(python) => Some(python),
        Err(reason) if std::env::var_os("AF_NEED_CLIENTS").is_some() => panic!("{reason}"),
        Err(reason) => {
            // Past the capture of the test runner, which hides what a passing test prints.
            let _ = writeln!(std::io::stderr(), "skipped: clients of other people against the gateway ({reason})");
            None
        }
    });
    python.as_deref()
}

fn install() -> Result<PathBuf, String> {
    let lists = ["requirements.txt", "requirements-compiled.txt"].map(|list| compat().join(list));
    let pins: String =
        lists.iter().map(|list| std::fs::read_to_string(list).expect("the pins are part of the repository")).collect();
    let folder = repository().join("target/compat-python");
    let (python, installed) = (folder.join("bin/python"), folder.join("installed-requirements.txt"));
    if std::fs::read_to_string(&installed).is_ok_and(|done| done == pins) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .map_err(|reason| format!("Python 3.11 or newer with its venv module is needed: {reason}"))?;
    let [pure, compiled] = lists;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    succeed(Command::new(&python).args(pip).arg("--require-hashes").arg("-r").arg(pure))?;
    succeed(Command::new(&python).args(pip).arg("-r").arg(compiled))?;
    std::fs::write(&installed, pins).map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {}", output.status, said.lines().last().unwrap_or_default()))
}
