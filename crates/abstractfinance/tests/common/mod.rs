//! The stage of a story: an empty folder, the program, and what it said.
//!
//! In: command lines as a person types them. Out: exit code, text, reports. Invariant: a story sees no
//! configuration, environment or folder but its own, and ends every process it started.
#![allow(dead_code, reason = "each story uses its part of the stage")]

use console::DayReport;
use jiff::Timestamp;
use journal::Journal;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The smallest strategy, which stories about days, orders and failures are told on: a page a person can check by hand.
pub const CORE_PAIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/examples/core-pair");
/// Every page of the dashboard.
pub const PAGES: [&str; 11] = [
    "/",
    "/today",
    "/plan",
    "/positions",
    "/orders",
    "/costs",
    "/risk",
    "/reconciliation",
    "/hedges",
    "/calendar",
    "/modes",
];

/// An empty folder to run the program in, and another for its temporary files.
pub struct Stage {
    root: TempDir,
    config: Option<&'static str>,
}

/// What a run left behind.
pub struct Told {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error, with this stage's folders written as `[dir]`.
    pub err: String,
}

impl Stage {
    /// A stage on which a line without `--config` runs the core pair alone.
    pub fn new() -> Stage {
        Stage { config: Some(CORE_PAIR), ..Stage::as_shipped() }
    }

    /// A stage on which the program runs as it comes: the whole strategy.
    pub fn as_shipped() -> Stage {
        let root = TempDir::new().unwrap();
        ["work", "tmp"].iter().for_each(|folder| std::fs::create_dir(root.path().join(folder)).unwrap());
        Stage { root, config: None }
    }

    /// A stage on which such a line runs the core pair with one text of its settings replaced.
    pub fn with_settings(from: &str, to: &str) -> Stage {
        let stage = Stage { config: Some("own"), ..Stage::as_shipped() };
        stage.config("own", "settings.yaml", from, to);
        stage
    }

