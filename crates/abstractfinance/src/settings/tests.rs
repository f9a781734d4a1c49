//! Configurations people write by mistake, and what they are told.
//!
//! In: files that come with the program, with one thing changed. Out: the refusal word for word. Invariant: no value that
//! is not a finite number in range gets through.

use super::instruments::ClientCategory;
use super::*;
use domain::{AssetClass, BasisPoints, Mic};
use jiff::civil::date;
use std::collections::BTreeMap;

mod schema;

/// The smallest example: what the mistakes are made in, because its lines fit a page.
pub(super) const CORE_PAIR: &str = include_str!("../../../../config/examples/core-pair/settings.yaml");

pub(super) fn core_pair() -> Loaded {
    load(Some(&examples().join("core-pair"))).expect("the example is accepted")
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples")
}

/// What the operator reads after one edit of the settings, with `#` for line numbers.
pub(super) fn refused(from: &str, to: &str) -> String {
    assert_eq!(CORE_PAIR.matches(from).count(), 1, "`{from}` is in the settings once");
    let text = CORE_PAIR.replace(from, to);
    let outcome = parse_settings("settings.yaml", &text, &core_pair().instruments);
    unnumbered(&text, &outcome.expect_err("the edit is refused"))
}

fn refused_instruments(from: &str, to: &str) -> String {
    let text = BUILT_IN_INSTRUMENTS.replacen(from, to, 1);
    unnumbered(&text, &parse_instruments("instruments.yaml", &text).expect_err("the edit is refused"))
}

/// A refusal with `#` for line numbers, once the line it shows was found at its number in the text that was read: the
/// built-in files grow, and no story is about where their lines are.
pub(super) fn unnumbered(text: &str, error: &ConfigError) -> String {
    let ConfigError::Refused(refusals) = error else { return error.to_string() };
    let told = refusals.iter().map(|refusal| {
        let (number, told) = (refusal.line, refusal.to_string());
        let line = text.lines().nth(number - 1).expect("the line exists");
        assert!(told.contains(&format!("\n {number} | {line}\n")), "line {number} is `{line}`: {told}");
        let margin = " ".repeat(number.to_string().len());
        let told = told.replacen(&format!(":{number}:"), ":#:", 1).replacen(&format!("\n {number} | "), "\n # | ", 1);
        told.replacen(&format!("\n {margin} | "), "\n   | ", 1)
    });
    told.collect::<Vec<String>>().join("\n\n")
}

#[test]
fn the_built_in_configuration_is_the_specification_s() {
    let Loaded { settings, sources, .. } = load(None).expect("the built-in configuration is accepted");
    assert_eq!(sources.settings.to_string(), "built in");
    let Sleeve::Pair { weight, long, short } = &settings.sleeves["core_index_rv"] else { panic!("a pair") };
    assert_eq!((*weight, long.as_str(), short.as_str()), (0.35, "CSPX", "CS51"));
    let weights: Vec<(&str, f64)> =
        settings.sleeves.iter().map(|(name, sleeve)| (name.as_str(), sleeve.weight())).collect();
    let budget = [
        ("cash_buffer", 0.05),
        ("core_index_rv", 0.35),
        ("credit_carry", 0.15),
        ("crisis_alpha", 0.05),
        ("sector_rv", 0.25),
        ("single_name", 0.15),
    ];
    assert_eq!(weights, budget);
    assert!(settings.sleeves.values().all(|sleeve| !matches!(sleeve, Sleeve::NotConfigured { .. })));
    assert_eq!(settings.risk_states.crisis, 0.3);
    assert_eq!(settings.execution.collar(AssetClass::EquityEtf), BasisPoints(10));
    assert_eq!(settings.execution.collar(AssetClass::FxFuture), BasisPoints(2));
    let london = settings.execution.window(Mic::Xlon);
    assert_eq!((london.preferred_from.to_string(), london.guard_open_minutes), ("14:45:00".to_owned(), 15));
}

