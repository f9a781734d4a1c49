//! Plans that wait: nothing is sent by planning, and only the approved content is executed.
//!
//! In: a gateway of its own, a wire that is listened to, plans, a person. Out: frames, exit codes, the broker's record.
//! Invariant: the wire is read frame by frame by the gateway's own reader of requests, not by the engine.
#![allow(clippy::disallowed_methods, reason = "stories run programs and look into folders")]

mod common;

use common::{GatewayProcess, Stage};
use gateway::wire::{Codec, Request};
use gateway::{Control, Entry, Injection, RemoteControl, read_record};
use serde_json::Value;
use sim::Command;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DAY: &str = "--date 2026-03-02 --state-dir state --config config";

/// A cable that writes down what the engine says, session by session.
struct Tap {
    address: SocketAddr,
    sessions: Arc<Mutex<Vec<Heard>>>,
}

/// What was said in one session.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Tap {
    fn plug(upstream: SocketAddr) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, sessions): (_, Arc<Mutex<Vec<Heard>>>) = (listener.local_addr().unwrap(), Arc::default());
        let heard = Arc::clone(&sessions);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(upstream).unwrap());
                [&near, &far].iter().for_each(|end| end.set_nodelay(true).unwrap());
                heard.lock().unwrap().push(Heard::default());
                let session = heard.lock().unwrap().len() - 1;
                carry(near.try_clone().unwrap(), far.try_clone().unwrap(), Some((Arc::clone(&heard), session)));
                carry(far, near, None);
            }
        });
        Tap { address, sessions }
    }

    /// Every request of the sessions that were heard so far and not asked for yet, in order; waits for their ends.
    fn requests(&self) -> Vec<Request> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.sessions.lock().unwrap().iter().all(|session| session.is_over) {
            assert!(Instant::now() < deadline, "a session with the gateway did not end with its process");
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut sessions = self.sessions.lock().unwrap();
        sessions.iter_mut().flat_map(|session| Tap::read(&std::mem::take(&mut session.bytes))).collect()
    }

    fn read(said: &[u8]) -> Vec<Request> {
        let Some(mut rest) = said.get(4..) else { return Vec::new() }; // after the greeting
        let mut frames = Vec::new();
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (frame, after) = body.split_at(u32::from_be_bytes(*length) as usize);
            frames.push(frame);
            rest = after;
        }
        // The first frame is the range of versions.
        frames[1..].iter().map(|frame| Request::decode(Codec::Protobuf(222), frame).unwrap()).collect()
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, heard: Option<(Arc<Mutex<Vec<Heard>>>, usize)>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if let Some((heard, session)) = &heard {
                heard.lock().unwrap()[*session].bytes.extend_from_slice(&bytes[..count]);
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        if let Some((heard, session)) = &heard {
            heard.lock().unwrap()[*session].is_over = true;
        }
    });
}

/// Orders and cancels among requests; a what-if asks and places nothing.
fn sent(requests: &[Request]) -> usize {
    let is_sent = |request: &&Request| match request {
        Request::PlaceOrder(place) => place.order.as_ref().and_then(|order| order.what_if) != Some(true),
        Request::CancelOrder(_) | Request::GlobalCancel(_) => true,
        _ => false,
    };
    requests.iter().filter(is_sent).count()
}

/// A stage on which every plan waits for a person, and its gateway.
fn waiting() -> (Stage, GatewayProcess) {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "mode: auto ", "mode: manual ");
    let gateway = stage.gateway("--record record.jsonl");
    (stage, gateway)
}

fn hash(stage: &Stage) -> String {
    let plan: Value = serde_json::from_str(&stage.ok(&format!("plan {DAY} --json"))).unwrap();
    plan["plan_hash"].as_str().unwrap().to_owned()
}

/// Orders in the broker's own record.
fn placed(stage: &Stage) -> usize {
    let record = read_record(&stage.path("record.jsonl")).unwrap();
    record.iter().filter(|entry| matches!(entry, Entry::Command { command: Command::Place { .. }, .. })).count()
}

