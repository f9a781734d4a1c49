//! The configuration as a journal keeps it, so that a day can be decided again on any machine.
//!
//! In: a checked configuration, or the bytes of one. Out: the other. Invariant: equal configurations give equal bytes;
//! where a machine keeps its journal is none of them.

use super::{Instruments, Loaded, Settings, Source, Sources, Universes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything a decision is made under.
#[derive(Serialize, Deserialize)]
struct Recorded {
    settings: Settings,
    instruments: Instruments,
    universes: Universes,
}

impl Loaded {
    /// The bytes.
    pub fn recorded(&self) -> String {
        let Loaded { mut settings, instruments, universes, .. } = self.clone();
        (settings.journal.database_url, settings.journal.password_file) = (None, None);
        serde_json::to_string(&Recorded { settings, instruments, universes }).expect("finite numbers and text keys")
    }

    /// The configuration in such bytes, and what is not in this program's shape when it cannot be read.
    pub fn read_back(text: &str) -> Result<Loaded, String> {
        let Recorded { settings, instruments, universes } =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let sources = Sources { settings: Source::Journal, instruments: Source::Journal };
        Ok(Loaded { settings, instruments, universes, sources })
    }
}

/// Every value of a configuration by its path, such as `volatility.ewma_span`; for comparing two.
pub fn values(text: &str) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, into: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, field)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, field, into);
            }),
            leaf => into.push((path.to_owned(), leaf.to_string())),
        }
    }
    let mut all = Vec::new();
    walk("", &serde_json::from_str(text).unwrap_or(Value::Null), &mut all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load;

    #[test]
    fn a_configuration_reads_back_from_its_bytes_and_from_nothing_else() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/examples/core-pair");
        for loaded in [load(None).unwrap(), load(Some(std::path::Path::new(dir))).unwrap()] {
            let again = Loaded::read_back(&loaded.recorded()).unwrap();
            assert_eq!(again.recorded(), loaded.recorded());
            assert_eq!(again.instruments, loaded.instruments);
            assert_eq!(again.universes, loaded.universes);
        }
        assert!(Loaded::read_back("{}").is_err());
    }
}
