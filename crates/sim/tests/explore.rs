mod world;
use world::*;
use sim::*;
#[test]
fn explore() {
    for scenario in Scenario::ALL {
        for seed in 1..4 {
            let t0 = std::time::Instant::now();
            let mut w = simulated(scenario, seed);
            let build = t0.elapsed();
            let t0 = std::time::Instant::now();
            w.advance_to(at("2026-10-30T22:30:00Z"));
            let run = t0.elapsed();
            let last = |c, n: usize| w.bars(c, domain_date(), n).iter().map(|b| b.close.to_string()).collect::<Vec<_>>().join(" ");
            println!("{scenario} {seed} build {build:?} run {run:?} bars {}", w.bars(VIX, FIRST_DAY, 9999).len());
            let all: Vec<f64> = w.bars(VIX, domain_date(), 251).iter().map(|b| b.close.to_f64()).collect();
            println!("  vix min {:.1} max {:.1} first {:?}", all.iter().cloned().fold(99., f64::min), all.iter().cloned().fold(0., f64::max), &all[..14]);
            for c in [SPX, SX5E, EURUSD, CSPX, CS51, ACME] {
                let b = w.bars(c, domain_date(), 9999);
                let h: Vec<f64> = b.iter().filter(|b| b.date < FIRST_DAY).map(|b| b.close.to_f64()).collect();
                let l: Vec<f64> = b.iter().filter(|b| b.date >= FIRST_DAY).map(|b| b.close.to_f64()).collect();
                let vol = |x: &Vec<f64>| { let r: Vec<f64> = x.windows(2).map(|w| (w[1]/w[0]).ln()).collect(); let m = r.iter().sum::<f64>()/r.len() as f64; (r.iter().map(|x| (x-m)*(x-m)).sum::<f64>()/r.len() as f64*252.).sqrt()};
                println!("  {} n {} hist {:.2}..{:.2} vol {:.3}; live ..{:.2} vol {:.3}", c.0, b.len(), h[0], h[h.len()-1], vol(&h), l[l.len()-1], vol(&l));
            }
            let _ = last;
        }
    }
}
fn domain_date() -> jiff::civil::Date { jiff::civil::date(2027,1,1) }
#[test]
fn order() {
    let mut w = calm();
    for c in [CSPX, CS51, M6E, SPX, VIX, EURUSD] { println!("{} {:?}", c.0, w.quote(c)); }
    w.advance_to(at("2025-11-03T15:00:00Z"));
    for c in [CSPX, CS51, M6E, M6E_MARCH, SPX, SX5E, VIX, EURUSD, ACME] { println!("{} {:?}", c.0, w.quote(c)); }
    let q = w.quote(CSPX);
    w.place(1, limit(1, domain::Side::Buy, 3000, CSPX, q.ask.unwrap()));
    let q = w.quote(CS51);
    w.place(1, limit(2, domain::Side::Sell, 4800, CS51, q.bid.unwrap()));
    let q = w.quote(M6E);
    w.place(1, limit(3, domain::Side::Sell, 100, M6E, q.bid.unwrap()));
    let t0 = std::time::Instant::now();
    w.advance_to(at("2025-11-03T15:02:00Z"));
    println!("{:?}", t0.elapsed());
    println!("{}", told(&mut w));
    println!("{:#?}", w.account());
    let t0 = std::time::Instant::now();
    w.advance_to(at("2025-11-03T23:30:00Z"));
    println!("{:?}", t0.elapsed());
    println!("{}", told(&mut w));
    println!("{:#?}", w.account());
    let t0 = std::time::Instant::now();
    for _ in 0..1000 { std::hint::black_box(w.quote(M6E)); }
    println!("quote {:?}", t0.elapsed()/1000);
}
