mod common;
#[path = "common/oracle.rs"]
mod oracle;
use common::{Stage, assert_tied_out};
#[test]
fn campaign() {
    let from: u64 = std::env::var("CF").unwrap().parse().unwrap();
    for seed in from..from + 25 {
        let scenario = ["crash", "spike", "decline", "calm"][seed as usize % 4];
        let stage = Stage::new();
        let line = format!("demo --days 6 --scenario {scenario} --seed {seed} --state-dir state");
        let mut x = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
        let mut kills = 0;
        for _ in 0..25 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let file = if x % 3 == 0 { "state/journal.db-wal" } else { "state/gateway.jsonl" };
            if stage.killed_once_grown(&line, file, (x >> 20) % if x % 3 == 0 { 60000 } else { 4000 }) {
                kills += 1;
            }
        }
        let told = stage.run(&format!("{line} --json"));
        if told.code != 0 {
            eprintln!("seed {seed} {scenario}: exit {} {}", told.code, told.err);
            std::mem::forget(stage);
            continue;
        }
        let days = common::reports(&told.out);
        let resumed = days.iter().filter(|d| d.resumed).count();
        let r = std::panic::catch_unwind(|| {
            days.iter().for_each(assert_tied_out);
            for d in &days {
                assert!(d.orders.iter().all(|o| o.filled == o.quantity), "{:?}", d.orders)
            }
            oracle::judge(&stage.path("state/gateway.jsonl"), &stage.path("state/journal.db"), &days)
        });
        eprintln!("seed {seed} {scenario}: {kills} kills, {resumed} resumed, {}", r.is_ok());
        if r.is_err() {
            std::mem::forget(stage);
        }
    }
}