    /// A path in the folder the program runs in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("work").join(name)
    }

    /// The names in the folder the program runs in.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A copy of the core pair's configuration with the whole table, with one text replaced.
    pub fn config(&self, name: &str, file: &str, from: &str, to: &str) {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        std::fs::create_dir_all(self.path(name)).unwrap();
        for (source, each) in [(Path::new(CORE_PAIR), "settings.yaml"), (&table, "instruments.yaml")] {
            let text = std::fs::read_to_string(source.join(each)).unwrap();
            assert!(each != file || text.contains(from), "{file} no longer says {from}");
            let text = if each == file { text.replacen(from, to, 1) } else { text };
            std::fs::write(self.path(name).join(each), text).unwrap();
        }
    }

    /// The program with arguments as a person types them.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abstractfinance"));
        command.args(line.split_whitespace()).current_dir(self.path(""));
        if let Some(config) = self.config.filter(|_| !line.contains("--config ")) {
            command.args(["--config", config]);
        }
        command.env_clear().env("TMPDIR", self.root.path().join("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, line: &str) -> Told {
        let output = self.command(line).output().unwrap();
        Told {
            code: output.status.code().expect("nobody else ends it"),
            out: self.redacted(&output.stdout),
            err: self.redacted(&output.stderr),
        }
    }

    fn redacted(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replace(self.path("").to_str().unwrap().trim_end_matches('/'), "[dir]")
    }

    /// Runs a command that has to end well, and returns what it printed.
    pub fn ok(&self, line: &str) -> String {
        let told = self.run(line);
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{line}");
        told.out
    }

    /// The reports of `demo` or `run`; adds `--json`.
    pub fn days(&self, line: &str) -> Vec<DayReport> {
        reports(&self.ok(&format!("{line} --json")))
    }

    /// What a command that has to be refused says, after its exit code.
    pub fn refused(&self, line: &str) -> String {
        let told = self.run(line);
        assert_eq!(told.out, "", "{line}: a refusal goes to standard error alone");
        format!("exit {}\n{}", told.code, told.err.trim_end())
    }

    /// Records of a kind that the journal under `state` holds, with their times.
    pub fn records(&self, kind: &str) -> Vec<(Timestamp, serde_json::Value)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = Journal::open_existing(&self.path("state").join("journal.db")).await.unwrap();
            let account = journal.accounts().await.unwrap().pop().unwrap();
            let events = journal.events_of_kind(&account, kind).await.unwrap();
            let read = |event: &journal::StoredEvent| {
                (Timestamp::from_microsecond(event.at_us).unwrap(), serde_json::from_str(&event.body).unwrap())
            };
            events.iter().map(read).collect()
        })
    }

    /// A simulated gateway as a process of its own, on free ports.
    pub fn gateway(&self, options: &str) -> GatewayProcess {
        let line = format!("gateway --listen 127.0.0.1:0 --control 127.0.0.1:0 {options}");
        let mut child = self.command(&line).stderr(Stdio::inherit()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let addresses = said.strip_prefix("simulated IB Gateway on ").and_then(|rest| rest.split_once(", control on "));
        let (gateway, rest) = addresses.expect(&said);
        let (rest, _) = rest.split_once(';').expect(&said);
        let (control, statements) = match rest.split_once(", statements on ") {
            Some((control, statements)) => (control, Some(statements.to_owned())),
            None => (rest, None),
        };
        let address = format!("--gateway {gateway} --control {control}");
        GatewayProcess { child, address, statements }
    }

    /// Starts a run that stands still at a point and kills it there; `false` when it ended by itself.
    pub fn killed_at(&self, line: &str, point: &str) -> bool {
        let mut command = self.command(line);
        let mut child = command.args(["--stop-at", point]).stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let parked = said.any(|line| line.unwrap().starts_with("parked: "));
        if parked {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        parked
    }

    /// Starts a command and kills it, as `kill -9` does, once a file has grown by some bytes. False when
    /// the command ended by itself before that.
    pub fn killed_once_grown(&self, line: &str, file: &str, bytes: u64) -> bool {
        let length = || std::fs::metadata(self.path(file)).map_or(0, |metadata| metadata.len());
        let enough = length() + bytes;
        let mut child = self.command(line).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{line} neither ends nor writes {file}");
            if length() >= enough {
                child.kill().unwrap();
                child.wait().unwrap();
                return true;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        false
    }
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders down")
}

/// A running gateway; killed when dropped.
pub struct GatewayProcess {
    child: Child,
    /// Options of `run` that lead to it.
    pub address: String,
    /// Where it serves activity statements, when it was asked to.
    pub statements: Option<String>,
}

impl GatewayProcess {
    /// Where its API listens.
    pub fn api(&self) -> SocketAddr {
        self.address.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A cable between engine and gateway that can be cut; whoever connects again gets a new one.
pub struct Cable {
    /// Where the engine connects.
    pub address: SocketAddr,
    plugged: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    pub fn plug(upstream: SocketAddr) -> Cable {
        Cable::from(Ipv4Addr::LOCALHOST, upstream)
    }

    /// One whose near end is at an address of this machine that another host can reach.
    pub fn from(near: Ipv4Addr, upstream: SocketAddr) -> Cable {
        let listener = TcpListener::bind((near, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let plugged: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let ends = Arc::clone(&plugged);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(upstream).unwrap());
                [&near, &far].iter().for_each(|end| end.set_nodelay(true).unwrap());
                ends.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                carry(near.try_clone().unwrap(), far.try_clone().unwrap());
                carry(far, near);
            }
        });
        Cable { address, plugged }
    }

    /// Breaks every connection made so far.
    pub fn cut(&self) {
        self.plugged.lock().unwrap().drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The reports in what `--json` printed.
pub fn reports(json: &str) -> Vec<DayReport> {
    let document: serde_json::Value = serde_json::from_str(json).expect(json);
    serde_json::from_value(document["days"].clone()).unwrap()
}

/// What has to hold after every day in the simulator: both sides agree on everything.
pub fn assert_tied_out(day: &DayReport) {
    assert!(day.nav.is_some(), "{}", day.date);
    assert_eq!(day.nav, day.nlv, "{}: NAV and NLV", day.date);
    assert_eq!(day.difference_bp, Some(0.0), "{}", day.date);
    for position in &day.positions {
        assert_eq!(position.ours, position.broker, "{}: {}", day.date, position.instrument);
    }
}
