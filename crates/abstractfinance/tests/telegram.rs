//! The courier end to end: an engine's days on a telephone, and what the telephone may say.
//!
//! In: the built program, a double of the Bot API over HTTP. Out: the messages it got. Invariant: each is told once, in order,
//! whatever the server answers first and however often the courier starts again.
#![allow(clippy::disallowed_methods, reason = "runs programs")]

mod common;
#[path = "common/monitors.rs"]
mod monitors;

use common::Stage;
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TOKEN: &str = "123456:CANARY-token_of_a_bot";
const CHAT: i64 = 4711;
const PERSON: i64 = 7;

/// What the double of the Bot API knows.
#[derive(Default)]
struct Api {
    /// Chat and text of every message it took, and when.
    taken: Vec<(i64, String, Instant)>,
    /// Texts it refused for haste first.
    hurried: Vec<String>,
    /// Updates nobody has fetched past yet.
    updates: VecDeque<Value>,
}

struct Bot {
    address: String,
    api: Arc<Mutex<Api>>,
}

impl Bot {
    fn start() -> Bot {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let api: Arc<Mutex<Api>> = Arc::default();
        let known = Arc::clone(&api);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let known = Arc::clone(&known);
                std::thread::spawn(move || serve(stream, &known));
            }
        });
        Bot { address, api }
    }

    fn taken(&self) -> Vec<String> {
        self.api.lock().unwrap().taken.iter().map(|(_, text, _)| text.clone()).collect()
    }

    /// Waits until so many messages were taken.
    fn wait_for(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(90);
        while self.taken().len() < count {
            assert!(Instant::now() < deadline, "only {:#?}", self.taken());
            std::thread::sleep(Duration::from_millis(100));
        }
        self.taken()
    }

    /// A person writes.
    fn write(&self, id: i64, from: i64, age_s: i64, text: &str) {
        let at = jiff::Timestamp::now().as_second() - age_s;
        let message = json!({ "from": { "id": from }, "chat": { "id": CHAT }, "date": at, "text": text });
        self.api.lock().unwrap().updates.push_back(json!({ "update_id": id, "message": message }));
    }
}

/// Answers one request as the Bot API does.
fn serve(stream: TcpStream, api: &Mutex<Api>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let field = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        length = field.map_or(length, |(_, value)| value.trim().parse().unwrap());
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let method = first.split(' ').nth(1)?.strip_prefix(&format!("/bot{TOKEN}/"))?.to_owned();
    let mut api = api.lock().unwrap();
    let (status, answer) = match method.as_str() {
        "sendMessage" => {
            let text = asked["text"].as_str().unwrap().to_owned();
            // Every second text is refused once.
            if !api.hurried.contains(&text) && api.hurried.len() <= api.taken.len() / 2 {
                api.hurried.push(text);
                (429, json!({ "ok": false, "description": "Too Many Requests", "parameters": { "retry_after": 1 } }))
            } else {
                api.taken.push((asked["chat_id"].as_i64().unwrap(), text, Instant::now()));
                (200, json!({ "ok": true, "result": {} }))
            }
        }
        _ => {
            let offset = asked["offset"].as_i64().unwrap();
            api.updates.retain(|update| update["update_id"].as_i64().unwrap() >= offset);
            (200, json!({ "ok": true, "result": api.updates.iter().collect::<Vec<_>>() }))
        }
    };
    drop(api);
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    reader.get_mut().write_all((head + &answer).as_bytes()).ok()
}

/// A courier in a process of its own; it ends when dropped.
struct Courier(Child);

