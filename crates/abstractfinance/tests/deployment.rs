//! The files of an installation: what can be proved of them without Docker.
//!
//! In: deploy/. Out: every fault, in a sentence; a drill of backup and restore; every query of every dashboard answered by a
//! real Prometheus. Invariant: nothing is published, nothing floats, no secret stands in a file.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads the repository")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;

use common::{Stage, repository};
use insta::assert_snapshot;
use monitors::{Monitor, Served, deployed, free_address, get, installed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SERVICES: [&str; 7] =
    ["alertmanager", "grafana", "ibgateway", "loki", "postgres", "prometheus", "trading-engine"];

fn compose() -> Value {
    serde_saphyr::from_str(&deployed("compose.yaml")).unwrap()
}

/// The services that start without asking for them, with what each inherits.
fn services(compose: &Value) -> Vec<(String, Value)> {
    let all = compose["services"].as_object().unwrap().clone();
    all.into_iter().filter(|(_, service)| service["profiles"].is_null()).collect()
}

#[test]
fn seven_services_that_nobody_outside_reaches() {
    let compose = compose();
    let names: Vec<String> = services(&compose).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, SERVICES);
    let mut faults = Vec::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        let mut fault = |wrong: bool, what: &str| faults.extend(wrong.then(|| format!("{name}: {what}")));
        let image = service["image"].as_str().unwrap();
        let pinned = image.contains('@')
            || image.contains("${IBGA_IMAGE:?")
            || image.split(':').nth(1).is_some_and(|tag| tag != "latest" && tag.contains('.'));
        fault(!pinned, "its image is not pinned");
        fault(!service["ports"].is_null() || service["network_mode"] == "host", "it is published");
        fault(service["healthcheck"]["test"].is_null(), "it has no health check");
        fault(service["privileged"] == true, "it is privileged");
        fault(service["restart"] != "unless-stopped", "it does not come back");
        fault(service["logging"].is_null(), "its log grows without end");
        let own = name != "ibgateway";
        fault(own && service["read_only"] != true, "its file system can be written");
        fault(own && service["cap_drop"] != serde_json::json!(["ALL"]), "it keeps capabilities");
        fault(
            own && service["security_opt"] != serde_json::json!(["no-new-privileges:true"]),
            "it may gain privileges",
        );
        for (key, value) in service["environment"].as_object().into_iter().flatten() {
            let secret = ["PASSWORD", "TOKEN", "KEY", "SECRET"].iter().any(|word| key.contains(word));
            fault(
                secret && !value.as_str().unwrap_or_default().starts_with("/run/secrets/"),
                "a secret in its environment",
            );
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            fault(compose["secrets"][secret.as_str().unwrap()]["file"].is_null(), "a secret that is no file");
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(compose["networks"]["inside"]["internal"], true);
    let outside = compose["services"].as_object().unwrap().iter();
    let outside: Vec<&str> = outside
        .filter(|(_, service)| service["networks"].as_array().is_some_and(|of| of.contains(&"outside".into())))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(outside, ["alertmanager", "ibgateway", "trading-engine"], "who may call out");
}

#[test]
fn the_image_is_small_and_nobodys() {
    let dockerfile = deployed("Dockerfile");
    let last = dockerfile.split("FROM ").last().unwrap();
    assert!(last.starts_with("gcr.io/distroless/") && last.contains("USER 65532:65532"), "{last}");
    assert!(!last.contains("\nRUN "), "it has no shell to run anything with");
    let rust = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let needed = rust.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{needed}-")), "it builds with the version the workspace names");
    let ignored = std::fs::read_to_string(repository().join(".dockerignore")).unwrap();
    assert!(ignored.starts_with("*\n"), "what is not named does not go into the build, secrets least of all");
    // The command of image, container and unit is one the program knows.
    let stage = Stage::new();
    let compose = compose();
    let words: Vec<&str> = compose["services"]["trading-engine"]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    let unit = deployed("systemd/abstractfinance.service");
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/abstractfinance ")).unwrap();
    for line in [words.join(" "), started.to_owned()] {
        let told = stage.run(&format!("{line} --help"));
        assert_eq!(told.code, 0, "{line}: {}", told.err);
    }
}

/// The engine's container without Docker: the program and the libraries it names, nothing else of this system, nobody's rights,
/// a file system that cannot be written, and the command of the compose file.
#[test]
fn the_engine_lives_in_its_container() {
    let stage = Stage::new();
    let Some(container) = Container::build(&stage) else { return };
    for folder in ["state", "secrets", "config"] {
        std::fs::create_dir(stage.path(folder)).unwrap();
    }
    let settings = std::fs::read_to_string(Path::new(common::CORE_PAIR).join("settings.yaml")).unwrap();
    std::fs::write(stage.path("config/settings.yaml"), settings.replace("127.0.0.1:8000", "127.0.0.1:0")).unwrap();
    let mut hashing = stage.command("dashboard --new-password secrets/dashboard_password");
    let mut hashing = hashing.stdin(Stdio::piped()).spawn().unwrap();
    hashing.stdin.take().unwrap().write_all(b"a password of some length").unwrap();
    assert!(hashing.wait().unwrap().success());

    let told = container.command(&["demo", "--days", "2", "--config", "/etc/abstractfinance"]).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let elsewhere = container.command(&["demo", "--state-dir", "/elsewhere"]).output().unwrap();
    assert_snapshot!(String::from_utf8_lossy(&elsewhere.stderr), @"abstractfinance: cannot create the state folder /elsewhere: Read-only file system (os error 30); name another with --state-dir");
    let compose = compose();
    let command = compose["services"]["trading-engine"]["command"].as_array().unwrap();
    let command: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
    let here: Vec<String> = command.iter().map(|word| word.replace("0.0.0.0:8080", "127.0.0.1:0")).collect();
    let engine = Served::start(container.command(&here.iter().map(String::as_str).collect::<Vec<_>>()));
    let healthy = container.command(&["healthy", &engine.address]).output().unwrap();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
}

/// A root file system of the program and what it links to.
struct Container<'a> {
    stage: &'a Stage,
}

