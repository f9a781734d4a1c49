//! The dashboard from outside: who gets in, what a form needs, and a walk through every page in a real browser.
//!
//! In: the built program, plain HTTP, Chromium. Out: a matrix of routes and visitors; the walker's transcript.
//! Invariant: without Node.js or Chromium the walk says that it is skipped; with AF_NEED_BROWSER it fails instead.
#![allow(clippy::disallowed_methods, reason = "runs the program and a browser")]

mod common;

use common::{GatewayProcess, PAGES, Stage, repository};
use insta::assert_snapshot;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DAY: &str = "--date 2026-03-02 --state-dir state --config config";
const PASSWORD: &str = "a long enough password";

/// A dashboard that ends with its story.
struct Dashboard {
    process: Child,
    address: String,
    /// Whether the history that it lives through first was printed.
    history: Arc<AtomicBool>,
}

impl Dashboard {
    /// Starts the program and reads the address it tells on a stream of its own.
    fn start(mut command: Command) -> Dashboard {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        let (tell, told) = std::sync::mpsc::channel();
        let history = Arc::new(AtomicBool::new(false));
        for stream in said {
            let (tell, history) = (tell.clone(), Arc::clone(&history));
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    history.fetch_or(line.starts_with("Journal "), Ordering::Relaxed);
                    let address = line.strip_prefix("dashboard: http://").and_then(|rest| rest.split('/').next());
                    address.into_iter().for_each(|address| tell.send(address.to_owned()).unwrap_or_default());
                }
            });
        }
        let address = told.recv_timeout(Duration::from_secs(60)).expect("it says where it listens");
        Dashboard { process, address, history }
    }

    /// One request; status, head and body of the answer.
    fn ask(&self, method: &str, path: &str, head: &str, body: &str) -> Answer {
        let host =
            if head.to_lowercase().contains("host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\n{host}{head}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
        let mut body = Vec::new();
        // The stream of events does not end by itself.
        if !head.contains("text/event-stream") {
            reader.read_to_end(&mut body).unwrap();
        }
        Answer { head, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or("no answer")
    }

    /// The cookie it sets, as a request names it.
    fn cookie(&self) -> String {
        let set = self.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie is set");
        format!("Cookie: {}\r\n", set.split(';').next().unwrap())
    }

    fn csrf(&self) -> &str {
        self.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token")
    }
}

fn with_a_day() -> Stage {
    let stage = Stage::new();
    assert_eq!(stage.run("demo --state-dir state").code, 0);
    stage
}

#[test]
fn nobody_sees_or_says_anything_without_a_right_to() {
    let stage = with_a_day();
    let mut hashing = stage.command("dashboard --new-password password").stdin(Stdio::piped()).spawn().unwrap();
    hashing.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(hashing.wait().unwrap().success());
    let open = stage.run("dashboard --state-dir state --listen 0.0.0.0:0");
    assert_eq!(open.code, 2);
    assert_snapshot!(open.err, @r"
    abstractfinance: 0.0.0.0:0 can be reached from other hosts, and there is no password: write one with `abstractfinance dashboard --new-password FILE`, and name that file with --password-file; or listen on 127.0.0.1
    ");

    let dashboard =
        Dashboard::start(stage.command("dashboard --state-dir state --listen 127.0.0.1:0 --password-file password"));
    let stranger = dashboard.ask("GET", "/login", "", "");
    let login = |password: &str| {
        let form = format!("csrf={}&password={}", stranger.csrf(), password.replace(' ', "+"));
        dashboard.ask("POST", "/login", &stranger.cookie(), &form)
    };
    assert_eq!(login("a wrong but long password").status(), "401");
    let known = login(PASSWORD);
    let person = known.cookie();
    let form = dashboard.ask("GET", "/modes", &person, "").csrf().to_owned();
    let halt = |csrf: &str| format!("csrf={csrf}&wish=halt&by=story&reason=because&about=");

    let mut matrix = String::new();
    let mut row = |what: &str, answers: [&Answer; 2]| {
        let [stranger, person] = answers.map(Answer::status);
        writeln!(matrix, "{what:<34} {stranger:<10} {person}").unwrap();
        for answer in answers {
            assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{what}: {}", answer.head);
        }
    };
    let get = |path: &str, head: &str| dashboard.ask("GET", path, head, "");
    for path in PAGES.into_iter().chain(["/events", "/ready", "/health", "/login", "/assets/app.js", "/nowhere"]) {
        row(&format!("GET {path}"), [&get(path, ""), &get(path, &person)]);
    }
    let post = |path: &str, head: &str, body: &str| dashboard.ask("POST", path, head, body);
    row("POST /say, no token", [&post("/say", "", &halt("")), &post("/say", &person, &halt(""))]);
    row("POST /say, another's token", [&post("/say", "", &halt("0")), &post("/say", &person, &halt(stranger.csrf()))]);
    let elsewhere = format!("{person}Sec-Fetch-Site: cross-site\r\n");
    row("POST /say, from another page", [&post("/say", "", &halt(&form)), &post("/say", &elsewhere, &halt(&form))]);
    let kill = halt(&form).replace("halt", "kill");
    row("POST /say kill, not confirmed", [&post("/say", "", &kill), &post("/say", &person, &kill)]);
    row("POST /say halt", [&post("/say", "", &halt(&form)), &post("/say", &person, &halt(&form))]);
    row("POST /logout, no token", [&post("/logout", "", "csrf="), &post("/logout", &person, "csrf=")]);
    let foreign = format!("{person}Host: evil.example\r\n");
    row("GET /, by another name", [&get("/", "Host: evil.example\r\n"), &get("/", &foreign)]);
    assert_snapshot!(matrix, @r"
    GET /                              303        200
    GET /today                         303        200
    GET /plan                          303        200
    GET /positions                     303        200
    GET /orders                        303        200
    GET /costs                         303        200
    GET /risk                          303        200
    GET /reconciliation                303        200
    GET /hedges                        303        200
    GET /calendar                      303        200
    GET /modes                         303        200
    GET /events                        303        200
    GET /ready                         200        200
    GET /health                        200        200
    GET /login                         200        200
    GET /assets/app.js                 200        200
    GET /nowhere                       303        404
    POST /say, no token                401        403
    POST /say, another's token         401        403
    POST /say, from another page       401        403
    POST /say kill, not confirmed      401        400
    POST /say halt                     401        303
    POST /logout, no token             401        403
    GET /, by another name             421        421
    ");
    assert!(get("/modes", &person).body.contains("CANCEL_ONLY"), "what was said stands on the page");
}

/// A plan that waits for a person, shown by a dashboard beside it; the gateway it was planned against.
fn waiting() -> (Stage, GatewayProcess, Dashboard) {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "mode: auto ", "mode: manual ");
    let gateway = stage.gateway("");
    stage.ok(&format!("plan {DAY} {}", gateway.address));
    let dashboard = Dashboard::start(stage.command("dashboard --state-dir state --config config --listen 127.0.0.1:0"));
    (stage, gateway, dashboard)
}

#[test]
fn a_plan_is_approved_in_the_browser_by_its_hash_and_by_nothing_else() {
    let (stage, gateway, dashboard) = waiting();
    let page = dashboard.ask("GET", "/plan", "", "");
    assert!(page.body.contains("APPROVAL_MANUAL"), "{}", page.body);
    assert!(dashboard.ask("GET", "/today", "", "").body.contains("waits for a person, on the page Plan"));
    let visitor = page.cookie();
    let hash = page.body.split("name=\"about\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let say = |wish: &str, about: &str, confirm: &str| {
        let csrf = page.csrf();
        let form = format!("csrf={csrf}&wish={wish}&by=ada&reason=looked&about={about}&confirm={confirm}");
        dashboard.ask("POST", "/say", &visitor, &form)
    };
    let shown = || dashboard.ask("GET", "/plan", &visitor, "").body;
    assert_eq!(say("approve", hash, "").status(), "400", "the word was not typed");
    assert_eq!(say("approve", &"0".repeat(64), "APPROVE").status(), "303");
    let told = shown();
    assert!(told.contains("nothing was told to the engine: PLAN_OTHER"), "{told}");
    assert!(stage.refused(&format!("run --once {DAY} {}", gateway.address)).contains("APPROVAL_MANUAL"));

    assert_eq!(say("approve", hash, "APPROVE").status(), "303");
    assert!(shown().contains("by ada"), "what was said stands on the page before the engine hears it");
    let days = stage.days(&format!("run --once {DAY} {}", gateway.address));
    assert_eq!(days[0].plan_hash, hash);
    assert!(days[0].orders.iter().all(|order| order.status == "filled"), "{:?}", days[0].orders);
    assert_eq!(say("reject", hash, "").status(), "303");
    let over = shown();
    assert!(over.contains("PLAN_FINISHED") && !over.contains("Approve or reject"), "{over}");
}

/// A fund with a year behind it, one that lives, one that waits for a person, and a walker who opens every page.
#[test]
fn a_person_walks_through_three_funds() {
    let Some((node, chromium, folder)) = browser() else { return };
    let stage = Stage::new();
    let whole = repository().join("config");
    let whole = whole.display();
    stage.ok(&format!("backtest --account-events realistic --state-dir year --config {whole}"));
    let line = format!("dashboard --state-dir year --listen 127.0.0.1:0 --config {whole}");
    let year = Dashboard::start(stage.command(&line));
    let waiting = waiting();
    let living = Dashboard::start(
        stage.command("demo --days 2 --serve --listen 127.0.0.1:0 --state-dir living --account-events realistic"),
    );
    let started = std::time::Instant::now();
    let lives = || living.ask("GET", "/today", "", "").body.contains("is in progress");
    while !living.history.load(Ordering::Relaxed) || !lives() {
        assert!(started.elapsed() < Duration::from_secs(600), "the history was not lived through");
        std::thread::sleep(Duration::from_secs(1));
    }
    let dashboards = [&year, &living].map(|dashboard| format!("http://{}/", dashboard.address));
    let output = Command::new(node)
        .arg(repository().join("tests/browser/walk.mjs"))
        .args(dashboards)
        .arg(format!("http://{}/plan", waiting.2.address))
        .args([&repository().join("target/screenshots"), &chromium])
        .current_dir(folder)
        .output()
        .unwrap();
    let transcript = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{transcript}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Node.js, Chromium, and a folder with the pinned packages; none when they cannot be had.
fn browser() -> Option<(PathBuf, PathBuf, PathBuf)> {
    match installed() {
        Ok(found) => Some(found),
        Err(reason) if std::env::var_os("AF_NEED_BROWSER").is_some() => panic!("{reason}"),
        Err(reason) => {
            // Past the capture of the test runner, which hides what a passing test prints.
            let _ = writeln!(std::io::stderr(), "skipped: a walk through the dashboard in a browser ({reason})");
            None
        }
    }
}

fn installed() -> Result<(PathBuf, PathBuf, PathBuf), String> {
    let node = on_path(&["node"])?;
    let chromium = on_path(&["chromium", "chromium-browser", "google-chrome"])?;
    let folder = repository().join("target/browser");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for file in ["package.json", "package-lock.json"] {
        let pinned = std::fs::read(repository().join("tests/browser").join(file)).expect("a part of the repository");
        std::fs::write(folder.join(file), pinned).map_err(|error| error.to_string())?;
    }
    let npm = Command::new(on_path(&["npm"])?)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .current_dir(&folder)
        .output()
        .map_err(|error| error.to_string())?;
    match npm.status.success() {
        true => Ok((node, chromium, folder)),
        false => Err(format!("npm ci: {}", String::from_utf8_lossy(&npm.stderr).trim())),
    }
}

fn on_path(names: &[&str]) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        names.iter().find_map(|name| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists()));
    found.ok_or_else(|| format!("there is no {}", names[0]))
}