fn at_the_control(gateway: &GatewayProcess, act: impl AsyncFnOnce(&mut RemoteControl)) {
    let control = gateway.address.split_whitespace().nth(3).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut control = RemoteControl::connect(control).await.unwrap();
        act(&mut control).await;
    });
}

#[test]
fn planning_sends_nothing_and_only_the_approved_plan_is_executed() {
    let (stage, gateway) = waiting();
    let tap = Tap::plug(gateway.api());
    let tapped = gateway.address.replace(&gateway.api().to_string(), &tap.address.to_string());

    let page = stage.ok(&format!("plan {DAY} {tapped}"));
    let asked = tap.requests();
    assert!(asked.len() > 20, "the tap hears the engine: {}", asked.len());
    assert_eq!(sent(&asked), 0, "planning sends nothing");
    let what_ifs = asked.iter().filter(|request| matches!(request, Request::PlaceOrder(_))).count();
    assert_eq!(what_ifs, 2, "the margin of each order is asked for");
    assert!(page.contains("Approval waits, nothing of it was sent yet\n  APPROVAL_MANUAL"), "{page}");

    let waits = stage.refused(&format!("run --once {DAY} {tapped}"));
    assert!(waits.starts_with("exit 5\n") && waits.contains("APPROVAL_MANUAL"), "{waits}");
    assert_eq!(sent(&tap.requests()), 0, "an engine without approval sends nothing");

    let plan = hash(&stage);
    let other = stage.refused("approve 00000000 --by ada --state-dir state --config config");
    assert!(other.contains("PLAN_OTHER"), "{other}");
    assert!(
        stage
            .ok(&format!("approve {} --by ada --state-dir state --config config", &plan[..8]))
            .contains("execute plan")
    );
    let days = stage.days(&format!("run --once {DAY} {tapped}"));
    assert!(sent(&tap.requests()) > 2, "and the same tap hears orders when they are sent");
    assert_eq!(days[0].plan_hash, plan);
    assert!(days[0].orders.iter().all(|order| order.status == "filled"), "{:?}", days[0].orders);
    let step = days[0].steps.iter().find(|step| step.name == "plan").unwrap();
    assert!(step.detail.contains("approved by ada"), "{}", step.detail);

    let over = stage.refused(&format!("approve {plan} --by ada --state-dir state --config config"));
    assert!(over.contains("PLAN_FINISHED"), "{over}");
}

#[test]
fn a_rejected_plan_ends_its_day_without_an_order() {
    let (stage, gateway) = waiting();
    stage.ok(&format!("plan {DAY} {}", gateway.address));
    let reject = format!("approve {} --reject drill --by ada --state-dir state --config config", hash(&stage));
    assert!(stage.ok(&reject).contains("send nothing of plan"));
    let days = stage.days(&format!("run --once {DAY} {}", gateway.address));
    assert_eq!(placed(&stage), 0);
    assert!(days[0].orders.iter().all(|order| order.status == "carried over"), "{:?}", days[0].orders);
    let step = days[0].steps.iter().find(|step| step.name == "plan").unwrap();
    assert!(step.detail.contains("PLAN_REJECTED"), "{}", step.detail);
}

#[test]
fn what_changed_since_the_plan_stops_it_with_a_code() {
    let (stage, gateway) = waiting();
    stage.ok(&format!("plan {DAY} {}", gateway.address));
    let approve = || stage.ok(&format!("approve {} --by ada --state-dir state --config config", hash(&stage)));
    approve();
    // The same settings but for one, and neither looser nor tighter.
    let settings = std::fs::read_to_string(stage.path("config/settings.yaml")).unwrap();
    stage.config("other", "settings.yaml", "passive_seconds: 60", "passive_seconds: 45");
    let other = settings.replacen("passive_seconds: 60", "passive_seconds: 45", 1);
    std::fs::write(stage.path("other/settings.yaml"), other).unwrap();
    let run = |options: &str| {
        stage.refused(&format!("run --once --date 2026-03-02 --state-dir state {options} {}", gateway.address))
    };
    let settings = run("--config other");
    assert!(settings.starts_with("exit 5\n") && settings.contains("PLAN_SETTINGS"), "{settings}");

    at_the_control(&gateway, async |control| {
        let trade = r#"{"external_trade": {"contract": "CSPX", "side": "BUY", "quantity": "10"}}"#;
        control.inject(serde_json::from_str::<Injection>(trade).unwrap()).await.unwrap();
    });
    let positions = run("--config config");
    assert!(positions.contains("PLAN_POSITIONS") && positions.contains("CSPX"), "{positions}");
    assert_eq!(placed(&stage), 0);
    // Another plan sees what is there: it has another content, and asks again.
    let before = hash(&stage);
    stage.ok(&format!("plan {DAY} --again --adopt-positions drill --by ada {}", gateway.address));
    assert_ne!(hash(&stage), before);
    assert!(run("--config config").contains("APPROVAL_MANUAL"), "the old approval is of other content");
}

