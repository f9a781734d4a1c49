//! The worlds a campaign kills in.
//!
//! In: a seed. Out: configuration, market, faults, dates. Invariant: together they reach every kind of point that the
//! program can reach in days like these.

use std::path::PathBuf;

/// Everything that makes the days of an episode.
#[derive(Clone, Debug)]
pub struct World {
    /// Its name in reports.
    pub name: &'static str,
    /// Configuration of the repository's examples; `None` for the built-in one.
    pub example: Option<&'static str>,
    /// Scenario and seed of the market.
    pub scenario: &'static str,
    /// Seed of the market.
    pub seed: u64,
    /// The gateway's script of faults: lines, or a number.
    pub faults: Faults,
    /// Trade dates.
    pub dates: &'static [&'static str],
    /// What a person says before the second date begins, as a command of the program.
    pub says: &'static [&'static [&'static str]],
}

/// What goes wrong at the broker.
#[derive(Clone, Debug)]
pub enum Faults {
    /// Nothing.
    None,
    /// What this number makes.
    Seed(u64),
    /// These lines.
    Script(&'static str),
}

const WEEK: &[&str] = &["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"];

/// A shock in the middle of the first afternoon, orders that are refused and ignored, cancels that cross fills.
const TROUBLE: &str = r#"
{"at": "2026-03-02T14:44:00Z", "inject": {"warn_next": {"code": 399, "text": "Warning: your order will not be placed until the open", "count": 2}}}
{"at": "2026-03-02T14:45:15Z", "inject": {"tell": {"how": "executions_twice"}}}
{"at": "2026-03-02T14:45:45Z", "inject": {"race_cancel": {"race": "filled_after"}}}
{"at": "2026-03-02T15:20:00Z", "inject": {"restart": {"count": 1}}}
{"at": "2026-03-03T14:44:00Z", "inject": {"ignore_next": {"count": 1, "working": true}}}
{"at": "2026-03-03T14:45:30Z", "inject": {"link_lost": {}}}
{"at": "2026-03-03T14:52:00Z", "inject": {"link_restored": {"data_lost": true}}}
{"at": "2026-03-03T15:10:00Z", "inject": {"market_shock": {"equity": "-0.06", "volatility": "1.5"}}}
{"at": "2026-03-04T14:44:00Z", "inject": {"ignore_next": {"count": 1, "working": false}}}
{"at": "2026-03-04T14:46:00Z", "inject": {"tell": {"how": "commissions_late"}}}
{"at": "2026-03-04T21:30:00Z", "inject": {"heal": {}}}
"#;

const SAYS: &[&[&str]] = &[
    &["reduce-only", "--reason", "a drill", "--by", "campaign"],
    &["resume", "--reason", "the drill is over", "--by", "campaign"],
];

/// The worlds of one seed.
pub fn worlds(seed: u64) -> Vec<World> {
    let world =
        |name, example, scenario, faults, says| World { name, example, scenario, seed, faults, dates: WEEK, says };
    vec![
        world("calm", None, "calm", Faults::None, SAYS),
        world("trouble", None, "decline", Faults::Script(TROUBLE), &[]),
        world("chance", Some("core-pair"), "crash", Faults::Seed(seed), SAYS),
    ]
}

impl World {
    /// Options of `gateway` and of `run` that make it; a script is written beside the record.
    pub fn options(&self, folder: &std::path::Path) -> std::io::Result<(Vec<String>, Vec<String>)> {
        let config: Vec<String> = self.example.map_or_else(Vec::new, |example| {
            let path: PathBuf = crate::repository().join("config/examples").join(example);
            vec!["--config".into(), path.display().to_string()]
        });
        let mut gateway = config.clone();
        gateway.extend(["--from", self.dates[0], "--scenario", self.scenario].map(String::from));
        gateway.extend(["--seed".to_owned(), self.seed.to_string()]);
        match self.faults {
            Faults::None => {}
            Faults::Seed(seed) => gateway.extend(["--faults".to_owned(), seed.to_string()]),
            Faults::Script(script) => {
                std::fs::write(folder.join("faults.jsonl"), script)?;
                gateway.extend(["--faults", "faults.jsonl"].map(String::from));
            }
        }
        gateway.extend(["--record", "record.jsonl"].map(String::from));
        Ok((gateway, config))
    }
}
