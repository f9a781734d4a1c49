//! Secrets in files, and a day on which much goes wrong: none of them comes out anywhere.
//!
//! In: the built program with every secret it can have, faults, the loudest log. Out: everything it printed, wrote, served
//! and sent. Invariant: no secret and no full account number is in any of it.
#![allow(clippy::disallowed_methods, reason = "runs programs and reads what they wrote")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;

use common::{PAGES, Stage, repository};
use monitors::Served;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const CANARY: &str = "CANARY7f3a";
/// The account of the built-in gateway.
const ACCOUNT: &str = "DU1000001";
/// What the simulated account itself remembers; it is the broker's, not the engine's.
const BROKERS_OWN: &str = "gateway.jsonl";

#[test]
fn no_secret_comes_out_of_a_faulty_run() {
    let stage = Stage::new();
    let example = std::fs::read_to_string(repository().join("config/examples/core-pair/settings.yaml")).unwrap();
    let closed = monitors::free_address();
    let telegram = format!("telegram: {{api: \"http://{closed}\", token_file: token, chats: [1], commands_from: [2]}}");
    let settings = example
        .replace("telegram: null", &telegram)
        .replace("webhook: null", "webhook: {url_file: hook}")
        .replace("password_file: null", "password_file: password");
    std::fs::create_dir(stage.path("config")).unwrap();
    std::fs::write(stage.path("config/settings.yaml"), settings).unwrap();
    std::fs::write(stage.path("token"), format!("1:{CANARY}")).unwrap();
    std::fs::write(stage.path("hook"), format!("http://{closed}/{CANARY}")).unwrap();
    std::fs::write(stage.path("password"), CANARY).unwrap();
    std::fs::write(stage.path("dashboard"), "$argon2id$v=19$m=8,t=1,p=1$CANARY7f3aCANARY7f3a$CANARY7f3a").unwrap();
    let mut said = Vec::new();
    let mut loud = |line: &str| {
        let output = stage.command(line).env("AF_LOG", "trace").output().unwrap();
        for (stream, bytes) in [("output", output.stdout), ("errors", output.stderr)] {
            said.push((format!("{stream} of {line}"), String::from_utf8_lossy(&bytes).into_owned()));
        }
    };
    loud("demo --days 3 --faults 11 --account-events realistic --config config --state-dir state --json");
    for line in [
        "notify --test --config config --state-dir state",
        "doctor --config config --state-dir state",
        "config show --config config",
        "config show --config config --json",
        "status --config config --state-dir state",
        "metrics --config config --state-dir state",
        "reconcile --explain --config config --state-dir state",
        "journal export --all --out export.gz --config config --state-dir state",
        "kill --reason drill --gateway 127.0.0.1:1 --config config --state-dir state",
        "dashboard --password-file dashboard --listen 0.0.0.0:0 --state-dir nowhere/else --config missing",
    ] {
        loud(line);
    }
    let log = std::fs::File::create(stage.path("courier.log")).unwrap();
    let mut courier = stage.command("notify --config config --state-dir state");
    let mut courier = courier.env("AF_LOG", "trace").stdout(Stdio::null()).stderr(log).spawn().unwrap();
    loud("demo --days 4 --faults 11 --account-events realistic --config config --state-dir state");
    std::thread::sleep(Duration::from_secs(3));
    courier.kill().unwrap();
    courier.wait().unwrap();
    let served = Served::start(stage.command("metrics --serve --listen 127.0.0.1:0 --config config --state-dir state"));
    said.push(("metrics as served".into(), served.get("/metrics")));
    let dashboard = Served::start(stage.command("dashboard --listen 127.0.0.1:0 --config config --state-dir state"));
    for page in PAGES {
        let shown = dashboard.get(page);
        assert!(shown.contains("</html>"), "{page}: {shown}");
        said.push((format!("the dashboard's {page}"), shown));
    }

    let secrets = ["token", "hook", "password", "dashboard"].map(|name| stage.path(name));
    files(&stage.path(""), &mut |path| {
        if !secrets.contains(&path.to_owned()) && !path.ends_with(BROKERS_OWN) {
            said.push((
                path.display().to_string(),
                String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(),
            ));
        }
    });
    assert!(
        said.iter().any(|(name, text)| name.ends_with("courier.log") && text.contains("not delivered")),
        "it did try"
    );
    assert!(said.iter().any(|(name, _)| name.ends_with("journal.db")));
    let found = |word: &str| -> Vec<&str> {
        said.iter().filter(|(_, text)| text.contains(word)).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(found(CANARY), Vec::<&str>::new(), "a secret came out");
    assert_eq!(found(ACCOUNT), Vec::<&str>::new(), "the account number came out");
}

fn files(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files(&entry, each) } else { each(&entry) }
    }
}
