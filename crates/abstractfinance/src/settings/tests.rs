use super::*;

#[test]
fn probe() {
    let cases: Vec<(&str, &str, &str)> = vec![
        ("pct", "vol_target_annual: 0.12", "vol_target_annual: 12"),
        ("pctsign", "vol_target_annual: 0.12", "vol_target_annual: 12%"),
        ("nan", "vol_target_annual: 0.12", "vol_target_annual: .nan"),
        ("halt", "halt_threshold_pct: 0.0025", "halt_threshold_pct: 0.25"),
        ("neg", "gross_leverage_max: 2.0", "gross_leverage_max: -2"),
        ("unknown", "gross_leverage_max: 2.0", "gros_leverage_max: 2.0"),
        ("dup", "fx:\n", "vol_target_annual: 0.1\nfx:\n"),
        ("dup2", "  funding: borrow", "  hedge_ratio: 1\n  funding: borrow"),
        ("missing", "  hedge_ratio: 1.0", ""),
        ("weights", "kind: pair\n    weight: 0.35", "kind: pair\n    weight: 0.3"),
        ("instr", "long: CSPX", "long: CSPY"),
        ("ref", "long: CSPX", "long: SPX"),
        ("same", "long: CSPX", "long: CS51"),
        ("sleevekey", "    short: CS51", "    shrt: CS51"),
        ("hedge", "EUR: M6E", "GBP: M6B"),
        ("hedge2", "EUR: M6E", "GBP: M6E"),
        ("hedge3", "EUR: M6E", "EUR: CS51"),
        ("base", "base_currency: USD", "base_currency: EUR"),
        ("ccy", "base_currency: USD", "base_currency: XXX"),
        ("exit", "vix_exit_crisis: 35", "vix_exit_crisis: 45"),
        ("mode", "mode: simulated", "mode: paper"),
        ("bool", "allow_market_orders: false", "allow_market_orders: no"),
        ("bool2", "allow_market_orders: false", "allow_market_orders: true"),
        ("etf", "    ETF: 10", "    ETF: 1000"),
        ("port", "port: 4000", "port: 70000"),
        ("zone", "zone: America/New_York", "zone: New York"),
        ("time", "run_at: \"06:00\"", "run_at: \"25:00\""),
        ("dur", "heartbeat: 15s", "heartbeat: 15"),
        ("dec", "cash_tolerance: \"1.00\"", "cash_tolerance: much"),
        ("negint", "warn_bps: 2", "warn_bps: -2"),
        ("syntax", "fx:\n", "fx\n"),
        ("tab", "  hedge_ratio", "\thedge_ratio"),
    ];
    let instruments = parse_instruments("instruments.yaml", BUILT_IN_INSTRUMENTS).unwrap();
    for (name, from, to) in cases {
        assert!(BUILT_IN_SETTINGS.contains(from), "{name}");
        let text = BUILT_IN_SETTINGS.replacen(from, to, 1);
        match parse_settings("settings.yaml", &text, &instruments) {
            Ok(_) => println!("=== {name}: ACCEPTED"),
            Err(error) => println!("=== {name}\n{error}"),
        }
    }
    println!("{}", parse_settings("settings.yaml", "", &instruments).unwrap_err());
    println!("{}", load(Some(Path::new("/nowhere"))).unwrap_err());
    for (from, to) in [
        ("IE00B5BMR087", "IE00B5BMR078"),
        ("tick: 0.0001", "tick: 0"),
        ("  future: cme_fx_quarterly\n", ""),
        ("kind: IND", "kind: INDEX"),
        ("SX5E:", "sx5e:"),
        ("CSPX:", "M6E:"),
    ] {
        println!("{}", parse_instruments("instruments.yaml", &BUILT_IN_INSTRUMENTS.replacen(from, to, 1)).unwrap_err());
    }
    println!("{}", serde_json::to_string_pretty(&schema()).unwrap().len());
}
