//! Runs workload W through the engine and beside it the hand-written loop that is the limit.
#![allow(clippy::disallowed_methods, reason = "reads a file and measures time; what it measures does neither")]

use backtest::workload::{Workload, hand_written};
use cycle::Setup;
use rayon::prelude::*;
use std::time::Instant;

fn main() {
    if let Err(problem) = run() {
        eprintln!("workload_w: {problem}");
        std::process::exit(2);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: workload_w FILE.bin [--reps N] [--threads N]";
    let file = arguments.first().ok_or(usage)?;
    let (mut reps, mut threads) = (5_usize, None);
    for option in arguments[1..].chunks(2) {
        let [flag, count] = option else { return Err(usage.into()) };
        let count: usize = count.parse().map_err(|_| usage)?;
        match flag.as_str() {
            "--reps" => reps = count,
            "--threads" => threads = Some(count),
            _ => return Err(usage.into()),
        }
    }
    let start = Instant::now();
    let workload = Workload::read(std::fs::File::open(file).map_err(|e| format!("{file}: {e}"))?)?;
    let setup = workload.setup();
    let outcome = workload.run(&setup);
    let whole_s = start.elapsed().as_secs_f64();
    if let Some(threads) = threads {
        println!("{}", sets(&workload, &setup, reps, threads)?);
        return Ok(());
    }
    let run_s = fastest(reps, || {
        std::hint::black_box(workload.run(&setup));
    });
    let limit_s = fastest(reps, || {
        std::hint::black_box(hand_written(&workload));
    });
    let (limit_nav, limit_trades) = hand_written(&workload);
    let agree = (limit_nav - outcome.nav.to_f64()).abs() < 1e-3 && limit_trades == outcome.trades;
    let days = workload.prices.dates.len();
    let report = serde_json::json!({
        "nav": format!("{:.6}", outcome.nav.amount()),
        "trades": outcome.trades,
        "whole_s": whole_s,
        "run_s": run_s,
        "limit_s": limit_s,
        "ratio": run_s / limit_s,
        "days_per_s": days as f64 / run_s,
        "peak_mb": peak_mb(),
        "agrees_with_limit": agree,
    });
    println!("{report}");
    if agree {
        Ok(())
    } else {
        Err(format!("the hand-written loop says {limit_nav:.6} and {limit_trades} trades").into())
    }
}

/// Many parameter sets at once: every run aims at a volatility of its own, so that no two do the same work.
fn sets(
    workload: &Workload,
    setup: &Setup,
    runs: usize,
    threads: usize,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let start = Instant::now();
    let one = |run: usize| {
        let mut own = setup.clone();
        own.policy.volatility.target = 0.06 + 0.12 * run as f64 / runs as f64;
        workload.run(&own).nav.to_f64()
    };
    let navs: Vec<f64> = pool.install(|| (0..runs).into_par_iter().map(one).collect());
    let seconds = start.elapsed().as_secs_f64();
    let best = navs.iter().copied().fold(f64::MIN, f64::max);
    Ok(serde_json::json!({
        "sets": runs, "threads": threads, "sets_s": seconds, "sets_per_s": runs as f64 / seconds,
        "best_nav": format!("{best:.6}"), "peak_mb": peak_mb(),
    }))
}

/// What else a machine does can only slow a run down, so the fastest of them is what the work takes.
fn fastest(reps: usize, mut run: impl FnMut()) -> f64 {
    let timed = (0..reps.max(1)).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// Largest resident set of this process; `null` where the system does not tell.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