#[test]
fn every_example_is_accepted_and_guards_as_the_default_does() {
    let default = load(None).unwrap().settings;
    for example in std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path()) {
        let settings = load(Some(&example)).unwrap_or_else(|error| panic!("{}: {error}", example.display())).settings;
        let section = |settings: &Settings, name: &str| serde_json::to_value(settings).unwrap()[name].clone();
        for name in ["reconciliation", "risk", "volatility", "hysteresis", "risk_states", "watchdog", "rolls", "data"] {
            assert_eq!(section(&settings, name), section(&default, name), "{}: {name}", example.display());
        }
    }
}

#[test]
fn the_table_holds_76_instruments_in_14_categories_and_what_they_refer_to() {
    let Loaded { instruments, .. } = core_pair();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, row) in instruments.iter() {
        let category = serde_json::to_value(row.category).unwrap();
        *counts.entry(category.as_str().unwrap().to_owned()).or_default() += 1;
    }
    let references = counts.remove("reference");
    assert_eq!((counts.len(), counts.values().sum::<usize>(), references), (14, 76, Some(7)));

    let row = |name: &str| instruments.get(name).unwrap_or_else(|| panic!("{name} is in the table"));
    assert_eq!(row("CS51").isin.as_deref(), Some("IE00B53L3W79"));
    let semi = row("SEMI");
    assert_eq!((semi.symbol.as_str(), semi.isin.as_deref()), ("SMH", Some("IE00BMC38736")));
    assert_eq!(row("SXR8").risk_currency(), domain::Currency::Usd);
    let pence: Vec<&str> = instruments
        .iter()
        .filter(|(_, row)| row.quote_unit == domain::QuoteUnit::Hundredth)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(pence, ["ISF", "IUKD", "Z"]);
    let barred = instruments.iter().filter(|(_, row)| row.client_category == Some(ClientCategory::Professional));
    assert!(barred.map(|(name, _)| name).eq(["HYG", "JNK", "SPY"]));
    for (name, row) in instruments.iter().filter(|(_, row)| row.tradable && row.kind == domain::InstrumentKind::Opt) {
        assert!(!row.is_holdable(), "{name} is a root, which nobody can hold");
    }
}

