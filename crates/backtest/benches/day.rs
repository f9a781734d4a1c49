//! One simulated decade of workload W: the whole engine beside the hand-written loop.

use backtest::workload::{Workload, hand_written};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn workload(n: usize, t: usize) -> Workload {
    let mut bytes = Vec::new();
    bytes.extend((n as u64).to_le_bytes());
    bytes.extend((t as u64).to_le_bytes());
    (0..n).for_each(|i| bytes.extend((if i % 3 == 0 { -1.0 } else { 1.0 } / n as f64).to_le_bytes()));
    let price = |row: usize, i: usize| ((row * 7919 + i * 104_729) % 2000 + 4000) as f64 / 100.0;
    for block in 0..2 {
        (0..t * n).for_each(|k| bytes.extend(price(k / n + block, k % n).to_le_bytes()));
    }
    Workload::parse(&bytes).expect("a well-formed workload")
}

fn day(c: &mut Criterion) {
    let workload = workload(76, 2520);
    let setup = workload.setup();
    c.bench_function("engine, 76 instruments, 2,520 days", |b| b.iter(|| black_box(workload.run(&setup))));
    c.bench_function("hand-written loop, the same", |b| b.iter(|| black_box(hand_written(&workload))));
}

criterion_group!(benches, day);
criterion_main!(benches);
