//! Prometheus, its tools, and whoever serves metrics, on the stage of a story.
//!
//! In: programs of this machine. Out: their verdicts. Invariant: every process ends with its story; what is not installed
//! is said past the capture of the test runner, or fails under AF_NEED_PROMETHEUS.

#![allow(dead_code, reason = "each story uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A process that says `metrics: http://ADDRESS/` or `dashboard: http://ADDRESS/` on one of its streams; it ends when dropped.
pub struct Served {
    process: Child,
    pub address: String,
}

impl Served {
    pub fn start(mut command: Command) -> Served {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        let (tell, told) = channel();
        for stream in said {
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let said =
                        ["metrics: http://", "dashboard: http://"].iter().find_map(|said| line.strip_prefix(said));
                    let address = said.and_then(|rest| rest.split('/').next());
                    address.into_iter().for_each(|address| tell.send(address.to_owned()).unwrap_or_default());
                }
            });
        }
        let address = told.recv_timeout(Duration::from_secs(60)).expect("it says where it serves");
        Served { process, address }
    }

    /// The body of an answer that went well.
    pub fn get(&self, path: &str) -> String {
        get(&self.address, path).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of an answer 200, or what came instead.
pub fn get(address: &str, path: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| text.clone())?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!("{head}\n{body}")),
    }
}

/// A program of Prometheus' family; `None` where it is not installed, which is said.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.exists());
    if found.is_none() {
        assert!(std::env::var_os("AF_NEED_PROMETHEUS").is_none(), "there is no {program}");
        let _ = writeln!(
            std::io::stderr(),
            "skipped: what needs {program} (install prometheus and prometheus-alertmanager)"
        );
    }
    found
}

/// Prometheus' own linter finds nothing.
pub fn check_metrics(text: &str) {
    let Some(promtool) = installed("promtool") else { return };
    let mut checking = Command::new(promtool);
    checking.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checking = checking.spawn().unwrap();
    checking.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = checking.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned()).concat();
    assert!(said.status.success() && words.is_empty(), "promtool check metrics:\n{words}\n{text}");
}

/// A file of the deployment.
pub fn deployed(path: &str) -> String {
    let file = super::common::repository().join("deploy").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// An address that was free a moment ago.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A server of the monitoring; it ends when dropped.
pub struct Monitor(Child);

impl Monitor {
    /// Starts it in a folder; what it says goes to a file there.
    pub fn start(command: &mut Command, folder: &Path) -> Monitor {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("monitors.log")).unwrap();
        let command = command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Monitor(command.spawn().unwrap())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who is told over HTTP.
pub struct Webhook {
    pub url: String,
    told: Receiver<(String, String)>,
}

impl Webhook {
    pub fn listen() -> Webhook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if received(stream).is_none_or(|message| tell.send(message).is_err()) {
                    continue;
                }
            }
        });
        Webhook { url, told }
    }

    /// Path and body of the next call.
    pub fn next(&self, patience: Duration) -> Option<(String, String)> {
        self.told.recv_timeout(patience).ok()
    }
}

/// Reads one request and answers 200.
fn received(stream: TcpStream) -> Option<(String, String)> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some((name, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().unwrap_or_else(|_| panic!("{name}"));
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    Some((path, String::from_utf8_lossy(&body).into_owned()))
}