impl Container<'_> {
    /// `None` where there is nothing to keep it in, which is said.
    fn build(stage: &Stage) -> Option<Container<'_>> {
        let bubblewrap = installed_quietly("bwrap");
        let allowed = bubblewrap.is_some_and(|program| {
            let mut command = Command::new(program);
            command.args(["--unshare-all", "--ro-bind", "/", "/", "true"]).status().is_ok_and(|ended| ended.success())
        });
        if !allowed {
            assert!(std::env::var_os("AF_NEED_SANDBOX").is_none(), "bwrap cannot make a container");
            let _ = writeln!(std::io::stderr(), "skipped: the engine in its container (install bubblewrap)");
            return None;
        }
        let program = Path::new(env!("CARGO_BIN_EXE_abstractfinance"));
        let linked = Command::new("ldd").arg(program).output().unwrap();
        let linked = String::from_utf8(linked.stdout).unwrap();
        let libraries = linked.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
        let own = (program.to_owned(), PathBuf::from("/usr/local/bin/abstractfinance"));
        for (from, to) in libraries.map(|library| (library.clone(), library)).chain([own]) {
            let to = stage.path("image").join(to.strip_prefix("/").unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
        for folder in ["proc", "dev", "tmp", "etc/abstractfinance", "run/secrets", "var/lib/abstractfinance"] {
            std::fs::create_dir_all(stage.path("image").join(folder)).unwrap();
        }
        Some(Container { stage })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let here = |name: &str| self.stage.path(name).display().to_string();
        let mut command = Command::new("bwrap");
        command.args(["--unshare-all", "--share-net", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"]);
        command.args(["--uid", "65532", "--gid", "65532", "--ro-bind", &here("image"), "/"]);
        command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/var/lib/abstractfinance"]);
        command.args(["--ro-bind", &here("config"), "/etc/abstractfinance"]);
        command.args([
            "--ro-bind",
            &here("secrets"),
            "/run/secrets",
            "--bind",
            &here("state"),
            "/var/lib/abstractfinance",
        ]);
        command.arg("/usr/local/bin/abstractfinance").args(arguments);
        command
    }
}

#[test]
fn the_unit_is_locked_up() {
    let Some(systemd) = installed_quietly("systemd-analyze") else { return };
    let unit = repository().join("deploy/systemd/abstractfinance.service");
    let output = Command::new(systemd).args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("abstractfinance.service") && !line.contains("is not executable"))
        .collect();
    assert_eq!(ours, Vec::<&str>::new());
}

fn installed_quietly(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.exists())
}