#[test]
fn an_approval_that_comes_too_late_executes_nothing() {
    let (stage, gateway) = waiting();
    stage.ok(&format!("plan {DAY} {}", gateway.address));
    at_the_control(&gateway, async |control| {
        control.advance_to("2026-03-02T20:00:00Z".parse().unwrap()).await.unwrap()
    });
    stage.ok(&format!("approve {} --by ada --state-dir state --config config", hash(&stage)));
    let days = stage.days(&format!("run --once {DAY} {}", gateway.address));
    assert_eq!(placed(&stage), 0);
    let step = days[0].steps.iter().find(|step| step.name == "plan").unwrap();
    assert!(step.detail.contains("PLAN_EXPIRED"), "{}", step.detail);
}

#[test]
fn rules_approve_what_is_small_enough() {
    let stage = Stage::new();
    stage.config("config", "settings.yaml", "auto_increases_max_pct_nav: 1.00", "auto_increases_max_pct_nav: 0.20");
    let gateway = stage.gateway("--record record.jsonl");
    let waits = stage.refused(&format!("run --once {DAY} {}", gateway.address));
    assert!(waits.contains("APPROVAL_INCREASES"), "{waits}");
    assert_eq!(placed(&stage), 0);
}

/// A plan is of its prices: new risk does not go out far from them, and the refusal says so.
#[test]
fn prices_that_left_the_plan_s_collar_let_no_new_risk_out() {
    let (stage, gateway) = waiting();
    stage.ok(&format!("plan {DAY} {}", gateway.address));
    stage.ok(&format!("approve {} --by ada --state-dir state --config config", hash(&stage)));
    at_the_control(&gateway, async |control| {
        let shock = r#"{"market_shock": {"equity": "0.08", "volatility": "0"}}"#;
        control.inject(serde_json::from_str::<Injection>(shock).unwrap()).await.unwrap();
    });
    let days = stage.days(&format!("run --once {DAY} {}", gateway.address));
    assert_eq!(placed(&stage), 0, "{:?}", days[0].orders);
    assert_eq!(days[0].orders.len(), 2);
    let told = stage.ok("why-not CSPX --date 2026-03-02 --state-dir state");
    assert!(told.contains("PLAN_PRICE"), "{told}");
}

#[test]
fn a_plan_that_is_not_there_or_under_way_takes_no_approval() {
    let (stage, gateway) = waiting();
    let run = format!("run --once {DAY} {}", gateway.address);
    let approve = "--by ada --state-dir state --config config";
    assert!(stage.killed_at(&run, "append inputs before"));
    let nothing = stage.refused(&format!("approve 00000000 {approve}"));
    assert!(nothing.starts_with("exit 5\n") && nothing.contains("NO_PLAN"), "{nothing}");

    assert_eq!(stage.run(&run).code, 5, "it waits");
    let plan = hash(&stage);
    stage.ok(&format!("approve {plan} {approve}"));
    assert!(stage.killed_at(&run, "send place after"));
    for words in ["", "--reject late "] {
        let late = stage.refused(&format!("approve {plan} {words}{approve}"));
        assert!(late.starts_with("exit 5\n") && late.contains("PLAN_UNDER_WAY"), "{late}");
    }
    assert_eq!(stage.run(&run).code, 0, "what was approved is finished");
}