#[test]
fn rows_refer_to_rows_that_exist() {
    insta::assert_snapshot!(refused_instruments("short_proxy: FESX", "short_proxy: FESY"), @r"
    instruments.yaml:#:16: `CS51.short_proxy` is FESY, which is not in this table
     # |   short_proxy: FESY
       |                ^^^^
    did you mean `FESB`? Otherwise add a row there
    ");
    insta::assert_snapshot!(refused_instruments("short_proxy: FESX", "short_proxy: CSPX"), @r"
    instruments.yaml:#:16: `CS51.short_proxy` is CSPX, which is no future that is traded
     # |   short_proxy: CSPX
       |                ^^^^
    name a future with `tradable: true`
    ");
    insta::assert_snapshot!(refused_instruments("underlying: SX5E", "underlying: STOXX"), @r"
    instruments.yaml:#:15: `SX5E_OPT.underlying` is STOXX, which is not in this table
     # |   underlying: STOXX
       |               ^^^^^
    correct the name or add a row there
    ");
    insta::assert_snapshot!(refused_instruments("  underlying: SX5E\n", ""), @r"
    instruments.yaml:#:3: `SX5E_OPT.underlying` is missing, so nobody knows what the option is on
     # |   category: hedge_options
       |   ^
    add `underlying:` with the name of another row
    ");
    insta::assert_snapshot!(refused_instruments("  trading_class: FESX\n", "  isin: DE0005933931\n"), @r"
    instruments.yaml:#:9: `FESX.isin` is DE0005933931, but an ISIN decides which share or fund is meant, and this is neither
     # |   isin: DE0005933931
       |         ^^^^^^^^^^^^
    remove it, or mention it in `note`
    ");
}

#[test]
fn the_journal_s_text_depends_on_meaning_only() {
    let built_in = core_pair();
    let relaid = CORE_PAIR.replace("min_trade_notional_usd: \"2500\"", "min_trade_notional_usd: 2500.00 # dollars");
    let settings = parse_settings("settings.yaml", &relaid, &built_in.instruments).unwrap();
    let relaid = Loaded { settings, ..built_in.clone() };
    assert_eq!(relaid.canonical_json(), built_in.canonical_json());
    assert!(built_in.canonical_json().starts_with(r#"{"settings":{"mode":"simulated","vol_target_annual":0.12,"#));
}

#[test]
fn amounts_are_read_digit_by_digit() {
    let text = CORE_PAIR.replace("cash_tolerance: \"1.00\"", "cash_tolerance: 0.1234567890123456789012345");
    let settings = parse_settings("settings.yaml", &text, &core_pair().instruments).unwrap();
    assert_eq!(settings.reconciliation.cash_tolerance.to_string(), "0.1234567890123456789012345");
}

#[test]
fn a_share_in_percent_is_refused_with_the_fraction_that_was_meant() {
    insta::assert_snapshot!(refused("vol_target_annual: 0.12 ", "vol_target_annual: 12   "), @r"
    settings.yaml:#:20: `vol_target_annual` is 12, but 1 is the most it may be
     # | vol_target_annual: 12                 # yearly volatility the book is scaled to
       |                    ^^
    did you mean 0.12? Shares are written as fractions: 12 % is 0.12
    ");
    insta::assert_snapshot!(refused("vol_target_annual: 0.12 ", "vol_target_annual: 12%  "), @r"
    settings.yaml:#:20: `12%` is not a number
     # | vol_target_annual: 12%                # yearly volatility the book is scaled to
       |                    ^^^
    did you mean 0.12? Shares are written as fractions, without the sign
    ");
    insta::assert_snapshot!(refused("halt_threshold_pct: 0.0025", "halt_threshold_pct: 0.25"), @r"
    settings.yaml:#:23: `reconciliation.halt_threshold_pct` is 0.25, but 0.05 is the most it may be
     # |   halt_threshold_pct: 0.25          # by more: no new orders
       |                       ^^^^
    did you mean 0.0025? Shares are written as fractions: 0.25 % is 0.0025
    ");
}

#[test]
fn a_negative_limit_is_refused() {
    insta::assert_snapshot!(refused("gross_leverage_max: 2.0 ", "gross_leverage_max: -2  "), @r"
    settings.yaml:#:21: `gross_leverage_max` is -2, but 0.1 is the least it may be
     # | gross_leverage_max: -2                # long plus short notional, in multiples of NAV
       |                     ^^
    did you mean 2? Limits and losses are written without a sign
    ");
}

#[test]
fn what_is_believed_has_a_limit_that_cannot_be_slipped_or_left_out() {
    insta::assert_snapshot!(refused("    ETF: 0.15", "    ETF: 15"), @r"
    settings.yaml:#:10: `data.max_jump.etf` is 15, but 2 is the most it may be
     # |     ETF: 15
       |          ^^
    did you mean 0.15? Shares are written as fractions: 15 % is 0.15
    ");
    insta::assert_snapshot!(refused("    VOL_FUT: 1.50                     # VIX itself rose 116 % on 2018-02-05\n", ""), @r"
    settings.yaml:#:5: `VOL_FUT` is missing in this section
     # |     VOL_IND: 1.50
       |     ^^^^^^^
    add it; the built-in line is `VOL_FUT: 1.50`
    ");
    insta::assert_snapshot!(refused("second_reading_after: 3m", "second_reading_after: 1m"), @r"
    settings.yaml:#:25: `reconciliation.second_reading_after` is 1m, outside 180 to 3600 seconds
     # |   second_reading_after: 1m            # before a first comparison stops the day, the account is read again after this
       |                         ^^
    write a duration such as 15s or 10m
    ");
    insta::assert_snapshot!(refused("triangular_gap_bps: 20 ", "triangular_gap_bps: 0 "), @r"
    settings.yaml:#:23: `fx.triangular_gap_bps` is 0, but 1 is the least it may be
     # |   triangular_gap_bps: 0              # three pairs that are further apart stop new risk in their currencies
       |                       ^
    use 1 or more
    ");
}

#[test]
fn what_is_no_number_is_refused_in_every_spelling() {
    insta::assert_snapshot!(refused("vol_target_annual: 0.12 ", "vol_target_annual: .nan "), @r"
    settings.yaml:#:20: `vol_target_annual` is .nan, but the engine computes with finite numbers only
     # | vol_target_annual: .nan               # yearly volatility the book is scaled to
       |                    ^^^^
    write the number itself
    ");
    for spelling in [".NaN", "nan", "NaN", ".inf", "-.inf", "inf", "infinity", "1e999", "!!float .nan", "\".nan\"", "~"]
    {
        refused("vol_target_annual: 0.12 ", &format!("vol_target_annual: {spelling} "));
        refused("    weight: 0.35", &format!("    weight: {spelling}"));
    }
    // Not one number of the file may be a quoted or plain NaN.
    for (index, line) in CORE_PAIR.lines().enumerate() {
        let Some((key, value)) = line.split_once(": ") else { continue };
        if !value.starts_with(|c: char| c.is_ascii_digit()) || key.trim() == "host" {
            continue;
        }
        let mut lines: Vec<String> = CORE_PAIR.lines().map(str::to_owned).collect();
        lines[index] = format!("{key}: \".nan\"");
        let outcome = parse_settings("settings.yaml", &lines.join("\n"), &core_pair().instruments);
        let told = outcome.expect_err(&lines[index]).to_string();
        let in_sleeve = key.trim() == "weight";
        assert!(in_sleeve || told.starts_with(&format!("settings.yaml:{}:", index + 1)), "{told}");
    }
}

#[test]
fn keys_must_be_known_present_and_single() {
    insta::assert_snapshot!(refused("gross_leverage_max:", "gros_leverage_max:"), @r"
    settings.yaml:#:1: `gros_leverage_max` is not a key here
     # | gros_leverage_max: 2.0               # long plus short notional, in multiples of NAV
       | ^^^^^^^^^^^^^^^^^
    did you mean `gross_leverage_max`?
    ");
    insta::assert_snapshot!(refused("    short: CS51", "    shrt: CS51"), @r"
    settings.yaml:#:5: `shrt` is not a key here
     # |     shrt: CS51
       |     ^^^^
    did you mean `short`?
    ");
    let told = refused("  funding: borrow ", "  hedge_ratio: 0.5\n  funding: borrow ");
    let first = CORE_PAIR.lines().position(|line| line.starts_with("  hedge_ratio:")).unwrap() + 1;
    insta::assert_snapshot!(told.replace(&format!("line {first};"), "line #;"), @r"
    settings.yaml:#:3: `hedge_ratio` is written twice
     # |   hedge_ratio: 0.5
       |   ^^^^^^^^^^^
    the first one is on line #; remove one of them
    ");
    insta::assert_snapshot!(refused("  slope_window_days: 20 ", "  # "), @r"
    settings.yaml:#:3: `slope_window_days` is missing in this section
     # |   moderate_reduce_factor: 0.75        # and at signal -0.5
       |   ^^^^^^^^^^^^^^^^^^^^^^
    add it; the built-in line is `slope_window_days: 20`
    ");
}

#[test]
fn weights_must_add_up_to_one() {
    insta::assert_snapshot!(refused("    weight: 0.35", "    weight: 0.3"), @r"
    settings.yaml:#:3: `sleeves` has sleeve weights that add up to 0.95, not 1
     # |   core_index_rv:                      # long the US, short the euro area
       |   ^
    0.05 is missing; change one of the weights
    ");
}

#[test]
fn sleeves_and_hedges_name_instruments_that_exist_and_fit() {
    insta::assert_snapshot!(refused("long: CSPX", "long: CSPY"), @r"
    settings.yaml:#:11: `sleeves.core_index_rv.long` is CSPY, which is not in instruments.yaml
     # |     long: CSPY
       |           ^^^^
    did you mean `CSPX`? Otherwise add a row there
    ");
    insta::assert_snapshot!(refused("long: CSPX", "long: SPX"), @r"
    settings.yaml:#:11: `sleeves.core_index_rv.long` is SPX, which is a reference or an option
     # |     long: SPX
       |           ^^^
    name a share, fund or future of instruments.yaml that has `tradable: true`
    ");
    insta::assert_snapshot!(refused("EUR: M6E", "GBP: M6E"), @r"
    settings.yaml:#:10: `fx.hedges.GBP` is M6E, a future on EUR that does not hedge GBP
     # |     GBP: M6E
       |          ^^^
    name a currency future whose risk_currency is GBP, or remove GBP from `fx.hedges`
    ");
    insta::assert_snapshot!(refused("base_currency: USD", "base_currency: EUR"), @r"
    settings.yaml:#:18: `fx.base_currency` is EUR, but hedges exist for a USD account only
     # |   base_currency: EUR                  # NAV and limits are counted in it
       |                  ^^^
    set `base_currency: USD`
    ");
}

#[test]
fn settings_must_be_consistent_with_each_other() {
    insta::assert_snapshot!(refused("vix_exit_crisis: 35", "vix_exit_crisis: 45"), @r"
    settings.yaml:#:20: `hysteresis.vix_exit_crisis` is 45, not below `vix_enter_crisis`, which is 40
     # |   vix_exit_crisis: 45
       |                    ^^
    leave a regime at a calmer level than you enter it
    ");
    insta::assert_snapshot!(refused("max_drawdown_pct: 0.10", "max_drawdown_pct: 0.08"), @r"
    settings.yaml:#:19: `max_drawdown_pct` is 0.08, but `hysteresis.drawdown_enter_crisis` is 0.1
     # | max_drawdown_pct: 0.08                # a loss from the high this deep forces the crisis state (as in `hysteresis`)
       |                   ^^^^
    both are the loss that starts a crisis; write the same value twice
    ");
    insta::assert_snapshot!(refused("second_source: none ", "second_source: yahoo"), @r"
    settings.yaml:#:3: `fx` compares the simulated market's rates with Yahoo's of the real one
     # |   base_currency: USD                  # NAV and limits are counted in it
       |   ^
    set `second_source: none`, or leave `mode: simulated`
    ");
    insta::assert_snapshot!(refused("mode: simulated ", "mode: paper "), @r"
    settings.yaml:#:3: `broker` has no paper account, whose id begins with DU
     # |   host: 127.0.0.1
       |   ^
    set `account`, or `mode: simulated`
    ");
}

#[test]
fn a_screen_on_simulated_fundamentals_is_refused_at_its_key_with_both_ways_out() {
    let paper =
        BUILT_IN_SETTINGS.replace("mode: simulated ", "mode: paper ").replace("account: null ", "account: DU1 ");
    let instruments = load(None).expect("the built-in configuration is accepted").instruments;
    let refused = parse_settings("settings.yaml", &paper, &instruments).expect_err("it needs a decision");
    insta::assert_snapshot!(unnumbered(&paper, &refused), @r"
    settings.yaml:#:19: `sleeves.single_name.fundamentals` is simulated, and companies that are made up are for `mode: simulated` alone
     # |     fundamentals: simulated           # or the folder of a catalogue with a `fundamentals` table
       |                   ^^^^^^^^^
    name the folder of a catalogue with real ones, or leave the share of this sleeve in cash: `single_name: {kind: not_configured, weight: 0.15}`
    ");
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let told = refused("    long: CSPX\n    short: CS51", "    long: VTI\n    short: EZU");
    assert_eq!(told.matches("which is not in instruments.yaml").count(), 2, "{told}");
}

#[test]
fn values_that_cannot_be_read_show_the_usual_form() {
    insta::assert_snapshot!(refused("heartbeat: 15s", "heartbeat: soon"), @r#"
    settings.yaml:#:14: `soon` cannot be read here: failed to parse input in the "friendly" duration format: expected duration to start with a unit value (a decimal integer) after an optional sign, but no integer was found
     # |   heartbeat: soon                      # silence after which the connection counts as lost
       |              ^^^^
    the built-in line is `heartbeat: 15s`
    "#);
    insta::assert_snapshot!(refused("\nfx:\n", "\nfx\n"), @r"
    settings.yaml:#:1: simple key expected ':'
     # | fx
       | ^
    the built-in line is `fx:`
    ");
}

#[test]
fn instrument_facts_are_checked() {
    insta::assert_snapshot!(refused_instruments("IE00B5BMR087", "IE00B5BMR078"), @r"
    instruments.yaml:#:9: `CSPX.isin` is IE00B5BMR078, whose check digit does not fit
     # |   isin: IE00B5BMR078
       |         ^^^^^^^^^^^^
    compare it with the fund's factsheet, digit by digit
    ");
    insta::assert_snapshot!(refused_instruments("  future: cme_fx_quarterly\n", ""), @r"
    instruments.yaml:#:3: `M6E.future` is missing, so the contracts are not known
     # |   category: fx_futures
       |   ^
    add `future:` with one of cme_fx_quarterly, cme_index_quarterly, index_quarterly, index_monthly, eurex_bond_quarterly, volatility_monthly
    ");
    insta::assert_snapshot!(refused_instruments("tick: 0.0001", "tick: 0"), @r"
    instruments.yaml:#:9: `0` cannot be read here: a price must be above zero, got 0
     # |   tick: 0
       |         ^
    check the spelling, the indentation and the colons around this line
    ");
}

#[test]
fn a_directory_without_settings_is_refused_and_one_without_a_table_uses_the_one_built_in() {
    let dir = tempfile::tempdir().unwrap();
    let message = load(Some(dir.path())).unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message, @"cannot read DIR/settings.yaml: No such file or directory (os error 2). A configuration directory holds settings.yaml, and instruments.yaml if the table differs from the one built in; without one the built-in configuration is used.");
    std::fs::write(dir.path().join(INSTRUMENTS_FILE), BUILT_IN_INSTRUMENTS).unwrap();
    std::fs::write(dir.path().join(SETTINGS_FILE), "").unwrap();
    let message = load(Some(dir.path())).unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message, @r"
    DIR/settings.yaml: the file holds nothing
    write every key, as the built-in configuration does
    ");
}

#[test]
fn the_universe_holds_the_contracts_of_the_run_and_two_to_roll_into() {
    let calendars = crate::calendars::built_in(|_| true);
    let instruments = core_pair().instruments;
    let universe_of = |from, to| universe(&instruments, &calendars, from, to);

    let august_2015 = universe_of(date(2015, 8, 17), date(2015, 8, 28)).unwrap();
    let of = |instrument: &str| -> Vec<&str> {
        let contracts = august_2015.contracts_of(august_2015.find_instrument(instrument).unwrap());
        contracts.map(|id| august_2015.contract(id).name.as_str()).collect()
    };
    assert_eq!(of("CSPX"), ["CSPX"]);
    assert_eq!(of("M6E"), ["M6E_20150914", "M6E_20151214"]);
    assert_eq!(of("VX"), ["VX_20150819", "VX_20150916", "VX_20151021"]);
    assert_eq!(of("SPX_OPT"), [""; 0], "its chain is the broker's to name");
    let m6e = august_2015.instrument_of(august_2015.find_contract("M6E_20150914").unwrap());
    assert_eq!((m6e.multiplier, m6e.tick.to_string()), (12_500, "0.0001".to_owned()));
    assert!(universe_of(date(2025, 10, 1), date(2025, 12, 1)).unwrap().find_contract("M6E_20251215").is_some());

    let refusal = universe_of(date(2027, 12, 1), date(2027, 12, 30)).unwrap_err().to_string();
    insta::assert_snapshot!(refusal, @"the calendar of CMES ends on 2027-12-31, before any contract of 6B that outlives 2027-12-30; end the run earlier");
}

#[test]
fn statements_are_off_or_whole_and_their_token_travels_unseen() {
    let of = |url: &str, query: &str| {
        let section = format!("statements: {{url: \"{url}\", query_id: \"{query}\", token_file: /run/flex-token}}");
        CORE_PAIR.replace("statements: null", &section)
    };
    let read = |text: &str| parse_settings("settings.yaml", text, &core_pair().instruments);
    assert!(core_pair().settings.broker.statements.is_none());
    let service = "https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService";
    let settings = read(&of(service, "123456")).unwrap();
    assert_eq!(settings.broker.statements.unwrap().query_id, "123456");
    let told = |text: &str| read(text).unwrap_err().to_string();
    assert!(told(&of("http://flex.example", "123456")).contains("which would send the token for everybody to read"));
    assert!(told(&of(service, "my query")).contains("which is no query id"));
    insta::assert_snapshot!(refused("pause_ms: 500", "pause_ms: 5"), @r"
    settings.yaml:#:15: `data.yahoo.pause_ms` is 5, but 100 is the least it may be
     # |     pause_ms: 5                     # between two questions
       |               ^
    use 100 or more
    ");
}