/// The drill: a fund is backed up while nobody watches, its machine is lost, and it is there again.
#[test]
fn a_backup_brings_the_fund_back() {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "mode: simulated ", "mode: simulated ");
    std::fs::create_dir(stage.path("config/secrets")).unwrap();
    std::fs::write(stage.path("config/secrets/token"), "CANARY").unwrap();
    stage.ok("demo --days 2 --config config --state-dir state");
    let before = ["status", "nav", "positions", "journal verify"]
        .map(|line| stage.ok(&format!("{line} --config config --state-dir state")));
    let script = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(repository().join("deploy").join(name));
        let program = env!("CARGO_BIN_EXE_abstractfinance");
        command.args(arguments).current_dir(stage.path("")).env("AF", program).output().unwrap()
    };
    let told = |output: std::process::Output| {
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{text}");
        text
    };
    let backup = told(script("backup", &["state", "config", "backups"])).lines().last().unwrap().to_owned();
    let listed = Command::new("tar")
        .args(["-tf", &format!("{backup}/config.tar")])
        .current_dir(stage.path(""))
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("secrets"), "secrets are not in a backup");
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    std::fs::remove_dir_all(stage.path("config")).unwrap();
    told(script("restore", &[&backup, "state", "config"]));
    let after = ["status", "nav", "positions", "journal verify"]
        .map(|line| stage.ok(&format!("{line} --config config --state-dir state")));
    assert_eq!(before, after);
    assert!(!script("restore", &[&backup, "state", "config"]).status.success(), "nothing is written over");
    let file = stage.path(&format!("{backup}/journal.gz"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(!script("restore", &[&backup, "other", "config"]).status.success(), "a damaged backup is told");
    assert!(!stage.path("other").exists());
}

/// Every query of every panel, asked of a real Prometheus that has read a fund of two days.
#[test]
fn every_panel_has_data() {
    let Some(prometheus) = installed("prometheus") else { return };
    let stage = Stage::as_shipped();
    assert_eq!(stage.run("demo --days 2 --state-dir state").code, 0);
    let served = Served::start(stage.command("metrics --serve --listen 127.0.0.1:0 --state-dir state"));
    let address = free_address();
    let config =
        deployed("prometheus/prometheus.yml").replace(": 15s", ": 1s").replace("trading-engine:8000", &served.address);
    std::fs::write(stage.path("prometheus.yml"), config.replace("alertmanager:9093", "127.0.0.1:1")).unwrap();
    std::fs::write(stage.path("rules.yml"), deployed("prometheus/rules.yml")).unwrap();
    let mut command = Command::new(prometheus);
    command.args([
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=prometheus",
        &format!("--web.listen-address={address}"),
    ]);
    let _prometheus = Monitor::start(&mut command, &stage.path(""));
    let answer = |query: &str| -> usize {
        let text = get(&address, &format!("/api/v1/query?query={}", encoded(query)));
        let answer: Value = text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while answer("abstractfinance_engine_up") == 0 {
        assert!(Instant::now() < deadline, "Prometheus read nothing");
        std::thread::sleep(Duration::from_millis(300));
    }
    let mut asked = BTreeSet::new();
    for file in ["grafana/dashboards/fund.json", "grafana/dashboards/engine.json"] {
        let board: Value = serde_json::from_str(&deployed(file)).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                assert_eq!(target["datasource"]["uid"], "prometheus");
                assert!(answer(query) > 0, "{file}, {}: no data for {query}", panel["title"]);
                asked.insert(query.to_owned());
            }
        }
    }
    assert!(asked.len() > 40, "{}", asked.len());
}

/// A query in an address.
fn encoded(query: &str) -> String {
    query
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