impl Courier {
    fn start(stage: &Stage) -> Courier {
        let file = stage.path("courier.log");
        let log = std::fs::File::options().create(true).append(true).open(&file).unwrap();
        let begun = || std::fs::read_to_string(&file).unwrap().matches("messages are told from here on").count();
        let before = begun();
        let mut command = stage.command("notify --config config --state-dir state");
        let mut child = command.env("AF_LOG", "debug").stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("telling"), "{said}");
        let deadline = Instant::now() + Duration::from_secs(60);
        while begun() == before {
            assert!(Instant::now() < deadline, "it never opened the outbox");
            std::thread::sleep(Duration::from_millis(50));
        }
        Courier(child)
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn configured(stage: &Stage, bot: &Bot) {
    let telegram = format!(
        "telegram: {{api: \"http://{}\", token_file: token, chats: [{CHAT}], commands_from: [{PERSON}]}}",
        bot.address
    );
    stage.config("config", "settings.yaml", "telegram: null", &telegram);
    std::fs::write(stage.path("token"), format!("{TOKEN}\n")).unwrap();
}

#[test]
fn a_fund_tells_its_days_and_hears_who_may_speak() {
    let (stage, bot) = (Stage::new(), Bot::start());
    configured(&stage, &bot);
    assert_eq!(
        stage.run("notify --test --config config --state-dir state").code,
        2,
        "the first text is refused for haste"
    );
    assert_eq!(stage.ok("notify --test --config config --state-dir state"), "telegram:4711: arrived\n");

    stage.ok("demo --days 1 --config config --state-dir state");
    let courier = Courier::start(&stage);
    let log = || std::fs::read_to_string(stage.path("courier.log")).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(bot.taken().len(), 1, "what was before it came is no news: {}", log());
    stage.ok("demo --days 2 --config config --state-dir state");
    let told = bot.wait_for(3);
    assert_snapshot!(told[1], @"
    📊 Daily Summary - 2026-03-03

    NAV: $10,018,242 (+0.32%)
    Daily P&L: +$32,320

    Exposures:
      Gross: 0.52x
      Net: 0.00x

    Risk:
      Vol: 8.0% (target 12%)
      Drawdown: -0.2%
      Regime: NORMAL

    Next run: 2026-03-04 06:00 UTC
    ");
    assert_snapshot!(told[2], @"
    📊 Execution Summary - 2026-03-03

    Orders: 2 total, 2 filled
    Traded: $309,270

    Costs:
      Slippage: 1.5 bps avg ($47)
      Commission: $155

    Worst execution:
      CSPX: 1.5 bps on 218

    Netting saved: 0% of turnover
    ");

    // Started again and again, it tells nothing twice.
    drop(courier);
    let courier = Courier::start(&stage);
    bot.write(1, PERSON, 0, "/status");
    bot.write(2, 666, 0, "/pause");
    bot.write(3, PERSON, 3_600, "/pause");
    bot.write(4, PERSON, 0, "hello");
    bot.write(5, PERSON, 0, "/why CSPX");
    let told = bot.wait_for(6);
    assert_snapshot!(told[3..].join("---\n"), @"
    Account   f4f616
    Engine    none is running
    Mode      NORMAL
    Last day  2026-03-03: 2 of 2 orders filled
    NAV       10,018,242.45 USD · against the broker +0.0000 bp
    Exposure  gross 0.525 × NAV · net +0.002 × NAV · 2 positions
    Risk      regime NORMAL · scale 1.5000 · drawdown -0.15 %
    ---
    This was written too long ago to be meant for now; write it again.
    ---
    CSPX on 2026-03-03: held 3418, wanted 3636, today 218, for core_index_rv
    ");
    assert!(
        !stage.ok("status --config config --state-dir state").contains("Waiting"),
        "an old command and a stranger's say nothing"
    );
    bot.write(6, PERSON, 0, "/pause@fund_bot");
    bot.wait_for(7);
    drop(courier);
    let status = stage.ok("status --config config --state-dir state");
    assert!(
        status.contains("Waiting   mode no looser than CANCEL_ONLY (by telegram 7: said by telephone)"),
        "{status}"
    );
    std::thread::sleep(Duration::from_secs(1));
    let _courier = Courier::start(&stage);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(bot.taken().len(), 7, "{:#?}", &bot.taken()[7..]);
    let api = bot.api.lock().unwrap();
    assert!(api.taken.iter().all(|(chat, ..)| *chat == CHAT));
    let gaps = api.taken.windows(2).map(|pair| pair[1].2 - pair[0].2);
    assert!(gaps.min().unwrap() >= Duration::from_millis(800), "about one message a second and no more");
    drop(api);
    let everything = [log(), status, format!("{:?}", bot.taken())].concat();
    assert!(!everything.contains("CANARY"), "the token is nobody's to read");
}

#[test]
fn a_crisis_is_told_at_once_and_the_telephone_may_be_a_program() {
    let stage = Stage::as_shipped();
    let hook = monitors::Webhook::listen();
    let table = common::repository().join("config/settings.yaml");
    let settings = std::fs::read_to_string(table).unwrap().replace("webhook: null", "webhook: {url_file: hook}");
    std::fs::create_dir(stage.path("config")).unwrap();
    std::fs::write(stage.path("config/settings.yaml"), settings).unwrap();
    std::fs::write(stage.path("hook"), format!("{}/CANARY\n", hook.url)).unwrap();
    stage.run("demo --days 4 --scenario crash --config config --state-dir state");
    let _courier = Courier::start(&stage);
    stage.run("demo --days 5 --scenario crash --config config --state-dir state");
    let mut told = Vec::new();
    while let Some((path, body)) = hook.next(Duration::from_secs(10)) {
        assert_eq!(path, "/CANARY");
        told.push(serde_json::from_str::<Value>(&body).unwrap());
    }
    let crisis = told.iter().position(|message| message["key"] == "crisis:2026-03-06").expect("a crisis");
    let daily = told.iter().position(|message| message["key"].as_str().unwrap().starts_with("daily"));
    assert!(daily.unwrap() > crisis, "it does not wait for the evening");
    assert_snapshot!(told[crisis]["text"].as_str().unwrap(), @r"
    🚨 CRISIS ALERT

    VIX spiked to 45.4!
    Regime: CRISIS

    Actions taken:
    - Scaling reduced to 30%
    - Hedge budget increased 50%

    Manual review recommended.
    ");
    assert!(!std::fs::read_to_string(stage.path("courier.log")).unwrap().contains("CANARY"));
}
