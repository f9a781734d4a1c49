//! The worlds a campaign kills in.
//!
//! In: a seed. Out: configuration, market, faults, dates. Invariant: together they reach every kind of point that the
//! program can reach in days like these.

use std::path::{Path, PathBuf};

/// Everything that makes the days of an episode.
#[derive(Clone, Debug)]
pub struct World {
    /// Its name in reports.
    pub name: &'static str,
    /// Configuration of the repository's examples; `None` for the built-in one.
    pub example: Option<&'static str>,
    /// What its settings say otherwise: a text and what stands for it.
    pub otherwise: &'static [(&'static str, &'static str)],
    /// Scenario and seed of the market.
    pub scenario: &'static str,
    /// Seed of the market.
    pub seed: u64,
    /// The gateway's script of faults: lines, or a number.
    pub faults: Faults,
    /// Trade dates; on the last one nobody disturbs, so that both sides agree in the end whatever happened.
    pub dates: &'static [&'static str],
    /// What a person says before the second date begins, the third and so on, as commands of the program.
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

const WEEK: &[&str] = &["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"];
/// The days around a roll.
const ROLL: &[&str] = &["2026-03-06", "2026-03-09", "2026-03-10", "2026-03-11"];

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

/// Sessions that end while orders are out, an account that cannot be read when the engine is back, fills that come slowly.
const NARROW: &str = r#"
{"at": "2026-03-06T14:46:10Z", "inject": {"disconnect": {}}}
{"at": "2026-03-09T14:45:40Z", "inject": {"account_not_ready": {}}}
{"at": "2026-03-09T14:45:50Z", "inject": {"disconnect": {}}}
{"at": "2026-03-09T14:47:00Z", "inject": {"heal": {}}}
"#;

/// Few orders of a contract a day, none that crosses the spread at once, and a future that is rolled within the week.
const FEW_AND_PATIENT: &[(&str, &str)] = &[
    ("short: CS51", "short: FESX"),
    ("max_orders_per_contract_side: 100", "max_orders_per_contract_side: 3"),
    ("default_policy: marketable_limit", "default_policy: passive_then_cross"),
];

/// What was latched or tightened on a date is loosened for the next.
const GO_ON: &[&[&str]] = &[RESUME, RESUME, RESUME];
const RESUME: &[&str] = &["resume", "--reason", "looked at", "--by", "campaign"];

const SAYS: &[&[&str]] = &[
    &["reduce-only", "--reason", "a drill", "--by", "campaign"],
    &["resume", "--reason", "the drill is over", "--by", "campaign"],
];

/// The worlds of one seed.
pub fn worlds(seed: u64) -> Vec<World> {
    let world = |name, example, scenario, faults, says| World {
        name,
        example,
        otherwise: &[],
        scenario,
        seed,
        faults,
        dates: WEEK,
        says,
    };
    let narrow = world("narrow", Some("core-pair"), "decline", Faults::Script(NARROW), GO_ON);
    vec![
        world("calm", None, "calm", Faults::None, SAYS),
        world("trouble", None, "decline", Faults::Script(TROUBLE), &[]),
        world("chance", Some("core-pair"), "crash", Faults::Seed(seed), SAYS),
        World { otherwise: FEW_AND_PATIENT, dates: ROLL, ..narrow },
    ]
}

impl World {
    /// The dates on which engines die.
    pub fn disturbed(&self) -> &'static [&'static str] {
        &self.dates[..self.dates.len() - 1]
    }

    /// The date on which nobody disturbs.
    pub fn last(&self) -> &'static str {
        self.dates[self.dates.len() - 1]
    }

    /// Options of `gateway` and of `run` that make it; a script is written beside the record.
    pub fn options(&self, folder: &Path) -> std::io::Result<(Vec<String>, Vec<String>)> {
        let config: Vec<String> = match self.example {
            None => Vec::new(),
            Some(example) => vec!["--config".into(), self.config(example, folder)?.display().to_string()],
        };
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
    /// The folder of an example, or one of its own where the settings say something else.
    fn config(&self, example: &str, folder: &Path) -> std::io::Result<PathBuf> {
        let path = crate::repository().join("config/examples").join(example);
        if self.otherwise.is_empty() {
            return Ok(path);
        }
        let (own, mut text) = (folder.join("config"), std::fs::read_to_string(path.join("settings.yaml"))?);
        for (from, to) in self.otherwise {
            assert!(text.contains(from), "the settings of {example} no longer say {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::create_dir(&own)?;
        std::fs::write(own.join("settings.yaml"), text)?;
        Ok(own)
    }
}
