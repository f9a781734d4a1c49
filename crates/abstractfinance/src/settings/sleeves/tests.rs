//! Stories of sleeves in settings: screens with their universes, and baskets.
//!
//! In: edits of the smallest example. Out: what is loaded, or the refusal a person reads. Invariant: one
//! instrument per ISIN.

use super::super::tests::{CORE_PAIR, core_pair, refused, unnumbered};
use super::super::*;

const SCREEN: &str = "single_name:
    kind: factor_screen
    weight: 0.15
    long: {universe: us_large, factors: {quality: 0.50, momentum: 0.30, size: 0.20}}
    short: {universe: eu_large, factors: {zombie: 0.50, weakness: 0.30, sector: 0.20}}
    sectors: [banks]
    top_n: 10
    winsor_tail: 0.05
    min_universe: 15
    min_factor_weight: 0.5
    rescreen: monthly
    fundamentals: simulated
    last_good_days: 10
    allow_fallback: false
    fallback: {long: [CSPX], short: [CS51]}
";

/// The example with a screen in it, and one edit of the screen; and what becomes of them in a directory.
fn screened(from: &str, to: &str) -> (String, Result<Loaded, ConfigError>) {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(SCREEN.matches(from).count(), 1, "{from}");
    let sleeve = SCREEN.replace(from, to);
    let text = CORE_PAIR.replace("single_name: {kind: not_configured, weight: 0.15}", &sleeve);
    std::fs::write(dir.path().join(SETTINGS_FILE), &text).unwrap();
    (text, load(Some(dir.path())))
}

#[test]
fn a_universe_brings_its_stocks_along_and_a_stock_of_the_table_stays_what_it_is() {
    let loaded = screened("banks", "banks").1.unwrap();
    assert_eq!(loaded.sources.instruments, Source::BuiltIn);
    let members = &loaded.universes["eu_large"];
    assert!(members.len() > 50 && members.iter().all(|member| loaded.instruments.get(&member.instrument).is_some()));

    let dir = tempfile::tempdir().unwrap();
    let airline = BUILT_IN_INSTRUMENTS.replacen(
        "CSPX:",
        "LUFTHANSA:\n  category: eu_single_name\n  kind: STK\n  isin: DE0008232125\nCSPX:",
        1,
    );
    let facts = "  description: Lufthansa\n  symbol: LHA\n  exchange: SMART\n  currency: EUR\n  quote_unit: major\n  multiplier: 1\n  tick: 0.002\n  lot: 1\n  mic: XETR\n  asset_class: stock\n  tradable: true\n";
    let airline = airline.replacen("  isin: DE0008232125\n", &format!("  isin: DE0008232125\n{facts}"), 1);
    let text = CORE_PAIR.replace("single_name: {kind: not_configured, weight: 0.15}", SCREEN);
    std::fs::write(dir.path().join(SETTINGS_FILE), text).unwrap();
    std::fs::write(dir.path().join(INSTRUMENTS_FILE), airline).unwrap();
    let loaded = load(Some(dir.path())).unwrap();
    let member = loaded.universes["eu_large"].iter().find(|member| member.id == "LHA.DE").unwrap();
    assert_eq!(member.instrument, "LUFTHANSA", "one instrument per ISIN");
    assert!(loaded.instruments.get("LHA.DE").is_none());
}

#[test]
fn a_screen_that_cannot_be_run_with_is_refused() {
    let refused = |from: &str, to: &str| {
        let (text, outcome) = screened(from, to);
        let message = unnumbered(&text, &outcome.unwrap_err());
        message.split_once("settings.yaml:").map_or(message.clone(), |(_, rest)| rest.to_owned())
    };
    insta::assert_snapshot!(refused("us_large", "us_small"), @r"
    universe/us_small.csv: there is no such file beside the settings; built in are us_large, eu_large
    ");
    insta::assert_snapshot!(refused("quality: 0.50", "quality: 0.60"), @r"
    #:41: `sleeves.single_name.long.factors` has share weights that add up to 1.1, not 1
     # |     long: {universe: us_large, factors: {quality: 0.60, momentum: 0.30, size: 0.20}}
       |                                         ^
    0.1 is too much; change one of the weights
    ");
    insta::assert_snapshot!(refused("long: [CSPX]", "long: [SPX]"), @r"
    #:22: `sleeves.single_name.fallback.long` holds `SPX`, which a sleeve cannot
     # |     fallback: {long: [SPX], short: [CS51]}
       |                      ^
    name a share, fund or future of instruments.yaml that has `tradable: true`
    ");
    insta::assert_snapshot!(refused("winsor_tail: 0.05", "winsor_tail: 5"), @r"
    #:18: `sleeves.single_name.winsor_tail` is 5, but 0.25 is the most it may be
     # |     winsor_tail: 5
       |                  ^
    did you mean 0.05? Shares are written as fractions: 5 % is 0.05
    ");
}

#[test]
fn baskets_are_halves_of_their_sleeve() {
    let basket = "sector_rv: {kind: long_short_baskets, weight: 0.25, long: [CSPX], short: {CS51: 1.0}}";
    let old = "sector_rv: {kind: not_configured, weight: 0.25}";
    let settings = parse_settings("settings.yaml", &CORE_PAIR.replace(old, basket), &core_pair().instruments);
    let Sleeve::LongShortBaskets { long, short, .. } = &settings.unwrap().sleeves["sector_rv"] else {
        panic!("halves")
    };
    assert_eq!((long.shares(), short.shares()), (vec![("CSPX", 1.0)], vec![("CS51", 1.0)]));
    insta::assert_snapshot!(refused(old, &basket.replace("[CSPX]", "[CSPX, CSPX]")), @r"
    settings.yaml:#:61: `sleeves.sector_rv.long` is empty or names an instrument twice
     # |   sector_rv: {kind: long_short_baskets, weight: 0.25, long: [CSPX, CSPX], short: {CS51: 1.0}}      # holds nothing, and the plan says so
       |                                                             ^
    name each instrument once, and one at least
    ");
    insta::assert_snapshot!(refused(old, &basket.replace("CS51: 1.0", "CS51: 0.9")), @r"
    settings.yaml:#:76: `sleeves.sector_rv.short` has member weights that add up to 0.9, not 1
     # |   sector_rv: {kind: long_short_baskets, weight: 0.25, long: [CSPX], short: {CS51: 0.9}}      # holds nothing, and the plan says so
       |                                                                            ^
    0.1 is missing; change one of the weights
    ");
}

#[test]
fn a_slip_in_a_sleeve_is_shown_where_it_is() {
    insta::assert_snapshot!(refused("weight: 0.35", "weight: 35%"), @r"
    settings.yaml:#:13: `35%` is not a number
     # |     weight: 35%
       |             ^^^
    did you mean 0.35? Shares are written as fractions, without the sign
    ");
    let old = "sector_rv: {kind: not_configured, weight: 0.25}";
    insta::assert_snapshot!(refused(old, "sector_rv: {kind: not_configured, weight: 0.2S}"), @r"
    settings.yaml:#:45: `0.2S` is not a number
     # |   sector_rv: {kind: not_configured, weight: 0.2S}      # holds nothing, and the plan says so
       |                                             ^^^^
    check the spelling, the indentation and the colons around this line
    ");
}
